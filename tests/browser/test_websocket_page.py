"""The page of docs/howto-websocket.rst: its script asks over a WebSocket, and shows answers as they come."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.acceptance.examples import Project, running
from tests.harness.pages import ROOT, Page
from tests.harness.upstream import upstream_server

from .conftest import TIMEOUT, Tabs

FRAMES = ['{"left": 3}', '{"left": 2}', '{"left": 1}', '{"done": true}']


@pytest.fixture(scope="module")
def project(tmp_path_factory, web_python: str) -> Iterator[Project]:
    page = Page(ROOT / "docs" / "howto-websocket.rst")
    assert page.stands_alone
    with (
        upstream_server() as upstream,
        running(tmp_path_factory.mktemp("project"), web_python, upstream, page) as it,
    ):
        yield it


def test_the_script_of_the_page_shows_each_answer_when_it_comes(tabs: Tabs, project: Project) -> None:
    page = tabs.open(project.url)
    answers = page.locator("#answers li")
    expect(answers).to_have_count(len(FRAMES) + 2, timeout=TIMEOUT)
    *early, late = [text.strip() for text in answers.all_inner_texts()]
    assert late == "after 2 s"
    assert sorted(early) == sorted([*FRAMES, "status 200"])
    assert [text for text in early if text in FRAMES] == FRAMES
