"""COMMAND from a browser through daphne, a worker and the server, and back."""

from __future__ import annotations

import http.client
import os

import pytest

from tests.acceptance.browser import TIMEOUT, ask
from tests.acceptance.raw import until
from tests.harness.processes import session_members

BODY = bytes(range(256)) * 400


def test_the_browsers_body_goes_in_and_the_output_comes_out(site):
    page = ask(site.url + "/command/copy/", "POST", BODY)
    assert (page.status, page.body) == (200, BODY)
    assert (page.header("content-type"), page.header("x-view")) == ("image/png", "command")


def test_a_large_body_goes_in_and_comes_out(site):
    body = BODY * 50
    assert ask(site.url + "/command/copy/", "POST", body).body == body


def test_parameters_fill_the_command_line(site):
    page = ask(site.url + "/command/edit/?what=cat&to=dog", "POST", b"one cat\n")
    assert (page.status, page.body) == (200, b"one dog\n")


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("edit/?what=cat&to=/e%3Bid", 400, b"the parameter 'to' has not the form"),
        ("edit/?what=cat", 400, b"the parameter 'to' is missing"),
        ("copy/", 400, b"the command needs input"),
        ("fail/", 500, b"the command ended with exit status 3"),
        ("other/", 403, b"this site has no such command"),
    ],
)
def test_what_cannot_be_done_is_told(site, path, status, words):
    page = ask(f"{site.url}/command/{path}")
    assert page.status == status
    assert words in page.body
    assert b"secret" not in page.body


def test_large_output_is_streamed_whole(site):
    assert ask(site.url + "/command/zeros/?size=20000000").body == bytes(20_000_000)


def test_output_comes_while_the_command_runs(site, tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    connection = http.client.HTTPConnection(site.url.partition("//")[2], timeout=TIMEOUT)
    connection.request("GET", f"/command/steps/?fifo={fifo}")
    response = connection.getresponse()
    assert response.read1(100) == b"one\n"
    fifo.write_text("two\n")
    assert response.read() == b"two\n"
    connection.close()


def test_a_deadline_ends_the_command_with_its_grandchildren(site, tmp_path):
    file = tmp_path / "group"
    page = ask(f"{site.url}/command-late/?file={file}")
    assert page.status == 504
    group = int(file.read_text())
    until("the processes are gone", lambda: session_members(group) == [])


def test_a_consumer_hands_over_its_raw_message(site):
    assert ask(site.url + "/raw-command/", "POST", b"from a browser").body == b"from a browser"
