"""Headers: all of them in order, as they were sent, but for those that are not the browser's."""

from __future__ import unicode_literals

from .model import CLOSE, Failure, answer, case, flood, ok, response, send

OK = b'HTTP/1.1 200 OK\r\n'


def passes(name, about, lines, facts=('6.6',), **headers):
    return case('headers: ' + name, about, [ok(b'hello', *lines)], answer(200, b'hello', **headers), facts)


CASES = [
    passes('duplicates', 'A header that is there twice stays there twice, in order.',
           [b'Link: <a>', b'X: y', b'link: <b>', b'WWW-Authenticate: a', b'WWW-Authenticate: b'],
           link=[b'<a>', b'<b>'], x=b'y', www_authenticate=[b'a', b'b']),
    passes('latin-1', 'Values need not be ASCII or UTF-8.', [b'X-L: \xe9\xff'], x_l=b'\xe9\xff'),
    case('headers: a reason in latin-1', 'Nor need the reason be.', [response(b'200 Tr\xe8s bien', b'hello')],
         answer(200, b'hello'), ('6.6',)),
    passes('empty', 'A value may be empty.', [b'X-E:', b'X-F:   '], x_e=b'', x_f=b''),
    passes('commas', 'Values that hold commas stay as they are.', [b'Date: Thu, 01 Jan 1970 00:00:00 GMT'],
           date=b'Thu, 01 Jan 1970 00:00:00 GMT'),
    passes('cookies', 'Cookies of a third party stay here, however broken they are.',
           [b'Set-Cookie: flag', b'Set-Cookie: a=b; Path=/', b'Set-Cookie: =;;=', b'X: y'], ('6.6', '6.7'),
           set_cookie=None, x=b'y'),
    passes('hop by hop', 'Headers of one connection stay here, and those that Connection names.',
           [b'Connection: X-Hop, keep-alive', b'X-Hop: 1', b'Keep-Alive: timeout=5', b'Upgrade: h2c',
            b'Proxy-Authenticate: x', b'X: y'],
           connection=None, x_hop=None, keep_alive=None, upgrade=None, proxy_authenticate=None, x=b'y'),
    passes('not for the site', 'What would speak for the whole site stays here.',
           [b'Strict-Transport-Security: max-age=1', b'Alt-Svc: h3=":1"', b'Clear-Site-Data: "*"',
            b'Access-Control-Allow-Origin: *'],
           strict_transport_security=None, alt_svc=None, clear_site_data=None,
           access_control_allow_origin=None),
    passes('Vary', 'Several Vary become one.', [b'Vary: a, b', b'vary: B, c'], vary=b'a, b, c'),
    passes('a hundred', 'Many headers pass.', [b'X-%d: 1' % number for number in range(90)], ('6.21',),
           x_0=b'1', x_89=b'1'),
    passes('a long one', 'A header of 32 KiB passes.', [b'X-Long: ' + b'x' * 32768], ('6.21',),
           x_long=b'x' * 32768),
    case('headers: a NUL', 'A NUL in a value is refused.', [[send(OK + b'X: a\0b\r\n\r\n'), CLOSE]],
         Failure(502, 'not a valid HTTP response')),
    case('headers: a line of 100 MB', 'A head without an end is refused at the limit, long before its end.',
         [[send(OK + b'X: '), flood(b'x' * 100000, 1000)]], Failure(502, ''), ('6.21', '100 MB header')),
    case('headers: 100 MB of lines', 'So are lines without an end.',
         [[send(OK), flood(b'X-Header: 0123456789\r\n' * 5000, 1000)]], Failure(502, ''),
         ('6.21', '100 MB header')),
    case('headers: more than the limit', 'HTTP.response_head bounds them.',
         [[send(OK + b'X: ' + b'x' * 3000 + b'\r\n\r\n'), CLOSE]],
         Failure(502, 'head is larger than 2048 bytes'), ('6.21',), limits={'response_head': 2048}),
]  # fmt: skip
