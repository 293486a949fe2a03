"""Looking for what could go wrong before it does: python3 -m server_trio check myproject.settings

What is valid, the server itself checks at its start, and so does this; what is valid and yet a trap
stands in channels_async.check_rules and redis_rules, which Django's system checks go by, too.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import importlib
import json
import logging
import os
import time
from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeVar

import trio

from channels_async import check_rules, redis_rules
from channels_async.check_rules import Finding
from channels_async.wire import REQUEST_CHANNEL

from .. import parsing
from ..errors import LayerUnavailable, SettingsError
from ..exit_codes import ExitCode, shown_codes
from ..flags import FAIL_LEVEL, FORMAT, SITE
from ..functions import load_functions
from ..layers import LayerSpec, open_layer
from ..loading import load_consumers, load_handlers
from ..project import layer_spec, load_django_settings, set_up_django
from ..reaching import make_open_stream
from ..resolving import resolve
from ..routing import load_routing
from ..settings import DJANGO_SETTING, Settings, options

T = TypeVar("T")

EPILOG = """\
Shows what the server would refuse at its start, and what is valid but a trap: each finding with its level
(error, warning, info), its id, where it is, what is wrong, and what to do about it.
"""


def make_parser() -> argparse.ArgumentParser:
    """The parser of the words after `check`; it takes the flags of the server, too."""
    about = "Checks the settings, the channel layer and what is known to go wrong between them."
    codes = shown_codes("nothing of --fail-level or above", "a finding of --fail-level or above")
    parser = parsing.make_parser("check", about, f"{EPILOG}\n{codes}")
    parsing.add_flags(parser, [FORMAT, FAIL_LEVEL, SITE])
    group = parser.add_argument_group("settings, as the server would be started with")
    parsing.add_flags(group, options())
    return parser


def main(words: Sequence[str]) -> int:
    """Print the findings. Raises SettingsError for wrong flags."""
    arguments = make_parser().parse_args(parsing.spelled_out(words, options()))
    in_json, fail_level, site = (
        parsing.value_of(flag, arguments, os.environ) for flag in (FORMAT, FAIL_LEVEL, SITE)
    )
    logging.getLogger("server_trio").setLevel(logging.CRITICAL)  # what it would warn of is found here
    check = Check()
    check.run(arguments, str(site))
    findings = sorted(check.findings, key=lambda finding: -check_rules.LEVELS.index(finding.level))
    fails = check_rules.LEVELS.index(str(fail_level))
    code = check.code
    if code is ExitCode.OK and any(check_rules.LEVELS.index(it.level) >= fails for it in findings):
        code = ExitCode.FAILED
    if in_json == "json":
        shown = {"exit_code": int(code), "findings": [finding._asdict() for finding in findings]}
        print(json.dumps(shown, indent=2))
    else:
        print(text(findings), end="")
    return code


def text(findings: Sequence[Finding]) -> str:
    """The findings for people, and how many there are."""
    lines = []
    for finding in findings:
        lines += [f"{finding.level}: {finding.about} ({finding.id})", f"    {finding.problem}"]
        if finding.remedy:
            lines.append(f"    -> {finding.remedy}")
    counts = [
        f"{number} {level}{'s' * (number > 1 and level != 'info')}"
        for level in reversed(check_rules.LEVELS)
        if (number := sum(finding.level == level for finding in findings))
    ]
    return "\n".join([*lines, ", ".join(counts) or "nothing found", ""])


class Check:
    """Goes through everything; one thing that is wrong keeps only what needs it from being looked at."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.code = ExitCode.OK

    def run(self, arguments: argparse.Namespace, site: str) -> None:
        """`site`: the site's own settings module, or an empty text."""
        load = functools.partial(_load, arguments)
        if (loaded := self._try("E001", DJANGO_SETTING, load)) is None:
            return
        django_settings, settings = loaded
        self._project(django_settings, settings)
        plan = plan_of(settings)
        self.findings += check_rules.plan_findings(plan)
        apps = getattr(django_settings, "INSTALLED_APPS", ())
        self.findings += check_rules.app_findings(apps, settings.DJANGO_SETUP)
        self.findings += check_rules.twin_findings(getattr(django_settings, "CHANNEL_LAYERS", None) or {})
        spec = self._try("E002", "CHANNEL_LAYERS", lambda: layer_spec(django_settings, settings))
        if spec is None:
            return
        self.findings += check_rules.layer_findings(spec.alias, spec.backend, spec.config, plan)
        if site:
            self._compare(site, spec, settings.CHANNEL)
        # What CONFIG has of wrong types is seen only where the layer is made.
        about = f"CHANNEL_LAYERS[{spec.alias!r}]"
        self._try("E002", about, lambda: trio.run(self._look, spec, settings))

    def _project(self, django_settings: Any, settings: Settings) -> None:
        """What the server loads at its start."""
        # Without the functions, to see what is wrong with the commands, too.
        rest = dataclasses.replace(settings, CALLS={}, CALL_MODULES=())
        layers = f"CHANNEL_LAYERS[{settings.LAYER!r}]"
        self._try("E001", "INSTALLED_APPS", lambda: set_up_django(settings))
        self._try("E003", f"{DJANGO_SETTING}['CALLS']", lambda: load_functions(settings))
        self._try("E004", f"{DJANGO_SETTING}['COMMANDS']", lambda: load_handlers(rest))
        self._try("E005", f"{layers}['ROUTING']", lambda: load_consumers(django_settings, settings))
        self._try("E006", f"{DJANGO_SETTING}: EGRESS, HTTP, TLS", lambda: make_open_stream(settings))

    def _compare(self, site: str, spec: LayerSpec, channel: str) -> None:
        """With the site's own settings, which need not be importable on this Python."""
        try:
            module = importlib.import_module(site)
            theirs = module.CHANNEL_LAYERS[spec.alias]
        except (Exception, SystemExit) as error:
            reason = f"{type(error).__name__}: {error}"
            problem = f"CHANNEL_LAYERS[{spec.alias!r}] of {site} cannot be read: {reason}"
            remedy = "give --site a module that this Python can import, or compare by hand"
            self.findings.append(Finding("channels_async.W007", "warning", "--site", problem, remedy))
            return
        ours = {"BACKEND": spec.backend, "CONFIG": spec.config}
        self.findings += check_rules.difference_findings(spec.alias, theirs, ours)
        self.findings += check_rules.channel_findings(_channel_of(module), channel)

    async def _look(self, spec: LayerSpec, settings: Settings) -> None:
        """At the layer itself."""
        async with open_layer(spec, visiting=True) as layer:
            survey = await layer.survey(settings.CHANNEL)
            for label in survey.away:
                problem = "it cannot be reached, so what is on it waits; the other shards are used"
                remedy = "check that it runs, and the hosts in CONFIG"
                self.findings.append(
                    Finding("channels_async.E036", "error", f"Redis at {label}", problem, remedy)
                )
            for facts in survey.facts:
                self.findings += redis_rules.shard_findings(facts)
            queue = await layer.queue(settings.CHANNEL)
            if queue is not None:
                reports = await layer.reports()
                self.findings += redis_rules.serving_findings(settings.CHANNEL, reports, queue.length)
                self.findings += redis_rules.clock_findings(reports, time.time())

    def _try(self, id: str, about: str, action: Callable[[], T]) -> T | None:
        """What it returns; None, a finding and the server's exit code where it raises."""
        try:
            return action()
        except SettingsError as error:
            self.code = self.code or ExitCode.SETTINGS
            problem, remedy = str(error), "the server does not start like this; see docs/settings.rst"
        except LayerUnavailable as error:
            self.code = self.code or ExitCode.LAYER
            id, problem, remedy = "E010", error.problem, error.advice or "see the log of Redis"
        self.findings.append(Finding(f"channels_async.{id}", "error", about, problem, remedy))
        return None


def plan_of(settings: Settings) -> check_rules.Plan:
    """What the rules need of the settings."""
    return check_rules.Plan(
        deadlines={name: settings.DEADLINES.of(name) for name in settings.CONCURRENCY.limits()},
        daphne_timeout=settings.DAPHNE_HTTP_TIMEOUT,
        channel=settings.CHANNEL,
        disconnect_channels=settings.DISCONNECT_CHANNELS,
        total=settings.CONCURRENCY.total,
    )


def _channel_of(site: Any) -> str:
    """Where the views of these settings send."""
    client = getattr(site, "CHANNELS_ASYNC_CLIENT", None)
    return str(client.get("CHANNEL", REQUEST_CHANNEL)) if isinstance(client, dict) else REQUEST_CHANNEL


def _load(arguments: argparse.Namespace) -> tuple[Any, Settings]:
    """As the server does at its start. Raises SettingsError."""
    django_settings = load_django_settings(arguments.settings)

    def routed(settings: Settings) -> Collection[str]:
        set_up_django(settings)
        return load_routing(django_settings, settings).channels

    given = parsing.given(arguments, options())
    return django_settings, resolve(
        getattr(django_settings, DJANGO_SETTING, None), os.environ, given, routed
    )
