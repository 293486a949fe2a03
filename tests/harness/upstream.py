"""A local HTTP upstream that is as slow, odd or broken as a test wants; the paths are in upstream_app.py.

with upstream_server() as upstream:
    upstream.url               # 'http://127.0.0.1:40123'
    upstream.statistics()      # {'requests': 3, 'most_at_once': 2, 'connections': 1, …}
"""

from __future__ import annotations

import contextlib
import json
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .processes import Process, started


class Upstream:
    """A running upstream, in a process of its own."""

    def __init__(self, process: Process, port: int) -> None:
        self.process = process
        self.port = port
        self.netloc = f"127.0.0.1:{port}"
        self.url = f"http://{self.netloc}"

    def statistics(self) -> dict[str, Any]:
        """`requests`, those `answered` to the end, `at_once` now, `most_at_once`, `connections`.

        Questions about itself do not count.
        """
        return self._ask("/statistics")

    def open(self) -> None:
        """Answer all that wait at /gate/…, and those that come; until `reset`."""
        self._ask("/open")

    def reset(self) -> None:
        """Begin the statistics and the list of requests anew, and close the gate."""
        self._ask("/reset")

    def seen(self) -> list[dict[str, Any]]:
        """The last 1,000 requests, oldest first, each as /echo would give it."""
        return self._ask("/seen")

    def posted(self) -> dict[str, int]:
        """How often each target has been asked for by POST."""
        return self._ask("/posted")

    def _ask(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=20) as response:
            return json.load(response)


@contextlib.contextmanager
def upstream_server(*, quiet: bool = False) -> Iterator[Upstream]:
    """A running upstream on a free port of 127.0.0.1, ended on leaving."""
    program = str(Path(__file__).with_name("upstream_app.py"))
    with started([sys.executable, program], name="upstream", quiet=quiet) as process:
        line = process.wait_for_line(r"listening on port \d+")
        yield Upstream(process, int(line.split()[-1]))
