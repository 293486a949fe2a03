"""What requests, urllib3, http.client and sockets raise, in the words of the server."""

from __future__ import unicode_literals

import contextlib
import os
import re
import socket
import ssl

import requests
import urllib3

from channels_async.reading import BadResponse, Ended

try:
    from http.client import HTTPException
except ImportError:  # Python 2
    from httplib import HTTPException

_TIMEOUTS = (socket.timeout, urllib3.exceptions.TimeoutError)
_FAILURES = (
    requests.exceptions.RequestException, urllib3.exceptions.HTTPError, HTTPException, EnvironmentError,
)  # fmt: skip


class FetchError(Exception):
    """The upstream failed (status 502) or was late (504); `reason` is for the one who waits.

    passing  bool: another attempt may not meet it
    """

    def __init__(self, status, reason, passing=False):
        super(FetchError, self).__init__(reason)
        self.status = status
        self.reason = reason
        self.passing = passing


class ProxyRefused(Exception):
    """The proxy does not pass a request on."""


def late():
    """The FetchError for an upstream that was."""
    return FetchError(504, "the upstream took longer than the operation's deadline")


@contextlib.contextmanager
def failures_named(netloc, watch):
    """What requests, urllib3, http.client and sockets raise, as FetchError."""
    try:
        yield
    except ProxyRefused as error:
        raise FetchError(502, '{}: {}'.format(netloc, _proxy_refused(error.args[0])))
    except BadResponse as error:
        if watch.expired:
            raise late()
        raise FetchError(502, '{}: {}'.format(netloc, error), passing=isinstance(error, Ended))
    except _FAILURES as error:
        if watch.expired or _was_late(error):
            raise late()
        raise FetchError(502, '{}: {}'.format(netloc, _reason(error)), passing=True)


def _was_late(error):
    if _find(error, urllib3.exceptions.NewConnectionError) is not None:
        return False  # urllib3 1.x counts a refused connection among the timeouts
    return isinstance(error, requests.exceptions.Timeout) or _find(error, _TIMEOUTS) is not None


def _reason(error):
    """One line for the browser, in the server's words, without addresses (server_trio/http/connect.py)."""
    if _find(error, urllib3.exceptions.ProxyError) is not None:
        return _proxy_reason(error)
    return _own_reason(error)


def _proxy_reason(error):
    tunnel = re.search(r'Tunnel connection failed: ([0-9]{3})', '{}'.format(error))
    if tunnel is not None:
        return _proxy_refused(int(tunnel.group(1)))
    reason = _own_reason(error)
    for begin in ('cannot resolve the host', 'cannot connect'):
        if reason.startswith(begin):
            to = ' of the proxy' if begin.endswith('host') else ' to the proxy'
            return begin + to + reason[len(begin):]
    return 'the proxy failed'


def _proxy_refused(status):
    why = ': it asks for a name and password' if status == 407 else ''
    return 'the proxy refused with status {}{}'.format(status, why)


def _own_reason(error):
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
