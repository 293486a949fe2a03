"""How much of the memory that was freed a server keeps for what comes next."""

from __future__ import annotations

import contextlib
import ctypes
import os
from typing import Final

from .limits import MiB

#: Bytes that are kept at the end of the heap, where the C library itself would give back what is more than
#: twice the largest piece freed so far. Chunks of bodies come and go together: that would be all of them,
#: many times a body, and to have the system map and clear the memory again takes as long as receiving.
KEPT: Final = 16 * MiB

#: Bytes of a piece above which it is no part of the heap. To name the one above ends that the library finds
#: this by itself.
LARGEST: Final = 4 * MiB

#: malloc.h of glibc: M_TRIM_THRESHOLD and M_MMAP_THRESHOLD, see mallopt(3).
_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3

#: By these whoever starts the server says how it should be.
OWN_WAY: Final = ("GLIBC_TUNABLES", "MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_")


def keep_freed_memory() -> None:
    """Have the C library keep KEPT bytes. Does nothing where it is not glibc, or somebody says otherwise."""
    if any(name in os.environ for name in OWN_WAY):
        return
    with contextlib.suppress(AttributeError, OSError):  # another C library has no such function
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_TRIM_THRESHOLD, KEPT)
        mallopt(_MMAP_THRESHOLD, LARGEST)
