"""Every page of the documentation does what it says; examples.py tells how a page is written for that."""

from __future__ import annotations

import pytest

from tests.harness.pages import PAGES, README, ROOT, Page

from .examples import ALONE, needs_curl, running

#: Pages that describe and have nothing to run (what status.rst shows is tests/server/test_status_docs.py's).
WITHOUT_EXAMPLE = {
    "answers", "architecture", "benchmarks", "dead-letters", "flags", "guarantees", "index", "metrics",
    "redis-keys", "restarts", "scaling", "security", "settings", "status", "why-trio", "wire",
}  # fmt: skip


def test_the_readme_leads_to_every_page():
    assert "docs/index.rst" in Page(README).links()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_page_has_an_example_and_says_which_file_each_block_is(path):
    page = Page(path)
    assert page.nameless() == []
    assert bool(page.asked() and page.files()) != (page.name in WITHOUT_EXAMPLE)


def test_the_quickstart_leaves_no_file_to_be_guessed():
    assert set(ALONE) <= set(Page(ROOT / "docs" / "quickstart.rst").files())


@needs_curl
@pytest.mark.parametrize(
    "path", [path for path in PAGES if path.stem not in WITHOUT_EXAMPLE], ids=lambda path: path.stem
)
def test_what_a_page_tells_to_type_prints_what_it_says(path, tmp_path, web_python, upstream):
    page = Page(path)
    pages = [page] if page.stands_alone else [Page(README), page]
    with running(tmp_path, web_python, upstream, *pages) as project:
        for command in page.asked():
            printed = project.run(command)
            assert command.prints(printed), f"$ {command.line}\n{printed}\ninstead of\n{command.output}"
