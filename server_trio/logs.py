"""The log: the project's own LOGGING where it has one, else stderr, as text or as a JSON object a line.

Every record that is logged while an operation is worked for carries its id, also those of the project's own
functions, in the task as in a thread. A project that sets up its own handlers gets the same by a filter:

    'filters': {'operation': {'()': 'server_trio.logs.OperationFilter'}},
    'formatters': {'line': {'format': '%(levelname)s %(operation_id)s %(message)s'}},
"""

from __future__ import annotations

import logging
from typing import Any, Final

from channels_async import trace_rules

from .errors import SettingsError
from .log_guard import LogGuard
from .tracing import current

#: The loggers of the server, and the one that has a line for each operation and message.
OURS: Final = "server_trio"
OPERATIONS: Final = "server_trio.operation"

TEXT_FORMAT: Final = "%(asctime)s{} %(levelname)s %(name)s: %(message)s"

#: The attributes of a record by their names in JSON; those of `extra` keep their own.
JSON_NAMES: Final = {"levelname": "level", "name": "logger", "process": "pid"}


class OperationFilter(logging.Filter):
    """Gives each record `operation_id` and `trace_id`: texts, '' where there is none."""

    def filter(self, record: logging.LogRecord) -> bool:
        operation = current.get()
        traceparent = operation.traceparent if operation is not None else None
        record.operation_id = operation.id if operation is not None else ""
        record.trace_id = trace_rules.trace_id(traceparent) if traceparent is not None else ""
        return True


def configure(django_settings: Any, *, verbose: int, form: str, process: int | None = None) -> None:
    """Set up logging as the project has it, or as the command line has it where the project has nothing.

    verbose  0; 1: one line an operation; 2: debug
    form     'text' or 'json', for the handler on stderr, which is there only where LOGGING sets up none
    process  which of --processes this is, if it is one

    Raises SettingsError where LOGGING cannot be used.
    """
    is_projects = _apply(django_settings)
    enable()
    if not logging.getLogger().handlers and not logging.getLogger(OURS).handlers:
        handler = logging.StreamHandler()
        number = f" process {process}" if process is not None else ""
        handler.setFormatter(
            _json_formatter(process) if form == "json" else logging.Formatter(TEXT_FORMAT.format(number))
        )
        handler.addFilter(OperationFilter())
        logging.getLogger().addHandler(handler)
    guard = LogGuard()
    for logger in _ours():
        guard.guard(logger)
    if not is_projects or verbose:
        logging.getLogger(OURS).setLevel(logging.DEBUG if verbose > 1 else logging.INFO)
        # A line an operation costs time under load; failures are always logged.
        logging.getLogger(OPERATIONS).setLevel(logging.INFO if verbose else logging.WARNING)


def enable() -> None:
    """Give our loggers their voice back: LOGGING takes it from all that it does not name, by default."""
    for logger in _ours():
        logger.disabled = False


def _ours() -> list[logging.Logger]:
    """The loggers of the server that there are."""
    names = list(logging.root.manager.loggerDict)
    return [logging.getLogger(name) for name in names if f"{name}.".startswith(f"{OURS}.")]


def _apply(django_settings: Any) -> bool:
    """Do what django.setup() does with LOGGING (django/utils/log.py:74); whether there was anything to do."""
    from django.utils.module_loading import import_string  # type: ignore[import-untyped]

    wanted, how = django_settings.LOGGING, django_settings.LOGGING_CONFIG
    if not wanted or not how:
        return False
    try:
        import_string(how)(wanted)
    except Exception as error:
        cause = f": {error.__cause__}" if error.__cause__ is not None else ""
        raise SettingsError(f"LOGGING cannot be used: {error}{cause}") from error
    return True


def _json_formatter(process: int | None) -> logging.Formatter:
    from .json_lines import JsonLines

    fields = "%(levelname)s %(name)s %(process)d %(message)s %(operation_id)s %(trace_id)s"
    number = {"process_number": process} if process is not None else {}
    return JsonLines(fields, rename_fields=JSON_NAMES, timestamp="time", static_fields=number)
