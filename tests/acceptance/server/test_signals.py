"""How a server ends: what it has begun it finishes, within bounds."""

from __future__ import annotations

import signal

import pytest

from tests.acceptance.raw import until


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_finishes_what_is_in_flight_takes_nothing_more_and_exits_0(start_server, upstream, name):
    server = start_server("CHANNELS_ASYNC_SERVER = {'GRACE_TIME': 20}")
    server.ask(upstream.url + "/delay/2")
    until("the upstream is asked", lambda: upstream.statistics()["at_once"])
    server.process.signal(signal.Signals[name])
    server.process.wait_for_line(f"{name} received")
    server.ask(upstream.url + "/echo", "later")
    status, _, body = server.whole_answer()
    assert (status, body) == (200, b"after 2 s\n")
    assert server.process.wait() == 0
    assert server.waiting() == 1
    assert server.process.relatives() == []


def test_what_outlasts_the_grace_time_is_answered_503_and_it_exits_0(start_server, upstream):
    server = start_server("CHANNELS_ASYNC_SERVER = {'GRACE_TIME': 0.5}")
    server.ask(upstream.url + "/hang")
    until("the upstream is asked", lambda: upstream.statistics()["at_once"])
    server.process.signal(signal.SIGTERM)
    assert server.whole_answer()[0] == 503
    assert server.process.wait() == 0


def test_a_second_signal_ends_it_now_and_still_answers(start_server, upstream):
    server = start_server("CHANNELS_ASYNC_SERVER = {'GRACE_TIME': 1000}")
    server.ask(upstream.url + "/hang")
    until("the upstream is asked", lambda: upstream.statistics()["at_once"])
    server.process.signal(signal.SIGTERM)
    server.process.wait_for_line("SIGTERM received")
    server.process.signal(signal.SIGTERM)
    assert server.whole_answer()[0] == 503
    assert server.process.wait() == 1
    assert "Traceback" not in server.process.output()


def test_sighup_and_sigusr1_end_no_server_that_starts_or_exits(start_server, upstream):
    server = start_server(
        "import atexit, os, signal\n"
        "def receive():\n"
        "    for number in (signal.SIGHUP, signal.SIGUSR1):\n"
        "        os.kill(os.getpid(), number)\n"
        "receive()\n"
        "atexit.register(receive)\n"
        "atexit.register(print, 'exits')\n"
    )
    server.ask(upstream.url + "/echo")
    assert server.whole_answer()[0] == 200
    server.process.signal(signal.SIGTERM)
    assert server.process.wait() == 0
    assert server.process.output().endswith("exits")


def test_idle_it_ends_at_once_and_silently(start_server):
    server = start_server()
    server.process.signal(signal.SIGINT)
    assert server.process.wait() == 0
    assert "Traceback" not in server.process.output()


def test_what_a_killed_server_had_not_taken_the_next_one_answers(start_server, upstream):
    server = start_server()
    server.process.signal(signal.SIGSTOP)
    for number in range(5):
        server.ask(upstream.url + "/echo", str(number))
    server.process.signal(signal.SIGKILL)
    server.process.wait()
    taken = 5 - server.waiting()
    assert taken <= 1  # Redis may have handed one to the connection of the stopped server
    second = start_server()
    assert [second.whole_answer()[0] for _ in range(5 - taken)] == [200] * (5 - taken)


def test_a_redis_that_goes_away_and_comes_back_is_found_again(tmp_path, upstream):
    from tests.acceptance.raw import Server
    from tests.harness.redis_server import redis_server

    with redis_server() as redis:
        server = Server(tmp_path, redis)
        try:
            server.wait_until_ready()
            redis.kill()
            redis.start()
            server.ask(upstream.url + "/echo")
            assert server.whole_answer()[0] == 200
        finally:
            server.process.end()
            print(server.process.output())
