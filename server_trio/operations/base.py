"""What every operation is given, and the form of its handler."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from channels_async.wire import Operation

from ..http.session import Session
from ..layers.base import Layer
from ..replies import Reply


@dataclass(frozen=True, slots=True)
class Context:
    """What operations share: made once per server, when its layer and its HTTP client are open.

    What belongs to one kind of operation alone (its functions, its limits) is its handler's own.
    """

    http: Session
    layer: Layer


#: Runs one operation and answers it. It runs inside a cancel scope that ends at its deadline. It may
#: raise OperationError, which becomes the answer where none has begun; any other exception is a 500.
Handler: TypeAlias = Callable[[Operation, Reply, Context], Awaitable[None]]
