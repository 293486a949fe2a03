"""Putting a message on a channel layer within a bound, and saying so when there was no room.

Always on the layer itself, at once: channels would hold a Channel.send() of a view until the
consumer ends, and then let the worker die of a full channel (channels/message.py:79-118).
"""

from __future__ import unicode_literals

import logging
import time

from channels_async import frame_rules, http_rules, uploading, wire
from channels_async._py23 import monotonic
from channels_async.patience import Patience

logger = logging.getLogger('channels_async.client')

FIRST_PAUSE = 0.005  # seconds; a server that is alive makes room in milliseconds
LONGEST_PAUSE = 0.05  # seconds; what channels itself waits between two tries (channels/handler.py:362)


class NotSent(Exception):
    """An operation could not be put on the layer. The text says why.

    It will not be done; unless the connection to the layer broke in the very moment of sending, when nobody
    knows whether it was sent.
    """


class Clock(object):
    """What sending needs of time; tests bring their own."""

    now = staticmethod(time.time)  # epoch seconds
    monotonic = staticmethod(monotonic)
    sleep = staticmethod(time.sleep)

    def __init__(self):
        self.patience = Patience()


CLOCK = Clock()


def send(layer, channel, message, bound, clock=CLOCK, patience=None):
    """Send, and while the channel is full try again for `bound` seconds, or what a Patience leaves of them.

    Raises layer.ChannelFull when there was no room, and whatever else the layer raises at once.
    """
    full = getattr(layer, 'ChannelFull', ())
    begun, slept, pause = clock.monotonic(), 0.0, FIRST_PAUSE
    if patience is not None:
        bound = patience.left(bound, begun)
    while True:
        try:
            return layer.send(channel, message)
        except full:
            # The sum of the pauses bounds the waiting even where the clock can be set back.
            left = bound - max(slept, clock.monotonic() - begun)
            if left <= 0:
                raise
            pause = min(pause, left)
            clock.sleep(pause)
            if patience is not None:
                patience.spend(pause)
            slept += pause
            pause = min(pause * 2, LONGEST_PAUSE)


def hand_off(layer, reply_channel, fields, tell, settings, clock=CLOCK):
    """Put an operation on the request channel, or send the reason why not to the reply channel.

    fields  of wire.encode, but for what is known only here
    tell    called without arguments: the response's headers as a list of (bytes, bytes)

    Raises nothing: whatever fails, the worker goes on and the browser is told, if it can be.
    """
    try:
        response_headers = tell()
        _encoded(reply_channel, fields, clock, response_headers)
    except Exception:
        logger.exception('operation %s: the response has headers that cannot be sent', fields['id'])
        reason = 'the operation could not be passed on'
        _refuse(layer, reply_channel, fields, [], settings, 500, reason, clock)
        return
    try:
        _put(layer, reply_channel, fields, settings, clock, response_headers)
    except Exception as error:
        status, reason = _why(layer, fields, settings, error)
        _refuse(layer, reply_channel, fields, response_headers, settings, status, reason, clock)


def send_off(layer, reply_channel, fields, settings, clock=CLOCK):
    """Put an operation on the request channel whose answer goes elsewhere. Raises NotSent.

    fields  of wire.encode, but for what is known only here
    """
    _encoded(reply_channel, fields, clock)
    try:
        _put(layer, reply_channel, fields, settings, clock)
    except Exception as error:
        raise NotSent('operation {}: {}'.format(fields['id'], _why(layer, fields, settings, error)[1]))


def cancel(layer, reply_channel, settings, clock=CLOCK):
    """Tell the servers that the browser of a reply channel has gone. Raises nothing: what is lost is work."""
    channel = settings.channel + wire.CANCEL_SUFFIX
    try:
        # What is asked for later on the same connection goes on.
        _send_soon(layer, channel, {'reply_channel': reply_channel, 'sent_at': clock.now()}, settings, clock)
    except Exception as error:
        logger.warning('operations for %s go on, as %s takes no message: %s', reply_channel, channel, error)


def _send_soon(layer, channel, message, settings, clock):
    send(layer, channel, message, settings.send_timeout, clock, clock.patience)


def _encoded(reply_channel, fields, clock, response_headers=()):
    return wire.encode(
        reply_channel=reply_channel, response_headers=response_headers, sent_at=clock.now(), **fields
    )


def _put(layer, reply_channel, fields, settings, clock, response_headers=()):
    """Send the operation, a large body before it on a channel of its own."""
    def bounded(channel, message):
        _send_soon(layer, channel, message, settings, clock)

    fields = uploading.put_apart(layer, fields, bounded)
    bounded(settings.channel, _encoded(reply_channel, fields, clock, response_headers))


def _why(layer, fields, settings, error):
    """(status, reason) of an operation that could not be sent; the log has the details."""
    if isinstance(error, uploading.NoRoom):
        logger.error('operation %s: %s', fields['id'], error)
        return 413, "the request's body is too large to be passed on"
    if isinstance(error, getattr(layer, 'ChannelFull', ())):
        logger.warning('operation %s: %s is full', fields['id'], settings.channel)
        return 503, 'too many operations are waiting; try again later'
    if isinstance(error, getattr(layer, 'MessageTooLarge', ())):
        logger.error('operation %s: too large for the channel layer', fields['id'])
        return 500, 'the operation is too large to be passed on'
    logger.error('operation %s: the channel layer failed', fields['id'], exc_info=True)
    return 503, 'operations cannot be passed on at the moment; try again later'


def _refuse(layer, reply_channel, fields, response_headers, settings, status, reason, clock):
    """Answer instead of the server. To a browser, the session's cookies still go out with it."""
    retry_after = settings.retry_after if status == 503 else None
    if fields.get('reply_format') == 'websocket':
        message = frame_rules.error_frame(status, reason, fields['id'], retry_after)
    else:
        status, headers, body = http_rules.error_response(
            status, reason, fields['id'], retry_after, response_headers
        )
        message = {
            'status': status,
            'headers': [list(pair) for pair in headers],
            'content': b'' if fields['head'] else body,
            'more_content': False,
        }
        if fields.get('reply_format') == 'message':
            message.update(id=fields['id'], operation=fields['operation'], index=0, error=reason)
    try:
        _send_soon(layer, reply_channel, message, settings, clock)
    except Exception:
        # Nobody can be told; daphne answers a browser 503 itself after its timeout.
        logger.exception('operation %s: who waits for it could not be told', fields['id'])
