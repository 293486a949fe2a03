"""benchmarks/run.py leaves nothing behind, whatever ends it, and writes the page of a whole run alone."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

from benchmarks.report import BEST, Results
from tests.harness.processes import START_TIMEOUT, Process, descendants, living, started
from tests.house.tree import ROOT

RUN = [sys.executable, str(ROOT / "benchmarks" / "run.py"), "--load", "100ms", "--who", "ours"]
#: A noxfile with a session that runs it as `bench` does, without what that installs before.
SESSION = """
import importlib.util, signal
import nox

signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whatever the tests were started under
spec = importlib.util.spec_from_file_location("its_noxfile", {file!r})
noxfile = importlib.util.module_from_spec(spec)
spec.loader.exec_module(noxfile)

@nox.session(venv_backend="none")
def it(session):
    noxfile.run_what_starts_others(session, *{words})
"""


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:  # it has ended meanwhile
        return ""


def children_with_a_server(process: Process) -> set[int]:
    """Its children, once the server is among them, which has a session of its own."""
    end = time.monotonic() + START_TIMEOUT
    while time.monotonic() < end and process.returncode is None:
        found = descendants(process.pid)
        if any("-m server_trio" in command_line(pid) for pid in found):
            return found
        time.sleep(0.01)  # nobody tells of other processes' children
    raise AssertionError(f"no server was started:\n{process.output()}")


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks into /proc, as the benchmarks do")
@pytest.mark.parametrize(("number", "to_all"), [(signal.SIGTERM, False), (signal.SIGINT, True)])
def test_a_signal_ends_the_upstream_redis_and_the_server_too(number: signal.Signals, to_all: bool) -> None:
    with started(RUN, name="run.py") as run:
        children = children_with_a_server(run)
        assert len(children) >= 3
        if to_all:  # as Ctrl-C in a terminal
            os.killpg(run.pid, number)
        else:
            run.signal(number)
        assert run.wait() == 128 + number
        assert not children & {pid for pid, _, _ in living()}
        assert "Traceback" not in run.output()


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks into /proc, as the benchmarks do")
@pytest.mark.parametrize("how", ["ctrl-c", "kill nox", "hang up nox", "kill run.py"])
def test_ending_its_session_of_nox_ends_all_that_runs(how: str, tmp_path: Path) -> None:
    file = tmp_path / "noxfile.py"
    file.write_text(SESSION.format(file=str(ROOT / "noxfile.py"), words=[*RUN, "--rounds", "1000"]))
    with started([sys.executable, "-m", "nox", "-f", str(file), "-s", "it"]) as nox:
        children = children_with_a_server(nox)
        [run] = [pid for pid, parent, _ in living() if parent == nox.pid]
        if how == "ctrl-c":
            os.killpg(nox.pid, signal.SIGINT)
        elif how == "kill run.py":
            os.kill(run, signal.SIGTERM)
        else:
            nox.signal(signal.SIGTERM if how == "kill nox" else signal.SIGHUP)
        assert nox.wait(60) != 0
        left = children & {pid for pid, _, _ in living()}
        for pid in descendants(run) | left:  # it goes on to start others
            os.kill(pid, signal.SIGKILL)
        assert not left
        assert "Traceback" not in nox.output()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("benchmarks.run")


@pytest.mark.parametrize(
    ("words", "whole"), [("", True), ("--rounds 5", True), ("--load=1s", False), ("--who ours arq", False)]
)
def test_only_a_whole_run_writes_the_page(run: ModuleType, words: str, whole: bool) -> None:
    assert run.is_whole(run.parse(words.split())) is whole


@pytest.mark.parametrize("words", ["--rounds 0", "--rounds=-1", "--seconds 0", "--seconds nan"])
def test_a_run_that_would_measure_nothing_is_refused(
    run: ModuleType, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        run.parse(words.split())
    assert "it must be more than 0" in capsys.readouterr().err.splitlines()[-1]


def test_a_rival_that_does_not_start_is_told_of_and_the_others_are_measured(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    broken = tmp_path / "python"
    broken.write_text('#!/bin/sh\nif [ "$1" = -c ]; then echo requests 1.0; else exit 1; fi\n')
    broken.chmod(0o755)
    words = ["--who", "runworker-32", "ours", "--python", f"runworker-32={broken}"]
    words += ["--load", "at-once", "--rounds", "1", "--seconds", "0.1", "--results", str(file)]
    ended = subprocess.run([*RUN, *words], capture_output=True, text=True, timeout=180)
    assert ended.returncode == 0, ended.stderr
    assert "not measured: runworker, 32 threads under upstream at once" in ended.stderr
    kept = Results.read(file)
    assert kept.servers("at-once") == ["ours"]
    assert "has answered 0 of 1 operations" in kept.missing["at-once", "runworker-32"]


@pytest.mark.parametrize("who", ["runworker-32", BEST])  # the upstream, too, has the Python of the second
@pytest.mark.parametrize(
    ("program", "why"),
    [
        (None, "its Python cannot be started: [Errno 2] No such file or directory"),
        ("#!/bin/sh\necho 1 >&2; echo no Python >&2; exit 3\n", "python ended with 3 and wrote: no Python"),
    ],
)
def test_a_rival_whose_python_does_not_run_is_told_of_and_the_others_are_measured(
    who: str, program: str | None, why: str, tmp_path: Path
) -> None:
    file = tmp_path / "results.json"
    python = tmp_path / "python"
    if program:
        python.write_text(program)
        python.chmod(0o755)
    words = ["--who", who, "ours", "--python", f"{who}={python}", "--load", "at-once"]
    words += ["--rounds", "1", "--seconds", "0.1", "--results", str(file)]
    ended = subprocess.run([*RUN, *words], capture_output=True, text=True, timeout=180)
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr
    assert "under upstream at once" in ended.stderr.partition("not measured: ")[2]
    kept = Results.read(file)
    assert kept.servers("at-once") == ["ours"]
    assert why in kept.missing["at-once", who]


def test_the_quick_check_fails_where_there_is_nothing_to_compare_with() -> None:
    ended = subprocess.run([*RUN, "--quick"], capture_output=True, text=True, timeout=180)
    assert ended.returncode == 1
    assert ended.stderr == "not measured: asyncio, batched: it needs --python asyncio=PATH\n"


class Told:
    """Measures nothing: gives the figures of ours, one after the other and then the last, and asyncio's."""

    def __init__(self, *ours: dict[str, float]) -> None:
        self._ours = list(ours)

    def closed_loop(self, who: str, *_: object) -> dict[str, float]:
        if who == BEST:
            return {"rate": 1000, "processor": 100, "failed": 0}
        return self._ours.pop(0) if len(self._ours) > 1 else self._ours[0]


FINE = {"rate": 500, "processor": 200, "failed": 0}
STILL = {"rate": 0, "processor": 100_000, "failed": 0}


@pytest.mark.parametrize(
    ("ours", "status"),
    [
        ([FINE], 0), ([STILL, FINE], 0), ([{**FINE, "rate": 200}], 1), ([{**FINE, "processor": 500}], 1),
        ([FINE, FINE, FINE, {**FINE, "failed": 1}], 1), ([{**STILL, "failed": 1}, FINE], 1),
    ],
)  # fmt: skip
def test_the_quick_check_bears_a_standstill_and_no_slip(
    run: ModuleType, ours: list[dict[str, float]], status: int
) -> None:
    assert run.quick(Told(*ours)) == status


def test_a_rival_is_told_with_the_versions_of_its_environment(run: ModuleType) -> None:
    said, unusable = run.versions({"runworker-32": sys.executable, "runworker-200": sys.executable})
    assert said.startswith("runworker, 32 threads (requests ")
    assert "channels 1.1" in said
    assert said.count("requests") == 1
    assert "runworker-200" not in unusable
    assert unusable["asyncio"] == "it needs --python asyncio=PATH"


def test_what_was_measured_before_the_end_is_kept_and_says_how_many_rounds_it_is(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    words = ["--rounds", "50", "--seconds", "0.1", "--results", str(file)]
    with started([*RUN, *words], name="run.py") as run:
        run.wait_for_line("^round 2 of 50")
        run.signal(signal.SIGTERM)
        assert run.wait() == 128 + signal.SIGTERM
    kept = Results.read(file)
    assert 1 <= kept.rounds < 50  # more than one where the machine stood still before the signal
    assert len(kept.values["100ms", "ours", "rate"]) == kept.rounds
