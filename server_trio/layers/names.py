"""Which names channels and groups may have: asgiref's rules (asgiref/base_layer.py:86-131), as our errors."""

from __future__ import annotations

from asgiref.base_layer import BaseChannelLayer  # type: ignore[import-untyped]

from ..errors import MessageRefused

_RULES = BaseChannelLayer()


def check_channel(name: str, *, receive: bool = False) -> None:
    """Raises MessageRefused for a name that is no channel's; to receive, a `!` must be its end."""
    try:
        _RULES.valid_channel_name(name, receive=receive)
    except TypeError as error:
        raise MessageRefused(str(error)) from error


def check_group(name: str) -> None:
    """Raises MessageRefused for a name that is no group's."""
    try:
        _RULES.valid_group_name(name)
    except TypeError as error:
        raise MessageRefused(str(error)) from error
