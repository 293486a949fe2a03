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
from tests.harness.redis_server import RedisServer

from .bench import redis_spec
from .watch import is_blocked, put, wait_for

REPLY = "daphne.response.abc!def"


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Death is noticed while the blocked command of the dead still stands (redis_claim.BLOCK_TIME)."""
    monkeypatch.setattr(redis_journal, "BEAT_INTERVAL", 0.5)
    monkeypatch.setattr(redis_journal, "DEAD_AFTER", 2.0)


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


@pytest.mark.parametrize("is_killed", [True, False], ids=["killed", "stopped"])
async def test_what_comes_after_the_takeover_is_not_lost(redis: RedisServer, is_killed: bool) -> None:
    with standing_still(redis) as server:
        await wait_for(lambda: is_blocked(redis))
        server.send_signal(signal.SIGSTOP)
        (dead,) = redis.command("HKEYS", "asgi::servers")  # type: ignore[misc]
        async with open_layer(redis_spec([redis.url])()) as layer:
            await wait_for(lambda: not redis.command("HEXISTS", "asgi::servers", dead))
            put(redis, 1)
            assert redis.command("LLEN", "asgi:in") == 0, "the blocked command of the dead has not got it"
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
