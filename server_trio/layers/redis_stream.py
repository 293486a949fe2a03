"""An open connection to a Redis: the bytes of commands out, replies in.

redis-py makes the connection, with all that belongs to that (TLS, passwords, databases, Sentinel). What is
said on it afterwards goes straight between asyncio's transport and the Trio task that waits. redis-py's own
way would take a task of asyncio for each exchange, a stream reader, and a handful of callbacks between.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

import redis
import trio
from redis.asyncio.connection import AbstractConnection

from .redis_replies import MORE, ReplyReader


class RedisStream(asyncio.Protocol):
    """One connection, for one task at a time. After any trouble, a cancelled exchange included, it is over.

    Its methods for the transport run in asyncio's callbacks; the others in Trio tasks.
    """

    def __init__(self, connection: AbstractConnection) -> None:
        """Takes a connected connection over, which has nothing more to do then."""
        writer = connection._writer
        assert writer is not None
        connection._writer = connection._reader = None
        self._writer = writer  # closes the transport when it is no more
        self._transport: asyncio.Transport = writer.transport  # type: ignore[assignment]
        self._is_tls = self._transport.get_extra_info("sslcontext") is not None
        self._reader = ReplyReader(connection._parser.parse_error)
        self._task: trio.lowlevel.Task | None = None  # the one that waits
        self._number = 0  # of replies that it waits for
        self._replies: list[Any] = []
        self._has_all = False  # they were complete before it was over
        self.failure: Exception | None = None  # why it is over
        self._transport.set_protocol(self)

    async def exchange(self, pieces: Sequence[bytes], number: int) -> list[Any]:
        """Send the bytes of `number` commands; their replies. An error reply is an exception, not raised.

        Raises redis.RedisError and OSError if the connection breaks, LoopFell if its loop does.
        """
        if self.failure is not None:
            raise self.failure
        self._number, self._has_all = number, False
        try:
            self._write(pieces)
            if self.failure is None:
                self._task = trio.lowlevel.current_task()
                await trio.lowlevel.wait_task_rescheduled(self._abandon)
        except RuntimeError as error:  # the loop is closed
            self.close(error)
            raise redis.ConnectionError(str(error)) from error
        except BaseException:
            self.close(redis.ConnectionError("an exchange was given up"))
            raise
        # They may be large, and this connection may not be used again for long.
        replies, self._replies, self._number = self._replies, [], 0
        if self.failure is not None and not self._has_all:
            raise self.failure
        return replies

    def _write(self, pieces: Sequence[bytes]) -> None:
        if self._is_tls:
            pieces = [b"".join(pieces)]  # does not tell that it is closing, and copies anyway
        # One by one: `writelines` fails on a transport that is closing (selector_events.py:1174 of 3.13).
        for piece in pieces:
            if self._transport.is_closing():
                break  # asyncio would log a warning for each; `connection_lost` is about to be called
            self._transport.write(piece)

    def close(self, reason: Exception) -> None:
        """End it; a task that waits gets `reason`."""
        if self.failure is not None:
            return
        self.failure = reason
        with contextlib.suppress(RuntimeError):  # the loop is closed, and the connection with it
            self._transport.abort()
        self._wake()

    def _abandon(self, _: object) -> trio.lowlevel.Abort:
        self._task = None
        return trio.lowlevel.Abort.SUCCEEDED

    def _wake(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            trio.lowlevel.reschedule(task)

    # --- what the transport calls ----------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        reader, replies = self._reader, self._replies
        reader.feed(data)
        try:
            while len(replies) < self._number:
                reply = reader.next()
                if reply is MORE:
                    return
                replies.append(reply)
        except redis.InvalidResponse as error:
            self.close(error)
        else:
            if reader.is_empty:
                self._has_all = self.failure is None
                self._wake()
            else:
                self.close(redis.InvalidResponse("a reply came that nothing was asked for"))

    def eof_received(self) -> None:
        # asyncio would first write all that there is to write, to somebody who may not read it.
        self.close(redis.ConnectionError("Connection closed by server."))

    def connection_lost(self, exc: Exception | None) -> None:
        self.close(exc or redis.ConnectionError("Connection closed by server."))
