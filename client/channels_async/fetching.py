"""One HTTP exchange with requests, as bytes, within a deadline; errors in the words of the server."""

from __future__ import unicode_literals

import re
import socket
import threading

import requests
import urllib3
from requests.adapters import HTTPAdapter

from channels_async import http_rules, reaching
from channels_async._py23 import monotonic, native, text, urlsplit
from channels_async.upstream_errors import FetchError, ProxyRefused, failures_named, late

CHUNK = 64 * 1024  # bytes read at once

_FOLD = re.compile(br'(?:\r?\n[ \t]+)+')  # RFC 9112 section 5.2
_DIGITS = re.compile(br'[0-9]{1,18}\Z')
_HEADER_FAULT = re.compile(br'[\0\r\n]')


class Upstream(object):
    """A response that has begun: status, headers, and the body by iteration. Close it."""

    def __init__(self, netloc, response, headers, watch, adapter, largest):
        self._netloc = netloc
        self._response = response
        self._watch = watch
        self._adapter = adapter
        self.status = response.status_code
        self.headers = headers
        self._largest = largest

    def __iter__(self):
        """Chunks of the body, transfer-decoded, never content-decoded. Raises FetchError."""
        raw = self._response.raw
        size = 0
        with failures_named(self._netloc, self._watch):
            for chunk in raw.stream(CHUNK, decode_content=False):
                size += len(chunk)
                if 0 < self._largest < size:
                    raise _too_large(self._netloc, self._largest)
                if chunk:
                    yield chunk
            self._watch.check()
        if getattr(raw, 'length_remaining', None):  # urllib3 1.x does not mind
            raise FetchError(502, '{}: the response ended before it was complete'.format(self._netloc))

    def close(self):
        self._watch.cancel()
        self._response.close()
        self._adapter.close()


def fetch(request, deadline, largest=0):
    """Send a wire.Request and follow its redirects; returns an Upstream. All within `deadline` seconds.

    largest  int: bytes that the body may have, transfer-decoded; 0 for any number

    Raises FetchError.
    """
    watch = _Watch(deadline)
    try:
        return _follow(request, reaching.reach(), watch, largest)
    except reaching.Refused:
        watch.cancel()
        raise FetchError(403, 'the upstream is not allowed')
    except BaseException:
        watch.cancel()
        raise


def _follow(request, reach, watch, largest):
    step = request.method, request.url, request.headers, request.body
    for _ in range(request.max_redirects + 1):
        netloc = urlsplit(step[1]).netloc
        # Not a Session: that one reads and closes a redirect that is not to be followed (sessions.py,
        # `_next`). Another one for each step: what it may show and trust is for its upstream alone.
        adapter = _Adapter(watch, _way(reach, step[1]))
        upstream = None
        try:
            with failures_named(netloc, watch):
                response = adapter.ask(_prepared(*step))
            watch.check()
            headers = _checked_headers(netloc, response)
            location = response.raw.headers.get('Location')
            following = _redirected(step, response.status_code, location) if request.allow_redirects else None
            if following is None:
                body = http_rules.has_body(step[0], response.status_code)
                if 0 < largest < _length(netloc, headers) and body:
                    raise _too_large(netloc, largest)
                upstream = Upstream(netloc, response, headers, watch, adapter, largest)
                return upstream
            response.close()
            step = following
        finally:
            if upstream is None:
                adapter.close()
    raise FetchError(502, '{}: more than {} redirects'.format(netloc, request.max_redirects))


def _way(reach, url):
    parts = urllib3.util.parse_url(url)  # as requests, so that both mean the same host
    host = (parts.host or '').strip('[]').lower()
    return reaching.Way(reach, parts.scheme, host, parts.port or (443 if parts.scheme == 'https' else 80))


def _checked_headers(netloc, response):
    """The headers of a response whose head the server would take; FetchError for any other."""
    if response.status_code < 200:
        raise FetchError(502, '{}: not a valid HTTP response'.format(netloc))
    headers = _raw_headers(response.raw)
    _length(netloc, headers)
    return headers


def _redirected(step, status, location):
    if location is not None and not isinstance(location, bytes):
        location = location.encode('latin-1', 'replace')  # as it stood on the wire
    try:
        return http_rules.redirect(*(step + (status, location)))
    except ValueError as error:
        raise FetchError(502, text(error))


def _prepared(method, url, headers, body):
    """A request that is sent as it is. Filled by hand: prepare() would add and decode on its own."""
    prepared = requests.PreparedRequest()
    prepared.method = str(method)
    prepared.url = str(url.partition('#')[0])
    prepared.headers = requests.structures.CaseInsensitiveDict()
    for name, value in headers:
        name, value = native(name), native(value)
        # One line for all of a name, which is the same (RFC 9110 section 5.3).
        before = [prepared.headers[name]] if name in prepared.headers else []
        prepared.headers[name] = str(', ').join(before + [value])
    prepared.body = body
    if body is not None or method in ('POST', 'PUT', 'PATCH'):
        prepared.headers[str('Content-Length')] = str(len(body or b''))
    prepared._cookies = requests.cookies.RequestsCookieJar()
    return prepared


def _raw_headers(raw):
    """(bytes, bytes) pairs, duplicates kept (urllib3 joins them only when asked by name), unfolded."""
    pairs = [(_wire_bytes(name), _wire_bytes(value)) for name, value in raw.headers.items()]
    return [(name, _FOLD.sub(b' ', value).strip()) for name, value in pairs]


def _length(netloc, headers):
    """The Content-Length, or 0. Raises FetchError for a head that the server's parser would refuse.

    http.client and httplib let these pass, and so did the rest of the way: RFC 9112 sections 6.1 and 6.3.
    """
    if any(_HEADER_FAULT.search(value) for _, value in headers):
        raise _invalid(netloc, 'a header holds a line break or NUL')
    lengths = [value for name, value in headers if name.lower() == b'content-length']
    codings = [value for name, value in headers if name.lower() == b'transfer-encoding']
    if len(lengths) > 1 or not all(_DIGITS.match(value) for value in lengths):
        raise _invalid(netloc, 'a bad Content-Length')
    if lengths and codings:
        raise _invalid(netloc, 'a Content-Length beside a Transfer-Encoding')
    if codings and (len(codings) > 1 or codings[0].lower() not in (b'chunked', b'identity')):
        raise _invalid(netloc, 'it uses a transfer coding that was not asked for')
    return int(lengths[0]) if lengths else 0


def _invalid(netloc, reason):
    return FetchError(502, '{}: not a valid HTTP response: {}'.format(netloc, reason))


def _too_large(netloc, largest):
    return FetchError(502, "{}: the response's body is larger than {} bytes".format(netloc, largest))


def _wire_bytes(value):
    return value if isinstance(value, bytes) else value.encode('latin-1', 'replace')


# --- the deadline ----------------------------------------------------------------------------------


class _Watch(object):
    """Ends an exchange when its time is over, however slowly the bytes drip.

    A socket's timeout is for one recv; only shutting the socket down ends a loop of them.
    """

    def __init__(self, seconds):
        self._ends = monotonic() + seconds
        self._sockets = []
        self.expired = False
        self._timer = threading.Timer(seconds, self._expire)
        self._timer.daemon = True
        self._timer.start()

    def left(self):
        """Seconds that are left. Raises FetchError when there are none."""
        self.check()
        return max(self._ends - monotonic(), 0.001)

    def check(self):
        if self.expired:
            raise late()

    def add(self, sock):
        # Python 2's httplib closes the outer object while it still reads from the inner one.
        self._sockets.append(getattr(sock, '_sock', None) or sock)

    def cancel(self):
        self._timer.cancel()
        self._sockets = []  # on Python 2 a reference keeps the connection open

    def _expire(self):
        self.expired = True
        for sock in list(self._sockets):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except (EnvironmentError, ValueError):
                pass  # closed already


class _Adapter(HTTPAdapter):
    """Connections that a _Watch can shut down, without retries, made on a reaching.Way."""

    def __init__(self, watch, way):
        self._watch = watch
        self._way = way
        super(_Adapter, self).__init__(max_retries=0)

    def ask(self, prepared):
        """The response to a request, whose body is not read yet."""
        proxy = self._way.proxy
        proxies = {}
        if proxy is not None:
            host = '[{}]'.format(proxy.host) if ':' in proxy.host else proxy.host
            url = str('http://{}:{}'.format(host, proxy.port))
            proxies = {str('http'): url, str('https'): url}
        response = self.send(
            prepared, stream=True, timeout=self._watch.left(), verify=self._way.verify, proxies=proxies
        )
        if proxy is not None and response.status_code == 407:
            raise ProxyRefused(407)
        return response

    def init_poolmanager(self, *arguments, **options):
        if self._way.ssl_context is not None:
            options['ssl_context'] = self._way.ssl_context
        super(_Adapter, self).init_poolmanager(*arguments, **options)
        self._watch_pools(self.poolmanager)

    def proxy_manager_for(self, proxy, **options):
        if self._way.ssl_context is not None:
            options['ssl_context'] = self._way.ssl_context
        manager = super(_Adapter, self).proxy_manager_for(proxy, **options)
        self._watch_pools(manager)
        return manager

    def proxy_headers(self, proxy):
        authorization = self._way.proxy.authorization
        return {str('Proxy-Authorization'): native(authorization)} if authorization else {}

    def _watch_pools(self, manager):
        manager.pool_classes_by_scheme = {
            'http': _watched_pool(urllib3.HTTPConnectionPool, self._watch, self._way),
            'https': _watched_pool(urllib3.HTTPSConnectionPool, self._watch, self._way),
        }


def _watched_pool(pool_class, watch, way):
    class WatchedConnection(pool_class.ConnectionCls):
        def _new_conn(self):
            return way.connect(self, lambda: pool_class.ConnectionCls._new_conn(self))

        def connect(self):
            pool_class.ConnectionCls.connect(self)
            watch.add(self.sock)

    class WatchedPool(pool_class):
        ConnectionCls = WatchedConnection

    return WatchedPool
