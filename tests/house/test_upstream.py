"""The upstream of the tests does on the wire what its paths say."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import json
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.harness.upstream import Upstream, upstream_server
from tests.harness.upstream_app import pattern


@pytest.fixture(scope="module")
def upstream():
    with upstream_server() as server:
        yield server


def ask(upstream: Upstream, method: str, path: str, body: bytes = b"", headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", upstream.port, timeout=20)
    connection.request(method, path, body or None, headers or {})
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response.status, response.getheaders(), content


def test_echo_shows_the_request(upstream):
    status, _, content = ask(upstream, "PUT", "/echo/%20?a=1", b"\xff\x00", {"X-A": "1"})
    seen = json.loads(content)
    assert (status, seen["method"], seen["target"], seen["body_base64"]) == (
        200,
        "PUT",
        "/echo/%20?a=1",
        "/wA=",
    )
    assert ["X-A", "1"] in seen["headers"]


def test_headers_come_in_order_and_twice(upstream):
    _, headers, _ = ask(upstream, "GET", "/headers?X-A=1&x-b=2&X-A=3")
    assert headers[1:4] == [("X-A", "1"), ("x-b", "2"), ("X-A", "3")]


@pytest.mark.parametrize("path", ["/bytes/3000001", "/chunked/3?size=1000000", "/close-delimited"])
def test_large_bodies_arrive_whole_however_they_are_framed(upstream, path):
    _, _, content = ask(upstream, "GET", path)
    assert content == pattern(len(content))
    assert len(content) in (3_000_001, 3_000_000, 100_000)


def test_events_are_server_sent_events(upstream):
    _, headers, content = ask(upstream, "GET", "/events/2?interval=0")
    assert ("Content-Type", "text/event-stream") in headers
    assert content == b"id: 0\ndata: event 0\n\nid: 1\ndata: event 1\n\n"


def test_digest_tells_the_size_and_the_hash_of_a_body(upstream):
    _, _, content = ask(upstream, "POST", "/digest", b"body")
    assert json.loads(content) == {"size": 4, "sha256": hashlib.sha256(b"body").hexdigest()}


def test_gzip_is_gzip(upstream):
    _, headers, content = ask(upstream, "GET", "/gzip")
    assert ("Content-Encoding", "gzip") in headers
    assert gzip.decompress(content) == pattern(20_000)


@pytest.mark.parametrize("line", ["HEAD /bytes/10", "GET /status/204", "GET /status/304"])
def test_no_body_follows_where_http_has_none(upstream, line):
    with socket.create_connection(("127.0.0.1", upstream.port), 20) as connection:
        connection.sendall(f"{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        received = b""
        while data := connection.recv(65536):
            received += data
    assert received.endswith(b"\r\n\r\n")


def test_requests_at_once_are_counted(upstream):
    upstream.reset()
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(ask, upstream, "GET", "/gate/it") for _ in range(8)]
        while upstream.statistics()["at_once"] < 8:
            assert not any(each.done() for each in asked)
        upstream.open()
    assert [each.result()[0] for each in asked] == [200] * 8
    statistics = upstream.statistics()
    assert (statistics["requests"], statistics["at_once"], statistics["connections"]) == (8, 0, 8)
    assert statistics["most_at_once"] == 8
    assert [request["target"] for request in upstream.seen()] == ["/gate/it"] * 8


def test_a_client_that_leaves_is_noticed(upstream):
    upstream.reset()
    with socket.create_connection(("127.0.0.1", upstream.port), 20) as connection:
        connection.sendall(b"GET /hang HTTP/1.1\r\nHost: x\r\n\r\n")
        while not upstream.statistics()["at_once"]:
            pass
    while upstream.statistics()["at_once"]:
        pass


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/disconnect", http.client.RemoteDisconnected),
        ("/truncated", http.client.IncompleteRead),
        ("/garbage", http.client.BadStatusLine),
    ],
)
def test_broken_answers_are_broken(upstream, path, error):
    with pytest.raises(error):
        ask(upstream, "GET", path)
