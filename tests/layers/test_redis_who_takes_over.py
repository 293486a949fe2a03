"""Only who does what is taken over takes over: not a server that drains, nor one for consumers alone."""

from __future__ import annotations

import pytest
import trio

from server_trio.layers import Progress, open_layer, redis_journal
from tests.harness.redis_server import RedisServer

from .bench import redis_spec
from .test_redis_journal import REPLY, recovered, serving
from .watch import wait_for


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heartbeats of this process; those of others keep their second."""
    monkeypatch.setattr(redis_journal, "BEAT_INTERVAL", 0.5)
    monkeypatch.setattr(redis_journal, "DEAD_AFTER", 2.5)


def servers(redis: RedisServer) -> dict[bytes, bytes]:
    """Owner and heartbeat by id."""
    found = redis.command("HGETALL", "asgi::servers")
    assert isinstance(found, list)
    return dict(zip(found[::2], found[1::2], strict=True))  # type: ignore[arg-type]


async def beats(redis: RedisServer, besides: bytes, number: int) -> None:
    """Wait for so many heartbeats of the one other server."""
    for _ in range(number):
        last = {id: value for id, value in servers(redis).items() if id != besides}
        await wait_for(lambda last=last: not last.items() <= servers(redis).items())


async def test_who_does_not_recover_takes_nothing_over(redis: RedisServer) -> None:
    with serving(redis) as server:
        ((dead, last),) = servers(redis).items()
        server.kill()
        async with open_layer(redis_spec([redis.url])()) as layer:
            with trio.move_on_after(0.1):
                await layer.recover(0, 1)  # it did; now it drains
            await beats(redis, dead, 12)
            assert servers(redis)[dead] == last
            (received,) = await recovered(layer)
            await layer.send(REPLY, {}, entry=received.entry, progress=Progress.DONE)
