"""What several shards do to a site: workers that listen on one at a time, and replies that a hash spreads."""

from __future__ import annotations

import heapq
import random
import string
import zlib

LISTENS = 5.0  # seconds that an idle worker stays with a shard (asgi_redis/core.py:39)


def nobody_listens(workers: int, shards: int, messages: int, seed: int) -> float:
    """The share of messages that find no worker listening on their shard; each then waits for one.

    Workers have been started one after the other, and are idle but for a moment: who takes a message listens
    on the next shard afterwards.
    """
    dice = random.Random(seed)  # noqa: S311 - no secret
    listening: list[dict[int, int]] = [{} for _ in range(shards)]  # by worker: its turn; the longest first
    waiting = [0] * shards
    turns = [0] * workers
    moves: list[tuple[float, int, int]] = []  # (time, worker, turn): it goes on to the next shard
    for worker in range(workers):
        heapq.heappush(moves, (dice.uniform(0, LISTENS * shards), worker, 0))

    def move(now: float, worker: int) -> None:
        turns[worker] += 1
        shard = turns[worker] % shards
        if waiting[shard]:
            waiting[shard] -= 1
            heapq.heappush(moves, (now, worker, turns[worker]))
            return
        listening[shard][worker] = turns[worker]
        heapq.heappush(moves, (now + LISTENS, worker, turns[worker]))

    missed, now = 0, 2 * LISTENS * shards
    for _ in range(messages):
        now += dice.expovariate(workers / (10 * LISTENS))  # seldom: they are idle nearly always
        while moves and moves[0][0] <= now:
            time, worker, turn = heapq.heappop(moves)
            if turn == turns[worker]:
                listening[turn % shards].pop(worker, None)
                move(time, worker)
        shard = dice.randrange(shards)
        if listening[shard]:
            worker = next(iter(listening[shard]))
            del listening[shard][worker]
            move(now, worker)
        else:
            missed += 1
            waiting[shard] += 1
    return missed / messages


def busiest(daphnes: int, shards: int, times: int, seed: int) -> float:
    """How many of so many daphnes have their answers on the busiest shard: by asgi_redis's hash."""
    dice = random.Random(seed)  # noqa: S311 - no secret
    most = 0
    for _ in range(times):
        names = ("".join(dice.choices(string.ascii_letters, k=10)) for _ in range(daphnes))
        counts = [0] * shards
        for name in names:
            big = zlib.crc32(f"daphne.response.{name}!".encode()) & 0xFFF
            counts[int(big / (4096 / shards))] += 1  # asgi_redis/core.py:571-580
        most += max(counts)
    return most / times
