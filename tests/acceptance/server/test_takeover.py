"""Servers that die in the middle of their work: every operation has one answer, nothing is done twice."""

from __future__ import annotations

import collections
import signal
import time

import pytest

from tests.acceptance.raw import until
from tests.harness.processes import descendants, living

from .crowd import Crowd, names_of

EACH = 250  # operations that one server does at once
PROMISED = 10.0  # seconds from the death of a server to the last answer
PATIENT = "'DEADLINES': {'REQUEST': 100}"  # longer than servers take to start
SETTINGS = f"CHANNELS_ASYNC_SERVER = {{'CONCURRENCY': {{'total': {EACH}, 'per_host': {EACH}}}, {PATIENT}}}\n"
KEYS = ["first key"]
ENCRYPTED = f"CHANNEL_LAYERS['default']['CONFIG']['symmetric_encryption_keys'] = {KEYS}\n"

DEADLY = """
import os, signal

from server_trio.calls import call


@call(idempotent=True)
def kill(path):
    with open(path, "a") as file:
        file.write("begun\\n")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def kill(server) -> None:
    server.process.signal(signal.SIGKILL)
    server.process.wait()


def end(server) -> None:
    """Ask it to end; after that it sends nothing more."""
    server.process.signal(signal.SIGTERM)
    assert server.process.wait() == 0


def counts(upstream) -> dict[str, int]:
    """How often each path has reached the upstream."""
    return collections.Counter(request["target"] for request in upstream.seen())


def journals(redis) -> list[bytes]:
    """What the journals hold."""
    values: list[bytes] = []
    for key in names_of(redis, "asgi::journal:*"):
        values += redis.command("HVALS", key)
    return values


@pytest.mark.parametrize("keys", [(), KEYS], ids=["plain", "encrypted"])
def test_of_two_servers_one_is_killed_with_250_operations(redis, start_server, upstream, keys):
    text = SETTINGS + (ENCRYPTED if keys else "")
    first, second = start_server(text), start_server(text)
    with Crowd(redis, keys) as crowd:
        asked = {}
        for number in range(2 * EACH):
            method = "POST" if number % 2 else "GET"
            asked[crowd.ask(method=method, url=f"{upstream.url}/gate/{number}")] = method
        until("all are in flight", lambda: upstream.statistics()["at_once"] == 2 * EACH)
        assert len(journals(redis)) == 2 * EACH
        assert keys == () or not any(b"/gate/" in value for value in journals(redis))
        kill(first)
        killed_at = time.monotonic()
        until("its connections are closed", lambda: upstream.statistics()["at_once"] == EACH)
        upstream.open()
        crowd.wait(list(asked))
        assert max(crowd.ended_at.values()) - killed_at < PROMISED
        until("nothing is left in a journal", lambda: not journals(redis))
        end(second)
        print(f"the slowest of {len(asked)} answers came after {crowd.longest:.1f} s")
        assert len(crowd.messages) == len(asked)
        gets = [name for name, method in asked.items() if method == "GET"]
        assert {crowd.status(name) for name in gets} == {200}
        posts = collections.Counter(crowd.status(name) for name in asked if asked[name] == "POST")
        assert set(posts) == {200, 502}
        lost = [name for name in asked if crowd.status(name) == 502]
        assert all(b"whether it was done is not known" in crowd.content(name) for name in lost)
    times = counts(upstream)
    assert [times[f"/gate/{number}"] for number in range(1, 2 * EACH, 2)] == [1] * EACH
    again = sum(times[f"/gate/{number}"] == 2 for number in range(0, 2 * EACH, 2))
    assert again + len(lost) == EACH  # all that the dead one had, and nothing else
    assert crowd.left_over() == []


def test_the_only_server_started_again_finds_what_its_predecessor_had(redis, start_server, upstream):
    first = start_server(SETTINGS)
    with Crowd(redis) as crowd:
        gets = [crowd.ask(url=f"{upstream.url}/gate/{number}") for number in range(10)]
        post = crowd.ask(method="POST", url=f"{upstream.url}/gate/post")
        until("all are in flight", lambda: upstream.statistics()["at_once"] == 11)
        kill(first)
        second = start_server(SETTINGS)
        upstream.open()
        crowd.wait([*gets, post])
        end(second)
        assert [crowd.status(name) for name in gets] == [200] * 10
        assert crowd.status(post) == 502
    assert counts(upstream)["/gate/post"] == 1
    assert crowd.left_over() == []


def test_a_server_without_a_free_place_says_at_once_what_is_lost(redis, start_server, upstream):
    text = f"CHANNELS_ASYNC_SERVER = {{'CONCURRENCY': {{'total': 6}}, {PATIENT}}}"
    first = start_server(text)
    with Crowd(redis) as crowd:
        gets = [crowd.ask(url=f"{upstream.url}/gate/{number}") for number in range(2)]
        posts = [crowd.ask(method="POST", url=f"{upstream.url}/gate/post{number}") for number in range(3)]
        begun = crowd.ask(url=f"{upstream.url}/drip/10000?interval=0.05")
        until("all of the first are in flight", lambda: upstream.statistics()["at_once"] == 6)
        until("an answer has begun", lambda: crowd.messages[begun])
        second = start_server(text)
        others = [crowd.ask(url=f"{upstream.url}/gate/other{number}") for number in range(6)]
        until("the second is full", lambda: upstream.statistics()["at_once"] == 12)
        kill(first)
        crowd.wait([*posts, begun])
        assert [crowd.status(name) for name in posts] == [502] * 3
        assert crowd.is_broken(begun)
        assert not any(crowd.messages[name] for name in gets + others)
        upstream.open()
        crowd.wait([*gets, *others])
        end(second)
        assert {crowd.status(name) for name in gets + others} == {200}
    assert [counts(upstream)[f"/gate/{number}"] for number in range(2)] == [2] * 2
    assert [counts(upstream)[f"/gate/post{number}"] for number in range(3)] == [1] * 3
    assert crowd.left_over() == []


def test_an_answer_that_had_begun_is_ended(redis, start_server, upstream):
    first, second = start_server(SETTINGS), None
    with Crowd(redis) as crowd:
        name = crowd.ask(url=f"{upstream.url}/drip/10000?interval=0.05")
        until("the answer has begun", lambda: crowd.messages[name])
        kill(first)
        second = start_server(SETTINGS)
        crowd.wait([name])
        end(second)
        assert crowd.status(name) == 200
        assert crowd.content(name).startswith(b"drop 0\n")
        assert crowd.is_broken(name)  # so that the browser does not take it for a whole one
    assert counts(upstream) == {"/drip/10000?interval=0.05": 1}
    assert crowd.left_over() == []


def test_a_server_that_was_stopped_for_long_answers_nothing_twice(redis, start_server, upstream):
    stopped = start_server(SETTINGS)
    with Crowd(redis) as crowd:
        gets = [crowd.ask(url=f"{upstream.url}/gate/{number}") for number in range(10)]
        posts = [crowd.ask(method="POST", url=f"{upstream.url}/gate/post{number}") for number in range(10)]
        until("all are in flight", lambda: upstream.statistics()["at_once"] == 20)
        stopped.process.signal(signal.SIGSTOP)
        other = start_server(SETTINGS)
        other.process.wait_for_line("took over 20 operations")
        upstream.open()
        crowd.wait([*gets, *posts])
        stopped.process.signal(signal.SIGCONT)
        stopped.process.wait_for_line("another server took this one for dead")
        later = [crowd.ask(url=f"{upstream.url}/echo/{number}") for number in range(10)]
        crowd.wait(later)
        end(stopped)
        end(other)
        assert [crowd.status(name) for name in gets + later] == [200] * 20
        assert [crowd.status(name) for name in posts] == [502] * 10
        assert "Traceback" not in stopped.process.output() + other.process.output()
    assert [counts(upstream)[f"/gate/post{number}"] for number in range(10)] == [1] * 10
    assert crowd.left_over() == []


def test_a_function_that_kills_its_server_is_begun_twice_and_then_a_dead_letter(
    redis, start_server, upstream, tmp_path
):
    (tmp_path / "deadly.py").write_text(DEADLY)
    text = "CHANNELS_ASYNC_SERVER = {'CALL_MODULES': ['deadly'], 'DEADLINES': {'CALL': 60}}"
    first, second = start_server(text), start_server(text)
    with Crowd(redis) as crowd:
        name = crowd.ask("CALL", function="deadly.kill", args=[str(tmp_path / "begun")])
        assert {first.process.wait(60), second.process.wait(60)} == {-signal.SIGKILL}
        third = start_server(text)
        crowd.wait([name])
        end(third)
        assert crowd.status(name) == 502
        assert b"2 servers died while they worked on this" in crowd.content(name)
        assert (tmp_path / "begun").read_text() == "begun\n" * 2
        assert crowd.left_over() == ["asgi::dead"]
    assert redis.command("LLEN", "asgi::dead") == 1


def test_a_function_that_may_not_be_repeated_is_begun_once(redis, start_server, upstream, tmp_path):
    (tmp_path / "deadly.py").write_text(DEADLY.replace("idempotent=True", "idempotent=False"))
    text = "CHANNELS_ASYNC_SERVER = {'CALL_MODULES': ['deadly'], 'DEADLINES': {'CALL': 60}}"
    first = start_server(text)
    with Crowd(redis) as crowd:
        name = crowd.ask("CALL", function="deadly.kill", args=[str(tmp_path / "begun")])
        assert first.process.wait(60) == -signal.SIGKILL
        second = start_server(text)
        crowd.wait([name])
        end(second)
        assert crowd.status(name) == 502
        assert (tmp_path / "begun").read_text() == "begun\n"
        assert crowd.left_over() == []


def test_a_command_dies_with_its_server_and_the_one_that_repeats_it_is_alone(
    redis, start_server, upstream, tmp_path
):
    script = "sleep 1000 & echo $$ $! >>pids; until [ -e stop ]; do sleep 0.05; done; echo done"
    command = {"argv": ["sh", "-c", script], "cwd": str(tmp_path), "idempotent": True, "kill_after": 0.5}
    text = f"CHANNELS_ASYNC_SERVER = {{'COMMANDS': {{'it': {command!r}}}}}"
    first, second = start_server(text), None

    def begun() -> list[set[int]]:
        """The process and its child of each run."""
        lines = (tmp_path / "pids").read_text().splitlines() if (tmp_path / "pids").exists() else []
        return [set(map(int, line.split())) for line in lines]

    def alive() -> set[int]:
        return {pid for pid, _, _ in living()}

    with Crowd(redis) as crowd:
        name = crowd.ask("COMMAND", command="it")
        until("it runs", begun)
        assert begun()[0] <= alive()
        helpers = descendants(first.process.pid)
        kill(first)
        until("it has ended, and its child", lambda: not begun()[0] & alive())
        second = start_server(text)
        until("it runs again", lambda: len(begun()) == 2)
        assert begun()[1] <= alive()
        assert not helpers & alive()
        (tmp_path / "stop").touch()
        crowd.wait([name])
        assert (crowd.status(name), crowd.content(name)) == (200, b"done\n")
        until("nothing of it is left", lambda: not begun()[1] & alive())
        helpers = descendants(second.process.pid)
        end(second)
        assert not helpers & alive()
        assert crowd.left_over() == []


def test_a_command_that_may_be_repeated_is_run_again(redis, start_server, upstream, tmp_path):
    script = "mkdir begun && until [ -e stop ]; do sleep 0.1; done; echo done"
    command = {"argv": ["sh", "-c", script], "cwd": str(tmp_path), "idempotent": True}
    text = f"CHANNELS_ASYNC_SERVER = {{'COMMANDS': {{'it': {command!r}}}}}"
    first, second = start_server(text), None
    with Crowd(redis) as crowd:
        name = crowd.ask("COMMAND", command="it")
        until("it runs", (tmp_path / "begun").exists)
        kill(first)
        (tmp_path / "stop").touch()
        second = start_server(text)
        crowd.wait([name])
        end(second)
        assert (crowd.status(name), crowd.content(name)) == (200, b"done\n")
        assert crowd.left_over() == []
