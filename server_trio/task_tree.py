"""The tree of Trio's tasks, with what each is waiting for: for people, on SIGUSR1.

    server_trio, process 4242: 25 tasks, 1 other threads at work
    <init>
      server_trio.serving.Serving.serve
        server_trio.operating.Operations.handle  (0af3... <Request GET http://upstream>)
          at server_trio.http.sockets:71 receive_some < ... < server_trio.operations.request:44 run_request
          waits in trio: wait_readable > wait_readable
"""

from __future__ import annotations

import os
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Final

import trio

from . import tracing

FRAMES_SHOWN: Final = 12  # of a task: the innermost of the project's and the server's
ALIKE_SHOWN: Final = 3  # of tasks in one nursery that wait at the same place
LINES: Final = 5000  # of a tree, at most

_TRIO: Final = str(Path(trio.__file__).parent)
_PYTHON: Final = str(Path(threading.__file__).parent)


def task_tree() -> str:
    """The tree of this process, as lines. To be called within Trio. Raises nothing."""
    try:
        return _tree()
    except Exception as error:
        return f"server_trio, process {os.getpid()}: its tasks cannot be shown: {type(error).__name__}\n"


def _tree() -> str:
    root = trio.lowlevel.current_root_task()
    tasks = list(_all(root)) if root is not None else []
    threads = list(_threads())
    lines = [f"server_trio, process {os.getpid()}: {len(tasks)} tasks, {len(threads)} other threads at work"]
    if root is not None:
        lines += _subtree(root, "")
    lines += threads
    if len(lines) > LINES:
        lines[LINES:] = [f"... and {len(lines) - LINES} lines more"]
    return "\n".join(lines) + "\n"


def _all(task: trio.lowlevel.Task) -> Iterator[trio.lowlevel.Task]:
    todo = [task]
    while todo:
        one = todo.pop()
        yield one
        todo += [child for nursery in one.child_nurseries for child in nursery.child_tasks]


def _subtree(task: trio.lowlevel.Task, indent: str) -> list[str]:
    lines = [f"{indent}{_name(task)}", *(f"{indent}    {line}" for line in _place(task))]
    for nursery in task.child_nurseries:
        alike: dict[tuple[str, ...], list[trio.lowlevel.Task]] = {}
        for child in nursery.child_tasks:
            # What has nurseries of its own is shown by itself.
            key = (str(id(child)),) if child.child_nurseries else (child.name, *_place(child))
            alike.setdefault(key, []).append(child)
        for children in alike.values():
            for child in children[:ALIKE_SHOWN]:
                lines += _subtree(child, indent + "  ")
            if len(children) > ALIKE_SHOWN:
                more = len(children) - ALIKE_SHOWN
                lines.append(f"{indent}  ... and {more} more {children[0].name} at the same place")
    return lines


def _name(task: trio.lowlevel.Task) -> str:
    operation = task.context.get(tracing.current)
    if operation is None:
        return task.name
    try:
        return f"{task.name}  ({operation.id} {operation.details})"  # its repr holds nothing secret
    except Exception as error:
        return f"{task.name}  ({operation.id}, whose repr raises {type(error).__name__})"


def _place(task: trio.lowlevel.Task) -> list[str]:
    """Where our or the project's code waits, from the inside to the outside, and for what in Trio."""
    frames = list(task.iter_await_frames())
    ours = [entry for entry in frames if not _is_inside(entry[0].f_code.co_filename, _TRIO)]
    primitive = [frame.f_code.co_name for frame, _ in frames if _is_inside(frame.f_code.co_filename, _TRIO)]
    lines = []
    if ours:
        shown = [_frame(frame, line) for frame, line in reversed(ours[-FRAMES_SHOWN:])]
        lines.append("at " + " < ".join(shown))
    if primitive:
        lines.append("waits in trio: " + " > ".join(primitive[:2]))
    return lines


def _threads() -> Iterator[str]:
    """What other threads do: plain functions, DNS; those that wait for work are left out."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    for ident, frame in sys._current_frames().items():
        if ident == threading.get_ident():
            continue
        stack: list[tuple[FrameType, int]] = [(inner, line) for inner, line in traceback.walk_stack(frame)]
        ours = [(inner, line) for inner, line in stack if not _is_library(inner.f_code.co_filename)]
        if ours:
            shown = [_frame(inner, line) for inner, line in ours[:FRAMES_SHOWN]]
            yield f"thread {names.get(ident, ident)}\n    at " + " < ".join(shown)


def _is_library(file: str) -> bool:
    if f"{os.sep}outcome{os.sep}" in file:  # what Trio runs functions in threads with
        return True
    return _is_inside(file, _TRIO) or (_is_inside(file, _PYTHON) and "site-packages" not in file)


def _is_inside(file: str, folder: str) -> bool:
    return file.startswith(folder + os.sep)


def _frame(frame: FrameType, line: int) -> str:
    """server_trio.http.session:120 stream"""
    module = frame.f_globals.get("__name__", frame.f_code.co_filename)
    return f"{module}:{line} {frame.f_code.co_name}"
