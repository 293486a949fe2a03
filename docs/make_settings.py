"""Writes docs/settings.rst from the fields of server_trio.settings: python docs/make_settings.py"""

from __future__ import annotations

import inspect
import pathlib
import re

from channels_async import conf
from server_trio.options import Option
from server_trio.settings import DJANGO_SETTING, options

PAGE = pathlib.Path(__file__).resolve().parent / "settings.rst"

HEAD = f"""\
Settings of the server
======================

.. This file is written by docs/make_settings.py from the fields in server_trio/settings.py.

Each of these is a key of ``{DJANGO_SETTING}`` in the Django settings that the server is started
with, an environment variable, and a flag of ``python3 -m server_trio``. The flag wins over the
environment, that over the Django setting. Unknown names and values out of range end the start with
exit code 2 and a message that says what would be right.

"""


SITE = """
In the site's own settings
--------------------------

These are read by the client, in the processes of the site. A name that is not known, and a value of a
wrong kind, is an ``ImproperlyConfigured`` that says so.

"""


def render() -> str:
    """The text of docs/settings.rst."""
    return HEAD + "\n".join(_entry(entry) for entry in options()) + SITE + _of_the_site()


def _of_the_site() -> str:
    """What the docstring of the client's settings says: a list with comments, and a paragraph."""
    _, settings, bounds = inspect.cleandoc(conf.__doc__ or "").split("\n\n")
    return f"::\n\n{settings}\n\n{_as_rst(bounds)}\n"


def _entry(entry: Option) -> str:
    sources = f"Flag ``{entry.flag}``, environment ``{entry.variable}``."
    text = _as_rst(entry.help[0].upper() + entry.help[1:])
    return (
        f"``{entry.name}``\n"
        f"    {text}. Default: {entry.shown_default}; {entry.range()}.\n"
        f"    {sources if entry.in_texts else 'Only in the Django settings.'}\n"
    )


def _as_rst(text: str) -> str:
    """A help text: what stands in `backticks` is literal, and nothing else is markup."""
    parts = re.split(r"`([^`]+)`", text)
    for number, part in enumerate(parts):
        parts[number] = f"``{part}``" if number % 2 else re.sub(r"([*|\\]|_\b)", r"\\\1", part)
    return "".join(parts)


if __name__ == "__main__":
    PAGE.write_text(render())
