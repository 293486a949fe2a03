# ruff: noqa: SIM117 (nested blocks show what lives in what)
"""Places: how many connections an origin gets, who gets the next one, and who gives it back."""

import pytest
import trio
import trio.testing

from server_trio import errors
from server_trio.http.session import Session
from server_trio.http.url import Origin
from server_trio.limits import HttpLimits
from tests.http.upstream import answer, open_memory_upstream, open_upstream, stall, until_closed

OK = b"HTTP/1.1 200 OK\r\n"
HEAD_ONLY = OK + b"Content-Length: 1\r\n\r\n"


async def get(session, url, **arguments):
    async with session.stream("GET", url, **arguments) as response:
        return b"".join([piece async for piece in response])


async def never_read(peer):
    await trio.sleep_forever()


class Gate:
    """A script step that answers when told to, and says how many are waiting to be told."""

    def __init__(self):
        self.waiting = 0
        self.most = 0
        self._open = trio.Event()

    def open(self):
        self._open.set()

    async def __call__(self, peer):
        while await peer.read_request() is not None:
            self.waiting += 1
            self.most = max(self.most, self.waiting)
            await self._open.wait()
            self.waiting -= 1
            await peer.send(answer(b"ok"))


async def test_an_origin_never_has_more_connections_than_places():
    gate = Gate()
    limits = HttpLimits(connections_per_origin=3)
    async with (
        open_memory_upstream(*[[gate]] * 3) as upstream,
        Session(limits, open_stream=upstream.open_stream) as session,
    ):
        async with trio.open_nursery() as nursery:
            for _ in range(10):
                nursery.start_soon(get, session, upstream.url())
            await trio.testing.wait_all_tasks_blocked()
            numbers = session.statistics().origins[upstream.url("").rstrip("/").replace(":80", "")]
            assert (numbers.in_use, numbers.idle, numbers.waiting, numbers.open) == (3, 0, 7, 3)
            gate.open()
        assert gate.most == 3
        statistics = session.statistics()
        assert (statistics.opened, statistics.reused, statistics.in_use, statistics.idle) == (3, 7, 0, 3)


async def test_places_of_one_origin_do_not_delay_another():
    gate = Gate()
    limits = HttpLimits(connections_per_origin=1)
    async with open_memory_upstream([gate], [answer(b"other")]) as upstream:
        async with (
            Session(limits, open_stream=upstream.open_stream) as session,
            trio.open_nursery() as nursery,
        ):
            nursery.start_soon(get, session, "http://busy/")
            await trio.testing.wait_all_tasks_blocked()
            assert await get(session, "http://free/") == b"other"
            gate.open()


async def test_places_are_given_in_the_order_of_asking():
    limits = HttpLimits(connections_per_origin=1)
    async with open_memory_upstream([answer(b"ok")] * 6) as upstream:
        async with Session(limits, open_stream=upstream.open_stream) as session:
            async with trio.open_nursery() as nursery:
                for number in range(6):
                    nursery.start_soon(get, session, upstream.url(f"/{number}"))
                    await trio.testing.wait_all_tasks_blocked()
    assert [request.target for request in upstream.requests] == [b"/%d" % number for number in range(6)]


async def test_a_waiter_that_is_cancelled_leaves_the_queue_and_the_next_one_gets_the_place():
    gate = Gate()
    limits = HttpLimits(connections_per_origin=1)
    async with (
        open_memory_upstream([gate]) as upstream,
        Session(limits, open_stream=upstream.open_stream) as session,
    ):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(get, session, upstream.url("/first"))
            await trio.testing.wait_all_tasks_blocked()
            scope = trio.CancelScope()

            async def impatient():
                with scope:
                    await get(session, upstream.url("/cancelled"))

            nursery.start_soon(impatient)
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(get, session, upstream.url("/third"))
            await trio.testing.wait_all_tasks_blocked()
            scope.cancel()
            gate.open()
    assert [request.target for request in upstream.requests] == [b"/first", b"/third"]


@pytest.mark.parametrize("moment", ["connecting", "waiting for the head", "reading the body"])
async def test_a_cancelled_exchange_gives_its_place_to_the_next(moment):
    connecting = 0

    async def open_stream(origin):
        nonlocal connecting
        connecting += 1
        if moment == "connecting" and connecting == 1:
            await trio.sleep_forever()
        return await upstream.open_stream(origin)

    async def half(peer):
        await peer.read_request()
        await peer.send(HEAD_ONLY)
        await peer.wait_closed()

    first = {"connecting": [], "waiting for the head": [[stall]], "reading the body": [[half]]}[moment]
    limits = HttpLimits(connections_per_origin=1)
    async with open_memory_upstream(*first, [answer(b"next")]) as upstream:
        async with Session(limits, open_stream=open_stream) as session:
            async with trio.open_nursery() as nursery:
                scope = trio.CancelScope()

                async def cancelled():
                    with scope:
                        await get(session, upstream.url())

                nursery.start_soon(cancelled)
                await trio.testing.wait_all_tasks_blocked()
                scope.cancel()
                assert await get(session, upstream.url()) == b"next"
            assert session.statistics().in_use == 0


async def test_a_failed_connection_gives_its_place_to_the_next():
    fail = True

    async def open_stream(origin):
        nonlocal fail
        if fail:
            fail = False
            raise errors.UpstreamError("refused")
        return await upstream.open_stream(origin)

    limits = HttpLimits(connections_per_origin=1)
    async with (
        open_memory_upstream([answer(b"ok")]) as upstream,
        Session(limits, open_stream=open_stream) as session,
    ):
        with pytest.raises(errors.UpstreamError, match="refused"):
            await get(session, upstream.url())
        assert session.statistics().origins == {}
        assert await get(session, upstream.url()) == b"ok"


async def test_a_failed_second_try_gives_its_place_back():
    refuse = False

    async def open_stream(origin):
        if refuse:
            raise errors.UpstreamError("refused")
        return await upstream.open_stream(origin)

    async with open_memory_upstream([answer(b"ok")]) as upstream:
        async with Session(HttpLimits(), open_stream=open_stream) as session:
            await get(session, upstream.url())
            refuse = True
            with pytest.raises(errors.UpstreamError, match="refused"):
                await get(session, upstream.url())
            assert session.statistics().origins == {}


async def test_the_opener_is_told_the_origin():
    told = []

    async def open_stream(origin):
        told.append(origin)
        raise errors.UpstreamError("no")

    async with Session(HttpLimits(), open_stream=open_stream) as session:
        for url in ("http://Host/a", "https://user:pw@host:8443/b", "https://[::1]"):
            with pytest.raises(errors.UpstreamError):
                await get(session, url)
    assert told == [Origin("http", "host", 80), Origin("https", "host", 8443), Origin("https", "::1", 443)]


async def test_origins_are_forgotten_when_nothing_is_left_of_them():
    async with open_memory_upstream(*[[answer(b"", b"Connection: close")]] * 50) as upstream:
        async with Session(HttpLimits(), open_stream=upstream.open_stream) as session:
            for number in range(50):
                await get(session, f"http://host{number}/")
            assert session.statistics().origins == {}


# --- time -----------------------------------------------------------------------------------------


@pytest.mark.autojump
async def test_connecting_has_its_own_bound():
    async def open_stream(origin):
        await trio.sleep_forever()

    async with Session(HttpLimits(connect_timeout=3), open_stream=open_stream) as session:
        started = trio.current_time()
        with pytest.raises(errors.UpstreamTimeout, match=r"slow\.example: no connection within 3 seconds"):
            await get(session, "http://slow.example/")
        assert trio.current_time() - started == pytest.approx(3)
        assert session.statistics().origins == {}


@pytest.mark.autojump
async def test_waiting_for_an_answer_has_no_bound_but_the_callers():
    async def patient(peer):
        await peer.read_request()
        await trio.sleep(1000)
        await peer.send(answer(b"late"))

    async with open_memory_upstream([patient], [stall]) as upstream:
        async with Session(HttpLimits(), open_stream=upstream.open_stream) as session:
            with trio.fail_after(1001):
                assert await get(session, upstream.url(), headers=[(b"Connection", b"close")]) == b"late"
            started = trio.current_time()
            with pytest.raises(trio.TooSlowError), trio.fail_after(5):
                await get(session, upstream.url())
            assert trio.current_time() - started == pytest.approx(5)
            assert session.statistics().origins == {}


# --- the end --------------------------------------------------------------------------------------


async def test_aclose_closes_idle_connections_and_those_in_use():
    async def half(peer):
        await peer.read_request()
        await peer.send(HEAD_ONLY)
        await peer.wait_closed()

    async with open_upstream([half], [answer(b"1"), until_closed]) as upstream:
        session = Session(HttpLimits())
        async with trio.open_nursery() as nursery:

            async def use():
                async with session.stream("GET", upstream.url("/in-use")) as response:
                    with pytest.raises(errors.ShuttingDown):
                        async for _ in response:
                            pass

            nursery.start_soon(use)
            await trio.testing.wait_all_tasks_blocked()
            await get(session, upstream.url("/idle"))
            statistics = session.statistics()
            assert (statistics.in_use, statistics.idle) == (1, 1)
            await session.aclose()
        assert session.statistics().origins == {}
        for peer in upstream.connections:
            await peer.ended.wait()


async def test_closing_the_session_ends_an_upload_with_one_error():
    async with open_upstream([never_read]) as upstream:
        session = Session(HttpLimits())
        async with trio.open_nursery() as nursery:

            async def upload():
                with pytest.raises(errors.ShuttingDown):
                    await get(session, upstream.url(), body=b"x" * (64 * 1024 * 1024))

            nursery.start_soon(upload)
            await trio.testing.wait_all_tasks_blocked()
            await session.aclose()
        assert session.statistics().origins == {}


async def test_a_closed_session_refuses_requests_and_those_that_wait_for_a_place():
    limits = HttpLimits(connections_per_origin=1)
    refused = []
    async with open_memory_upstream([stall]) as upstream:
        session = Session(limits, open_stream=upstream.open_stream)

        async def ask():
            try:
                await get(session, upstream.url())
            except errors.ShuttingDown as exc:
                refused.append(exc)

        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(ask)
            await trio.testing.wait_all_tasks_blocked()
            await session.aclose()
        await ask()
        assert len(refused) == 4
        assert session.statistics().origins == {}
        await session.aclose()


async def test_a_connection_that_is_there_only_after_the_session_closed_is_not_used():
    async def open_stream(origin):
        await session.aclose()
        return await upstream.open_stream(origin)

    async with open_memory_upstream([answer(b"never"), until_closed]) as upstream:
        session = Session(HttpLimits(), open_stream=open_stream)
        with pytest.raises(errors.ShuttingDown):
            await get(session, upstream.url())
        assert session.statistics().origins == {}
        await trio.testing.wait_all_tasks_blocked()
        assert upstream.requests == []


async def test_a_connection_in_use_when_the_session_closes_is_not_kept():
    async with open_memory_upstream([HEAD_ONLY]) as upstream:
        session = Session(HttpLimits(), open_stream=upstream.open_stream)
        async with session.stream("GET", upstream.url()):
            await session.aclose()
        assert session.statistics().open == 0


async def test_the_statistics_are_a_snapshot_that_cannot_be_changed():
    async with Session(HttpLimits()) as session:
        with pytest.raises(AttributeError):
            session.statistics().opened = 1
