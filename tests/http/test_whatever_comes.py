"""Whatever an upstream sends, however it is cut: a response or an error of ours, and it ends."""

import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from server_trio import errors
from server_trio.http.session import Session
from server_trio.limits import HttpLimits
from tests.http.test_parser_ends import anything

LIMITS = HttpLimits(response_head=200, response_body=100)


async def exchanges(scripts, method, body):
    """Ask until the scripts (what each connection sends, piece by piece, before it closes) are used up."""
    outcomes = []
    scripts = list(scripts)

    async with trio.open_nursery() as nursery:

        async def play(stream, pieces):
            async with stream:
                await stream.receive_some()
                for piece in pieces:
                    try:
                        await stream.send_all(piece)
                    except trio.BrokenResourceError:
                        return
                    await trio.testing.wait_all_tasks_blocked()

        async def open_stream(origin):
            if not scripts:
                raise errors.UpstreamError("no more connections")
            ours, theirs = trio.testing.memory_stream_pair()
            nursery.start_soon(play, theirs, scripts.pop(0))
            return ours

        async with Session(LIMITS, open_stream=open_stream) as session:
            for _ in range(3):
                try:
                    async with session.stream(method, "http://h/", body=body, max_redirects=2) as response:
                        assert 200 <= response.status <= 999
                        content = b"".join([piece async for piece in response])
                        assert response.complete
                        assert len(content) <= LIMITS.response_body
                        outcomes.append(response.status)
                except (errors.UpstreamError, errors.UpstreamTimeout) as exc:
                    outcomes.append(exc)
            assert session.statistics().in_use == 0
        nursery.cancel_scope.cancel()
    return outcomes


@given(
    scripts=st.lists(st.lists(anything.filter(bool), max_size=4), max_size=3),
    method=st.sampled_from(["GET", "HEAD", "POST"]),
    body=st.sampled_from([None, b"small", b"x" * 50_000]),
)
def test_an_exchange_ends_with_a_response_or_an_upstream_error(scripts, method, body):
    async def bounded():
        # Jumps only if all tasks wait for ever: a hang is an error at once. Redirects' bodies are
        # given a moment of this clock to arrive.
        with trio.fail_after(60):
            return await exchanges(scripts, method, body)

    outcomes = trio.run(bounded, clock=trio.testing.MockClock(autojump_threshold=0))
    assert len(outcomes) == 3
