"""Reading responses, byte by byte and at once."""

import pytest

from server_trio import errors
from server_trio.limits import HttpLimits
from tests.http.reading import OK, read

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
        b"HTTP/2.0 200 OK\r\nProxy-Connection: keep-alive\r\nContent-Length: 0\r\n\r\n",
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
        b"HTTP/1.1 199 X\r\nContent-Length: 3\r\n\r\nabc",
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
