# ruff: noqa: SIM117 (nested blocks show what lives in what)
"""A small response in one go: `Response.take_whole`, and what it leaves to iterating."""

import pytest
import trio

from server_trio.http.session import Session
from server_trio.limits import HttpLimits
from tests.http.upstream import answer, open_upstream, stall

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"


@pytest.mark.parametrize("body", [b"hello", b""])
async def test_what_came_with_its_head_is_taken_at_once_and_leaves_nothing(body):
    async with open_upstream([answer(body)]) as upstream, Session(HttpLimits()) as session:
        async with session.stream("GET", upstream.url()) as response:
            assert response.take_whole() == body
            assert response.complete
            assert [piece async for piece in response] == []
            assert session.statistics().idle == 1


async def test_what_has_not_come_whole_is_left_to_iterating():
    more = trio.Event()

    async def slowly(peer):
        await peer.read_request()
        await peer.send(HEAD + b"first")
        await more.wait()
        await peer.send(b"other")

    async with open_upstream([slowly]) as upstream, Session(HttpLimits()) as session:
        async with session.stream("GET", upstream.url()) as response:
            assert response.take_whole() is None
            more.set()
            assert b"".join([piece async for piece in response]) == b"firstother"
            assert response.take_whole() == b""


@pytest.mark.parametrize("part", [b"", b"first"])
async def test_what_was_left_unread_is_no_whole_response(part):
    async with open_upstream([HEAD + part, stall]) as upstream, Session(HttpLimits()) as session:
        async with session.stream("GET", upstream.url()) as response:
            pass
        assert response.take_whole() is None
        with pytest.raises(trio.ClosedResourceError):
            await anext(response)
        assert not response.complete
