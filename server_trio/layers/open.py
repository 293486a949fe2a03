"""Opening the channel layer of a project's CHANNEL_LAYERS, whatever its backend."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import trio

from ..errors import LayerUnavailable, SettingsError
from .backend import import_backend
from .base import Layer

BRIDGES = ("auto", "redis", "threaded")

#: What the server uses of every ASGI 1.x channel layer.
LAYER_NAMES = ("send", "receive", "ChannelFull", "MessageTooLarge")

WHOLE_NUMBERS = ("expiry", "group_expiry", "capacity")
TEXTS = ("prefix", "stats_prefix")


@dataclass(frozen=True)
class LayerSpec:
    """One entry of CHANNEL_LAYERS. ROUTING is not part of it: see routing.py."""

    alias: str
    backend: str  # dotted path of the class
    config: Mapping[str, Any] = field(repr=False)  # may hold passwords and keys
    bridge: str = "auto"  # one of BRIDGES


@asynccontextmanager
async def open_layer(spec: LayerSpec, *, visiting: bool = False) -> AsyncIterator[Layer]:
    """The layer, connected. Raises SettingsError and LayerUnavailable.

    `visiting`: for a process that is no server and only looks, or sends.

    'auto' takes the redis bridge for asgi_redis's own RedisChannelLayer and RedisSentinelChannelLayer
    and subclasses that leave their format alone, and worker threads for everything else
    (RedisLocalChannelLayer among them: its ordinary channels are not in Redis).
    """
    if spec.bridge not in BRIDGES:
        raise SettingsError(f"the bridge is one of {', '.join(BRIDGES)}, not {spec.bridge!r}")
    backend = await trio.to_thread.run_sync(make_backend, spec, abandon_on_cancel=True)
    if spec.bridge != "threaded" and _is_known_redis(backend):
        from .redis_layer import open_redis_layer

        async with open_redis_layer(backend, visiting=visiting) as redis_layer:
            yield redis_layer
        return
    if spec.bridge == "redis":
        raise SettingsError(
            f"{_where(spec)}: the redis bridge speaks the format of asgi_redis.RedisChannelLayer and of "
            f"RedisSentinelChannelLayer; {spec.backend} is or does something else. "
            "Take the bridge 'auto' or 'threaded'"
        )
    from .threaded import open_threaded_layer

    async with open_threaded_layer(backend) as threaded_layer:
        yield threaded_layer


def make_backend(spec: LayerSpec) -> Any:
    """The project's own layer object. Blocks (imports, and Sentinel is asked for its services)."""
    import channels_compat

    channels_compat.install()
    module_name, _, class_name = spec.backend.rpartition(".")
    if not module_name:
        raise SettingsError(f"{_where(spec)}: BACKEND {spec.backend!r} is no dotted path to a class")
    try:
        backend_class = getattr(import_backend(module_name), class_name)
    except ImportError as error:
        raise SettingsError(
            f"{_where(spec)}: BACKEND {spec.backend!r} cannot be imported ({error}). "
            "Is its package installed in the environment of this server?"
        ) from error
    except AttributeError as error:
        raise SettingsError(f"{_where(spec)}: {module_name} has no {class_name!r}") from error
    _check_config(spec, backend_class)
    try:
        backend = backend_class(**spec.config)
    except (TypeError, ValueError, AssertionError) as error:
        text = str(error)
        if "Port could not be cast" in text:
            # The text goes on with what stands there, which may be a piece of a password.
            text = "a host's URL has no number for a port; in a password, / is written %2F and # is %23"
            raise SettingsError(f"{_where(spec)}: CONFIG does not suit {spec.backend}: {text}") from None
        raise SettingsError(f"{_where(spec)}: CONFIG does not suit {spec.backend}: {text}") from error
    except ImportError as error:
        raise SettingsError(f"{_where(spec)}: {spec.backend} needs a package: {error}") from error
    except Exception as error:
        if isinstance(error, OSError) or "redis.exceptions" in {
            kind.__module__ for kind in type(error).__mro__
        }:
            # Its text names the connection with all its settings, in older releases with the password.
            raise LayerUnavailable(
                f"{_where(spec)}: {_hosts(spec)} cannot be reached: "
                "check that it runs, and the hosts in CONFIG"
            ) from None
        raise SettingsError(f"{_where(spec)}: {spec.backend} cannot be set up: {error}") from error
    if missing := [name for name in LAYER_NAMES if not callable(getattr(backend, name, None))]:
        raise SettingsError(
            f"{_where(spec)}: BACKEND {spec.backend!r} is no channel layer: it has no {', '.join(missing)}"
        )
    return backend


def _check_config(spec: LayerSpec, backend_class: Any) -> None:
    """Refuse values that asgi_redis takes and that would fail, in it or in Redis, with every message.

    Only for asgi_redis: what a name of CONFIG means to another layer is that layer's to say.
    """
    if not any(kind.__module__.startswith("asgi_redis.") for kind in getattr(backend_class, "__mro__", ())):
        return
    units = {"expiry": " of seconds", "group_expiry": " of seconds", "capacity": " of messages"}
    for key in WHOLE_NUMBERS:
        if key in spec.config and not _is_count(spec.config[key]):
            raise _wrong(spec, f"[{key!r}]", spec.config[key], f"a whole number{units[key]}, at least 1")
    for key in TEXTS:
        if key in spec.config and not isinstance(spec.config[key], str):
            raise _wrong(spec, f"[{key!r}]", spec.config[key], "text (str)")
    capacities = spec.config.get("channel_capacity") or {}
    if not isinstance(capacities, Mapping):
        raise _wrong(spec, "['channel_capacity']", capacities, "a dict {glob of channel names: capacity}")
    for pattern, capacity in capacities.items():
        if not isinstance(pattern, str) and not hasattr(pattern, "match"):
            raise _wrong(spec, "['channel_capacity']", pattern, "a key of text, or a compiled pattern")
        if not _is_count(capacity):
            place = f"['channel_capacity'][{pattern!r}]"
            raise _wrong(spec, place, capacity, "a whole number of messages, at least 1")


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _wrong(spec: LayerSpec, place: str, value: object, right: str) -> SettingsError:
    return SettingsError(f"{_where(spec)}['CONFIG']{place}: {value!r} must be {right}")


def _is_known_redis(backend: Any) -> bool:
    if "asgi_redis" not in sys.modules:
        return False  # then `backend` is none of its classes, and redis need not be installed
    from .redis_source import speaks_known_format

    return speaks_known_format(backend)


def _hosts(spec: LayerSpec) -> str:
    """The hosts in CONFIG, without passwords."""
    names = []
    for host in spec.config.get("hosts") or ["its server"]:
        names.append(host.rpartition("@")[2] if isinstance(host, str) else ":".join(map(str, host)))
    return ", ".join(names)


def _where(spec: LayerSpec) -> str:
    return f"CHANNEL_LAYERS[{spec.alias!r}]"
