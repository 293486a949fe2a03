"""The arguments of client.request: those of requests, wrong ones refused in the view."""

from __future__ import unicode_literals

import base64
import io
import warnings

import pytest
import requests
from site_support import STYLES, Site, configured

import channels_async
from channels_async import wire
from channels_async.client.client import IGNORED_ARGUMENTS, client

URL = 'https://example.org/a'


def sent(url=URL, browser=(), **arguments):
    """The Request that the server gets for these arguments."""
    with configured(STYLES[-1], []):
        operations, replies = Site().ask(
            lambda request: client.request(request, url, **arguments), headers=browser)
    assert replies == []
    return wire.parse(operations[0], 0.0)


def refused(error, url=URL, **arguments):
    caught = []

    def view(request):
        with pytest.raises(error) as raised:
            client.request(request, url, **arguments)
        caught.append(raised.value)
        return client.request(request, URL)

    with configured(STYLES[-1], []):
        operations, _ = Site().ask(view)
    assert len(operations) == 1  # only the good one
    return str(caught[0])


def header(operation, name):
    return [value for known, value in operation.details.headers if known.lower() == name.lower()]


def test_defaults():
    operation = sent()
    assert operation.details.method == 'GET'
    assert operation.details.url == URL
    assert operation.details.body is None
    assert operation.timeout is None
    assert dict(operation.details.headers) == {
        b'User-Agent': b'channels-async/' + channels_async.__version__.encode('ascii'), b'Accept': b'*/*',
        b'Accept-Encoding': b'identity',
    }  # fmt: skip
    assert (operation.details.allow_redirects, operation.details.max_redirects) == (True, 20)


def test_params_join_the_query():
    assert sent(URL + '?x=1', params={'q': ['a b', '\u2603']}).details.url == URL + '?x=1&q=a+b&q=%E2%98%83'


def test_a_form():
    operation = sent(method='POST', data=[('a', '1'), ('a', '\xe9')])
    assert operation.details.body == b'a=1&a=%C3%A9'
    assert header(operation, b'content-type') == [b'application/x-www-form-urlencoded']


def test_json():
    operation = sent(method='PUT', json={'a': [1, None, '\xe9']})
    assert operation.details.body == b'{"a": [1, null, "\\u00e9"]}'
    assert header(operation, b'content-type') == [b'application/json']


@pytest.mark.parametrize('data', [
    b'\x00\xff', '\xe9\u2603', io.BytesIO(b'from a file'), io.StringIO('text \xe9'), bytearray(b'xyz'),
])  # fmt: skip
def test_a_raw_body(data):
    expected = {
        '_io.BytesIO': b'from a file', '_io.StringIO': 'text \xe9'.encode('utf-8'), 'bytearray': b'xyz',
    }.get(type(data).__module__ + '.' + type(data).__name__ if hasattr(data, 'read') else type(data).__name__)
    operation = sent(method='POST', data=data)
    assert operation.details.body == (expected or (data if isinstance(data, bytes) else data.encode('utf-8')))


def test_a_body_that_is_generated():
    assert sent(method='POST', data=(part for part in [b'a', 'b'])).details.body == b'ab'


def test_the_length_of_the_body_is_left_to_the_one_who_sends_it():
    for arguments in ({'data': 'x'}, {'data': (part for part in [b'a'])}, {'json': {}}, {}):
        operation = sent(method='POST', **arguments)
        assert header(operation, b'content-length') == header(operation, b'transfer-encoding') == []


def test_files():
    files = {'f': ('h.txt', io.BytesIO(b'hello'), 'text/plain')}
    operation = sent(method='POST', files=files, data={'n': '1'})
    assert header(operation, b'content-type')[0].startswith(b'multipart/form-data; boundary=')
    assert b'filename="h.txt"' in operation.details.body
    assert b'hello' in operation.details.body


def test_cookies_and_headers():
    operation = sent(cookies={'a': '1'}, headers={'X-B': '2', 'User-Agent': 'me', 'accept': 'text/html'})
    assert header(operation, b'cookie') == [b'a=1']
    assert header(operation, b'x-b') == [b'2']
    assert header(operation, b'user-agent') == [b'me']
    assert header(operation, b'accept') == [b'text/html']


def test_none_leaves_a_default_header_out():
    assert header(sent(headers={'User-Agent': None}), b'user-agent') == []


@pytest.mark.parametrize(('browser', 'goes'), [
    ([(b'accept-encoding', b'gzip, br')], b'gzip, br'), ([], b'identity'),
    ([(b'accept-encoding', b'gz\xffip')], b'identity'), ([(b'accept-encoding', b'')], b'identity'),
])  # fmt: skip
def test_accept_encoding_is_the_browsers(browser, goes):
    assert header(sent(browser=browser), b'accept-encoding') == [goes]


def test_accept_encoding_of_the_caller_wins():
    operation = sent(browser=[(b'accept-encoding', b'br')], headers={'Accept-Encoding': 'gzip'})
    assert header(operation, b'accept-encoding') == [b'gzip']


@pytest.mark.parametrize(('url', 'auth'), [
    (URL, ('user', 'pass')), (URL, requests.auth.HTTPBasicAuth('user', 'pass')),
    ('https://user:pass@example.org/a', None),
])  # fmt: skip
def test_basic_authentication_becomes_a_header(url, auth):
    operation = sent(url, auth=auth)
    assert operation.details.url == URL
    assert header(operation, b'authorization') == [b'Basic ' + base64.b64encode(b'user:pass')]


def test_credentials_of_the_machine_are_not_used(tmpdir, monkeypatch):
    netrc = tmpdir.join('netrc')
    netrc.write('machine example.org login user password secret\n')
    monkeypatch.setenv(str('NETRC'), str(netrc))
    assert header(sent(), b'authorization') == []


def test_a_url_with_other_letters():
    assert sent('https://b\xfccher.example/\xe9').details.url == 'https://xn--bcher-kva.example/%C3%A9'


def test_timeout_and_redirects():
    operation = sent(timeout=2.5, allow_redirects=False, max_redirects=3)
    assert operation.timeout == 2.5
    assert (operation.details.allow_redirects, operation.details.max_redirects) == (False, 3)


def test_the_method_is_upper_case():
    assert sent(method='delete').details.method == 'DELETE'
    assert sent(method=b'patch').details.method == 'PATCH'


@pytest.mark.parametrize(('arguments', 'error', 'says'), [
    ({'url': None}, TypeError, 'url'), ({'url': 5}, TypeError, 'url'),
    ({'url': 'example.org'}, ValueError, 'URL'), ({'url': 'ftp://example.org/'}, ValueError, 'http'),
    ({'url': 'http://'}, ValueError, 'URL'), ({'url': ''}, ValueError, 'URL'),
    ({'url': 'http://exa mple.org/'}, ValueError, ''), ({'url': 'http://example.org:99999/'}, ValueError, ''),
    ({'url': 'http://' + 'x' * 70000}, ValueError, ''), ({'method': None}, TypeError, 'method'),
    ({'method': 'G T'}, ValueError, 'method'), ({'method': 'CONNECT'}, ValueError, 'CONNECT'),
    ({'timeout': 0}, ValueError, 'timeout'), ({'timeout': -1}, ValueError, 'timeout'),
    ({'timeout': float('nan')}, ValueError, 'timeout'), ({'timeout': float('inf')}, ValueError, 'timeout'),
    ({'timeout': '5'}, TypeError, 'timeout'), ({'timeout': (1, 2)}, TypeError, 'timeout'),
    ({'timeout': True}, TypeError, 'timeout'), ({'headers': 'X: y'}, TypeError, 'headers'),
    ({'headers': {'X': 5}}, TypeError, "headers: the value of 'X'"),
    ({'headers': {'X': 'a\r\nY: b'}}, ValueError, ''),
    ({'headers': {'X\n': 'a'}}, ValueError, ''), ({'headers': {'X': '\u2603'}}, ValueError, 'latin-1'),
    ({'headers': {5: 'a'}}, TypeError, 'header'), ({'headers': {'X': 'a\x00b'}}, ValueError, ''),
    ({'cookies': 'a=b'}, TypeError, 'cookies'), ({'auth': 'user'}, TypeError, 'auth'),
    ({'auth': requests.auth.HTTPDigestAuth('a', 'b')}, TypeError, 'auth'),
    ({'allow_redirects': 'False'}, TypeError, 'allow_redirects'),
    ({'max_redirects': -1}, ValueError, 'max_redirects'),
    ({'max_redirects': '3'}, TypeError, 'max_redirects'), ({'json': object()}, TypeError, ''),
    ({'json': {'a': float('nan')}, 'method': 'POST'}, ValueError, ''), ({'data': object()}, TypeError, ''),
    ({'data': iter([5])}, TypeError, 'data'), ({'params': 5}, (TypeError, ValueError), ''),
    ({'data': 'text', 'files': {'f': io.BytesIO(b'x')}}, ValueError, ''),
    ({'url': object()}, TypeError, 'url must be text'), ({'url': lambda: 0}, TypeError, 'url must be text'),
    ({'cookies': {'c': 5}}, TypeError, "'c'"), ({'cookies': {5: 'c'}}, TypeError, 'cookies'),
    ({'auth': lambda request: None}, TypeError, 'auth must return the request'),
    ({'auth': lambda request: request.missing}, ValueError, 'auth failed: AttributeError'),
    ({'auth': lambda request: int('x')}, ValueError, 'int'),
    ({'files': {'f': ('a', b'x', 'a/b\r\nX: y')}}, ValueError, 'files'),
    ({'files': [('f', ('a', b'x', 'a/b', {'X': 'a\nb'}))]}, ValueError, 'files'),
    ({'files': [('f', ('a', b'x', 5))]}, TypeError, 'files'),
    ({'files': {5: b'x'}}, TypeError, 'files: a name must be text, not int (5)'),
    ({'files': [(None, b'x')]}, TypeError, 'files: a name must be text, not NoneType (None)'),
    ({'files': {'f': (5, b'x')}}, TypeError, "files['f']: the name of a file must be text, not int (5)"),
    ({'files': {'f': ('a',)}}, TypeError, "files['f'] must be a file"),
    ({'files': ['f']}, TypeError, 'files must be a dict'),
    ({'stream': True}, TypeError, 'stream'), ({'verify': False}, TypeError, 'verify'),
    ({'header': {}}, TypeError, "did you mean 'headers'"),
    ({'allow_redirect': False}, TypeError, 'allow_redirects'),
])  # fmt: skip
def test_what_is_wrong_is_refused_in_the_view(arguments, error, says):
    assert says in refused(error, **arguments)


class Address(object):
    """A URL of some library, which requests takes by its text."""

    def __str__(self):
        return str(URL)


def test_an_object_that_has_a_text_is_a_url():
    assert sent(url=Address()).details.url == URL


def test_an_auth_object_of_the_caller_sets_headers():
    def sign(prepared):
        prepared.headers[str('X-Signature')] = str('abc')
        return prepared

    assert header(sent(auth=sign), b'X-Signature') == [b'abc']


def test_the_content_type_and_headers_of_a_file():
    body = sent(files={'f': ('a', b'x', 'text/x', {'X-Part': 'y'})}, method='POST').details.body
    assert b'Content-Type: text/x' in body
    assert b'X-Part: y' in body


def test_an_unknown_argument_is_named_together_with_those_that_there_are():
    text = refused(TypeError, proxies={})
    for name in ('proxies', 'url', 'method', 'timeout', 'max_redirects'):
        assert name in text


@pytest.mark.parametrize('name', sorted(IGNORED_ARGUMENTS))
def test_arguments_of_2017_are_ignored_with_a_warning_where_they_stand(name):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        operation = sent(**{str(name): None})
    own = [warning for warning in caught if "ignores '{}'".format(name) in str(warning.message)]
    assert [warning.category for warning in own] == [DeprecationWarning]
    assert 'test_arguments' in own[0].filename
    assert operation.ignored == ()


def test_request_must_be_a_request_or_a_message():
    for wrong in (None, 5, 'x', {}, object()):
        with pytest.raises(TypeError) as caught:
            client.request(wrong, URL)
        assert 'request must be' in str(caught.value)


def test_a_request_of_django_rest_framework_is_unwrapped():
    class RestRequest(object):
        def __init__(self, request):
            self._request = request

    with configured(STYLES[-1], []):
        operations, _ = Site().ask(lambda request: client.request(RestRequest(request), URL))
    assert len(operations) == 1
