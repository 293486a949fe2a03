"""A start that cannot succeed ends at once: one clear message, an exit code, no traceback."""

from __future__ import annotations

import pytest

from tests.acceptance.raw import start
from tests.harness.redis_server import free_port, redis_server

LAYERS = """
SECRET_KEY = "x"
CHANNEL_LAYERS = {"default": {"BACKEND": "asgi_redis.RedisChannelLayer", "CONFIG": {"hosts": ["%s"]}}}
"""

# The settings module, and words that the message must hold.
WRONG = {
    "no CHANNEL_LAYERS": ("SECRET_KEY = 'x'", ["CHANNEL_LAYERS", "settings.example"]),
    "an unknown setting": (LAYERS + "CHANNELS_ASYNC_SERVER = {'GRACETIME': 5}", ["GRACETIME", "GRACE_TIME"]),
    "a deadline of -1": (
        LAYERS + "CHANNELS_ASYNC_SERVER = {'DEADLINES': {'REQUEST': -1}}",
        ["REQUEST", "-1"],
    ),
    "a deadline of the wrong type": (LAYERS + "CHANNELS_ASYNC_SERVER = {'DEADLINES': 5}", ["DEADLINES"]),
    "a layer that is none": (
        LAYERS + "CHANNEL_LAYERS['default']['BACKEND'] = 'no.such.Layer'",
        ["no.such.Layer"],
    ),
    "another alias": (LAYERS + "CHANNELS_ASYNC_SERVER = {'LAYER': 'other'}", ["other", "default"]),
    "a network of the guard": (
        LAYERS + "CHANNELS_ASYNC_SERVER = {'EGRESS': {'deny': ['10.0.0.1/8']}}",
        ["EGRESS, deny: '10.0.0.1/8'", "/8"],
    ),
    "a file of authorities": (
        LAYERS + "CHANNELS_ASYNC_SERVER = {'TLS': {'ca_file': '/no/such/file.pem'}}",
        ["TLS['ca_file']: /no/such/file.pem", "No such file"],
    ),
    "a proxy": (
        LAYERS + "CHANNELS_ASYNC_SERVER = {'HTTP': {'proxy': 'socks5://x:1'}}",
        ["HTTP['proxy'] begins with socks5://"],
    ),
    "a module that fails": ("import no_such_module", ["settings_of_the_test", "no_such_module"]),
    "a module of Python 2": ("print 'hello'", ["settings_of_the_test", "line 1"]),
}


def ends(process, code: int, words: list[str]) -> None:
    assert process.wait() == code, process.output()
    assert "Traceback" not in process.output()
    message = [line for line in process.output().splitlines() if line.startswith("server_trio: ")]
    assert len(message) == 1, process.output()
    for word in words:
        assert word in process.output()


@pytest.mark.parametrize("what", list(WRONG))
def test_wrong_settings_exit_2(tmp_path, redis, what):
    text, words = WRONG[what]
    (tmp_path / "settings_of_the_test.py").write_text(text % redis.url if "%s" in text else text)
    ends(start(tmp_path, "settings_of_the_test"), 2, words)


def test_a_settings_module_that_is_not_there_exits_2(tmp_path):
    ends(start(tmp_path, "no_such_settings"), 2, ["no_such_settings"])


@pytest.mark.parametrize("name", ["", "..", ".settings", "settings.", "a..b"])
def test_what_is_no_name_of_a_settings_module_exits_2_and_says_how_to_name_one(tmp_path, name):
    ends(start(tmp_path, name), 2, [f"{name!r} is no name", "for example myproject.server_settings"])


def test_a_redis_that_is_not_there_exits_3(tmp_path):
    port = free_port()
    (tmp_path / "settings_of_the_test.py").write_text(LAYERS % f"redis://127.0.0.1:{port}/0")
    ends(start(tmp_path, "settings_of_the_test"), 3, [str(port)])


def test_a_password_in_the_url_is_not_shown(tmp_path):
    port = free_port()
    (tmp_path / "settings_of_the_test.py").write_text(LAYERS % f"redis://:geheim@127.0.0.1:{port}/0")
    process = start(tmp_path, "settings_of_the_test")
    ends(process, 3, [str(port)])
    assert "geheim" not in process.output()


def test_no_settings_module_is_wrong_usage(tmp_path):
    process = start(tmp_path, "--no-such-flag")
    assert process.wait() == 2
    assert "usage:" in process.output()


def test_the_command_line_wins_over_the_settings_module(tmp_path, redis):
    (tmp_path / "settings_of_the_test.py").write_text(LAYERS % redis.url)
    process = start(tmp_path, "settings_of_the_test", "--deadlines-request", "-1")
    assert process.wait() == 2
    assert "-1" in process.output()


def test_a_wrong_password_exits_3(tmp_path):
    with redis_server(password="right") as redis:
        text = LAYERS % f"redis://:geheim@127.0.0.1:{redis.port}/0"
        (tmp_path / "settings_of_the_test.py").write_text(text)
        process = start(tmp_path, "settings_of_the_test")
        ends(process, 3, [str(redis.port), "password"])
        assert "geheim" not in process.output()
