"""A view has a function called: Django on its Python, the function on the server's, models on both."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from tests.acceptance.browser import Page, ask
from tests.acceptance.stack import Site


def call(site: Site, function: str, *args: object, method: str = "GET", timeout: float | None = None) -> Page:
    query = f"?args={quote(json.dumps(args))}" + (f"&timeout={timeout}" if timeout else "")
    return ask(f"{site.url}/call/{function}/{query}", method)


def test_what_an_async_function_returns_is_json(site):
    page = call(site, "thumbnail.status", 7, "80x80")
    assert (page.status, page.header("content-type")) == (200, "application/json")
    said = page.json()
    assert (said["number"], said["size"], len(said["id"])) == (7, "80x80", 32)
    assert page.header("content-length") == str(len(page.body))


def test_arguments_arrive_from_python_2_as_what_they_were(site):
    args = [1, 1.5, None, True, "caf\xe9", [1, [2]], {"a": {"b": "c"}}]
    assert call(site, "async_ops.given", *args).json() == {"args": args, "kwargs": {}}
    said = ask(site.url + "/told-to-call/").body.decode()
    assert "args[0]['when']" in said
    assert "isoformat()" in said


@pytest.mark.parametrize("function", ["async_ops.in_two", "async_ops.in_two_of_a_thread"])
def test_a_stream_is_seen_item_by_item(site, tmp_path: Path, function: str):
    go_on = tmp_path / "go_on"
    parts = urlsplit(site.url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
    try:
        connection.request("GET", f"/call/{function}/?args={quote(json.dumps([str(go_on)]))}")
        response = connection.getresponse()
        assert (response.status, response.getheader("content-type")) == (200, "text/plain; charset=utf-8")
        assert response.readline() == b"first\n"  # the function has not gone on yet
        go_on.touch()
        assert response.read() == b"second\n"
    finally:
        connection.close()


def test_an_exception_is_a_500_with_the_id_that_the_log_has(site):
    page = call(site, "async_ops.fail")
    assert page.status == 500
    assert b"a secret" not in page.body
    id = page.body.decode().split("operation ")[1].strip()
    site.processes["server"].wait_for_line(f"operation {id}: the function 'async_ops.fail' failed")
    site.processes["server"].wait_for_line("ValueError: a secret")


def test_a_function_that_is_not_there_is_a_403(site):
    assert call(site, "os.system", "ls").status == 403
    assert call(site, "async_ops.status", 1).status == 403  # known as thumbnail.status alone


def test_an_async_function_that_is_late_is_a_504(site):
    page = call(site, "async_ops.sleep", timeout=5)
    assert page.status == 504
    assert b"the function took longer than" in page.body


def test_a_thread_that_is_late_is_a_504_at_once_and_the_log_has_its_end(site, tmp_path: Path):
    go_on = tmp_path / "go_on"
    page = call(site, "async_ops.block", str(go_on), timeout=5)
    assert page.status == 504
    id = page.body.decode().split("operation ")[1].strip()
    server = site.processes["server"]
    server.wait_for_line(f"operation {id}: the function 'async_ops.block': goes on in its thread")
    go_on.touch()
    server.wait_for_line(f"operation {id}: the function 'async_ops.block': has ended in its thread")


def test_a_response_of_django_keeps_its_cookies_and_head_is_its_head(site):
    page = call(site, "async_ops.html")
    assert (page.status, page.body, page.cookies()) == (201, b"<p>hello</p>", ["from"])
    assert page.header("content-type").startswith("text/html")
    head = call(site, "async_ops.html", method="HEAD")
    assert (head.status, head.header("content-length"), head.body) == (201, "12", b"")


def test_the_http_client_of_the_server_is_there_for_functions(site, upstream):
    page = call(site, "async_ops.fetch", upstream.url + "/echo/there")
    assert (page.json()["target"], page.header("x-fetched")) == ("/echo/there", "1")


def test_functions_use_the_models_of_the_site(site):
    assert call(site, "async_ops.write_note", "of a call").json() == [{"text": "of a call"}]
    assert call(site, "async_ops.count_notes", "of a call").json() == {"notes": 1}
    assert call(site, "async_ops.broken_note", "of a call").status == 500
    assert call(site, "async_ops.count_notes", "of a call").json() == {"notes": 2}


def test_no_thread_keeps_a_connection_to_the_database(site):
    for _ in range(5):  # there are two threads
        assert call(site, "async_ops.write_note", "kept").status == 200
        assert call(site, "async_ops.is_connected").json() == {"connected": False}
