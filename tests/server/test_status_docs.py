"""What docs/status.rst gives to Kubernetes and Prometheus is what the status server has."""

from __future__ import annotations

import re
import time
from typing import Any

import yaml
from prometheus_client.parser import text_string_to_metric_families

from server_trio.status.address import parse_address
from server_trio.status.metrics import PREFIX, render
from tests.harness.pages import ROOT, Page

from .status_support import report, source, status_server

SHOWN: dict[str, Any] = {}
for block in Page(ROOT / "docs" / "status.rst").blocks("yaml"):
    SHOWN.update(yaml.safe_load(block))

#: `channels_async_ready`, and what stands in braces behind it; `by (a, b)`; `a!~"..."`.
METRIC = re.compile(rf"\b({PREFIX}\w+)(?:\{{([^}}]*)\}})?")
BY = re.compile(r"\bby \(([^)]*)\)")
MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")


def samples() -> dict[str, set[str]]:
    """What /metrics shows: names, with the labels of each."""
    body, _ = render([report()], "", time.time())
    families = list(text_string_to_metric_families(body.decode("utf-8")))
    return {one.name: set(one.labels) for family in families for one in family.samples}


async def test_the_probes_ask_for_what_is_there() -> None:
    probes = [SHOWN["livenessProbe"], SHOWN["readinessProbe"]]
    async with status_server(source(report(at=time.time()))) as ask:
        assert [(await ask(probe["httpGet"]["path"])).status for probe in probes] == [200, 200]
        assert (await ask("/nothing")).status == 404


def test_what_is_scraped_is_an_address_that_the_flag_takes_too() -> None:
    (target,) = SHOWN["scrape_configs"][0]["static_configs"][0]["targets"]
    assert parse_address(target).port == SHOWN["livenessProbe"]["httpGet"]["port"]


def test_the_rules_ask_for_metrics_and_labels_that_there_are() -> None:
    known = samples()
    rules = [rule for group in SHOWN["groups"] for rule in group["rules"]]
    assert len(rules) >= 5
    for rule in rules:
        expression = rule["expr"]
        asked = METRIC.findall(expression)
        assert asked, expression
        for name, braces in asked:
            labels = set(MATCHER.findall(braces))
            labels |= {label.strip() for found in BY.findall(expression) for label in found.split(",")}
            assert labels <= known[name], f"{name} in {expression}"
        for label in re.findall(r"\$labels\.(\w+)", str(rule.get("annotations"))):
            assert label in str(BY.findall(expression)), rule
        assert expression.count("(") == expression.count(")")
