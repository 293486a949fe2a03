"""Version 2 of the contract: every field has one type, and a field that is not known is an error."""

from __future__ import unicode_literals

from channels_async import trace_rules
from channels_async._py23 import text
from channels_async.wire import fields
from channels_async.wire.details import FORMS
from channels_async.wire.fields import as_bool, as_headers, as_id, as_number, as_timeout
from channels_async.wire.model import BadMessage, Operation

VERSION = 2

#: The fields of every version 2 message; details.py has those of each operation.
FIELDS = frozenset((
    'v', 'operation', 'id', 'reply_channel', 'reply_format', 'head', 'sent_at', 'timeout', 'response_headers',
    'traceparent', 'tracestate',
))  # fmt: skip
#: All fields that a message may have, by the name of the operation.
_KNOWN = {name: FIELDS | form.fields for name, form in FORMS.items()}


def parse_typed(message, name, reply_channel, now):
    """The Operation called `name` of a version 2 message whose keys are text. Raises BadMessage."""
    form = FORMS[name]
    if not _KNOWN[name].issuperset(message):
        unknown = sorted(set(message) - _KNOWN[name])
        raise BadMessage('unknown field {}'.format(fields.shown(unknown[0])))
    if 'id' not in message or form.required.difference(message):
        missing = sorted((form.required | {'id'}) - set(message))
        raise BadMessage('{} is missing'.format(missing[0]))
    sent_at = message.get('sent_at')
    if sent_at is not None:
        # A client whose clock is ahead must not get more time than it asked for.
        sent_at = min(as_number('sent_at', sent_at), now)
    id = as_id('id', message['id'])
    format = reply_format(message)
    head = as_bool('head', message.get('head', False))
    timeout = as_timeout('timeout', message.get('timeout'))
    response_headers = as_headers('response_headers', message.get('response_headers', []))
    traceparent = message.get('traceparent')
    if traceparent is not None:
        _check_trace('traceparent', traceparent, trace_rules.is_traceparent)
    tracestate = message.get('tracestate')
    if tracestate is not None:
        _check_trace('tracestate', tracestate, trace_rules.is_tracestate)
    details = form.parse(message)
    # By position, as arguments by keyword would become a dict on their way, for every message.
    return Operation(
        name, VERSION, id, reply_channel, format, head, sent_at, timeout, response_headers, (), details,
        traceparent, tracestate,
    )  # fmt: skip


def _check_trace(field, value, is_right):
    if not isinstance(value, text):
        raise fields.wrong_type(field, 'text', value)
    if not is_right(value):
        raise BadMessage('{} is not one of Trace Context'.format(field))


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
