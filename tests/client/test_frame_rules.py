"""What an answer looks like as a frame: text or bytes, one, and errors that name themselves."""

from __future__ import unicode_literals

import json

import pytest

from channels_async.frame_rules import MAX_FRAME, answer_frame, error_frame, frame_size, item_frame

CAFE = 'caf\xe9'


def frame(content, content_type=None, status=200, encoding=None):
    headers = [(b'X-Other', b'1')]
    if content_type is not None:
        headers.append((b'Content-Type', content_type))
    if encoding is not None:
        headers.append((b'content-encoding', encoding))
    return answer_frame(status, headers, content, 'abc')


@pytest.mark.parametrize('content_type', [
    b'text/plain', b'text/html; charset=utf-8', b'TEXT/HTML; Charset="UTF-8"', b'application/json',
    b'application/problem+json', b'application/xml', b'image/svg+xml', b'application/javascript',
    b'application/vnd.own; charset=utf-8',
])  # fmt: skip
def test_what_is_said_to_be_text_is_a_text_frame(content_type):
    assert frame(CAFE.encode('utf-8'), content_type) == {'text': CAFE}


@pytest.mark.parametrize(('charset', 'content'), [
    (b'iso-8859-1', b'caf\xe9'), (b'windows-1252', b'caf\xe9'), (b'utf-16le', CAFE.encode('utf-16le')),
])
def test_another_charset_is_read(charset, content):
    assert frame(content, b'text/plain; charset=' + charset) == {'text': CAFE}


@pytest.mark.parametrize('content_type', [
    None, b'', b'image/png', b'application/octet-stream', b'text', b'application/jsonx',
])
def test_everything_else_is_a_bytes_frame(content_type):
    assert frame(b'abc', content_type) == {'bytes': b'abc'}


@pytest.mark.parametrize('content_type', [
    b'text/plain', b'application/json', b'text/plain; charset=ascii', b'text/plain; charset=zip',
    b'text/plain; charset=hex', b'text/plain; charset=punycode', b'text/plain; charset=no-such',
    b'text/plain; charset=iso-8859-99', b'text/plain; charset=\xff',
])  # fmt: skip
def test_bytes_that_are_not_in_their_charset_stay_bytes(content_type):
    content = b'61\xff'
    assert frame(content, content_type) == {'bytes': content}


def test_compressed_text_stays_bytes():
    assert frame(b'not really gzip', b'text/plain', encoding=b'gzip') == {'bytes': b'not really gzip'}
    assert frame(b'plain', b'text/plain', encoding=b'identity') == {'text': 'plain'}


def test_text_stays_text_whatever_its_type():
    assert frame('abc', b'image/png') == {'text': 'abc'}


@pytest.mark.parametrize('empty', [b'', ''])
def test_what_is_empty_is_no_frame_because_daphne_sends_none(empty):
    assert frame(empty, b'text/plain', status=204) is None
    assert item_frame(empty) is None


def test_an_error_without_content_is_told():
    said = json.loads(frame(b'', status=404)['text'])
    assert (said['status'], said['id']) == (404, 'abc')
    assert '404' in said['error']
    assert frame(b'gone', b'text/plain', status=404) == {'text': 'gone'}


def test_an_error_frame_names_reason_status_and_operation():
    assert json.loads(error_frame(502, CAFE, 'abc')['text']) == {'error': CAFE, 'status': 502, 'id': 'abc'}
    assert json.loads(error_frame(503, 'x', None, 0.5)['text']) == {
        'error': 'x', 'status': 503, 'id': None, 'retry_after': 1}


def test_half_a_character_does_not_stop_a_frame():
    assert item_frame('a\ud83d') == {'text': 'a?'}
    assert item_frame('\ude00a') == {'text': '?a'}
    assert item_frame('\U0001f600') == {'text': '\U0001f600'}
    assert json.loads(error_frame(500, 'a\ud83d', 'abc')['text'])['error'] == 'a?'
    assert frame_size('a\ud83d') == 2


def test_the_size_of_a_frame_is_counted_in_bytes():
    assert (frame_size(CAFE), frame_size(CAFE.encode('utf-8'))) == (5, 5)
    assert MAX_FRAME == 1024 * 1024
