"""For every shim: a program that needs it, where it breaks without, and with which words."""

from __future__ import annotations

import importlib.metadata
import sqlite3
import sys
from dataclasses import dataclass

import msgpack

DJANGO = """
import django
from django.conf import settings
settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.contenttypes"], ROOT_URLCONF="__main__", USE_I18N=True,
)
django.setup()
"""
LAYER = """
from asgi_redis import RedisChannelLayer
layer = RedisChannelLayer(hosts=[REDIS_URL], prefix=PREFIX)
"""
SENTINEL = """
from asgi_redis import RedisSentinelChannelLayer
layer = RedisSentinelChannelLayer(hosts=[SENTINEL_HOST], services=["primary"], prefix=PREFIX)
"""
IDLE = """
# Seconds; with the class's 5 it is chance who gives up first. What is to break gives up at 5, however long
# it may stand still before it looks.
layer.blpop_timeout = 6 if WITHOUT is None else 40
assert layer.receive(["nothing"], block=True) == (None, None)
"""


@dataclass(frozen=True)
class Case:
    """code ends with exit code 0 iff the stack works; breaks: whether it does not here without the shim."""

    shim: str
    breaks: bool
    error: str
    code: str


def installed(name: str) -> tuple[int, ...]:
    """The first two numbers of a distribution's version; (0,) if it is not installed."""
    try:
        return tuple(int(part) for part in importlib.metadata.version(name).split(".")[:2])
    except importlib.metadata.PackageNotFoundError:
        return (0,)


PYTHON = sys.version_info[:3]

CASES = (
    Case(
        "collections-abc",
        PYTHON >= (3, 10),
        "cannot import name 'Iterator' from 'collections'",
        "from collections import Iterator, Callable, Mapping, MutableMapping, Sequence" + DJANGO,
    ),
    Case("cgi", PYTHON >= (3, 13), "No module named 'cgi'", DJANGO + "import channels.handler"),
    Case(
        "distutils",
        PYTHON >= (3, 12),
        "No module named 'distutils'",
        DJANGO + "from channels.package_checks import check_all; check_all()",
    ),
    Case(
        "django-six-moves",
        PYTHON >= (3, 12),
        "No module named 'django.utils.six.moves'",
        DJANGO
        + """
import html.parser
from django.utils.six.moves import html_parser, urllib
import django.utils.six.moves.html_parser as imported
assert imported is html.parser
assert html.parser.__spec__.name == "html.parser"
assert urllib.parse.quote("a b") == "a%20b"
""",
    ),
    Case(
        "django-gettext-codeset",
        PYTHON >= (3, 11) and installed("Django") < (2,),
        "set_output_charset",
        DJANGO
        + """
from django.utils.translation import override, ugettext
with override("de"):
    assert ugettext("Home") != "Home" or ugettext("Monday") == "Montag", ugettext("Monday")
""",
    ),
    Case(
        "django-url-flags",
        PYTHON >= (3, 11) and installed("Django") < (2, 1),
        "global flags not at the start of the expression",
        DJANGO
        + r"""
import sys
from django import VERSION
from django.conf.urls import include, url
from django.urls import resolve, reverse
def view(request): pass
def check():
    assert resolve("/FLAT/").url_name == "flat"
    assert resolve("/In/DEEP(?i)/7/").kwargs == {"n": "7"}
    assert reverse("flat") == "/flat/"
    assert reverse("deep", kwargs={"n": 7}) == "/in/deep(%3Fi)/7/"  # as on Python 3.7
    assert reverse("word", args=["ABC"]) == "/word/ABC/"
if VERSION < (2, 1):  # which refuses such patterns
    inner = [url(r"^(?i)deep\(\?i\)/(?P<n>\d+)/$", view, name="deep")]
    urlpatterns = [url(r"^(?i)flat/$", view, name="flat"), url(r"^(?i)in/", include(inner)),
                   url(r"^(?i)word/([a-z]+)/$", view, name="word")]
    sys.modules["__main__"].urlpatterns = urlpatterns
    check()
""",
    ),
    Case(
        "django-url-validator",
        PYTHON >= (3, 11, 4),
        "does not appear to be an IPv4 or IPv6 address",
        DJANGO
        + """
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
URLValidator()("http://[::1]:80/")
for wrong in ("http://[::1:2::3]:8080/", "nonsense"):
    try:
        URLValidator()(wrong)
    except ValidationError as error:
        assert error.messages == ["Enter a valid URL."]
    else:
        raise AssertionError(wrong)
""",
    ),
    Case(
        "django-mail-surrogates",
        PYTHON >= (3, 13),
        "surrogates not allowed",
        DJANGO
        + """
import email
from django.core.mail import EmailMessage
for body in ("B\\u00f6dy", "long " * 250 + "\\u00e4", "plain"):
    message = EmailMessage("S", body, "a@example.org", ["b@example.org"]).message()
    parsed = email.message_from_bytes(message.as_bytes())
    assert parsed.get_payload(decode=True).decode("utf-8") == body
    assert parsed.get_payload() in message.as_string()
""",
    ),
    Case(
        "django-smtp-keyfile",
        PYTHON >= (3, 12),
        "unexpected keyword argument 'keyfile'",
        DJANGO
        + """
import socket
from django.core.mail.backends.smtp import EmailBackend
probe = socket.socket(); probe.bind(("127.0.0.1", 0))
try:
    EmailBackend(host="127.0.0.1", port=probe.getsockname()[1], use_ssl=True).open()
except ConnectionRefusedError:
    pass
""",
    ),
    Case(
        "django-sqlite-rename",
        sqlite3.sqlite_version_info >= (3, 26) and installed("Django") < (2, 1),
        "no such table: x_a__old",
        DJANGO
        + """
from django.db import connection, models
class A(models.Model):
    name = models.CharField(max_length=3)
    class Meta: app_label = "x"
class B(models.Model):
    a = models.ForeignKey(A, on_delete=models.CASCADE)
    class Meta: app_label = "x"
with connection.schema_editor() as editor:
    editor.create_model(A)
    editor.create_model(B)
longer = models.CharField(max_length=30)
longer.set_attributes_from_name("name")
with connection.schema_editor() as editor:
    editor.alter_field(A, A._meta.get_field("name"), longer)
B.objects.create(a=A.objects.create(name="longer"))
connection.check_constraints()  # as loaddata and TestCase do
with connection.cursor() as cursor:
    cursor.execute("PRAGMA legacy_alter_table")
    assert cursor.fetchone()[0] == 0, "the pragma was left on"
""",
    ),
    Case("redis-compat-module", installed("redis") >= (4,), "No module named 'redis._compat'", LAYER),
    Case(
        "asgi-redis-msgpack",
        msgpack.version >= (1,),
        "encoding",
        LAYER
        + r"""
message = {"text": "t\xe4xt", "bytes": b"\x00\xff", "list": [1, 2.5, None, True], "dict": {"a": {}}}
layer.send("some.channel", message)
assert layer.receive(["some.channel"]) == ("some.channel", message)
assert layer.deserialize(layer.serialize({"keys": {1: 2}})) == {"keys": {1: 2}}
layer.send("a!b", {"x": 1})
assert layer.receive(["a!"]) == ("a!b", {"x": 1})
""",
    ),
    Case(
        "asgi-redis-zadd",
        installed("redis") >= (3,),
        "zadd()",
        LAYER
        + """
layer.group_add("some", "one!x")
layer.group_add("some", "two!y")
layer.group_add("some", "two!y")
assert sorted(layer.group_channels("some")) == ["one!x", "two!y"]
layer.send_group("some", {"a": 1})
assert layer.receive(["two!"]) == ("two!y", {"a": 1})
connection = layer.connection(0)
assert 86000 < connection.ttl(PREFIX + ":group:some") <= 86400
""",
    ),
    Case(
        "asgi-redis-blpop",
        installed("redis") >= (8,),
        "Timeout reading from",
        LAYER + IDLE,
    ),
    Case(
        "asgi-redis-sentinel-script",
        installed("redis") >= (2, 10),
        # redis-py 4 and 5 have moved the class besides
        "'NoneType' object has no attribute" if installed("redis") >= (6,) else "Script",
        SENTINEL
        + """
layer.send("some.channel", {"a": 1})
assert layer.receive(["some.channel"]) == ("some.channel", {"a": 1})
""",
    ),
    Case(
        "asgi-redis-sentinel-blpop",
        installed("redis") >= (8,),
        "Timeout reading from",
        SENTINEL + IDLE,
    ),
    Case(
        "asgi-redis-txredisapi",
        installed("txredisapi") > (0,) and installed("redis") >= (4,),
        "KeyError",
        LAYER
        + r"""
from twisted.internet import defer, task
assert "twisted" in layer.extensions
@defer.inlineCallbacks
def main(reactor):
    for message in ({"a": "text"}, {"b": b"\xff\x00"}, {}, {"n": 1}):
        layer.send("a!b", message)
        received = yield layer.receive_twisted(["a!"])
        assert received == ("a!b", message), received
        layer.send("plain", message)
        received = yield layer.receive_twisted(["plain"])
        assert received == ("plain", message), received
try:
    task.react(main)
except SystemExit as end:
    assert not end.code
""",
    ),
    Case(
        "anyio-trio-multierror",
        installed("trio") >= (0, 24),
        "has no attribute 'MultiError'",
        """
import anyio, asks, trio
assert not hasattr(trio, "MultiError")
async def fail(error): raise error
async def main():
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(fail, KeyError("one"))
    except KeyError:
        pass
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(fail, KeyError("one"))
            group.start_soon(fail, ValueError("two"))
    except anyio.ExceptionGroup as error:
        assert {type(e) for e in error.exceptions} == {KeyError, ValueError}
    with anyio.move_on_after(0.01):
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.sleep_forever)
    listener = (await trio.open_tcp_listeners(0, host="127.0.0.1"))[0]
    port = listener.socket.getsockname()[1]
    async def serve(stream):
        await stream.receive_some()
        await stream.send_all(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nhi")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, serve, [listener])
        assert (await asks.get(f"http://127.0.0.1:{port}/")).text == "hi"
        nursery.cancel_scope.cancel()
trio.run(main)
""",
    ),
)
