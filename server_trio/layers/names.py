"""Which names channels and groups may have: asgiref's rules (asgiref/base_layer.py:86-131), as our errors."""

from __future__ import annotations

import re
from collections.abc import Sequence

from asgiref.base_layer import BaseChannelLayer  # type: ignore[import-untyped]

from ..errors import MessageRefused

_RULES = BaseChannelLayer()

#: Of the names that asgiref allows, nearly all that there are; asgiref is asked about the others. A process-
#: local name is checked for each answer.
_USUAL = re.compile(r"[a-zA-Z0-9\-_.]+(?:![a-zA-Z0-9\-_.]*)?")
_USUAL_LENGTH = 99  # asgiref/base_layer.py:97


def check_channel(name: str, *, receive: bool = False) -> None:
    """Raises MessageRefused for a name that is no channel's; to receive, a `!` must be its end."""
    if (
        not receive
        and isinstance(name, str)
        and len(name) <= _USUAL_LENGTH
        and _USUAL.fullmatch(name) is not None
    ):
        return
    _refuse_line_end("channel", name)
    try:
        _RULES.valid_channel_name(name, receive=receive)
    except TypeError as error:
        raise MessageRefused(str(error)) from error


def check_receive(channels: Sequence[str], limit: int) -> list[str]:
    """The channels of a `receive`, each once. Raises MessageRefused for a name, ValueError for the rest."""
    if not channels or isinstance(channels, str):
        raise ValueError("receive takes a sequence of at least one channel")
    if limit < 1:
        raise ValueError(f"receive takes at least 1 message, not {limit}")
    for channel in channels:
        check_channel(channel, receive=True)
    return list(dict.fromkeys(channels))


def check_group(name: str) -> None:
    """Raises MessageRefused for a name that is no group's."""
    _refuse_line_end("group", name)
    try:
        _RULES.valid_group_name(name)
    except TypeError as error:
        raise MessageRefused(str(error)) from error


def _refuse_line_end(kind: str, name: str) -> None:
    """asgiref's patterns end in `$`, which a line break may follow."""
    if isinstance(name, str) and name.endswith("\n"):
        raise MessageRefused(f"{kind} name {name!r} ends in a line break")
