"""A limit by operation, in a real server: it holds, and what is too much is told at once."""

from __future__ import annotations

SETTINGS = "CHANNELS_ASYNC_SERVER = {'CONCURRENCY': {'total': 6, 'REQUEST': 2}}"
FLOOD = 20


def test_a_flood_runs_two_at_a_time_lets_two_wait_and_refuses_the_rest(start_server, upstream):
    server = start_server(SETTINGS)
    for number in range(FLOOD):
        server.ask(upstream.url + "/delay/2", f"flood{number}")
    answers = [server.whole_answer() for _ in range(FLOOD)]
    statuses = [status for status, _, _ in answers]
    assert set(statuses) == {200, 503}
    assert upstream.statistics()["most_at_once"] == 2
    assert upstream.statistics()["requests"] == statuses.count(200)
    assert statuses.count(200) >= 4
    # Those who may not even wait hear of it while the first ones still run.
    assert statuses[0] == 503
    assert {headers[b"retry-after"] for status, headers, _ in answers if status == 503} == {b"1"}
    assert server.waiting() == 0
