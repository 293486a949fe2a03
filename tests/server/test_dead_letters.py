"""The command that looks at dead letters: what it shows, what it sends again, how it is misused."""

from __future__ import annotations

import dataclasses
import json
import math
import pathlib
import time
from dataclasses import replace
from typing import Any

import pytest

from channels_async import wire
from server_trio.errors import DeadLetterError
from server_trio.layers.base import DeadLetter, Received
from server_trio.tools import dead
from tests.harness.redis_server import RedisServer

from .command_line import write
from .test_cli import LAYER, complaint, start


def letter(content: Any, fault: str | None = None) -> DeadLetter:
    return DeadLetter("abc", 1.5e9, "2 servers died", 3, 1.4e9, Received("request.async", content, fault))


def test_what_could_be_a_secret_is_masked() -> None:
    content = {
        "url": "https://anna:geheim@example.com/a?q=tea&access_token=geheim#geheim",
        "headers": [
            [b"Authorization", b"geheim"], [b"Cookie", b"geheim"], [b"X-Api-Key", b"geheim"],
            [b"Accept", b"*/*"],
        ],
        "response_headers": [[b"Set-Cookie", b"sessionid=geheim"], [b"Vary", b"Accept"]],
        "body": b"geheim",
        "kwargs": {"password": "geheim", "size": 5, "more": [{"token": "geheim"}]},
        "auth": "('anna', 'geheim')",
        "cookies": "{'a': 'geheim'}",
        b"data": b"geheim",
    }  # fmt: skip
    said = dead.shown(letter(content))
    assert "geheim" not in said
    assert "anna" not in said
    for word in (
        "https://example.com/a?q=tea&access_token=***", "['Accept', '*/*']", "['Vary', 'Accept']",
        "body: <6 bytes>", "'size': 5", "['Authorization', '***']",
    ):  # fmt: skip
        assert word in said


def test_headers_of_2017_are_a_text_and_masked_in_whole() -> None:
    assert "geheim" not in dead.shown(letter({"headers": "{'X-A': 'geheim'}"}))


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (wire.encode("a", "x!y", url="http://h/p?key=1"), "REQUEST GET http://h/p?key=***"),
        (wire.encode("a", "x!y", operation="CALL", function="f.g"), "CALL f.g"),
        (wire.encode("a", "x!y", operation="COMMAND", command="tidy"), "COMMAND tidy"),
        ({"operation": "DANCE"}, "a bad message"),
        (None, "a bad message"),
    ],
)
def test_a_line_says_what_was_to_be_done(content: Any, what: str) -> None:
    id, when, said, reason = dead.line(letter(content)).split("  ")
    assert (id, said, reason) == ("a" if content and "v" in content else "abc", what, "2 servers died")
    assert time.strptime(when, "%Y-%m-%d %H:%M:%S")


def test_it_goes_by_the_id_that_the_browser_and_the_log_have() -> None:
    old = {"operation": "REQUEST", "reply_channel": "x!y", "url": "http://h/"}
    known, of_2017 = letter(wire.encode("op", "x!y", url="http://h/")), replace(letter(old), id="def")
    bad = replace(letter({"id": "bad", "operation": "DANCE"}), id="ghi")
    letters = [known, of_2017, bad, replace(letter(None, "it cannot be unpacked"), id="jkl")]
    assert [dead.line(each).split()[0] for each in letters] == ["op", "def", "bad", "jkl"]
    assert [dead.summary(each)["id"] for each in letters] == ["op", "def", "bad", "jkl"]
    assert [dead.named(letters, id).id for id in ("op", "abc", "def", "bad")] == ["abc", "abc", "def", "ghi"]
    assert "id: op\nletter: abc\n" in dead.shown(known)
    with pytest.raises(DeadLetterError, match="there is no dead letter xyz; there are 4"):
        dead.named(letters, "xyz")


def test_of_two_letters_of_one_operation_the_own_id_tells_which() -> None:
    first = letter(wire.encode("op", "x!y", url="http://h/"))
    letters = [first, replace(first, id="def")]
    assert dead.named(letters, "def").id == "def"
    with pytest.raises(DeadLetterError, match="op was given up 2 times; say which one: abc, def"):
        dead.named(letters, "op")


def test_the_claim_that_gave_it_up_did_not_begin_it() -> None:
    assert "begun: 2 times" in dead.shown(letter({}))
    assert "begun: 1 time\n" in dead.shown(replace(letter({}), attempts=2))
    assert dead.summary(letter({}))["attempts"] == 2


def test_what_cannot_be_read_is_shown_as_that() -> None:
    assert "message: it cannot be unpacked" in dead.shown(letter(None, "it cannot be unpacked"))


@pytest.mark.parametrize("reply_format", ["http", "websocket", "message"])
def test_what_is_sent_again_begins_anew_and_only_who_still_waits_is_answered(reply_format: str) -> None:
    old = wire.encode("a", "x!y", url="http://h/", sent_at=5.0, timeout=3.0, reply_format=reply_format)
    operation = wire.parse(dead.renewed(old, "abc"), time.time())
    assert operation.sent_at is not None
    assert operation.sent_at > time.time() - 60
    assert operation.timeout == 3.0
    waits = reply_format != "http"
    assert operation.reply_channel == ("x!y" if waits else None)
    assert operation.reply_format == (reply_format if waits else "none")


def test_a_message_of_2017_is_answered_where_nobody_reads() -> None:
    old = {"operation": "REQUEST", "reply_channel": "x!y", "url": "http://h/"}
    assert wire.parse(dead.renewed(old, "abc"), 0.0).reply_channel == "dead.letter!abc"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "the following arguments are required: settings"),
        (("site", "look"), "invalid choice: 'look'"),
        (("site", "list", "abc"), "list takes no ID"),
        (("site", "show"), "show needs an ID"),
    ],
)
def test_wrong_usage_ends_with_2(tmp_path: pathlib.Path, words: tuple[str, ...], says: str) -> None:
    ended = start(tmp_path, "dead", *words)
    assert ended.returncode == 2
    assert says in ended.stderr


def test_a_layer_that_is_away_ends_with_3_and_wrong_settings_with_2(tmp_path: pathlib.Path) -> None:
    (tmp_path / "site.py").write_text("")
    (tmp_path / "myproject.py").write_text(LAYER)
    away = start(tmp_path, "dead", "myproject")
    assert (away.returncode, "Traceback" in complaint(away)) == (3, False)
    (tmp_path / "wrong.py").write_text(LAYER + "CHANNELS_ASYNC_SERVER = 5")
    wrong = start(tmp_path, "dead", "wrong", "drop", "abc")
    assert wrong.returncode == 2
    assert "must be a dict" in complaint(wrong)


def test_its_help_names_the_actions(tmp_path: pathlib.Path) -> None:
    ended = start(tmp_path, "dead", "--help")
    assert ended.returncode == 0
    assert "replay ID" in ended.stdout


def test_for_programs_nothing_is_shown_that_is_masked_for_people() -> None:
    content = {"url": "https://anna:geheim@h/?token=geheim", "body": b"geheim", b"\xff": b"\xfe", "v": 2}
    said = json.dumps(dead.details(letter(content)))
    assert "geheim" not in said
    assert json.loads(said)["message"]["body"] == "<6 bytes>"
    assert json.loads(said)["died_at"] == 1.5e9
    assert dead.details(letter(None, "it cannot be unpacked"))["fault"] == "it cannot be unpacked"


HOSTILE = "\x1b]0;x\x07\x9b2J\u202e\u2028\n"


def test_what_another_hand_wrote_moves_no_terminal_and_is_short() -> None:
    content = {
        "url": "http://h/" + HOSTILE, "function": HOSTILE, "odd" + HOSTILE: HOSTILE * 10_000, "n": [HOSTILE],
        **{f"more{number}": "x" for number in range(1000)},
    }  # fmt: skip
    call = wire.encode("a", "x!y", operation="CALL", function="f.g")
    for found in (letter(content), letter({**call, "function": "f" + HOSTILE}), letter(None, HOSTILE)):
        found = dataclasses.replace(found, reason=HOSTILE)
        for said in (dead.shown(found), dead.line(found) + "\n"):
            assert len(said) < 20_000
            assert all(line.isprintable() for line in said.split("\n"))


def test_what_json_has_no_number_for_is_text() -> None:
    found = letter({"args": [math.nan, {"a": math.inf}], "n": 1.5})
    said = dead.as_json(dead.details(found))
    assert json.loads(said, parse_constant=pytest.fail)["message"]["args"] == ["nan", {"a": "inf"}]


def test_a_letter_as_long_as_another_hand_likes_is_listed_short(
    redis: RedisServer, tmp_path: pathlib.Path
) -> None:
    write(tmp_path, redis.url)
    for id, reason in (("a1", "r" * 1_000_000), ("a" * 100_000, "ok"), ("a2", "r\x1b[2J")):
        redis.command("LPUSH", "asgi::dead", f"{id} 1.5 {reason} 2 1.0 request.async \x80")
    listed = start(tmp_path, "dead", "project")
    assert listed.returncode == 0
    assert len(listed.stdout.splitlines()) == 2
    assert len(listed.stdout) < 2000
    assert "r\\x1b[2J" in listed.stdout
    unknown = start(tmp_path, "dead", "project", "show", "\x1b[2J")
    assert "there is no dead letter \\x1b[2J; there are 2" in complaint(unknown)
