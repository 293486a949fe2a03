"""The connections of the status server: hypercorn speaks HTTP on them, within bounds that are set here.

hypercorn's own `serve` has no bound on connections, and sends under a shield without a deadline
(hypercorn/trio/tcp_server.py:90-96): somebody who does not read would keep the process from ending. So its
TCPServer, one connection's protocol, runs here over streams that give up.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import math
import socket
from collections.abc import Iterator
from typing import Any, Final

import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState

from ..limits import KiB
from .address import Address, close, handover, is_local, where
from .app import StatusApp

logger = logging.getLogger("server_trio.status")

MOST_CONNECTIONS: Final = 100  # at once; those beyond are closed as they come

#: Seconds in which what is sent must be taken, and between two answers on one connection.
SEND_TIMEOUT: Final = 5.0
SILENCE: Final = 30.0

#: Seconds that a connection has for its first answer when a successor takes the socket over.
FIRST_ANSWER: Final = 2.0

#: What accept(2) says where there is no room for one more, of this process or of the machine; seconds until
#: it is asked again, and without it until an outage is over. trio.serve_listeners logs a traceback each time.
NO_ROOM: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
NEXT_TRY: Final = 0.1
OUTAGE_END: Final = 60.0

BODY_LIMIT: Final = 64 * KiB  # of a request, which needs none


class Connection(trio.abc.HalfCloseableStream):
    """A client's stream that breaks when the client takes nothing, or asks nothing whole, for too long."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.socket = stream.socket  # hypercorn asks it for the addresses
        self._stream = stream
        self._sent_at = trio.current_time()
        self.scope = trio.CancelScope()  # of all that is done for it
        self.answered = trio.Event()  # it has had an answer, or gets none
        self._answering = 0
        self._has_ended = False

    @contextlib.contextmanager
    def answering(self) -> Iterator[None]:
        """While there is an answer to be made and sent."""
        self._answering += 1
        try:
            yield
        finally:
            self._answering -= 1
            self.answered.set()
            self._end()

    def _end(self) -> None:
        """hypercorn lets a connection that the client has closed wait for its idle time to be over."""
        if self._has_ended and not self._answering:
            self.scope.cancel()

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        with trio.move_on_after(SEND_TIMEOUT):
            await self._stream.send_all(data)
            self._sent_at = trio.current_time()
            return
        self.break_off()
        raise trio.BrokenResourceError("the client does not read")

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        data = b""
        try:
            with trio.move_on_at(self._sent_at + SILENCE):
                data = await self._stream.receive_some(max_bytes)
                return data
            raise trio.BrokenResourceError("the client asks nothing")
        finally:
            if not data:
                self._has_ended = True
                self._end()

    async def send_eof(self) -> None:
        await self._stream.send_eof()

    async def aclose(self) -> None:
        await self._stream.aclose()

    def break_off(self) -> None:
        """Close it at once, under the hands of whoever uses it."""
        self.socket.close()


class StatusServer:
    """Serves `app` on a listening socket. `serve` never raises an Exception: the operations go on without."""

    def __init__(self, address: Address, listening: socket.socket, app: StatusApp) -> None:
        self._address = address
        self._listening = listening
        self._app = app
        self._config = _config()
        self._context = WorkerContext(None)
        self._open: set[Connection] = set()
        self._accepting = trio.CancelScope()
        self._had_no_room_at = -math.inf  # in Trio's time, the last time

    @property
    def descriptor(self) -> int:
        """Of the listening socket, for a successor to inherit."""
        return self._listening.fileno()

    @property
    def environment(self) -> dict[str, str]:
        """What a successor has to be told to take the socket over."""
        return handover(self._address, self._listening)

    def leave_to_successor(self) -> None:
        """Accept nothing more, and let the connections there are end: another process has the socket."""
        self._accepting.cancel()

    async def serve(self) -> None:
        """Until cancelled, or until the successor has it."""
        logger.info("status at %s", where(self._listening))
        if not is_local(self._listening):
            logger.warning("the status at %s can be read by whoever reaches it", where(self._listening))
        try:
            async with trio.open_nursery() as background:
                background.start_soon(self._app.keep_history)
                background.start_soon(self._break_off_at_the_end)
                await self._accept()
                background.cancel_scope.cancel()
        except Exception:
            logger.exception("the status server has failed; this server goes on without it")
        finally:
            close(self._address, self._listening)

    async def _accept(self) -> None:
        """Serve until told to leave it to the successor, and the connections that there are to their end."""
        # A descriptor of its own: this one is closed with the listener.
        listener = trio.SocketListener(trio.socket.from_stdlib_socket(self._listening.dup()))
        async with trio.open_nursery() as connections:
            with self._accepting:
                async with listener:
                    while True:
                        connections.start_soon(self._handle, await self._next(listener))
            close(self._address, self._listening)
            await self._answer_the_first()
            await self._context.terminated.set()

    async def _next(self, listener: trio.SocketListener) -> trio.SocketStream:
        """The next connection, for which there may be no room at first."""
        while True:
            try:
                return await listener.accept()
            except OSError as error:
                if error.errno not in NO_ROOM:
                    raise
                if trio.current_time() - self._had_no_room_at > OUTAGE_END:
                    words = "the status server can take no connection (%s); it tries again until it can"
                    logger.error(words, error.strerror)
                self._had_no_room_at = trio.current_time()
                await trio.sleep(NEXT_TRY)

    async def _answer_the_first(self) -> None:
        """hypercorn closes connections that are idle once it is told to end: also new ones, whose first
        request is only coming.
        """
        with trio.move_on_after(FIRST_ANSWER):
            for connection in list(self._open):
                await connection.answered.wait()

    async def _break_off_at_the_end(self) -> None:
        """hypercorn sends under a shield: nothing but this ends it when this server is cancelled."""
        try:
            await trio.sleep_forever()
        finally:
            for connection in self._open:
                connection.break_off()

    async def _handle(self, stream: trio.SocketStream) -> None:
        if len(self._open) >= MOST_CONNECTIONS:
            await stream.aclose()
            return
        connection = Connection(stream)
        self._open.add(connection)

        async def app(scope: Any, receive: Any, send: Any) -> None:
            with connection.answering():
                if await _take_body(receive):
                    await self._app(scope, receive, send)
                else:
                    connection.scope.cancel()

        try:
            with connection.scope:
                state, wrapped = ConnectionState({}), ASGIWrapper(app)
                await TCPServer(wrapped, self._config, self._context, state, connection)  # type: ignore[arg-type]
        except Exception as error:
            logger.debug("a connection to the status server failed: %r", error)
        finally:
            self._open.discard(connection)
            connection.answered.set()
            connection.break_off()


async def _take_body(receive: Any) -> bool:
    """Whether it came whole. None is needed, but what an app leaves unread keeps hypercorn waiting."""
    size = 0
    with trio.move_on_after(SILENCE):
        while size <= BODY_LIMIT:
            event = await receive()
            if event["type"] != "http.request":
                return bool(event["type"] == "websocket.connect")
            size += len(event.get("body", b""))
            if not event.get("more_body"):
                return True
    return False


def _config() -> Config:
    config = Config()
    config.accesslog = None
    config.errorlog = logging.getLogger("server_trio.status")
    config.include_server_header = False
    config.keep_alive_timeout = 15.0  # seconds; the page asks every second, a scraper every few
    config.h2_max_concurrent_streams = 4
    return config
