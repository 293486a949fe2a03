# ruff: noqa: SIM117 (nested blocks show what lives in what)
"""Trying again: the pauses, the deadline, what is never sent twice. What is repeated: cases/retries.py."""

import pytest
import trio

from channels_async import retry_rules
from server_trio import errors
from server_trio.http.session import Session
from server_trio.limits import HttpLimits
from tests.http.upstream import answer, open_memory_upstream, open_upstream

BUSY = answer(b"busy", status=b"503 Busy")


async def ask(upstream, **arguments):
    async with Session(HttpLimits(), open_stream=upstream.open_stream) as session:
        async with session.stream("GET", upstream.url(), **arguments) as response:
            return response.status, b"".join([piece async for piece in response])


@pytest.mark.autojump
async def test_pauses_grow_and_are_not_the_same_for_all():
    async with open_memory_upstream([BUSY] * 6) as upstream:
        begun = trio.current_time()
        assert await ask(upstream, retries=5) == (503, b"busy")
        longest = sum(retry_rules.FIRST_PAUSE * 2**number for number in range(5))
        assert longest / 2 <= trio.current_time() - begun <= longest
        assert len(upstream.requests) == 6


@pytest.mark.autojump
async def test_the_pause_that_the_upstream_asks_for_is_kept():
    slow = answer(b"", b"Retry-After: 7", status=b"503 Busy")
    async with open_memory_upstream([slow, answer(b"ok")]) as upstream:
        begun = trio.current_time()
        assert await ask(upstream, retries=1) == (200, b"ok")
        assert 7 <= trio.current_time() - begun < 7.2


@pytest.mark.autojump
async def test_there_is_no_repetition_that_could_not_be_answered_in_time():
    slow = answer(b"busy", b"Retry-After: 7", status=b"503 Busy")
    async with open_memory_upstream([slow]) as upstream:
        with trio.fail_after(6.9):
            assert await ask(upstream, retries=1) == (503, b"busy")


@pytest.mark.autojump
async def test_a_connection_that_does_not_come_about_is_tried_again():
    tries = []

    async with open_memory_upstream([answer(b"ok")]) as upstream:

        async def fails_twice(origin):
            tries.append(origin)
            if len(tries) == 1:
                raise errors.UpstreamError("h: cannot connect")
            if len(tries) == 2:
                await trio.sleep_forever()
            return await upstream.open_stream(origin)

        async with Session(HttpLimits(connect_timeout=5), open_stream=fails_twice) as session:
            async with session.stream("GET", upstream.url(), retries=2) as response:
                assert response.status == 200
    assert len(tries) == 3


async def test_a_body_of_pieces_is_sent_once():
    async def pieces():
        yield b"one"

    async with open_upstream([BUSY]) as upstream, Session(HttpLimits()) as session:
        async with session.stream(
            "PUT", upstream.url(), body=pieces(), content_length=3, retries=3, idempotent=True
        ) as response:
            assert response.status == 503
        assert len(upstream.requests) == 1


async def test_the_connection_of_an_answer_that_is_not_wanted_is_used_again():
    async with open_upstream([BUSY, answer(b"ok")]) as upstream, Session(HttpLimits()) as session:
        async with session.stream("GET", upstream.url(), retries=1) as response:
            assert response.status == 200
        assert session.statistics().opened == 1


@pytest.mark.autojump
async def test_cancellation_in_a_pause_leaves_nothing_behind():
    async with open_memory_upstream([answer(b"", b"Retry-After: 7", status=b"503 Busy")]) as upstream:
        async with Session(HttpLimits(), open_stream=upstream.open_stream) as session:
            with trio.CancelScope() as scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(cancel_later, scope)
                    async with session.stream("GET", upstream.url(), retries=1):
                        raise AssertionError("answered")
            assert session.statistics().in_use == 0


async def cancel_later(scope):
    await trio.sleep(3)
    scope.cancel()


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (b"5", 5.0), (b" 0 ", 0.0), (b"Thu, 01 Jan 1970 00:02:00 GMT", 20.0), (b"-1", None), (b"", None),
        (b"Thu, 01 Jan 1970 00:00:00 GMT", 0.0), (b"soon", None), (b"9" * 30, None), (b"1.5", None),
    ],
)  # fmt: skip
def test_retry_after_is_seconds_or_a_date(value, seconds):
    assert retry_rules.retry_after([(b"X", b"1"), (b"Retry-After", value)], now=100.0) == seconds


def test_no_pause_is_endless():
    assert retry_rules.pause(10_000, 1.0, float("inf")) == retry_rules.LONGEST_PAUSE
