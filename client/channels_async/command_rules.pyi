from collections.abc import Callable, Mapping
from typing import NamedTuple

PASSED_ENVIRONMENT: tuple[str, ...]
STDIN: tuple[str, ...]
TAIL: int
NOT_HERE: str
NOT_STARTED: str
TOO_MUCH: str

class Parameter(NamedTuple):
    matches: Callable[[str], object]
    dash: bool
    default: str | None

class Command(NamedTuple):
    name: str
    argv: tuple[tuple[tuple[str | None, str | None], ...], ...]
    content_type: str
    parameters: Mapping[str, Parameter]
    stdin: str
    env: Mapping[str, str]
    pass_env: tuple[str, ...]
    cwd: str | None
    max_output: int
    nice: int
    cpu_seconds: int
    memory: int
    kill_after: float
    idempotent: bool

class CommandFault(ValueError): ...
class CommandRefused(ValueError): ...

def read_commands(value: object) -> dict[str, Command]: ...
def fill(command: Command, given: Mapping[str, str]) -> list[bytes]: ...
def check_stdin(command: Command, is_given: bool) -> None: ...
def environment(command: Command, inherited: Mapping[str, str]) -> dict[str, str]: ...
def ending(returncode: int) -> str: ...
