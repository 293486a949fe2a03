"""asgiref's own conformance suite passes over asgi_redis with the shims, plain and encrypted."""

from __future__ import annotations

import subprocess
import sys
import uuid

import pytest

from .stack import environment

TIMEOUT = 240.0  # seconds; the suite waits for a message and a group to expire, some 4 s in all

SUITE = """
import unittest
from asgi_redis import RedisChannelLayer
from asgiref.conformance import ConformanceTestCase

class RedisTests(ConformanceTestCase):
    channel_layer = RedisChannelLayer(
        hosts=HOSTS, prefix=PREFIX, stats_prefix=PREFIX + "-meta:", capacity=5,
        symmetric_encryption_keys=KEYS,
    )
    expiry_delay = 1.1
    capacity_limit = 5 if len(channel_layer.hosts) == 1 else None  # the suite counts for one shard
    receive_tries = len(channel_layer.hosts)

    def setUp(self):
        super().setUp()
        # Only where that is tested: a message or group of another test must outlive any standstill.
        self.channel_layer.expiry = 1 if "message_expiry" in self._testMethodName else 60
        self.channel_layer.group_expiry = 2 if "group_expiry" in self._testMethodName else 3600

if __name__ == "__main__":
    unittest.main()
"""


@pytest.mark.parametrize(
    ("shards", "keys"), [(1, None), (2, ["one", "two"])], ids=["one plain shard", "two encrypted shards"]
)
def test_asgi_redis_conforms(shared_redis, tmp_path, keys, shards):
    names = {
        "HOSTS": [shared_redis.url, shared_redis.url.replace("/0", "/1")][:shards],
        "PREFIX": uuid.uuid4().hex,
        "KEYS": keys,
    }
    code = "".join(f"{name} = {value!r}\n" for name, value in names.items())
    (tmp_path / "suite.py").write_text(code + SUITE)
    done = subprocess.run(
        [sys.executable, "-m", "channels_compat", str(tmp_path / "suite.py")],
        env=environment(), capture_output=True, text=True, timeout=TIMEOUT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "OK" in done.stderr
    assert "Ran 0 tests" not in done.stderr
