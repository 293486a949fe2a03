"""What the rivals share: how asgi_redis's reply looks, and how it is sent."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Iterable
from typing import Any

import msgspec

DAPHNE = "asgi:daphne.response.benchmarks!"
REQUESTS = "asgi:request.async"
HEADERS = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "benchmark"}
SITE_HEADERS = [[b"X-Frame-Options", b"SAMEORIGIN"]]  # what the site's middleware has put on the response

# As benchmarks/load.py has it. A command each would take three round trips, or none more in a pipeline.
SEND = """
for index = 1, #ARGV do
    redis.call('SET', KEYS[index + 1], ARGV[index])
    redis.call('EXPIRE', KEYS[index + 1], 60)
    redis.call('RPUSH', KEYS[1], KEYS[index + 1])
end
redis.call('EXPIRE', KEYS[1], 61)
"""

_encode = msgspec.msgpack.Encoder().encode


def redis_url() -> str:
    return os.environ["BENCH_REDIS"]


def outstanding() -> int:
    """Operations that may be at work at once."""
    return int(os.environ.get("BENCH_OUTSTANDING", "200"))


def first_message(
    channel: str, status: int, headers: Iterable[tuple[Any, Any]], content: bytes, more: bool = False
) -> bytes:
    """An answer to daphne, packed; the only message of it unless `more`."""
    return _encode(
        {
            "__asgi_channel__": channel,
            "status": status,
            "headers": [[name, value] for name, value in headers] + SITE_HEADERS,
            "content": content,
            "more_content": more,
        }
    )


def next_message(channel: str, content: bytes, more: bool) -> bytes:
    """A further one, packed."""
    return _encode({"__asgi_channel__": channel, "content": content, "more_content": more})


def key() -> str:
    """Where a message's body is kept."""
    return "asgi:" + uuid.uuid4().hex


def new_channel() -> str:
    """A reply channel, as a task queue's client is given one."""
    return "daphne.response.benchmarks!" + uuid.uuid4().hex


def wanted() -> tuple[int, str]:
    """The arguments of `program enqueue NUMBER URL`."""
    return int(sys.argv[2]), sys.argv[3]
