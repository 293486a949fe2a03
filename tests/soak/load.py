"""A client that speaks to the channel layer itself: it asks as a site does, and sees every message."""

from __future__ import annotations

import random
import threading
import time
import uuid
from typing import Any

import msgpack

from channels_async import wire
from tests.harness.redis_server import RedisServer
from tests.harness.resp import Connection, RedisError
from tests.soak.kinds import CALL, Kind, any_kind, body_of, zeros
from tests.soak.ledger import Entry, Ledger
from tests.soak.rules import TIMEOUT

PREFIX = "acceptance:"  # of the site's layer
REPLIES = "daphne.response.SoakSoakSo!"
AWAY = object()

#: What asgi_redis does when it sends (asgi_redis/core.py:528-545), and what daphne does when it receives;
#: each in one step, so that a message is never only on its way. What has been read is deleted with the next
#: look.
SEND = """
redis.call('SET', KEYS[2], ARGV[1], 'EX', 60)
redis.call('RPUSH', KEYS[1], KEYS[2])
redis.call('EXPIRE', KEYS[1], 61)
"""
TAKE = """
for _, key in ipairs(ARGV) do
    redis.call('LREM', KEYS[1], 1, key)
    redis.call('DEL', key)
end
local keys = redis.call('LRANGE', KEYS[1], 0, 19)
if #keys == 0 then return {} end
local found = redis.call('MGET', unpack(keys))
for i, key in ipairs(keys) do
    table.insert(found, key)
end
return found
"""


class Load:
    """Asks at random, as many outstanding as allowed, in a thread; all that comes goes into the ledger."""

    def __init__(
        self, redis: RedisServer, upstream: str, ledger: Ledger, choose: random.Random, outstanding: int
    ) -> None:
        self._redis = redis
        self._upstream = upstream
        self._ledger = ledger
        self._choose = choose
        self._connection: Connection | None = None
        self._open: dict[str, Entry] = {}  # by reply channel
        self._all: dict[str, Entry] = {}
        self._read: list[bytes] = []  # keys of messages that are here and not yet deleted there
        self._flood = 0
        self._outstanding = outstanding
        self._asks = True
        self._ended = False
        self.failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="layer's client", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def flood(self, number: int) -> None:
        """Call so many functions at once, at the next opportunity. From any thread."""
        self._flood = number

    def stop(self) -> None:
        """Ask no more, but go on to take what comes."""
        self._asks = False

    def wait(self, seconds: float) -> None:
        """Until all are answered, for so long at the most. Raises what went wrong here."""
        end = time.monotonic() + seconds
        while self._open and time.monotonic() < end and self.failure is None:
            time.sleep(0.01)
        if self.failure is not None:
            raise self.failure

    def end(self) -> None:
        """Take what has come so far, and no more."""
        self._ended = True
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._ended:
                if self._asks:
                    self._ask_some()
                self._take()
                time.sleep(0.01)
            while self._take() or self._read:
                pass
        except Exception as error:
            self.failure = error

    def _ask_some(self) -> None:
        flood, self._flood = self._flood, 0
        kinds = [any_kind(self._choose) for _ in range(min(10, self._outstanding - len(self._open)))]
        for kind in [*kinds, *[CALL] * flood]:
            if not self._ask(kind):
                break  # Redis is away
        if self._choose.random() < 0.05:
            self._leave()

    def _command(self, *words: Any) -> Any:
        """Redis's reply; AWAY where there is none, or an error. Then the connection is not used again."""
        try:
            if self._connection is None:
                self._connection = self._redis.connect()
            return self._connection.command(*words)
        except (OSError, RedisError):
            if self._connection is not None:
                self._connection.close()
            self._connection = None
            return AWAY

    def _ask(self, kind: Kind) -> bool:
        """Ask for one thing. Returns whether Redis has taken the question."""
        entry = self._ledger.new(kind, "layer")
        entry.sent = body_of(kind, entry.number, self._choose)
        name = REPLIES + uuid.uuid4().hex
        content = wire.encode(
            uuid.uuid4().hex, name, kind.operation, sent_at=time.time(), timeout=TIMEOUT,
            **self._details(entry),
        )  # fmt: skip
        self._all[name] = self._open[name] = entry
        entry.is_doubtful = not self._put("request.async", content)
        if entry.is_doubtful:
            self._open.pop(name)
        return not entry.is_doubtful

    def _details(self, entry: Entry) -> dict[str, Any]:
        kind = entry.kind
        if kind.operation == "CALL":
            return {"function": "thumbnail.status", "args": [entry.number]}
        if kind.operation == "COMMAND":
            return {"command": "zeros", "parameters": {"size": str(zeros(entry.number))}}
        details: dict[str, Any] = {"method": kind.method, "url": self._upstream + entry.path}
        return {**details, "body": entry.sent} if entry.sent else details

    def _leave(self) -> None:
        """One browser closes its connection; daphne says so (daphne/http_protocol.py:203-216)."""
        if self._open:
            name = self._choose.choice(list(self._open))
            self._open.pop(name).has_left = True
            self._put("http.disconnect", {"reply_channel": name, "path": "/"})

    def _put(self, channel: str, content: dict[str, Any]) -> bool:
        """Whether Redis has said that it is there."""
        body = msgpack.packb(content, use_bin_type=True)
        key = PREFIX + uuid.uuid4().hex
        return self._command("EVAL", SEND, 2, PREFIX + channel, key, body) is not AWAY

    def _take(self) -> int:
        """Take the messages that wait; return how many there were."""
        found = self._command("EVAL", TAKE, 1, PREFIX + REPLIES, *self._read)
        if found is AWAY:
            return 0
        seen, self._read = set(self._read), []
        half = len(found) // 2
        for packed, key in zip(found[:half], found[half:], strict=True):
            self._read.append(key)
            if packed is not None and key not in seen:
                message = msgpack.unpackb(packed, raw=False)
                self._answered(message.pop("__asgi_channel__"), message)
        return half

    def _answered(self, name: str, message: dict[str, Any]) -> None:
        entry = self._all.get(name)
        if entry is None:
            self._ledger.unknown.append(name)
            return
        entry.messages.append(message)
        if not message.get("more_content"):
            entry.ended_at = time.monotonic()
            self._open.pop(name, None)
