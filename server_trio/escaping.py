"""Text from elsewhere as a terminal may be given it."""

from __future__ import annotations


def escaped(text: str, longest: int | None = None) -> str:
    """One line: what is no letter, and could move a cursor or turn the direction, is spelled as in Python.

    `longest`: letters of it that are shown; dots say that there was more.
    """
    shown = text[:longest]
    if not shown.isprintable():
        shown = "".join(
            letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii")
            for letter in shown
        )
    return shown if len(text) <= len(text[:longest]) else f"{shown}..."
