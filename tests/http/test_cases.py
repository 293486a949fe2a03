"""The table of cases, played for the HTTP client: what a caller of Session.stream sees of each."""

from __future__ import annotations

import pytest
import trio

from channels_async import http_rules, wire
from server_trio import errors
from server_trio.http.session import Session
from server_trio.limits import HttpLimits
from tests.http import player
from tests.http.cases import CASES
from tests.http.cases.model import Outcome

DEADLINE = 20.0  # seconds, of cases that ask for none


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_the_http_client(case):
    with player.playing(case) as stage:
        outcome = await outcome_of(stage.ask, HttpLimits(**case.limits))
        player.check(case, outcome, stage)


async def outcome_of(ask, limits):
    try:
        details, timeout = player.fields(ask)
    except ValueError as error:
        return Outcome(None, [], str(error).encode(), True)
    message = wire.encode(operation="REQUEST", reply_channel="x!y", id="1", **details)
    request = wire.parse(message, 0.0).details
    status, headers, body = None, [], b""
    try:
        with trio.fail_after(timeout or DEADLINE):
            async with Session(limits) as session, session.stream(**arguments(request)) as response:
                headers = http_rules.response_headers(response.status, response.headers, [])
                async for piece in response:
                    status, body = response.status, body + piece
                status = response.status
    except (trio.TooSlowError, errors.OperationError) as error:
        if status is not None:
            return Outcome(status, headers, body, False)
        late = isinstance(error, trio.TooSlowError)
        words = "the deadline" if late else str(error)
        return Outcome(504 if late else error.status, [], words.encode(), True)
    return Outcome(status, headers, body, True)


def arguments(request):
    names = ("method", "url", "headers", "body", "max_redirects", "retries", "idempotent")
    return {name: getattr(request, name) for name in names} | {"follow_redirects": request.allow_redirects}
