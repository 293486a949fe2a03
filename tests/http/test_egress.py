# ruff: noqa: SIM117 (nested blocks show what lives in what)
"""The egress guard: no way round it by names, notations, redirects or several addresses."""

import logging
import socket

import pytest
import trio

from server_trio import errors
from server_trio.egress import make_guard
from server_trio.http.connect import DirectConnector
from server_trio.http.session import Session
from server_trio.limits import HttpLimits
from server_trio.resolving import resolve
from tests.http.upstream import answer, open_upstream


def session(allow=(), deny=()):
    guard = make_guard(resolve({"EGRESS": {"allow": allow, "deny": deny}}, {}, {}))
    return Session(HttpLimits(), open_stream=DirectConnector(guard=guard))


async def get(http, url):
    async with http.stream("GET", url) as response:
        return b"".join([piece async for piece in response])


async def refused(http, url):
    """The text of the refusal, which is all that a browser sees."""
    with pytest.raises(errors.OperationRefused) as caught:
        await get(http, url)
    assert caught.value.status == 403
    return str(caught.value)


class Names(trio.abc.HostnameResolver):
    """A DNS of a few names; each question takes the next answer of its name."""

    def __init__(self, **answers):
        self.answers = {name.replace("_", "."): list(given) for name, given in answers.items()}
        self.asked = []
        trio.socket.set_custom_hostname_resolver(self)

    async def getaddrinfo(self, host, port, family=0, type=0, proto=0, flags=0):
        name = host.decode() if isinstance(host, bytes) else host
        self.asked.append(name)
        addresses = self.answers[name].pop(0)
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, port, 0, 0))
            if ":" in address
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in addresses.split()
        ]

    async def getnameinfo(self, sockaddr, flags):
        raise NotImplementedError


async def test_without_rules_there_is_no_guard():
    assert make_guard(resolve({}, {}, {})) is None


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "[::1]",
     "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0.0.0.0", "[::]", "LOCALHOST"],
)  # fmt: skip
@pytest.mark.parametrize("deny", ["private", "loopback,unspecified"])
async def test_this_machine_is_refused_in_every_notation(host, deny):
    async with open_upstream() as upstream, session(deny=deny.split(",")) as http:
        text = await refused(http, upstream.url().replace("127.0.0.1", host))
        assert text == "the upstream is not allowed"
        assert http.statistics().origins == {}
    assert upstream.connections == []  # not one was opened


async def test_what_is_allowed_is_reached_and_its_connection_kept():
    async with open_upstream([answer(b"1"), answer(b"2")]) as upstream:
        async with session(allow=["127.0.0.0/8"], deny=["private"]) as http:
            assert await get(http, upstream.url()) == b"1"
            assert await get(http, upstream.url()) == b"2"
            assert http.statistics().opened == 1


async def test_a_mapped_address_of_an_allowed_network_is_reached():
    async with open_upstream([answer(b"1")]) as upstream, session(allow=["127.0.0.1"]) as http:
        assert await get(http, upstream.url().replace("127.0.0.1", "[::ffff:127.0.0.1]")) == b"1"


async def test_the_address_that_a_name_has_is_what_counts_and_the_log_tells_it(caplog):
    Names(innocent_example=["127.0.0.1"])
    async with open_upstream() as upstream, session(deny=["private"]) as http:
        with caplog.at_level(logging.WARNING):
            text = await refused(http, upstream.url().replace("127.0.0.1", "innocent.example"))
    assert "127.0.0.1" not in text
    assert upstream.connections == []
    assert [record.getMessage() for record in caplog.records] == [
        f"egress: innocent.example at 127.0.0.1, port {upstream.port}, is refused: denied by 'private'"
    ]


async def test_a_name_is_looked_up_once_so_that_the_second_answer_cannot_differ():
    names = Names(rebinding_example=["127.0.0.1", "10.0.0.1"])
    async with open_upstream([answer(b"ok")]) as upstream, session(allow=["127.0.0.1"]) as http:
        assert await get(http, upstream.url().replace("127.0.0.1", "rebinding.example")) == b"ok"
    assert names.asked == ["rebinding.example"]


async def test_a_new_connection_is_a_new_look_and_a_new_check():
    Names(rebinding_example=["127.0.0.1", "127.0.0.2"])
    async with open_upstream([answer(b"ok", b"Connection: close")]) as upstream:
        async with session(allow=["127.0.0.1"]) as http:
            url = upstream.url().replace("127.0.0.1", "rebinding.example")
            assert await get(http, url) == b"ok"
            await refused(http, url)


async def test_of_several_addresses_only_those_that_are_allowed_are_tried():
    Names(both_example=["127.0.0.2 ::1 127.0.0.1"])
    async with open_upstream([answer(b"ok")]) as upstream, session(allow=["127.0.0.1"]) as http:
        with socket.create_server(("127.0.0.2", upstream.port)) as other:
            other.setblocking(False)
            assert await get(http, upstream.url().replace("127.0.0.1", "both.example")) == b"ok"
            with pytest.raises(BlockingIOError):  # nobody has connected
                other.accept()


async def test_an_address_that_refuses_the_connection_is_followed_by_the_next():
    Names(both_example=["::1 127.0.0.1"])  # the upstream listens on the second alone
    async with open_upstream([answer(b"ok")]) as upstream, session(allow=["loopback"]) as http:
        assert await get(http, upstream.url().replace("127.0.0.1", "both.example")) == b"ok"


async def test_allowed_addresses_that_do_not_answer_are_an_upstream_error():
    Names(gone_example=["127.0.0.1 ::1"])
    async with open_upstream() as upstream, session(allow=["loopback"]) as http:
        url = upstream.url().replace("127.0.0.1", "gone.example")
    with pytest.raises(errors.UpstreamError, match="cannot connect: Connection refused"):
        async with session(allow=["loopback"]) as http:
            await get(http, url)


async def test_a_name_that_is_not_allowed_is_not_even_looked_up():
    names = Names()
    async with session(allow=["api.example", "*.cdn.example"]) as http:
        await refused(http, "http://secrets.attacker.example/")
        await refused(http, "http://cdn.example/")
    assert names.asked == []


async def test_a_name_that_is_allowed_may_have_a_private_address():
    Names(db_internal=["127.0.0.1"])
    async with open_upstream([answer(b"ok")]) as upstream:
        async with session(allow=["db.internal"], deny=["private"]) as http:
            assert await get(http, upstream.url().replace("127.0.0.1", "DB.internal")) == b"ok"


async def test_the_port_of_an_entry_counts():
    async with open_upstream([answer(b"ok")]) as upstream:
        async with session(allow=[f"127.0.0.1:{upstream.port}"]) as http:
            assert await get(http, upstream.url()) == b"ok"
            await refused(http, "http://127.0.0.1:1/")


async def test_a_redirect_to_what_is_not_allowed_is_refused():
    Names(inner_example=["127.0.0.2"])
    async with open_upstream() as inner:
        to = b"Location: " + inner.url("/secret").replace("127.0.0.1", "inner.example").encode()
        async with open_upstream([answer(b"", to, status=b"302 Found")]) as upstream:
            async with session(allow=["127.0.0.1"]) as http:
                await refused(http, upstream.url())
    assert inner.connections == []


async def test_a_name_that_does_not_resolve_is_an_upstream_error_as_ever():
    async with session(deny=["private"]) as http:
        with pytest.raises(errors.UpstreamError, match="cannot resolve the host"):
            await get(http, "http://does-not-exist.invalid/")


@pytest.mark.autojump
async def test_an_address_that_does_not_answer_delays_the_next_by_a_moment_only(monkeypatch):
    """RFC 8305: the first connection that stands wins, and the others are closed."""
    closed, begun = [], []

    class Slow:
        def __init__(self, *kind):
            self.address = None

        async def connect(self, address):
            self.address = address[0]
            begun.append((self.address, trio.current_time() - start))
            await trio.sleep(3600 if self.address == "127.0.0.2" else 0.1)

        def close(self):
            closed.append(self.address)

    from server_trio.http import dialing

    monkeypatch.setattr(trio.socket, "socket", Slow)
    start = trio.current_time()
    targets = [(socket.AF_INET, 1, 6, "", (f"127.0.0.{number}", 80)) for number in (2, 1)]
    winner = await dialing._connect_first(targets)
    assert winner.address == "127.0.0.1"
    assert begun == [("127.0.0.2", 0.0), ("127.0.0.1", 0.25)]
    assert closed == ["127.0.0.2"]


def test_the_second_address_is_of_another_family():
    from server_trio.http.dialing import _alternating

    six, four = socket.AF_INET6, socket.AF_INET
    targets = [
        (family, 1, 6, "", (name,)) for family, name in zip((six, six, four, four), "abcd", strict=True)
    ]
    assert [target[4][0] for target in _alternating(targets)] == ["a", "c", "b", "d"]
    assert _alternating(targets[:2]) == targets[:2]


@pytest.mark.parametrize("kind", ["allow", "deny"])
def test_a_wrong_entry_is_named(kind):
    with pytest.raises(errors.SettingsError, match=f"^EGRESS, {kind}: '10.0.0.1/8': the address has bits"):
        make_guard(resolve({"EGRESS": {kind: ["10.0.0.1/8"]}}, {}, {}))
