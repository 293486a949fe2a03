"""A project on a real Redis, and the report of a server on it: for the tests of the commands."""

from __future__ import annotations

import contextlib
import functools
import pathlib
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import trio

from server_trio.layers import Layer, open_layer
from server_trio.layers.open import LayerSpec
from tests.harness.redis_server import RedisServer

from .test_cli import start, surroundings

SETTINGS = """
SECRET_KEY = "x"
CHANNEL_LAYERS = {"default": {"BACKEND": "asgi_redis.RedisChannelLayer", "CONFIG": {
    "hosts": %r, "channel_capacity": {"request.async": 1000, "http.disconnect": 1000}, **CONFIG}}}
"""


def write(directory: pathlib.Path, *redis: str, more: str = "", name: str = "project", **config: Any) -> None:
    (directory / f"{name}.py").write_text(f"CONFIG = {config!r}\n{SETTINGS % (list(redis),)}{more}\n")


REPORT = {
    "id": "one", "host": "h", "pid": 7, "state": "running", "channels": ["request.async"], "in_flight": 3,
    "in_flight_by_operation": {"CALL": 3}, "finished": [["CALL", "ok", 5], ["CALL", "timeout", 2]],
}  # fmt: skip


@contextlib.asynccontextmanager
async def reporting(redis: RedisServer, **more: Any) -> AsyncIterator[Layer]:
    """A layer with the report of one server on it."""
    spec = LayerSpec("default", "asgi_redis.RedisChannelLayer", {"hosts": [redis.url]})
    async with open_layer(spec) as layer, trio.open_nursery() as nursery:

        async def report(task_status: trio.TaskStatus[None]) -> None:
            while True:
                now = time.time()
                await layer.publish({**REPORT, "at": now, "started_at": now - 100, **more})
                task_status.started()
                task_status = trio.TASK_STATUS_IGNORED
                await trio.sleep(1)

        await nursery.start(report)
        yield layer
        nursery.cancel_scope.cancel()


@contextlib.contextmanager
def begun(directory: pathlib.Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """The command while it runs; killed at the end, if it still does."""
    with subprocess.Popen(
        [sys.executable, "-m", "server_trio", *words], cwd=directory, env=surroundings(),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


async def beside(
    directory: pathlib.Path, *words: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """As `start`, while other tasks go on."""
    return await trio.to_thread.run_sync(functools.partial(start, directory, *words, **environment))
