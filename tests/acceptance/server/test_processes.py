"""--processes N: children that are kept alive, replaced and ended; none that stays behind."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import msgpack
import pytest

from tests.acceptance.raw import PREFIX, REPLIES, until
from tests.harness.processes import SOURCES, living, started

N = 2
READY = r"INFO server_trio.cli: ready"


#: Runs a program as process 1 of a pid namespace of its own.
NAMESPACE = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]

#: Makes its input the terminal of its session, and becomes what its arguments say.
IN_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


@contextlib.contextmanager
def in_terminal(directory, log, words):
    """A server that leads the foreground of a terminal, and the terminal to type at."""
    terminal, other_side = os.openpty()
    command = [sys.executable, "-c", IN_TERMINAL, sys.executable, "-m", "server_trio", *words]
    with open(log, "wb") as output:
        process = subprocess.Popen(
            command,
            cwd=directory,
            env={**os.environ, **SOURCES},
            stdin=other_side,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    os.close(other_side)
    try:
        yield process, terminal
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        os.close(terminal)


def has_namespaces():
    try:
        return subprocess.run([*NAMESPACE, "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def all_children(parent):
    """The children of a process, ended ones that nobody has waited for included."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            if int(stat.read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(stat.parent.name))
    return found


def children(server, count=N):
    """The pids of the children as the log has them last, by number."""
    found = re.findall(r"process (\d) is (?:now )?pid (\d+)", server.process.output())
    pids = {int(number): int(pid) for number, pid in found}
    assert len(pids) == count, server.process.output()
    return pids


def told(server, number, count=1):
    """Wait until that child is told of for the `count`th time; its pid."""
    line = server.process.wait_for_line(rf"process {number} is (now )?pid", count=count)
    return int(re.search(r"pid (\d+)", line)[1])


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    with open(f"/proc/{pid}/stat") as stat:  # a zombie has ended
        return stat.read().rpartition(")")[2].split()[0] == "Z"


@pytest.fixture
def start_processes(start_server):
    def begin(text="", *words):
        server = start_server(text, wait=False, words=["--processes", str(N), *words])
        server.process.wait_for_line(READY)
        return server

    return begin


def test_all_take_operations_and_sigterm_drains_them_all(start_processes, upstream):
    server = start_processes("CHANNELS_ASYNC_SERVER = {'CONCURRENCY': {'total': 2}}")
    for number in range(2 * N):
        server.ask(upstream.url + "/gate", str(number))
    until("all are asked at once", lambda: upstream.statistics()["at_once"] == 2 * N)
    server.process.signal(signal.SIGTERM)
    server.process.wait_for_line("draining: 2 operations", count=N)
    upstream.open()
    found = [server.answer() for _ in range(2 * N)]
    assert {message["status"] for message in found} == {200}
    assert server.process.wait() == 0
    assert server.process.relatives() == []
    assert server.process.output().count("draining: 2 operations") == N
    assert len(re.findall(r"\d process [12] INFO", server.process.output())) >= N  # whose line it is


def test_a_second_signal_ends_them_now(start_processes, upstream):
    server = start_processes()
    server.ask(upstream.url + "/delay/60")
    until("it is asked", lambda: upstream.statistics()["at_once"])
    server.process.signal(signal.SIGTERM)
    server.process.wait_for_line("draining: 1 operations")
    server.process.signal(signal.SIGINT)
    assert server.answer()["status"] == 503
    assert server.process.wait() == 1
    assert server.process.relatives() == []


def test_what_a_killed_child_had_is_answered_by_the_others_and_it_is_started_again(start_processes, upstream):
    server = start_processes()
    number = 30
    for name in range(number):
        server.ask(upstream.url + "/gate", str(name))
    until("all are asked", lambda: upstream.statistics()["at_once"] == number)
    pid = children(server)[2]
    os.kill(pid, signal.SIGKILL)
    line = server.process.wait_for_line(f"process 2 .pid {pid}. was ended by SIGKILL")
    assert "a fresh one is started in" in line
    upstream.open()
    assert Counter(server.answer()["status"] for _ in range(number)) == {200: number}
    told(server, 2, 2)
    assert server.process.end() == 0


def test_one_that_ends_again_and_again_is_told_with_how_often(start_processes):
    server = start_processes()
    for count in (1, 2):
        os.kill(told(server, 1, count), signal.SIGKILL)
        line = server.process.wait_for_line("process 1 .* was ended by SIGKILL", count=count)
    assert "2 times in a row" in line


@pytest.mark.parametrize("how", ["busy", "idle"])
def test_no_child_outlives_a_killed_parent(start_processes, upstream, how):
    server = start_processes("CHANNELS_ASYNC_SERVER = {'GRACE_TIME': 2}")
    if how == "busy":
        server.ask(upstream.url + "/delay/60")
        until("it is asked", lambda: upstream.statistics()["at_once"])
    pids = children(server).values()
    os.kill(server.process.pid, signal.SIGKILL)
    until("all have gone", lambda: all(map(gone, pids)))
    if how == "busy":
        assert server.answer()["status"] == 503


def test_a_parent_that_is_killed_while_they_start_leaves_none(start_server):
    settings = "import os, signal\nif 'SERVER_TRIO_STUCK' in os.environ: signal.pause()"
    text = f"{settings}\nos.environ['SERVER_TRIO_STUCK'] = 'yes'"  # the parent itself passes
    server = start_server(text, wait=False, words=["--processes", str(N)])
    for number in range(1, N + 1):
        told(server, number)
    pids = children(server).values()
    os.kill(server.process.pid, signal.SIGKILL)
    until("all have gone", lambda: all(map(gone, pids)))


def test_sigterm_ends_them_also_while_they_start(start_server):
    settings = "import os, signal\nif 'SERVER_TRIO_STUCK' in os.environ: signal.pause()"
    text = f"{settings}\nos.environ['SERVER_TRIO_STUCK'] = 'yes'"
    server = start_server(text, wait=False, words=["--processes", str(N)])
    for number in range(1, N + 1):
        told(server, number)
    server.process.signal(signal.SIGTERM)
    assert server.process.wait() == 0
    assert server.process.relatives() == []


def test_wrong_settings_are_told_once_and_nothing_is_started(start_server):
    server = start_server("CHANNELS_ASYNC_SERVER = {'GRACETIME': 5}", wait=False, words=["--processes", "3"])
    assert server.process.wait() == 2
    assert server.process.output().count("GRACETIME") == 1
    assert "pid" not in server.process.output()


def test_no_redis_is_told_once_and_nothing_is_started(start_server):
    text = "CHANNEL_LAYERS['default']['CONFIG']['hosts'] = ['redis://127.0.0.1:1/0']"
    server = start_server(text, wait=False, words=["--processes", "3"])
    assert server.process.wait() == 3
    assert server.process.output().count("check that it runs") == 1
    assert "pid" not in server.process.output()


WRONG_SETTINGS = "CHANNELS_ASYNC_SERVER = {'GRACETIME': 5}"
NO_REDIS = "CHANNEL_LAYERS['default']['CONFIG']['hosts'] = ['redis://127.0.0.1:1/0']"


@pytest.mark.parametrize(("wrong", "code"), [(WRONG_SETTINGS, 2), (NO_REDIS, 3)])
def test_a_child_that_cannot_start_when_all_do_ends_all_with_its_code(start_server, wrong, code):
    text = f"import os\nif 'IS_CHILD' in os.environ:\n    {wrong}\nos.environ['IS_CHILD'] = 'yes'"
    server = start_server(text, wait=False, words=["--processes", str(N)])
    assert server.process.wait() == code
    assert f"ended with exit code {code}: all end" in server.process.output()
    assert server.process.relatives() == []


@pytest.mark.parametrize(
    ("wrong", "code", "reason"), [(WRONG_SETTINGS, 2, "GRACETIME"), (NO_REDIS, 3, "127.0.0.1:1")]
)
def test_one_that_cannot_be_started_again_is_tried_again_and_the_others_go_on(
    start_processes, upstream, wrong, code, reason
):
    server = start_processes()
    settings = server.directory / "raw_settings.py"
    good, before = settings.read_text(), children(server)
    settings.write_text(f"{good}\n{wrong}\n")
    os.kill(before[1], signal.SIGKILL)
    for count in (1, 2):
        words = rf"process 1 .*exit code {code} .*see above.*the others go on; it is tried again in [\d.]+ s"
        server.process.wait_for_line(words, count=count)
    assert reason in server.process.output()
    server.ask(upstream.url + "/echo")
    assert server.whole_answer()[0] == 200
    settings.write_text(good)
    server.process.wait_for_line("process 1 INFO server_trio.cli: serving", count=2)
    assert before[2] in server.process.relatives()
    assert server.process.end() == 0


def test_ctrl_c_counts_once(start_processes, upstream):
    """A terminal sends SIGINT to the whole process group, and the parent passes its own on."""
    server = start_processes()
    server.ask(upstream.url + "/delay/2")
    until("it is asked", lambda: upstream.statistics()["at_once"])
    os.killpg(server.process.pid, signal.SIGINT)
    assert server.answer()["status"] == 200
    assert server.process.wait() == 0
    assert "SIGKILL" not in server.process.output()


def test_sighup_replaces_them_one_by_one_with_new_settings(start_processes, upstream):
    server = start_processes()
    before = children(server)
    with open(server.directory / "raw_settings.py", "a") as file:
        file.write("CHANNELS_ASYNC_SERVER = {'DEADLINES': {'REQUEST': 0.3}}\n")
    server.ask(upstream.url + "/delay/3", "old")
    until("it is asked", lambda: upstream.statistics()["at_once"])
    server.process.signal(signal.SIGHUP)
    server.process.wait_for_line("all processes are replaced", timeout=120)
    assert server.answer()["status"] == 200
    after = children(server)
    assert not set(before.values()) & set(after.values())
    assert sorted(server.process.relatives()) == sorted(after.values())
    for _ in range(2 * N):
        server.ask(upstream.url + "/hang")
        assert server.answer()["status"] == 504
    assert server.process.end() == 0


def test_sighup_with_wrong_settings_changes_nothing(start_processes, upstream):
    server = start_processes()
    before = children(server)
    with open(server.directory / "raw_settings.py", "a") as file:
        file.write("import no_such_module\n")
    server.process.signal(signal.SIGHUP)
    line = server.process.wait_for_line("those that there are go on")
    assert "exit code 2" in line
    assert sorted(server.process.relatives()) == sorted(before.values())
    server.ask(upstream.url + "/echo")
    assert server.whole_answer()[0] == 200
    assert server.process.end() == 0



def all_drain(log):
    """Whether the parent and each child have said so: a signal that comes before is the same one."""
    said = log.read_text()
    children = re.findall(r"process (\d) INFO server_trio.supervisor: draining: ", said)
    return re.search(r"draining: \d+ processes", said) and len(set(children)) == N


@pytest.mark.parametrize(
    ("times", "path", "code", "status"),
    [(1, "/delay/1", 0, 200), (2, "/hang", 1, 503)],
    ids=["once", "twice"],
)
def test_a_terminals_ctrl_c(start_server, tmp_path, redis, upstream, times, path, code, status):
    start_server().process.end()  # writes the settings module
    log = tmp_path / "log"
    with in_terminal(tmp_path, log, ["--processes", str(N), "raw_settings"]) as (process, terminal):
        until("it is ready", lambda: re.search(READY, log.read_text()), 40)
        message = {"operation": "REQUEST", "reply_channel": REPLIES + "x", "url": upstream.url + path}
        redis.command("SET", f"{PREFIX}m", msgpack.packb(message), "EX", 60)
        redis.command("RPUSH", f"{PREFIX}request.async", f"{PREFIX}m")
        until("it is asked", lambda: upstream.statistics()["at_once"])
        for _ in range(times):
            os.write(terminal, b"\x03")
            until("all drain", lambda: all_drain(log), 40)
        assert process.wait(30) == code, log.read_text()
    answer = redis.command("BLPOP", PREFIX + REPLIES, 20)
    assert msgpack.unpackb(redis.command("GET", answer[1]), raw=False)["status"] == status


def test_sigusr1_shows_the_tasks_of_each_child(start_processes):
    server = start_processes()
    until("SIGUSR1 is listened to", lambda: server.process.output().count("serving request.async") == N)
    server.process.signal(signal.SIGUSR1)
    server.process.wait_for_line("receive_forever", count=N)  # each receives in one task
    assert server.process.end() == 0


def test_as_process_1_it_buries_whom_nobody_waits_for(start_server, tmp_path):
    start_server().process.end()  # writes the settings module
    if not has_namespaces():
        pytest.skip("no pid namespaces here")
    # Each ends after the process that has started it, so that process 1 gets it: the first before anybody
    # listens for such ends, the second when it is told to.
    orphan = "import os\nif not os.fork():\n    os.read(0, 1)\n    os._exit(7)"
    os.mkfifo(tmp_path / "end")
    with open(tmp_path / "raw_settings.py", "a") as file:
        file.write(
            "import os, subprocess, sys\n"
            "if os.getpid() == 1:\n"
            "    reading, writing = os.pipe()\n"
            f"    subprocess.run([sys.executable, '-c', {orphan!r}], stdin=reading)\n"
            "    os.close(reading)\n"
            "    os.close(writing)\n"
            "    with open(os.open('end', os.O_RDWR), 'rb') as reading:\n"
            f"        subprocess.run([sys.executable, '-c', {orphan!r}], stdin=reading)\n"
        )
    words = [*NAMESPACE, sys.executable, "-m", "server_trio", "--processes", str(N), "raw_settings"]
    with started(words, cwd=tmp_path, env=SOURCES) as outside:
        outside.wait_for_line(READY)
        (first,) = [pid for pid, parent, _ in living() if parent == outside.pid]
        until("the second is there, the first has been buried", lambda: len(all_children(first)) == N + 1)
        with open(tmp_path / "end", "wb") as end:
            end.write(b"x")
        until("only the children are left", lambda: len(all_children(first)) == N)
        os.kill(first, signal.SIGTERM)
        assert outside.wait() == 0


def test_after_sighup_there_are_as_many_as_the_new_settings_say(start_server):
    server = start_server("CHANNELS_ASYNC_SERVER = {'PROCESSES': 2}", wait=False)
    server.process.wait_for_line(READY)
    for count, processes in enumerate([3, 2], 1):
        with open(server.directory / "raw_settings.py", "a") as file:
            file.write(f"CHANNELS_ASYNC_SERVER = {{'PROCESSES': {processes}}}\n")
        server.process.signal(signal.SIGHUP)
        server.process.wait_for_line("all processes are replaced", count=count, timeout=120)
        until("there are as many", lambda wanted=processes: len(server.process.relatives()) == wanted)
    assert server.process.end() == 0
