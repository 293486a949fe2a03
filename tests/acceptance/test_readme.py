"""The README: its code blocks make a project that works, and its commands are commands that exist."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from tests.harness.pages import README, ROOT, Page
from tests.harness.processes import Process

from .browser import ask
from .examples import GIVEN, needs_curl, running
from .websocket import connected

T = TypeVar("T")

TIMEOUT = 60.0  # seconds

#: Commands of the README, and where they are run: here, or by which other session of noxfile.py.
COMMANDS = {
    "python3 noxfile.py": "this very run",
    "python3 noxfile.py -s demo": "tests/house or the session demo",
    "python3 noxfile.py -s demo -- --check": "tests/acceptance/test_demo.py",
    "python3 noxfile.py -s asyncdemo -- server_trio": "tests/acceptance/test_asyncdemo.py",
    "python3 noxfile.py -s asyncdemo -- hammer": "tests/acceptance/test_asyncdemo.py",
    "pip install channels-async": "tests/house/package",
    "pip install 'channels-async[server]'": "tests/house/package",
    "python3 -m server_trio myproject.server_settings": "here",
    "python3 -m server_trio --help": "here",
    "python3 -m server_trio --status 127.0.0.1:9180 myproject.server_settings":
        "tests/acceptance/server/test_status.py",
    "python3 -m channels_compat manage.py runworker": "here, where the site's Python is 3",
    "python3 -m channels_compat daphne myproject.asgi:channel_layer": "here, where the site's Python is 3",
    "python3 -m channels_compat": "here",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory, web_python, shared_upstream):
    """The README's project, served by its own commands."""
    with running(tmp_path_factory.mktemp("readme"), web_python, shared_upstream, Page(README)) as project:
        yield project


@pytest.fixture
def url(project) -> str:
    return project.url


def until(look: Callable[[], T], good: Callable[[T], object]) -> T:
    """What `look` returns as soon as that is good; nothing in the browser's reach tells when."""
    end = time.monotonic() + TIMEOUT
    while not good(seen := look()):
        assert time.monotonic() < end, f"still {seen!r}"
        time.sleep(0.05)
    return seen


def test_the_view_of_the_readme_answers_with_the_upstreams_page(url: str) -> None:
    page = ask(f"{url}/user/?name=octocat")
    assert page.status == 200
    assert page.json()["target"] == "/echo/users/octocat"


def test_the_second_view_posts_json_and_sets_its_own_header_and_cookie(url: str) -> None:
    page = ask(f"{url}/search/?q=trio")
    request = page.json()
    assert (request["method"], request["target"]) == ("POST", "/echo/search")
    assert "trio" in str(request)
    assert page.header("x-searched-by") == "myproject"
    assert page.cookies() == ["last_search"]


def test_the_low_level_consumer_answers(url: str) -> None:
    assert ask(f"{url}/raw/").json()["target"] == "/echo/report"


def test_the_browsers_request_reaches_the_backend_as_it_is(url: str) -> None:
    page = ask(f"{url}/api/echo/what?a=%20", "PUT", b"body", X_Twice="1")
    request = page.json()
    assert (request["method"], request["target"], request["body"]) == ("PUT", "/echo/what?a=%20", "body")
    assert ["x-twice", "1"] in [[name.lower(), value] for name, value in request["headers"]]


def test_a_websocket_gets_the_answer_as_a_frame(url: str) -> None:
    with connected(f"{url}/") as browser:
        browser.send("frame")
        assert browser.json()["target"] == "/echo/frame"


def test_the_view_that_waits_for_nothing_has_both_of_its_operations_done(url: str, upstream) -> None:
    page = ask(f"{url}/order/")
    assert (page.status, len(page.body)) == (202, 32)
    wanted = [("GET", "/echo/statistics"), ("POST", "/echo/order")]
    seen = until(upstream.seen, lambda requests: len(requests) == len(wanted))
    assert sorted((request["method"], request["target"]) for request in seen) == wanted
    assert until(lambda: ask(f"{url}/order/{page.body.decode()}/").body, b"200".__eq__)


def test_a_consumer_on_the_server_tells_the_browsers(url: str) -> None:
    with connected(f"{url}/") as browser:
        browser.send("first")  # its answer shows that the browser is in the group
        assert browser.json()["target"] == "/echo/first"
        assert ask(f"{url}/announce/?text=tea").status == 204
        assert browser.frame() == "tea"


def test_settings_example_names_only_settings_that_exist(tmp_path: Path) -> None:
    from server_trio.resolving import resolve

    example = (ROOT / "settings.example").read_text()
    package = tmp_path / "myproject"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "settings.py").write_text(GIVEN["myproject/settings.py"])
    sys.path.insert(0, str(tmp_path))
    try:
        namespace: dict[str, object] = {}
        exec(example, namespace)
    finally:
        sys.path.remove(str(tmp_path))
        for name in [name for name in sys.modules if name.partition(".")[0] == "myproject"]:
            del sys.modules[name]
    resolve(namespace["CHANNELS_ASYNC_SERVER"], {}, {})
    assert namespace["CHANNEL_LAYERS"]


def test_every_block_of_the_readme_says_which_file_it_is() -> None:
    assert Page(README).nameless() == []


@needs_curl
def test_what_the_readme_tells_to_type_prints_what_it_says(project) -> None:
    commands = Page(README).asked()
    assert commands
    for command in commands:
        printed = project.run(command)
        assert command.prints(printed), f"$ {command.line}\n{printed}\ninstead of\n{command.output}"


def test_every_command_of_the_readme_is_known_to_be_run_somewhere() -> None:
    served = {command.line for command in Page(README).commands() if command.is_served}
    assert sorted(served) == sorted(COMMANDS)


@pytest.mark.parametrize("command", ["python3 -m server_trio --help", "python3 -m channels_compat"])
def test_commands_that_only_print_do(command: str, tmp_path: Path) -> None:
    assert command in COMMANDS
    process = Process([sys.executable, *shlex.split(command)[1:]], cwd=tmp_path, env=dict(os.environ))
    assert process.wait(60) == 0, process.output()
    assert process.output()
