"""What a case is made of: what the upstream does, what is asked, what must come out.

Python 2.7 reads this too, so that the inline client is held to the same table as the server.
"""

from __future__ import unicode_literals

from collections import namedtuple

#: One request and what must become of it.
#:
#: name      text, unique: `framing: closed without a length`
#: about     text, one line: what the HTTP client does; docs/http.rst shows it
#: facts     texts: what the case answers; numbers of the house's list of what asks did wrong ('6.1'), or
#:           words of the issue that asked for the case
#: exchanges list of exchanges, one for each request that reaches the upstream, on whichever connection
#: others    the same for a second upstream, `{other}` in URLs and in what is sent
#: ask       dict: arguments of client.request, and `browser` (the method that the browser used). In the
#:           URL `{netloc}` is the upstream's host and port
#: expect    an Answer, a Failure, a Cut or a Refusal
#: seen      list of Seen, one for each request that reached the upstreams, in order; None: not looked at
#: host      text: the address that the upstream listens on
#: limits    dict: HTTP settings, such as {'response_head': 2048}
Case = namedtuple(str('Case'), str('name about facts exchanges others ask expect seen host limits'))

#: The upstream's answer, passed on. headers: dict of lower-case name to the list of its values (bytes), as
#: the browser gets them; a name that is not in it is not looked at.
Answer = namedtuple(str('Answer'), str('status body headers'))

#: An answer that says what went wrong: the status and words that are in it.
Failure = namedtuple(str('Failure'), str('status words'))

#: The answer had begun when it broke: status and the beginning of the body came, and an end that shows that
#: something is missing. Where the break came before anything was passed on, it is a Failure instead,
#: with `otherwise` as its status and the words.
Cut = namedtuple(str('Cut'), str('status body otherwise words'))

#: Not sent at all: a ValueError in the view that holds the words.
Refusal = namedtuple(str('Refusal'), str('words'))

#: What the upstream must have got. line: the request line, or its beginning. headers: as in Answer.
Seen = namedtuple(str('Seen'), str('line headers body'))

#: What came of a case: status, [(lower-case name, value)] in bytes, body, and whether it came to a clean
#: end. Of a Refusal: status None and the text as body.
Outcome = namedtuple(str('Outcome'), str('status headers body clean'))


def case(
    name, about, exchanges, expect, facts=(), others=(), ask=None, seen=None, host='127.0.0.1', limits=None
):
    return Case(name, about, facts, exchanges, others, ask or {}, expect, seen, host, limits or {})


def answer(status=200, body=b'', **headers):
    """Keyword arguments are header names with _ for -, their values bytes, a list, or None for none."""
    return Answer(status, body, {_name(name): _values(value) for name, value in headers.items()})


def saw(line, body=None, **headers):
    return Seen(line, {_name(name): _values(value) for name, value in headers.items()}, body)


def _name(name):
    return name.replace('_', '-').encode('ascii')


def _values(value):
    return [] if value is None else [value] if isinstance(value, bytes) else value


# --- what an upstream does: an exchange is bytes (the answer to one request) or a list of steps ----------

CLOSE = ('close',)  # end the connection
RESET = ('reset',)  # end it with a TCP reset
STALL = ('stall',)  # say nothing until the client has closed
HEAD_ONLY = ('head_only',)  # first of all: read the head of the request and leave the body where it is
HOLD = ('hold',)  # read nothing more and keep the connection
IF_REUSED = ('if_reused',)  # first of all: an exchange for a connection that has carried one before



def send(data):
    return ('send', data)


def trickle(data):
    """Each byte in a segment of its own."""
    return ('trickle', data)


def drip(data):
    """`data` again and again, without haste, until the client has closed."""
    return ('drip', data)


def flood(data, times):
    """`data` that many times, or until the client has closed."""
    return ('flood', data, times)


def ok(body=b'hello', *headers):
    return response(b'200 OK', body, *headers)


def response(status, body, *headers):
    """A well-formed response with a Content-Length."""
    lines = (b'HTTP/1.1 ' + status,) + headers + (b'Content-Length: %d' % len(body), b'', body)
    return b'\r\n'.join(lines)


def redirect(status, location, body=b''):
    return response(status, body, b'Location: ' + location)


def chunked(*chunks):
    """A chunked body, trailers not included."""
    return b''.join(b'%x\r\n%s\r\n' % (len(chunk), chunk) for chunk in chunks) + b'0\r\n'


CHUNKED = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
