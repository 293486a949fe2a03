"""What Redis does for a site: for each request, and for each server that is there.

    python benchmarks/redis_costs.py [--requests 20000]

Prints the processor time of Redis for what daphne and a worker ask of it for one request (asgi_redis's own
commands, from fifty connections at once); for the heartbeat of one of 10, 100 and 1000 servers, with what
the server itself takes for it; the server's for each browser of the site that is done; the length of a
report; and the connections of one server to 1, 2 and 4 shards.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import pathlib
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
import redis
import trio
from load import SEND, SETTINGS, Load, end_on_signals, process, redis_server, run_in_trio, upstream
from server_idle import processor_seconds

from server_trio.disconnects import NEWS, Disconnects, _lines, _of_lines
from server_trio.layers import LayerSpec
from server_trio.layers.open import make_backend
from server_trio.layers.redis_layer import open_redis_layer
from tests.harness.redis_server import RedisServer

LANES = 50  # connections whose commands arrive at once
BODY = b"x" * 600  # of a message
LEFT = b"x" * 60  # of a message on http.disconnect
ANSWERS = "asgi:daphne.response.costs!"
SERVERS = (10, 100, 1000)
SHARDS = (1, 2, 4)
BEATS = 200  # within the three seconds after which a server that stands still is taken for dead
PIECES = 800  # of news; Redis keeps about a thousand
ANSWERED = 20.0  # seconds at the most, for a few operations
OWN = "benchmark"  # the name of this process's connections
DOES_NOT_LOOK = ("--disconnect-channels", "")
LOOKERS = ("of Redis", "of the server that looks", "of each other that is told")

Command = list[Any]


def client_of(server: RedisServer) -> redis.Redis[bytes]:
    """A client of this process, which can be told from the servers'."""
    return redis.Redis.from_url(server.url, client_name=OWN)


def of_a_request(answers: list[str]) -> Iterator[list[Command]]:
    """What LANES connections send at the same time, step by step, for as many requests.

    A send is asgi_redis/core.py:147-189, a worker's receive :213-220, daphne's :552-560 and :219-220. The
    server's own part is not in it: costs.py has that.
    """

    def names() -> list[str]:
        return [f"asgi:{uuid.uuid4().hex}" for _ in range(LANES)]

    def send(channel: str, keys: list[str], body: bytes) -> Iterator[list[Command]]:
        yield [["EVALSHA", "chansend", 2, key, f"asgi:{channel}", body, 60, 10**6] for key in keys]
        counters = [f"asgi-meta:{channel}:messages_count", "asgi-meta:#global#:messages_count"]
        yield [["EVALSHA", "incrstatcounters", 2, *counters, 3600, 86400] for _ in keys]

    requests = names()
    yield from send("http.request", requests, BODY)
    yield [["BLPOP", "asgi:http.request", 5] for _ in requests]
    yield [["GET", key] for key in requests]
    yield [["DEL", key] for key in requests]
    yield from send("request.async", names(), BODY)
    yield [["EVALSHA", "lpopmany", 1, ANSWERS] for _ in answers]
    yield [["GET", key] for key in answers]
    yield [["DEL", key] for key in answers]
    yield from send("http.disconnect", names(), LEFT)


def site_part(server: RedisServer, client: redis.Redis[bytes], requests: int) -> float:
    """Seconds of Redis's processor for what daphne and a worker do for a request."""
    layer = make_backend(LayerSpec("default", "asgi_redis.RedisChannelLayer", {"hosts": [server.url]}))
    scripts = {
        name: client.script_load(getattr(layer, f"lua_{name}"))
        for name in ("chansend", "incrstatcounters", "lpopmany")
    }
    answer = client.register_script(SEND)
    lanes = [client.connection_pool.get_connection() for _ in range(LANES)]
    began = processor_seconds(server.pid)
    for _ in range(requests // LANES):
        answers = [f"asgi:{uuid.uuid4().hex}" for _ in range(LANES)]
        answer(keys=[ANSWERS, *answers], args=[BODY] * LANES)
        for commands in of_a_request(answers):
            for lane, command in zip(lanes, commands, strict=True):
                lane.send_command(*(scripts.get(word, word) for word in command))
            for lane in lanes:
                lane.read_response()
    used = processor_seconds(server.pid) - began
    client.flushdb()
    for lane in lanes:
        lane.disconnect()
    return used / requests


async def heartbeat(url: str, client: redis.Redis[bytes], servers: int) -> tuple[float, float]:
    """Seconds of Redis's and of a server's processor for one heartbeat among so many servers."""
    backend = make_backend(LayerSpec("default", "asgi_redis.RedisChannelLayer", {"hosts": [url]}))
    async with open_redis_layer(backend, visiting=True) as layer:
        names = [uuid.uuid4().hex[:16] for _ in range(servers)]
        client.hset("asgi::servers", mapping={name: f"{name} 1" for name in names})
        journal = layer._shards[0].journal
        await journal.beat()
        before = client.info("commandstats")["cmdstat_evalsha"]["usec"]
        began, beats, end = time.process_time(), 0, trio.current_time() + 2
        while beats < BEATS and trio.current_time() < end:
            await journal.beat()
            beats += 1
        used = time.process_time() - began
        usec = client.info("commandstats")["cmdstat_evalsha"]["usec"] - before
    client.flushdb()
    return usec / beats / 1e6, used / beats


async def news(url: str, names: int) -> float:
    """Seconds of a server's processor for a piece of news, of so many browsers that are done.

    The pieces have piled up: a server that hears one at a time takes longer.
    """
    backend = make_backend(LayerSpec("default", "asgi_redis.RedisChannelLayer", {"hosts": [url]}))
    done = [(f"daphne.response.AbCdEfGhIj!{uuid.uuid4().hex[:10]}", math.inf) for _ in range(names)]
    disconnects = Disconnects(lambda channel, until: False)
    async with (
        open_redis_layer(backend, visiting=True) as layer,
        open_redis_layer(backend, visiting=True) as other,
    ):
        await other.tell(NEWS + _lines(done))
        with trio.move_on_after(0.1):
            await layer.hear()
        for _ in range(PIECES):
            await other.tell(NEWS + _lines(done))
        heard, began = 0, time.process_time()
        while heard < PIECES:
            for text in await layer.hear():
                disconnects._leave(_of_lines(text[len(NEWS) :]))
                heard += 1
        return (time.process_time() - began) / PIECES


@contextlib.contextmanager
def serving(server: RedisServer, shards: int, *words: str, delay: float = 0) -> Iterator[tuple[int, Load]]:
    """A server over so many shards, which has done some operations, and its load. Databases of one Redis."""
    base = server.url.rpartition("/")[0]
    hosts = '", "'.join(f"{base}/{number}" for number in range(shards))
    pathlib.Path("benchmark_settings.py").write_text(SETTINGS.format(url=hosts))
    with upstream(delay=delay) as url, process("-m", "server_trio", *words, "benchmark_settings") as child:
        load = Load(client_of(server), url + "/")
        load.run(200, 50)
        time.sleep(2)  # its first report, and its questions
        yield child.pid, load


def connections(server: RedisServer, shards: int, *words: str) -> dict[int, int]:
    """Connections of one server to Redis, by shard, once it has sent answers to each."""
    client = client_of(server)
    client.flushall()
    names = [f"daphne.response.costs{number:05}!" for number in range(20 * shards)]  # a hash spreads them
    base = server.url.rpartition("/")[0]
    with contextlib.ExitStack() as stack:
        _, load = stack.enter_context(serving(server, shards, *words))
        for name in names:
            Load(client, "", {**load._message(), "reply_channel": name + "costs"}).send(1)
        databases = [redis.Redis.from_url(f"{base}/{number}", client_name=OWN) for number in range(shards)]
        end = time.monotonic() + ANSWERED
        while sum(one.exists(*("asgi:" + name for name in names)) for one in databases) < len(names):
            if time.monotonic() > end:
                raise SystemExit(f"the server has not answered within {ANSWERED:g} s")
            time.sleep(0.05)
        of_it = [int(one["db"]) for one in client.client_list() if one["name"] != OWN]
    return dict(sorted(Counter(of_it).items()))


def report(server: RedisServer) -> int:
    """Bytes of the report of a server that has many operations at work."""
    client = client_of(server)
    with serving(server, 1, delay=1) as (_, load):
        load.send(200)
        sizes = []
        for _ in range(20):
            time.sleep(0.1)
            sizes += [client.strlen(b"asgi::report:" + id) for id in client.hkeys("asgi::servers")]
        return max(sizes)


def leaving(server: RedisServer, seconds: float = 10) -> tuple[float, float, float]:
    """Seconds of processor for one look at the browsers that are done: of Redis, of the server that looks and
    of another one, which is told."""
    client = client_of(server)
    done = client.register_script(SEND)
    with serving(server, 1) as (looks, _), serving(server, 1, *DOES_NOT_LOOK) as (hears, _):
        pids = server.pid, looks, hears

        def used(leave: int) -> list[float]:
            before = [processor_seconds(pid) for pid in pids]
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                if leave:
                    names = [uuid.uuid4().hex for _ in range(leave)]
                    gone = [{"reply_channel": f"daphne.response.costs!{name[:10]}"} for name in names]
                    keys = ["asgi:http.disconnect", *(f"asgi:{name}" for name in names)]
                    done(keys=keys, args=[msgspec.msgpack.encode(message) for message in gone])
                time.sleep(0.05)
            return [processor_seconds(pid) - then for pid, then in zip(pids, before, strict=True)]

        idle = used(0)
        busy = used(5)
        told = client.xlen("asgi::news")
    redis_, looking, hearing = ((more - less) / told for more, less in zip(busy, idle, strict=True))
    return redis_, looking, hearing


@end_on_signals()
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=20000)
    arguments = parser.parse_args()
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory())
        server = stack.enter_context(redis_server())
        os.chdir(directory)
        client = client_of(server)
        part = site_part(server, client, arguments.requests)
        print(f"Redis, what daphne and a worker ask for a request: {part * 1e3:.3f} ms")
        for servers in SERVERS:
            of_redis, of_server = run_in_trio(heartbeat, server.url, client, servers)
            print(
                f"a heartbeat of one of {servers} servers: {of_redis * 1e6:.0f} us of Redis,"
                f" {of_server * 1e6:.0f} us of the server"
            )
        one, many = (run_in_trio(news, server.url, names) for names in (1, 101))
        each = (many - one) / 100
        print(f"a piece of news: {(one - each) * 1e6:.0f} us, and {each * 1e6:.2f} us for each browser in it")
        client.flushdb()
        parts = [f"{part * 1e6:.0f} us {who}" for part, who in zip(leaving(server), LOOKERS, strict=True)]
        print(f"a look at the browsers that are done: {', '.join(parts)}")
        print(f"a report: {report(server) / 1024:.1f} KiB")
        for shards in SHARDS:
            looks, hears = (connections(server, shards, *words) for words in ((), DOES_NOT_LOOK))
            print(f"connections of one server to {shards} shards: {looks}; of one that only hears: {hears}")


if __name__ == "__main__":
    main()
