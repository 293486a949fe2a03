"""EGRESS, proxies, TLS and unix sockets in the view: as the server has them, by its settings."""

from __future__ import unicode_literals

import contextlib
import logging
import os
import socket
import ssl
import threading

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import RequestFactory
from site_support import STYLES, configured
from upstream_support import Upstream, read_request, refusing, upstream

from channels_async.client.client import client

OK = b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'
TLS = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'tls')


def pem(name):
    return os.path.join(TLS, name)


def ask(url, server, **arguments):
    """The response of client.request in a view under WSGI, with that CHANNELS_ASYNC_SERVER."""
    with configured(STYLES[-1], [], CHANNELS_ASYNC_SERVER=server):
        response = client.request(RequestFactory().get('/'), url, **arguments)
        try:
            return response.status_code, b''.join(response)
        finally:
            response.close()


def first_line(content):
    return content.decode('utf-8').split('\n')[1]


def redirect(to):
    return 'HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n'.format(to).encode('ascii')


# --- EGRESS ----------------------------------------------------------------------------------------


@pytest.mark.parametrize('host', ['127.0.0.1', 'localhost', '127.1', '2130706433', '0x7f.1', '0.0.0.0'])
def test_this_machine_is_refused_in_every_notation_and_told_to_the_log_alone(host, caplog):
    with upstream(OK) as server:
        url = server.url.replace('127.0.0.1', host)
        with caplog.at_level(logging.WARNING):
            status, content = ask(url, {'EGRESS': {'deny': ['private']}})
        assert (status, first_line(content)) == (403, 'the upstream is not allowed')
        assert server.requests == []
    lines = [record.getMessage() for record in caplog.records]
    assert any('egress: {}'.format(host) in line and "denied by 'private'" in line for line in lines)


def test_what_is_allowed_is_reached():
    with upstream(OK) as server:
        port = server.netloc.rpartition(':')[2]
        for allowed in ('127.0.0.0/8', 'loopback', '127.0.0.1:' + port, b'127.0.0.1'):
            assert ask(server.url, {'EGRESS': {'allow': [allowed], 'deny': ['all']}}) == (200, b'hello')
        assert ask(server.url, {'EGRESS': {'allow': '10.0.0.0/8, localhost'}})[0] == 403
        url = server.url.replace('127.0.0.1', 'localhost')
        assert ask(url, {'EGRESS': {'allow': ['localhost'], 'deny': ['private']}}) == (200, b'hello')
        assert ask(url, {'EGRESS': {'allow': ['127.0.0.1']}}) == (200, b'hello')  # not at ::1


def test_a_redirect_to_what_is_not_allowed_is_refused():
    with upstream(OK) as inner:
        with upstream(redirect(inner.url.replace('127.0.0.1', 'localhost'))) as outer:
            port = outer.netloc.rpartition(':')[2]
            status, _ = ask(outer.url, {'EGRESS': {'allow': ['127.0.0.1:' + port]}})
        assert status == 403
        assert inner.requests == []


def test_a_host_that_does_not_resolve_or_refuses_is_502_as_ever():
    status, content = ask('http://does-not-exist.invalid/', {'EGRESS': {'deny': ['private']}})
    assert (status, first_line(content).partition(': ')[2][:23]) == (502, 'cannot resolve the host')
    with refusing() as netloc:
        status, content = ask('http://{}/'.format(netloc), {'EGRESS': {'allow': ['loopback']}})
    assert (status, first_line(content)) == (502, netloc + ': cannot connect: Connection refused')


# --- unix sockets ----------------------------------------------------------------------------------


class UnixUpstream(Upstream):
    """An Upstream behind a unix socket."""

    def __init__(self, path):
        super(UnixUpstream, self).__init__(lambda request, connection: connection.sendall(OK))
        self._other = socket.socket(socket.AF_UNIX)
        self._other.bind(str(path))
        self._other.listen(16)
        self._start(self._accept_other)

    def _accept_other(self):
        for _ in range(2):
            connection, _ = self._other.accept()
            self._serve(connection)
        self._other.close()


def test_a_host_of_the_settings_is_asked_over_its_socket(tmpdir):
    path = '{}'.format(tmpdir.join('app.sock'))
    http = {'unix_sockets': {'Backend.local': path}, 'proxy': 'http://127.0.0.1:1'}
    with contextlib.closing(UnixUpstream(path)) as server:
        assert ask('http://backend.local/a?b=c', {'HTTP': http}) == (200, b'hello')
        assert ask('http://backend.local/', {'HTTP': http, 'EGRESS': {'deny': ['private']}})[0] == 403
        allowed = {'deny': ['private'], 'allow': ['unix:' + path]}
        assert ask('http://backend.local/', {'HTTP': http, 'EGRESS': allowed}) == (200, b'hello')
        line, headers, _ = server.requests[0]
    assert (line, headers['host']) == ('GET /a?b=c HTTP/1.1', 'backend.local')


def test_a_socket_that_is_not_there_is_502_without_its_path(tmpdir):
    path = '{}'.format(tmpdir.join('app.sock'))
    status, content = ask('http://backend.local/', {'HTTP': {'unix_sockets': {'backend.local': path}}})
    assert (status, first_line(content)) == (502, 'backend.local: cannot connect: No such file or directory')


# --- proxies ---------------------------------------------------------------------------------------


def test_http_is_asked_of_a_proxy_in_absolute_form():
    with upstream(OK) as proxy:
        url = 'http://anna:ge%40heim@' + proxy.netloc
        settings = {'HTTP': {'proxy': url, 'no_proxy': ['direct.example']}}
        assert ask('http://api.example/path?a=b', settings) == (200, b'hello')
        line, headers, _ = proxy.requests[0]
        assert line == 'GET http://api.example/path?a=b HTTP/1.1'
        assert headers['host'] == 'api.example'
        assert headers['proxy-authorization'] == 'Basic YW5uYTpnZUBoZWlt'
        assert ask('http://direct.example.invalid/', settings)[0] == 200  # by the proxy
        assert ask('http://www.direct.example/', settings)[0] == 502  # which is not asked
        assert len(proxy.requests) == 2


@pytest.mark.parametrize('scheme', ['http', 'https'])
def test_a_proxy_that_asks_for_a_password_is_502(scheme):
    with upstream(b'HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n') as proxy:
        settings = {'HTTP': {'proxy': 'http://anna:geheim@' + proxy.netloc}}
        status, content = ask('{}://api.example/'.format(scheme), settings)
    assert (status, first_line(content)) == (
        502, 'api.example: the proxy refused with status 407: it asks for a name and password',
    )  # fmt: skip


@pytest.mark.parametrize('scheme', ['http', 'https'])
def test_a_proxy_that_is_not_there_is_502(scheme):
    with refusing() as netloc:
        status, content = ask('{}://api.example/'.format(scheme), {'HTTP': {'proxy': netloc}})
    assert (status, first_line(content)) == (
        502, 'api.example: cannot connect to the proxy: Connection refused',
    )  # fmt: skip


def test_the_environment_counts_only_when_it_is_asked(monkeypatch):
    with upstream(OK) as server, upstream(b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nproxy') as proxy:
        monkeypatch.setenv(str('http_proxy'), str('http://' + proxy.netloc))
        monkeypatch.setenv(str('no_proxy'), str(''))
        assert ask(server.url, {}) == (200, b'hello')
        assert ask(server.url, {'HTTP': {'proxy_from_environment': True}}) == (200, b'proxy')


def test_what_is_refused_is_not_asked_of_a_proxy_and_the_proxy_itself_is_not_refused():
    with upstream(OK) as proxy:
        settings = {'HTTP': {'proxy': proxy.netloc}, 'EGRESS': {'deny': ['private', 'evil.example']}}
        for host in ('127.1', 'localhost', '[::1]', 'evil.example'):
            assert ask('http://{}/'.format(host), settings)[0] == 403
        assert proxy.requests == []
        assert ask('http://api.example/', settings) == (200, b'hello')


# --- TLS -------------------------------------------------------------------------------------------


class TlsUpstream(object):
    """Takes connections one by one; `shown` holds the certificate that each client showed, or None."""

    def __init__(self):
        self._context = ssl.SSLContext(ssl.PROTOCOL_SSLv23)
        self._context.load_cert_chain(pem('server.pem'))
        self._context.load_verify_locations(pem('authority.pem'))
        self._context.verify_mode = ssl.CERT_OPTIONAL
        self._listening = socket.socket()
        self._listening.bind(('127.0.0.1', 0))
        self._listening.listen(16)
        self.port = self._listening.getsockname()[1]
        self.shown = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.daemon = True
        self._thread.start()

    def _serve(self):
        while True:
            connection, _ = self._listening.accept()
            if self._listening is None:
                return
            try:
                secured = self._context.wrap_socket(connection, server_side=True)
                self.shown.append(secured.getpeercert())
                read_request(secured)
                secured.sendall(OK)
                secured.close()
            except (OSError, IOError):
                pass  # the client does not like the certificate
            finally:
                connection.close()  # Python 2 keeps it open beside the secured one

    def close(self):
        listening, self._listening = self._listening, None
        with contextlib.closing(socket.socket()) as wake:
            wake.connect(('127.0.0.1', self.port))
        self._thread.join(10)
        listening.close()


@pytest.fixture
def secure():
    with contextlib.closing(TlsUpstream()) as it:
        yield it


def test_an_authority_of_the_settings_is_trusted_and_no_other_unless_told(secure):
    url = 'https://localhost:{}/'.format(secure.port)
    assert ask(url, {'TLS': {'ca_file': pem('authority.pem')}}) == (200, b'hello')
    assert ask(url, {'TLS': {'ca_file': pem('authority.pem'), 'system_cas': False}}) == (200, b'hello')
    status, content = ask(url, {})
    assert (status, 'TLS failed: ' in first_line(content)) == (502, True), content


def test_a_host_is_shown_its_certificate_and_a_host_it_redirects_to_is_not(secure):
    entry = {'certificate': pem('client.pem'), 'key': pem('client.key'), 'password': 'geheim'}
    tls = {'ca_file': pem('authority.pem'), 'certificates': {'LOCALHOST': entry}}
    assert ask('https://localhost:{}/'.format(secure.port), {'TLS': tls}) == (200, b'hello')
    assert dict(secure.shown[0]['subject'][0]) == {'commonName': 'client'}
    other = dict(tls, certificates={'other.example': entry})
    assert ask('https://localhost:{}/'.format(secure.port), {'TLS': other}) == (200, b'hello')
    assert not secure.shown[1]


def test_https_goes_through_a_tunnel(secure):
    def tunnel(request, connection):
        with contextlib.closing(socket.create_connection(('127.0.0.1', secure.port))) as onward:
            connection.sendall(b'HTTP/1.1 200 Connection established\r\n\r\n')
            back = threading.Thread(target=pump, args=(onward, connection))
            back.start()
            pump(connection, onward)
            back.join(10)

    with upstream(tunnel) as proxy:
        http, tls = {'proxy': 'http://anna:x@' + proxy.netloc}, {'ca_file': pem('authority.pem')}
        assert ask('https://api.example/', {'HTTP': http, 'TLS': tls}) == (200, b'hello')
        line, headers, _ = proxy.requests[0]
    assert line.startswith('CONNECT api.example:443 HTTP/1.')
    assert headers['proxy-authorization'] == 'Basic YW5uYTp4'


def pump(source, sink):
    try:
        while True:
            data = source.recv(65536)
            if not data:
                sink.shutdown(socket.SHUT_WR)
                return
            sink.sendall(data)
    except (OSError, IOError):
        pass


@pytest.mark.parametrize(('server', 'words'), [
    ({'EGRESS': {'deny': ['10.0.0.1/8']}}, "deny: '10.0.0.1/8'"),
    ({'EGRESS': {'deny': 5}}, "EGRESS['deny'] must be a list of texts"),
    ({'EGRESS': []}, "'EGRESS' must be a dict"),
    ({'HTTP': {'proxy': 'socks5://anna:geheim@x:1'}}, "HTTP['proxy'] begins with socks5://"),
    ({'HTTP': {'proxy': 'http://x:1', 'no_proxy': ['http://y']}}, "HTTP['no_proxy'], 'http://y'"),
    ({'TLS': {'verify': False}}, "TLS has no 'verify'"),
    ({'TLS': {'system_cas': False}}, "TLS['system_cas'] is off"),
    ({'TLS': {'certificates': {'a': 'b'}}}, "TLS['certificates']['a'] must be a dict"),
    ({'TLS': {'ca_file': '/does/not/exist'}}, "TLS['ca_file']: /does/not/exist: No such file"),
    ({'TLS': {'certificates': {'a.invalid': {'certificate': pem('client.pem'), 'key': pem('client.key')}}}},
     "TLS['certificates']['a.invalid']: "),
])  # fmt: skip
def test_a_wrong_setting_is_named_without_its_password(server, words):
    with pytest.raises(ImproperlyConfigured) as caught:
        ask('https://a.invalid/', server)
    assert words in '{}'.format(caught.value)
    assert 'geheim' not in '{}'.format(caught.value)


def test_a_proxy_that_drips_ends_with_the_deadline():
    def drip(request, connection):
        while not proxy.released.wait(0.1):
            connection.sendall(b'HTTP/1.1 200 OK'[:1])

    with upstream(drip) as proxy:
        status, content = ask('https://api.example/', {'HTTP': {'proxy': proxy.netloc}}, timeout=1)
    assert (status, first_line(content)) == (504, "the upstream took longer than the operation's deadline")
