"""A private Redis-compatible server for the tests here: CHANNELS_ASYNC_TEST_REDIS names its binary."""

from __future__ import unicode_literals

import contextlib
import os
import random
import socket
import subprocess
import time

import pytest

START_TIMEOUT = 60.0  # seconds; a start takes 30 ms
PORTS = range(12000, 32000)  # below those that a system gives away by itself


def free_port():
    """One of the loopback that was free a moment ago, and that no other process gets by chance meanwhile."""
    for port in random.SystemRandom().sample(PORTS, 100):
        with contextlib.closing(socket.socket()) as probe:
            try:
                probe.bind(('127.0.0.1', port))
            except (OSError, IOError):
                continue
            return port
    raise OSError('none of 100 ports from {} is free'.format(PORTS[0]))


class RedisServer(object):
    """A process with a free port of the loopback and nothing on disk."""

    def __init__(self, binary, directory):
        self.port = free_port()
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
