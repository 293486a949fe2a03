"""The stream over a bare socket."""

import socket

import pytest
import trio
import trio.testing

from server_trio.http.sockets import NothingBuffered, SocketStream


@pytest.fixture
def pair():
    """A stream and the stdlib socket at its other end."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.settimeout(10)
    with theirs:
        yield SocketStream(ours), theirs


async def test_bytes_go_both_ways(pair):
    stream, other = pair
    async with stream:
        await stream.send_all(b"to")
        assert other.recv(10) == b"to"
        other.sendall(b"from")
        assert await stream.receive_some(2) == b"fr"
        assert await stream.receive_some() == b"om"


async def test_more_than_the_system_takes_at_once_is_sent_in_order(pair):
    stream, other = pair
    data = bytes(range(251)) * 40_000  # 10 MB

    def read_all():
        received = bytearray()
        while len(received) < len(data):
            received += other.recv(1 << 20)
        return bytes(received)

    async with stream, trio.open_nursery() as nursery:
        nursery.start_soon(stream.send_all, data)
        assert await trio.to_thread.run_sync(read_all) == data


async def test_the_end_of_the_other_side_is_empty_bytes(pair):
    stream, other = pair
    async with stream:
        other.close()
        assert await stream.receive_some() == b""
        with pytest.raises(trio.BrokenResourceError):
            await stream.send_all(b"x")


async def test_readable_is_what_can_be_received_without_waiting(pair):
    stream, other = pair
    async with stream:
        assert not stream.is_readable()
        other.sendall(b"x")
        assert stream.is_readable()
        await stream.receive_some()
        assert not stream.is_readable()
        other.close()
        assert stream.is_readable()


async def test_closing_wakes_who_receives_and_refuses_further_use(pair):
    stream, _ = pair
    async with trio.open_nursery() as nursery:

        async def receive():
            with pytest.raises(trio.ClosedResourceError):
                await stream.receive_some()

        nursery.start_soon(receive)
        await trio.testing.wait_all_tasks_blocked()
        await stream.aclose()
    with pytest.raises(trio.ClosedResourceError):
        await stream.send_all(b"x")
    with pytest.raises(trio.ClosedResourceError):
        await stream.receive_some()
    await stream.aclose()


async def test_sending_that_is_cancelled_leaves_the_stream_to_be_closed(pair):
    stream, _ = pair
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stream.send_all, b"x" * (64 * 1024 * 1024))
            await trio.testing.wait_all_tasks_blocked()
            scope.cancel()
    assert scope.cancelled_caught
    await stream.aclose()


async def test_probing_never_waits(pair):
    stream, other = pair
    async with stream:
        other.sendall(b"x")
        stream.probing = True
        with pytest.raises(NothingBuffered):
            await stream.receive_some()
        stream.probing = False
        assert await stream.receive_some() == b"x"
