"""A network between the servers and Redis that breaks: in the middle of a reply, or all of it at once."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from typing import Final

CHUNK: Final = 65536  # bytes


class Proxy:
    """Passes bytes on between clients on a port of its own and one Redis."""

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self._lines: set[tuple[socket.socket, socket.socket]] = set()
        self._lock = threading.Lock()
        self._cut_reply = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()

    def cut(self) -> None:
        """Break every connection."""
        with self._lock:
            lines = list(self._lines)
        for line in lines:
            _break(line)

    def cut_next_reply(self) -> None:
        """Pass on half of the next reply, then break its connection."""
        self._cut_reply.set()

    def close(self) -> None:
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # closed
            try:
                line = (client, socket.create_connection(self._to, 5))
            except OSError:
                client.close()
                continue
            with self._lock:
                self._lines.add(line)
            threading.Thread(target=self._pass_on, args=line, name="proxied", daemon=True).start()

    def _pass_on(self, client: socket.socket, redis: socket.socket) -> None:
        for end in (client, redis):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError, ValueError), client, redis:
            while self._pass_one(client, redis):
                pass
        with self._lock:
            self._lines.discard((client, redis))

    def _pass_one(self, client: socket.socket, redis: socket.socket) -> bool:
        """What has come from either side; False once the line is to be closed."""
        for source in select.select([client, redis], [], [])[0]:
            data = source.recv(CHUNK)
            if not data:
                return False
            if source is redis and len(data) > 5 and self._cut_reply.is_set():
                self._cut_reply.clear()
                client.sendall(data[: len(data) // 2])
                return False
            (redis if source is client else client).sendall(data)
        return True


def _break(line: tuple[socket.socket, socket.socket]) -> None:
    for end in line:
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
