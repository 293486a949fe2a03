"""The page for people: what the view says as HTML, whole without script; status.js keeps it up to date."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any, Final

from .view import TABLES, Table, clock

#: Nothing but our own files: no inline script, no other site, in nobody's frame.
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

HEAD: Final = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>channels_async: status</title>
<link rel="icon" href="status.svg" type="image/svg+xml">
<link rel="stylesheet" href="uPlot.min.css">
<link rel="stylesheet" href="status.css">
<noscript><meta http-equiv="refresh" content="5"></noscript>
<script src="uPlot.iife.min.js" defer></script>
<script src="status.js" defer></script>
</head>
"""


def render(view: Mapping[str, Any]) -> str:
    """The whole page. Everything in `view` may come from outside, and is escaped."""
    state = "good" if view["ready"] else "bad"
    return (
        f"{HEAD}<body>\n<header>\n<h1>channels_async {escape(view['version'])}</h1>\n"
        f'<p id="headline" class="{state}" role="status">{escape(view["headline"])}</p>\n'
        f'<p id="when">as of <time>{clock(view["now"])}</time></p>\n</header>\n<main>\n'
        f"{PLOTS}{''.join(_table(table, view) for table in TABLES)}</main>\n"
        '<footer><a href="metrics">metrics</a> <a href="readyz">ready?</a> <a href="livez">alive?</a>'
        "</footer>\n</body>\n</html>\n"
    )


PLOTS: Final = """\
<section id="plots" hidden>
<figure><figcaption>Operations a second</figcaption><div id="rate"></div></figure>
<figure><figcaption>Duration, seconds (estimate)</figcaption><div id="latency"></div></figure>
<figure><figcaption>In flight</figcaption><div id="load"></div></figure>
</section>
"""


def _table(table: Table, view: Mapping[str, Any]) -> str:
    rows = view["tables"][table.id]
    note = view["notes"].get(table.id, "")
    columns = "".join(f'<th scope="col">{escape(column)}</th>' for column in table.columns)
    if rows:
        body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>\n" for row in rows)
    else:
        body = f'<tr class="empty"><td colspan="{len(table.columns)}">{escape(table.empty)}</td></tr>\n'
    return (
        f'<section>\n<h2>{escape(table.title)} <small id="{table.id}-note">{escape(note)}</small></h2>\n'
        f'<div class="scroll"><table id="{table.id}" data-empty="{escape(table.empty)}">\n'
        f"<thead><tr>{columns}</tr></thead>\n<tbody>\n{body}</tbody>\n</table></div>\n</section>\n"
    )
