"""What is in a body passes as it came: no content coding is undone, no size is trusted."""

from __future__ import unicode_literals

import zlib

from .model import (
    CHUNKED, CLOSE, HEAD_ONLY, HOLD, STALL, Cut, Failure, answer, case, chunked, flood, ok, response,
    saw, send,
)  # fmt: skip


def gzipped(content):
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return packer.compress(content) + packer.flush()


GZIP = gzipped(b'hello' * 100)
BOMB = gzipped(b'\0' * (32 * 1024 * 1024))  # 32 MiB in 32 KiB
RAW_DEFLATE = zlib.compress(b'hello')[2:-4]


def undecoded(name, about, coding, body, facts=('6.19',)):
    return case(
        'body: ' + name, about, [ok(body, b'Content-Encoding: ' + coding)],
        answer(200, body, content_encoding=coding, content_length=b'%d' % len(body)), facts,
    )  # fmt: skip


CASES = [
    undecoded('gzip', 'gzip is passed on as it is.', b'gzip', GZIP, ('6.19', '6.20')),
    undecoded('two members of gzip', 'gzip of several members is passed on whole.', b'gzip', GZIP + GZIP),
    undecoded('broken gzip', 'gzip that is broken is the browser\'s affair.', b'gzip', GZIP[:-9]),
    undecoded('a gzip bomb', 'A gzip bomb is passed on undecoded, and costs what its bytes cost.',
              b'gzip', BOMB, ('6.19', 'gzip bomb')),
    undecoded('raw deflate', 'deflate is passed on, with the zlib header or without.', b'deflate',
              RAW_DEFLATE),
    undecoded('br', 'Codings that this client does not know pass.', b'br', b'\x0b\x02\x80hello\x03'),
    undecoded('identity', 'Content-Encoding: identity passes.', b'identity', b'hello'),
    undecoded('a coding that nobody knows', 'Even unheard-of codings pass.', b'rot13', b'uryyb'),
    case('body: chunked gzip', 'gzip in chunks is passed on undecoded.',
         [CHUNKED.replace(b'\r\n\r\n', b'\r\nContent-Encoding: gzip\r\n\r\n') + chunked(GZIP) + b'\r\n'],
         answer(200, GZIP, content_encoding=b'gzip'), ('6.20',)),
    case('body: every byte', 'Bodies are bytes: all of them pass.', [ok(bytes(bytearray(range(256))))],
         answer(200, bytes(bytearray(range(256))))),
    case('body: larger than one read', 'A body of a megabyte comes whole.', [ok(b'0123456789abcdef' * 65536)],
         answer(200, b'0123456789abcdef' * 65536)),
    case('body: an error of the upstream', 'Whatever status of three digits there is passes, with its body.',
         [response(b'799 Odd', b'hello')], answer(799, b'hello')),
    # --- limits
    case('limit: a length that is too large', 'A length above the limit is 502 at once.',
         [[send(response(b'200 OK', b'x' * 99)), CLOSE]], Failure(502, 'body is larger than 98 bytes'),
         ('6.21',), limits={'response_body': 98}),
    case('limit: as large as allowed', 'A body of exactly the limit passes.', [ok(b'x' * 99)],
         answer(200, b'x' * 99), ('6.21',), limits={'response_body': 99}),
    case('limit: chunks that become too large', 'Chunks above the limit are cut off.',
         [[send(CHUNKED + chunked(b'x' * 50, b'x' * 50) + b'\r\n'), CLOSE]],
         Cut(200, b'x' * 50, 502, 'body is larger than 99 bytes'), ('6.21',), limits={'response_body': 99}),
    case('limit: no length and too large', 'A body without an end is cut off at the limit.',
         [[send(b'HTTP/1.1 200 OK\r\n\r\n'), flood(b'x' * 1000, 100000)]],
         Cut(200, b'x' * 9999, 502, 'body is larger than 9999 bytes'), ('6.21',),
         limits={'response_body': 9999}),
    # --- uploads
    case('upload: a body', 'The body goes up with its length, and without a type that nobody has given.',
         [ok()], answer(200, b'hello'), ('6.9',), ask={'method': 'POST', 'data': b'\0\xff data'},
         seen=[saw(b'POST / HTTP/1.1', b'\0\xff data', content_length=b'7', transfer_encoding=None,
                   expect=None, content_type=None)]),
    case('upload: nothing', 'A POST without a body says so; a GET says nothing.', [ok()],
         answer(200, b'hello'), ('6.9',), ask={'method': 'POST'},
         seen=[saw(b'POST / HTTP/1.1', b'', content_length=b'0')]),
    case('upload: GET has no length', 'A GET has no Content-Length.', [ok()], answer(200, b'hello'), ('6.9',),
         seen=[saw(b'GET / HTTP/1.1', b'', content_length=None)]),
    case('upload: a length of the caller\'s', 'A length or coding that the caller gives is not believed.',
         [ok()], answer(200, b'hello'), ('6.9',),
         ask={'method': 'PUT', 'data': b'12345',
              'headers': {'Content-Length': '99', 'Transfer-Encoding': 'chunked'}},
         seen=[saw(b'PUT / ', b'12345', content_length=b'5', transfer_encoding=None)]),
    case('upload: Expect', 'Expect: 100-continue is not passed on: nobody here waits for the 100.',
         [ok()], answer(200, b'hello'), ('6.9', '100-continue'),
         ask={'method': 'POST', 'data': b'12345', 'headers': {'Expect': '100-continue'}},
         seen=[saw(b'POST / ', b'12345', expect=None)]),
    case('upload: refused early', 'An answer that comes before the upload has ended is passed on.',
         [[HEAD_ONLY, send(response(b'413 Too Large', b'no', b'Connection: close')), CLOSE]],
         answer(413, b'no'), ('early response',),
         ask={'method': 'POST', 'data': b'x' * (16 * 1024 * 1024)}),
    case('upload: refused early by one who stops reading',
         'So is that of an upstream which reads no further and does not close.',
         [[HEAD_ONLY, send(response(b'401 No', b'no')), HOLD]], answer(401, b'no'), ('early response',),
         ask={'method': 'PUT', 'data': b'x' * (16 * 1024 * 1024), 'timeout': 10}),
    case('upload: never read', 'An upload that nobody takes ends at the deadline.', [[HEAD_ONLY, HOLD]],
         Failure(504, 'deadline'), ask={'method': 'PUT', 'data': b'x' * (16 * 1024 * 1024), 'timeout': 1}),
    case('upload: never answered', 'An upload without an answer ends at the deadline.', [[STALL]],
         Failure(504, 'deadline'), ask={'method': 'POST', 'data': b'x', 'timeout': 1}),
]  # fmt: skip
