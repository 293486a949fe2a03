"""One connection to one shard, as Trio tasks use it: commands out, replies back, or LayerUnavailable."""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import redis
import trio
from redis.asyncio.connection import AbstractConnection

from ..errors import LayerUnavailable
from ..failures import forget_frames
from .redis_commands import packed
from .redis_endpoint import Endpoint
from .redis_loop import AsyncioLoop, LoopFell
from .redis_scripts import Script
from .redis_stream import RedisStream

logger = logging.getLogger("server_trio.layers")

Command = tuple[Any, ...]

EXCHANGE_TIMEOUT = 5.0  # seconds for commands that do not block; Redis answers these within milliseconds
FIRST_BACKOFF = 0.05  # seconds
LONGEST_BACKOFF = 1.0  # seconds; after an outage receiving goes on within two
SETTLED = 1.0  # seconds without a failure after which an outage is over; a heartbeat's time
SAID_AGAIN = 60.0  # seconds until the same refusal is logged once more

#: Reasons of an outage that are said each by itself; all others are one: nobody answers there.
SPECIAL = (redis.exceptions.AuthenticationError, redis.exceptions.BusyLoadingError)

#: What a Redis says that has not done the command, and never will do that one.
REFUSALS = (redis.ResponseError, *SPECIAL)


class Backoff:
    """Growing, jittered pauses between attempts, so that a Redis that returns is not met by all at once."""

    def __init__(self) -> None:
        self._delay = FIRST_BACKOFF

    def reset(self) -> None:
        self._delay = FIRST_BACKOFF

    def next(self) -> float:
        """Seconds to wait before the next attempt."""
        delay = self._delay * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
        self._delay = min(self._delay * 2, LONGEST_BACKOFF)
        return delay


@dataclass
class ShardHealth:
    """What the connections to one shard have seen, counted; an outage is logged once, and its end.

    Each connection finds out for itself, and while another Redis becomes the master they find different
    things. So an outage is over only when there has been no failure for SETTLED. And who still fails at
    what it began before another connection was answered, such as to reach a master that has been replaced,
    tells of the outage that was and of no new one.

    An error reply is no outage: a Redis without memory or disk still does what it can without. Refusals
    of one kind are logged once in SAID_AGAIN.
    """

    label: str
    connected: bool = False  # it answered the last that asked
    round_trips: int = 0
    reconnects: int = 0
    outages: int = 0
    generation: int = 0  # connections made before it was counted up may be to a Redis that is no more
    turn: int = 0  # counted up each time that `connected` changes
    _away: bool = False  # an outage has been logged, and not its end
    _answers_since: float = math.inf  # Trio's clock
    _reasons: set[type | None] = field(default_factory=set)  # of this outage, logged
    _said: dict[type, float] = field(default_factory=dict)  # refusals, and when logged; Trio's clock

    def answered(self) -> None:
        now = trio.current_time()
        if not self.connected:
            self.connected = True
            self.turn += 1
            self._answers_since = now
        if self._away and now >= self._answers_since + SETTLED:
            self._away = False
            logger.warning("Redis at %s answers again", self.label)

    def failed(self, error: LayerUnavailable, turn: int) -> None:
        """`turn`: the one in which the connection was last answered, or began to be made."""
        if self.connected:
            if turn != self.turn:
                return
            self.connected = False
            self.turn += 1
            self.generation += 1
        elif not self._away:  # it has not been there yet; `missing` is told
            return
        if not self._away:
            self._begin_outage(error)
        elif (special := _special(error)) in self._reasons:
            return
        else:
            # A connection that is cut, and a password that does not fit afterwards: both have to be known.
            self._reasons.add(special)
        logger.warning("%s; trying again", error)

    def missing(self, error: LayerUnavailable) -> None:
        """It is away at the start."""
        self._begin_outage(error)
        logger.warning("%s; starting without it", error)

    def _begin_outage(self, error: LayerUnavailable) -> None:
        self._away = True
        self.outages += 1
        self._reasons = {_special(error)}

    def refused(self, error: LayerUnavailable) -> None:
        cause = error.__cause__
        if isinstance(cause, redis.exceptions.ReadOnlyError) or str(cause).startswith("UNBLOCKED"):
            self.generation += 1  # it was a master: other connections to it are no better
        now = trio.current_time()
        if now >= self._said.get(type(cause), -math.inf) + SAID_AGAIN:
            self._said[type(cause)] = now
            logger.warning("%s; trying again", error)


class RedisConnection:
    """A connection that connects when it is used and starts afresh after any trouble.

    For one task at a time. Cancelling an exchange drops the connection, so that no reply can be
    taken for another command's.
    """

    def __init__(self, loop: AsyncioLoop, endpoint: Endpoint, health: ShardHealth) -> None:
        self._loop = loop
        self._endpoint = endpoint
        self._health = health
        self._stream: RedisStream | None = None
        self._made_after = 0  # the generation
        self._turn = 0  # of the shard's health, see ShardHealth.failed
        self._connected_before = False
        self.has_left = False  # whether Redis may have got the commands of the last exchange
        self.client_id: int | None = None  # of the present connection, for CLIENT UNBLOCK; Redis >= 5

    async def exchange(self, *commands: Command, timeout: float | None = None) -> list[Any]:
        """Send the commands in one write; the replies, error replies being ResponseError objects.

        Raises LayerUnavailable if the connection cannot be made, breaks, or is silent for `timeout`
        seconds (EXCHANGE_TIMEOUT); whether the commands were done is then unknown.
        """
        self.has_left = False
        try:
            with trio.fail_after(EXCHANGE_TIMEOUT if timeout is None else timeout):
                replies = await self._exchange(commands)
        except (redis.RedisError, OSError, LoopFell, trio.TooSlowError) as error:
            failure = unavailable(self._endpoint.label, error)
            failure.__cause__ = error
            self._health.failed(failure, self._turn)
            forget_frames(error)
            try:
                raise failure from error
            finally:
                del failure  # its traceback has this frame, and that the commands: see garbage.py
        self._health.round_trips += 1
        if not any(isinstance(reply, redis.RedisError) for reply in replies):
            self._health.answered()
            self._turn = self._health.turn
        return replies

    async def command(self, *command: Any) -> Any:
        """One command, one reply. Raises LayerUnavailable, also for an error reply."""
        (reply,) = await self.exchange(command)
        if isinstance(reply, redis.RedisError):
            raise self.refused(reply) from reply
        return reply

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[Any]) -> Any:
        """A script's reply. Raises LayerUnavailable, also for an error reply."""
        (reply,) = await self.exchange(("EVALSHA", script.sha, len(keys), *keys, *args))
        if isinstance(reply, redis.exceptions.NoScriptError):
            # A Redis that was restarted, or SCRIPT FLUSH; EVAL also makes it remember.
            (reply,) = await self.exchange(("EVAL", script.text, len(keys), *keys, *args))
        if isinstance(reply, redis.RedisError):
            raise self.refused(reply) from reply
        return reply

    def close(self) -> None:
        """Disconnect, if connected."""
        if (stream := self._stream) is not None:
            self._drop(stream)

    def refused(self, reply: redis.RedisError) -> LayerUnavailable:
        """What to raise for an error reply. Disconnects."""
        # Starting afresh is what helps against READONLY and the like: Sentinel is asked for the master again.
        failure = unavailable(self._endpoint.label, reply)
        failure.__cause__ = reply
        self._health.refused(failure)
        self.close()
        return failure

    async def _exchange(self, commands: Sequence[Command]) -> list[Any]:
        stream = self._stream
        if stream is not None and (
            stream.failure is not None  # while nobody used it: nothing has been sent that could be in doubt
            or self._made_after != self._health.generation  # another's broke: this one's Redis may be no more
        ):
            self._drop(stream)
            stream = None
        if stream is None:
            stream = await self._loop.run(self._connect)
        self.has_left = True
        try:
            replies = await stream.exchange(packed(commands), len(commands))
            for reply in replies:
                if isinstance(reply, redis.RedisError) and not isinstance(reply, redis.ResponseError):
                    raise reply  # it lets nobody in, or still loads its data
        except BaseException:
            self._drop(stream)
            raise
        return replies

    def _drop(self, stream: RedisStream) -> None:
        self._stream = None
        self._loop.streams.discard(stream)
        stream.close(redis.ConnectionError("closed by this server"))

    async def _connect(self) -> RedisStream:
        """In asyncio."""
        self._turn = self._health.turn
        generation = self._health.generation
        connection = await self._endpoint.connection()
        try:
            await connection.connect()  # type: ignore[no-untyped-call]
            await connection.send_command("CLIENT", "ID", check_health=False)
            reply = await _reply(connection)
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        self.client_id = reply if isinstance(reply, int) else None
        self._stream = stream = RedisStream(connection)
        self._loop.streams.add(stream)
        self._made_after = generation
        self._health.reconnects += self._connected_before
        self._connected_before = True
        return stream


class SharedConnection(RedisConnection):
    """A connection whose exchanges wait for each other, for the rare commands of many tasks."""

    def __init__(self, loop: AsyncioLoop, endpoint: Endpoint, health: ShardHealth) -> None:
        super().__init__(loop, endpoint, health)
        self._lock = trio.Lock()

    async def exchange(self, *commands: Command, timeout: float | None = None) -> list[Any]:
        async with self._lock:
            return await super().exchange(*commands, timeout=timeout)


async def _reply(connection: AbstractConnection) -> Any:
    try:
        return await connection.read_response()
    except redis.ResponseError as error:
        return error  # the connection is in order


def _special(error: LayerUnavailable) -> type | None:
    """The kind of reason that is said by itself; None for all others."""
    cause = error.__cause__
    return type(cause) if isinstance(cause, SPECIAL) else None


def unavailable(label: str, error: BaseException) -> LayerUnavailable:
    """What went wrong with the shard at `label`, and what to do about it."""
    text = str(error)
    if isinstance(error, redis.AuthenticationError) or text.startswith(("NOAUTH", "WRONGPASS", "NOPERM")):
        advice = "check user name, password and rights in CONFIG of CHANNEL_LAYERS"
        return LayerUnavailable(f"Redis at {label} does not let this server in ({text})", advice)
    if isinstance(error, redis.ResponseError):
        return LayerUnavailable(f"Redis at {label} refused: {text}")
    if isinstance(error, LoopFell):
        return LayerUnavailable(f"the connection to Redis at {label} was lost: {text}")
    if isinstance(error, (trio.TooSlowError, redis.TimeoutError, TimeoutError)):
        text = "it does not answer"
    return LayerUnavailable(
        f"Redis at {label} cannot be reached ({text})",
        "check that it runs, and the hosts in CONFIG of CHANNEL_LAYERS",
    )
