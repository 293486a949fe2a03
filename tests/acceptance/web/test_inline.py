"""CHANNELS_ASYNC = False: the worker does it all, and the browser cannot tell."""

from __future__ import annotations

import pytest

from tests.acceptance.browser import Page, ask
from tests.acceptance.stack import serving
from tests.harness.redis_server import redis_server

# Set anew in every answer, whoever gives it.
VOLATILE = {"date"}
PATHS = [
    ("GET", "/ask/echo?x=1"),
    ("POST", "/ask/echo"),
    ("GET", "/form/"),
    ("GET", "/ask/status/404"),
    ("GET", "/ask/status/204"),
    ("GET", "/ask/status/304"),
    ("HEAD", "/ask/bytes/1000"),
    ("GET", "/ask/bytes/3000000"),
    ("GET", "/ask/chunked/3?size=7"),
    ("GET", "/ask/gzip"),
    ("GET", "/ask/headers?X-A=1&X-A=2&Vary=Accept&Set-Cookie=theirs%3D1&Connection=X-Hop&X-Hop=1"),
    ("GET", "/ask/redirect/302?to=/echo/there"),
    ("POST", "/ask/redirect/307?to=/echo/there"),
    ("GET", "/ask/disconnect"),
    ("GET", "/late/"),
    ("GET", "/decorated/"),
    ("GET", "/quick/"),
    ("POST", "/raw/"),
    ("POST", "/command/copy/"),
    ("POST", "/command/edit/?what=browser&to=file"),
    ("HEAD", "/command/zeros/?size=1000"),
    ("GET", "/command/zeros/?size=1000000"),
    ("POST", "/raw-command/"),
    *[
        ("GET", f"/call/plain.answer/?args=%5B%22{kind}%22%5D")
        for kind in ("json", "list", "text", "bytes", "none", "tuple", "redirect")
    ],
    ("HEAD", "/call/plain.answer/?args=%5B%22json%22%5D"),
    ("GET", "/call/plain.stream/?args=%5B%22one%22,%22two%22%5D"),
    ("GET", "/call/plain.stream/?args=%5B%7B%22a%22:1%7D,%5B2%5D%5D"),
    ("GET", "/call/plain.stream/"),
    ("GET", "/call/plain.count/"),
    ("POST", "/forward/digest"),
    ("HEAD", "/forward/bytes/1000"),
    ("GET", "/forward/chunked/3?size=7"),
    ("GET", "/forward/etag"),
    ("GET", "/forward/redirect/302?to=/echo/there"),
    ("GET", "/forward/headers?X-A=1&X-A=2&Vary=Accept&Set-Cookie=theirs%3D1&Connection=X-Hop&X-Hop=1"),
    ("GET", "/rewritten/headers?Location=/a&Set-Cookie=a%3D1%3B+Domain%3Db.example&Set-Cookie=b%3D2"),
    ("POST", "/forward-raw/digest"),
    ("GET", "/forward/disconnect"),
]


@pytest.fixture(scope="module")
def inline_site(tmp_path_factory, web_python, shared_upstream):
    """A site without a Trio server."""
    directory = tmp_path_factory.mktemp("inline")
    with (
        redis_server() as redis,
        serving(directory, web_python, redis, shared_upstream, server=False, ACCEPTANCE_INLINE="yes") as it,
    ):
        yield it


def comparable(page: Page) -> tuple[object, ...]:
    """Status, headers but for what differs from one answer to the next, and body.

    The text of an error names its operation and what exactly went wrong, which either says in its own words.
    """
    own_words = page.status in (502, 504)
    headers = []
    for name, value in page.headers:
        if name.lower() == "set-cookie":  # the values are random, and so is when they expire
            value = value.strip().partition("=")[0]
        if name.lower() not in VOLATILE and not (own_words and name.lower() == "content-length"):
            headers.append((name.lower(), value.strip()))
    return page.status, sorted(headers), b"" if own_words else page.body


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_the_answer_done_in_the_worker_is_the_answer_of_the_server(site, inline_site, method, path):
    body = b"from a browser" if method == "POST" else None
    pages = [ask(it.url + path, method, body, Accept_Encoding="gzip") for it in (site, inline_site)]
    assert comparable(pages[1]) == comparable(pages[0])
