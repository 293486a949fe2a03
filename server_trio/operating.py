"""What a server does with the messages of its operation channel, from their arrival to their answer."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Final

import trio

from channels_async.wire import BadMessage, Operation, parse

from .disconnects import Disconnects
from .errors import ClientGone, LayerError, OperationError
from .garbage import Allowance
from .inflight import InFlight
from .layers.base import Layer, Past, Received
from .limits import KiB
from .operations import Context, Handler
from .receiver import Places
from .recovery import is_repeatable, refusal
from .replies import FORMS, Reply, make_reply
from .running import Running, shutting_down
from .settings import Settings
from .stats import QUIET, Counters
from .turns import Turns
from .unread import Unread

logger = logging.getLogger(__name__)

#: Operations of dead servers that are told at once that they are lost, besides all those that are done.
REFUSED_AT_ONCE: Final = 100

#: Characters of text in a message that are parsed in the event loop: a millisecond's work. Text is what
#: 2017 messages hold, dicts as their repr; the bytes of today's messages are not looked into.
PARSED_AT_ONCE: Final = 16 * KiB


class Operations:
    """The operations of one server. `handle` answers a message, whatever it is."""

    def __init__(self, settings: Settings, handlers: Mapping[str, Handler]) -> None:
        self._settings = settings
        self._handlers = handlers
        self._turns = Turns(settings.CONCURRENCY.limits(), settings.CONCURRENCY.total)
        self._warned_fields: set[str] = set()
        self._parsers = trio.CapacityLimiter(1)  # they compute: a second one would only slow the loop more
        self._ending = False
        self._unread = Unread()
        self._allowance = Allowance()
        self.counters = Counters()
        self.places = Places(settings.CONCURRENCY.total)
        self.refusals = Places(REFUSED_AT_ONCE)
        self.in_flight = InFlight()
        self.disconnects = Disconnects(self._interrupt)

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return self._turns.waiting

    def interrupt_all(self, *, hurry: bool) -> None:
        """Answer all that is in flight, and what comes yet, that the server ends."""
        self._ending = True
        for running in self.in_flight:
            running.interrupt(shutting_down(), hurry=hurry)

    async def close(self) -> None:
        """Let go of what handlers keep as long as the server lives."""
        for handler in self._handlers.values():
            if (close := getattr(handler, "close", None)) is not None:
                await close()

    def _interrupt(self, channel: str, until: float) -> bool:
        return self.in_flight.interrupt(channel, client_gone(), until)

    async def handle(
        self, layer: Layer, context: Context, received: Received, places: Places | None = None
    ) -> None:
        """Answer one message, whatever it is, and give back its place: one of `places`, else of ours."""
        self.counters.received += 1
        try:
            try:
                operation = self._parse_at_once(received) or await self._parse_apart(received)
            except BadMessage as error:
                await self._refuse(layer, error, received)
                return
            if operation.ignored:
                self._warn_of_ignored(operation)
            handler = self._handlers.get(operation.name)
            reply = make_reply(layer, operation, received.entry)
            verdict: OperationError | None = None
            if self.disconnects.gone.has_left(operation.reply_channel, operation.sent_at):
                verdict = client_gone()
            elif received.past is not None:
                verdict = await self._verdict(layer, received.past, operation, handler, reply)
            running = Running(operation, handler, reply, context, self._settings, self._turns, verdict)
            self._note_begin(running)
            try:
                await running.run()
            finally:
                self._note_end(running)
        finally:
            (places or self.places).give_back()

    async def is_lost(self, received: Received) -> bool:
        """Whether what a dead server had will not be done (again): then its answer needs no place."""
        if received.past is None:
            return True
        try:
            operation = self._parse_at_once(received) or await self._parse_apart(received)
        except BadMessage:
            return True
        if self.disconnects.gone.has_left(operation.reply_channel, operation.sent_at):
            return True
        repeatable = is_repeatable(operation, self._handlers.get(operation.name))
        return refusal(received.past, repeatable=repeatable, attempts=self._settings.ATTEMPTS) is not None

    def _parse_at_once(self, received: Received) -> Operation | None:
        """Understand a message; None where that could take long. Raises BadMessage."""
        if received.fault is not None:
            raise BadMessage(received.fault)
        content = received.content
        return parse(content, time.time()) if text_size(content) <= PARSED_AT_ONCE else None

    async def _parse_apart(self, received: Received) -> Operation:
        """Understand a message apart from the event loop. Raises BadMessage."""
        return await trio.to_thread.run_sync(parse, received.content, time.time(), limiter=self._parsers)

    async def _verdict(
        self, layer: Layer, past: Past, operation: Operation, handler: Handler | None, reply: Reply
    ) -> OperationError | None:
        """Why what another server had is not to be done (again), if that is so."""
        if operation.sent_at is None:
            operation.sent_at = past.claimed_at
        if past.begun:
            reply.resume()
        repeatable = is_repeatable(operation, handler)
        error = refusal(past, repeatable=repeatable, attempts=self._settings.ATTEMPTS)
        if error is not None and repeatable and not past.begun and reply.entry is not None:
            logger.error("operation %s is given up: %s", operation.id, error)
            try:
                await layer.bury(reply.entry, str(error))  # the answer still tells whose it is by the entry
            except LayerError as failure:
                logger.warning("operation %s cannot be kept for a look at it: %s", operation.id, failure)
        return error

    def _note_begin(self, running: Running) -> None:
        self.in_flight.add(running)
        self._allowance.note(len(self.in_flight))
        if running.reply.channel in self._unread:
            running.expect_nobody()
        if self._ending:
            running.interrupt(shutting_down(), hurry=True)

    def _note_end(self, running: Running) -> None:
        self.in_flight.discard(running)
        self._allowance.note(len(self.in_flight))
        if running.outcome == "reply_lost" and running.reply.is_full:
            self._unread.note(running.reply.channel)
        self._count(running)

    def _count(self, running: Running) -> None:
        name, outcome = running.operation.name, running.outcome
        self.counters.finish(name, outcome, running.seconds, running.waited, running.reply.bytes_sent)
        if outcome not in QUIET:
            target = str(running.operation.details)  # its repr shows method and host, nothing secret
            self.counters.errors.note(name, target, outcome, running.reason, time.time())

    async def _refuse(self, layer: Layer, error: BadMessage, received: Received) -> None:
        """A message that is no operation: one line in the log, counted, answered where it can be."""
        self.counters.bad_messages += 1
        logger.warning("bad message on %s: %s", self._settings.CHANNEL, error.reason)
        form = FORMS[error.reply_format if error.reply_channel is not None else "none"]
        reply = form(layer, error.reply_channel or "", id=error.id, entry=received.entry)
        if received.past is not None and received.past.begun:
            reply.resume()
        with trio.move_on_after(self._settings.REPLY_TIMEOUT, shield=True):
            try:
                await reply.fail(OperationError("the message could not be understood"))
                await reply.settle()
            except LayerError as failure:
                logger.warning("the answer to a bad message could not be sent: %s", failure)

    def _warn_of_ignored(self, operation: Operation) -> None:
        """Say once a name that a field of a 2017 message has no effect."""
        for name in operation.ignored:
            if name not in self._warned_fields and len(self._warned_fields) < 100:
                self._warned_fields.add(name)
                logger.warning("the field %r of 2017 messages has no effect and is ignored", name)


def client_gone() -> ClientGone:
    """The outcome of operations whose browser has gone."""
    return ClientGone("the browser has gone")


def text_size(content: object) -> int:
    """Characters that parsing a message looks at one by one; anything nested counts as much."""
    if not isinstance(content, dict) or "v" in content:
        return 0
    return sum(
        len(value)
        if isinstance(value, str | bytes)
        else (PARSED_AT_ONCE + 1) * isinstance(value, list | dict)
        for value in content.values()
    )
