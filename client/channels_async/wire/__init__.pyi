"""Types of the contract, for the server. The code itself is read by Python 2.7 and has none."""

from typing import Any

REQUEST_CHANNEL: str
VERSION: int
MAX_CHUNK: int
OPERATIONS: tuple[str, ...]
SUPPORTED: tuple[str, ...]
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
    params: list[tuple[str, str]] | None
    data: list[tuple[str, str]] | bytes | None
    json: bytes | None
    cookies: list[tuple[str, str]] | None
    auth: tuple[str, str] | None
    def __init__(self, **values: Any) -> None: ...

class Operation:
    name: str
    version: int
    id: str
    reply_channel: str
    reply_format: str
    head: bool
    sent_at: float | None
    timeout: float | None
    response_headers: list[tuple[bytes, bytes]]
    ignored: tuple[str, ...]
    details: Request
    def __init__(self, **values: Any) -> None: ...

def parse(message: Any, now: float) -> Operation: ...
def encode(
    id: str,
    reply_channel: str,
    url: str,
    method: str = "GET",
    headers: Any = (),
    body: bytes | None = None,
    allow_redirects: bool = True,
    max_redirects: int = 20,
    timeout: float | None = None,
    sent_at: float | None = None,
    response_headers: Any = (),
    reply_format: str = "http",
    head: bool = False,
    operation: str = "REQUEST",
) -> dict[str, Any]: ...
def check_channel_name(name: Any) -> bool: ...
