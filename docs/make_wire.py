"""Writes docs/wire.rst from channels_async.wire, its docstring and its limits: python docs/make_wire.py"""

from __future__ import annotations

import inspect
import pathlib
import re
import sys
from collections.abc import Iterable

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "client")]

from tables import as_rst, definitions, table, terms  # noqa: E402

from channels_async import wire  # noqa: E402
from channels_async.wire import limits, untyped  # noqa: E402
from channels_async.wire.results import encode_result  # noqa: E402

PAGE = HERE / "wire.rst"

HEAD = """\
The messages between client and server
======================================

.. This file is written by docs/make_wire.py from client/channels_async/wire.

A project needs none of this: ``client`` writes the messages and the server reads them. It is for
those who write or read them otherwise, or look into Redis. They are dicts, as msgpack has them, on
the channel ``{channel}`` unless ``CHANNEL`` says otherwise. What is no such message is logged,
counted, answered 500 where it names somebody to answer, and does no harm.

"""

VERSION_2 = """\
Version 2
---------

Messages of this client have ``v`` = 2. All their keys are text, each field has the type that is
said here, and a field that is not known is refused. All of them are there since channels_async
2.0.0 unless they say otherwise.

"""

VERSION_1 = """\
The messages of 2017
--------------------

A message without ``v`` is one of the client of 2017. It can only be a ``REQUEST``, and every value
may be text: the ``repr`` of what was passed, ``'5'``, ``'False'``, ``'None'`` for nothing,
``"{u'X-A': u'b'}"`` for a dict of Python 2. Texts are read as values of Python
(``ast.literal_eval``), never evaluated as code. Values of the proper type are understood as well. A
field that is not in this table is ignored, with one warning a name.

"""

BOUNDS = """\
Bounds
------

A message that exceeds one of these is refused as a whole. In a view the same is a ``TypeError`` or
``ValueError`` that names the field.

"""


def render() -> str:
    """The text of docs/wire.rst."""
    parts = [HEAD.format(channel=wire.REQUEST_CHANNEL), VERSION_2]
    for heading, fields in definitions(wire.__doc__ or ""):
        parts.append(_section("Every message" if fields[0][0] == "v" else heading.rstrip(":"), fields))
    parts.append(VERSION_1 + _fields(untyped.FIELDS.items()) + "\n")
    answer = terms(inspect.cleandoc(encode_result.__doc__ or "").split("\n\n")[1])
    parts.append(_section("An answer on a channel of the project's own", answer, "-"))
    parts.append(BOUNDS + table(["Bound", "Value", "Of what"], _limits(), "25 15 60"))
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def _section(title: str, fields: Iterable[tuple[str, str]], underline: str = "~") -> str:
    return f"{title}\n{underline * len(title)}\n\n" + _fields(fields)


def _fields(fields: Iterable[tuple[str, str]]) -> str:
    rows = []
    for term, text in fields:
        optional = term.startswith("[")
        rows.append((f"``{term.strip('[]')}``", "optional" if optional else "", as_rst(text)))
    if not any(optional for _, optional, _ in rows):
        return table(["Field", "Value"], [(name, text) for name, _, text in rows], "20 80")
    return table(["Field", "", "Value"], rows, "20 10 70")


def _limits() -> list[tuple[str, str, str]]:
    """Name, value and comment of each bound, from the source of limits.py."""
    found = re.findall(r"^(MAX_\w+) = [^#\n]+(?:#\s*(.*))?$", inspect.getsource(limits), re.MULTILINE)
    return [(f"``{name}``", f"{getattr(limits, name)}", as_rst(comment)) for name, comment in found]


if __name__ == "__main__":
    PAGE.write_text(render())
