"""Writes docs/redis-keys.rst from server_trio/layers/redis_scripts.py: python docs/make_redis_keys.py"""

from __future__ import annotations

import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), *(str(HERE.parent / name) for name in ("", "client", "compat"))]

from tables import as_rst, definitions, table  # noqa: E402

from server_trio.layers import redis_scripts  # noqa: E402

PAGE = HERE / "redis-keys.rst"

HEAD = """\
Keys in Redis
=============

.. This file is written by docs/make_redis_keys.py from server_trio/layers/redis_scripts.py.

What is written to the Redis of an asgi_redis layer, and what becomes of it. Every key has a TTL, so
whatever happens to the servers, Redis is left as it was. The first group is asgi_redis's own,
written and read in the same way by daphne, workers and the server; ``expiry`` and ``group_expiry``
are those of the layer's ``CONFIG``. With ``symmetric_encryption_keys`` all that a message says is
encrypted in each of these keys.

Do not write to these keys by hand. What another hand has written can lose operations, but ends no
server (`security <security.rst>`__). To look at the dead letters there is a command (`dead letters
<dead-letters.rst>`__).

"""

#: What a part in angle brackets stands for, as a pattern; of any other, what has no colon.
PARTS = {"<32 hex digits>": "[0-9a-f]{32}", "<counter>": "[a-z_]+", "<channel>": r"[\w.?!-]+"}
#: What the docstring says of how long a key lives, and of whose it is.
LIVES = re.compile(r"(?:[;.] |^)(TTL [^.;]*(?:\.\d[^.;]*)?)")
OWNER = re.compile(r" ?Owner: ([^.]*)\.")


class Key:
    """One kind of key, as the docstring has it."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.type, _, self.about = text.partition(" ")

    @property
    def pattern(self) -> re.Pattern[str]:
        """What such keys look like."""
        parts = re.split(r"(<[^>]+>)", self.name)
        patterns = [PARTS.get(part, "[^:]+") if part.startswith("<") else re.escape(part) for part in parts]
        return re.compile("".join(patterns))

    @property
    def cells(self) -> tuple[str, str, str, str, str]:
        """Name, type, TTL, owner and the rest, as reStructuredText."""
        lives = "; ".join(found.removeprefix("TTL ") for found in LIVES.findall(self.about))
        owner = OWNER.search(self.about)
        rest = LIVES.sub("", OWNER.sub("", self.about)).strip(" .;")
        cells = lives, owner[1] if owner else "", rest
        return (f"``{self.name}``", self.type, *(as_rst(" ".join(cell.split())) for cell in cells))


def groups() -> list[tuple[str, list[Key]]]:
    """The docstring's lists: what it says before each, and the keys."""
    return [
        (heading, [Key(name, text) for name, text in terms])
        for heading, terms in definitions(redis_scripts.__doc__ or "")
    ]


def render() -> str:
    """The text of docs/redis-keys.rst."""
    parts = [HEAD]
    for heading, keys in groups():
        parts.append(as_rst(heading) + "\n\n")
        head = ["Key", "Type", "Lives (TTL)", "Owner", "What it holds"]
        parts.append(table(head, [key.cells for key in keys], "28 8 18 12 34") + "\n")
    return "".join(parts).rstrip("\n") + "\n"


if __name__ == "__main__":
    PAGE.write_text(render())
