"""The site as a reverse proxy: what the upstream gets of a request, and the browser of the answer."""

from __future__ import annotations

import http.client
import json
from urllib.parse import quote

import pytest

from tests.acceptance.browser import ask
from tests.harness.upstream_app import pattern

MiB = 1024 * 1024


def headers_of(seen: dict) -> dict[str, str]:
    return {name.lower(): value for name, value in seen["headers"]}


def test_the_request_arrives_as_the_browser_sent_it(site):
    page = ask(
        site.url + "/forward/echo/a%20b/%C3%A9?x=%2F&y", "PATCH", b"\x00\xff\r\n", Cookie="a=1; b=2",
        Authorization="Basic eDp5", Content_Type="application/x-odd", Via="1.0 front",
        X_Forwarded_For="192.0.2.1", X_Forwarded_Proto="https", X_Forwarded_Host="www.example.com",
        Connection="X-Hop", X_Hop="1", TE="trailers",
    )  # fmt: skip
    assert (page.status, page.header("x-upstream")) == (200, "echo")
    seen = page.json()
    assert (seen["method"], seen["target"]) == ("PATCH", "/echo/a%20b/%C3%A9?x=%2F&y")
    assert seen["body_base64"] == "AP8NCg=="
    port = site.url.rpartition(":")[2]
    expected = {
        "cookie": "a=1; b=2", "authorization": "Basic eDp5", "content-type": "application/x-odd",
        "content-length": "4", "via": "1.0 front, 1.1 channels-async",
        "x-forwarded-for": "192.0.2.1, 127.0.0.1", "x-forwarded-proto": "https, http",
        "x-forwarded-host": f"www.example.com, 127.0.0.1:{port}", "x-forwarded-port": port,
        "host": site.upstream.netloc,
    }  # fmt: skip
    assert {name: value for name, value in headers_of(seen).items() if name in expected} == expected
    assert not {"x-hop", "te", "connection"} & set(headers_of(seen))


def test_a_form_that_the_view_has_read_arrives_whole(site):
    body = b"a=1&b=%C3%A9"
    page = ask(
        site.url + "/forward-form/", "POST", body, Content_Type="application/x-www-form-urlencoded",
        Cookie="theirs=1", Host="127.0.0.1:81",
    )  # fmt: skip
    seen = page.json()
    headers = headers_of(seen)
    assert seen["body"] == body.decode()
    assert (headers["x-user"], headers["host"]) == ("anna", "127.0.0.1:81")
    assert "cookie" not in headers
    assert page.cookies() == ["sessionid"]


def test_cookies_and_redirects_of_the_upstream_become_the_sites(site):
    headers = {
        "Set-Cookie": "theirs=1; Domain=backend.internal; Path=/",
        "Location": site.upstream.url + "/login?next=/",
        "Content-Location": "/a",
        "Strict-Transport-Security": "max-age=60",
    }
    query = "&".join(f"{name}={quote(value, '')}" for name, value in headers.items())
    page = ask(f"{site.url}/rewritten/headers?{query}")
    assert page.all("set-cookie") == ["theirs=1; Domain=example.com; Path=/"]
    assert page.header("location") == "/rewritten/login?next=/"
    assert page.header("content-location") == "/rewritten/a"
    assert page.header("strict-transport-security") == "max-age=60"


def test_a_redirect_is_the_browsers_to_follow(site, upstream):
    page = ask(f"{site.url}/forward/redirect/302?to=/echo/there")
    assert (page.status, page.header("location")) == (302, "/forward/echo/there")
    assert len(upstream.seen()) == 1


def test_a_part_of_a_large_file(site):
    page = ask(site.url + "/forward/range/1000000", Range="bytes=500000-500009")
    assert (page.status, page.body) == (206, pattern(1_000_000)[500_000:500_010])
    assert page.header("content-range") == "bytes 500000-500009/1000000"


@pytest.mark.parametrize(("tag", "status"), [('"v1"', 304), ('"v0"', 200)])
def test_a_conditional_request_is_decided_by_the_upstream(site, tag, status):
    page = ask(site.url + "/forward/etag", If_None_Match=tag)
    assert (page.status, page.header("etag")) == (status, '"v1"')
    assert page.body == (b"" if status == 304 else b"version 1\n")


def test_nothing_is_said_in_the_browsers_name(site):
    seen = headers_of(ask(site.url + "/forward/echo/x", Accept_Encoding="gzip").json())
    assert seen["accept-encoding"] == "gzip"
    assert not {"accept", "user-agent"} & set(seen)


def test_head(site, upstream):
    page = ask(site.url + "/forward/bytes/1000000", "HEAD")
    assert (page.status, page.header("content-length"), page.body) == (200, "1000000", b"")
    assert upstream.seen()[-1]["method"] == "HEAD"


@pytest.mark.parametrize("path", ["/forward/bytes/20000000", "/forward-raw/chunked/40?size=500000"])
def test_a_large_answer(site, path):
    page = ask(site.url + path)
    assert page.body == pattern(20_000_000)


def test_an_event_arrives_before_the_stream_ends(site, upstream):
    connection = http.client.HTTPConnection("127.0.0.1", int(site.url.rpartition(":")[2]), timeout=60)
    connection.request("GET", "/forward/pause")
    response = connection.getresponse()
    assert response.read1(100) == b"before\n"
    assert upstream.statistics()["at_once"] == 1  # it has not ended
    upstream.open()
    assert response.read() == b"after\n"
    connection.close()


@pytest.mark.parametrize("path", ["/forward/echo", "/forward-raw/echo"])
@pytest.mark.parametrize("size", [100_000, 5 * MiB])
def test_a_body_small_or_large_goes_up(site, path, size):
    """Above 512 KiB it does not go in the message but in pieces on a channel of its own."""
    body = pattern(size)
    page = ask(site.url + path, "POST", body, Content_Type="text/plain")
    seen = json.loads(page.body)
    assert seen["body"] == body.decode()
    assert headers_of(seen)["content-length"] == str(size)


def test_a_body_on_a_channel_is_streamed_up(site):
    body = pattern(5 * MiB)
    seen = ask(site.url + "/forward-streamed/", "POST", body, Content_Type="text/plain").json()
    assert seen["target"] == "/echo/streamed"
    assert seen["body"] == body.decode()


def test_a_body_on_a_channel_whose_length_nobody_knows_goes_in_chunks(site):
    def pieces():
        yield b"one, "
        yield b"two"

    connection = http.client.HTTPConnection("127.0.0.1", int(site.url.rpartition(":")[2]), timeout=60)
    connection.request("POST", "/forward-streamed/", pieces(), encode_chunked=True,
                       headers={"Transfer-Encoding": "chunked"})
    seen = json.loads(connection.getresponse().read())
    connection.close()
    assert seen["body"] == "one, two"
    assert headers_of(seen)["transfer-encoding"] == "chunked"


def test_what_climbs_stays_below(site):
    connection = http.client.HTTPConnection("127.0.0.1", int(site.url.rpartition(":")[2]), timeout=60)
    connection.putrequest("GET", "/rewritten/../../echo/%2e%2e/%2e%2e/x", skip_host=False)
    connection.endheaders()
    assert json.loads(connection.getresponse().read())["target"] == "/x"
    connection.close()


@pytest.mark.parametrize("path", ["/forward/disconnect", "/forward-raw/garbage"])
def test_an_upstream_that_fails_is_a_502(site, path):
    assert ask(site.url + path).status == 502
