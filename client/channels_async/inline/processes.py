"""A process of a command, run here and now: read as far as somebody wants it, ended with all of its group.

One thread does it all: it waits for the pipes, looks at the clock, and now and then whether the process has
ended, which no pipe tells when something that the process has started holds it open.
"""

from __future__ import unicode_literals

import errno
import fcntl
import os
import resource
import select
import signal
import subprocess
import time

from channels_async import command_rules
from channels_async._py23 import monotonic, session_options
from channels_async.process_groups import any_living, signal_group

READ_SIZE = 64 * 1024  # bytes
LOOK = 0.02  # seconds between looks whether the process has ended
LAST_READ = 1.0  # seconds for the end of the output once the group has ended
LAST_WORDS = 16  # reads; a pipe of Linux holds 64 KiB (pipe(7)), other systems' not much more
KILL_TIME = 1.0  # seconds for the kernel to end what got SIGKILL


class NotStarted(Exception):
    """The program is not there, or the system refuses it."""


class TooLate(Exception):
    """The deadline passed."""


class Process(object):
    """One process, the leader of a group of its own."""

    def __init__(self, command, argv, stdin, end, take_stderr):
        """
        command      command_rules.Command
        argv         list of bytes
        stdin        bytes, or None for none
        end          float, when it must have ended, by `monotonic`
        take_stderr  called with bytes as they come

        Raises NotStarted.
        """
        self._kill_after = command.kill_after
        self._end = end
        self._take_stderr = take_stderr
        self._input = memoryview(stdin or b'')
        try:
            self._popen = _start(command, argv, stdin is not None)
        except (OSError, ValueError, MemoryError, getattr(subprocess, 'SubprocessError', OSError)) as error:
            raise NotStarted('{}: {}'.format(type(error).__name__, error))
        self._pipes = {}
        for pipe, events in ((self._popen.stdin, select.POLLOUT), (self._popen.stdout, select.POLLIN),
                             (self._popen.stderr, select.POLLIN)):  # fmt: skip
            if pipe is not None:
                _make_nonblocking(pipe.fileno())
                self._pipes[pipe] = events
        if not self._input and self._popen.stdin is not None:
            self._close(self._popen.stdin)

    def read(self):
        """The next bytes of stdout; b'' at the end, when `returncode` is known. Raises TooLate."""
        last = None
        while True:
            ended = self._popen.poll() is not None
            if ended and last is None:
                self._signal(signal.SIGKILL)  # what it has left behind
                last = monotonic() + LAST_READ
            if ended and not self._outputs():
                return b''
            if monotonic() >= self._end:
                raise TooLate()
            # What is in the pipe is read also by one who stood still meanwhile.
            no_more = ended and monotonic() >= last
            output = self._step(0 if no_more else LOOK)
            if output:
                return output
            if no_more:
                return b''

    @property
    def returncode(self):
        """As in subprocess; None while it runs."""
        return self._popen.poll()

    def end(self):
        """SIGTERM to the group, SIGKILL to what is left of it after kill_after seconds; close everything."""
        if self._popen.poll() is None:
            self._signal(signal.SIGTERM)
            self._wait(self._kill_after)
        self._signal(signal.SIGKILL)
        self._wait(KILL_TIME)
        self._read_last_words()
        for pipe in list(self._pipes):
            self._close(pipe)

    def _read_last_words(self):
        """What is in the pipe of stderr yet: it may have been written between the last look and the end."""
        for _ in range(LAST_WORDS):
            pipe = self._popen.stderr
            data = _attempt(os.read, pipe.fileno(), READ_SIZE) if pipe in self._pipes else None
            if not data:
                return
            self._take_stderr(data)

    def _wait(self, seconds):
        """Until nothing of the group lives, at most so long; what it still writes is read."""
        end = monotonic() + seconds
        while monotonic() < end:
            ended = self._popen.poll() is not None
            if ended and not (self._signal(0) and any_living(self._popen.pid)):
                self._signal(0)  # reaps those that have just died
                return
            self._step(LOOK)

    def _signal(self, number):
        return signal_group(self._popen.pid, number, self._popen.returncode is not None)

    def _outputs(self):
        return [pipe for pipe in self._pipes if pipe is not self._popen.stdin]

    def _step(self, seconds):
        """Wait for the pipes and serve those that are ready; returns bytes of stdout, or None."""
        if not self._pipes:
            time.sleep(seconds)
            return None
        poll = select.poll()
        for pipe, events in self._pipes.items():
            poll.register(pipe.fileno(), events)
        try:
            ready = {number for number, _ in poll.poll(seconds * 1000)}
        except select.error as error:
            if error.args[0] != errno.EINTR:
                raise
            return None  # Python 2: a signal
        found = None
        for pipe in [pipe for pipe in self._pipes if pipe.fileno() in ready]:
            if pipe is self._popen.stdin:
                self._write(pipe)
                continue
            data = _attempt(os.read, pipe.fileno(), READ_SIZE)
            if data == b'':
                self._close(pipe)
            elif data and pipe is self._popen.stdout:
                found = data
            elif data:
                self._take_stderr(data)
        return found

    def _write(self, pipe):
        try:
            written = _attempt(os.write, pipe.fileno(), self._input[:READ_SIZE])
        except OSError as error:
            if error.errno not in (errno.EPIPE, errno.ECONNRESET):
                raise
            self._close(pipe)  # it wants no more
            return
        self._input = self._input[written or 0:]
        if not self._input:
            self._close(pipe)

    def _close(self, pipe):
        del self._pipes[pipe]
        pipe.close()


def _start(command, argv, has_stdin):
    environment = command_rules.environment(command, os.environ)
    options = session_options(_limits(command))
    with open(os.devnull, 'rb') as nothing:
        return subprocess.Popen(  # noqa: S603 - command lines of the settings
            argv, bufsize=0, stdin=subprocess.PIPE if has_stdin else nothing, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, close_fds=True, cwd=command.cwd,
            env={_bytes(name): _bytes(value) for name, value in environment.items()}, **options
        )  # fmt: skip


def _limits(command):
    """A function that limits the process that calls it, or None."""
    if not (command.nice or command.cpu_seconds or command.memory):
        return None

    def limit():
        if command.nice:
            os.nice(command.nice)
        if command.cpu_seconds:
            _limit(resource.RLIMIT_CPU, command.cpu_seconds, command.cpu_seconds + 1)
        if command.memory:
            _limit(resource.RLIMIT_AS, command.memory, command.memory)

    return limit


def _limit(what, soft, hard):
    most = resource.getrlimit(what)[1]
    if most != resource.RLIM_INFINITY:
        soft, hard = min(soft, most), min(hard, most)
    resource.setrlimit(what, (soft, hard))


def _make_nonblocking(number):
    fcntl.fcntl(number, fcntl.F_SETFL, fcntl.fcntl(number, fcntl.F_GETFL) | os.O_NONBLOCK)


def _attempt(function, *arguments):
    """What the system call returns; None where it has to be called again."""
    try:
        return function(*arguments)
    except (IOError, OSError) as error:
        if error.errno in (errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR):
            return None
        raise


def _bytes(value):
    # What has come from the environment of Python 3 may hold bytes that are not UTF-8 (PEP 383).
    return value if isinstance(value, bytes) else value.encode('utf-8', 'surrogateescape')
