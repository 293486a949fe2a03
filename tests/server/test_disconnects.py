"""Browsers that leave: what they waited for is cancelled, here or on another server, running or not."""

from __future__ import annotations

import time
from typing import Any

import pytest
import trio

from server_trio import disconnects
from server_trio.disconnects import Gone
from server_trio.layers.base import Entry
from server_trio.layers.memory import MemoryLayer
from server_trio.resolving import resolve

from .test_supervisor import message, message_v2, nothing_more, replies, serving


class Neighbours(MemoryLayer):
    """A layer with which other servers tell and hear."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[bytes] = []
        self.released: list[Entry] = []
        self._say, self._hear = trio.open_memory_channel[bytes](10)

    async def tell(self, text: bytes) -> None:
        self.told.append(text)

    async def hear(self) -> list[bytes]:
        return [await self._hear.receive()]

    def say(self, text: bytes) -> None:
        self._say.send_nowait(text)


def gone(asked: dict[str, Any]) -> dict[str, Any]:
    """daphne's message (FACTS: reply_channel and path), as Python 2 packs it."""
    return {"reply_channel": asked["reply_channel"], "path": "/"}


async def settle() -> None:
    """Let everything happen that is about to."""
    await trio.sleep(1)
    await trio.testing.wait_all_tasks_blocked()


@pytest.mark.autojump
@pytest.mark.parametrize("reply_format", ["http", "websocket"])
async def test_the_operation_of_a_browser_that_leaves_is_cancelled(reply_format: str) -> None:
    layer = Neighbours()
    asked = message_v2(url="http://upstream/never", reply_format=reply_format)
    async with serving(layer) as supervisor:
        await layer.send("request.async", asked)
        await settle()
        assert supervisor.statistics().in_flight == 1
        await layer.send("http.disconnect", gone(asked))
        await settle()
        assert supervisor.statistics().in_flight == 0
        assert await nothing_more(layer)
    assert supervisor.statistics().finished == {("REQUEST", "client_gone"): 1}
    assert layer.told == [b"also " + asked["reply_channel"].encode()]  # a WebSocket's may run there, too


@pytest.mark.autojump
async def test_operations_of_one_browser_on_two_servers_are_cancelled_and_none_later_is_refused() -> None:
    layer = Neighbours()
    asked = message("http://upstream/never")
    async with serving(layer) as supervisor:
        await layer.send("request.async", asked)
        await settle()
        layer.say(b"also other!x\n" + asked["reply_channel"].encode())
        await settle()
        assert supervisor.statistics().in_flight == 0
        assert layer.told == []  # it is not passed on again
        await layer.send("request.async", {**asked, "url": "http://upstream/1"})
        assert list(await replies(layer, 1)) == [asked["reply_channel"]]


@pytest.mark.autojump
async def test_only_its_own_operations_are_cancelled() -> None:
    layer = Neighbours()
    first, second = message("http://upstream/slow"), message("http://upstream/slow")
    async with serving(layer):
        for asked in (first, second):
            await layer.send("request.async", asked)
        await settle()
        await layer.send("http.disconnect", gone(first))
        assert list(await replies(layer, 1)) == [second["reply_channel"]]


@pytest.mark.autojump
async def test_what_nobody_here_works_on_the_others_are_told_in_one_message() -> None:
    layer = Neighbours()
    async with serving(layer):
        await settle()
        for name in ("a!1", "a!2"):
            layer.send_nowait("http.disconnect", {"reply_channel": name, "path": "/"})
        await settle()
    assert layer.told == [b"gone a!1\na!2"]


@pytest.mark.autojump
async def test_what_another_server_tells_is_cancelled_here() -> None:
    layer = Neighbours()
    asked = message("http://upstream/never")
    async with serving(layer) as supervisor:
        await layer.send("request.async", asked)
        await settle()
        layer.say(b"something of a later version")
        layer.say(b"gone other!x\n" + asked["reply_channel"].encode())
        await settle()
        assert supervisor.statistics().in_flight == 0
        assert layer.told == []  # it is not passed on again


@pytest.mark.autojump
async def test_an_operation_that_still_waited_when_its_browser_left_is_not_begun() -> None:
    layer = Neighbours()
    asked = message("http://upstream/1")
    async with serving(layer) as supervisor:
        await layer.send("http.disconnect", gone(asked))
        await settle()
        await layer.send("request.async", asked)
        await settle()
        assert await nothing_more(layer)
    assert supervisor.statistics().finished == {("REQUEST", "client_gone"): 1}


@pytest.mark.autojump
@pytest.mark.parametrize("reply_format", ["message", "none"])
async def test_who_does_not_wait_cannot_leave(reply_format: str) -> None:
    layer = Neighbours()
    asked = message_v2(url="http://upstream/slow", reply_format=reply_format)
    async with serving(layer) as supervisor:
        await layer.send("request.async", asked)
        await settle()
        await layer.send("http.disconnect", gone(asked))
        await settle()
        assert supervisor.statistics().in_flight == 1
    assert supervisor.statistics().finished == {("REQUEST", "ok"): 1}


@pytest.mark.autojump
@pytest.mark.parametrize(
    "content", [{}, {"reply_channel": None}, {"reply_channel": 5}, {"reply_channel": "no channel"}, {b"a": 1}]
)
async def test_a_disconnect_that_is_none_is_passed_over(content: Any) -> None:
    layer = Neighbours()
    async with serving(layer):
        await layer.send("http.disconnect", content if b"a" not in content else {})
        await settle()
    assert layer.told == []


@pytest.mark.autojump
async def test_bytes_name_a_channel_too() -> None:
    """As Python 2 packs a native str."""
    layer = Neighbours()
    asked = message("http://upstream/never")
    async with serving(layer) as supervisor:
        await layer.send("request.async", asked)
        await settle()
        await layer.send("http.disconnect", {"reply_channel": asked["reply_channel"].encode()})
        await settle()
        assert supervisor.statistics().in_flight == 0


@pytest.mark.autojump
@pytest.mark.parametrize("given", [{"DISCONNECT_CHANNELS": []}, {"EXCLUDE_CHANNELS": ["http.*"]}])
async def test_a_site_that_consumes_them_itself_keeps_them(given: dict[str, object]) -> None:
    layer = Neighbours()
    settings = resolve(given, {}, {})
    async with serving(layer, settings):
        await layer.send("http.disconnect", {"reply_channel": "a!1"})
        await settle()
        assert layer.pending("http.disconnect") == 1


@pytest.mark.autojump
async def test_those_of_websockets_are_read_where_the_project_asks_for_it() -> None:
    layer = Neighbours()
    settings = resolve({"DISCONNECT_CHANNELS": ["http.disconnect", "websocket.disconnect"]}, {}, {})
    asked = message_v2(url="http://upstream/never", reply_format="websocket")
    async with serving(layer, settings) as supervisor:
        await layer.send("request.async", asked)
        await settle()
        await layer.send("websocket.disconnect", {"reply_channel": asked["reply_channel"], "code": 1000})
        await settle()
        assert supervisor.statistics().in_flight == 0


@pytest.mark.autojump
async def test_what_is_remembered_is_bounded_in_number_and_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disconnects, "REMEMBERED", 2)
    gone = Gone()
    for name in ("a!1", "a!2", "a!3"):
        gone.add(name)
    assert [gone.has_left(name, 1.0) for name in ("a!1", "a!2", "a!3", None)] == [False, True, True, False]
    await trio.sleep(disconnects.MEMORY + 1)
    assert not gone.has_left("a!3", 1.0)


@pytest.mark.autojump
@pytest.mark.parametrize("channels", [[], ["http.disconnect"]])
async def test_what_a_consumer_of_the_site_cancels_is_cancelled(channels: list[str]) -> None:
    """Also by a server that reads nothing of daphne's; and the others are told as ever."""
    layer = Neighbours()
    settings = resolve({"DISCONNECT_CHANNELS": channels}, {}, {})
    here, elsewhere = message("http://upstream/never"), message("http://upstream/never")
    async with serving(layer, settings) as supervisor:
        await layer.send("request.async", here)
        await settle()
        for asked in (here, elsewhere):
            layer.send_nowait("request.async.cancel", {"reply_channel": asked["reply_channel"]})
        await settle()
        assert supervisor.statistics().in_flight == 0
    told = [(b"gone ", elsewhere), (b"also ", here)]
    assert layer.told == [kind + asked["reply_channel"].encode() for kind, asked in told]


@pytest.mark.autojump
async def test_a_server_that_reads_nothing_hears_the_others() -> None:
    layer = Neighbours()
    asked = message("http://upstream/never")
    async with serving(layer, resolve({"DISCONNECT_CHANNELS": []}, {}, {})) as supervisor:
        await layer.send("request.async", asked)
        await settle()
        layer.say(b"gone " + asked["reply_channel"].encode())
        await settle()
        assert supervisor.statistics().in_flight == 0


def enough(asked: dict[str, Any], at: float) -> dict[str, Any]:
    """What client.cancel sends."""
    return {"reply_channel": asked["reply_channel"], "sent_at": at}


@pytest.mark.autojump
async def test_a_connection_that_stays_can_ask_for_more_after_it_has_cancelled() -> None:
    layer = Neighbours()
    now = time.time()
    old = message_v2(url="http://upstream/never", reply_format="websocket", sent_at=now - 2)
    same = {"reply_channel": old["reply_channel"], "reply_format": "websocket"}
    async with serving(layer) as supervisor:
        await layer.send("request.async", old)
        await layer.send("request.async", message_v2(url="http://upstream/never", **same, sent_at=now))
        await settle()
        await layer.send("request.async.cancel", enough(old, now - 1))
        await settle()
        assert supervisor.statistics().in_flight == 1  # the later one goes on
        await layer.send("request.async", message_v2(**same, sent_at=now - 1.5))  # it was still in the queue
        await layer.send("request.async", message_v2(**same, sent_at=now))
        assert list(await replies(layer, 1)) == [old["reply_channel"]]
        assert await nothing_more(layer)
        supervisor.abort()
    finished = supervisor.statistics().finished
    assert finished["REQUEST", "client_gone"] == 2
    assert finished["REQUEST", "ok"] == 1
    assert layer.told == [f"gone {old['reply_channel']} {now - 1!r}".encode()]


@pytest.mark.autojump
async def test_other_servers_hear_until_when_a_connection_wants_nothing() -> None:
    layer = Neighbours()
    now = time.time()
    old = message_v2(reply_format="websocket", sent_at=now - 2)
    async with serving(layer) as supervisor:
        layer.say(f"gone {old['reply_channel']} {now - 1!r}\nother!x nonsense\n! nan".encode())
        await settle()
        await layer.send("request.async", old)
        later = message_v2(reply_channel=old["reply_channel"], reply_format="websocket", sent_at=now)
        await layer.send("request.async", later)
        assert len(await replies(layer, 1)) == 1
        await settle()
    assert supervisor.statistics().finished == {("REQUEST", "client_gone"): 1, ("REQUEST", "ok"): 1}
