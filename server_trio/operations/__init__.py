"""What the server can do: one module an operation. `server_trio.loading` makes their table."""

from __future__ import annotations

from .base import Context, Handler
from .command import make_run_command
from .request import run_request

__all__ = ["Context", "Handler", "make_run_command", "run_request"]
