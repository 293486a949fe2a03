"""The contract between client and server: pure functions on dicts and bytes.

No Django, no Trio, no clock, no logging; msgpack is the layer's business, this gets the decoded object.

parse(message, now)      an Operation, or BadMessage, whatever the object is
encode(...)              a version 2 message
check_channel_name(name) whether something can be sent there

A version 2 message on `request.async`, all keys text (optional ones in brackets):

    v                   2
    operation           'REQUEST'
    id                  text, 1 to 64 letters, digits or _.-
    reply_channel       text, a channel name
    [reply_format]      'http' (default), 'websocket' or 'message'
    [head]              True: the browser asked with HEAD; answer with one message without content
    [sent_at]           number, epoch seconds
    [timeout]           number > 0, seconds from sent_at; can shorten the server's deadline only
    [response_headers]  list of [bytes, bytes]: what the site's middleware put on the response
    url                 text, absolute http(s) URL without userinfo
    [method]            text, default 'GET'
    [headers]           list of [bytes, bytes]
    [body]              bytes or None
    [allow_redirects]   bool, default True
    [max_redirects]     int 0 to 100, default 20

Bounds on all of it are in limits.py. A message without `v` is one of the 2017 client: untyped.py.
"""

from __future__ import unicode_literals

from channels_async._py23 import integers, text
from channels_async.wire import limits
from channels_async.wire.fields import REPLY_FORMATS, as_id, as_text, check_channel_name, shown
from channels_async.wire.limits import MAX_CHUNK  # noqa: F401 - re-exported, as are those below
from channels_async.wire.model import BadMessage, Operation, Request  # noqa: F401
from channels_async.wire.typed import VERSION, encode, parse_typed  # noqa: F401
from channels_async.wire.untyped import parse_untyped

REQUEST_CHANNEL = 'request.async'

#: Operations that have a name. Those that this version cannot do are a BadMessage that says so.
OPERATIONS = ('REQUEST', 'FORWARD', 'CALL', 'COMMAND')
SUPPORTED = ('REQUEST',)


def parse(message, now):
    """Understand what lay on the request channel.

    message  any object; a dict, if all is well
    now      float, epoch seconds; a `sent_at` later than this is a clock that is ahead, and becomes `now`

    Returns an Operation. Raises BadMessage and nothing else; where the message named a usable reply
    channel, id or reply format, the exception carries them, so that it can be answered.
    """
    if not isinstance(message, dict):
        raise BadMessage('the message is not a dict but {}'.format(type(message).__name__), wrong_type=True)
    plain, fault = _text_keys(message)
    reply_channel = _reply_channel(plain)
    try:
        if fault is not None:
            raise BadMessage(fault)
        if reply_channel is None:
            raise BadMessage('reply_channel is missing or is no channel name')
        _check_operation(plain)
        if 'v' not in plain:
            return parse_untyped(plain, reply_channel)
        version = plain['v']
        if isinstance(version, bool) or not isinstance(version, integers) or version != VERSION:
            shown_version = version if isinstance(version, integers) and abs(version) < 1000 else '?'
            problem = 'version {} of the contract is not known here, only {}'
            raise BadMessage(problem.format(shown_version, VERSION))
        return parse_typed(plain, reply_channel, now)
    except BadMessage as error:
        error.reply_channel = reply_channel
        error.reply_format = _reply_format(plain)
        error.id = _id(plain)
        raise


def _text_keys(message):
    """The message with text keys, and None or what is wrong with its keys.

    Of one with too many fields only what is needed to answer it.
    """
    if len(message) > limits.MAX_FIELDS:
        names = ('reply_channel', b'reply_channel', 'reply_format', b'reply_format', 'id', b'id')
        plain = {as_text('a field name', name): message[name] for name in names if name in message}
        return plain, 'the message has more than {} fields'.format(limits.MAX_FIELDS)
    plain, fault = {}, None
    for key, value in message.items():
        try:
            name = as_text('a field name', key)
        except BadMessage as error:
            fault = error.reason
            continue
        if name in plain:
            fault = 'the field {} is there twice'.format(shown(name))
        plain[name] = value
    return plain, fault


def _reply_channel(message):
    value = message.get('reply_channel')
    if isinstance(value, bytes):
        value = value.decode('latin-1')
    # An answer on the request channel would come back as a message.
    return value if check_channel_name(value) and value != REQUEST_CHANNEL else None


def _reply_format(message):
    value = message.get('reply_format')
    return value if isinstance(value, text) and value in REPLY_FORMATS else 'http'


def _id(message):
    try:
        return as_id('id', message.get('id'))
    except BadMessage:
        return None


def _check_operation(message):
    if 'operation' not in message:
        raise BadMessage('operation is missing')
    name = as_text('operation', message['operation'])
    if name in OPERATIONS and name not in SUPPORTED:
        raise BadMessage('the operation {} is not supported by this version'.format(name))
    if name not in SUPPORTED:
        raise BadMessage('unknown operation {}'.format(shown(name)))
