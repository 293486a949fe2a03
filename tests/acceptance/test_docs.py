"""Every page of the documentation does what it says; examples.py tells how a page is written for that."""

from __future__ import annotations

import os
import shutil
from urllib.parse import urlsplit

import pytest
from docutils import nodes

from .examples import PAGES, README, ROOT, Page, running

#: Pages that describe and have nothing to run.
WITHOUT_EXAMPLE = {"architecture", "settings"}
needs_curl = pytest.mark.skipif(
    not shutil.which("curl") and not os.environ.get("CI"), reason="curl is not installed here"
)


def links(page: Page) -> set[str]:
    """The files of the repository that a page links to, by their paths in it."""
    found = set()
    for reference in page.tree.findall(nodes.reference):
        url = urlsplit(reference.get("refuri", ""))
        if not url.scheme and url.path:
            found.add(os.path.relpath((page.path.parent / url.path).resolve(), ROOT))
    return found


@pytest.mark.parametrize("path", [README, ROOT / "CHANGELOG.rst", *PAGES], ids=lambda path: path.stem)
def test_docutils_reads_it_without_a_warning_and_its_links_lead_somewhere(path):
    assert {link for link in links(Page(path)) if not (ROOT / link).exists()} == set()


def test_the_readme_links_to_every_page():
    assert {f"docs/{page.name}" for page in PAGES} <= links(Page(README))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_page_has_an_example_and_says_which_file_each_block_is(path):
    page = Page(path)
    assert page.nameless() == []
    asked = [command for command in page.commands() if not command.is_served and not command.runs_before]
    assert bool(asked and page.files()) != (page.name in WITHOUT_EXAMPLE)


@needs_curl
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_what_a_page_tells_to_type_prints_what_it_says(path, tmp_path, web_python, upstream):
    page, readme = Page(path), Page(README)
    commands = [it for it in page.commands() if not it.is_served and not it.runs_before]
    if not commands:
        assert page.name in WITHOUT_EXAMPLE
        return
    with running(tmp_path, web_python, upstream, readme, page) as project:
        for command in commands:
            printed = project.run(command)
            assert command.prints(printed), f"$ {command.line}\n{printed}\ninstead of\n{command.output}"
