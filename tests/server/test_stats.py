"""The counters of a server: what falls in which class, and that none of them grows without bound."""

from __future__ import annotations

import pytest

from server_trio import recent_errors
from server_trio.recent_errors import RecentErrors
from server_trio.stats import BOUNDS, MOST_HOSTS, Counters, Histogram, Upstreams

NOW = 1_800_000_000.0


def test_a_duration_falls_into_the_class_of_the_least_bound_that_it_does_not_exceed() -> None:
    histogram = Histogram()
    for seconds in (0.0, BOUNDS[0], BOUNDS[0] + 1e-9, BOUNDS[-1], BOUNDS[-1] + 1):
        histogram.observe(seconds)
    counts = histogram.plain()["counts"]
    assert len(counts) == len(BOUNDS) + 1
    assert (counts[0], counts[1], counts[-2], counts[-1]) == (2, 1, 1, 1)
    assert histogram.plain()["sum"] == pytest.approx(2 * BOUNDS[0] + 2 * BOUNDS[-1] + 1)


def test_a_wait_that_is_not_known_is_not_counted_as_none() -> None:
    counters = Counters()
    counters.finish("REQUEST", "ok", 0.2, None, 10)
    counters.finish("REQUEST", "ok", 0.2, 0.3, 10)
    statistics = counters.statistics()
    assert sum(statistics.durations["REQUEST"]["counts"]) == 2
    assert sum(statistics.queue_waits["REQUEST"]["counts"]) == 1
    assert statistics.bytes_out == 20


def test_upstreams_beyond_the_bound_are_counted_together() -> None:
    upstreams = Upstreams()
    for number in range(MOST_HOSTS + 500):
        upstreams.note(f"host-{number}", "2xx", 0.5)
    upstreams.note("host-0", "2xx", 0.5)
    upstreams.note("host-0", "5xx", 0.5)
    found = {(host, outcome): rest for host, outcome, *rest in upstreams.plain()}
    assert len(found) == MOST_HOSTS + 2
    assert found["host-0", "2xx"] == [2, 1.0]
    assert found["other", "2xx"] == [500, 250.0]


def test_errors_of_one_kind_are_one_entry_with_the_last_reason() -> None:
    errors = RecentErrors()
    errors.note("REQUEST", "<a>", "timeout", "the first", NOW)
    errors.note("REQUEST", "<b>", "timeout", "another", NOW + 1)
    errors.note("REQUEST", "<a>", "timeout", "the last", NOW + 2)
    first, second = errors.plain(NOW + 3)
    assert first == {
        "operation": "REQUEST", "target": "<a>", "outcome": "timeout",
        "count": 2, "first_at": NOW, "last_at": NOW + 2, "reason": "the last",
    }  # fmt: skip
    assert second["target"] == "<b>"


def test_after_an_hour_an_error_is_forgotten_and_those_after_it_are_not() -> None:
    errors = RecentErrors()
    for minute in (0, 1, 30):
        errors.note("REQUEST", "<a>", "timeout", "late", NOW + 60 * minute)
    (kind,) = errors.plain(NOW + 3601)
    assert (kind["count"], kind["first_at"]) == (2, NOW + 60)
    assert errors.plain(NOW + 3600 + 60 * 30) == []


def test_kinds_of_errors_are_bounded_and_the_one_seen_longest_ago_goes() -> None:
    errors = RecentErrors()
    for number in range(recent_errors.MOST_KINDS + 50):
        errors.note("REQUEST", "<old>", "timeout", "again and again", NOW)
        errors.note("REQUEST", f"<{number}>" + "x" * 10_000, "timeout", "y" * 10_000, NOW)
    found = errors.plain(NOW)
    assert len(found) == recent_errors.MOST_KINDS
    assert {"<old>"} < {kind["target"] for kind in found}
    assert max(len(kind["target"]) + len(kind["reason"]) for kind in found) <= 400


def test_a_million_errors_of_one_kind_take_no_more_room_than_its_minutes() -> None:
    errors = RecentErrors()
    for number in range(100_000):
        errors.note("REQUEST", "<a>", "timeout", "late", NOW + number / 10)  # for more than two hours
    (kind,) = errors._kinds.values()
    assert len(kind.minutes) <= 61
    assert errors.plain(NOW + 10_000)[0]["count"] <= 36_600
