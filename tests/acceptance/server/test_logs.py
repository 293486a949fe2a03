"""The log of a real server: one line an operation, as text or JSON, or where the project's LOGGING says."""

from __future__ import annotations

import json
import signal

from tests.acceptance.raw import until

LOGGING = """
LOGGING = {{
    'version': 1,
    'filters': {{'operation': {{'()': 'server_trio.logs.OperationFilter'}}}},
    'formatters': {{'line': {{'format': '%(levelname)s [%(operation_id)s] %(name)s %(message)s'}}}},
    'handlers': {{'file': {{'class': 'logging.FileHandler', 'filename': 'server.log', 'formatter': 'line',
                            'filters': ['operation']}}}},
    'root': {{'handlers': ['file'], 'level': '{level}'}},
}}
"""
TRACE = "0af7651916cd43dd8448eb211c80319c"


def test_an_operation_is_one_line_with_target_outcome_seconds_and_bytes(start_server, upstream):
    server = start_server()
    server.ask(upstream.url.replace("http://", "http://user:secret@") + "/echo?token=secret")
    server.whole_answer()
    line = server.process.wait_for_line("<Request GET")
    assert f"<Request GET {upstream.url}>: ok, status 200, " in line
    assert " bytes" in line
    assert "secret" not in server.process.output()


def test_as_json_each_line_is_an_object(start_server, upstream):
    server = start_server(words=["--log-format", "json"])
    server.ask(upstream.url + "/echo")
    server.whole_answer()
    server.ask("http://127.0.0.1:1/")
    assert server.whole_answer()[0] == 502
    server.process.signal(signal.SIGTERM)
    assert server.process.wait() == 0
    lines = [json.loads(line) for line in server.process.output().splitlines()]
    assert {"time", "level", "logger", "pid", "message"} <= set(lines[0])
    good, bad = (line for line in lines if line["logger"] == "server_trio.operation")
    assert good["operation"] == "REQUEST"
    assert (good["target"], good["outcome"], good["status"]) == (f"<Request GET {upstream.url}>", "ok", 200)
    assert isinstance(good["seconds"], float)
    assert good["bytes"] > 0
    assert (good["level"], len(good["operation_id"])) == ("INFO", 32)
    assert (bad["level"], bad["status"], bad["reason"].partition(":")[0]) == ("WARNING", 502, "127.0.0.1")


def test_the_projects_logging_is_used_and_stderr_is_left_alone(start_server, upstream, tmp_path):
    server = start_server(LOGGING.format(level="INFO"), wait=False)
    log = tmp_path / "server.log"
    until("it is ready", lambda: log.exists() and "ready" in log.read_text(), 40)
    server.ask(upstream.url + "/echo")
    server.whole_answer()
    until("the operation is told", lambda: "status 200" in log.read_text())
    (line,) = (line for line in log.read_text().splitlines() if "status 200" in line)
    id = line.partition("[")[2].partition("]")[0]
    assert line.startswith(f"INFO [{id}] server_trio.operation {id} <Request GET")
    server.process.signal(signal.SIGTERM)
    assert server.process.wait() == 0
    assert server.process.output() == ""


def test_a_logging_that_cannot_be_used_is_told_at_the_start(start_server):
    server = start_server("LOGGING = {'version': 1, 'root': {'handlers': ['nowhere']}}", wait=False)
    assert server.process.wait() == 2
    (line,) = server.process.output().splitlines()
    assert line.startswith("server_trio: LOGGING cannot be used: ")
    assert "nowhere" in line


def test_sigusr1_prints_what_each_task_waits_for_and_the_server_goes_on(start_server, upstream):
    server = start_server("CHANNELS_ASYNC_SERVER = {'GRACE_TIME': 0.1}")
    for number in range(5):
        server.ask(upstream.url + "/hang", f"n{number}")
    until("the upstream is asked", lambda: upstream.statistics()["at_once"] == 5)
    server.process.signal(signal.SIGUSR1)
    server.process.wait_for_line("at the same place")
    shown = server.process.output()
    assert f"server_trio, process {server.process.pid}: " in shown
    assert shown.count(f"<Request GET {upstream.url}>)") == 3  # and 2 more
    assert "... and 2 more" in shown
    assert " run_request < " in shown
    assert "waits in trio: " in shown
    server.ask(upstream.url + "/echo")
    assert server.whole_answer()[0] == 200


def test_the_trace_of_a_request_reaches_the_upstream(start_server, upstream):
    server = start_server()
    given = f"00-{TRACE}-b7ad6b7169203331-01"
    server.ask(
        upstream.url + "/echo", v=2, id="1", traceparent=given, tracestate="a=b",
        headers=[[b"X-One", b"1"]],
    )  # fmt: skip
    status, _, body = server.whole_answer()
    assert status == 200
    assert given.encode() in body
    assert b"a=b" in body


def test_lines_of_several_processes_can_be_told_apart_and_each_shows_its_tasks(start_server):
    server = start_server(words=["--log-format", "json", "--processes", "2"])
    lines = [json.loads(line) for line in server.process.output().splitlines()]
    pids = {line.get("process_number"): line["pid"] for line in lines}
    assert set(pids) == {None, 1, 2}
    assert len(set(pids.values())) == 3
    server.process.signal(signal.SIGUSR1)
    for number in (1, 2):
        server.process.wait_for_line(f"server_trio, process {pids[number]}: ")
