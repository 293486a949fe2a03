"""Nothing secret is in what a server writes, however much it is told to write, whatever fails."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import msgpack
import pytest

from tests.acceptance.raw import PREFIX, Server, until
from tests.harness.processes import SOURCES
from tests.harness.redis_server import RedisServer, free_port, redis_server

MARK = "Geh3im"
REPLIES = "daphne.response.Secrets"

FUNCTIONS = f"""
from server_trio.calls import call

@call
def good(*args, **kwargs):
    return 'done'

@call
def bad(*args, **kwargs):
    {MARK} = args
    raise ValueError('a fault of the project')

@call
async def bad_async(*args, **kwargs):
    raise LookupError('another one')

@call
def wrong(*args, **kwargs):
    return object()

@call
def no_arguments():
    return 'done'
"""

SETTINGS = f"""
CHANNELS_ASYNC_SERVER = {{
    'CALL_MODULES': ['raw_functions'],
    'COMMANDS': {{
        'say': {{'argv': ['echo', '{{what}}'], 'parameters': {{'what': '[a-z0-9A-Z]*'}}}},
        'fail': {{'argv': ['sh', '-c', 'exit 3', 'sh', '{{what}}'], 'parameters': {{'what': '.*'}}}},
        'long': {{'argv': ['sleep', '60'], 'kill_after': 0.1}},
    }},
    'EGRESS': {{'deny': ['denied.test']}},
    'HTTP': {{'proxy': 'http://name:{MARK}proxy@127.0.0.1:1', 'no_proxy': '127.0.0.1,nowhere.invalid',
             'response_head': 4096, 'breaker_failures': 0}},
    'DEADLINES': {{'REQUEST': 3, 'FORWARD': 3}},
}}
"""


def secret(*what: str) -> str:
    return MARK + "".join(what)


HEADERS = [
    [b"Authorization", b"Bearer " + secret("bearer").encode()],
    [b"Cookie", b"session=" + secret("cookie").encode()],
    [b"X-Api-Key", secret("key").encode()],
    [b"Proxy-Authorization", b"Basic " + secret("proxy").encode()],
]

#: Paths of the upstream, and what is asked at each.
PATHS = [
    "/echo/good", "/status/404", "/status/500", "/garbage", "/truncated", "/disconnect", "/hang", "/torn",
    f"/redirect/302?to=http://user:{MARK}@127.0.0.1:1/x?token={MARK}", f"/redirect/302?to=ftp://x/{MARK}",
    f"/redirect/302?to=/echo/{MARK}", f"/cookies?session={MARK}", f"/headers?X-Token={MARK}",
    "/bytes/100000",
]  # fmt: skip


class Asking:
    """Puts operations on the server's channel."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._numbers = itertools.count(1)
        self.asked = 0

    def __call__(self, operation: str, **fields: Any) -> None:
        number = next(self._numbers)
        self.asked += 1
        message = {
            "v": 2, "operation": operation, "id": f"{number:032x}", "reply_channel": f"{REPLIES}{number}!x",
            "reply_format": "http", "sent_at": time.time(), "timeout": 5.0,
            "response_headers": [[b"Set-Cookie", b"sessionid=" + secret("site").encode()]], **fields,
        }  # fmt: skip
        self._server.put(msgpack.packb(message, use_bin_type=True))

    def of_2017(self, **fields: Any) -> None:
        self.asked += 1
        message = {"operation": "REQUEST", "reply_channel": f"{REPLIES}{next(self._numbers)}!x", **fields}
        self._server.put(msgpack.packb(message, use_bin_type=True))


def ask_all(ask: Asking, upstream: str) -> None:
    """Operations of every kind, good ones and all that fail."""
    elsewhere = ["http://127.0.0.1:1", "http://nowhere.invalid", "http://denied.test", "http://proxied.test",
                 "https://proxied.test", upstream.replace("http:", "https:")]  # fmt: skip
    urls = [upstream + path for path in PATHS] + [f"{base}/{MARK}" for base in elsewhere]
    for url in urls:
        url += ("&" if "?" in url else "?") + f"access_token={MARK}"
        common = {"url": url, "headers": HEADERS, "body": secret("body").encode()}
        ask("REQUEST", method="POST", **common)
        ask("FORWARD", method="POST", **common)
        ask("REQUEST", method="GET", **common, reply_format="websocket")
        cookies, authorization = repr({"a": secret()}), repr({"Authorization": secret()})
        ask.of_2017(url=url, headers=authorization, cookies=cookies, data=MARK)
    for function in ("good", "bad", "bad_async", "wrong", "no_arguments", "unknown"):
        ask("CALL", function=f"raw_functions.{function}", args=[MARK, {"a": MARK}], kwargs={"password": MARK})
    for command, values in (("say", MARK), ("say", MARK + "!"), ("fail", MARK), ("long", ""), ("none", MARK)):
        fields = {"parameters": {"what": values} if command != "long" else {}}
        ask("COMMAND", command=command, stdin=secret("stdin").encode(), **fields, timeout=1.0)
    ask("REQUEST", url=f"http://name:{MARK}@127.0.0.1/")
    ask("REQUEST", url=upstream, headers=[[b"X", f"a\r\n{MARK}".encode()]])
    ask("REQUEST", url=upstream, headers={"Authorization": MARK})
    ask("REQUEST", url=upstream, body=[MARK])
    ask("REQUEST", url=upstream, surprise=MARK)
    ask("REQUEST", url=f"http://{MARK} x/")
    ask("REQUEST", url=upstream, headers=[[b"Authorization: " + MARK.encode(), b""]])
    ask("CALL", function=f"{MARK} x", args=[])
    ask("COMMAND", command="say", parameters={"what": [MARK]})
    ask.of_2017(url=f"http://name:{MARK}@127.0.0.1:1/", auth=repr(("name", MARK)))
    ask.of_2017(url=upstream, auth=f"({MARK}", headers=f"__import__('{MARK}')")


@pytest.fixture
def guarded() -> Iterator[Any]:
    with redis_server(password=secret("redis")) as redis:
        yield redis


def test_no_secret_is_in_the_log_at_vv_whatever_is_done_or_fails(tmp_path, guarded, upstream):
    (tmp_path / "raw_functions.py").write_text(FUNCTIONS)
    server = Server(tmp_path, guarded, SETTINGS, ["-v"])
    try:
        server.wait_until_ready()
        ask = Asking(server)
        ask_all(ask, upstream.url)
        until("every operation is in the log", lambda: told(server) >= ask.asked, 60)
        errors = list(error_answers(guarded))
        guarded.stop()  # what is said of a Redis that is away
        server.process.wait_for_line("cannot be reached")
    finally:
        server.process.end()
    shown = [line for line in server.process.output().splitlines() if MARK in line]
    assert shown == []
    assert len(errors) > 50
    assert [content for content in errors if MARK.encode() in content] == []


def told(server: Server) -> int:
    """How many operations the log says something of that is their end."""
    end = re.compile(r"<(Request|Forward|Call|Command) .*>: |bad message on")
    return sum(bool(end.search(line)) for line in server.process.output().splitlines())


def error_answers(redis: RedisServer) -> Iterator[bytes]:
    """What the server itself has told the ones who wait: the content of its errors."""
    for channel in redis.command("KEYS", PREFIX + REPLIES + "*"):  # type: ignore[union-attr]
        for key in redis.command("LRANGE", channel, 0, -1):  # type: ignore[union-attr]
            message = msgpack.unpackb(redis.command("GET", key), raw=False)
            if '"error"' in message.get("text", ""):
                yield message["text"].encode()
            elif [b"cache-control", b"no-store"] in message.get("headers", []):
                yield message["content"]


@pytest.mark.parametrize(
    ("settings", "status"),
    [
        ("CHANNEL_LAYERS['default']['CONFIG']['hosts'] = ['redis://:{mark}@127.0.0.1:{port}/0']", 3),
        ("CHANNEL_LAYERS['default']['CONFIG']['symmetric_encryption_keys'] = '{mark}'", 2),
        ("CHANNELS_ASYNC_SERVER = {{'HTTP': {{'proxy': 'ftp://name:{mark}@proxy'}}}}", 2),
        ("CHANNELS_ASYNC_SERVER = {{'HTTP': {{'proxy': 'http://name:{mark}@'}}}}", 2),
        (
            "CHANNELS_ASYNC_SERVER = {{'TLS': {{'certificates': {{'a.test': {{'certificate': {pem!r},"
            " 'key': {pem!r}, 'password': '{mark}'}}}}}}}}", 2,
        ),
    ],
)  # fmt: skip
def test_no_secret_is_in_what_a_server_says_that_cannot_start(tmp_path, redis, settings, status):
    key = tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-keyout", key, "-out", tmp_path / "cert.pem",
         "-passout", "pass:another", "-subj", "/CN=x", "-days", "2"],
        check=True, capture_output=True,
    )  # fmt: skip
    key.write_text(key.read_text() + (tmp_path / "cert.pem").read_text())
    text = settings.format(mark=MARK, port=free_port(), pem=str(key))
    (tmp_path / "wrong_settings.py").write_text(
        "SECRET_KEY = 'x'\nCHANNEL_LAYERS = {'default': {'BACKEND': 'asgi_redis.RedisChannelLayer',"
        f" 'CONFIG': {{'hosts': [{redis.url!r}]}}}}}}\n{text}\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "server_trio", "-vv", "wrong_settings"],
        cwd=tmp_path, env={**os.environ, **SOURCES}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == status, done.stderr
    assert MARK not in done.stdout + done.stderr
