"""Replies are read as a Redis means them, however their bytes are cut into pieces."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio.connection import Connection

from server_trio.layers.redis_replies import LONGEST_LINE, MORE, ReplyReader

PARSER = Connection()._parser


def reader() -> ReplyReader:
    return ReplyReader(PARSER.parse_error)


def written(reply: Any) -> bytes:
    """As a Redis writes it."""
    if reply is None:
        return b"$-1\r\n"
    if isinstance(reply, int):
        return b":%d\r\n" % reply
    if isinstance(reply, bytes):
        return b"$%d\r\n%b\r\n" % (len(reply), reply)
    if isinstance(reply, str):
        return b"+%b\r\n" % reply.encode()
    return b"*%d\r\n" % len(reply) + b"".join(map(written, reply))


def as_read(reply: Any) -> Any:
    if isinstance(reply, list):
        return [as_read(part) for part in reply]
    return reply.encode() if isinstance(reply, str) else reply


def read(pieces: Iterator[bytes]) -> Iterator[Any]:
    """All replies in those pieces, of which nothing may be left."""
    one = reader()
    for piece in pieces:
        one.feed(piece)
        while (reply := one.next()) is not MORE:
            yield reply
    assert one.is_empty


def cut(data: bytes, sizes: list[int]) -> Iterator[bytes]:
    """Into pieces of those sizes, again and again."""
    at = turn = 0
    while at < len(data):
        size = sizes[turn % len(sizes)]
        yield data[at : at + size]
        at, turn = at + size, turn + 1


SINGLE = (
    st.none()
    | st.integers(-(2**63), 2**63 - 1)
    | st.binary(max_size=40)
    | st.sampled_from([b"\r\n", b"$3\r\nabc\r\n", b"x" * 3000])
    | st.text("abc -:$*", max_size=10)
)
REPLIES = st.recursive(SINGLE, lambda parts: st.lists(parts, max_size=5), max_leaves=20)


@given(st.lists(REPLIES, min_size=1, max_size=4), st.lists(st.integers(1, 50), min_size=1, max_size=5))
def test_what_is_written_is_read(replies: list[Any], sizes: list[int]) -> None:
    data = b"".join(map(written, replies))
    assert list(read(cut(data, sizes))) == [as_read(reply) for reply in replies]


@pytest.mark.parametrize(
    ("line", "kind", "text"),
    [
        (b"-ERR no such thing", redis.ResponseError, "no such thing"),
        (b"-NOSCRIPT No matching script.", redis.exceptions.NoScriptError, "No matching script."),
        (b"-READONLY You can't write", redis.exceptions.ReadOnlyError, "You can't write"),
        (b"-LOADING Redis is loading", redis.exceptions.BusyLoadingError, "Redis is loading"),
        (b"-NOAUTH Authentication required.", redis.AuthenticationError, "Authentication required."),
        (b"-WRONGTYPE caf\xe9", redis.ResponseError, "WRONGTYPE caf\ufffd"),
    ],
)
def test_errors_are_redis_pys_wherever_they_stand(line: bytes, kind: type, text: str) -> None:
    alone, (before, within) = read(iter([line + b"\r\n*2\r\n:1\r\n" + line + b"\r\n"]))
    assert before == 1
    for error in (alone, within):
        assert isinstance(error, kind)
        assert text in str(error)


@pytest.mark.parametrize("data", [b"HTTP/1.1 400 Bad Request\r\n", b"$x\r\n", b"*1.5\r\n", b":\r\n", b"\r\n"])
def test_what_is_no_reply_is_refused(data: bytes) -> None:
    one = reader()
    one.feed(data)
    with pytest.raises(redis.InvalidResponse, match=r"reply begins|no number"):
        one.next()


def test_a_line_that_does_not_end_is_not_kept_for_ever() -> None:
    one = reader()
    one.feed(b"-" + b"x" * LONGEST_LINE)
    with pytest.raises(redis.InvalidResponse, match="a line without end: b'-xxx"):
        one.next()


def test_a_large_reply_is_looked_at_no_more_often_than_it_is_worth() -> None:
    """Each piece of it would otherwise be a reason to look through all that has come."""
    one = reader()
    size = 1_000_000
    one.feed(b"$%d\r\n" % size)
    looks = 0
    for _ in range(size // 100):
        one.feed(b"x" * 100)
        looks += one._needed <= len(one._data)
        assert one.next() is MORE
    one.feed(b"\r\n")
    assert one.next() == b"x" * size
    assert looks == 1  # the first, when nothing is known of its length


def test_a_large_reply_is_copied_once() -> None:
    one = reader()
    size = 1_000_000
    one.feed(b"$%d\r\n" % size)
    one.feed(b"x" * size)
    one.feed(b"\r\n")
    tracemalloc.start()
    try:
        reply = one.next()
        assert tracemalloc.get_traced_memory()[1] < 1.5 * size
    finally:
        tracemalloc.stop()
    assert reply == b"x" * size
