"""Makes Django 1.11 and 2.2, channels 1.1.5, asgi_redis 1.4.2 and asks 3.0.0 run on Python 3.10-3.13.

    import channels_compat
    channels_compat.install()      # before Django, asgi_redis or asks is imported

or, without touching the project: `python3 -m channels_compat manage.py runworker`.

Nothing is imported that the program does not import itself: most shims wait in an import hook for
their module. `python3 -m channels_compat` prints what is active here and why.
"""

from __future__ import annotations

import sys

__all__ = ["install"]


def install() -> None:
    """Install the shims that are needed here. Calling it again costs a look at sys.meta_path.

    Call it before the packages are imported. A module that is imported already is patched in place
    where that is still possible; a module that failed to import is not tried again.
    """
    from .hooks import ShimFinder, StandInFinder, installed_finder

    if installed_finder() is not None:
        return
    from .shims import SHIMS

    front = ShimFinder(SHIMS)
    sys.meta_path.insert(0, front)
    sys.meta_path.append(StandInFinder(SHIMS, front))
    front.start()
