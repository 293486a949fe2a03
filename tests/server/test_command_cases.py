"""The table of commands and their answers that the server and the inline form share."""

from __future__ import annotations

import pytest

from tests.client.command_cases import CASES, CONTENT_TYPE, SECRET, Case

from .command_support import run


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_the_server_answers_as_the_table_says(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(*SECRET)
    answer = await run(case.entry, parameters=case.parameters, stdin=case.stdin)
    if isinstance(case.body, bytes):
        assert (answer.status, answer.body) == (case.status, case.body)
        assert answer.headers == {b"content-type": CONTENT_TYPE.encode()}
    else:
        assert answer.status == case.status
        assert case.body.encode() in answer.body
        assert answer.headers[b"content-type"] == b"text/plain; charset=utf-8"
