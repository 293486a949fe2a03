"""The site sends to channels of its own, and consumers of the Trio server do what is asked there."""

from __future__ import annotations

import json

from tests.acceptance.browser import ask
from tests.acceptance.websocket import WebSocket, connected


def ask_for(socket: WebSocket, channel: str, **content: object) -> None:
    """Have the site's worker send to a channel, with the WebSocket's own reply channel."""
    socket.send(json.dumps({"channel": channel, **content}))


def test_a_view_has_everybody_in_a_room_told(site):
    with (
        connected(site.url + "/room/one") as first,
        connected(site.url + "/room/one") as second,
        connected(site.url + "/room/other") as other,
    ):
        assert ask(site.url + "/tell/room/one?text=hello").status == 202
        assert [first.frame(), second.frame()] == ["hello", "hello"]
        assert ask(site.url + "/tell/room/other?text=you").status == 202
        assert other.frame() == "you"


def test_an_async_consumer_answers_the_websocket_that_asked(site):
    with connected(site.url + "/room/one") as socket:
        ask_for(socket, "echo", text="frame", frames=3)
        assert sorted(str(socket.frame()) for _ in range(3)) == ["frame 0", "frame 1", "frame 2"]


def test_an_async_consumer_sends_to_a_consumer_of_the_worker(site):
    with connected(site.url + "/room/one") as socket:
        ask_for(socket, "relay", text="hello")
        assert socket.frame() == "HELLO"


def test_a_plain_consumer_runs_on_the_server_as_it_would_on_the_worker(site):
    with connected(site.url + "/room/one") as leaver, connected(site.url + "/room/one") as other:
        ask_for(leaver, "leave", room="/room/one")
        assert leaver.frame() == "you have left one"
        assert ask(site.url + "/tell/room/one?text=still").status == 202
        assert other.frame() == "still"
        ask_for(leaver, "echo", text="alone", frames=1)
        assert leaver.frame() == "alone 0"


def test_the_server_says_which_channels_it_serves(site):
    output = site.processes["server"].output()
    assert "serving request.async, echo, leave, notify, relay on the layer" in output
