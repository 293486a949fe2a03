# ruff: noqa: SIM117 (nested blocks show what lives in what)
"""Upstreams behind unix sockets, by the hosts that the settings name for them."""

import socket
import ssl
from contextlib import asynccontextmanager

import pytest
import trio
import trustme

from server_trio import errors
from server_trio.http.session import Session
from server_trio.limits import HttpLimits
from server_trio.reaching import make_open_stream
from server_trio.resolving import resolve
from tests.http.upstream import Upstream, answer


@asynccontextmanager
async def open_unix_upstream(path, *scripts, ssl_context=None):
    upstream = Upstream(scripts)
    listening = trio.socket.socket(socket.AF_UNIX)
    await listening.bind(str(path))
    listening.listen()

    async def serve(stream):
        async with stream:
            if ssl_context:
                stream = trio.SSLStream(stream, ssl_context, server_side=True, https_compatible=True)
            await upstream.play(stream)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, serve, [trio.SocketListener(listening)])
        yield upstream
        nursery.cancel_scope.cancel()


def session(sockets, **egress):
    settings = resolve({"HTTP": {"unix_sockets": sockets}, "EGRESS": egress}, {}, {})
    return Session(HttpLimits(), open_stream=make_open_stream(settings))


async def get(http, url):
    async with http.stream("GET", url) as response:
        return b"".join([piece async for piece in response])


async def test_a_host_of_the_settings_is_asked_over_its_socket_and_the_connection_reused(tmp_path):
    path = tmp_path / "app.sock"
    async with open_unix_upstream(path, [answer(b"1"), answer(b"2")]) as upstream:
        async with session({"Backend.local": str(path)}) as http:
            assert await get(http, "http://backend.local/a?b=c") == b"1"
            assert await get(http, "http://BACKEND.local/") == b"2"
            assert http.statistics().opened == 1
    assert upstream.requests[0].target == b"/a?b=c"
    assert upstream.requests[0].get(b"Host") == b"backend.local"


async def test_a_host_with_a_port_means_that_port_alone(tmp_path):
    path = tmp_path / "app.sock"
    async with open_unix_upstream(path, [answer(b"1")]) as upstream:
        async with session({"localhost:8000": str(path)}) as http:
            assert await get(http, "http://localhost:8000/") == b"1"
            with pytest.raises(errors.UpstreamError, match="cannot connect"):
                await get(http, "http://localhost:1/")
    assert upstream.requests[0].get(b"Host") == b"localhost:8000"


async def test_tls_over_a_unix_socket_verifies_the_host(tmp_path, monkeypatch):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("backend.local").configure_cert(context)
    path = tmp_path / "app.sock"
    async with open_unix_upstream(path, [answer(b"ok")], ssl_context=context):
        async with session({"backend.local": str(path)}) as http:
            assert await get(http, "https://backend.local/") == b"ok"


@pytest.mark.parametrize("there", [False, True])
async def test_a_socket_that_nobody_listens_on_is_an_upstream_error_without_its_path(tmp_path, there):
    path = tmp_path / "app.sock"
    if there:
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(path))
    async with session({"backend.local": str(path)}) as http:
        with pytest.raises(errors.UpstreamError, match=r"backend\.local: cannot connect: ") as caught:
            await get(http, "http://backend.local/")
    assert str(path) not in str(caught.value)


async def test_a_guard_refuses_sockets_that_it_does_not_allow(tmp_path):
    path = tmp_path / "app.sock"
    async with open_unix_upstream(path, [answer(b"ok")]) as upstream:
        async with session({"backend.local": str(path)}, deny=["private"]) as http:
            with pytest.raises(errors.OperationRefused):
                await get(http, "http://backend.local/")
        assert upstream.connections == []
        async with session({"backend.local": str(path)}, deny=["private"], allow=[f"unix:{path}"]) as http:
            assert await get(http, "http://backend.local/") == b"ok"


async def test_no_url_names_a_socket_by_itself():
    async with session({}) as http:
        for url in ("http+unix://%2Frun%2Fapp.sock/", "unix:///run/app.sock", "http://%2Frun%2Fapp.sock/"):
            with pytest.raises(ValueError):
                await get(http, url)


@pytest.mark.parametrize(
    ("sockets", "words"),
    [
        ({"backend.local": "app.sock"}, ["unix_sockets'][", "from the root"]),
        ({"backend.local": 5}, ["is 5"]),
        ({"http://backend.local": "/run/app.sock"}, ["http://backend.local", "host name"]),
    ],
)
def test_a_wrong_entry_is_named(sockets, words):
    with pytest.raises(errors.SettingsError) as caught:
        session(sockets)
    for word in words:
        assert word in str(caught.value)
