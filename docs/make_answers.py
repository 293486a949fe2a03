"""Writes docs/answers.rst from the errors of server_trio.errors: python docs/make_answers.py"""

from __future__ import annotations

import http
import inspect
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), *(str(HERE.parent / name) for name in ("", "client", "compat"))]

from tables import as_rst, table  # noqa: E402

from server_trio import errors  # noqa: E402

PAGE = HERE / "answers.rst"

HEAD = """\
What an operation can end with
==============================

.. This file is written by docs/make_answers.py from server_trio/errors.py.

An operation that is done is answered with what the upstream said, the function returned or the
program printed. Any other is answered with one of these: a short plain text with the status, one
line that says what is wrong, and the operation's id, by which the log has more. A WebSocket gets
them as a JSON object, a channel of the project's own as ``error`` (`replies <replies.rst>`__). The
outcome is the word by which the log and the `counters <metrics.rst>`__ name the end.

"""

TAIL = """
499 is nobody's status: nothing is sent any more. What goes wrong in the project's own
code is a 500, with the outcome ``error``. Where all went well the outcome is ``ok``, whatever the
status of the upstream is. ``reply_lost`` says that an answer was there and could not be sent within
its time, ``taken_over`` that another server had meanwhile taken this one for dead and answers
itself. """


def kinds(error: type[errors.OperationError] = errors.OperationError) -> list[type[errors.OperationError]]:
    """The classes of answers, each before those that are kinds of it."""
    below = [kind for kind in error.__subclasses__() if kind.__module__ == errors.__name__]
    return [error, *(kind for each in below for kind in kinds(each))]


def render() -> str:
    """The text of docs/answers.rst."""
    rows = []
    for kind in sorted(kinds()[1:], key=lambda kind: kind.status):
        about = " ".join(inspect.cleandoc(kind.__doc__ or "").partition("\n\n")[0].split())
        phrase = "" if kind.status == 499 else f" {http.HTTPStatus(kind.status).phrase}"
        rows.append((f"{kind.status}{phrase}", f"``{kind.outcome}``", as_rst(about)))
    return HEAD + table(["Status", "Outcome", "When"], rows, "25 15 60") + TAIL


if __name__ == "__main__":
    PAGE.write_text(render())
