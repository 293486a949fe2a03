"""More operations than places, in a real server: what waits, what is refused, and who is not held up."""

from __future__ import annotations

import time

from tests.acceptance.raw import until

#: Two connections to one upstream, and places for more than may wait for them.
ONE_SLOW_HOST = "CHANNELS_ASYNC_SERVER = {'CONCURRENCY': {'total': 20, 'per_host': 2}, 'GRACE_TIME': 1}"
FLOOD = 60


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
    server.ask(upstream.url + "/delay/1.5", "running")
    until("the first one runs", lambda: upstream.statistics()["at_once"] == 1)
    for number in range(20):
        server.ask(
            upstream.url + "/echo", f"late{number}", v=2, id=f"{number:032}", sent_at=time.time(),
            timeout=0.5, method="GET", headers=[], body=None, response_headers=[], reply_format="http",
            allow_redirects=True, max_redirects=20,
        )  # fmt: skip
    assert server.waiting() == 20
    answers = [server.whole_answer() for _ in range(21)]
    assert [status for status, _, _ in answers] == [200] + [504] * 20
    assert all(b"before it could be begun" in body for _, _, body in answers[1:])
    assert upstream.statistics()["requests"] == 1
    server.ask(upstream.url + "/echo")
    assert server.whole_answer()[0] == 200
