"""Functions in threads that nobody can end: the server ends without them."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import msgpack
import pytest

from tests.acceptance.raw import REPLIES, until

FUNCTIONS = """
import time

def block(path):
    open(path, "w").close()
    time.sleep(3600)

def stream(path):
    yield "first"
    block(path)
"""


def call(server: Any, function: str, *args: Any, **fields: Any) -> None:
    """Put a CALL on the channel; the answer comes to REPLIES."""
    message = {
        "v": 2, "operation": "CALL", "id": "0" * 32, "reply_channel": REPLIES + "abc", "function": function,
        "args": list(args), "kwargs": {}, **fields,
    }  # fmt: skip
    server.put(msgpack.packb(message))


@pytest.fixture
def blocking_server(start_server: Any, tmp_path: Path) -> Any:
    (tmp_path / "functions_of_the_test.py").write_text(FUNCTIONS)
    calls = {name: f"functions_of_the_test.{name}" for name in ("block", "stream")}
    return start_server(f"CHANNELS_ASYNC_SERVER = {{'CALLS': {calls!r}, 'GRACE_TIME': 0.5}}")


@pytest.mark.parametrize(("function", "status"), [("block", 503), ("stream", 200)])
def test_a_server_that_ends_answers_and_does_not_wait_for_the_thread(
    blocking_server: Any, tmp_path: Path, function: str, status: int
) -> None:
    call(blocking_server, function, str(tmp_path / "blocks"))
    first = blocking_server.answer() if function == "stream" else None
    until("the function blocks", (tmp_path / "blocks").exists)
    blocking_server.process.signal(signal.SIGTERM)
    last = blocking_server.answer()
    if last["content"] == [b""]:  # breaks the connection to the browser (replies/http.py)
        last = blocking_server.answer()
    assert ((first or last)["status"], last["more_content"]) == (status, False)
    assert blocking_server.process.wait() == 0
    assert "goes on in its thread" in blocking_server.process.output()
    assert "Traceback" not in blocking_server.process.output()


def test_a_thread_that_was_late_does_not_keep_the_server(blocking_server: Any, tmp_path: Path) -> None:
    call(blocking_server, "block", str(tmp_path / "blocks"), timeout=0.5)
    assert blocking_server.whole_answer()[0] == 504
    blocking_server.process.signal(signal.SIGTERM)
    assert blocking_server.process.wait() == 0
