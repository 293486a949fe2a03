from collections.abc import Iterable, Sequence
from typing import NamedTuple

from channels_async.wire import Forward

_Headers = Sequence[tuple[bytes, bytes]]

class Came(NamedTuple):
    client: str | None
    scheme: str | None
    port: str | int | None
    version: str | None

PSEUDONYM: str

def below(mount: str, path: str) -> str | None: ...
def target(base: str, path: str | None = None, query: bytes = b"") -> str: ...
def request_headers(
    browser: _Headers,
    came: Came,
    given: Iterable[tuple[bytes, bytes | None]] = (),
    removed: Iterable[bytes] = (),
    preserve_host: bool = False,
) -> list[tuple[bytes, bytes]]: ...
def response_headers(
    forward: Forward, status: int, upstream_headers: _Headers, site_headers: _Headers
) -> list[tuple[bytes, bytes]]: ...
def cookie(value: bytes, domain: str) -> bytes: ...
def location(reference: str, forward: Forward) -> str: ...
