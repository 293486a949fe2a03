"""What a server keeps of the memory that was freed."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from server_trio.allocation import OWN_WAY

#: What bodies do to memory: chunks of half a megabyte come and go together, here 50 times 16 of them. Prints
#: how often the system had to map a page.
PROGRAM = """
import resource
from server_trio.allocation import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(50):
        chunks = [b"x" * (512 * 1024 + number) for number in range(16)]
        del chunks
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

if {kept}:
    keep_freed_memory()
faults()
print(faults())
"""


def faults(*, kept: bool, **environment: str) -> int:
    return int(
        subprocess.run(
            [sys.executable, "-c", PROGRAM.format(kept=kept)],
            env={"PYTHONPATH": ":".join(sys.path), **environment},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    )


glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")


@glibc
def test_memory_of_chunks_that_come_and_go_is_not_mapped_anew_each_time() -> None:
    assert faults(kept=True) < 1000  # of 102,400
    assert faults(kept=False) > 10_000  # or it could be left to the library by now


@glibc
@pytest.mark.parametrize("name", OWN_WAY)
def test_whoever_says_otherwise_has_his_own_way(name: str) -> None:
    value = "glibc.malloc.trim_threshold=131072" if name == "GLIBC_TUNABLES" else "131072"
    assert faults(kept=True, **{name: value}) > 10_000
