# ruff: noqa: SIM117 (nested blocks show what lives in what)
"""https: who is trusted, and what a closure without an alert means."""

import datetime
import socket
import ssl

import pytest
import trio
import trustme

from server_trio import errors
from server_trio.http.session import Session
from server_trio.limits import HttpLimits
from tests.harness.trio_tests import jump_once
from tests.http.upstream import answer, open_upstream

OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def trusting(authority):
    """A client's context that trusts the test's CA, and else is the default one."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def server_context(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


async def get(session, url):
    async with session.stream("GET", url) as response:
        return b"".join([piece async for piece in response])


async def test_a_trusted_upstream_is_asked_and_its_connection_reused(authority, trusting):
    context = server_context(authority.issue_cert("127.0.0.1"))
    async with open_upstream([answer(b"1"), answer(b"2" * 100_000)], ssl_context=context) as upstream:
        async with Session(HttpLimits(), ssl_context=trusting) as session:
            assert await get(session, upstream.url()) == b"1"
            assert await get(session, upstream.url()) == b"2" * 100_000
            assert session.statistics().opened == 1
    assert upstream.requests[0].get(b"Host") == b"127.0.0.1:%d" % upstream.port


async def test_surplus_that_came_in_one_segment_with_the_response_is_not_taken_for_the_next(
    authority, trusting
):
    async def poison(peer):
        await peer.read_request()
        cork = peer.stream.transport_stream.setsockopt
        cork(socket.IPPROTO_TCP, socket.TCP_CORK, True)
        await peer.send(answer(b"first"))  # a TLS record
        await peer.send(answer(b"poison"))  # another one, which the socket holds no more
        cork(socket.IPPROTO_TCP, socket.TCP_CORK, False)
        await peer.wait_closed()

    context = server_context(authority.issue_cert("127.0.0.1"))
    async with open_upstream([poison], [answer(b"second")], ssl_context=context) as upstream:
        async with Session(HttpLimits(), ssl_context=trusting) as session:
            assert await get(session, upstream.url()) == b"first"
            assert await get(session, upstream.url()) == b"second"


async def test_garbage_that_came_in_one_segment_with_the_response_forbids_reuse(authority, trusting):
    async def spoil(peer):
        await peer.read_request()
        transport = peer.stream.transport_stream
        transport.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, True)
        await peer.send(answer(b"first"))
        await transport.send_all(b"no TLS record")
        transport.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, False)
        await peer.wait_closed()

    context = server_context(authority.issue_cert("127.0.0.1"))
    async with open_upstream([spoil], [answer(b"second")], ssl_context=context) as upstream:
        async with Session(HttpLimits(), ssl_context=trusting) as session:
            assert await get(session, upstream.url()) == b"first"
            async with session.stream("POST", upstream.url()) as response:  # never tried twice
                assert response.status == 200


async def test_the_default_context_trusts_the_systems_authorities_and_speaks_http_1(
    authority, monkeypatch, tmp_path
):
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    spoken = []

    async def note_protocol(peer):
        spoken.append(peer.stream.selected_alpn_protocol())

    context = server_context(authority.issue_cert("127.0.0.1"))
    context.set_alpn_protocols(["h2", "http/1.1"])
    async with open_upstream([note_protocol, answer(b"ok")], ssl_context=context) as upstream:
        async with Session(HttpLimits()) as session:
            assert await get(session, upstream.url()) == b"ok"
    assert spoken == ["http/1.1"]


class Resolver(trio.abc.HostnameResolver):
    """Every name is this machine."""

    async def getaddrinfo(self, host, port, family=0, type=0, proto=0, flags=0):
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port))]

    async def getnameinfo(self, sockaddr, flags):
        raise NotImplementedError


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("Example.ORG", "example.org"),
        ("example.org.", "example.org"),  # the dot of a full name is not part of what is verified
        ("bücher.example", "xn--bcher-kva.example"),
    ],
)
async def test_the_name_of_the_url_is_asked_for_and_verified(authority, trusting, host, name):
    trio.socket.set_custom_hostname_resolver(Resolver())
    names = []
    context = server_context(authority.issue_cert(name))
    context.sni_callback = lambda connection, asked_for, _: names.append(asked_for)
    async with open_upstream([answer(b"ok")], ssl_context=context) as upstream:
        async with Session(HttpLimits(), ssl_context=trusting) as session:
            assert await get(session, upstream.url().replace("127.0.0.1", host)) == b"ok"
    assert names == [name]


async def refusal(certificate, ssl_context=None, host="127.0.0.1"):
    """The error for an upstream with that certificate; the request must not have been sent."""
    async with open_upstream([answer(b"secret")], ssl_context=server_context(certificate)) as upstream:
        async with Session(HttpLimits(), ssl_context=ssl_context) as session:
            with pytest.raises(errors.UpstreamError) as refused:
                await get(session, upstream.url().replace("127.0.0.1", host))
            assert session.statistics().origins == {}
        assert upstream.requests == []
    assert refused.value.status == 502
    assert refused.value.__cause__ is not None
    return str(refused.value)


async def test_a_certificate_for_another_host_is_refused(authority, trusting):
    text = await refusal(authority.issue_cert("other.example"), trusting)
    assert "TLS failed: certificate refused: IP address mismatch" in text


async def test_a_certificate_for_an_address_does_not_serve_a_name(authority, trusting):
    text = await refusal(authority.issue_cert("127.0.0.1"), trusting, host="localhost")
    assert text.startswith("localhost:")
    assert "certificate refused: Hostname mismatch" in text


async def test_a_certificate_of_an_unknown_authority_is_refused_by_default(authority):
    assert "certificate refused: " in await refusal(authority.issue_cert("127.0.0.1"))


async def test_a_self_signed_certificate_is_refused(trusting):
    assert "certificate refused: " in await refusal(trustme.CA().issue_cert("127.0.0.1"), trusting)


async def test_an_expired_certificate_is_refused(authority, trusting):
    yesterday = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)
    expired = authority.issue_cert("127.0.0.1", not_after=yesterday)
    assert "certificate refused: certificate has expired" in await refusal(expired, trusting)


async def test_the_name_is_sent_to_the_upstream_and_no_address_is(authority, trusting):
    names = []
    context = server_context(authority.issue_cert("localhost", "127.0.0.1"))
    context.sni_callback = lambda connection, name, _: names.append(name)
    async with open_upstream([answer()], [answer()], ssl_context=context) as upstream:
        async with Session(HttpLimits(), ssl_context=trusting) as session:
            await get(session, upstream.url().replace("127.0.0.1", "LOCALHOST"))
            await get(session, upstream.url())
    assert names == ["localhost", None]


async def test_an_upstream_that_speaks_no_tls_is_an_upstream_error():
    async def plain(peer):
        await peer.read_some()
        await peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with open_upstream([plain]) as upstream, Session(HttpLimits()) as session:
        with pytest.raises(errors.UpstreamError, match="TLS failed"):
            await get(session, upstream.url().replace("http:", "https:"))


async def test_an_upstream_that_closes_during_the_handshake_is_an_upstream_error():
    async def close(peer):
        await peer.read_some()

    async with open_upstream([close]) as upstream, Session(HttpLimits()) as session:
        with pytest.raises(errors.UpstreamError, match="TLS failed"):
            await get(session, upstream.url().replace("http:", "https:"))


@pytest.mark.jumpable
async def test_a_handshake_that_takes_too_long_is_a_timeout():
    async def silent(peer):
        await peer.wait_closed()

    async with open_upstream([silent]) as upstream, Session(HttpLimits(connect_timeout=30)) as session:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(jump_once, lambda: upstream.connections, 30)
            with pytest.raises(errors.UpstreamTimeout):
                await get(session, upstream.url().replace("http:", "https:"))
        assert session.statistics().origins == {}
        await upstream.connections[0].ended.wait()


# --- the end of a body without length (RFC 9112 9.8) ----------------------------------------------


async def test_a_body_that_ends_with_a_closure_alert_is_complete(authority, trusting):
    context = server_context(authority.issue_cert("127.0.0.1"))
    async with open_upstream([OK + b"\r\nall of it"], ssl_context=context) as upstream:
        async with Session(HttpLimits(), ssl_context=trusting) as session:
            assert await get(session, upstream.url()) == b"all of it"


async def test_a_body_that_ends_without_a_closure_alert_is_truncated(authority, trusting):
    async def cut(peer):
        await trio.aclose_forcefully(peer.stream.transport_stream)

    context = server_context(authority.issue_cert("127.0.0.1"))
    async with open_upstream([OK + b"\r\nwho knows", cut], ssl_context=context) as upstream:
        async with Session(HttpLimits(), ssl_context=trusting) as session:
            with pytest.raises(errors.UpstreamTruncated):
                await get(session, upstream.url())


async def test_a_body_with_a_length_needs_no_closure_alert(authority, trusting):
    async def cut(peer):
        await trio.aclose_forcefully(peer.stream.transport_stream)

    context = server_context(authority.issue_cert("127.0.0.1"))
    async with open_upstream([answer(b"whole"), cut], ssl_context=context) as upstream:
        async with Session(HttpLimits(), ssl_context=trusting) as session:
            assert await get(session, upstream.url()) == b"whole"
