"""What tests ask of a private Redis: what it does now, and to hold a message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import trio

from server_trio.layers.packing import pack
from tests.harness.redis_server import RedisServer


async def wait_for(condition: Callable[[], Any]) -> None:
    with trio.fail_after(40):
        while not condition():  # noqa: ASYNC110 - what happens in Redis tells nobody here
            await trio.sleep(0.005)


def put(redis: RedisServer, number: int) -> None:
    """A message on the channel `in`, without a chance for any other task to run meanwhile."""
    redis.command("SET", f"asgi:{number}", pack({"n": number}))
    redis.command("RPUSH", "asgi:in", f"asgi:{number}")


def is_blocked(redis: RedisServer) -> bool:
    """Whether somebody waits in a blocking command."""
    return b"blocked_clients:0" not in info(redis, "clients")


def info(redis: RedisServer, section: str) -> bytes:
    """A section of INFO."""
    text = redis.command("INFO", section)
    assert isinstance(text, bytes)
    return text
