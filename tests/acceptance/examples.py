"""The examples of the documentation, run as a reader would run them who copies them.

test_docs.py runs README.rst and every page docs/*.rst that has an example; nothing is to be registered.
How a page is written for that:

*   A code block whose first line is `# myproject/FILE.py` is that file, or is appended to it if README or
    the page has it already: a page shows only what it adds to README's project. `urlpatterns = [...]`
    therefore replaces README's; `CHANNELS_ASYNC_SERVER['CALLS'] = {...}` adds to README's. Other files
    are named in the same way (`# ask.py`, `<!-- myproject/templates/page.html -->`).
*   redis://localhost:6379/0 stands for a Redis, with another number for another database of it, and
    https://api.example.com stands for an upstream that echoes requests as JSON, http://backend:8000 for the
    one of tests/harness/upstream_app.py with all its paths, http://localhost:8000 for the site.
*   A block of the kind `console` holds lines that begin with `$ ` and beneath each what it prints, literally;
    `...` stands for anything, a line of its own for any lines. `python manage.py migrate` and the like
    run before the processes start; the commands of SERVED start those, and are not run a second time;
    every other line is run by a shell in the project's directory, with real curl.
*   A page with the comment of pages.ALONE shows all files of a project but GIVEN; README's are not there.
*   What is no part of the project and is not to be run is a literal block (`::`). Tests of their own have the
    Sentinel of deployment.rst (tests/layers), YAML (tests/server) and a page's script (tests/browser).

The site runs on Python 2.7 or 3.13, as the session has it. What only Python 3 can read stands in a file
of its own, such as myproject/async_ops.py, that no module of the site imports.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.pages import Command, Page
from tests.harness.processes import Process, started
from tests.harness.redis_server import free_port, redis_server
from tests.harness.upstream import Upstream

from .stack import site_command

TIMEOUT = 60.0  # seconds for one command

needs_curl = pytest.mark.skipif(
    not shutil.which("curl") and not os.environ.get("CI"), reason="curl is not installed here"
)

#: What the documentation takes for granted of a project of Channels 1.x.
GIVEN = {
    "manage.py": """
import os
import sys

os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'myproject.settings')
from django.core.management import execute_from_command_line

execute_from_command_line(sys.argv)
""",
    "myproject/__init__.py": "",
    "myproject/asgi.py": """
import os

from channels.asgi import get_channel_layer

os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'myproject.settings')
channel_layer = get_channel_layer()
""",
    "myproject/urls.py": r"""
from django.conf.urls import url

from myproject import views

urlpatterns = [
    url(r'^user/$', views.get_some_url),
    url(r'^search/$', views.search),
    url(r'^api/', views.api),
    url(r'^greeting/$', views.greeting),
    url(r'^sort/$', views.sort),
    url(r'^order/$', views.order),
    url(r'^order/(?P<operation>\w+)/$', views.order_status),
    url(r'^announce/$', views.announce),
]
""",
    "myproject/settings.py": """
SECRET_KEY = 'x'
ALLOWED_HOSTS = ['127.0.0.1', 'localhost']
ROOT_URLCONF = 'myproject.urls'
INSTALLED_APPS = ['django.contrib.contenttypes', 'channels']
TEMPLATES = [{'BACKEND': 'django.template.backends.django.DjangoTemplates', 'DIRS': ['myproject/templates']}]
CHANNEL_LAYERS = {'default': {
    'BACKEND': 'asgi_redis.RedisChannelLayer',
    'CONFIG': {'hosts': ['redis://localhost:6379/0']},
    'ROUTING': 'myproject.routing.channel_routing',
}}
""",
}

#: What a page that stands alone need not show; where it shows such a file, it shows all of it.
ALONE = {
    **{name: text for name, text in GIVEN.items() if name != "myproject/urls.py"},
    "myproject/routing.py": "channel_routing = []\n",
}


class Project:
    """A project that is being served."""

    def __init__(self, directory: Path, web_python: str, upstream: Upstream) -> None:
        self.directory = directory
        self.upstream = upstream
        self.processes: dict[str, Process] = {}
        self._web_python = web_python
        self._port = free_port()

    @property
    def url(self) -> str:
        return f"http://localhost:{self._port}"

    def write(self, redis: str, *pages: Page) -> None:
        """The files of these pages, with the servers that they name replaced by running ones."""
        shown = [page.files() for page in pages]
        given = GIVEN
        if any(page.stands_alone for page in pages):
            given = {name: text for name, text in ALONE.items() if not any(name in files for files in shown)}
        texts = [given, *shown]
        for name in {name: None for files in texts for name in files}:
            parts = [files[name] for files in texts if name in files]
            path = self.directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            text = _future_first("\n".join(parts))
            text = text.replace("redis://localhost:6379/", f"{redis.rpartition('/')[0]}/")
            path.write_text(self._with_real_hosts(text))

    def manage(self, words: str) -> str:
        """What `manage.py` prints with these words."""
        command = [*site_command(self._web_python, "manage.py"), *shlex.split(words)]
        process = Process(command, cwd=self.directory)
        assert process.wait(TIMEOUT) == 0, process.output()
        return process.output()

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """daphne, one worker and the server run."""
        daphne = [*site_command(self._web_python, "daphne"), "-b", "127.0.0.1", "-p", str(self._port)]
        commands = {
            "daphne": [*daphne, "myproject.asgi:channel_layer"],
            "worker": [*site_command(self._web_python, "manage.py"), "runworker"],
            "server": [sys.executable, "-m", "server_trio", "myproject.server_settings"],
        }
        with contextlib.ExitStack() as stack:
            for name, words in commands.items():
                process = stack.enter_context(started(words, name=name, cwd=self.directory))
                self.processes[name] = process
            self.processes["worker"].wait_for_line("Listening on channels")
            self.processes["server"].wait_for_line("ready")
            self.processes["daphne"].wait_for_port(self._port)
            yield

    def run(self, command: Command) -> str:
        """What a command of a page prints (stdout), the names of servers as the page has them."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        process = subprocess.run(
            ["sh", "-c", self._with_real_hosts(command.line)],
            cwd=self.directory,
            env={**os.environ, "PATH": path, "PYTHONUNBUFFERED": "1"},
            capture_output=True,
            timeout=TIMEOUT,
        )
        errors = process.stderr.decode("utf-8", "replace")
        assert process.returncode == 0, f"$ {command.line}\n{errors}"
        text = process.stdout.decode("utf-8", "replace").replace("\r\n", "\n")
        for host, real in self._hosts().items():
            text = text.replace(real, host).replace(real.partition("//")[2], host.partition("//")[2])
        return text

    def _hosts(self) -> dict[str, str]:
        """The servers that pages name, and the running ones that they stand for."""
        return {
            "https://api.example.com": f"{self.upstream.url}/echo",
            "http://backend:8000": self.upstream.url,
            "http://localhost:8000": self.url,
        }

    def _with_real_hosts(self, text: str) -> str:
        for host, real in self._hosts().items():
            for scheme in ("http://", "ws://"):
                text = text.replace(host.replace("http://", scheme), real.replace("http://", scheme))
        return text


def _future_first(text: str) -> str:
    """`from __future__` of a block that was appended, at the top where Python wants it."""
    lines = text.splitlines(keepends=True)
    future = [line for line in lines if line.startswith("from __future__")]
    return "".join(future + [line for line in lines if line not in future])


@contextlib.contextmanager
def running(directory: Path, web_python: str, upstream: Upstream, *pages: Page) -> Iterator[Project]:
    """The project that these pages make, its own commands to prepare it done, served."""
    project = Project(directory, web_python, upstream)
    with redis_server() as redis:
        project.write(redis.url, *pages)
        for command in (command for page in pages for command in page.commands() if command.runs_before):
            project.manage(command.line.partition("manage.py ")[2])
        with project.serving():
            yield project
