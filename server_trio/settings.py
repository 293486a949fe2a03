"""The server's settings: one frozen, typed object.

Each setting is a dataclass field that carries its unit, its range and its help (options.py); the
command line flags, the environment's names and the table in the documentation are made from these
fields (see `options()`), so that they cannot differ. Where the values come from: resolving.py.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from channels_async.wire import OPERATIONS

from .limits import HttpLimits, KiB, MiB, waiting_room
from .options import Option, make_option, option, raw, seconds, texts

#: The Django setting that holds the server's settings.
DJANGO_SETTING: Final = "CHANNELS_ASYNC_SERVER"

#: Seconds between the end of an operation's budget and daphne's own timeout. daphne looks at its
#: timeouts every 2 s (daphne/server.py:121); the rest is for the answer's way back.
DAPHNE_MARGIN: Final = 5.0


@dataclass(frozen=True)
class Deadlines:
    """Seconds from the moment a view sent an operation until it must have been answered.

    For a message on a channel of the project's own: seconds from its consumer's begin.
    """

    REQUEST: float = seconds(30.0, "deadline of REQUEST operations")
    FORWARD: float = seconds(60.0, "deadline of FORWARD operations")
    CALL: float = seconds(10.0, "deadline of CALL operations")
    COMMAND: float = seconds(60.0, "deadline of COMMAND operations")
    default: float = seconds(30.0, "deadline of every operation and channel that is given none of its own")
    channels: Mapping[str, float] = field(default_factory=dict)  # those of the routing; no option

    def of(self, name: str) -> float:
        """The deadline of an operation or a channel by its name, seconds."""
        if name in self.channels:
            return self.channels[name]
        value = getattr(self, name, self.default)
        return value if isinstance(value, int | float) else self.default


def _limit(default: int, operation: str) -> Any:
    """How many of one operation run at once."""
    words = (
        f"{operation} operations at once; others wait for their turn, four times as many at the most, and"
        " never more than half of the places that are left. 0 means no limit but the total"
    )
    return option(default, words, unit="operations", minimum=0, maximum=1_000_000)


@dataclass(frozen=True)
class Concurrency:
    """How many operations and consumers one server runs at once."""

    total: int = option(
        1000, "operations at once, waiting ones included", unit="operations", minimum=1, maximum=1_000_000
    )
    REQUEST: int = _limit(0, "REQUEST")
    FORWARD: int = _limit(0, "FORWARD")
    CALL: int = _limit(40, "CALL")
    COMMAND: int = _limit(8, "COMMAND")
    consumers: int = option(
        100,
        "messages of the project's own channels at once, each in a task or, if plain, a thread",
        unit="messages",
        minimum=1,
        maximum=1_000_000,
    )
    per_host: int = option(
        100,
        "connections at once to one upstream (scheme, host and port); REQUEST and FORWARD operations"
        " above that wait for one, four times as many at the most, and never more than half of the"
        " places that are left",
        unit="connections",
        minimum=1,
        maximum=65535,
    )

    def limits(self) -> dict[str, int]:
        """How many of each operation may run at once, by its name; 0 for no limit but `total`."""
        return {name: getattr(self, name) for name in OPERATIONS}


@dataclass(frozen=True)
class Http:
    """What the HTTP client accepts from, and spends on, upstreams."""

    connect_timeout: float = seconds(
        10.0, "longest wait for a connection to an upstream, DNS and TLS included"
    )
    idle_timeout: float = seconds(15.0, "how long an unused connection to an upstream is kept")
    idle_connections: int = option(
        200, "unused connections kept, all upstreams together", unit="connections", minimum=0
    )
    response_head: int = option(
        64 * KiB, "largest status line and headers of an upstream's response", unit="bytes", minimum=1 * KiB
    )
    response_body: int = option(
        1024 * MiB, "largest body of an upstream's response; 0 means no limit", unit="bytes", minimum=0
    )
    breaker_failures: int = option(
        0,
        "failures in a row after which an upstream is left alone (503 with Retry-After); 0 means never",
        unit="failures",
        minimum=0,
        maximum=1_000_000,
    )
    breaker_open: float = seconds(10.0, "how long it is left alone before one request probes it")
    proxy: str = option("", "HTTP proxy to reach upstreams through: http://name:password@host:port")
    no_proxy: tuple[str, ...] = texts(
        (), "upstreams that are reached without the proxy: names, domains, addresses, networks, *"
    )
    proxy_from_environment: bool = option(
        False, "whether http_proxy, https_proxy, all_proxy and no_proxy of the environment count"
    )
    unix_sockets: dict[str, str] = raw(  # noqa: RUF009 - a field
        "unix sockets by the host that stands for each: {'backend.local': '/run/app.sock'}"
    )


@dataclass(frozen=True)
class Egress:
    """Which upstreams may be reached; with no entry at all, every one (docs/network.rst)."""

    allow: tuple[str, ...] = texts(
        (), "upstreams that may be reached: networks, addresses, host names, `*.` names, words"
    )
    deny: tuple[str, ...] = texts(
        (), "upstreams that may not be reached, unless `allow` has them; `private`: all that is not public"
    )


@dataclass(frozen=True)
class Tls:
    """How upstreams prove who they are, and this server to them (docs/network.rst)."""

    ca_file: str = option("", "file of certificates (PEM) of authorities to trust beside the system's")
    system_cas: bool = option(True, "whether the authorities that the system trusts are trusted")
    certificates: dict[str, Any] = raw(  # noqa: RUF009 - a field
        "the certificate to show to a host: {'*.example.org': {'certificate': path, 'key': path}}"
    )


@dataclass(frozen=True)
class Settings:
    """All settings of a server. The field names in capitals are the keys of CHANNELS_ASYNC_SERVER."""

    DEADLINES: Deadlines = field(default_factory=Deadlines)
    CONCURRENCY: Concurrency = field(default_factory=Concurrency)
    HTTP: Http = field(default_factory=Http)
    EGRESS: Egress = field(default_factory=Egress)
    TLS: Tls = field(default_factory=Tls)
    LAYER: str = option("default", "which of CHANNEL_LAYERS to serve")
    CHANNEL: str = option("request.async", "the channel that operations arrive on")
    PROCESSES: int = option(
        1, "servers to run, each with its own CONCURRENCY", unit="processes", minimum=1, maximum=256
    )
    RELOAD: bool = option(
        False, "for development: start anew when a .py file of the project changes (needs watchfiles)"
    )
    ONLY_CHANNELS: tuple[str, ...] = texts(
        (), "serve only channels that one of these patterns fits, as runworker; CHANNEL is one of them"
    )
    EXCLUDE_CHANNELS: tuple[str, ...] = texts((), "do not serve channels that one of these patterns fits")
    DJANGO_SETUP: bool = option(
        False, "call django.setup() at the start, so that the project's code can use models and apps"
    )
    BRIDGE: str = option(
        "auto",
        "how to reach the layer: natively for asgi_redis, or by threads",
        choices=("auto", "redis", "threaded"),
    )
    DISCONNECT_CHANNELS: tuple[str, ...] = texts(
        ("http.disconnect",),
        "where daphne tells of browsers that have gone, whose operations are then cancelled; none for a site"
        " whose own routing consumes them and calls client.cancel",
    )
    ATTEMPTS: int = option(
        2, "how often an operation is begun whose server dies over it", unit="times", minimum=1, maximum=100
    )
    LOG_FORMAT: str = option(
        "text",
        "form of the log on stderr, where the project's LOGGING sets up no handler: text, or a JSON object"
        " a line",
        choices=("text", "json"),
    )
    STATUS: str = option("", "where probes and people are answered by HTTP: HOST:PORT or unix:/path")
    GRACE_TIME: float = seconds(20.0, "after SIGTERM, how long operations may take to finish", minimum=0.0)
    REPLY_TIMEOUT: float = seconds(
        5.0, "longest wait to get the last word of an answer onto the layer", maximum=60.0
    )
    DAPHNE_HTTP_TIMEOUT: float = seconds(
        120.0, "daphne's --http-timeout; every answer ends before it", minimum=DAPHNE_MARGIN + 1
    )

    VERBOSE: int = option(
        0,
        "what is logged besides failures: 1 a line an operation or message, 2 what helps to find a bug",
        minimum=0,
        maximum=2,
        alone="1",
    )

    CALLS: Mapping[str, Any] = raw("dotted paths of the functions that views can call, by name; see call.rst")
    CALL_MODULES: tuple[str, ...] = texts((), "modules whose functions marked with @call views can call")
    CALL_THREADS: int = option(
        40, "plain functions of CALL at once, each in a thread", unit="threads", minimum=1, maximum=10_000
    )
    COMMANDS: Mapping[str, Any] = raw("command lines that views can have run, by name; see command.rst")

    @property
    def longest_end(self) -> float:
        """Seconds from SIGTERM to the end."""
        return self.GRACE_TIME + self.REPLY_TIMEOUT

    def http_limits(self) -> HttpLimits:
        """The HTTP client's bounds as these settings have them."""
        limits = {entry.name for entry in dataclasses.fields(HttpLimits)}
        given = {name: value for name, value in vars(self.HTTP).items() if name in limits}
        per_host, total = self.CONCURRENCY.per_host, self.CONCURRENCY.total
        waiting = waiting_room(per_host, total) if per_host < total else None  # all have one, or find one
        return HttpLimits(connections_per_origin=per_host, waiting_per_origin=waiting, **given)


def options() -> Iterator[Option]:
    """Every setting, in the order of the documentation."""
    for group in dataclasses.fields(Settings):
        if "help" in group.metadata:
            yield make_option((group.name,), group)
            continue
        for entry in dataclasses.fields(section(group.name)):
            if "help" in entry.metadata:
                yield make_option((group.name, entry.name), entry)


def section(name: str) -> type:
    """The dataclass of a section such as DEADLINES."""
    return type(getattr(Settings(), name))
