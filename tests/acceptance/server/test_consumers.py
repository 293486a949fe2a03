"""The project's own channels, consumed by a server alone with a Redis."""

from __future__ import annotations

import signal

import msgpack
import pytest

from tests.acceptance.raw import PREFIX, REPLIES, start

CONSUMERS = """
import logging
import threading

import trio
from channels import Channel as PlainChannel, Group as PlainGroup
from channels.exceptions import ConsumeLater, DenyConnection, WebsocketCloseException
from channels.routing import route

from server_trio.consumers import Channel, Group


async def echo(message, **kwargs):
    await message.reply_channel.send({"text": message["text"], **kwargs})


async def fetch(message):
    async with message.http.stream("GET", message["url"]) as response:
        await message.reply_channel.send({"status": response.status, "text": await response.text()})


async def slow(message):
    logging.info("slow has begun")
    await trio.sleep(float(message["seconds"]))
    await message.reply_channel.send({"text": "slept"})


async def later(message):
    if not message.get("__retries__"):
        raise ConsumeLater
    await message.reply_channel.send({"retries": message["__retries__"]})


async def fail(message):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep, 0)
        1 / 0


async def tell(message):
    await Group("room").send({"text": message["text"]})


def join(message):
    from django.db import connection
    cursor = connection.cursor()
    cursor.execute("select 6 * 7")
    PlainGroup("room").add(message.reply_channel)
    PlainChannel("tell").send({"text": str(cursor.fetchone()[0])})


def stuck(message):
    logging.info("stuck has begun")
    threading.Event().wait()


def deny(message):
    raise DenyConnection


async def close(message):
    raise WebsocketCloseException(4001)


socket_routes = [route("websocket.connect", deny), route("websocket.receive", close)]
routes = [
    route("echo", echo, text=r"^(?P<first>.)"),
    route("fetch", fetch),
    route("slow", slow),
    route("later", later),
    route("fail", fail),
    route("tell", tell),
    route("join", join),
    route("stuck", stuck),
]
"""

SETTINGS = """
CHANNEL_LAYERS['default']['ROUTING'] = 'consumers_of_the_test.routes'
INSTALLED_APPS = ['django.contrib.contenttypes', 'channels']
DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': ':memory:'}}
LOGGING = {'version': 1, 'handlers': {'stderr': {'class': 'logging.StreamHandler'}},
           'root': {'handlers': ['stderr'], 'level': 'INFO'}}
CHANNELS_ASYNC_SERVER = {'DJANGO_SETUP': True, 'GRACE_TIME': 10}
"""


@pytest.fixture
def consuming(tmp_path, start_server):
    """Starts a server with the consumers above; what is given is added to its settings module."""
    (tmp_path / "consumers_of_the_test.py").write_text(CONSUMERS)
    return lambda text="", **options: start_server(SETTINGS + text, **options)


def send(server, channel: str, **content) -> None:
    server.put(msgpack.packb({"reply_channel": REPLIES + "x", **content}), channel)


def test_the_ready_server_names_its_channels(consuming):
    server = consuming()
    names = "request.async, echo, fail, fetch, join, later, slow, stuck, tell"
    assert f"serving {names} on the layer 'default'" in server.process.output()


def test_an_async_consumer_answers(consuming):
    server = consuming()
    send(server, "echo", text="hello")
    answer = server.answer()
    assert (answer["text"], answer["first"]) == ("hello", "h")


def test_an_async_consumer_has_the_servers_http_client_which_is_guarded(consuming, upstream):
    server = consuming("CHANNELS_ASYNC_SERVER['EGRESS'] = {'deny': ['10.0.0.0/8']}\n")
    send(server, "fetch", url=f"{upstream.url}/status/404")
    answer = server.answer()
    assert (answer["status"], answer["text"]) == (404, "status 404\n")
    send(server, "fetch", url="http://10.0.0.1/")
    server.process.wait_for_line("fetch of channel fetch failed")
    server.process.wait_for_line("Refused")


def test_a_plain_one_uses_django_and_the_groups_that_an_async_one_sends_to(consuming):
    server = consuming()
    send(server, "join")
    assert server.answer()["text"] == "42"
    assert server.redis.command("ZCARD", PREFIX + ":group:room") == 1


def test_what_fails_is_logged_and_the_server_goes_on(consuming):
    server = consuming()
    send(server, "fail")
    server.process.wait_for_line("consumers_of_the_test.fail of channel fail failed")
    server.process.wait_for_line("ZeroDivisionError")
    server.put(b"\xc1", "echo")
    server.process.wait_for_line("bad message on echo")
    send(server, "echo", text="hello")
    assert server.answer()["text"] == "hello"


def test_consume_later_comes_back_through_redis(consuming):
    server = consuming()
    send(server, "later")
    assert server.answer()["retries"] == 1


def test_a_consumer_is_cancelled_at_the_deadline_of_its_channel(consuming):
    server = consuming("CHANNELS_ASYNC_SERVER['DEADLINES'] = {'slow': 2}\n")
    send(server, "slow", seconds=60)
    server.process.wait_for_line("slow of channel slow: cancelled at its deadline of 2 s")


def test_a_server_that_is_told_to_end_waits_for_its_consumers(consuming):
    server = consuming()
    send(server, "slow", seconds=1)
    server.process.wait_for_line("slow has begun")
    server.process.signal(signal.SIGTERM)
    assert server.answer()["text"] == "slept"
    assert server.process.wait() == 0
    assert "Traceback" not in server.process.output()


def test_a_thread_that_never_ends_does_not_keep_the_server(consuming):
    server = consuming("CHANNELS_ASYNC_SERVER['GRACE_TIME'] = 0.5\n")
    send(server, "stuck")
    server.process.wait_for_line("stuck has begun")
    server.process.signal(signal.SIGTERM)
    assert server.process.wait() == 0
    assert "stuck of channel stuck: cancelled, the server ends" in server.process.output()


def test_what_the_sites_workers_consume_is_taken_when_it_is_named(start_server, tmp_path):
    (tmp_path / "consumers_of_the_test.py").write_text(CONSUMERS)
    server = start_server(
        "CHANNEL_LAYERS['default']['ROUTING'] = 'consumers_of_the_test.socket_routes'\n"
        "CHANNELS_ASYNC_SERVER = {'ONLY_CHANNELS': ['websocket.*']}\n"
    )
    assert "serving websocket.connect, websocket.receive on" in server.process.output()
    reply_channel = "websocket.send!AcceptancE"
    for channel, close in [("websocket.connect", True), ("websocket.receive", 4001)]:
        server.put(msgpack.packb({"reply_channel": reply_channel}), channel)
        _, key = server.redis.command("BLPOP", PREFIX + "websocket.send!", 30)
        answer = msgpack.unpackb(server.redis.command("GET", key), raw=False)
        assert (answer["close"], answer["__asgi_channel__"]) == (close, reply_channel)


def test_a_server_of_some_channels_leaves_the_others_alone(consuming):
    server = consuming("CHANNELS_ASYNC_SERVER['ONLY_CHANNELS'] = ['e*', 'tell']\n")
    assert "serving echo, tell on the layer" in server.process.output()
    send(server, "later")
    server.ask("http://127.0.0.1:1/")
    send(server, "echo", text="hello")
    assert server.answer()["text"] == "hello"
    assert server.waiting() == 1
    assert server.redis.command("LLEN", PREFIX + "later") == 1


@pytest.mark.parametrize(
    ("words", "channels"),
    [
        (["--only-channels", "echo", "--only-channels", "te*"], "echo, tell"),
        (["--exclude-channels", "*l*", "--exclude-channels", "request.*"], "echo, fetch, join, stuck"),
    ],
)
def test_flags_choose_the_channels_as_those_of_runworker(consuming, tmp_path, words, channels):
    consuming(wait=False).process.end()  # for its settings module
    process = start(tmp_path, "raw_settings", *words)
    process.wait_for_line(f"serving {channels} on the layer")
    process.end()


WRONG = {
    "a module that is not there": ("'no_such_module.routes'", ["ROUTING", "no_such_module"]),
    "what the site's workers consume": (
        "[route('http.request', print), route('websocket.receive', print)]",
        ["http.request, websocket.receive", "ONLY_CHANNELS"],
    ),
    "no route": ("[5]", ["no route()"]),
    "a deadline of no channel": (
        "[]\nCHANNELS_ASYNC_SERVER = {'DEADLINES': {'REQUEST': 5, 'tell': 5}}",
        ["['DEADLINES']['tell'] is neither an operation nor a channel of ROUTING"],
    ),
    "a deadline of nearly a channel": (
        "'consumers_of_the_test.routes'\nCHANNELS_ASYNC_SERVER = {'DEADLINES': {'ekho': 5}}",
        ["did you mean 'echo'"],
    ),
    "models without DJANGO_SETUP": ("'models_of_the_test.routes'", ["Set 'DJANGO_SETUP': True"]),
    "an app that is not there": (
        "[]\nINSTALLED_APPS = ['no_such_app']\nCHANNELS_ASYNC_SERVER = {'DJANGO_SETUP': True}",
        ["DJANGO_SETUP", "no_such_app"],
    ),
}


@pytest.mark.parametrize("what", list(WRONG))
def test_a_wrong_routing_exits_2(consuming, tmp_path, what):
    text, words = WRONG[what]
    (tmp_path / "models_of_the_test.py").write_text("from django.contrib.contenttypes import models")
    routing = f"from channels.routing import route\nCHANNEL_LAYERS['default']['ROUTING'] = {text}\n"
    process = consuming("CHANNELS_ASYNC_SERVER = {}\n" + routing, wait=False).process
    assert process.wait() == 2, process.output()
    assert "Traceback" not in process.output()
    (message,) = [line for line in process.output().splitlines() if line.startswith("server_trio: ")]
    for word in words:
        assert word in message
