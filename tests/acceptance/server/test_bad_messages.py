"""Anything may lie on request.async. The server answers where it can, and goes on."""

from __future__ import annotations

import msgpack
import pytest

from tests.acceptance.raw import REPLIES

V2 = {
    "v": 2,
    "operation": "REQUEST",
    "id": "0" * 32,
    "reply_channel": REPLIES + "bad",
    "reply_format": "http",
    "sent_at": 0.0,
    "response_headers": [],
    "url": "http://127.0.0.1/",
    "method": "GET",
    "headers": [],
    "body": b"",
    "allow_redirects": True,
    "max_redirects": 20,
}
NOBODY_TO_ANSWER = {
    "not msgpack": b"\xc1\xc1\xc1",
    "nothing": b"",
    "half a message": msgpack.packb(V2)[:40],
    "text": msgpack.packb("hello"),
    "a list": msgpack.packb([1, 2, 3]),
    "a number": msgpack.packb(7),
    "nil": msgpack.packb(None),
    "an empty dict": msgpack.packb({}),
    "keys that are numbers": msgpack.packb({1: 2}),
    "10 MB of zeros": bytes(10 * 1024 * 1024),
    "10 MB of text": msgpack.packb({"operation": "x" * 10 * 1024 * 1024}),
    "deep lists": b"\x91" * 100_000,
    "a length that lies": b"\xdf\xff\xff\xff\xff",
    "no reply channel": msgpack.packb({"operation": "REQUEST", "url": "http://127.0.0.1/"}),
    "a reply channel that is no name": msgpack.packb({**V2, "reply_channel": "no channel\n!"}),
    "a reply channel that is a number": msgpack.packb({**V2, "reply_channel": 5}),
    "a reply channel that is too long": msgpack.packb({**V2, "reply_channel": "a" * 200}),
    "an extension type": msgpack.packb(msgpack.ExtType(5, b"x")),
}
ANSWERED = {
    "an unknown operation": {**V2, "operation": "DANCE"},
    "an operation that is a list": {**V2, "operation": ["REQUEST"]},
    "an unknown field": {**V2, "surprise": 1},
    "a url that is a number": {**V2, "url": 5},
    "a url of another scheme": {**V2, "url": "file:///etc/passwd"},
    "a url without a host": {**V2, "url": "http://"},
    "headers that are text": {**V2, "headers": "X: 1"},
    "a header with a line break": {**V2, "headers": [[b"x", b"1\r\nY: 2"]]},
    "a body that is a dict": {**V2, "body": {}},
    "a timeout that is text": {**V2, "timeout": "soon"},
    "an unknown version": {**V2, "v": 3},
    "a dict of 2017 that is code": {
        "operation": "REQUEST",
        "reply_channel": REPLIES + "bad",
        "url": "http://127.0.0.1/",
        "headers": "__import__('os').system('true')",
    },
}


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory, shared_redis):
    from tests.acceptance.raw import Server

    shared_redis.command("FLUSHALL")
    server = Server(tmp_path_factory.mktemp("bad"), shared_redis)
    server.wait_until_ready()
    yield server
    server.process.end()
    print(server.process.output())


@pytest.fixture
def lasting_server(shared_server, upstream):
    """A server that answers a good message after whatever the test has sent it."""
    yield shared_server
    shared_server.ask(upstream.url + "/echo/good", "good")
    message = shared_server.answer()
    assert (message["__asgi_channel__"], message["status"]) == (REPLIES + "good", 200)
    assert shared_server.process.returncode is None


@pytest.mark.parametrize("what", list(NOBODY_TO_ANSWER))
def test_what_nobody_can_be_told_of_does_no_harm(lasting_server, what):
    lasting_server.put(NOBODY_TO_ANSWER[what])


@pytest.mark.parametrize("what", list(ANSWERED))
def test_what_has_a_reply_channel_is_answered_with_an_error(lasting_server, what):
    lasting_server.put(msgpack.packb(ANSWERED[what]))
    message = lasting_server.answer()
    assert message["__asgi_channel__"] == REPLIES + "bad"
    assert 400 <= message["status"] < 600
    assert not message.get("more_content")
