"""What a server takes from its channel, and what it says of it."""

from __future__ import annotations

import msgpack
import pytest

from tests.acceptance.raw import REPLIES


def test_each_bad_message_is_one_line_in_the_log(server):
    server.put(b"\xc1")
    server.put(msgpack.packb({"operation": "DANCE", "reply_channel": REPLIES + "x"}))
    server.answer()
    server.process.wait_for_line("DANCE")
    _, lines = server.process.output().split("ready\n")
    assert len(lines.splitlines()) == 2
    assert "Traceback" not in lines


@pytest.mark.parametrize("count", [1, 99, 1000])
def test_names_whose_messages_have_expired_are_passed_over_however_many(server, upstream, count):
    """The body of a message expires before its name does (asgi_redis/core.py:536-538)."""
    server.redis.command("RPUSH", "asgi:request.async", *[f"asgi:expired{number}" for number in range(count)])
    server.ask(upstream.url + "/echo")
    assert server.whole_answer()[0] == 200


def test_an_expired_name_is_passed_over_by_a_server_with_one_place(start_server, upstream):
    server = start_server("CHANNELS_ASYNC_SERVER = {'CONCURRENCY': {'total': 1}}")
    server.redis.command("RPUSH", "asgi:request.async", "asgi:expired1", "asgi:expired2")
    server.ask(upstream.url + "/echo")
    assert server.whole_answer()[0] == 200
