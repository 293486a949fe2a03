"""How a real server reaches upstreams: past its guard, through a proxy, with a certificate, by a socket."""

from __future__ import annotations

import contextlib
import queue
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
import trio
import trustme

from tests.http.proxy import open_proxy
from tests.http.test_unix import open_unix_upstream
from tests.http.upstream import answer, open_upstream

REFUSED = b"403 Forbidden\nthe upstream is not allowed\noperation "


@contextlib.contextmanager
def beside(
    open_it: Callable[..., AbstractAsyncContextManager[Any]], *args: Any, **more: Any
) -> Iterator[Any]:
    """What an async context manager gives, kept open by a trio of its own in a thread."""
    opened: queue.Queue[Any] = queue.Queue()
    failures: list[BaseException] = []

    async def keep_open() -> None:
        async with open_it(*args, **more) as it:
            done = trio.Event()
            opened.put((it, trio.lowlevel.current_trio_token(), done))
            await done.wait()

    def run() -> None:
        try:
            trio.run(keep_open)
        except BaseException as error:
            failures.append(error)
            opened.put((None, None, None))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    it, token, done = opened.get(timeout=30)
    assert not failures
    try:
        yield it
    finally:
        token.run_sync_soon(done.set)
        thread.join(30)
    assert not failures


def settings(**sections: Any) -> str:
    return f"CHANNELS_ASYNC_SERVER = {sections!r}"


def test_an_address_that_is_not_public_is_403_and_the_log_names_it(start_server, upstream):
    server = start_server(settings(EGRESS={"deny": ["private"]}))
    port = upstream.url.rpartition(":")[2]
    for host in ("127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]"):
        server.ask(f"http://{host}:{port}/echo/")
        status, headers, body = server.whole_answer()
        assert status == 403
        assert headers[b"cache-control"] == b"no-store"
        assert body.startswith(REFUSED)
    server.process.wait_for_line(f"egress: 127.0.0.1, port {port}, is refused: denied by 'private'")
    server.process.wait_for_line(f"egress: localhost at 127.0.0.1, port {port}, is refused")


def test_a_redirect_to_what_is_not_allowed_is_403(start_server, upstream):
    port = upstream.url.rpartition(":")[2]
    server = start_server(settings(EGRESS={"allow": [f"127.0.0.1:{port}"]}))
    server.ask(f"{upstream.url}/redirect/302?to={upstream.url}/echo/")
    assert server.whole_answer()[0] == 200
    server.ask(f"{upstream.url}/redirect/302?to=http://localhost:{port}/echo/")
    assert server.whole_answer()[0] == 200  # a name of the address that is allowed
    server.ask(f"{upstream.url}/redirect/302?to=http://127.0.0.2:{port}/echo/")
    status, _, body = server.whole_answer()
    assert (status, body[: len(REFUSED)]) == (403, REFUSED)


def test_through_a_proxy_and_past_it(start_server, upstream, tmp_path):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("api.example").configure_cert(context)
    with (
        beside(open_upstream, [answer(b"secure")], ssl_context=context) as secure,
        beside(open_proxy, api_example="127.0.0.1") as proxy,
    ):
        http = {"proxy": proxy.url("anna:geheim@"), "no_proxy": ["127.0.0.1"]}
        server = start_server(settings(HTTP=http, TLS={"ca_file": str(tmp_path / "ca.pem")}))
        server.ask(f"https://api.example:{secure.port}/")
        assert server.whole_answer()[::2] == (200, b"secure")
        server.ask(f"http://api.example:{upstream.url.rpartition(':')[2]}/echo/")
        assert server.whole_answer()[0] == 200
        server.ask(f"{upstream.url}/echo/")
        assert server.whole_answer()[0] == 200
    assert [head.method for head in proxy.heads] == [b"CONNECT", b"GET"]
    assert all(head.get(b"Proxy-Authorization") == b"Basic YW5uYTpnZWhlaW0=" for head in proxy.heads)
    assert "geheim" not in server.process.output()


def test_a_proxy_that_refuses_is_502_without_its_password(start_server):
    with beside(open_proxy, b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n") as proxy:
        server = start_server(settings(HTTP={"proxy": proxy.url("anna:geheim@")}))
        server.ask("https://api.example/")
        status, _, body = server.whole_answer()
    assert (status, b"the proxy refused with status 407" in body) == (502, True)
    assert "geheim" not in server.process.output()


def test_with_a_certificate_of_its_own_and_without(start_server, tmp_path):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    authority.issue_cert("client@site.example").private_key_and_cert_chain_pem.write_to_path(
        tmp_path / "client.pem"
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    tls = {
        "ca_file": str(tmp_path / "ca.pem"),
        "certificates": {"localhost": {"certificate": str(tmp_path / "client.pem")}},
    }
    server = start_server(settings(TLS=tls))
    with beside(open_upstream, [answer(b"known")], [answer(b"no")], ssl_context=context) as upstream:
        server.ask(f"https://localhost:{upstream.port}/")
        assert server.whole_answer()[::2] == (200, b"known")
        server.ask(f"https://127.0.0.1:{upstream.port}/")
        assert server.whole_answer()[0] == 502
    assert len(upstream.requests) == 1


def test_by_a_unix_socket(start_server, tmp_path):
    path = tmp_path / "app.sock"
    server = start_server(settings(HTTP={"unix_sockets": {"backend.local": str(path)}}))
    with beside(open_unix_upstream, path, [answer(b"from the socket")]):
        server.ask("http://backend.local/a")
        assert server.whole_answer()[::2] == (200, b"from the socket")
    for url in ("http+unix://%2Frun%2Fapp.sock/", f"unix://{path}"):  # Redis does not name sockets
        server.ask(url)
        assert server.answer()["status"] == 500


@pytest.mark.parametrize("words", ["--egress-deny=private", "--egress-allow=10.0.0.0/8,*.example"])
def test_the_guard_can_be_set_on_the_command_line(start_server, upstream, words):
    server = start_server(words=[words])
    server.ask(f"{upstream.url}/echo/")
    assert server.whole_answer()[0] == 403
