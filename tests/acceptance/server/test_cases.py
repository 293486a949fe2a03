"""The table of cases (tests/http/cases), played for a whole server: messages in Redis, answers from there."""

from __future__ import annotations

import msgpack
import pytest

from channels_async import wire
from tests.acceptance.raw import REPLIES
from tests.http import player
from tests.http.cases import CASES
from tests.http.cases.model import Outcome

DEADLINE = 20.0  # seconds, of cases that ask for none
IN_ORDER = sorted(CASES, key=lambda case: sorted(case.limits.items()))  # as few servers as possible


@pytest.fixture(scope="module")
def servers(tmp_path_factory, shared_redis):
    """One server for all cases without limits of their own, and one for each limit; made when needed."""
    from tests.acceptance.raw import Server

    shared_redis.command("FLUSHALL")
    running = {}

    def serve(limits):
        key = tuple(sorted(limits.items()))
        if key not in running:
            for other in running.values():
                other.process.end()
            running.clear()
            text = f"CHANNELS_ASYNC_SERVER = {{'HTTP': {limits!r}}}"
            running[key] = Server(tmp_path_factory.mktemp("cases"), shared_redis, text)
            running[key].wait_until_ready()
        assert running[key].process.returncode is None, running[key].process.output()
        return running[key]

    yield serve
    for server in running.values():
        server.process.end()
        print(server.process.output())


@pytest.mark.parametrize("case", IN_ORDER, ids=lambda case: case.name)
def test_the_server(case, servers):
    server = servers(case.limits)
    with player.playing(case) as stage:
        player.check(case, outcome_of(server, stage.ask), stage)


def outcome_of(server, ask):
    try:
        details, timeout = player.fields(ask)
    except ValueError as error:
        return Outcome(None, [], str(error).encode(), True)
    message = wire.encode(  # without `sent_at`: its time begins when it is begun, however long that takes
        operation="REQUEST",
        reply_channel=REPLIES + "case",
        id="1",
        head=ask.get("browser") == "HEAD",
        timeout=timeout or DEADLINE,
        **details,
    )
    server.put(msgpack.packb(message, use_bin_type=True))
    answer = server.answer()
    status, headers = answer["status"], [tuple(pair) for pair in answer["headers"]]
    parts = [answer["content"]]
    while answer["more_content"]:
        answer = server.answer()
        parts.append(answer["content"])
    pieces = [part for part in parts if isinstance(part, bytes)]
    return Outcome(status, headers, b"".join(pieces), clean=len(pieces) == len(parts))
