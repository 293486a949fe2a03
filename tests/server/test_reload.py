"""Starting a successor: what becomes of one that does not get ready."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest
import trio

from server_trio import reload
from server_trio.reload import READY_VARIABLE, Origin, ReloadFailed, own_origin, start_successor
from tests.harness.trio_tests import jump_once


def program(text: str, *words: str) -> Origin:
    return Origin([sys.executable, "-c", text, *words], os.getcwd())


async def test_one_that_says_it_is_ready_lives_on() -> None:
    text = f"import os, signal; os.write(int(os.environ['{READY_VARIABLE}']), b'1'); signal.pause()"
    pid = await start_successor(program(text))
    os.kill(pid, signal.SIGKILL)  # it is alive


@pytest.mark.jumpable
async def test_one_that_is_not_ready_in_time_is_ended_even_if_it_ignores_sigterm(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(reload, "END_TIMEOUT", 0.1)
    file = tmp_path / "pid"
    text = (
        "import os, signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "open(sys.argv[1], 'w').write(f'{os.getpid()}\\n'); signal.pause(); signal.pause()"
    )
    said = f"not ready within {reload.READY_TIMEOUT:g} s"
    async with trio.open_nursery() as nursery:
        nursery.start_soon(
            jump_once, lambda: file.exists() and file.read_text().endswith("\n"), reload.READY_TIMEOUT
        )
        with pytest.raises(ReloadFailed, match=said):
            await start_successor(program(text, str(file)))
    with pytest.raises(ProcessLookupError):
        os.kill(int(file.read_text()), 0)


async def test_one_that_ends_and_one_that_cannot_be_started() -> None:
    with pytest.raises(ReloadFailed, match="exit code 7"):
        await start_successor(program("raise SystemExit(7)"))
    with pytest.raises(ReloadFailed, match="could not be started"):
        await start_successor(Origin(["/no/such/python"], os.getcwd()))


def test_a_link_to_the_present_release_is_followed_anew(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    os.makedirs(f"{tmp_path}/one")
    os.symlink("one", f"{tmp_path}/current")
    monkeypatch.chdir(f"{tmp_path}/current")
    monkeypatch.setenv("PWD", f"{tmp_path}/current")
    assert own_origin().directory == f"{tmp_path}/current"
    monkeypatch.setenv("PWD", "/somewhere")
    assert own_origin().directory == os.path.realpath(f"{tmp_path}/one")
