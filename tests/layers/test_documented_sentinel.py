"""The settings for Sentinel that docs/deployment.rst shows, used as they stand there."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest
import trio

from server_trio.layers import open_layer
from server_trio.layers.redis_layer import RedisLayer
from server_trio.project import layer_spec
from server_trio.settings import Settings
from tests.harness.pages import ROOT, Page
from tests.harness.redis_server import SentinelServer


@pytest.fixture
def shown(sentinel: SentinelServer) -> dict[str, Any]:
    """What the page has, with the running Sentinel in the place of its three."""
    blocks = Page(ROOT / "docs" / "deployment.rst").literals()
    (block,) = (block for block in blocks if "RedisSentinelChannelLayer" in block)
    text, hosts = re.subn(r"'sentinel-\d', 26379", f"{sentinel.host!r}, {sentinel.port}", block)
    assert hosts == 3
    settings: dict[str, Any] = {}
    exec(text, settings)
    return settings


async def test_the_settings_that_the_documentation_shows_open_a_layer_that_carries_messages(
    shown: dict[str, Any], sentinel: SentinelServer
) -> None:
    spec = layer_spec(SimpleNamespace(**shown), Settings())
    async with open_layer(spec) as layer:
        assert type(layer) is RedisLayer
        assert layer.shards == len(spec.config["services"])
        with trio.fail_after(20):
            await layer.send("request.async", {"number": 1})
            (received,) = await layer.receive(0, ["request.async"], 1)
    assert received.content == {"number": 1}
