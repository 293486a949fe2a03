"""The bytes of commands are those that redis-py makes."""

from __future__ import annotations

from typing import Any

import pytest
from redis.asyncio.connection import Connection

from server_trio.layers.redis_commands import packed

LARGE = b"\0\r\n$" * 10_000


@pytest.mark.parametrize(
    "commands",
    [
        [("PING",)],
        [("SET", "naïve ☃", b"\xff\0\r\n", "EX", 60), ("TIME",)],
        [("ZADD", "key", 1700000000.25, "member", -7, "other", ""), ("GET", b"")],
        [("RPUSH", "key", b"small", LARGE, b"small", LARGE)],
        [("SET", "one", LARGE), ("SET", "other", LARGE), ("PING",)],
    ],
)
def test_commands_are_packed_as_redis_py_does(commands: list[tuple[Any, ...]]) -> None:
    assert b"".join(packed(commands)) == b"".join(Connection().pack_commands(commands))


class Payload(bytes):
    """What a layer might hand over."""


@pytest.mark.parametrize("word", [Payload(b"\xff'x"), bytearray(b"\xff'x"), memoryview(b"\xff'x")])
def test_whatever_holds_bytes_is_sent_as_them(word: Any) -> None:
    assert b"".join(packed([("SET", word)])) == b"*2\r\n$3\r\nSET\r\n$3\r\n\xff'x\r\n"
