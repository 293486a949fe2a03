"""python3 -m server_trio: makes the old packages importable, then runs the command line."""

from __future__ import annotations

import channels_compat

channels_compat.install()

from .cli import main  # noqa: E402 - asks and asgi_redis can be imported only from here on

if __name__ == "__main__":
    raise SystemExit(main())
