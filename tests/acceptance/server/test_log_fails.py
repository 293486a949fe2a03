"""A log that cannot be written: a handler or filter that raises, a stderr closed or read by nobody."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from tests.acceptance.raw import until
from tests.acceptance.server.crowd import Crowd
from tests.harness.processes import SOURCES

LOGGING = """
import logging
class Raises(logging.Handler):
    def emit(self, record):
        raise OSError('the disk of the log is gone')
class RaisingFilter(logging.Filter):
    def filter(self, record):
        raise LookupError('a filter')
async def fine():
    return 'fine'
async def wrong():
    raise ValueError('wrong')
CHANNELS_ASYNC_SERVER = {{'CALLS': {{'fine': 'raw_settings.fine', 'wrong': 'raw_settings.wrong'}}}}
LOGGING = {{
    'version': 1,
    'disable_existing_loggers': False,
    'filters': {{'raises': {{'()': 'raw_settings.RaisingFilter'}}}},
    'handlers': {{
        'bad': {{'class': 'raw_settings.Raises'}},
        'filtered': {{'class': 'logging.FileHandler', 'filename': 'filtered.log', 'filters': ['raises']}},
        'good': {{'class': 'logging.FileHandler', 'filename': 'server.log'}},
    }},
    {rest}
}}
"""
BAD = "server_trio: the log handler 'bad' (raw_settings.Raises) raised OSError: the disk of the log is gone;"
FILTERED = "server_trio: the log handler 'filtered' (logging.FileHandler) raised LookupError: a filter;"
FILTER = "server_trio: a filter of the logger 'server_trio.operation' raised LookupError: a filter;"


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        ("'root': {'handlers': ['bad', 'filtered', 'good'], 'level': 'INFO'}", [BAD, FILTERED]),
        ("'root': {'handlers': ['good'], 'level': 'INFO'},"
         "'loggers': {'server_trio.operation': {'handlers': ['bad']}}", [BAD]),
        ("'root': {'handlers': ['good'], 'level': 'INFO'},"
         "'loggers': {'server_trio.operation': {'filters': ['raises']}}", [FILTER]),
    ],
)  # fmt: skip
def test_a_handler_or_filter_that_raises_is_told_once_and_holds_up_nothing(
    start_server, redis, upstream, tmp_path, rest, said
):
    server = start_server(LOGGING.format(rest=rest), wait=False)
    log = tmp_path / "server.log"
    until("it is ready", lambda: log.exists() and "ready" in log.read_text(), 40)
    with Crowd(redis) as crowd:
        names = [
            crowd.ask("CALL", function="fine"),
            crowd.ask("CALL", function="wrong"),
            crowd.ask("CALL", function="nothing"),
            crowd.ask(url=upstream.url + "/echo"),
            crowd.ask(url="http://127.0.0.1:1/"),
        ]
        crowd.wait(names)
        assert [crowd.status(name) for name in names] == [200, 500, 403, 200, 502]
    server.process.signal(signal.SIGTERM)
    assert server.process.wait() == 0
    lines = server.process.output().splitlines()
    assert len(lines) == len(said)
    assert all(line.startswith(words) for line, words in zip(lines, said, strict=True))
    assert "stopped" in log.read_text()


@pytest.mark.parametrize("closed", [True, False])
def test_sigusr1_ends_no_server_whose_stderr_is_closed_or_read_by_nobody(
    start_server, upstream, tmp_path, closed
):
    server = start_server(LOGGING.format(rest="'root': {'handlers': ['good'], 'level': 'INFO'}"), wait=False)
    log = tmp_path / "server.log"
    until("it is ready", lambda: log.exists() and "ready" in log.read_text(), 40)
    assert server.process.end() == 0
    log.write_text("")
    reading, writing = os.pipe()
    shut = (lambda: os.close(2)) if closed else None
    second = subprocess.Popen(
        [sys.executable, "-m", "server_trio", "raw_settings"],
        cwd=tmp_path,
        env={**os.environ, **SOURCES},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=writing,
        preexec_fn=shut,
    )
    try:
        os.close(writing)
        os.close(reading)
        until("it is ready", lambda: "ready" in log.read_text(), 40)
        for count in (1, 2):
            second.send_signal(signal.SIGUSR1)
            until("it has obeyed", lambda count=count: log.read_text().count("SIGUSR1 received") == count)
            server.ask(upstream.url + "/echo")
            assert server.whole_answer()[0] == 200
        second.send_signal(signal.SIGTERM)
        assert second.wait(20) == 0
    finally:
        second.kill()
        second.wait()
