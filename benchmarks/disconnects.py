"""How soon an upstream is rid of a request whose browser has gone:

    python benchmarks/disconnects.py [--times 50] [--web-python PYTHON]

Starts Redis, daphne, a worker and two servers: the operations run on one that reads no disconnects, which
the other reads and tells it. Prints the time from the closed connection of the browser to the closed
connection at the upstream. The goal is 250 ms at the most.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import pathlib
import socket
import statistics
import sys
import tempfile

from load import end_on_signals, redis_server

from tests.acceptance.leaving import seconds_to_the_upstream, start_two_servers
from tests.acceptance.stack import Site, serving
from tests.harness.upstream import upstream_server


@end_on_signals()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--web-python", default=sys.executable, help="the Python of daphne and the worker")
    arguments = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        redis = stack.enter_context(redis_server())
        application = stack.enter_context(upstream_server(quiet=True))  # not used
        upstream = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        upstream.settimeout(20)
        url = f"http://127.0.0.1:{upstream.getsockname()[1]}"
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))  # without what they have written
        more = {"server": False, "ACCEPTANCE_UPSTREAM": url}
        site = stack.enter_context(serving(folder, arguments.web_python, redis, application, **more))
        samples = measure(site, upstream, arguments.times)
    print(
        f"{len(samples)} browsers left: median {statistics.median(samples):.0f} ms, "
        f"90 % within {samples[int(len(samples) * 0.9)]:.0f} ms, all within {samples[-1]:.0f} ms"
    )


def measure(site: Site, upstream: socket.socket, times: int) -> list[float]:
    """Milliseconds, the shortest first."""
    start_two_servers(site)
    return sorted(seconds_to_the_upstream(site, upstream) * 1000 for _ in range(times))


if __name__ == "__main__":
    main()
