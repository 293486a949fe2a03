"""What code of the project raises, told from what Trio raises through it."""

from __future__ import annotations

import sys

import trio

if sys.version_info < (3, 11):
    from exceptiongroup import BaseExceptionGroup  # type: ignore[import-not-found]


def separate(error: BaseException) -> tuple[BaseException | None, BaseException | None]:
    """The project's own failure in `error`, and the cancellation in it, which must go on.

    Everything but Trio's cancellation is a failure of the code that raised it, also what is no Exception:
    SystemExit, asyncio.CancelledError, a KeyboardInterrupt (the server takes SIGINT as a signal). Let
    through, it would end the server.
    """
    if isinstance(error, trio.Cancelled):
        return None, error
    if not isinstance(error, BaseExceptionGroup):
        return error, None
    cancelled, failure = error.split(trio.Cancelled)
    return failure, cancelled


def forget_frames(error: BaseException) -> None:
    """Let go of what had been under way when an error was raised, now that it has been dealt with.

    Frames hold the error that holds them, and bodies with it, until the collector comes; see garbage.py.
    """
    link: BaseException | None = error
    while link is not None:
        link.__traceback__ = None
        following = link.__cause__ or link.__context__
        link.__cause__ = link.__context__ = None
        link = following
