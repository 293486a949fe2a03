"""TLS on top of a stream, with the errors of this client."""

from __future__ import annotations

import ssl

import trio

from .. import errors
from .url import Origin


async def secure(stream: trio.abc.Stream, origin: Origin, context: ssl.SSLContext) -> trio.abc.Stream:
    """TLS with SNI; certificate and host name are verified by the context.

    Raises errors.UpstreamError; the stream is closed then.
    """
    # Not https_compatible: a body that ends with the connection is complete only after a
    # closure alert (RFC 9112 9.8). Closing is forceful here anyway, so nobody waits for one.
    name = origin.host.partition("%")[0].rstrip(".")
    try:
        secured = trio.SSLStream(stream, context, server_hostname=name)
        await secured.do_handshake()
    except (trio.BrokenResourceError, ValueError) as exc:  # ValueError: no name for TLS
        await trio.aclose_forcefully(stream)
        raise errors.UpstreamError(f"{origin.netloc}: TLS failed: {_reason(exc)}") from exc
    except BaseException:
        await trio.aclose_forcefully(stream)
        raise
    return secured


def tls_alert(exc: trio.BrokenResourceError) -> str | None:
    """What the other end said as it ended the connection, if it was an alert."""
    cause = exc.__cause__
    spoken = isinstance(cause, ssl.SSLError) and cause.reason and "ALERT" in cause.reason
    return _reason(exc) if spoken else None


def _reason(exc: BaseException) -> str:
    cause = exc.__cause__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"certificate refused: {cause.verify_message}"
    if isinstance(cause, ssl.SSLError) and cause.reason:
        return cause.reason.replace("_", " ").lower()
    if isinstance(exc, ValueError):
        return "the host's name cannot be verified"
    return "the connection was closed during the handshake"
