"""What one small GET costs the HTTP client:

    python benchmarks/http_client.py [--requests 20000] [--outstanding 1 200]

The upstream is benchmarks/fast_upstream.py in a process of its own. `bare` is the least that Trio
can do: the same bytes sent and received on streams that are open already, the answer not looked at.
`session` is Session.stream with its body read. Processor time is this process' own (user and
system), so it does not depend on how fast the upstream is.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Awaitable, Callable

import trio
from load import upstream  # finds our packages, too

import channels_compat

channels_compat.install()

from server_trio.http.session import Session  # noqa: E402
from server_trio.limits import HttpLimits  # noqa: E402

HEADERS = [
    (b"Accept", b"*/*"),
    (b"Accept-Encoding", b"gzip, deflate"),
    (b"User-Agent", b"channels-async/2.0.0"),
    (b"X-Request-Id", b"8f14e45fceea167a5a36dedd4bea2543"),
]

Worker = Callable[[int], Awaitable[None]]


async def share(worker: Worker, requests: int, outstanding: int) -> None:
    """`requests` in all, done by `outstanding` tasks."""
    async with trio.open_nursery() as nursery:
        for _ in range(outstanding):
            nursery.start_soon(worker, requests // outstanding)


def bare(port: int) -> Worker:
    """A worker that sends and receives, and nothing else."""
    lines = [
        b"GET /path?query=1 HTTP/1.1",
        b"Host: 127.0.0.1",
        *(b"%s: %s" % pair for pair in HEADERS),
        b"",
        b"",
    ]
    request = b"\r\n".join(lines)

    async def work(count: int) -> None:
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            for _ in range(count):
                await stream.send_all(request)
                await stream.receive_some(65536)

    return work


def session(client: Session, port: int) -> Worker:
    """A worker that uses the HTTP client."""
    url = f"http://127.0.0.1:{port}/path?query=1"

    async def work(count: int) -> None:
        for _ in range(count):
            async with client.stream("GET", url, headers=HEADERS) as response:
                if response.take_whole() is None:
                    async for _ in response:
                        pass

    return work


async def measure(port: int, requests: int, outstanding: int) -> None:
    """Print one line for each way."""
    async with Session(HttpLimits(connections_per_origin=outstanding)) as client:
        for name, worker in (("bare", bare(port)), ("session", session(client, port))):
            await share(worker, requests // 10, outstanding)  # warms up, opens connections
            wall, processor = time.perf_counter(), time.process_time()
            await share(worker, requests, outstanding)
            wall, processor = time.perf_counter() - wall, time.process_time() - processor
            print(
                f"{name:8} {outstanding:5} outstanding  {requests / wall:8.0f} requests/s"
                f"  {processor / requests * 1e6:6.1f} us of processor each"
            )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=20000)
    parser.add_argument("--outstanding", type=int, nargs="+", default=[1, 200])
    arguments = parser.parse_args()
    with upstream() as url:
        port = int(url.rpartition(":")[2])
        for outstanding in arguments.outstanding:
            trio.run(measure, port, arguments.requests, outstanding)


if __name__ == "__main__":
    main()
