"""The contract between client and server: pure functions on dicts and bytes.

No Django, no Trio, no clock, no logging; msgpack is the layer's business, this gets the decoded object.

parse(message, now)      an Operation, or BadMessage, whatever the object is
encode(...)              a version 2 message
encode_result(...)       a piece of the answer for a channel of the project's own (results.py)
check_channel_name(name) whether something can be sent there

A version 2 message on `request.async`, all keys text (optional ones in brackets):

    v                   2
    operation           'REQUEST', 'FORWARD', 'CALL' or 'COMMAND'
    id                  text, 1 to 64 letters, digits or _.-
    reply_channel       text, a channel name; not there where reply_format is 'none'
    [reply_format]      'http' (default), 'websocket', 'message' or 'none'
    [head]              True: the browser asked with HEAD; answer with one message without content
    [sent_at]           number, epoch seconds
    [timeout]           number > 0, seconds from sent_at; can shorten the server's deadline only
    [response_headers]  list of [bytes, bytes]: what the site's middleware put on the response
    [traceparent]       text: the trace that it belongs to (W3C Trace Context)
    [tracestate]        text: what goes with it

REQUEST and FORWARD:

    url                 text, absolute http(s) URL without userinfo
    [method]            text, default 'GET'
    [headers]           list of [bytes, bytes]
    [body]              bytes or None
    [retries]           int 0 to 10, default 0
    [idempotent]        bool, default False

REQUEST alone:

    [allow_redirects]   bool, default True
    [max_redirects]     int 0 to 100, default 20

FORWARD alone:

    [cookie_domain]     text or None: the Domain of cookies; '' for none
    [location]          [text, text] or None: the beginning of a Location, and what takes its place

CALL:

    function            text, a name in the server's settings
    [args]              list of values: bytes, text, numbers, bools, None, lists, dicts with text keys
    [kwargs]            dict of values by text

COMMAND:

    command             text, a name in the server's settings
    [parameters]        dict of text by text
    [stdin]             bytes or None

FORWARD and COMMAND, whose body or stdin is the browser's:

    [body_channel]      text or None: where daphne has put the rest of it
    [content_length]    int or None: how long it is in whole

Bounds on all of it are in limits.py. A message without `v` is one of the 2017 client: untyped.py.
"""

from __future__ import unicode_literals

from channels_async._py23 import integers, text
from channels_async.wire import limits
from channels_async.wire.details import FORMS
from channels_async.wire.fields import REPLY_FORMATS, as_id, as_text, check_channel_name, shown
from channels_async.wire.limits import MAX_CHUNK  # noqa: F401 - re-exported, as are those below
from channels_async.wire.model import BadMessage, Call, Command, Forward, Operation, Request  # noqa: F401
from channels_async.wire.results import encode_result  # noqa: F401
from channels_async.wire.typed import FIELDS, VERSION, encode, parse_typed  # noqa: F401
from channels_async.wire.untyped import parse_untyped

REQUEST_CHANNEL = 'request.async'

#: What follows the name of the request channel in that of the channel on which a project's own consumers
#: tell which browser has gone: {'reply_channel': text}, as daphne does on http.disconnect; with 'sent_at',
#: epoch seconds, only what was asked for until then is meant.
CANCEL_SUFFIX = '.cancel'

#: The fields of all operations.
_KNOWN = FIELDS.union(*[form.fields for form in FORMS.values()])

OPERATIONS = ('REQUEST', 'FORWARD', 'CALL', 'COMMAND')


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
        if reply_channel is None and _reply_format(plain) != 'none':
            raise BadMessage('reply_channel is missing or is no channel name')
        name = _operation(plain)
        if 'v' not in plain:
            if name != 'REQUEST':
                raise BadMessage('v is missing; the operation {} has it'.format(name))
            if reply_channel is None:
                raise BadMessage('reply_channel is missing or is no channel name')
            return parse_untyped(plain, reply_channel)
        version = plain['v']
        if not isinstance(version, integers) or version != VERSION:  # True equals 1, so it is none either
            shown_version = version if isinstance(version, integers) and abs(version) < 1000 else '?'
            problem = 'version {} of the contract is not known here, only {}'
            raise BadMessage(problem.format(shown_version, VERSION))
        return parse_typed(plain, name, reply_channel, now)
    except BadMessage as error:
        error.reply_channel = reply_channel
        error.reply_format = _reply_format(plain)
        error.id = _id(plain)
        raise


def _text_keys(message):
    """The message with text keys, and None or what is wrong with its keys.

    Of one with too many fields only what is needed to answer it.
    """
    if _KNOWN.issuperset(message):  # in the usual case nothing has to be copied
        return message, None
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


def _operation(message):
    if 'operation' not in message:
        raise BadMessage('operation is missing')
    name = message['operation']
    if isinstance(name, text) and name in FORMS:
        return name
    name = as_text('operation', name)
    if name not in FORMS:
        raise BadMessage('unknown operation {}'.format(shown(name)))
    return name
