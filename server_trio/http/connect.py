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
from ..certificates import TlsContexts
from ..egress import Guard
from .dialing import dial
from .sockets import NothingBuffered, SocketStream
from .tls import secure
from .url import Origin

#: Opens a stream to an origin, TLS included. Raises errors.UpstreamError and, where a guard refuses,
#: errors.OperationRefused; may be cancelled.
OpenStream = Callable[[Origin], Awaitable[trio.abc.Stream]]


class DirectConnector:
    """Connects over TCP (RFC 8305, happy eyeballs), with TLS for https; an `OpenStream`.

    tls: the context for https, or one for each host; the default trusts the system's authorities.
    unix_sockets: paths by host, or by host:port; what is asked of these goes to the socket instead.
    guard: asked about each address, and about each socket.
    """

    def __init__(
        self,
        tls: ssl.SSLContext | TlsContexts | None = None,
        *,
        guard: Guard | None = None,
        unix_sockets: Mapping[str, str] | None = None,
    ) -> None:
        self.contexts = tls if isinstance(tls, TlsContexts) else TlsContexts(tls)
        self._guard = guard
        self._unix_sockets = unix_sockets or {}

    async def __call__(self, origin: Origin) -> trio.abc.Stream:
        path = self.socket_of(origin)
        connection = await (self._connect(origin) if path is None else self._connect_socket(origin, path))
        if origin.scheme == "http":
            return connection
        return await secure(connection, origin, self.contexts.of(origin.host, origin.port))

    def socket_of(self, origin: Origin) -> str | None:
        """The path of the unix socket that stands for an origin, if any."""
        sockets = self._unix_sockets
        return sockets.get(f"{origin.host}:{origin.port}") or sockets.get(origin.host) if sockets else None

    async def _connect_socket(self, origin: Origin, path: str) -> SocketStream:
        if self._guard is not None:
            self._guard.check_socket(origin.host, origin.port, path)
        try:
            return SocketStream.take_over(await trio.open_unix_socket(path))
        except OSError as exc:
            raise errors.UpstreamError(f"{origin.netloc}: cannot connect: {reason(exc)}") from exc

    async def _connect(self, origin: Origin) -> SocketStream:
        try:
            stream = await dial(origin.host, origin.port, self._guard)
        except socket.gaierror as exc:
            raise errors.UpstreamError(f"{origin.netloc}: cannot resolve the host: {exc.strerror}") from exc
        except UnicodeError as exc:  # a label longer than the DNS allows
            raise errors.UpstreamError(f"{origin.netloc}: cannot resolve the host: not a valid name") from exc
        except OSError as exc:
            raise errors.UpstreamError(f"{origin.netloc}: cannot connect: {reason(exc)}") from exc
        return SocketStream.take_over(stream)


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


def reason(exc: OSError) -> str:
    """What went wrong at the last address tried; trio groups one error an address."""
    inner: object = exc.__cause__
    while attempts := getattr(inner, "exceptions", ()):
        inner = attempts[-1]
    number = inner.errno if isinstance(inner, OSError) else exc.errno
    # Not the error's own text: that of trio holds the address, which is none of the browser's business.
    return os.strerror(number) if number else "no address answered"
