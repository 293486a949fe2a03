"""A process that claims from a Redis, to be killed or stopped by a test.

    python -m tests.layers.journal_server URL CHANNEL NUMBER [TRUST_TIME]

TRUST_TIME is that of redis_journal, in seconds.

It claims NUMBER messages, prints 'claimed', then does what its input says, line by line:

    begin REPLY-CHANNEL    sends the first part of the first message's answer there
    answer REPLY-CHANNEL   sends its answer there; prints 'answered', or the name of the error
    end                    closes the layer
"""

from __future__ import annotations

import sys

import trio

from server_trio.errors import LayerError
from server_trio.layers import LayerSpec, Progress, Received, open_layer, redis_journal


async def main(url: str, channel: str, number: int) -> None:
    spec = LayerSpec("default", "asgi_redis.RedisChannelLayer", {"hosts": [url]})
    async with open_layer(spec) as layer:
        claimed: list[Received] = []
        while len(claimed) < number:
            claimed += await layer.receive(0, [channel], number - len(claimed), journal=True)
        print("claimed", flush=True)
        while words := (await trio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True)).split():
            if words[0] == "end":
                break
            progress = Progress.BEGUN if words[0] == "begin" else Progress.DONE
            try:
                await layer.send(words[1], {"by": "first"}, entry=claimed[0].entry, progress=progress)
            except LayerError as error:
                print(type(error).__name__, flush=True)
            else:
                print("answered", flush=True)


if __name__ == "__main__":
    if sys.argv[4:]:
        redis_journal.TRUST_TIME = int(sys.argv[4])
    trio.run(main, sys.argv[1], sys.argv[2], int(sys.argv[3]))
