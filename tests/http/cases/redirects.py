"""Redirects: who is asked next, with what, and who never."""

from __future__ import unicode_literals

from .model import CLOSE, Failure, answer, case, drip, ok, redirect, response, saw, send

HELLO = answer(200, b'hello')
POST = {'method': 'POST', 'data': b'body', 'headers': {'Content-Type': 'x/y'}}
SECRETS = {'headers': {'Cookie': 'a=b', 'X-Kept': '1'}, 'auth': ('u', 'p')}


def method(status, asked, then, kept):
    """What a redirect makes of method and body."""
    ask = dict(POST, method=asked) if asked not in ('GET', 'HEAD') else {'method': asked}
    about = '{} makes {} of {}, {}.'.format(
        status[:3].decode('ascii'), then, asked, 'with its body' if kept else 'without a body')
    again = saw(
        then.encode('ascii') + b' /b ', b'body' if kept else b'', content_type=b'x/y' if kept else None,
        content_length=b'4' if kept else None,
    )  # fmt: skip
    final = response(b'200 OK', b'') if then == 'HEAD' else ok()
    return case(
        'redirect: {} of {}'.format(status[:3].decode('ascii'), asked), about,
        [redirect(status, b'/b'), final],
        answer(200, b'' if then == 'HEAD' else b'hello'), ('6.2',), ask=ask,
        seen=[saw(asked.encode('ascii') + b' / '), again],
    )  # fmt: skip


def no_redirect(name, about, sent, status, facts=('6.1',)):
    return case('redirect: ' + name, about, [sent], answer(status, b'x'), facts, seen=[saw(b'GET / ')])


def unfollowed(location):
    shown = location.decode('ascii')
    return case(
        'redirect: to ' + shown, 'A redirect to {} is not followed.'.format(shown),
        [redirect(b'302 Found', location)], Failure(502, 'redirects to where it cannot be followed'),
        ('redirect to another scheme',), seen=[saw(b'GET / ')],
    )  # fmt: skip


CASES = [
    method(b'301 Moved', 'POST', 'GET', False),
    method(b'302 Found', 'POST', 'GET', False),
    method(b'303 See Other', 'POST', 'GET', False),
    method(b'303 See Other', 'PUT', 'GET', False),
    method(b'307 Temporary', 'POST', 'POST', True),
    method(b'308 Permanent', 'POST', 'POST', True),
    method(b'302 Found', 'PUT', 'PUT', True),
    method(b'302 Found', 'HEAD', 'HEAD', False),
    method(b'303 See Other', 'HEAD', 'HEAD', False),
    method(b'308 Permanent', 'GET', 'GET', False),
    no_redirect('300 without a place', 'A 300 without Location is an answer.',
                response(b'300 Choices', b'x'), 300),
    no_redirect('302 without a place', 'So is a 302 without one,', response(b'302 Found', b'x'), 302),
    no_redirect('302 to nothing', 'or with an empty one,', redirect(b'302 Found', b'', b'x'), 302),
    no_redirect('305', 'and a 305, which nobody may follow.', redirect(b'305 Proxy', b'/b', b'x'), 305,
                ('6.2',)),
    no_redirect('201', 'A Location elsewhere leads nowhere.', redirect(b'201 Created', b'/b', b'x'), 201,
                ('6.2',)),
    case('redirect: not to be followed', 'allow_redirects=False gives the redirect itself.',
         [redirect(b'302 Found', b'/b', b'see b')], answer(302, b'see b', location=b'/b'), ('6.1',),
         ask={'allow_redirects': False}),
    case('redirect: within the origin', 'Credentials stay where they were given for.',
         [redirect(b'302 Found', b'/b'), ok()], HELLO, ('6.2',), ask=SECRETS,
         seen=[saw(b'GET / '), saw(b'GET /b ', authorization=b'Basic dTpw', cookie=b'a=b', x_kept=b'1')]),
    case('redirect: to another origin', 'They do not go to another origin.',
         [redirect(b'302 Found', b'http://{other}/b')], HELLO, ('6.2',), others=[ok()],
         ask=dict(SECRETS, headers=dict(SECRETS['headers'], Host='virtual.example')),
         seen=[saw(b'GET / ', host=b'virtual.example'),
               saw(b'GET /b ', authorization=None, cookie=None, x_kept=b'1', host=b'{other}')]),
    case('redirect: cookies', 'Cookies of a redirect are not kept.',
         [response(b'302 Found', b'', b'Location: /b', b'Set-Cookie: a=1'), ok()], HELLO, ('6.7',),
         seen=[saw(b'GET / '), saw(b'GET /b ', cookie=None)]),
    case('redirect: with userinfo', 'Userinfo in a Location is not used.',
         [redirect(b'302 Found', b'http://u:p@{netloc}/b'), ok()], HELLO, ('6.2',),
         seen=[saw(b'GET / '), saw(b'GET /b ', authorization=None)]),
    case('redirect: relative', 'A Location may be relative.', [redirect(b'302 Found', b'../b?x#f'), ok()],
         HELLO, ask={'url': 'http://{netloc}/a/a'}, seen=[saw(b'GET /a/a '), saw(b'GET /b?x ')]),
    case('redirect: not ASCII', 'A Location need not be ASCII.',
         [redirect(b'302 Found', b'/\xc3\xa9'), redirect(b'302 Found', b'/\xe9'), ok()], HELLO,
         seen=[saw(b'GET / '), saw(b'GET /%C3%A9 '), saw(b'GET /%C3%A9 ')]),
    case('redirect: escapes', 'Escapes in a Location stay as they were written.',
         [redirect(b'302 Found', b'/%7Ea%2f?%41'), ok()], HELLO, ('percent-encodings',),
         seen=[saw(b'GET / '), saw(b'GET /%7Ea%2f?%41 ')]),
    case('redirect: without an end', 'There is an end of following.', [redirect(b'302 Found', b'/')] * 4,
         Failure(502, 'more than 3 redirects'), ('endless redirect',), ask={'max_redirects': 3},
         seen=[saw(b'GET / ')] * 4),
    case('redirect: as many as allowed', 'As many as are allowed are followed.',
         [redirect(b'302 Found', b'/')] * 3 + [ok()], HELLO, ask={'max_redirects': 3}),
    case('redirect: with a body that drips', 'The body of a redirect is not waited for.',
         [[send(b'HTTP/1.1 302 Found\r\nLocation: http://{other}/b\r\nContent-Length: 999999\r\n\r\n'),
           drip(b'x')]], HELLO, others=[ok()]),
    case('redirect: with a broken body', 'Nor does it matter how it ends.',
         [[send(b'HTTP/1.1 302 Found\r\nLocation: /b\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'),
           CLOSE], ok()], HELLO),
    unfollowed(b'ftp://127.0.0.1/'),
    unfollowed(b'file:///etc/passwd'),
    unfollowed(b'javascript:x'),
    unfollowed(b'http://127.0.0.1:99999/'),
    unfollowed(b'//['),
]  # fmt: skip
