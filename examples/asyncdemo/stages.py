"""The stages of the demo: what each starts, and that it is started and ended together."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from examples.running import Running, end
from tests.harness.processes import SOURCES, Process
from tests.harness.redis_server import free_port, redis_server
from tests.harness.upstream import upstream_server
from tests.harness.web_python import WebPython

SITE = Path(__file__).resolve().parent / "site"  # Python 2.7 and 3
SERVER = SITE.with_name("server")  # what only the Trio server imports, so Python 3 alone
TOLD = 4  # notifications an order: bakery/notifying.py

#: In the commands below `{port}` is the site's.
RUNSERVER = "manage.py runserver --noreload 127.0.0.1:{port}"
DAPHNE = "daphne -b 127.0.0.1 -p {port} bakery.asgi:channel_layer"
RESPONSIVE = "manage.py runworker --exclude-channels=notify"


@dataclass(frozen=True)
class Stage:
    """A way to run the bakery."""

    name: str
    shows: str
    settings: str  # of the site, in bakery/settings/
    programs: Mapping[str, str]  # their names and commands
    redis: bool = False


STAGES = [
    Stage(
        "step1",
        "the view makes the slow calls itself; runserver has a thread for each request",
        "step1",
        {"site": RUNSERVER},
    ),
    Stage("step2", "channels are installed: four worker threads, as slow", "step2", {"site": RUNSERVER}),
    Stage(
        "step3",
        "the view sends to the channel notify, which the same four threads consume",
        "step3",
        {"site": RUNSERVER},
    ),
    Stage(
        "bonusround",
        "Redis, daphne, a worker for everything but notify, a worker for notify alone",
        "bonusround",
        {"daphne": DAPHNE, "worker": RESPONSIVE, "notifier": "manage.py runworker --only-channels=notify"},
        redis=True,
    ),
    Stage(
        "server_trio",
        "the same, but that server_trio consumes notify, a task a message",
        "bonusround",
        {"daphne": DAPHNE, "worker": RESPONSIVE, "server_trio": "server_trio bakery_server.settings"},
        redis=True,
    ),
]
READY = {"runworker": "Listening on channels", "server_trio": "ready"}  # what they write; others have a port


@contextlib.contextmanager
def started(stage: Stage, web_python: str, *, port: int = 0, scale: float = 1.0) -> Iterator[Running]:
    """All of a stage, ready to be asked; ended on leaving, whatever has happened.

    `scale` is what the seconds of all notifications are multiplied by.
    """
    port = port or free_port()
    web = WebPython(web_python)
    processes: list[Process] = []
    with contextlib.ExitStack() as stack:
        environment = {
            "ASYNCDEMO_SCALE": str(scale),
            "DJANGO_SETTINGS_MODULE": f"bakery.settings.{stage.settings}",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        if stage.redis:
            environment["ASYNCDEMO_REDIS"] = stack.enter_context(redis_server()).url
        stack.callback(end, processes)
        # The first to end, because a worker that waits for it would not heed SIGTERM for so long.
        upstream = stack.enter_context(upstream_server(quiet=True))
        environment["ASYNCDEMO_UPSTREAM"] = upstream.url
        for name, program in stage.programs.items():
            words, sources = _command(web, program.format(port=port))
            processes.append(Process(words, name=name, env={**environment, **sources}, cwd=SITE))
        for process, program in zip(processes, stage.programs.values(), strict=True):
            line = next((line for word, line in READY.items() if word in program), None)
            if line is None:
                process.wait_for_port(port)
            else:
                process.wait_for_line(line)
        yield Running(f"http://127.0.0.1:{port}", upstream, processes)


def _command(web: WebPython, program: str) -> tuple[list[str], dict[str, str]]:
    """The words of a program and the environment in which it finds its packages."""
    name, *rest = program.split()
    if name == "server_trio":
        sources = os.pathsep.join([SOURCES["PYTHONPATH"], str(SERVER)])
        return [sys.executable, "-m", name, *rest], {"PYTHONPATH": sources}
    return [*web.command(name), *rest], web.environment
