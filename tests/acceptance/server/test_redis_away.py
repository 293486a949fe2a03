"""Redis goes away while a server works: what is in flight is answered, and the log stays short."""

from __future__ import annotations

import os
import re
import signal

import msgpack
import pytest

import channels_compat
from tests.acceptance.raw import PREFIX, Server, until
from tests.harness.redis_server import redis_server, sentinel_server

ABOUT_REDIS = re.compile(r"(WARNING|ERROR) server_trio\.(layers|receiver|disconnects)")


@pytest.fixture
def own_redis():
    """A Redis of which a test may do what it likes."""
    with redis_server() as it:
        yield it


@pytest.fixture
def start_here(tmp_path, own_redis):
    """Starts a ready server on it; what is given is added to its settings module."""
    servers = []

    def begin(text: str = "", redis=own_redis) -> Server:
        server = Server(tmp_path, redis, text)
        servers.append(server)
        server.wait_until_ready()
        return server

    yield begin
    for server in servers:
        status = server.process.end()
        print(f"--- server (ended with {status})\n{server.process.output()}")


def complaints(server: Server) -> list[str]:
    """The lines about Redis of a server."""
    return [line for line in server.process.output().splitlines() if ABOUT_REDIS.search(line)]


def answers_again(server: Server, upstream) -> bool:
    server.ask(upstream.url + "/echo", "after")
    return server.whole_answer()[0] == 200


def test_a_restart_costs_no_answer(start_here, own_redis, upstream):
    server = start_here()
    server.ask(upstream.url + "/gate")
    until("the upstream is asked", lambda: upstream.statistics()["at_once"])
    own_redis.kill()
    own_redis.start()
    upstream.open()
    assert server.whole_answer()[0] == 200
    assert answers_again(server, upstream)
    assert len(complaints(server)) <= 2, complaints(server)


def test_what_is_ready_while_redis_is_away_is_kept_and_sent(start_here, own_redis, upstream):
    server = start_here()
    server.ask(upstream.url + "/gate")
    until("the upstream is asked", lambda: upstream.statistics()["at_once"])
    own_redis.kill()
    upstream.open()
    until("the upstream has answered", lambda: not upstream.statistics()["at_once"])
    server.process.wait_for_line("cannot be reached")
    own_redis.start()
    assert server.whole_answer()[0] == 200
    assert answers_again(server, upstream)
    assert upstream.statistics()["requests"] == 2
    server.process.wait_for_line("answers again")
    assert len(complaints(server)) == 2, complaints(server)


def test_a_redis_that_stands_still_makes_nobody_dead_and_nothing_twice(start_here, own_redis, upstream):
    servers = [start_here(), start_here()]
    for number in range(6):
        servers[0].ask(upstream.url + "/gate", str(number), method="POST")
    until("all have been begun", lambda: upstream.statistics()["requests"] == 6)
    os.kill(own_redis.pid, signal.SIGSTOP)
    try:
        upstream.open()
        for server in servers:  # 5 s and more; a server is taken for dead after 3
            server.process.wait_for_line("does not answer")
    finally:
        os.kill(own_redis.pid, signal.SIGCONT)
    assert [servers[0].whole_answer()[0] for _ in range(6)] == [200] * 6
    assert answers_again(servers[0], upstream)
    assert upstream.statistics()["requests"] == 7
    for server in servers:
        server.process.wait_for_line("answers again")
        assert "taken over" not in server.process.output()
        assert "has not been heard of" not in server.process.output()
        assert len(complaints(server)) == 2, complaints(server)


def test_a_redis_without_memory_is_complained_of_once_and_answers_are_kept(start_here, own_redis, upstream):
    server = start_here()
    server.ask(upstream.url + "/gate")
    until("the upstream is asked", lambda: upstream.statistics()["at_once"])
    own_redis.command("CONFIG", "SET", "maxmemory", 1)
    upstream.open()
    until("the upstream has answered", lambda: not upstream.statistics()["at_once"])
    server.process.wait_for_line("used memory > 'maxmemory'")
    refused = own_redis.command("INFO", "errorstats")
    until("many more are refused", lambda: errors(own_redis, "OOM") > errors(refused, "OOM") + 10)
    own_redis.command("CONFIG", "SET", "maxmemory", 0)
    assert server.whole_answer()[0] == 200
    assert answers_again(server, upstream)
    assert len(complaints(server)) <= 3, complaints(server)


def errors(redis, name: str) -> int:
    """How often Redis has answered with that error (INFO errorstats)."""
    text = redis if isinstance(redis, bytes) else redis.command("INFO", "errorstats")
    found = re.search(rf"errorstat_{name}:count=(\d+)".encode(), text)
    return int(found[1]) if found else 0


def test_a_password_that_changes_is_said_once_and_what_is_in_flight_is_answered_when_it_fits_again(
    start_here, own_redis, upstream
):
    server = start_here()
    server.ask(upstream.url + "/gate")
    until("the upstream is asked", lambda: upstream.statistics()["at_once"])
    own_redis.command("CONFIG", "SET", "requirepass", "new")
    own_redis.password = "new"
    own_redis.command("CLIENT", "KILL", "TYPE", "normal")
    upstream.open()
    line = server.process.wait_for_line("does not let this server in")
    assert "password" in line
    until("the upstream has answered", lambda: not upstream.statistics()["at_once"])
    before = errors(own_redis, "NOAUTH")
    until("it has tried again and again", lambda: errors(own_redis, "NOAUTH") > before + 10)
    own_redis.command("CONFIG", "SET", "requirepass", "")
    own_redis.password = None
    assert server.whole_answer()[0] == 200
    assert answers_again(server, upstream)
    assert len(complaints(server)) <= 4, complaints(server)


def test_a_redis_that_was_emptied_gets_the_answers_of_what_is_in_flight(start_here, own_redis, upstream):
    servers = [start_here(), start_here()]
    for number in range(4):
        servers[0].ask(upstream.url + "/gate", str(number), method="POST")
    until("all have been begun", lambda: upstream.statistics()["at_once"] == 4)
    own_redis.command("FLUSHALL")
    until("both are known again", lambda: own_redis.command("HLEN", f"{PREFIX}:servers") == 2)
    upstream.open()
    assert [servers[0].whole_answer()[0] for _ in range(4)] == [200] * 4
    assert answers_again(servers[0], upstream)
    assert upstream.statistics()["requests"] == 5
    for server in servers:
        assert complaints(server) == []


def two_shards(one, two) -> str:
    return f"CHANNEL_LAYERS['default']['CONFIG']['hosts'] = [{one.url!r}, {two.url!r}]"


def replies_on(shard: int) -> str:
    """The name of a reply channel whose home is that of two shards (asgi_redis/core.py:347-358)."""
    channels_compat.install()
    import asgi_redis

    layer = asgi_redis.RedisChannelLayer(hosts=["redis://localhost/0", "redis://localhost/1"])
    names = map("daphne.response.n{}!".format, range(100))
    return next(name for name in names if layer.consistent_hash(name) == shard)


@pytest.mark.parametrize("left", [0, 1])
def test_of_two_shards_the_one_that_is_left_goes_on(start_here, own_redis, upstream, left):
    with redis_server() as other:
        shards = (own_redis, other) if left == 0 else (other, own_redis)
        server = start_here(two_shards(*shards))
        other.kill()
        server.process.wait_for_line("cannot be reached")
        name = replies_on(left)
        for number in range(20):
            server.ask(upstream.url + "/bytes/2000000", reply_channel=f"{name}{number}")
            assert size_of_answer(own_redis, name) == 2_000_000
        other.start()
        server.process.wait_for_line("answers again")
        server.redis = other
        name = replies_on(1 - left)
        server.ask(upstream.url + "/bytes/2000000", reply_channel=f"{name}x")
        assert size_of_answer(other, name) == 2_000_000
        assert len(complaints(server)) == 2, complaints(server)


def test_a_server_starts_while_one_of_two_shards_is_away(start_here, own_redis, upstream):
    with redis_server() as other:
        other.kill()
        server = start_here(two_shards(own_redis, other))
        server.process.wait_for_line(f"127.0.0.1:{other.port} cannot be reached")
        name = replies_on(0)
        server.ask(upstream.url + "/bytes/1000", reply_channel=f"{name}x")
        assert size_of_answer(own_redis, name) == 1000
        other.start()
        server.redis = other
        name = replies_on(1)
        server.ask(upstream.url + "/bytes/1000", reply_channel=f"{name}x")
        assert size_of_answer(other, name) == 1000


def size_of_answer(redis, channel: str) -> int:
    """Bytes of the next answer's body on a reply channel."""
    size, more = 0, True
    while more:
        found = redis.command("BLPOP", PREFIX + channel, 40)
        assert found, "no answer"
        message = msgpack.unpackb(redis.command("GET", found[1]), raw=False)
        assert message.get("status") in (None, 200)
        size, more = size + len(message["content"]), message["more_content"]
    return size


def test_a_failover_is_followed(start_here, upstream):
    with (
        redis_server() as master,
        redis_server("--replicaof", f"127.0.0.1 {master.port}") as replica,
        sentinel_server(master) as sentinel,
    ):
        sentinel.command("SENTINEL", "SET", sentinel.service, "failover-timeout", 1000)
        until("the replica is known", lambda: sentinel.command("SENTINEL", "REPLICAS", sentinel.service))
        config = {"hosts": [(sentinel.host, sentinel.port)], "services": [sentinel.service]}
        layer = {"BACKEND": "asgi_redis.RedisSentinelChannelLayer", "CONFIG": config}
        server = start_here(f"CHANNEL_LAYERS = {{'default': {layer!r}}}", master)
        server.ask(upstream.url + "/gate")
        until("the upstream is asked", lambda: upstream.statistics()["at_once"])
        master.kill()
        sentinel.command("SENTINEL", "SET", sentinel.service, "down-after-milliseconds", 200)
        upstream.open()
        until("the replica leads", replica.is_master)
        server.redis = replica
        assert server.whole_answer()[0] == 200
        assert answers_again(server, upstream)
        server.process.wait_for_line("answers again")
        assert len(complaints(server)) == 2, complaints(server)
