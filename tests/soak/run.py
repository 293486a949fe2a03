"""Run the whole under mixed load and faults, and check the ledger:

    python -m tests.soak.run [SECONDS [SEED]]

Redis, daphne, two workers of the site, three servers behind a network that breaks, an upstream that
misbehaves; browsers, and a client that speaks to the channel layer itself. What must hold: every operation
has exactly one answer, its own, or one that a fault of that moment explains (rules.py); no POST reached the
upstream twice; when all is over no key is left in Redis and no process; memory and open files of the
servers are bounded; no server has written a traceback. Exits with 1 and keeps the logs if it does not.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path

from tests.acceptance.raw import until
from tests.harness.redis_server import RedisServer, redis_server
from tests.harness.upstream import Upstream, upstream_server
from tests.soak import remains
from tests.soak.browsers import Browsers
from tests.soak.faults import Faults
from tests.soak.ledger import Ledger
from tests.soak.load import PREFIX, Load
from tests.soak.proxy import Proxy
from tests.soak.servers import Servers
from tests.soak.site import SoakSite

SECONDS = 40.0  # unless told
SEED = 11  # unless told how long; then another one each time
SERVERS = 3
WORKERS = 2
BROWSERS = 16
OUTSTANDING = 80  # operations of the layer's client
FLOOD = 600  # functions called at once
QUIET = 2.0  # seconds without faults, before and after
LONGEST = 60.0  # seconds that all answers may take after the last question
#: What Redis has said that it has is in its log then, whatever ends it; with fsync it may write later.
KEPT = ("--appendonly", "yes", "--appendfsync", "no")
SHOWN = 40  # things that were wrong


class Soak:
    """One run; `wrong` is what was, a line each."""

    def __init__(
        self, seed: int, directory: Path, python: str, redis: RedisServer, upstream: Upstream
    ) -> None:
        self._directory = directory
        self._redis = redis
        self._upstream = upstream
        self._proxy = Proxy(redis.host, redis.port)
        self._site = SoakSite(directory, python, redis, upstream, WORKERS)
        behind = redis.url.replace(f":{redis.port}/", f":{self._proxy.port}/")
        self._servers = Servers(self._site.site, SERVERS, ACCEPTANCE_REDIS=behind)
        self._ledger = Ledger()
        self._load = Load(redis, upstream.url, self._ledger, random.Random(seed), OUTSTANDING)
        self._browsers = Browsers(BROWSERS, self._ledger, seed)
        self._faults = Faults(
            redis, self._proxy, self._servers, upstream.process,
            lambda: self._site.kill_worker(random.Random(seed + 2)), lambda: self._load.flood(FLOOD),
            random.Random(seed + 1),
        )  # fmt: skip
        self.wrong: list[str] = []

    def run(self, seconds: float) -> None:
        """Start all, ask and break for so long; then see what there is."""
        self._site.start()
        self._servers.start()
        self._load.start()
        self._browsers.start(self._site.site.url)
        time.sleep(QUIET)
        self._faults.start()
        self._faults.wait(seconds)
        self._servers.wait_until_ready()
        time.sleep(QUIET)
        self._browsers.stop()
        self._load.stop()
        until("all browsers have an answer", lambda: self._browsers.are_done, LONGEST)
        self._load.wait(LONGEST)
        disconnects = f"{PREFIX}http.disconnect"
        until("the servers know who has left", lambda: not self._redis.command("LLEN", disconnects))
        self._look()

    def _look(self) -> None:
        servers, faults = self._servers.running, self._faults.done
        sizes = [(server.memory // 1024 // 1024, server.open_files) for server in servers]
        print(f"memory of the servers and their open files: {sizes}", flush=True)
        self.wrong += remains.of_servers(servers)
        self.wrong += self._servers.end()
        self._load.end()  # what has come in between came twice
        self.wrong += self._site.end()
        self.wrong += self._ledger.wrongs(self._upstream.posted(), faults)
        self.wrong += remains.in_redis(self._redis, faults)
        self.wrong += remains.of_processes([self._redis.pid, self._upstream.process.pid])
        counts = self._ledger.counts()
        print(f"{len(self._ledger.entries)} operations, {len(faults)} faults: {counts}", flush=True)

    def end(self) -> None:
        """End all that still runs, and write the logs."""
        (self._directory / "servers.log").write_text(self._servers.log())
        self._servers.kill()
        self._site.end()
        self._proxy.close()
        (self._directory / "site.log").write_text(self._site.log())
        faults = "\n".join(str(fault) for fault in self._faults.done)
        (self._directory / "faults.log").write_text(faults + "\n")


def main(seconds: float, seed: int) -> int:
    print(f"soak for {seconds:g} s with the seed {seed}", flush=True)
    directory = Path(tempfile.mkdtemp(prefix="soak-"))
    python = os.environ.get("CHANNELS_ASYNC_TEST_WEB_PYTHON") or sys.executable
    began = time.monotonic()
    with redis_server(*KEPT) as redis, upstream_server(quiet=True) as upstream:
        soak = Soak(seed, directory, python, redis, upstream)
        try:
            soak.run(seconds)
        except Exception as error:
            traceback.print_exc()
            soak.wrong.append(f"it was not finished: {error!r}")
        finally:
            soak.end()
    for line in soak.wrong[:SHOWN]:
        print(line)
    print(f"{len(soak.wrong)} things were wrong after {time.monotonic() - began:.0f} s")
    if soak.wrong:
        print(f"the logs are in {directory}; again: python3 noxfile.py -s soak -- {seconds:.0f} {seed}")
        return 1
    shutil.rmtree(directory)
    return 0


if __name__ == "__main__":
    words = sys.argv[1:]
    seed = int(words[1]) if len(words) > 1 else random.getrandbits(32) if words else SEED
    sys.exit(main(float(words[0]) if words else SECONDS, seed))
