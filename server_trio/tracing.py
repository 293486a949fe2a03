"""Which operation is at work: for the log, for Sentry, for OpenTelemetry, and for the upstream.

Sentry and OpenTelemetry are the project's and not needed otherwise. Sentry counts as used where the project
has imported it, from its settings module for example; OpenTelemetry where a tracer provider is set, as
redis-py 8 imports its API wherever that is installed (redis/observability/providers.py). Both keep what is
current in context variables, which Trio keeps apart for each task and takes along into threads.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import sys
import time
from collections.abc import Iterator
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any, Final

from channels_async import __version__, trace_rules
from channels_async.wire import Operation

from .stats import QUIET

logger = logging.getLogger(__name__)

#: The operation that this task, or thread, works for; None outside of one.
current: ContextVar[Operation | None] = ContextVar("server_trio.tracing.current", default=None)


class Trace:
    """What is told of one operation while it runs. `end` says what became of it."""

    def __init__(self, span: Any = None, sentry_span: Any = None) -> None:
        self._span = span
        self._sentry_span = sentry_span

    def end(self, outcome: str, reason: str) -> None:
        """`reason` is '' where nothing went wrong."""
        if self._span is not None:
            from opentelemetry.trace import Status, StatusCode

            self._span.set_attribute("channels_async.outcome", outcome)
            if outcome not in QUIET:
                self._span.set_status(Status(StatusCode.ERROR, reason))
        if self._sentry_span is not None:
            self._sentry_span.set_status("ok" if outcome in QUIET else "internal_error")
            self._sentry_span.set_data("channels_async.outcome", outcome)


_NOBODY_LOOKS: Final = Trace()


class Traced:
    """The time in which this task works for an operation: `with Traced(operation) as trace`.

    What those who look raise, samplers and processors of the project among them, is logged and no more.
    """

    # No generator: every operation goes through here, and most have nobody who looks.
    __slots__ = ("_entered", "_operation", "_token")

    def __init__(self, operation: Operation) -> None:
        self._operation = operation
        self._entered: contextlib.ExitStack | None = None

    def __enter__(self) -> Trace:
        operation = self._operation
        self._token: Token[Operation | None] = current.set(operation)
        has_spans, has_sentry = makes_spans(int(time.monotonic())), "sentry_sdk" in sys.modules
        if not has_spans and not has_sentry:
            return _NOBODY_LOOKS
        try:
            with contextlib.ExitStack() as stack:
                trace = Trace(
                    stack.enter_context(_span(operation)) if has_spans else None,
                    stack.enter_context(_sentry_scope(operation)) if has_sentry else None,
                )
                self._entered = stack.pop_all()
        except Exception:
            logger.exception("operation %s is not traced", operation.id)
            return _NOBODY_LOOKS
        except BaseException:
            current.reset(self._token)
            raise
        return trace

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> None:
        try:
            if self._entered is not None:
                self._entered.__exit__(kind, error, frames)
        except Exception:
            logger.exception("the trace of operation %s could not be ended", self._operation.id)
        finally:
            current.reset(self._token)


def upstream_headers(operation: Operation, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """`headers` for an upstream, with those of the operation's trace (W3C Trace Context)."""
    if makes_spans(int(time.monotonic())):
        from opentelemetry import propagate

        here: dict[str, str] = {}
        propagate.inject(here)
        if "traceparent" in here:
            own = (b"traceparent", b"tracestate")
            rest = [pair for pair in headers if pair[0].lower() not in own]
            return trace_rules.trace_headers(rest, here["traceparent"], here.get("tracestate"))
    return trace_rules.trace_headers(headers, operation.traceparent, operation.tracestate)


@functools.lru_cache(maxsize=1)
def makes_spans(second: int) -> bool:
    """Whether OpenTelemetry is set up; spans of nobody would cost a tenth of an operation's time.

    Asked anew each second, as the answer takes a look into the environment.
    """
    trace = sys.modules.get("opentelemetry.trace")
    return trace is not None and not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


@contextlib.contextmanager
def _span(operation: Operation) -> Iterator[Any]:
    from opentelemetry import propagate, trace

    carrier = {"traceparent": operation.traceparent, "tracestate": operation.tracestate}
    parent = propagate.extract({name: value for name, value in carrier.items() if value is not None})
    tracer = trace.get_tracer("channels_async", __version__)
    with tracer.start_as_current_span(
        operation.name,
        context=parent,
        kind=trace.SpanKind.CONSUMER,
        attributes={"channels_async.id": operation.id, "channels_async.target": str(operation.details)},
    ) as span:
        yield span


@contextlib.contextmanager
def _sentry_scope(operation: Operation) -> Iterator[Any]:
    import sentry_sdk

    with sentry_sdk.isolation_scope() as scope:
        scope.set_transaction_name(operation.name)
        scope.set_tag("channels_async.operation", operation.name)
        scope.set_tag("channels_async.id", operation.id)
        scope.set_context("channels_async", {"target": str(operation.details)})
        with sentry_sdk.start_transaction(op="queue.process", name=operation.name, source="task") as span:
            yield span
