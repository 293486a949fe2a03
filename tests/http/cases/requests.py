"""What goes up: the target as it was written, the right Host, no secrets where they do not belong."""

from __future__ import unicode_literals

from .model import CLOSE, Refusal, answer, case, ok, saw, send

HELLO = answer(200, b'hello')


def target(name, about, url, line, facts=('6.17',)):
    return case('url: ' + name, about, [ok()], HELLO, facts, ask={'url': 'http://{netloc}' + url},
                seen=[saw(b'GET ' + line + b' HTTP/1.1')])  # fmt: skip


def refused(name, about, url, words='', facts=()):
    return case('url: ' + name, about, [], Refusal(words), facts, ask={'url': url}, seen=[])


CASES = [
    target('fragment', 'A fragment stays here.', '/a?b#c', b'/a?b'),
    target('no path', 'No path is /.', '', b'/'),
    target('escapes', 'Escapes stay as they were written, needed or not.', '/%7Euser/%41%2f%2F?q=%7e%20+',
           b'/%7Euser/%41%2f%2F?q=%7e%20+', ('6.17', 'percent-encodings')),
    target('a bad escape', 'A percent sign that begins no escape is encoded; the escapes beside it stay.',
           '/100%/%20%zz', b'/100%25/%20%25zz', ('6.17', 'percent-encodings')),
    target('an empty query', 'A question mark at the end stays.', '/a?', b'/a?', ('6.17',)),
    target('not ASCII', 'What is not ASCII is encoded as UTF-8.', '/caf\xe9?q=\u2603',
           b'/caf%C3%A9?q=%E2%98%83'),
    target('spaces', 'Spaces are encoded.', '/a b', b'/a%20b'),
    target('brackets', 'Brackets in a query stay.', '/?a[]=1', b'/?a[]=1'),
    target('dots', 'Dots in escapes mean nothing to us.', '/a/%2e%2e/b', b'/a/%2e%2e/b'),
    case('url: params', 'params are added to the query; what was there stays as it was.', [ok()], HELLO,
         ('6.17',), ask={'url': 'http://{netloc}/%7E?a=%7e', 'params': {'b': 'c d'}},
         seen=[saw(b'GET /%7E?a=%7e&b=c+d HTTP/1.1')]),
    case('url: IPv6', 'An IPv6 literal is connected to, and stands in Host with its brackets.', [ok()], HELLO,
         ('6.16', 'IPv6 literal'), host='::1', seen=[saw(b'GET / ', host=b'{netloc}')]),
    case('url: userinfo', 'User and password become Authorization and are not part of Host.', [ok()], HELLO,
         ('6.16', 'userinfo'), ask={'url': 'http://us%20er:p%40w@{netloc}/'},
         seen=[saw(b'GET / ', host=b'{netloc}', authorization=b'Basic dXMgZXI6cEB3')]),
    # The dots of another script are the only names that everybody resolves alike.
    case('url: IDNA', 'Names are encoded by IDNA (UTS 46), in Host as well.', [ok()], HELLO,
         ('6.18', 'IDNA'), ask={'url': 'http://127\u30020\uff0e0\u30021:{port}/'},
         seen=[saw(b'GET / ', host=b'{netloc}')]),
    refused('no name', 'A URL must name a host.', 'http:///x'),
    refused('another scheme', 'Only http and https are there.', 'ftp://127.0.0.1:1/', facts=('6.15',)),
    refused('a file', 'Not even files.', 'file:///etc/passwd', facts=('6.15',)),
    refused('a port that is none', 'Ports go to 65535.', 'http://127.0.0.1:99999/'),
    # --- headers
    case('request: headers', 'Headers go up as they are, latin-1 included.', [ok()], HELLO, ('6.6',),
         ask={'headers': {'X-L': 'caf\xe9', 'X-U': '\xe9\u2603'.encode('utf-8'), 'X-E': ''}},
         seen=[saw(b'GET / ', x_l=b'caf\xe9', x_u='\xe9\u2603'.encode('utf-8'), x_e=b'')]),
    case('request: hop by hop', 'Headers of one connection do not go up.', [ok()], HELLO, ('6.9',),
         ask={'headers': {'Connection': 'X-Hop', 'X-Hop': '1', 'Keep-Alive': 'timeout=5', 'TE': 'trailers',
                          'Upgrade': 'h2c', 'Proxy-Connection': 'keep-alive', 'X': 'y'}},
         seen=[saw(b'GET / ', x_hop=None, keep_alive=None, te=None, upgrade=None, proxy_connection=None,
                   x=b'y')]),
    case('request: a Host of the caller\'s', 'A Host header of the caller goes up in place of the URL\'s.',
         [ok()], HELLO, ('6.16',), ask={'headers': {'Host': 'virtual.example:81'}},
         seen=[saw(b'GET / ', host=b'virtual.example:81')]),
    case('request: no coding is asked for', 'Without a browser that takes codings none is asked for.', [ok()],
         HELLO, ('6.10',), seen=[saw(b'GET / ', accept_encoding=b'identity', accept=b'*/*')]),
    case('request: a method of one\'s own', 'Any token is a method.', [ok()], HELLO,
         ask={'method': 'PROPFIND'}, seen=[saw(b'PROPFIND / ')]),
    case('request: cookies and a form', 'Cookies and forms go up as requests would send them.', [ok()], HELLO,
         ask={'method': 'POST', 'data': [('a', '1 2')], 'cookies': {'c': 'd'}, 'auth': ('u', 'p')},
         seen=[saw(b'POST / ', b'a=1+2', cookie=b'c=d', authorization=b'Basic dTpw',
                   content_type=b'application/x-www-form-urlencoded')]),
    case('request: an unread answer', 'What comes after the answer is not taken for another one.',
         [[send(ok() + ok(b'poison')), CLOSE]], HELLO, ('6.11',)),
]  # fmt: skip
