"""The tree of tasks is shown whatever the tasks are about."""

from __future__ import annotations

from typing import Any

import trio

from server_trio import tracing
from server_trio.task_tree import task_tree


class Untold:
    """What an operation may be about: it has no text."""

    id = "5f0c"
    traceparent = None

    @property
    def details(self) -> Any:
        raise RuntimeError("untold")


async def test_an_operation_without_a_text_hides_nothing_of_the_others() -> None:
    tracing.current.set(Untold())  # type: ignore[arg-type]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep_forever)
        await trio.testing.wait_all_tasks_blocked()
        shown = task_tree()
        nursery.cancel_scope.cancel()
    assert "trio.sleep_forever  (5f0c, whose repr raises RuntimeError)" in shown
    assert "waits in trio: " in shown
