"""What `--check` asks each page for, and what it takes for right."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.harness.upstream_app import pattern

from .asking import TIMEOUT, CheckFailed, Page, ask, digest_of, expect, open_socket, response
from .stack import Demo

PRIMES = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29]
LARGE = 50_000_000  # bytes


@dataclass(frozen=True)
class Row:
    """A page, and a function that says what was seen of it or raises CheckFailed."""

    path: str
    check: Callable[[Demo], str]


def offloaded(demo: Demo) -> str:
    """The upstream's status, body and headers arrive with the cookie and the header of the middleware."""
    page = ask(demo.url + "/offloaded/")
    expect_slow(demo, "/offloaded/", page)
    expect("the upstream's header X-Upstream", page.header("x-upstream"), "slow")
    expect("the middleware's header X-Visits", page.header("x-visits"), "1")
    if not page.header("set-cookie").strip().startswith("sessionid="):
        raise CheckFailed(f"no session cookie of Django's middleware in {page.headers}")
    return "the upstream's answer, with the cookie and the header of the middleware"


def blocking(demo: Demo) -> str:
    expect_slow(demo, "/blocking/", ask(demo.url + "/blocking/"))
    return "the same answer, by a worker that waited"


def raw(demo: Demo) -> str:
    expect_slow(demo, "/raw/", ask(demo.url + "/raw/"))
    return "the same answer, for a consumer"


def quick(demo: Demo) -> str:
    expect("body of /quick/", ask(demo.url + "/quick/").body, b"quick\n")
    return "a page of Django's"


def forward(demo: Demo) -> str:
    page = ask(demo.url + "/forward/echo/anything?a=%20", "PUT", b"a body", **{"X-Twice": "1"})
    expect("status of /forward/", page.status, 200)
    seen = json.loads(page.body)
    expect("the request", (seen["method"], seen["target"]), ("PUT", "/echo/anything?a=%20"))
    expect("its body", seen["body"], "a body")
    headers = {name.lower(): value for name, value in seen["headers"]}
    expect("its header X-Forwarded-For", headers.get("x-forwarded-for"), "127.0.0.1")
    expect("the middleware's header X-Visits", page.header("x-visits"), "1")
    return "method, path, query, body and headers arrived, and X-Forwarded-For"


def download(demo: Demo) -> str:
    size, digest = digest_of(f"{demo.url}/forward/bytes/{LARGE}")
    expect("SHA-256 of the download", digest, hashlib.sha256(pattern(LARGE)).hexdigest())
    return f"{size:,} bytes, unchanged"


def drip(demo: Demo) -> str:
    page = ask(demo.url + "/forward/drip/3?interval=0.05")
    expect("the drops", page.body, b"drop 0\ndrop 1\ndrop 2\n")
    return "a stream, drop by drop"


def upload(demo: Demo) -> str:
    expect("status of the form", ask(demo.url + "/upload/").status, 200)
    body = pattern(LARGE // 10)
    page = ask(demo.url + "/upload/", "POST", body)
    expect("status of the upload", page.status, 200)
    expect("SHA-256 of the upload", json.loads(page.body)["sha256"], hashlib.sha256(body).hexdigest())
    return f"{len(body):,} bytes, unchanged"


def events(demo: Demo) -> str:
    expect("status of /events/", ask(demo.url + "/events/").status, 200)
    page = ask(demo.url + "/forward/events/5", Accept="text/event-stream")
    expect("type of the events", page.header("content-type"), "text/event-stream")
    expect("events", page.body.count(b"\ndata: event "), 5)
    return "five server-sent events"


def status(demo: Demo) -> str:
    page = ask(demo.url + "/status/1/")
    expect("status of /status/1/", page.status, 200)
    expect("a table of what is in flight", b'<table id="running"' in page.body, True)
    expect("status of its script", ask(demo.url + "/status/1/status.js").status, 200)
    return "a server's own page, by its unix socket"


def call_async(demo: Demo) -> str:
    page = ask(demo.url + "/call/async/")
    expect("status of /call/async/", page.status, 200)
    expect("status that the function has seen", json.loads(page.body)["status"], 200)
    return "a dict, as JSON"


def call_thread(demo: Demo) -> str:
    page = ask(demo.url + "/call/thread/?number=30")
    expect("what the function returned", json.loads(page.body), PRIMES)
    return "a list, as JSON"


def call_stream(demo: Demo) -> str:
    with response(demo.url + "/call/stream/", "GET") as answer:
        lines = [answer.readline() for _ in range(5)]
        rest = answer.read()
    expect("lines of the stream", [*lines, rest], [b"tick %d\n" % number for number in range(5)] + [b""])
    return "five lines of an async generator"


def command(demo: Demo) -> str:
    expect("output of the command", ask(demo.url + "/command/?to=3").body, b"1\n2\n3\n")
    page = ask(demo.url + "/command/?to=;id")
    if page.status == 200:
        raise CheckFailed("a parameter that its pattern forbids was taken")
    return f"what `seq 3` prints; a forbidden parameter is a {page.status}"


def slow_command(demo: Demo) -> str:
    expect("output of the command", ask(demo.url + "/command/slow/?to=2").body, b"1\n2\n")
    return "what a slow program prints"


def socket(demo: Demo) -> str:
    expect("status of /socket/", ask(demo.url + "/socket/").status, 200)
    with open_socket(demo.url + "/socket/") as it:
        it.send("0.2")
        expect("the frame", it.recv(TIMEOUT), "after 0.2 s\n")
    return "a frame with the upstream's answer"


def notify(demo: Demo) -> str:
    with open_socket(demo.url + "/socket/") as one, open_socket(demo.url + "/socket/") as two:
        for it in (one, two):  # what comes back to each says that it is in the group by now
            it.send("0")
            expect("the frame", it.recv(TIMEOUT), "after 0.0 s\n")
        expect("status of /notify/", ask(demo.url + "/notify/?text=news").status, 200)
        expect("the frames", (one.recv(TIMEOUT), two.recv(TIMEOUT)), ("news", "news"))
    return "two WebSockets got it"


def timeout(demo: Demo) -> str:
    expect("status of /timeout/", ask(demo.url + "/timeout/").status, 504)
    return "504 when its three seconds are over"


def retries(demo: Demo) -> str:
    demo.upstream.reset()
    expect("status of /retries/", ask(demo.url + "/retries/").status, 503)
    expect("requests that the upstream got", len(demo.upstream.seen()), 3)
    return "asked three times, then its 503"


def breaker(demo: Demo) -> str:
    """Each server counts by itself, and any of them may be the first to have seen five."""
    pages = [ask(demo.url + "/breaker/")]
    while pages[-1].status == 502 and len(pages) <= 5 * demo.servers:
        pages.append(ask(demo.url + "/breaker/"))
    expect("status in the end", pages[-1].status, 503)
    expect("Retry-After", pages[-1].header("retry-after"), "1")
    expect("at least five times 502 before", len(pages) > 5, True)
    return "502 at least five times, then 503 with Retry-After at once"


def refused(demo: Demo) -> str:
    expect("status of /refused/", ask(demo.url + "/refused/").status, 403)
    return "403: the server's settings forbid the address"


def report(demo: Demo) -> str:
    started = ask(demo.url + "/report/")
    expect("status of /report/", started.status, 202)
    page = wait_for(lambda: ask(demo.url + started.body.decode().strip()), lambda page: page.status == 200)
    expect("what was stored", page.body, f"200 after {demo.delay} s\n".encode())
    return "the answer, stored by a consumer of the site"


def forget(demo: Demo) -> str:
    demo.upstream.reset()
    expect("status of /forget/", ask(demo.url + "/forget/").status, 202)
    seen = wait_for(demo.upstream.seen, bool)
    expect("what the upstream got", [request["target"] for request in seen], ["/echo/forgotten"])
    return "the upstream got it, and nobody heard"


def expect_slow(demo: Demo, path: str, page: Page) -> None:
    expect(f"status of {path}", page.status, 200)
    expect(f"body of {path}", page.body, f"after {demo.delay} s\n".encode())


def wait_for(look, good):
    """What `look` returns as soon as that is good; nothing tells when."""
    end = time.monotonic() + TIMEOUT
    while not good(seen := look()):
        if time.monotonic() > end:
            raise CheckFailed(f"after {TIMEOUT:g} s still {seen!r}")
        time.sleep(0.05)
    return seen


ROWS = [
    Row("/offloaded/", offloaded),
    Row("/blocking/", blocking),
    Row("/raw/", raw),
    Row("/quick/", quick),
    Row("/forward/echo/anything", forward),
    Row("/forward/bytes/50000000", download),
    Row("/forward/drip/40", drip),
    Row("/upload/", upload),
    Row("/events/", events),
    Row("/status/1/", status),
    Row("/call/async/", call_async),
    Row("/call/thread/", call_thread),
    Row("/call/stream/", call_stream),
    Row("/command/", command),
    Row("/command/slow/", slow_command),
    Row("/socket/", socket),
    Row("/notify/", notify),
    Row("/timeout/", timeout),
    Row("/retries/", retries),
    Row("/breaker/", breaker),
    Row("/refused/", refused),
    Row("/report/", report),
    Row("/forget/", forget),
]
