"""Opening the channel layer of a project's CHANNEL_LAYERS, whatever its backend."""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import trio

from ..errors import LayerUnavailable, SettingsError
from .base import Layer

Bridge = Literal["auto", "redis", "threaded"]


@dataclass(frozen=True)
class LayerSpec:
    """One entry of CHANNEL_LAYERS. ROUTING is not part of it: consumers belong to the workers."""

    alias: str
    backend: str  # dotted path of the class
    config: Mapping[str, Any] = field(repr=False)  # may hold passwords and keys
    bridge: Bridge = "auto"


@asynccontextmanager
async def open_layer(spec: LayerSpec) -> AsyncIterator[Layer]:
    """The layer, connected. Raises SettingsError and LayerUnavailable.

    'auto' takes the redis bridge for asgi_redis's own RedisChannelLayer and RedisSentinelChannelLayer
    and subclasses that leave their format alone, and worker threads for everything else
    (RedisLocalChannelLayer among them: its ordinary channels are not in Redis).
    """
    backend = await trio.to_thread.run_sync(make_backend, spec, abandon_on_cancel=True)
    if spec.bridge != "threaded" and _is_known_redis(backend):
        from .redis_layer import open_redis_layer

        async with open_redis_layer(backend) as redis_layer:
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
        backend_class = getattr(importlib.import_module(module_name), class_name)
    except ImportError as error:
        raise SettingsError(
            f"{_where(spec)}: BACKEND {spec.backend!r} cannot be imported ({error}). "
            "Is its package installed in the environment of this server?"
        ) from error
    except AttributeError as error:
        raise SettingsError(f"{_where(spec)}: {module_name} has no {class_name!r}") from error
    try:
        return backend_class(**spec.config)
    except (TypeError, ValueError, AssertionError) as error:
        raise SettingsError(f"{_where(spec)}: CONFIG does not suit {spec.backend}: {error}") from error
    except ImportError as error:
        raise SettingsError(f"{_where(spec)}: {spec.backend} needs a package: {error}") from error
    except Exception as error:
        raise LayerUnavailable(f"{_where(spec)}: {spec.backend} cannot be set up: {error}") from error


def _is_known_redis(backend: Any) -> bool:
    try:
        from .redis_source import speaks_known_format
    except ImportError:
        return False  # without redis there is no such backend either
    return speaks_known_format(backend)


def _where(spec: LayerSpec) -> str:
    return f"CHANNEL_LAYERS[{spec.alias!r}]"
