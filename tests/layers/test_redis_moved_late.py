"""What Redis moves for a server that is no more: a blocked command outlives who gave it."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
import trio

from server_trio.layers import Layer, Progress, open_layer, redis_journal
from server_trio.layers.packing import pack
from tests.harness.redis_server import RedisServer

from .bench import redis_spec, taking_over
from .watch import is_blocked, put, wait_for

REPLY = "daphne.response.abc!def"


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heartbeats of this process, which looks for long into the lists of the dead."""
    monkeypatch.setattr(redis_journal, "BEAT_INTERVAL", 0.5)
    monkeypatch.setattr(redis_journal, "DEAD_AFTER", 2.5)
    monkeypatch.setattr(redis_journal, "LATE_TIME", 60.0)


@contextlib.contextmanager
def standing_still(redis: RedisServer) -> Iterator[subprocess.Popen[bytes]]:
    """A server that is stopped while it waits for messages on `in`."""
    words = [sys.executable, "-m", "tests.layers.journal_server", redis.url, "in", "1"]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def claimed_list(redis: RedisServer) -> bytes:
    """The one claimed list that there is."""
    (claims,) = redis.command("KEYS", "asgi::claims:*")  # type: ignore[misc]
    (claimed,) = redis.command("SMEMBERS", claims)  # type: ignore[misc,arg-type]
    assert isinstance(claimed, bytes)
    return claimed


@pytest.mark.parametrize("is_killed", [True, False], ids=["killed", "stopped"])
async def test_what_comes_after_the_takeover_is_not_lost(
    redis: RedisServer, is_killed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with standing_still(redis) as server:
        await wait_for(lambda: is_blocked(redis))
        claimed = claimed_list(redis)
        server.send_signal(signal.SIGSTOP)
        (dead,) = redis.command("HKEYS", "asgi::servers")  # type: ignore[misc]
        async with open_layer(redis_spec([redis.url])()) as layer, taking_over(layer):
            await wait_for(lambda: not redis.command("HEXISTS", "asgi::servers", dead))
            monkeypatch.setattr(redis_journal, "DEAD_AFTER", 60.0)  # from now on it is only slow
            redis.command("SET", "asgi:1", pack({"n": 1}))
            redis.command("RPUSH", claimed, "asgi:1")  # as its blocked BLMOVE does if that has time left
            if is_killed:
                server.kill()
            await claim_and_answer(layer, 1)
            if not is_killed:
                server.send_signal(signal.SIGCONT)
                put(redis, 2)
                await trio.to_thread.run_sync(tell_to_answer, server)
    left = redis.command("KEYS", "asgi::[^r]*")
    assert left == []


async def claim_and_answer(layer: Layer, number: int) -> None:
    with trio.fail_after(20):
        (received,) = await layer.receive(0, ["in"], 1, journal=True)
    assert received.content == {"n": number}
    await layer.send(REPLY, {}, entry=received.entry, progress=Progress.DONE)


def tell_to_answer(server: subprocess.Popen[bytes]) -> None:
    """It goes on with what comes now, under another name, and ends."""
    assert server.stdout is not None
    assert server.stdin is not None
    assert server.stdout.readline() == b"claimed\n"
    server.stdin.write(f"answer {REPLY}\nend\n".encode())
    server.stdin.flush()
    assert server.stdout.readline() == b"answered\n"
    assert server.wait(20) == 0
