"""Commands as Redis reads them: RESP, arrays of bulk strings (https://redis.io/docs/latest/develop/reference/protocol-spec/).

redis-py has this, too, and takes several times as long for each word of a command, of which a batch of
messages has hundreds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

#: Bytes of a word above which it is not copied into one piece with what stands around it.
_LARGE = 16 * 1024


def packed(commands: Iterable[Sequence[Any]]) -> list[bytes]:
    """Pieces of the bytes of commands, whose words are bytes, text or numbers; text goes as UTF-8."""
    pieces: list[bytes] = []
    words: list[bytes] = []
    for command in commands:
        words.append(b"*%d\r\n" % len(command))
        for word in command:
            data = word if type(word) is bytes else word.encode() if type(word) is str else _encoded(word)
            if len(data) < _LARGE:
                words.append(b"$%d\r\n%b\r\n" % (len(data), data))
            else:
                words.append(b"$%d\r\n" % len(data))
                pieces += (b"".join(words), data)
                words = [b"\r\n"]
    pieces.append(b"".join(words))
    return pieces


def _encoded(word: object) -> bytes:
    """Its bytes. `str` of a bytes-like one would be what Python code writes: "b'...'"."""
    if isinstance(word, (bytes, bytearray, memoryview)):
        return bytes(word)
    return str(word).encode("utf-8")
