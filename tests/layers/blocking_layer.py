"""A synchronous layer whose waiting and failing a test controls."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any

from asgiref.base_layer import BaseChannelLayer  # type: ignore[import-untyped]


class BlockingLayer(BaseChannelLayer):  # type: ignore[misc]
    """A layer whose receive(block=True) waits until a message comes or `stop_waiting` is called.

    `waiting` is set while a thread is in it. `failures` are raised by the next calls, in turn.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.messages: deque[tuple[str, Any]] = deque()
        self.changed = threading.Condition()
        self.waiting = threading.Event()
        self.failures: list[Exception] = []
        self.stopped = False

    def send(self, channel: str, message: Any) -> None:
        with self.changed:
            if self.failures:
                raise self.failures.pop(0)
            if len(self.messages) >= self.capacity:
                raise self.ChannelFull
            self.messages.append((channel, message))
            self.changed.notify_all()

    def receive(self, channels: list[str], block: bool = False) -> tuple[str | None, Any]:
        with self.changed:
            if self.failures:
                raise self.failures.pop(0)
            while block and not self.messages and not self.stopped:
                self.waiting.set()
                self.changed.wait()
            self.waiting.clear()
            return self.messages.popleft() if self.messages else (None, None)

    def stop_waiting(self) -> None:
        with self.changed:
            self.stopped = True
            self.changed.notify_all()
