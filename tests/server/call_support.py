"""Runs one CALL with the real handler, threads and reply; what came out is put together."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import trio

from channels_async.wire import encode, parse
from server_trio.http.session import Session
from server_trio.layers.memory import MemoryLayer
from server_trio.limits import HttpLimits
from server_trio.loading import load_handlers
from server_trio.operations import Context, Handler
from server_trio.replies import make_reply
from server_trio.resolving import resolve
from server_trio.running import Running
from server_trio.settings import Settings

REPLY = "daphne.response.call!1"
MODULE = "tests.server.call_functions"


@dataclasses.dataclass
class Answer:
    """One answer, put together of its messages."""

    status: int
    headers: dict[str, str]
    body: bytes
    parts: list[bytes]
    outcome: str
    id: str


def settings(**more: Any) -> Settings:
    """With all functions of call_functions.py, and more time than the usual 10 s for a busy machine."""
    return resolve({"CALL_MODULES": [MODULE], "DEADLINES": {"CALL": 60}, **more}, {}, {})


class Caller:
    """A server's CALL, its threads shared by all calls."""

    def __init__(self, *, debug: bool = False, **more: Any) -> None:
        self.settings = settings(**more)
        self.layer = MemoryLayer(capacity=10_000)
        self._handler: Handler = load_handlers(self.settings, debug=debug)["CALL"]

    def operation(self, function: str, *args: Any, **fields: Any) -> Any:
        """The message as the server understands it."""
        name = function if "." in function else f"call_functions.{function}"
        known = {"id": "1" * 32, "reply_channel": REPLY, "operation": "CALL", "sent_at": time.time()}
        return parse(encode(**{**known, "function": name, "args": list(args), **fields}), time.time())

    async def ask(self, function: str, *args: Any, **fields: Any) -> Answer:
        """Call a function. `fields` go into the message."""
        async with Session(HttpLimits()) as http:
            running = self.begin(function, *args, http=http, **fields)
            await running.run()
            return await self.answer(running)

    def begin(self, function: str, *args: Any, http: Session, **fields: Any) -> Running:
        """The operation, ready to `run`."""
        operation = self.operation(function, *args, **fields)
        context = Context(http=http, layer=self.layer)
        return Running(operation, self._handler, make_reply(self.layer, operation), context, self.settings)

    async def messages(self) -> list[dict[str, Any]]:
        """What lies on the reply channel; waits for the first."""
        return [received.content for received in await self.layer.receive(0, [REPLY[:-1]], 100)]

    async def answer(self, running: Running) -> Answer:
        """What lies on the reply channel: exactly one whole answer."""
        messages: list[dict[str, Any]] = []
        while not messages or messages[-1]["more_content"]:
            messages += await self.messages()
        first = messages[0]
        assert not any("status" in message for message in messages[1:])
        assert not any(message["more_content"] is False for message in messages[:-1])
        # What is no bytes breaks the connection to the browser (replies/http.py).
        parts = [part for message in messages if isinstance(part := message["content"], bytes)]
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in first["headers"]}
        id = running.operation.id
        return Answer(first["status"], headers, b"".join(parts), parts, running.outcome, id)


async def ask(function: str, *args: Any, debug: bool = False, **fields: Any) -> Answer:
    """Call a function of call_functions.py."""
    with trio.fail_after(90):
        return await Caller(debug=debug).ask(function, *args, **fields)
