"""The status server: its probes, its manners with strangers, and that it stands in nobody's way."""

from __future__ import annotations

import contextlib
import logging
import os
import resource
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import trio
import trio.testing

from server_trio.errors import LayerUnavailable
from server_trio.http.session import Session
from server_trio.layers.memory import MemoryLayer
from server_trio.limits import HttpLimits
from server_trio.resolving import resolve
from server_trio.status import app, listening
from server_trio.status.source import Source
from server_trio.supervisor import Supervisor

from .status_support import report, source, status_server
from .test_supervisor import handle_by_path, message


async def no_site() -> Sequence[Any]:
    raise LayerUnavailable("Redis is away")


async def test_the_probes_and_the_page_of_a_healthy_server() -> None:
    async with status_server(source(report())) as ask:
        for path, kind, words in [
            ("/livez", "text/plain", "ok"),
            ("/readyz", "text/plain", "ok"),
            ("/metrics", "text/plain", "channels_async_operations_inprogress"),
            ("/", "text/html", "Request GET http://upstream"),
            ("/api/status", "application/json", "Request GET http://upstream"),
            ("/status.js", "text/javascript", "fetch("),
            ("/status.css", "text/css", "prefers-color-scheme"),
            ("/uPlot.iife.min.js", "text/javascript", "uPlot"),
            ("/uPlot.min.css", "text/css", ".uplot"),
            ("/uPlot.LICENSE", "text/plain", "MIT License"),
        ]:
            answer = await ask(path)
            assert (answer.status, answer.headers["content-type"].partition(";")[0]) == (200, kind), path
            assert words in answer.text
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "'unsafe" not in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("differing", "words"),
    [
        ({"state": "draining"}, "draining"),
        ({"receiving": [{"connected": False, "still": 0.0}]}, "cannot be reached"),
        ({"receiving": [{"connected": True, "still": 60.0}]}, "no progress"),
        ({"places": {"total": 10, "free": 0}}, "full"),
        ({"at": 1.0}, "does not answer"),
    ],
)
async def test_what_could_take_no_message_is_alive_and_not_ready(differing: Any, words: str) -> None:
    async with status_server(source(report(**differing))) as ask:
        ready = await ask("/readyz")
        assert (ready.status, words in ready.text) == (503, True)
        assert (await ask("/livez")).status == 200
        assert (await ask("/metrics")).text.count('channels_async_ready{process="0"} 0.0') == 1
        assert "not ready" in (await ask("/")).text


async def test_of_several_processes_one_that_is_ready_makes_the_server_ready() -> None:
    draining = report(process=1, state="draining")
    async with status_server(source(draining, report(process=2, id="2"))) as ask:
        assert (await ask("/readyz")).status == 200
        assert "2 processes, 1 ready" in (await ask("/")).text
    async with status_server(source()) as ask:
        assert ((await ask("/readyz")).status, (await ask("/livez")).status) == (503, 200)
        assert "starting" in (await ask("/")).text


async def test_it_follows_a_real_server_from_its_start_through_its_draining() -> None:
    layer = MemoryLayer()
    settings = resolve({"CONCURRENCY": {"total": 1}}, {}, {})
    supervisor = Supervisor(settings, {"REQUEST": handle_by_path})
    own = Source(lambda: [supervisor.reporter.report()], no_site)
    async with status_server(own) as ask, Session(HttpLimits()) as http, trio.open_nursery() as nursery:
        assert (await ask("/readyz")).status == 503  # its layer is not open yet
        await nursery.start(supervisor.serve, layer, http)
        assert (await ask("/readyz")).status == 200
        await layer.send("request.async", message("http://user:pass@upstream/never"))
        while (answer := (await ask("/readyz"))).status != 503:
            assert answer.text == "ok\n"
        assert answer.text == "full: all places are taken\n"
        tables = (await ask("/api/status")).json["tables"]
        assert tables["running"][0][:2] == ["REQUEST", "<Request GET http://upstream>"]
        supervisor.drain()
        assert "draining" in (await ask("/readyz")).text
        assert (await ask("/livez")).status == 200
        supervisor.abort()


async def test_what_is_not_there_and_what_is_not_asked_for_like_this() -> None:
    async with status_server(source(report())) as ask:
        assert (await ask("/nothing")).status == 404
        assert (await ask("/../app.py")).status == 404
        assert (await ask("/livez", "POST")).status == 405
        assert (await ask("/livez", "POST")).headers["allow"] == "GET, HEAD"
        head = await ask("/metrics", "HEAD")
        assert (head.status, head.body) == (200, b"")
        assert (await ask("/api/status?since=yesterday")).status == 400


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:1", 200),
        ("127.0.0.1", 200),
        ("[::1]:9180", 200),
        ("status.internal", 200),
        ("evil.example", 403),
        ("127.0.0.1.evil.example", 403),
    ],
)
async def test_a_name_that_somebody_else_made_point_here_is_refused(host: str, status: int) -> None:
    async with status_server(source(report()), hosts=["status.internal"]) as ask:
        assert (await ask("/", Host=host)).status == status
    async with status_server(source(report()), hosts=None) as ask:
        assert (await ask("/", Host=host)).status == 200


async def test_a_slow_reader_holds_up_nobody_and_not_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "SEND_TIMEOUT", 3600.0)  # then only the end can end it
    many = [[f"host-{number}." + "x" * 20_000, "2xx", 1, 1.0] for number in range(400)]
    with trio.fail_after(60):
        async with status_server(source(report(upstreams=many))) as ask:
            lazy = [await trio.open_tcp_stream("127.0.0.1", ask.port) for _ in range(3)]  # type: ignore[attr-defined]
            for stream in lazy:
                await stream.send_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert await stream.receive_some(1)  # and not a byte more
            assert (await ask("/livez")).status == 200


async def test_who_does_not_read_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    many = [[f"host-{number}." + "x" * 20_000, "2xx", 1, 1.0] for number in range(400)]
    async with status_server(source(report(upstreams=many))) as ask:
        whole = len((await ask("/metrics")).body)
        monkeypatch.setattr(listening, "SEND_TIMEOUT", 0.2)
        stream = await trio.open_tcp_stream("127.0.0.1", ask.port)  # type: ignore[attr-defined]
        await stream.send_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert await stream.receive_some(1)
        await trio.sleep(1)  # for as long it is not read: what the test is about
        got = 1
        with trio.fail_after(20):
            try:
                async for part in stream:
                    got += len(part)
            except trio.BrokenResourceError:
                pass
        assert got < whole


async def test_who_asks_nothing_whole_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "SILENCE", 0.3)
    async with status_server(source(report())) as ask:
        stream = await trio.open_tcp_stream("127.0.0.1", ask.port)  # type: ignore[attr-defined]
        await stream.send_all(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n")

        async def go_on_slowly() -> None:
            while True:
                await stream.send_all(b"X-Slow: yes\r\n")
                await trio.sleep(0.05)  # now and then something would keep an idle timeout from passing

        with trio.fail_after(20), pytest.raises(trio.BrokenResourceError):
            await go_on_slowly()


async def test_connections_are_bounded_and_free_ones_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "MOST_CONNECTIONS", 2)
    async with status_server(source(report())) as ask:
        port: int = ask.port  # type: ignore[attr-defined]
        first, second = [await trio.open_tcp_stream("127.0.0.1", port) for _ in range(2)]
        for stream in (first, second):
            await stream.send_all(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert await stream.receive_some(12) == b"HTTP/1.1 200"
        third = await trio.open_tcp_stream("127.0.0.1", port)
        with trio.fail_after(20):
            assert await third.receive_some(1) == b""
        await first.aclose()
        with trio.fail_after(20):
            while True:
                try:
                    assert (await ask("/livez")).status == 200
                    break
                except OSError:
                    await trio.sleep(0.01)


@contextlib.contextmanager
def no_more_descriptors() -> Iterator[None]:
    """This process can open nothing more: the limit is the first number that is free."""
    free = os.dup(0)
    os.close(free)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.autojump
async def test_without_descriptors_it_says_so_once_and_takes_connections_when_there_are_some(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with status_server(source(report())) as ask:
        await trio.testing.wait_all_tasks_blocked()  # it listens
        with trio.socket.socket() as client:
            with no_more_descriptors():
                await client.connect(("127.0.0.1", ask.port))  # type: ignore[attr-defined]
                await client.send(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
                await trio.sleep(30)  # it has tried again and again
            assert await client.recv(12) == b"HTTP/1.1 200"
    (said,) = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert said.startswith("the status server can take no connection (Too many open files)")


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100,
        b"GET / HTTP/1.1\r\n" + b"X: " + b"x" * 100_000,
        b"GET / HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 100,
        b"GET /livez HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n" + b"x" * 100_000,
        b"",
    ],
)
async def test_nonsense_on_a_connection_is_its_own_trouble(nonsense: bytes, caplog: Any) -> None:
    async with status_server(source(report())) as ask:
        stream = await trio.open_tcp_stream("127.0.0.1", ask.port)  # type: ignore[attr-defined]
        with trio.move_on_after(1):
            try:
                await stream.send_all(nonsense)
                async for _ in stream:
                    pass
            except trio.BrokenResourceError:
                pass
        await stream.aclose()
        assert (await ask("/livez")).status == 200
    assert "Traceback" not in caplog.text


async def test_redis_that_does_not_answer_keeps_no_page_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "SITE_TIME", 0.2)

    async def never() -> Sequence[Any]:
        await trio.sleep_forever()
        raise AssertionError

    for site in (never, no_site):
        async with status_server(Source(lambda: [report()], site)) as ask:
            (server,) = (await ask("/api/status")).json["tables"]["servers"]
            assert server[:2] == ["machine", "4711"]  # at least this one is known


async def test_a_failing_source_ends_nothing_but_the_status_server(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> Sequence[Any]:
        raise ZeroDivisionError("a bug")

    address = listening.Address("127.0.0.1:0", "127.0.0.1", 0)
    from server_trio.status.address import listen

    server = listening.StatusServer(address, listen(address), app.StatusApp(Source(broken, no_site), None))
    with trio.fail_after(20):
        await server.serve()
    assert "goes on without" in caplog.text


async def test_the_points_of_the_plots_come_once_each() -> None:
    async with status_server(source(report())) as ask:
        with trio.fail_after(20):
            while not (points := (await ask("/api/status")).json["points"]):  # noqa: ASYNC110
                await trio.sleep(0.05)  # they come once a second
        newest = points[-1][0]
        later = (await ask(f"/api/status?since={newest!r}")).json["points"]
        assert all(point[0] > newest for point in later)
        assert points[-1][0] <= time.time()
