#!/usr/bin/env python3
"""Runs the tests and the demo. Needs no nox beforehand, only Python 3.8 or newer:

    python3 noxfile.py                       all tests
    python3 noxfile.py -l                    what there is
    python3 noxfile.py -s unit               one session, on every Python that it is for
    python3 noxfile.py -s "unit(3.12)" -- tests/http -x
    python3 noxfile.py -s demo               a site, a worker, a server; Ctrl-C ends it
    python3 noxfile.py -s demo -- --check    the same, checked, without waiting
    python3 noxfile.py -s asyncdemo -- step1 a stage of examples/asyncdemo; Ctrl-C ends it
    python3 noxfile.py -s bench              the server beside its rivals; -- --quick for less than a minute

A Python that is missing is skipped with a line that says so; with CI=true that is an error.
"""

# /// script
# requires-python = ">=3.8"
# dependencies = ["nox>=2024.4.15", "uv"]
# ///

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
BOOTSTRAP = ROOT / ".nox-bootstrap"


def run_nox() -> None:
    """Become nox with this file: the one at hand, or one in a private environment made for it."""
    arguments = ["-f", str(Path(__file__).resolve()), *sys.argv[1:]]
    os.environ["NOX_SCRIPT_MODE"] = "none"  # what the metadata above asks for has been seen to
    if importlib.util.find_spec("nox"):
        os.execv(sys.executable, [sys.executable, "-m", "nox", *arguments])
    found = shutil.which("nox")
    if found and works(found):
        os.execv(found, [found, *arguments])
    python = BOOTSTRAP / "bin" / "python"
    if not works(str(python), "-m", "nox"):
        make_bootstrap(python)
    os.execv(str(python), [str(python), "-m", "nox", *arguments])


def works(*words: str) -> bool:
    """Whether that nox runs; a pyenv shim may stand there for one that does not."""
    try:
        return subprocess.run([*words, "--version"], capture_output=True).returncode == 0
    except OSError:
        return False


def make_bootstrap(python: Path) -> None:
    """Install nox, and uv where there is one for this platform, into .nox-bootstrap/."""
    print(f"nox is not installed; making an environment for it in {BOOTSTRAP.name}/", flush=True)
    shutil.rmtree(BOOTSTRAP, ignore_errors=True)
    install = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    try:
        subprocess.run([sys.executable, "-m", "venv", str(BOOTSTRAP)], check=True)
        subprocess.run([*install, "nox>=2024.4.15"], check=True)
    except subprocess.CalledProcessError as error:
        sys.exit(f"{error}\nno nox; `pipx run noxfile.py` or `uv run noxfile.py` will do, too")
    subprocess.run([*install, "uv"])  # only makes installing faster


if __name__ == "__main__":
    run_nox()

import nox

sys.path.insert(0, str(ROOT))
from tests.harness import interpreters
from tests.harness.environments import Environments, server_requirements
from tests.harness.signals import passed_on_to_children

SERVER_PYTHONS = ["3.10", "3.11", "3.12", "3.13"]
PYTHONS_BETWEEN = ["3.11", "3.12"]
REQUIRED = ["2.7", *SERVER_PYTHONS]  # by CI
#: Python and Django of the sites that the client is tested in.
CLIENT_SITES = [
    ("2.7", "1.8"), ("2.7", "1.9"), ("2.7", "1.10"), ("2.7", "1.11"), ("3.9", "1.11"), ("3.13", "1.11")
]  # fmt: skip
#: Versions of Django between others on the same Python, and the tests that have nothing to do with Django.
BETWEEN = ["1.9", "1.10"]
WITHOUT_DJANGO = ["test_wire_*.py", "test_*_rules.py", "test_stderr_lines.py"]
#: Tests in several processes: two cores do the work of more where tests wait as much as they compute.
IN_TWO, IN_THREE, IN_FOUR = (["-n", number, "--dist", "loadfile"] for number in "234")
LINT = ["ruff==0.17.5", "mypy==2.4.1", "types-requests", "watchfiles", "sentry-sdk", "opentelemetry-sdk"]
FUZZ_TARGETS = 3  # tests of tests/fuzz that go on until their time is over
SITE_PYTHON2 = ["-r", "examples/demo/requirements-python2.txt"]
SITE_PYTHON3 = ["-r", "compat/requirements-web.txt"]
TOOLS = ["-r", "tests/requirements.txt", "-r", "tests/compat/requirements.txt"]
SOURCES = ["client", "compat", "."]
COMPILED = ["client/channels_async", "compat/channels_compat", "server_trio", "tests/harness"]

nox.needs_version = ">=2024.4.15"
nox.options.error_on_external_run = True
nox.options.default_venv_backend = "none"  # sessions share environments: tests/harness/environments.py


def interpreter(session: nox.Session, version: str) -> str:
    """The path of that Python; without one the session is skipped, or fails where CI requires it."""
    found = interpreters.find(version)
    if found is None:
        line = f"Python {version} is not installed here (looked on PATH and in pyenv)"
        if os.environ.get("CI") and version in REQUIRED:
            session.error(line)
        session.skip(line)
    return found


def environments(session: nox.Session) -> Environments:
    return Environments(lambda *words: session.run(*words, external=True, silent=True))


def tests_python(session: nox.Session, version: str) -> str:
    """An environment with all that the server, the site and their tests need, and the tree's packages."""
    requirements = [*server_requirements(), *SITE_PYTHON3, *TOOLS]
    made = environments(session)
    python = made.get(f"python{version}", interpreter(session, version), requirements, SOURCES)
    made.compile(python, *COMPILED)
    return python


def newest(session: nox.Session) -> str:
    """The version to use where any will do: the running Python's, else the newest that is installed."""
    running = "{}.{}".format(*sys.version_info[:2])
    installed = [version for version in reversed(SERVER_PYTHONS) if interpreters.find(version)]
    if not installed:
        session.error("no Python 3.10, 3.11, 3.12 or 3.13 is installed here")
    return running if running in installed else installed[0]


def pytest(session: nox.Session, python: str, *words: str, **env: str) -> None:
    session.run(python, "-m", "pytest", *words, *session.posargs, external=True, env=env)


@nox.session
def lint(session: nox.Session) -> None:
    """Is it tidy, typed, and readable for Python 2.7 where that matters?"""
    requirements = [*server_requirements(), *SITE_PYTHON3, *LINT]
    python = environments(session).get("lint", interpreter(session, newest(session)), requirements, SOURCES)
    session.run(python, "-m", "ruff", "check", ".", external=True)
    session.run(python, "-m", "mypy", "server_trio", "compat/channels_compat", external=True)
    program = "import sys\nfor name in sys.argv[1:]: compile(open(name).read(), name, 'exec')"
    folders = ("client", "tests/client", "examples/demo/site", "examples/asyncdemo/site")
    files = [str(file) for folder in folders for file in (ROOT / folder).rglob("*.py")]
    session.run(interpreter(session, "2.7"), "-c", program, *files, "setup.py", external=True)


@nox.session
@nox.parametrize("version", SERVER_PYTHONS, ids=SERVER_PYTHONS)
def unit(session: nox.Session, version: str) -> None:
    """Does each part of the server and the house do what it says?"""
    # What is between the others differs from them in nothing that the bridge to Redis could notice. What
    # hypothesis makes up for the parsers is new each time, whichever Python reads it, and the house is the
    # same for all: once is enough.
    is_newest, is_between = version == newest(session), version in PYTHONS_BETWEEN
    parts = ["server"]
    parts += ["layers"] if not is_between else []
    parts += ["http"] if is_newest or not is_between else []
    parts += ["house", "fuzz"] if is_newest else []
    folders = [*(f"tests/{part}" for part in parts), "--ignore=tests/house/package"]
    words = [] if session.posargs else [*folders, *IN_FOUR]
    pytest(session, tests_python(session, version), *words)


@nox.session
@nox.parametrize("site", CLIENT_SITES, ids=["-".join(site) for site in CLIENT_SITES])
def client(session: nox.Session, site: tuple[str, str]) -> None:
    """Does a site of this kind hand off, and do without the server, as promised?"""
    version, django = site
    kind = f"2.7-django-{django}" if version == "2.7" else "3" if version == "3.9" else "3.10"
    requirements = ["-r", f"tests/client/requirements-{kind}.txt"]
    sources = ["client"] if version in ("2.7", "3.9") else ["client", "compat"]
    name = f"client{version}-django{django}"
    python = environments(session).get(name, interpreter(session, version), requirements, sources)
    # Only the server's environments hold a Redis; its tests run in one of those Pythons, the site's in this.
    print_binary = "from tests.harness.redis_server import find_binary; print(find_binary())"
    redis = session.run(
        tests_python(session, newest(session)), "-c", print_binary, external=True, silent=True
    )
    folders = [] if session.posargs else ["tests/client", *IN_FOUR]
    if django in BETWEEN and not session.posargs:
        folders += [f"--ignore-glob=tests/client/{pattern}" for pattern in WITHOUT_DJANGO]
    # The conftest.py of tests/ is for Python 3.
    words = ["--confcutdir=tests/client", "-p", "no:cacheprovider", "--disable-warnings", *folders]
    pytest(session, python, *words, CHANNELS_ASYNC_TEST_REDIS=str(redis).strip())


@nox.session
@nox.parametrize("version", SERVER_PYTHONS, ids=SERVER_PYTHONS)
def compat(session: nox.Session, version: str) -> None:
    """Does the stack of 2017 run on this Python?"""
    words = [] if session.posargs else ["tests/compat", *IN_FOUR]
    if version in PYTHONS_BETWEEN and not session.posargs:
        words += [f"--ignore=tests/compat/{name}" for name in ("test_stack.py", "test_conformance.py")]
    pytest(session, tests_python(session, version), *words)


@nox.session
@nox.parametrize("web", ["2.7", "3.13"], ids=["2.7", "3.13"])
def acceptance(session: nox.Session, web: str) -> None:
    """Does the whole of it work, every process a real one, with the site on this Python?"""
    site = site_python(session, web)
    server = tests_python(session, newest(session) if web == "2.7" else web)
    folders = ["tests/acceptance"]
    if web != "2.7":
        # The first has no site, and what the others show of it hardly depends on its Python: once is enough.
        once = ("server", "test_docs.py", "test_asyncdemo.py")
        folders += [f"--ignore=tests/acceptance/{name}" for name in once]
    # In the order that its conftest.py puts them in.
    words = [] if session.posargs else [*folders, *IN_THREE, "--no-loadscope-reorder"]
    pytest(session, server, *words, CHANNELS_ASYNC_TEST_WEB_PYTHON=site)


@nox.session
def browser(session: nox.Session) -> None:
    """Do the pages for people work in a Chromium? Its pictures are in build/screenshots."""
    if os.environ.get("CI") and os.geteuid() == 0 and not shutil.which("chromium"):
        # It may fail; the tests say what is missing.
        session.run("apt-get", "update", "-q", external=True, success_codes=range(256))
        words = ["apt-get", "install", "-y", "-q", "--no-install-recommends", "chromium"]
        session.run(*words, external=True, success_codes=range(256))
    version = newest(session)
    requirements = [*server_requirements(), *SITE_PYTHON3, *TOOLS, "-r", "tests/browser/requirements.txt"]
    python = environments(session).get("browser", interpreter(session, version), requirements, SOURCES)
    site = site_python(session, "2.7") if interpreters.find("2.7") or os.environ.get("CI") else python
    words = [] if session.posargs else ["tests/browser", *IN_TWO]
    pytest(session, python, *words, CHANNELS_ASYNC_TEST_WEB_PYTHON=site)


@nox.session(default=False)
def fuzz(session: nox.Session) -> None:
    """Does anything at all break the parsers? `-- SECONDS`, else 600; `unit` does it for half a minute."""
    seconds = float(session.posargs[0]) if session.posargs else 600.0
    each = str(seconds / FUZZ_TARGETS)
    python = tests_python(session, newest(session))
    session.run(
        python, "-m", "pytest", "tests/fuzz", external=True, env={"CHANNELS_ASYNC_FUZZ_SECONDS": each}
    )


@nox.session
def soak(session: nox.Session) -> None:
    """Is every operation answered once while everything fails? `-- SECONDS [SEED]`, else each fault once."""
    python = tests_python(session, newest(session))
    site = site_python(session, "2.7") if interpreters.find("2.7") or os.environ.get("CI") else python
    words = [word for word in session.posargs if word.isdigit()]  # others are for pytest
    env = {"CHANNELS_ASYNC_TEST_WEB_PYTHON": site}
    session.run(python, "-m", "tests.soak.run", *words, external=True, env=env)


@nox.session
def docs(session: nox.Session) -> None:
    """Do the pages of the documentation fit together? As HTML they are in build/docs."""
    requirements = ["-r", "docs/requirements.txt"]
    python = environments(session).get("docs", interpreter(session, newest(session)), requirements)
    words = ["-W", "--keep-going", "-n", "-E", "-q", "-d", "build/doctrees", "docs", "build/docs"]
    session.run(python, "-m", "sphinx", *words, external=True)


@nox.session
def package(session: nox.Session) -> None:
    """Does a built distribution install what it should on each kind of Python, and run?"""
    builder = environments(session).get(
        "package", interpreter(session, newest(session)), ["build", "pytest>=8"]
    )
    targets = ["2.7", "3.9", newest(session)]
    if not os.environ.get("CI"):
        targets = [version for version in targets if interpreters.find(version)]
    pythons = [
        environments(session).fresh(f"package-{version}", interpreter(session, version))
        for version in targets
        if version in REQUIRED or interpreters.find(version)
    ]
    folders = [] if session.posargs else ["tests/house/package"]
    pytest(session, builder, *folders, CHANNELS_ASYNC_TEST_PYTHONS=os.pathsep.join(pythons))


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Is the server faster than what there is? Writes docs/benchmarks.rst; `pace` is `-- --quick`."""
    measure(session, session.posargs)


@nox.session
def pace(session: nox.Session) -> None:
    """Is it still about as fast as it was, beside asyncio in the same run?"""
    measure(session, ["--quick"])


def measure(session: nox.Session, arguments: list[str]) -> None:
    """Run benchmarks/run.py beside the rivals that it needs."""
    version = newest(session)
    python = tests_python(session, version)
    # The load generator is Python; the rivals are told by a path that each has in an environment of its own.
    program = "import json, rivals; print(json.dumps([(r.name, r.requirements) for r in rivals.RIVALS]))"
    listed = session.run(
        python, "-c", program, external=True, silent=True, env={"PYTHONPATH": str(ROOT / "benchmarks")}
    )
    few = "--quick" in arguments
    words = []
    for name, requirements in json.loads(str(listed)):
        if few and name != "asyncio":
            continue
        sources = SOURCES if name.startswith("runworker") else []
        shared = "runworker" if sources else "asyncio" if name == "2017" else name
        rival = environments(session).get(
            f"bench-{shared}", interpreter(session, version), requirements, sources
        )
        words += ["--python", f"{name}={rival}"]
    run_what_starts_others(session, python, "benchmarks/run.py", *words, *arguments)


@nox.session(default=False)
def demo(session: nox.Session) -> None:
    """Starts the demo; `-- --check` asks it and ends it."""
    example(session, "examples/demo/run.py")


@nox.session(default=False)
def asyncdemo(session: nox.Session) -> None:
    """Starts `-- step1`, `step2`, `step3`, `bonusround` or `server_trio`; `-- hammer` measures them all."""
    example(session, "examples/asyncdemo/run.py")


def example(session: nox.Session, program: str) -> None:
    """Run a program of examples/, its site on Python 2.7 where there is one."""
    version = newest(session)
    requirements = [*server_requirements(), *SITE_PYTHON3, "-r", "tests/requirements.txt"]
    python = environments(session).get("demo", interpreter(session, version), requirements, SOURCES)
    web = "2.7" if interpreters.find("2.7") else None
    words = ["--web-python", site_python(session, web) if web else python]
    run_what_starts_others(session, python, program, *words, *session.posargs)


def run_what_starts_others(session: nox.Session, *words: str) -> None:
    """Run a program that ends its processes when it is told to end.

    On Ctrl-C nox would otherwise kill it within half a second; of `kill` it would never hear.
    """
    with passed_on_to_children(signal.SIGTERM, signal.SIGHUP):
        session.run(*words, external=True, interrupt_timeout=60.0)


def site_python(session: nox.Session, version: str) -> str:
    """An environment for a site: the stack of 2017 on 2.7, or through channels_compat."""
    if version == "2.7":
        return environments(session).get("site2.7", interpreter(session, version), SITE_PYTHON2, ["client"])
    requirements = [*SITE_PYTHON3, "requests"]
    return environments(session).get(
        f"site{version}", interpreter(session, version), requirements, ["client", "compat"]
    )
