"""One HTTP exchange with requests, as bytes, within a deadline; errors in the words of the server."""

from __future__ import unicode_literals

import errno
import functools
import io
import re
import socket
import ssl
import threading

import requests
import urllib3
from requests.adapters import HTTPAdapter

from channels_async import http_rules, reaching
from channels_async._py23 import PY2, monotonic, native, text, urlsplit
from channels_async.attempts import Attempts
from channels_async.reading import ResponseReader
from channels_async.upstream_errors import FetchError, ProxyRefused, failures_named, late

try:
    from http.client import HTTPMessage, HTTPResponse
except ImportError:  # Python 2
    from httplib import HTTPMessage, HTTPResponse

#: Bytes of status line and headers; what CHANNELS_ASYNC_SERVER['HTTP']['response_head'] is without a value.
DEFAULT_HEAD = 64 * 1024

#: Bytes sent at once before looking for an answer. An upstream that answers early without reading on can
#: stall only what is larger than its receive buffer, and none is smaller than this.
_SENT_AT_ONCE = 32 * 1024

#: In place of a header that urllib3 would add; None for an urllib3 that cannot be told (before 1.26).
_SKIP = getattr(urllib3.util, 'SKIP_HEADER', None)


class Upstream(object):
    """A response that has begun: status, headers, and the body by iteration. Close it."""

    def __init__(self, netloc, response, watch, adapter):
        self._netloc = netloc
        self._response = response
        self._watch = watch
        self._adapter = adapter
        self._reader = _reader(response)
        self.status = self._reader.status
        self.headers = self._reader.headers

    def __iter__(self):
        """Pieces of the body as they come, transfer-decoded, never content-decoded. Raises FetchError."""
        with failures_named(self._netloc, self._watch):
            for piece in self._reader:
                yield piece
            self._watch.check()

    def close(self):
        self._watch.cancel()
        self._response.close()
        self._adapter.close()


def fetch(request, deadline, largest=0, head=DEFAULT_HEAD):
    """Send a wire.Request and follow its redirects; returns an Upstream. All within `deadline` seconds.

    largest  int: bytes that the body may have, transfer-decoded; 0 for any number
    head     int: bytes that status line and headers may have

    Raises FetchError.
    """
    watch = _Watch(deadline)
    try:
        return _follow(request, reaching.reach(), watch, head, largest)
    except reaching.Refused:
        watch.cancel()
        raise FetchError(403, 'the upstream is not allowed')
    except BaseException:
        watch.cancel()
        raise


def _follow(request, reach, watch, head, largest):
    step = request.method, request.url, request.headers, request.body
    attempts = Attempts(request, watch.left)
    for _ in range(request.max_redirects + 1):
        netloc = urlsplit(step[1]).netloc
        watch.target = _target(step[1])
        # Not a Session: that one reads and closes a redirect that is not to be followed (sessions.py,
        # `_next`). Another one for each step: what it may show and trust is for its upstream alone.
        adapter = _Adapter(watch, _way(reach, step[1]), head, largest)
        upstream = None
        try:
            response = attempts.response(step[0], functools.partial(_exchange, step, netloc, adapter, watch))
            following = _redirected(step, _reader(response)) if request.allow_redirects else None
            if following is None:
                upstream = Upstream(netloc, response, watch, adapter)
                return upstream
            response.close()
            step = following
        finally:
            if upstream is None:
                adapter.close()
    raise FetchError(502, '{}: more than {} redirects'.format(netloc, request.max_redirects))


def _exchange(step, netloc, adapter, watch):
    with failures_named(netloc, watch):
        response = adapter.ask(_prepared(*step))
    watch.check()
    return response, _reader(response)


def _way(reach, url):
    parts = urllib3.util.parse_url(url)  # as requests, so that both mean the same host
    host = (parts.host or '').strip('[]').lower()
    return reaching.Way(reach, parts.scheme, host, parts.port or (443 if parts.scheme == 'https' else 80))


def _reader(response):
    """The ResponseReader of a response of requests."""
    return response.raw._original_response.reader


def _redirected(step, reader):
    locations = [value for name, value in reader.headers if name.lower() == b'location']
    try:
        return http_rules.redirect(*(step + (reader.status, locations[0] if locations else None)))
    except ValueError as error:
        raise FetchError(502, '{}: {}'.format(urlsplit(step[1]).netloc, text(error)))


def _target(url):
    """Path and query as they stand in the URL; requests and urllib3 would write escapes anew."""
    rest = url.partition('#')[0].partition('://')[2]
    found = re.search('[/?]', rest)
    target = rest[found.start() :] if found else '/'
    return target if target.startswith('/') else '/' + target


def _prepared(method, url, headers, body):
    """A request that is sent as it is. Filled by hand: prepare() would add and decode on its own."""
    prepared = requests.PreparedRequest()
    prepared.method = str(method)
    prepared.url = str(url.partition('#')[0])
    prepared.headers = requests.structures.CaseInsensitiveDict()
    for name, value in http_rules.request_headers(headers):
        name, value = native(name), native(value)
        # One line for all of a name, which is the same (RFC 9110 section 5.3).
        before = [prepared.headers[name]] if name in prepared.headers else []
        prepared.headers[name] = str(', ').join(before + [value])
    for name in ('User-Agent', 'Accept-Encoding'):
        if _SKIP is not None and name not in prepared.headers:
            prepared.headers[str(name)] = _SKIP
    prepared.body = body
    if body is not None or method in ('POST', 'PUT', 'PATCH'):
        prepared.headers[str('Content-Length')] = str(len(body or b''))
    prepared._cookies = requests.cookies.RequestsCookieJar()
    return prepared


# --- the deadline ----------------------------------------------------------------------------------


class _Watch(object):
    """Ends an exchange when its time is over, however slowly the bytes drip.

    A socket's timeout is for one recv; only shutting the socket down ends a loop of them.
    """

    def __init__(self, seconds):
        self._ends = monotonic() + seconds
        self._sockets = []
        self.expired = False
        self.target = '/'  # of the request that is sent next
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


# --- connections of urllib3, with a reader of responses that is as strict as the server's ------------------


class _Adapter(HTTPAdapter):
    """Connections that a _Watch can shut down, without retries, made on a reaching.Way."""

    def __init__(self, watch, way, head, largest):
        self._watch = watch
        self._way = way
        self._head = head
        self._largest = largest
        super(_Adapter, self).__init__(max_retries=0)

    def ask(self, prepared):
        """The response to a request, whose body is not read yet."""
        proxy = self._way.proxy
        url = self._way.proxy_url
        proxies = {str('http'): url, str('https'): url} if proxy is not None else {}
        response = self.send(
            prepared, stream=True, timeout=self._watch.left(), verify=self._way.verify, proxies=proxies
        )
        if proxy is not None and response.status_code == 407:
            raise ProxyRefused(407)
        return response

    def init_poolmanager(self, *arguments, **options):
        super(_Adapter, self).init_poolmanager(*arguments, **dict(options, **self._way.tls_options))
        self._watch_pools(self.poolmanager)

    def proxy_manager_for(self, proxy, **options):
        options = dict(options, **self._way.tls_options)
        manager = super(_Adapter, self).proxy_manager_for(proxy, **options)
        self._watch_pools(manager)
        return manager

    def proxy_headers(self, proxy):
        authorization = self._way.proxy.authorization
        return {str('Proxy-Authorization'): native(authorization)} if authorization else {}

    def _watch_pools(self, manager):
        manager.pool_classes_by_scheme = {
            scheme: _watched_pool(pool_class, self._watch, self._way, self._head, self._largest)
            for scheme, pool_class in (
                ('http', urllib3.HTTPConnectionPool), ('https', urllib3.HTTPSConnectionPool),
            )
        }  # fmt: skip


def _watched_pool(pool_class, watch, way, head, largest):
    base = pool_class.ConnectionCls

    class Response(_Response):
        limits = head, largest

    class WatchedConnection(base):
        response_class = Response

        def _new_conn(self):
            connected = way.connect(self, lambda: base._new_conn(self))
            watch.add(connected)  # a proxy may drip as well
            return connected

        def connect(self):
            base.connect(self)
            watch.add(self.sock)
            if hasattr(self.sock, 'suppress_ragged_eofs'):
                self.sock.suppress_ragged_eofs = False  # an end without a closure alert is a truncation

        def putrequest(self, method, url, *arguments, **options):
            target = str(watch.target) if url.startswith('/') else url  # a proxy gets the URL
            return base.putrequest(self, method, target, *arguments, **options)

        def send(self, data):
            if self.sock is None and self.auto_open:
                self.connect()
            if not isinstance(data, bytes) or len(data) <= _SENT_AT_ONCE:
                base.send(self, data)
            else:
                _send_listening(self.sock, data)

    class WatchedPool(pool_class):
        ConnectionCls = WatchedConnection

    return WatchedPool


class _Response(HTTPResponse):
    """What http.client makes of a connection; it reads nothing by itself. `reader` has the response."""

    limits = DEFAULT_HEAD, 0

    def __init__(self, sock, *arguments, **options):
        HTTPResponse.__init__(self, sock, *arguments, **options)
        method = options.get('method') or getattr(self, '_method', None)
        self.reader = ResponseReader(sock.recv, method, *self.limits)

    def begin(self):
        self.reader.read_head()
        self.status, self.reason, self.version = self.reader.status, native(self.reader.reason), 11
        self.msg = self.headers = HTTPMessage(io.BytesIO(b''), 0) if PY2 else HTTPMessage()
        self.chunked, self.length, self.will_close = False, None, False


def _send_listening(sock, data):
    """Send a large body until an answer of 300 or more comes: nobody will read the rest (RFC 9112 9.5)."""
    rest = memoryview(data)
    listening = hasattr(socket, 'MSG_PEEK') and not isinstance(sock, ssl.SSLSocket)
    try:
        while rest:
            if listening:
                urllib3.util.wait.wait_for_socket(sock, read=True, write=True, timeout=sock.gettimeout())
                if urllib3.util.wait_for_read(sock, timeout=0):
                    begun = sock.recv(12, socket.MSG_PEEK)
                    if not begun or begun[9:10] in (b'3', b'4', b'5'):
                        return
                    listening = False  # an upstream that goes on reading while it answers
            sent = sock.send(rest[:_SENT_AT_ONCE])
            rest = rest[sent:]
    except EnvironmentError as error:
        if error.errno not in (errno.EPIPE, errno.ECONNRESET):
            raise
        # It no longer listens, but it may have answered.
