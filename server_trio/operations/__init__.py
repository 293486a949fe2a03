"""What the server can do: one module an operation, and the table of them."""

from __future__ import annotations

from .base import Context, Handler
from .request import run_request

#: Handlers by the operation's name on the wire. Nothing outside this table can be asked for.
HANDLERS: dict[str, Handler] = {"REQUEST": run_request}

__all__ = ["HANDLERS", "Context", "Handler"]
