"""`python3 -m channels_compat [program …]`: run a program with the shims, or report what they do here."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from .run import NoProgram, run

USAGE = """\
usage: python3 -m channels_compat manage.py …     run a script with the shims installed
       python3 -m channels_compat daphne …        run a command or module of this environment
       python3 -m channels_compat -m module …     run a module
       python3 -m channels_compat                 report: versions, active shims, what cannot work here

The report exits 0 if what is installed works together here, 1 if not. Otherwise the exit code is the
program's; 2 if there is no such program.
"""


def main(arguments: Sequence[str]) -> int:
    if not arguments:
        from .report import report

        return report(sys.stdout)
    if arguments[0] in ("-h", "--help"):
        print(USAGE, end="")
        return 0
    try:
        run(arguments)
    except NoProgram as error:
        print(f"channels_compat: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
