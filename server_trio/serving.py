"""A server in this process, from its start to its end: what serves, what signals make of it, who is told."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import trio

if sys.version_info < (3, 11):
    from exceptiongroup import BaseExceptionGroup  # type: ignore[import-not-found]

from .allocation import keep_freed_memory
from .errors import LayerUnavailable, SettingsError
from .exit_codes import ExitCode
from .garbage import collect_seldom
from .layers import LayerSpec
from .link import Link
from .progress import in_one_line, standstill
from .reload import Origin
from .settings import Settings
from .signals import Member, Obedience, Single, obeyed
from .supervisor import Supervisor
from .systemd import Service

if TYPE_CHECKING:
    from .status.listening import StatusServer  # needs hypercorn, which a server without --status does not

logger = logging.getLogger("server_trio.cli")  # whose first lines a log has: serving, then ready


@dataclass(frozen=True)
class Serving:
    """A server in this process: by itself, or as a child that has a `link` to its parent."""

    supervisor: Supervisor
    settings: Settings
    spec: LayerSpec
    origin: Origin
    link: Link | None
    service: Service
    announce: Callable[[], None]
    status: StatusServer | None = None

    async def serve(self) -> int:
        """Serve until told to stop; what goes wrong at the start comes out without groups around it."""
        failures: list[BaseException] = []
        with trio.open_signal_receiver(*obeyed()) as signals:
            async with trio.open_nursery() as nursery:
                single = Single(self.supervisor, self.origin, nursery, self.service, self.status)
                member = Member(self.supervisor)
                obedience = Obedience(single if self.link is None else member)
                nursery.start_soon(obedience.obey, signals)
                nursery.start_soon(self.service.tell_forever, self._problem, self._status)
                if self.status is not None:
                    nursery.start_soon(self.status.serve)
                if self.link is not None:
                    nursery.start_soon(self.link.follow, member.drain, member.force)
                try:
                    await self._run()
                except BaseExceptionGroup as group:
                    expected, unexpected = group.split((SettingsError, LayerUnavailable))
                    if unexpected is not None:
                        raise unexpected from None
                    failures.extend(_leaves(expected))
                nursery.cancel_scope.cancel()
        if failures:
            raise failures[0]
        forced = member.forced if self.link is not None else obedience.forced
        return ExitCode.FAILED if forced else ExitCode.OK

    def _problem(self) -> str | None:
        return standstill(self.supervisor.reporter.report(), time.time())

    def _status(self) -> str:
        return in_one_line([self.supervisor.reporter.report()])

    async def _run(self) -> None:
        """Run the supervisor and say when it is ready."""
        async with trio.open_nursery() as talking:
            async with trio.open_nursery() as nursery:
                await nursery.start(self.supervisor.run, self.spec)
                collect_seldom()
                keep_freed_memory()
                channels, backend = ", ".join(self.supervisor.channels), self.spec.backend
                logger.info("serving %s on the layer %r (%s)", channels, self.spec.alias, backend)
                if backend.startswith("asgiref.inmemory."):
                    logger.warning("%s lives in one process: nothing of a site can arrive here", backend)
                if self.link is None:
                    self.announce()
                else:
                    await self.link.say_ready(self.settings.PROCESSES, self.settings.longest_end)
                    talking.start_soon(self.link.report_forever, self.supervisor.reporter.report)
            talking.cancel_scope.cancel()


def _leaves(error: BaseException | None) -> list[BaseException]:
    """The exceptions in a group, however deep."""
    if not isinstance(error, BaseExceptionGroup):
        return [] if error is None else [error]
    return [leaf for inner in error.exceptions for leaf in _leaves(inner)]
