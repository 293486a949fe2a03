"""The report of `python3 -m channels_compat`: what is installed, which shims act, what cannot work."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import sys
import warnings
from collections.abc import Iterator
from typing import TextIO

from . import install
from .hooks import ShimFinder, installed_finder
from .shim import Shim
from .shims import SHIMS

DISTRIBUTIONS = (
    "Django", "channels", "daphne", "Twisted", "autobahn", "asgiref", "asgi_redis", "redis", "msgpack",
    "msgpack-python", "txredisapi", "cryptography", "legacy-cgi", "setuptools", "asks", "anyio", "trio",
    "trio-asyncio",
)  # fmt: skip

# What has to be importable of each distribution, if that is installed at all.
ENTRIES = {
    "Django": ("django.db.backends.sqlite3.schema", "django.core.mail.backends.smtp",
               "django.utils.autoreload", "django.utils.translation.trans_real",
               "django.http.multipartparser", "django.urls", "django.core.validators"),
    "channels": ("channels.handler", "channels.package_checks"),
    "daphne": ("daphne.server", "daphne.cli"),
    "asgi_redis": ("asgi_redis.core", "asgi_redis.sentinel"),
    "redis": ("redis.connection",),
    "asks": ("asks",),
    "anyio": ("anyio._backends._trio",),
    "trio": ("trio",),
    "trio-asyncio": ("trio_asyncio",),
}  # fmt: skip


def report(out: TextIO) -> int:
    """Write the report. 0: what is installed works here; 1: something cannot, and why is written."""
    install()
    finder = installed_finder()
    assert finder is not None
    found = {name: version for name in DISTRIBUTIONS if (version := installed_version(name)) is not None}
    configure_django(found)
    problems = [*import_problems(found), *known_problems(found)]
    out.write(f"Python {sys.version.split()[0]} ({sys.prefix})\n")
    for name in DISTRIBUTIONS:
        out.write(f"    {name:15} {found.get(name, '-')}\n")
    out.write("\nShims\n")
    for shim in SHIMS:
        out.write(f"    {state(shim, finder):10} {shim.name:26} {shim.cause}\n")
    out.write("\nWhat cannot work here\n")
    for problem in problems or ["nothing that is known of"]:
        out.write(f"    {problem}\n")
    out.write("\nKnown limits\n")
    for limit in known_limits(found):
        out.write(f"    {limit}\n")
    return 1 if problems else 0


def installed_version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def configure_django(found: dict[str, str]) -> None:
    """Some of Django's modules ask for settings when they are imported."""
    if "Django" in found:
        settings = importlib.import_module("django.conf").settings
        if not settings.configured:
            settings.configure()


def state(shim: Shim, finder: ShimFinder) -> str:
    """'active'; 'not needed': its module works without; 'no trigger': nothing here imports its module."""
    if shim.name in finder.applied:
        return "active"
    if not shim.module or shim.module in sys.modules:
        return "not needed"
    return "not needed" if shim.stand_in and package_exists(shim.module) else "no trigger"


def package_exists(module: str) -> bool:
    return importlib.util.find_spec(module.partition(".")[0]) is not None


def import_problems(found: dict[str, str]) -> Iterator[str]:
    """Imports every entry module of what is installed; yields what fails."""
    for name, modules in ENTRIES.items():
        for module in modules if name in found else ():
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    importlib.import_module(module)
            except Exception as error:  # whatever an incompatible package does when it is imported
                yield f"{name} {found[name]}: import {module}: {type(error).__name__}: {error}"


def known_problems(found: dict[str, str]) -> Iterator[str]:
    """What can be imported here and still does not work."""
    version = {name: release(text) for name, text in found.items()}
    if sys.version_info >= (3, 14) and "Django" in found:
        yield f"Django {found['Django']} copies template contexts in a way that Python 3.14 no longer allows."
    if version.get("Django", (1, 11)) < (1, 11):
        yield f"Django {found['Django']} does not run on Python 3.7 or later; use 1.11.29."
    if version.get("Django", (1, 11)) >= (3, 0):
        yield f"Django {found['Django']} has no django.utils.six, which channels 1.1.5 needs; use 1.11.29."
    if version.get("channels", (1, 1)) >= (2, 0):
        yield f"channels {found['channels']} has no channel layers of ASGI 1; use 1.1.5-1.1.8."
    if sys.version_info >= (3, 12) and version.get("redis", (3, 0)) < (3, 0):
        yield f"redis {found['redis']} uses ssl.wrap_socket, gone in Python 3.12; use redis 5 or later."


def known_limits(found: dict[str, str]) -> Iterator[str]:
    """What this Python or these packages do not do, whether or not anybody asks for it."""
    if sys.version_info >= (3, 12):
        yield "redis 2.10: uses ssl.wrap_socket, gone in Python 3.12. redis 5 and later work."
    if sys.version_info >= (3, 14):
        yield "server_trio: trio-asyncio 0.16 cannot be imported on Python 3.14."
        yield "Django 1.11 and 2.2: templates fail on Python 3.14."
    if "txredisapi" in found:
        yield "txredisapi: no unix sockets, TLS or Sentinel; daphne --force-sync does without it."
    if release(found.get("redis", "0")) >= (8,):
        yield "redis-py 8: a Redis server older than 6 needs 'connection_kwargs': {'protocol': 2}."
    if "msgpack" in found and "msgpack-python" in found:
        # Both write the same directory; asgi_redis requires the second, and the first has C code.
        used = ".".join(str(part) for part in importlib.import_module("msgpack").version)
        if used != found["msgpack"]:
            yield f"msgpack-python wrote {used} over msgpack {found['msgpack']}, a slower one."


def release(version: str) -> tuple[int, ...]:
    """The first two numbers of a version: (1, 11)."""
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
