"""What pip installs from built distributions, in fresh environments of several Pythons.

Run by `python3 noxfile.py -s package`, which makes the environments and names them in
CHANNELS_ASYNC_TEST_PYTHONS.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.house.tree import PACKAGES, ROOT, files

PYTHONS = [python for python in os.environ.get("CHANNELS_ASYNC_TEST_PYTHONS", "").split(os.pathsep) if python]
LOOK = """
import pkgutil, sys
names = {"channels_async", "channels_compat", "server_trio", "client", "compat"}
print(" ".join(sorted(module[1] for module in pkgutil.iter_modules() if module[1] in names)))
import channels_async
print(channels_async.__version__)
"""

#: What the packages consist of; the last are the files of the status page.
INSTALLED = (".py", "py.typed", ".pyi", ".lua", ".js", ".css", ".svg", ".LICENSE")

pytestmark = pytest.mark.skipif(not PYTHONS, reason="needs the environments that noxfile.py -s package makes")


def run(*words: str | Path) -> str:
    """Run a command away from the tree, so that nothing but what is installed can be imported; its output."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [str(word) for word in words],
        cwd="/",
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, f"{words} ended with {done.returncode}:\n{done.stdout}"
    return done.stdout.strip()


def version_of(python: str) -> tuple[int, ...]:
    said = run(python, "-c", "import sys; print('%d %d' % sys.version_info[:2])")
    return tuple(int(number) for number in said.split())


def stated_version() -> str:
    found = re.search(
        r"^__version__ = '(.+)'", (PACKAGES["channels_async"] / "__init__.py").read_text(), re.M
    )
    assert found
    return found[1]


def copy_of_the_tree(tmp_path_factory) -> Path:
    copy = tmp_path_factory.mktemp("build") / "tree"
    shutil.copytree(
        ROOT, copy, ignore=shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist")
    )
    return copy


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with the source distribution and both wheels, the client's if there is an old Python."""
    copy = copy_of_the_tree(tmp_path_factory)
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", folder, copy)  # the wheel from the sdist, as pip would
    [sdist] = folder.glob("*.tar.gz")
    for python in PYTHONS:
        if version_of(python) < (3, 10) and not list(folder.glob("*-py2.*.whl")):
            run(python, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, sdist)
    return folder


@pytest.fixture(params=PYTHONS, ids=lambda python: Path(python).parents[1].name)
def python(request, built):
    """A Python whose environment holds what pip has chosen for it from the built distributions."""
    words = ["--no-index", "--no-deps", "--force-reinstall", "--find-links", built, "channels-async"]
    run(request.param, "-m", "pip", "install", "-q", *words)
    return request.param


def test_the_client_is_installed_everywhere_and_the_server_where_it_can_run(python):
    packages, version = run(python, "-c", LOOK).splitlines()
    old = version_of(python) < (3, 10)
    assert packages == ("channels_async" if old else "channels_async channels_compat server_trio")
    assert version == stated_version()


def test_what_one_python_has_built_in_a_tree_is_not_in_the_wheel_of_another(tmp_path_factory):
    """Who installs from a clone does it for the server and for the site, in any order."""
    copy, folder = copy_of_the_tree(tmp_path_factory), tmp_path_factory.mktemp("dist")
    held = {}
    for python in sorted(PYTHONS, key=version_of, reverse=True):
        # pip of 2.7 would make the wheel of a copy, with what is left in the tree.
        where = folder / "{}.{}".format(*version_of(python))
        run(python, "-m", "pip", "wheel", "-q", "--no-deps", "-w", where, copy)
        [wheel] = where.glob("*.whl")
        held[version_of(python)] = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    for version, names in held.items():
        assert ("server_trio" in names) == (version >= (3, 10))
        assert "channels_async" in names


def test_every_installed_file_can_be_read_by_its_python(python):
    """On Python 2.7 this is what keeps Python 3 syntax out."""
    where = "import channels_async, os; print(os.path.dirname(os.path.dirname(channels_async.__file__)))"
    folder = Path(run(python, "-c", where))
    installed = [folder / name for name in PACKAGES if (folder / name).is_dir()]
    run(python, "-m", "compileall", "-q", "-f", *installed)


def test_what_is_installed_is_what_the_tree_holds(python):
    where = "import channels_async, os; print(os.path.dirname(os.path.dirname(channels_async.__file__)))"
    folder = Path(run(python, "-c", where))
    old = version_of(python) < (3, 10)
    for name, home in PACKAGES.items():
        wanted = {file.relative_to(home) for file in files(*INSTALLED, under=home)}
        found = {
            file.relative_to(folder / name)
            for file in files(*INSTALLED, under=folder / name)
        }
        assert found == (set() if old and name != "channels_async" else wanted)


def test_the_source_distribution_holds_what_builds_and_tests_it(built):
    import tarfile

    [sdist] = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {
        "setup.py",
        "LICENSE",
        "README.rst",
        "settings.example",
        "noxfile.py",
        "tests/conftest.py",
    } <= names
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]


def test_the_extra_server_brings_all_that_the_server_needs(built):
    """The README's `pip install 'channels-async[server]'`, and the command that follows it."""
    python = next((python for python in reversed(PYTHONS) if version_of(python) >= (3, 10)), None)
    assert python, "noxfile.py -s package names one"
    [wheel] = built.glob("*-py310-none-any.whl")
    run(python, "-m", "pip", "install", "-q", f"{wheel}[server]")
    assert stated_version() in run(python, "-m", "server_trio", "--version")
    assert "server_trio" in run(python, "-m", "server_trio", "--help")
    assert run(python, "-m", "channels_compat")
