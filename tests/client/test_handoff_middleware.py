"""The hand-off among middleware: all that comes with Django, and some that gets in its way."""

from __future__ import unicode_literals

import logging

import django
import pytest
import site_support
from django.http import HttpResponse, StreamingHttpResponse
from site_support import (
    GZIP,
    HOST,
    URL,
    Site,
    configured,
    hand_off,
    headers_of,
    one_operation,
    only_reply,
)  # fmt: skip

from channels_async.client.client import client


def test_it_passes_all_the_middleware_of_django(everything):
    from django.contrib import messages
    from django.middleware.csrf import get_token
    from django.utils import translation

    def view(request):
        request.session['seen'] = 1
        get_token(request)
        messages.info(request, 'hello')
        translation.activate('de')
        response = client.request(request, URL)
        response['X-View'] = 'yes'
        response.set_cookie('mine', 'a b')
        return response

    asked = [(b'accept-encoding', b'gzip'), (b'accept-language', b'de'), (b'host', b'example.com')]
    message = one_operation(Site().ask(view, headers=asked))
    headers = headers_of(message)
    cookies = sorted(cookie.partition('=')[0] for cookie in headers['set-cookie'])
    assert {'csrftoken', 'mine', 'sessionid'} <= set(cookies)
    assert not any(cookie.startswith(' ') for cookie in headers['set-cookie'])
    assert headers['x-view'] == ['yes']
    assert headers['x-frame-options'] == ['SAMEORIGIN']
    assert headers['x-content-type-options'] == ['nosniff']
    assert 'Cookie' in headers['vary'][0]
    assert 'content-language' in headers
    for name in ('content-type', 'content-encoding', 'content-length', 'date', 'etag'):
        assert name not in headers


def test_nothing_is_logged(everything, caplog):
    with caplog.at_level(logging.WARNING):
        one_operation(Site().ask(hand_off, headers=[GZIP, HOST]))
    assert caplog.records == []


def test_the_worker_goes_on(everything):
    site = Site()
    for _ in range(3):
        one_operation(site.ask(hand_off, headers=[HOST]))
    assert only_reply(site.ask(lambda request: HttpResponse(b'x')))['content'] == b'x'


def failing_in_response(get_response):
    def middleware(request):
        get_response(request)
        raise RuntimeError('a middleware failed')

    return middleware


def reading(get_response):
    def middleware(request):
        response = get_response(request)
        list(response)
        return response

    return middleware


class Reading(object):
    def process_response(self, request, response):
        list(response)
        return response


class FailingInResponse(object):
    def process_response(self, request, response):
        raise RuntimeError('a middleware failed')


def test_a_middleware_that_fails_hands_nothing_off(style):
    name = 'failing_in_response' if style == 'MIDDLEWARE' else 'FailingInResponse'
    with configured(style, ['test_handoff_middleware.' + name]):
        assert only_reply(Site().ask(hand_off))['status'] == 500


def test_a_middleware_that_reads_the_content_gets_an_error_and_there_is_one_answer(style, caplog):
    name = 'reading' if style == 'MIDDLEWARE' else 'Reading'
    with configured(style, ['test_handoff_middleware.' + name]):
        assert only_reply(Site().ask(hand_off))['status'] == 500
    errors = [str(record.exc_info[1]) for record in caplog.records if record.exc_info]
    assert any('response.streaming' in error for error in errors)


def test_a_middleware_that_answers_something_else_wins(style):
    with configured(style, ['test_handoff_middleware.Replacing']):
        reply = only_reply(Site().ask(hand_off))
    assert (reply['status'], reply['content']) == (200, b'replaced')


class Replacing(site_support.MiddlewareMixin):
    def process_response(self, request, response):
        return HttpResponse(b'replaced')


class ChangingStatus(site_support.MiddlewareMixin):
    def process_response(self, request, response):
        response.status_code = 202
        return response


def test_a_status_that_somebody_changed_is_an_answer_and_a_correct_one(style):
    middleware = ['django.middleware.gzip.GZipMiddleware', 'test_handoff_middleware.ChangingStatus']
    with configured(style, middleware):
        reply = only_reply(Site().ask(hand_off, headers=[(b'accept-encoding', b'gzip')]))
    assert reply['status'] == 202
    assert not reply.get('content')
    assert reply['more_content'] is False
    assert set(headers_of(reply)) <= {'vary'}


class Noting(object):
    """A middleware of the old kind that would turn an exception into a response."""

    exceptions = []  # noqa: RUF012 - shared, for Django makes the instance

    def process_exception(self, request, exception):
        self.exceptions.append(exception)
        return HttpResponse(b'caught', status=500)


def noting(get_response):
    class NewNoting(Noting):
        def __call__(self, request):
            return get_response(request)

    return NewNoting()


def test_process_exception_does_not_see_it(style):
    del Noting.exceptions[:]
    with configured(style, ['test_handoff_middleware.' + ('noting' if style == 'MIDDLEWARE' else 'Noting')]):
        one_operation(Site().ask(hand_off))
    assert Noting.exceptions == []


@pytest.mark.parametrize('asked', [
    (b'if-none-match', b'"v1"'), (b'if-modified-since', b'Sat, 01 Jan 2050 00:00:00 GMT'),
])  # fmt: skip
def test_a_304_of_conditional_get_wins(everything, asked):
    def view(request):
        response = client.request(request, URL)
        response['ETag'] = '"v1"'
        response['Last-Modified'] = 'Sat, 01 Jan 2000 00:00:00 GMT'
        return response

    reply = only_reply(Site().ask(view, headers=[asked, GZIP, HOST]))
    assert reply['status'] == 304
    assert not reply.get('content')
    assert reply['more_content'] is False
    assert 'content-encoding' not in headers_of(reply)
    if django.VERSION >= (1, 11):  # older ones answer without it
        assert headers_of(reply)['etag'] == ['"v1"']


def test_an_etag_of_the_view_goes_along_unchanged(everything):
    def view(request):
        response = client.request(request, URL)
        response['ETag'] = '"v1"'
        return response

    asked = [GZIP, HOST]
    assert headers_of(one_operation(Site().ask(view, headers=asked)))['etag'] == ['"v1"']


def test_a_content_type_of_the_view_goes_along(everything):
    def view(request):
        response = client.request(request, URL)
        response['Content-Type'] = 'application/x-mine'
        return response

    message = one_operation(Site().ask(view, headers=[HOST]))
    assert headers_of(message)['content-type'] == ['application/x-mine']


class Rewrapping(site_support.MiddlewareMixin):
    def process_response(self, request, response):
        return StreamingHttpResponse(response.streaming_content)


def test_content_that_a_middleware_put_into_a_response_of_its_own_is_handed_off(style):
    with configured(style, ['test_handoff_middleware.Rewrapping']):
        one_operation(Site().ask(hand_off))


class Rewriting(site_support.MiddlewareMixin):
    def process_response(self, request, response):
        response.streaming_content = (part.upper() for part in response.streaming_content)
        return response


def test_a_middleware_that_wraps_the_content_finds_none(style):
    with configured(style, ['test_handoff_middleware.Rewriting']):
        one_operation(Site().ask(hand_off))
