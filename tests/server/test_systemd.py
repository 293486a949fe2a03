"""What systemd is told, on a real socket of its kind."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from server_trio.systemd import Service, watchdog_seconds


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(tmp_path / "notify"))
        line.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.delenv("WATCHDOG_PID", raising=False)
        yield line


def heard(systemd: socket.socket) -> list[str]:
    """All that has been said."""
    found = []
    while True:
        try:
            found.append(systemd.recv(10_000).decode())
        except BlockingIOError:
            return found


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "x"}, None),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": str(os.getpid())}, 0.5),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "1"}, None),
    ],
)
def test_the_watchdog_of_this_process(environment: dict[str, str], seconds: float | None) -> None:
    assert watchdog_seconds(environment) == seconds


@pytest.mark.autojump
async def test_the_watchdog_hears_it_twice_in_its_time_and_nothing_while_there_is_a_problem(
    systemd: socket.socket, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "8000000")
    problems: list[str] = []
    async with trio.open_nursery() as nursery:
        problem = lambda: problems[0] if problems else None  # noqa: E731
        nursery.start_soon(Service().tell_forever, problem, lambda: "well")
        await trio.sleep(8.5)
        assert heard(systemd) == ["WATCHDOG=1", "STATUS=well", "WATCHDOG=1", "WATCHDOG=1"]
        problems.append("it hangs")
        await trio.sleep(20)
        assert heard(systemd) == []
        assert caplog.text.count("it hangs") == 1
        problems.clear()
        await trio.sleep(8)
        assert heard(systemd) == ["WATCHDOG=1"] * 2
        nursery.cancel_scope.cancel()


@pytest.mark.autojump
async def test_the_status_is_said_when_it_has_changed(systemd: socket.socket) -> None:
    words = ["one"]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Service().tell_forever, lambda: "no watchdog is set", lambda: words[-1])
        await trio.sleep(60)
        words.append("zwölf")
        await trio.sleep(60)
        assert heard(systemd) == ["STATUS=one", "STATUS=zwölf"]
        nursery.cancel_scope.cancel()


@pytest.mark.autojump
async def test_after_it_has_handed_over_it_says_nothing(
    systemd: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "8000000")
    service = Service()
    service.reloading()
    service.hand_over(4711)
    (reloading, ready) = heard(systemd)
    assert reloading.startswith("RELOADING=1\nMONOTONIC_USEC=")
    assert ready == "READY=1\nMAINPID=4711"
    service.stopping()
    await service.tell_forever(lambda: None, lambda: "well")
    assert heard(systemd) == []


@pytest.mark.autojump
async def test_a_watchdog_of_a_microsecond_is_told_ten_times_a_second(
    systemd: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "1")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Service().tell_forever, lambda: None, lambda: "well")
        await trio.sleep(0.25)
        assert heard(systemd) == ["WATCHDOG=1", "STATUS=well", "WATCHDOG=1", "WATCHDOG=1"]
        await trio.sleep(0.3)
        assert heard(systemd) == ["WATCHDOG=1"] * 3
        nursery.cancel_scope.cancel()


async def test_without_systemd_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    Service().ready()
    await Service().tell_forever(lambda: None, lambda: "well")


def test_a_systemd_that_is_gone_is_a_line_in_the_log(
    systemd: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    address = systemd.getsockname()
    systemd.close()
    service = Service()
    service.ready()
    service.stopping()
    assert caplog.text.count("systemd could not be told") == caplog.text.count("told READY=1") == 1
    os.unlink(address)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as back:
        back.bind(address)
        service.ready()
    service.ready()
    assert caplog.text.count("systemd could not be told READY=1") == 2
