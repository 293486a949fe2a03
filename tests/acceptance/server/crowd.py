"""Many clients of the servers of one Redis: each puts an operation, and all that is answered is collected."""

from __future__ import annotations

import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import msgpack

from channels_async import wire
from tests.acceptance.raw import PREFIX, REPLIES, until
from tests.harness.redis_server import RedisServer

ANSWER_TIMEOUT = 60.0  # seconds; what is asserted is that there is an answer, not when

#: What may lie in Redis once all is answered: receipts, news and reports go with their TTL, a minute at most,
#: and asgi_redis's own counters.
LASTING = ("asgi::receipt:", "asgi::news", "asgi::report:", "asgi-meta:")


class Crowd:
    """The clients. A thread reads their reply channel as daphne does: what is read is gone from Redis."""

    def __init__(self, redis: RedisServer, keys: Sequence[str] = ()) -> None:
        """`keys` are the layer's symmetric_encryption_keys."""
        self.redis = redis
        self.ids: dict[str, str] = {}  # of the operations, by reply channel
        self.sent_at: dict[str, float] = {}  # by reply channel, by this process's clock
        self.ended_at: dict[str, float] = {}
        self.messages: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._crypter = crypter(keys)
        self._end = threading.Event()
        self._reader = threading.Thread(target=self._read, name="reply channel", daemon=True)
        self._reader.start()

    def __enter__(self) -> Crowd:
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._reader.join()

    def ask(self, operation: str = "REQUEST", **details: Any) -> str:
        """Put one operation; returns its reply channel."""
        name = REPLIES + uuid.uuid4().hex
        self.ids[name] = uuid.uuid4().hex
        content = wire.encode(self.ids[name], name, operation, sent_at=time.time(), **details)
        body, key = msgpack.packb(content), PREFIX + uuid.uuid4().hex
        self.sent_at[name] = time.monotonic()
        with self.redis.connect() as connection:
            connection.command("SET", key, self._crypter.encrypt(body) if self._crypter else body, "EX", 60)
            connection.command("RPUSH", PREFIX + "request.async", key)
        return name

    def wait(self, names: Sequence[str]) -> None:
        """Return once all of them have an answer that has ended."""
        until("all are answered", lambda: set(names) <= self.ended_at.keys(), ANSWER_TIMEOUT)

    def status(self, name: str) -> int:
        """Of an answer that is right: one message with a status, then others without, up to the one end."""
        messages = self.messages[name]
        starts = ["status" in message for message in messages]
        assert starts == [True] + [False] * (len(messages) - 1), (self.ids[name], messages)
        ends = [not message.get("more_content") for message in messages]
        assert ends == [False] * (len(messages) - 1) + [True], messages
        status = messages[0]["status"]
        assert isinstance(status, int)
        return status

    def content(self, name: str) -> bytes:
        contents = [message.get("content", b"") for message in self.messages[name]]
        return b"".join(content for content in contents if isinstance(content, bytes))

    def is_broken(self, name: str) -> bool:
        """Whether the answer has what makes daphne close the connection: content that is no bytes."""
        return any(not isinstance(message.get("content", b""), bytes) for message in self.messages[name])

    @property
    def longest(self) -> float:
        """Seconds that the slowest answer took."""
        return max(self.ended_at[name] - self.sent_at[name] for name in self.ended_at)

    def _read(self) -> None:
        with self.redis.connect() as connection:
            while not self._end.is_set():
                found = connection.command("BLPOP", PREFIX + REPLIES, 0.2)
                if found is None:
                    continue
                assert isinstance(found, list)
                packed = connection.command("GET", found[1])  # type: ignore[arg-type]
                connection.command("DEL", found[1])  # type: ignore[arg-type]
                assert isinstance(packed, bytes)
                plain = self._crypter.decrypt(packed) if self._crypter else packed
                message = msgpack.unpackb(plain, raw=False)
                name = message.pop("__asgi_channel__")
                self.messages[name].append(message)
                if not message.get("more_content"):
                    self.ended_at[name] = time.monotonic()

    def left_over(self) -> list[str]:
        """Keys in Redis that should not be there once all servers have ended."""
        return [key for key in names_of(self.redis) if not key.startswith(LASTING)]


def names_of(redis: RedisServer, pattern: str = "*") -> list[str]:
    """The keys that there are."""
    found = redis.command("KEYS", pattern)
    assert isinstance(found, list)
    return sorted(key.decode() for key in found if isinstance(key, bytes))


def crypter(keys: Sequence[str]) -> Any:
    """What asgi_redis makes of its keys; None of none."""
    if not keys:
        return None
    import channels_compat

    channels_compat.install()
    from asgi_redis import RedisChannelLayer

    return RedisChannelLayer(symmetric_encryption_keys=list(keys)).crypter
