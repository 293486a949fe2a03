"""A private Redis-compatible server for the tests here: CHANNELS_ASYNC_TEST_REDIS names its binary."""

from __future__ import unicode_literals

import contextlib
import os
import socket
import subprocess
import time

import pytest

START_TIMEOUT = 20.0  # seconds


class RedisServer(object):
    """A process with a free port of the loopback and nothing on disk."""

    def __init__(self, binary, directory):
        with contextlib.closing(socket.socket()) as probe:
            probe.bind(('127.0.0.1', 0))
            self.port = probe.getsockname()[1]
        self.url = 'redis://127.0.0.1:{}/0'.format(self.port)
        self._process = subprocess.Popen(
            [
                binary, '--port', str(self.port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no',
                '--dir', directory, '--logfile', os.path.join(directory, 'log'),
            ],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self._wait()

    def _wait(self):
        """Until it answers; the start of another program cannot be waited for but by asking."""
        ends = time.time() + START_TIMEOUT
        while True:
            try:
                connection = socket.create_connection(('127.0.0.1', self.port), 5)
            except (OSError, IOError):
                if time.time() > ends or self._process.poll() is not None:
                    raise
                time.sleep(0.01)
            else:
                connection.close()
                return

    def stop(self):
        if self._process.poll() is None:
            self._process.terminate()
            self._process.communicate()


def server(directory):
    """Start one, or skip the test with the reason; in CI a missing binary is a failure."""
    binary = os.environ.get('CHANNELS_ASYNC_TEST_REDIS')
    if not binary:
        reason = 'CHANNELS_ASYNC_TEST_REDIS names no binary of a Redis-compatible server'
        if os.environ.get('CI'):
            pytest.fail(reason)
        pytest.skip(reason)
    return RedisServer(binary, str(directory))
