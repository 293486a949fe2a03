"""The servers of a site, live: python3 -m server_trio top myproject.settings"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import signal
import sys
import termios
import tty
from collections.abc import Iterator, Sequence
from typing import Any, Final

import trio
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from channels_async import report_rules, report_text

from .. import parsing
from ..exit_codes import ExitCode, shown_codes
from ..flags import INTERVAL
from ..layers import open_layer
from .reading import Reading, read
from .status import exit_code, look
from .visiting import Site, add_where, load_site

EPILOG = """\
Reads what each server leaves in Redis once a second. Rates and latencies are those of the last ten readings.
q or Ctrl-C ends it. Where the output is no terminal it prints once, as `status` does.
"""

#: Readings that rates and latencies are made of.
WINDOW: Final = 10

#: Seconds between two readings; servers write one a second.
LEAST_INTERVAL: Final = 0.1

#: Columns that give way in a narrow terminal; the words of all heads stand below each other.
CUT_FIRST: Final = ("STATE", "FAILED", "TARGET", "REASON")

OPERATIONS_SHOWN: Final = 15
ERRORS_SHOWN: Final = 5


def make_parser() -> argparse.ArgumentParser:
    """The parser of the words after `top`."""
    about = "Shows all servers of the site, live: what they do, and what has been running the longest."
    codes = shown_codes("ended by q or Ctrl-C", "no terminal, and no server takes operations")
    parser = parsing.make_parser("top", about, f"{EPILOG}\n{codes}")
    parsing.add_flags(parser, [INTERVAL])
    add_where(parser)
    return parser


def main(words: Sequence[str]) -> int:
    """Show it until it is ended. Raises SettingsError, LayerUnavailable."""
    arguments = make_parser().parse_args(words)
    interval = float(str(parsing.value_of(INTERVAL, arguments, os.environ)))
    logging.getLogger("server_trio").setLevel(logging.CRITICAL)  # it would write into the picture
    site = load_site(arguments)
    if not sys.stdout.isatty():
        found = trio.run(look, site, interval)
        if found["servers"]:
            print(report_text.as_text(site.settings.CHANNEL, found), end="")
        return exit_code(site.settings.CHANNEL, found)
    trio.run(show, site, max(interval, LEAST_INTERVAL))
    return ExitCode.OK


@contextlib.contextmanager
def keys() -> Iterator[int | None]:
    """The descriptor of a keyboard whose keys come at once, unseen; None where there is none."""
    if not sys.stdin.isatty():
        yield None
        return
    keyboard = sys.stdin.fileno()
    before = termios.tcgetattr(keyboard)
    try:
        tty.setcbreak(keyboard)
        yield keyboard
    finally:
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)


async def show(site: Site, interval: float) -> None:
    """Draw until q or a signal ends it."""
    async with open_layer(site.spec, visiting=True) as layer, trio.open_nursery() as nursery:
        # The terminal must be as it was before however this ends, so signals end it as a key does.
        ending = trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        with ending as signals, keys() as keyboard:
            nursery.start_soon(_end_on_signal, signals, nursery.cancel_scope)
            if keyboard is not None:
                nursery.start_soon(_end_on_key, keyboard, nursery.cancel_scope)
            readings: list[Reading] = []
            with Live(console=Console(), screen=True, auto_refresh=False) as live:
                while True:
                    readings = [*readings, await read(layer, site.settings.CHANNEL)][-WINDOW:]
                    live.update(drawn(site.settings.CHANNEL, readings), refresh=True)
                    await trio.sleep(interval)


async def _end_on_signal(signals: Any, scope: trio.CancelScope) -> None:
    async for _ in signals:
        scope.cancel()


async def _end_on_key(keyboard: int, scope: trio.CancelScope) -> None:
    while True:
        await trio.lowlevel.wait_readable(keyboard)
        pressed = os.read(keyboard, 100)
        if not pressed or b"q" in pressed.lower():
            scope.cancel()


def drawn(channel: str, readings: Sequence[Reading]) -> RenderableType:
    """One picture."""
    before = readings[0] if len(readings) > 1 else None
    found = readings[-1].summary(before, recent=True)
    totals = (
        f"{len(report_rules.living(found['servers']))} servers, {found['in_flight']} operations in flight,"
        f" {found['rate']:.1f} a second"
    )
    waiting = report_text.shown_queue(channel, found)
    parts: list[RenderableType] = [Text(totals, style="bold"), Text(waiting, style="bold"), Text("")]
    for rows in (
        report_text.server_rows(found),
        report_text.operation_rows(found),
        report_text.consumer_rows(found),
        report_text.running_rows(found)[: OPERATIONS_SHOWN + 1],
        report_text.error_rows(found)[: ERRORS_SHOWN + 1],
    ):
        if len(rows) > 1:
            parts += [_table(rows), Text("")]
    if not report_rules.living(found["servers"]):
        parts.append(Text("no server answers on this layer", style="red"))
    return Group(*parts, Text("q: end", style="dim"))


def _table(rows: Sequence[Sequence[str]]) -> Table:
    """The first row is its head. Cells are text as it is: nothing in them is markup."""
    table = Table(box=None, header_style="bold cyan", padding=(0, 2, 0, 0))
    for name in rows[0]:
        # Rich takes from the columns that may wrap first; their cells do not wrap, so they are cut.
        table.add_column(Text(name.replace(" ", "\n")), no_wrap=name not in CUT_FIRST)
    for row in rows[1:]:
        table.add_row(*(Text(cell, no_wrap=True, overflow="ellipsis") for cell in row))
    return table
