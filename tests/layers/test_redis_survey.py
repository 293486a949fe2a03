"""What a layer's Redis tells of itself to who looks for traps."""

from __future__ import annotations

from server_trio.layers import open_layer
from server_trio.layers.memory import MemoryLayer
from tests.harness.redis_server import RedisServer, redis_server

from .bench import redis_spec


async def test_a_redis_tells_its_version_memory_and_clock(redis: RedisServer) -> None:
    async with open_layer(redis_spec([redis.url])(), visiting=True) as layer:
        survey = await layer.survey("request.async")
    (facts,) = survey.facts
    assert facts.version >= (6, 2)
    assert (facts.maxmemory, facts.policy) == (0, "noeviction")
    assert abs(facts.ahead) < 60
    assert (facts.prefixes, facts.unreadable, survey.away) == ([], 0, [])


async def test_only_lists_of_other_layers_are_other_prefixes(redis: RedisServer) -> None:
    async with open_layer(redis_spec([redis.url])(), visiting=True) as layer:
        await layer.send("request.async", {})
        redis.command("RPUSH", "asgi::claimed:abc:request.async", "x")
        redis.command("SET", "asgi-meta:request.async:messages_count", 5)
        redis.command("RPUSH", b"b\xff:request.async", "x")
        (facts,) = (await layer.survey("request.async")).facts
    assert facts.prefixes == ["b\\xff:"]


async def test_what_a_user_may_not_ask_stays_unknown(redis: RedisServer) -> None:
    allowed = ("+@all", "-info", "-time", "-scan")
    redis.command("ACL", "SETUSER", "layer", "on", ">geheim", "~*", "&*", *allowed, "+info")
    url = redis.url.replace("redis://", "redis://layer:geheim@")
    async with open_layer(redis_spec([url])(), visiting=True) as layer:
        redis.command("ACL", "SETUSER", "layer", "-info")
        (facts,) = (await layer.survey("request.async")).facts
    redis.command("ACL", "DELUSER", "layer")
    assert (facts.version, facts.maxmemory, facts.policy) == ((0,), None, None)
    assert abs(facts.ahead) < 60
    assert facts.prefixes == []


async def test_shards_that_are_away_are_named(redis: RedisServer) -> None:
    with redis_server() as other:
        async with open_layer(redis_spec([redis.url, other.url])(), visiting=True) as layer:
            other.kill()
            survey = await layer.survey("request.async")
    assert len(survey.facts) == 1
    assert survey.away == [f"127.0.0.1:{other.port}"]


async def test_a_layer_without_redis_has_nothing_to_tell() -> None:
    survey = await MemoryLayer().survey("request.async")
    assert (survey.facts, survey.away) == ((), ())


async def test_a_report_whose_id_is_no_text_harms_nobody(redis: RedisServer) -> None:
    async with open_layer(redis_spec([redis.url])()) as layer:
        await layer.publish({"id": ["no", "text"], "at": "soon"})
        assert await layer.reports() == [{}]
