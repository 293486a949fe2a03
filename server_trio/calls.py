"""What a project imports for its own functions: the decorator that lets them be called, and their context.

    from server_trio.calls import call

    @call
    async def status(number, context):
        async with context.http.stream('GET', 'http://thumbnails/%d' % number) as response:
            return await response.json()

Importing this needs nothing of the server but Trio.
"""

from __future__ import annotations

import inspect
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar, overload

import trio

from channels_async import call_rules

from . import tracing

if TYPE_CHECKING:
    from .http.session import Response, Session

_Function = TypeVar("_Function", bound=Callable[..., Any])
_T = TypeVar("_T")

#: Runs a plain function in a thread: `await in_thread(function, *args)`.
InThread = Callable[..., Awaitable[Any]]


class Mark:
    """What @call leaves on a function. `name` is None where the module's name makes it."""

    __slots__ = ("idempotent", "name", "thread")

    def __init__(self, name: str | None, thread: bool | None, idempotent: bool) -> None:
        self.name = name
        self.thread = thread
        self.idempotent = idempotent


@overload
def call(function: _Function, /) -> _Function: ...
@overload
def call(
    function: str | None = None,
    /,
    *,
    name: str | None = None,
    thread: bool | None = None,
    idempotent: bool = False,
) -> Callable[[_Function], _Function]: ...
def call(
    function: Any = None,
    /,
    *,
    name: str | None = None,
    thread: bool | None = None,
    idempotent: bool = False,
) -> Any:
    """Let views call a function, if its module is in CHANNELS_ASYNC_SERVER['CALL_MODULES'].

    As `@call`, `@call('name')` or `@call(name=..., thread=...)`. Without a name it is called the last part
    of its module's name, a dot, and its own name: `thumbnail.status`. `thread=False` runs a plain function
    in the event loop, which is for those that never wait and never compute. `idempotent=True` says that
    calling it twice is as good as once: it is then called again where its server died. Raises TypeError.
    """
    if callable(function):
        return _mark(function, Mark(name, thread, idempotent))
    if function is not None and name is not None:
        raise TypeError("@call has been given two names")
    given = name if function is None else function
    if given is not None and not isinstance(given, str):
        raise TypeError(f"@call takes a name as text, not {type(given).__name__}")
    if thread is not None and not isinstance(thread, bool):
        raise TypeError(f"@call: thread must be True or False, not {thread!r}")
    if not isinstance(idempotent, bool):
        raise TypeError(f"@call: idempotent must be True or False, not {idempotent!r}")
    return lambda function: _mark(function, Mark(given, thread, idempotent))


def _mark(function: _Function, mark: Mark) -> _Function:
    if inspect.isclass(function) or not callable(function):
        raise TypeError(f"@call is for functions, not for {function!r}")
    if mark.thread and call_rules.is_async(function):
        raise TypeError(f"@call: {function.__name__} is async def, which runs in the event loop alone")
    setattr(function, call_rules.MARK, mark)
    return function


class CallContext:
    """What a function gets that has a parameter called `context`.

    id        text: the operation, as in the log and in an error's answer
    deadline  epoch seconds; then the client is answered 504, and an async function is cancelled
    """

    def __init__(self, id: str, seconds: float, http: Session, in_thread: InThread) -> None:
        """`seconds` are left until the deadline."""
        self.id = id
        self.deadline = time.time() + seconds
        self._ends = time.monotonic() + seconds
        self._http = Http(http)
        self._in_thread = in_thread

    def remaining(self) -> float:
        """Seconds until the deadline, never below 0."""
        return max(0.0, self._ends - time.monotonic())

    def check_cancelled(self) -> None:
        """For a function in a thread: raise what ends it, if nobody waits for it any more.

        What is raised is no Exception, so `except Exception` does not stop it. `finally` runs.
        """
        if not _in_event_loop():
            trio.from_thread.check_cancelled()

    async def run_sync(self, function: Callable[..., _T], *args: Any) -> _T:
        """Run a plain function, such as one that uses Django's ORM, in a thread of those that CALL has.

        Database connections are closed after it. At the deadline the thread is left to itself.
        """
        result: _T = await self._in_thread(function, *args)
        return result

    @property
    def http(self) -> Http:
        """The server's HTTP client, whose connections all operations share. For async functions."""
        if not _in_event_loop():
            raise RuntimeError("context.http is for async functions; use requests in a plain one")
        return self._http


def _in_event_loop() -> bool:
    try:
        trio.lowlevel.current_task()
    except RuntimeError:
        return False
    return True


class Http:
    """The server's HTTP client, for functions."""

    __slots__ = ("_session",)

    def __init__(self, session: Session) -> None:
        self._session = session

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        body: bytes | None = None,
        json: object = None,
        **options: Any,
    ) -> AsyncIterator[HttpResponse]:
        """Send a request; the block gets the response once its head is there, and reads the body as it comes.

        headers  a dict or pairs; nothing is added but Host and what describes the body
        json     a value for the body, instead of `body`; Content-Type is application/json then
        options  params, data, cookies, auth, follow_redirects, max_redirects, as Session.stream has them

        Raises OperationError of server_trio.errors (UpstreamError, UpstreamTimeout) where there is no
        response, and ValueError for what cannot be sent. The deadline is that of the call.
        """
        given = headers.items() if isinstance(headers, Mapping) else headers
        pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in given]
        operation = tracing.current.get()
        async with self._session.stream(
            method,
            url,
            headers=pairs if operation is None else tracing.upstream_headers(operation, pairs),
            body=body,
            json=None if json is None else _dumps(json),
            **options,
        ) as response:
            yield HttpResponse(response)


class HttpResponse:
    """A response on its way. Iterating gives the body in pieces of bytes, content-decoded by nobody."""

    __slots__ = ("_response", "headers", "status")

    def __init__(self, response: Response) -> None:
        self._response = response
        self.status: int = response.status
        #: (name, value) in the order and the case they came in, duplicates kept.
        self.headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers]

    def header(self, name: str) -> str | None:
        """The values of a header, joined by commas; None where there is none."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        return ", ".join(values) if values else None

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._response.__aiter__()

    async def read(self) -> bytes:
        """All of the body."""
        return b"".join([piece async for piece in self])

    async def text(self) -> str:
        """All of the body as text, in UTF-8."""
        return (await self.read()).decode("utf-8", "replace")

    async def json(self) -> Any:
        """All of the body, understood as JSON. Raises ValueError."""
        return json.loads(await self.read())


def _dumps(value: object) -> bytes:
    return json.dumps(value, allow_nan=False).encode("ascii")
