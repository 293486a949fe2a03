"""COMMAND in the view: the program of the settings is run by the worker itself, which waits for it.

Command line, environment, limits and answers are those of the server (command_rules); the settings are the
same, CHANNELS_ASYNC_SERVER['COMMANDS']. No more is held of the output than was asked for.
"""

from __future__ import unicode_literals

import logging

from django.conf import settings

from channels_async import command_rules, conf, http_rules
from channels_async._py23 import monotonic
from channels_async.inline.processes import NotStarted, Process, TooLate
from channels_async.inline.response import BREAK, InlineResponse, error
from channels_async.stderr_lines import StderrLines

logger = logging.getLogger('channels_async.client')


class CommandFailed(Exception):
    """What the one who waits is told: `status` and `reason`."""

    def __init__(self, status, reason):
        super(CommandFailed, self).__init__(reason)
        self.status = status
        self.reason = reason


def respond_command(operation, deadline, can_abort):
    """The response to a COMMAND; arguments as those of every operation, see `respond` of the package."""
    try:
        run = _begin(operation, monotonic() + deadline)
    except CommandFailed as failure:
        logger.warning('operation %s: %s', operation.id, failure.reason)
        return error(operation, failure.status, failure.reason)
    output = Output(run, operation.id, can_abort)
    try:
        output.read_first()
    except CommandFailed as failure:
        output.close()
        logger.warning('operation %s: %s', operation.id, failure.reason)
        return error(operation, failure.status, failure.reason)
    headers = http_rules.response_headers(
        200, [(b'content-type', run.command.content_type.encode('ascii'))], []
    )
    if operation.head:
        output.exhaust()
        return InlineResponse(200, headers, ())
    return InlineResponse(200, headers, output)


def _begin(operation, end):
    details = operation.details
    commands = conf.commands()
    command = commands.get(details.command)
    if command is None:
        logger.warning(
            "operation %s: the settings have no command '%s'%s",
            operation.id, details.command, conf.did_you_mean(details.command, commands),
        )  # fmt: skip
        raise CommandFailed(403, command_rules.NOT_HERE)
    if details.body_channel is not None:
        raise CommandFailed(501, 'a body that comes in pieces needs the server')
    try:
        argv = command_rules.fill(command, details.parameters)
        command_rules.check_stdin(command, details.stdin is not None)
    except command_rules.CommandRefused as refusal:
        raise CommandFailed(400, '{}'.format(refusal))
    return Run(operation, command, argv, end)


class Run(object):
    """A command that runs."""

    def __init__(self, operation, command, argv, end):
        self.command = command
        self._id = operation.id
        self._stderr = StderrLines(command_rules.TAIL)
        self._size = 0
        try:
            self._process = Process(command, argv, operation.details.stdin, end, self._take_stderr)
        except NotStarted as failure:
            logger.error('operation %s: a command could not be started: %s', self._id, failure)
            raise CommandFailed(500, command_rules.NOT_STARTED)

    def read(self):
        """The next bytes of the output; b'' at the end. Raises CommandFailed."""
        try:
            chunk = self._process.read()
        except TooLate:
            raise CommandFailed(504, "the command took longer than the operation's deadline")
        self._size += len(chunk)
        if 0 < self.command.max_output < self._size:
            raise CommandFailed(500, self._told(command_rules.TOO_MUCH.format(self.command.max_output)))
        if not chunk and self._process.returncode:
            raise CommandFailed(500, self._told(command_rules.ending(self._process.returncode)))
        return chunk

    def end(self):
        """End the process and all of its group."""
        self._process.end()
        self._log(self._stderr.finish())

    def _told(self, reason):
        tail = self._stderr.tail() if settings.DEBUG else ''
        return '{}\n{}'.format(reason, tail) if tail else reason

    def _take_stderr(self, data):
        self._log(self._stderr.feed(data, monotonic()))

    def _log(self, lines):
        for line in lines:
            logger.info('operation %s (%s): stderr: %s', self._id, self.command.name, line)


class Output(object):
    """The chunks of the output, as an iterator that can be closed."""

    def __init__(self, run, id, can_abort):
        self._run = run
        self._id = id
        self._can_abort = can_abort
        self._first = b''
        self._open = True

    def read_first(self):
        """Wait for the first bytes, or for the end. Raises CommandFailed."""
        self._first = self._run.read()
        if not self._first:
            self.close()

    def exhaust(self):
        """Let the command run to its end without its output."""
        self._can_abort = False
        for _ in self:
            pass

    def __iter__(self):
        try:
            chunk, self._first = self._first, b''
            while chunk:
                yield chunk
                chunk = self._run.read()
        except CommandFailed as failure:
            logger.warning('operation %s: the answer was cut short: %s', self._id, failure.reason)
            if self._can_abort:
                raise
            yield BREAK
        finally:
            self.close()

    def close(self):
        if self._open:
            self._open = False
            self._run.end()
