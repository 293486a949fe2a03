"""The kinds of operations of a soak: what is asked for, how often, and what an answer must hold."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.harness.upstream_app import pattern

#: How an operation ends: `right`; a status that is not 200; `cut`, begun and then broken off so that it
#: shows; `gave up`, daphne's own answer after its timeout, or none; `closed` without an answer; `nothing`;
#: `gaps`, pieces that are missing; `wrong: …`.
RIGHT = frozenset({"right"})

LARGE = 2_000_000  # bytes of a large answer
DROPS = 5  # pieces of a slow one
UPLOADS = (1, 1000, 300_000)  # bytes


@dataclass(frozen=True)
class Kind:
    """One thing to ask for. `path` is the upstream's; `{}` in it stands for the operation's number."""

    name: str
    operation: str
    method: str = ""
    path: str = ""
    weight: int = 1
    expected: frozenset[str] = RIGHT  # outcomes where nothing fails
    in_pieces: bool = False  # the answer begins before all of it is there
    uploads: bool = False

    @property
    def is_repeatable(self) -> bool:
        """Whether another server may do it again (server_trio/recovery.py)."""
        return self.operation in ("REQUEST", "FORWARD") and self.method == "GET"


KINDS = [
    Kind("echo", "REQUEST", "GET", "/echo/{}", 20),
    Kind("echo", "FORWARD", "GET", "/echo/{}", 8),
    Kind("echo", "REQUEST", "POST", "/echo/{}", 15),
    Kind("upload", "FORWARD", "POST", "/digest?n={}", 8, uploads=True),
    Kind("delay", "REQUEST", "GET", "/delay/0.5?n={}", 8),
    Kind("delay", "FORWARD", "POST", "/delay/1?n={}", 4),
    Kind("drip", "REQUEST", "GET", f"/drip/{DROPS}?interval=0.1&n={{}}", 5, in_pieces=True),
    Kind("large", "FORWARD", "GET", f"/bytes/{LARGE}?n={{}}", 3, in_pieces=True),
    Kind("disconnect", "REQUEST", "GET", "/disconnect?n={}", 2, frozenset({"502"})),
    Kind("disconnect", "FORWARD", "POST", "/disconnect?n={}", 2, frozenset({"502"})),
    Kind("truncated", "REQUEST", "GET", "/truncated?n={}", 2, frozenset({"cut", "502"}), in_pieces=True),
    Kind("torn", "FORWARD", "GET", "/torn?n={}", 2, frozenset({"cut", "502"}), in_pieces=True),
    Kind("garbage", "REQUEST", "GET", "/garbage?n={}", 2, frozenset({"502"})),
    Kind("hang", "FORWARD", "GET", "/hang?n={}", 1, frozenset({"504"})),
    Kind("call", "CALL", weight=8),
    Kind("command", "COMMAND", weight=2, in_pieces=True),
]
CALL = next(kind for kind in KINDS if kind.operation == "CALL")


def any_kind(choose: random.Random) -> Kind:
    return choose.choices(KINDS, [kind.weight for kind in KINDS])[0]


def body_of(kind: Kind, number: int, choose: random.Random) -> bytes:
    """What is sent with it."""
    if kind.method != "POST":
        return b""
    return (b"%d " % number).ljust(choose.choice(UPLOADS) if kind.uploads else 10, b"x")


def has_gaps(kind: Kind, content: bytes) -> bool:
    """Whether some pieces of it are there, in their order."""
    drops = [b"drop %d" % drop for drop in range(DROPS)]
    return kind.name == "drip" and content.splitlines() == [drop for drop in drops if drop in content]


def zeros(number: int) -> int:
    """How many bytes the command of that number writes."""
    return number % 5000 + 1


def is_its_own(kind: Kind, number: int, sent: bytes, content: bytes) -> bool:
    """Whether a complete 200 is the answer to what was asked."""
    check: dict[str, Callable[[], bool]] = {
        "echo": lambda: _echoes(kind.path.format(number), sent, json.loads(content)),
        "upload": lambda: bool(json.loads(content)["sha256"] == hashlib.sha256(sent).hexdigest()),
        "delay": lambda: content.startswith(b"after "),
        "drip": lambda: content == b"".join(b"drop %d\n" % drop for drop in range(DROPS)),
        "large": lambda: content == pattern(LARGE),
        "call": lambda: bool(json.loads(content)["number"] == number),
        "command": lambda: content == bytes(zeros(number)),
    }
    try:
        return check[kind.name]()
    except (KeyError, ValueError):
        return False


def _echoes(path: str, sent: bytes, said: dict[str, Any]) -> bool:
    return bool(said["target"] == path and said["body"] == sent.decode())
