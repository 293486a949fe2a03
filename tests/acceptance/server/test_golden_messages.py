"""Every message that the client of 2017 put on the channel under Python 2.7 is understood and answered."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import msgpack
import pytest

DATA = Path(__file__).resolve().parents[2] / "data" / "messages-2017-python2.json"
GOLDEN = {entry["name"]: base64.b64decode(entry["message_base64"]) for entry in json.loads(DATA.read_text())}
ORIGINS = ("https://github.com", "https://example.org")

# What the upstream must see of each, besides a GET without a body.
EXPECTED = {
    "plain": {"target": "/"},
    "py2 native str url": {"target": "/octocat"},
    "unicode url": {"target": "/caf%C3%A9?q=%E2%98%83"},
    "params dict": {"target": "/?a=1&b=x+y"},
    "params native str dict": {"target": "/?a=1"},
    "headers dict": {"target": "/", "headers": {"x-token": "s3cret", "accept": "application/json"}},
    "timeout int": {"target": "/"},
    "timeout float": {"target": "/"},
    "timeout none": {"target": "/"},
    "allow_redirects false": {"target": "/"},
    "data dict": {"body": "k=v", "headers": {"content-type": "application/x-www-form-urlencoded"}},
    "data text": {"body": "a=b&c=d"},
    "json dict": {"json": {"k": [1, None, True, "é"]}, "headers": {"content-type": "application/json"}},
    "cookies": {"headers": {"cookie": "sid=abc"}},
    "several": {"target": "/x", "headers": {"a": "1"}},
}


def at_home(packed: bytes, upstream_url: str) -> bytes:
    """The message with its URL pointed at the local upstream, all else byte for byte what it was."""
    message = msgpack.unpackb(packed, raw=False)
    url = next(message["url"].replace(origin, upstream_url) for origin in ORIGINS if origin in message["url"])
    return msgpack.packb({**message, "url": url}, use_bin_type=True)


def test_there_is_an_expectation_for_each():
    assert set(EXPECTED) == set(GOLDEN)


def test_repacking_alone_changes_no_byte():
    for packed in GOLDEN.values():
        assert msgpack.packb(msgpack.unpackb(packed, raw=False), use_bin_type=True) == packed


@pytest.fixture(scope="module")
def seen(tmp_path_factory, shared_redis, shared_upstream):
    """What the upstream saw and what came back, by the message's name; one server for all."""
    from tests.acceptance.raw import PREFIX, Server

    shared_redis.command("FLUSHALL")
    server = Server(tmp_path_factory.mktemp("golden"), shared_redis)
    found = {}
    try:
        server.wait_until_ready()
        for name, packed in GOLDEN.items():
            shared_upstream.reset()
            channel = msgpack.unpackb(packed, raw=False)["reply_channel"]
            server.put(at_home(packed, shared_upstream.url))
            key = shared_redis.command("BLPOP", f"{PREFIX}{channel.partition('!')[0]}!", 30)
            assert key, f"{name} was not answered:\n{server.process.output()}"
            reply = msgpack.unpackb(shared_redis.command("GET", key[1]), raw=False)
            assert reply["__asgi_channel__"] == channel
            found[name] = (shared_upstream.seen(), reply)
    finally:
        server.process.end()
        print(server.process.output())
    return found


@pytest.mark.parametrize("name", list(GOLDEN))
def test_it_reaches_the_upstream_as_it_was_meant_and_is_answered(seen, name):
    [request], reply = seen[name]
    expected = EXPECTED[name]
    assert reply["status"] == 200
    assert json.loads(reply["content"])["target"] == request["target"]
    assert request["method"] == "GET"
    assert request["target"] == expected.get("target", "/")
    headers = {key.lower(): value for key, value in request["headers"]}
    wanted = expected.get("headers", {})
    assert {key: headers.get(key, "").partition(";")[0] for key in wanted} == wanted
    if "json" in expected:
        assert json.loads(request["body"]) == expected["json"]
    else:
        assert request["body"] == expected.get("body", "")
