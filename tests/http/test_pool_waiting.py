# ruff: noqa: SIM117 (nested blocks show what lives in what)
"""Waiting for a connection: operations do so in a bounded number, so that a slow upstream leaves places."""

import pytest
import trio
import trio.testing

from server_trio import errors
from server_trio.http.session import Session
from server_trio.limits import HttpLimits
from server_trio.resolving import resolve
from tests.http.test_pool import Gate, get
from tests.http.upstream import open_memory_upstream


@pytest.mark.parametrize("room", [0, 2])
async def test_so_many_operations_wait_for_an_origin_and_no_more(room):
    gate, refused = Gate(), []
    limits = HttpLimits(connections_per_origin=1, waiting_per_origin=room)

    async def operate(session):
        try:
            async with session.stream("GET", upstream.url(), as_operation=True) as response:
                return b"".join([piece async for piece in response])
        except errors.TooManyWaiting as error:
            refused.append(error)

    async with (
        open_memory_upstream([gate]) as upstream,
        Session(limits, open_stream=upstream.open_stream) as session,
    ):
        async with trio.open_nursery() as nursery:
            for _ in range(6):
                nursery.start_soon(operate, session)
            await trio.testing.wait_all_tasks_blocked()
            assert len(refused) == 6 - 1 - room
            assert {(error.status, error.retry_after) for error in refused} == {(503, 1.0)}
            gate.open()
        refused.clear()
        await operate(session)  # the room is free again
        assert refused == []


async def test_the_requests_of_one_function_wait_however_many_they_are():
    gate = Gate()
    limits = HttpLimits(connections_per_origin=1, waiting_per_origin=0)
    async with (
        open_memory_upstream([gate]) as upstream,
        Session(limits, open_stream=upstream.open_stream) as session,
    ):
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(get, session, upstream.url())
            await trio.testing.wait_all_tasks_blocked()
            gate.open()


async def test_an_operation_that_stops_waiting_makes_room():
    limits = HttpLimits(connections_per_origin=1, waiting_per_origin=1)
    async with (
        open_memory_upstream([Gate()]) as upstream,
        Session(limits, open_stream=upstream.open_stream) as session,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(get, session, upstream.url())
        await trio.testing.wait_all_tasks_blocked()
        for _ in range(3):
            with trio.CancelScope() as scope:
                nursery.start_soon(cancel_when_all_wait, scope)
                async with session.stream("GET", upstream.url(), as_operation=True):
                    raise AssertionError("there is no second place")
            assert scope.cancelled_caught
        nursery.cancel_scope.cancel()


async def cancel_when_all_wait(scope):
    await trio.testing.wait_all_tasks_blocked()
    scope.cancel()


@pytest.mark.parametrize(
    ("per_host", "total", "room"),
    [(100, 1000, 400), (10, 1000, 40), (8, 20, 6), (20, 20, None), (100, 20, None)],
)
def test_how_many_may_wait(per_host, total, room):
    settings = resolve({"CONCURRENCY": {"per_host": per_host, "total": total}}, {}, {})
    assert settings.http_limits().waiting_per_origin == room
