"""What is known of an operation while it runs: in the log, in threads, in OpenTelemetry and in Sentry."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
import trio

from server_trio.logs import OperationFilter
from server_trio.tracing import Traced, current, makes_spans, upstream_headers

from .call_support import Caller

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


def operation(**fields: Any) -> Any:
    return Caller().operation("x", **fields)


async def do(function: str, id: str, *args: Any) -> None:
    await Caller().ask(function, *args, id=id, traceparent=PARENT)


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """OpenTelemetry as a project sets it up, with an exporter that remembers."""
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    makes_spans.cache_clear()
    yield exporter
    makes_spans.cache_clear()
    provider.shutdown()


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Sentry as a project sets it up, with a list in place of the way to its servers."""
    import sentry_sdk

    sent: list[Any] = []
    with sentry_sdk.new_scope():
        sentry_sdk.init(
            dsn="http://key@127.0.0.1:1/1",
            before_send=lambda event, hint: sent.append(event),
            before_send_transaction=lambda event, hint: sent.append(event),
            traces_sample_rate=1.0,
            auto_enabling_integrations=False,
            auto_session_tracking=False,
            send_client_reports=False,
        )
        yield sent
        sentry_sdk.get_client().close()
        sentry_sdk.get_global_scope().set_client(None)


def test_outside_of_an_operation_nothing_is_known() -> None:
    assert current.get() is None
    record = logging.makeLogRecord({})
    assert OperationFilter().filter(record)
    assert (record.operation_id, record.trace_id) == ("", "")  # type: ignore[attr-defined]


def test_the_upstream_gets_the_trace_of_the_browsers_request() -> None:
    asked = operation(traceparent=PARENT, tracestate="a=b")
    assert upstream_headers(asked, [(b"X", b"1")]) == [
        (b"X", b"1"), (b"traceparent", PARENT.encode()), (b"tracestate", b"a=b")
    ]  # fmt: skip
    assert upstream_headers(operation(), [(b"X", b"1")]) == [(b"X", b"1")]


async def test_each_record_of_an_operation_has_its_id_in_the_task_and_in_a_thread(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.handler.addFilter(OperationFilter())
    async with trio.open_nursery() as nursery:
        for number, function in enumerate(["says_in_a_task", "says_in_a_thread"] * 3):
            nursery.start_soon(do, function, f"op{number}", number)
    said = {
        record.getMessage(): (record.operation_id, record.trace_id)  # type: ignore[attr-defined]
        for record in caplog.records
        if record.name == "tests.said"
    }
    assert said == {f"said {number}": (f"op{number}", TRACE) for number in range(6)}
    assert current.get() is None


async def test_a_span_of_opentelemetry_is_open_around_each_operation_and_goes_upstream(spans: Any) -> None:
    async with trio.open_nursery() as nursery:
        for number in range(3):
            nursery.start_soon(do, "says_in_a_task", f"op{number}", number)
        nursery.start_soon(do, "fail", "bad")
    finished = {span.attributes["channels_async.id"]: span for span in spans.get_finished_spans()}
    assert set(finished) == {"op0", "op1", "op2", "bad"}
    for span in finished.values():
        assert span.name == "CALL"
        assert f"{span.parent.trace_id:032x}" == TRACE
        assert f"{span.parent.span_id:016x}" == PARENT.split("-")[2]
    assert finished["op1"].attributes["channels_async.outcome"] == "ok"
    assert finished["op1"].status.is_ok
    assert not finished["bad"].status.is_ok
    asked = operation(traceparent=PARENT)
    with Traced(asked) as trace:
        ((name, value),) = upstream_headers(asked, [])
        trace.end("ok", "")
    assert name == b"traceparent"
    own = spans.get_finished_spans()[-1].context.span_id
    assert value == f"00-{TRACE}-{own:016x}-01".encode()


@pytest.mark.parametrize("moment", ["on_start", "on_end"])
async def test_a_span_processor_that_raises_is_logged_and_ends_no_operation(
    moment: str, spans: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from opentelemetry import trace
    from opentelemetry.sdk.trace import SpanProcessor

    def fail(self: Any, span: Any, parent_context: Any = None) -> None:
        raise ConnectionError("no collector")

    processor = type("Failing", (SpanProcessor,), {moment: fail})
    trace.get_tracer_provider().add_span_processor(processor())  # type: ignore[attr-defined]
    answer = await Caller().ask("where_async", id="op0")
    assert (answer.outcome, current.get()) == ("ok", None)
    (record,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert "op0" in record.getMessage()
    assert "no collector" in str(record.exc_info)


async def test_an_event_of_sentry_names_the_operation_that_it_is_of(events: list[Any]) -> None:
    async with trio.open_nursery() as nursery:
        for number in range(3):
            nursery.start_soon(do, "fail", f"op{number}")
    errors = [event for event in events if event.get("type") != "transaction"]
    transactions = [event for event in events if event.get("type") == "transaction"]
    assert sorted(event["tags"]["channels_async.id"] for event in errors) == ["op0", "op1", "op2"]
    assert {event["transaction"] for event in errors} == {"CALL"}
    assert {event["contexts"]["channels_async"]["target"] for event in errors} == {
        "<Call function=call_functions.fail>"
    }
    assert len(transactions) == 3


def test_an_opentelemetry_that_nobody_has_set_up_makes_no_spans(monkeypatch: pytest.MonkeyPatch) -> None:
    """redis-py imports it wherever it is installed."""
    from opentelemetry import trace

    asked: list[Any] = []
    monkeypatch.setattr(trace, "get_tracer", lambda *args, **kwargs: asked.append(args))
    with Traced(operation()):
        pass
    assert asked == []


def test_the_trace_of_nobody_costs_nothing() -> None:
    """Neither is imported by the server itself."""
    import subprocess
    import sys

    program = (
        "import channels_compat; channels_compat.install()\n"
        "import sys, server_trio.cli\n"
        "print([name for name in sys.modules if name.startswith(('opentelemetry', 'sentry'))])"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"
