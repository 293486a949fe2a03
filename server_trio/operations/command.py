"""COMMAND: run a program that the settings name; its stdout is the answer, as it comes.

The answer begins with the first byte of the output, or with the end: a command that fails before it
has written anything is a 500, and one that fails later is cut short. When the program ends, so does
all that it has started; and so it is when the operation's time is over or somebody cancels it.
"""

from __future__ import annotations

import difflib
import logging
import os
from collections.abc import AsyncIterator, Mapping
from typing import Final

import trio

from channels_async import command_rules, http_rules
from channels_async.stderr_lines import StderrLines
from channels_async.wire import Command as Details
from channels_async.wire import Operation

from ..commands import Command
from ..errors import BadInput, OperationError, OperationRefused, UploadBroken
from ..limits import KiB
from ..replies import Reply, ReplyState
from .base import Context
from .body_channel import BodyPieces
from .guard import Guard
from .processes import KILL_TIME, Group, start

logger = logging.getLogger(__name__)

#: Bytes asked of a pipe at once; what a pipe of Linux holds (pipe(7)).
READ_SIZE: Final = 64 * KiB

#: Seconds to wait for the end of the output once the program and its group have ended: what they have
#: written is there already. Only a process that has left the group can still hold a pipe open.
LAST_READ: Final = 1.0


class RunCommand:
    """The handler of COMMAND operations. With `debug` an error tells the end of stderr.

    `guard` ends the commands of a server that is killed. None leaves them to themselves.
    """

    def __init__(self, commands: Mapping[str, Command], *, debug: bool, guard: Guard | None = None) -> None:
        self._commands = commands
        self._debug = debug
        self._guard = guard

    async def __call__(self, operation: Operation, reply: Reply, context: Context) -> None:
        """Raises OperationRefused, BadInput, OperationError (not started, failed, wrote too much)."""
        details: Details = operation.details
        command = self._commands.get(details.command)
        if command is None:
            near = difflib.get_close_matches(details.command, self._commands, 1, 0.6)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            logger.warning(
                "operation %s: the settings have no command '%s'%s", operation.id, details.command, hint
            )
            raise OperationRefused(command_rules.NOT_HERE)
        stdin = details.stdin is not None or details.body_channel is not None
        try:
            argv = command_rules.fill(command.rules, details.parameters)
            command_rules.check_stdin(command.rules, stdin)
        except command_rules.CommandRefused as error:
            raise BadInput(str(error)) from None
        if self._guard is not None:
            await self._guard.open()
        group = await start(command, argv, stdin=stdin)
        run = Run(command, operation, reply, group)
        try:
            if self._guard is not None:
                self._guard.add(group.process.pid)
            await run.talk(read_input(details, context))
        except CommandFailed as error:
            if self._debug and run.stderr.tail():
                raise CommandFailed(f"{error}\n{run.stderr.tail()}") from None
            raise
        finally:
            await run.end()
            if self._guard is not None:
                self._guard.remove(group.process.pid)

    async def close(self) -> None:
        """The server ends."""
        if self._guard is not None:
            await self._guard.close()

    def is_repeatable(self, details: Details) -> bool:
        """Whether the settings say so of the command. See recovery.py."""
        command = self._commands.get(details.command)
        return command is not None and command.rules.idempotent


async def read_input(details: Details, context: Context) -> AsyncIterator[bytes]:
    """What the process reads on stdin. Raises UploadBroken, so that it takes no part for the whole."""
    size = 0
    async for piece in BodyPieces(context.layer, details.stdin, details.body_channel):
        size += len(piece)
        yield piece
    if details.content_length not in (None, size):
        raise UploadBroken(f"the input ended after {size} of {details.content_length} bytes")


class CommandFailed(OperationError):
    """The program ended with an error, or did what it must not."""


class Run:
    """One process and the three streams between it and its operation."""

    def __init__(self, command: Command, operation: Operation, reply: Reply, group: Group) -> None:
        self.stderr = StderrLines(command_rules.TAIL)
        self._rules = command.rules
        self._operation = operation
        self._reply = reply
        self._group = group
        self._returncode: int | None = None
        self._ended = trio.Event()
        self._stderr_read = trio.Event()
        self._waiting: set[trio.CancelScope] = set()
        self._failure: Exception | None = None

    async def talk(self, stdin: AsyncIterator[bytes]) -> None:
        """Pass everything on until the process has ended; answer, or raise why not."""
        await self._group.wait_begun()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._feed, stdin, nursery.cancel_scope)
            nursery.start_soon(self._read_stderr)
            nursery.start_soon(self._wait)
            try:
                await self._pass_on()
            except Exception as error:  # not to come out in a group
                self._failure = error
            nursery.cancel_scope.cancel()
        if self._failure is not None:
            raise self._failure

    async def end(self) -> None:
        """End the whole group, whatever it does, and listen to its last words."""
        kill_after = self._rules.kill_after
        with trio.move_on_after(kill_after + 3 * KILL_TIME, shield=True):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._discard_stdout)
                if not self._stderr_read.is_set():
                    nursery.start_soon(self._read_stderr)
                await self._group.end(kill_after)
                with trio.move_on_after(LAST_READ):  # what has left the group may hold the pipe
                    await self._stderr_read.wait()
                nursery.cancel_scope.cancel()
        if not self._stderr_read.is_set():  # a standstill may have taken all the time
            assert self._group.process.stderr is not None
            self._log(self.stderr.feed(what_is_there(self._group.process.stderr), trio.current_time()))
        self._group.close()
        self._log(self.stderr.finish())

    async def _pass_on(self) -> None:
        """stdout to the reply channel, no faster than that takes it."""
        headers = http_rules.response_headers(
            200,
            [(b"content-type", self._rules.content_type.encode("ascii"))],
            self._operation.response_headers,
        )
        size = 0
        async for chunk in self._chunks(self._group.process.stdout):
            size += len(chunk)
            if 0 < self._rules.max_output < size:
                raise CommandFailed(command_rules.TOO_MUCH.format(self._rules.max_output))
            if self._reply.state is ReplyState.NOTHING:
                await self._reply.start(200, headers, chunk, more=True)
            else:
                await self._reply.write(chunk, more=True)
        await self._ended.wait()
        await self._stderr_read.wait()
        if self._returncode:
            raise CommandFailed(command_rules.ending(self._returncode))
        if self._reply.state is ReplyState.NOTHING:
            await self._reply.start(200, headers)
        await self._reply.end()

    async def _wait(self) -> None:
        self._returncode = await self._group.wait()
        self._ended.set()
        for scope in self._waiting:
            scope.deadline = trio.current_time() + LAST_READ

    async def _feed(self, stdin: AsyncIterator[bytes], cancel_scope: trio.CancelScope) -> None:
        """The input to stdin. A process that closes it early needs no more; that is no error."""
        pipe = self._group.process.stdin
        if pipe is None:
            return
        async with pipe:
            try:
                async for chunk in stdin:
                    await pipe.send_all(chunk)
            except trio.BrokenResourceError:
                pass
            except Exception as error:  # before the pipe closes: its end would be taken for that of the input
                self._failure = error
                cancel_scope.cancel()

    async def _read_stderr(self) -> None:
        async for chunk in self._chunks(self._group.process.stderr):
            self._log(self.stderr.feed(chunk, trio.current_time()))
        self._stderr_read.set()

    async def _discard_stdout(self) -> None:
        async for _ in self._chunks(self._group.process.stdout):
            pass

    async def _chunks(self, pipe: trio.abc.ReceiveStream | None) -> AsyncIterator[bytes]:
        """What comes through a pipe, to its end; after that of the process to LAST_READ without a byte."""
        assert pipe is not None
        while True:
            chunk: bytes | bytearray = b""
            with trio.CancelScope() as scope:
                if self._ended.is_set():
                    scope.deadline = trio.current_time() + LAST_READ
                self._waiting.add(scope)
                try:
                    chunk = await pipe.receive_some(READ_SIZE)
                finally:
                    self._waiting.discard(scope)
            if scope.cancelled_caught:
                chunk = what_is_there(pipe)
            if not chunk:
                return
            yield bytes(chunk)

    def _log(self, lines: list[str]) -> None:
        for line in lines:
            logger.info("operation %s (%s): stderr: %s", self._operation.id, self._rules.name, line)


def what_is_there(pipe: trio.abc.ReceiveStream) -> bytes:
    """What can be read without waiting: a server that stood still for LAST_READ has not looked yet."""
    assert isinstance(pipe, trio.lowlevel.FdStream)
    try:
        return os.read(pipe.fileno(), READ_SIZE)
    except BlockingIOError:
        return b""
