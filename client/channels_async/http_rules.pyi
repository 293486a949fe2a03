from collections.abc import Sequence

_Headers = Sequence[tuple[bytes, bytes]]

HOP_BY_HOP: frozenset[bytes]
NOT_FOR_THE_SITE: dict[bytes, str]

OF_THE_CONNECTION: frozenset[bytes]

def request_headers(headers: _Headers) -> list[tuple[bytes, bytes]]: ...
def has_body(method: str, status: int) -> bool: ...
def redirect(
    method: str, url: str, headers: _Headers, body: bytes | None, status: int, location: bytes | str | None
) -> tuple[str, str, list[tuple[bytes, bytes]], bytes | None] | None: ...
def response_headers(
    status: int, upstream_headers: _Headers, site_headers: _Headers, own: bool = False
) -> list[tuple[bytes, bytes]]: ...
def error_response(
    status: int,
    reason: str,
    id: str | None,
    retry_after: float | None = None,
    site_headers: _Headers = (),
) -> tuple[int, list[tuple[bytes, bytes]], bytes]: ...
