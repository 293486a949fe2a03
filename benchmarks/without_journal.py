"""Runs the server without its journal, which no setting does: only to measure what the journal costs.

    python benchmarks/without_journal.py SETTINGS
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "client"), str(ROOT / "compat")]

import channels_compat  # noqa: E402

channels_compat.install()

from server_trio.cli import main  # noqa: E402
from server_trio.layers.redis_layer import RedisLayer  # noqa: E402

receive = RedisLayer.receive


async def without_journal(self: RedisLayer, *arguments: Any, journal: bool = False) -> Any:
    return await receive(self, *arguments, journal=False)


if __name__ == "__main__":
    RedisLayer.receive = without_journal  # type: ignore[method-assign]
    raise SystemExit(main())
