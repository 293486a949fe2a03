"""What goes upstream for a browser's request, and what comes back of the answer: pure functions."""

from __future__ import unicode_literals

import pytest

from channels_async import forward_rules, wire
from channels_async.forward_rules import Came, below, cookie, location, target

CAME = Came('10.0.0.9', 'http', 8000, '1.1')
URL = 'http://backend:8000/v1/'


def sent(*browser, **options):
    return forward_rules.request_headers(list(browser), options.pop('came', CAME), **options)


def values(headers, name):
    return [value for known, value in headers if known.lower() == name]


def forward(url=URL, headers=(), cookie_domain=None, location=None):
    message = wire.encode(id='x', reply_channel='r!a', operation='FORWARD', url=url, headers=headers,
                          cookie_domain=cookie_domain, location=location)
    return wire.parse(message, 0.0).details


# --- where it goes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(('base', 'path', 'query', 'expected'), [
    ('http://b/api/', None, b'', 'http://b/api/'),
    ('http://b/api/', None, b'a=1', 'http://b/api/?a=1'),
    ('http://b/api/?k=1#f', None, b'a=%2f', 'http://b/api/?k=1&a=%2f'),
    ('http://b/api/', 'x/y', b'', 'http://b/api/x/y'),
    ('http://b/api/', '/x/y/', b'', 'http://b/api/x/y/'),
    ('http://b/api', 'x', b'', 'http://b/api/x'),
    ('http://b', 'x', b'', 'http://b/x'),
    ('http://b/api', '', b'', 'http://b/api'),
    ('http://b/', 'caf\xe9 ?#%2F;a=b', b'', 'http://b/caf%C3%A9%20%3F%23%252F;a=b'),
    ('http://b/api/', '//evil.example', b'', 'http://b/api//evil.example'),
    ('http://b/', 'x', b'q=\xe9 "<#', 'http://b/x?q=%E9%20%22%3C%23'),
    ('http://b/', 'x', b'a=%zz&a=%2e&b', 'http://b/x?a=%zz&a=%2e&b'),
])  # fmt: skip
def test_the_url_of_the_upstream(base, path, query, expected):
    assert target(base, path, query) == expected


@pytest.mark.parametrize(('path', 'expected'), [
    ('../admin', 'admin'), ('/../../admin', 'admin'), ('a/../../../b', 'b'), ('a/./b/..', 'a/'), ('..', ''),
    ('a/b/../c', 'a/c'), ('.', ''), ('a/...', 'a/...'), ('..\\x', '..%5Cx'),
])  # fmt: skip
def test_no_path_climbs_above_the_upstreams(path, expected):
    assert target('http://b/api/', path) == 'http://b/api/' + expected


@pytest.mark.parametrize(('mount', 'path', 'expected'), [
    ('/api/', '/api/x/y', 'x/y'), ('/api/', '/api/', ''), ('/api', '/api/x', '/x'), ('/api', '/api', ''),
    ('/api', '/apix', None), ('/api/', '/api', None), ('/', '/x', 'x'), ('/api/', '/other/', None),
])  # fmt: skip
def test_what_is_below_a_mount(mount, path, expected):
    assert below(mount, path) == expected


# --- the headers of the request ----------------------------------------------------------------------


def test_headers_pass_in_order_with_duplicates():
    given = [(b'b', b'1'), (b'cookie', b'a=1'), (b'a', b'2'), (b'b', b'3'), (b'authorization', b'x')]
    assert sent(*given)[:5] == given


def test_what_is_for_one_connection_stays_here():
    names = [
        b'connection', b'keep-alive', b'proxy-authorization', b'proxy-connection', b'te', b'trailer',
        b'transfer-encoding', b'upgrade', b'host', b'content-length', b'expect', b'x-hop', b'X-Other',
    ]  # fmt: skip
    browser = [(name, b'X-Hop, close,x-other' if name == b'connection' else b'1') for name in names]
    left = {name.lower() for name, _ in sent(*browser)}
    assert not left & {name.lower() for name in names}


def test_a_proxy_adds_to_what_those_before_it_have_said():
    headers = sent(
        (b'host', b'example.com'), (b'x-forwarded-for', b'1.1.1.1'), (b'x-forwarded-proto', b'https'),
        (b'X-Forwarded-For', b'2.2.2.2'), (b'x-forwarded-host', b'www.example.com'),
        (b'x-forwarded-port', b'443'), (b'via', b'2 front'), came=Came('::1', 'http', 80, '1.0'),
    )  # fmt: skip
    assert headers == [
        (b'X-Forwarded-For', b'1.1.1.1, 2.2.2.2, ::1'), (b'X-Forwarded-Proto', b'https, http'),
        (b'X-Forwarded-Host', b'www.example.com, example.com'), (b'X-Forwarded-Port', b'443, 80'),
        (b'Via', b'2 front, 1.0 channels-async'),
    ]  # fmt: skip


def test_what_is_not_known_is_not_said():
    headers = sent((b'x-forwarded-for', b'1.1.1.1'), came=Came(None, None, None, None))
    assert headers == [(b'X-Forwarded-For', b'1.1.1.1'), (b'Via', b'1.1 channels-async')]


def test_the_views_headers_take_the_place_of_the_browsers():
    headers = sent(
        (b'x-user', b'forged'), (b'cookie', b'a=1'), (b'X-USER', b'again'),
        given=[(b'X-User', b'anna'), (b'Cookie', None), (b'Via', None), (b'X-Forwarded-For', b'hidden')],
    )  # fmt: skip
    assert values(headers, b'x-user') == [b'anna']
    assert values(headers, b'cookie') == values(headers, b'via') == []
    assert values(headers, b'x-forwarded-for') == [b'hidden']


def test_removing_what_was_claimed_begins_anew():
    headers = sent((b'x-forwarded-for', b'forged'), (b'a', b'1'), removed=[b'X-Forwarded-For', b'A'])
    assert values(headers, b'x-forwarded-for') == [b'10.0.0.9']
    assert values(headers, b'a') == []


@pytest.mark.parametrize('name', [b'Connection', b'content-length', b'Transfer-Encoding', b'Expect'])
def test_a_view_cannot_speak_for_the_connection(name):
    with pytest.raises(ValueError) as raised:
        sent(given=[(name, b'1')])
    assert name.decode('ascii') in str(raised.value)


@pytest.mark.parametrize(('hosts', 'expected'), [
    ([b'example.com:81'], [b'example.com:81']), ([b'[::1]:80'], [b'[::1]:80']), ([], []),
    ([b'a', b'b'], []), ([b'a/b'], []), ([b'a\x01b'], []),
])  # fmt: skip
def test_the_browsers_host_is_kept_where_it_is_one(hosts, expected):
    headers = sent(*[(b'host', host) for host in hosts], preserve_host=True)
    assert values(headers, b'host') == expected


def test_the_views_host_wins():
    headers = sent((b'host', b'a'), given=[(b'Host', b'c')], preserve_host=True)
    assert values(headers, b'host') == [b'c']


def test_what_no_header_can_hold_becomes_harmless():
    headers = sent((b'a', b'x\r\ny: z\x00\x7f\t.'), (b'b c', b'1'), (b'', b'2'))
    assert [pair for pair in headers if not pair[0].startswith((b'X-', b'Via'))] == [(b'a', b'x  y: z  \t.')]


# --- the answer --------------------------------------------------------------------------------------


def test_the_sites_own_upstream_speaks_for_the_site():
    upstream = [
        (b'Set-Cookie', b'theirs=1'), (b'Strict-Transport-Security', b'max-age=1'), (b'X-A', b'1'),
        (b'Access-Control-Allow-Origin', b'*'), (b'Connection', b'X-Hop'), (b'X-Hop', b'1'),
        (b'Vary', b'Accept'), (b'X-Frame-Options', b'SAMEORIGIN'), (b'Content-Length', b'5'),
    ]  # fmt: skip
    site = [(b'Set-Cookie', b'ours=2'), (b'Vary', b'Cookie'), (b'X-Frame-Options', b'DENY')]
    headers = forward_rules.response_headers(forward(), 200, upstream, site)
    assert values(headers, b'set-cookie') == [b'theirs=1', b'ours=2']
    assert values(headers, b'strict-transport-security') == [b'max-age=1']
    assert values(headers, b'access-control-allow-origin') == [b'*']
    assert values(headers, b'x-hop') == values(headers, b'connection') == []
    assert values(headers, b'vary') == [b'Accept, Cookie']
    assert values(headers, b'x-frame-options') == [b'DENY']
    assert values(headers, b'content-length') == [b'5']


@pytest.mark.parametrize(('before', 'domain', 'after'), [
    (b'a=1; Domain=backend; Path=/', 'example.com', b'a=1; Domain=example.com; Path=/'),
    (b'a=1;domain = .backend;Secure', 'example.com', b'a=1; Domain=example.com;Secure'),
    (b'a=1; Domain=backend; Path=/', '', b'a=1; Path=/'),
    (b'a=1; Path=/', 'example.com', b'a=1; Path=/'),
    (b'domain=1; Path=/', 'example.com', b'domain=1; Path=/'),
])  # fmt: skip
def test_the_domain_of_a_cookie(before, domain, after):
    assert cookie(before, domain) == after
    rewriting = forward(cookie_domain=domain)
    assert forward_rules.response_headers(rewriting, 200, [(b'Set-Cookie', before)], []) == [
        (b'set-cookie', after)]
    assert forward_rules.response_headers(forward(), 200, [(b'Set-Cookie', before)], []) == [
        (b'set-cookie', before)]


@pytest.mark.parametrize(('reference', 'expected'), [
    ('http://backend:8000/v1/login?next=/#x', '/api/login?next=/#x'),
    ('HTTP://BACKEND:8000/v1/', '/api/'),
    ('//backend:8000/v1/a', '/api/a'),
    ('/v1/a/b?c', '/api/a/b?c'),
    ('/v1/a%2Fb%20', '/api/a%2Fb%20'),
    ('/v1//evil.example/', '/api/evil.example/'),
    ('http://www.example.com/v1/x', '/api/x'),
    ('https://www.example.com/v1/x', '/api/x'),
    # elsewhere: as it is
    ('/other/', '/other/'), ('/v1x', '/v1x'), ('a/b', 'a/b'), ('?a=1', '?a=1'), ('', ''), ('#x', '#x'),
    ('http://backend/v1/x', 'http://backend/v1/x'),
    ('https://backend:8000/v1/x', 'https://backend:8000/v1/x'),
    ('http://other.example/v1/', 'http://other.example/v1/'),
    ('http://user@other.example:8000/v1/', 'http://user@other.example:8000/v1/'),
    ('ftp://backend:8000/v1/', 'ftp://backend:8000/v1/'), ('mailto:a@b', 'mailto:a@b'),
    ('http://[broken/v1/', 'http://[broken/v1/'), ('http://backend:99999/v1/', 'http://backend:99999/v1/'),
])  # fmt: skip
def test_a_redirect_within_the_upstream_leads_to_the_site(reference, expected):
    rewriting = forward(headers=[(b'Host', b'www.example.com')], location=[URL, '/api/'])
    assert location(reference, rewriting) == expected


def test_a_default_port_may_be_said():
    rewriting = forward('http://backend/v1/x', location=['http://backend/v1/', '/api/'])
    assert location('http://backend:80/v1/x', rewriting) == '/api/x'


@pytest.mark.parametrize(('source', 'place', 'reference', 'expected'), [
    ('http://backend:8000', '/api/', '/x', '/api/x'),
    ('http://backend:8000', '/api/', 'http://backend:8000', '/api/'),
    ('http://backend:8000/v1', '/api', '/v1/', '/api/'),
    ('http://backend:8000/v1', '/api', '/v1', '/api'),
    ('http://backend:8000/v1/', 'https://x.example/a', '/v1/b', 'https://x.example/a/b'),
    ('/v1/', '/api/', 'http://backend:8000/v1/b', '/api/b'),
])  # fmt: skip
def test_what_a_location_begins_with_and_what_takes_its_place(source, place, reference, expected):
    assert location(reference, forward(location=[source, place])) == expected


@pytest.mark.parametrize(('name', 'value', 'expected'), [
    (b'Location', b'/v1/x', b'/api/x'), (b'Content-Location', b'/v1/x', b'/api/x'),
    (b'Refresh', b'5; url=/v1/x', b'5; url=/api/x'), (b'Refresh', b'0;URL="/v1/x"', b'0;URL="/api/x"'),
    (b'Refresh', b'5', b'5'), (b'Link', b'</v1/x>', b'</v1/x>'), (b'Location', b'/v1/\xe9', b'/api/\xe9'),
])  # fmt: skip
def test_headers_with_a_place_in_them(name, value, expected):
    rewriting = forward(location=[URL, '/api/'])
    assert forward_rules.response_headers(rewriting, 200, [(name, value)], []) == [(name.lower(), expected)]
    kept = forward_rules.response_headers(forward(), 200, [(name, value)], [])
    assert kept == [(name.lower(), value)]
