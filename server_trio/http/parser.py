"""Reading responses, without I/O: bytes in, one response at a time out.

llhttp (through httptools) finds the tokens and takes chunks apart. What it leaves to its user is
here: what may follow a HEAD request, interim responses, bodies that end with the connection,
limits, and whether the connection may carry another request. A large body of known length passes it
by, because it has nothing to find there and would copy all. RFC numbers are of 9110 and 9112.
"""

from __future__ import annotations

from typing import Final

import httptools

from .. import errors
from ..limits import HttpLimits, KiB

Headers = list[tuple[bytes, bytes]]

_FRAMING: Final = frozenset(
    (b"content-length", b"transfer-encoding", b"connection", b"proxy-connection", b"keep-alive")
)

#: Bytes that come at once of a body from which on llhttp is spared the rest, and replaced for the next one.
_LARGE: Final = 64 * KiB


class _Stop(Exception):
    """Raised in a callback to end llhttp's run: `ResponseParser._fault` says why, or all was there."""


class ResponseParser:
    """The responses of one connection, in order.

    `begin()` before each request is sent, then `feed()` what arrives (`feed_eof()` once nothing
    more will) and look at `head_done`, `complete` and `take_body()`. Both raise errors.Upstream*
    naming `peer`; after that, or when `reusable` is False, the connection is of no more use.
    """

    __slots__ = (
        "_body", "_body_size", "_fault", "_head_request", "_idle_bytes", "_interim", "_length", "_limits",
        "_llhttp", "_passes_by", "_peer", "_spent", "_until_close", "complete", "head_done", "headers",
        "keep_alive_header", "reason", "reusable", "started", "status",
    )  # fmt: skip

    def __init__(self, peer: str, limits: HttpLimits) -> None:
        self._peer = peer  # host, for the texts of errors
        self._limits = limits
        self._llhttp = self._new_llhttp()
        self._body: list[bytes] = []
        self.begin(head_request=False)

    def _new_llhttp(self) -> httptools.HttpResponseParser:
        llhttp = httptools.HttpResponseParser(self)
        # What requests and browsers bear as well: lines that end in LF alone (old CGIs), and chunk
        # sizes padded with spaces (old Java servers). Nothing that makes the framing ambiguous.
        llhttp.set_dangerous_leniencies(
            lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
        )
        self._spent = False
        return llhttp

    def begin(self, head_request: bool) -> None:
        """Forget the last response; the next one answers a request (a HEAD request) sent now."""
        if self._spent:
            self._llhttp = self._new_llhttp()
        self._head_request = head_request
        self._fault: errors.OperationError | None = None
        self._body.clear()
        self._body_size = 0
        self._length = 0  # of the body, where that is known beforehand
        self._passes_by = False  # llhttp, which is where it was in that body
        self._idle_bytes = 0  # received since the last byte of body: heads, chunk sizes, trailers
        self._until_close = False
        self._interim = False
        self.started = False  # any byte of an answer has come
        self.head_done = False  # status, reason and headers are those of the final response
        self.complete = False  # the body has ended as well
        self.reusable = False
        self.status = 0
        self.reason = b""
        self.headers: Headers = []
        self.keep_alive_header = b""  # value of the response's Keep-Alive header

    def close(self) -> None:
        """Break the cycle between this object and llhttp's callbacks, so that no collector is needed."""
        del self._llhttp

    def take_body(self) -> bytes:
        """The decoded body that has come since the last call; b"" if none has."""
        pieces = self._body
        if not pieces:
            return b""
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        return body

    def feed(self, data: bytes) -> None:
        """Take in what the upstream sent (not empty)."""
        self.started = True
        if self._passes_by or (
            len(data) >= _LARGE and self._body_size < self._length and not self.complete
        ):
            self._pass_by(data)
            return
        size_before = self._body_size
        self._idle_bytes += len(data)
        try:
            self._llhttp.feed_data(data)
        except httptools.HttpParserError as exc:
            self._stopped(exc)
        if self._body_size != size_before:
            self._idle_bytes = 0
        elif self._idle_bytes > self._limits.response_head and not self.complete:
            raise self._too_large("head" if not self.head_done else "trailer or chunk extension")

    def _pass_by(self, data: bytes) -> None:
        """What `feed` does with a part of a body of known length, and what may follow it."""
        self._passes_by = self._spent = True
        left = self._length - self._body_size
        if left:
            self._body.append(data if len(data) <= left else data[:left])
        self._body_size += min(left, len(data))
        self.complete = self._body_size == self._length
        if data[left:].strip(b"\r\n"):  # llhttp as well bears empty lines between responses
            self.reusable = False

    def feed_eof(self) -> None:
        """Take in that the upstream has ended its side of the connection."""
        if self._until_close and self.head_done:
            self.complete = True
        elif not self.complete:
            where = "in its body" if self.head_done else "before the end of its head"
            raise errors.UpstreamTruncated(f"{self._peer}: the response ended {where}")

    # --- llhttp's callbacks ----------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self.complete:
            raise _Stop  # bytes after the response that nobody asked for
        self.reason = b""

    def on_status(self, part: bytes) -> None:
        self.reason += part

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.head_done:  # trailers are dropped, RFC 9110 6.5.1
            self.headers.append((name, value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        status = self._llhttp.get_status_code()
        if self._idle_bytes > self._limits.response_head:
            # The head may have come together with its body, so count its own size.
            size = len(self.reason) + sum(len(name) + len(value) + 4 for name, value in self.headers)
            if size > self._limits.response_head:
                self._refuse(self._too_large("head"))
        length, codings, keep_alive = self._read_framing()
        if status < 200:
            self._interim = True
            if status < 100 or status == 101 or codings or length:
                self._refuse(self._protocol_error(f"a status {status} is not valid here"))
            return
        self.status = status
        self.head_done = True
        bodiless = self._head_request or status == 204 or status == 304
        self._until_close = length is None and not bodiless and codings != [b"chunked"]
        self.reusable = keep_alive and not self._until_close
        if self._head_request:
            # llhttp expects the body that the head describes, and cannot be told otherwise from
            # here; on_message_complete shows whether it expects none after all.
            self.complete = self._spent = True
        elif length is not None and not bodiless:
            if 0 < self._limits.response_body < length:
                self._refuse(self._too_large("body"))
            self._length = length

    def on_body(self, part: bytes) -> None:
        if self.complete:
            raise _Stop  # a body after HEAD
        self._body_size += len(part)
        if 0 < self._limits.response_body < self._body_size:
            self._refuse(self._too_large("body"))
        self._body.append(part)

    def on_message_complete(self) -> None:
        if self._interim:
            self._interim = False
            self.headers = []
        else:
            self.complete = True
            self._spent = False

    # --- what they need --------------------------------------------------------------------------

    def _read_framing(self) -> tuple[int | None, list[bytes] | None, bool]:
        """Content-Length, transfer codings, and whether the connection persists (RFC 9112 6.3, 9.3).

        Several Content-Lengths, or one beside a Transfer-Encoding, are refused by llhttp already.
        """
        length: int | None = None
        codings: list[bytes] | None = None
        options: list[bytes] | None = None  # of the connection
        for name, value in self.headers:
            lower = name.lower()
            if lower not in _FRAMING:
                continue
            if lower == b"content-length":
                length = int(value)
            elif lower == b"transfer-encoding":
                codings = (codings or []) + _tokens(value)
            elif lower == b"connection":
                options = (options or []) + _tokens(value)
            elif lower == b"proxy-connection":
                options = options or []  # of no meaning (RFC 9112 C.2.2), but llhttp takes it for Connection
            else:
                self.keep_alive_header = value
        # Without these headers llhttp keeps alive what is of HTTP/1.1 and of no other version (its
        # src/native/http.c, llhttp_should_keep_alive): then there is no more to look at.
        if codings is None and options is None and self._llhttp.should_keep_alive():
            return length, None, True
        return length, codings, self._persists(codings or [], options or [])

    def _persists(self, codings: list[bytes], options: list[bytes]) -> bool:
        """Whether the connection does, by its options; refuses versions and codings not understood."""
        version = self._llhttp.get_http_version()
        if version not in ("1.1", "1.0"):
            self._refuse(self._protocol_error(f"it speaks HTTP/{version}"))
        if codings not in ([], [b"chunked"], [b"identity"]):
            # Only chunked was offered (no TE header); passing on anything else would lose the
            # coding, because Transfer-Encoding is hop-by-hop.
            self._refuse(self._protocol_error("it uses a transfer coding that was not asked for"))
        if version == "1.0":
            # RFC 9112 6.1: the framing of a 1.0 message with a transfer coding is not to be trusted.
            return b"keep-alive" in options and not codings
        return b"close" not in options

    def _refuse(self, fault: errors.OperationError) -> None:
        self._fault = fault
        raise _Stop

    def _stopped(self, exc: httptools.HttpParserError) -> None:
        """llhttp has stopped at an error: its own, or one that a callback raised."""
        if self._fault is not None:
            raise self._fault from None
        if self.complete:
            self.reusable = False  # what follows the response is surplus, or garbage
        elif isinstance(exc, httptools.HttpParserCallbackError):
            raise exc  # a bug in the callbacks: they raise nothing but `_Stop`
        else:
            raise self._protocol_error(str(exc)) from exc

    def _protocol_error(self, reason: str) -> errors.UpstreamError:
        return errors.UpstreamError(f"{self._peer}: not a valid HTTP response: {reason}")

    def _too_large(self, part: str) -> errors.UpstreamTooLarge:
        limit = self._limits.response_body if part == "body" else self._limits.response_head
        return errors.UpstreamTooLarge(f"{self._peer}: the response's {part} is larger than {limit} bytes")


def _tokens(value: bytes) -> list[bytes]:
    """The members of a comma-separated header value, lower case."""
    return [token for part in value.lower().split(b",") if (token := part.strip(b" \t"))]
