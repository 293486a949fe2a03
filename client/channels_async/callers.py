"""Who asks: a view or a consumer, and how each gets its answer."""

from __future__ import unicode_literals

import logging

from channels_async import conf
from channels_async._py23 import text

logger = logging.getLogger('channels_async.client')


class ViewCaller(object):
    """A view with a request of Django, under channels or WSGI or in a test."""

    def __init__(self, request):
        self._request = request
        self.method = request.method
        self.accept_encoding = _latin(request.META.get('HTTP_ACCEPT_ENCODING'))

    def answer(self, fields):
        """A response: sent later by the server, or with the upstream's answer in it."""
        offloaded = conf.offloads() and getattr(self._request, 'reply_channel', None) is not None
        if offloaded:
            from channels_async.handoff import HandOff

            return HandOff(self._request, fields)
        from channels_async.inline import respond

        return respond(fields, can_abort=not hasattr(self._request, 'reply_channel'))


class ConsumerCaller(object):
    """A consumer with its message, or with the content of an http.request message."""

    def __init__(self, message):
        from channels import DEFAULT_CHANNEL_LAYER, channel_layers

        self._layer = getattr(message, 'channel_layer', None) or channel_layers[DEFAULT_CHANNEL_LAYER]
        channel = getattr(message, 'channel', None)
        if channel is not None and channel.name.startswith('websocket.'):
            raise ValueError('the answer is an HTTP response, which a WebSocket cannot take')
        self._reply_channel = _latin(message.get('reply_channel'))
        if not self._reply_channel:
            raise ValueError('the message has no reply_channel, so nobody could get the answer')
        self.method = text(_latin(message.get('method')) or '').upper()
        self.accept_encoding = None
        for name, value in message.get('headers') or ():
            if _latin(name).lower() == 'accept-encoding':
                self.accept_encoding = _latin(value)

    def answer(self, fields):
        """Put the operation on the layer, or do it and send the answer. Returns None."""
        from channels_async import sending

        settings = conf.client_settings()
        if conf.offloads():
            sending.hand_off(self._layer, self._reply_channel, fields, list, settings)
        else:
            self._answer_here(fields, settings)

    def _answer_here(self, fields, settings):
        """Do the operation and send the answer, cut up as channels does it (channels/handler.py:263)."""
        from channels.handler import AsgiHandler

        from channels_async import sending
        from channels_async.inline import respond

        response = respond(fields, can_abort=False)
        try:
            for message in AsgiHandler.encode_response(response):
                sending.send(self._layer, self._reply_channel, message, conf.deadline(fields['operation']))
        except Exception:
            # Such as a layer that is down. A consumer that raised would be logged and no more.
            logger.exception('operation %s was done, but its answer could not be sent', fields['id'])
        finally:
            response.close()


def is_message(value):
    """Whether `value` is a message of channels, or the content of one."""
    return hasattr(value, 'channel_layer') or (isinstance(value, dict) and 'reply_channel' in value)


def _latin(value):
    return value.decode('latin-1') if isinstance(value, bytes) else value
