"""From the arguments of client.request to the fields of a message, in the view, which gets the errors.

requests does the work, so params, data, json, files, cookies and auth mean what its users know.
"""

from __future__ import unicode_literals

import io
import numbers
import re

import requests

import channels_async
from channels_async import wire
from channels_async._py23 import native, text, urlsplit
from channels_async.wire import fields

try:
    from collections.abc import Mapping
except ImportError:  # Python 2
    from collections import Mapping

try:
    from http.cookiejar import CookieJar
except ImportError:  # Python 2
    from cookielib import CookieJar

USER_AGENT = 'channels-async/' + channels_async.__version__

_LINE_BREAK = re.compile('[\r\n\x00]')
_PLAIN = re.compile('[ -~]+\\Z')

# They describe the body, which is sent as it is: the HTTP client that sends it states them.
_OF_THE_BODY = ('content-length', 'transfer-encoding')


def prepare(url, method, params, headers, data, json, files, cookies, auth, accept_encoding):
    """Keyword arguments for wire.encode: url, method, headers, body.

    accept_encoding  the browser's own, text or None: bodies go to it undecoded

    Raises TypeError for an argument of a wrong type and ValueError for a wrong value; both name it.
    """
    _check_types(url, method, headers, cookies, auth)
    _check_files(files)
    given = {_name(name): value for name, value in (headers or {}).items()}
    plain_url, with_userinfo = _url(url)
    auth, urls = _checked(auth)
    try:
        prepared = requests.Request(
            method=_name(method), url=with_userinfo, headers=_without_none(given), params=params,
            data=data or {}, json=json, files=files or {}, cookies=cookies, auth=auth,
        ).prepare()  # fmt: skip
    except requests.exceptions.RequestException as error:
        raise ValueError('the request cannot be made: {}'.format(error))
    _refuse_auth_that_needs_the_response(prepared)
    return {
        'url': _final_url(plain_url, params, prepared.url, urls),
        'method': fields.as_text('method', prepared.method),
        'headers': _headers(prepared.headers, given, accept_encoding),
        'body': _body(prepared.body),
    }


def _url(url):
    """The URL as it goes out, without userinfo; and with it, from which requests makes Authorization.

    requests would decode escapes, drop an empty query and resolve dots.
    """
    try:
        url = fields.as_text('url', url if isinstance(url, (bytes, text)) else text(url)).lstrip()
        plain, userinfo = fields.as_url('url', url)
    except wire.BadMessage as error:
        raise ValueError('the URL cannot be used: {}'.format(error.reason))
    if userinfo is None:
        return plain, plain
    given = urlsplit(url).netloc.rpartition('@')[0]
    return plain, plain.replace('://', '://' + given + '@', 1)


def _final_url(plain, params, prepared, urls):
    """`plain` with the query that requests makes of `params`; what an auth object has made of it wins."""
    if urls and urls[0] != urls[1]:
        plain = prepared
    elif params:
        whole, _, fragment = plain.partition('#')
        added = requests.models.RequestEncodingMixin._encode_params(params)
        added = added.decode('utf-8') if isinstance(added, bytes) else added
        if added:
            whole += ('' if whole.endswith(('?', '&')) else '&' if '?' in whole else '?') + added
        plain = whole + ('#' + fragment if fragment else '')
    try:
        return fields.as_url('url', plain)[0]
    except wire.BadMessage as error:
        raise ValueError(error.reason)


def _check_types(url, method, headers, cookies, auth):
    if url is None or isinstance(url, (numbers.Number, Mapping, list, tuple)):
        raise TypeError('url must be text, not {}'.format(type(url).__name__))
    if type(url).__str__ is object.__str__ and not hasattr(url, '__unicode__'):
        raise TypeError('url must be text, not {}'.format(type(url).__name__))
    if not isinstance(method, (text, bytes)):
        raise TypeError('method must be text, not {}'.format(type(method).__name__))
    if headers is not None and not isinstance(headers, Mapping):
        raise TypeError('headers must be a dict, not {}'.format(type(headers).__name__))
    for name, value in (headers or {}).items():
        if value is not None and not isinstance(value, (text, bytes)):
            problem = 'headers: the value of {} must be text, not {}'
            raise TypeError(problem.format(fields.shown(name), type(value).__name__))
    if cookies is not None and not isinstance(cookies, (Mapping, CookieJar)):
        raise TypeError('cookies must be a dict or a CookieJar, not {}'.format(type(cookies).__name__))
    if isinstance(cookies, Mapping) and not isinstance(cookies, CookieJar):
        for name, value in cookies.items():
            if not isinstance(name, (text, str)) or not isinstance(value, (text, str, type(None))):
                problem = 'cookies: the name and value of {} must be text, not {} and {}'
                raise TypeError(problem.format(
                    fields.shown(name), type(name).__name__, type(value).__name__))
    pair = isinstance(auth, tuple) and len(auth) == 2
    if auth is not None and not pair and not callable(auth):
        raise TypeError('auth must be a pair of user and password, or an auth object of requests')


def _checked(auth):
    """An auth object whose failure is told apart from a fault in here; and the URL before and after it."""
    urls = []
    if auth is None or isinstance(auth, tuple):
        return auth, urls

    def apply(prepared):
        urls[:] = [prepared.url] * 2
        try:
            authenticated = auth(prepared)
        except (TypeError, ValueError):
            raise
        except Exception as error:
            raise ValueError('auth failed: {}: {}'.format(type(error).__name__, error))
        if not isinstance(authenticated, requests.PreparedRequest):
            problem = 'auth must return the request that it was given, not {}'
            raise TypeError(problem.format(type(authenticated).__name__))
        urls[1] = authenticated.url
        return authenticated

    return apply, urls


def _check_files(files):
    """Names must be text, and nothing in the head of a part may begin another line.

    urllib3 escapes only the name of the file, and takes anything for a name until it fails with it.
    """
    if not isinstance(files, (Mapping, list, tuple)):
        return  # requests says what it takes
    for pair in files.items() if isinstance(files, Mapping) else files:
        if not isinstance(pair, (list, tuple)) or len(pair) != 2:
            raise TypeError('files must be a dict, or a list of (name, file)')
        name, value = pair
        if not isinstance(name, (text, bytes)):
            raise TypeError('files: a name must be text, not {} ({!r})'.format(type(name).__name__, name))
        if not isinstance(value, (list, tuple)):
            continue
        if not 2 <= len(value) <= 4:
            raise TypeError('files[{}] must be a file, or (file name, file), with a content type and headers '
                            'after them or without, not {} values'.format(fields.shown(name), len(value)))
        if not isinstance(value[0], (text, bytes, type(None))):
            raise TypeError('files[{}]: the name of a file must be text, not {} ({!r})'.format(
                fields.shown(name), type(value[0]).__name__, value[0]))
        lines = [part for part in value[2:3] if part is not None]
        if len(value) > 3 and isinstance(value[3], Mapping):
            lines += [part for header in value[3].items() for part in header]
        for line in lines:
            if not isinstance(line, (text, bytes)):
                raise TypeError('files: a content type and headers must be text, not {}'.format(
                    type(line).__name__))
            if _LINE_BREAK.search(native(line)):
                raise ValueError('files: a content type or a header holds a line break or NUL')


def _refuse_auth_that_needs_the_response(prepared):
    if any(prepared.hooks.values()):
        raise TypeError('auth must do with headers alone: digest authentication needs the response first')


def _name(value):
    """Header names and methods as requests handles them: str, whichever that is."""
    if not isinstance(value, (text, bytes)):
        raise TypeError('a header name must be text, not {}'.format(type(value).__name__))
    try:
        return native(value)
    except UnicodeEncodeError:
        raise ValueError('{} is not ASCII'.format(fields.shown(value)))


def _without_none(headers):
    """requests' way to leave out a default: {'User-Agent': None}."""
    return {name: value for name, value in headers.items() if value is not None}


def _headers(prepared, given, accept_encoding):
    headers = []
    for name, value in prepared.items():
        if name.lower() not in _OF_THE_BODY:
            value = _bytes('the header {}'.format(fields.shown(name)), value)
            headers.append((_bytes('a header name', name), value))
    named = {name.lower() for name in prepared} | {name.lower() for name in given}
    if accept_encoding is None or not _PLAIN.match(accept_encoding):
        accept_encoding = 'identity'
    for name, value in (('User-Agent', USER_AGENT), ('Accept', '*/*'), ('Accept-Encoding', accept_encoding)):
        if name.lower() not in named:
            headers.append((name.encode('ascii'), value.encode('ascii')))
    return headers


def _bytes(what, value):
    if isinstance(value, bytes):
        return value
    try:
        return value.encode('latin-1')  # as http.client and httplib have it
    except UnicodeEncodeError:
        raise ValueError('{} holds characters that are not latin-1'.format(what))


def _body(body):
    """The whole body as bytes; files and iterators are read, for a message holds no stream."""
    if body is None or isinstance(body, bytes):
        return body
    if isinstance(body, bytearray):
        return bytes(body)
    if isinstance(body, text):
        return body.encode('utf-8')
    if hasattr(body, 'read'):
        return _body(body.read())
    whole = io.BytesIO()
    for part in body:
        if not isinstance(part, (bytes, text)):
            raise TypeError('data must be an iterator of bytes, not of {}'.format(type(part).__name__))
        whole.write(part if isinstance(part, bytes) else part.encode('utf-8'))
    return whole.getvalue()
