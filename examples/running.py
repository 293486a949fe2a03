"""What the examples have in common: processes that are started, watched and ended together."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass

from tests.harness.processes import Process, ProcessFailed, end_descendants
from tests.harness.redis_server import NoRedisBinary
from tests.harness.signals import ending_signals_held, on_ending_signal
from tests.harness.upstream import Upstream

END_TIMEOUT = 10.0  # seconds from SIGTERM to SIGKILL
LOOK_AGAIN = 1.0  # seconds


@dataclass
class Running:
    """Everything that runs."""

    url: str  # of the site
    upstream: Upstream
    processes: list[Process]

    def log(self) -> str:
        """What all processes have written so far."""
        return "\n".join(f"--- {process.name}\n{process.output()}" for process in self.processes)


def end(processes: list[Process]) -> None:
    """End all at the same time; each may first finish what it has begun."""
    with ending_signals_held():  # or some would not have their time, and some not be told
        for process in processes:
            if process.returncode is None:
                process.signal(signal.SIGTERM)
        for process in processes:
            process.end(END_TIMEOUT, told=True)


def run(what: str, act: Callable[[], int]) -> int:
    """The exit status of `act()`; Ctrl-C, SIGTERM and SIGHUP end it, all in the same way, with 0.

    A second Ctrl-C does not leave half of the processes.
    """

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    on_ending_signal(interrupt)
    try:
        return act()
    except KeyboardInterrupt:
        # What no `with` knows of: it came between a start and the `try` that ends what was started, or in a
        # `finally` before it did.
        end_descendants(grace=END_TIMEOUT)
        print("ended")
        return 0
    except (ProcessFailed, NoRedisBinary) as error:
        print(f"{what} did not start: {error}", file=sys.stderr)
        return 1


def wait(running: Running, *, on_end: Callable[[Process], bool]) -> int:
    """Until Ctrl-C. `on_end` is told of each process that ends by itself, and answers whether to wait on.

    Returns 1 where it is not to; Ctrl-C is for `run`.
    """
    print(f"{running.url}/    (Ctrl-C ends it)", flush=True)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    alive = list(running.processes)
    while True:
        for process in [process for process in alive if process.returncode is not None]:
            alive.remove(process)
            if not on_end(process):
                return 1
        # The signal is lost that comes just before this, so it does not wait for ever.
        signal.sigtimedwait({signal.SIGCHLD}, LOOK_AGAIN)
