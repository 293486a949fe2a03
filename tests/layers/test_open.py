"""What CHANNEL_LAYERS may say, and what comes of it."""

from __future__ import annotations

from typing import Any

import pytest

from server_trio.errors import ChannelFull, LayerUnavailable, SettingsError
from server_trio.layers import LayerSpec, open_layer
from server_trio.layers.redis_layer import RedisLayer
from server_trio.layers.threaded import ThreadedLayer
from tests.harness.redis_server import RedisServer

from .bench import contents

MINE = "tests.layers.asgi_layers"
STOCK = "asgi_redis.RedisChannelLayer"
MEMORY = "asgiref.inmemory.ChannelLayer"


async def opened(backend: str, bridge: str = "auto", **config: Any) -> type:
    async with open_layer(LayerSpec("default", backend, config, bridge)) as layer:
        return type(layer)


@pytest.mark.parametrize(
    ("backend", "bridge", "expected"),
    [
        (STOCK, "auto", RedisLayer),
        (STOCK, "redis", RedisLayer),
        (STOCK, "threaded", ThreadedLayer),
        ("asgi_redis.core.RedisChannelLayer", "auto", RedisLayer),
        (f"{MINE}.CallableCapacity", "auto", RedisLayer),
        (f"{MINE}.JsonLayer", "auto", ThreadedLayer),
        (f"{MINE}.OtherGroups", "auto", ThreadedLayer),
        (f"{MINE}.LocalLayer", "auto", ThreadedLayer),
    ],
)
async def test_a_redis_layer_gets_the_bridge_that_speaks_its_format(
    redis: RedisServer, backend: str, bridge: str, expected: type
) -> None:
    assert await opened(backend, bridge, hosts=[redis.url]) is expected


async def test_any_other_layer_gets_threads() -> None:
    assert await opened(MEMORY) is ThreadedLayer
    assert await opened(MEMORY, "threaded") is ThreadedLayer


@pytest.mark.parametrize("backend", [MEMORY, f"{MINE}.JsonLayer", f"{MINE}.LocalLayer"])
async def test_the_redis_bridge_is_refused_to_what_has_another_format(
    redis: RedisServer, backend: str
) -> None:
    config = {} if backend == MEMORY else {"hosts": [redis.url]}
    with pytest.raises(SettingsError, match=r"CHANNEL_LAYERS\['default'\].*'auto' or 'threaded'"):
        await opened(backend, "redis", **config)


async def test_capacities_of_a_subclass_are_its_own(redis: RedisServer) -> None:
    async with open_layer(LayerSpec("default", f"{MINE}.CallableCapacity", {"hosts": [redis.url]})) as layer:
        await layer.send("small", {})
        await layer.send("small", {})
        with pytest.raises(ChannelFull):
            await layer.send("small", {})


async def test_the_unix_socket_and_connection_kwargs_of_the_project_are_used(redis: RedisServer) -> None:
    config = {"hosts": [redis.unix_url], "connection_kwargs": {"client_name": "ours", "socket_timeout": 30}}
    async with open_layer(LayerSpec("default", STOCK, config)) as layer:
        await layer.send("in", {"n": 1})
        clients = redis.command("CLIENT", "LIST")
        assert isinstance(clients, bytes)
        assert b"name=ours" in clients
        assert await contents(layer, "in") == [{"n": 1}]


async def test_the_database_in_the_url_is_used(redis: RedisServer) -> None:
    async with open_layer(LayerSpec("default", STOCK, {"hosts": [redis.url[:-1] + "7"]})) as layer:
        await layer.send("in", {"n": 1})
    keyspace = redis.command("INFO", "keyspace")
    assert isinstance(keyspace, bytes)
    assert b"db7:" in keyspace
    assert b"db0:" not in keyspace


WRONG = {
    "no such module": ("nothing.Layer", {}, ["nothing.Layer", "installed"]),
    "no such class": ("asgi_redis.Layer", {}, ["asgi_redis", "Layer"]),
    "no dotted path": ("Layer", {}, ["'Layer'", "dotted path"]),
    "an unknown name in CONFIG": (STOCK, {"hostss": []}, ["hostss"]),
    "hosts that are a string": (STOCK, {"hosts": "redis://localhost"}, ["iterable list of hosts"]),
    "a prefix that is no text": (STOCK, {"prefix": b"asgi:"}, ["['CONFIG']['prefix']: b'asgi:'", "text"]),
    "no stats_prefix": (STOCK, {"stats_prefix": None}, ["['CONFIG']['stats_prefix']: None", "text"]),
    "capacities that are a list": (
        STOCK,
        {"channel_capacity": ["a"]},
        ["['CONFIG']['channel_capacity']: ['a']"],
    ),
    "a capacity of a channel that is text": (
        STOCK,
        {"channel_capacity": {"daphne*": "abc"}},
        ["['CONFIG']['channel_capacity']['daphne*']: 'abc'", "whole number of messages"],
    ),
    "a key of capacities that is no text": (STOCK, {"channel_capacity": {5: 1}}, ["['channel_capacity']: 5"]),
    "a function that makes no layer": ("os.getcwd", {}, ["'os.getcwd' is no channel layer", "send, receive"]),
    "a class of something else": (
        "builtins.dict",
        {},
        ["'builtins.dict' is no channel layer", "ChannelFull"],
    ),
    "keys that are a string": (STOCK, {"symmetric_encryption_keys": "abc"}, ["list of possible keys"]),
    "a scheme that Redis has not": (STOCK, {"hosts": ["http://localhost"]}, ["redis://"]),
    "a layer that cannot be made": (f"{MINE}.Demanding", {}, ["not today"]),
    "a package that is missing": ("asgi_redis.RedisLocalChannelLayer", {}, ["asgi_ipc"]),
}


@pytest.mark.parametrize(("backend", "config", "parts"), WRONG.values(), ids=WRONG)
async def test_wrong_settings_are_named(backend: str, config: dict[str, Any], parts: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        await opened(backend, **config)
    for part in ["CHANNEL_LAYERS['default']", *parts]:
        assert part in str(caught.value)


@pytest.mark.parametrize("value", ["60", None, 60.5, 0, -1, True, float("nan")])
@pytest.mark.parametrize("key", ["expiry", "group_expiry", "capacity"])
async def test_numbers_that_redis_would_not_take_are_named(key: str, value: Any) -> None:
    with pytest.raises(SettingsError) as caught:
        await opened(STOCK, **{key: value})
    assert f"CHANNEL_LAYERS['default']['CONFIG'][{key!r}]: {value!r} " in str(caught.value)
    assert "a whole number of" in str(caught.value)
    assert "at least 1" in str(caught.value)


async def test_settings_of_another_layer_are_its_own() -> None:
    assert await opened(MEMORY, expiry=0.5) is ThreadedLayer


async def test_an_unknown_bridge_is_named() -> None:
    with pytest.raises(SettingsError, match="auto, redis, threaded, not 'rdis'"):
        await opened(STOCK, "rdis")


async def test_a_password_that_breaks_its_url_is_not_printed() -> None:
    with pytest.raises(SettingsError) as caught:
        await opened(STOCK, hosts=["redis://:hush/secret@localhost:6379/0"])
    assert "%2F" in str(caught.value)
    assert "hush" not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_servers_that_are_away_when_the_layer_is_made_are_named_without_passwords() -> None:
    hosts = ["redis://:secret@one:1/0", ("two", 2)]
    with pytest.raises(LayerUnavailable, match=r"one:1/0, two:2 cannot be reached") as caught:
        await opened(f"{MINE}.AsksAtOnce", hosts=hosts)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_specification_does_not_show_what_config_holds() -> None:
    spec = LayerSpec("default", STOCK, {"hosts": ["redis://:secret@localhost"]})
    assert "secret" not in repr(spec)
