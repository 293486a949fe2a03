"""The benchmarks' medians, ratios, goals, page and picture say what was measured."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks import page
from benchmarks.plot import picture
from benchmarks.report import GOALS, LOADS, Goal, Results, comparison, duration, figure, of
from tests.harness.pages import Page

NAMES = {"ours": "channels_async", "asyncio": "asyncio, batched", "taskiq": "taskiq"}
AT_ONCE = LOADS[0]


@pytest.fixture
def results() -> Results:
    """Three rounds; in the second the machine was busy."""
    results = Results("2 processors", 3, versions="asyncio, batched (redis 6.4.0)")
    for ours, best, taskiq in ((4000, 8000, 2000), (1000, 1000, 500), (4400, 8000, 1000)):
        for who, rate in (("ours", ours), ("asyncio", best), ("taskiq", taskiq)):
            results.add("at-once", who, {"rate": rate, "p50": 0.05, "p99": 1.5, "failed": 0})
    results.add("waiting-1000", "ours", {"rate": 900, "processor": 310, "kilobytes": 12.3})
    results.add("waiting-2000", "ours", {"rate": 1800, "processor": 330, "kilobytes": 12.1})
    return results


def test_the_median_is_of_the_rounds(results: Results) -> None:
    assert results.median("at-once", "ours", "rate") == 4000
    assert results.median("at-once", "nobody", "rate") is None


def test_a_ratio_is_the_median_of_the_rounds_own(results: Results) -> None:
    # 0.5, 1.0 and 0.55: that of the medians would be 0.5
    assert results.ratio("at-once", "ours", "asyncio") == pytest.approx(0.55)
    assert results.ratio("at-once", "ours", "nobody") is None


def test_a_rival_that_did_nothing_in_a_round_does_not_count_in_it() -> None:
    results = Results()
    for ours, theirs in ((10.0, 0.0), (10.0, 5.0)):
        results.add("at-once", "ours", {"rate": ours})
        results.add("at-once", "2017", {"rate": theirs})
    assert results.ratio("at-once", "ours", "2017") == 2.0


def test_the_spread_is_of_the_median(results: Results) -> None:
    assert results.spread("at-once", "ours", "rate") == pytest.approx(0.85)
    assert results.spread("at-once", "nobody", "rate") == 0.0


@pytest.mark.parametrize(
    ("bound", "most", "met"), [(0.5, False, True), (0.6, False, False), (0.6, True, True), (0.5, True, False)]
)
def test_a_goal_is_a_least_or_a_most(results: Results, bound: float, most: bool, met: bool) -> None:
    assert Goal("at-once", "", of("at-once", "asyncio"), bound, most).met(results) is met


def test_a_goal_that_was_not_measured_is_neither_met_nor_missed(results: Results) -> None:
    assert Goal("idle", "", figure("idle", "first"), 0.7, most=True).met(results) is None


def test_the_fastest_stands_first_and_each_beside_asyncio(results: Results) -> None:
    cells = re.findall(r"^    [* ] -(?: (.*))?$", comparison(results, AT_ONCE, NAMES), re.MULTILINE)
    rows = [cells[begin : begin + 7] for begin in range(0, len(cells), 7)]
    assert rows[0] == ["", "operations/s", "of asyncio batched", "processor (µs)", "p50", "p99", "spread"]
    assert rows[1] == ["asyncio, batched", "8,000", "1.00", "", "50.0 ms", "1.50 s", "88%"]
    assert [row[0] for row in rows[2:]] == ["channels_async", "taskiq"]


def test_who_answers_with_errors_is_shown_to(results: Results) -> None:
    for _ in range(3):
        results.add("at-once", "arq", {"rate": 90_000, "failed": 1234})
    table = comparison(results, AT_ONCE, {**NAMES, "arq": "arq"})
    assert "- arq (**1,234 failed**)" in table
    assert table.count("failed") == 1


def test_the_page_is_well_formed_and_has_every_goal(results: Results, tmp_path) -> None:
    file = tmp_path / "benchmarks.rst"
    results.seconds, results.missing = 1.5, {("at-once", "arq"): "arq is `not` installed"}
    file.write_text(page.text(results, NAMES, (1000, 2000)).replace(".. image:: benchmarks.svg", "..\n"))
    Page(file)
    assert "for 1.5 seconds" in file.read_text()
    assert "* arq under upstream at once, 200 outstanding: ``arq is not installed``" in file.read_text()
    assert "asyncio, batched (redis 6.4.0)" in file.read_text()
    assert file.read_text().count("not measured") == sum(goal.met(results) is None for goal in GOALS)
    assert "**no**" in file.read_text()
    assert page.MISSED in file.read_text()


def test_where_all_goals_are_met_none_is_called_missed() -> None:
    assert page.MISSED not in page.text(Results("2 processors", 3), NAMES, ())


def test_the_picture_has_a_bar_for_each_server_and_a_point_for_each_cost(results: Results) -> None:
    svg = "{http://www.w3.org/2000/svg}"
    root = ElementTree.fromstring(picture(results, NAMES, (1000, 2000, 5000)))
    assert len(root.findall(f"{svg}circle")) == 2
    texts = [node.text for node in root.findall(f"{svg}text")]
    named = [name for name in texts if name in NAMES.values()]
    assert named == ["asyncio, batched", "channels_async", "taskiq"]
    bars = [float(node.attrib["width"]) for node in root.findall(f"{svg}rect")[1:]][1::2]
    assert bars == pytest.approx([bars[0], bars[0] / 2, bars[0] / 8], abs=0.1)


def test_labels_of_the_picture_do_not_overlap(results: Results) -> None:
    for number in (5000, 10_000, 20_000):
        results.add(f"waiting-{number}", "ours", {"processor": 310})
    svg = "{http://www.w3.org/2000/svg}"
    root = ElementTree.fromstring(picture(results, NAMES, (1000, 2000, 5000, 10_000, 20_000)))
    labels = [node for node in root.iter(f"{svg}text") if node.text in ("310", "330")]
    ends = sorted(extent(node) for node in labels)
    assert len(ends) == 5
    assert all(one[1] < two[0] for one, two in itertools.pairwise(ends))


def extent(node: ElementTree.Element) -> tuple[float, float]:
    """From where to where a label goes, where a digit is some seven pixels wide."""
    x, width = float(node.attrib["x"]), 7.0 * len(node.text or "")
    begin = x - {"middle": width / 2, "end": width}.get(node.attrib.get("text-anchor", ""), 0)
    return begin, begin + width


def test_figures_come_back_from_a_file(results: Results, tmp_path) -> None:
    results.seconds, results.missing = 1.5, {("at-once", "arq"): "arq has answered 0 of 1 operations"}
    results.write(tmp_path / "results.json")
    assert Results.read(tmp_path / "results.json") == results


@pytest.mark.parametrize(("seconds", "said"), [(0.0034, "3.4 ms"), (0.9999, "999.9 ms"), (1.234, "1.23 s")])
def test_durations_are_for_people(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_a_signal_while_results_are_written_leaves_those_of_before(
    results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "results.json"
    results.write(file)
    write_text = Path.write_text

    def interrupted(path: Path, text: str) -> None:
        write_text(path, text[: len(text) // 2])
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_text", interrupted)
    with pytest.raises(KeyboardInterrupt):
        results.write(file)
    assert Results.read(file) == results
