"""Replies as Redis writes them: RESP 2 (https://redis.io/docs/latest/develop/reference/protocol-spec/)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import redis

from ..limits import KiB

#: What `ReplyReader.next` returns when the rest of a reply has not come yet; None is a reply.
MORE: Final = object()

#: Bytes of a line at the most; the longest are texts of errors.
LONGEST_LINE: Final = 64 * KiB

_END: Final = b"\r\n"


class ReplyReader:
    """Makes replies of bytes as they come, in pieces of any size.

    Bulk and simple strings are bytes, numbers int, arrays lists, and what is null is None. An error
    reply is an exception, not raised, wherever it stands.
    """

    def __init__(self, error_of: Callable[[str], Exception]) -> None:
        """`error_of`: makes an exception of the text of an error reply."""
        self._error_of = error_of
        self._data: bytes | bytearray = b""
        self._at = 0  # in it, where the next to read begins
        self._needed = 0  # bytes that there must be before it is worth another look
        self._open: list[tuple[list[Any], int]] = []  # arrays of which a part has been read, and their sizes

    def feed(self, data: bytes) -> None:
        """The next bytes."""
        if self._at == len(self._data):
            self._data = data
        else:
            if type(self._data) is bytes:
                self._data = bytearray(memoryview(self._data)[self._at :])
            else:
                del self._data[: self._at]  # type: ignore[union-attr]
            self._data += data
        self._needed -= self._at
        self._at = 0

    @property
    def is_empty(self) -> bool:
        """Whether all that came has been read."""
        return self._at == len(self._data)

    def next(self) -> Any:
        """The next reply, or MORE. Raises redis.InvalidResponse for what is none; then all is lost."""
        while (reply := self._next_part()) is not MORE:
            while True:
                if not self._open:
                    if self._at == len(self._data):
                        self._data, self._at, self._needed = b"", 0, 0  # which may be large
                    return reply
                parts, size = self._open[-1]
                parts.append(reply)
                if len(parts) < size:
                    break
                reply = parts
                self._open.pop()
        return MORE

    def _next_part(self) -> Any:
        """The next reply that is no array, or an empty one; for another the list to fill is opened."""
        data = self._data
        while self._needed <= len(data):
            at = self._at
            end = data.find(_END, at)
            if end < 0:
                self._check_length()
                break
            kind, after = data[at : at + 1], end + 2
            if kind == b"$":
                size = self._number(at, end)
                if size < 0:
                    self._at = after
                    return None
                self._needed = after + size + 2
                if self._needed > len(data):
                    break
                self._at = self._needed
                if type(data) is bytes:
                    return data[after : after + size]
                return bytes(memoryview(data)[after : after + size])  # a slice would be a copy more
            if kind == b"*":
                size = self._number(at, end)
                self._at = after
                if size <= 0:
                    return [] if size == 0 else None
                self._open.append(([], size))
            elif kind == b":":
                self._at = after
                return self._number(at, end)
            elif kind == b"+":
                self._at = after
                return bytes(data[at + 1 : end])
            elif kind == b"-":
                self._at = after
                return self._error_of(data[at + 1 : end].decode("utf-8", "replace"))
            else:
                raise redis.InvalidResponse(f"a reply begins with {bytes(data[at : at + 40])!r}")
        return MORE

    def _check_length(self) -> None:
        """Of a line whose end has not come yet."""
        if len(self._data) - self._at > LONGEST_LINE:
            begin = bytes(self._data[self._at : self._at + 40])
            raise redis.InvalidResponse(f"a line without end: {begin!r}")

    def _number(self, at: int, end: int) -> int:
        try:
            return int(self._data[at + 1 : end])
        except ValueError:
            raise redis.InvalidResponse(f"no number: {bytes(self._data[at : at + 40])!r}") from None
