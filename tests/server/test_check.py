"""The command that looks for what could go wrong: what it finds with a real Redis, and how it ends."""

from __future__ import annotations

import json
import pathlib

import pytest
import trio

from server_trio.exit_codes import ExitCode
from tests.harness.redis_server import RedisServer, redis_server

from .command_line import beside, reporting, write
from .test_cli import LAYER, complaint, start


def check(directory: pathlib.Path, *words: str, **environment: str) -> tuple[int, list[dict[str, str]]]:
    """The exit code and the findings."""
    ended = start(directory, "check", "project", "--format", "json", *words, **environment)
    assert "Traceback" not in ended.stderr
    shown = json.loads(ended.stdout)
    assert shown["exit_code"] == ended.returncode, ended.stderr
    return ended.returncode, shown["findings"]


def ids(findings: list[dict[str, str]]) -> list[str]:
    return [finding["id"].removeprefix("channels_async.") for finding in findings]


async def test_a_site_with_a_server_has_nothing_wrong(redis: RedisServer, tmp_path: pathlib.Path) -> None:
    write(tmp_path, redis.url)
    async with reporting(redis):
        ended = await beside(tmp_path, "check", "project")
    assert (ended.stdout, ended.stderr) == ("nothing found\n", "")
    assert ended.returncode == ExitCode.OK


def test_what_is_wrong_is_said_with_id_and_remedy(redis: RedisServer, tmp_path: pathlib.Path) -> None:
    write(tmp_path, redis.url, expiry=30)
    ended = start(tmp_path, "check", "project", "--fail-level", "warning")
    for words in (
        "warning: CHANNEL_LAYERS['default']['CONFIG']['expiry'] (channels_async.W015)",
        "COMMAND operations have 60",
        "-> 'expiry': 60",
        "no server answers on this layer",
        "\n2 warnings\n",
    ):
        assert words in ended.stdout
    assert ended.returncode == ExitCode.FAILED


@pytest.mark.parametrize(
    ("words", "code"),
    [([], 0), (["--fail-level", "warning"], 1), (["--fail-level=info"], 1), (["--fail-level", "error"], 0)],
)
def test_the_exit_code_goes_by_the_level(
    redis: RedisServer, tmp_path: pathlib.Path, words: list[str], code: int
) -> None:
    write(tmp_path, redis.url)
    assert check(tmp_path, *words)[0] == code
    level = words[-1].rpartition("=")[2] if words else "error"
    assert check(tmp_path, CHANNELS_ASYNC_FAIL_LEVEL=level)[0] == code


def test_the_servers_flags_are_checked_as_it_would_be_started(
    redis: RedisServer, tmp_path: pathlib.Path
) -> None:
    write(tmp_path, redis.url)
    assert ids(check(tmp_path, "--deadlines-forward", "90")[1]) == ["W015", "W037"]
    code, findings = check(tmp_path, "--deadlines-forward", "190")
    assert (code, ids(findings)) == (ExitCode.SETTINGS, ["E001"])
    assert ids(check(tmp_path, "--daphne-http-timeout", "200")[1]) == ["W037", "I017"]


def test_all_that_cannot_be_loaded_is_found_at_once(redis: RedisServer, tmp_path: pathlib.Path) -> None:
    more = (
        "CHANNELS_ASYNC_SERVER = {'CALLS': {'a': 'no_such.function'},"
        " 'COMMANDS': {'b': {'argv': ['/no/such']}}, 'TLS': {'ca_file': '/no/such.pem'}}\n"
        "CHANNEL_LAYERS['default']['ROUTING'] = 'no_such.routing'"
    )
    write(tmp_path, redis.url, more=more)
    code, findings = check(tmp_path)
    assert code == ExitCode.SETTINGS
    assert ids(findings) == ["E003", "E004", "E005", "E006", "W037"]
    for finding, words in zip(findings, ["no_such", "/no/such", "no_such", "/no/such.pem"], strict=False):
        assert words in finding["problem"]
        assert finding["remedy"]


def test_settings_that_cannot_be_read_are_a_finding(tmp_path: pathlib.Path) -> None:
    (tmp_path / "project.py").write_text("SECRET_KEY = 'x'\n1 / 0")
    code, findings = check(tmp_path)
    assert (code, ids(findings)) == (ExitCode.SETTINGS, ["E001"])
    assert "line 2" in findings[0]["problem"]


@pytest.mark.parametrize(
    ("more", "id", "words"),
    [
        ("CHANNEL_LAYERS = {}", "E002", "no CHANNEL_LAYERS"),
        ("CHANNELS_ASYNC_SERVER = {'LAYER': 'other'}", "E002", "no 'other'"),
        ("CHANNEL_LAYERS['default']['BACKEND'] = 'no.such.Layer'", "E002", "cannot be imported"),
        ("CHANNEL_LAYERS['default']['CONFIG']['capacity'] = '7'", "E002", "'capacity'"),
        ("CHANNEL_LAYERS['default']['CONFIG']['expiry'] = '7'", "E002", "'expiry'"),
        ("CHANNEL_LAYERS['default']['CONFIG']['channel_capacity'] = 7", "E002", "'channel_capacity'"),
        ("CHANNEL_LAYERS['default']['CONFIG']['hosts'] = 'redis://h'", "E002", "list of hosts"),
        ("CHANNEL_LAYERS['default']['CONFIG']['hosts'] = [7]", "E002", ""),
        ("CHANNEL_LAYERS['default']['CONFIG'] = []", "E002", "must be a dict"),
        ("CHANNEL_LAYERS = []", "E002", "no CHANNEL_LAYERS"),
    ],
)
def test_a_layer_that_cannot_be_is_a_finding(tmp_path: pathlib.Path, more: str, id: str, words: str) -> None:
    write(tmp_path, "redis://127.0.0.1:1/0", more=more)
    code, findings = check(tmp_path)
    assert code == ExitCode.SETTINGS
    (finding,) = [finding for finding in findings if finding["level"] == "error"]
    assert finding["id"] == f"channels_async.{id}"
    assert words in finding["problem"]


def test_a_redis_that_is_away_is_a_finding_and_ends_with_3(tmp_path: pathlib.Path) -> None:
    (tmp_path / "project.py").write_text(LAYER)
    code, findings = check(tmp_path)
    assert (code, ids(findings)) == (ExitCode.LAYER, ["E010", "I018", "I019"])
    assert "check that it runs" in findings[0]["remedy"]
    assert "check that it runs" not in findings[0]["problem"]


def test_a_redis_that_lets_nobody_in_is_none_that_does_not_run(tmp_path: pathlib.Path) -> None:
    with redis_server(password="secret") as redis:
        write(tmp_path, redis.url.replace("secret", "wrong"))
        code, findings = check(tmp_path)
    assert (code, ids(findings)[0]) == (ExitCode.LAYER, "E010")
    assert "does not let this server in" in findings[0]["problem"]
    assert findings[0]["remedy"] == "check user name, password and rights in CONFIG of CHANNEL_LAYERS"


def test_one_shard_of_two_that_is_away_is_a_finding(redis: RedisServer, tmp_path: pathlib.Path) -> None:
    write(tmp_path, redis.url, "redis://127.0.0.1:1/0")
    code, findings = check(tmp_path)
    assert (code, ids(findings)) == (ExitCode.FAILED, ["E036", "W037"])
    assert "127.0.0.1:1" in findings[0]["about"]


async def test_what_a_redis_does_wrong_is_found(tmp_path: pathlib.Path) -> None:
    with redis_server("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru") as redis:
        write(tmp_path, redis.url, symmetric_encryption_keys=["one"])
        redis.command("RPUSH", "other:request.async", "other:abc")
        async with reporting(redis):  # without the keys
            _, findings = await trio.to_thread.run_sync(check, tmp_path)
    assert ids(findings) == ["W032", "W034", "W035", "W037"]
    assert "'other:'" in findings[1]["problem"]


def test_a_site_with_another_layer_is_found(redis: RedisServer, tmp_path: pathlib.Path) -> None:
    write(tmp_path, redis.url)
    write(tmp_path, redis.url, name="site_settings", prefix="site:", expiry=70)
    code, findings = check(tmp_path, "--site", "site_settings")
    assert (code, ids(findings)) == (ExitCode.FAILED, ["E022", "W023", "W037"])
    assert ids(check(tmp_path, CHANNELS_ASYNC_SITE="site_settings")[1]) == ["E022", "W023", "W037"]
    (tmp_path / "old_settings.py").write_text("print 'Python 2'")
    assert ids(check(tmp_path, "--site", "old_settings")[1]) == ["W007", "W037"]


def test_a_site_that_sends_to_another_channel_is_found(redis: RedisServer, tmp_path: pathlib.Path) -> None:
    write(tmp_path, redis.url, more="CHANNELS_ASYNC_SERVER = {'CHANNEL': 'other.channel'}")
    write(tmp_path, redis.url, name="site_settings")
    code, findings = check(tmp_path, "--site", "site_settings")
    assert (code, ids(findings)[0]) == (ExitCode.FAILED, "E024")
    assert "request.async" in findings[0]["problem"]
    assert "other.channel" in findings[0]["problem"]
    client = "CHANNELS_ASYNC_CLIENT = {'CHANNEL': 'other.channel'}"
    write(tmp_path, redis.url, name="site_settings", more=client)
    assert "E024" not in ids(check(tmp_path, "--site", "site_settings")[1])


def test_wrong_usage_ends_with_2_and_one_line(tmp_path: pathlib.Path) -> None:
    (tmp_path / "project.py").write_text(LAYER)
    ended = start(tmp_path, "check", "project", "--format", "xml")
    assert "must be one of" in complaint(ended)
    assert "--format" in complaint(ended)
    assert ended.returncode == ExitCode.SETTINGS
    assert "the environment's CHANNELS_ASYNC_FAIL_LEVEL" in complaint(
        start(tmp_path, "check", "project", CHANNELS_ASYNC_FAIL_LEVEL="x")
    )
