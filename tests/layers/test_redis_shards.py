"""Several shards of which one is away, and a journal that misses nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import trio

from server_trio.errors import LayerUnavailable
from server_trio.layers import open_layer, redis_send
from server_trio.layers.base import Progress
from tests.harness.redis_server import RedisServer, redis_server

from .bench import contents, redis_spec
from .watch import wait_for


@pytest.fixture
def other() -> Iterator[RedisServer]:
    with redis_server() as it:
        yield it


def lock(redis: RedisServer) -> None:
    """Let nobody in but this test; what Redis has stays."""
    redis.command("CONFIG", "SET", "requirepass", "s3cret")
    redis.password = "s3cret"
    redis.command("CLIENT", "KILL", "TYPE", "normal")


def unlock(redis: RedisServer) -> None:
    redis.command("CONFIG", "SET", "requirepass", "")
    redis.password = None


async def test_one_shard_that_is_away_at_the_start_joins_later(
    redis: RedisServer, other: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    other.kill()
    async with open_layer(redis_spec([redis.url, other.url])()) as layer, trio.open_nursery() as nursery:
        assert [record.getMessage() for record in caplog.records if "without it" in record.getMessage()]
        names = {layer.shard_of(name): name for name in map("a{}!x".format, range(50))}
        await layer.send(names[0], {"n": 0})
        assert await contents(layer, names[0].partition("!")[0] + "!") == [{"n": 0}]
        received: list[object] = []

        @nursery.start_soon
        async def receive() -> None:
            received.extend(await layer.receive(1, ["in"], 1))

        other.start()
        await wait_for(lambda: layer.statistics().connected)
        await layer.send("in", {})
        await layer.send("in", {})
        await wait_for(lambda: received)


async def test_a_shard_with_another_password_is_refused_at_the_start(redis: RedisServer) -> None:
    with redis_server(password="right") as other:
        wrong = f"redis://:wr0ng@127.0.0.1:{other.port}/0"
        with pytest.raises(LayerUnavailable, match="password"):
            async with open_layer(redis_spec([redis.url, wrong])()):
                pass


async def test_what_the_journal_could_not_be_told_it_is_told_later(
    other: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_send, "LEFT_INTERVAL", 0.05)
    async with open_layer(redis_spec([other.url])()) as layer:
        await layer.send("in", {})
        (received,) = await layer.receive(0, ["in"], 1, journal=True)
        assert received.entry is not None
        journal = f"asgi::journal:{received.entry.journal}"
        lock(other)
        monkeypatch.setattr(redis_send, "SEND_TIMEOUT", 0.2)
        await wait_for(lambda: not layer.statistics().connected)
        await layer.release(received.entry)
        for _ in range(2):  # the first may find the release on its way
            with pytest.raises(LayerUnavailable):
                await layer.send("in", {})
        assert other.command("HLEN", journal) == 1
        unlock(other)
        await wait_for(lambda: other.command("HLEN", journal) == 0)


async def test_an_answer_goes_out_while_the_shard_that_its_operation_came_from_is_away(
    redis: RedisServer, other: RedisServer
) -> None:
    async with open_layer(redis_spec([redis.url, other.url])()) as layer:
        answers = next(name for name in map("a{}!".format, range(50)) if layer.shard_of(name) == 0)
        await layer.send("in", {})
        await layer.send("in", {})  # to the other shard in turn
        (received,) = await layer.receive(1, ["in"], 1, journal=True)
        assert received.entry is not None
        journal = f"asgi::journal:{received.entry.journal}"
        lock(other)
        await wait_for(lambda: not layer.statistics().connected)
        await layer.send(answers + "x", {"n": 1}, entry=received.entry, progress=Progress.BEGUN)
        await layer.send(answers + "x", {"n": 2}, entry=received.entry, progress=Progress.DONE)
        assert await contents(layer, answers, number=2) == [{"n": 1}, {"n": 2}]
        assert other.command("HLEN", journal) == 1
        unlock(other)
        await wait_for(lambda: other.command("HLEN", journal) == 0)
