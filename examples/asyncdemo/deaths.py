"""What has become of workers: a process that has ended, or threads of one that goes on without them."""

from __future__ import annotations

import re

from tests.harness.processes import Process

THREAD = re.compile(r"^Exception in thread ")
REASON = re.compile(r"^(\w+): (.*)")


def deaths(process: Process) -> list[str]:
    """A line for each worker that this process has lost, itself or a thread, with the exception's words."""
    has_ended = process.returncode is not None
    if has_ended:
        process.wait()  # for its last words, which may still be on their way
    lines = process.output().splitlines()
    found = [
        f"a thread of {process.name} died of {_reason(lines[number + 1 :])}"
        for number, line in enumerate(lines)
        if THREAD.match(line)
    ]
    if has_ended:
        found.append(f"{process.name} died of {_reason(lines[::-1])}")
    return found


def _reason(lines: list[str]) -> str:
    """The first line that tells an exception."""
    said = next((match for line in lines if (match := REASON.match(line))), None)
    return f"{said[1]}: {said[2]}" if said else "something that it did not say"
