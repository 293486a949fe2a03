"""The page for people: what it shows, also of a site whose neighbours write nonsense, and what it escapes."""

from __future__ import annotations

import html.parser
import json
import math
import time
from typing import Any

import pytest

from server_trio.stats import BOUNDS
from server_trio.status.history import LENGTH, History, percentile
from server_trio.status.page import render
from server_trio.status.view import TABLES, duration, summary

from .status_support import report

HOSTILE = "</td><script>alert(1)</script><img src=x onerror=alert(1)>\"'&"


class Reader(html.parser.HTMLParser):
    """The tags of a page, and the texts in it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.inline = 0
        self.words = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.inline += any(name.startswith("on") or name == "style" for name, _ in attrs)
        self.inline += tag == "style" or (tag == "script" and "src" not in dict(attrs))

    def handle_data(self, data: str) -> None:
        self.words += data


def test_what_comes_from_outside_is_text_and_nothing_else() -> None:
    running = {
        "id": HOSTILE, "operation": HOSTILE, "target": HOSTILE,
        "begun_at": time.time(), "deadline_at": None,
    }  # fmt: skip
    error = {**report()["errors"][0], "target": HOSTILE, "reason": HOSTILE, "outcome": HOSTILE}
    hostile = report(
        running=[running], errors=[error], host=HOSTILE, package=HOSTILE, state=HOSTILE,
        upstreams=[[HOSTILE, HOSTILE, 1, 1.0]], queues={HOSTILE: {"length": 1, "oldest_age": 1.0}},
        finished=[[HOSTILE, HOSTILE, 1]],
    )  # fmt: skip
    plain, attacked = (
        Reader(render(summary([found], [found], time.time()))) for found in (report(), hostile)
    )
    assert attacked.tags.count("script") == plain.tags.count("script") == 2
    assert "img" not in attacked.tags
    assert plain.inline == attacked.inline == 0
    assert attacked.words.count("alert(1)") >= 10


def test_of_a_thousand_operations_in_flight_the_oldest_are_shown_and_the_rest_is_told() -> None:
    now = time.time()
    running = [{**report()["running"][0], "id": f"{n:04}", "begun_at": now - n} for n in range(50)]
    busy = report(in_flight=1000, running=running)
    view = summary([busy, {**busy, "process": 2}], [], now)
    assert len(view["tables"]["running"]) == 50
    assert view["tables"]["running"][0][5] == "0049"
    assert view["notes"]["running"] == "the oldest 50 of 2000"
    assert "the oldest 50 of 2000" in Reader(render(view)).words


def test_every_row_has_as_many_cells_as_its_table_has_columns() -> None:
    tables = summary([report()], [report()], time.time())["tables"]
    for table in TABLES:
        assert tables[table.id], table.id
        assert {len(row) for row in tables[table.id]} == {len(table.columns)}, table.id
    empty = summary([], [], time.time())["tables"]
    assert not any(empty.values())


@pytest.mark.parametrize(
    "nonsense",
    [
        {},
        {"at": "now", "finished": "x", "places": 5, "started_at": None},
        {"at": math.nan, "finished": [["a"], 5, ["x", "ok", "y"]], "places": {"free": "all"}},
        {"finished": [[{"a": 1}, ["b"], 3], [1, 2], 5, None]},
        {"finished": [["x", ["ok"], 3]], "places": [], "in_flight": 10**400},
        {"host": "\x1b]0;x\x07\u202e\u2028", "state": "\x9b"},
        {"host": b"\xff" * 10_000, "pid": {"a": []}, "finished": [["x", "ok", math.inf]]},
    ],
)
def test_a_neighbour_that_writes_nonsense_breaks_no_page(nonsense: dict[str, Any]) -> None:
    view = summary([report()], [report(), nonsense], time.time())
    assert len(view["tables"]["servers"]) == 2
    assert max(len(cell) for row in view["tables"]["servers"] for cell in row) <= 300
    assert not set("\x1b\x9b\u202e\u2028") & set(render(view) + json.dumps(view, ensure_ascii=False))


def test_a_neighbour_that_has_fallen_silent_is_taken_for_dead() -> None:
    view = summary([], [report(at=1000.0)], 1003.5)
    assert view["tables"]["servers"][0][2] == "running"
    view = summary([], [report(at=1000.0)], 1004.5)
    assert view["tables"]["servers"][0][2] == "dead?"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0123, "12 ms"),
        (1.04, "1.0 s"),
        (119.0, "119.0 s"),
        (300.0, "5 min"),
        (8000.0, "2 h"),
        (-1.0, "0 s"),
    ],
)
def test_durations_are_written_as_people_do(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_a_percentile_lies_in_its_class() -> None:
    classes = [0] * (len(BOUNDS) + 1)
    assert percentile(classes, 0.5) is None
    classes[7] = 100  # 0.5 to 1 s
    assert percentile(classes, 0.5) == pytest.approx(0.75)
    classes[-1] = 1000
    assert percentile(classes, 0.95) == BOUNDS[-1]


def test_of_a_percentile_a_table_says_no_more_than_its_class_tells() -> None:
    counts = [0] * (len(BOUNDS) + 1)
    counts[8], counts[-1] = 50, 50  # half in 1 to 2.5 s, half above 60 s
    durations = {"REQUEST": {"counts": counts, "sum": 4000.0}}
    view = summary([report(durations=durations, queue_waits={})], [], time.time())
    row = next(row for row in view["tables"]["operations"] if row[0] == "REQUEST")
    assert row[-3:] == ["< 2.5 s", "> 60.0 s", "-"]


def test_the_plots_show_what_happened_between_two_reports() -> None:
    history = History()
    history.add([report()], 100.0)
    assert history.since(0) == []  # what was before is no rate
    later = report(
        finished=[["REQUEST", "ok", 23], ["REQUEST", "upstream_error", 5], ["CALL", "timeout", 1]],
        in_flight=7,
    )
    later["durations"] = {
        "REQUEST": {"counts": [24, *report()["durations"]["REQUEST"]["counts"][1:]], "sum": 1}
    }
    history.add([later], 102.0)
    ((at, answered, failed, median, slow, in_flight),) = history.since(0)
    assert (at, answered, failed, in_flight) == (102.0, 12.0, 2.0, 7)
    assert 0 < (median or 0) < (slow or 0) <= BOUNDS[0]
    history.add([report(id="its successor")], 103.0)  # counts from nothing
    assert history.since(102.0)[0][1:3] == (0.0, 0.0)


def test_the_plots_are_bounded() -> None:
    history = History()
    for second in range(LENGTH + 100):
        history.add([report()], 1000.0 + second)
    assert len(history.since(0)) == LENGTH
