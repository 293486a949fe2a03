"""Feeding bytes to the parser of responses, for its tests."""

import itertools

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
