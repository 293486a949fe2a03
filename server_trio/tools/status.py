"""What the servers of a site are doing: python3 -m server_trio status myproject.settings"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Sequence
from typing import Any

import trio

from channels_async.report_rules import living
from channels_async.report_text import as_text

from .. import parsing
from ..exit_codes import ExitCode, shown_codes
from ..flags import FORMAT, INTERVAL
from ..layers import open_layer
from .reading import read
from .visiting import Site, add_where, load_site

EPILOG = """\
Reads what each server leaves in Redis once a second; no server is asked. Rates are those between two
readings, latencies (from claim to answer) and waits in the queue those since the start of the servers.
"""

NO_SERVER = "no server answers on this layer"


def make_parser() -> argparse.ArgumentParser:
    """The parser of the words after `status`."""
    about = "Shows all servers of the site: in flight, queue, rates, latencies, failures."
    codes = shown_codes("a server takes operations", f"{NO_SERVER}, or none of them takes operations")
    parser = parsing.make_parser("status", about, f"{EPILOG}\n{codes}")
    parsing.add_flags(parser, [FORMAT, INTERVAL])
    add_where(parser)
    return parser


def main(words: Sequence[str]) -> int:
    """Print it once. Raises SettingsError, LayerUnavailable."""
    arguments = make_parser().parse_args(words)
    form, interval = (parsing.value_of(flag, arguments, os.environ) for flag in (FORMAT, INTERVAL))
    logging.getLogger("server_trio").setLevel(logging.ERROR)
    site = load_site(arguments)
    found = trio.run(look, site, float(str(interval)))
    channel = site.settings.CHANNEL
    if form == "json":
        print(json.dumps({"channel": channel, **found}, indent=2))
    elif found["servers"]:
        print(as_text(channel, found), end="")
    return exit_code(channel, found)


async def look(site: Site, interval: float) -> dict[str, Any]:
    """Two readings, `interval` seconds apart, or one."""
    async with open_layer(site.spec, visiting=True) as layer:
        before = await read(layer, site.settings.CHANNEL) if interval else None
        if before is not None and before.reports:  # nothing comes of waiting for nobody
            await trio.sleep(interval)
        now = await read(layer, site.settings.CHANNEL)
    return now.summary(before)


def exit_code(channel: str, found: dict[str, Any]) -> ExitCode:
    """FAILED, with a line on stderr that says why, where no server takes operations."""
    servers = living(found["servers"])
    if any(server["state"] == "running" and channel in server["channels"] for server in servers):
        return ExitCode.OK
    why = f"{len(servers)} answer, but none of them takes messages from {channel}" if servers else NO_SERVER
    waiting = found["queue"]["length"] if found["queue"] else 0
    print(f"server_trio: {why}{f'; {waiting} messages wait' if waiting else ''}", file=sys.stderr)
    return ExitCode.FAILED
