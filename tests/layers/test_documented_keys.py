"""docs/redis-keys.rst tells of every key that is written: its name, its type, and that it has an end."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
import trio

from server_trio.layers import open_layer
from tests.harness.redis_server import RedisServer

from .bench import redis_spec
from .watch import is_blocked, wait_for

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture
def generator(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """docs/make_redis_keys.py, which reads what the code says of its keys."""
    monkeypatch.setattr(sys, "path", [str(DOCS), *sys.path])
    specification = importlib.util.spec_from_file_location("make_redis_keys", DOCS / "make_redis_keys.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


async def at_work(redis: RedisServer) -> dict[str, tuple[str, int]]:
    """Type and TTL of the keys of a layer that does all that there is to do."""
    async with open_layer(redis_spec([redis.url])()) as layer:
        for channel in ("in", "in", "left"):
            await layer.send(channel, {})
        await layer.group_add("all", "reply!a")
        await layer.tell(b"something")
        await layer.publish({"id": "it", "at": 1.0})
        (given_up,) = await layer.receive(0, ["in"], 1, journal=True)
        assert given_up.entry is not None
        await layer.bury(given_up.entry, "two servers died")
        await layer.receive(0, ["in"], 1, journal=True)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(layer.receive, 0, ["other"], 1)
            await wait_for(lambda: is_blocked(redis))
            keys = redis.command("KEYS", "*")
            assert isinstance(keys, list)
            found = {key: (redis.command("TYPE", key), redis.command("TTL", key)) for key in keys}
            nursery.cancel_scope.cancel()
    return {
        key.decode(): (kind.decode(), ttl)
        for key, (kind, ttl) in found.items()
        if isinstance(key, bytes) and isinstance(kind, bytes) and isinstance(ttl, int) and ttl != -2
    }


async def test_every_key_that_is_written_is_of_a_kind_that_is_told_of(
    redis: RedisServer, generator: ModuleType
) -> None:
    kinds = [key for _, keys in generator.groups() for key in keys]
    seen: set[str] = set()
    for key, (kind, ttl) in (await at_work(redis)).items():
        told = next((each for each in kinds if each.pattern.fullmatch(key)), None)
        assert told is not None, f"{key} is in no list of server_trio/layers/redis_scripts.py"
        assert kind == {"integer": "string"}.get(told.type, told.type), key
        assert 0 < ttl <= 7 * 86400, key
        seen.add(told.name)
    assert seen == {each.name for each in kinds}


def test_every_kind_says_how_long_it_lives(generator: ModuleType) -> None:
    assert [key.name for _, keys in generator.groups() for key in keys if not key.cells[2]] == []
