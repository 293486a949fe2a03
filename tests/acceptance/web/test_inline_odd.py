"""CHANNELS_ASYNC = False: what no function and no command should do is answered as the server answers it."""

from __future__ import annotations

import re

import pytest

from tests.acceptance.browser import ask
from tests.acceptance.web.test_inline import comparable, inline_site  # noqa: F401 - a fixture

#: Of odd_ops.py; those whose answer breaks off are in test_cut_off.py.
KINDS = [
    "itself", "class", "close", "at-once", "exits", "never", "empty-text", "empty-dict",
    "empty-list", "empty-items", "empty-first", "mixed", "wrong-first", "lazy", "lazy-json",
    "native", "native-subclass", "set", "number", "true", "nan", "int-keys", "tuple-2", "status-99",
    "status-204", "status-204-stream", "status-304", "status-304-stream", "status-205",
    "status-500", "status-none", "header-break", "header-name", "header-unicode", "header-snowman",
    "header-number", "header-empty", "header-connection", "long-length", "length-right",
    "length-wrong", "length-twice", "length-first-too-long", "content-type-twice", "big",
    "big-item", "many", "django", "django-204", "django-json", "django-redirect", "django-stream",
    "django-stream-text", "django-file", "django-reason", "django-999", "two-generators",
]  # fmt: skip

COMMANDS = ["hidden", "killed", "leaver", "wordy", "limited", "missing", "edit", "zeros"]


def same(site, inline, method, path, body=None):
    """Whether both give the same answer; its last line names the operation, which differs."""
    pages = [comparable(ask(it.url + path, method, body)) for it in (site, inline)]
    (*heads, content), (*others, other) = pages
    operation = re.compile(rb"operation \w{32}")
    assert others == heads
    assert operation.sub(b"", other) == operation.sub(b"", content)


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_function_returns_is_the_same_answer(site, inline_site, kind):  # noqa: F811
    for method in ("GET", "HEAD"):
        same(site, inline_site, method, f"/call/odd.returned/?args=%5B%22{kind}%22%5D")


@pytest.mark.parametrize("name", COMMANDS)
def test_what_a_command_does_is_the_same_answer(site, inline_site, name):  # noqa: F811
    for method, body in (("GET", None), ("HEAD", None), ("POST", b""), ("POST", b"z" * 400_000)):
        same(site, inline_site, method, f"/command/{name}/", body)
