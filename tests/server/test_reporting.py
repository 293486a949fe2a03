"""What a server says of itself while it works."""

from __future__ import annotations

import os
import time

import pytest
import trio

from channels_async.report_bounds import LONGEST_REPORT, bounded
from server_trio.http.session import Session
from server_trio.layers import open_layer
from server_trio.layers.memory import MemoryLayer
from server_trio.layers.packing import pack
from server_trio.limits import HttpLimits
from server_trio.readiness import obstacle
from server_trio.recent_errors import MOST_KINDS
from server_trio.reporting import QUEUES_SHOWN, RUNNING_SHOWN
from server_trio.resolving import resolve
from server_trio.settings import Settings
from server_trio.supervisor import Supervisor
from tests.harness.redis_server import RedisServer
from tests.layers.bench import redis_spec

from .test_supervisor import handle_by_path, message, message_v2


@pytest.mark.autojump
async def test_a_report_tells_what_is_in_flight_and_what_has_been_done() -> None:
    began = time.time()
    layer = MemoryLayer()
    supervisor = Supervisor(Settings(), {"REQUEST": handle_by_path})
    async with trio.open_nursery() as nursery, Session(HttpLimits()) as http:
        await nursery.start(supervisor.serve, layer, http)
        await layer.send("request.async", message("http://user:pass@upstream/?token=x"))
        await layer.send("request.async", message("http://user:pass@upstream/slow"))
        await trio.sleep(2)
        report = supervisor.reporter.report()
        known = bounded(report)
        assert known is not None
        assert all(known.get(name) == value for name, value in report.items()), "readers see all of it"
        assert report["state"] == "running"
        assert report["channels"] == ["request.async"]
        assert report["places"] == {"total": 1000, "free": 999}
        assert (report["in_flight"], report["received"]) == (1, 2)
        assert [entry[:2] for entry in report["finished"]] == [["REQUEST", "ok"]]
        (running,) = report["running"]
        assert running["operation"] == "REQUEST"
        assert running["target"] == "<Request GET http://upstream>"
        # As long ago as it was on the clock that jumps, whatever time the machine has taken besides.
        assert 1.9 < time.time() - running["begun_at"] < 3 + time.time() - began
        assert 27 - (time.time() - began) < running["deadline_at"] - time.time() < 29
        assert report["pid"] == os.getpid()
        assert report["layer"]["connected"] is True
        assert report["receiving"] == [{"connected": True, "still": 0.0}]
        assert report["in_flight_by_operation"] == {"REQUEST": 1}
        assert report["durations"]["REQUEST"]["counts"][0] == 1
        assert len(report["durations"]["REQUEST"]["counts"]) == len(report["bounds"]) + 1
        assert report["errors"] == []
        supervisor.abort()


@pytest.mark.autojump
async def test_before_its_layer_is_open_a_server_has_a_report_and_is_not_ready() -> None:
    report = Supervisor(Settings(), {}).reporter.report()
    assert report["layer"]["connected"] is False
    assert "cannot be reached" in (obstacle(report, time.time()) or "")


@pytest.mark.autojump
async def test_the_errors_of_the_last_hour_are_told_by_target_without_secrets() -> None:
    layer = MemoryLayer()
    supervisor = Supervisor(Settings(), {"REQUEST": handle_by_path})
    async with trio.open_nursery() as nursery, Session(HttpLimits()) as http:
        await nursery.start(supervisor.serve, layer, http)
        for path in ("broken?token=x", "broken", "1"):
            await layer.send("request.async", message(f"http://user:pass@upstream/{path}"))
        await trio.sleep(1)
        (kind,) = [kind for kind in supervisor.reporter.report()["errors"]]
        assert (kind["operation"], kind["target"]) == ("REQUEST", "<Request GET http://upstream>")
        assert (kind["outcome"], kind["reason"]) == ("upstream_error", "upstream: connection refused")
        supervisor.abort()


@pytest.mark.autojump
async def test_a_wait_is_counted_from_the_view_to_the_begin_and_where_the_view_says_when() -> None:
    began = time.time()
    layer = MemoryLayer()
    settings = resolve({"CONCURRENCY": {"REQUEST": 1}}, {}, {})
    supervisor = Supervisor(settings, {"REQUEST": handle_by_path})
    async with trio.open_nursery() as nursery, Session(HttpLimits()) as http:
        await nursery.start(supervisor.serve, layer, http)
        await layer.send("request.async", message("http://upstream/1"))  # of 2017: says nothing
        await layer.send("request.async", message_v2(url="http://upstream/slow", sent_at=time.time() - 3))
        await trio.sleep(0.1)
        await layer.send("request.async", message_v2(url="http://upstream/slow"))  # waits for its turn
        await trio.sleep(30)
        waits = supervisor.reporter.report()["queue_waits"]["REQUEST"]
        assert sum(waits["counts"]) == 2
        assert 3 + 9.9 - 0.5 < waits["sum"] < 3 + 9.9 + 0.5 + 2 * (time.time() - began)
        supervisor.abort()


async def test_queues_of_its_channels_are_in_the_report(redis: RedisServer) -> None:
    spec, full = redis_spec([redis.url])(), "full: all places are taken"
    supervisor = Supervisor(resolve({"CONCURRENCY": {"total": 1}}, {}, {}), {"REQUEST": handle_by_path})
    async with open_layer(spec, visiting=True) as visitor:
        for _ in range(3):
            await visitor.send("request.async", message_v2(url="http://upstream/never"))
        async with trio.open_nursery() as nursery:
            await nursery.start(supervisor.run, spec)
            with trio.fail_after(20):
                while not (report := supervisor.reporter.report())["queues"].get("request.async"):  # noqa: ASYNC110
                    await trio.sleep(0.01)
            assert report["queues"]["request.async"]["length"] in (2, 3)  # one is taken at any moment
            while obstacle(supervisor.reporter.report(), time.time()) != full:  # noqa: ASYNC110
                await trio.sleep(0.01)
            supervisor.abort()


async def test_a_running_server_is_seen_in_redis_and_gone_after_it(redis: RedisServer) -> None:
    spec = redis_spec([redis.url])()
    supervisor = Supervisor(Settings(), {})
    async with open_layer(spec, visiting=True) as visitor:
        async with trio.open_nursery() as nursery:
            await nursery.start(supervisor.run, spec)
            with trio.fail_after(20):
                while not (found := await visitor.reports()):  # noqa: ASYNC110 - what another one writes
                    await trio.sleep(0.01)
            assert [report["pid"] for report in found] == [os.getpid()]
            supervisor.drain()
        assert await visitor.reports() == []
        assert redis.command("KEYS", "asgi::report:*") == []


def test_the_largest_report_is_well_below_what_is_read() -> None:
    named = "\u65e5" * 200
    running = {"id": "i" * 40, "operation": "REQUEST", "target": named, "begun_at": 1.0, "deadline_at": 2.0}
    error = {
        "operation": "REQUEST", "target": named, "outcome": "unreachable", "count": 1, "first_at": 1.0,
        "last_at": 2.0, "reason": named,
    }  # fmt: skip
    report = {
        "running": [running] * RUNNING_SHOWN,
        "errors": [error] * MOST_KINDS,
        "upstreams": [["h" * 60, outcome, 10**6, 1.0] for outcome in range(8) for _ in range(101)],
        "channels": ["c" * 90] * 100,
        "consumed": [["c" * 90, "ok", 10**6]] * 200,
        "queues": {f"{number:090}": {"length": 10**6, "oldest_age": 1.0} for number in range(QUEUES_SHOWN)},
    }
    assert len(pack(report)) * 4 / 3 < LONGEST_REPORT * 3 / 4, "encrypted, which is longer by a third"
