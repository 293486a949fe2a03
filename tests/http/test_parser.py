"""Reading responses, byte by byte and at once."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server_trio import errors
from server_trio.http.parser import ResponseParser
from server_trio.limits import HttpLimits

OK = b"HTTP/1.1 200 OK\r\n"


class Read:
    """What became of the bytes `data`, fed in pieces that end at `cuts`, with the end after them if `eof`."""

    def __init__(self, data, *, cuts=(), method="GET", limits=None, eof=False):
        self.parser = ResponseParser("h", limits or HttpLimits())
        self.parser.begin(method == "HEAD")
        self.body = b""
        edges = [0, *sorted({cut for cut in cuts if 0 < cut < len(data)}), len(data)]
        for start, end in itertools.pairwise(edges):
            if start != end and not self.parser.complete:
                self.parser.feed(data[start:end])
                self.body += self.parser.take_body()
        if eof and not self.parser.complete:
            self.parser.feed_eof()

    @property
    def outcome(self):
        parser = self.parser
        return parser.status, parser.reason, parser.headers, self.body, parser.complete, parser.reusable


def read(data, **options):
    """Read `data` at once and byte by byte; both must have the same result (or error)."""
    whole = failure_of(data, **options)
    bytewise = failure_of(data, cuts=range(len(data)), **options)
    if isinstance(whole, Exception) or isinstance(bytewise, Exception):
        assert type(whole) is type(bytewise), (whole, bytewise)
        raise whole
    assert whole.outcome == bytewise.outcome
    return whole.parser, whole.body


def failure_of(data, **options):
    try:
        return Read(data, **options)
    except errors.UpstreamError as exc:
        return exc


# --- heads ----------------------------------------------------------------------------------------


def test_headers_come_as_sent_in_order_with_duplicates_and_any_bytes():
    parser, _ = read(
        OK + b"B: 1\r\na: 2\r\nB: 3\r\nSet-Cookie: flag\r\nset-cookie: x=1\r\nL: \xe9\xff\r\nEmpty:\r\n"
        b"Padded: \t x y \t\r\nContent-Length: 0\r\n\r\n"
    )
    assert parser.headers == [
        (b"B", b"1"),
        (b"a", b"2"),
        (b"B", b"3"),
        (b"Set-Cookie", b"flag"),
        (b"set-cookie", b"x=1"),
        (b"L", b"\xe9\xff"),
        (b"Empty", b""),
        (b"Padded", b"x y"),
        (b"Content-Length", b"0"),
    ]


@pytest.mark.parametrize(
    ("line", "status", "reason"),
    [
        (b"HTTP/1.1 200 OK", 200, b"OK"),
        (b"HTTP/1.1 200", 200, b""),
        (b"HTTP/1.1 200 ", 200, b""),
        (b"HTTP/1.0 404 Not  Found", 404, b"Not  Found"),
        (b"HTTP/1.1 418 Th\xe9i\xe8re", 418, b"Th\xe9i\xe8re"),
        (b"HTTP/1.1 999 No", 999, b"No"),
    ],
)
def test_the_status_line_gives_status_and_reason(line, status, reason):
    parser, _ = read(line + b"\r\nContent-Length: 0\r\n\r\n")
    assert (parser.status, parser.reason) == (status, reason)


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00",
        b"<html>",
        b"SSH-2.0-x\r\n",
        b"ICY 200 OK\r\n\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"HTTP/0.9 200 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1  200 OK\r\n\r\n",
        OK + b"A\r\n\r\n",
        OK + b": b\r\n\r\n",
        OK + b"A : b\r\n\r\n",
        OK + b"A: b\0\r\n\r\n",
        OK + b"A: b\r\n folded\r\n\r\n",
        OK + b"A\xe9: b\r\n\r\n",
        OK + b" A: b\r\n\r\n",
        OK + b"A: b\rc\r\n\r\n",
    ],
)
def test_garbage_is_an_upstream_error_that_names_the_host(data):
    with pytest.raises(errors.UpstreamError, match=r"^h: not a valid HTTP response: "):
        read(data)


def test_lines_may_end_in_lf_alone():
    parser, body = read(b"HTTP/1.1 200 OK\nA: b\nContent-Length: 2\n\nab")
    assert (parser.headers, body) == ([(b"A", b"b"), (b"Content-Length", b"2")], b"ab")


# --- interim responses ----------------------------------------------------------------------------


def test_interim_responses_are_skipped():
    parser, body = read(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 0\r\n\r\n"
        b"HTTP/1.1 199 Miscellaneous\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nab"
    )
    assert (parser.status, parser.headers, body) == (200, [(b"Content-Length", b"2")], b"ab")
    assert (parser.complete, parser.reusable) == (True, True)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 101 Switching\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        b"HTTP/1.1 103 Hints\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 103 X\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
def test_interim_responses_that_nobody_asked_for_or_with_a_body_are_errors(head):
    with pytest.raises(errors.UpstreamError):
        read(head + OK + b"Content-Length: 0\r\n\r\n")


def test_endless_interim_responses_are_too_large():
    with pytest.raises(errors.UpstreamTooLarge):
        read(b"HTTP/1.1 100 Continue\r\n\r\n" * 50, limits=HttpLimits(response_head=1000))


# --- bodies ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
@pytest.mark.parametrize("framing", [b"", b"Content-Length: 10\r\n", b"Transfer-Encoding: chunked\r\n"])
def test_a_status_without_body_ends_with_its_head(status, framing):
    parser, body = read(b"HTTP/1.1 " + status + b"\r\n" + framing + b"\r\n")
    assert (parser.complete, parser.reusable, body) == (True, True, b"")


@pytest.mark.parametrize("framing", [b"", b"Content-Length: 10\r\n", b"Transfer-Encoding: chunked\r\n"])
def test_a_response_to_head_ends_with_its_head_and_the_next_one_is_read_as_usual(framing):
    parser, body = read(OK + framing + b"\r\n", method="HEAD")
    assert (parser.complete, parser.reusable, body) == (True, True, b"")
    parser.begin(head_request=False)
    parser.feed(OK + b"Content-Length: 2\r\n\r\nab")
    assert (parser.complete, parser.take_body()) == (True, b"ab")


def test_a_content_length_delimits_the_body():
    parser, body = read(OK + b"Content-Length: 5\r\n\r\nhello")
    assert (parser.complete, parser.reusable, body) == (True, True, b"hello")


def test_chunks_are_joined_and_extensions_and_trailers_dropped():
    parser, body = read(
        OK + b'Transfer-Encoding: Chunked\r\n\r\n5;name="v\\"x";y\r\nhello\r\nA \r\n, world...\r\n'
        b"000\r\nTrailer: x\r\nEmpty:\r\n\r\n"
    )
    assert body == b"hello, world..."
    assert parser.headers == [(b"Transfer-Encoding", b"Chunked")]
    assert (parser.complete, parser.reusable) == (True, True)


@pytest.mark.parametrize(
    "head",
    [
        OK + b"\r\n",
        OK + b"Connection: close\r\n\r\n",
        OK + b"Transfer-Encoding: identity\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n",
    ],
)
def test_without_length_the_body_ends_with_the_connection(head):
    parser, body = read(head + b"hello", eof=True)
    assert (parser.complete, parser.reusable, body) == (True, False, b"hello")


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 20",
        OK + b"A: b\r\n",
        OK + b"Content-Length: 5\r\n\r\nhell",
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n",
    ],
)
def test_an_early_end_is_a_truncated_response(data):
    with pytest.raises(errors.UpstreamTruncated):
        read(data, eof=True)


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: 5\r\nContent-Length: 5\r\n",
        b"Content-Length: 5, 5\r\n",
        b"Content-Length: +5\r\n",
        b"Content-Length: -5\r\n",
        b"Content-Length:\r\n",
        b"Content-Length: 0x5\r\n",
        b"Content-Length: 5 5\r\n",
        b"Content-Length: 99999999999999999999999\r\n",
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        b"Transfer-Encoding: gzip, chunked\r\n",
        b"Transfer-Encoding: gzip\r\n",
        b"Transfer-Encoding: chunked, gzip\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding: chunked, chunked\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: \x0bchunked\r\n",
        b"Transfer-Encoding : chunked\r\n",
        b"Transfer-Encoding: identity, chunked\r\n",
    ],
)
def test_a_body_whose_end_can_be_read_in_two_ways_is_an_error(framing):
    with pytest.raises(errors.UpstreamError):
        read(OK + framing + b"\r\n5\r\nhello\r\n0\r\n\r\n")


@pytest.mark.parametrize(
    "chunks",
    [
        b"0x5\r\nhello\r\n",
        b"-5\r\nhello\r\n",
        b"+5\r\nhello\r\n",
        b"5\r\nhelloX\r\n",
        b"\r\nhello\r\n",
        b"ffffffffffffffffff\r\n",
        b"5;a\x00b\r\nhello\r\n",
        b"g\r\n",
    ],
)
def test_a_malformed_chunk_is_an_error(chunks):
    with pytest.raises(errors.UpstreamError):
        read(OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")


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
)
def test_where_bytes_are_cut_does_not_change_what_they_mean(data, cuts, method, eof):
    at_once = failure_of(data, method=method, eof=eof)
    in_pieces = failure_of(data, cuts=cuts, method=method, eof=eof)
    if isinstance(at_once, Exception) or isinstance(in_pieces, Exception):
        assert type(at_once) is type(in_pieces)
    else:
        # Whether surplus bytes were seen depends on when they came; all else may not.
        assert at_once.outcome[:5] == in_pieces.outcome[:5]
