"""CHANNELS_ASYNC = False: frames and messages are the same, whoever has done the operation."""

from __future__ import annotations

import json

import pytest

from tests.acceptance.browser import ask
from tests.acceptance.raw import until
from tests.acceptance.web.test_inline import inline_site  # noqa: F401 - a fixture
from tests.acceptance.web.test_reply_to import process
from tests.acceptance.websocket import connected

OWN_WORDS = {"id", "error"}


@pytest.mark.parametrize(
    "path",
    [
        "/echo/frame",
        "/bytes/3000",
        "/bytes/1048576",
        "/bytes/1048577",
        "/chunked/3?size=7",
        "/gzip",
        "/status/404",
        "/disconnect",
        "/truncated",
    ],
)
def test_the_frame_made_in_the_consumer_is_the_frame_of_the_server(site, inline_site, path):  # noqa: F811
    frames = []
    for it in (site, inline_site):
        with connected(it.url + "/fetch/") as socket:
            socket.send(json.dumps({"url": path}))
            frame = socket.frame()
        if isinstance(frame, str) and frame.startswith('{"error"'):
            frame = str({key: value for key, value in json.loads(frame).items() if key not in OWN_WORDS})
        frames.append(frame)
    assert frames[1] == frames[0]


def test_a_stream_of_a_function_is_the_same_frames(site, inline_site):  # noqa: F811
    asked = json.dumps({"call": "plain.stream", "args": ["one", {"two": 2}, "", "caf\u00e9"]})
    frames = []
    for it in (site, inline_site):
        with connected(it.url + "/fetch/") as socket:
            socket.send(asked)
            frames.append([socket.frame() for _ in range(3)])
    assert frames[1] == frames[0]


@pytest.mark.parametrize("kind", ["json", "list", "text", "bytes", "none", "tuple"])
def test_what_a_function_returns_is_the_same_frame_or_none(site, inline_site, kind):  # noqa: F811
    frames = []
    for it in (site, inline_site):
        with connected(it.url + "/fetch/") as socket:
            for function, args in (("plain.answer", [kind]), ("plain.stream", ["after it"])):
                socket.send(json.dumps({"call": function, "args": args}))
            # In any order: operations of one socket are answered as they are done.
            frames.append({socket.frame() for _ in range(1 if kind == "none" else 2)})
    assert frames[1] == frames[0]
    assert "after it" in frames[0]


@pytest.mark.parametrize("path", ["/echo/piece", "/bytes/0", "/bytes/1500000", "/status/404", "/disconnect"])
def test_the_pieces_made_in_the_view_are_those_of_the_server(site, inline_site, path):  # noqa: F811
    answers = []
    for it in (site, inline_site):
        pieces = process(it, path)
        for piece in pieces:
            del piece["operation"]
            if piece["error"]:
                piece.update(error="in own words", begin="in own words", size=0)
        answers.append(pieces)
    assert answers[1] == answers[0]


def test_fire_and_forget_is_done_after_the_commit_in_the_view_too(inline_site, upstream):  # noqa: F811
    assert ask(f"{inline_site.url}/fire-and-fail/echo/never").status == 500
    assert ask(f"{inline_site.url}/long-transaction/inline/").body == b"committed"
    until("all have asked the upstream", lambda: len(upstream.seen()) == 3)
    targets = [seen["target"] for seen in upstream.seen()]
    assert targets == ["/delay/1", "/echo/still-inside", "/echo/committed"]
