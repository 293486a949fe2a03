"""examples/asyncdemo: each stage tells everybody and leaves nothing behind; the hammer writes what it saw."""

from __future__ import annotations

import signal
import sys
import time
import xml.etree.ElementTree as ElementTree

import pytest

from examples.asyncdemo.deaths import deaths
from examples.asyncdemo.stages import STAGES
from tests.acceptance.browser import ask
from tests.acceptance.raw import until
from tests.harness.pages import Page
from tests.harness.processes import Process, descendants, living, started
from tests.house.tree import ROOT

RUN = str(ROOT / "examples" / "asyncdemo" / "run.py")
PATIENCE = 60.0  # seconds


def start(web_python: str, *words: str) -> Process:
    return Process([sys.executable, RUN, *words, "--web-python", web_python], name=" ".join(words))


def delivered(url: str, count: int) -> None:
    """Return once so many notifications have arrived."""
    end = time.monotonic() + PATIENCE
    while (said := ask(url + "delivered/").body) != b"%d delivered, 0 on their way\n" % count:
        assert time.monotonic() < end, said


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_a_stage_tells_four_of_an_order_and_ctrl_c_ends_all_of_it(web_python, stage):
    demo = start(web_python, stage.name, "--scale", "0.01")
    try:
        url = demo.wait_for_line("http://").split()[0]
        page = ask(url)
        assert (page.status, b"the accountant in 0.3 s" in page.body) == (200, True)
        answer = ask(url + "order/", "POST")
        assert (answer.status, answer.body[:6]) == (200, b"order ")
        delivered(url, 4)
        begun = descendants(demo.pid)
        assert len(begun) >= len(stage.programs) + 1 + stage.redis  # the upstream, too
        demo.signal(signal.SIGINT)
        while begun <= {pid for pid, _, _ in living()} and demo.returncode is None:
            pass
        demo.signal(signal.SIGINT)  # a second one does not leave half of them
        assert demo.wait(60) == 0, demo.output()
        assert not begun & {pid for pid, _, _ in living()}
        assert "died" not in demo.output()
    finally:
        demo.end()


def test_the_responsive_worker_of_the_bonus_round_dies_once_a_hundred_wait_and_the_demo_says_so(web_python):
    demo = start(web_python, "bonusround")
    try:
        url = demo.wait_for_line("http://").split()[0]
        for _ in range(26):  # 104 notifications; the notifier takes 5 s for the first
            assert ask(url + "order/", "POST").status == 200
        line = demo.wait_for_line("worker died")
        assert "RuntimeError: Failed to send queued message to notify" in line
        assert demo.returncode is None
        demo.signal(signal.SIGINT)
        assert demo.wait(60) == 0, demo.output()
    finally:
        demo.end()


def test_a_worker_thread_that_dies_is_found(tmp_path):
    program = tmp_path / "threads.py"
    program.write_text(
        "import sys, threading\n"
        "thread = threading.Thread(target=lambda: [][1])\n"
        "thread.start(); thread.join(); print('joined', file=sys.stderr)\n"
        "threading.Event().wait()\n"
    )
    with started([sys.executable, str(program)], name="site") as process:
        process.wait_for_line("joined")
        assert deaths(process) == ["a thread of site died of IndexError: list index out of range"]


def test_the_last_words_of_a_process_that_has_ended_are_waited_for():
    # Who says them ends after it.
    script = "(while kill -0 $$; do sleep 0.1; done; sleep 0.3; echo 'RuntimeError: the last') 2>&- & exit 1"
    with started(["sh", "-c", script], name="worker") as process:
        until("it has ended", lambda: process.returncode is not None)
        assert deaths(process) == ["worker died of RuntimeError: the last"]


def test_a_short_hammer_writes_a_row_for_each_stage_and_the_last_delivers_everything(web_python, tmp_path):
    load = ["--seconds", "1", "--connections", "8", "--scale", "0.005", "--patience", "10"]
    hammer = start(web_python, "hammer", *load, "--to", str(tmp_path))
    assert hammer.wait(240) == 0, hammer.output()
    text = (tmp_path / "results.rst").read_text()
    Page(tmp_path / "results.rst")  # docutils would warn of nothing
    rows = {line.split()[0]: line.split() for line in text.splitlines() if " of " in line and "  " in line}
    assert list(rows) == [stage.name for stage in STAGES]
    served = {name: int(row[1]) for name, row in rows.items()}
    assert min(served.values()) > 0
    for name in ("step1", "server_trio"):
        failed, lost = rows[name][2], rows[name][-1]
        assert (failed, lost) == ("0", "0"), text
        count, _, due = rows[name][-4:-1]
        assert count == due == str(4 * served[name]), text
    assert "* server_trio: none died.\n" in text
    picture = ElementTree.parse(tmp_path / "results.svg")
    said = [element.text for element in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert [stage.name for stage in STAGES] == [text for text in said if text in rows]
    assert f"{served['server_trio']} served, 0 failed" in said
