"""Runs one COMMAND with the real handler and real processes; what came out is put together."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

from channels_async.wire import encode, parse
from server_trio.commands import load_commands
from server_trio.http.session import Session
from server_trio.layers.memory import MemoryLayer
from server_trio.limits import HttpLimits
from server_trio.operations import Context, RunCommand
from server_trio.replies import make_reply
from server_trio.resolving import resolve
from server_trio.running import Running
from server_trio.settings import Settings

REPLY = "daphne.response.command!1"


@dataclasses.dataclass
class Answer:
    """One answer, put together of its messages."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes
    parts: int
    outcome: str


async def run(
    entry: Mapping[str, Any],
    *,
    debug: bool = False,
    settings: Settings | None = None,
    layer: MemoryLayer | None = None,
    **fields: Any,
) -> Answer:
    """Ask for the command `it`, which `entry` is. `fields` go into the message."""
    layer = layer or MemoryLayer(capacity=10_000)
    running = await begin(entry, layer, debug=debug, settings=settings, **fields)
    await running.run()
    return await answer(layer, running)


async def begin(
    entry: Mapping[str, Any],
    layer: MemoryLayer,
    *,
    debug: bool = False,
    settings: Settings | None = None,
    **fields: Any,
) -> Running:
    """The operation, ready to `run`."""
    known = {"id": "1" * 32, "reply_channel": REPLY, "operation": "COMMAND", "command": "it"}
    operation = parse(encode(**{**known, **fields}), 0.0)
    handler = RunCommand(load_commands({"it": entry}, os.environ, longest_end=60), debug=debug)
    async with Session(HttpLimits()) as http:
        context = Context(http=http, layer=layer)
    return Running(operation, handler, make_reply(layer, operation), context, settings or resolve({}, {}, {}))


async def answer(layer: MemoryLayer, running: Running) -> Answer:
    """What lies on the reply channel: exactly one whole answer."""
    messages: list[dict[str, Any]] = []
    while not messages or messages[-1]["more_content"]:
        messages += [received.content for received in await layer.receive(0, [REPLY[:-1]], 100)]
    first = messages[0]
    assert not any("status" in message for message in messages[1:])
    assert not any(message["more_content"] is False for message in messages[:-1])
    body = b"".join(part for message in messages if isinstance(part := message["content"], bytes))
    headers = {bytes(name): bytes(value) for name, value in first["headers"]}
    return Answer(first["status"], headers, body, len(messages), running.outcome)
