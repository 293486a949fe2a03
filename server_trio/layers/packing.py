"""Messages as bytes and back: msgpack, exactly as asgi_redis writes it (asgi_redis/core.py:509-524).

Writing is `msgpack.packb(use_bin_type=True)` byte for byte: bytes are bin, text is str, integers take
the shortest form, floats are doubles, tuples are arrays. msgspec does it, because the packages
`msgpack` and `msgpack-python` (which asgi_redis asks for) own the same directory.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from types import NoneType
from typing import Any, NoReturn

import msgspec

from ..errors import MessageRefused

_SCALARS = frozenset({str, bytes, int, float, bool, NoneType})
_LISTS = frozenset({list, tuple})
_LEAST_INTEGER = -(2**63)
_GREATEST_INTEGER = 2**64 - 1


class UnpackError(ValueError):
    """The bytes are not one msgpack value; the text says why."""


def pack(message: Mapping[str, Any]) -> bytes:
    """The bytes of a message. Raises MessageRefused, with the path of the field that cannot be carried."""
    content: dict[str, Any] = message if type(message) is dict else as_dict(message)
    try:
        # msgspec would also write dates, sets, dataclasses: things that no other side could read.
        if not _is_exact(content):
            content = _plain(content, "message")
        return _encoder.encode(content)
    except (TypeError, ValueError, OverflowError):
        _plain(content, "message")  # names the field
        raise
    except RecursionError as error:
        raise MessageRefused("message: nested too deeply") from error


def as_dict(message: Any) -> dict[str, Any]:
    """A message as a new dict. Raises MessageRefused for what is no mapping."""
    if not isinstance(message, Mapping):
        raise MessageRefused(f"a message is a dict, not {type(message).__name__}")
    return dict(message)


def unpack(payload: bytes | memoryview) -> Any:
    """The value in `payload`, whatever its type: bin is bytes, str is text, keys may be any scalar.

    Raises UnpackError and nothing else, for any bytes.
    """
    try:
        return _decoder.decode(payload)
    except (ValueError, TypeError, OverflowError, RecursionError, MemoryError) as error:
        raise UnpackError(f"not a msgpack message: {error}") from error


def _is_exact(value: Any) -> bool:
    """Whether `value` is made of nothing but the built-in types that msgpack knows."""
    kind = type(value)
    if kind in _SCALARS:
        return True
    if kind is dict:
        if not _SCALARS.issuperset(map(type, value)):
            return False
        members = value.values()
    elif kind is list or kind is tuple:
        members = value
    else:
        return False
    # Looking at the types of all at once spares a call for each item of long lists, and those of pairs,
    # such as headers, are looked at as one.
    kinds = set(map(type, members))
    if kinds <= _SCALARS:
        return True
    if kinds <= _LISTS:
        return _SCALARS.issuperset(map(type, itertools.chain.from_iterable(members))) or all(
            map(_is_exact, members)
        )
    return all([type(member) in _SCALARS or _is_exact(member) for member in members])


def _plain(value: Any, path: str) -> Any:
    """`value` with subclasses (SafeText, IntEnum, OrderedDict) as what they are to msgpack.

    Raises MessageRefused with the path of the first thing that cannot be carried.
    """
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise MessageRefused(f"{path}: text that is not Unicode ({error.reason})") from error
        return str.__str__(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if not _LEAST_INTEGER <= value <= _GREATEST_INTEGER:
            raise MessageRefused(f"{path}: an integer of more than 64 bits")
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, dict):
        return {_key(key, path): _plain(inner, f"{path}[{key!r}]") for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner, f"{path}[{index}]") for index, inner in enumerate(value)]
    raise MessageRefused(f"{path}: {type(value).__name__} cannot travel on a channel layer")


def _key(key: Any, path: str) -> Any:
    if isinstance(key, (str, bytes, int, float, NoneType)):
        return _plain(key, f"{path}: key {key!r}")
    raise MessageRefused(f"{path}: a key of type {type(key).__name__}; keys are text")


def _refuse_extension(code: int, data: memoryview) -> NoReturn:
    raise ValueError(f"extension type {code}")


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(ext_hook=_refuse_extension)
