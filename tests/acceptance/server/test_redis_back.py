"""Redis was away and is back: the server takes operations again in under two seconds.

These tests measure time, because a time is what is promised. The pauses between attempts have grown to the
longest before Redis comes back; with a second for the longest of them, a second is left for a busy machine.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator

from tests.acceptance.raw import until
from tests.harness.redis_server import free_port, redis_server, sentinel_server

from .test_redis_away import own_redis, start_here  # noqa: F401 - fixtures
from .test_redis_cut import proxy_in_thread, server_behind

PROMISED = 2.0  # seconds from a Redis that answers PING to an operation that is being done
LOOK = 0.1  # seconds that a look at the upstream counts for at most; it takes a tenth of that
LONG = 3.0  # seconds of an outage; the pauses grow to their longest within 1.6 s


@contextlib.contextmanager
def nobody_home(port: int) -> Iterator[list[float]]:
    """In place of a Redis: every connection is closed at once. Yields the times when somebody tried."""
    knocks: list[float] = []

    def answer() -> None:
        with contextlib.suppress(OSError):  # at the end
            while True:
                listener.accept()[0].close()
                knocks.append(time.monotonic())

    with socket.create_server(("127.0.0.1", port)) as listener:
        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        try:
            yield knocks
        finally:
            listener.shutdown(socket.SHUT_RDWR)  # or accept() would go on
            thread.join()


def is_long(knocks: list[float]) -> bool:
    return bool(knocks) and knocks[-1] - knocks[0] > LONG


def seconds_until_one_is_done(server, upstream) -> float:
    """A pause of the whole machine, which is none of the server's, counts for LOOK."""
    upstream.reset()
    server.ask(upstream.url + "/echo")
    seconds, last = 0.0, time.monotonic()

    def is_asked() -> bool:
        nonlocal seconds, last
        asked, before, last = upstream.statistics()["requests"], last, time.monotonic()
        seconds += min(last - before, LOOK)
        return bool(asked)

    until("the upstream is asked", is_asked)
    return seconds


def test_after_a_restart(start_here, own_redis, upstream):  # noqa: F811
    server = start_here()
    own_redis.kill()
    with nobody_home(own_redis.port) as knocks:
        until("it has tried for long", lambda: is_long(knocks))
    own_redis.start()
    assert seconds_until_one_is_done(server, upstream) < PROMISED


def test_after_a_standstill(start_here, own_redis, upstream):  # noqa: F811
    server = start_here()
    os.kill(own_redis.pid, signal.SIGSTOP)
    try:
        server.process.wait_for_line("does not answer")
    finally:
        os.kill(own_redis.pid, signal.SIGCONT)
    assert own_redis.command("PING") == b"PONG"
    assert seconds_until_one_is_done(server, upstream) < PROMISED


def test_after_the_way_to_it_was_gone(tmp_path, redis, upstream):
    port = free_port()
    with contextlib.ExitStack() as stack:
        with proxy_in_thread(redis, port) as proxy:
            server = stack.enter_context(server_behind(proxy, tmp_path, redis))
        with nobody_home(port) as knocks:
            until("it has tried for long", lambda: is_long(knocks))
        with proxy_in_thread(redis, port):
            assert seconds_until_one_is_done(server, upstream) < PROMISED
            stack.close()  # the server, while it has a Redis


def test_after_a_failover(start_here, upstream):  # noqa: F811
    with (
        redis_server() as master,
        redis_server("--replicaof", f"127.0.0.1 {master.port}") as replica,
        sentinel_server(master) as sentinel,
    ):
        sentinel.command("SENTINEL", "SET", sentinel.service, "failover-timeout", 1000)
        sentinel.command("SENTINEL", "SET", sentinel.service, "down-after-milliseconds", int(LONG * 1000))
        until("the replica is known", lambda: sentinel.command("SENTINEL", "REPLICAS", sentinel.service))
        config = {"hosts": [(sentinel.host, sentinel.port)], "services": [sentinel.service]}
        layer = {"BACKEND": "asgi_redis.RedisSentinelChannelLayer", "CONFIG": config}
        server = start_here(f"CHANNEL_LAYERS = {{'default': {layer!r}}}", master)
        master.kill()
        until("the replica leads", replica.is_master)
        new = [replica.host.encode(), str(replica.port).encode()]
        question = ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", sentinel.service)
        until("Sentinel knows", lambda: sentinel.command(*question) == new)
        server.redis = replica
        assert seconds_until_one_is_done(server, upstream) < PROMISED
