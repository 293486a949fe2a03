"""The pages of the documentation are well-formed, and their links lead somewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from docutils.utils import SystemMessage

from tests.harness.pages import PAGES, README, ROOT, Page


@pytest.mark.parametrize("path", [README, ROOT / "CHANGELOG.rst", *PAGES], ids=lambda path: path.stem)
def test_docutils_reads_it_without_a_warning_and_its_links_lead_somewhere(path):
    assert {link for link in Page(path).links() if not (ROOT / link).exists()} == set()


def test_a_page_that_docutils_would_warn_of_is_refused(tmp_path: Path) -> None:
    (tmp_path / "page.rst").write_text("A page\n=====\n\nwith a title that is underlined too shortly\n")
    with pytest.raises(SystemMessage):
        Page(tmp_path / "page.rst")


def test_a_block_without_the_name_of_a_file_is_found(tmp_path: Path) -> None:
    (tmp_path / "page.rst").write_text(".. code-block:: python\n\n    x = 1\n")
    assert Page(tmp_path / "page.rst").nameless() == ["x = 1\n"]
