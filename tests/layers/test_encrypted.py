"""Encrypted layers: nothing of a message is in clear text in any key of Redis, wherever the message is."""

from __future__ import annotations

from typing import Any

import trio

from server_trio.layers import Layer, Progress, Received, open_layer, redis_journal
from tests.harness.redis_server import RedisServer

from .bench import ENCRYPTION_KEYS, redis_spec, take

MARK = b"Geh3im"
SECRET = {"body": MARK, "url": "http://x/" + MARK.decode(), "args": [{"deep": MARK}]}
READ = {
    b"string": ("GET",), b"list": ("LRANGE", 0, -1), b"hash": ("HGETALL",), b"set": ("SMEMBERS",),
    b"zset": ("ZRANGE", 0, -1), b"stream": ("XRANGE", "-", "+"),
}  # fmt: skip


def everything(redis: RedisServer) -> dict[bytes, bytes]:
    """All of Redis: key by key what is in it."""
    keys = redis.command("KEYS", "*")
    assert isinstance(keys, list)
    found = {}
    for key in keys:
        word, *rest = READ[redis.command("TYPE", key)]  # type: ignore[index]
        found[key] = b"|".join(_leaves(redis.command(word, key, *rest)))
    return found


def _leaves(value: Any) -> list[bytes]:
    if isinstance(value, list):
        return [leaf for inner in value for leaf in _leaves(inner)]
    return [value] if isinstance(value, bytes) else [str(value).encode()]


def showing(redis: RedisServer) -> list[bytes]:
    return [key for key, content in everything(redis).items() if MARK in key or MARK in content]


def held(redis: RedisServer) -> set[bytes]:
    """The parts of the bridge that have something in Redis now."""
    return {key.split(b":")[2] for key in everything(redis) if key.startswith(b"asgi::")}


async def claimed(layer: Layer) -> Received:
    with trio.fail_after(20):
        (received,) = await layer.receive(0, ["in"], 1, journal=True)
    return received


async def test_without_encryption_the_search_finds_it_everywhere(redis: RedisServer) -> None:
    """Else the next test could pass for having looked in the wrong place."""
    await _walk(redis, {}, visible=True)


async def test_with_encryption_no_key_shows_a_message_waiting_claimed_begun_taken_over_or_dead(
    redis: RedisServer,
) -> None:
    await _walk(redis, {"symmetric_encryption_keys": ENCRYPTION_KEYS}, visible=False)


async def _walk(redis: RedisServer, config: dict[str, Any], *, visible: bool) -> None:
    def look(*parts: bytes) -> None:
        assert held(redis) >= set(parts)
        assert bool(showing(redis)) is visible, showing(redis)

    spec = redis_spec([redis.url])(**config)
    async with open_layer(spec) as layer:
        await layer.send("in", SECRET)
        look()
        received = await claimed(layer)
        assert received.content == SECRET
        look(b"journal", b"claimed")
        part = {**SECRET, "more_content": True}
        await layer.send("out", part, entry=received.entry, progress=Progress.BEGUN)
        look(b"journal")
        await layer.group_add("group", "member")
        await layer.group_send("group", SECRET)
        await layer.tell(b"gone daphne.response.x!y")
        look(b"journal", b"news")
        assert received.entry is not None
        await layer.bury(received.entry, "two servers died")
        await take(layer, "out", "member", number=2)
        look(b"dead")
        (letter,) = await layer.dead_letters()
        assert letter.received.content == SECRET


async def test_what_a_dead_server_had_stays_encrypted_when_it_is_taken_over(
    redis: RedisServer, monkeypatch: Any
) -> None:
    monkeypatch.setattr(redis_journal, "BEAT_INTERVAL", 0.05)
    monkeypatch.setattr(redis_journal, "DEAD_AFTER", 0.2)
    spec = redis_spec([redis.url])(symmetric_encryption_keys=ENCRYPTION_KEYS)
    async with open_layer(spec) as layer:
        await layer.send("in", SECRET)
        await claimed(layer)
    async with open_layer(spec) as other:
        with trio.fail_after(20):
            (received,) = await other.recover(0, 1)
        assert received.content == SECRET
        assert b"journal" in held(redis)
        assert showing(redis) == []
