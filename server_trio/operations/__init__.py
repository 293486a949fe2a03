"""What the server can do: one module an operation. `server_trio.loading` makes their table."""

from __future__ import annotations

from .base import Context, Handler
from .call import Function, RunCall
from .command import RunCommand
from .forward import run_forward
from .request import run_request

__all__ = [
    "Context", "Function", "Handler", "RunCall", "RunCommand", "run_forward", "run_request",
]  # fmt: skip
