"""Each package states its layers in its docstring; what its modules import has to agree."""

from __future__ import annotations

import ast
import re
import subprocess
import sys

import pytest

from tests.house.tree import PACKAGES, imports, modules

IMPORTED = {
    package: {module: imports(module, file) for module, file in modules(package).items()}
    for package in PACKAGES
}


def stated_layers(package: str) -> list[list[str]]:
    """The table that follows `imports only from` in the package's docstring: names line by line, top first.

    A line is `    label:  name, name` or `    name, name      what for`.
    """
    docstring = ast.get_docstring(ast.parse((PACKAGES[package] / "__init__.py").read_text())) or ""
    table = re.search(r"imports? only from.*?\n\n((?: {4}.*\n?)+)", docstring, re.DOTALL)
    assert table, f"{package}/__init__.py does not state its layers"
    rows = [re.sub(r"^\w+:\s+", "", line.strip()) for line in table[1].splitlines()]
    return [[name.strip() for name in re.split(r"\s{2,}", row)[0].split(",")] for row in rows]


def ours(package: str, name: str) -> str | None:
    """The module of `package` that an imported name means; None for everything else."""
    while name:
        if name in IMPORTED[package]:
            return name
        name = name.rpartition(".")[0]
    return None


def layer_of(package: str, module: str, layers: list[list[str]]) -> int | None:
    """Which line of the table a module belongs to: that of its longest prefix there."""
    found = [
        (len(name), number)
        for number, names in enumerate(layers)
        for name in names
        if f"{module}.".startswith(f"{package}.{name}.")
    ]
    return max(found)[1] if found else None


@pytest.mark.parametrize("package", ["channels_async", "server_trio"])
def test_every_module_has_its_place_in_the_table(package):
    layers = stated_layers(package)
    homeless = [
        name for name in IMPORTED[package] if name != package and layer_of(package, name, layers) is None
    ]
    assert homeless == []


@pytest.mark.parametrize("package", ["channels_async", "server_trio"])
def test_modules_import_only_from_their_own_line_and_those_below(package):
    layers = stated_layers(package)
    upward = []
    for module, names in IMPORTED[package].items():
        here = layer_of(package, module, layers)
        for name in names:
            target = ours(package, name)
            there = layer_of(package, target, layers) if target else None
            if here is not None and there is not None and there < here:
                upward.append(f"{module} imports {name}")
    assert upward == []


@pytest.mark.parametrize("package", list(PACKAGES))
def test_no_module_imports_itself_over_others(package):
    seen: dict[str, bool] = {}  # True: on the way that is being walked

    def walk(module: str, way: list[str]) -> None:
        assert not seen.get(module), " → ".join([*way, module])
        if module in seen:
            return
        seen[module] = True
        for name in sorted(IMPORTED[package][module]):
            target = ours(package, name)
            # A package's own __init__ is always imported first and holds no code that needs its modules.
            if target and target != module and not f"{module}.".startswith(f"{target}."):
                walk(target, [*way, module])
        seen[module] = False

    for module in IMPORTED[package]:
        walk(module, [])


def test_the_server_knows_the_client_only_through_the_contract():
    allowed = (
        "channels_async.wire",
        "channels_async.http_rules",
        "channels_async.forward_rules",
        "channels_async.frame_rules",
        "channels_async.egress_rules",
        "channels_async.command_rules",
        "channels_async.process_groups",
        "channels_async.stderr_lines",
        "channels_async.proxy_rules",
        "channels_async.trace_rules",
        "channels_async.retry_rules",
        "channels_async.result_rules",
        "channels_async.call_rules",
        "channels_async.host_patterns",
        "channels_async.check_rules",
        "channels_async.redis_rules",
        "channels_async.report_bounds",
        "channels_async.report_rules",
        "channels_async.report_text",
        "channels_async._py23",
        "channels_async.__version__",
    )
    others = [
        f"{module} imports {name}"
        for module, names in IMPORTED["server_trio"].items()
        for name in names
        if name.startswith("channels_async") and not f"{name}.".startswith(tuple(f"{it}." for it in allowed))
    ]
    assert others == []


FORBIDDEN = {
    "channels_async": ["server_trio", "channels_compat", "trio", "trio_asyncio", "asyncio", "anyio", "asks"],
    "channels_compat": ["server_trio", "channels_async"],
    "channels_async.wire": ["django", "channels", "requests", "logging", "time", "datetime", "socket"],
    "channels_async.http_rules": ["django", "channels", "requests", "logging", "time", "datetime", "socket"],
    "channels_async.forward_rules": ["django", "channels", "requests", "logging", "time", "socket"],
    "channels_async.frame_rules": ["django", "channels", "requests", "logging", "time", "datetime", "socket"],
    "channels_async.egress_rules": ["django", "channels", "requests", "logging", "time", "ipaddress"],
    "channels_async.command_rules": ["django", "channels", "requests", "logging", "os", "subprocess"],
    "channels_async.retry_rules": ["django", "channels", "requests", "logging", "time", "random"],
    "channels_async.proxy_rules": ["django", "channels", "requests", "logging", "time", "os"],
    "channels_async.trace_rules": ["django", "channels", "requests", "logging", "time", "os"],
    "channels_async.result_rules": ["django", "channels", "requests", "logging", "time", "socket"],
    "channels_async.check_rules": ["django", "channels", "requests", "logging", "time", "socket"],
    "channels_async.redis_rules": ["django", "channels", "requests", "logging", "time", "socket", "redis"],
    "channels_async.report_bounds": ["django", "channels", "requests", "logging", "time", "socket"],
    "channels_async.report_text": ["django", "channels", "requests", "logging", "time", "socket"],
    "channels_async.report_rules": ["django", "channels", "requests", "logging", "time", "socket"],
    "channels_async.call_rules": ["django", "channels", "requests", "logging", "time", "socket"],
    # Libraries with an event loop or errors of their own stay behind the adapter that is made for them.
    "server_trio.http": ["redis", "asyncio", "trio_asyncio", "django", "asgi_redis"],
    "server_trio.layers": ["asks", "httptools"],
    "server_trio.operations": ["asks", "redis", "asyncio", "trio_asyncio", "django", "requests"],
}


@pytest.mark.parametrize("part", list(FORBIDDEN))
def test_what_a_part_must_not_import_it_does_not_import(part):
    names = {
        f"{module} imports {name}"
        for module, imported in IMPORTED[part.partition(".")[0]].items()
        if f"{module}.".startswith(f"{part}.")
        for name in imported
        if name.partition(".")[0] in FORBIDDEN[part]
    }
    assert names == set()


@pytest.mark.parametrize(
    ("library", "places"),
    [
        ("asks", ["http."]),
        ("trio_asyncio", ["layers."]),
        ("redis", ["layers."]),
        ("channels", ["consumers.plain", "consumers.runner", "routing"]),  # what cannot do without it
    ],
)
def test_a_library_is_imported_only_by_the_adapter_made_for_it(library, places):
    users = [
        module
        for module, names in IMPORTED["server_trio"].items()
        if any(name.partition(".")[0] == library for name in names)
    ]
    assert users
    adapters = tuple(f"server_trio.{place}" for place in places)
    assert [module for module in users if not module.startswith(adapters)] == []


def test_the_contract_is_read_without_django_and_without_an_event_loop():
    rules = ("http_rules", "frame_rules", "egress_rules", "command_rules", "result_rules", "call_rules")
    parts = ", ".join(f"channels_async.{part}" for part in ("wire", *rules))
    program = f"import sys, {parts}; print(' '.join(sys.modules))"
    path = str(PACKAGES["channels_async"].parent)
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {path!r}); {program}"]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert "channels_async.wire" in loaded
    assert {"django", "channels", "requests", "asyncio", "trio"} & set(loaded) == set()


def test_an_upward_import_would_be_seen():
    layers = [["__main__", "cli"], ["settings"]]
    assert layer_of("server_trio", "server_trio.cli", layers) == 0
    assert layer_of("server_trio", "server_trio.settings", layers) == 1
    assert layer_of("server_trio", "server_trio.other", layers) is None
    assert ours("server_trio", "server_trio.settings.Settings") == "server_trio.settings"
