"""What every layer does: one suite, run over all of them. See server_trio/layers/base.py."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
import trio

from server_trio.errors import ChannelFull, LayerError, MessageRefused

from .bench import Bench, contents, is_empty, receive_once, take

NOTHING_LIKE_A_MESSAGE: list[Any] = [None, 7, "text", b"bytes", ["list"], [("a", 1)]]
BAD_NAMES: list[Any] = ["", "a b", "ä", "a?b?c", "a!b!c", "x" * 100, "name?", b"bytes", None, "a/b", "a:b"]
NOT_TO_BE_CARRIED = [object(), {1}, 1j, 2**64, -(2**63) - 1, "\ud800", {(1, 2): 3}]


async def test_a_message_arrives_as_it_was_sent(bench: Bench) -> None:
    message = {
        "text": "käse ☃ 𝄞", "bytes": bytes(range(256)), "none": None, "yes": True, "no": False,
        "list": [1, [2, [3]], {}], "dict": {"a": {"b": b""}}, "double": 1.5, "zero": 0,
        "greatest": 2**63 - 1, "least": -(2**63), "empty": "", "headers": [[b"a", b"b"], [b"a", b"c"]],
    }  # fmt: skip
    async with bench.open() as layer:
        await layer.send("in", message)
        (received,) = await take(layer, "in")
    assert received.channel == "in"
    assert received.fault is None
    assert received.content == message
    assert type(received.content["yes"]) is bool


async def test_tuples_arrive_as_lists(bench: Bench) -> None:
    async with bench.open() as layer:
        await layer.send("in", {"pair": (1, (2,))})
        assert await contents(layer, "in") == [{"pair": [1, [2]]}]


async def test_an_empty_message_is_a_message(bench: Bench) -> None:
    async with bench.open() as layer:
        await layer.send("in", {})
        assert await contents(layer, "in") == [{}]


async def test_a_message_of_a_megabyte_arrives(bench: Bench) -> None:
    async with bench.open() as layer:
        await layer.send("in", {"content": b"x" * (1 << 20)})
        (content,) = await contents(layer, "in")
    assert content == {"content": b"x" * (1 << 20)}


async def test_what_the_sender_changes_later_does_not_change_the_message(bench: Bench) -> None:
    message = {"list": [1]}
    async with bench.open() as layer:
        await layer.send("in", message)
        message["list"].append(2)
        assert await contents(layer, "in") == [{"list": [1]}]


async def test_messages_of_one_sender_arrive_in_order(bench: Bench) -> None:
    async with bench.open() as layer:
        for number in range(20):
            await layer.send("reply?abc", {"n": number})
        received = await contents(layer, "reply?abc", number=20, limit=7)
    assert received == [{"n": number} for number in range(20)]


async def test_at_most_limit_messages_are_taken(bench: Bench) -> None:
    async with bench.open() as layer:
        for number in range(5):
            await layer.send("daphne.response.abc!x", {"n": number})
        sizes = [len(await receive_once(layer, "daphne.response.abc!", limit=2)) for _ in range(3)]
    assert sizes == [2, 2, 1]


async def test_a_process_local_channel_is_read_under_its_prefix(bench: Bench) -> None:
    async with bench.open() as layer:
        await layer.send("daphne.response.abc!one", {"n": 1})
        await layer.send("daphne.response.abc!two", {"n": 2})
        received = await take(layer, "daphne.response.abc!", number=2)
    assert [(one.channel, one.content) for one in received] == [
        ("daphne.response.abc!one", {"n": 1}),
        ("daphne.response.abc!two", {"n": 2}),
    ]


async def test_the_sent_dict_of_a_process_local_channel_is_left_alone(bench: Bench) -> None:
    message = {"n": 1}
    async with bench.open() as layer:
        await layer.send("daphne.response.abc!one", message)
    assert message == {"n": 1}


async def test_several_channels_are_read_at_once(bench: Bench) -> None:
    async with bench.open() as layer:
        await layer.send("one", {"n": 1})
        await layer.send("two", {"n": 2})
        received = await take(layer, "one", "two", "three", number=2)
    assert sorted((one.channel, one.content["n"]) for one in received) == [("one", 1), ("two", 2)]


async def test_a_busy_channel_does_not_starve_the_others(bench: Bench) -> None:
    async with bench.open(capacity=50) as layer:
        if layer.shards > 1:
            pytest.skip("a fairness of one shard")
        for number in range(50):
            await layer.send("busy", {"n": number})
        await layer.send("quiet", {"n": -1})
        seen = []
        for _ in range(25):
            seen += [one.channel for one in await layer.receive(0, ["busy", "quiet"], 1)]
            if "quiet" in seen:
                break
    assert "quiet" in seen


async def test_a_channel_takes_as_many_messages_as_its_capacity(bench: Bench) -> None:
    async with bench.open(capacity=3) as layer:
        for number in range(3):
            await layer.send("reply?abc", {"n": number})
        with pytest.raises(ChannelFull, match=r"reply\?abc"):
            await layer.send("reply?abc", {"n": 3})
        await take(layer, "reply?abc", number=1, limit=1)
        await layer.send("reply?abc", {"n": 4})
        assert await contents(layer, "reply?abc", number=3) == [{"n": 1}, {"n": 2}, {"n": 4}]


async def test_process_local_channels_share_the_capacity_of_their_process(bench: Bench) -> None:
    async with bench.open(capacity=2) as layer:
        await layer.send("daphne.response.abc!one", {})
        await layer.send("daphne.response.abc!two", {})
        with pytest.raises(ChannelFull):
            await layer.send("daphne.response.abc!three", {})
        await layer.send("daphne.response.xyz!one", {})


async def test_what_is_not_a_dict_is_refused(bench: Bench) -> None:
    async with bench.open() as layer:
        for message in NOTHING_LIKE_A_MESSAGE:
            for channel in ("in", "in!x"):
                with pytest.raises(MessageRefused):
                    await layer.send(channel, message)


async def test_a_value_that_cannot_be_carried_is_refused_by_name(bench: Bench) -> None:
    async with bench.open() as layer:
        for value in NOT_TO_BE_CARRIED:
            with pytest.raises(MessageRefused, match=r"message\['outer'\]\[1\]\['inner'\]"):
                await layer.send("in", {"fine": 1, "outer": ["fine", {"inner": value}]})
        assert await is_empty(layer, "in")


async def test_a_message_nested_without_end_is_refused(bench: Bench) -> None:
    message: dict[str, Any] = {}
    message["self"] = message
    async with bench.open() as layer:
        with pytest.raises(MessageRefused):
            await layer.send("in", message)


async def test_the_key_of_the_layer_itself_is_refused(bench: Bench) -> None:
    async with bench.open() as layer:
        with pytest.raises(MessageRefused, match="__asgi_channel__"):
            await layer.send("in", {"__asgi_channel__": "x!y"})


async def test_a_name_that_is_no_channel_is_refused(bench: Bench) -> None:
    async with bench.open() as layer:
        for name in BAD_NAMES:
            with pytest.raises(MessageRefused):
                await layer.send(name, {})
            with pytest.raises(MessageRefused):
                await layer.receive(0, [name], 1)


async def test_receiving_from_nothing_or_nothing_from_somewhere_is_a_mistake(bench: Bench) -> None:
    async with bench.open() as layer:
        for channels, limit in ([], 1), ("in", 1), (["in"], 0), (["in"], -1):
            with pytest.raises(ValueError, match="receive takes"):
                await layer.receive(0, channels, limit)


async def test_a_channel_that_is_named_twice_is_read_once(bench: Bench) -> None:
    async with bench.open() as layer:
        await layer.send("in", {"n": 1})
        await layer.send("in", {"n": 2})
        received = await take(layer, "in", "in", number=2)
        assert sorted(one.content["n"] for one in received) == [1, 2]
        assert await is_empty(layer, "in", "in")


async def test_receiving_a_process_local_name_beyond_its_mark_is_refused(bench: Bench) -> None:
    async with bench.open() as layer:
        with pytest.raises(MessageRefused):
            await layer.receive(0, ["abc!x"], 1)


async def test_an_idle_receive_wakes_for_a_message(bench: Bench) -> None:
    async with bench.open() as layer, trio.open_nursery() as nursery:
        received: list[Any] = []

        @nursery.start_soon
        async def receive() -> None:
            received.extend(await contents(layer, "in"))

        assert await is_empty(layer, "other")  # by now the other one waits in the backend
        assert received == []
        await layer.send("in", {"n": 1})
    assert received == [{"n": 1}]


async def test_receives_on_different_channels_do_not_wait_for_each_other(bench: Bench) -> None:
    async with bench.open() as layer, trio.open_nursery() as nursery:
        nursery.start_soon(is_empty, layer, "silent")
        await layer.send("in", {"n": 1})
        assert await contents(layer, "in") == [{"n": 1}]
        nursery.cancel_scope.cancel()


async def test_messages_are_shared_out_among_those_who_receive_from_one_channel(bench: Bench) -> None:
    seen: Counter[int] = Counter()
    async with bench.open(capacity=200) as layer, trio.open_nursery() as nursery:

        async def receive(shard: int) -> None:
            while True:
                for received in await layer.receive(shard, ["in"], 3):
                    seen[received.content["n"]] += 1
                if seen.total() >= 60:
                    nursery.cancel_scope.cancel()

        for shard in range(layer.shards):
            for _ in range(3):
                nursery.start_soon(receive, shard)
        for number in range(60):
            nursery.start_soon(layer.send, "in", {"n": number})
    assert seen == Counter(range(60))


async def test_a_cancelled_receive_loses_nothing(bench: Bench) -> None:
    """Receives are cancelled at random moments, before, while and after messages come in."""
    chance = random.Random(20261121)
    rounds = 40 if bench.kind.startswith("threaded") else 150
    sent: list[int] = []
    seen: Counter[int] = Counter()
    async with bench.open(capacity=10_000) as layer:

        async def push() -> None:
            for number in range(chance.choice([0, 1, 1, 2, 5])):
                sent.append(len(sent))
                await layer.send("in", {"n": sent[-1]})
                if number % 2:
                    await trio.sleep(chance.random() * 0.002)

        async def receive(shard: int) -> None:
            for received in await layer.receive(shard, ["in"], chance.choice([1, 3, 50])):
                seen[received.content["n"]] += 1

        for _ in range(rounds):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(push)
                for shard in range(layer.shards):

                    @nursery.start_soon
                    async def receive_for_a_moment(shard: int = shard) -> None:
                        with trio.move_on_after(chance.random() * 0.004):
                            await receive(shard)

        left = len(sent) - seen.total()
        if left:
            for content in await contents(layer, "in", number=left):
                seen[content["n"]] += 1
        assert await is_empty(layer, "in")
    assert len(sent) > 50
    assert seen == Counter(sent)


async def test_a_cancelled_receive_leaves_its_message_to_the_next(bench: Bench) -> None:
    async with bench.open() as layer:
        assert await is_empty(layer, "in")  # cancels a receive that waits in the backend
        for number in range(3):
            await layer.send("in", {"n": number})
        assert sorted(one["n"] for one in await contents(layer, "in", number=3)) == [0, 1, 2]


async def test_a_group_gets_a_message_on_each_channel_and_full_ones_are_skipped(bench: Bench) -> None:
    async with bench.open(capacity=1) as layer:
        for channel in ("reply?one", "reply?two", "daphne.response.abc!three"):
            await layer.group_add("room", channel)
        await layer.send("reply?two", {"n": "already there"})
        await layer.group_send("room", {"n": 1})
        assert await contents(layer, "reply?one") == [{"n": 1}]
        assert await contents(layer, "reply?two") == [{"n": "already there"}]
        (received,) = await take(layer, "daphne.response.abc!")
        assert (received.channel, received.content) == ("daphne.response.abc!three", {"n": 1})


async def test_who_left_a_group_or_joined_twice_gets_as_many_messages(bench: Bench) -> None:
    async with bench.open() as layer:
        for channel in ("reply?one", "reply?two", "reply?two", "reply?three"):
            await layer.group_add("room", channel)
        await layer.group_discard("room", "reply?one")
        await layer.group_discard("room", "reply?never")
        await layer.group_discard("empty", "reply?two")
        await layer.group_send("room", {"n": 1})
        assert await contents(layer, "reply?two") == [{"n": 1}]
        assert await contents(layer, "reply?three") == [{"n": 1}]
        assert await is_empty(layer, "reply?one", "reply?two", "reply?three")


async def test_a_group_without_members_takes_any_message(bench: Bench) -> None:
    async with bench.open() as layer:
        await layer.group_send("nobody", {"n": 1})


async def test_a_name_that_is_no_group_is_refused(bench: Bench) -> None:
    async with bench.open() as layer:
        with pytest.raises(MessageRefused):
            await layer.group_send("a b", {})
        for change in (layer.group_add, layer.group_discard):
            with pytest.raises(MessageRefused):
                await change("a b", "reply?one")
            for name in BAD_NAMES:
                with pytest.raises(MessageRefused):
                    await change("room", name)


async def test_statistics_count_messages(bench: Bench) -> None:
    async with bench.open(capacity=2) as layer:
        assert layer.statistics().sent == 0
        await layer.send("reply?a", {})
        await layer.send("reply?a", {})
        with pytest.raises(ChannelFull):
            await layer.send("reply?a", {})
        await take(layer, "reply?a", number=2)
        statistics = layer.statistics()
    assert (statistics.sent, statistics.received, statistics.full) == (2, 2, 1)
    assert statistics.connected
    assert statistics.reconnects == 0
    assert statistics.round_trips >= 2


async def test_what_is_raised_while_a_layer_is_open_comes_out_as_it_is(bench: Bench) -> None:
    with pytest.raises(ZeroDivisionError):
        async with bench.open():
            raise ZeroDivisionError


async def test_a_closed_layer_says_so(bench: Bench) -> None:
    if bench.kind == "memory":
        pytest.skip("there is nothing to close")
    async with trio.open_nursery() as nursery:
        async with bench.open() as layer:

            @nursery.start_soon
            async def wait_for_ever() -> None:
                with pytest.raises(LayerError, match="closed"):
                    await layer.receive(0, ["silent"], 1)

            assert await is_empty(layer, "in")
        with pytest.raises(LayerError, match="closed"):
            await layer.receive(0, ["in"], 1)
