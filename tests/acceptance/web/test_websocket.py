"""A consumer of a WebSocket offloads, and the browser gets the frame."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.acceptance.websocket import connected
from tests.harness.upstream_app import pattern


def asking(url: str, **more: object) -> str:
    """The frame that makes the consumer fetch a path of the upstream's."""
    return json.dumps({"url": url, **more})


def test_text_of_the_upstreams_is_a_text_frame(site):
    with connected(site.url + "/fetch/") as socket:
        socket.send(asking("/echo/a?b=c"))
        seen = socket.json()
    assert seen["target"] == "/echo/a?b=c"
    assert ["Accept-Encoding", "identity"] in seen["headers"]


def test_bytes_of_the_upstreams_are_a_bytes_frame(site):
    with connected(site.url + "/fetch/") as socket:
        socket.send(asking("/bytes/300000"))
        assert socket.frame() == pattern(300_000)


def test_an_answer_that_comes_in_pieces_is_one_frame(site):
    with connected(site.url + "/fetch/") as socket:
        socket.send(asking("/chunked/5?size=1000"))
        assert socket.frame() == pattern(5000).decode()


@pytest.mark.parametrize(
    ("path", "status"), [("/disconnect", 502), ("/hang", 504), ("/truncated", 502), ("/bytes/1048577", 502)]
)
def test_what_fails_is_a_frame_and_the_socket_stays_open(site, path, status):
    with connected(site.url + "/fetch/") as socket:
        socket.send(asking(path, timeout=2 if status == 504 else 60))
        said = socket.json()
        assert (said["status"], len(said["id"])) == (status, 32)
        socket.send(asking("/echo/still-open"))
        assert socket.json()["target"] == "/echo/still-open"


def test_an_empty_answer_is_no_frame(site):
    with connected(site.url + "/fetch/") as socket:
        socket.send(asking("/status/204"))
        socket.send(asking("/delay/1"))
        assert socket.frame() == "after 1 s\n"


def test_a_frame_accepts_a_socket_that_nobody_has_accepted(site):
    with connected(site.url + "/fetch/early/") as socket:
        assert socket.json()["target"] == "/echo/early"


def test_a_stream_of_a_function_is_a_frame_an_item(site):
    with connected(site.url + "/fetch/") as socket:
        socket.send(json.dumps({"call": "plain.stream", "args": ["one", {"two": 2}, "", "caf\u00e9"]}))
        assert [socket.frame() for _ in range(3)] == ["one", '{"two": 2}\n', "caf\u00e9"]


def test_an_item_goes_out_before_the_next_one_is_made(site, tmp_path):
    """The function waits for a file that is made once its first item has been seen."""
    path = tmp_path / "go-on"
    with connected(site.url + "/fetch/") as socket:
        socket.send(json.dumps({"call": "async_ops.in_two", "args": [str(path)]}))
        assert socket.frame() == "first\n"
        path.touch()
        assert socket.frame() == "second\n"


def test_what_a_function_returns_or_raises_is_a_frame(site):
    with connected(site.url + "/fetch/") as socket:
        socket.send(json.dumps({"call": "async_ops.given", "args": [1, "a"]}))
        assert socket.json() == {"args": [1, "a"], "kwargs": {}}
        socket.send(json.dumps({"call": "async_ops.fail", "args": []}))
        said = socket.json()
        assert (said["status"], "secret" in said["error"]) == (500, False)


def test_each_socket_gets_its_own_answers(site):
    def talk(number: int) -> list[str]:
        with connected(site.url + "/fetch/") as socket:
            for question in range(5):
                socket.send(asking(f"/echo/{number}/{question}"))
            return sorted(socket.json()["target"] for _ in range(5))

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(talk, range(10)))
    assert answers == [[f"/echo/{number}/{question}" for question in range(5)] for number in range(10)]
