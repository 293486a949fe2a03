"""What the server can do: one module an operation. `server_trio.loading` makes their table."""

from __future__ import annotations

from .base import Context, Handler
from .request import run_request

__all__ = ["Context", "Handler", "run_request"]
