"""The parent of --processes and children that are small programs."""

from __future__ import annotations

import logging
import os
import signal
import sys

import pytest
import trio

from server_trio import children, processes
from server_trio.children import start_child
from server_trio.link import LINK_VARIABLE
from server_trio.processes import Parent
from server_trio.reload import Origin
from server_trio.settings import Settings
from server_trio.slots import Pauses
from server_trio.systemd import Service

SAYS_READY = f"""
import os, signal, socket
line = socket.socket(fileno=int(os.environ[{LINK_VARIABLE!r}].partition(':')[2]))
line.sendall(b'{{"ready": {{"processes": 1, "longest_end": 1.0}}}}\\n')
"""

AND_NO_MORE = """
try:
    line.recv(1)  # until its parent has ended
except OSError:
    pass
"""


def program(text: str) -> Origin:
    return Origin([sys.executable, "-c", text], os.getcwd())


async def test_a_child_that_says_nothing_more_is_killed_and_started_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert children.SILENCE + processes.PATIENCE <= 30  # docs/guarantees.rst
    monkeypatch.setattr(children, "SILENCE", 0.1)
    monkeypatch.setattr(processes, "PATIENCE", 0.1)
    monkeypatch.setattr(processes, "LOOK", 0.02)
    caplog.set_level(logging.INFO)
    parent = Parent(Settings(PROCESSES=1), program(SAYS_READY + AND_NO_MORE), Service(), lambda: None)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(parent.serve)
        while "process 1 is pid" not in caplog.text.partition("it is killed")[2]:  # noqa: ASYNC110
            await trio.sleep(0.01)
        nursery.cancel_scope.cancel()
    assert "was ended by SIGKILL" in caplog.text


def test_one_that_ends_at_once_is_started_after_longer_and_longer_pauses() -> None:
    pauses = Pauses()
    seconds = [pauses.after(0.1) for _ in range(20)]
    for number, (least, most) in enumerate([(0.25, 0.5), (0.5, 1.0), (1.0, 2.0), (2.0, 4.0)]):
        assert least <= seconds[number] <= most
    assert all(15 <= pause <= 30 for pause in seconds[7:])
    assert len(set(seconds)) > 10  # at random
    assert pauses.in_row == 20
    assert pauses.after(61.0) <= 0.5
    assert pauses.in_row == 1


async def test_what_a_child_says_is_bounded_and_what_cannot_be_read_is_left_out() -> None:
    text = SAYS_READY + "line.sendall(b'x' * 6_000_000 + b'\\nnull\\n{\\n{\"report\": {\"pid\": 1}}\\n')"
    child = start_child(1, program(text))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(child.listen)
        with trio.open_signal_receiver(signal.SIGCHLD) as deaths:
            child.reap()
            while child.lives:
                await anext(deaths)
                child.reap()
    assert child.report == {"pid": 1}
    assert child.ending == "ended with exit code 0"
