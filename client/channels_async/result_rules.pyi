from collections.abc import Callable, Sequence
from typing import Any

_Headers = Sequence[tuple[bytes, bytes]]

class NoResponse(TypeError): ...

class Answer:
    status: int
    headers: list[tuple[bytes, bytes]]
    content: bytes | None
    stream: Any  # None, an iterator or an async iterator
    close: Callable[[], object] | None

def answer(value: object) -> Answer: ...
def item(value: object) -> str | bytes: ...
def stream_headers(found: Answer, first: Sequence[object]) -> list[tuple[bytes, bytes]]: ...
def response_headers(
    status: int, headers: _Headers, site_headers: _Headers
) -> list[tuple[bytes, bytes]]: ...
