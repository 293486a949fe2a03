"""No byte that an upstream sends makes two headers, or two responses, of one."""

from __future__ import annotations

import pytest

from server_trio import errors
from server_trio.http.parser import ResponseParser
from server_trio.limits import HttpLimits

TEMPLATES = {
    "in a value": b"X: a%bb",
    "before a value": b"X:%bb",
    "after a value": b"X: a%b",
    "in a name": b"X%bY: b",
    "after a name": b"X%b: b",
    "at the beginning of a line": b"X: a\r\n%bY: b",
    "in the reason": None,
}
CONTROLS = [bytes([number]) for number in (*range(9), *range(10, 32), 127)]


def read(data: bytes) -> ResponseParser | None:
    """The response, None where it is refused."""
    parser = ResponseParser("upstream", HttpLimits())
    parser.begin(head_request=False)
    try:
        parser.feed(data)
    except errors.UpstreamError:
        return None
    return parser


@pytest.mark.parametrize("where", TEMPLATES)
def test_no_control_character_gets_into_a_header_wherever_it_stands(where: str) -> None:
    template = TEMPLATES[where]
    for control in (*CONTROLS, b"\r\n ", b"\r\n\t", b"\n\r", b"\r\r", b"\0\r\n"):
        status = b"HTTP/1.1 200 O" + (control if template is None else b"") + b"K\r\n"
        line = b"" if template is None else template % control + b"\r\n"
        response = read(status + line + b"Content-Length: 0\r\n\r\n")
        if response is None:
            continue
        for name, value in response.headers:
            assert not set(name + value) & set(b"".join(CONTROLS)), (control, response.headers)
        assert b"\r" not in response.reason
        assert b"\n" not in response.reason


@pytest.mark.parametrize("fold", [b"\r\n ", b"\r\n\t", b"\n "])
def test_a_folded_line_is_refused(fold: bytes) -> None:
    """RFC 9112 section 5.2: a proxy may refuse it; passing it on could split it."""
    assert read(b"HTTP/1.1 200 OK\r\nX: a" + fold + b"b: c\r\nContent-Length: 0\r\n\r\n") is None
