"""What a project imports: `from channels_async.client.client import client`. The path is from 2017."""

from __future__ import unicode_literals

import uuid
import warnings

from django.http import HttpRequest

from channels_async import conf, wire
from channels_async._py23 import text
from channels_async.preparing import prepare

#: What callers of 2017 could pass on to aiohttp. Each has become meaningless: the server decides.
IGNORED_ARGUMENTS = frozenset((
    'chunked', 'compress', 'conn_timeout', 'connector', 'encoding', 'expect100', 'loop', 'proxy',
    'proxy_auth', 'read_timeout', 'read_until_eof', 'request_class', 'response_class', 'skip_auto_headers',
    'version',
))  # fmt: skip

ARGUMENTS = (
    'url', 'method', 'params', 'headers', 'data', 'json', 'files', 'cookies', 'auth', 'timeout',
    'allow_redirects', 'max_redirects',
)  # fmt: skip


class Client(object):
    """Hands operations to the server, or does them itself where there is none. It holds no state."""

    def request(
        self, request, url, method='GET', params=None, headers=None, data=None, json=None, files=None,
        cookies=None, auth=None, timeout=None, allow_redirects=True, max_redirects=20, **others
    ):  # fmt: skip
        """Fetch `url` and answer `request` with what comes back. The arguments are those of requests.

        request          a view's request: returns a response, to be returned by the view;
                         or the message of a consumer, or its content: returns None, and the answer is sent
        timeout          seconds > 0 for the whole operation, queueing included; it can only shorten the
                         server's own deadline
        auth             (user, password) or an auth object of requests that needs only headers
        headers          without Accept-Encoding the browser's own goes upstream, for bodies pass undecoded

        Headers and cookies that the view or middleware set on the response go to the browser with the
        upstream's answer. Its status is the upstream's: a response whose status_code somebody changes is an
        answer of its own, without content, and nothing is handed off.

        When the browser asked with HEAD, GET becomes HEAD. The operation leaves when the response leaves
        the worker, after all middleware and after ATOMIC_REQUESTS has committed. A full channel is tried
        for CHANNELS_ASYNC_CLIENT['SEND_TIMEOUT'] and then answered 503; so is a layer that is down.

        Under WSGI, in Django's test client and with CHANNELS_ASYNC = False the operation is done here and
        now, with the same arguments, limits and errors.

        Raises TypeError for an unknown argument or one of a wrong type, ValueError for a wrong value.
        """
        _check_others(others)
        caller = _caller(request)
        if caller.method == 'HEAD' and method in ('GET', b'GET'):
            method = 'HEAD'
        fields = prepare(
            url=url, method=method, params=params, headers=headers, data=data, json=json, files=files,
            cookies=cookies, auth=auth, accept_encoding=caller.accept_encoding,
        )  # fmt: skip
        fields.update(allow_redirects=allow_redirects, max_redirects=max_redirects)
        return _answer(caller, 'REQUEST', timeout, fields)


def _answer(caller, operation, timeout, details):
    """Have the caller answered by an operation; what it returns is what the view returns.

    details  dict of the operation's own fields on the wire
    """
    fields = dict(
        details, operation=operation, id=text(uuid.uuid4().hex), head=caller.method == 'HEAD', timeout=timeout
    )
    # Refused here if it is to be refused; on the server nobody could be told.
    wire.encode(reply_channel='check', **fields)
    return caller.answer(fields)


def _check_others(others):
    for name in sorted(others):
        if name not in IGNORED_ARGUMENTS:
            raise TypeError("client.request() has no argument '{}'; did you mean '{}'? It has: {}".format(
                name, conf.nearest(name, ARGUMENTS), ', '.join(ARGUMENTS)))
    for name in sorted(others):
        warnings.warn(
            "client.request() ignores '{}', an argument of the aiohttp client of 2017".format(name),
            DeprecationWarning, stacklevel=3,
        )  # fmt: skip


def _caller(request):
    """What kind of thing was passed as `request`, as an object that can answer it."""
    from channels_async import callers  # channels may be absent under WSGI

    inner = getattr(request, '_request', request)  # Django REST framework wraps the request
    if isinstance(inner, HttpRequest):
        return callers.ViewCaller(inner)
    if callers.is_message(request):
        return callers.ConsumerCaller(request)
    raise TypeError('request must be a request of Django or a message of channels, not {}'.format(
        type(request).__name__))


client = Client()
