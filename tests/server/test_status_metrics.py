"""/metrics: what Prometheus' own parsers make of it, and that all of it is documented."""

from __future__ import annotations

import time
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse_text

from server_trio.errors import OperationError
from server_trio.stats import QUIET
from server_trio.status.metrics import METRICS, PREFIX, render

from .status_support import report

OPENMETRICS = "application/openmetrics-text; version=1.0.0,text/plain;version=0.0.4;q=0.5"


def parsed(*reports: dict[str, Any], accept: str = "") -> dict[str, Any]:
    """Families by name, as the parser of that format reads them."""
    body, content_type = render(reports, accept, time.time())
    parse = parse_openmetrics if "openmetrics" in content_type else parse_text
    return {family.name: family for family in parse(body.decode("utf-8"))}


def values(families: dict[str, Any]) -> dict[tuple[Any, ...], float]:
    """(name without the prefix, label values as the table has them ...) of each sample, but `process`."""
    order = [
        *{
            label: None
            for metric in METRICS
            for label in metric.labels
            if label not in ("process", "outcome")
        },
        "outcome",
        "le",
    ]
    return {
        (
            sample.name.removeprefix(PREFIX),
            *(sample.labels[label] for label in order if label in sample.labels),
        ): sample.value
        for family in families.values()
        for sample in family.samples
    }


@pytest.mark.parametrize("accept", ["", OPENMETRICS, "nonsense; version=a.b"])
def test_every_metric_of_the_table_is_there_with_help_type_and_its_labels(accept: str) -> None:
    everything = report(
        consumer_places={"total": 1, "free": 1},
        finished=[["REQUEST", outcome, 1] for outcome in ("ok", "error", "timeout", "client_gone", "shed")],
    )
    families = parsed(everything, accept=accept)
    for metric in METRICS:
        name = metric.name.removesuffix("_total") if metric.type == "counter" else metric.name
        name = name.removesuffix("_info") if accept == OPENMETRICS else name
        family = families.pop(name)
        assert family.documentation == metric.help
        kind = "gauge" if metric.type == "info" and accept != OPENMETRICS else metric.type
        assert family.type == kind, name
        assert family.samples, name
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(metric.labels), name
    assert families == {}


def test_the_values_are_those_of_the_report() -> None:
    found = values(parsed(report()))
    assert found["operations_completed_total", "REQUEST"] == 3
    assert found["operations_failed_total", "REQUEST", "upstream_error"] == 1
    assert found["operations_timed_out_total", "CALL"] == 1
    assert found["operations_received_total", "REQUEST"] == 5  # with the one in flight
    assert found["operations_inprogress", "REQUEST"] == 1
    assert found["operation_duration_seconds_bucket", "REQUEST", "0.1"] == 0
    assert found["operation_duration_seconds_bucket", "REQUEST", "0.25"] == 4
    assert found["operation_duration_seconds_bucket", "REQUEST", "+Inf"] == 4
    assert found["operation_duration_seconds_count", "REQUEST"] == 4
    assert found["operation_duration_seconds_sum", "REQUEST"] == 0.8
    assert found["upstream_requests_total", "down", "unreachable"] == 1
    assert found["queue_length", "request.async"] == 2
    assert found["consumer_messages_total", "notify", "ok"] == 7
    assert (found["places_free", "operations"], found["ready",]) == (9, 1)
    assert found["bad_messages_total",] == 1


def test_every_operation_is_counted_under_one_name_whatever_its_outcome() -> None:
    def outcomes(kind: type[OperationError]) -> set[str]:
        return {kind.outcome}.union(*(outcomes(child) for child in kind.__subclasses__()))

    every = sorted(outcomes(OperationError) | QUIET | {"reply_lost", "taken_over"})
    assert len(every) > 15
    finished = [["REQUEST", outcome, 1] for outcome in every]
    found = values(parsed(report(finished=finished, in_flight_by_operation={})))
    names = [f"operations_{kind}_total" for kind in ("completed", "failed", "timed_out", "cancelled", "shed")]
    assert sum(value for key, value in found.items() if key[0] in names) == len(every)
    assert found["operations_received_total", "REQUEST"] == len(every)


def test_several_processes_have_series_of_their_own_and_the_site_has_one() -> None:
    queues = {"request.async": {"length": 7, "oldest_age": 1.0}}
    reports = [report(process=1, id="a", at=time.time() - 2), report(process=2, id="b", queues=queues)]
    families = parsed(*reports)
    inprogress = families[PREFIX + "operations_inprogress"].samples
    assert {sample.labels["process"] for sample in inprogress} == {"1", "2"}
    (length,) = families[PREFIX + "queue_length"].samples
    assert length.value == 7


@pytest.mark.parametrize("accept", ["", OPENMETRICS])
def test_hostile_hosts_and_channels_break_no_line(accept: str) -> None:
    hostile = 'evil"} 1\nchannels_async_ready{process="0"} 1\\'
    found = values(
        parsed(
            report(upstreams=[[hostile, "2xx", 1, 1.0]], consumed=[[hostile, "ok", 1]], state="draining"),
            accept=accept,
        )
    )
    assert found["upstream_requests_total", hostile, "2xx"] == 1
    assert found["consumer_messages_total", hostile, "ok"] == 1
    assert found["ready",] == 0


def test_before_anything_has_happened_there_is_a_valid_answer() -> None:
    assert parsed() is not None
    assert parsed({}) is not None
