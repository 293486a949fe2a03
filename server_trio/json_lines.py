"""A record of the log as one line of JSON, whatever it holds."""

from __future__ import annotations

import logging
from typing import Final

from pythonjsonlogger.json import JsonFormatter

#: The attributes of every record, with those of logs.OperationFilter; the others are its `extra`.
USUAL: Final = {*vars(logging.makeLogRecord({})), "taskName", "operation_id", "trace_id"}


class JsonLines(JsonFormatter):
    """What has no JSON (a value that holds itself, one whose repr fails) is left out; `left_out` says why."""

    def format(self, record: logging.LogRecord) -> str:
        try:
            return super().format(record)
        except Exception as error:
            kept = {name: value for name, value in vars(record).items() if name in USUAL}
            kept.update(msg=_message(record), args=(), left_out=f"extra: {type(error).__name__}")
            return super().format(logging.makeLogRecord(kept))


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception as error:  # arguments that do not fit, or that have no text
        return f"{record.msg if isinstance(record.msg, str) else type(record.msg)} ({type(error).__name__})"
