"""Upstreams that are no HTTP servers, or late ones: 502 and 504, and words that say why."""

from __future__ import unicode_literals

from .model import (
    CHUNKED, CLOSE, IF_REUSED, RESET, STALL, Cut, Failure, answer, case, drip, flood, ok, response, saw, send,
)  # fmt: skip

INVALID = Failure(502, 'not a valid HTTP response')


def garbage(name, about, sent, expect=INVALID):
    return case('garbage: ' + name, about, [[send(sent), CLOSE]], expect, ('garbage',))


CASES = [
    case('failure: closed', 'A connection that is closed without an answer is 502.', [[CLOSE]],
         Failure(502, ''), seen=[saw(b'GET / ')]),
    case('failure: reset', 'So is one that is reset.', [[RESET]], Failure(502, ''), seen=[saw(b'GET / ')]),
    case('failure: closed at a POST', 'What may have had an effect is not sent again.', [[CLOSE]],
         Failure(502, ''), ('6.12',), ask={'method': 'POST', 'data': b'x'}, seen=[saw(b'POST / ')]),
    case('failure: closed within the head', 'A head without its end is 502.',
         [[send(b'HTTP/1.1 200 OK\r\nX: y\r\n'), CLOSE]], Failure(502, ''), ('truncated',)),
    case('failure: a reset within the head', 'So is one that ends in a reset.',
         [[send(b'HTTP/1.1 200 O'), RESET]], Failure(502, ''), ('reset',)),
    case('failure: nobody listens', 'A port where nobody listens is 502.', [], Failure(502, 'cannot connect'),
         ask={'url': 'http://127.0.0.1:1/'}),
    case('failure: no such name', 'A name that is not there is 502.', [], Failure(502, 'cannot resolve'),
         ask={'url': 'http://does-not-exist.invalid/'}),
    case('failure: no TLS', 'A server without TLS is not asked for https without it.',
         [[send(b'HTTP/1.1 400 Bad Request\r\n\r\n'), CLOSE]], Failure(502, 'TLS failed'), ('6.15',),
         ask={'url': 'https://{netloc}/'}),
    garbage('SSH', 'Another protocol is 502.', b'SSH-2.0-OpenSSH_9.0\r\n'),
    garbage('bytes', 'So is what is none,', b'\0\1\2\3\xff\xfe' * 50),
    garbage('HTTP/0.9', 'and an answer without a head.', b'<html>hello</html>'),
    garbage('a status of letters', 'A status has digits,', b'HTTP/1.1 abc\r\n\r\n'),
    garbage('a status of two digits', 'three of them.', b'HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n'),
    garbage('HTTP/2', 'A version that was not asked for is 502.',
            b'HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n'),
    garbage('101', 'Nobody asked for another protocol.', b'HTTP/1.1 101 Switching Protocols\r\n\r\n'),
    garbage('only 103', 'An interim response is no answer.', b'HTTP/1.1 103 Early Hints\r\n\r\n',
            Failure(502, '')),
    garbage('a header without a colon', 'A line of the head that is no header is 502.',
            b'HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 0\r\n\r\n'),
    garbage('a space before the colon', 'Nor is one with a space before its colon.',
            b'HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello'),
    # --- late
    case('late: no answer', 'No answer within the deadline is 504.', [[STALL]], Failure(504, 'deadline'),
         ('6.13',), ask={'timeout': 1}),
    case('late: half a head', 'Half a head is none.', [[send(b'HTTP/1.1 200 OK\r\nX: y\r\n'), STALL]],
         Failure(504, 'deadline'), ('6.13', 'slow headers'), ask={'timeout': 1}),
    case('late: a head that drips', 'A byte now and then does not put the deadline off, in the head',
         [[send(b'HTTP/1.1 200 OK\r\nX: '), drip(b'y')]], Failure(504, 'deadline'),
         ('6.13', 'slow headers', 'one byte'), ask={'timeout': 1}),
    case('late: interim responses', 'nor do interim responses', [[drip(b'HTTP/1.1 102 Wait\r\n\r\n')]],
         Failure(504, 'deadline'), ('6.13',), ask={'timeout': 1}),
    case('late: a body that stalls', 'A body that stops is cut off at the deadline.',
         [[send(b'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello'), STALL]],
         Cut(200, b'hello', 504, 'deadline'), ('6.13', 'slow body'), ask={'timeout': 3}),
    case('late: a body that drips', 'One of a byte now and then, too.',
         [[send(b'HTTP/1.1 200 OK\r\n\r\n'), drip(b'x')]], Cut(200, b'x' * 999, 504, 'deadline'),
         ('6.13', 'slow body', 'one byte'), ask={'timeout': 3}),
    case('late: chunks that drip', 'One of a chunk now and then, too.',
         [[send(CHUNKED), drip(b'1\r\nx\r\n')]], Cut(200, b'x' * 999, 504, 'deadline'),
         ('6.13', 'slow body', 'one byte'), ask={'timeout': 3}),
    case('late: a body that never begins', 'A body that never begins is 504, while that can be said.',
         [[send(b'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n'), STALL]], Failure(504, 'deadline'),
         ('6.13', 'slow body'), ask={'timeout': 1}),
    # --- what has no end
    case('endless: chunk extensions', 'Chunk extensions without an end are refused at the limit.',
         [[send(CHUNKED + b'1;'), flood(b'x' * 100000, 1000)]], Failure(502, ''), ('chunk extensions',)),
    case('endless: trailers', 'So are trailers.',
         [[send(CHUNKED + b'1\r\nx\r\n0\r\n'), flood(b'X-Trailer: 0123456789\r\n' * 5000, 1000)]],
         Cut(200, b'x', 502, ''), ('trailers',)),
    case('endless: interim responses', 'So are interim responses.',
         [[flood(b'HTTP/1.1 102 Wait\r\n\r\n' * 5000, 1000)]], Failure(502, ''), ('6.4',)),
    case('pooled: closed meanwhile', 'An answer that announces the end of its connection is the last on it.',
         [[send(response(b'302 Found', b'', b'Location: /b', b'Connection: close')), CLOSE], ok()],
         answer(200, b'hello'), ('6.11', '6.12')),
    case('pooled: closed at the next request',
         'A request that meets the end of a kept connection is sent once more, where that is safe.',
         [response(b'302 Found', b'', b'Location: /b'), [IF_REUSED, CLOSE], ok()],
         answer(200, b'hello'), ('6.12', 'closed while pooled')),
]  # fmt: skip
