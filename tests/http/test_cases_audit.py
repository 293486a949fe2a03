"""The table of cases is whole: each row of the list of what asks did wrong, and each word of the issue."""

from __future__ import annotations

from pathlib import Path

from tests.http.cases import CASES, ELSEWHERE

ROOT = Path(__file__).resolve().parents[2]

ROWS = [f"6.{number}" for number in range(22)]

ASKED_FOR = [
    "slow headers", "slow body", "one byte", "reset", "truncated", "garbage", "100 MB header",
    "endless redirect", "redirect to another scheme", "gzip bomb", "chunk extensions", "trailers",
    "100-continue", "early response", "closed while pooled", "HTTP/1.0", "IPv6 literal", "IDNA", "userinfo",
    "percent-encodings", "retries",
]  # fmt: skip


def test_names_are_unique():
    names = [case.name for case in CASES]
    assert len(names) == len(set(names))


def test_every_row_and_every_word_has_a_case_or_a_test_elsewhere():
    answered = {fact for case in CASES for fact in case.facts}
    assert [row for row in [*ROWS, *ASKED_FOR] if row not in answered and row not in ELSEWHERE] == []
    assert sorted(answered - {*ROWS, *ASKED_FOR}) == []


def test_the_tests_elsewhere_are_there():
    named = {place.partition(":")[0].split(",")[0] for place in ELSEWHERE.values()}
    assert [name for name in named if not (ROOT / name).is_file()] == []


def test_every_case_tells_what_it_is_about():
    assert [case.name for case in CASES if not case.about or "\n" in case.about] == []
