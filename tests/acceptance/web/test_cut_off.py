"""An upstream's answer that breaks off comes to no clean end at the browser either."""

from __future__ import annotations

import contextlib
import http.client
import subprocess

import pytest

from tests.acceptance.browser import ask
from tests.acceptance.web.test_inline import inline_site  # noqa: F401 - a fixture


@pytest.fixture(scope="module")
def twisted(web_python):
    """The year of the site's Twisted, which is its major version."""
    program = "import twisted; print(twisted.version.major)"
    return int(subprocess.run([web_python, "-c", program], capture_output=True, check=True).stdout)


def test_a_body_that_is_shorter_than_its_length_breaks_the_connection(site, twisted):
    # A Twisted that offers no way to break one closes it when nothing was asked on it for a minute.
    headers = {"connection": "close"} if twisted >= 21 else {}
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        ask(site.url + "/ask/truncated", **headers)
    assert ask(site.url + "/ask/echo").status == 200


def test_a_chunked_body_without_its_end_breaks_the_connection(site, twisted):
    if twisted >= 21:
        pytest.skip("this Twisted offers no way to break a connection to a browser")
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        ask(site.url + "/ask/torn")
    assert ask(site.url + "/ask/echo").status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/ask/truncated",
        "/command/dies/",
        "/call/odd.returned/?args=%5B%22later%22%5D",
        "/call/odd.returned/?args=%5B%22length-too-short%22%5D",
        "/call/odd.returned/?args=%5B%22length-too-long%22%5D",
    ],
)
@pytest.mark.parametrize("where", ["server", "worker"])
def test_the_connection_breaks_whoever_has_done_the_operation(site, inline_site, twisted, where, path):  # noqa: F811
    if twisted >= 21:
        pytest.skip("this Twisted offers no way to break a connection to a browser")
    it = site if where == "server" else inline_site
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        ask(it.url + path)
    assert ask(it.url + "/ask/echo").status == 200


def test_an_answer_that_breaks_off_is_ended_in_any_case(site):
    """One that were not would stop daphne's timeouts; later answers show that it goes on."""
    with contextlib.suppress(http.client.IncompleteRead, ConnectionError):
        ask(site.url + "/ask/torn")
    assert ask(site.url + "/ask/echo").status == 200
