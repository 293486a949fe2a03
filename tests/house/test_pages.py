"""The pages of the documentation are well-formed, and their links lead somewhere."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from docutils.utils import SystemMessage

from tests.harness.pages import PAGES, README, ROOT, Page

EXAMPLES = sorted((ROOT / "examples").rglob("*.rst"))


ALL = [README, ROOT / "CHANGELOG.rst", *PAGES, *EXAMPLES]


@pytest.mark.parametrize("path", ALL, ids=lambda path: str(path.relative_to(ROOT)))
def test_docutils_reads_it_without_a_warning_and_its_links_lead_somewhere(path):
    assert {link for link in Page(path).links() if not (ROOT / link).exists()} == set()


def test_the_index_links_to_every_page_and_lists_it_in_its_contents() -> None:
    index = Page(ROOT / "docs" / "index.rst")
    names = {path.stem for path in PAGES} - {index.name}
    assert index.listed() == names, "add the page to a toctree of docs/index.rst"
    assert {f"docs/{name}.rst" for name in names} - index.links() == set(), "and a link that says what it has"


@pytest.mark.parametrize("path", [README, *PAGES], ids=lambda path: path.stem)
def test_links_to_a_section_name_one_that_is_there(path: Path) -> None:
    page = Page(path)
    missing = [
        f"{target.path}#{target.fragment}"
        for target in page.targets()
        if target.fragment and target.fragment not in Page((path.parent / target.path).resolve()).sections()
    ]
    assert missing == []


@pytest.mark.parametrize("path", sorted((ROOT / "docs").glob("*.svg")), ids=lambda path: path.name)
def test_a_drawing_says_what_it_shows_and_fetches_nothing(path: Path) -> None:
    svg = "{http://www.w3.org/2000/svg}"
    root = ElementTree.fromstring(path.read_text())
    assert root.findtext(f"{svg}title")
    assert root.findtext(f"{svg}desc")
    links = [value for node in root.iter() for name, value in node.items() if name.endswith("href")]
    assert [link for link in links if not link.startswith("#")] == []


def test_a_page_that_docutils_would_warn_of_is_refused(tmp_path: Path) -> None:
    (tmp_path / "page.rst").write_text("A page\n=====\n\nwith a title that is underlined too shortly\n")
    with pytest.raises(SystemMessage):
        Page(tmp_path / "page.rst")


def test_a_block_without_the_name_of_a_file_is_found(tmp_path: Path) -> None:
    (tmp_path / "page.rst").write_text(".. code-block:: python\n\n    x = 1\n")
    assert Page(tmp_path / "page.rst").nameless() == ["x = 1\n"]
