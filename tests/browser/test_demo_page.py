"""The demo's page: what its buttons ask for is seen in flight beside them, answered, and cancelled."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.harness.pages import ROOT
from tests.harness.processes import started

from .conftest import PHONE, TIMEOUT, WIDE, Tabs

RUN = str(ROOT / "examples" / "demo" / "run.py")
SLOWEST = "20"  # seconds that an upstream can be told to take
CANCELLED = 12_000  # milliseconds, on a busy machine; less than what goes on for SLOWEST
SMALLEST_PICTURE = 20_000  # bytes
COLOURS = 200  # at least, in a picture of a page with text

expect.set_options(timeout=TIMEOUT)


@pytest.fixture(scope="module")
def url(web_python: str) -> Iterator[str]:
    """The whole demo, its site on the Python that the session names."""
    with started([sys.executable, RUN, "--web-python", web_python], name="demo", quiet=True) as demo:
        yield demo.wait_for_line("http://").split()[0]
        assert demo.returncode is None, demo.output()


def press(page: Page, name: str) -> Locator:
    """Press an operation's button; its answer."""
    page.get_by_role("button", name=name, exact=True).click()
    return answers(page, name).first


def answers(page: Page, name: str) -> Locator:
    return page.get_by_role("list", name=f"Answers of {name}", exact=True).locator("li")


def running(page: Page, operation: str) -> Locator:
    """The rows of such operations in the view of what is in flight."""
    return page.locator("#running tbody tr").filter(has=page.get_by_role("cell", name=operation, exact=True))


def slow(page: Page, seconds: str) -> None:
    page.get_by_label("Slow upstreams take").fill(seconds)


def test_an_operation_is_in_flight_beside_its_button_until_its_answer_is_there(tabs: Tabs, url: str) -> None:
    page = tabs.open(url)
    expect(page.locator("#servers tbody tr")).to_have_count(2)
    slow(page, "12")
    answer = press(page, "Offload")
    expect(answer).to_have_attribute("data-state", "running")
    row = running(page, "REQUEST")
    expect(row).to_have_count(1)
    operation, target, server, age, left = row.locator("td").all_inner_texts()
    assert operation == "REQUEST"
    assert "127.0.0.1" in target
    assert server in page.locator("#servers tbody").inner_text()
    assert age.endswith(" s")
    assert 0 < int(left.removesuffix(" s")) <= 30
    expect(answer).to_have_attribute("data-state", "good")
    expect(answer.locator(".words")).to_contain_text("200 OK, 13 bytes, ")
    expect(answer.locator("pre")).to_have_text("after 12.0 s\n")
    expect(row).to_have_count(0)


@pytest.mark.parametrize(("name", "operation"), [("Offload", "REQUEST"), ("Async function", "CALL"),
                                                 ("Drops", "FORWARD"), ("Count slowly", "COMMAND"),
                                                 ("WebSocket", "REQUEST")])  # fmt: skip
def test_what_is_cancelled_ends_on_the_server_too(tabs: Tabs, url: str, name: str, operation: str) -> None:
    page = tabs.open(url)
    slow(page, SLOWEST)
    answer = press(page, name)
    row = running(page, operation)
    expect(row).to_have_count(1)
    answer.get_by_role("button", name="Cancel").click()
    expect(answer).to_have_attribute("data-state", "cancelled")
    expect(row).to_have_count(0, timeout=CANCELLED)
    expect(answer).to_have_attribute("data-state", "cancelled")


@pytest.mark.parametrize(("name", "state", "status", "body"), [
    ("Quick", "good", "200 OK", "quick"),
    ("By a consumer", "good", "200 OK", "after 1.0 s"),
    ("Your request", "good", "200 OK", '"target": "/echo/anything?a=1"'),
    ("Download", "good", "200 OK, 50,000,000 bytes", "0000000"),
    ("Upload", "good", "200 OK", '"size": 5000000'),
    ("Events", "good", "200 OK", "data: event 4"),
    ("Status page", "good", "200 OK", "channels_async: status"),
    ("Plain function", "good", "200 OK", "[2, 3, 5, 7"),
    ("Generator", "good", "200 OK", "tick 4"),
    ("Count", "good", "200 OK", "10"),
    ("Time out", "bad", "504", "took longer"),
    ("Retry", "bad", "503", "status 503"),
    ("Break", "bad", "50", ""),
    ("Refuse", "bad", "403", ""),
    ("Report", "good", "200 OK", "200 after 1.0 s"),
    ("Forget", "good", "202", "nobody will hear"),
])  # fmt: skip
def test_a_button_shows_status_and_beginning_of_its_answer(
    tabs: Tabs, shared_page: Page, name: str, state: str, status: str, body: str
) -> None:
    answer = press(shared_page, name)
    expect(answer).to_have_attribute("data-state", state)
    expect(answer.locator(".words")).to_contain_text(status)
    expect(answer.locator("pre")).to_contain_text(body)


@pytest.fixture(scope="module")
def shared_page(chromium, url: str) -> Iterator[Page]:
    """One page for all tests that only press a button each."""
    tabs = Tabs(chromium)
    yield tabs.open(url)
    tabs.close()
    assert tabs.wrong == []


def test_a_websocket_shows_what_is_notified(tabs: Tabs, url: str) -> None:
    page = tabs.open(url)
    slow(page, "0")
    answer = press(page, "WebSocket")
    expect(answer.locator("pre")).to_contain_text("after 0.0 s")
    press(page, "Notify")
    expect(answer.locator("pre")).to_contain_text("hello")


def test_the_keyboard_does_all_of_it(tabs: Tabs, url: str) -> None:
    page = tabs.open(url)
    slow(page, SLOWEST)
    page.keyboard.press("Tab")  # from the seconds to the first button
    page.keyboard.press("Enter")
    answer = answers(page, "Offload").first
    expect(answer).to_have_attribute("data-state", "running")
    page.keyboard.press("Tab")  # its link
    page.keyboard.press("Tab")
    expect(answer.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Space")
    expect(answer).to_have_attribute("data-state", "cancelled")
    expect(page.get_by_role("button", name="Offload", exact=True)).to_be_focused()


@pytest.mark.parametrize("look", ["light", "dark", "phone"])
def test_a_picture_of_fifty_operations_in_flight(tabs: Tabs, url: str, pictures: Path, look: str) -> None:
    """Nothing sticks out to the right, and there is something to see."""
    page = tabs.open(url, dark=look == "dark", phone=look == "phone")
    slow(page, SLOWEST)
    press(page, "Quick")
    press(page, "Refuse")
    press(page, "Drops")
    fifty = press(page, "Fifty at once")
    expect(running(page, "REQUEST")).to_have_count(50)
    expect(page.locator("#in-flight")).to_have_text("51")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.evaluate("window.scrollTo(0, 0)")
    file = pictures / f"demo-{look}.png"
    page.screenshot(path=file)
    fifty.get_by_role("button", name="Cancel").click()
    # Both servers have a part of them, and would have gone on for twenty seconds.
    expect(running(page, "REQUEST")).to_have_count(0, timeout=CANCELLED)
    look_at(file, PHONE if look == "phone" else WIDE, dark=look == "dark")


def look_at(file: Path, size: dict[str, int], *, dark: bool) -> None:
    """A picture of that size, of many colours, more of it dark than light or the other way round."""
    assert file.stat().st_size > SMALLEST_PICTURE
    with Image.open(file) as picture:
        assert picture.size == (size["width"], size["height"])
        colours = picture.convert("RGB").getcolors(1 << 24)
        assert len(colours) > COLOURS
        most, _ = max(colours)
        assert most < 0.9 * picture.width * picture.height
        lights = picture.convert("L").histogram()
        assert (sum(lights[:128]) > sum(lights[128:])) is dark
        picture.convert("RGB").quantize(64).save(file, optimize=True)  # small enough for a repository
