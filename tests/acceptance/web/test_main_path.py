"""A browser asks a site that offloads: what comes back, through daphne, a worker and the server."""

from __future__ import annotations

import gzip
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.acceptance.browser import ask
from tests.acceptance.raw import until
from tests.harness.upstream_app import pattern

AT_ONCE = 50


def test_the_upstreams_answer_reaches_the_browser(site, upstream):
    page = ask(site.url + "/ask/echo/a%20b?x=1&y=%C3%A9")
    assert page.status == 200
    assert page.header("x-upstream") == "echo"
    assert page.header("content-type") == "application/json"
    seen = page.json()
    assert (seen["method"], seen["target"]) == ("GET", "/echo/a%20b?x=1&y=%C3%A9")
    assert ["X-Way", "view"] in seen["headers"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_every_method_and_any_body_reach_the_upstream(site, method):
    body = bytes(range(256)) * 4
    page = ask(site.url + "/ask/echo", method, body, Content_Type="application/octet-stream")
    seen = page.json()
    assert (seen["method"], seen["body_base64"][:8]) == (method, "AAECAwQF")
    assert ["Content-Length", "1024"] in seen["headers"]


def test_the_arguments_of_requests_mean_what_they_mean_there(site):
    seen = ask(site.url + "/form/").json()
    headers = {name.lower(): value for name, value in seen["headers"]}
    assert seen["target"] == "/echo/form?a=1&a=2+3"
    assert sorted(seen["body"].split("&")) == ["e=caf%C3%A9", "k=v%26w"]
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    assert headers["x-token"] == "s3cret"
    assert headers["cookie"] == "theirs=abc"
    assert headers["authorization"] == "Basic YW5uYTpnZWhlaW0="


def test_a_wrong_argument_is_a_typeerror_in_the_view(site):
    assert b"did you mean 'timeout'" in ask(site.url + "/wrong/").body


@pytest.mark.parametrize("status", [200, 201, 400, 404, 418, 500, 503, 599])
def test_the_status_is_the_upstreams(site, status):
    page = ask(f"{site.url}/ask/status/{status}")
    assert (page.status, page.body) == (status, f"status {status}\n".encode())


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_a_body_ends_at_its_head(site, status):
    page = ask(f"{site.url}/ask/status/{status}")
    assert (page.status, page.body) == (status, b"")
    assert page.header("transfer-encoding") == ""


def test_head_has_the_headers_and_no_body(site, upstream):
    page = ask(site.url + "/ask/bytes/1000000", "HEAD")
    assert (page.status, page.header("content-length"), page.body) == (200, "1000000", b"")
    assert upstream.seen()[-1]["method"] == "HEAD"


def test_compressed_bodies_pass_through_untouched(site):
    page = ask(site.url + "/ask/gzip", Accept_Encoding="gzip")
    assert page.all("content-encoding") == ["gzip"]
    assert gzip.decompress(page.body) == pattern(20_000)


@pytest.mark.parametrize("path", ["/bytes/20000000", "/chunked/40?size=500000", "/close-delimited"])
def test_large_bodies_are_streamed_whole(site, path):
    page = ask(site.url + "/ask" + path)
    assert page.body == pattern(len(page.body))
    assert len(page.body) in (20_000_000, 100_000)


def test_redirects_are_followed_on_the_server(site, upstream):
    page = ask(f"{site.url}/ask/redirect/302?to=/echo/there")
    assert page.json()["target"] == "/echo/there"


def test_repeated_headers_stay_repeated(site):
    page = ask(site.url + "/ask/headers?X-A=1&X-B=2&X-A=3")
    assert page.all("x-a") == ["1", "3"]


@pytest.mark.parametrize("path", ["/disconnect", "/garbage"])
def test_an_upstream_that_fails_is_a_502(site, path):
    assert ask(site.url + "/ask" + path).status == 502


def test_an_upstream_that_is_late_is_a_504(site):
    assert ask(site.url + "/late/").status == 504


def test_a_consumer_hands_over_its_raw_message(site):
    seen = ask(site.url + "/raw/", "POST", b"from a browser").json()
    assert (seen["method"], seen["body"]) == ("POST", "from a browser")
    assert ["X-Way", "consumer"] in seen["headers"]


def test_fifty_wait_at_once_while_one_worker_serves_others(site, upstream):
    """No clock is read: the upstream holds them at one moment, and quick pages are served meanwhile."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = [pool.submit(ask, f"{site.url}/ask/gate/{number}") for number in range(AT_ONCE)]
        until("all are held", lambda: upstream.statistics()["at_once"] == AT_ONCE, 60)
        for _ in range(10):
            assert ask(site.url + "/quick/").status == 200
        assert upstream.statistics()["at_once"] == AT_ONCE
        upstream.open()
        pages = [answer.result() for answer in answers]
    assert [(page.status, page.json()["target"]) for page in pages] == [
        (200, f"/gate/{number}") for number in range(AT_ONCE)
    ]
