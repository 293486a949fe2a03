"""The documentation that is written from the code is as the code is."""

from __future__ import annotations

import importlib.util
import inspect
import os
import pathlib
import re
import sys
from types import ModuleType
from typing import Any

import pytest

from channels_async import wire
from channels_async.wire import details, typed
from server_trio.resolving import resolve
from tests.harness.pages import PAGES, README, ROOT, Page

DOCS = ROOT / "docs"
GENERATORS = sorted(path.stem for path in DOCS.glob("make_*.py"))


def load(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module of docs/, which is no package."""
    monkeypatch.setattr(sys, "path", [str(DOCS), *sys.path])
    specification = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def page(generator: str) -> pathlib.Path:
    """What docs/make_redis_keys.py writes: docs/redis-keys.rst."""
    return DOCS / f"{generator.removeprefix('make_').replace('_', '-')}.rst"


@pytest.mark.parametrize("name", GENERATORS)
def test_a_page_is_what_its_generator_writes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert page(name).read_text() == load(name, monkeypatch).render(), "run python docs/write_pages.py"


@pytest.mark.parametrize("name", GENERATORS)
def test_a_generated_page_says_so(name: str) -> None:
    assert f"written by docs/{name}.py" in page(name).read_text()


def test_the_contract_describes_the_fields_that_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    lists = list(load("tables", monkeypatch).definitions(wire.__doc__))
    described = {operation: ({}, {}) for operation in details.FORMS}
    common: set[str] = set()
    for heading, fields in lists:
        operations = [name for name in details.FORMS if re.search(rf"\b{name}\b", heading)]
        for term, text in fields:
            assert text, term
            if not operations:
                common.add(term.strip("[]"))
            for operation in operations:
                described[operation][term.startswith("[")][term.strip("[]")] = text
    assert common == set(typed.FIELDS)
    for operation, (required, optional) in described.items():
        form = details.FORMS[operation]
        assert set(required) == set(form.required)
        assert {*required, *optional} == set(form.fields)


def test_every_bound_says_of_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = load("make_wire", monkeypatch)._limits()
    assert len(rows) == len(re.findall(r"^MAX_", inspect.getsource(wire.limits), re.MULTILINE))
    assert [name for name, _, comment in rows if not comment] == []


def test_texts_of_the_code_become_no_markup_by_accident(monkeypatch: pytest.MonkeyPatch) -> None:
    as_rst = load("tables", monkeypatch).as_rst
    assert as_rst("`a` or 'b', *c, d_, the site's own") == "``a`` or ``'b'``, \\*c, d\\_, the site's own"


@pytest.mark.parametrize("path", [README, *PAGES], ids=lambda path: path.stem)
def test_settings_that_a_page_only_shows_are_settings(
    path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blocks that are no part of a project that is run: they name what there is, with right values."""
    monkeypatch.setenv("CLIENT_KEY_PASSWORD", "secret")
    for block in Page(path).literals():
        if block.startswith("CHANNELS_ASYNC_SERVER = "):
            namespace: dict[str, Any] = {"os": os}
            exec(block, namespace)
            resolve(namespace["CHANNELS_ASYNC_SERVER"], {}, {})


def test_such_blocks_are_found() -> None:
    shown = [block for path in PAGES for block in Page(path).literals()]
    assert len([block for block in shown if block.startswith("CHANNELS_ASYNC_SERVER = ")]) >= 3


def test_every_finding_is_in_the_table() -> None:
    sources = [ROOT / "server_trio/tools/check.py", *(ROOT / "client/channels_async").glob("*.py")]
    text = "".join(source.read_text() for source in sources)
    found = set(re.findall(r"""(?:channels_async\.|["'])([EWI]0\d\d)\b""", text))
    assert found == set(re.findall(r"\b[EWI]0\d\d\b", (DOCS / "cli.rst").read_text()))
