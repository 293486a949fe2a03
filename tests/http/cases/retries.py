"""What is tried again when the view asks for it, and what never is."""

from __future__ import unicode_literals

from .model import CLOSE, RESET, Cut, Failure, answer, case, ok, redirect, response, saw, send

HELLO = answer(200, b'hello')
FACTS = ('retries', '6.12')
BUSY = response(b'503 Busy', b'busy')
GET = saw(b'GET / ')
POST = {'method': 'POST', 'data': b'body', 'retries': 2}


def again(name, about, first, **ask):
    """A request whose second attempt succeeds."""
    return case('retry: ' + name, about, [first, ok()], HELLO, FACTS, ask=dict({'retries': 1}, **ask))


def never(name, about, first, expect, **ask):
    return case('retry: ' + name, about, [first], expect, FACTS, ask=dict({'retries': 2}, **ask))


CASES = [
    again('after a 503', 'retries= repeats what was answered 503,', BUSY),
    again('after a 502', '502,', response(b'502 Bad Gateway', b'')),
    again('after a 504', '504', response(b'504 Late', b'')),
    again('after a 429', 'and 429;', response(b'429 Slow Down', b'')),
    again('after a reset', 'what was reset before its answer,', [RESET]),
    again('after an end', 'what was closed without one,', [CLOSE]),
    again('after half a head', 'and what ended before its head did.', [send(b'HTTP/1.1 200 O'), CLOSE]),
    again('when it is asked for', 'A Retry-After is honoured, in seconds', response(
        b'503 Busy', b'', b'Retry-After: 0')),
    again('at a date', 'or as a date.', response(
        b'429 Slow Down', b'', b'Retry-After: Thu, 01 Jan 1970 00:00:00 GMT')),
    again('PUT', 'PUT and DELETE may be repeated, with their body,', BUSY, method='PUT', data=b'body')
    ._replace(seen=[saw(b'PUT / ', b'body')] * 2),
    again('an idempotent POST', 'and what the view calls idempotent.', BUSY, **dict(POST, idempotent=True))
    ._replace(seen=[saw(b'POST / ', b'body')] * 2),
    case('retry: as often as asked', 'It is tried as often as was asked; the last answer is passed on.',
         [BUSY, BUSY, BUSY], answer(503, b'busy'), FACTS, ask={'retries': 2}, seen=[GET] * 3),
    case('retry: failures as often as asked', 'Or the last failure is.', [[RESET], [CLOSE]], Failure(502, ''),
         FACTS, ask={'retries': 1}, seen=[GET] * 2),
    case('retry: after a redirect', 'Each request of a chain of redirects may be repeated.',
         [redirect(b'302 Found', b'/b'), BUSY, ok()], HELLO, FACTS, ask={'retries': 1},
         seen=[GET, saw(b'GET /b '), saw(b'GET /b ')]),
    case('retry: what a POST became', 'So may the GET that a POST was turned into.',
         [redirect(b'303 See Other', b'/b'), BUSY, ok()], HELLO, FACTS, ask=POST,
         seen=[saw(b'POST / '), saw(b'GET /b '), saw(b'GET /b ')]),
    never('not unasked', 'Without retries= nothing is.', BUSY, answer(503, b'busy'), retries=0),
    never('no POST', 'A POST is not repeated:', BUSY, answer(503, b'busy'), **POST),
    never('no POST that was reset', 'nobody knows what became of it.', [RESET], Failure(502, ''), **POST),
    never('no 500', 'Other answers are not repeated.', response(b'500 Broken', b'no'), answer(500, b'no')),
    never('no time', 'A Retry-After beyond the deadline is passed on.',
          response(b'503 Busy', b'busy', b'Retry-After: 3600'), answer(503, b'busy', retry_after=b'3600')),
    never('not what has begun', 'An answer that has begun is not repeated.',
          [send(b'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello'), CLOSE],
          Cut(200, b'hello', 502, 'ended')),
    never('not what is no HTTP', 'Nor is what makes no sense.', [send(b'SSH-2.0\r\n'), CLOSE],
          Failure(502, 'not a valid HTTP response')),
]  # fmt: skip
