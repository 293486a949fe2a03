"""What a server imports before it takes its first message: what it does not need by then makes it wait."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

# Of `top`, of --status, of consumers, of DJANGO_SETUP.
LATER = ("rich", "hypercorn", "prometheus_client", "channels", "django.db", "django.apps")

CLI = "import channels_compat; channels_compat.install(); import server_trio.cli\n"

# As far as a server comes before Redis is asked, and what is imported when it is connected.
LAYER = """
from server_trio.layers.open import LayerSpec, make_backend
make_backend(LayerSpec("default", "asgi_redis.RedisChannelLayer", {}))
import server_trio.layers.redis_layer
"""

SHOW = "import json, sys; print(json.dumps(sorted(sys.modules)))\n"


def imported(program: str, *folders: Path) -> list[str]:
    """The modules that a fresh interpreter has after `program`; those in `folders` come before others."""
    path = [*map(str, folders), *sys.path]
    command = [sys.executable, "-c", f"import sys; sys.path[:] = {path!r}\n{program}{SHOW}"]
    found: list[str] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    return found


@pytest.fixture
def with_twisted(tmp_path: Path) -> Path:
    """A folder that makes Twisted and txredisapi be installed, wherever this runs."""
    for package in ("twisted/internet", "txredisapi"):
        (tmp_path / package).mkdir(parents=True)
    for file in ("twisted/__init__.py", "twisted/internet/__init__.py", "txredisapi/__init__.py"):
        (tmp_path / file).touch()
    (tmp_path / "twisted" / "internet" / "defer.py").write_text("inlineCallbacks = id\n")
    return tmp_path


def test_a_start_imports_only_what_every_server_needs() -> None:
    assert [name for name in LATER if importlib.util.find_spec(name) is None] == []
    found = imported(CLI + LAYER)
    assert {"trio", "asks", "redis", "asgi_redis", "server_trio.layers.redis_layer"} <= set(found)
    assert set(LATER) & set(found) == set()


def test_with_an_address_for_status_a_start_imports_what_answers_there() -> None:
    opened = "from server_trio.status.starting import open_status; open_status('127.0.0.1:0', None)\n"
    assert {"hypercorn", "prometheus_client"} <= set(imported(CLI + opened))


def test_asgi_redis_comes_without_twisted(with_twisted: Path) -> None:
    assert {"twisted", "txredisapi"} <= set(imported("import txredisapi, twisted\n", with_twisted))
    assert {"twisted", "txredisapi"} & set(imported(CLI + LAYER, with_twisted)) == set()


def test_who_wants_twisted_has_it_before_and_afterwards(with_twisted: Path) -> None:
    wanted = "import txredisapi, twisted.internet.defer\n"
    for program in (CLI + LAYER + wanted, CLI + wanted + LAYER):
        assert {"twisted.internet.defer", "txredisapi"} <= set(imported(program, with_twisted))


def test_a_layer_of_the_projects_own_may_use_twisted(with_twisted: Path) -> None:
    (with_twisted / "mine.py").write_text("import twisted\nfrom asgi_redis import RedisChannelLayer\n")
    program = CLI + LAYER.replace("asgi_redis.Redis", "mine.Redis")
    assert {"twisted", "txredisapi"} <= set(imported(program, with_twisted))


# Django 2.2 as far as it matters, and who comes in the place of distutils where setuptools is installed.
DJANGO = """
from distutils.version import LooseVersion
"""
CONF = """
class settings:
    _setup = is_overridden = lambda *names: True
"""
SETUPTOOLS = """
class Finder:
    def find_spec(name, path, target=None):
        assert not name.startswith("distutils")
sys.meta_path.insert(0, Finder)
from server_trio.project import load_django_settings
load_django_settings("any")
import django
assert django.LooseVersion("1.10") > "1.9"
"""


def test_django_comes_without_setuptools(tmp_path: Path) -> None:
    (tmp_path / "django").mkdir()
    (tmp_path / "django" / "__init__.py").write_text(DJANGO)
    (tmp_path / "django" / "conf.py").write_text(CONF)
    assert {"distutils", "distutils.version"} & set(imported(SETUPTOOLS, tmp_path)) == set()
