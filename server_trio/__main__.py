"""python3 -m server_trio: makes the old packages importable, then runs the command line."""

from __future__ import annotations

import importlib.util
import sys

if importlib.util.find_spec("trio") is None:
    # What the client alone brings along; see ExitCode.SETTINGS, which cannot be imported without Trio.
    print(
        "server_trio: the server is not installed here: pip install 'channels-async[server]'", file=sys.stderr
    )
    raise SystemExit(2)

import channels_compat

channels_compat.install()

from .cli import main  # noqa: E402 - asks and asgi_redis can be imported only from here on

if __name__ == "__main__":
    raise SystemExit(main())
