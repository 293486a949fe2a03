"""Redis as another hand may leave it: operations may be lost, the layer goes on with the next."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
import trio

from server_trio.errors import MessageRefused, SendUnknown
from server_trio.layers import Layer, Received, open_layer, redis_journal
from server_trio.layers.packing import pack
from tests.harness.redis_server import RedisServer

from .bench import contents, redis_spec, take
from .watch import is_blocked, put, wait_for

GARBAGE = [b"", b" ", b"1", b"1 2", b"x y z w", b"1 nan in \x80", b"1 inf in \x80", b"1 -5 in \x80",
           b"-3 1.5 in \x80", b"9" * 5000 + b" 1.5 in \x80", b"1 1.5 \xff\xfe \x80", b"1 1.5 a:b \x80",
           b"SS1 1.5 in \x80", b"1_0 1.5 in \x80", b"\x00" * 100, b"1 1e999 in \x80"]  # fmt: skip


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_journal, "BEAT_INTERVAL", 0.05)
    monkeypatch.setattr(redis_journal, "DEAD_AFTER", 0.2)


def dead_server(redis: RedisServer, journal: dict[bytes, bytes], id: bytes = b"dead") -> None:
    """What a server has left that is no more."""
    redis.command("HSET", "asgi::servers", id, id + b" 7")
    if journal:
        redis.command("HSET", b"asgi::journal:" + id, *(part for item in journal.items() for part in item))


async def serves(redis: RedisServer, layer: Layer) -> None:
    """A message that comes now is received and its answer sent."""
    put(redis, 99)
    with trio.fail_after(20):
        (received,) = await layer.receive(0, ["in"], 1, journal=True)
    assert received.content == {"n": 99}
    await layer.send("out", {"n": 100}, entry=received.entry)
    assert await contents(layer, "out") == [{"n": 100}]


async def recovered(layer: Layer) -> Received:
    with trio.fail_after(20):
        (received,) = await layer.recover(0, 50)
    return received


async def test_entries_of_a_journal_that_no_server_wrote_are_thrown_away(redis: RedisServer) -> None:
    good = b"1 1700000000.123 in " + pack({"n": 1})
    strange_keys = [b"", b"\xff\xfe", b"asgi:\n", b"asgi::dead", b"other:1", b"asgi:" + b"\xe2\x82\xac"]
    journal = {b"asgi:%d" % number: value for number, value in enumerate(GARBAGE)}
    journal |= dict.fromkeys(strange_keys, good) | {b"asgi:good": good}
    dead_server(redis, journal)
    async with open_layer(redis_spec([redis.url])()) as layer:
        received = await recovered(layer)
        assert received.past is not None
        assert (received.content, received.past.attempt) == ({"n": 1}, 2)
        assert redis.command("HKEYS", "asgi::journal:dead") == [b"asgi:good"]
        await serves(redis, layer)


async def test_a_journal_of_nothing_but_garbage_is_no_end(redis: RedisServer) -> None:
    dead_server(redis, {b"asgi:%d" % number: b"garbage" for number in range(20_000)})
    async with open_layer(redis_spec([redis.url])()) as layer, trio.open_nursery() as nursery:
        nursery.start_soon(layer.recover, 0, 10)
        for _ in range(2):  # thousands of round trips
            with contextlib.suppress(trio.TooSlowError):
                await wait_for(lambda: redis.command("HLEN", "asgi::journal:dead") == 0)
        assert redis.command("HLEN", "asgi::journal:dead") == 0
        await serves(redis, layer)
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("id", [b"\xff", b"", b"a b", b"x" * 1000, b"a\nb"])
async def test_a_server_of_a_strange_name_is_thrown_away(redis: RedisServer, id: bytes) -> None:
    async with open_layer(redis_spec([redis.url])()) as layer:
        redis.command("HSET", "asgi::servers", id, b"\xff\x00 7")
        await wait_for(lambda: redis.command("HLEN", "asgi::servers") == 1)
        await serves(redis, layer)


@pytest.mark.parametrize("kind", ["journal", "claims"])
async def test_keys_of_a_dead_server_that_hold_something_else_are_passed_over(
    redis: RedisServer, kind: str
) -> None:
    dead_server(redis, {})
    redis.command("SET", f"asgi::{kind}:dead", "not what it should be")
    async with open_layer(redis_spec([redis.url])()) as layer, trio.open_nursery() as nursery:
        nursery.start_soon(layer.recover, 0, 10)
        await wait_for(lambda: redis.command("HGET", "asgi::servers", "dead") != b"dead 7")
        dead_server(redis, {b"asgi:good": b"1 1.5 in " + pack({"n": 1})}, b"dead2")
        await wait_for(lambda: b" 2 1.5" in b" " + entry(redis, "dead2", "asgi:good"))
        await serves(redis, layer)
        nursery.cancel_scope.cancel()


def entry(redis: RedisServer, id: str, key: str) -> bytes:
    found = redis.command("HGET", f"asgi::journal:{id}", key)
    assert isinstance(found, bytes)
    return found


@pytest.mark.parametrize(
    "fields",
    [
        ("a", "b"), ("by", "x", "text", "gone \xff", "c", "d"), ("text", "x", "by", "y"),
        ("by", b"\xff", "text", b"\xff"),
    ],
)  # fmt: skip
async def test_news_by_another_hand_is_read_over(redis: RedisServer, fields: tuple[Any, ...]) -> None:
    async with (
        open_layer(redis_spec([redis.url])()) as layer, open_layer(redis_spec([redis.url])()) as other,
        trio.open_nursery() as nursery,
    ):  # fmt: skip
        heard: list[bytes] = []

        @nursery.start_soon
        async def hear() -> None:
            while True:
                heard.extend(await layer.hear())

        await wait_for(lambda: is_blocked(redis))
        redis.command("XADD", "asgi::news", "*", *fields)
        await other.tell(b"good")
        await wait_for(lambda: heard[-1:] == [b"good"])
        nursery.cancel_scope.cancel()


async def test_dead_letters_that_no_server_wrote_are_left_out(redis: RedisServer) -> None:
    good = b"a1 1700000000.500 two_servers_died S2 1700000000.100 in " + pack({"n": 1})
    for value in (*GARBAGE, good, good + b" ", good.replace(b"two", b"\xff")):
        redis.command("RPUSH", "asgi::dead", value)
    async with open_layer(redis_spec([redis.url])()) as layer:
        letters = await layer.dead_letters()
    assert [letter.id for letter in letters] == ["a1", "a1", "a1"]
    assert (letters[0].reason, letters[0].attempts) == ("two servers died", 2)


@pytest.mark.parametrize("journal", [True, False])
@pytest.mark.parametrize(
    "key",
    [
        b"asgi:in", b"asgi::servers", b"\xff\xfe", b"asgi:\xe2\x82\xac", b"asgi:1\nasgi:2", b"", b"asgi:hash",
        b"other",
    ],
)  # fmt: skip
async def test_a_channel_that_holds_what_is_no_message_does_not_stop_the_next(
    redis: RedisServer, key: bytes, journal: bool
) -> None:
    redis.command("HSET", "asgi:hash", "a", "b")
    redis.command("SET", "other", "of another application")
    redis.command("RPUSH", "asgi:in", key)
    put(redis, 1)
    async with open_layer(redis_spec([redis.url])()) as layer:
        with trio.fail_after(20):
            (received,) = await layer.receive(0, ["in"], 10, journal=journal)
        assert received.content == {"n": 1}
        await serves(redis, layer)


async def test_a_receipt_by_another_hand_leaves_a_send_in_doubt_and_the_next_goes(redis: RedisServer) -> None:
    async with open_layer(redis_spec([redis.url])()) as layer:
        await layer.send("in", {"n": 1})
        (receipt,) = redis.command("KEYS", "asgi::receipt:*")  # type: ignore[misc]
        redis.command("SET", receipt, b"2 \xffssss")
        with pytest.raises(SendUnknown):
            await layer.send("in", {"n": 2})
        await layer.send("in", {"n": 3})
        assert await contents(layer, "in", number=2) == [{"n": 1}, {"n": 3}]


async def test_a_message_names_no_other_channel_than_the_list_it_lay_on(redis: RedisServer) -> None:
    redis.command("SET", "asgi:1", pack({"__asgi_channel__": "elsewhere!x"}))
    redis.command("RPUSH", "asgi:in", "asgi:1")
    redis.command("SET", "asgi:2", pack({"__asgi_channel__": "elsewhere!x"}))
    redis.command("RPUSH", "asgi:in!", "asgi:2")
    async with open_layer(redis_spec([redis.url])()) as layer:
        received = await take(layer, "in", "in!", number=2)
    assert {one.channel for one in received} == {"in", "in!"}


@pytest.mark.parametrize(
    "bomb",
    [
        b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xff",
        b"\x91" * 200_000, b"\x81\xa1a" * 200_000, b"\x81" * 200_000, b"\xc7\xff\x01", b"\xc1",
        b"\x82\xa1a\x01\xa1a\x02", b"\x81\x91\x01\x02", b"\xd6\xff\x00\x00\x00\x00",
    ],
    ids=range(12),
)  # fmt: skip
async def test_a_bomb_of_msgpack_is_received_as_a_fault_or_a_value(redis: RedisServer, bomb: bytes) -> None:
    redis.command("SET", "asgi:1", bomb)
    redis.command("RPUSH", "asgi:in", "asgi:1")
    async with open_layer(redis_spec([redis.url])()) as layer:
        (received,) = await take(layer, "in")
        assert (received.fault is None) == (received.content is not None)
        await serves(redis, layer)


@pytest.mark.parametrize(
    "name", ["asgi::dead", ":journal:x", "a:b", "x!y:z", "a b", "a\n", "\u00e9", "a\0", "x" * 200]
)
async def test_no_channel_is_a_key_of_the_bridge(redis: RedisServer, name: str) -> None:
    async with open_layer(redis_spec([redis.url])()) as layer:
        with pytest.raises(MessageRefused):
            await layer.send(name, {"n": 1})
