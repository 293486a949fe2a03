"""`python -m channels_compat PROGRAM` runs it as Python itself would, with the shims installed."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from .stack import environment

TIMEOUT = 240.0  # seconds; a program takes a tenth of one

SAY = """
import json, sys
finders = [type(finder).__name__ for finder in sys.meta_path]
main = sys.modules["__main__"]
print(json.dumps({
    "argv": sys.argv, "name": __name__, "file": __file__, "path": sys.path[0],
    "same": vars(main) is globals(), "package": __package__, "shims": "ShimFinder" in finders,
}))
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "script.py").write_text(SAY)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "inner.py").write_text("import beside\n" + SAY)
    (tmp_path / "sub" / "beside.py").write_text("")
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__init__.py").write_text("")
    (tmp_path / "pack" / "__main__.py").write_text("from . import other\n" + SAY)
    (tmp_path / "pack" / "other.py").write_text("def command():\n    return 5\n")
    (tmp_path / "demo-1.dist-info").mkdir()
    (tmp_path / "demo-1.dist-info" / "METADATA").write_text("Name: demo\nVersion: 1\n")
    (tmp_path / "demo-1.dist-info" / "entry_points.txt").write_text(
        "[console_scripts]\ndemo-command = pack.other:command\n"
    )
    return tmp_path


def run(folder, *words, options=(), **more):
    env = environment(**more)
    env["PYTHONPATH"] += f":{folder}"
    return subprocess.run(
        [sys.executable, *options, "-m", "channels_compat", *words],
        cwd=folder, env=env, capture_output=True, text=True, timeout=TIMEOUT,
    )  # fmt: skip


def said(done):
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_script_sees_its_own_name_arguments_and_folder(folder):
    seen = said(run(folder, "script.py", "a", "-m", "b c"))
    assert seen["argv"] == ["script.py", "a", "-m", "b c"]
    assert seen["name"] == "__main__"
    assert seen["file"] == "script.py"
    assert seen["path"] == str(folder)
    assert seen["same"]
    assert seen["shims"]


def test_a_script_elsewhere_imports_what_lies_beside_it(folder):
    seen = said(run(folder, "sub/inner.py"))
    assert seen["path"] == str(folder / "sub")


def test_a_safe_path_stays_safe(folder):
    if sys.version_info < (3, 11):
        pytest.skip("-P is new in Python 3.11")
    done = run(folder, "sub/inner.py", options=["-P"])
    assert "No module named 'beside'" in done.stderr


def test_a_module_and_a_package_are_run_like_dash_m(folder):
    seen = said(run(folder, "-m", "pack", "x"))
    assert seen["argv"] == [str(folder / "pack" / "__main__.py"), "x"]
    assert seen["package"] == "pack"
    assert said(run(folder, "pack"))["package"] == "pack"


def test_a_command_is_found_by_name_and_its_result_is_the_exit_code(folder):
    assert run(folder, "demo-command").returncode == 5


def test_daphnes_own_command_runs(folder):
    done = run(folder, "daphne", "--help")
    assert done.returncode == 0, done.stderr
    assert "--http-timeout" in done.stdout


@pytest.mark.parametrize(
    ("code", "exit_code", "words"),
    [
        ("import sys; sys.exit(7)", 7, ""),
        ("import sys; sys.exit('said why')", 1, "said why"),
        ("import sys; sys.exit()", 0, ""),
        ("raise ValueError('broken')", 1, "ValueError: broken"),
        ("import os; os._exit(9)", 9, ""),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", -15, ""),
    ],
)
def test_however_the_program_ends_the_exit_code_is_its_own(folder, code, exit_code, words):
    (folder / "end.py").write_text(code)
    done = run(folder, "end.py")
    assert done.returncode == exit_code
    assert words in done.stderr


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["nothing-of-this-name"], "no command or module 'nothing-of-this-name'"),
        (["./nothing.py"], "no file './nothing.py'"),
        (["nothing.py"], "no file 'nothing.py'"),
        (["-m", "no.such.module"], "no module 'no.such.module'"),
        (["-m"], "needs the name of a module"),
    ],
)
def test_a_program_that_does_not_exist_is_an_error_in_one_line(folder, words, reason):
    done = run(folder, *words)
    assert done.returncode == 2
    assert reason in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_help_names_every_way_to_call_it(folder):
    done = run(folder, "--help")
    assert done.returncode == 0
    for way in ("manage.py", "daphne", "-m module"):
        assert way in done.stdout


def test_a_reloader_starts_the_program_as_it_was_started(folder):
    (folder / "again.py").write_text(
        "import json, sys\nfrom channels_compat.shims.autoreload import command\n"
        "sys.argv.append('changed')\nprint(json.dumps(command()))\n"
    )
    base = [sys.executable, "-W", "ignore::ImportWarning", "-m", "channels_compat"]
    options = ["-W", "ignore::ImportWarning"]
    assert said(run(folder, "again.py", "a", options=options)) == [*base, "again.py", "a", "changed"]
    assert said(run(folder, "-m", "again", "a", options=options)) == [*base, "-m", "again", "a", "changed"]


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_processes_of_the_program_have_the_shims(folder, method):
    (folder / "parent.py").write_text(
        "import collections, multiprocessing\n"
        "from collections import Iterator\n"
        "def child(queue):\n    queue.put(hasattr(collections, 'Iterator'))\n"
        "if __name__ == '__main__':\n"
        f"    context = multiprocessing.get_context({method!r})\n"
        "    queue = context.Queue()\n"
        "    process = context.Process(target=child, args=(queue,))\n"
        "    process.start()\n    print(queue.get(timeout=200))\n    process.join()\n"
    )
    done = run(folder, "parent.py")
    assert done.stdout == "True\n", done.stderr
