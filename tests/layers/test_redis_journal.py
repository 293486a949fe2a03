"""The journal: what a server has claimed outlives it, is answered once, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import pytest
import trio

from server_trio.errors import ChannelFull, TakenOver
from server_trio.layers import Entry, Layer, Past, Progress, Received, open_layer, redis_journal
from server_trio.layers.open import make_backend
from server_trio.layers.redis_source import read_source
from tests.harness.redis_server import RedisServer
from tests.harness.resp import Connection

from .bench import ENCRYPTION_KEYS, contents, redis_spec, shard_urls, taking_over
from .watch import put, wait_for

REPLY = "daphne.response.abc!def"


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heartbeats of this process; those of others keep their second."""
    monkeypatch.setattr(redis_journal, "BEAT_INTERVAL", 0.5)
    monkeypatch.setattr(redis_journal, "DEAD_AFTER", 2.5)
    monkeypatch.setattr(redis_journal, "FENCE_TIME", 1.0)


def keys(redis: RedisServer, kind: str = "") -> list[str]:
    """The bridge's own keys; those of the journal where `kind` says which."""
    found = redis.command("KEYS", f"asgi::{kind}*")
    assert isinstance(found, list)
    return sorted(key.decode() for key in found)


def entries(redis: RedisServer) -> list[bytes]:
    """What all journals hold, without the time of the claim."""
    values = []
    for key in keys(redis, "journal:"):
        found = redis.command("HVALS", key)
        assert isinstance(found, list)
        values += [b" ".join((value.split(b" ")[0], *value.split(b" ")[2:])) for value in found]
    return values


def values(connection: Connection, key: str) -> list[Any]:
    found = connection.command("HVALS", key)
    assert isinstance(found, list)
    return found


class Server:
    """A process of journal_server."""

    def __init__(self, url: str, channel: str, number: int, *options: str) -> None:
        words = [sys.executable, "-m", "tests.layers.journal_server", url, channel, str(number), *options]
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.expect("claimed")

    def tell(self, *words: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(" ".join(words) + "\n")
        self._process.stdin.flush()

    def expect(self, word: str) -> None:
        assert self._process.stdout is not None
        assert self._process.stdout.readline().strip() == word

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


@contextlib.contextmanager
def serving(
    redis: RedisServer, number: int = 1, *options: str, channel: str = "in"
) -> Iterator[Server]:
    """A server that has claimed `number` messages which were put on `in`. `options`: see journal_server."""
    for index in range(number):
        put(redis, index)
    server = Server(redis.url, channel, number, *options)
    try:
        yield server
    finally:
        server.kill()


@contextlib.asynccontextmanager
async def layers(redis: RedisServer, number: int = 1) -> AsyncIterator[Sequence[Layer]]:
    async with contextlib.AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(open_layer(redis_spec([redis.url])())) for _ in range(number)
        ]


async def recovered(layer: Layer, number: int = 1) -> list[Received]:
    found: list[Received] = []
    with trio.fail_after(30):
        while len(found) < number:
            found += await layer.recover(0, number)
    return found


async def claimed(layer: Layer, shard: int = 0) -> Received:
    (received,) = await layer.receive(shard, ["in"], 1, journal=True)
    return received


async def test_what_is_claimed_is_kept_until_it_is_answered(redis: RedisServer) -> None:
    put(redis, 1)
    async with layers(redis) as (layer,):
        received = await claimed(layer)
        assert received.entry is not None
        (entry,) = entries(redis)
        assert entry.startswith(b"1 in ")
        await layer.send(REPLY, {"more_content": True}, entry=received.entry, progress=Progress.BEGUN)
        assert entries(redis) == [b"S" + entry]
        await layer.send(REPLY, {"more_content": True}, entry=received.entry)
        assert entries(redis) == [b"S" + entry]
        await layer.send(REPLY, {}, entry=received.entry, progress=Progress.DONE)
        assert entries(redis) == []
    assert keys(redis, "[^r]") == []  # receipts go with their TTL


async def test_without_the_wish_nothing_is_kept(redis: RedisServer) -> None:
    put(redis, 1)
    async with layers(redis) as (layer,):
        (received,) = await layer.receive(0, ["in"], 1)
        assert received.entry is None
        assert entries(redis) == []


async def test_an_answer_that_finds_no_room_leaves_the_entry(redis: RedisServer) -> None:
    put(redis, 1)
    async with open_layer(redis_spec([redis.url])(capacity=1)) as layer:
        received = await claimed(layer)
        await layer.send("full", {})
        with pytest.raises(ChannelFull):
            await layer.send("full", {}, entry=received.entry, progress=Progress.DONE)
        assert len(entries(redis)) == 1
        await layer.release(received.entry)  # type: ignore[arg-type]
        await wait_for(lambda: entries(redis) == [])


async def test_a_claim_that_nobody_waits_for_goes_back_from_the_journal(redis: RedisServer) -> None:
    async with layers(redis) as (layer,):
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:

                @nursery.start_soon
                async def receive() -> None:
                    await layer.receive(0, ["in"], 1, journal=True)

                await trio.testing.wait_all_tasks_blocked()
                put(redis, 1)
                scope.cancel()
        assert await contents(layer, "in") == [{"n": 1}]
        assert entries(redis) == []


async def test_what_a_killed_server_had_another_one_gets(redis: RedisServer) -> None:
    with serving(redis, 3) as server:
        server.tell("begin", REPLY)
        server.expect("answered")
        server.kill()
        async with layers(redis) as (layer,):
            found = await recovered(layer, 3)
            assert sorted(one.content["n"] for one in found) == [0, 1, 2]
            assert {one.channel for one in found} == {"in"}
            assert [one.past.begun for one in found if one.past and one.content["n"] == 0] == [True]
            assert {one.past.attempt for one in found if one.past} == {2}
            for one in found:
                await layer.send(REPLY, {"by": "second"}, entry=one.entry, progress=Progress.DONE)
            assert entries(redis) == []
            # The dead one is forgotten, the living one is not.
            await wait_for(lambda: redis.command("HLEN", "asgi::servers") == 1)
    assert keys(redis, "[^r]") == []


async def test_who_takes_only_some_is_asked_first_and_the_rest_is_for_the_others(redis: RedisServer) -> None:
    asked: list[int] = []

    async def is_odd(received: Received) -> bool:
        asked.append(received.content["n"])
        return bool(received.content["n"] % 2)

    async with layers(redis) as (layer,), trio.open_nursery() as nursery:
        odd: list[Received] = []
        even: list[Received] = []

        async def recover(found: list[Received], *only: Any) -> None:
            while True:
                found.extend(await layer.recover(0, 3, *only))

        nursery.start_soon(recover, odd, is_odd)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(recover, even)
        with serving(redis, 20) as server:
            server.kill()
            await wait_for(lambda: len(odd) == len(even) == 10)
        nursery.cancel_scope.cancel()
    assert sorted(one.content["n"] for one in odd) == list(range(1, 20, 2))
    assert sorted(one.content["n"] for one in even) == list(range(0, 20, 2))
    assert sorted(asked) == list(range(20))  # each once
    assert {one.past.attempt for one in odd + even if one.past} == {2}


async def test_of_several_one_takes_over(redis: RedisServer) -> None:
    with serving(redis, 20) as server:
        server.kill()
        async with layers(redis, 3) as several, trio.open_nursery() as nursery:
            found: list[Received] = []

            async def recover(layer: Layer) -> None:
                while True:
                    found.extend(await layer.recover(0, 7))

            for layer in several:
                nursery.start_soon(recover, layer)
            await wait_for(lambda: len(found) >= 20)
            # A second taker would have had its turn: everybody has beaten twice more.
            beats = redis.command("HVALS", "asgi::servers")
            for _ in range(2):
                last = redis.command("HVALS", "asgi::servers")
                await wait_for(lambda last=last: redis.command("HVALS", "asgi::servers") != last)
            assert beats != last
            nursery.cancel_scope.cancel()
    assert sorted(one.content["n"] for one in found) == list(range(20))


async def test_who_was_only_slow_cannot_answer_any_more(redis: RedisServer) -> None:
    with serving(redis) as server:
        server.signal(signal.SIGSTOP)
        async with layers(redis) as (layer,):
            (received,) = await recovered(layer)
            server.signal(signal.SIGCONT)
            server.tell("answer", REPLY)
            server.expect("TakenOver")
            await layer.send(REPLY, {"by": "second"}, entry=received.entry, progress=Progress.DONE)
            assert await contents(layer, REPLY.partition("!")[0] + "!") == [{"by": "second"}]
            # It goes on under another name, and closes as one that has nothing left.
            await wait_for(lambda: redis.command("HLEN", "asgi::servers") == 2)
            server.tell("end")
            await wait_for(lambda: redis.command("HLEN", "asgi::servers") == 1)


async def test_who_was_slow_cannot_answer_what_has_been_done_long_ago(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The taker is done with all of it, and remembers that it was another's."""
    monkeypatch.setattr(redis_journal, "FENCE_TIME", 600.0)
    with serving(redis) as server:
        server.signal(signal.SIGSTOP)
        async with layers(redis) as (layer,):
            (received,) = await recovered(layer)
            await layer.send(REPLY, {"by": "second"}, entry=received.entry, progress=Progress.DONE)
            for _ in range(3):  # heartbeats that find nothing left to do
                last = redis.command("HVALS", "asgi::servers")
                await wait_for(lambda last=last: redis.command("HVALS", "asgi::servers") != last)
            server.signal(signal.SIGCONT)
            server.tell("answer", REPLY)
            server.expect("TakenOver")
            server.tell("end")
            await wait_for(lambda: entries(redis) == [])
            assert await contents(layer, REPLY.partition("!")[0] + "!") == [{"by": "second"}]
    assert keys(redis, "[^r]") == []


async def test_who_was_slow_cannot_answer_what_one_that_has_ended_has_done(redis: RedisServer) -> None:
    """Then nobody owns its journal any more, as when Redis has lost everything."""
    with serving(redis) as server:
        server.signal(signal.SIGSTOP)
        async with layers(redis) as (layer,):
            (received,) = await recovered(layer)
            await layer.send(REPLY, {"by": "second"}, entry=received.entry, progress=Progress.DONE)
        assert redis.command("EXISTS", "asgi::servers") == 0
        server.signal(signal.SIGCONT)
        server.tell("answer", REPLY)
        server.expect("TakenOver")
        async with layers(redis) as (layer,):
            assert await contents(layer, REPLY.partition("!")[0] + "!") == [{"by": "second"}]


async def test_a_slow_one_claims_for_itself_again(redis: RedisServer) -> None:
    """What it takes before it has learned of its death must not lie in a journal that is another's."""
    put(redis, 1)
    async with layers(redis) as (layer,):
        first = await claimed(layer)
        assert first.entry is not None
        redis.command("HSET", "asgi::servers", first.entry.journal, "another 5")
        put(redis, 2)
        second = await claimed(layer)
        assert second.entry is not None
        assert second.entry.journal != first.entry.journal
        with pytest.raises(TakenOver):
            await layer.send(REPLY, {}, entry=first.entry, progress=Progress.DONE)
        await layer.send(REPLY, {}, entry=second.entry, progress=Progress.DONE)


async def test_who_takes_over_and_dies_is_taken_over_from(redis: RedisServer) -> None:
    with serving(redis) as server:
        server.kill()
        async with layers(redis) as (layer,):
            (received,) = await recovered(layer)
            journal = received.entry.journal  # type: ignore[union-attr]
            # As one that has died would leave it: an owner whose heartbeat stands still.
            redis.command("HSET", "asgi::servers", journal, "dead 1")
            async with layers(redis) as (other,):
                (again,) = await recovered(other)
                assert again.past is not None
                assert again.past.attempt == 3
                with pytest.raises(TakenOver):
                    await layer.send(REPLY, {}, entry=received.entry, progress=Progress.DONE)


async def test_what_another_has_taken_over_meanwhile_is_not_handed_out(redis: RedisServer) -> None:
    """As to a server that stood still between taking over and going on with it."""
    with serving(redis) as server:
        server.kill()
        async with layers(redis) as (layer,), taking_over(layer):
            (dead,) = [key.rpartition(":")[2] for key in keys(redis, "journal:")]
            owner = redis.command("HGET", "asgi::servers", dead)
            await wait_for(lambda: redis.command("HGET", "asgi::servers", dead) != owner)
            redis.command("HSET", "asgi::servers", dead, "another 5")
            with trio.move_on_after(2):
                await layer.recover(0, 1)
                pytest.fail("it was handed out")
            (entry,) = entries(redis)
            assert entry.startswith(b"1 in ")  # not noted as a second attempt either


async def test_who_takes_back_what_was_its_own_cannot_answer_for_its_former_self(redis: RedisServer) -> None:
    """It stood still, another took over and died; now it has the journal again, and both attempts of it."""
    put(redis, 1)
    async with layers(redis) as (layer,):
        first = await claimed(layer)
        assert first.entry is not None
        redis.command("HSET", "asgi::servers", first.entry.journal, "another 5")  # and no heartbeat follows
        (again,) = await recovered(layer)
        assert again.entry is not None
        assert again.entry.journal == first.entry.journal
        with pytest.raises(TakenOver):
            await layer.send(REPLY, {"by": "first"}, entry=first.entry, progress=Progress.DONE)
        await layer.bury(first.entry, "not its own any more")
        assert await layer.dead_letters() == []  # type: ignore[attr-defined]
        await layer.send(REPLY, {"by": "second"}, entry=again.entry, progress=Progress.DONE)
        assert await contents(layer, REPLY.partition("!")[0] + "!") == [{"by": "second"}]


async def test_what_was_moved_and_not_handed_out_goes_back_to_its_channel(redis: RedisServer) -> None:
    with serving(redis, 1, channel="in") as server:
        key = keys(redis, "claims:")[0]
        claims = redis.command("SMEMBERS", key)
        assert isinstance(claims, list)
        redis.command("SET", "asgi:moved", b"\x81\xa1n\x07")
        redis.command("RPUSH", claims[0], "asgi:moved")  # as BLMOVE would have
        server.kill()
        async with layers(redis) as (layer,):
            await recovered(layer)
            assert await contents(layer, "in") == [{"n": 7}]
    assert keys(redis, "claim") == []


async def test_an_unanswered_operation_outlives_an_orderly_end(redis: RedisServer) -> None:
    put(redis, 1)
    async with layers(redis) as (layer,):
        await claimed(layer)
    assert len(entries(redis)) == 1
    async with layers(redis) as (successor,):
        (received,) = await recovered(successor)
        assert received.content == {"n": 1}
        assert received.past is not None
        assert received.past.begun is False


async def test_a_silent_redis_is_nobodys_death(redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """All heartbeats stand still while Redis is stopped; none of the servers must take over from another."""
    monkeypatch.setattr(redis_journal, "BEAT_INTERVAL", 0.05)
    monkeypatch.setattr(redis_journal, "DEAD_AFTER", 0.2)
    async with layers(redis, 2) as (first, second), trio.open_nursery() as nursery:
        put(redis, 1)
        received = await claimed(first)
        others: list[Received] = []

        @nursery.start_soon
        async def recover() -> None:
            others.extend(await second.recover(0, 1))

        beats = redis.command("HVALS", "asgi::servers")
        os.kill(redis.pid, signal.SIGSTOP)
        try:
            await trio.sleep(0.5)  # more than DEAD_AFTER
        finally:
            os.kill(redis.pid, signal.SIGCONT)
        await wait_for(lambda: redis.command("HVALS", "asgi::servers") != beats)
        assert others == []
        await first.send(REPLY, {}, entry=received.entry, progress=Progress.DONE)
        nursery.cancel_scope.cancel()


async def test_the_journal_of_an_encrypted_layer_is_encrypted(redis: RedisServer) -> None:
    spec = redis_spec([redis.url], symmetric_encryption_keys=ENCRYPTION_KEYS)()
    async with open_layer(spec) as layer:
        await layer.send("in", {"secret": "geheimnis"})
        received = await claimed(layer)
        assert received.content == {"secret": "geheimnis"}
        (entry,) = entries(redis)
        assert b"geheimnis" not in entry


async def test_what_was_encrypted_long_ago_is_recovered(redis: RedisServer) -> None:
    """asgi_redis refuses tokens that are older than a message may wait; an operation may take longer."""
    with serving(redis) as server:
        server.kill()
        (journal,) = keys(redis, "journal:")
        (key,) = redis.command("HKEYS", journal)  # type: ignore[misc, union-attr]
        spec = redis_spec([redis.url], symmetric_encryption_keys=ENCRYPTION_KEYS)()
        crypter = make_backend(spec).crypter
        body = crypter._fernets[0].encrypt_at_time(b"\x81\xa1n\x07", int(time.time()) - 3600)
        redis.command("HSET", journal, key, b"1 1700000000.000 in " + body)  # type: ignore[arg-type]
        async with open_layer(spec) as layer:
            (received,) = await recovered(layer)
            assert received.content == {"n": 7}


async def test_an_answer_on_another_shard_is_noted_where_the_operation_is(redis: RedisServer) -> None:
    async with open_layer(redis_spec(shard_urls(redis, 3))()) as layer:
        for number in range(3):
            await layer.send("in", {"n": number})
        for shard in range(3):
            received = await claimed(layer, shard)
            assert received.entry is not None
            assert received.entry.shard == shard
            with redis.connect() as database:
                database.command("SELECT", shard)
                journal = f"asgi::journal:{received.entry.journal}"
                (before,) = values(database, journal)
                await layer.send(REPLY, {}, entry=received.entry, progress=Progress.BEGUN)
                assert values(database, journal) == [b"S" + before]
                await layer.send(REPLY, {}, entry=received.entry, progress=Progress.DONE)
                await wait_for(lambda database=database, journal=journal: not values(database, journal))


async def test_what_is_given_up_is_kept_until_somebody_drops_it(redis: RedisServer) -> None:
    async with layers(redis) as (layer,):
        for number in range(2):
            await layer.send("in", {"n": number, "bytes": bytes(range(256))})
            received = await claimed(layer)
            assert received.entry is not None
            await layer.bury(received.entry, "killed two servers")
        assert entries(redis) == []
        letters = await layer.dead_letters()  # type: ignore[attr-defined]
        assert [letter.received.content["n"] for letter in letters] == [1, 0]
        assert {(letter.reason, letter.attempts, letter.received.channel) for letter in letters} == {
            ("killed two servers", 1, "in")
        }
        assert letters[0].received.content["bytes"] == bytes(range(256))
        for letter in letters:
            assert await layer.drop_dead_letter(letter.id)  # type: ignore[attr-defined]
        assert not await layer.drop_dead_letter(letters[1].id)  # type: ignore[attr-defined]
        assert await layer.dead_letters() == []  # type: ignore[attr-defined]
    assert keys(redis, "[^r]") == []


def test_an_entry_is_read_as_it_was_written(redis: RedisServer) -> None:
    source = read_source(make_backend(redis_spec([redis.url])()))
    journal = redis_journal.ShardJournal(source, 2, None)  # type: ignore[arg-type]
    body: Any = source.codec.encode("in", {"n": 1})[1]
    received, again = journal._read("abc", b"asgi:key", b"S1 1700000000.123 in " + body)
    assert received == Received(
        "in", {"n": 1}, None, Entry(2, "abc", "asgi:key", "abc"), Past(2, 1700000000.123, True)
    )
    assert again == b"S2 1700000000.123 in " + body
