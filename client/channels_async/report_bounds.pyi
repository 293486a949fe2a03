from typing import Any, Final

MOST_SERVERS: Final[int]
LONGEST_REPORT: Final[int]
LONGEST_READING: Final[int]

def cut(value: object, length: int = ...) -> str: ...
def bounded(report: object) -> dict[str, Any] | None: ...
