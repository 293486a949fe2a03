"""When a server says that it could take a message."""

from __future__ import annotations

from typing import Any

import pytest

from server_trio.readiness import OUTDATED, STILL, is_stuck, obstacle

NOW = 1_800_000_000.0
MOVING = {"connected": True, "still": 1.0}
AWAY = {"connected": False, "still": 0.0}
STUCK = {"connected": True, "still": STILL}


def report(**differing: Any) -> dict[str, Any]:
    places = {"total": 2, "free": 1}
    healthy = {"at": NOW, "state": "running", "places": places, "receiving": [MOVING]}
    return {**healthy, **differing}


@pytest.mark.parametrize(
    ("differing", "words"),
    [
        ({}, None),
        ({"receiving": [AWAY, MOVING]}, None),
        ({"receiving": [STUCK, MOVING]}, None),
        ({"places": {"total": 2, "free": 0}, "consumer_places": {"total": 1, "free": 1}}, None),
        ({"at": NOW - OUTDATED - 1}, "does not answer"),
        ({"state": "draining"}, "draining"),
        ({"receiving": [AWAY]}, "cannot be reached"),
        ({"receiving": []}, "cannot be reached"),
        ({"receiving": [AWAY, STUCK]}, "no progress"),
        ({"places": {"total": 2, "free": 0}}, "full"),
        ({"places": {"total": 2, "free": -1}, "consumer_places": {"total": 1, "free": 0}}, "full"),
    ],
)
def test_a_server_is_ready_only_while_it_could_take_a_message(
    differing: dict[str, Any], words: str | None
) -> None:
    found = obstacle(report(**differing), NOW)
    assert found is None if words is None else words in (found or "")


@pytest.mark.parametrize("nonsense", [{}, {"at": "now", "state": 5, "receiving": "x", "places": 7}])
def test_a_report_of_another_release_is_not_ready_rather_than_an_error(nonsense: dict[str, Any]) -> None:
    assert obstacle(nonsense, NOW) is not None
    assert not is_stuck(nonsense)


def test_only_a_server_whose_receivers_all_stand_still_is_stuck() -> None:
    assert is_stuck(report(receiving=[STUCK, STUCK]))
    assert not is_stuck(report(receiving=[STUCK, MOVING]))
    assert not is_stuck(report(receiving=[AWAY]))
