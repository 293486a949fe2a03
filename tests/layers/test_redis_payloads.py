"""What may lie on a channel in Redis, and what is received of it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from server_trio.layers import LayerSpec, open_layer
from server_trio.layers.open import make_backend
from tests.harness.redis_server import RedisServer

from .bench import contents, is_empty, take

DATA = Path(__file__).resolve().parents[1] / "data"


@pytest.mark.parametrize("bridge", ["redis", "threaded"])
async def test_a_broken_payload_is_a_fault_and_what_follows_is_received(
    redis: RedisServer, bridge: Any
) -> None:
    spec = LayerSpec("default", "asgi_redis.RedisChannelLayer", {"hosts": [redis.url]}, bridge)
    for number, body in enumerate((b"\xc1", b"", b"\x93\x01", bytes(10 << 20))):
        redis.command("SET", f"asgi:{number}", body)
        redis.command("RPUSH", "asgi:in", f"asgi:{number}")
    async with open_layer(spec) as layer:
        await layer.send("in", {"n": 1})
        received = await take(layer, "in", number=5)
    assert [one.content for one in received] == [None, None, None, None, {"n": 1}]
    assert all(one.fault for one in received[:4])
    assert {one.channel for one in received} == {"in"}


async def test_what_is_no_dict_is_received_as_it_is(redis: RedisServer) -> None:
    for number, body in enumerate((b"\x07", b"\x91\x01", b"\xc0", b"\xa3abc", b"\xc4\x01a")):
        redis.command("SET", f"asgi:{number}", body)
        redis.command("RPUSH", "asgi:in", f"asgi:{number}")
    async with open_layer(
        LayerSpec("default", "asgi_redis.RedisChannelLayer", {"hosts": [redis.url]})
    ) as layer:
        received = await take(layer, "in", number=5)
    assert [one.content for one in received] == [7, [1], None, "abc", b"a"]
    assert [one.fault for one in received] == [None] * 5


@pytest.mark.parametrize("name", [b"\x07", b"\xc4\x01a", b"\xc0"])
async def test_a_full_name_that_is_no_text_stays_in_the_message(redis: RedisServer, name: bytes) -> None:
    redis.command("SET", "asgi:1", b"\x81\xb0__asgi_channel__" + name)
    redis.command("RPUSH", "asgi:in!", "asgi:1")
    async with open_layer(
        LayerSpec("default", "asgi_redis.RedisChannelLayer", {"hosts": [redis.url]})
    ) as layer:
        (received,) = await take(layer, "in!")
    assert received.channel == "in!"
    assert "__asgi_channel__" in received.content


async def test_messages_whose_body_has_expired_are_passed_over(redis: RedisServer) -> None:
    redis.command("RPUSH", "asgi:in", "asgi:gone", "asgi:gone too")
    async with open_layer(
        LayerSpec("default", "asgi_redis.RedisChannelLayer", {"hosts": [redis.url]})
    ) as layer:
        assert await is_empty(layer, "in")
        redis.command("RPUSH", "asgi:in", "asgi:gone")
        await layer.send("in", {"n": 1})
        assert await contents(layer, "in") == [{"n": 1}]


REAL_MESSAGES = json.loads((DATA / "messages-2017-python2.json").read_text())


@pytest.mark.parametrize("entry", REAL_MESSAGES, ids=lambda entry: entry["name"])
async def test_a_real_message_of_2017_is_received_as_stock_receives_it(
    redis: RedisServer, entry: dict[str, str]
) -> None:
    spec = LayerSpec("default", "asgi_redis.RedisChannelLayer", {"hosts": [redis.url]})
    body = base64.b64decode(entry["message_base64"])

    def put() -> None:
        redis.command("SET", "asgi:1", body)
        redis.command("RPUSH", "asgi:request.async", "asgi:1")

    put()
    expected: Any = make_backend(spec).receive(["request.async"])
    put()
    async with open_layer(spec) as layer:
        (received,) = await take(layer, "request.async")
    assert (received.channel, received.content) == expected
