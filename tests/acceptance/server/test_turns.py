"""A limit by operation, in a real server: it holds, and what is too much is told at once."""

from __future__ import annotations

from tests.acceptance.raw import until

SETTINGS = "CHANNELS_ASYNC_SERVER = {'CONCURRENCY': {'total': 6, 'REQUEST': 2}}"
FLOOD = 20


def test_a_flood_runs_two_at_a_time_lets_two_wait_and_refuses_the_rest(start_server, upstream):
    server = start_server(SETTINGS)
    for number in range(FLOOD):
        server.ask(upstream.url + "/gate", f"flood{number}")
    # Those who may not even wait hear of it while the first ones still run.
    refused = [server.whole_answer() for _ in range(FLOOD - 2 - 2)]
    assert {status for status, _, _ in refused} == {503}
    assert {headers[b"retry-after"] for _, headers, _ in refused} == {b"1"}
    until("two run", lambda: upstream.statistics()["at_once"] == 2)
    upstream.open()
    assert [server.whole_answer()[0] for _ in range(2 + 2)] == [200] * 4
    assert upstream.statistics()["most_at_once"] == 2
    assert upstream.statistics()["requests"] == 4
    assert server.waiting() == 0
