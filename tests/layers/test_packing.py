"""The bytes of messages: as msgpack writes them, and whatever else may lie on a channel."""

from __future__ import annotations

import base64
import contextlib
import enum
import json
import resource
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any

import msgpack  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server_trio.errors import MessageRefused
from server_trio.layers.packing import UnpackError, pack, unpack

DATA = Path(__file__).resolve().parents[1] / "data"

scalars = (
    st.none() | st.booleans() | st.binary(max_size=300) | st.text(max_size=300)
    | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False)
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=40) | st.dictionaries(st.text(max_size=10), inner, max_size=40),
    max_leaves=25,
)
messages = st.dictionaries(st.text(max_size=40), values, max_size=20)
keys = st.none() | st.booleans() | st.binary(max_size=5) | st.text(max_size=5) | st.integers(0, 300)


def read_by_msgpack(payload: bytes) -> Any:
    """As asgi_redis reads (core.py:524)."""
    if msgpack.version < (1, 0):
        return msgpack.unpackb(payload, encoding="utf8")
    return msgpack.unpackb(payload, raw=False, strict_map_key=False)


@settings(max_examples=40)  # each is many values
@given(messages)
def test_messages_are_packed_to_the_bytes_of_msgpack(message: dict[str, Any]) -> None:
    assert pack(message) == msgpack.packb(message, use_bin_type=True)


@given(st.dictionaries(keys, scalars, max_size=10))
def test_keys_of_a_python_2_client_are_read_as_msgpack_reads_them(content: dict[Any, Any]) -> None:
    payload = msgpack.packb(content, use_bin_type=True)
    assert unpack(payload) == read_by_msgpack(payload) == content


@settings(max_examples=40)  # each is many values
@given(messages)
def test_unpacking_gives_back_what_was_packed(message: dict[str, Any]) -> None:
    assert unpack(msgpack.packb(message, use_bin_type=True)) == message
    assert unpack(memoryview(pack(message))) == message


@pytest.mark.parametrize("bits", [5, 6, 7, 8, 15, 16, 31, 32, 63, 64])
def test_integers_take_the_form_of_msgpack_at_each_border(bits: int) -> None:
    for value in (2**bits - 1, -(2 ** (bits - 1)), -(2 ** (bits - 1)) - 1, min(2**bits, 2**64 - 1)):
        if value >= -(2**63):
            assert pack({"n": value}) == msgpack.packb({"n": value})


@pytest.mark.parametrize("size", [0, 1, 15, 16, 31, 32, 255, 256, 65535, 65536])
def test_lengths_take_the_form_of_msgpack_at_each_border(size: int) -> None:
    message = {
        "b": b"x" * size, "t": "x" * size, "l": [1] * size, "d": {str(number): 1 for number in range(size)},
    }  # fmt: skip
    assert pack(message) == msgpack.packb(message, use_bin_type=True)


class Colour(enum.IntEnum):
    RED = 1


class SafeText(str):
    """Like Django's."""

    def __str__(self) -> str:
        return self


def test_subclasses_are_packed_as_what_they_are_to_msgpack() -> None:
    message = OrderedDict(
        text=SafeText("a"), colour=Colour.RED, inner=OrderedDict(a=[SafeText("b")]), array=bytearray(b"c"),
        view=memoryview(b"d"), key={SafeText("k"): 1},
    )  # fmt: skip
    assert pack(message) == msgpack.packb(message, use_bin_type=True)


@given(st.binary(max_size=200))
def test_any_bytes_are_unpacked_or_refused(payload: bytes) -> None:
    try:
        content = unpack(payload)
    except UnpackError:
        return
    repr(content)


@settings(max_examples=40)  # each is many values
@given(messages, st.data())
def test_damaged_messages_are_unpacked_or_refused(message: dict[str, Any], data: st.DataObject) -> None:
    payload = bytearray(pack(message))
    for _ in range(data.draw(st.integers(1, 4))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(UnpackError):
        unpack(bytes(payload[: data.draw(st.integers(0, len(payload)))]))


BROKEN = {
    "nothing": b"",
    "half a message": pack({"a": "b"})[:-1],
    "two messages": pack({}) + pack({}),
    "the byte that msgpack never uses": b"\xc1",
    "an extension type": msgpack.packb(msgpack.ExtType(5, b"abc")),
    "an extension type inside": msgpack.packb({"a": [msgpack.ExtType(5, b"abc")]}),
    "text that is not UTF-8": b"\x81\xa1a\xa2\xff\xfe",
    "a dict as a key": b"\x81\x81\x01\x02\x03",
    "a list without end": b"\x91" * 100_000 + b"\x01",
    "a dict without end": b"\x81\x01" * 100_000 + b"\x01",
    "a list that claims 4 thousand million items": b"\xdd\xff\xff\xff\xff",
    "a dict that claims 4 thousand million items": b"\xdf\xff\xff\xff\xff",
    "bytes that claim 4 GB": b"\xc6\xff\xff\xff\xff",
    "text that claims 4 GB": b"\xdb\xff\xff\xff\xff",
    "lists in lists that all claim 2 GB": b"\xdd\x0f\xff\xff\xff" * 500,
    "a pickle": b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00}\x94\x8c\x01a\x94K\x01s.",
    "10 MB of nothing": bytes(10 << 20),
    "JSON": b'{"operation": "REQUEST"}',
}


@pytest.mark.parametrize("payload", BROKEN.values(), ids=BROKEN)
def test_what_is_no_message_is_refused_with_the_reason(payload: bytes) -> None:
    with pytest.raises(UnpackError, match=r"not a msgpack message: ."):
        unpack(payload)


def test_claimed_sizes_are_not_believed() -> None:
    """In a process of its own, which may take 500 MB more than it has."""
    program = (
        "import resource, sys\n"
        "from server_trio.layers.packing import UnpackError, unpack\n"
        "from tests.layers.test_packing import BROKEN\n"
        "pages = int(open('/proc/self/statm').read().split()[0])\n"
        "resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + (500 << 20),) * 2)\n"
        "for payload in BROKEN.values():\n"
        "    try:\n        unpack(payload)\n"
        "    except UnpackError as error:\n"
        "        assert not isinstance(error.__cause__, MemoryError), payload[:20]\n"
    )
    if not hasattr(resource, "RLIMIT_AS") or not Path("/proc/self/statm").exists():
        pytest.skip("measures memory by /proc")
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=DATA.parents[1], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_what_is_no_dict_is_refused() -> None:
    with pytest.raises(MessageRefused, match="a message is a dict, not list"):
        pack([])  # type: ignore[arg-type]


@pytest.mark.parametrize("file", ["messages-2017-python2.json", "daphne-requests-python2.json"])
def test_messages_of_real_python_2_clients_are_read_and_written_byte_for_byte(file: str) -> None:
    payloads = [
        base64.b64decode(value)
        for entry in json.loads((DATA / file).read_text())
        for name, value in entry.items()
        if name.endswith("_base64") and value
    ]
    assert len(payloads) > 5
    for payload in payloads:
        content = unpack(payload)
        assert content == read_by_msgpack(payload)
        assert "reply_channel" in content
        assert pack(content) == payload
