"""Every shim is needed where it says so, nowhere else, and cures what it says."""

from __future__ import annotations

import subprocess
import sys
import uuid

import pytest

from channels_compat.shims import SHIMS
from tests.harness.redis_server import sentinel_server

from .shim_cases import CASES, Case
from .stack import environment

TIMEOUT = 240.0  # seconds; most take half a one, BLPOP five

# What a later Python or another package could still provide is taken away: on a Python without cgi
# and distutils, the packages that bring them back. Then all shims but one are installed.
PRELUDE = """
import importlib.machinery, sys
sys.meta_path[:] = [f for f in sys.meta_path if type(f).__name__ != "DistutilsMetaFinder"]
real = importlib.machinery.PathFinder.find_spec
def find_spec(name, path=None, target=None):
    spec = real(name, path, target)
    if name in ("cgi", "distutils") and spec is not None and "site-packages" in (spec.origin or ""):
        return None
    return spec
importlib.machinery.PathFinder.find_spec = find_spec
import channels_compat
from channels_compat import hooks, shims
shims.SHIMS = tuple(shim for shim in shims.SHIMS if shim.name != WITHOUT)
channels_compat.install()
"""
EPILOGUE = """
print("applied:", *hooks.installed_finder().applied)
"""


@pytest.fixture(scope="module")
def sentinel(shared_redis):
    with sentinel_server(shared_redis) as server:
        yield server


def start(case: Case, without: str | None, redis, sentinel) -> subprocess.Popen[str]:
    names = {
        "WITHOUT": without,
        "REDIS_URL": redis.url,
        "PREFIX": uuid.uuid4().hex,
        "SENTINEL_HOST": (sentinel.host, sentinel.port),
    }
    code = "".join(f"{name} = {value!r}\n" for name, value in names.items()) + PRELUDE + case.code + EPILOGUE
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.shim)
def test_without_its_shim_it_breaks_exactly_where_the_shim_is_applied(case, shared_redis, sentinel):
    bare = start(case, case.shim, shared_redis, sentinel)
    cured = start(case, None, shared_redis, sentinel)
    said, error = cured.communicate(timeout=TIMEOUT)
    assert cured.returncode == 0, error
    assert (case.shim in said.split()) == case.breaks
    said, error = bare.communicate(timeout=TIMEOUT)
    if case.breaks:
        assert bare.returncode != 0, f"{case.shim} is no longer needed"
        assert case.error in error
    else:
        assert bare.returncode == 0, error


def test_every_shim_has_a_case():
    elsewhere = {
        "redis-compat-b",  # below
        "django-autoreload",  # test_stack.py: runserver
        "multiprocessing-spawn",  # test_run.py
    }
    assert {shim.name for shim in SHIMS} == {case.shim for case in CASES} | elsewhere


def test_every_shim_says_what_and_where_in_a_line():
    for shim in SHIMS:
        assert shim.cause.endswith(".")
        assert "\n" not in shim.cause
        assert ".py:" in shim.source, shim.name
        assert (shim.apply is None) == (shim.stand_in is not None)


def test_redis_compat_of_redis_3_gets_the_function_that_it_lacks(tmp_path):
    """redis 3.0-3.5 has the module without b. Only names matter here: two files stand for it."""
    (tmp_path / "redis").mkdir()
    (tmp_path / "redis" / "__init__.py").write_text("")
    (tmp_path / "redis" / "_compat.py").write_text("long = int\n")
    env = environment()
    env["PYTHONPATH"] = f"{tmp_path}:{env['PYTHONPATH']}"
    code = "import channels_compat; channels_compat.install(); from redis._compat import b; print(b('x'))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=TIMEOUT)
    assert done.stdout == "b'x'\n", done.stderr
