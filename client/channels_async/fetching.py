"""One HTTP exchange with requests, as bytes, within a deadline; errors in the words of the server."""

from __future__ import unicode_literals

import contextlib
import os
import re
import socket
import ssl
import threading

import requests
import urllib3
from requests.adapters import HTTPAdapter

from channels_async import http_rules
from channels_async._py23 import monotonic, native, text, urlsplit

try:
    from http.client import HTTPException
except ImportError:  # Python 2
    from httplib import HTTPException

CHUNK = 64 * 1024  # bytes read at once

_FOLD = re.compile(br'(?:\r?\n[ \t]+)+')  # RFC 9112 section 5.2
_DIGITS = re.compile(br'[0-9]{1,18}\Z')
_HEADER_FAULT = re.compile(br'[\0\r\n]')

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
        with _failures_named(self._netloc, self._watch):
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
    # Not a Session: that one reads and closes a redirect that is not to be followed (sessions.py, `_next`).
    adapter = _Adapter(watch)
    try:
        return _follow(request, adapter, watch, largest)
    except BaseException:
        watch.cancel()
        adapter.close()
        raise


def _follow(request, adapter, watch, largest):
    step = request.method, request.url, request.headers, request.body
    for _ in range(request.max_redirects + 1):
        netloc = urlsplit(step[1]).netloc
        with _failures_named(netloc, watch):
            response = adapter.send(_prepared(*step), stream=True, timeout=watch.left(), verify=True)
        watch.check()
        if response.status_code < 200:
            raise FetchError(502, '{}: not a valid HTTP response'.format(netloc))
        headers = _raw_headers(response.raw)
        length = _length(netloc, headers)
        location = response.raw.headers.get('Location')
        following = _redirected(step, response.status_code, location) if request.allow_redirects else None
        if following is None:
            if 0 < largest < length and http_rules.has_body(step[0], response.status_code):
                raise _too_large(netloc, largest)
            return Upstream(netloc, response, headers, watch, adapter, largest)
        response.close()
        step = following
    raise FetchError(502, '{}: more than {} redirects'.format(netloc, request.max_redirects))


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


class _Adapter(HTTPAdapter):
    """Connections that a _Watch can shut down, without retries."""

    def __init__(self, watch):
        self._watch = watch
        super(_Adapter, self).__init__(max_retries=0)

    def init_poolmanager(self, *arguments, **options):
        super(_Adapter, self).init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = {
            'http': _watched_pool(urllib3.HTTPConnectionPool, self._watch),
            'https': _watched_pool(urllib3.HTTPSConnectionPool, self._watch),
        }


def _watched_pool(pool_class, watch):
    class WatchedConnection(pool_class.ConnectionCls):
        def connect(self):
            pool_class.ConnectionCls.connect(self)
            watch.add(self.sock)

    class WatchedPool(pool_class):
        ConnectionCls = WatchedConnection

    return WatchedPool


# --- errors ----------------------------------------------------------------------------------------


@contextlib.contextmanager
def _failures_named(netloc, watch):
    """What requests, urllib3, http.client and sockets raise, as FetchError."""
    try:
        yield
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
