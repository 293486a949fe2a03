"""What Django's middleware and transactions do to a page that is answered later."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor

from tests.acceptance.browser import ask


def notes(site) -> list[str]:
    """What is committed, as another process sees it."""
    with sqlite3.connect(str(site.database)) as database:
        return [row[0] for row in database.execute("SELECT text FROM acceptance_site_note")]


def test_cookies_and_headers_of_view_and_middleware_arrive_with_the_upstreams_answer(site):
    page = ask(site.url + "/decorated/")
    assert page.status == 200
    assert page.body == b"headers\n"
    assert sorted(page.cookies()) == ["csrftoken", "ours", "sessionid"]
    assert page.header("x-view") == "decorated"
    assert page.header("x-frame-options") == "SAMEORIGIN"
    assert page.header("content-language") == "en"
    assert page.all("x-a") == ["1", "2"]


def test_vary_is_merged_of_both(site):
    names = {name.strip().lower() for name in ask(site.url + "/decorated/").header("vary").split(",")}
    assert {"accept", "cookie", "accept-language"} <= names


def test_the_session_that_was_saved_is_known_to_the_next_request(site):
    cookie = next(
        value.partition(";")[0]
        for value in ask(site.url + "/decorated/").all("set-cookie")
        if value.startswith("sessionid")
    )
    again = ask(site.url + "/decorated/", Cookie=cookie)
    renewed = [value.partition(";")[0] for value in again.all("set-cookie") if value.startswith("sessionid")]
    assert renewed == [cookie]


def test_what_is_not_compressed_upstream_is_not_called_compressed(site):
    page = ask(site.url + "/ask/bytes/5000", Accept_Encoding="gzip")
    assert page.header("content-encoding") == ""
    assert len(page.body) == 5000


def test_the_transaction_has_committed_before_the_upstream_is_asked(site, upstream):
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ask, site.url + "/note/beforehand/")
        while not upstream.statistics()["at_once"]:
            assert not waiting.done(), waiting.result()
        assert notes(site).count("beforehand") == 1
        upstream.open()
        assert waiting.result().status == 200


def test_a_view_that_fails_after_its_request_rolls_back_and_asks_nobody(site, upstream):
    page = ask(site.url + "/broken/rolled_back/")
    assert page.status == 500
    assert "rolled_back" not in notes(site)
    assert ask(site.url + "/ask/echo").status == 200  # through the same channels, later
    assert [request["target"] for request in upstream.seen()] == ["/echo"]
