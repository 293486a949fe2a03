"""Redirects, headers and error answers: the rules that the server and the inline form share."""

from __future__ import unicode_literals

import pytest

from channels_async import http_rules

HERE = 'https://example.org/a/b?c=d'
BODY_HEADERS = [(b'Content-Type', b'text/plain'), (b'Content-Length', b'1'), (b'X-Mine', b'1')]


def redirect(status, method='GET', location=b'/next', url=HERE, headers=(), body=None):
    return http_rules.redirect(method, url, list(headers), body, status, location)


@pytest.mark.parametrize(('status', 'method', 'becomes', 'keeps_body'), [
    (301, 'GET', 'GET', True), (302, 'HEAD', 'HEAD', True), (301, 'POST', 'GET', False),
    (302, 'POST', 'GET', False), (301, 'PUT', 'PUT', True), (302, 'DELETE', 'DELETE', True),
    (303, 'POST', 'GET', False), (303, 'PUT', 'GET', False), (303, 'HEAD', 'HEAD', True),
    (303, 'GET', 'GET', True), (307, 'POST', 'POST', True), (308, 'POST', 'POST', True),
    (307, 'GET', 'GET', True),
])  # fmt: skip
def test_methods_and_bodies_follow_rfc_9110(status, method, becomes, keeps_body):
    target = redirect(status, method, headers=BODY_HEADERS, body=b'x')
    assert target == (
        becomes, 'https://example.org/next', BODY_HEADERS if keeps_body else [(b'X-Mine', b'1')],
        b'x' if keeps_body else None,
    )  # fmt: skip


@pytest.mark.parametrize('status', [200, 201, 300, 304, 305, 306, 309, 399, 400])
def test_no_other_status_is_followed(status):
    assert redirect(status) is None


@pytest.mark.parametrize('location', [None, b'', ' '])
def test_without_a_location_there_is_nothing_to_follow(location):
    assert redirect(302, location=location) is None


@pytest.mark.parametrize(('location', 'target'), [
    (b'?x', 'https://example.org/a/b?x'),
    (b'c', 'https://example.org/a/c'),
    (b'../../../c', 'https://example.org/c'),
    (b'//other.example/c', 'https://other.example/c'),
    (b'HTTP://Other.Example/C', 'http://other.example/C'),
    ('/caf\xe9'.encode('utf-8'), 'https://example.org/caf%C3%A9'),
    ('/caf\xe9'.encode('latin-1'), 'https://example.org/caf%C3%A9'),
    (b'/a b', 'https://example.org/a%20b'),
    ('/text', 'https://example.org/text'),
    (b'http://user:pw@example.org/', 'http://example.org/'),
])  # fmt: skip
def test_a_location_is_resolved(location, target):
    assert redirect(302, location=location)[1] == target


@pytest.mark.parametrize(('location', 'target'), [
    (b'/x', 'https://example.org/x#old'), (b'/x#new', 'https://example.org/x#new'),
])  # fmt: skip
def test_a_location_without_a_fragment_inherits_it(location, target):
    assert redirect(302, url=HERE + '#old', location=location)[1] == target


@pytest.mark.parametrize('location', [
    b'ftp://example.org/', b'javascript:alert(1)', b'file:///etc/passwd', b'http://', b'http://[',
    b'http://a:x/', b'/\x00', b'http://a..b/', b'unix:/x', b'http://example.org:99999/', 'http://\u2100.org/',
    b'/' + b'x' * 70000,
])  # fmt: skip
def test_a_location_that_must_not_be_followed_is_a_value_error(location):
    with pytest.raises(ValueError) as caught:
        redirect(302, location=location)
    assert 'redirects' in str(caught.value)


@pytest.mark.parametrize(('location', 'same'), [
    (b'/x', True), (b'https://EXAMPLE.org:443/x', True), (b'http://example.org/x', False),
    (b'https://example.org:8443/', False), (b'https://www.example.org/', False),
    (b'https://example.org.evil.example/', False), (b'https://example.org@evil.example/', False),
])  # fmt: skip
def test_credentials_stay_with_their_origin(location, same):
    secret = [(b'Authorization', b'a'), (b'COOKIE', b'b'), (b'proxy-authorization', b'c'), (b'Host', b'd')]
    headers = secret + [(b'X', b'e')]
    assert redirect(307, headers=headers, location=location)[2] == (headers if same else [(b'X', b'e')])


def test_a_redirect_leaves_the_list_of_headers_alone():
    headers = [(b'Cookie', b'a')]
    http_rules.redirect('GET', HERE, headers, None, 302, b'http://other.example/')
    assert headers == [(b'Cookie', b'a')]


def test_duplicates_and_their_order_are_kept_and_names_are_lower_case():
    upstream = [(b'Link', b'1'), (b'ETag', b'x'), (b'link', b'2'), (b'WWW-Authenticate', b'Basic')]
    assert http_rules.response_headers(200, upstream, []) == [
        (b'link', b'1'), (b'etag', b'x'), (b'link', b'2'), (b'www-authenticate', b'Basic'),
    ]  # fmt: skip


@pytest.mark.parametrize('name', sorted(http_rules.HOP_BY_HOP))
def test_hop_by_hop_headers_of_both_sides_stay_here(name):
    assert http_rules.response_headers(200, [(name.upper(), b'x')], [(name, b'y')]) == []


def test_headers_that_connection_names_stay_here():
    upstream = [(b'Connection', b'close, X-Private ,'), (b'x-private', b'1'), (b'X-Public', b'2')]
    assert http_rules.response_headers(200, upstream, []) == [(b'x-public', b'2')]


def test_connection_may_come_in_lines_and_after_what_it_names():
    upstream = [
        (b'X-First', b'1'), (b'Connection', b'Keep-Alive'), (b'connection', b'x-first'), (b'X-Last', b'2'),
        (b'CONNECTION', b', \t,X-LAST\t'), (b'X-Public', b'3'),
    ]  # fmt: skip
    assert http_rules.response_headers(200, upstream, [(b'X-Last', b'4')]) == [
        (b'x-public', b'3'), (b'x-last', b'4'),
    ]  # fmt: skip


@pytest.mark.parametrize('name', sorted(http_rules.NOT_FOR_THE_SITE))
def test_what_would_speak_for_the_whole_site_is_dropped_unless_the_site_says_it(name):
    assert http_rules.response_headers(200, [(name, b'x')], []) == []
    assert http_rules.response_headers(200, [(name, b'x')], [(name.title(), b'y')]) == [(name, b'y')]


def test_headers_of_the_site_win():
    upstream = [(b'Cache-Control', b'public'), (b'Cache-Control', b'max-age=9'), (b'X', b'1')]
    assert http_rules.response_headers(200, upstream, [(b'cache-control', b'private')]) == [
        (b'x', b'1'), (b'cache-control', b'private'),
    ]  # fmt: skip


def test_all_cookies_of_the_site_go_out():
    site = [(b'Set-Cookie', b'a=1'), (b'Set-Cookie', b'b=2')]
    assert http_rules.response_headers(200, [(b'Set-Cookie', b'c=3')], site) == [
        (b'set-cookie', b'a=1'), (b'set-cookie', b'b=2'),
    ]  # fmt: skip


def test_vary_is_the_union():
    upstream = [(b'Vary', b'Accept-Encoding, Origin, origin'), (b'vary', b'Accept')]
    assert http_rules.response_headers(200, upstream, [(b'Vary', b'Cookie, ACCEPT')]) == [
        (b'vary', b'Accept-Encoding, Origin, Accept, Cookie'),
    ]  # fmt: skip
    assert http_rules.response_headers(200, [(b'Vary', b'*')], [(b'Vary', b'Cookie')]) == [(b'vary', b'*')]


def test_what_describes_the_placeholder_is_dropped():
    site = [(b'Content-Length', b'0'), (b'Content-Encoding', b'gzip'), (b'Date', b'now')]
    upstream = [(b'Content-Length', b'5'), (b'Date', b'then')]
    assert http_rules.response_headers(200, upstream, site) == [(b'date', b'then'), (b'content-length', b'5')]


@pytest.mark.parametrize(('status', 'headers', 'length'), [
    (200, [(b'content-length', b'5')], b'5'),
    (200, [(b'content-length', b'5, 5'), (b'content-length', b'5')], b'5'),
    (200, [(b'content-length', b'5'), (b'content-length', b'6')], None),
    (200, [(b'content-length', b'+5')], None),
    (200, [(b'content-length', b'5'), (b'transfer-encoding', b'chunked')], None),
    (204, [(b'content-length', b'0')], None), (304, [(b'content-length', b'5')], b'5'), (200, [], None),
])  # fmt: skip
def test_a_content_length_goes_out_only_if_it_is_one_and_true(status, headers, length):
    expected = [(b'content-length', length)] if length else []
    assert http_rules.response_headers(status, headers, []) == expected


def test_gzip_passes_with_its_name():
    upstream = [(b'Content-Encoding', b'gzip')]
    assert http_rules.response_headers(200, upstream, []) == [(b'content-encoding', b'gzip')]


@pytest.mark.parametrize(('method', 'status', 'expected'), [
    ('GET', 200, True), ('POST', 500, True), ('HEAD', 200, False), ('GET', 204, False), ('GET', 304, False),
    ('GET', 101, False), ('GET', 205, True),
])  # fmt: skip
def test_which_responses_have_a_body(method, status, expected):
    assert http_rules.has_body(method, status) is expected


def test_an_error_answer_says_what_where_and_when_to_come_back():
    status, headers, body = http_rules.error_response(503, 'too many operations wait', 'abc', retry_after=0.2)
    assert status == 503
    assert body == b'503 Service Unavailable\ntoo many operations wait\noperation abc\n'
    assert dict(headers) == {
        b'content-type': b'text/plain; charset=utf-8', b'content-length': b'63', b'retry-after': b'1',
        b'cache-control': b'no-store',
    }  # fmt: skip


def test_an_error_answer_takes_the_cookies_of_the_site_but_not_what_describes_another_answer():
    site = [
        (b'Set-Cookie', b'a=1'), (b'Vary', b'Cookie'), (b'X-Frame-Options', b'DENY'),
        (b'Cache-Control', b'public'), (b'Content-Type', b'image/png'), (b'ETag', b'"x"'),
        (b'Expires', b'later'), (b'Content-Length', b'9'),
    ]  # fmt: skip
    _, headers, body = http_rules.error_response(502, 'it failed', None, site_headers=site)
    assert body == b'502 Bad Gateway\nit failed\n'
    assert sorted(headers) == [
        (b'cache-control', b'no-store'), (b'content-length', b'26'),
        (b'content-type', b'text/plain; charset=utf-8'), (b'set-cookie', b'a=1'), (b'vary', b'Cookie'),
        (b'x-frame-options', b'DENY'),
    ]  # fmt: skip
