# ruff: noqa: SIM117 (nested blocks show what lives in what)
"""Upstreams behind an HTTP proxy: tunnels for https, absolute-form for http, and what a proxy refuses."""

import ssl

import pytest
import trio
import trustme

from server_trio import errors
from server_trio.http.session import Session
from server_trio.limits import HttpLimits
from server_trio.reaching import make_open_stream
from server_trio.resolving import resolve
from tests.harness.trio_tests import jump_once
from tests.http.proxy import open_proxy
from tests.http.upstream import answer, open_upstream

ASK = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def tls(authority, tmp_path_factory):
    """Settings that trust the test's authority."""
    path = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return {"ca_file": str(path)}


def certified(authority, name):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def session(proxy, limits=None, tls=(), egress=(), **http):
    settings = resolve({"HTTP": {"proxy": proxy, **http}, "TLS": dict(tls), "EGRESS": dict(egress)}, {}, {})
    return Session(limits or HttpLimits(), open_stream=make_open_stream(settings))


async def get(http, url, **arguments):
    async with http.stream("GET", url, **arguments) as response:
        return b"".join([piece async for piece in response])


async def failure(http, url):
    with pytest.raises(errors.UpstreamError) as caught:
        await get(http, url)
    assert caught.value.status == 502
    assert http.statistics().origins == {}
    return str(caught.value)


async def test_https_goes_through_a_tunnel_and_its_connection_is_kept(authority, tls):
    context = certified(authority, "api.example")
    async with open_upstream([answer(b"1"), answer(b"2")], ssl_context=context) as upstream:
        async with open_proxy(api_example="127.0.0.1") as proxy:
            async with session(proxy.url("anna:ge%40heim@"), tls=tls) as http:
                url = f"https://api.example:{upstream.port}/path"
                assert await get(http, url) == b"1"
                assert await get(http, url) == b"2"
                assert http.statistics().opened == 1
    (connect,) = proxy.heads
    assert connect.method == b"CONNECT"
    assert connect.target == connect.get(b"Host") == b"api.example:%d" % upstream.port
    assert connect.get(b"Proxy-Authorization") == b"Basic YW5uYTpnZUBoZWlt"  # anna:ge@heim
    for request in upstream.requests:  # what the upstream sees is as without a proxy
        assert request.target == b"/path"
        assert request.get(b"Proxy-Authorization") is None


async def test_in_a_tunnel_the_upstream_is_verified_not_the_proxy(authority, tls):
    context = certified(authority, "other.example")
    async with open_upstream([answer(b"secret")], ssl_context=context) as upstream:
        async with open_proxy(api_example="127.0.0.1") as proxy, session(proxy.url(), tls=tls) as http:
            text = await failure(http, f"https://api.example:{upstream.port}/")
    assert "TLS failed: certificate refused: Hostname mismatch" in text
    assert upstream.requests == []


async def test_http_is_asked_for_in_absolute_form_and_its_connection_kept():
    async with open_upstream([answer(b"1"), answer(b"2"), answer(b"3")]) as upstream:
        async with open_proxy(api_example="127.0.0.1") as proxy, session(proxy.url("anna:x@")) as http:
            url = f"http://api.example:{upstream.port}"
            assert await get(http, url + "/a?b=c") == b"1"
            assert await get(http, url) == b"2"
            async with http.stream("POST", url + "/up", body=b"x" * 100_000) as response:
                assert response.status == 200
            assert http.statistics().opened == 1
    targets = [request.target for request in upstream.requests]
    assert targets == [url.encode() + path for path in (b"/a?b=c", b"/", b"/up")]
    for request in upstream.requests:
        assert request.get(b"Proxy-Authorization") == b"Basic YW5uYTp4"
        assert request.get(b"Host") == f"api.example:{upstream.port}".encode()
    assert upstream.requests[2].body == b"x" * 100_000


async def test_a_proxy_without_a_name_and_password_gets_none():
    async with open_upstream([answer(b"1")]) as upstream, open_proxy() as proxy, session(proxy.url()) as http:
        assert await get(http, upstream.url()) == b"1"
    assert upstream.requests[0].get(b"Proxy-Authorization") is None


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_asks_for_a_password_is_an_upstream_error_that_shows_none(scheme):
    async with open_proxy(ASK) as proxy, session(proxy.url("anna:geheim@")) as http:
        text = await failure(http, f"{scheme}://api.example/")
    assert text == "api.example: the proxy refused with status 407: it asks for a name and password"


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "api.example: the proxy refused with status 403"),
        (b"HTTP/1.0 502\r\nX: y\r\n\r\nbody", "the proxy refused with status 502"),
        (b"garbage\r\n\r\n", "the proxy does not speak HTTP"),
        (b"SSH-2.0-OpenSSH\r\n" * 5000, "the proxy does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\n\r\nsurplus", "the proxy sent more than its answer"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000, "the proxy does not speak HTTP"),
    ],
)
async def test_a_proxy_that_opens_no_tunnel_is_an_upstream_error(reply, words):
    async with open_proxy(reply) as proxy, session(proxy.url()) as http:
        assert words in await failure(http, "https://api.example/")


async def test_what_a_proxy_answers_for_an_http_upstream_is_its_answer():
    """Whether a 403 or 504 is of the proxy or of the upstream nobody can tell."""
    async with open_proxy(answer(b"blocked", status=b"403 Forbidden")) as proxy, session(proxy.url()) as http:
        async with http.stream("GET", "http://api.example/") as response:
            assert response.status == 403


async def test_a_proxy_that_closes_or_is_not_there_is_an_upstream_error_without_its_name():
    async with open_upstream([]) as closing, session(closing.url()) as http:
        text = await failure(http, "https://api.example/")
        assert text == "api.example: the proxy closed the connection"
    async with session(closing.url()) as http:
        for scheme in ("http", "https"):
            text = await failure(http, f"{scheme}://api.example/")
            assert text == "api.example: cannot connect to the proxy: Connection refused"
    async with session("http://proxy.invalid:1") as http:
        text = await failure(http, "http://api.example/")
        assert text.startswith("api.example: cannot resolve the host of the proxy: ")


@pytest.mark.jumpable
async def test_a_silent_proxy_is_bounded_by_the_connect_timeout():
    async def silent(peer):
        await peer.wait_closed()

    async with open_upstream([silent]) as proxy:
        async with session(proxy.url(), HttpLimits(connect_timeout=30)) as http:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(jump_once, lambda: proxy.connections, 30)
                with pytest.raises(errors.UpstreamTimeout):
                    await get(http, "https://api.example/")
            await proxy.connections[0].ended.wait()


async def test_what_no_proxy_names_and_what_has_a_socket_is_reached_directly(tmp_path):
    async with open_upstream([answer(b"1")]) as upstream, open_proxy(ASK) as proxy:
        sockets = {"app.local": str(tmp_path / "app.sock")}
        async with session(proxy.url(), no_proxy=["127.0.0.0/8"], unix_sockets=sockets) as http:
            assert "app.local: cannot connect: " in await failure(http, "http://app.local/")
            assert await get(http, upstream.url()) == b"1"
    assert proxy.heads == []


async def test_the_environment_counts_only_when_it_is_asked(monkeypatch):
    async with open_upstream([answer(b"1")]) as upstream, open_proxy(ASK) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url())
        monkeypatch.setenv("no_proxy", "")
        async with session("") as http:
            assert await get(http, upstream.url()) == b"1"
        async with session("", proxy_from_environment=True) as http:
            assert "the proxy refused" in await failure(http, upstream.url())


async def test_a_redirect_from_the_proxied_to_the_direct_changes_the_way():
    async with open_upstream([answer(b"here")]) as direct:
        to = b"Location: " + direct.url().encode()
        async with open_upstream([answer(b"", to, status=b"302 Found")]) as upstream:
            async with open_proxy(api_example="127.0.0.1") as proxy:
                async with session(proxy.url(), no_proxy=["127.0.0.1"]) as http:
                    assert await get(http, f"http://api.example:{upstream.port}/") == b"here"
    assert len(proxy.heads) == 1
    assert direct.requests[0].target == b"/"


# --- with a guard ---------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "[::ffff:7f00:1]", "127.1"])
async def test_an_address_in_the_url_is_refused_before_the_proxy_is_asked(host):
    async with open_proxy() as proxy, session(proxy.url(), egress={"deny": ["private"]}) as http:
        for scheme in ("http", "https"):
            with pytest.raises(errors.OperationRefused):
                await get(http, f"{scheme}://{host}/")
    assert proxy.heads == []


async def test_the_proxy_itself_is_not_guarded_and_names_are_the_proxys_to_look_up():
    async with open_upstream([answer(b"1")]) as upstream, open_proxy(api_example="127.0.0.1") as proxy:
        async with session(proxy.url(), egress={"deny": ["private", "evil.example"]}) as http:
            assert await get(http, f"http://api.example:{upstream.port}/") == b"1"
            with pytest.raises(errors.OperationRefused):
                await get(http, "http://evil.example/")


async def test_cancellation_during_the_handshake_with_the_proxy_closes_the_connection():
    async def silent(peer):
        await peer.read_head()
        scope.cancel()
        await peer.wait_closed()

    async with open_upstream([silent]) as proxy, session(proxy.url()) as http:
        with trio.CancelScope() as scope:
            await get(http, "https://api.example/")
        assert scope.cancelled_caught
        await proxy.connections[0].ended.wait()


@pytest.mark.parametrize(
    ("http", "words"),
    [
        ({"proxy": "socks5://anna:geheim@proxy:1"}, "HTTP['proxy'] begins with socks5://"),
        ({"proxy": "http://anna:geheim@"}, "HTTP['proxy'] is not the URL of a proxy"),
        ({"proxy": "http://anna:geheim@proxy:99999"}, "the port 99999"),
        ({"proxy": "http://proxy", "no_proxy": ["http://x"]}, "HTTP['no_proxy'], 'http://x'"),
    ],
)
def test_a_wrong_setting_is_named_without_its_password(http, words):
    with pytest.raises(errors.SettingsError) as caught:
        make_open_stream(resolve({"HTTP": http}, {}, {}))
    assert words in str(caught.value)
    assert "geheim" not in str(caught.value)
