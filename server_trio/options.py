"""One setting: its type, unit, range and help, and the check of a value from whichever source.

Kinds of settings: text, int, float, bool, tuple (of texts) and dict. Texts of the environment and of
the command line are read as the kind says: `yes` and `no` for a bool, commas between the texts of a
tuple. A dict can only be given in the Django settings; what is in it is checked by the part of the
server that it is for.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from .errors import SettingsError

#: Prefix of the environment's names: CHANNELS_ASYNC_GRACE_TIME, CHANNELS_ASYNC_DEADLINES_REQUEST.
ENVIRONMENT_PREFIX: Final = "CHANNELS_ASYNC_"

_BOOLS: Final = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}


def option(
    default: Any,
    help: str,
    *,
    unit: str = "",
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] = (),
    alone: str = "",
) -> Any:
    """A dataclass field with what is needed to check a value and to document it.

    `alone` is what its flag means without a value, if it may stand so; one of yes or no always may.
    """
    metadata: dict[str, Any] = {"help": help, "unit": unit, "minimum": minimum, "maximum": maximum}
    alone = "yes" if isinstance(default, bool) else alone
    return field(default=default, metadata={**metadata, "choices": choices, "alone": alone})


def seconds(default: float, help: str, *, minimum: float = 0.001, maximum: float = 86400.0) -> Any:
    """A duration; a number of seconds, fractions allowed."""
    return option(default, help, unit="seconds", minimum=minimum, maximum=maximum)


def texts(default: tuple[str, ...], help: str) -> Any:
    """A list of texts."""
    return option(default, help)


def raw(help: str) -> Any:
    """A dict that is empty by default, from the Django settings alone; checked by the part it is for."""
    return field(default_factory=dict, metadata=option(None, help).metadata)


@dataclass(frozen=True)
class Option:
    """One setting as the command line, the environment and the documentation name it."""

    path: tuple[str, ...]  # ('GRACE_TIME',) or ('DEADLINES', 'REQUEST')
    type: type
    default: Any
    help: str
    unit: str
    minimum: float | None
    maximum: float | None
    choices: tuple[str, ...]
    alone: str = ""

    @property
    def in_texts(self) -> bool:
        """Whether it can be given as a text: in the environment and on the command line."""
        return self.type is not dict

    @property
    def shown_default(self) -> str:
        """The default as the documentation and --help write it."""
        if self.type is bool:
            return "yes" if self.default else "no"
        if self.type is tuple:
            return ", ".join(self.default) or "none"
        if self.type is dict:
            return "none"
        return f"{self.default}{f' {self.unit}' if self.unit else ''}" or "none"

    @property
    def name(self) -> str:
        """As an error message names it: DEADLINES['REQUEST']."""
        return self.path[0] if len(self.path) == 1 else f"{self.path[0]}[{self.path[1]!r}]"

    @property
    def flag(self) -> str:
        """--deadlines-request"""
        return "--" + "-".join(self.path).lower().replace("_", "-")

    @property
    def variable(self) -> str:
        """CHANNELS_ASYNC_DEADLINES_REQUEST"""
        return ENVIRONMENT_PREFIX + "_".join(self.path).upper()

    def reads(self, text: str) -> bool:
        """Whether a text is a value of a bool or a number, rather than the next word of a command line."""
        return text.lower() in _BOOLS if self.type is bool else text.isdecimal()

    def check(self, value: Any, where: str) -> Any:
        """The value in its type, or SettingsError. `where` says where the value came from."""
        if self.type is str:
            return self._check_text(value, where)
        if self.type is bool:
            return self._check_bool(value, where)
        if self.type is tuple:
            return self._check_texts(value, where)
        if self.type is dict:
            return self._check_dict(value, where)
        number = self._number(value, where)
        too_low = self.minimum is not None and number < self.minimum
        too_high = self.maximum is not None and number > self.maximum
        if too_low or too_high or not math.isfinite(number):
            raise SettingsError(f"{where}: {self.name} is {value!r}; it must be {self.range()}")
        return number

    def range(self) -> str:
        """The valid values in words: 'between 0.001 and 86400 seconds'."""
        unit = f" {self.unit}" if self.unit else ""
        words = {bool: "True or False", tuple: "a list of texts", dict: "a dict"}
        if self.type in words:
            return words[self.type]
        if self.choices:
            return "one of " + ", ".join(self.choices)
        if self.minimum is not None and self.maximum is not None:
            return f"between {self.minimum:g} and {self.maximum:.15g}{unit}"
        if self.minimum is not None:
            return f"at least {self.minimum:g}{unit}"
        return f"a number of{unit}" if self.type is not str else "text"

    def _check_text(self, value: Any, where: str) -> str:
        if not isinstance(value, str) or (not value and self.default):
            raise SettingsError(f"{where}: {self.name} is {value!r}; it must be text")
        if self.choices and value not in self.choices:
            raise SettingsError(f"{where}: {self.name} is {value!r}; it must be {self.range()}")
        return value

    def _check_bool(self, value: Any, where: str) -> bool:
        found = _BOOLS.get(value.lower()) if isinstance(value, str) else value
        if not isinstance(found, bool):
            raise SettingsError(f"{where}: {self.name} is {value!r}; it must be {self.range()}")
        return found

    def _check_texts(self, value: Any, where: str) -> tuple[str, ...]:
        if isinstance(value, str):
            value = [part for part in (part.strip() for part in value.split(",")) if part]
        if not isinstance(value, list | tuple | set | frozenset) or not all(
            isinstance(part, str) and part for part in value
        ):
            raise SettingsError(f"{where}: {self.name} is {value!r}; it must be {self.range()}")
        return tuple(value)

    def _check_dict(self, value: Any, where: str) -> dict[str, Any]:
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            raise SettingsError(f"{where}: {self.name} is {value!r}; it must be a dict with texts as keys")
        return dict(value)

    def _number(self, value: Any, where: str) -> float:
        kind = "a whole number" if self.type is int else "a number"
        wrong = SettingsError(f"{where}: {self.name} is {value!r}; it must be {kind}, {self.range()}")
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise wrong
        try:
            number = float(value)
        except (ValueError, OverflowError):
            raise wrong from None
        if self.type is not int or not math.isfinite(number):
            return number
        if not number.is_integer():
            raise wrong
        return int(number)


def make_option(path: tuple[str, ...], entry: dataclasses.Field[Any]) -> Option:
    """The option of a dataclass field that `option` and its kin have made."""
    default = entry.default
    if entry.default_factory is not dataclasses.MISSING:
        default = entry.default_factory()
    known = ("help", "unit", "minimum", "maximum", "choices", "alone")
    return Option(
        path=path, type=type(default), default=default, **{name: entry.metadata[name] for name in known}
    )
