"""What lies in Redis for a message, and back: process-local names, msgpack, encryption.

asgi_redis/core.py: `!` channels 153-156 and 229-231, serialize 509-524, keys 600-608.
"""

from __future__ import annotations

from typing import Any, Protocol

from ..errors import MessageRefused
from .base import Entry, Message, Past, Received
from .packing import UnpackError, as_dict, pack, unpack

#: Where the full name of a `!` channel travels; its list in Redis is named up to the `!`.
FULL_NAME = "__asgi_channel__"


class Crypter(Protocol):
    """`cryptography.fernet.MultiFernet` as asgi_redis makes it: the first key encrypts, all decrypt."""

    def encrypt(self, msg: bytes) -> bytes: ...

    def decrypt(self, msg: bytes, ttl: int | None = None) -> bytes: ...


class Codec:
    """Turns messages into payloads and back.

    `crypter` is None without encryption. `decrypt_ttl`, seconds: the age at which a token is refused.
    """

    def __init__(self, crypter: Crypter | None = None, decrypt_ttl: int | None = None) -> None:
        self._crypter = crypter
        self._decrypt_ttl = decrypt_ttl

    def encode(self, channel: str, message: Message) -> tuple[str, bytes]:
        """The name of the channel's list (cut after a `!`), and the payload. Raises MessageRefused."""
        content = message if type(message) is dict else as_dict(message)
        if FULL_NAME in content:
            raise MessageRefused(f"message[{FULL_NAME!r}]: this key belongs to the layer")
        local = channel.find("!")
        if local < 0:
            return channel, self._seal(pack(content))
        return channel[: local + 1], self._seal(pack(content | {FULL_NAME: channel}))

    def decode(
        self,
        name: str,
        payload: memoryview,
        entry: Entry | None = None,
        past: Past | None = None,
        *,
        any_age: bool = False,
    ) -> Received:
        """What lay on the list `name`; whatever is wrong with the payload becomes a fault.

        `any_age`: also what was encrypted longer ago than a message may wait.
        """
        try:
            content: Any = unpack(self._open(payload, None if any_age else self._decrypt_ttl))
        except UnpackError as error:
            return Received(name, None, str(error), entry, past)
        if isinstance(content, dict) and name.endswith("!"):
            full = content.get(FULL_NAME)
            if isinstance(full, str) and full.startswith(name):
                name = content.pop(FULL_NAME)
        return Received(name, content, None, entry, past)

    def _seal(self, payload: bytes) -> bytes:
        return payload if self._crypter is None else self._crypter.encrypt(payload)

    def _open(self, payload: memoryview, ttl: int | None) -> bytes | memoryview:
        if self._crypter is None:
            return payload
        from cryptography.fernet import InvalidToken

        try:
            return self._crypter.decrypt(bytes(payload), ttl)
        except InvalidToken as error:
            raise UnpackError(
                "cannot be decrypted: written without encryption, with a key that is not in "
                "symmetric_encryption_keys, or too long ago"
            ) from error
