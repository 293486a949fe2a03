"""What a message means once it is understood: an Operation and its details; or a BadMessage."""

from __future__ import unicode_literals

from channels_async._py23 import urlsplit


class BadMessage(ValueError):
    """A message that is no operation. The text never holds values of the message, so it may be logged.

    reason         text: what is wrong, and in which field
    reply_channel  text or None: where an error can be answered; None when the message names no usable channel
    reply_format   'http', 'websocket', 'message' or 'none': the form of that answer
    id             text or None: the operation's id, if the message had a usable one
    wrong_type     bool: a value has the wrong type, rather than a wrong value of the right type
    """

    def __init__(self, reason, reply_channel=None, reply_format='http', id=None, wrong_type=False):
        super(BadMessage, self).__init__(reason)
        self.reason = reason
        self.reply_channel = reply_channel
        self.reply_format = reply_format
        self.id = id
        self.wrong_type = wrong_type


class _Record(object):
    """Slots that compare by value and print without secrets.

    Each class has an __init__ written out: two of these are made of every message that a server takes. The
    arguments are in the order of the slots, but for an Operation's details, as what is optional comes last.
    """

    __slots__ = ()
    #: Slots whose values may be printed. Everything else may hold passwords, tokens or personal data.
    _shown = ()

    def __eq__(self, other):
        if type(self) is not type(other):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    def __ne__(self, other):
        return not self == other

    __hash__ = None

    def __repr__(self):
        shown = ' '.join(str('{}={!s}').format(name, getattr(self, name)) for name in self._shown)
        return str('<{} {}>').format(type(self).__name__, shown)


class Request(_Record):
    """The details of a REQUEST: one HTTP request to an upstream.

    method           text: a token of RFC 9110 section 9.1, upper case
    url              text: absolute http or https URI, ASCII, without userinfo, at most limits.MAX_URL long
    headers          list of (bytes, bytes): checked names and values, in order, duplicates kept
    body             bytes or None
    allow_redirects  bool
    max_redirects    int, 0 to limits.MAX_REDIRECTS
    retries          int, 0 to limits.MAX_RETRIES: how often it may be tried again after a failure
    idempotent       bool: doing it twice is as good as once, whatever the method

    Only set by messages of the 2017 client, else None; the HTTP client folds them in:

    params           list of (text, text): to be added to the URL's query
    data             list of (text, text): a form; or bytes: a body
    json             bytes: an encoded JSON text
    cookies          list of (text, text)
    auth             (text, text): user and password for basic authentication
    """

    __slots__ = (  # noqa: RUF023 - as they are documented
        'method', 'url', 'headers', 'body', 'allow_redirects', 'max_redirects', 'retries', 'idempotent',
        'params', 'data', 'json', 'cookies', 'auth',
    )

    def __init__(
        self, method, url, headers, body, allow_redirects, max_redirects, retries=0, idempotent=False,
        params=None, data=None, json=None, cookies=None, auth=None
    ):  # fmt: skip
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.allow_redirects = allow_redirects
        self.max_redirects = max_redirects
        self.retries = retries
        self.idempotent = idempotent
        self.params = params
        self.data = data
        self.json = json
        self.cookies = cookies
        self.auth = auth

    def __repr__(self):
        return _shown_http(self)


class Forward(_Record):
    """The details of a FORWARD: the browser's own request, for an upstream of the site's.

    method          text, as in Request
    url             text, as in Request: where it goes, path and query included
    headers         list of (bytes, bytes): what the upstream gets; hop-by-hop headers are gone, those of a
                    proxy (X-Forwarded-For, Via, Forwarded) are there
    body            bytes or None: the body, or what of it came with the request itself
    body_channel    text or None: the channel on which daphne has put the rest of the body
    content_length  int or None: bytes of the whole body, where the browser has told it
    cookie_domain   text or None: the Domain that cookies of the upstream get; '' takes theirs away;
                    None leaves them as they are
    location        (text, text) or None: what a Location, Content-Location or Refresh of the upstream begins
                    with, and what takes its place
    retries, idempotent  as in Request
    """

    __slots__ = (  # noqa: RUF023 - as they are documented
        'method', 'url', 'headers', 'body', 'body_channel', 'content_length', 'cookie_domain', 'location',
        'retries', 'idempotent',
    )

    def __init__(
        self, method, url, headers, body, body_channel, content_length, cookie_domain, location, retries,
        idempotent
    ):  # fmt: skip
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.body_channel = body_channel
        self.content_length = content_length
        self.cookie_domain = cookie_domain
        self.location = location
        self.retries = retries
        self.idempotent = idempotent

    def __repr__(self):
        return _shown_http(self)


class Call(_Record):
    """The details of a CALL: a Python function that the server's settings name.

    function  text: the name in the settings
    args      list of values: bytes, text, numbers, bools, None, lists of them, dicts of them by text
    kwargs    dict of values by text
    """

    __slots__ = ('function', 'args', 'kwargs')  # noqa: RUF023
    _shown = ('function',)

    def __init__(self, function, args, kwargs):
        self.function = function
        self.args = args
        self.kwargs = kwargs


class Command(_Record):
    """The details of a COMMAND: a command line that the server's settings name.

    command         text: the name in the settings
    parameters      dict of text by text: what the placeholders of the command line become
    stdin           bytes or None: what the process reads, or the beginning of it
    body_channel    text or None: the channel on which daphne has put the rest of it
    content_length  int or None: bytes of all of it, where the browser has told it
    """

    __slots__ = ('command', 'parameters', 'stdin', 'body_channel', 'content_length')  # noqa: RUF023
    _shown = ('command',)

    def __init__(self, command, parameters, stdin, body_channel, content_length):
        self.command = command
        self.parameters = parameters
        self.stdin = stdin
        self.body_channel = body_channel
        self.content_length = content_length


def _shown_http(details):
    parts = urlsplit(details.url)
    host = parts.netloc.rpartition('@')[2]  # the path and the query may hold tokens
    return str('<{} {} {}://{}>').format(type(details).__name__, details.method, parts.scheme, host)


class Operation(_Record):
    """What a client asks for, validated.

    name              'REQUEST', 'FORWARD', 'CALL' or 'COMMAND'
    version           1 for messages of the 2017 client, 2 for ours
    id                text: names the operation in logs and errors; a 2017 message gets a fresh uuid4 hex
    reply_channel     text: a valid channel name; None where reply_format is 'none'
    reply_format      'http', 'websocket', 'message' or 'none'
    head              bool: the browser asked with HEAD, so the answer must be one message without content,
                      whatever the method of the operation is (daphne writes later chunks raw)
    sent_at           float or None: epoch seconds, never later than the `now` that parse() was given
    timeout           float or None: seconds from sent_at, > 0
    response_headers  list of (bytes, bytes): what the site's middleware put on the response
    ignored           tuple of text: fields of a 2017 message that were left out, sorted
    traceparent       text or None: which trace it belongs to (W3C Trace Context); None for 2017 messages
    tracestate        text or None: what goes with it
    details           Request, Forward, Call or Command
    """

    __slots__ = (  # noqa: RUF023 - as they are documented
        'name', 'version', 'id', 'reply_channel', 'reply_format', 'head', 'sent_at', 'timeout',
        'response_headers', 'ignored', 'traceparent', 'tracestate', 'details',
    )
    _shown = ('name', 'id', 'reply_channel', 'details')

    def __init__(
        self, name, version, id, reply_channel, reply_format, head, sent_at, timeout, response_headers,
        ignored, details, traceparent=None, tracestate=None
    ):  # fmt: skip
        self.name = name
        self.version = version
        self.id = id
        self.reply_channel = reply_channel
        self.reply_format = reply_format
        self.head = head
        self.sent_at = sent_at
        self.timeout = timeout
        self.response_headers = response_headers
        self.ignored = ignored
        self.details = details
        self.traceparent = traceparent
        self.tracestate = tracestate
