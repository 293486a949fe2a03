"""What is said on an open connection to a Redis, through TLS as well, and with one that errs."""

from __future__ import annotations

import contextlib
import gc
import socket
import ssl
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
import trustme
from redis import InvalidResponse, ResponseError
from redis.connection import Connection

from server_trio.errors import LayerUnavailable
from server_trio.layers import open_layer
from server_trio.layers.open import make_backend
from server_trio.layers.redis_connection import RedisConnection, ShardHealth
from server_trio.layers.redis_loop import AsyncioLoop
from server_trio.layers.redis_source import read_source
from tests.harness.redis_server import RedisServer
from tests.harness.trio_tests import jump_once

from .bench import contents, redis_spec

PONG = b"+PONG\r\n"

#: Commands whose replies are of all kinds.
COMMANDS: list[tuple[Any, ...]] = [
    ("PING",),
    ("GET", "nothing"),
    ("SET", "key", b"\xff\0\r\n" * 100_000),
    ("GET", "key"),
    ("NO", "SUCH", "COMMAND"),
    ("EVAL", "return {1, 'two', {3, false, {}}, redis.error_reply('ERR four'), {ok = 'five'}}", 0),
    ("EVALSHA", "0" * 40, 0),
    ("BLPOP", "nothing", "0.01"),
    ("LRANGE", "nothing", 0, -1),
]


class FakePeer:
    """Somebody who knows what to say while a connection is made, and afterwards says what it is told to."""

    def __init__(self) -> None:
        self.answers: list[bytes] = []
        self.made = 0
        self.ended = trio.Event()
        self.hang_up = trio.Event()
        #: How it speaks with one connection; who is through ends that with the scope.
        self.talk: Callable[[trio.SocketStream, trio.CancelScope], Awaitable[None]] = self._talk

    async def serve(self, stream: trio.SocketStream) -> None:
        self.made += 1
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.talk, stream, nursery.cancel_scope)
            await self.hang_up.wait()
            nursery.cancel_scope.cancel()
        await stream.aclose()
        self.ended.set()

    async def _talk(self, stream: trio.SocketStream, all: trio.CancelScope) -> None:
        with contextlib.suppress(trio.BrokenResourceError):
            async for data in stream:
                number = data.count(b"*")
                if b"CLIENT" in data:
                    await stream.send_all(b":1\r\n" * number)
                elif b"SELECT" in data:
                    await stream.send_all(b"+OK\r\n" * number)
                else:
                    await stream.send_all(self.answers.pop(0))
        all.cancel()


@contextlib.asynccontextmanager
async def connected(
    url: str = "redis://127.0.0.1:{}/0",
) -> AsyncIterator[tuple[FakePeer, RedisConnection, AsyncioLoop]]:
    peer, loop = FakePeer(), AsyncioLoop()
    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, peer.serve, 0, host="127.0.0.1"))
        port = listener.socket.getsockname()[1]
        (endpoint,) = read_source(make_backend(redis_spec([url.format(port)])())).endpoints
        await nursery.start(loop.serve)
        connection = RedisConnection(loop, endpoint, ShardHealth("the shard"))
        yield peer, connection, loop
        connection.close()
        nursery.cancel_scope.cancel()


def plain(reply: Any) -> Any:
    """A reply, of which errors can be compared."""
    if isinstance(reply, list):
        return [plain(part) for part in reply]
    return (type(reply), str(reply)) if isinstance(reply, Exception) else reply


async def test_replies_are_those_that_redis_py_reads(redis: RedisServer) -> None:
    theirs = Connection(port=redis.port)
    expected = []
    for command in COMMANDS:
        theirs.send_command(*command)
        try:
            expected.append(theirs.read_response())
        except ResponseError as error:
            expected.append(error)
    loop = AsyncioLoop()
    (endpoint,) = read_source(make_backend(redis_spec([redis.url])())).endpoints
    async with trio.open_nursery() as nursery:
        await nursery.start(loop.serve)
        ours = RedisConnection(loop, endpoint, ShardHealth("the shard"))
        assert plain(await ours.exchange(*COMMANDS)) == plain(expected)
        ours.close()
        nursery.cancel_scope.cancel()


def tls_context(directory: Path) -> ssl.SSLContext:
    """For a server at 127.0.0.1; who trusts `ca.pem` in that directory trusts it."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(directory / "ca.pem")
    return context


async def test_through_tls(redis: RedisServer, tmp_path: Path) -> None:
    context = tls_context(tmp_path)

    async def pass_on(stream: trio.SSLStream[trio.SocketStream]) -> None:
        async with stream, await trio.open_tcp_stream(redis.host, redis.port) as plain:
            with contextlib.suppress(trio.BrokenResourceError):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(copy, stream, plain)
                    await copy(plain, stream)
                    nursery.cancel_scope.cancel()

    async def copy(source: trio.abc.Stream, target: trio.abc.Stream) -> None:
        while data := await source.receive_some():
            await target.send_all(data)

    messages = [{"n": number, "body": b"x" * number * 100_000} for number in range(20)]
    async with trio.open_nursery() as nursery:
        serve = partial(trio.serve_ssl_over_tcp, pass_on, 0, context, host="127.0.0.1", https_compatible=True)
        (listener,) = await nursery.start(serve)
        port = listener.transport_listener.socket.getsockname()[1]
        url = f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={tmp_path / 'ca.pem'}"
        async with open_layer(redis_spec([url], capacity=100)()) as layer:
            for message in messages:
                await layer.send("in", message)
            assert await contents(layer, "in", number=20) == messages
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", "a reply begins with b'HTTP/1.1 400 Bad Request"),
        (PONG + PONG, "a reply came that nothing was asked for"),
        (PONG + b"+PO", "a reply came that nothing was asked for"),
    ],
)
async def test_what_cannot_be_a_reply_ends_the_connection_and_the_next_is_fresh(
    answer: bytes, said: str
) -> None:
    async with connected() as (peer, connection, loop):
        peer.answers = [answer, PONG]
        with pytest.raises(LayerUnavailable) as caught:
            await connection.command("PING")
        assert isinstance(caught.value.__cause__, InvalidResponse)
        assert said in str(caught.value)
        assert await connection.command("PING") == b"PONG"
        assert (peer.made, loop.falls) == (2, 0)


async def test_a_reply_that_nobody_waits_for_any_more_is_nobody_elses() -> None:
    async with connected() as (peer, connection, loop):
        peer.answers = [b"+FOR THE", b"+SECOND\r\n"]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(connection.command, "PING")
            while len(peer.answers) == 2:
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
        assert connection.has_left
        await peer.ended.wait()  # the connection was closed, not left behind
        assert await connection.command("PING") == b"SECOND"
        assert (peer.made, loop.falls) == (2, 0)


async def test_one_that_was_closed_while_nobody_used_it_is_replaced_and_no_outage(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Redis does that after its `timeout`, and so does much that stands between."""
    async with connected() as (peer, connection, loop):
        peer.answers = [PONG, PONG]
        await connection.command("PING")
        peer.hang_up.set()
        await peer.ended.wait()
        peer.hang_up = trio.Event()
        while connection._stream is not None and connection._stream.failure is None:
            await trio.lowlevel.checkpoint()
        assert await connection.command("PING") == b"PONG"
        assert (peer.made, loop.falls, caplog.text) == (2, 0, "")


async def test_a_loop_that_falls_tells_who_waits_and_costs_who_does_not_nothing() -> None:
    async with connected() as (peer, connection, loop):
        peer.answers = [b"", PONG]
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def wait() -> None:
                with pytest.raises(LayerUnavailable, match="was lost: the asyncio loop fell"):
                    await connection.command("PING")

            while not connection.has_left:
                await trio.lowlevel.checkpoint()
            loop.reopen("a test")
        assert await connection.command("PING") == b"PONG"
        loop.reopen("a test")
        peer.answers = [PONG]
        while connection._stream is None or connection._stream.failure is None:
            await trio.lowlevel.checkpoint()
        assert await connection.command("PING") == b"PONG"
        assert peer.made == 3


async def test_what_is_said_to_who_has_gone_is_no_warning_for_each_word(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with connected() as (peer, connection, loop):
        peer.answers = [PONG]
        await connection.command("PING")
        assert connection._stream is not None
        connection._stream._transport.get_extra_info("socket").shutdown(socket.SHUT_WR)  # from now on EPIPE
        with pytest.raises(LayerUnavailable, match="Broken pipe"):
            await connection.exchange(*[("SET", "key", b"x" * 20_000)] * 10)
        assert connection.has_left
        assert loop.falls == 0
    assert not [record.getMessage() for record in caplog.records if record.name == "asyncio"]


async def test_who_hangs_up_without_reading_is_not_written_to_until_the_time_is_over() -> None:
    async with connected() as (peer, connection, loop):

        async def talk(stream: trio.SocketStream, all: trio.CancelScope) -> None:
            while b"xxx" not in (data := await stream.receive_some()):
                await stream.send_all(b":1\r\n" * data.count(b"*"))
            await stream.send_eof()
            await trio.sleep_forever()

        peer.talk = talk
        with pytest.raises(LayerUnavailable, match="Connection closed by server"):
            await connection.command("SET", "key", b"x" * 30_000_000)
        assert connection.has_left
        assert loop.falls == 0


async def test_a_connection_that_is_not_in_use_keeps_no_reply() -> None:
    async with connected() as (peer, connection, _):
        peer.answers = [b"$6\r\nanswer\r\n"]
        reply = await connection.command("PING")
        assert reply == b"answer"
        assert not [each for each in gc.get_referrers(reply) if type(each) is list]


class Body(bytearray):
    """One that can be referred to weakly."""


@pytest.mark.jumpable
@pytest.mark.parametrize("how", ["refused", "hung up", "silent"])
async def test_what_could_not_be_sent_is_not_kept_until_the_collector_comes(how: str) -> None:
    """All who have something to send while a Redis is away would add to it."""
    async with connected() as (peer, connection, _):

        async def talk(stream: trio.SocketStream, all: trio.CancelScope) -> None:
            while b"xxx" not in (data := await stream.receive_some()):
                answer = b":1\r\n" if b"CLIENT" in data else b"+OK\r\n"
                await stream.send_all(answer * data.count(b"*"))
            if how == "hung up":
                await stream.send_eof()
            else:
                await jump_once(lambda: True, 30)
            await trio.sleep_forever()

        peer.talk = talk
        if how == "refused":
            connection._endpoint._options["port"] = 1  # type: ignore[attr-defined]
        sent = []
        gc.disable()
        try:
            for number in range(3):
                body = Body(b"xxx%d" % number)
                sent.append(weakref.ref(body))
                with pytest.raises(LayerUnavailable):
                    await connection.exchange(("SET", "key", body), timeout=30 if how == "silent" else None)
            del body
            await trio.testing.wait_all_tasks_blocked()  # trio-asyncio's that watched the socket ends
            assert [each() for each in sent] == [None] * 3
        finally:
            gc.enable()


async def test_of_tls_to_who_falls_silent_while_it_is_made_nothing_stays(tmp_path: Path) -> None:
    context = tls_context(tmp_path)
    async with connected(f"rediss://127.0.0.1:{{}}/0?ssl_ca_certs={tmp_path / 'ca.pem'}") as (
        peer,
        connection,
        _,
    ):
        silent = trio.Event()

        async def talk(stream: trio.SocketStream, all: trio.CancelScope) -> None:
            await trio.SSLStream(stream, context, server_side=True).do_handshake()
            silent.set()
            while await stream.receive_some():
                pass
            all.cancel()
            peer.hang_up.set()

        peer.talk = talk
        async with trio.open_nursery() as nursery:
            nursery.start_soon(connection.exchange, ("PING",))
            await silent.wait()
            nursery.cancel_scope.cancel()
        assert not connection.has_left
        with trio.fail_after(20):  # asyncio waits for 30 s for the other's goodbye, before 3.11 for ever
            await peer.ended.wait()
