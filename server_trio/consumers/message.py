"""The message that an `async def` consumer gets: channels' own (channels/message.py), with sends to await."""

from __future__ import annotations

import copy
from collections.abc import ItemsView, KeysView, ValuesView
from contextvars import ContextVar
from typing import Any

from ..calls import Http
from .channels import Channel

#: The HTTP client of the server whose task this is. Tasks that a consumer starts have it too.
served_http: ContextVar[Http] = ContextVar("served_http")


class AsyncMessage:
    """A message from a channel. `content` is its dict; `reply_channel` is None where it names none."""

    def __init__(self, content: dict[str, Any], channel: str) -> None:
        self.content = content
        self.channel = Channel(channel)
        reply_channel = content.get("reply_channel")
        self.reply_channel = Channel(reply_channel) if reply_channel else None

    @property
    def http(self) -> Http:
        """The server's HTTP client, whose connections all operations and consumers share; as in calls.py."""
        http = served_http.get(None)
        if http is None:
            raise RuntimeError(
                "message.http works in what the server runs: async def consumers and the tasks they start"
            )
        return http

    def __getitem__(self, key: str) -> Any:
        return self.content[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.content[key] = value

    def __contains__(self, key: object) -> bool:
        return key in self.content

    def keys(self) -> KeysView[str]:
        return self.content.keys()

    def values(self) -> ValuesView[Any]:
        return self.content.values()

    def items(self) -> ItemsView[str, Any]:
        return self.content.items()

    def get(self, key: str, default: Any = None) -> Any:
        return self.content.get(key, default)

    def copy(self) -> AsyncMessage:
        """One whose content may be changed without changing this one's."""
        return type(self)(copy.deepcopy(self.content), self.channel.name)


class MatchedMessage(AsyncMessage):
    """A message as routes look at it. They copy it and replace values, so a shallow copy is enough.

    A deep one, which channels makes for each include(), could hold up the event loop.
    """

    def copy(self) -> MatchedMessage:
        return MatchedMessage(dict(self.content), self.channel.name)


def with_text_keys(value: Any) -> Any:
    """`value` with the keys of its dicts as text, where they are UTF-8.

    A site on Python 2 that writes `{'delay': 5}` sends bytes (asgi_redis/core.py:514 packs them as such), and
    would itself find such a key by text. What such a site has as values stays: bytes may be just that.
    """
    if isinstance(value, dict):
        return {_text_key(key): with_text_keys(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [with_text_keys(inner) for inner in value]
    return value


def _text_key(key: Any) -> Any:
    try:
        return key.decode() if isinstance(key, bytes) else key
    except UnicodeDecodeError:
        return key
