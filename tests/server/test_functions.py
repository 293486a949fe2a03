"""CALLS, CALL_MODULES and DJANGO_SETUP: what may be called is settled before the server serves."""

from __future__ import annotations

import functools
import pathlib
import sys
from typing import Any

import pytest

from channels_async.wire import encode, parse
from server_trio.calls import call
from server_trio.errors import SettingsError
from server_trio.functions import load_functions
from server_trio.loading import load_handlers
from server_trio.recovery import is_repeatable
from server_trio.resolving import resolve

from . import call_functions
from .call_support import MODULE
from .test_cli import LAYER, complaint, start


def load(**settings: Any) -> Any:
    return load_functions(resolve(settings, {}, {}))


def test_functions_are_there_by_their_names_and_run_where_they_belong() -> None:
    found = load(CALLS={"thumbnail.status": f"{MODULE}.secret", "other": f"{MODULE}.an_object"})
    assert {name: (it.target, it.in_task, it.takes_context) for name, it in found.items()} == {
        "thumbnail.status": (call_functions.secret, False, False),
        "other": (call_functions.an_object, True, False),
    }


def test_what_calls_names_may_be_marked_too_and_has_the_name_of_calls() -> None:
    found = load(CALLS={"there": f"{MODULE}.where", "secret": f"{MODULE}.secret"})
    assert {name: it.idempotent for name, it in found.items()} == {"there": True, "secret": False}


def test_marked_functions_of_a_module_are_there_and_no_others() -> None:
    found = load(CALL_MODULES=[MODULE])
    assert found["call_functions.given"].target is call_functions.given
    assert found["async.case"].in_task
    assert found["call_functions.where_quick"].in_task
    assert found["call_functions.about"].takes_context
    assert not {"call_functions.secret", "call_functions.tell", "call_functions.call"} & set(found)


def test_the_same_function_may_be_named_twice() -> None:
    found = load(CALLS={"call_functions.given": f"{MODULE}.given"}, CALL_MODULES=[MODULE])
    assert found["call_functions.given"].target is call_functions.given


def test_a_function_is_called_again_after_the_death_of_a_server_only_where_it_says_so() -> None:
    handler = load_handlers(resolve({"CALL_MODULES": [MODULE]}, {}, {}))["CALL"]
    repeatable = {}
    for name in ("call_functions.where", "call_functions.given", "unknown"):
        operation = parse(encode("a", "b!c", operation="CALL", function=name), 0.0)
        repeatable[name] = is_repeatable(operation, handler)
    assert repeatable == {"call_functions.where": True, "call_functions.given": False, "unknown": False}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"CALLS": {"f": "no_such.module.f"}}, ["['CALLS']['f']", "no_such", "cannot be imported"]),
        ({"CALLS": {"f": f"{MODULE}.givne"}}, ["['f']", "has no givne", f"did you mean {MODULE}.given?"]),
        ({"CALLS": {"f": f"{MODULE}.told"}}, ["['f']", "is no function", "list"]),
        ({"CALLS": {"f": f"{MODULE}.Object"}}, ["['f']", "is no function", "type"]),
        ({"CALLS": {"f": "given"}}, ["['f']", "dotted path", "myproject.async_ops.status"]),
        ({"CALLS": {"f": "myproject..f"}}, ["['f']", "dotted path"]),
        ({"CALLS": {"f": call_functions.given}}, ["['f']", "dotted path"]),
        ({"CALLS": {"a b": f"{MODULE}.given"}}, ["'a b'", "no name for a function"]),
        ({"CALLS": [f"{MODULE}.given"]}, ["CALLS", "must be a dict"]),
        ({"CALL_MODULES": ["no_such"]}, ["['CALL_MODULES']", "no_such", "cannot be imported"]),
        ({"CALL_MODULES": ["json"]}, ["['CALL_MODULES']: json", "no function that is marked with @call"]),
        (
            {"CALLS": {"call_functions.given": f"{MODULE}.secret"}, "CALL_MODULES": [MODULE]},
            ["CALL_MODULES", "'call_functions.given'", "another function's", "['CALLS']"],
        ),
        ({"CALL_THREADS": 0}, ["CALL_THREADS", "between 1 and"]),
    ],
)
def test_what_is_wrong_is_named(settings: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        load(**settings)
    assert [word for word in words if word not in str(caught.value)] == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import nothing_at_all", ["ModuleNotFoundError", "nothing_at_all", "broken.py, line 1"]),
        ("def f(:", ["SyntaxError", "broken.py, line 1"]),
        ("raise SystemExit(3)", ["SystemExit", "broken.py, line 1"]),
        ("from django.contrib.auth.models import User", ["AppRegistryNotReady", "'DJANGO_SETUP'"]),
    ],
)
def test_a_module_that_cannot_be_imported_ends_the_start_with_one_line(
    tmp_path: pathlib.Path, text: str, words: list[str]
) -> None:
    (tmp_path / "broken.py").write_text(text)
    settings = LAYER + "INSTALLED_APPS = []\nCHANNELS_ASYNC_SERVER = {'CALLS': {'f': 'broken.f'}}"
    (tmp_path / "myproject.py").write_text(settings)
    ended = start(tmp_path, "myproject")
    assert ended.returncode == 2
    said = complaint(ended)
    assert [word for word in ["['CALLS']['f']", *words] if word not in said] == []


def test_an_app_that_is_not_there_ends_the_start_with_one_line(tmp_path: pathlib.Path) -> None:
    settings = "INSTALLED_APPS = ['no_such_app']\nCHANNELS_ASYNC_SERVER = {'DJANGO_SETUP': True}"
    (tmp_path / "myproject.py").write_text(LAYER + settings)
    ended = start(tmp_path, "myproject")
    assert ended.returncode == 2
    for word in ("DJANGO_SETUP", "no_such_app", "INSTALLED_APPS"):
        assert word in complaint(ended)


LOGGING = """
LOGGING = {'version': 1, 'handlers': {'stderr': {'class': 'logging.StreamHandler'}},
           'root': {'handlers': ['stderr'], 'level': 'INFO'}}
INSTALLED_APPS = []
CHANNELS_ASYNC_SERVER = {'DJANGO_SETUP': True}
import logging
import atexit
atexit.register(lambda: print(logging.getLogger('server_trio.cli').disabled))
"""


def test_the_log_of_the_server_survives_the_projects_own_configuration(tmp_path: pathlib.Path) -> None:
    """dictConfig disables the loggers that are there and not named, unless it is told otherwise."""
    (tmp_path / "myproject.py").write_text(LAYER + LOGGING)
    ended = start(tmp_path, "myproject")
    assert ended.returncode == 3  # there is no Redis
    assert ended.stdout.strip() == "False"


# --- the decorator ----------------------------------------------------------------------------------


def test_the_decorator_returns_the_function_itself() -> None:
    def function() -> None: ...

    async def coroutine() -> None: ...

    assert call(function) is function
    assert call("a.name")(function) is function
    assert call(name="a.name", thread=True)(function) is function
    assert call(thread=False)(coroutine) is coroutine


@pytest.mark.parametrize(
    ("mark", "words"),
    [
        (lambda: call(5), "takes a name as text, not int"),  # type: ignore[call-overload]
        (lambda: call("a", name="b"), "two names"),
        (lambda: call(thread="yes"), "thread must be True or False"),  # type: ignore[call-overload]
        (lambda: call(idempotent=1), "idempotent must be True or False"),  # type: ignore[call-overload]
        (lambda: call("a")(5), "is for functions"),  # type: ignore[type-var]
        (lambda: call(dict), "is for functions"),
        (lambda: call(thread=True)(call_functions.where_async), "is async def"),
    ],
)
def test_a_wrong_mark_is_a_typeerror(mark: functools.partial[Any], words: str) -> None:
    with pytest.raises(TypeError, match=words):
        mark()


def test_importing_the_decorator_loads_nothing_of_the_server() -> None:
    import subprocess

    program = "import sys, server_trio.calls; print(' '.join(sys.modules))"
    environment = {"PYTHONPATH": ":".join(path for path in sys.path if path)}
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment
    )
    loaded = ended.stdout.split()
    assert "server_trio.calls" in loaded
    assert {"asks", "django", "redis", "server_trio.supervisor"} & set(loaded) == set()
