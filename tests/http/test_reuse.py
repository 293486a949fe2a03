# ruff: noqa: SIM117 (nested blocks show what lives in what)
"""When a connection carries more than one exchange, and what happens when it has died meanwhile."""

import pytest
import trio
import trio.testing

from server_trio import errors
from server_trio.http.session import Session
from server_trio.limits import HttpLimits
from tests.http.upstream import answer, open_memory_upstream, open_upstream, reset, sending

OK = b"HTTP/1.1 200 OK\r\n"


async def get(session, url, method="GET", **arguments):
    async with session.stream(method, url, **arguments) as response:
        return response.status, b"".join([piece async for piece in response])


async def test_exchanges_in_turn_share_a_connection():
    async with open_upstream([answer(b"1"), answer(b"2"), answer(b"3")]) as upstream:
        async with Session(HttpLimits()) as session:
            assert [await get(session, upstream.url()) for _ in range(3)] == [
                (200, b"1"),
                (200, b"2"),
                (200, b"3"),
            ]
            statistics = session.statistics()
            assert (statistics.opened, statistics.reused, statistics.idle, statistics.in_use) == (1, 2, 1, 0)


async def test_a_response_that_came_whole_frees_its_connection_before_it_is_read():
    async with open_upstream([answer(b"1"), answer(b"2")]) as upstream:
        async with Session(HttpLimits(connections_per_origin=1)) as session:
            async with session.stream("GET", upstream.url()) as outer:
                assert await get(session, upstream.url()) == (200, b"2")
                assert [piece async for piece in outer] == [b"1"]


async def test_exchanges_at_once_have_a_connection_each():
    async with open_upstream([OK + b"Content-Length: 1\r\n\r\n"], [answer(b"2")]) as upstream:
        async with Session(HttpLimits()) as session:
            async with session.stream("GET", upstream.url()):
                assert await get(session, upstream.url()) == (200, b"2")
                assert session.statistics().open == 2


async def test_origins_do_not_share_connections():
    async with open_upstream([answer(b"a")]) as one, open_upstream([answer(b"b")]) as other:
        async with Session(HttpLimits()) as session:
            assert await get(session, one.url()) == (200, b"a")
            assert await get(session, other.url()) == (200, b"b")
            assert set(session.statistics().origins) == {one.url("").rstrip("/"), other.url("").rstrip("/")}


@pytest.mark.parametrize(
    "first",
    [
        answer(b"", b"Connection: close"),
        answer(b"", version=b"HTTP/1.0"),
        OK + b"\r\n",
        answer(b"") + b"surplus",
        answer(b"") + answer(b"poison"),
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
async def test_a_connection_that_is_not_safe_to_reuse_is_closed(first):
    async with open_upstream([first], [answer(b"second")]) as upstream, Session(HttpLimits()) as session:
        assert (await get(session, upstream.url()))[0] == 200
        assert session.statistics().open == 0
        assert await get(session, upstream.url()) == (200, b"second")


async def test_bytes_that_come_after_the_response_while_idle_forbid_reuse():
    received, poisoned = trio.Event(), trio.Event()

    async def poison_later(peer):
        await peer.read_request()
        await peer.send(answer(b"first"))
        await received.wait()
        await peer.send(answer(b"poison"))
        poisoned.set()
        await peer.wait_closed()

    async with (
        open_upstream([poison_later], [answer(b"second")]) as upstream,
        Session(HttpLimits()) as session,
    ):
        assert await get(session, upstream.url()) == (200, b"first")
        received.set()
        await poisoned.wait()
        assert await get(session, upstream.url()) == (200, b"second")


async def test_the_callers_connection_close_ends_the_connection():
    async with open_upstream([answer(b"1"), answer(b"never")], [answer(b"2")]) as upstream:
        async with Session(HttpLimits()) as session:
            await get(session, upstream.url(), headers=[(b"Connection", b"close")])
            assert session.statistics().open == 0
            assert await get(session, upstream.url()) == (200, b"2")


async def test_a_response_to_head_keeps_the_connection():
    async with open_upstream([OK + b"Content-Length: 10\r\n\r\n", answer(b"body")]) as upstream:
        async with Session(HttpLimits()) as session:
            assert await get(session, upstream.url(), "HEAD") == (200, b"")
            assert await get(session, upstream.url()) == (200, b"body")


# --- an idle connection that has died -------------------------------------------------------------


@pytest.mark.parametrize("ending", [[], [reset]])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_connection_closed_while_idle_is_replaced_before_anything_is_sent(ending, method):
    async with (
        open_upstream([answer(b"1"), *ending], [answer(b"2")]) as upstream,
        Session(HttpLimits()) as session,
    ):
        assert await get(session, upstream.url()) == (200, b"1")
        await trio.testing.wait_all_tasks_blocked()
        assert await get(session, upstream.url(), method, body=b"x") == (200, b"2")
        assert len(upstream.requests) == 2


async def close_on_the_second_request(peer):
    """Meets the request on its way: the client could not have known."""
    await peer.read_request()
    await peer.send(answer(b"1"))
    await peer.read_request()


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"])
@pytest.mark.parametrize("ending", [[], [reset]])
async def test_a_repeatable_request_that_meets_the_closing_is_sent_again_once(method, ending):
    scripts = [close_on_the_second_request, *ending], [answer(b"")]
    async with open_upstream(*scripts) as upstream, Session(HttpLimits()) as session:
        await get(session, upstream.url("/1"))
        assert (await get(session, upstream.url("/2"), method))[0] == 200
        assert [request.target for request in upstream.requests] == [b"/1", b"/2", b"/2"]


@pytest.mark.parametrize("method", ["POST", "PATCH", "LOCK"])
async def test_a_request_that_may_not_be_repeated_is_not_sent_again(method):
    async with open_upstream([close_on_the_second_request]) as upstream, Session(HttpLimits()) as session:
        await get(session, upstream.url())
        with pytest.raises(errors.UpstreamError, match="without an answer"):
            await get(session, upstream.url(), method)
        assert len(upstream.requests) == 2
        assert session.statistics().origins == {}


async def test_the_second_try_uses_a_new_connection_and_is_the_last():
    async def read_only(peer):
        await peer.read_request()

    scripts = [close_on_the_second_request], [close_on_the_second_request], [read_only]
    async with open_upstream(*scripts) as upstream, Session(HttpLimits()) as session:
        async with trio.open_nursery() as nursery:  # two connections that will die on their second request
            nursery.start_soon(get, session, upstream.url())
            nursery.start_soon(get, session, upstream.url())
        assert session.statistics().idle == 2
        with pytest.raises(errors.UpstreamError, match="without an answer"):
            await get(session, upstream.url())
        assert len(upstream.requests) == 4
        assert session.statistics().idle == 1


async def test_a_connection_that_dies_within_the_answer_is_not_tried_again():
    cut = sending(b"HTTP/1.1 2")
    async with (
        open_upstream([answer(b"1"), cut], [answer(b"2")]) as upstream,
        Session(HttpLimits()) as session,
    ):
        await get(session, upstream.url())
        with pytest.raises(errors.UpstreamTruncated):
            await get(session, upstream.url())


async def test_an_upload_that_meets_the_closing_is_sent_again_whole():
    body = b"x" * (8 * 1024 * 1024)

    async def close_on_the_second_head(peer):
        await peer.read_request()
        await peer.send(answer(b"1"))
        await peer.read_head()

    scripts = [close_on_the_second_head, reset], [answer(b"2")]
    async with open_upstream(*scripts) as upstream, Session(HttpLimits()) as session:
        await get(session, upstream.url())
        assert await get(session, upstream.url(), "PUT", body=body) == (200, b"2")
        assert upstream.requests[-1].body == body


# --- how long, how many ---------------------------------------------------------------------------


@pytest.mark.autojump
async def test_a_connection_idle_for_too_long_is_not_used_again():
    async with open_memory_upstream(
        [answer(b"1"), answer(b"2"), answer(b"stale")], [answer(b"3")]
    ) as upstream:
        async with Session(HttpLimits(idle_timeout=10), open_stream=upstream.open_stream) as session:
            await get(session, upstream.url())
            await trio.sleep(9.9)
            assert await get(session, upstream.url()) == (200, b"2")
            await trio.sleep(10)
            assert await get(session, upstream.url()) == (200, b"3")
            assert session.statistics().opened == 2


@pytest.mark.autojump
@pytest.mark.parametrize(
    ("announced", "kept"),
    [(b"timeout=5", 3.9), (b"max=100, Timeout = 5", 3.9), (b"timeout=600", 14.9), (b"max=3", 14.9)],
)
async def test_the_idle_time_that_the_upstream_announces_is_kept(announced, kept):
    first = answer(b"1", b"Keep-Alive: " + announced)
    async with open_memory_upstream([first, first, answer(b"stale")], [answer(b"3")]) as upstream:
        async with Session(HttpLimits(idle_timeout=15), open_stream=upstream.open_stream) as session:
            await get(session, upstream.url())
            await trio.sleep(kept)
            await get(session, upstream.url())
            assert session.statistics().opened == 1
            await trio.sleep(kept + 0.2)
            await get(session, upstream.url())
            assert session.statistics().opened == 2


async def test_a_connection_that_is_announced_to_close_at_once_is_not_kept():
    async with (
        open_upstream([answer(b"1", b"Keep-Alive: timeout=1")]) as upstream,
        Session(HttpLimits()) as session,
    ):
        await get(session, upstream.url())
        assert session.statistics().open == 0


@pytest.mark.autojump
async def test_expired_connections_are_closed_by_close_expired():
    async with open_memory_upstream([answer(b"1")], [answer(b"2", b"Keep-Alive: timeout=100")]) as upstream:
        async with Session(HttpLimits(idle_timeout=10), open_stream=upstream.open_stream) as session:
            await get(session, "http://a/")
            await trio.sleep(5)
            await get(session, "http://b/")
            await trio.sleep(5)
            await session.close_expired()
            assert set(session.statistics().origins) == {"http://b"}
            await trio.sleep(5)
            await session.close_expired()
            assert session.statistics().origins == {}


async def test_the_connection_used_last_is_used_next():
    told = [trio.Event(), trio.Event()]

    def script(number):
        async def answer_when_told(peer):
            await peer.read_request()
            await told[number].wait()
            await peer.send(answer(b"first"))

        return [answer_when_told, answer(b"%d" % number)]

    async with open_memory_upstream(script(0), script(1)) as upstream:
        async with Session(HttpLimits(), open_stream=upstream.open_stream) as session:
            async with trio.open_nursery() as nursery:
                for _ in told:
                    nursery.start_soon(get, session, upstream.url())
                await trio.testing.wait_all_tasks_blocked()
                for event in told:
                    event.set()
                    await trio.testing.wait_all_tasks_blocked()
            assert session.statistics().idle == 2
            assert await get(session, upstream.url()) == (200, b"1")


@pytest.mark.autojump
async def test_the_longest_idle_connection_makes_room_when_too_many_are_idle():
    scripts = [[answer(b"x")] for _ in range(4)]
    limits = HttpLimits(idle_connections=2)
    async with (
        open_memory_upstream(*scripts) as upstream,
        Session(limits, open_stream=upstream.open_stream) as session,
    ):
        for host in "abc":
            await get(session, f"http://{host}/")
        assert set(session.statistics().origins) == {"http://b", "http://c"}
        assert session.statistics().open == 2


async def test_with_no_idle_connections_allowed_none_is_kept():
    async with open_upstream([answer(b"1")], [answer(b"2")]) as upstream:
        async with Session(HttpLimits(idle_connections=0)) as session:
            await get(session, upstream.url())
            assert session.statistics().open == 0
            assert await get(session, upstream.url()) == (200, b"2")
