"""Types of the contract, for the server. The code itself is read by Python 2.7 and has none."""

from typing import Any

REQUEST_CHANNEL: str
CANCEL_SUFFIX: str
VERSION: int
MAX_CHUNK: int
OPERATIONS: tuple[str, ...]
REPLY_FORMATS: tuple[str, ...]

class BadMessage(ValueError):
    reason: str
    reply_channel: str | None
    reply_format: str
    id: str | None
    wrong_type: bool
    def __init__(
        self,
        reason: str,
        reply_channel: str | None = None,
        reply_format: str = "http",
        id: str | None = None,
        wrong_type: bool = False,
    ) -> None: ...

class Request:
    method: str
    url: str
    headers: list[tuple[bytes, bytes]]
    body: bytes | None
    allow_redirects: bool
    max_redirects: int
    retries: int
    idempotent: bool
    params: list[tuple[str, str]] | None
    data: list[tuple[str, str]] | bytes | None
    json: bytes | None
    cookies: list[tuple[str, str]] | None
    auth: tuple[str, str] | None
    def __init__(
        self,
        method: str,
        url: str,
        headers: list[tuple[bytes, bytes]],
        body: bytes | None,
        allow_redirects: bool,
        max_redirects: int,
        retries: int = 0,
        idempotent: bool = False,
        params: list[tuple[str, str]] | None = None,
        data: list[tuple[str, str]] | bytes | None = None,
        json: bytes | None = None,
        cookies: list[tuple[str, str]] | None = None,
        auth: tuple[str, str] | None = None,
    ) -> None: ...

class Forward:
    method: str
    url: str
    headers: list[tuple[bytes, bytes]]
    body: bytes | None
    body_channel: str | None
    content_length: int | None
    cookie_domain: str | None
    location: tuple[str, str] | None
    retries: int
    idempotent: bool
    def __init__(
        self,
        method: str,
        url: str,
        headers: list[tuple[bytes, bytes]],
        body: bytes | None,
        body_channel: str | None,
        content_length: int | None,
        cookie_domain: str | None,
        location: tuple[str, str] | None,
        retries: int,
        idempotent: bool,
    ) -> None: ...

class Call:
    function: str
    args: list[Any]
    kwargs: dict[str, Any]
    def __init__(self, function: str, args: list[Any], kwargs: dict[str, Any]) -> None: ...

class Command:
    command: str
    parameters: dict[str, str]
    stdin: bytes | None
    body_channel: str | None
    content_length: int | None
    def __init__(
        self,
        command: str,
        parameters: dict[str, str],
        stdin: bytes | None,
        body_channel: str | None,
        content_length: int | None,
    ) -> None: ...

class Operation:
    name: str
    version: int
    id: str
    reply_channel: str | None
    reply_format: str
    head: bool
    sent_at: float | None
    timeout: float | None
    response_headers: list[tuple[bytes, bytes]]
    ignored: tuple[str, ...]
    traceparent: str | None
    tracestate: str | None
    details: Any  # Request, Forward, Call or Command, by name
    def __init__(
        self,
        name: str,
        version: int,
        id: str,
        reply_channel: str | None,
        reply_format: str,
        head: bool,
        sent_at: float | None,
        timeout: float | None,
        response_headers: list[tuple[bytes, bytes]],
        ignored: tuple[str, ...],
        details: Any,
        traceparent: str | None = None,
        tracestate: str | None = None,
    ) -> None: ...

def parse(message: Any, now: float) -> Operation: ...
def encode(
    id: str,
    reply_channel: str | None,
    operation: str = "REQUEST",
    timeout: float | None = None,
    sent_at: float | None = None,
    response_headers: Any = (),
    reply_format: str = "http",
    head: bool = False,
    **details: Any,
) -> dict[str, Any]: ...
def encode_result(
    id: str | None,
    operation: str | None,
    index: int,
    status: int | None,
    headers: Any,
    content: bytes,
    more_content: bool,
    error: str | None = None,
) -> dict[str, Any]: ...
def check_channel_name(name: Any) -> bool: ...
