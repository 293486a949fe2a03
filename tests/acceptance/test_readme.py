"""The README: its code blocks make a project that works, and its commands are commands that exist.

A block that begins with `# myproject/FILE` is (a part of) that file. What the README takes for granted of a
project of Channels 1.x (settings, urls, asgi, manage.py) is here.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path

import pytest

from tests.harness.processes import Process, started
from tests.harness.redis_server import free_port, redis_server

from .browser import ask
from .stack import site_command

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.rst").read_text()

SETTINGS = """
SECRET_KEY = 'x'
ALLOWED_HOSTS = ['127.0.0.1']
ROOT_URLCONF = 'myproject.urls'
INSTALLED_APPS = ['django.contrib.contenttypes', 'channels']
CHANNEL_LAYERS = {{'default': {{
    'BACKEND': 'asgi_redis.RedisChannelLayer',
    'CONFIG': {{'hosts': ['{redis}']}},
    'ROUTING': 'myproject.routing.channel_routing',
}}}}
"""

URLS = """
from django.conf.urls import url

from myproject import views

urlpatterns = [url(r'^user/$', views.get_some_url), url(r'^search/$', views.search)]
"""

ASGI = """
import os

from channels.asgi import get_channel_layer

os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'myproject.settings')
channel_layer = get_channel_layer()
"""

MANAGE = """
import os
import sys

os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'myproject.settings')
from django.core.management import execute_from_command_line

execute_from_command_line(sys.argv)
"""

#: Commands of the README, and where they are run: here, or by which other session of noxfile.py.
COMMANDS = {
    "python3 noxfile.py": "this very run",
    "python3 noxfile.py -s demo": "tests/house or the session demo",
    "python3 noxfile.py -s demo -- --check": "tests/acceptance/test_demo.py",
    "pip install channels-async": "tests/house/package",
    "pip install 'channels-async[server]'": "tests/house/package",
    "python3 -m server_trio myproject.server_settings": "here",
    "python3 -m server_trio --help": "here",
    "python3 -m channels_compat manage.py runworker": "here, where the site's Python is 3",
    "python3 -m channels_compat daphne myproject.asgi:channel_layer": "here, where the site's Python is 3",
    "python3 -m channels_compat": "here",
}


def blocks(kind: str) -> list[str]:
    """The contents of the README's code blocks of a kind, dedented."""
    found = re.findall(rf"^\.\. code-block:: {kind}\n\n((?:    .*\n|\n)+)", README, re.MULTILINE)
    return [re.sub(r"^    ", "", block, flags=re.MULTILINE).strip() + "\n" for block in found]


def commands() -> list[str]:
    """What the README tells to type."""
    return [line[2:] for block in blocks("console") for line in block.splitlines() if line.startswith("$ ")]


def write_project(directory: Path, redis: str, upstream: str) -> None:
    """The README's project, with its API replaced by an upstream that echoes."""
    given = {"settings": SETTINGS.format(redis=redis), "urls": URLS, "asgi": ASGI, "__init__": ""}
    files = {f"myproject/{name}.py": text for name, text in given.items()} | {"manage.py": MANAGE}
    for block in blocks("python"):
        name = re.match(r"# (myproject/\w+\.py)\n", block)
        assert name, f"a block of the README does not say which file it is:\n{block}"
        files[name[1]] = files.get(name[1], "") + "\n\n" + block
    for file, text in files.items():
        path = directory / file
        path.parent.mkdir(exist_ok=True)
        path.write_text(text.replace("https://api.example.com", f"{upstream}/echo"))


@pytest.fixture(scope="module")
def project(tmp_path_factory, web_python, shared_upstream):
    """The URL of the README's project, served by its own commands."""
    directory = tmp_path_factory.mktemp("readme")
    port = free_port()
    daphne = ["-b", "127.0.0.1", "-p", str(port), "myproject.asgi:channel_layer"]
    server = [sys.executable, *shlex.split("-m server_trio myproject.server_settings")]
    with redis_server() as redis:
        write_project(directory, redis.url, shared_upstream.url)
        with (
            started([*site_command(web_python, "daphne"), *daphne], name="daphne", cwd=directory) as front,
            started(
                [*site_command(web_python, "manage.py"), "runworker"], name="worker", cwd=directory
            ) as worker,
            started(server, name="server", cwd=directory) as trio_server,
        ):
            worker.wait_for_line("Listening on channels")
            trio_server.wait_for_line("ready")
            front.wait_for_port(port)
            yield f"http://127.0.0.1:{port}"


def test_the_view_of_the_readme_answers_with_the_upstreams_page(project: str) -> None:
    page = ask(f"{project}/user/?name=octocat")
    assert page.status == 200
    assert page.json()["target"] == "/echo/users/octocat"


def test_the_second_view_posts_json_and_sets_its_own_header_and_cookie(project: str) -> None:
    page = ask(f"{project}/search/?q=trio")
    request = page.json()
    assert (request["method"], request["target"]) == ("POST", "/echo/search")
    assert "trio" in str(request)
    assert page.header("x-searched-by") == "myproject"
    assert page.cookies() == ["last_search"]


def test_the_low_level_consumer_answers(project: str) -> None:
    assert ask(f"{project}/raw/").json()["target"] == "/echo/report"


def test_settings_example_names_only_settings_that_exist(tmp_path: Path) -> None:
    from server_trio.settings import resolve

    example = (ROOT / "settings.example").read_text()
    package = tmp_path / "myproject"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "settings.py").write_text(SETTINGS.format(redis="redis://127.0.0.1:1/0"))
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


def test_every_command_of_the_readme_is_known_to_be_run_somewhere() -> None:
    assert sorted(set(commands())) == sorted(COMMANDS)


@pytest.mark.parametrize("command", ["python3 -m server_trio --help", "python3 -m channels_compat"])
def test_commands_that_only_print_do(command: str, tmp_path: Path) -> None:
    assert command in commands()
    process = Process([sys.executable, *shlex.split(command)[1:]], cwd=tmp_path, env=dict(os.environ))
    assert process.wait(60) == 0, process.output()
    assert process.output()
