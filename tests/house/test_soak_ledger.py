"""The ledger of the soak finds what is wrong: a soak that cannot fail would say nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.soak.kinds import KINDS, Kind
from tests.soak.ledger import Entry, Ledger
from tests.soak.rules import Fault

GET = next(kind for kind in KINDS if kind.name == "echo" and kind.method == "GET")
POST = next(kind for kind in KINDS if kind.name == "echo" and kind.method == "POST")
DRIP = next(kind for kind in KINDS if kind.name == "drip")
HANG = next(kind for kind in KINDS if kind.name == "hang")

DEATH = Fault("death", 100.0, 101.0, "a server was killed")
LATER = Fault("death", 105.0, 106.0, "another one was killed")
END = Fault("end", 100.0, 101.0, "a server was asked to end")


def asked(kind: Kind, by: str = "layer", seconds: float = 2.0) -> tuple[Ledger, Entry]:
    """A ledger with one operation, asked just before the faults."""
    ledger = Ledger()
    entry = ledger.new(kind, by)
    entry.asked_at, entry.ended_at = 99.5, 99.5 + seconds
    return ledger, entry


def echo(number: int, **more: Any) -> dict[str, Any]:
    """A right answer, as a message, of the echo with that number."""
    content = json.dumps({"target": f"/echo/{number}", "body": ""}).encode()
    return {"status": 200, "headers": [], "content": content, "more_content": False, **more}


def test_an_answer_of_its_own_is_right() -> None:
    ledger, entry = asked(GET)
    entry.messages.append(echo(1))
    assert ledger.wrongs({}, []) == []


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([], "nothing"),
        ([echo(2)], "wrong: "),
        ([echo(1), echo(1)], "not one beginning"),
        ([echo(1), {"content": b"", "more_content": False}], "more after the end"),
        ([echo(1, more_content=True)], "nothing after a beginning"),
        ([echo(1, status=502)], "502"),
    ],
    ids=["none", "another's", "two", "an end too much", "no end", "an error"],
)
@pytest.mark.parametrize("faults", [[], [DEATH], [END]], ids=["no fault", "a death", "an end"])
def test_any_other_answer_to_a_get_is_wrong(
    messages: list[dict[str, Any]], said: str, faults: list[Fault]
) -> None:
    ledger, entry = asked(GET)
    entry.messages += messages
    (wrong,) = ledger.wrongs({}, faults)
    assert said in wrong


@pytest.mark.parametrize(
    ("kind", "outcome", "faults"),
    [(POST, "502", [DEATH]), (DRIP, "cut", [DEATH]), (GET, "502", [DEATH, LATER])],
    ids=["a POST of the dead", "an answer that had begun", "a GET of two dead"],
)
def test_what_a_fault_may_do_is_allowed_for_that_fault_only(
    kind: Kind, outcome: str, faults: list[Fault]
) -> None:
    ledger, entry = asked(kind, "browser", seconds=6.0)
    entry.outcome = outcome
    assert ledger.wrongs({}, faults) == []
    entry.asked_at += 60.0
    entry.ended_at += 60.0
    assert len(ledger.wrongs({}, faults)) == 1


def test_an_upstream_that_fails_is_said_to() -> None:
    ledger, entry = asked(HANG, seconds=15.0)
    entry.messages.append(echo(1, status=504))
    assert ledger.wrongs({}, []) == []
    entry.messages[:] = [echo(1)]
    assert len(ledger.wrongs({}, [])) == 1


def test_a_server_that_is_asked_to_end_fails_only_what_outlasts_its_grace_time() -> None:
    for seconds, wrongs in ((2.0, 1), (8.0, 0)):
        ledger, entry = asked(GET, seconds=seconds)
        entry.messages.append(echo(1, status=503))
        assert len(ledger.wrongs({}, [END])) == wrongs


def test_who_has_left_may_have_no_answer_but_not_two() -> None:
    ledger, entry = asked(GET)
    entry.has_left = True
    assert ledger.wrongs({}, []) == []
    entry.messages += [echo(1), echo(1)]
    assert len(ledger.wrongs({}, [])) == 1


def test_answers_for_nobody_late_ones_and_posts_that_were_repeated_are_wrong() -> None:
    ledger, entry = asked(GET, seconds=40.0)
    entry.messages.append(echo(1))
    ledger.unknown.append("daphne.response.x!y")
    assert len(ledger.wrongs({"/echo/7": 2, "/echo/8": 1}, [])) == 3


def test_a_piece_that_daphne_has_lost_with_its_redis_is_told_from_another_answer() -> None:
    restart = Fault("redis restart", 100.0, 101.0, "Redis was killed and started again")
    for content, faults, wrongs in (
        (b"drop 0\ndrop 2\n", [restart], 0),
        (b"drop 0\ndrop 2\n", [DEATH], 1),
        (b"drop 2\ndrop 0\n", [restart], 1),
    ):
        ledger, entry = asked(DRIP, "browser")
        entry.judge(200, content)
        entry.ended_at = 101.5
        assert len(ledger.wrongs({}, faults)) == wrongs
