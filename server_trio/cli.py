"""The command line: python3 -m server_trio myproject.settings"""

from __future__ import annotations

import errno
import functools
import io
import logging
import os
import signal
import sys
from collections.abc import Collection, Sequence
from typing import Any

import trio

from . import early_signals, parsing
from .command_line import make_parser
from .errors import DeadLetterError, LayerUnavailable, SettingsError
from .escaping import escaped
from .exit_codes import ExitCode
from .layers import LayerSpec, open_layer
from .link import take_link
from .loading import load_consumers, load_handlers
from .logs import configure
from .processes import Parent
from .project import layer_spec, load_django_settings, set_up_django
from .reaching import make_open_stream
from .reload import own_origin, say_ready, take_ready_pipe
from .resolving import resolve
from .routing import load_routing
from .serving import Serving
from .settings import DJANGO_SETTING, Settings, options
from .status.source import Source
from .status.starting import open_status
from .supervisor import Supervisor
from .systemd import Service
from .tools.table import TOOLS, Tool, check_command
from .watching import check_watcher, project_folders

logger = logging.getLogger(__name__)

#: What stdout can fail with: a reader that is gone, a full disk or quota, a broken one, one for reading.
UNWRITABLE = (errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a server until a signal ends it, or one of the commands of tools/; return the exit code."""
    words = sys.argv[1:] if argv is None else argv
    try:
        if words and words[0] in TOOLS:
            return _run_tool(TOOLS[words[0]], words[1:])
        check_command(words)
        return _run_server(words)
    except SettingsError as error:
        return _complain(error, ExitCode.SETTINGS)
    except LayerUnavailable as error:
        return _complain(error, ExitCode.LAYER)
    except DeadLetterError as error:
        return _complain(error, ExitCode.FAILED)


def _run_tool(tool: Tool, words: Sequence[str]) -> int:
    """Raises SettingsError, LayerUnavailable, DeadLetterError."""
    early_signals.bear_no_more()
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # nothing is to be brought to an end; `top` has its own
    if sys.stdout is None:  # `>&-`
        return _complain("nothing can be shown: stdout is closed", ExitCode.FAILED)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal may know fewer letters than Redis
    try:
        code = tool.main(words)
        sys.stdout.flush()
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        # Python would fail once more over it at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if error.errno == errno.EPIPE:  # whoever read it has had enough (`| head`)
            return ExitCode.FAILED
        return _complain(f"stdout cannot be written: {error.strerror}", ExitCode.FAILED)
    return code


def _run_server(words: Sequence[str]) -> int:
    """Raises SettingsError and LayerUnavailable."""
    arguments = make_parser().parse_args(parsing.spelled_out(words, options()))
    link, origin, ready_pipe = take_link(), own_origin(), take_ready_pipe()
    django_settings = load_django_settings(arguments.settings)
    given = parsing.given(arguments, options())
    if arguments.v:
        given["VERBOSE",] = str(min(arguments.v, 2))
    routed = functools.partial(_routed, django_settings)
    settings = resolve(getattr(django_settings, DJANGO_SETTING, None), os.environ, given, routed)
    number = link.number if link is not None else None
    configure(django_settings, verbose=settings.VERBOSE, form=settings.LOG_FORMAT, process=number)
    set_up_django(settings)
    spec = layer_spec(django_settings, settings)
    handlers = load_handlers(settings, debug=bool(django_settings.DEBUG))
    consumers = load_consumers(django_settings, settings)
    open_stream = make_open_stream(settings)
    service = Service()
    announce = functools.partial(_announce, service, ready_pipe)
    if link is None and (settings.PROCESSES > 1 or settings.RELOAD):
        folders = []
        if settings.RELOAD:
            check_watcher()
            folders = project_folders(arguments.settings)
        parent = Parent(settings, origin, service, announce, folders)
        return trio.run(_keep_processes, parent, spec, settings.STATUS, strict_exception_groups=True)
    supervisor = Supervisor(settings, handlers, open_stream, consumers)
    status = None
    if link is None:  # else the parent answers for all
        reporter = supervisor.reporter
        status = open_status(settings.STATUS, Source(lambda: [reporter.report()], reporter.site))
    serving = Serving(supervisor, settings, spec, origin, link, service, announce, status)
    return trio.run(serving.serve, strict_exception_groups=True)


def _routed(django_settings: Any, settings: Settings) -> Collection[str]:
    """The channels of the project's routing."""
    set_up_django(settings)
    return load_routing(django_settings, settings).channels


def _complain(error: Exception | str, code: ExitCode) -> int:
    """One message for a person, no traceback, and nothing of what it quotes moves the terminal."""
    print("server_trio:", "\n".join(map(escaped, str(error).split("\n"))), file=sys.stderr)
    return code


def _announce(service: Service, ready_pipe: int | None) -> None:
    """Say to whoever waits for it that this server takes messages."""
    logger.info("ready")
    service.ready()
    say_ready(ready_pipe)


async def _keep_processes(parent: Parent, spec: LayerSpec, status_address: str) -> int:
    """Be the parent of several servers. Raises SettingsError and LayerUnavailable, before there is one."""
    if not status_address:
        async with open_layer(spec, visiting=True):
            pass
        return await parent.serve()
    async with open_layer(spec, visiting=True) as layer:
        status = open_status(status_address, Source(parent.reports, layer.reports))
        assert status is not None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(status.serve)
            code = await parent.serve()
            nursery.cancel_scope.cancel()
        return code
