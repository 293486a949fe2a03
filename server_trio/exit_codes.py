"""How a process of server_trio ends, whichever command it ran."""

from __future__ import annotations

import enum
from typing import Final


class ExitCode(enum.IntEnum):
    """What the exit codes mean, for the server and for all of its commands.

    2 is argparse's own. Docs and `--help` show `meaning`, what a code means for the server; a command
    says in its own `--help` what 0 and 1 mean there.
    """

    OK = 0
    FAILED = 1
    SETTINGS = 2
    LAYER = 3

    @property
    def meaning(self) -> str:
        """In a few words."""
        return _MEANINGS[self]


_MEANINGS: Final = {
    ExitCode.OK: "stopped as asked",
    ExitCode.FAILED: "stopped at once, or failed",
    ExitCode.SETTINGS: "wrong settings or usage",
    ExitCode.LAYER: "the channel layer cannot be reached",
}


def shown_codes(ok: str = ExitCode.OK.meaning, failed: str = ExitCode.FAILED.meaning) -> str:
    """The paragraph of a --help; `ok` and `failed` say what 0 and 1 mean there."""
    words = {ExitCode.OK: ok, ExitCode.FAILED: failed}
    return "exit codes:\n" + "".join(f"  {code:d}  {words.get(code, code.meaning)}\n" for code in ExitCode)
