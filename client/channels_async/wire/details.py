"""What each operation of version 2 asks for: its own fields, beside those that every message has."""

from __future__ import unicode_literals

import re
from collections import namedtuple

from channels_async._py23 import text
from channels_async.wire import fields, limits
from channels_async.wire.fields import as_bool, as_integer, as_method, as_request_headers, as_url
from channels_async.wire.model import BadMessage, Call, Command, Forward, Request
from channels_async.wire.values import as_value

#: What names a function or a command.
NAME = re.compile(r'[A-Za-z0-9_.\-]+\Z')
_DOMAIN = re.compile(r'[A-Za-z0-9.\-]*\Z')

#: The fields of an operation: frozensets of their names, and a function from a message to the details.
Form = namedtuple(str('Form'), str('fields required parse'))


# The records are made by position, in the order of their slots, as arguments by keyword would become a dict
# on their way, for every message.


def _request(message):
    get = message.get
    return Request(
        as_method('method', get('method', 'GET')),
        _url(message),
        as_request_headers('headers', get('headers', [])),
        _bytes_or_none('body', get('body')),
        as_bool('allow_redirects', get('allow_redirects', True)),
        as_integer('max_redirects', get('max_redirects', 20), limits.MAX_REDIRECTS),
        as_integer('retries', get('retries', 0), limits.MAX_RETRIES),
        as_bool('idempotent', get('idempotent', False)),
    )


def _forward(message):
    get = message.get
    return Forward(
        as_method('method', get('method', 'GET')),
        _url(message),
        as_request_headers('headers', get('headers', [])),
        _bytes_or_none('body', get('body')),
        _channel('body_channel', get('body_channel')),
        _length('content_length', get('content_length')),
        _domain('cookie_domain', get('cookie_domain')),
        _prefixes('location', get('location')),
        as_integer('retries', get('retries', 0), limits.MAX_RETRIES),
        as_bool('idempotent', get('idempotent', False)),
    )


def _call(message):
    args = message.get('args', [])
    if not isinstance(args, (list, tuple)):
        raise fields.wrong_type('args', 'a list', args)
    kwargs = message.get('kwargs', {})
    if not isinstance(kwargs, dict):
        raise fields.wrong_type('kwargs', 'a dict', kwargs)
    return Call(
        _name('function', message['function']),
        as_value('args', args) if args else [],
        as_value('kwargs', kwargs) if kwargs else {},
    )


def _command(message):
    return Command(
        command=_name('command', message['command']),
        parameters=_parameters('parameters', message.get('parameters', {})),
        stdin=_bytes_or_none('stdin', message.get('stdin')),
        body_channel=_channel('body_channel', message.get('body_channel')),
        content_length=_length('content_length', message.get('content_length')),
    )


_HTTP = ('url', 'method', 'headers', 'body', 'retries', 'idempotent')
_BODY = ('body_channel', 'content_length')

FORMS = {
    'REQUEST': Form(frozenset(_HTTP + ('allow_redirects', 'max_redirects')), frozenset(('url',)), _request),
    'FORWARD': Form(frozenset(_HTTP + _BODY + ('cookie_domain', 'location')), frozenset(('url',)), _forward),
    'CALL': Form(frozenset(('function', 'args', 'kwargs')), frozenset(('function',)), _call),
    'COMMAND': Form(frozenset(_BODY + ('command', 'parameters', 'stdin')), frozenset(('command',)), _command),
}


def _url(message):
    url, userinfo = as_url('url', message['url'])
    if userinfo is not None:
        raise BadMessage('url holds a user name or password; they belong in an Authorization header')
    return url


def _bytes_or_none(field, value):
    if value is not None and not isinstance(value, bytes):
        raise fields.wrong_type(field, 'bytes or None', value)
    return value


def _channel(field, value):
    if value is None:
        return None
    if not isinstance(value, text):
        raise fields.wrong_type(field, 'text or None', value)
    # Single-reader channels have a `?`: of any other somebody else would miss what is read here.
    if not fields.check_channel_name(value) or '?' not in value:
        raise BadMessage('{} is not the name of a channel for one reader'.format(field))
    return value


def _length(field, value):
    return None if value is None else as_integer(field, value, limits.MAX_LENGTH)


def _domain(field, value):
    if value is None:
        return None
    if not isinstance(value, text):
        raise fields.wrong_type(field, 'text or None', value)
    if len(value) > limits.MAX_DOMAIN or not _DOMAIN.match(value):
        raise BadMessage('{} is no domain name'.format(field))
    return value


def _prefixes(field, value):
    """(from, to): printable ASCII without spaces, `from` not empty."""
    if value is None:
        return None
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise BadMessage('{} must be a list of two texts'.format(field), wrong_type=True)
    for part in value:
        if not isinstance(part, text):
            raise fields.wrong_type('{}: each part'.format(field), 'text', part)
        if len(part) > limits.MAX_URL or fields.NOT_PRINTED.search(part):
            raise BadMessage('{} must be printable ASCII'.format(field))
    if not value[0]:
        raise BadMessage('{} must begin with what is to be replaced'.format(field))
    return tuple(value)


def _name(field, value):
    if not isinstance(value, text):
        raise fields.wrong_type(field, 'text', value)
    if len(value) > limits.MAX_NAME or not NAME.match(value):
        raise BadMessage('{} must be 1 to {} letters, digits or _.-'.format(field, limits.MAX_NAME))
    return value


def _parameters(field, value):
    if not isinstance(value, dict):
        raise fields.wrong_type(field, 'a dict', value)
    if len(value) > limits.MAX_PARAMETERS:
        raise BadMessage('{} has more than {} entries'.format(field, limits.MAX_PARAMETERS))
    for name, content in value.items():
        if not isinstance(name, text) or not isinstance(content, text):
            raise BadMessage('{} must be a dict of text by text'.format(field), wrong_type=True)
        if len(name) > limits.MAX_NAME or len(content) > limits.MAX_PARAMETER:
            raise BadMessage('{}: an entry is longer than {} characters'.format(field, limits.MAX_PARAMETER))
        if '\0' in content:
            raise BadMessage('{}: an entry holds a NUL'.format(field))
    return dict(value)
