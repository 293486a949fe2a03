"""install(): cheap, harmless when repeated, and invisible in the modules that it touches."""

from __future__ import annotations

import subprocess
import sys

from .stack import environment

TIMEOUT = 240.0  # seconds; a program takes a tenth of one
INSTALL = "import channels_compat; channels_compat.install()\n"


def run(code):
    """What a new Python prints that runs the code."""
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, timeout=TIMEOUT
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_installing_imports_none_of_the_packages_it_helps():
    heavy = (
        "{'django', 'channels', 'redis', 'msgpack', 'asgi_redis', 'asks', 'anyio', 'trio', 'twisted', 'ssl'}"
    )
    assert run(INSTALL + f"import sys; print({heavy} & set(sys.modules))") == "set()"


def test_installing_again_changes_nothing():
    code = (
        "import sys; before = list(sys.meta_path); channels_compat.install(); print(before == sys.meta_path)"
    )
    assert run(INSTALL + code) == "True"


def test_a_patched_module_looks_as_if_nobody_had_been_there():
    code = """
import asgi_redis.core as core, inspect, importlib.machinery, importlib.resources
assert type(core.__loader__) is importlib.machinery.SourceFileLoader
assert core.__spec__.loader is core.__loader__
assert core.__spec__.origin == core.__file__
assert "class RedisChannelLayer" in inspect.getsource(core)
print(core.__cached__.endswith(".pyc"))
"""
    assert run(INSTALL + code) == "True"


def test_the_finder_answers_questions_about_a_module_without_importing_it():
    code = """
import importlib.util, pkgutil, sys
spec = importlib.util.find_spec("django.utils.six")
print("django.utils.six" in sys.modules, "_SixMetaPathImporter" in spec.loader.get_source("django.utils.six"))
"""
    assert run(INSTALL + code) == "False True"


def test_a_reloaded_module_is_patched_again():
    code = """
import importlib, asgi_redis.core as core
importlib.reload(core)
print(type(core.msgpack).__name__ == "OldMsgpack" or core.msgpack.version < (1,))
"""
    assert run(INSTALL + code) == "True"


def test_a_module_that_was_imported_before_is_patched_in_place(tmp_path):
    """With a redis of two files, whose _compat has no b: such as redis 3."""
    (tmp_path / "redis").mkdir()
    (tmp_path / "redis" / "__init__.py").write_text("")
    (tmp_path / "redis" / "_compat.py").write_text("")
    before = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import redis._compat as module\n"
    assert run(before + "print(hasattr(module, 'b'))") == "False"
    assert run(before + INSTALL + "print(module.b('x'))") == "b'x'"


def test_a_module_that_nobody_knows_is_still_missing():
    code = """
for name in ("cgi_", "distutils.no_such", "redis._no_such", "no_such"):
    try:
        __import__(name)
    except ModuleNotFoundError as error:
        print(error.name)
"""
    assert run(INSTALL + code).split() == ["cgi_", "distutils.no_such", "redis._no_such", "no_such"]


def test_threads_that_import_at_once_find_patched_modules():
    code = """
import threading
seen = []
def look():
    import asgi_redis.core as core
    seen.append(core.RedisChannelLayer.group_add.__module__)
threads = [threading.Thread(target=look) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(seen), len(set(seen)))
"""
    assert run(INSTALL + code) == "8 1"
