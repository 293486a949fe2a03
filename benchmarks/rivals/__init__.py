"""What a user could pick instead, each as a server that can be started, in an environment of its own.

A rival either takes our operation messages from the channel `request.async` as asgi_redis writes them, or is
a task queue, whose tasks its own client enqueues: `program enqueue NUMBER URL`. All do the same GET and
push the same reply, in asgi_redis's form, with the same Lua.

Every rival has these in its environment: BENCH_REDIS, the URL of Redis; BENCH_OUTSTANDING, how many
operations it may have at once where that can be set.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Rival:
    """One way to do it. {bin} in its command is the folder of its environment's programs."""

    name: str
    title: str
    requirements: tuple[str, ...]
    command: tuple[str, ...]
    enqueue: str = ""  # the program, for a task queue
    most: int = 1_000_000  # operations at once; loads of more are not for it


CLIENT = ("aiohttp", "uvloop", "msgspec")
SITE = ("-r", "compat/requirements-web.txt", "requests")

RIVALS = [
    Rival(
        "asyncio",
        "asyncio, batched",
        ("redis", "hiredis", *CLIENT),
        ("{bin}/python", "asyncio_batched.py"),
    ),
    Rival(
        "2017",
        "the 2017 server's way",
        ("redis", "hiredis", *CLIENT),
        ("{bin}/python", "asyncio_polling.py"),
        most=1_000,
    ),
    Rival(
        "runworker-32",
        "runworker, 32 threads",
        SITE,
        ("{bin}/python", "-m", "channels_compat", "channels_site.py", "runworker", "--threads", "32"),
        most=1_000,
    ),
    Rival(
        "runworker-200",
        "runworker, 200 threads",
        SITE,
        ("{bin}/python", "-m", "channels_compat", "channels_site.py", "runworker", "--threads", "200"),
        most=1_000,
    ),
    Rival(
        "celery",
        "Celery, gevent, 1,000",
        ("celery[redis,gevent]", "requests", "msgspec"),
        (
            "{bin}/celery", "-A", "celery_gevent", "worker", "-P", "gevent", "-c", "1000",
            "--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "ERROR",
        ),
        enqueue="celery_gevent.py",
        most=1_000,
    ),
    Rival(
        "dramatiq",
        "Dramatiq, 32 threads",
        ("dramatiq[redis]", "requests", "msgspec"),
        ("{bin}/dramatiq", "dramatiq_threads", "--processes", "1", "--threads", "32"),
        enqueue="dramatiq_threads.py",
        most=1_000,
    ),
    Rival(
        "arq",
        "arq",
        ("arq", *CLIENT),
        ("{bin}/python", "arq_tasks.py", "work"),
        enqueue="arq_tasks.py",
        most=1_000,
    ),
    Rival(
        "taskiq",
        "taskiq",
        ("taskiq", "taskiq-redis", *CLIENT),
        (
            "{bin}/taskiq", "worker", "taskiq_tasks:broker", "--workers", "1", "--no-configure-logging",
            "--max-async-tasks", "{outstanding}",
        ),
        enqueue="taskiq_tasks.py",
        most=1_000,
    ),
]  # fmt: skip
