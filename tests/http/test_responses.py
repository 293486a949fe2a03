# ruff: noqa: SIM117 (nested blocks show what lives in what)
"""One request, one response: what a caller of Session.stream sees, over real sockets."""

import pytest
import trio
import trio.testing

from server_trio import errors
from server_trio.http.session import InvalidRequest, Session
from server_trio.limits import HttpLimits
from tests.http.upstream import (
    answer,
    open_memory_upstream,
    open_upstream,
    reset,
    sending,
    stall,
    until_closed,
)

OK = b"HTTP/1.1 200 OK\r\n"


async def pieces_of(response):
    return [piece async for piece in response]


async def body_of(response):
    return b"".join(await pieces_of(response))


async def fetch(*script, method="GET", target="/", limits=None, **arguments):
    """Response and body of one request to an upstream that plays `script`."""
    async with open_upstream(list(script)) as upstream, Session(limits or HttpLimits()) as session:
        async with session.stream(method, upstream.url(target), **arguments) as response:
            body = await body_of(response)
            assert response.complete
            return response, body, upstream.requests[0]


async def test_a_response_has_status_reason_headers_and_body_as_sent():
    response, body, request = await fetch(
        answer(
            b"\x1f\x8b raw",
            b"Link: a",
            b"X-L: \xe9",
            b"link: b",
            b"Content-Encoding: gzip",
            status=b"203 N\xefce",
        ),
        target="/a?b",
    )
    assert (response.status, response.reason, body) == (203, b"N\xefce", b"\x1f\x8b raw")
    assert response.headers[:4] == [
        (b"Link", b"a"),
        (b"X-L", b"\xe9"),
        (b"link", b"b"),
        (b"Content-Encoding", b"gzip"),
    ]
    assert response.url.endswith("/a?b")
    assert response.redirects == 0
    assert request.target == b"/a?b"


async def test_a_body_that_came_with_its_head_is_one_piece_and_then_complete():
    async with open_upstream([answer(b"hello")]) as upstream, Session(HttpLimits()) as session:
        async with session.stream("GET", upstream.url()) as response:
            assert not response.complete
            async for piece in response:
                assert piece == b"hello"
                assert response.complete


async def test_a_response_without_body_is_complete_before_it_is_read():
    async with open_upstream([answer(b"")]) as upstream, Session(HttpLimits()) as session:
        async with session.stream("GET", upstream.url()) as response:
            assert response.complete
            assert await pieces_of(response) == []


async def test_a_body_is_given_out_as_it_comes():
    said = [trio.Event(), trio.Event()]

    async def slowly(peer):
        await peer.read_request()
        await peer.send(OK + b"Content-Length: 9\r\n\r\none")
        await said[0].wait()
        await peer.send(b"two")
        await said[1].wait()
        await peer.send(b"tri")

    async with open_upstream([slowly]) as upstream, Session(HttpLimits()) as session:
        async with session.stream("GET", upstream.url()) as response:
            seen = []
            async for piece in response:
                seen.append((piece, response.complete))
                if len(seen) <= len(said):
                    said[len(seen) - 1].set()
    assert seen == [(b"one", False), (b"two", False), (b"tri", True)]


@pytest.mark.parametrize(
    ("response", "body"),
    [
        (
            OK + b"Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: x\r\n\r\n",
            b"abcde",
        ),
        (OK + b"\r\nuntil the end", b"until the end"),
        (b"HTTP/1.0 200 OK\r\n\r\nold", b"old"),
        (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + answer(b"ok"), b"ok"),
    ],
)
async def test_every_framing_of_a_body_is_understood(response, body):
    assert (await fetch(response))[1] == body


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
async def test_statuses_without_body_have_none(status):
    response, body, _ = await fetch(b"HTTP/1.1 " + status + b"\r\nContent-Length: 10\r\n\r\n")
    assert (response.status, body) == (int(status[:3]), b"")


async def test_a_response_to_head_keeps_its_length_and_has_no_body():
    response, body, _ = await fetch(OK + b"Content-Length: 10\r\n\r\n", method="HEAD")
    assert response.headers == [(b"Content-Length", b"10")]
    assert body == b""


async def test_pieces_of_one_segment_each_make_the_same_response():
    data = OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    _, body, _ = await fetch(sending(*(data[i : i + 1] for i in range(len(data)))))
    assert body == b"abc"


async def test_a_body_larger_than_what_is_received_at_once_comes_whole_in_bounded_pieces():
    big = bytes(range(256)) * 8192  # 2 MiB
    async with open_upstream([answer(big)]) as upstream, Session(HttpLimits()) as session:
        async with session.stream("GET", upstream.url()) as response:
            pieces = await pieces_of(response)
    assert b"".join(pieces) == big
    assert max(map(len, pieces)) <= 256 * 1024


# --- requests on the wire -------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 32 * 1024, 32 * 1024 + 1, 3 * 1024 * 1024])
async def test_a_body_of_any_size_is_sent_whole(size):
    body = b"x" * size
    response, _, request = await fetch(answer(b"thanks"), method="POST", body=body)
    assert request.body == body
    assert response.status == 200


async def test_form_query_cookies_and_auth_go_out():
    _, _, request = await fetch(
        answer(), method="POST", data=[("a", "é")], params=[("q", "1")], cookies=[("c", "d")], auth=("u", "p")
    )
    assert (request.target, request.body) == (b"/?q=1", b"a=%C3%A9")
    assert (request.get(b"Cookie"), request.get(b"Authorization")) == (b"c=d", b"Basic dTpw")


@pytest.mark.parametrize("url", ["ftp://127.0.0.1:1/", "/relative", "http://a b/"])
async def test_an_invalid_request_connects_to_nothing(url):
    async def never(origin):
        raise AssertionError("connected")

    async with Session(HttpLimits(), open_stream=never) as session:
        with pytest.raises(InvalidRequest):
            async with session.stream("GET", url):
                pass
        assert session.statistics().origins == {}


async def test_asks_own_methods_say_that_they_are_not_supported():
    async with Session(HttpLimits()) as session:
        with pytest.raises(NotImplementedError, match="stream"):
            await session.get("http://127.0.0.1:1/")


# --- uploads that are answered early --------------------------------------------------------------

BIG = b"x" * (64 * 1024 * 1024)


async def test_an_early_refusal_of_an_upload_is_read_and_the_sending_ends():
    async def refuse(peer):
        await peer.read_head()
        await peer.send(answer(b"too much", status=b"413 Content Too Large"))
        await peer.wait_closed()

    async with open_upstream([refuse], [answer()]) as upstream, Session(HttpLimits()) as session:
        async with session.stream("POST", upstream.url(), body=BIG) as response:
            assert response.status == 413
            assert await body_of(response) == b"too much"
        assert session.statistics().open == 0
        async with session.stream("GET", upstream.url()) as response:
            assert response.status == 200


async def test_an_upstream_that_answers_an_upload_early_and_stops_reading_is_read():
    async def refuse_and_stall(peer):
        await peer.read_head()
        await peer.send(answer(b"no", status=b"401 Unauthorized"))
        await trio.sleep_forever()

    async with open_upstream([refuse_and_stall]) as upstream, Session(HttpLimits()) as session:
        async with session.stream("PUT", upstream.url(), body=BIG) as response:
            assert (response.status, await body_of(response)) == (401, b"no")


async def test_an_early_success_lets_the_upload_go_on():
    async def echo_length(peer):
        head = await peer.read_head()
        await peer.send(OK + b"Content-Length: 8\r\n\r\n")
        received = len(peer._buffer)
        while received < len(BIG):
            received += len(await peer.stream.receive_some())
        await peer.send(b"%08d" % received)
        assert b"Content-Length" in head

    async with open_upstream([echo_length]) as upstream, Session(HttpLimits()) as session:
        async with session.stream("POST", upstream.url(), body=BIG) as response:
            body = await body_of(response)
    assert int(body) == len(BIG)


async def test_an_answer_to_a_request_that_could_not_be_sent_whole_is_read():
    async def answer_and_close(peer):
        await peer.read_head()
        await peer.send(answer(b"no", status=b"400 Bad Request"))
        await peer.stream.send_eof()
        await peer.wait_closed()

    async with open_upstream([answer_and_close]) as upstream, Session(HttpLimits()) as session:
        async with session.stream("POST", upstream.url(), body=BIG) as response:
            assert (response.status, await body_of(response)) == (400, b"no")


async def test_a_connection_over_which_a_request_was_not_sent_whole_is_not_kept():
    async def deaf(peer):
        await peer.stream.receive_stream.aclose()
        await peer.send(answer(b"ok"))
        await trio.sleep_forever()

    async with open_memory_upstream([deaf]) as upstream:
        async with Session(HttpLimits(), open_stream=upstream.open_stream) as session:
            async with session.stream("POST", upstream.url(), body=b"x" * 100) as response:
                assert await body_of(response) == b"ok"
            assert session.statistics().open == 0


# --- failures -------------------------------------------------------------------------------------


async def failure_of(*script, limits=None, method="GET", **arguments):
    async with open_upstream(list(script)) as upstream, Session(limits or HttpLimits()) as session:
        with pytest.raises(errors.OperationError) as failed:
            async with session.stream(method, upstream.url(), **arguments) as response:
                await body_of(response)
        assert session.statistics().origins == {}
        assert f"127.0.0.1:{upstream.port}" in str(failed.value)
        return failed.value


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("ending", [[], [reset]])
async def test_a_connection_closed_without_an_answer_is_an_upstream_error(method, ending):
    async def only_read(peer):
        await peer.read_request()

    failure = await failure_of(only_read, *ending, method=method)
    assert failure.status == 502
    assert "without an answer" in str(failure)


async def test_garbage_is_an_upstream_error():
    assert "not a valid HTTP response" in str(await failure_of(b"SSH-2.0-OpenSSH\r\n"))


@pytest.mark.parametrize("ending", [[], [reset]])
@pytest.mark.parametrize(
    "response",
    [
        b"HTTP/1.1 200 O",
        OK + b"Content-Length: 10\r\n\r\nhello",
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ],
)
async def test_a_response_that_ends_early_is_truncated(response, ending):
    assert type(await failure_of(response, *ending)) is errors.UpstreamTruncated


async def test_what_came_before_the_truncation_is_given_out_first():
    cut = sending(OK + b"Content-Length: 10\r\n\r\nhello")
    async with open_upstream([cut]) as upstream, Session(HttpLimits()) as session:
        async with session.stream("GET", upstream.url()) as response:
            assert await anext(response) == b"hello"
            assert not response.complete
            with pytest.raises(errors.UpstreamTruncated):
                await anext(response)


async def test_a_reset_at_the_end_of_a_body_without_length_is_a_truncation():
    assert type(await failure_of(sending(OK + b"\r\nhello"), reset)) is errors.UpstreamTruncated


async def test_a_head_that_is_too_large_ends_the_exchange():
    failure = await failure_of(OK + b"A: b\r\n" * 1000, limits=HttpLimits(response_head=1000))
    assert type(failure) is errors.UpstreamTooLarge


async def test_a_body_that_is_too_large_ends_the_exchange():
    failure = await failure_of(OK + b"\r\n" + b"x" * 1000, until_closed, limits=HttpLimits(response_body=999))
    assert type(failure) is errors.UpstreamTooLarge


async def test_a_refused_connection_is_an_upstream_error_that_says_so():
    async with open_upstream() as upstream:
        url = upstream.url("/secret").replace("//", "//user:secret@")
    async with Session(HttpLimits()) as session:
        with pytest.raises(
            errors.UpstreamError, match=r"127\.0\.0\.1:\d+: cannot connect: Connection refused"
        ) as failed:
            async with session.stream("GET", url):
                pass
        assert "secret" not in str(failed.value)
        assert failed.value.__cause__ is not None
        assert session.statistics().origins == {}


async def test_a_name_that_does_not_resolve_is_an_upstream_error():
    async with Session(HttpLimits()) as session:
        with pytest.raises(errors.UpstreamError, match=r"nowhere\.invalid: cannot resolve"):
            async with session.stream("GET", "http://nowhere.invalid/"):
                pass


@pytest.mark.parametrize("name", ["a" * 64, "a..b", ".", "1" * 300])
async def test_a_name_that_cannot_resolve_is_an_upstream_error_or_refused(name):
    async with Session(HttpLimits()) as session:
        with pytest.raises((errors.UpstreamError, InvalidRequest)):
            async with session.stream("GET", f"http://{name}/"):
                pass


# --- leaving early --------------------------------------------------------------------------------

UNFINISHED = OK + b"Content-Length: 10\r\n\r\nhello"


async def test_leaving_the_block_before_the_end_closes_the_connection():
    async with open_upstream([UNFINISHED, until_closed]) as upstream, Session(HttpLimits()) as session:
        async with session.stream("GET", upstream.url()) as response:
            async for _ in response:
                break
        assert session.statistics().origins == {}
        await upstream.connections[0].ended.wait()
        with pytest.raises(trio.ClosedResourceError):
            await pieces_of(response)


async def test_an_exception_in_the_block_closes_the_connection_and_passes_unchanged():
    async with open_upstream([UNFINISHED, until_closed]) as upstream, Session(HttpLimits()) as session:
        with pytest.raises(ZeroDivisionError):
            async with session.stream("GET", upstream.url()):
                raise ZeroDivisionError
        assert session.statistics().origins == {}
        await upstream.connections[0].ended.wait()


@pytest.mark.parametrize("body", [None, b"small", BIG])
async def test_cancellation_while_sending_or_waiting_closes_the_connection(body):
    cancelled = trio.Event()

    async def never_read(peer):
        await cancelled.wait()
        await peer.wait_closed()

    async with (
        open_upstream([stall if body != BIG else never_read]) as upstream,
        Session(HttpLimits()) as session,
    ):
        async with trio.open_nursery() as nursery:

            async def ask():
                async with session.stream("POST", upstream.url(), body=body):
                    raise AssertionError("answered")

            nursery.start_soon(ask)
            await trio.testing.wait_all_tasks_blocked()
            assert session.statistics().in_use == 1
            nursery.cancel_scope.cancel()
        assert session.statistics().origins == {}
        cancelled.set()
        await upstream.connections[0].ended.wait()


async def test_cancellation_while_reading_the_body_closes_the_connection():
    async with open_upstream([UNFINISHED, until_closed]) as upstream, Session(HttpLimits()) as session:
        with trio.CancelScope() as scope:
            async with session.stream("GET", upstream.url()) as response:
                async for _ in response:
                    scope.cancel()
        assert scope.cancelled_caught
        assert session.statistics().origins == {}
        await upstream.connections[0].ended.wait()
