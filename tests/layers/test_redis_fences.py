"""Who owns a journal when its owner stood still for very long, or when another hand writes to Redis."""

from __future__ import annotations

import logging
import re
import signal
from collections.abc import Callable

import pytest
import trio

from server_trio.layers import Progress, redis_journal
from tests.harness.redis_server import RedisServer

from .bench import contents, taking_over
from .test_redis_journal import REPLY, claimed, entries, fast, keys, layers, recovered, serving
from .watch import put, wait_for

__all__ = ["fast"]

LIST = REPLY.partition("!")[0] + "!"


def servers(redis: RedisServer) -> dict[str, str]:
    """What the servers' hash has: '<owner> <number of the last heartbeat>' by id."""
    found = redis.command("HGETALL", "asgi::servers")
    assert isinstance(found, list)
    texts = [part.decode() for part in found]
    return dict(zip(texts[::2], texts[1::2], strict=True))


def beats(redis: RedisServer, but: Callable[[str], bool]) -> int:
    """The number of the last heartbeat of the one server that is none of those."""
    (value,) = [value for id, value in servers(redis).items() if not but(id)]
    return int(value.split()[1])


async def test_who_stood_still_for_longer_than_anything_is_remembered_answers_nothing_twice(
    redis: RedisServer,
) -> None:
    with serving(redis, 1, "1") as server:
        server.signal(signal.SIGSTOP)
        async with layers(redis) as (layer,):
            (received,) = await recovered(layer)
            await layer.send(REPLY, {"by": "second"}, entry=received.entry, progress=Progress.DONE)
            # The taker is done and has forgotten it, and then its note has gone.
            await wait_for(lambda: len(servers(redis)) == 1)
            assert redis.command("DEL", f"asgi::receipt:{received.entry.journal}") == 1  # type: ignore[union-attr]
            server.signal(signal.SIGCONT)
            server.tell("answer", REPLY)
            server.expect("TakenOver")
            await wait_for(lambda: len(servers(redis)) == 2)  # it goes on under a new name
            assert received.entry.journal not in servers(redis)  # type: ignore[union-attr]
            assert await contents(layer, LIST) == [{"by": "second"}]
            server.tell("end")
            await wait_for(lambda: len(servers(redis)) == 1)


async def test_a_redis_that_lost_everything_gets_the_answer(redis: RedisServer) -> None:
    with serving(redis) as server:
        redis.command("FLUSHALL")
        server.tell("answer", REPLY)
        server.expect("answered")


async def test_a_server_that_had_nothing_is_forgotten_at_once_and_learns_of_it(redis: RedisServer) -> None:
    with serving(redis) as server:
        server.tell("answer", REPLY)
        server.expect("answered")
        (id,) = servers(redis)
        server.signal(signal.SIGSTOP)
        async with layers(redis) as (layer,), taking_over(layer):
            await wait_for(lambda: id not in servers(redis))
            server.signal(signal.SIGCONT)
            await wait_for(lambda: len(servers(redis)) == 2)
            assert id not in servers(redis)


async def test_ids_that_somebody_has_invented_go_a_few_at_a_time_and_leave_nothing(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_journal, "BEAT_INTERVAL", 0.05)
    monkeypatch.setattr(redis_journal, "DEAD_AFTER", 0.2)
    monkeypatch.setattr(redis_journal, "TAKEN_AT_ONCE", 5)
    async with layers(redis) as (layer,), taking_over(layer):
        for number in range(100):
            redis.command("HSET", "asgi::servers", f"invented{number}", f"invented{number} 7")
        before = beats(redis, lambda id: id.startswith("invented"))
        await wait_for(lambda: len(servers(redis)) == 1)
        assert beats(redis, lambda id: id.startswith("invented")) >= before + 100 / 5
        await layer.send("in", {"n": 1})
        assert (await claimed(layer)).content == {"n": 1}


async def test_no_more_journals_are_held_than_a_heartbeat_can_carry(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_journal, "BEAT_INTERVAL", 0.05)
    monkeypatch.setattr(redis_journal, "DEAD_AFTER", 0.2)
    monkeypatch.setattr(redis_journal, "MOST_OTHERS", 3)

    def is_invented(id: str) -> bool:
        return id.startswith("invented")

    def held() -> list[str]:
        return [value for id, value in servers(redis).items() if is_invented(id) and not is_invented(value)]

    async with layers(redis) as (layer,), taking_over(layer):
        for number in range(10):
            id = f"invented{number}"
            entry = b"1 1700000000.000 in \x81\xa1n\x07"
            redis.command("HSET", f"asgi::journal:{id}", f"asgi:{number}", entry)
            redis.command("HSET", "asgi::servers", id, f"{id} 7")
        await wait_for(lambda: len(held()) == 3)
        before = beats(redis, is_invented)
        await wait_for(lambda: beats(redis, is_invented) > before + 20)
        assert len(held()) == 3
        # What is done makes room for the next.
        for _ in range(10):
            (received,) = await recovered(layer)
            await layer.send(REPLY, {}, entry=received.entry, progress=Progress.DONE)
        await wait_for(lambda: len(servers(redis)) == 1)


@pytest.mark.parametrize("kind", ["journal", "claims"])
async def test_a_living_server_whose_key_is_replaced_goes_on_and_loses_nothing(
    redis: RedisServer, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "server_trio")
    async with layers(redis) as (layer,):
        put(redis, 1)
        first = await claimed(layer)
        assert first.entry is not None
        key = f"asgi::{kind}:{first.entry.journal}"
        redis.command("SET", key, "not what it should be")
        put(redis, 2)
        put(redis, 3)
        with trio.fail_after(20):
            second, third = await claimed(layer), await claimed(layer)
        assert (second.content, third.content) == ({"n": 2}, {"n": 3})
        assert second.entry is not None
        assert second.entry.journal != first.entry.journal
        for received in (first, second, third):
            await layer.send(REPLY, received.content, entry=received.entry, progress=Progress.DONE)
        assert await contents(layer, LIST, number=3) == [{"n": 1}, {"n": 2}, {"n": 3}]
        assert entries(redis) == [] if kind == "claims" else True
        (line,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
        assert key in line
        assert "Delete that key" in line
    redis.command("DEL", key)
    assert keys(redis, "[^r]") == []


async def test_what_others_had_is_handed_out_though_the_journal_of_one_has_been_replaced(
    redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(redis) as one, serving(redis) as other:
        one.kill()
        other.kill()
        async with layers(redis) as (layer,), taking_over(layer):
            await wait_for(lambda: caplog.text.count("took over 1 operations") == 2)
            first, second = re.findall(r"server (\w+) has not been heard of", caplog.text)
            redis.command("DEL", f"asgi::journal:{first}")
            redis.command("SET", f"asgi::journal:{first}", "not what it should be")
            (received,) = await recovered(layer)
            assert received.entry is not None
            assert received.entry.journal == second
            await layer.send(REPLY, {}, entry=received.entry, progress=Progress.DONE)


async def test_the_send_of_another_operation_is_not_the_worse_for_it(redis: RedisServer) -> None:
    """Both go in one batch."""
    async with layers(redis, 2) as (layer, _), trio.open_nursery() as nursery:
        put(redis, 1)
        first = await claimed(layer)
        assert first.entry is not None
        redis.command("SET", f"asgi::journal:{first.entry.journal}", "not what it should be")
        for progress in (Progress.BEGUN, Progress.ON, Progress.DONE):
            nursery.start_soon(_send, layer, progress, first)
            nursery.start_soon(_send, layer, progress, None)
    assert len(await _left(redis)) == 6


async def _send(layer: object, progress: Progress, received: object) -> None:
    entry = getattr(received, "entry", None)
    await layer.send(REPLY, {}, entry=entry, progress=progress)  # type: ignore[attr-defined]


async def _left(redis: RedisServer) -> list[object]:
    async with layers(redis) as (layer,):
        return await contents(layer, LIST, number=6)


def test_the_note_of_a_taker_outlasts_the_trust_in_a_heartbeat() -> None:
    assert redis_journal.TRUST_TIME < redis_journal.TAKEN_TTL


