"""Answers that go on elsewhere: a consumer of the site gets them, or nobody does."""

from __future__ import annotations

from typing import Any

import pytest

from tests.acceptance.browser import ask
from tests.acceptance.raw import until
from tests.harness.upstream_app import pattern


def pieces_of(site: Any, id: str) -> list[dict[str, Any]]:
    """What the site's consumer has stored of an operation's answer, once it has the last piece."""
    found: list[dict[str, Any]] = []

    def is_complete() -> bool:
        found[:] = ask(f"{site.url}/results/{id}/").json()["pieces"]
        return bool(found) and found[-1]["is_last"] and found[-1]["index"] == len(found) - 1

    until("the consumer has the last piece", is_complete)
    return found


def process(site: Any, path: str) -> list[dict[str, Any]]:
    """Have the site fetch a path of the upstream's, and its consumer go on with the answer."""
    page = ask(f"{site.url}/process{path}")
    assert (page.status, page.header("content-type")) == (200, "text/plain")
    id = page.body.decode()
    pieces = pieces_of(site, id)
    assert {piece["operation"] for piece in pieces} == {id}
    return pieces


def test_the_view_answers_at_once_and_a_consumer_goes_on_with_the_result(site):
    (piece,) = process(site, "/echo/later")
    assert (piece["status"], piece["error"]) == (200, "")
    assert "/echo/later" in piece["begin"]


def test_the_view_does_not_wait_for_the_upstream(site, upstream):
    id = ask(f"{site.url}/process/gate/later").body.decode()
    assert ask(f"{site.url}/results/{id}/").json() == {"pieces": []}
    upstream.open()
    assert "/gate/later" in pieces_of(site, id)[0]["begin"]


@pytest.mark.parametrize("size", [0, 524_288, 1_500_000])
def test_a_large_answer_comes_in_as_few_pieces_as_can_be(site, size):
    pieces = process(site, f"/bytes/{size}")
    assert sum(piece["size"] for piece in pieces) == size
    assert len(pieces) == max(1, -(-size // 524_288))
    assert {piece["status"] for piece in pieces} == {200}
    assert [piece["is_last"] for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    assert pieces[0]["begin"] == pattern(size)[:200].decode()


@pytest.mark.parametrize(
    ("path", "status", "failed"),
    [
        ("/status/404", 404, False),
        ("/disconnect", 502, True),
        ("/truncated", 502, True),
        ("/hang?timeout=2", 504, True),
    ],
)
def test_a_consumer_can_tell_an_error_of_the_upstreams_from_one_of_ours(site, path, status, failed):
    pieces = process(site, path)
    assert pieces[-1]["status"] == status
    assert bool(pieces[-1]["error"]) == failed


def test_a_management_command_sends_off_what_nobody_waits_for(site):
    id = site.manage("send_off", "/echo/from-a-command").split()[-1]
    (piece,) = pieces_of(site, id)
    assert "/echo/from-a-command" in piece["begin"]


def test_fire_and_forget_is_done_and_nobody_is_told(site, upstream):
    page = ask(f"{site.url}/fire/echo/fired")
    assert page.body == b"on its way"
    until("the upstream has been asked", upstream.seen)
    (seen,) = upstream.seen()
    assert (seen["method"], seen["target"]) == ("POST", "/echo/fired")


def test_what_is_rolled_back_never_leaves(site, upstream):
    assert ask(f"{site.url}/fire-and-fail/echo/never").status == 500
    ask(f"{site.url}/fire/echo/after")  # the channel is a queue: what was sent before would come before
    until("the upstream has been asked", upstream.seen)
    assert [seen["target"] for seen in upstream.seen()] == ["/echo/after"]


def test_it_leaves_when_the_transaction_has_been_committed(site, upstream):
    assert ask(f"{site.url}/long-transaction/committed/").body == b"committed"
    until("all have asked the upstream", lambda: len(upstream.seen()) == 3)
    targets = [seen["target"] for seen in upstream.seen()]
    assert targets == ["/delay/1", "/echo/still-inside", "/echo/committed"]
