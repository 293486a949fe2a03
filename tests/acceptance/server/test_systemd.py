"""A server, and the parent of several, as services of systemd: a real socket, a server that really hangs."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time

import msgpack
import pytest

from tests.acceptance.raw import REPLIES, until

WATCHDOG = 1.0  # seconds within which it wants to hear something
CALLS = """
import os, time
async def block(folder):
    open(folder + "/blocks", "w").close()
    while not os.path.exists(folder + "/go_on"):
        time.sleep(0.01)
CHANNELS_ASYNC_SERVER = {'CALLS': {'block': 'raw_settings.block'}}
"""


class Systemd:
    """Listens as systemd does, all the time."""

    def __init__(self, line, address):
        self.heard = []
        self._address = address
        self._passed = 0  # of these, what has been waited for
        self._changed = threading.Condition()
        self._listener = threading.Thread(target=self._listen, args=[line], daemon=True)
        self._listener.start()

    def _listen(self, line):
        while (words := line.recv(10_000).decode()) != "END":
            with self._changed:
                self.heard.append(words)
                self._changed.notify_all()

    def tell(self, words):
        """Have it hear that, after all that was said before."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as teller:
            teller.sendto(words.encode(), self._address)

    def end(self):
        """Have it listen no more. Before, its socket must not be closed."""
        self.tell("END")
        self._listener.join(40)
        assert not self._listener.is_alive()

    def wait_for(self, start, count=1):
        """The words of the `count`th message that begins so, after the last that was waited for."""

        def found():
            words = [(index, words) for index, words in enumerate(self.heard) if index >= self._passed]
            return [each for each in words if each[1].startswith(start)]

        with self._changed:
            assert self._changed.wait_for(lambda: len(found()) >= count, 40), (start, self.heard)
            index, words = found()[count - 1]
            self._passed = index + 1
        return words

    def heard_within(self, seconds):
        """What is said from now on for so long."""
        self.tell("FROM HERE")
        self.wait_for("FROM HERE")
        begin = self._passed
        time.sleep(seconds)
        self.tell("TO HERE")
        self.wait_for("TO HERE")
        return self.heard[begin : self._passed - 1]


@pytest.fixture
def systemd(tmp_path, monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", str(int(WATCHDOG * 1e6)))
        systemd = Systemd(line, str(tmp_path / "notify"))
        yield systemd
        systemd.end()


def call(server, name, *args):
    server.put(msgpack.packb({
        "v": 2, "id": "0" * 32, "operation": "CALL", "reply_channel": REPLIES + "abc", "reply_format": "http",
        "sent_at": time.time(), "timeout": 30.0, "response_headers": [], "function": name,
        "args": list(args), "kwargs": {},
    }))  # fmt: skip


def test_from_ready_to_stopping_with_a_status_and_the_watchdog(start_server, systemd, upstream):
    server = start_server()
    systemd.wait_for("READY=1")
    systemd.wait_for("WATCHDOG=1", count=3)
    assert "running: 0 in flight, channels request.async" in str(systemd.heard)
    server.ask(upstream.url + "/gate")
    assert systemd.wait_for("STATUS=") == "STATUS=running: 1 in flight, channels request.async"
    server.process.signal(signal.SIGTERM)
    systemd.wait_for("STOPPING=1")
    upstream.open()
    assert server.process.wait() == 0


def test_the_fresh_process_after_sighup_speaks_to_the_watchdog(start_server, systemd):
    # systemd names the first process, and what that one starts inherits it.
    server = start_server(
        "import os\n"
        "if 'IS_STARTED' not in os.environ:\n"
        "    os.environ.update(IS_STARTED='yes', WATCHDOG_PID=str(os.getpid()))"
    )
    systemd.wait_for("WATCHDOG=1")
    server.process.signal(signal.SIGHUP)
    systemd.wait_for("READY=1\nMAINPID=")
    until("the old one has ended", lambda: server.process.returncode is not None)
    systemd.wait_for("WATCHDOG=1", count=5)  # more than were on their way
    (successor,) = server.process.relatives()
    os.kill(successor, signal.SIGTERM)
    systemd.wait_for("STOPPING=1")


def test_a_server_that_hangs_says_nothing_to_the_watchdog(start_server, systemd, tmp_path):
    server = start_server(CALLS)
    systemd.wait_for("WATCHDOG=1")
    call(server, "block", str(tmp_path))
    until("it hangs", (tmp_path / "blocks").exists)
    assert systemd.heard_within(3 * WATCHDOG) == []
    (tmp_path / "go_on").touch()
    assert server.answer()["status"] in (200, 204)
    systemd.wait_for("WATCHDOG=1")


def test_the_parent_speaks_for_its_children(start_server, systemd):
    server = start_server(wait=False, words=["--processes", "2"])
    systemd.wait_for("READY=1")
    # One of them may have reported before the other.
    systemd.wait_for("STATUS=running: 0 in flight, channels request.async, 2 processes")
    server.process.signal(signal.SIGHUP)
    assert "\nMONOTONIC_USEC=" in systemd.wait_for("RELOADING=1")
    assert systemd.wait_for("READY=1") == "READY=1"  # it is the same main process
    server.process.wait_for_line("all processes are replaced", timeout=120)
    systemd.wait_for("WATCHDOG=1", count=2)
    server.process.signal(signal.SIGTERM)
    systemd.wait_for("STOPPING=1")
    assert server.process.wait() == 0
    assert systemd.heard.count("READY=1") == 2  # no child has said it
