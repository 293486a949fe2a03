"""Version 2 of the contract: every field has one type, and a field that is not known is an error."""

from __future__ import unicode_literals

from channels_async._py23 import text
from channels_async.wire import fields, limits
from channels_async.wire.model import BadMessage, Operation, Request

VERSION = 2

#: The fields of a version 2 REQUEST.
FIELDS = frozenset((
    'v', 'operation', 'id', 'reply_channel', 'reply_format', 'head', 'sent_at', 'timeout', 'response_headers',
    'url', 'method', 'headers', 'body', 'allow_redirects', 'max_redirects',
))  # fmt: skip


def parse_typed(message, reply_channel, now):
    """The Operation of a version 2 message whose keys are text. Raises BadMessage."""
    unknown = sorted(set(message) - FIELDS)
    if unknown:
        raise BadMessage('unknown field {}'.format(fields.shown(unknown[0])))
    missing = sorted({'id', 'url'} - set(message))
    if missing:
        raise BadMessage('{} is missing'.format(missing[0]))
    sent_at = message.get('sent_at')
    if sent_at is not None:
        # A client whose clock is ahead must not get more time than it asked for.
        sent_at = min(fields.as_number('sent_at', sent_at), now)
    return Operation(
        name='REQUEST',
        version=VERSION,
        id=fields.as_id('id', message['id']),
        reply_channel=reply_channel,
        reply_format=reply_format(message),
        head=fields.as_bool('head', message.get('head', False)),
        sent_at=sent_at,
        timeout=fields.as_timeout('timeout', message.get('timeout')),
        response_headers=fields.as_headers('response_headers', message.get('response_headers', [])),
        ignored=(),
        details=_request(message),
    )


def reply_format(message):
    value = message.get('reply_format', 'http')
    if not isinstance(value, text) or value not in fields.REPLY_FORMATS:
        raise BadMessage('reply_format must be one of {}'.format(', '.join(fields.REPLY_FORMATS)))
    return value


def _request(message):
    url, userinfo = fields.as_url('url', message['url'])
    if userinfo is not None:
        raise BadMessage('url holds a user name or password; they belong in an Authorization header')
    body = message.get('body')
    if body is not None and not isinstance(body, bytes):
        raise fields.wrong_type('body', 'bytes or None', body)
    return Request(
        method=fields.as_method('method', message.get('method', 'GET')),
        url=url,
        headers=fields.as_request_headers('headers', message.get('headers', [])),
        body=body,
        allow_redirects=fields.as_bool('allow_redirects', message.get('allow_redirects', True)),
        max_redirects=fields.as_integer(
            'max_redirects', message.get('max_redirects', 20), limits.MAX_REDIRECTS
        ),
    )


def encode(
    id, reply_channel, url, method='GET', headers=(), body=None, allow_redirects=True, max_redirects=20,
    timeout=None, sent_at=None, response_headers=(), reply_format='http', head=False, operation='REQUEST',
):  # fmt: skip
    """The message, a dict with text keys, that puts a REQUEST on the layer. Types as in Operation, Request.

    What it returns parses: a value that parse() would refuse raises TypeError (wrong type) or ValueError
    here, in the process of the one who wrote it.
    """
    message = {
        'v': VERSION,
        'operation': operation,
        'id': id,
        'reply_channel': reply_channel,
        'reply_format': reply_format,
        'url': url,
        'method': method,
        'headers': _lists(headers),
        'body': body,
        'allow_redirects': allow_redirects,
        'max_redirects': max_redirects,
        'response_headers': _lists(response_headers),
    }
    if timeout is not None:
        message['timeout'] = timeout
    if sent_at is not None:
        message['sent_at'] = sent_at
    if head:
        message['head'] = True
    try:
        if not isinstance(reply_channel, text):
            raise fields.wrong_type('reply_channel', 'text', reply_channel)
        if not fields.check_channel_name(reply_channel):
            raise BadMessage('reply_channel is no channel name')
        parse_typed(message, reply_channel, float('inf'))
    except BadMessage as error:
        raise (TypeError if error.wrong_type else ValueError)(error.reason)
    return message


def _lists(headers):
    """Pairs as lists, which is what msgpack gives back; what is no pair is left for the check to name."""
    if not isinstance(headers, (list, tuple)):
        return headers
    return [list(pair) if isinstance(pair, tuple) else pair for pair in headers]
