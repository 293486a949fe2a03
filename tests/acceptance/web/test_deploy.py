"""docs/deploy: what can be run of it runs, as processes of this machine."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from server_trio.processes import END_MARGIN
from server_trio.settings import Settings
from tests.acceptance.browser import ask
from tests.acceptance.stack import Site
from tests.harness.processes import SOURCES
from tests.harness.redis_server import free_port, redis_server

DEPLOY = Path(__file__).resolve().parents[3] / "docs" / "deploy"
LONGEST_END = Settings().longest_end + END_MARGIN  # seconds from SIGTERM

needs_systemd = pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed here"
)


def compose():
    return yaml.safe_load((DEPLOY / "compose.yml").read_text())["services"]


def instructions(name):
    """The instructions of a Dockerfile, in pairs."""
    text = (DEPLOY / name).read_text().replace("\\\n", " ")
    return [line.split(None, 1) for line in text.splitlines() if line and not line.startswith("#")]


def unit(name="server_trio"):
    parser = configparser.ConfigParser(interpolation=None, delimiters=["="])
    parser.optionxform = str
    parser.read(DEPLOY / f"{name}.service")
    return parser


class Composed(Site):
    """The services of compose.yml, started as they are written there, but for names of this machine."""

    def words(self, words):
        real = {
            "daphne": self._web.command("daphne"),
            "python": self._web.command("manage.py")[:1],
            "python3": [sys.executable],
            "0.0.0.0": ["127.0.0.1"],
        }
        if words[:2] == ["python", "manage.py"]:
            words, first = words[2:], self._web.command("manage.py")
        else:
            first = []
        found = [*first, *(real_word for word in words for real_word in real.get(word, [word]))]
        found = [
            word.replace("8000", str(self._port)).replace("9180", str(self._status_port)) for word in found
        ]
        return [word.replace("myproject", "acceptance_site") for word in found]

    def start(self, **_):
        self.manage("migrate", "--noinput", "--run-syncdb")
        self._port, self._status_port = free_port(), free_port()
        services = compose()
        entry = json.loads(dict(instructions("Dockerfile"))["ENTRYPOINT"])
        self._start("daphne", self.words(services["daphne"]["command"]))
        worker = self._start("worker", self.words(services["worker"]["command"]))
        server = self._start("server", self.words([*entry, *services["server"]["command"]]), **SOURCES)
        worker.wait_for_line("Listening on channels")
        server.wait_for_line("(^|server_trio.cli: )ready$")
        self.processes["daphne"].wait_for_port(self._port)

    def health(self, service):
        """The exit code of a healthcheck."""
        kind, *words = compose()[service]["healthcheck"]["test"]
        assert kind == "CMD"
        check = self._start("check", self.words(words), **(SOURCES if service == "server" else {}))
        return check.wait(60)


def test_the_services_of_compose_serve_and_know_whether_they_are_well(tmp_path, web_python, upstream):
    with redis_server() as redis:
        site = Composed(tmp_path, web_python, redis, upstream)
        try:
            site.start()
            assert ask(site.url + "/ask/echo").status == 200
            assert site.health("daphne") == 0
            assert site.health("server") == 0
            os.kill(redis.pid, signal.SIGSTOP)
            assert site.health("server") == 0
            os.kill(redis.pid, signal.SIGCONT)
            site.processes["server"].signal(signal.SIGTERM)
            assert site.processes["server"].wait() == 0
            assert site.health("server") == 1
        finally:
            site.end()


def test_what_compose_says_fits_the_server_and_the_image():
    services = compose()
    assert set(services) == {"redis", "daphne", "worker", "server"}
    for service in services.values():
        assert "healthcheck" in service
        assert service["restart"] == "unless-stopped"
        assert re.fullmatch(r"\d+s", service["stop_grace_period"])
    assert int(services["server"]["stop_grace_period"][:-1]) > LONGEST_END
    image = dict(instructions("Dockerfile"))
    assert json.loads(image["CMD"]) == services["server"]["command"]
    check = json.loads(image["HEALTHCHECK"].partition("CMD ")[2])
    assert ["CMD", *check] == services["server"]["healthcheck"]["test"]
    ignored = (DEPLOY / ".dockerignore").read_text().splitlines()
    assert {".git", "**/__pycache__"} <= set(ignored)
    for name in ("Dockerfile", "Dockerfile.site"):
        image = dict(instructions(name))
        assert image["USER"] == "site"
        assert image["STOPSIGNAL"] == "SIGTERM"


def test_the_unit_gives_the_server_time_to_end_and_starts_what_runs(site, monkeypatch, tmp_path):
    service = unit()["Service"]
    assert int(service["TimeoutStopSec"]) > LONGEST_END
    python, *words = shlex.split(service["ExecStart"])
    assert python.endswith("/env/bin/python3")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(40)
        more = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": service["WatchdogSec"] + "000000"}
        words = [word.replace("myproject", "acceptance_site") for word in words]
        server = site._start("unit", [sys.executable, *words], **SOURCES, **more)
        try:
            said = set()
            while not {b"READY=1", b"WATCHDOG=1"} <= said:
                said.add(systemd.recv(1000))
        finally:
            server.end()
            del site.processes["unit"]


@pytest.mark.parametrize("kind", ["worker", "daphne"])
def test_units_of_the_site_start_what_compose_does_and_start_it_again_without_a_limit(kind):
    of_site = unit(f"site_{kind}")
    program, *words = shlex.split(of_site["Service"]["ExecStart"])
    service = compose()[kind]
    words_there = [word.replace("0.0.0.0", "127.0.0.1") for word in service["command"]]
    assert [Path(program).name, *words] == words_there
    assert of_site["Service"]["Restart"] == "always"
    assert of_site["Unit"]["StartLimitIntervalSec"] == "0"
    assert of_site["Service"]["TimeoutStopSec"] + "s" == service["stop_grace_period"]


def understood(name, tmp_path):
    """The unit with a program that is there in place of its own, after systemd has looked at it."""
    text = (DEPLOY / f"{name}.service").read_text()
    file = tmp_path / f"{name}.service"
    file.write_text(re.sub(r"^ExecStart=\S+", f"ExecStart={sys.executable}", text, flags=re.MULTILINE))
    verify = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(file)], capture_output=True, text=True
    )
    about_it = [line for line in verify.stderr.splitlines() if name in line]
    assert about_it == []
    return file


@needs_systemd
@pytest.mark.parametrize("name", ["site_worker", "site_daphne"])
def test_systemd_understands_the_units_of_the_site(name, tmp_path):
    understood(name, tmp_path)


@needs_systemd
def test_systemd_understands_the_unit_and_finds_it_well_guarded(tmp_path):
    file = understood("server_trio", tmp_path)
    # Exposure in tenths: 10 is none of the options, a service of a distribution has 92 to 96.
    guard = ["systemd-analyze", "security", "--offline=true", "--threshold=25", "--no-pager", str(file)]
    found = subprocess.run(guard, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout + found.stderr
