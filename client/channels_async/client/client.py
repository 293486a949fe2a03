"""What a project imports: `from channels_async.client.client import client`. The path is from 2017."""

from __future__ import unicode_literals

import uuid
import warnings

from django.http import HttpRequest

from channels_async import calling, conf, elsewhere, forwarding, wire
from channels_async._py23 import text
from channels_async.commanding import prepare_command
from channels_async.elsewhere import OWN
from channels_async.preparing import prepare
from channels_async.sending import NotSent  # noqa: F401 - for callers to catch

#: What callers of 2017 could pass on to aiohttp. Each has become meaningless: the server decides.
IGNORED_ARGUMENTS = frozenset((
    'chunked', 'compress', 'conn_timeout', 'connector', 'encoding', 'expect100', 'loop', 'proxy',
    'proxy_auth', 'read_timeout', 'read_until_eof', 'request_class', 'response_class', 'skip_auto_headers',
    'version',
))  # fmt: skip

ARGUMENTS = (
    'url', 'method', 'params', 'headers', 'data', 'json', 'files', 'cookies', 'auth', 'timeout',
    'allow_redirects', 'max_redirects', 'retries', 'idempotent', 'reply_to', 'reply_format',
)  # fmt: skip


class Client(object):
    """Hands operations to the server, or does them itself where there is none. It holds no state.

    All methods have these arguments:

    request       who asks: a view's request, which the view answers with what the method returns; or the
                  message of a consumer, or its content: nothing is returned, and the answer is sent
    timeout       seconds > 0 for the whole operation, queueing included; it can only shorten the server's
                  own deadline
    reply_to      the name of a channel: the answer goes there as messages (wire/results.py), and the method
                  returns the operation's id, text, which is in each of them. None: the operation is done
                  and nobody is answered; the id is returned. `request` may then be None.
                  It leaves when the open transaction has been committed (not on Django 1.8, which cannot
                  tell). Raises NotSent where it cannot; in a transaction, out of the end of that
    reply_format  'http', 'websocket' or 'message': what the answer looks like on its channel. Chosen by
                  itself: frames for the message of a WebSocket, messages for `reply_to`, else HTTP
    """

    def request(
        self, request, url, method='GET', params=None, headers=None, data=None, json=None, files=None,
        cookies=None, auth=None, timeout=None, allow_redirects=True, max_redirects=20, retries=0,
        idempotent=False, reply_to=OWN, reply_format=None, **others
    ):  # fmt: skip
        """Fetch `url` and answer `request` with what comes back. The arguments are those of requests.

        auth             (user, password) or an auth object of requests that needs only headers
        headers          without Accept-Encoding the browser's own goes upstream, for bodies pass undecoded
        retries          int: how often it may be tried again after a failure that a second try may mend
        idempotent       bool: doing it twice is as good as once, also where the method does not say so

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
        caller = _caller(request, reply_to)
        if reply_to is OWN and caller.method == 'HEAD' and method in ('GET', b'GET'):
            method = 'HEAD'
        fields = prepare(
            url=url, method=method, params=params, headers=headers, data=data, json=json, files=files,
            cookies=cookies, auth=auth,
            accept_encoding=caller.accept_encoding if reply_to is OWN else None,
        )  # fmt: skip
        fields.update(
            allow_redirects=allow_redirects, max_redirects=max_redirects, retries=retries,
            idempotent=idempotent,
        )  # fmt: skip
        return _answer(caller, 'REQUEST', timeout, fields, reply_to, reply_format)

    def forward(
        self, request, url, path=None, mount=None, headers=None, remove_headers=(), preserve_host=False,
        cookie_domain=None, rewrite_location=True, timeout=None, retries=0, idempotent=False, reply_to=OWN,
        reply_format=None
    ):  # fmt: skip
        """Send the browser's request on to an upstream of the site's own, as a reverse proxy does.

        Method, query, headers and body are the browser's, and nothing is followed: what the upstream
        answers goes to the browser, cookies and redirects included. docs/forward.rst has the details.

        url               where the upstream is: 'http://backend:8000/api/'. Without path and mount the
                          request goes to this very URL, whatever its own path is
        mount             '/api/', as in the URL patterns: what follows it in the request's path is added
        path              text, decoded, as a pattern captures it: this is added instead
        headers           dict: in place of the browser's of that name; None takes away what would be there
        remove_headers    names of the browser's headers that the upstream does not get, as ['Cookie']
        preserve_host     the upstream gets the browser's Host instead of its own name
        cookie_domain     the Domain of cookies that have one; '' takes it away
        rewrite_location  redirects within the upstream's URL lead to the site's. False: they pass as they
                          are. A pair says what a Location begins with and what takes its place
        retries, idempotent  as in request(). A body that comes over a body channel is sent once

        X-Forwarded-For, -Proto, -Host and -Port get what is known of the browser's connection appended, and
        Via a name. What happens to the response that is returned is told in request(). A request that
        cannot be sent on is answered: headers too large 431, the URL 414, the method 501, the body 413.

        Raises TypeError for arguments of a wrong type, ValueError for wrong values, for a request that is
        no HTTP request or not below the mount, and under WSGI for one whose body somebody has read.
        """
        caller = _caller(request, reply_to)
        try:
            fields = forwarding.prepare(
                caller.incoming(), url, path, mount, headers, remove_headers, preserve_host, cookie_domain,
                rewrite_location,
            )  # fmt: skip
        except forwarding.CannotForward as error:
            if reply_to is not OWN:
                raise
            fields = dict(operation='FORWARD', id=text(uuid.uuid4().hex), head=caller.method == 'HEAD')
            return caller.refuse(fields, error.status, error.reason)
        fields.update(retries=retries, idempotent=idempotent)
        return _answer(caller, 'FORWARD', timeout, fields, reply_to, reply_format)

    def call(
        self, request, function, args=(), kwargs=None, timeout=None, reply_to=OWN, reply_format=None
    ):  # fmt: skip
        """Call a Python function in the server and answer `request` with what it returns.

        function      the name that CHANNELS_ASYNC_SERVER['CALLS'] of the server has for it, or that it got
                      with @call in a module of 'CALL_MODULES'; nothing else can be called
        args, kwargs  text, bytes, numbers, bools, None, lists and dicts with text as keys; tuples arrive as
                      lists, lazy texts as text. On Python 2 a str is text where it is ASCII, bytes where it
                      is not; a bytearray is always bytes

        A dict or list becomes JSON, text text/plain, None 204; docs/call.rst has the others. A function that
        fails is an answer of 500, one that the server does not have 403, one that takes too long 504.
        What happens to the response that is returned is told in request().

        Raises TypeError and ValueError that name what no message carries, such as args[0]['when'].
        """
        caller = _caller(request, reply_to)
        args, kwargs = calling.arguments(args, kwargs)
        fields = {'function': calling.function_name(function), 'args': args, 'kwargs': kwargs}
        return _answer(caller, 'CALL', timeout, fields, reply_to, reply_format)

    def command(
        self, request, command, parameters=None, stdin=None, timeout=None, reply_to=OWN, reply_format=None
    ):
        """Run a command line of the settings and answer `request` with its output, as it comes.

        command     the name that CHANNELS_ASYNC_SERVER['COMMANDS'] of the server has for it; nothing else
                    can be run
        parameters  dict of what the placeholders of the command line become: text or numbers by name. Each
                    must match its pattern in the settings
        stdin       what the program reads: bytes, text (as UTF-8), a file; or the request or message itself,
                    whose body (of a WebSocket: whose frame) it is then

        Headers and cookies that the view or middleware set on the response go to the browser with the output.
        A program that fails is an answer of 500, if it has not written anything before; else the answer is
        cut short. A parameter that does not match is 400, a command that there is not 403, one that takes
        too long 504: then the program is ended, and all that it has started.

        Raises TypeError for an argument of a wrong type, ValueError for a wrong value.
        """
        caller = _caller(request, reply_to)
        fields = prepare_command(command, parameters, stdin)
        return _answer(caller, 'COMMAND', timeout, fields, reply_to, reply_format)

    def cancel(self, message):
        """Cancel the operations, running or waiting, whose answers would go to the browser of a message.

        message  a consumer's, or its content: that of websocket.disconnect, for example, or of a frame that
                 says that nothing more is wanted. A view's request is none, for its browser still waits

        What is asked for afterwards on the same connection goes on.
        Where the server follows http.disconnect itself this need not be called for it. Operations with a
        `reply_to` of their own go on. Nothing is raised where the servers cannot be told: they go on too.
        """
        from channels_async import callers  # channels may be absent under WSGI

        if not callers.is_message(message):
            raise TypeError('cancel() takes the message of a consumer, not {}'.format(type(message).__name__))
        callers.ConsumerCaller(message).cancel()


def _answer(caller, operation, timeout, details, reply_to=OWN, reply_format=None):
    """Have the caller, or another channel, answered by an operation; returns what the method returns.

    details  dict of the operation's own fields on the wire
    """
    elsewhere.check_format(reply_format)
    fields = dict(details, operation=operation, id=text(uuid.uuid4().hex), timeout=timeout)
    fields.update(caller.trace())
    if reply_to is OWN:
        if reply_format is not None and reply_format not in caller.formats:
            raise ValueError("reply_format must be 'http' in a view, whose answer is a response; reply_to= "
                             'sends the answer to another channel')
        fields.update(head=caller.method == 'HEAD', reply_format=reply_format or caller.formats[0])
        reply_channel = 'check'
    else:
        reply_channel, fields['reply_format'] = elsewhere.destination(reply_to, reply_format)
    # Refused here if it is to be refused; on the server nobody could be told.
    wire.encode(reply_channel=reply_channel, **fields)
    if reply_to is OWN:
        return caller.answer(fields)
    return elsewhere.send_off(caller.layer(), fields, reply_channel)


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


def _caller(request, reply_to=OWN):
    """What kind of thing was passed as `request`, as an object that can answer it."""
    from channels_async import callers  # channels may be absent under WSGI

    if request is None and reply_to is not OWN:
        return callers.Nobody()
    inner = getattr(request, '_request', request)  # Django REST framework wraps the request
    if isinstance(inner, HttpRequest):
        return callers.ViewCaller(inner)
    if callers.is_message(request):
        return callers.ConsumerCaller(request)
    raise TypeError('request must be a request of Django or a message of channels, not {}{}'.format(
        type(request).__name__, '; without one, reply_to says where the answer goes' * (request is None)))


client = Client()
