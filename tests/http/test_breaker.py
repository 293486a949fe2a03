# ruff: noqa: SIM117 (nested blocks show what lives in what)
"""The circuit breaker: when an upstream is left alone, for how long, and how it comes back."""

import contextlib
import math

import pytest
import trio
import trio.testing

from server_trio import errors
from server_trio.http import breaker
from server_trio.http.session import Session
from server_trio.limits import HttpLimits
from tests.http.upstream import answer, open_memory_upstream

LIMITS = HttpLimits(breaker_failures=3, breaker_open=10.0)
BAD = answer(b"no", status=b"502 Bad Gateway")
URL = "http://memory.example/"


class World:
    """An upstream that answers what `says` holds: bytes, an exception to raise, or None to say nothing."""

    def __init__(self, session, says):
        self.session = session
        self.says = says
        self.asked = 0

    async def ask(self, url=URL, **arguments):
        async with self.session.stream("GET", url, **arguments) as response:
            return response.status


def open_stream_of(world):
    async def open_stream(origin):
        world.asked += 1
        if isinstance(world.says, Exception):
            raise world.says
        if world.says is None:
            await trio.sleep_forever()
        ours, theirs = trio.testing.memory_stream_pair()
        await theirs.send_all(world.says)
        await theirs.send_stream.aclose()
        return ours

    return open_stream


def world_of(says, limits=LIMITS):
    world = World(None, says)
    world.session = Session(limits, open_stream=open_stream_of(world))
    return world


async def fail(world, times=3):
    for _ in range(times):
        if isinstance(world.says, bytes):
            await world.ask()
        else:
            with pytest.raises(errors.UpstreamError):
                await world.ask()


REFUSED = errors.UpstreamError("memory.example: cannot connect: Connection refused")


@pytest.mark.autojump
@pytest.mark.parametrize("says", [BAD, REFUSED, b"HTTP/1.1 200 O"])
async def test_it_opens_after_failures_in_a_row_and_answers_at_once(says):
    world = world_of(says)
    for _ in range(3):
        with contextlib.suppress(errors.UpstreamError):
            await world.ask()
    assert world.session.statistics().circuits == {"http://memory.example": "open"}
    await trio.sleep(2.5)
    with pytest.raises(errors.CircuitOpen, match=r"memory\.example: it has failed 3 times") as refused:
        await world.ask()
    assert (refused.value.status, refused.value.retry_after) == (503, 7.5)
    assert world.asked == 3


@pytest.mark.autojump
async def test_a_probe_that_succeeds_closes_it():
    world = world_of(REFUSED)
    await fail(world)
    await trio.sleep(10)
    world.says = answer(b"ok")
    assert await world.ask() == 200
    assert world.session.statistics().circuits == {}
    world.says = REFUSED
    await fail(world, 2)
    assert world.session.statistics().circuits == {}


@pytest.mark.autojump
async def test_a_probe_that_fails_opens_it_again():
    world = world_of(REFUSED)
    await fail(world)
    await trio.sleep(10)
    await fail(world, 1)
    with pytest.raises(errors.CircuitOpen) as refused:
        await world.ask()
    assert refused.value.retry_after == 10
    assert world.asked == 4


@pytest.mark.autojump
async def test_one_probe_is_out_at_a_time():
    world = world_of(REFUSED)
    await fail(world)
    await trio.sleep(10)
    world.says = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.ask)
        await trio.testing.wait_all_tasks_blocked()
        assert world.session.statistics().circuits == {"http://memory.example": "half-open"}
        with pytest.raises(errors.CircuitOpen) as refused:
            await world.ask()
        assert refused.value.retry_after == 1
        nursery.cancel_scope.cancel()
    assert world.asked == 4
    # What was cancelled by hand has told nothing; the next one is a probe.
    world.says = answer(b"ok")
    assert await world.ask() == 200
    assert world.session.statistics().circuits == {}


@pytest.mark.autojump
async def test_a_deadline_that_passes_is_a_failure_and_a_cancellation_by_hand_is_none():
    world = world_of(None)
    for _ in range(3):
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(world.ask)
                await trio.testing.wait_all_tasks_blocked()
                scope.cancel()
    assert world.session.statistics().circuits == {}
    for _ in range(3):
        with trio.move_on_after(5):
            await world.ask()
    assert world.session.statistics().circuits == {"http://memory.example": "open"}


@pytest.mark.autojump
async def test_a_connection_that_takes_too_long_is_a_failure():
    world = world_of(None)
    for _ in range(3):
        with pytest.raises(errors.UpstreamTimeout):
            await world.ask()
    with pytest.raises(errors.CircuitOpen):
        await world.ask()


@pytest.mark.parametrize("status", [b"200 OK", b"404 Not Found", b"500 Broken", b"429 Slow Down"])
async def test_any_other_answer_starts_the_count_anew(status):
    world = world_of(REFUSED)
    for _ in range(3):
        await fail(world, 2)
        world.says = answer(b"x", status=status)
        assert await world.ask() == int(status[:3])
        world.says = REFUSED
    assert world.session.statistics().circuits == {}


async def test_it_is_off_unless_it_is_set():
    world = world_of(REFUSED, HttpLimits())
    await fail(world, 50)
    assert world.asked == 50


async def test_origins_do_not_answer_for_each_other():
    world = world_of(REFUSED)
    await fail(world)
    world.says = answer(b"ok")
    assert await world.ask("http://memory.example:81/") == 200
    with pytest.raises(errors.CircuitOpen):
        await world.ask()


async def test_repetitions_count_and_an_open_circuit_is_not_tried_again():
    world = world_of(REFUSED)
    with pytest.raises(errors.CircuitOpen):
        await world.ask(retries=10)
    assert world.asked == 3


async def test_no_more_origins_are_kept_than_allowed(monkeypatch):
    monkeypatch.setattr(breaker, "MOST_CIRCUITS", 2)
    world = world_of(REFUSED)
    for host in "abc":
        for _ in range(3):
            with pytest.raises(errors.UpstreamError):
                await world.ask(f"http://{host}/")
    assert set(world.session.statistics().circuits) == {"http://b", "http://c"}


@pytest.mark.autojump
async def test_a_redirect_to_a_circuit_that_is_open_is_not_followed():
    world = world_of(REFUSED)
    await fail(world)
    world.says = answer(b"", b"Location: " + URL.encode(), status=b"302 Found")
    with pytest.raises(errors.CircuitOpen):
        await world.ask("http://other.example/")


# --- places: the other way to wait for an upstream ------------------------------------------------


@pytest.mark.autojump
async def test_who_waits_for_a_place_until_the_deadline_is_told_so():
    async def never(peer):
        await peer.read_request()
        await trio.sleep(math.inf)

    limits = HttpLimits(connections_per_origin=1, breaker_failures=1)
    async with open_memory_upstream([never]) as upstream:
        async with (
            Session(limits, open_stream=upstream.open_stream) as session,
            trio.open_nursery() as nursery,
        ):
            nursery.start_soon(hold, session, upstream.url())
            await trio.testing.wait_all_tasks_blocked()
            with trio.fail_after(5), pytest.raises(errors.BudgetSpent, match="all 1 connections") as told:
                await hold(session, upstream.url())
            assert "nothing was sent" in str(told.value)
            assert session.statistics().circuits == {}  # it was not the upstream
            nursery.cancel_scope.cancel()


async def hold(session, url):
    async with session.stream("GET", url):
        raise AssertionError("answered")
