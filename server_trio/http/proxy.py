"""Reaching upstreams through an HTTP proxy: a tunnel for https, requests in absolute-form for http.

That is how requests, curl and browsers ask a proxy: many, Squid as it comes among them, tunnel only to
port 443. What a proxy connects to, this process does not see: the guard can look only at the name.
"""

from __future__ import annotations

import re
import socket
from typing import Final

import trio

from channels_async.proxy_rules import Proxies, Proxy

from .. import errors
from ..egress import Guard
from ..limits import KiB
from .connect import DirectConnector, reason
from .sockets import SocketStream
from .tls import secure
from .url import Origin

#: Bytes that the head of a proxy's answer to CONNECT may have.
_LARGEST_ANSWER: Final = 64 * KiB

_STATUS_LINE: Final = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [^\r\n]*)?\r?\n")
_HEAD_END: Final = re.compile(rb"\r?\n\r?\n")


class ForwardedStream(SocketStream):
    """A connection to a proxy that passes on requests to one http origin (RFC 9112 3.2.2)."""

    netloc = b""
    authorization: bytes | None = None

    def in_absolute_form(self, head: bytes) -> bytes:
        """The head of a request as the proxy wants it: the whole URL, and who asks."""
        method, target, rest = head.split(b" ", 2)
        if self.authorization is not None:
            version, end, fields = rest.partition(b"\r\n")
            rest = version + end + b"Proxy-Authorization: " + self.authorization + end + fields
        return b"%s http://%s%s %s" % (method, self.netloc, target, rest)


class ProxyConnector:
    """Connects through the proxy that the rules name, else as `direct` does; an `OpenStream`."""

    def __init__(self, direct: DirectConnector, proxies: Proxies, guard: Guard | None) -> None:
        self._direct = direct
        self._proxies = proxies
        self._guard = guard

    async def __call__(self, origin: Origin) -> trio.abc.Stream:
        proxy = self._proxies.proxy_for(*origin)
        if proxy is None or self._direct.socket_of(origin) is not None:
            return await self._direct(origin)
        if self._guard is not None:
            self._guard.check_unresolved(origin.host, origin.port)
        connected = await _connect(proxy, origin)
        if origin.scheme == "http":
            stream = ForwardedStream.take_over(connected)
            stream.netloc = origin.netloc.encode("ascii")
            stream.authorization = proxy.authorization
            return stream
        tunnel = SocketStream.take_over(connected)
        try:
            await _open_tunnel(tunnel, proxy, origin)
        except BaseException:
            await trio.aclose_forcefully(tunnel)
            raise
        return await secure(tunnel, origin, self._direct.contexts.of(origin.host, origin.port))


async def _connect(proxy: Proxy, origin: Origin) -> trio.SocketStream:
    """The proxy is the site's own: no guard stands before it. Its name is not for the browser."""
    try:
        return await trio.open_tcp_stream(proxy.host, proxy.port)
    except socket.gaierror as exc:
        raise errors.UpstreamError(
            f"{origin.netloc}: cannot resolve the host of the proxy: {exc.strerror}"
        ) from exc
    except (UnicodeError, OSError) as exc:
        why = reason(exc) if isinstance(exc, OSError) else "not a valid name"
        raise errors.UpstreamError(f"{origin.netloc}: cannot connect to the proxy: {why}") from exc


async def _open_tunnel(stream: SocketStream, proxy: Proxy, origin: Origin) -> None:
    """Have the proxy connect to the origin (RFC 9110 9.3.6)."""
    host = origin.host.partition("%")[0]
    authority = f"[{host}]:{origin.port}" if ":" in host else f"{host}:{origin.port}"
    lines = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}", "User-Agent: channels-async"]
    if proxy.authorization is not None:
        lines.append(f"Proxy-Authorization: {proxy.authorization.decode('ascii')}")
    received = b""
    try:
        await stream.send_all("\r\n".join([*lines, "", ""]).encode("ascii"))
        while (end := _HEAD_END.search(received)) is None and len(received) < _LARGEST_ANSWER:
            data = await stream.receive_some()
            if not data:
                raise errors.UpstreamError(f"{origin.netloc}: the proxy closed the connection")
            received += data
    except trio.BrokenResourceError as exc:
        raise errors.UpstreamError(f"{origin.netloc}: the connection to the proxy broke") from exc
    status = _STATUS_LINE.match(received)
    if end is None or status is None:
        raise errors.UpstreamError(f"{origin.netloc}: the proxy does not speak HTTP")
    if not status[1].startswith(b"2"):
        raise refused(origin, int(status[1]))
    if end.end() != len(received):
        raise errors.UpstreamError(f"{origin.netloc}: the proxy sent more than its answer")


def refused(origin: Origin, status: int) -> errors.UpstreamError:
    """The error for a proxy that does not do what it is asked."""
    why = ": it asks for a name and password" if status == 407 else ""
    return errors.UpstreamError(f"{origin.netloc}: the proxy refused with status {status}{why}")
