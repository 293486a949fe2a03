"""Browsers that leave: what they waited for is cancelled, here or on another server, running or not."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from server_trio import disconnects
from server_trio.disconnects import Gone
from server_trio.layers.base import Entry
from server_trio.layers.memory import MemoryLayer
from server_trio.settings import resolve

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
    assert [name in gone for name in ("a!1", "a!2", "a!3", None)] == [False, True, True, False]
    await trio.sleep(disconnects.MEMORY + 1)
    assert "a!3" not in gone


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
