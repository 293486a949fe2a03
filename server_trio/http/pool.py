"""Connections kept and shared: a bounded number of places for each origin, handed out in order.

A *place* is the right to have one connection in use. Connections are opened only by the holder of
a place when none is idle, so one origin never has more open than it has places.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from typing import Final

import trio

from .. import errors
from ..limits import HttpLimits
from .connect import OpenStream
from .connection import Connection
from .url import Origin

_KEEP_ALIVE_TIMEOUT: Final = re.compile(rb"timeout\s*=\s*([0-9]{1,6})", re.IGNORECASE)

#: Seconds by which an idle connection is given up before the time its upstream announced, so that
#: no request meets the closing on its way.
_KEEP_ALIVE_MARGIN: Final = 1.0


#: Seconds before a deadline at which waiting for a place is given up, so that this can still be said.
_LAST_MOMENT: Final = 0.02


@dataclass(frozen=True)
class OriginStatistics:
    """Connections of one origin at one moment."""

    in_use: int  # places taken, connecting included
    idle: int
    waiting: int  # tasks that wait for a place

    @property
    def open(self) -> int:
        return self.in_use + self.idle


@dataclass(slots=True)
class _Places:
    """One origin's places and idle connections; forgotten when all are free and none is idle."""

    limit: int
    free: int  # while there are any, nobody waits in `queue`
    queue: trio.lowlevel.ParkingLot = field(default_factory=trio.lowlevel.ParkingLot)  # FIFO
    waiting: int = 0  # of those that wait for a place, the operations
    idle: deque[Connection] = field(default_factory=deque)  # most recently used last

    def statistics(self) -> OriginStatistics:
        return OriginStatistics(
            in_use=self.limit - self.free, idle=len(self.idle), waiting=len(self.queue)
        )


class Pool:
    """All connections of one HTTP client."""

    def __init__(self, limits: HttpLimits, open_stream: OpenStream) -> None:
        self._limits = limits
        self._open_stream = open_stream
        self._origins: dict[Origin, _Places] = {}
        self._idle: dict[Connection, None] = {}  # of all origins, longest idle first
        self._in_use: set[Connection] = set()
        self._closed = False
        self.opened = 0  # connections ever opened
        self.reused = 0  # exchanges begun on a connection that had been idle

    async def acquire(self, origin: Origin, now: float, *, as_operation: bool = False) -> Connection:
        """A connection for one exchange, idle or new; give it back with `release`. `now`: trio time.

        Waits for a place in the order of asking. `as_operation`: not where limits.waiting_per_origin
        others do so already. A slow upstream would else have every operation of the server wait for it.

        Raises errors.UpstreamUnreachable, UpstreamTimeout (connecting took too long), BudgetSpent (no
        place became free), TooManyWaiting and ShuttingDown. Cancellation gives up the place.
        """
        places = self._origins.get(origin)
        if places is None or self._closed:
            places = self._places(origin)
        if places.free:
            places.free -= 1
        elif not as_operation:
            await self._wait_for_place(origin, places)
            now = trio.current_time()
        else:
            self._check_room(origin, places)
            places.waiting += 1
            try:
                await self._wait_for_place(origin, places)
            finally:
                places.waiting -= 1
            now = trio.current_time()
        try:
            while places.idle:
                connection = places.idle.pop()
                del self._idle[connection]
                self._in_use.add(connection)
                usable = False
                try:
                    usable = connection.idle_until > now and not await connection.holds_unread()
                finally:
                    if not usable:
                        self._in_use.discard(connection)
                        await connection.aclose()
                if usable:
                    self.reused += 1
                    return connection
            return await self._connect(origin)
        except BaseException:
            self._free_place(origin, places)
            raise

    async def replace(self, connection: Connection) -> Connection:
        """A new connection in the place of one that turned out to be dead."""
        self._in_use.discard(connection)
        try:
            await connection.aclose()
            return await self._connect(connection.origin)
        except BaseException:
            self._free_place(connection.origin, self._origins[connection.origin])
            raise

    async def release(self, connection: Connection) -> None:
        """Give a connection back: kept if another exchange may begin on it, else closed. Idempotent."""
        surplus = self.give_back(connection)
        if surplus is not None:
            await surplus.aclose()

    def give_back(self, connection: Connection) -> Connection | None:
        """`release`, but for the closing: returns the connection that the caller must close, if any."""
        try:
            self._in_use.remove(connection)
        except KeyError:
            return None
        places = self._origins[connection.origin]
        surplus = self._keep(connection, places) if connection.reusable else connection
        self._free_place(connection.origin, places)
        return surplus

    async def close_expired(self) -> None:
        """Close what has been idle for longer than allowed."""
        now = trio.current_time()
        for connection in [connection for connection in self._idle if connection.idle_until <= now]:
            # Another task may have taken it, or closed it, while the one before it was being closed.
            if connection in self._idle:
                await self._forget_idle(connection).aclose()

    async def aclose(self) -> None:
        """Close all connections, those in use included, and hand out no more."""
        self._closed = True
        for connection in list(self._idle):
            if connection in self._idle:
                await self._forget_idle(connection).aclose()
        for connection in list(self._in_use):
            await connection.aclose()

    def statistics(self) -> dict[Origin, OriginStatistics]:
        """A snapshot of every origin that has a connection or a waiter."""
        return {origin: places.statistics() for origin, places in self._origins.items()}

    # --- places ----------------------------------------------------------------------------------

    def _places(self, origin: Origin) -> _Places:
        if self._closed:
            raise errors.ShuttingDown("the HTTP client is closed")
        places = self._origins.get(origin)
        if places is None:
            limit = self._limits.connections_per_origin
            places = self._origins[origin] = _Places(limit, limit)
        return places

    def _check_room(self, origin: Origin, places: _Places) -> None:
        room = self._limits.waiting_per_origin
        if room is not None and places.waiting >= room:
            raise errors.TooManyWaiting(f"too many requests to {origin.netloc} are waiting; try again later")

    async def _wait_for_place(self, origin: Origin, places: _Places) -> None:
        """Until just before the caller's deadline, so that it can be told what it has waited for."""
        with trio.move_on_at(trio.current_effective_deadline() - _LAST_MOMENT):
            await places.queue.park()
            return
        raise errors.BudgetSpent(
            f"{origin.netloc}: all {places.limit} connections that one upstream may have were in use until"
            " the operation's time was over; nothing was sent"
        )

    def _free_place(self, origin: Origin, places: _Places) -> None:
        if not places.free and places.queue:
            places.queue.unpark()  # whose it is now
            return
        places.free += 1
        if not places.idle and places.free == places.limit:
            del self._origins[origin]

    async def _connect(self, origin: Origin) -> Connection:
        if self._closed:
            raise errors.ShuttingDown("the HTTP client is closed")
        timeout = self._limits.connect_timeout
        stream: trio.abc.Stream | None = None
        with trio.move_on_after(timeout):
            try:
                stream = await self._open_stream(origin)
            except errors.UpstreamError as exc:
                raise errors.UpstreamUnreachable(str(exc)) from exc
        if stream is None:
            raise errors.UpstreamTimeout(f"{origin.netloc}: no connection within {timeout:g} seconds")
        self.opened += 1
        connection = Connection(origin, stream, self._limits)
        if self._closed:  # meanwhile
            await connection.aclose()
            raise errors.ShuttingDown("the HTTP client is closed")
        self._in_use.add(connection)
        return connection

    # --- idle connections ------------------------------------------------------------------------

    def _keep(self, connection: Connection, places: _Places) -> Connection | None:
        """Make a connection idle; returns one that must be closed instead, if any."""
        lifetime = self._limits.idle_timeout
        if connection.parser.keep_alive_header:
            announced = _KEEP_ALIVE_TIMEOUT.search(connection.parser.keep_alive_header)
            if announced is not None:
                lifetime = min(lifetime, int(announced[1]) - _KEEP_ALIVE_MARGIN)
        if lifetime <= 0 or self._limits.idle_connections <= 0:
            return connection
        connection.idle_until = trio.current_time() + lifetime
        surplus = None
        if len(self._idle) >= self._limits.idle_connections:
            surplus = self._forget_idle(next(iter(self._idle)))
        places.idle.append(connection)
        self._idle[connection] = None
        return surplus

    def _forget_idle(self, connection: Connection) -> Connection:
        del self._idle[connection]
        places = self._origins[connection.origin]
        places.idle.remove(connection)
        if places.free == places.limit and not places.idle:
            del self._origins[connection.origin]
        return connection
