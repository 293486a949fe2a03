"""A server alone with a Redis: messages are put on its channel byte by byte, answers read from the list."""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgpack

from tests.harness.processes import SOURCES, Process
from tests.harness.redis_server import RedisServer

PREFIX = "asgi:"  # asgi_redis's own (asgi_redis/core.py:42)
REPLIES = "daphne.response.AcceptancE!"  # a process-local channel; what follows `!` names one connection
ANSWER_TIMEOUT = 40  # seconds


class Server:
    """`python3 -m server_trio` on a layer of its own."""

    def __init__(
        self, directory: Path, redis: RedisServer, text: str = "", words: Sequence[str] = ()
    ) -> None:
        """`text` is added to the settings module, `words` to the command line."""
        self.redis = redis
        self.directory = directory
        layer = {"BACKEND": "asgi_redis.RedisChannelLayer", "CONFIG": {"hosts": [redis.url]}}
        (directory / "raw_settings.py").write_text(
            f"SECRET_KEY = 'x'\nCHANNEL_LAYERS = {{'default': {layer!r}}}\n{text}\n"
        )
        self.process = start(directory, "raw_settings", *words)

    def wait_until_ready(self) -> None:
        self.process.wait_for_line("ready")

    def put(self, packed: bytes, channel: str = "request.async") -> None:
        """Any bytes as a message on a channel, as asgi_redis stores it (asgi_redis/core.py:531-539)."""
        key = f"{PREFIX}{uuid.uuid4().hex}"
        self.redis.command("SET", key, packed, "EX", 60)
        self.redis.command("RPUSH", f"{PREFIX}{channel}", key)

    def ask(self, url: str, name: str = "abc", **fields: Any) -> None:
        """A message as the client of 2017 sent it; the answer comes to REPLIES + name."""
        message = {"operation": "REQUEST", "reply_channel": REPLIES + name, "url": url, **fields}
        self.put(msgpack.packb(message))

    def answer(self) -> dict[str, Any]:
        """The next message on REPLIES, whoever it is for."""
        found = self.redis.command("BLPOP", PREFIX + REPLIES, ANSWER_TIMEOUT)
        assert isinstance(found, list), f"no answer within {ANSWER_TIMEOUT} s:\n{self.process.output()}"
        packed = self.redis.command("GET", found[1])
        message = msgpack.unpackb(packed, raw=False)
        assert isinstance(message, dict)
        return message

    def whole_answer(self) -> tuple[int, dict[bytes, bytes], bytes]:
        """Status, headers and body of the next answer, put together of its messages."""
        message = self.answer()
        status, headers, body = message["status"], dict(message["headers"]), message.get("content", b"")
        while message.get("more_content"):
            message = self.answer()
            if isinstance(message["content"], bytes):  # what is none breaks the connection to the browser
                body += message["content"]
        return status, headers, body

    def waiting(self) -> int:
        """Messages that no server has taken yet."""
        length = self.redis.command("LLEN", PREFIX + "request.async")
        assert isinstance(length, int)
        return length


def start(directory: Path, module: str, *words: str) -> Process:
    """Start a server with the settings module of that name in `directory`."""
    command = [sys.executable, "-m", "server_trio", "-v", *words, module]
    # Bytecode of a settings module that a test writes anew within a second would be taken for its own.
    return Process(command, name="server", cwd=directory, env={**SOURCES, "PYTHONDONTWRITEBYTECODE": "1"})


def until(what: str, condition: Any, timeout: float = 20.0) -> None:
    """Return once `condition()` is true: for states of other processes that announce nothing."""
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, f"not within {timeout} s: {what}"
        time.sleep(0.01)
