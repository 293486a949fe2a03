"""Browsers of a soak: they ask the site by HTTP through daphne; some read slowly, some leave."""

from __future__ import annotations

import contextlib
import http.client
import random
import socket
import threading
import time
from urllib.parse import quote, urlsplit

from tests.soak.kinds import any_kind, body_of, zeros
from tests.soak.ledger import Entry, Ledger
from tests.soak.rules import DAPHNE_TIMEOUT

GAVE_UP = b"Worker server failed to respond"  # daphne/http_protocol.py check_timeouts
#: Seconds without a byte. A daphne one of whose timeouts had to be told to a Redis that was away counts no
#: more (daphne/server.py timeout_checker), and then the browser is the one to give up.
TIMEOUT = DAPHNE_TIMEOUT + 5.0
LEAVING = 0.07  # of all requests
SLOW = 0.3  # of all large answers
SLOWEST = 3.0  # seconds for a large answer that is read slowly


class Browsers:
    """So many, each in a thread, one request after the other until they are told to stop."""

    def __init__(self, number: int, ledger: Ledger, seed: int) -> None:
        self._netloc = ""
        self._ledger = ledger
        self._stop = threading.Event()
        self.failure: Exception | None = None
        self._threads = [
            threading.Thread(target=self._browse, args=(random.Random(f"{seed} {number}"),), daemon=True)
            for number in range(number)
        ]

    def start(self, url: str) -> None:
        """Ask the site at `url`."""
        self._netloc = urlsplit(url).netloc
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ask no more."""
        self._stop.set()

    @property
    def are_done(self) -> bool:
        """Whether the last answers are there. Raises what went wrong here."""
        if self.failure is not None:
            raise self.failure
        return not any(thread.is_alive() for thread in self._threads)

    def _browse(self, choose: random.Random) -> None:
        connection = None
        try:
            while not self._stop.wait(choose.uniform(0.0, 0.2)):
                if connection is None or choose.random() < 0.3:
                    if connection is not None:
                        connection.close()
                    connection = _Browser(self._netloc, timeout=TIMEOUT)
                entry = self._ledger.new(any_kind(choose), "browser")
                entry.sent = body_of(entry.kind, entry.number, choose)
                if not self._ask(connection, entry, choose):
                    connection.close()
                    connection = None
        except Exception as error:
            self.failure = error

    def _ask(self, connection: _Browser, entry: Entry, choose: random.Random) -> bool:
        """Ask and read the answer. Returns whether the connection is good for another."""
        entry.outcome = "nothing"
        try:
            connection.request(entry.kind.method or "GET", _target(entry), entry.sent or None)
            if choose.random() < LEAVING:
                entry.has_left = True
                self._stop.wait(choose.uniform(0.0, 0.6))
                return False
            response = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            entry.outcome = "gave up" if isinstance(error, TimeoutError) else "closed"
            entry.ended_at = time.monotonic()
            return False
        try:
            content = self._read(response, choose.random() < SLOW)
        except (OSError, http.client.HTTPException):
            entry.outcome, entry.ended_at = "cut", time.monotonic()
            return False
        entry.judge(response.status, content)
        if response.status == 503 and GAVE_UP in content:
            entry.outcome = "gave up"
        return True

    def _read(self, response: http.client.HTTPResponse, slowly: bool) -> bytes:
        pieces = []
        while piece := response.read(100_000):
            pieces.append(piece)
            if slowly:
                self._stop.wait(SLOWEST / 20)
        if response.length:  # http.client's read of a size says nothing of what is missing
            raise http.client.IncompleteRead(b"", response.length)
        return b"".join(pieces)


class _Browser(http.client.HTTPConnection):
    """Takes in no more than it reads."""

    def connect(self) -> None:
        super().connect()
        with contextlib.suppress(OSError):
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)


def _target(entry: Entry) -> str:
    """Where the site does it (tests/acceptance/site)."""
    kind = entry.kind
    if kind.operation == "CALL":
        return "/call/thumbnail.status/?args=" + quote(f"[{entry.number}]")
    if kind.operation == "COMMAND":
        return f"/command/zeros/?size={zeros(entry.number)}"
    return ("/ask" if kind.operation == "REQUEST" else "/forward") + entry.path
