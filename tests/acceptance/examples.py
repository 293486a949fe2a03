"""The examples of the documentation, run as a reader would run them who copies them.

test_docs.py runs README.rst and every page docs/*.rst that has an example; nothing is to be registered.
How a page is written for that:

*   A code block whose first line is `# myproject/FILE.py` is that file, or is appended to it if README or
    the page has it already: a page shows only what it adds to README's project. `urlpatterns = [...]`
    therefore replaces README's; `CHANNELS_ASYNC_SERVER['CALLS'] = {...}` adds to README's. Other files
    are named in the same way (`# ask.py`, `<!-- myproject/templates/page.html -->`).
*   https://api.example.com stands for an upstream that echoes requests as JSON, http://backend:8000 for the
    one of tests/harness/upstream_app.py with all its paths, http://localhost:8000 for the site.
*   A block of the kind `console` holds lines that begin with `$ ` and beneath each what it prints, literally;
    `...` stands for anything, a line of its own for any lines. `python manage.py migrate` and the like
    run before the processes start; the commands of SERVED start those, and are not run a second time;
    every other line is run by a shell in the project's directory, with real curl.
*   What is no part of the project and is not to be run is a literal block (`::`).

The site runs on Python 2.7 or 3.13, as the session has it. What only Python 3 can read stands in a file
of its own, such as myproject/async_ops.py, that no module of the site imports.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from docutils import nodes
from docutils.core import publish_doctree

from tests.harness.processes import Process, started
from tests.harness.redis_server import free_port, redis_server
from tests.harness.upstream import Upstream

from .stack import site_command

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.rst"
PAGES = sorted((ROOT / "docs").glob("*.rst"))

FILE_NAME = re.compile(r"(?:# |<!-- )([\w/]+\.\w+)(?: -->)?\n")
#: Starts of the commands that install something or start what runs for as long as the test does.
SERVED = (
    "pip install", "daphne ", "python manage.py runworker", "python3 -m server_trio",
    "python3 -m channels_compat", "python3 noxfile.py",
)  # fmt: skip
TIMEOUT = 60.0  # seconds for one command

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


@dataclass(frozen=True)
class Command:
    """A line after `$ `, and what the page says that it prints."""

    line: str
    output: str

    @property
    def runs_before(self) -> bool:
        """Whether it prepares the project, such as a database."""
        return self.line.startswith("python manage.py ") and not self.is_served

    @property
    def is_served(self) -> bool:
        return self.line.startswith(SERVED)

    def prints(self, text: str) -> bool:
        """Whether `text` is what the page says."""
        return bool(re.fullmatch(_as_pattern(self.output), text.rstrip()))


def _as_pattern(output: str) -> str:
    """A regular expression for a page's literal output with its `...`."""
    return re.escape(output.rstrip()).replace(r"\.\.\.", r"[\s\S]*?")


class Page:
    """An .rst file and the code blocks in it."""

    def __init__(self, path: Path) -> None:
        """Raises docutils' SystemMessage for text that it would warn of."""
        self.path = path
        strict = {"report_level": 1, "halt_level": 2, "syntax_highlight": "none", "file_insertion_enabled": 0}
        self.tree = publish_doctree(path.read_text(), str(path), settings_overrides=strict)

    @property
    def name(self) -> str:
        return self.path.stem

    def blocks(self, *kinds: str) -> list[str]:
        """The contents of the code blocks of these kinds (all without any)."""
        found = [block for block in self.tree.findall(nodes.literal_block) if "code" in block["classes"]]
        wanted = [block for block in found if not kinds or set(kinds) & set(block["classes"])]
        return [f"{block.astext()}\n" for block in wanted]

    def nameless(self) -> list[str]:
        """Code blocks in Python that do not say which file they are."""
        return [block for block in self.blocks("python") if not FILE_NAME.match(block)]

    def files(self) -> dict[str, str]:
        """Paths in the project, and the text that this page has for each."""
        files: dict[str, str] = {}
        for block in self.blocks():
            if name := FILE_NAME.match(block):
                files[name[1]] = files.get(name[1], "") + "\n\n" + block
        return files

    def commands(self) -> list[Command]:
        """Everything it tells to type."""
        found = []
        for block in self.blocks("console"):
            for part in re.split(r"^\$ ", block.replace("\\\n", " "), flags=re.MULTILINE)[1:]:
                line, _, output = part.partition("\n")
                found.append(Command(line, output))
        return found


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
        texts = [GIVEN, *(page.files() for page in pages)]
        for name in {name: None for files in texts for name in files}:
            parts = [files[name] for files in texts if name in files]
            path = self.directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            text = _future_first("\n".join(parts)).replace("redis://localhost:6379/0", redis)
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
