"""COMMANDS when the server starts: what only the machine can tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from server_trio.commands import load_commands
from server_trio.errors import SettingsError
from server_trio.loading import load_handlers
from server_trio.resolving import resolve
from tests.acceptance.raw import start
from tests.client.command_cases import sh

INHERITED = {"PATH": "/usr/bin:/bin", "HOME": "/"}


def complaint(entry: object, inherited: dict[str, str] = INHERITED) -> str:
    with pytest.raises(SettingsError) as caught:
        load_commands({"it": entry}, inherited, longest_end=50)
    return str(caught.value)


def test_a_program_that_is_not_there() -> None:
    text = complaint({"argv": ["no-such-program"]})
    place = "COMMANDS['it']['argv'][0]"
    assert text == f"{place} is 'no-such-program', which is not a program in the PATH of the command"


def test_the_program_is_looked_for_in_the_path_that_the_command_has() -> None:
    assert "not a program in the PATH" in complaint({"argv": ["cat"], "env": {"PATH": "/nowhere"}})
    assert "not a program in the PATH" in complaint({"argv": ["cat"]}, {"PATH": "/nowhere"})
    assert load_commands({"it": {"argv": ["cat"]}}, {}, longest_end=50)["it"].program.endswith("/cat")


def test_a_program_with_a_folder_is_seen_from_the_directory_of_the_command(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "tool"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    entry = {"argv": ["bin/tool"], "cwd": str(tmp_path)}
    assert f"which is not a program seen from '{tmp_path}'" in complaint(entry)  # it may not be executed
    program.chmod(0o700)
    assert load_commands({"it": entry}, INHERITED, longest_end=50)["it"].program == str(program)


def test_a_working_directory_that_is_not_there(tmp_path: Path) -> None:
    text = complaint(sh("true", cwd=f"{tmp_path}/x"))
    assert text == f"COMMANDS['it']['cwd'] is '{tmp_path}/x', which is no directory"


def test_the_end_of_a_command_must_come_before_daphnes_timeout() -> None:
    assert "COMMANDS['it']['kill_after'] is 51 seconds" in complaint(sh("true", kill_after=51))
    commands = {"COMMANDS": {"it": sh("true")}}
    load_handlers(resolve(commands, {}, {}))
    with pytest.raises(SettingsError, match="there are only 1; lower either of the two"):
        load_handlers(resolve({**commands, "DEADLINES": {"COMMAND": 114}}, {}, {}))
    load_handlers(resolve({"DEADLINES": {"COMMAND": 115}}, {}, {}))


def test_a_server_with_a_wrong_command_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "settings_of_the_test.py").write_text(
        "SECRET_KEY = 'x'\n"
        "CHANNEL_LAYERS = {'default': {'BACKEND': 'asgiref.inmemory.ChannelLayer'}}\n"
        "CHANNELS_ASYNC_SERVER = {'COMMANDS': {'resize': {'argv': ['cat', '-', '-r', '{sise}'],"
        " 'parameters': {'size': '.'}}}}\n"
    )
    process = start(tmp_path, "settings_of_the_test")
    assert process.wait() == 2, process.output()
    assert "server_trio: COMMANDS['resize']['argv'][3] uses {sise}" in process.output()
    assert "did you mean 'size'?" in process.output()
    assert "Traceback" not in process.output()
