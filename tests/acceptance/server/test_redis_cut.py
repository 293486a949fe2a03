"""A network to Redis that breaks in the middle of replies, and a Redis that looks old."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator

import msgpack
import trio

from tests.acceptance.raw import PREFIX, REPLIES, Server, until
from tests.harness.redis_server import RedisServer
from tests.layers.proxy import Proxy, open_proxy

OPERATIONS = 200


@contextlib.contextmanager
def proxy_in_thread(redis: RedisServer, port: int = 0) -> Iterator[Proxy]:
    """A proxy that runs beside the test, which may set its attributes."""
    ready, found = threading.Event(), []

    async def run() -> None:
        async with open_proxy(redis, port) as proxy:
            found.append((proxy, trio.lowlevel.current_trio_token(), trio.CancelScope()))
            with found[0][2] as scope:
                ready.set()
                await trio.sleep_forever()
            assert scope.cancelled_caught

    thread = threading.Thread(target=trio.run, args=(run,))
    thread.start()
    assert ready.wait(20)
    proxy, token, scope = found[0]
    try:
        yield proxy
    finally:
        token.run_sync_soon(scope.cancel)
        thread.join()


@contextlib.contextmanager
def server_behind(proxy: Proxy, directory, redis: RedisServer) -> Iterator[Server]:
    text = f"CHANNEL_LAYERS['default']['CONFIG'].update(hosts=[{proxy.url!r}], capacity={2 * OPERATIONS})"
    server = Server(directory, redis, text)
    try:
        server.wait_until_ready()
        yield server
    finally:
        print(f"--- server (ended with {server.process.end()})\n{server.process.output()}")


def test_connections_cut_in_the_middle_of_replies_lose_and_double_nothing(tmp_path, redis, upstream):
    with proxy_in_thread(redis) as proxy, server_behind(proxy, tmp_path, redis) as server:
        proxy.tear_every = 5_000  # more than a reply with what is asked at once, or that is torn for ever
        for number in range(OPERATIONS):
            server.ask(upstream.url + "/echo", str(number), method="POST")
            if number % 5 == 4:
                until("some are answered", lambda least=number - 3: answered(redis) >= least)
        until("all are answered", lambda: answered(redis) >= OPERATIONS)
        proxy.tear_every = 0
        assert proxy.lost > 5
        server.ask(upstream.url + "/echo", "last")
        until("the last one is answered", lambda: answered(redis) > OPERATIONS)
        keys = redis.command("LRANGE", PREFIX + REPLIES, 0, -1)
        messages = [msgpack.unpackb(redis.command("GET", key), raw=False) for key in keys]
        names = Counter(message["__asgi_channel__"].partition("!")[2] for message in messages)
        assert names == Counter([*map(str, range(OPERATIONS)), "last"])
        assert {message["status"] for message in messages} == {200}
        assert upstream.statistics()["requests"] == OPERATIONS + 1
        until("the journal is empty", lambda: not redis.command("KEYS", f"{PREFIX}:journal:*"))


def test_a_browser_that_leaves_is_noticed_when_the_line_with_the_news_is_cut(tmp_path, redis, upstream):
    with proxy_in_thread(redis) as proxy, server_behind(proxy, tmp_path, redis) as server:
        server.ask(upstream.url + "/hang", "abc")
        until("the upstream is asked", lambda: upstream.statistics()["at_once"])
        proxy.lose_reply_to = rb"BL(POP|MOVE)\r\n.*http\.disconnect"
        server.put(msgpack.packb({"reply_channel": REPLIES + "somebody", "path": "/"}), "http.disconnect")
        until("the server waits on that line", lambda: proxy.lose_reply_to is None)
        server.put(msgpack.packb({"reply_channel": REPLIES + "abc", "path": "/"}), "http.disconnect")
        until("the upstream is left", lambda: not upstream.statistics()["at_once"])
        assert proxy.lost == 1


def answered(redis: RedisServer) -> int:
    return redis.command("LLEN", PREFIX + REPLIES)


def test_an_old_redis_is_named_and_served(tmp_path, redis, upstream):
    with proxy_in_thread(redis) as proxy:
        proxy.version_prefix = b"redis_version:5"
        with server_behind(proxy, tmp_path, redis) as server:
            server.process.wait_for_line("before 6.2 a message can be lost")
            for _ in range(3):
                server.ask(upstream.url + "/echo")
                assert server.whole_answer()[0] == 200
