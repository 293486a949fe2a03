"""One HTTP exchange with requests, as bytes, within a deadline; errors in the words of the server."""

from __future__ import unicode_literals

import contextlib
import errno
import io
import os
import re
import socket
import ssl
import threading

import requests
import urllib3
from requests.adapters import HTTPAdapter

from channels_async import http_rules
from channels_async._py23 import PY2, monotonic, native, text, urlsplit
from channels_async.reading import BadResponse, ResponseReader

try:
    from http.client import HTTPException, HTTPMessage, HTTPResponse
except ImportError:  # Python 2
    from httplib import HTTPException, HTTPMessage, HTTPResponse

#: Bytes of status line and headers; what CHANNELS_ASYNC_SERVER['HTTP']['response_head'] is without a value.
DEFAULT_HEAD = 64 * 1024

#: Bytes sent at once before looking for an answer. An upstream that answers early without reading on can
#: stall only what is larger than its receive buffer, and none is smaller than this.
_SENT_AT_ONCE = 32 * 1024

_TIMEOUTS = (socket.timeout, urllib3.exceptions.TimeoutError)
_FAILURES = (
    requests.exceptions.RequestException, urllib3.exceptions.HTTPError, HTTPException, EnvironmentError,
)  # fmt: skip


class FetchError(Exception):
    """The upstream failed (status 502) or was late (504); `reason` is for the one who waits."""

    def __init__(self, status, reason):
        super(FetchError, self).__init__(reason)
        self.status = status
        self.reason = reason


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
        with _failures_named(self._netloc, self._watch):
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
    # Not a Session: that one reads and closes a redirect that is not to be followed (sessions.py, `_next`).
    adapter = _Adapter(watch, head, largest)
    try:
        return _follow(request, adapter, watch)
    except BaseException:
        watch.cancel()
        adapter.close()
        raise


def _follow(request, adapter, watch):
    step = request.method, request.url, request.headers, request.body
    for _ in range(request.max_redirects + 1):
        netloc = urlsplit(step[1]).netloc
        watch.target = _target(step[1])
        with _failures_named(netloc, watch):
            response = adapter.send(_prepared(*step), stream=True, timeout=watch.left(), verify=True)
        watch.check()
        following = _redirected(step, _reader(response)) if request.allow_redirects else None
        if following is None:
            return Upstream(netloc, response, watch, adapter)
        response.close()
        step = following
    raise FetchError(502, '{}: more than {} redirects'.format(netloc, request.max_redirects))


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
            raise _late()

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


def _late():
    return FetchError(504, "the upstream took longer than the operation's deadline")


# --- connections of urllib3, with a reader of responses that is as strict as the server's ------------------


class _Adapter(HTTPAdapter):
    """Connections that a _Watch can shut down, without retries."""

    def __init__(self, watch, head, largest):
        self._watch = watch
        self._head = head
        self._largest = largest
        super(_Adapter, self).__init__(max_retries=0)

    def init_poolmanager(self, *arguments, **options):
        super(_Adapter, self).init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = {
            scheme: _watched_pool(pool_class, self._watch, self._head, self._largest)
            for scheme, pool_class in (
                ('http', urllib3.HTTPConnectionPool), ('https', urllib3.HTTPSConnectionPool),
            )
        }  # fmt: skip


def _watched_pool(pool_class, watch, head, largest):
    base = pool_class.ConnectionCls

    class Response(_Response):
        limits = head, largest

    class WatchedConnection(base):
        response_class = Response

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


# --- errors ----------------------------------------------------------------------------------------


@contextlib.contextmanager
def _failures_named(netloc, watch):
    """What requests, urllib3, http.client and sockets raise, as FetchError."""
    try:
        yield
    except BadResponse as error:
        if watch.expired:
            raise _late()
        raise FetchError(502, '{}: {}'.format(netloc, error))
    except _FAILURES as error:
        if watch.expired or _was_late(error):
            raise _late()
        raise FetchError(502, '{}: {}'.format(netloc, _reason(error)))


def _was_late(error):
    if _find(error, urllib3.exceptions.NewConnectionError) is not None:
        return False  # urllib3 1.x counts a refused connection among the timeouts
    return isinstance(error, requests.exceptions.Timeout) or _find(error, _TIMEOUTS) is not None


def _reason(error):
    """One line for the browser, in the server's words, without addresses (server_trio/http/connect.py)."""
    tls = _find(error, (ssl.SSLError, ssl.CertificateError, urllib3.exceptions.SSLError))
    if tls is not None or isinstance(error, requests.exceptions.SSLError):
        return 'TLS failed: {}'.format(_tls_reason(tls))
    failure = _find(error, (socket.gaierror, socket.error))
    number, words = getattr(failure, 'errno', None), getattr(failure, 'strerror', None)
    connecting = _find(error, urllib3.exceptions.NewConnectionError)
    if connecting is not None and failure is None:  # Python 2 chains no exceptions, but the text has it
        found = re.search(r'\[Errno (-?[0-9]+)\] ([^\n]*)', '{}'.format(connecting))
        number, words = (int(found.group(1)), found.group(2)) if found else (None, None)
    if isinstance(failure, socket.gaierror) or (number or 0) < 0:
        return 'cannot resolve the host: {}'.format(words)
    if connecting is not None:
        return 'cannot connect: {}'.format(os.strerror(number) if number else 'no address answered')
    return 'the connection broke' if number else 'not a valid HTTP response'


def _tls_reason(error):
    verdict = getattr(error, 'verify_message', None)
    reason = getattr(error, 'reason', None)
    if verdict or reason == 'CERTIFICATE_VERIFY_FAILED' or isinstance(error, ssl.CertificateError):
        return 'certificate refused: {}'.format(verdict or 'not valid for this host')
    return reason.replace('_', ' ').lower() if isinstance(reason, str) else 'the handshake failed'


def _find(error, kinds):
    """The first exception of `kinds` among those that `error` was made of: its arguments, reason and causes.

    Those of requests do not count: on Python 3 all of them are OSErrors.
    """
    waiting, seen = [error], set()
    while waiting:
        found = waiting.pop(0)
        if id(found) in seen or not isinstance(found, BaseException):
            continue
        if isinstance(found, kinds) and not isinstance(found, requests.exceptions.RequestException):
            return found
        seen.add(id(found))
        waiting += list(found.args)
        waiting += [getattr(found, name, None) for name in ('reason', '__cause__', '__context__')]
    return None
