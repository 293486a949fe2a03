"""Bodies that come in pieces while they are sent."""

import pytest
import trio

from server_trio import errors
from server_trio.http.session import Session
from server_trio.limits import HttpLimits
from tests.http.upstream import answer, open_upstream


async def pieces(*given):
    for piece in given:
        await trio.lowlevel.checkpoint()
        yield piece


class Endless:
    """Pieces of 64 KiB for as long as somebody takes them."""

    def __aiter__(self):
        return self

    async def __anext__(self):
        await trio.lowlevel.checkpoint()
        return b"x" * 65536


async def read_chunked(peer):
    """Head and body of a request in chunks."""
    head = await peer.read_head()
    body = b""
    while True:
        while b"\r\n" not in peer._buffer:
            await peer.read_some()
        size, peer._buffer = peer._buffer.split(b"\r\n", 1)
        while len(peer._buffer) < int(size, 16) + 2:
            await peer.read_some()
        chunk, peer._buffer = peer._buffer[: int(size, 16)], peer._buffer[int(size, 16) + 2 :]
        if not chunk:
            return head, body
        body += chunk


async def send(script, body, content_length=None, method="POST", status=200):
    async with open_upstream([script]) as upstream, Session(HttpLimits()) as session:
        exchange = session.stream(method, upstream.url(), body=body, content_length=content_length)
        async with exchange as response:
            content = b"".join([piece async for piece in response])
    assert response.status == status
    return content


async def failure_of(script, body, content_length=None):
    """The UploadBroken of an upload whose upstream has played its script to the end."""
    over = trio.Event()

    async def play(peer):
        await script(peer)
        over.set()

    async with open_upstream([play]) as upstream, Session(HttpLimits()) as session:
        with pytest.raises(errors.UploadBroken) as failed:
            async with session.stream("POST", upstream.url(), body=body, content_length=content_length):
                pass
        with trio.fail_after(30):
            await over.wait()
    return failed.value


async def test_a_body_of_unknown_length_goes_in_chunks():
    async def echo(peer):
        head, body = await read_chunked(peer)
        assert b"Transfer-Encoding: chunked" in head
        assert b"Content-Length" not in head
        await peer.send(answer(body))

    assert await send(echo, pieces(b"one, ", b"", b"two")) == b"one, two"


async def test_a_body_of_known_length_goes_as_it_is():
    async def echo(peer):
        request = await peer.read_request()
        assert request.get(b"Transfer-Encoding") is None
        await peer.send(answer(request.body))

    assert await send(echo, pieces(b"one, ", b"two"), 8) == b"one, two"


@pytest.mark.parametrize("length", [0, None])
async def test_an_empty_body(length):
    async def echo(peer):
        if length is None:
            assert (await read_chunked(peer))[1] == b""
        else:
            assert (await peer.read_request()).get(b"Content-Length") == b"0"
        await peer.send(answer(b"empty"))

    assert await send(echo, pieces(), length) == b"empty"


async def test_a_piece_is_sent_when_it_comes():
    arrived = trio.Event()

    async def echo(peer):
        await peer.read_head()
        while b"one" not in peer._buffer:
            await peer.read_some()
        arrived.set()
        while b"0\r\n\r\n" not in peer._buffer:
            await peer.read_some()
        await peer.send(answer(b"both"))

    async def waiting():
        yield b"one"
        await arrived.wait()
        yield b"two"

    assert await send(echo, waiting()) == b"both"


@pytest.mark.parametrize(("given", "problem"), [([b"ab"], "after 2 of 4"), ([b"ab", b"cde"], "longer than")])
async def test_a_body_of_another_length_than_was_said_is_no_whole_request(given, problem):
    seen = []

    async def listen(peer):
        await peer.read_head()
        while await peer.read_some():
            pass
        seen.append(peer._buffer)

    error = await failure_of(listen, pieces(*given), 4)
    assert problem in str(error)
    assert seen == [b"ab"]


async def test_what_the_pieces_raise_comes_out_and_breaks_the_connection():
    ended = trio.Event()

    async def listen(peer):
        await peer.read_head()
        await peer.wait_closed()
        ended.set()

    async def broken():
        yield b"one"
        raise errors.UploadBroken("the browser has gone")

    error = await failure_of(listen, broken())
    assert str(error) == "the browser has gone"
    assert ended.is_set()


@pytest.mark.parametrize("closes", [True, False])
async def test_an_early_refusal_is_the_answer_and_ends_the_upload(closes):
    async def refuse(peer):
        await peer.read_head()
        await peer.send(answer(b"too much", status=b"413 Content Too Large"))
        if not closes:
            await peer.wait_closed()

    with trio.fail_after(30):
        assert await send(refuse, Endless(), status=413) == b"too much"


async def test_an_early_refusal_does_not_wait_for_a_piece_that_does_not_come():
    async def refuse(peer):
        await peer.read_head()
        await peer.send(answer(b"no", status=b"401 Unauthorized"))
        await peer.wait_closed()

    async def never():
        yield b"one"
        await trio.sleep_forever()

    with trio.fail_after(30):
        assert await send(refuse, never(), status=401) == b"no"


async def test_a_connection_over_which_an_upload_was_not_sent_whole_is_not_kept():
    async def refuse(peer):
        await peer.read_head()
        await peer.send(answer(b"", status=b"401 Unauthorized"))
        await peer.wait_closed()

    async with open_upstream([refuse], [answer()]) as upstream, Session(HttpLimits()) as session:
        async with session.stream("POST", upstream.url(), body=Endless()):
            pass
        assert session.statistics().open == 0
        async with session.stream("POST", upstream.url(), body=pieces(b"a"), content_length=1):
            pass
        assert session.statistics().idle == 1


@pytest.mark.parametrize("status", [b"307 Temporary Redirect", b"303 See Other"])
async def test_no_redirect_is_followed_with_a_body_that_is_gone(status):
    async def redirect(peer):
        await read_chunked(peer)
        await peer.send(answer(b"", b"Location: /there", status=status))

    assert await send(redirect, pieces(b"a"), status=int(status[:3])) == b""


async def test_an_upload_that_meets_the_closing_of_its_connection_is_not_sent_again():
    async def once_then_close(peer):
        await peer.read_request()
        await peer.send(answer())
        await peer.read_head()

    async with open_upstream([once_then_close]) as upstream, Session(HttpLimits()) as session:
        async with session.stream("GET", upstream.url()) as response:
            assert [piece async for piece in response] == []
        with pytest.raises(errors.UpstreamError, match="without an answer"):
            async with session.stream("PUT", upstream.url(), body=pieces(b"a"), content_length=1):
                pass


async def test_an_interim_100_is_passed_over():
    async def go_on(peer):
        await peer.read_head()
        await peer.send(b"HTTP/1.1 100 Continue\r\n\r\n" + answer(b"done"))

    assert await send(go_on, pieces(b"a"), 1) == b"done"


async def test_cancellation_while_a_piece_is_awaited_closes_the_connection():
    begun, ended = trio.Event(), trio.Event()

    async def listen(peer):
        await peer.read_head()
        while b"one" not in peer._buffer:
            await peer.read_some()
        begun.set()
        await peer.wait_closed()
        ended.set()

    async def never():
        yield b"one"
        await trio.sleep_forever()

    async def ask(session, url):
        async with session.stream("POST", url, body=never()):
            pass

    async with open_upstream([listen]) as upstream, Session(HttpLimits()) as session:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, session, upstream.url())
            await begun.wait()
            nursery.cancel_scope.cancel()
        with trio.fail_after(30):
            await ended.wait()
        assert session.statistics().open == 0


# --- the answer comes while the body goes --------------------------------------------------------


class Exchange:
    """One upload whose answer may begin before its end."""

    def __init__(self, session, nursery):
        self._session = session
        self._nursery = nursery

    def __call__(self, url, body, **others):
        return self._session.stream("POST", url, body=body, sender=self._nursery, **others)


async def transform(peer):
    """Send back what comes, upper case, while it comes: 64 KiB at a time."""
    await peer.read_head()
    await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (64 * len(PIECE)))
    for _ in range(64):
        while len(peer._buffer) < len(PIECE):
            await peer.read_some()
        await peer.send(peer._buffer[: len(PIECE)].upper())
        peer._buffer = peer._buffer[len(PIECE) :]
    await peer.wait_closed()


PIECE = b"x" * (256 * 1024)


@pytest.mark.parametrize("whole", [True, False])
async def test_an_upstream_that_sends_back_as_it_reads_stalls_nobody(whole):
    body = PIECE * 64 if whole else pieces(*[PIECE] * 64)
    with trio.fail_after(30):
        async with open_upstream([transform]) as upstream, Session(HttpLimits()) as session:
            async with trio.open_nursery() as nursery:
                exchange = Exchange(session, nursery)
                async with exchange(upstream.url(), body, content_length=64 * len(PIECE)) as response:
                    size = 0
                    async for piece in response:
                        size += len(piece)
                        assert not piece.strip(b"X")
            assert size == 64 * len(PIECE)
            assert session.statistics().idle == 1  # all was sent and all was read


async def test_a_body_that_breaks_after_the_answer_has_begun_ends_the_answer():
    begun = trio.Event()

    async def begin(peer):
        await peer.read_head()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab")
        await peer.wait_closed()

    async def broken():
        yield b"one"
        await begun.wait()
        raise errors.UploadBroken("the browser has gone")

    received = []
    async with open_upstream([begin]) as upstream, Session(HttpLimits()) as session:
        async with trio.open_nursery() as nursery:
            exchange = Exchange(session, nursery)
            try:
                async with exchange(upstream.url(), broken()) as response:
                    async for piece in response:
                        received.append(piece)
                        begun.set()
            except errors.UploadBroken as error:
                received.append(str(error))
        assert received == [b"ab", "the browser has gone"]
        assert session.statistics().open == 0


async def test_an_answer_that_is_complete_does_not_wait_for_the_rest_of_the_body():
    async def never():
        yield b"one"
        await trio.sleep_forever()

    async def early(peer):
        await peer.read_head()
        await peer.send(answer(b"enough"))
        await peer.wait_closed()

    async with (
        open_upstream([early]) as upstream,
        Session(HttpLimits()) as session,
        trio.open_nursery() as nursery,
    ):
        with trio.fail_after(30):
            async with Exchange(session, nursery)(upstream.url(), never()) as response:
                assert b"".join([piece async for piece in response]) == b"enough"
        assert session.statistics().open == 0
        nursery.cancel_scope.cancel()
