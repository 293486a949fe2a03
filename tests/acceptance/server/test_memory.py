"""A server's memory does not grow with what it has done.

CHANNELS_ASYNC_TEST_OPERATIONS says how many operations (20,000 unless told); a tenth as many fail then.
"""

from __future__ import annotations

import os
import time
import uuid
from pathlib import Path

import msgpack

from channels_async import wire
from tests.acceptance.raw import PREFIX, REPLIES
from tests.soak.load import SEND

OPERATIONS = int(os.environ.get("CHANNELS_ASYNC_TEST_OPERATIONS", "20000"))
OUTSTANDING = 100
#: What waits on a list, and is taken.
TAKE = """
local found = {}
for _ = 1, 100 do
    local key = redis.call('LPOP', KEYS[1])
    if not key then break end
    table.insert(found, redis.call('GET', key))
    redis.call('DEL', key)
end
return found
"""
LONGEST = 60.0  # seconds without any answer


def resident(pid: int) -> int:
    """Bytes of RAM that a process has now (proc(5), statm)."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def do(redis, url: str, number: int) -> set[int]:
    """Have so many requests done; the statuses of their answers."""
    sent = answered = 0
    statuses = set()
    with redis.connect() as connection:
        last = time.monotonic()
        while answered < number:
            for _ in range(min(OUTSTANDING - (sent - answered), number - sent)):
                content = wire.encode(
                    uuid.uuid4().hex, REPLIES + uuid.uuid4().hex, sent_at=time.time(), url=url
                )
                key, body = PREFIX + uuid.uuid4().hex, msgpack.packb(content, use_bin_type=True)
                connection.command("EVAL", SEND, 2, PREFIX + "request.async", key, body)
                sent += 1
            for packed in connection.command("EVAL", TAKE, 1, PREFIX + REPLIES):
                message = msgpack.unpackb(packed, raw=False)
                statuses.add(message["status"])
                answered += 1
                last = time.monotonic()
            assert time.monotonic() - last < LONGEST, f"{answered} of {number} were answered"
            time.sleep(0.002)
    return statuses


def test_memory_is_what_it_was_after_many_operations_and_many_failures(start_server, upstream):
    server = start_server("CHANNELS_ASYNC_SERVER = {'HTTP': {'breaker_failures': 0}}")
    good, bad = upstream.url + "/status/200", upstream.url + "/garbage"
    assert do(server.redis, good, 2000) == {200}
    assert do(server.redis, bad, 500) == {502}
    before = resident(server.process.pid)
    assert do(server.redis, good, OPERATIONS) == {200}
    assert do(server.redis, bad, OPERATIONS // 10) == {502}
    after = resident(server.process.pid)
    print(f"{before} bytes, {after} after {OPERATIONS} operations")
    assert after < before * 1.1
