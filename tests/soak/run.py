"""Run the whole under mixed load and faults, and check the ledger:

    python -m tests.soak.run [SECONDS [SEED]]

Redis, three servers behind a network that breaks, an upstream that misbehaves. What must hold: every
operation has exactly one answer and it is its own; no POST reached the upstream twice; when all is over
no key is left in Redis; the memory of the servers is bounded; no server has written a traceback.
Exits with 1 and keeps the log if it does not.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from pathlib import Path

from tests.acceptance.server.crowd import LASTING, names_of
from tests.harness.processes import Process
from tests.harness.redis_server import RedisServer, redis_server
from tests.harness.upstream import Upstream, upstream_server
from tests.soak.faults import Faults, Servers
from tests.soak.ledger import Ledger
from tests.soak.load import Load
from tests.soak.proxy import Proxy

SERVERS = 3
OUTSTANDING = 150  # operations; more than one server has places for
LONGEST = 60.0  # seconds that all answers may take after the last question
MOST_MEMORY = 250 * 1024 * 1024  # bytes of one server

#: Operations that killed too many servers. A soak kills them often enough for some to be given up.
DEAD = "asgi::dead"

SETTINGS = """
SECRET_KEY = 'soak'
CHANNEL_LAYERS = {{'default': {{
    'BACKEND': 'asgi_redis.RedisChannelLayer', 'CONFIG': {{'hosts': ['redis://127.0.0.1:{port}/0']}}}}}}
CHANNELS_ASYNC_SERVER = {{
    'CONCURRENCY': {{'total': 80, 'per_host': 60}},
    'GRACE_TIME': 5,
    'CALLS': {{'soak.say': 'soak_calls.say'}},
    'COMMANDS': {{'say': {{'argv': ['echo', '{{number}}'], 'parameters': {{'number': r'[0-9]+'}}}}}},
    'HTTP': {{'breaker_failures': 0}},
}}
"""
CALLS = """
import trio


async def say(number):
    await trio.sleep(number % 10 / 20)
    return str(number)
"""


def memory(server: Process) -> int:
    """Bytes of RAM that a process has."""
    return int(Path(f"/proc/{server.pid}/statm").read_text().split()[1]) * 4096


def soak(seconds: float, seed: int, directory: Path, redis: RedisServer, upstream: Upstream) -> list[str]:
    """What was wrong, a line each."""
    proxy = Proxy(redis.host, redis.port)
    (directory / "soak_settings.py").write_text(SETTINGS.format(port=proxy.port))
    (directory / "soak_calls.py").write_text(CALLS)
    servers = Servers(str(directory), SERVERS)
    try:
        ledger = Ledger()
        load = Load(redis, upstream.url, ledger, random.Random(seed))
        faults = Faults(redis, proxy, servers, random.Random(seed + 1))
        load.run(2.0, OUTSTANDING)
        faults.start()
        load.run(seconds, OUTSTANDING, lambda: faults.failure is not None)
        faults.stop()
        load.run(2.0, OUTSTANDING)
        load.wait(LONGEST)
        sizes = [memory(server) for server in servers.running]
        wrong = servers.end()
        load.wait(1.0)  # what comes now comes twice
        wrong += ledger.faults(upstream.posted())
        wrong += [f"a server has {size} bytes of memory" for size in sizes if size > MOST_MEMORY]
        left = [name for name in names_of(redis) if not name.startswith(LASTING) and name != DEAD]
        wrong += [f"left in Redis: {name}" for name in left]
        print(f"{len(ledger.entries)} operations, {len(faults.done)} faults: {ledger.counts()}", flush=True)
        print(f"memory of the servers: {[size // 1024 // 1024 for size in sizes]} MiB", flush=True)
    finally:
        servers.kill()
        proxy.close()
        (directory / "servers.log").write_text(servers.log())
    return wrong


def main(seconds: float, seed: int) -> int:
    print(f"soak for {seconds:g} s with the seed {seed}", flush=True)
    directory = Path(tempfile.mkdtemp(prefix="soak-"))
    began = time.monotonic()
    with redis_server() as redis, upstream_server(quiet=True) as upstream:
        wrong = soak(seconds, seed, directory, redis, upstream)
    for line in wrong[:50]:
        print(line)
    print(f"{len(wrong)} things were wrong after {time.monotonic() - began:.0f} s")
    if wrong:
        print(f"the log of the servers is in {directory}; again: python -m tests.soak.run {seconds:g} {seed}")
        return 1
    for file in directory.iterdir():
        if file.is_file():
            file.unlink()
    return 0


if __name__ == "__main__":
    words = sys.argv[1:]
    sys.exit(
        main(float(words[0]) if words else 30.0, int(words[1]) if len(words) > 1 else random.getrandbits(32))
    )
