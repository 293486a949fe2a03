"""Where a response ends: lengths, chunks, connections that close, interim responses."""

from __future__ import unicode_literals

from .model import (
    CHUNKED, CLOSE, RESET, Cut, Failure, answer, case, chunked, ok, response, saw, send, trickle,
)  # fmt: skip

OK = b'HTTP/1.1 200 OK\r\n'
INVALID = 'not a valid HTTP response'


def plain(name, about, sent, body=b'hello', facts=(), closing=False):
    """A case whose answer is 200 with that body."""
    exchange = [send(sent), CLOSE] if closing else sent
    return case(name, about, [exchange], answer(200, body), facts)


def refused(name, about, head, words=INVALID):
    """A case of a response whose end is not certain."""
    return case(name, about, [[send(OK + head + b'\r\n\r\nhello'), CLOSE]], Failure(502, words))


CASES = [
    case(
        'framing: a length', 'A body of Content-Length is passed on, and so is the length.',
        [ok()], answer(200, b'hello', content_length=b'5', transfer_encoding=None),
    ),
    case(
        'framing: chunks', 'Chunks are taken apart; no length is made up.',
        [CHUNKED + chunked(b'hel', b'lo') + b'\r\n'],
        answer(200, b'hello', content_length=None, transfer_encoding=None),
    ),
    plain(
        'framing: closed without a length', 'A body without any length ends with the connection.',
        OK + b'\r\nhello', facts=('6.5', '6.20'), closing=True,
    ),
    plain('framing: HTTP/1.0', 'HTTP/1.0 is understood.', b'HTTP/1.0 200 OK\r\n\r\nhello', closing=True,
          facts=('HTTP/1.0',)),
    plain(
        'framing: HTTP/1.0 that keeps the connection', 'HTTP/1.0 with a length may keep its connection.',
        b'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello', facts=('6.11',),
    ),
    plain('framing: identity', 'Transfer-Encoding: identity is none.',
          OK + b'Transfer-Encoding: identity\r\n\r\nhello', closing=True),
    plain('framing: lines that end in LF', 'Bare line feeds, as old CGIs write them, are understood.',
          b'HTTP/1.1 200 OK\nContent-Length: 5\n\nhello'),
    plain('framing: no reason', 'A status line may be without a reason.',
          b'HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello'),
    plain('framing: chunk sizes in capitals', 'Chunk sizes may be in capitals and have zeros before them.',
          CHUNKED + b'000A\r\n0123456789\r\n0\r\n\r\n', b'0123456789'),
    plain('framing: chunk sizes with spaces', 'Chunk sizes may be padded with spaces, as old Java does it.',
          CHUNKED + b'5  \r\nhello\r\n0  \r\n\r\n'),
    plain('framing: chunk extensions', 'Chunk extensions are passed over.',
          CHUNKED + b'3;a=b;c\r\nhel\r\n2;d="e;f"\r\nlo\r\n0;x\r\n\r\n', facts=('chunk extensions',)),
    plain('framing: trailers', 'Trailers are dropped: the browser could not be told of them before.',
          CHUNKED + chunked(b'hello') + b'X-Sum: 1\r\nSet-Cookie: a=b\r\n\r\n',
          facts=('6.8', 'trailers')),
    case(
        'framing: trailers become no headers', 'A trailer never becomes a header.',
        [CHUNKED + chunked(b'hello') + b'X-Sum: 1\r\n\r\n'], answer(200, b'hello', x_sum=None), ('6.8',),
    ),
    plain('framing: an answer byte by byte', 'An answer may come byte by byte.', b'', facts=('one byte',))
    ._replace(exchanges=[[trickle(CHUNKED + chunked(b'hello') + b'\r\n')]]),
    plain('framing: 100 unasked', 'A 100 (Continue) that nobody asked for is passed over.',
          b'HTTP/1.1 100 Continue\r\n\r\n' + ok(), facts=('6.4', '100-continue')),
    case(
        'framing: 103 and 102', 'Interim responses are passed over, and so are their headers.',
        [b'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n' + ok()],
        answer(200, b'hello', link=None), ('6.4',),
    ),
    case(
        'framing: HEAD', 'An answer to HEAD has no body, and keeps the length that it tells.',
        [response(b'200 OK', b'')[:-5] + b'10\r\n\r\n'], answer(200, b'', content_length=b'10'),
        ('6.3',), ask={'browser': 'HEAD'}, seen=[saw(b'HEAD / ')],
    ),
    case('framing: HEAD with chunks', 'An answer to HEAD may be announced in chunks.',
         [CHUNKED], answer(200, b''), ask={'browser': 'HEAD'}),
    case('framing: 204', 'A 204 has no body and no length.', [b'HTTP/1.1 204 No Content\r\n\r\n'],
         answer(204, b'', content_length=None), ('6.3', '6.20')),
    case('framing: 304', 'A 304 has no body, whatever length it tells.',
         [b'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: "x"\r\n\r\n'],
         answer(304, b'', content_length=b'5', etag=b'"x"'), ('6.1',)),
    plain('framing: nothing', 'A body of no bytes is no error.', ok(b''), b'', facts=('6.20',)),
    # --- ends that are none
    case(
        'cut: within the length', 'A body that is shorter than its length is cut off for the browser, too.',
        [[send(OK + b'Content-Length: 10\r\n\r\nhello'), CLOSE]], Cut(200, b'hello', 502, 'ended'),
        ('truncated',),
    ),
    case(
        'cut: between chunks', 'A chunked body without its last chunk is cut off for the browser, too.',
        [[send(CHUNKED + b'5\r\nhello\r\n'), CLOSE]], Cut(200, b'hello', 502, 'ended'), ('truncated',),
    ),
    case(
        'cut: within a chunk', 'A chunk that ends early is cut off for the browser, too.',
        [[send(CHUNKED + b'a\r\nhello'), CLOSE]], Cut(200, b'hello', 502, 'ended'), ('truncated',),
    ),
    case(
        'cut: before the end of the trailers', 'The last chunk alone does not end a chunked body.',
        [[send(CHUNKED + b'5\r\nhello\r\n0\r\n'), CLOSE]], Cut(200, b'hello', 502, 'ended'), ('truncated',),
    ),
    case(
        'cut: a reset within the length', 'A reset in the middle is a cut.',
        [[send(OK + b'Content-Length: 10\r\n\r\nhello'), RESET]], Cut(200, b'hello', 502, ''), ('reset',),
    ),
    case(
        'cut: a reset without a length', 'A reset does not end a body that has no length.',
        [[send(OK + b'\r\nhello'), RESET]], Cut(200, b'hello', 502, ''), ('reset',),
    ),
    case(
        'cut: a chunk size that is none', 'Chunks that cannot be taken apart are a cut, or 502.',
        [[send(CHUNKED + b'5\r\nhello\r\nzz\r\n'), CLOSE]], Cut(200, b'hello', 502, INVALID),
    ),
    # --- lengths that two readers could read differently
    refused('framing: two lengths', 'Two different lengths are refused.',
            b'Content-Length: 5\r\nContent-Length: 6'),
    refused('framing: a length twice', 'A length that is there twice is refused.',
            b'Content-Length: 5\r\nContent-Length: 5'),
    refused('framing: a list of lengths', 'A list of lengths is refused.', b'Content-Length: 5, 5'),
    refused('framing: a negative length', 'A negative length is refused.', b'Content-Length: -5'),
    refused('framing: a length with a sign', 'A length with a sign is refused.', b'Content-Length: +5'),
    refused('framing: an empty length', 'An empty length is refused.', b'Content-Length:'),
    refused('framing: a length and chunks', 'A length beside chunks is refused.',
            b'Content-Length: 5\r\nTransfer-Encoding: chunked'),
    refused('framing: a coding that was not asked for', 'Transfer codings but chunked are refused.',
            b'Transfer-Encoding: gzip, chunked'),
    refused('framing: chunked twice', 'Chunks within chunks are refused.',
            b'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked'),
] + [
    case(
        'framing: chunk size {!r}'.format(size.decode('ascii')), 'A chunk size is hexadecimal digits alone.',
        [[send(CHUNKED + size + b'\r\nhello\r\n0\r\n\r\n'), CLOSE]], Cut(200, b'', 502, INVALID),
        ('chunk extensions',),
    )
    for size in (b'0x5', b'+5', b'-5', b'5_0', b'', b'5 5', b'1' * 17)
]  # fmt: skip
