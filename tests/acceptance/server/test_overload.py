"""More operations than places, in a real server: what waits, what is refused, and who is not held up."""

from __future__ import annotations

import time
import uuid

import msgpack

from tests.acceptance.raw import PREFIX, REPLIES, until

#: Two connections to one upstream, and places for more than may wait for them.
ONE_SLOW_HOST = "CHANNELS_ASYNC_SERVER = {'CONCURRENCY': {'total': 20, 'per_host': 2}, 'GRACE_TIME': 1}"
FLOOD = 60

PLACES = 4
CAPACITY = 20  # of the channel
ACCEPTED = 300

#: Puts a message on a channel unless it is full, as asgi_redis does (asgi_redis/core.py:531-557). Returns how
#: many answers there are at that moment, -1 when it was full.
PUT = """
if redis.call('LLEN', KEYS[1]) >= tonumber(ARGV[2]) then return -1 end
redis.call('SET', KEYS[2], ARGV[1], 'EX', 60)
redis.call('RPUSH', KEYS[1], KEYS[2])
return redis.call('LLEN', KEYS[3])
"""


def test_a_slow_upstream_leaves_places_for_the_others(start_server, upstream):
    server = start_server(ONE_SLOW_HOST)
    for number in range(FLOOD):
        server.ask(upstream.url + "/hang", f"flood{number}")
    refused = [server.whole_answer() for _ in range(FLOOD - 2 - 8)]  # two run, four for each of them wait
    assert {status for status, _, _ in refused} == {503}
    assert {headers[b"retry-after"] for _, headers, _ in refused} == {b"1"}
    assert b"are waiting" in refused[0][2]
    # The same upstream under another name is another one to the server.
    server.ask(f"http://localhost:{upstream.port}/echo")
    assert server.whole_answer()[0] == 200
    assert upstream.statistics()["most_at_once"] == 3
    assert server.waiting() == 0


def test_what_waits_in_redis_until_its_time_is_over_is_never_asked_of_the_upstream(start_server, upstream):
    server = start_server("CHANNELS_ASYNC_SERVER = {'CONCURRENCY': {'total': 1}}")
    server.ask(upstream.url + "/gate", "running")
    until("the first one runs", lambda: upstream.statistics()["at_once"] == 1)
    for number in range(20):
        server.ask(
            upstream.url + "/echo", f"late{number}", v=2, id=f"{number:032}", sent_at=time.time(),
            timeout=0.5, method="GET", headers=[], body=None, response_headers=[], reply_format="http",
            allow_redirects=True, max_redirects=20,
        )  # fmt: skip
    too_late = time.time() + 0.5
    assert server.waiting() == 20
    until("their time is over", lambda: time.time() > too_late)
    upstream.open()
    answers = [server.whole_answer() for _ in range(21)]
    assert [status for status, _, _ in answers] == [200] + [504] * 20
    assert all(b"before it could be begun" in body for _, _, body in answers[1:])
    assert upstream.statistics()["requests"] == 1
    server.ask(upstream.url + "/echo")
    assert server.whole_answer()[0] == 200


def test_what_is_accepted_in_a_flood_waits_for_what_the_channel_holds(start_server, redis, upstream):
    """So its latency is bounded, by (places + capacity) / places times what one takes."""
    start_server(
        f"CHANNELS_ASYNC_SERVER = {{'CONCURRENCY': {{'total': {PLACES}}}}}\n"
        f"CHANNEL_LAYERS['default']['CONFIG']['capacity'] = {2 * ACCEPTED}"  # of the replies: read at the end
    )
    channel, replies = PREFIX + "request.async", PREFIX + REPLIES
    before, refused = [], 0  # answers there were when each was accepted
    with redis.connect() as connection:
        while len(before) < ACCEPTED:
            name, url = f"{REPLIES}{len(before)}", f"{upstream.url}/delay/0.05"
            body = msgpack.packb({"operation": "REQUEST", "reply_channel": name, "url": url})
            key = PREFIX + uuid.uuid4().hex
            answers = connection.command("EVAL", PUT, 3, channel, key, replies, body, CAPACITY)
            if answers == -1:
                refused += 1
                time.sleep(0.001)  # the next of the crowd
            else:
                before.append(answers)
        until("all are answered", lambda: connection.command("LLEN", replies) >= ACCEPTED, 60)
        keys = connection.command("LRANGE", replies, 0, -1)
        messages = [msgpack.unpackb(connection.command("GET", key), raw=False) for key in keys]
    assert refused > ACCEPTED
    assert [message["status"] for message in messages] == [200] * ACCEPTED  # one message each
    order = [int(message["__asgi_channel__"].partition("!")[2]) for message in messages]
    waited = [order.index(number) - before[number] for number in range(ACCEPTED)]
    # First come first served would be PLACES + CAPACITY; those that run beside each other may change places.
    assert max(waited) < 2 * (PLACES + CAPACITY), waited
    assert upstream.statistics()["most_at_once"] == PLACES
