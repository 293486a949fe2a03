"""What may lie in Redis for a server: any bytes, any message nearly right; through codec and parser."""

from __future__ import annotations

import base64
import json

import msgpack
import pytest
from hypothesis import strategies as st

from channels_async import wire
from server_trio.errors import MessageRefused
from server_trio.layers.redis_codec import Codec
from tests.fuzz.rounds import damaged, few_edits, fuzz
from tests.house.tree import ROOT

NOW = 1000.0
REPLY = "daphne.response.AbCdEfGhIj!KlMnOpQrSt"
URL = {"url": "http://example.org/a?b=c"}
TYPED = [
    wire.encode("a", REPLY, headers=[(b"A", b"b")], body=b"x", timeout=5.0, sent_at=999.0, **URL),
    wire.encode("a", REPLY, operation="FORWARD", body_channel="http.request.body?abc", **URL),
    wire.encode("a", REPLY, operation="CALL", function="f", args=[1, {"a": [None]}], kwargs={"b": b"c"}),
    wire.encode("a", None, operation="COMMAND", reply_format="none", command="c", parameters={"n": "1"}),
]
OF_2017 = [
    msgpack.unpackb(base64.b64decode(each["message_base64"]), raw=False)
    for each in json.loads((ROOT / "tests/data/messages-2017-python2.json").read_text())
]
GOOD = TYPED + OF_2017

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=30)
    | st.binary(max_size=30)
    | st.sampled_from(["None", "http://h/", "a!b", "{'a': u'b'}", "['a', ('b',)]", b"GET"])
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=5) | st.integers(0, 9), inner, max_size=4)
    ),
    max_leaves=10,
)
fields = st.sampled_from(sorted({name for message in GOOD for name in message}))
nearly_right = st.builds(
    lambda good, changed, left_out: {
        name: value for name, value in {**good, **changed}.items() if name not in left_out
    },
    st.sampled_from(GOOD),
    st.dictionaries(fields | st.text(max_size=5), values | values.map(repr), max_size=3),
    st.sets(fields, max_size=2),
)


def verdict(content: object) -> str:
    """What the parser makes of a message; any exception but BadMessage is a bug."""
    try:
        operation = wire.parse(content, NOW)
    except wire.BadMessage as error:
        return refusal(error)
    nobody = operation.reply_channel is None and operation.reply_format == "none"
    assert nobody or wire.check_channel_name(operation.reply_channel)
    its_own = operation.id if operation.version == 2 else None  # 2017 messages are given one
    details = [getattr(operation.details, name) for name in operation.details.__slots__]
    common = [
        getattr(operation, name) for name in ("name", "reply_channel", "reply_format", "head", "timeout")
    ]
    return f"{its_own} {common} {operation.response_headers} {details}"


def refusal(error: wire.BadMessage) -> str:
    assert error.reason
    assert "\n" not in str(error)
    assert error.reply_channel is None or wire.check_channel_name(error.reply_channel)
    return f"refused {error.reason} {error.id} {error.reply_channel} {error.reply_format}"


def any_bytes(payload: bytes) -> None:
    received = Codec().decode("request.async", memoryview(payload))
    assert (received.content is None) or received.fault is None
    if received.fault is None:
        verdict(received.content)


def any_message(message: dict[str, object]) -> None:
    here = verdict(message)
    codec = Codec()
    try:
        name, payload = codec.encode("request.async", message)
    except MessageRefused:
        return
    received = codec.decode(name, memoryview(payload))
    if received.fault is None:  # such as keys that are no text
        assert verdict(received.content) == here


damaged_payloads = st.builds(damaged, st.sampled_from(GOOD).map(msgpack.packb), few_edits)


def test_any_bytes_in_redis_are_a_message_a_fault_or_a_bad_message():
    fuzz(any_bytes, payload=st.binary(max_size=300) | damaged_payloads)


def test_a_message_means_the_same_before_and_after_the_layer():
    fuzz(any_message, message=nearly_right)


@pytest.mark.parametrize("message", GOOD)
def test_what_the_rounds_begin_with_is_good(message):
    """Else they would only ever look at what the parser says first."""
    assert not verdict(message).startswith("refused") or message in OF_2017
    any_message(message)
