"""What the HTTP client counts of its upstreams: every attempt, by host and by what became of it."""

import pytest
import trio
import trio.testing

from server_trio import errors
from server_trio.http.session import Session
from server_trio.limits import HttpLimits
from tests.http.upstream import answer


def session_of(*says, **limits):
    """Each connection meets the next of `says`: bytes to answer, an error to raise, None for silence."""
    script = list(says)

    async def open_stream(origin):
        says = script.pop(0)
        if isinstance(says, Exception):
            raise says
        ours, theirs = trio.testing.memory_stream_pair()
        if says is None:
            session.silent.append(theirs)
        else:
            await theirs.send_all(says)
            await theirs.send_stream.aclose()
        return ours

    session = Session(HttpLimits(**limits), open_stream=open_stream)
    session.silent = []
    return session


def counted(session):
    return {(host, outcome): number for host, outcome, number, _ in session.upstreams.plain()}


async def ask(session, url="http://memory.example/secret?token=x", **arguments):
    async with session.stream("GET", url, **arguments) as response:
        return response.status


async def test_answers_are_counted_by_the_class_of_their_status():
    statuses = [b"200 OK", b"204 No Content", b"404 Not Found", b"503 Service Unavailable"]
    session = session_of(*(answer(status=status) for status in statuses))
    for _ in statuses:
        await ask(session)
    assert counted(session) == {
        ("memory.example", "2xx"): 2, ("memory.example", "4xx"): 1, ("memory.example", "5xx"): 1,
    }  # fmt: skip


async def test_each_attempt_counts_and_a_redirect_counts_where_it_leads():
    away = answer(b"", b"Location: http://elsewhere.example:8080/", status=b"302 Found")
    session = session_of(away, errors.UpstreamError("refused"), answer(b"here"))
    with pytest.raises(errors.UpstreamError):
        await ask(session)
    assert await ask(session, "http://elsewhere.example:8080/") == 200
    assert counted(session) == {
        ("memory.example", "3xx"): 1,
        ("elsewhere.example:8080", "unreachable"): 1,
        ("elsewhere.example:8080", "2xx"): 1,
    }


@pytest.mark.autojump
@pytest.mark.parametrize("body", [None, b"small", b"large" * 10_000])
async def test_an_upstream_that_is_silent_until_the_deadline_has_timed_out(body):
    session = session_of(None, breaker_failures=1)
    with trio.move_on_after(3):
        await ask(session, body=body)
    assert list(session.statistics().circuits.values()) == ["open"]
    ((host, outcome, number, seconds),) = session.upstreams.plain()
    assert (host, outcome, number) == ("memory.example", "timeout", 1)
    assert seconds == pytest.approx(3)


@pytest.mark.autojump
async def test_a_deadline_further_out_is_a_timeout_too_even_after_others_were_cancelled_by_hand():
    session = session_of(None, None)
    with trio.move_on_after(3):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, session)
            async with trio.open_nursery() as inner:
                inner.start_soon(ask, session)
                await trio.testing.wait_all_tasks_blocked()
                inner.cancel_scope.cancel()
    assert counted(session) == {("memory.example", "timeout"): 1, ("memory.example", "cancelled"): 1}


@pytest.mark.autojump
async def test_what_is_cancelled_by_hand_is_nobodys_timeout():
    session = session_of(None)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask, session)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert counted(session) == {("memory.example", "cancelled"): 1}


async def test_nonsense_is_an_upstream_error():
    session = session_of(b"SSH-2.0-OpenSSH\r\n\r\n")
    with pytest.raises(errors.UpstreamError):
        await ask(session)
    assert counted(session) == {("memory.example", "upstream_error"): 1}
