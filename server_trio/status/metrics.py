"""Reports as Prometheus reads them: made at the moment of the scrape, nothing is kept here.

METRICS is the one list of what there is; docs/metrics.rst is written from it.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric as Family

from ..readiness import obstacle
from ..stats import BOUNDS

PREFIX: Final = "channels_async_"


class Metric(NamedTuple):
    """One name that /metrics shows. `labels` are those that every series of it has."""

    name: str
    type: str  # 'counter', 'gauge', 'histogram' or 'info', as Prometheus has them
    unit: str
    labels: tuple[str, ...]
    help: str


def _metric(name: str, type: str, unit: str, labels: str, help: str) -> Metric:
    return Metric(PREFIX + name, type, unit, tuple(labels.split()), help)


#: All of them, in the order in which they are shown. The label `process` is the number of the process among
#: those of --processes, from 1; 0 where there is one.
METRICS: Final = (
    _metric("operations_received_total", "counter", "operations", "process operation",
            "Operations taken from the channel layer"),
    _metric("operations_completed_total", "counter", "operations", "process operation",
            "Operations that were answered with their result"),
    _metric("operations_failed_total", "counter", "operations", "process operation outcome",
            "Operations that were answered with an error, but those that the next names count"),
    _metric("operations_timed_out_total", "counter", "operations", "process operation",
            "Operations whose upstream, function or command was too slow"),
    _metric("operations_cancelled_total", "counter", "operations", "process operation outcome",
            "Operations whose browser went, or whose server ended"),
    _metric("operations_shed_total", "counter", "operations", "process operation outcome",
            "Operations that were not begun, for want of time or room, or because of an open circuit"),
    _metric("operations_inprogress", "gauge", "operations", "process operation",
            "Operations that are claimed and not answered"),
    _metric("operations_waiting", "gauge", "operations", "process",
            "Operations that are claimed and wait for their turn"),
    _metric("operation_duration_seconds", "histogram", "seconds", "process operation",
            "Time from being claimed to being answered"),
    _metric("queue_wait_seconds", "histogram", "seconds", "process operation",
            "Time from the view that sent an operation to its begin"),
    _metric("queue_length", "gauge", "messages", "channel",
            "Messages that wait on a channel of the site"),
    _metric("queue_oldest_age_seconds", "gauge", "seconds", "channel",
            "How long the oldest message on a channel of the site has waited"),
    _metric("replies_dropped_total", "counter", "operations", "process",
            "Operations whose answer could not be put on the channel layer"),
    _metric("reply_content_bytes_total", "counter", "bytes", "process",
            "Content in answers"),
    _metric("bad_messages_total", "counter", "messages", "process",
            "Messages on the channel of operations that were none"),
    _metric("channel_full_total", "counter", "messages", "process",
            "Sends that met a full channel"),
    _metric("upstream_requests_total", "counter", "requests", "process host outcome",
            "Requests sent to upstreams, each attempt; hosts beyond the first 100 are `other`"),
    _metric("upstream_request_seconds_total", "counter", "seconds", "process host outcome",
            "Time until the heads of their answers came"),
    _metric("consumers_inprogress", "gauge", "messages", "process",
            "Messages of the project's own channels whose consumers are at work"),
    _metric("consumer_messages_total", "counter", "messages", "process channel outcome",
            "Messages of the project's own channels that were consumed"),
    _metric("places", "gauge", "places", "process kind",
            "How many operations, and how many consumers, may run at once"),
    _metric("places_free", "gauge", "places", "process kind",
            "How many of these places are free"),
    _metric("ready", "gauge", "1 or 0", "process",
            "Whether a message could be taken now"),
    _metric("layer_connected", "gauge", "1 or 0", "process shard",
            "Whether a shard of the channel layer answered at its last use"),
    _metric("receiving_still_seconds", "gauge", "seconds", "process shard",
            "For how long receiving from a shard has not moved; idle, it does every few seconds"),
    _metric("layer_sent_total", "counter", "messages", "process",
            "Messages sent on the channel layer"),
    _metric("layer_received_total", "counter", "messages", "process",
            "Messages received from the channel layer"),
    _metric("layer_round_trips_total", "counter", "round trips", "process",
            "Exchanges with the channel layer's backend"),
    _metric("layer_reconnects_total", "counter", "connections", "process",
            "Connections to the channel layer's backend that had to be made anew"),
    _metric("start_time_seconds", "gauge", "epoch seconds", "process",
            "When the process began to serve"),
    _metric("build_info", "info", "", "process version python",
            "The release of channels_async, and of Python"),
)  # fmt: skip

#: Outcomes that are counted under a name of their own; all others but "ok" are failures.
_BY_OUTCOME: Final = {
    "ok": "operations_completed_total",
    "timeout": "operations_timed_out_total",
    "client_gone": "operations_cancelled_total",
    "shutdown": "operations_cancelled_total",
    "taken_over": "operations_cancelled_total",
    "shed": "operations_shed_total",
    "overloaded": "operations_shed_total",
    "circuit_open": "operations_shed_total",
}
_WITHOUT_OUTCOME: Final = ("operations_completed_total", "operations_timed_out_total")

#: A value of a series: its name without the prefix, its labels in order, the value.
Sample = tuple[str, tuple[str, ...], Any]


class Reports:
    """What prometheus_client calls a collector."""

    def __init__(self, reports: Sequence[Mapping[str, Any]], now: float) -> None:
        self._reports = reports
        self._now = now

    def collect(self) -> Iterator[Family]:
        values: dict[str, dict[tuple[str, ...], Any]] = defaultdict(dict)
        samples = itertools.chain.from_iterable(_samples(report, self._now) for report in self._reports)
        for name, labels, value in itertools.chain(samples, _queues(self._reports)):
            values[PREFIX + name][labels] = value
        for metric in METRICS:
            yield _family(metric, values[metric.name])


def render(reports: Sequence[Mapping[str, Any]], accept: str, now: float) -> tuple[bytes, str]:
    """The metrics in the form that the Accept header asks for, and its content type."""
    encode, content_type = choose_encoder(accept)
    return encode(Reports(reports, now)), content_type


def _family(metric: Metric, values: Mapping[tuple[str, ...], Any]) -> Family:
    if metric.type == "histogram":
        histogram = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
        for labels, (bounds, found) in values.items():
            histogram.add_metric(labels, _buckets(bounds, found["counts"]), found["sum"])
        return histogram
    if metric.type == "info":
        info = InfoMetricFamily(metric.name.removesuffix("_info"), metric.help, labels=())
        for labels in values:
            info.add_metric((), dict(zip(metric.labels, labels, strict=True)))
        return info
    kind = CounterMetricFamily if metric.type == "counter" else GaugeMetricFamily
    family: CounterMetricFamily | GaugeMetricFamily = kind(metric.name, metric.help, labels=metric.labels)
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family


def _buckets(bounds: Sequence[float], counts: Sequence[int]) -> list[tuple[str, float]]:
    texts = [*(str(float(bound)) for bound in bounds), "+Inf"]
    return list(zip(texts, itertools.accumulate(counts), strict=False))


def _samples(report: Mapping[str, Any], now: float) -> Iterator[Sample]:
    process = (str(report.get("process", 0)),)
    yield from _of_operations(report, process)
    for name, key in (
        ("operations_waiting", "waiting"), ("replies_dropped_total", "replies_lost"),
        ("reply_content_bytes_total", "bytes_out"), ("bad_messages_total", "bad_messages"),
        ("consumers_inprogress", "consuming"), ("start_time_seconds", "started_at"),
    ):  # fmt: skip
        yield name, process, report.get(key, 0)
    for host, outcome, number, seconds in report.get("upstreams", ()):
        yield "upstream_requests_total", (*process, host, outcome), number
        yield "upstream_request_seconds_total", (*process, host, outcome), seconds
    for channel, outcome, number in report.get("consumed", ()):
        yield "consumer_messages_total", (*process, channel, outcome), number
    for kind, key in (("operations", "places"), ("consumers", "consumer_places")):
        if places := report.get(key):
            yield "places", (*process, kind), places["total"]
            yield "places_free", (*process, kind), max(0, places["free"])
    yield "ready", process, int(obstacle(report, now) is None)
    for number, shard in enumerate(report.get("receiving", ())):
        yield "layer_connected", (*process, str(number)), int(shard["connected"])
        yield "receiving_still_seconds", (*process, str(number)), shard["still"]
    layer = report.get("layer", {})
    yield "channel_full_total", process, layer.get("full", 0)
    for key in ("sent", "received", "round_trips", "reconnects"):
        yield f"layer_{key}_total", process, layer.get(key, 0)
    yield "build_info", (*process, report.get("package", ""), report.get("python", "")), 1


def _of_operations(report: Mapping[str, Any], process: tuple[str]) -> Iterator[Sample]:
    received: dict[str, int] = dict(report.get("in_flight_by_operation", {}))
    for operation, number in received.items():
        yield "operations_inprogress", (*process, operation), number
    for operation, outcome, number in report.get("finished", ()):
        received[operation] = received.get(operation, 0) + number
        name = _BY_OUTCOME.get(outcome, "operations_failed_total")
        own = () if name in _WITHOUT_OUTCOME else (outcome,)
        yield name, (*process, operation, *own), number
    for operation, number in received.items():
        yield "operations_received_total", (*process, operation), number
    bounds = report.get("bounds", BOUNDS)
    for name, key in (("operation_duration_seconds", "durations"), ("queue_wait_seconds", "queue_waits")):
        for operation, found in report.get(key, {}).items():
            yield name, (*process, operation), (bounds, found)


def _queues(reports: Sequence[Mapping[str, Any]]) -> Iterator[Sample]:
    """They are the site's: each process says the same, and the last one knows best."""
    for report in sorted(reports, key=lambda report: report.get("at", 0.0)):
        for channel, queue in report.get("queues", {}).items():
            yield "queue_length", (channel,), queue["length"]
            yield "queue_oldest_age_seconds", (channel,), queue["oldest_age"]
