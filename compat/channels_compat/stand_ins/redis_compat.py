"""Stand-in for redis._compat, which redis-py 4 removed: only what asgi_redis asks of it."""

from __future__ import annotations


def b(text: str | bytes) -> bytes:
    """Text as bytes. asgi_redis hashes its Lua scripts, which are ASCII, with it."""
    return text if isinstance(text, bytes) else text.encode("latin-1")
