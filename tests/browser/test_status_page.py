"""The status page as a person sees it: it follows what the server does, and asks nobody else for anything."""

from __future__ import annotations

import re

import pytest

from tests.acceptance.raw import Server
from tests.harness.upstream import upstream_server

from .conftest import TIMEOUT

RUNNING = "#running tbody tr"


@pytest.fixture(scope="session")
def shared_upstream():
    with upstream_server() as server:
        yield server


@pytest.fixture
def upstream(shared_upstream):
    shared_upstream.reset()
    return shared_upstream


@pytest.fixture
def server(tmp_path, redis):
    # Chromium takes its time to start; nothing ends while it does.
    it = Server(tmp_path, redis, words=["--status", "127.0.0.1:0", "--deadlines-request", "110"])
    it.wait_until_ready()
    yield it
    status = it.process.end()
    print(f"--- server (ended with {status})\n{it.process.output()}")


def address(server) -> str:
    return re.search(r"http://\S+", server.process.wait_for_line("status at http"))[0]


def test_an_operation_appears_while_it_is_in_flight_and_goes(server, tabs, upstream):
    page = tabs.open(address(server))
    asked = set()
    page.on("request", lambda request: asked.add(re.match(r"https?://[^/]+/", request.url)[0]))
    page.reload()
    page.wait_for_selector("#headline.good")
    assert page.inner_text(RUNNING) == "nothing is in flight"
    server.ask(upstream.url + "/gate?token=secret")
    page.wait_for_selector(f"{RUNNING} >> text=Request GET")
    cells = page.locator(f"{RUNNING} td").all_inner_texts()
    assert cells[0] == "REQUEST"
    assert cells[1].startswith("<Request GET http://")
    first_age = cells[2]
    page.wait_for_function(
        "([selector, age]) => document.querySelector(selector).cells[2].textContent !== age",
        arg=[RUNNING, first_age],
    )
    upstream.open()
    assert server.whole_answer()[0] == 200
    page.wait_for_selector(f"{RUNNING} >> text=nothing is in flight")
    page.wait_for_selector("#operations >> text=REQUEST")
    assert page.locator("#operations tbody td").all_inner_texts()[:3] == ["REQUEST", "0", "1"]
    assert page.locator("#servers tbody td").all_inner_texts()[1] == str(server.process.pid)
    assert "secret" not in page.content()
    assert asked == {address(server)}


def test_an_error_is_listed_with_its_reason(server, tabs):
    page = tabs.open(address(server))
    server.ask("http://127.0.0.1:1/")  # nobody listens there
    page.wait_for_selector("#errors >> text=upstream_error")
    assert "cannot connect" in page.inner_text("#errors")
    assert server.answer()["status"] == 502


def test_the_plots_are_drawn_and_go_on(server, tabs):
    page = tabs.open(address(server))
    page.wait_for_selector("#rate canvas")
    assert page.locator("#plots canvas").count() == 3
    answers = []
    page.on("response", lambda response: answers.append(response) if "since=" in response.url else None)
    page.wait_for_function("() => performance.getEntriesByType('resource').length > 8")
    last = answers[-1]
    assert float(last.url.partition("since=")[2]) > 0  # it asks for what is new


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_stand_out_from_their_ground_in_light_and_dark(server, tabs, scheme):
    page = tabs.open(address(server), dark=scheme == "dark")
    page.wait_for_selector("#headline.good")
    colors = page.evaluate(
        "() => ['body', '#headline', 'th', 'td', 'small', '.scroll'].map((selector) => {"
        " const style = getComputedStyle(document.querySelector(selector));"
        " return [style.color, style.backgroundColor]; })"
    )
    grounds = [luminance(colors[0][1]), luminance(colors[5][1])]
    for text, _ in colors[:5]:
        for ground in grounds:
            light, dark = sorted((luminance(text), ground), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5  # WCAG 2.2, 1.4.3
    assert (grounds[0] > 0.5) == (scheme == "light")


def luminance(color: str) -> float:
    """WCAG 2.2, relative luminance of rgb(r, g, b)."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", color)[:3]]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_without_script_there_is_a_table_that_loads_anew(server, chromium, upstream):
    server.ask(upstream.url + "/gate")
    context = chromium.new_context(java_script_enabled=False)
    context.set_default_timeout(TIMEOUT)
    try:
        page = context.new_page()
        page.goto(address(server))
        page.wait_for_selector(f"{RUNNING} >> text=Request GET")  # it may take one loading anew
        assert not page.is_visible("#plots")
        assert page.is_visible("#servers")
    finally:
        context.close()
        upstream.open()
    assert server.whole_answer()[0] == 200


def test_a_server_that_goes_away_is_said_to_be_away(server, tabs):
    page = tabs.open(address(server))
    page.wait_for_selector("#headline.good")
    server.process.end()
    page.wait_for_selector("#headline.bad >> text=does not answer")


@pytest.mark.parametrize("dark", [False, True])
def test_pictures_are_taken_and_a_phone_scrolls_only_tables(server, tabs, pictures, upstream, dark):
    for number in range(5):
        server.ask(upstream.url + "/gate", str(number))
    page = tabs.open(address(server), dark=dark)
    page.wait_for_selector(f"{RUNNING}:nth-child(5)")
    page.screenshot(path=pictures / f"status-{'dark' if dark else 'light'}.png", full_page=True)
    phone = tabs.open(address(server), dark=dark, phone=True)
    phone.wait_for_selector(f"{RUNNING}:nth-child(5)")
    assert phone.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    upstream.open()
