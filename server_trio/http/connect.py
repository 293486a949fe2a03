"""Opening a stream to an origin: the one place where this client reaches out.

Everything that decides *how* an origin is reached (a unix socket, an HTTP proxy, a guard over
addresses) belongs behind `OpenStream`; the pool and the protocol above see a stream of bytes.
"""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping

import trio

from .. import errors
from ..egress import Guard
from .dialing import dial
from .sockets import NothingBuffered, SocketStream
from .url import Origin

#: Opens a stream to an origin, TLS included. Raises errors.UpstreamError and, where a guard refuses,
#: errors.OperationRefused; may be cancelled.
OpenStream = Callable[[Origin], Awaitable[trio.abc.Stream]]


class DirectConnector:
    """Connects over TCP (RFC 8305, happy eyeballs), with TLS for https; an `OpenStream`.

    unix_sockets: paths by host, or by host:port; what is asked of these goes to the socket instead.
    guard: asked about each address, and about each socket.
    """

    def __init__(
        self,
        ssl_context: ssl.SSLContext | None = None,
        *,
        guard: Guard | None = None,
        unix_sockets: Mapping[str, str] | None = None,
    ) -> None:
        self._ssl_context = ssl_context
        self._guard = guard
        self._unix_sockets = unix_sockets or {}

    async def __call__(self, origin: Origin) -> trio.abc.Stream:
        path = self._socket_of(origin)
        connection = await (self._connect(origin) if path is None else self._connect_socket(origin, path))
        return connection if origin.scheme == "http" else await self._secure(connection, origin)

    def _socket_of(self, origin: Origin) -> str | None:
        sockets = self._unix_sockets
        return sockets.get(f"{origin.host}:{origin.port}") or sockets.get(origin.host) if sockets else None

    async def _connect_socket(self, origin: Origin, path: str) -> SocketStream:
        if self._guard is not None:
            self._guard.check_socket(origin.host, origin.port, path)
        try:
            return SocketStream.take_over(await trio.open_unix_socket(path))
        except OSError as exc:
            raise errors.UpstreamError(f"{origin.netloc}: cannot connect: {_reason(exc)}") from exc

    async def _connect(self, origin: Origin) -> SocketStream:
        try:
            stream = await dial(origin.host, origin.port, self._guard)
        except socket.gaierror as exc:
            raise errors.UpstreamError(f"{origin.netloc}: cannot resolve the host: {exc.strerror}") from exc
        except UnicodeError as exc:  # a label longer than the DNS allows
            raise errors.UpstreamError(f"{origin.netloc}: cannot resolve the host: not a valid name") from exc
        except OSError as exc:
            raise errors.UpstreamError(f"{origin.netloc}: cannot connect: {_reason(exc)}") from exc
        return SocketStream.take_over(stream)

    async def _secure(self, stream: SocketStream, origin: Origin) -> trio.abc.Stream:
        """TLS with SNI; certificate and host name are verified by the context."""
        # Not https_compatible: a body that ends with the connection is complete only after a
        # closure alert (RFC 9112 9.8). Closing is forceful here anyway, so nobody waits for one.
        name = origin.host.partition("%")[0].rstrip(".")
        try:
            secure = trio.SSLStream(stream, self._context(), server_hostname=name)
            await secure.do_handshake()
        except (trio.BrokenResourceError, ValueError) as exc:  # ValueError: no name for TLS
            await trio.aclose_forcefully(stream)
            raise errors.UpstreamError(f"{origin.netloc}: TLS failed: {_tls_reason(exc)}") from exc
        except BaseException:
            await trio.aclose_forcefully(stream)
            raise
        return secure

    def _context(self) -> ssl.SSLContext:
        if self._ssl_context is None:
            # Once and only when needed: it reads the system's CA certificates (20 ms, 1 MB).
            self._ssl_context = ssl.create_default_context()
            self._ssl_context.set_alpn_protocols(["http/1.1"])
        return self._ssl_context


async def holds_unread(stream: trio.abc.Stream) -> bool:
    """Whether an idle stream has anything to read: its end, or bytes that nobody asked for.

    Of streams that are none of `DirectConnector`'s it is not known, and False.
    """
    if isinstance(stream, SocketStream):
        return stream.is_readable()
    if not isinstance(stream, trio.SSLStream) or not isinstance(stream.transport_stream, SocketStream):
        return False
    transport = stream.transport_stream
    if transport.is_readable():
        return True
    # Records that came together with the end of the last response are not in the socket any more.
    transport.probing = True
    try:
        await stream.receive_some(1)
    except NothingBuffered:
        return False
    except trio.BrokenResourceError:
        return True
    finally:
        transport.probing = False
    return True


def _reason(exc: OSError) -> str:
    """What went wrong at the last address tried; trio groups one error an address."""
    inner: object = exc.__cause__
    while attempts := getattr(inner, "exceptions", ()):
        inner = attempts[-1]
    number = inner.errno if isinstance(inner, OSError) else exc.errno
    # Not the error's own text: that of trio holds the address, which is none of the browser's business.
    return os.strerror(number) if number else "no address answered"


def _tls_reason(exc: BaseException) -> str:
    cause = exc.__cause__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"certificate refused: {cause.verify_message}"
    if isinstance(cause, ssl.SSLError) and cause.reason:
        return cause.reason.replace("_", " ").lower()
    if isinstance(exc, ValueError):
        return "the host's name cannot be verified"
    return "the connection was closed during the handshake"
