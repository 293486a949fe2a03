"""Stand-in for distutils.version: versions that can be compared, as channels and Django do."""

from __future__ import annotations

import re
from functools import total_ordering
from typing import Any


@total_ordering
class Version:
    """A version; `version` is what it is compared by. Compares with text, too."""

    version: Any

    def __init__(self, vstring: str | None = None) -> None:
        if vstring is not None:
            self.parse(vstring)

    def parse(self, vstring: str) -> None:
        raise NotImplementedError

    def _key(self, other: object) -> Any:
        if isinstance(other, str):
            other = type(self)(other)
        return other.version if isinstance(other, type(self)) else NotImplemented

    def __eq__(self, other: object) -> bool:
        key = self._key(other)
        return key if key is NotImplemented else bool(self.version == key)

    def __lt__(self, other: object) -> bool:
        key = self._key(other)
        return key if key is NotImplemented else bool(self.version < key)

    def __hash__(self) -> int:
        return hash(str(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__} ('{self}')"


class StrictVersion(Version):
    """N.N or N.N.N, then perhaps aN or bN, which sort before the release."""

    _pattern = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?(?:([ab])(\d+))?", re.ASCII)

    def parse(self, vstring: str) -> None:
        match = self._pattern.fullmatch(vstring)
        if match is None:
            raise ValueError(f"invalid version number '{vstring}'")
        major, minor, patch, stage, number = match.groups()
        self.text = vstring
        self.version = (int(major), int(minor), int(patch or 0), stage or "final", int(number or 0))

    def __str__(self) -> str:
        return self.text


class LooseVersion(Version):
    """Anything: runs of digits compare as numbers, runs of letters as text."""

    def parse(self, vstring: str) -> None:
        self.vstring = vstring
        parts = re.findall(r"\d+|[a-z]+|[^\d.a-z]+", vstring)
        self.version = [int(part) if part.isdigit() else part for part in parts]

    def __str__(self) -> str:
        return self.vstring
