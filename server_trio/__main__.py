"""python3 -m server_trio: makes the old packages importable, then runs the command line."""

# PYTHON_ARGCOMPLETE_OK: so argcomplete knows that it may ask this module what TAB completes.

# Until the checks are done this file must be readable by Python 2, which the site may have.
import sys

if sys.version_info < (3, 10):
    sys.stderr.write(
        "server_trio: the server needs Python 3.10-3.13, and this is {}.{}; it has an environment of "
        "its own: pip install 'channels-async[server]'\n".format(*sys.version_info[:2])
    )
    raise SystemExit(2)

from . import early_signals

early_signals.bear()

import importlib.util  # noqa: E402 - what takes time, from here on

if importlib.util.find_spec("trio") is None:
    # What the client alone brings along; see ExitCode.SETTINGS, which cannot be imported without Trio.
    sys.stderr.write(
        "server_trio: the server is not installed here: pip install 'channels-async[server]'\n"
    )
    raise SystemExit(2)

import os  # noqa: E402

import channels_compat  # noqa: E402

channels_compat.install()

if "_ARGCOMPLETE" in os.environ:
    from .completion import complete

    complete()

from .cli import main  # noqa: E402 - asks and asgi_redis can be imported only from here on

if __name__ == "__main__":
    try:
        code = main()
    finally:
        early_signals.ignore()
    raise SystemExit(code)
