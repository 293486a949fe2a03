"""What a server says of itself while it works."""

from __future__ import annotations

import os
import time

import pytest
import trio

from server_trio.http.session import Session
from server_trio.layers import open_layer
from server_trio.layers.memory import MemoryLayer
from server_trio.limits import HttpLimits
from server_trio.settings import Settings
from server_trio.supervisor import Supervisor
from tests.harness.redis_server import RedisServer
from tests.layers.bench import redis_spec

from .test_supervisor import handle_by_path, message


@pytest.mark.autojump
async def test_a_report_tells_what_is_in_flight_and_what_has_been_done() -> None:
    layer = MemoryLayer()
    supervisor = Supervisor(Settings(), {"REQUEST": handle_by_path})
    async with trio.open_nursery() as nursery, Session(HttpLimits()) as http:
        await nursery.start(supervisor.serve, layer, http)
        await layer.send("request.async", message("http://user:pass@upstream/?token=x"))
        await layer.send("request.async", message("http://user:pass@upstream/slow"))
        await trio.sleep(2)
        report = supervisor.reporter.report(layer)
        assert report["state"] == "running"
        assert report["channels"] == ["request.async"]
        assert report["places"] == {"total": 1000, "free": 999}
        assert (report["in_flight"], report["received"]) == (1, 2)
        assert [entry[:2] for entry in report["finished"]] == [["REQUEST", "ok"]]
        (running,) = report["running"]
        assert running["operation"] == "REQUEST"
        assert running["target"] == "<Request GET http://upstream>"
        assert 1.9 < time.time() - running["begun_at"] < 3
        assert 27 < running["deadline_at"] - time.time() < 29
        assert report["pid"] == os.getpid()
        assert report["layer"]["connected"] is True
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
