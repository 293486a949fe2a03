"""Writes docs/metrics.rst from the table in server_trio/status/metrics.py: python docs/make_metrics.py"""

from __future__ import annotations

import pathlib

from server_trio.stats import BOUNDS
from server_trio.status.metrics import METRICS, Metric

HEAD = f"""\
Metrics
=======

.. This file is written by docs/make_metrics.py from the table in server_trio/status/metrics.py.

What ``/metrics`` of ``--status`` shows (`status <status.rst>`__), as text or as OpenMetrics, whatever the
``Accept`` header asks for. Counters count since the start of a process. The label ``process`` is the number
of the process among those of ``--processes``, from 1, and 0 where there is one; ``host`` is an upstream's,
with its port where that is not the scheme's own. The histograms have classes up to
{", ".join(f"{bound:g}" for bound in BOUNDS)} seconds.

Operations that are answered are counted under one name each: ``completed``, ``failed``, ``timed_out``,
``cancelled`` (by the browser that goes: ``client_gone``, or by the server's end: ``shutdown``) or ``shed``
(not begun: ``shed`` as it was too late, ``overloaded``, ``circuit_open``).

"""


def render() -> str:
    """The text of docs/metrics.rst."""
    return HEAD + "\n".join(_entry(metric) for metric in METRICS)


def _entry(metric: Metric) -> str:
    labels = ", ".join(f"``{label}``" for label in metric.labels)
    unit = f" of {metric.unit}" if metric.unit else ""
    help = metric.help.replace("`", "``")
    return f"``{metric.name}``\n    {help}. A {metric.type}{unit}; labels: {labels}.\n"


if __name__ == "__main__":
    (pathlib.Path(__file__).parent / "metrics.rst").write_text(render())
