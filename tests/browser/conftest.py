"""A headless Chromium, driven by playwright, and a folder for its pictures.

It is the one on PATH (Debian: apt-get install chromium). Where there is none the tests are skipped; with
CI=true that is an error.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.harness.pages import ROOT

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
TIMEOUT = 60_000  # milliseconds for what a page is to show; daphne and a worker answer, on a busy machine
#: It asks nobody but the pages under test.
QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run")

WIDE = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="session")
def web_python() -> str:
    """The site's Python: CHANNELS_ASYNC_TEST_WEB_PYTHON (noxfile.py: a Python 2.7), else this one."""
    return os.environ.get("CHANNELS_ASYNC_TEST_WEB_PYTHON") or sys.executable


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        line = f"no Chromium is on PATH (looked for {', '.join(NAMES)}): apt-get install chromium"
        if os.environ.get("CI"):
            pytest.fail(line)
        pytest.skip(line)
    # Its sandbox does not run as root.
    words = [*QUIET, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=words)
        yield browser
        browser.close()


class Tabs:
    """Opens pages, and remembers what went wrong in them."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts = contextlib.ExitStack()
        self.wrong: list[str] = []  # uncaught errors of scripts, and what a Content-Security-Policy refused

    def open(self, url: str, *, dark: bool = False, phone: bool = False) -> Page:
        context = self._browser.new_context(
            viewport=PHONE if phone else WIDE, color_scheme="dark" if dark else "light"
        )
        self._contexts.callback(context.close)
        context.set_default_timeout(TIMEOUT)
        page = context.new_page()
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("console", lambda said: self._note(said.text))
        page.goto(url)
        return page

    def _note(self, text: str) -> None:
        if "Content Security Policy" in text:
            self.wrong.append(text)

    def close(self) -> None:
        self._contexts.close()


@pytest.fixture
def tabs(chromium: Browser) -> Iterator[Tabs]:
    """Nothing may go wrong in the pages it opens."""
    tabs = Tabs(chromium)
    yield tabs
    tabs.close()
    assert tabs.wrong == []


@pytest.fixture(scope="session")
def pictures() -> Path:
    """Where screenshots are written."""
    folder = ROOT / "build" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
