"""The table of cases that holds for the server (tests/http/cases), played in the view."""

from __future__ import unicode_literals

import os
import sys
import uuid

import pytest
from site_support import STYLES, configured

from channels_async import fetching
from channels_async._py23 import text
from channels_async.inline import respond

TABLE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'http')
if TABLE not in sys.path:
    sys.path.insert(0, TABLE)

import player  # noqa: E402
from cases import CASES  # noqa: E402
from cases.model import Outcome  # noqa: E402

DEADLINE = 20  # seconds, of cases that ask for none


@pytest.mark.parametrize('case', CASES, ids=[str(case.name) for case in CASES])
def test_inline(case):
    with player.playing(case) as stage:
        server = {'DEADLINES': {'REQUEST': DEADLINE}, 'HTTP': case.limits}
        with configured(STYLES[-1], [], CHANNELS_ASYNC_SERVER=server):
            outcome = outcome_of(stage.ask)
        player.check(case, outcome, stage)


def outcome_of(ask):
    try:
        details, timeout = player.fields(ask)
    except ValueError as error:
        return Outcome(None, [], text(error).encode('utf-8'), True)
    details.update(operation='REQUEST', id=text(uuid.uuid4().hex), timeout=timeout)
    response = respond(dict(details, head=ask.get('browser') == 'HEAD'), can_abort=True)
    headers = [(wire_bytes(name).lower(), wire_bytes(value)) for name, value in response.items()]
    body, clean = b'', True
    try:
        for chunk in response:
            body += chunk
    except fetching.FetchError:
        clean = False
    finally:
        response.close()
    return Outcome(response.status_code, headers, body, clean)


def wire_bytes(value):
    return value if isinstance(value, bytes) else value.encode('latin-1')
