"""The command line: one clear message and the right exit code, never a traceback."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
from collections.abc import Sequence

import pytest

from server_trio import parsing
from server_trio.cli import make_parser
from server_trio.exit_codes import ExitCode
from server_trio.flags import FLAGS
from server_trio.resolving import resolve
from server_trio.settings import Settings, options
from server_trio.tools.table import TOOLS

ROOT = pathlib.Path(__file__).resolve().parents[2]

LAYER = """
SECRET_KEY = "x"
CHANNEL_LAYERS = {"default": {"BACKEND": "asgi_redis.RedisChannelLayer", "CONFIG": {"hosts": ["redis://127.0.0.1:1/0"]}}}
"""


def surroundings() -> dict[str, str]:
    """The environment of a command: this process's own without settings of ours, and the tree's packages."""
    path = os.pathsep.join(str(ROOT / part) for part in (".", "client", "compat"))
    variables = {key: value for key, value in os.environ.items() if not key.startswith("CHANNELS_ASYNC_")}
    return {**variables, "PYTHONPATH": path}


def start(
    directory: pathlib.Path, *arguments: str, python: Sequence[str] = (sys.executable,), **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the command in a project directory and wait for its end."""
    return subprocess.run(
        [*python, "-m", "server_trio", *arguments],
        cwd=directory,
        env={**surroundings(), **environment},
        capture_output=True,
        text=True,
        timeout=120,  # on a machine under load
    )


def complaint(ended: subprocess.CompletedProcess[str]) -> str:
    """The message of a start that failed: one line on stderr, nothing else."""
    assert "Traceback" not in ended.stderr
    lines = [line for line in ended.stderr.splitlines() if line.startswith("server_trio: ")]
    assert len(lines) == 1, ended.stderr
    return lines[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("SECRET_KEY = 'x'", ["no CHANNEL_LAYERS", "settings.example"]),
        ("SECRET_KEY = 'x'\nCHANNEL_LAYERS = {}", ["no CHANNEL_LAYERS"]),
        ("SECRET_KEY = 'x'\nCHANNEL_LAYERS = {'other': {}}", ["no 'default'", "'other'"]),
        ("SECRET_KEY = 'x'\nCHANNEL_LAYERS = {'default': {}}", ["no 'BACKEND'"]),
        (
            "SECRET_KEY = 'x'\nCHANNEL_LAYERS = {'default': {'BACKEND': 'asgi_rediss.RedisChannelLayer'}}",
            ["asgi_rediss"],
        ),
        (LAYER + "CHANNELS_ASYNC_SERVER = {'DEADLINE': {}}", ["'DEADLINE'", "did you mean 'DEADLINES'"]),
        (LAYER + "CHANNELS_ASYNC_SERVER = {'DEADLINES': {'REQUEST': -1}}", ["-1", "between 0.001"]),
        ("import no_such_module_anywhere", ["no_such_module_anywhere", "project_settings.py, line 1"]),
        ("SECRET_KEY = 'x'\n1 / 0", ["ZeroDivisionError", "line 2"]),
        ("print 'Python 2'", ["cannot be read by Python", "line 1", "settings.example"]),
    ],
)
def test_wrong_settings_end_the_start_with_2(tmp_path: pathlib.Path, text: str, words: list[str]) -> None:
    (tmp_path / "project_settings.py").write_text(text)
    ended = start(tmp_path, "project_settings")
    message = complaint(ended)
    for word in words:
        assert word in message
    assert ended.returncode == ExitCode.SETTINGS


def test_a_settings_module_that_does_not_exist_ends_the_start_with_2(tmp_path: pathlib.Path) -> None:
    ended = start(tmp_path, "no_such.settings")
    assert "no_such" in complaint(ended)
    assert ended.returncode == ExitCode.SETTINGS


def test_an_unreachable_redis_ends_the_start_with_3(tmp_path: pathlib.Path) -> None:
    (tmp_path / "project_settings.py").write_text(LAYER)
    ended = start(tmp_path, "project_settings")
    assert "127.0.0.1:1" in complaint(ended)
    assert ended.returncode == ExitCode.LAYER


def test_a_wrong_environment_variable_and_a_wrong_flag_are_named(tmp_path: pathlib.Path) -> None:
    (tmp_path / "project_settings.py").write_text(LAYER)
    assert "CHANNELS_ASYNC_GRACE_TIME" in complaint(
        start(tmp_path, "project_settings", CHANNELS_ASYNC_GRACE_TIME="x")
    )
    assert "--grace-time" in complaint(start(tmp_path, "project_settings", "--grace-time", "x"))


@pytest.mark.parametrize("module", ["no_such.settings", "project_settings.py", "project/settings"])
def test_a_module_that_is_not_there_is_told_with_how_to_name_one(tmp_path: pathlib.Path, module: str) -> None:
    (tmp_path / "project_settings.py").write_text(LAYER)
    assert "give its dotted name" in complaint(start(tmp_path, module))


def test_a_setting_that_is_nearly_ours_is_an_error(tmp_path: pathlib.Path) -> None:
    (tmp_path / "project_settings.py").write_text(LAYER + "CHANNELS_ASYNC_SERVR = {}")
    assert "CHANNELS_ASYNC_SERVR is not a setting" in complaint(start(tmp_path, "project_settings"))


def test_the_log_keeps_the_machines_time_zone_unless_the_settings_name_one(tmp_path: pathlib.Path) -> None:
    program = (
        "import channels_compat; channels_compat.install();"
        "import time; from server_trio.project import load_django_settings;"
        "load_django_settings('project_settings'); print(time.strftime('%Z'))"
    )
    (tmp_path / "project_settings.py").write_text(LAYER)
    ended = start(tmp_path, python=[sys.executable, "-c", program], TZ="Etc/GMT-3")
    assert ended.stdout.strip() == "+03", ended.stderr
    (tmp_path / "project_settings.py").write_text(LAYER + "TIME_ZONE = 'Etc/GMT-5'")
    ended = start(tmp_path, python=[sys.executable, "-c", program], TZ="Etc/GMT-3")
    assert ended.stdout.strip() == "+05", ended.stderr


def test_a_settings_module_that_ends_the_process_ends_the_start_with_2(tmp_path: pathlib.Path) -> None:
    (tmp_path / "project_settings.py").write_text("import sys\nsys.exit(0)")
    ended = start(tmp_path, "project_settings")
    assert "project_settings ends the process" in complaint(ended)
    assert ended.returncode == ExitCode.SETTINGS


def test_a_flag_cannot_be_abbreviated(tmp_path: pathlib.Path) -> None:
    (tmp_path / "project_settings.py").write_text(LAYER)
    ended = start(tmp_path, "project_settings", "--grace", "1")
    assert "unrecognized arguments: --grace" in ended.stderr
    assert ended.returncode == ExitCode.SETTINGS


def test_a_command_that_is_misspelt_is_named(tmp_path: pathlib.Path) -> None:
    ended = start(tmp_path, "chekc", "project_settings")
    assert complaint(ended) == "server_trio: there is no command 'chekc'; did you mean 'check'?"
    assert ended.returncode == ExitCode.SETTINGS
    assert "there are check, status, top, dead" in complaint(start(tmp_path, "xyz", "project_settings"))


@pytest.mark.parametrize("words", [["a.b", "c"], ["--nonsense"], ["check"], ["dead", "a.b", "eat"]])
def test_wrong_usage_is_said_in_two_lines(tmp_path: pathlib.Path, words: list[str]) -> None:
    ended = start(tmp_path, *words)
    usage, error = ended.stderr.splitlines()
    assert usage.startswith("usage: python3 -m server_trio ")
    assert usage.endswith(" (see --help)")
    assert "error: " in error
    assert ended.returncode == ExitCode.SETTINGS


def test_without_the_servers_packages_the_start_says_what_to_install(tmp_path: pathlib.Path) -> None:
    # -S: no site-packages, so no trio
    ended = start(tmp_path, "project_settings", python=[sys.executable, "-S"])
    assert "pip install 'channels-async[server]'" in complaint(ended)
    assert ended.returncode == ExitCode.SETTINGS


@pytest.mark.parametrize(
    ("routing", "code", "words"),
    [("[]", ExitCode.LAYER, "127.0.0.1:1"), ("'a.b'", ExitCode.SETTINGS, "ROUTING'] needs channels")],
)
def test_channels_is_needed_only_for_a_routing(
    tmp_path: pathlib.Path, routing: str, code: int, words: str
) -> None:
    program = (
        "import runpy, sys; sys.modules['channels'] = None; sys.argv[1:] = ['project_settings'];"
        "runpy.run_module('server_trio', run_name='__main__', alter_sys=True)"
    )
    (tmp_path / "project_settings.py").write_text(f"{LAYER}CHANNEL_LAYERS['default']['ROUTING'] = {routing}")
    ended = start(tmp_path, python=[sys.executable, "-c", program])
    assert words in complaint(ended)
    assert ended.returncode == code


def test_help_shows_every_setting_with_its_default_unit_and_environment_name() -> None:
    text = " ".join(make_parser().format_help().split())
    for entry in options():
        assert (entry.flag in text) is entry.in_texts
        if entry.in_texts:
            assert f"(default: {entry.shown_default}, env: {entry.variable})" in text


def resolved(*words: str) -> Settings:
    """The settings that a command line makes."""
    arguments = make_parser().parse_args(parsing.spelled_out(words, options()))
    return resolve(None, {}, parsing.given(arguments, options()))


@pytest.mark.parametrize(
    ("words", "setup"),
    [
        (["--django-setup", "site"], True),
        (["site", "--django-setup"], True),
        (["--django-setup", "yes", "site"], True),
        (["--django-setup", "NO", "site"], False),
        (["--django-setup=off", "site"], False),
        (["site"], False),
    ],
)
def test_a_flag_of_yes_or_no_may_stand_alone(words: list[str], setup: bool) -> None:
    assert resolved(*words).DJANGO_SETUP is setup


def test_a_flag_that_stands_alone_takes_neither_the_settings_nor_what_follows_two_dashes() -> None:
    words = parsing.spelled_out(["--verbose", "site", "--verbose", "2", "--", "--verbose"], options())
    assert words == ["--verbose=1", "site", "--verbose=2", "--", "--verbose"]


def test_each_command_is_named_in_the_help_and_has_its_own_with_exit_codes() -> None:
    text = make_parser().format_help()
    for name, tool in TOOLS.items():
        assert f"  {name} " in text
        assert tool.help in text
        help = tool.make_parser().format_help()
        assert f"python3 -m server_trio {name} " in help
        assert all(f"\n  {code:d}  " in help for code in ExitCode)
    for code in ExitCode:
        assert f"  {code:d}  {code.meaning}" in text


def test_flags_of_commands_have_variables_that_the_server_leaves_alone() -> None:
    variables = [flag.variable for flag in FLAGS]
    assert not {entry.variable for entry in options()} & set(variables)
    assert resolve(None, dict.fromkeys(variables, "x"), {}) == resolve(None, {}, {})


def test_settings_that_are_called_like_a_command_can_be_started(tmp_path: pathlib.Path) -> None:
    (tmp_path / "dead.py").write_text("SECRET_KEY = 'x'")
    ended = start(tmp_path, "--", "dead")
    assert "no CHANNEL_LAYERS" in complaint(ended)
    assert ended.returncode == ExitCode.SETTINGS
