"""Whatever an upstream sends: the server's parser and the one of operations done in the view judge alike."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import strategies as st

from channels_async.reading import BadResponse, ResponseReader
from server_trio.limits import HttpLimits
from tests.fuzz.rounds import damaged, few_edits, fuzz
from tests.http.reading import failure_of

MOST = 16 * 1024  # bytes of head: more than any example has, so that no limit comes into it
LIMITS = HttpLimits(response_head=MOST, response_body=0)

Verdict = str | tuple[int, list[tuple[bytes, bytes]], bytes]


def of_the_server(data: bytes, cuts: list[int], method: str) -> Verdict:
    result = failure_of(data, cuts=cuts, method=method, limits=LIMITS, eof=True)
    if isinstance(result, Exception):
        return "refused"
    status, _, headers, body, complete, _ = result.outcome
    assert complete
    return status, headers, body


def of_the_view(data: bytes, cuts: list[int], method: str) -> Verdict:
    edges = [0, *sorted({cut for cut in cuts if 0 < cut < len(data)}), len(data)]
    pieces = [data[start:end] for start, end in itertools.pairwise(edges) if start != end]

    def receive(most: int) -> bytes:
        return pieces.pop(0) if pieces else b""

    reader = ResponseReader(receive, method, MOST, 0)
    try:
        reader.read_head()
        body = b"".join(reader)
    except BadResponse:
        return "refused"
    return reader.status, reader.headers, body


def alike(data: bytes, cuts: list[int], method: str) -> None:
    server, view = of_the_server(data, cuts, method), of_the_view(data, cuts, method)
    assert server == view


starts = st.sampled_from(
    [b"HTTP/1.1 200 OK\r\n"] * 4
    + [
        b"HTTP/1.0 200 OK\r\n",
        b"HTTP/1.1 204 No Content\r\n",
        b"HTTP/1.1 304 \r\n",
        b"HTTP/1.1 404\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 103 X\r\nA: b\r\n\r\nHTTP/1.1 500 X\r\n",
        b"HTTP/1.1 101 X\r\n",
        b"HTTP/1.1 099 X\r\n",
        b"HTTP/1.1 999 X\n",
        b"HTTP/2.0 200 OK\r\n",
        b"",
        b"HTTP/1.1  200 OK\r\n",
        b"HTTP/1.1 200  OK\r\n",
        b"http/1.1 200 OK\r\n",
        b"\r\nHTTP/1.1 200 OK\r\n",
    ]
)
headers = st.sampled_from(
    [
        b"Content-Length: 5\r\n",
        b"Content-Length: 5\n",
        b"Content-Length: 0\r\n",
        b"content-length:5 \r\n",
        b"Content-Length: 05\r\n",
        b"Content-Length: +5\r\n",
        b"Content-Length: 5, 5\r\n",
        b"Content-Length: \r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"transfer-encoding: CHUNKED\r\n",
        b"Transfer-Encoding: gzip, chunked\r\n",
        b"Transfer-Encoding: identity\r\n",
        b"Transfer-Encoding: chunked, chunked\r\n",
        b"Connection: close\r\n",
        b"A: b\r\n",
        b"A: b\r\n c\r\n",
        b"A :b\r\n",
        b"A:\r\n",
        b" A: b\r\n",
        b"A\r\n",
        b"A: \xe9\r\n",
        b"A: b\rc\r\n",
        b"A: b\0\r\n",
        b": b\r\n",
        b"A: b\x01\r\n",
        b"Set-Cookie: a=b\r\n",
    ]
)
bodies = st.sampled_from(
    [
        b"hello",
        b"5\r\nhello\r\n0\r\n\r\n",
        b"5\r\nhello\r\n0\r\nA: b\r\n\r\n",
        b"5 \r\nhello\r\n0\r\n\r\n",
        b"5;a=b\r\nhello\r\n0\r\n\r\n",
        b"5\nhello\n0\n\n",
        b"05\r\nhello\r\n00\r\n\r\n",
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b"6\r\nhello\r\n0\r\n\r\n",
        b"5\r\nhello",
        b"",
        b"-5\r\nhello\r\n",
        b"F" * 17 + b"\r\n",
        b"0\r\nA\r\n\r\n",
        b"0\r\n A: b\r\n\r\n",
        b"5\r\nhellox0\r\n\r\n",
        b"5 ;a\r\nhello\r\n0\r\n\r\n",
    ]
)
responses = st.builds(
    lambda start, lines, end, body: start + b"".join(lines) + end + body,
    starts,
    st.lists(headers, max_size=4),
    st.sampled_from([b"\r\n"] * 4 + [b"\n", b""]),
    bodies | st.binary(max_size=20),
)


HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
FOUND = [
    b"HTTP/1.1 100\n\n\rHTTP/1.0 200\n\n",
    b"\r\n" + HEAD + b"\r\nhello",
    HEAD + b"A: b\r\n c\r\n\r\n",
    HEAD + b"A: b\x01\r\n\r\n",
    CHUNKED + b"5\nhello\r\n0\r\n\r\n",
    CHUNKED + b"5\r\nhello\n0\r\n\r\n",
    CHUNKED + b"6\r\nhello\r\n0\r\n\r\n",
    CHUNKED + b"0\r\nA\r\n\r\n",
    CHUNKED + b"0\r\n A: b\r\n\r\n",
]


@pytest.mark.parametrize("data", FOUND)
def test_what_they_once_judged_differently(data):
    alike(data, [], "GET")
    alike(data, list(range(len(data))), "GET")


def test_two_readers_make_the_same_of_any_response():
    cuts = st.lists(st.integers(1, 200), max_size=6)
    methods = st.sampled_from(["GET", "GET", "HEAD", "POST"])
    fuzz(
        alike,
        data=responses | st.builds(damaged, responses, few_edits) | st.binary(max_size=80),
        cuts=cuts,
        method=methods,
    )
