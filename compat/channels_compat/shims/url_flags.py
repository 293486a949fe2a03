"""URL patterns like ^(?i)path/$, whose flag Python 3.11 allows at the very start only."""

from __future__ import annotations

import importlib
import re
import warnings
from typing import Any

from ..shim import Shim

MODULE = "django.urls.resolvers"
_FLAGS = re.compile(r"(?<!\\)((?:\\\\)*)\(\?([aiLmsux]+)\)")


def with_flags_first(pattern: str) -> str:
    """The pattern with its global flags where they still may be: they apply to all of it anyway."""
    flags = "".join(sorted({flag for match in _FLAGS.finditer(pattern) for flag in match[2]}))
    return (f"(?{flags})" if flags else "") + _FLAGS.sub(r"\1", pattern)


class FlaggedPattern:
    """A compiled pattern that shows the text it was made of: Django strips its ^ and joins it to others."""

    def __init__(self, pattern: str, flags: int) -> None:
        self.pattern = pattern
        self._compiled = re.compile(with_flags_first(pattern), flags)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._compiled, name)


class OldRe:
    """What django.urls.resolvers sees as `re`."""

    def __getattr__(self, name: str) -> Any:
        return getattr(re, name)

    def compile(self, pattern: str, flags: int = 0) -> Any:
        try:
            return re.compile(pattern, flags)
        except re.error as error:
            if "global flags not at the start" not in str(error):
                raise
            return FlaggedPattern(pattern, flags)

    def search(self, pattern: str, text: str, flags: int = 0) -> Any:
        return self.compile(pattern, flags).search(text)


def needed() -> bool:
    try:
        re.compile("^(?i)x")
        return False
    except re.error:
        pass
    normalize = importlib.import_module("django.utils.regex_helper").normalize
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Django 1.11 says that it will go
        try:
            normalize("^(?i)x")
        except ValueError:  # Django 2.1 and later refuse flags themselves
            return False
    return True


def apply(module: Any) -> None:
    module.re = OldRe()


shim = Shim(
    name="django-url-flags",
    cause="Python 3.11 wants (?i) at the start of a pattern; in Django 1.11's URLs it may be anywhere.",
    source="Django 1.11.29 django/urls/resolvers.py:107,466",
    module=MODULE,
    needed=needed,
    apply=apply,
)
