"""Return values as responses, as both ends have them."""

from __future__ import unicode_literals

import json

import pytest
import site_support  # noqa: F401 - settings, which responses of Django want
from call_cases import RETURNED, STREAMED, WRONG
from django.http import HttpResponse, StreamingHttpResponse
from django.utils.functional import lazy

from channels_async import http_rules, result_rules

late = lazy(lambda: 'later', type(''))


def texts(headers):
    return {name.decode('latin-1'): value.decode('latin-1') for name, value in headers}


@pytest.mark.parametrize(('returned', 'status', 'headers', 'body'), RETURNED)
def test_what_is_returned_is_a_response(returned, status, headers, body):
    answer = result_rules.answer(returned)
    expected = dict(headers) if status in (204, 304) else dict(headers, **{'content-length': str(len(body))})
    found = texts(result_rules.response_headers(answer.status, answer.headers, []))
    assert (answer.status, found, answer.content) == (status, expected, body)


@pytest.mark.parametrize(('items', 'headers', 'content_type', 'body'), STREAMED)
def test_an_iterator_is_a_stream(items, headers, content_type, body):
    answer = result_rules.answer(iter(items) if headers is None else (200, headers, iter(items)))
    assert (answer.content, list(answer.stream)) == (None, items)
    found = texts(result_rules.stream_headers(answer, items[:1]))
    assert found.get('content-type') == content_type
    written = [result_rules.item(item) for item in items]
    assert b''.join(it if isinstance(it, bytes) else it.encode('utf-8') for it in written) == body


@pytest.mark.parametrize(('returned', 'says'), WRONG)
def test_what_is_no_response_is_named_by_its_type(returned, says):
    with pytest.raises(result_rules.NoResponse) as caught:
        result_rules.answer(returned)
    assert [word for word in says if word not in '{}'.format(caught.value)] == []


@pytest.mark.parametrize('item', [None, 5, (1, 2), object()])
def test_what_is_no_item_of_a_stream_is_named_by_its_type(item):
    with pytest.raises(result_rules.NoResponse, match='an item of a stream must be text'):
        result_rules.item(item)


def test_lazy_texts_are_texts():
    assert result_rules.answer(late()).content == b'later'
    assert result_rules.item(late()) == 'later'
    assert json.loads(result_rules.answer([late()]).content.decode('ascii')) == ['later']


def test_a_response_of_django_keeps_status_headers_and_cookies():
    response = HttpResponse('caf\xe9', status=203)
    response['X-A'] = 'b'
    response.set_cookie(str('a'), '1')
    response.set_cookie(str('b'), '2')
    answer = result_rules.answer(response)
    headers = result_rules.response_headers(answer.status, answer.headers, [])
    assert (answer.status, answer.content) == (203, b'caf\xc3\xa9')
    assert (b'x-a', b'b') in headers
    assert (b'content-type', b'text/html; charset=utf-8') in headers
    cookies = [value.split(b';')[0] for name, value in headers if name == b'set-cookie']
    assert sorted(cookies) == [b'a=1', b'b=2']


def test_a_streaming_response_of_django_is_a_stream_that_can_be_closed():
    closed = []
    response = StreamingHttpResponse(iter([b'a', b'b']), content_type=str('text/x'))
    response._closable_objects.append(type(str('Closable'), (), {'close': lambda self: closed.append(1)})())
    answer = result_rules.answer(response)
    assert (list(answer.stream), answer.content) == ([b'a', b'b'], None)
    answer.close()
    assert closed == [1]


def test_a_response_that_is_not_rendered_yet_is_rendered():
    class Late(HttpResponse):
        is_rendered = False

        def render(self):
            self.content = b'rendered'

    assert result_rules.answer(Late()).content == b'rendered'


def test_the_site_overrules_the_function_but_for_cookies_and_vary():
    function = [
        (b'x-a', b'function'), (b'set-cookie', b'a=1'), (b'vary', b'Accept'), (b'x-b', b'kept'),
        (b'access-control-allow-origin', b'*'),
    ]  # fmt: skip
    site = [
        (b'X-A', b'site'), (b'Set-Cookie', b'b=2'), (b'Vary', b'Cookie'),
        (b'Access-Control-Allow-Origin', b'x'),
    ]  # fmt: skip
    headers = result_rules.response_headers(200, function, site)
    assert sorted(headers) == [
        (b'access-control-allow-origin', b'x'), (b'set-cookie', b'a=1'), (b'set-cookie', b'b=2'),
        (b'vary', b'Accept, Cookie'), (b'x-a', b'site'), (b'x-b', b'kept'),
    ]  # fmt: skip


@pytest.mark.parametrize('headers', [
    [(b'content-type', b'text/plain'), (b'content-length', b'3')],
    [(b'content-type', b'text/plain'), (b'content-length', b'three')],
    [(b'content-length', b'3'), (b'content-type', b'text/plain')],
    [(b'content-type', b'text/plain'), (b'vary', b'Cookie, Cookie')],
    [(b'content-type', b'text/plain')],
])
@pytest.mark.parametrize('status', [200, 204, 404])
def test_the_usual_headers_are_decided_on_as_all_others(status, headers):
    others = http_rules.response_headers(status, headers, [])
    assert result_rules.response_headers(status, headers, []) == others
