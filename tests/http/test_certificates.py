# ruff: noqa: SIM117 (nested blocks show what lives in what)
"""Private authorities and certificates of our own, by settings; their files are read at the start."""

import socket
import ssl

import pytest
import trio
import trustme
from cryptography.hazmat.primitives import serialization

from server_trio import errors
from server_trio.certificates import TlsContexts, make_contexts
from server_trio.http.session import Session
from server_trio.limits import HttpLimits
from server_trio.reaching import make_open_stream
from server_trio.resolving import resolve
from tests.http.test_egress import Names
from tests.http.upstream import answer, open_upstream


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def files(authority, tmp_path_factory):
    """Paths by name: the authority, and a client's certificate in each of the forms it may have."""
    folder = tmp_path_factory.mktemp("tls")
    client = authority.issue_cert("client@site.example")
    key = serialization.load_pem_private_key(client.private_key_pem.bytes(), None)
    encrypted = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"geheim"),
    )
    contents = {
        "ca": authority.cert_pem.bytes(),
        "certificate": client.cert_chain_pems[0].bytes(),
        "key": client.private_key_pem.bytes(),
        "both": client.private_key_and_cert_chain_pem.bytes(),
        "encrypted": encrypted,
        "other_key": authority.issue_cert("x@site.example").private_key_pem.bytes(),
        "text": b"no PEM at all\n",
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return {name: str(folder / name) for name in (*contents, "missing")}


def certified(authority, *names, ask=False, version=None):
    """A server's context; with `ask` it wants a certificate of the authority from each client."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    if ask:
        authority.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    if version is not None:
        context.maximum_version = version
    return context


def session(**tls):
    return Session(HttpLimits(), open_stream=make_open_stream(resolve({"TLS": tls}, {}, {})))


async def get(http, url):
    async with http.stream("GET", url) as response:
        return b"".join([piece async for piece in response])


async def test_an_authority_of_the_settings_is_trusted(authority, files):
    context = certified(authority, "127.0.0.1")
    async with open_upstream([answer(b"ok")], ssl_context=context) as upstream:
        async with session(ca_file=files["ca"]) as http:
            assert await get(http, upstream.url()) == b"ok"


@pytest.mark.parametrize("system_cas", [True, False])
async def test_the_systems_authorities_stay_trusted_unless_they_are_not_wanted(
    authority, files, monkeypatch, tmp_path, system_cas
):
    other = trustme.CA()
    other.cert_pem.write_to_path(tmp_path / "system.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "system.pem"))
    async with session(ca_file=files["ca"], system_cas=system_cas) as http:
        context = certified(other, "127.0.0.1")
        async with open_upstream([answer(b"ok")], ssl_context=context) as upstream:
            if system_cas:
                assert await get(http, upstream.url()) == b"ok"
            else:
                with pytest.raises(errors.UpstreamError, match="certificate refused"):
                    await get(http, upstream.url())
        context = certified(authority, "127.0.0.1")
        async with open_upstream([answer(b"ok")], ssl_context=context) as upstream:
            assert await get(http, upstream.url()) == b"ok"


@pytest.mark.parametrize("form", ["both", "apart", "encrypted"])
async def test_a_host_that_asks_is_shown_its_certificate_and_no_other_host_is(authority, files, form):
    entry = {
        "both": {"certificate": files["both"]},
        "apart": {"certificate": files["certificate"], "key": files["key"]},
        "encrypted": {"certificate": files["certificate"], "key": files["encrypted"], "password": "geheim"},
    }[form]
    Names(api_example=["127.0.0.1"], www_example=["127.0.0.1"])
    shown = []

    async def note(peer):
        shown.append(peer.stream.getpeercert())

    context = certified(authority, "api.example", "www.example")
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_OPTIONAL
    async with session(ca_file=files["ca"], certificates={"API.example": entry}) as http:
        async with open_upstream([note, answer(b"1")], [note, answer(b"2")], ssl_context=context) as upstream:
            assert await get(http, f"https://api.example:{upstream.port}/") == b"1"
            assert await get(http, f"https://www.example:{upstream.port}/") == b"2"
    assert dict(shown[0])["subjectAltName"] == (("email", "client@site.example"),)
    assert shown[1] is None


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_host_that_misses_a_certificate_is_an_upstream_error_that_says_so(authority, files, version):
    context = certified(authority, "127.0.0.1", ask=True, version=version)

    def serve(listening):  # trio's own TLS ends a handshake without the alert
        secured = context.wrap_socket(listening.accept()[0], server_side=True, do_handshake_on_connect=False)
        with pytest.raises(ssl.SSLError, match="PEER_DID_NOT_RETURN_A_CERTIFICATE"):
            secured.do_handshake()
        with socket.socket(fileno=secured.detach()) as connected:
            while connected.recv(65536):  # closing what is unread would reset, and the alert be lost
                pass

    with socket.create_server(("127.0.0.1", 0)) as listening:
        async with session(ca_file=files["ca"]) as http, trio.open_nursery() as nursery:
            nursery.start_soon(trio.to_thread.run_sync, serve, listening)
            with pytest.raises(errors.UpstreamError, match=r"TLS failed: .*alert") as caught:
                await get(http, f"https://127.0.0.1:{listening.getsockname()[1]}/")
    assert caught.value.status == 502


def test_the_closest_pattern_wins():
    names = ["a.example", "a.example:8443", "*.example", "*.b.example", "*.example:8443", "[::1]:443"]
    contexts = {name: ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) for name in names}
    default = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    found = TlsContexts(default, contexts)

    def of(host, port=443):
        context = found.of(host, port)
        return next((name for name in names if contexts[name] is context), None)

    assert [of("a.example"), of("a.example", 8443)] == ["a.example", "a.example:8443"]
    assert [of("c.example"), of("c.example", 8443)] == ["*.example", "*.example:8443"]
    assert [of("x.b.example"), of("b.example"), of("::1"), of("other")] == [
        "*.b.example", "*.example", "[::1]:443", None,
    ]  # fmt: skip


def test_without_settings_nothing_is_read_before_it_is_needed():
    contexts = make_contexts(resolve({}, {}, {}))
    context = contexts.of("a.example", 443)
    assert context is contexts.of("b.example", 443)
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname


WRONG = [
    ({"ca_file": "missing"}, ["TLS['ca_file']", "missing cannot be read: No such file"]),
    ({"ca_file": "text"}, ["TLS['ca_file']", "no certificates in PEM form"]),
    ({"system_cas": False}, ["TLS['system_cas'] is off"]),
    ({"certificates": {"a": "both"}}, ["TLS['certificates']['a'] must be a dict"]),
    ({"certificates": {"a": {"key": "key"}}}, ["has no 'certificate'"]),
    ({"certificates": {"a": {"certificate": "both", "cert": "x"}}}, ["has no 'cert'", "password"]),
    ({"certificates": {"a": {"certificate": "missing"}}}, ["['a']['certificate']", "cannot be read"]),
    ({"certificates": {"a": {"certificate": "both", "key": "missing"}}}, ["['a']['key']", "cannot be read"]),
    ({"certificates": {"a": {"certificate": "certificate"}}}, ["'key' is missing?"]),
    ({"certificates": {"a": {"certificate": "text", "key": "key"}}}, ["do not hold"]),
    ({"certificates": {"a": {"certificate": "certificate", "key": "other_key"}}}, ["is not that of"]),
    (
        {"certificates": {"a": {"certificate": "certificate", "key": "encrypted"}}},
        ["encrypted", "'password' is not given"],
    ),
    (
        {"certificates": {"a": {"certificate": "certificate", "key": "encrypted", "password": "gehe1m"}}},
        ["'password' is wrong"],
    ),
    ({"certificates": {"https://a/": {"certificate": "both"}}}, ["['https://a/']: the key must be a host"]),
    ({"certificates": {"a*.example": {"certificate": "both"}}}, ["*.example.org"]),
]


@pytest.mark.parametrize(("tls", "words"), WRONG)
def test_a_wrong_file_or_entry_is_named_at_the_start_without_its_password(files, tls, words):
    def paths(value):
        if isinstance(value, dict):
            return {key: paths(inner) for key, inner in value.items()}
        return files.get(value, value)

    if "ca_file" not in tls and "system_cas" not in tls:
        tls = {**tls, "ca_file": "ca"}
    with pytest.raises(errors.SettingsError) as caught:
        make_contexts(resolve({"TLS": paths(tls)}, {}, {}))
    for word in words:
        assert word in str(caught.value)
    assert "gehe" not in str(caught.value)


async def test_no_setting_turns_verification_off(authority):
    with pytest.raises(errors.SettingsError):
        resolve({"TLS": {"verify": False}}, {}, {})
    context = certified(authority, "127.0.0.1")
    async with open_upstream([answer(b"secret")], ssl_context=context) as upstream:
        async with session() as http:
            with pytest.raises(errors.UpstreamError, match="certificate refused"):
                await get(http, upstream.url())
    assert upstream.requests == []
