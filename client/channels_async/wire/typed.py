"""Version 2 of the contract: every field has one type, and a field that is not known is an error."""

from __future__ import unicode_literals

from channels_async import trace_rules
from channels_async._py23 import text
from channels_async.wire import fields
from channels_async.wire.details import FORMS
from channels_async.wire.model import BadMessage, Operation

VERSION = 2

#: The fields of every version 2 message; details.py has those of each operation.
FIELDS = frozenset((
    'v', 'operation', 'id', 'reply_channel', 'reply_format', 'head', 'sent_at', 'timeout', 'response_headers',
    'traceparent', 'tracestate',
))  # fmt: skip


def parse_typed(message, name, reply_channel, now):
    """The Operation called `name` of a version 2 message whose keys are text. Raises BadMessage."""
    form = FORMS[name]
    unknown = sorted(set(message) - FIELDS - form.fields)
    if unknown:
        raise BadMessage('unknown field {}'.format(fields.shown(unknown[0])))
    missing = sorted((form.required | {'id'}) - set(message))
    if missing:
        raise BadMessage('{} is missing'.format(missing[0]))
    sent_at = message.get('sent_at')
    if sent_at is not None:
        # A client whose clock is ahead must not get more time than it asked for.
        sent_at = min(fields.as_number('sent_at', sent_at), now)
    return Operation(
        name=name,
        version=VERSION,
        id=fields.as_id('id', message['id']),
        reply_channel=reply_channel,
        reply_format=reply_format(message),
        head=fields.as_bool('head', message.get('head', False)),
        sent_at=sent_at,
        timeout=fields.as_timeout('timeout', message.get('timeout')),
        response_headers=fields.as_headers('response_headers', message.get('response_headers', [])),
        ignored=(),
        traceparent=_trace('traceparent', message, trace_rules.is_traceparent),
        tracestate=_trace('tracestate', message, trace_rules.is_tracestate),
        details=form.parse(message),
    )


def _trace(field, message, is_right):
    value = message.get(field)
    if value is not None and not isinstance(value, text):
        raise fields.wrong_type(field, 'text', value)
    if value is not None and not is_right(value):
        raise BadMessage('{} is not one of Trace Context'.format(field))
    return value


def reply_format(message):
    value = message.get('reply_format', 'http')
    if not isinstance(value, text) or value not in fields.REPLY_FORMATS:
        raise BadMessage('reply_format must be one of {}'.format(', '.join(fields.REPLY_FORMATS)))
    return value


def encode(
    id, reply_channel, operation='REQUEST', timeout=None, sent_at=None, response_headers=(),
    reply_format='http', head=False, **details
):  # fmt: skip
    """The message, a dict with text keys, that puts an operation on the layer.

    reply_channel  text; None where reply_format is 'none'
    details        the operation's own fields, as in Request, Forward, Call and Command; those that are
                   left out have their defaults

    What it returns parses: a value that parse() would refuse raises TypeError (wrong type) or ValueError
    here, in the process of the one who wrote it.
    """
    message = {
        'v': VERSION,
        'operation': operation,
        'id': id,
        'reply_format': reply_format,
        'response_headers': _lists(response_headers),
    }
    for name, value in details.items():
        # The names of arguments are native text, bytes on Python 2.
        message[text(name)] = _lists(value) if name in ('headers', 'location') else value
    if reply_channel is not None:
        message['reply_channel'] = reply_channel
    if timeout is not None:
        message['timeout'] = timeout
    if sent_at is not None:
        message['sent_at'] = sent_at
    if head:
        message['head'] = True
    try:
        _check_reply(reply_channel, reply_format)
        if operation not in FORMS:
            raise BadMessage('unknown operation {}'.format(fields.shown(operation)))
        parse_typed(message, operation, reply_channel, float('inf'))
    except BadMessage as error:
        raise (TypeError if error.wrong_type else ValueError)(error.reason)
    return message


def _check_reply(reply_channel, reply_format):
    if reply_channel is None and reply_format == 'none':
        return
    if not isinstance(reply_channel, text):
        raise fields.wrong_type('reply_channel', 'text', reply_channel)
    if not fields.check_channel_name(reply_channel):
        raise BadMessage('reply_channel is no channel name')


def _lists(headers):
    """Pairs as lists, which is what msgpack gives back; what is no pair is left for the check to name."""
    if not isinstance(headers, (list, tuple)):
        return headers
    return [list(pair) if isinstance(pair, tuple) else pair for pair in headers]
