"""The log as JSON: each record is one line, whatever is in it."""

from __future__ import annotations

import json
import logging
from typing import Any

from server_trio.json_lines import JsonLines


class Untold:
    """Has no text."""

    def __str__(self) -> str:
        raise RuntimeError("untold")

    __repr__ = __str__


def line(message: object, *arguments: object, **extra: Any) -> dict[str, Any]:
    record = logging.getLogger("shop").makeRecord(
        "shop", logging.INFO, __file__, 1, message, arguments, None, extra=extra
    )
    names = {"levelname": "level"}
    text = JsonLines("%(levelname)s %(message)s %(operation_id)s", rename_fields=names).format(record)
    assert "\n" not in text
    found = json.loads(text)
    assert isinstance(found, dict)
    return found


def test_extra_is_in_it() -> None:
    assert line("sold %d", 3, basket={"a": 1}) == {
        "level": "INFO", "message": "sold 3", "operation_id": None, "basket": {"a": 1},
    }  # fmt: skip


def test_extra_that_holds_itself_is_left_out() -> None:
    basket: dict[str, Any] = {}
    basket["basket"] = basket
    found = line("sold %d", 3, basket=basket, operation_id="5f0c")
    assert (found["message"], found["operation_id"], found["level"]) == ("sold 3", "5f0c", "INFO")
    assert found["left_out"] == "extra: ValueError"
    assert "basket" not in found


def test_what_has_no_text_is_left_out() -> None:
    assert line("sold", basket=Untold())["message"] == "sold"
    assert line("sold %s", Untold())["message"] == "sold %s (RuntimeError)"
    assert line("sold %d", "three")["message"] == "sold %d (TypeError)"
    assert "Untold" in line(Untold())["message"]
