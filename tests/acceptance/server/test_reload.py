"""SIGHUP: a fresh process reads the settings again and takes over; wrong settings change nothing."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

import pytest

from tests.acceptance.raw import PREFIX, until
from tests.harness.processes import SOURCES

# Makes its input the terminal of its session, and becomes what its arguments say.
IN_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
QUICK = "CHANNELS_ASYNC_SERVER = {'DEADLINES': {'REQUEST': 0.3}}"


def answers(server, number):
    """The statuses of the next answers, by the name that the question had."""
    found = [server.answer() for _ in range(number)]
    return {message["__asgi_channel__"].partition("!")[2]: message["status"] for message in found}


def rewrite(server, text):
    """Put another text at the end of the settings module."""
    file = server.directory / "raw_settings.py"
    kept = "".join(
        line for line in file.read_text().splitlines(True) if line.startswith(("SECRET", "CHANNEL_"))
    )
    file.write_text(kept + text + "\n")


def has_ended(server):
    # Not Process.wait(): its output goes on, it is the successor's too.
    until("the old process has ended", lambda: server.process.returncode is not None)
    return server.process.returncode


def test_new_settings_take_effect_and_the_old_process_finishes_what_it_has(start_server, upstream):
    server = start_server()
    server.ask(upstream.url + "/gate", "old")
    until("the upstream is asked", lambda: upstream.statistics()["at_once"])
    rewrite(server, QUICK)
    server.process.signal(signal.SIGHUP)
    server.process.wait_for_line("is ready and takes over")
    server.process.wait_for_line("draining: 1 operations")
    server.ask(upstream.url + "/hang", "new")
    assert answers(server, 1) == {"new": 504}
    upstream.open()
    assert answers(server, 1) == {"old": 200}
    assert has_ended(server) == 0
    (successor,) = server.process.relatives()
    # A member of the same group: what a terminal sends reaches it.
    assert os.getpgid(successor) == server.process.pid
    os.kill(successor, signal.SIGTERM)
    until("the fresh process has ended", lambda: not server.process.relatives())
    kept = [key for key in server.redis.command("KEYS", f"{PREFIX}:*") if b":receipt:" not in key]
    assert kept == []


def test_a_fresh_process_can_be_replaced_again(start_server, upstream):
    server = start_server()
    pid = server.process.pid
    for number in (2, 3, 4):
        os.kill(pid, signal.SIGHUP)
        server.process.wait_for_line(" ready$", count=number)
        until(
            "the old one has gone",
            lambda before=pid: before not in [*server.process.relatives(), alive(server)],
        )
        (pid,) = server.process.relatives()
    server.ask(upstream.url + "/echo")
    assert server.whole_answer()[0] == 200


def alive(server):
    return server.process.pid if server.process.returncode is None else None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("CHANNELS_ASYNC_SERVER = {'GRACETIME': 5}", "GRACETIME"), ("import no_such_module", "no_such_module")],
)
def test_with_wrong_settings_the_old_process_goes_on(start_server, upstream, text, complaint):
    server = start_server()
    rewrite(server, text)
    server.process.signal(signal.SIGHUP)
    line = server.process.wait_for_line("goes on with the settings it has")
    assert "exit code 2" in line
    assert complaint in server.process.wait_for_line("^server_trio: ")
    assert server.process.relatives() == []
    server.ask(upstream.url + "/echo")
    assert server.whole_answer()[0] == 200
    rewrite(server, QUICK)
    server.process.signal(signal.SIGHUP)
    server.process.wait_for_line("is ready and takes over")
    assert has_ended(server) == 0
    server.ask(upstream.url + "/hang")
    assert server.whole_answer()[0] == 504


def test_sigterm_meanwhile_ends_both(start_server):
    server = start_server()
    rewrite(server, "print('stuck', flush=True); import signal; signal.pause()")
    server.process.signal(signal.SIGHUP)
    server.process.wait_for_line("^stuck")
    server.process.signal(signal.SIGHUP)
    server.process.wait_for_line("being started already")
    server.process.signal(signal.SIGTERM)
    assert server.process.wait() == 0
    until("nothing is left", lambda: not server.process.relatives())


def test_a_terminal_that_is_closed_drains_and_starts_nothing(start_server, tmp_path, redis):
    start_server().process.end()  # writes the settings module
    terminal, other_side = os.openpty()
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", IN_TERMINAL, sys.executable, "-m", "server_trio", "raw_settings"],
            cwd=tmp_path,
            env={**os.environ, **SOURCES},
            stdin=other_side,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    os.close(other_side)
    until("it is ready", lambda: " ready" in log.read_text(), 40)
    os.close(terminal)
    assert process.wait(20) == 0
    assert "the terminal has been closed" in log.read_text()
    assert "fresh process" not in log.read_text()


def test_systemd_is_told_who_serves(start_server, tmp_path, monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(40)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        server = start_server()
        server.process.signal(signal.SIGHUP)
        assert has_ended(server) == 0
        (successor,) = server.process.relatives()
        said = []
        while b"READY=1\nMAINPID=%d" % successor not in said:
            said.append(systemd.recv(1000))
        said = [words for words in said if not words.startswith(b"STATUS=")]
        assert said[0] == b"READY=1"
        assert said[1].startswith(b"RELOADING=1\nMONOTONIC_USEC=")
        assert b"STOPPING=1" not in said  # it is not the service that ends


def test_under_nohup_sighup_is_nothing(start_server, upstream):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        server = start_server()
    finally:
        signal.signal(signal.SIGHUP, before)
    server.process.signal(signal.SIGHUP)
    server.ask(upstream.url + "/echo")
    assert server.whole_answer()[0] == 200
    assert "SIGHUP" not in server.process.output()
