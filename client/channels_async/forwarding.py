"""A browser's request as forward() sends it on: from a view's request, or from the message of a consumer."""

from __future__ import unicode_literals

import numbers
import re

from channels_async import forward_rules, wire
from channels_async._py23 import quote, text
from channels_async.wire import fields, limits

try:
    from collections.abc import Mapping
except ImportError:  # Python 2
    from collections import Mapping

_DIGITS = re.compile(r'[0-9]{1,15}\Z')


class CannotForward(ValueError):
    """The browser's own fault: `status` and `reason` are the answer to it."""

    def __init__(self, status, reason):
        super(CannotForward, self).__init__(reason)
        self.status = status
        self.reason = reason


class Incoming(object):
    """The browser's request, whichever way it came.

    method        text
    path          text, decoded; path_info is the same without the site's script name, as URL patterns see it
    query         bytes
    headers       list of (bytes, bytes)
    came          forward_rules.Came
    body          bytes
    body_channel  text or None: where the rest of the body comes
    """

    def __init__(self, method, path, path_info, query, headers, came, body, body_channel=None):
        self.method = method
        self.path = path
        self.path_info = path_info
        self.query = query
        self.headers = headers
        self.came = came
        self.body = body
        self.body_channel = body_channel

    @property
    def content_length(self):
        """Of a body that is not all here: what the browser has told, or None."""
        lengths = [value for name, value in self.headers if name.lower() == b'content-length']
        told = lengths[0].decode('latin-1').strip() if len(lengths) == 1 else ''
        return int(told) if _DIGITS.match(told) else None


def of_message(message):
    """The Incoming of an http.request message, or its content. Raises ValueError for any other."""
    if message.get('method') is None or message.get('path') is None:
        raise ValueError(
            'client.forward() needs an HTTP request; this message has no method and path, as those of a '
            'WebSocket have none: use client.request()')
    path, root = _text(message['path']), _text(message.get('root_path') or '')
    client, server = message.get('client') or (None,), message.get('server') or (None, None)
    headers = message.get('headers') or ()
    query = message.get('query_string') or b''
    return Incoming(
        method=_text(message['method']), path=path,
        path_info=path[len(root):] if root and path.startswith(root) else path,
        query=query if isinstance(query, bytes) else query.encode('utf-8'),
        headers=[(_bytes(name), _bytes(value)) for name, value in headers],
        came=forward_rules.Came(client[0], message.get('scheme') or 'http', server[1],
                                message.get('http_version')),
        body=message.get('body') or b'', body_channel=message.get('body_channel'),
    )  # fmt: skip


def of_view(request):
    """The Incoming of Django's request. The body may have been read, but by request.body."""
    message = getattr(request, 'message', None)
    if message is not None:
        incoming = of_message(message)
        # channels has read all of it before the view (channels/handler.py:116).
        incoming.body, incoming.body_channel = request.body, None
    else:
        meta = request.META
        protocol = meta.get('SERVER_PROTOCOL') or ''
        incoming = Incoming(
            method=None, path=None, path_info=None, query=_bytes(meta.get('QUERY_STRING') or ''),
            headers=_wsgi_headers(meta),
            came=forward_rules.Came(meta.get('REMOTE_ADDR') or None, meta.get('wsgi.url_scheme', 'http'),
                                    meta.get('SERVER_PORT'), protocol.partition('/')[2] or None),
            body=_unread(request),
        )  # fmt: skip
    # As middleware may have changed them.
    incoming.method, incoming.path, incoming.path_info = (
        _text(request.method), _text(request.path), _text(request.path_info))
    return incoming


def _unread(request):
    """The body under WSGI. Not by request.body, whose bound (DATA_UPLOAD_MAX_MEMORY_SIZE) is for forms."""
    if not hasattr(request, '_body'):
        if request._read_started:
            raise ValueError(
                'the request was read as a form or a stream before client.forward() got it, and its body is '
                'gone. Read request.body before request.POST; where CsrfViewMiddleware is the one that '
                'reads the form, decorate the view with csrf_exempt')
        request._body = request.read()  # where request.body, request.POST and all the others find it
    return request._body


def _wsgi_headers(meta):
    """What is left of the headers: one of a name, in no order."""
    headers = []
    for name in sorted(meta):
        native = _text(name)
        if native.startswith('HTTP_'):
            native = native[5:]
        elif native not in ('CONTENT_TYPE', 'CONTENT_LENGTH'):
            continue
        value = meta[name]
        if isinstance(value, numbers.Number):  # Django's test client has the length as a number
            value = text(value)
        if value:
            headers.append((native.replace('_', '-').lower().encode('latin-1'), _bytes(value)))
    return headers


def prepare(
    incoming, url, path, mount, headers, remove_headers, preserve_host, cookie_domain, rewrite_location
):  # fmt: skip
    """Keyword arguments for wire.encode.

    Raises TypeError and ValueError for wrong arguments, CannotForward for a request that cannot go on.
    """
    base, beneath = _url(url), _beneath(incoming, path, mount)
    given, removed = _given(headers), _removed(remove_headers)
    sent = forward_rules.request_headers(incoming.headers, incoming.came, given, removed, bool(preserve_host))
    size = sum(len(name) + len(value) for name, value in sent)
    if len(sent) > limits.MAX_HEADERS or size > limits.MAX_HEADER_BYTES:
        raise CannotForward(431, 'the headers of the request are too large to be passed on')
    try:
        method = fields.as_method('method', incoming.method)
    except wire.BadMessage:
        raise CannotForward(501, 'requests of this method are not passed on')
    try:
        target, _ = fields.as_url('url', forward_rules.target(base, beneath, incoming.query))
    except wire.BadMessage as error:
        raise CannotForward(414, error.reason)
    whole = incoming.body_channel is None
    return {
        'url': target,
        'method': method,
        'headers': sent,
        'body': incoming.body or None,
        'body_channel': incoming.body_channel,
        'content_length': None if whole else incoming.content_length,
        'cookie_domain': None if cookie_domain is None else _text(cookie_domain),
        'location': _location(incoming, base, beneath, rewrite_location),
    }


def _url(url):
    """Checked, so that what is wrong is the view's."""
    if isinstance(url, (numbers.Number, Mapping, list, tuple, type(None))):
        raise TypeError('url must be text, not {}'.format(type(url).__name__))
    url = _text(url) if isinstance(url, (text, bytes)) else '{}'.format(url)
    try:
        checked, userinfo = fields.as_url('url', url)
    except wire.BadMessage as error:
        raise ValueError(error.reason)
    if userinfo is not None:
        raise ValueError("url holds a user name or password; give headers={'Authorization': ...}")
    return checked


def _beneath(incoming, path, mount):
    """What is added to the URL's path: text, decoded; None for nothing."""
    if path is not None and mount is not None:
        raise ValueError('path and mount say the same in two ways; give one of them')
    if path is not None:
        if not isinstance(path, (text, bytes)):
            raise TypeError('path must be text, not {}'.format(type(path).__name__))
        return _text(path)
    if mount is None:
        return None
    if not isinstance(mount, (text, bytes)):
        raise TypeError('mount must be text, not {}'.format(type(mount).__name__))
    beneath = forward_rules.below(_text(mount), incoming.path_info)
    if beneath is None:
        raise ValueError("the request's path {} is not below the mount {}".format(
            fields.shown(incoming.path_info), fields.shown(mount)))
    return beneath


def _given(headers):
    if headers is None:
        return []
    if not isinstance(headers, Mapping):
        raise TypeError('headers must be a dict, not {}'.format(type(headers).__name__))
    for name, value in headers.items():
        if not isinstance(name, (text, bytes)):
            raise TypeError('a header name must be text, not {}'.format(type(name).__name__))
        if value is not None and not isinstance(value, (text, bytes)):
            raise TypeError('headers: the value of {} must be text, not {}'.format(
                fields.shown(name), type(value).__name__))
    pairs = [(_bytes(name), None if value is None else _bytes(value)) for name, value in headers.items()]
    return pairs


def _removed(names):
    if isinstance(names, (text, bytes)) or not all(isinstance(name, (text, bytes)) for name in names):
        raise TypeError("remove_headers must be a list of names, such as ('Cookie',)")
    return [_bytes(name) for name in names]


def _location(incoming, base, beneath, rewrite):
    """(from, to) of the wire: the upstream's place and ours, or None."""
    if not isinstance(rewrite, bool):
        if not isinstance(rewrite, (list, tuple)) or len(rewrite) != 2:
            raise TypeError('rewrite_location must be True, False, or what a Location begins with and what '
                            'takes its place')
        return tuple(_text(part) for part in rewrite)
    place = incoming.path
    if beneath:
        if not place.endswith(beneath):
            return None  # another path than ours: nobody can say what leads there
        place = place[:len(place) - len(beneath)]
    return (base.partition('#')[0].partition('?')[0], quote(place, "/:@!$&'()*+,;=~")) if rewrite else None


def _text(value):
    if not isinstance(value, bytes):
        return value
    return value.decode('utf-8', 'replace')


def _bytes(value):
    """Header parts and queries as they are on the wire."""
    if isinstance(value, bytes):
        return value
    try:
        return value.encode('latin-1')
    except UnicodeEncodeError:
        raise ValueError('a header or a query holds characters that are not latin-1')  # it may be a secret
