"""The documentation that is written from the code is as the code is."""

from __future__ import annotations

import importlib.util
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_the_settings_page_is_what_the_settings_are() -> None:
    specification = importlib.util.spec_from_file_location(
        "make_settings", ROOT / "docs" / "make_settings.py"
    )
    assert specification is not None
    assert specification.loader is not None
    make_settings = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(make_settings)
    assert (ROOT / "docs" / "settings.rst").read_text() == make_settings.render(), (
        "run python docs/make_settings.py"
    )


def test_the_page_about_http_has_the_cases_as_they_are() -> None:
    specification = importlib.util.spec_from_file_location("make_http", ROOT / "docs" / "make_http.py")
    assert specification is not None
    assert specification.loader is not None
    make_http = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(make_http)
    page = (ROOT / "docs" / "http.rst").read_text()
    assert page == make_http.render(page), "run python docs/make_http.py"
