"""FORWARD through a supervisor: the request's body up, the answer down, both as they come."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing

from channels_async import wire
from server_trio.http.session import Session
from server_trio.layers.memory import MemoryLayer
from server_trio.limits import HttpLimits
from server_trio.loading import load_handlers
from server_trio.resolving import resolve
from server_trio.supervisor import Supervisor
from tests.http.upstream import Upstream, answer, open_upstream

DAPHNE = "daphne.response.abc!"
BODY = "http.request.body?abc"


class Server:
    """A supervisor on a layer in memory, and an upstream."""

    def __init__(self, layer: MemoryLayer, upstream: Upstream) -> None:
        self.layer = layer
        self.upstream = upstream

    async def forward(self, target: str = "/", **fields: Any) -> None:
        message = wire.encode(
            id="one", reply_channel=DAPHNE + "def", operation="FORWARD", url=self.upstream.url(target),
            **fields,
        )  # fmt: skip
        await self.layer.send("request.async", message)

    async def put(self, content: object = b"", *, more: bool = True, **others: Any) -> None:
        await self.layer.send(BODY, {"content": content, "more_content": more, **others})

    async def part(self) -> dict[str, Any]:
        [received] = await self.layer.receive(0, [DAPHNE], 1)
        content: dict[str, Any] = received.content
        return content

    async def answer(self) -> tuple[int, dict[bytes, bytes], bytes]:
        first = part = await self.part()
        body = first["content"]
        while part["more_content"]:
            part = await self.part()
            body += part["content"]
        return first["status"], {name: value for name, value in first["headers"]}, body


@asynccontextmanager
async def serving(*scripts: Any, deadline: float = 20.0, capacity: int = 100) -> AsyncIterator[Server]:
    settings = resolve({"DEADLINES": {"FORWARD": deadline}}, {}, {})
    layer = MemoryLayer(capacity=capacity)
    supervisor = Supervisor(settings, load_handlers(settings))
    with trio.fail_after(60):
        async with (
            open_upstream(*scripts) as upstream,
            Session(HttpLimits()) as http,
            trio.open_nursery() as nursery,
        ):
            await nursery.start(supervisor.serve, layer, http)
            yield Server(layer, upstream)
            supervisor.abort()


async def chunked_body(peer: Any) -> bytes:
    """The body of a request in chunks, joined."""
    await peer.read_head()
    body = b""
    while True:
        while b"\r\n" not in peer._buffer:
            await peer.read_some()
        size, peer._buffer = peer._buffer.split(b"\r\n", 1)
        while len(peer._buffer) < int(size, 16) + 2:
            await peer.read_some()
        chunk, peer._buffer = peer._buffer[: int(size, 16)], peer._buffer[int(size, 16) + 2 :]
        if not chunk:
            return body
        body += chunk


async def test_the_request_goes_out_as_the_client_made_it() -> None:
    async with serving([answer(b"hello", b"X-Up: 1")]) as server:
        headers = [(b"b", b"1"), (b"a", b"2"), (b"b", b"3"), (b"Via", b"1.1 channels-async")]
        await server.forward("/a%2Fb?c=%25", method="POST", headers=headers, body=b"body")
        assert await server.answer() == (200, {b"x-up": b"1", b"content-length": b"5"}, b"hello")
        [request] = server.upstream.requests
        assert (request.method, request.target, request.body) == (b"POST", b"/a%2Fb?c=%25", b"body")
        assert [pair for pair in request.headers if pair in headers] == headers
        assert request.get(b"Content-Length") == b"4"


async def test_the_upstream_sets_cookies_and_its_redirects_lead_to_the_site() -> None:
    redirect = answer(
        b"", b"Location: /v1/login?next=/", b"Set-Cookie: a=1; Domain=backend", b"Set-Cookie: b=2",
        status=b"302 Found",
    )  # fmt: skip
    async with serving([redirect]) as server:
        source = server.upstream.url("/v1/")
        await server.forward(
            "/v1/x", location=(source, "/api/"), cookie_domain="example.com",
            response_headers=[(b"Set-Cookie", b"ours=3")],
        )  # fmt: skip
        first = await server.part()
        assert first["status"] == 302
        assert [b"location", b"/api/login?next=/"] in first["headers"]
        assert [value for name, value in first["headers"] if name == b"set-cookie"] == [
            b"a=1; Domain=example.com", b"b=2", b"ours=3",
        ]  # fmt: skip
        assert len(server.upstream.requests) == 1


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (b"206 Partial Content", [b"Content-Range: bytes 1-3/9", b"Accept-Ranges: bytes"], b"bcd"),
        (b"304 Not Modified", [b'ETag: "x"'], b""),
        (b"412 Precondition Failed", [], b"no"),
        (b"999 Odd", [], b"odd"),
    ],
)
async def test_statuses_pass(status: bytes, headers: list[bytes], body: bytes) -> None:
    async with serving([answer(body, *headers, status=status)]) as server:
        given = [(b"range", b"bytes=1-3"), (b"if-none-match", b'"x"')]
        await server.forward(headers=given)
        code, found, content = await server.answer()
        assert (code, content) == (int(status[:3]), body)
        for line in headers:
            name, _, value = line.partition(b": ")
            assert found[name.lower()] == value
        request = server.upstream.requests[0]
        assert (request.get(b"range"), request.get(b"if-none-match")) == (b"bytes=1-3", b'"x"')


async def test_head_is_one_message_without_content() -> None:
    async with serving([b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"]) as server:
        await server.forward(method="HEAD", head=True)
        part = await server.part()
        assert (part["status"], part["content"], part["more_content"]) == (200, b"", False)
        assert [b"content-length", b"5000"] in part["headers"]


async def test_an_event_reaches_the_browser_before_the_stream_ends() -> None:
    seen = trio.Event()

    async def events(peer: Any) -> None:
        await peer.read_request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
        await seen.wait()
        await peer.send(b"data: 2\n\n")

    async with serving([events]) as server:
        await server.forward()
        first = await server.part()
        assert (first["content"], first["more_content"]) == (b"data: 1\n\n", True)
        seen.set()
        assert (await server.part())["content"] == b"data: 2\n\n"
        assert not (await server.part())["more_content"]


async def test_a_body_on_a_channel_goes_up_while_it_comes() -> None:
    first = trio.Event()
    bodies = []

    async def listen(peer: Any) -> None:
        await peer.read_head()
        while b"one" not in peer._buffer or b"two" not in peer._buffer:
            await peer.read_some()
        first.set()
        while b"0\r\n\r\n" not in peer._buffer:
            await peer.read_some()
        bodies.append(peer._buffer)
        await peer.send(answer(b"got it"))

    async with serving([listen]) as server:
        await server.forward(method="POST", body=b"one", body_channel=BODY)
        await server.put(b"two")
        await first.wait()
        await server.put(b"three", more=False)
        assert await server.answer() == (200, {b"content-length": b"6"}, b"got it")
        assert bodies == [b"3\r\none\r\n3\r\ntwo\r\n5\r\nthree\r\n0\r\n\r\n"]


async def test_a_body_of_known_length_goes_without_chunks() -> None:
    async with serving([answer(b"got it")]) as server:
        await server.put(b"two, ")
        await server.put(b"three", more=False)
        await server.forward(method="PUT", body_channel=BODY, content_length=10)
        assert (await server.answer())[0] == 200
        [request] = server.upstream.requests
        assert request.body == b"two, three"
        assert request.get(b"Transfer-Encoding") is None


async def test_a_slow_upstream_leaves_the_body_on_the_layer() -> None:
    """What is not taken by the upstream is not taken off the layer: memory does not grow with the body."""
    asked, bodies = trio.Event(), []

    async def slow(peer: Any) -> None:
        await asked.wait()
        bodies.append(await chunked_body(peer))
        await peer.send(answer(b"got it"))

    piece = b"x" * (512 * 1024)
    async with serving([slow]) as server:
        for _ in range(49):
            await server.put(piece)
        await server.put(piece, more=False)
        await server.forward(method="POST", body_channel=BODY)
        await trio.testing.wait_all_tasks_blocked(0.05)
        assert 10 < server.layer.pending(BODY) < 50  # some are in the buffers of the sockets
        asked.set()
        assert (await server.answer())[0] == 200
        assert bodies == [piece * 50]


@pytest.mark.parametrize(
    ("last", "length", "problem"),
    [
        ({"content": b"", "closed": True}, None, b"has gone"),
        ({"content": b"bc", "more_content": False}, 9, b"after 3 of 9 bytes"),
        ({"content": b"b" * 9, "more_content": True}, 9, b"longer than the 9 bytes"),
        ({"content": "text", "more_content": False}, None, b"not bytes"),
        (b"\x91\x01", None, b"could not be read"),
        (b"\xc1", None, b"could not be read"),
    ],
)
async def test_a_body_that_does_not_come_whole_is_no_whole_request(
    last: Any, length: int | None, problem: bytes
) -> None:
    received, over = [], trio.Event()

    async def listen(peer: Any) -> None:
        await peer.read_head()
        while await peer.read_some():
            pass
        received.append(peer._buffer)
        over.set()

    async with serving([listen]) as server:
        await server.put(b"a")
        if isinstance(last, bytes):
            server.layer.put_payload(BODY, last)
        else:
            await server.layer.send(BODY, last)
        await server.forward(method="POST", body_channel=BODY, content_length=length)
        status, _, body = await server.answer()
        assert status == 400
        assert problem in body
        await over.wait()
        assert b"0\r\n\r\n" not in received[0]
        assert len(received[0]) < 9


async def test_an_early_refusal_of_an_upload_is_the_answer() -> None:
    async def refuse(peer: Any) -> None:
        await peer.read_head()
        await peer.send(answer(b"too much", status=b"413 Content Too Large"))

    async with serving([refuse]) as server:
        await server.put(b"begin")
        await server.forward(method="POST", body_channel=BODY)
        status, _, body = await server.answer()
        assert (status, body) == (413, b"too much")


async def test_a_body_that_does_not_come_ends_at_the_deadline() -> None:
    async def listen(peer: Any) -> None:
        await peer.wait_closed()

    async with serving([listen], deadline=0.5) as server:
        await server.forward(method="POST", body_channel=BODY)
        assert (await server.answer())[0] == 504



async def test_an_answer_that_begins_before_the_body_has_ended_reaches_the_browser() -> None:
    async def talk(peer: Any) -> None:
        await peer.read_head()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhave")
        while b"two" not in peer._buffer:
            await peer.read_some()
        await peer.send(b" all")

    async with serving([talk]) as server:
        await server.forward(method="POST", body=b"one", body_channel=BODY)
        first = await server.part()
        assert (first["status"], first["content"]) == (200, b"have")
        await server.put(b"two", more=False)
        assert (await server.part())["content"] == b" all"


async def drop(peer: Any) -> None:
    """Take a request and close."""
    await peer.read_request()


@pytest.mark.parametrize(("method", "idempotent"), [("GET", False), ("POST", True)])
async def test_what_may_be_repeated_is_tried_again_as_often_as_the_view_allows(
    method: str, idempotent: bool
) -> None:
    async with serving([drop], [answer(b"second")]) as server:
        await server.forward(method=method, body=b"body", retries=1, idempotent=idempotent)
        assert (await server.answer())[2] == b"second"
        assert [request.body for request in server.upstream.requests] == [b"body"] * 2


async def test_a_body_that_comes_from_a_channel_is_sent_once() -> None:
    async with serving([drop]) as server:
        await server.put(b"body", more=False)
        await server.forward(
            method="PUT", body_channel=BODY, content_length=4, retries=3, idempotent=True
        )
        assert (await server.answer())[0] == 502
        assert len(server.upstream.requests) == 1


async def test_the_browser_of_an_event_stream_knows_that_it_is_open_before_the_first_event() -> None:
    seen = trio.Event()

    async def events(peer: Any) -> None:
        await peer.read_request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: Text/Event-Stream; charset=utf-8\r\n\r\n")
        await seen.wait()
        await peer.send(b"data: 1\n\n")

    async with serving([events]) as server:
        await server.forward()
        head = await server.part()
        assert (head["status"], head["content"], head["more_content"]) == (200, b"", True)
        seen.set()
        assert (await server.part())["content"] == b"data: 1\n\n"
        assert not (await server.part())["more_content"]


async def test_an_event_stream_that_ends_before_its_first_event_is_one_empty_answer() -> None:
    async def nothing(peer: Any) -> None:
        await peer.read_request()
        await peer.send(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 0\r\n\r\n"
        )

    async with serving([nothing]) as server:
        await server.forward()
        whole = await server.part()
        assert (whole["status"], whole["content"], whole["more_content"]) == (200, b"", False)
