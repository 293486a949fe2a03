"""What servers say of themselves, and what waits: seen by a visitor that is no server itself."""

from __future__ import annotations

import pytest

from server_trio.layers import Queue, open_layer, redis_journal, redis_layer
from server_trio.layers.open import make_backend
from server_trio.layers.packing import pack
from tests.harness.redis_server import RedisServer, redis_server

from .bench import ENCRYPTION_KEYS, redis_spec, taking_over
from .watch import wait_for


async def test_a_visitor_whose_redis_is_away_at_the_end_has_lost_nothing(
    redis: RedisServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_layer, "CLOSE_TIMEOUT", 0)
    async with open_layer(redis_spec([redis.url])(), visiting=True) as visitor:
        assert await visitor.reports() == []
    assert caplog.messages == []
    async with open_layer(redis_spec([redis.url])()):
        pass
    assert "what it held is lost" in caplog.text


async def test_a_visitor_sees_the_last_report_of_each_server(redis: RedisServer) -> None:
    spec = redis_spec([redis.url])()
    async with open_layer(spec) as one, open_layer(spec) as two, open_layer(spec, visiting=True) as visitor:
        assert await visitor.reports() == []
        await one.publish({"id": "one", "at": 1.0})
        await one.publish({"id": "one", "at": 2.0})
        await two.publish({"id": "two", "at": 1.5, "places": {"free": 3}})
        found = await visitor.reports()
        assert sorted(found, key=str) == sorted(
            [{"id": "one", "at": 2.0}, {"id": "two", "at": 1.5, "places": {"free": 3}}], key=str
        )
        keys = redis.command("KEYS", "asgi::report:*")
        assert isinstance(keys, list)
        assert len(keys) == 2
        for key in keys:
            ttl = redis.command("TTL", key)
            assert isinstance(ttl, int)
            assert 0 < ttl <= 10


async def test_a_report_on_several_shards_is_one_and_one_shard_suffices(redis: RedisServer) -> None:
    with redis_server() as other:
        spec = redis_spec([redis.url, other.url])()
        async with open_layer(spec) as server, open_layer(spec, visiting=True) as visitor:
            await server.publish({"id": "it", "at": 1.0})
            assert await visitor.reports() == [{"id": "it", "at": 1.0}]
            other.kill()
            assert await visitor.reports() == [{"id": "it", "at": 1.0}]


async def test_a_visitor_is_no_server_and_takes_over_from_nobody(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_journal, "DEAD_AFTER", 0.2)
    monkeypatch.setattr(redis_journal, "BEAT_INTERVAL", 0.05)
    spec = redis_spec([redis.url])()
    redis.command("HSET", "asgi::servers", "dead", "dead 7")
    async with open_layer(spec, visiting=True) as visitor:
        assert redis.command("HGETALL", "asgi::servers") == [b"dead", b"dead 7"]
        async with open_layer(spec) as server, taking_over(server):  # which does, though it came later
            await wait_for(lambda: redis.command("HGET", "asgi::servers", "dead") != b"dead 7")
        await visitor.send("in", {})
        assert len(await visitor.receive(0, ["in"], 1)) == 1


async def test_an_encrypted_layer_has_encrypted_reports_that_asgi_redis_can_read(redis: RedisServer) -> None:
    config = {"symmetric_encryption_keys": ENCRYPTION_KEYS}
    async with open_layer(redis_spec([redis.url])(**config)) as server:
        await server.publish({"id": "geheim", "at": 1.0})
        (key,) = redis.command("KEYS", "asgi::report:*")  # type: ignore[misc]
        value = redis.command("GET", key)
        assert isinstance(value, bytes)
        assert b"geheim" not in value
        stock = make_backend(redis_spec([redis.url])(**config))
        assert stock.deserialize(value) == {"id": "geheim", "at": 1.0}
        assert await server.reports() == [{"id": "geheim", "at": 1.0}]


async def test_what_no_server_has_written_is_no_report(redis: RedisServer) -> None:
    spec = redis_spec([redis.url])()
    async with open_layer(spec, visiting=True) as visitor:
        strange = {"a": b"\xc1nonsense", "b": b"\x93\x01\x02\x03", "!/../x": b"\x80", "c": None}
        for id, value in strange.items():
            redis.command("HSET", "asgi::servers", id, "x 1")
            if value is not None:
                redis.command("SET", "asgi::report:" + id, value)
        assert await visitor.reports() == []


async def test_what_is_larger_than_a_report_is_not_read_nor_more_than_a_site_has(redis: RedisServer) -> None:
    redis.command("SET", "asgi::report:large", pack({"id": "large", "running": [{"a": 1}] * 600_000}))
    redis.command("SET", "asgi::report:good", pack({"id": "good", "at": 1.0}))
    redis.command("HSET", "asgi::servers", "large", "x 1", "good", "x 1", "list", "x 1", "A" * 1000, "x 1")
    redis.command("RPUSH", "asgi::report:list", "x")
    async with open_layer(redis_spec([redis.url])(), visiting=True) as visitor:
        assert await visitor.reports() == [{"id": "good", "at": 1.0}]
        assert (await visitor.survey("in")).facts[0].unreadable == 0
        for number in range(1000):
            redis.command("HSET", "asgi::servers", f"s{number}", "x 1")
            redis.command("SET", f"asgi::report:s{number}", pack({"id": f"s{number}", "host": "h" * 100_000}))
        found = await visitor.reports()
    assert 100 < len(found) < 200  # 16 MiB
    assert max(len(report.get("host", "")) for report in found) == 300


async def test_of_thousands_of_servers_only_so_many_are_read(redis: RedisServer) -> None:
    for number in range(700):
        redis.command("HSET", "asgi::servers", f"s{number}", "x 1")
        redis.command("SET", f"asgi::report:s{number}", pack({"id": f"s{number}"}))
    async with open_layer(redis_spec([redis.url])(), visiting=True) as visitor:
        assert len(await visitor.reports()) == 500


async def test_what_waits_is_counted_with_the_age_of_the_oldest(redis: RedisServer) -> None:
    async with open_layer(redis_spec([redis.url], expiry=60)(), visiting=True) as visitor:
        assert await visitor.queue("in") == Queue(0, 0.0)
        await visitor.send("in", {"n": 1})
        await visitor.send("in", {"n": 2})
        (oldest, _) = redis.command("LRANGE", "asgi:in", 0, -1)  # type: ignore[misc]
        redis.command("PEXPIRE", oldest, 20_000)  # as 40 s after it was sent
        queue = await visitor.queue("in")
        assert queue is not None
        assert queue.length == 2
        assert 40.0 <= queue.oldest_age < 50.0
        redis.command("SET", "asgi:other", "a key of somebody else's")
        assert await visitor.queue("other") == Queue(0, 0.0)


async def test_queues_of_several_shards_are_one(redis: RedisServer) -> None:
    with redis_server() as other:
        async with open_layer(redis_spec([redis.url, other.url])(), visiting=True) as visitor:
            for _ in range(4):
                await visitor.send("in", {})
            queue = await visitor.queue("in")
            assert queue is not None
            assert queue.length == 4


async def test_where_redis_is_away_nothing_is_known() -> None:
    with redis_server() as redis:
        async with open_layer(redis_spec([redis.url])(), visiting=True) as visitor:
            redis.kill()
            assert await visitor.reports() == []
            assert await visitor.queue("in") is None
