"""An upstream that fails and fails is left alone by a real server: 503 with Retry-After, at once."""

from __future__ import annotations

from tests.harness.redis_server import free_port


def test_an_upstream_that_refuses_is_not_asked_after_so_many_failures(start_server, upstream):
    server = start_server("CHANNELS_ASYNC_SERVER = {'HTTP': {'breaker_failures': 2, 'breaker_open': 600}}")
    nobody = f"http://127.0.0.1:{free_port()}/"
    answers = []
    for _ in range(3):
        server.ask(nobody)
        answers.append(server.whole_answer())
    assert [status for status, _, _ in answers] == [502, 502, 503]
    assert 590 <= int(answers[2][1][b"retry-after"]) <= 600
    assert b"left alone" in answers[2][2]
    server.ask(upstream.url + "/echo/good")
    assert server.whole_answer()[0] == 200
