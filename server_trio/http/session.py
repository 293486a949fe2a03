"""The HTTP client of the server: an asks session whose connections are Trio's own.

`channels_compat.install()` must have run before this module is imported (asks brings anyio 3.7,
which does not know today's Trio; none of its I/O is used).
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final

import asks  # type: ignore[import-untyped]
import trio

from channels_async import http_rules

from .. import errors
from ..limits import HttpLimits
from ..stats import Upstreams
from .breaker import FAILED_STATUSES, Breaker
from .connect import DirectConnector, OpenStream
from .connection import Unanswered
from .pool import OriginStatistics, Pool
from .request import MultipartValue, Pairs, Request
from .response import Response
from .retry import Retries, is_repeatable
from .upload import Upload
from .url import InvalidRequest

__all__ = ["InvalidRequest", "Response", "Session", "SessionStatistics"]


#: By the first digit of a status: as which outcome an answer counts.
_CLASSES: Final = tuple(f"{digit}xx" for digit in range(10))


@dataclass(frozen=True)
class SessionStatistics:
    """A snapshot of the connections of a session."""

    origins: Mapping[str, OriginStatistics]  # by "scheme://host:port"; those with a connection or waiter
    opened: int  # connections ever opened
    reused: int  # exchanges begun on a connection that had been idle
    circuits: Mapping[str, str] = field(default_factory=dict)  # "open" or "half-open", by origin

    @property
    def open(self) -> int:
        return sum(origin.open for origin in self.origins.values())

    @property
    def idle(self) -> int:
        return sum(origin.idle for origin in self.origins.values())

    @property
    def in_use(self) -> int:
        return sum(origin.in_use for origin in self.origins.values())


class Session(asks.Session):  # type: ignore[misc]
    """Sends requests and streams their responses, over a pool of connections for each origin.

    ssl_context: for https; the default verifies certificates and host names against the system's
    CAs. open_stream: how to reach an origin; the default connects directly.

    Cookies are not kept. Proxies of the environment are not used. One session serves one
    `trio.run`; close it with `aclose` (or use it as `async with Session(...)`).
    """

    def __init__(
        self,
        limits: HttpLimits,
        *,
        ssl_context: ssl.SSLContext | None = None,
        open_stream: OpenStream | None = None,
    ) -> None:
        super().__init__(ssl_context=ssl_context, connections=limits.connections_per_origin)
        self._limits = limits
        self._pool = Pool(limits, open_stream or DirectConnector(ssl_context))
        self._breaker = Breaker(limits.breaker_failures, limits.breaker_open)
        self.upstreams = Upstreams()  # every attempt by host and outcome; the seconds until the head came

    def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Sequence[tuple[bytes, bytes]] = (),
        body: bytes | AsyncIterable[bytes] | None = None,
        content_length: int | None = None,
        sender: trio.Nursery | None = None,
        params: Pairs | None = None,
        data: Pairs | Mapping[str, str] | str | bytes | None = None,
        json: bytes | None = None,
        multipart: Mapping[str, MultipartValue] | None = None,
        cookies: Pairs | None = None,
        auth: tuple[str, str] | None = None,
        follow_redirects: bool = True,
        max_redirects: int = 20,
        retries: int = 0,
        idempotent: bool = False,
        defaults: bool = True,
        as_operation: bool = False,
    ) -> Exchange:
        """Send a request; the block of `async with` gets the final response once its head is there.

        What the arguments mean is told in `request.Request`. Redirects are followed by http_rules.redirect.
        A body of pieces goes out as they come, with `content_length` or, where that is None, in chunks; it
        can be sent once only, so no redirect is followed. With `sender` it goes on there while the block
        reads the answer; cancel it once the block is left.
        `retries`: how often it may be sent again, where the method or `idempotent` allows it; see `retry`.

        Raises errors.CircuitOpen (see `breaker`), BudgetSpent (no connection became free), TooManyWaiting
        (only `as_operation`: too many wait for a connection), UpstreamError and its children,
        UpstreamTimeout (no connection within limits.connect_timeout), ShuttingDown (the session is closed),
        UploadBroken and what the pieces of a body raise, and InvalidRequest (nothing was sent; here
        already, or on entering the block).
        Reading the response has errors of its own. Cancellation, deadlines (the caller's) and leaving the
        block before the body has ended close the connection at once.
        """
        content = body if body is None or isinstance(body, bytes) else Upload(body, content_length)
        # By position, as arguments by keyword would become a dict on their way to a class.
        request = Request(method, url, headers, content, params, data, json, multipart, cookies, auth)
        request.sender, request.as_operation, request.defaults = sender, as_operation, defaults
        return Exchange(
            self, request,
            max_redirects if follow_redirects else None,
            Retries(retries, idempotent) if retries > 0 else None,
        )  # fmt: skip

    def statistics(self) -> SessionStatistics:
        """Connections now, and counters since the beginning."""
        origins = {
            f"{origin.scheme}://{origin.netloc}": numbers
            for origin, numbers in self._pool.statistics().items()
        }
        circuits = {
            f"{origin.scheme}://{origin.netloc}": state for origin, state in self._breaker.states().items()
        }
        return SessionStatistics(origins, self._pool.opened, self._pool.reused, circuits)

    async def close_expired(self) -> None:
        """Close connections that have been idle for longer than limits.idle_timeout.

        Expired ones are never used again in any case. Somebody has to call this now and then, for
        else those of an origin that is asked no more stay open until `aclose`.
        """
        await self._pool.close_expired()

    async def aclose(self) -> None:
        """Close all connections. Exchanges under way fail with errors.ShuttingDown, as do new ones."""
        await self._pool.aclose()

    async def close(self) -> None:
        """asks' name of `aclose`; `async with` calls it."""
        await self.aclose()

    async def _grab_connection(self, url: str) -> None:
        """What asks' own get(), post() … would use."""
        raise NotImplementedError("asks' own requests are not supported here: use stream()")

    async def attempt(self, request: Request, redirects: int) -> Response:
        """One attempt to get the head of a response, counted by what becomes of it; for `Exchange`.

        Cancellation counts as the upstream's failure where a deadline has passed, and as nobody's where it
        was by hand: by the end of the server, or because nobody waits any more.

        All of it is in one place and few frames: this waits for upstreams, thousands of times at once.
        """
        origin, began = request.url.origin, trio.current_time()
        pool, breaker = self._pool, self._breaker
        outcome, failed, probe = "error", None, None
        try:
            probe = breaker.admit(origin)
            connection = await pool.acquire(origin, began, as_operation=request.as_operation)
            try:
                while True:
                    try:
                        await connection.send(
                            request.method, request.head, request.body,
                            last=request.last, sender=request.sender,
                        )  # fmt: skip
                        await connection.read_head()
                        break
                    except Unanswered:
                        # An idle connection that the upstream closed just now. Not for a new connection:
                        # an upstream that closes those means it.
                        if connection.exchanges == 1 or not is_repeatable(request):
                            raise
                        connection = await pool.replace(connection)
            except BaseException:
                await connection.aclose()
                await pool.release(connection)
                raise
            response = Response(connection, pool, request.url, redirects)
            failed = response.status in FAILED_STATUSES
            outcome = _CLASSES[response.status // 100]
            return response
        except errors.OperationError as failure:
            outcome = "unreachable" if isinstance(failure, errors.UpstreamUnreachable) else failure.outcome
            failed = True if isinstance(failure, (errors.UpstreamError, errors.UpstreamTimeout)) else None
            raise
        except trio.Cancelled as cancelled:
            failed = True if cancelled.source == "deadline" else None
            outcome = "timeout" if failed else "cancelled"
            raise
        finally:
            if probe is not None:
                breaker.settle(origin, failed, probe)
            self.upstreams.note(origin.netloc, outcome, trio.current_time() - began)


class Exchange:
    """What `Session.stream` gives to `async with`: the request goes out on entering.

    A class and no @asynccontextmanager, whose generator and helper cost more than the rest of it.
    """

    __slots__ = ("_attempts", "_max_redirects", "_request", "_response", "_session")

    def __init__(
        self, session: Session, request: Request, max_redirects: int | None, attempts: Retries | None
    ) -> None:
        self._session = session
        self._request = request
        self._max_redirects = max_redirects  # None: they are not followed
        self._attempts = attempts  # None: one only
        self._response: Response | None = None

    async def __aenter__(self) -> Response:
        request, redirects = self._request, 0
        await request.build()
        while True:
            if self._attempts is None:
                response = await self._session.attempt(request, redirects)
            else:
                response = await self._attempt_again(request, redirects, self._attempts)
            try:
                following = None
                if 300 <= response.status < 400 and self._max_redirects is not None:
                    following = _follow(request, response)
                if following is None:
                    if response.is_received:
                        await response.release()
                    self._response = response
                    return response
                _check_redirects(request, redirects, self._max_redirects)
                await response.discard()
            finally:
                if self._response is None:
                    await response.release()
            redirects += 1
            request = following
            await _build_redirected(request)

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._response is not None:
            await self._response.release()

    async def _attempt_again(self, request: Request, redirects: int, attempts: Retries) -> Response:
        """Exchange one request for the head of its response, again and again where that is allowed."""
        while True:
            try:
                response = await self._session.attempt(request, redirects)
            except errors.OperationError as failure:
                if not await attempts.after_failure(request, failure):
                    raise
                continue
            try:
                again = await attempts.after(request, response)
            except BaseException:
                await response.release()
                raise
            if not again:
                return response


def _check_redirects(request: Request, followed: int, most: int | None) -> None:
    if most is not None and followed >= most:
        raise errors.UpstreamError(f"{request.url.origin.netloc}: more than {most} redirects")


def _follow(request: Request, response: Response) -> Request | None:
    """The request that the response redirects to, if it does (not built yet)."""
    if isinstance(request.body, Upload):
        return None
    locations = [value for name, value in response.headers if name.lower() == b"location"]
    try:
        found = http_rules.redirect(
            request.method, request.url.text, request.headers, request.body, response.status,
            locations[0] if locations else None,
        )  # fmt: skip
        if found is None:
            return None
        method, url, headers, body = found
        following = Request(method, url, headers=headers, body=body)
        following.as_operation, following.defaults = request.as_operation, request.defaults
        return following
    except ValueError as exc:  # InvalidRequest is one: here it is the upstream's mistake
        raise errors.UpstreamError(f"{request.url.origin.netloc}: {exc}") from exc


async def _build_redirected(request: Request) -> None:
    try:
        await request.build()
    except InvalidRequest as exc:
        raise errors.UpstreamError(f"the upstream redirects to where it cannot be followed: {exc}") from exc
