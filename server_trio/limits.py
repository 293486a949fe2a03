"""Bounds that several parts share, each with its unit and the reason for its value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

KiB: Final = 1024  # bytes
MiB: Final = 1024 * KiB  # bytes

#: Most bytes of content in one reply message. Channels itself cuts responses at this size
#: (channels/handler.py:190) and daphne has been run with it for years.
MAX_REPLY_CHUNK: Final = 512 * KiB

#: Bytes asked of an upstream's socket at once by who only iterates over a response. What is passed on is
#: asked for by MAX_REPLY_CHUNK. Bounds what one streamed response holds in memory.
RECEIVE_SIZE: Final = 256 * KiB


#: How many operations may wait for each one that runs. The last of them waits for four of those before it.
WAITING: Final = 4


def waiting_room(limit: int, total: int) -> int:
    """How many of `total` places may be held by operations that wait for one of `limit` turns.

    Half of what the running ones leave, at the most: then others find a place.
    """
    return min(WAITING * limit, (total - limit) // 2)


@dataclass(frozen=True)
class HttpLimits:
    """What the HTTP client accepts from, and spends on, upstreams."""

    connections_per_origin: int = 100  # at once, to one scheme://host:port
    waiting_per_origin: int | None = None  # operations that wait for one of those; None: any number
    idle_connections: int = 200  # kept open for reuse, over all origins
    idle_timeout: float = (
        15.0  # seconds; below the common 20-75 s of servers, so that they rarely close first
    )
    connect_timeout: float = 10.0  # seconds, DNS and TLS included
    response_head: int = 64 * KiB  # bytes of status line and headers
    response_body: int = 1024 * MiB  # bytes of body as transferred; 0: no limit
    breaker_failures: int = 0  # in a row, of one origin, before it is left alone; 0: never
    breaker_open: float = 10.0  # seconds that it is left alone then
