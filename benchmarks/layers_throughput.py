"""How many messages a second one process claims and answers through a channel layer.

    python benchmarks/layers_throughput.py [--pairs 30000] [--outstanding 200] [--bridge redis|threaded]

Starts a private Redis, fills `request.async`, and measures: claim + reply pairs (each operation one
task, as in the server), sends alone, claims alone, the delay until an idle receiver has a message,
and the processor time of an idle bridge.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Awaitable, Callable

import trio
from load import end_on_signals, redis_server, run_in_trio

from server_trio.layers import Layer, LayerSpec, open_layer

REQUEST = {
    "v": 2, "operation": "REQUEST", "id": "0" * 32, "reply_channel": "daphne.response.AbCdEfGhIj!KlMnOpQrSt",
    "sent_at": 1.5e9, "timeout": 30.0, "response_headers": [[b"x-frame-options", b"SAMEORIGIN"]],
    "reply_format": "http", "url": "https://example.org/some/path?a=1", "method": "GET",
    "headers": [[b"accept", b"*/*"], [b"user-agent", b"channels-async/2.0.0"]], "body": b"",
    "allow_redirects": True, "max_redirects": 20,
}  # fmt: skip
REPLY = {
    "status": 200, "content": b"x" * 500, "more_content": False,
    "headers": [[b"content-type", b"text/html"], [b"content-length", b"500"], [b"server", b"example"],
                [b"date", b"Sat, 21 Nov 2026 04:00:00 GMT"], [b"set-cookie", b"sessionid=0123456789abcdef"]],
}  # fmt: skip
REPLY_CHANNEL = "daphne.response.AbCdEfGhIj!KlMnOpQrSt"


async def fill(layer: Layer, channel: str, number: int) -> None:
    """Put `number` requests on the channel."""
    for start in range(0, number, 1000):
        async with trio.open_nursery() as nursery:
            for _ in range(min(1000, number - start)):
                nursery.start_soon(layer.send, channel, REQUEST)


async def drain(layer: Layer, channel: str, number: int) -> None:
    """Take `number` messages off the channel."""
    while number > 0:
        number -= len(await layer.receive(0, [channel], 500))


async def pairs(layer: Layer, number: int, outstanding: int) -> None:
    """Claim requests and answer each in a task of its own, `outstanding` at once."""
    claimed = 0
    free = trio.Event()
    running = 0

    async def operation() -> None:
        nonlocal running
        await layer.send(REPLY_CHANNEL, REPLY)
        running -= 1
        free.set()

    async with trio.open_nursery() as nursery:
        while claimed < number:
            while running >= outstanding:
                free = trio.Event()
                await free.wait()
            for _ in await layer.receive(0, ["request.async"], outstanding - running):
                claimed += 1
                running += 1
                nursery.start_soon(operation)


async def rate(name: str, number: int, work: Callable[[], Awaitable[None]]) -> None:
    """Print how many a second, and the share of a core this process took."""
    begin, begin_cpu = time.perf_counter(), time.process_time()
    await work()
    seconds = time.perf_counter() - begin
    share = (time.process_time() - begin_cpu) / seconds
    print(f"{name:<28} {number / seconds:>9,.0f} a second   {share:>4.0%} of a core here")


async def idle_delay(layer: Layer, number: int = 50) -> None:
    """Print the delay from send to receipt when the receiver has been waiting."""
    sent: list[float] = []
    arrived: list[float] = []
    for _ in range(number):
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def receive() -> None:
                await layer.receive(0, ["idle"], 10)
                arrived.append(time.perf_counter())

            await trio.sleep(0.02)  # so that it waits in Redis by now
            sent.append(time.perf_counter())
            await layer.send("idle", REQUEST)
    delays = sorted(end - begin for begin, end in zip(sent, arrived, strict=True))
    median, longest = delays[number // 2] * 1e3, delays[-1] * 1e3
    print(f"idle delay                   median {median:.2f} ms, longest {longest:.2f} ms")


async def idle_cost(layer: Layer, seconds: float = 11.0) -> None:
    """Print the share of a core that waiting costs."""
    with trio.move_on_after(0.5):
        await layer.receive(0, ["idle"], 1)
    begin = time.process_time()
    with trio.move_on_after(seconds):
        await layer.receive(0, ["idle"], 1)
    print(f"idle cost                    {(time.process_time() - begin) / seconds:.3%} of a core")


async def measure(url: str, arguments: argparse.Namespace) -> None:
    config = {"hosts": [url], "capacity": 10**6, "expiry": 600}
    if arguments.encrypted:
        config["symmetric_encryption_keys"] = ["a key"]
    spec = LayerSpec("default", "asgi_redis.RedisChannelLayer", config, arguments.bridge)
    number = arguments.pairs
    async with open_layer(spec) as layer:
        name = type(layer).__name__
        print(f"{name}, {number} messages, {arguments.outstanding} outstanding, pid {os.getpid()}")
        await rate("send", number, lambda: fill(layer, "request.async", number))
        await rate("claim", number, lambda: drain(layer, "request.async", number))
        await fill(layer, "request.async", number)
        await rate("claim and reply", number, lambda: pairs(layer, number, arguments.outstanding))
        await drain(layer, "daphne.response.AbCdEfGhIj!", number)
        print(f"round trips for each message {layer.statistics().round_trips / layer.statistics().sent:.3f}")
        await idle_delay(layer)
        await idle_cost(layer)


@end_on_signals()
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=30_000, help="messages of each measurement")
    parser.add_argument("--outstanding", type=int, default=200, help="operations at once")
    parser.add_argument("--bridge", choices=["auto", "redis", "threaded"], default="auto")
    parser.add_argument("--encrypted", action="store_true", help="with symmetric_encryption_keys")
    arguments = parser.parse_args()
    with redis_server() as server:
        run_in_trio(measure, server.unix_url, arguments)


if __name__ == "__main__":
    main()
