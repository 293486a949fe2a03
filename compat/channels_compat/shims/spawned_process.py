"""multiprocessing's spawn and forkserver, whose processes begin with a bare Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import install
from ..shim import Shim


class InstallOnArrival:
    """Unpickling it installs the shims: that is before the new process imports the program."""

    def __reduce__(self) -> tuple[Callable[[], None], tuple[()]]:
        return install, ()


def apply(module: Any) -> None:
    original = module.get_preparation_data

    def get_preparation_data(name: str) -> dict[str, Any]:
        # prepare() in the new process reads the keys that it knows and leaves the rest alone.
        return {**original(name), "channels_compat": InstallOnArrival()}

    module.get_preparation_data = get_preparation_data


shim = Shim(
    name="multiprocessing-spawn",
    cause="A process that multiprocessing spawns (macOS, Windows) would import the site without shims.",
    source="channels 1.1.5 test/liveserver.py:100; Python 3.13 Lib/multiprocessing/spawn.py:158",
    module="multiprocessing.spawn",
    apply=apply,
)
