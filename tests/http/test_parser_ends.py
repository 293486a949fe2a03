"""Where reading a response ends: at its limits, at the next one, at garbage."""

from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server_trio import errors
from server_trio.http import parser as parser_module
from server_trio.limits import HttpLimits, KiB
from tests.http.reading import OK, Read, failure_of, read

# --- limits ---------------------------------------------------------------------------------------

SMALL = HttpLimits(response_head=100, response_body=10)


@pytest.mark.parametrize(
    "data",
    [
        OK + b"A: " + b"x" * 200 + b"\r\nContent-Length: 1\r\n\r\nb",
        OK + b"A: b\r\n" * 40 + b"\r\n",
        OK + b"A" * 200 + b": b\r\n\r\n",
        b"HTTP/1.1 200 " + b"x" * 200 + b"\r\nContent-Length: 1\r\n\r\na",
        OK + b"A: " + b"x" * 200,
        b"\r\n" * 200,
    ],
)
def test_a_head_over_the_limit_is_too_large_slow_or_fast(data):
    with pytest.raises(errors.UpstreamTooLarge, match="head is larger than 100 bytes"):
        read(data, limits=SMALL)


def test_a_small_head_may_come_with_a_body_larger_than_the_heads_limit():
    _, body = read(OK + b"Content-Length: 500\r\n\r\n" + b"x" * 500, limits=HttpLimits(response_head=100))
    assert len(body) == 500


@pytest.mark.parametrize(
    "data",
    [
        OK + b"Content-Length: 11\r\n\r\n",
        OK + b"\r\n" + b"x" * 11,
        OK + b"Transfer-Encoding: chunked\r\n\r\n6\r\nhello,\r\n5\r\nworld\r\n0\r\n\r\n",
    ],
)
def test_a_body_over_the_limit_is_too_large(data):
    with pytest.raises(errors.UpstreamTooLarge, match="body is larger than 10 bytes"):
        read(data, limits=SMALL)


def test_the_length_that_a_304_announces_is_not_limited():
    assert read(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9999\r\n\r\n", limits=SMALL)[0].complete


def test_chunk_sizes_of_a_long_body_may_add_up_to_more_than_the_heads_limit():
    chunks = b"1;" + b"x" * 40 + b"\r\na\r\n"
    limits = HttpLimits(response_head=100)
    _, body = read(OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunks * 9 + b"0\r\n\r\n", limits=limits)
    assert body == b"a" * 9


def test_a_body_of_just_the_limit_is_read():
    assert read(OK + b"Content-Length: 10\r\n\r\n0123456789", limits=SMALL)[1] == b"0123456789"


def test_the_length_that_a_response_to_head_announces_is_not_limited():
    assert read(OK + b"Content-Length: 9999\r\n\r\n", limits=SMALL, method="HEAD")[0].complete


def test_no_limit_on_bodies_is_0():
    limits = HttpLimits(response_body=0)
    assert read(OK + b"Content-Length: 5\r\n\r\nhello", limits=limits)[1] == b"hello"


@pytest.mark.parametrize(
    "endless", [b"0\r\nA: " + b"x" * 500, b"0\r\n" + b"A: b\r\n" * 90, b"5;" + b"x" * 500]
)
def test_endless_trailers_and_extensions_are_too_large(endless):
    with pytest.raises(errors.UpstreamTooLarge):
        read(OK + b"Transfer-Encoding: chunked\r\n\r\n" + endless, limits=SMALL)


# --- reuse ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "reusable"),
    [
        (b"HTTP/1.1 200 OK\r\n", True),
        (b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n", True),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n", False),
        (b"HTTP/1.1 200 OK\r\nConnection: X , CLOSE\r\n", False),
        (b"HTTP/1.1 200 OK\r\nConnection: x\r\nConnection: close\r\n", False),
        (b"HTTP/1.1 200 OK\r\nConnection: closed\r\n", True),
        (b"HTTP/1.0 200 OK\r\n", False),
        (b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n", True),
        (b"HTTP/1.0 200 OK\r\nProxy-Connection: keep-alive\r\n", False),
        (b"HTTP/1.1 200 OK\r\nProxy-Connection: close\r\n", True),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_connection_is_reusable_as_its_version_and_connection_header_say(head, reusable, method):
    body = b"" if method == "HEAD" else b"ab"
    parser, _ = read(head + b"Content-Length: 2\r\n\r\n" + body, method=method)
    assert (parser.complete, parser.reusable) == (True, reusable)


def test_a_1_0_response_with_a_transfer_coding_is_read_and_its_connection_is_not_reused():
    head = b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n"
    parser, body = read(head + b"2\r\nab\r\n0\r\n\r\n")
    assert (parser.complete, parser.reusable, body) == (True, False, b"ab")


@pytest.mark.parametrize("surplus", [b"x", OK + b"Content-Length: 0\r\n\r\n", OK, b"H", b"\0", b"\r\nH"])
@pytest.mark.parametrize(
    ("method", "response"),
    [
        ("GET", OK + b"Content-Length: 2\r\n\r\nab"),
        ("GET", OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ("HEAD", OK + b"Content-Length: 2\r\n\r\n"),
        ("GET", OK + b"Content-Length: 2\r\nConnection: close\r\n\r\nab"),
    ],
)
def test_bytes_after_the_response_do_not_change_it_but_forbid_reuse(method, response, surplus):
    result = Read(response + surplus, method=method)
    status, _, _, body, complete, reusable = result.outcome
    assert (status, complete, reusable) == (204 if b"204" in response else 200, True, False)
    assert body == (b"ab" if b"ab" in response else b"")


LARGE = 200 * KiB
CUTS = [50 * KiB, 120 * KiB]  # what comes last, and what comes with the end, is much at once


@pytest.mark.parametrize(("surplus", "reusable"), [(b"", True), (b"\r\n", True), (b"H", False), (OK, False)])
def test_a_large_body_ends_where_its_length_says_and_the_next_response_is_read(surplus, reusable):
    body = bytes(range(256)) * (LARGE // 256)
    result = Read(OK + b"Content-Length: %d\r\n\r\n" % LARGE + body + surplus, cuts=CUTS)
    assert result.body == body
    assert (result.parser.complete, result.parser.reusable) == (True, reusable)
    parser = result.parser
    parser.begin(False)
    parser.feed(b"HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nab")
    assert (parser.status, parser.take_body(), parser.complete, parser.reusable) == (404, b"ab", True, True)


@pytest.mark.parametrize("surplus", [b"H", b"x" * LARGE])
def test_what_follows_a_large_body_later_forbids_reuse(surplus):
    parser = Read(OK + b"Content-Length: %d\r\n\r\n" % LARGE + b"x" * LARGE, cuts=CUTS).parser
    assert parser.reusable
    parser.feed(surplus)
    assert (parser.complete, parser.reusable, parser.take_body()) == (True, False, b"")


def test_a_large_body_that_ends_early_is_truncated():
    data = OK + b"Content-Length: %d\r\n\r\n" % LARGE + b"x" * (LARGE - 1)
    with pytest.raises(errors.UpstreamTruncated, match="ended in its body"):
        raise failure_of(data, cuts=CUTS, eof=True)


@pytest.mark.parametrize("framing", [b"Transfer-Encoding: chunked\r\n", b"", b"Content-Length: 400\r\n"])
def test_only_bodies_of_known_length_are_taken_as_they_come(framing):
    chunk = b"%x\r\n" % LARGE + b"x" * LARGE + b"\r\n"
    content = chunk + b"0\r\n\r\n" if b"chunked" in framing else b"x" * LARGE
    status = b"HTTP/1.1 304 X\r\n" if b"400" in framing else OK
    result = Read(status + framing + b"\r\n" + content, cuts=CUTS, eof=True)
    assert result.parser.complete
    assert result.body == (b"" if b"400" in framing else b"x" * LARGE)


# --- whatever comes -------------------------------------------------------------------------------

lines = st.sampled_from(
    [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.0 200 OK\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\n",
        b"Content-Length: 5\r\n",
        b"Content-Length: 0\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Connection: close\r\n",
        b"A: b\r\n",
        b"\r\n",
        b"\n",
        b"5\r\nhello\r\n",
        b"0\r\n\r\n",
        b"hello",
        b"0\r\nA: b\r\n\r\n",
        b"\0",
        b"HTTP/1.1 101 X\r\n",
    ]
)
anything = st.one_of(
    st.binary(max_size=200),
    st.lists(st.one_of(lines, st.binary(max_size=6)), max_size=12).map(b"".join),
    st.lists(lines, max_size=12).map(lambda parts: b"HTTP/1.1 200 OK\r\n" + b"".join(parts)),
)


@given(
    data=anything,
    cuts=st.lists(st.integers(1, 200)),
    method=st.sampled_from(["GET", "HEAD"]),
    eof=st.booleans(),
)
def test_any_bytes_are_read_or_an_upstream_error_wherever_they_are_cut(data, cuts, method, eof):
    limits = HttpLimits(response_head=120, response_body=60)
    result = failure_of(data, cuts=cuts, method=method, eof=eof, limits=limits)
    if isinstance(result, Read) and result.parser.complete:
        assert 200 <= result.parser.status <= 999
        assert len(result.body) <= 60


@given(
    data=anything,
    cuts=st.lists(st.integers(1, 200)),
    method=st.sampled_from(["GET", "HEAD"]),
    eof=st.booleans(),
    large=st.sampled_from([1, 3, parser_module._LARGE]),
)
def test_where_bytes_are_cut_does_not_change_what_they_mean(data, cuts, method, eof, large):
    at_once = failure_of(data, method=method, eof=eof)
    with mock.patch.object(parser_module, "_LARGE", large):
        in_pieces = failure_of(data, cuts=cuts, method=method, eof=eof)
    if isinstance(at_once, Exception) or isinstance(in_pieces, Exception):
        assert type(at_once) is type(in_pieces)
    else:
        # Whether surplus bytes were seen depends on when they came; all else may not.
        assert at_once.outcome[:5] == in_pieces.outcome[:5]
