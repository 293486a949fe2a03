"""The routing of the server's settings: its forms, its filters, and what is wrong with one."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from channels.routing import include, route, route_class  # type: ignore[import-untyped]

from server_trio.consumers.message import MatchedMessage
from server_trio.errors import SettingsError
from server_trio.loading import load_consumers
from server_trio.resolving import resolve
from server_trio.routing import Routing, load_routing, only_wanted, served_channels

Load = Callable[..., Routing]


def consume(message: Any) -> None:
    """A consumer."""


def other(message: Any, **kwargs: Any) -> None:
    """Another."""


class ByClass:
    @staticmethod
    def channel_names() -> set[str]:
        return {"one", "two"}


def django_settings(routing: Any, alias: str = "default") -> Any:
    return SimpleNamespace(CHANNEL_LAYERS={alias: {"BACKEND": "x", "ROUTING": routing}})


def load(routing: Any, **settings: Any) -> Routing:
    return load_routing(django_settings(routing), resolve(settings, {}, {}))


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Writes a module of the project; returns its name."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(text: str) -> str:
        (tmp_path / "routing_of_the_test.py").write_text(text)
        sys.modules.pop("routing_of_the_test", None)
        return "routing_of_the_test"

    return write


def matched(routing: Routing, channel: str, **content: Any) -> Any:
    return routing.match(MatchedMessage(content, channel))


class TestForms:
    def test_a_list_of_routes(self) -> None:
        routing = load([route("notify", consume), route("bell", other)])
        assert routing.channels == {"notify", "bell"}
        assert matched(routing, "notify") == (consume, {})
        assert matched(routing, "bell") == (other, {})

    def test_a_dotted_path_to_one(self, module: Callable[[str], str]) -> None:
        name = module(f"from channels.routing import route\nroutes = [route('notify', '{__name__}.consume')]")
        consumer, kwargs = matched(load(f"{name}.routes"), "notify")
        assert (consumer.__name__, kwargs) == ("consume", {})

    def test_the_dict_of_2017(self) -> None:
        routing = load({"notify": f"{__name__}.consume"})
        consumer, _ = matched(routing, "notify")
        assert (routing.channels, consumer.__name__) == ({"notify"}, "consume")

    def test_an_include_and_a_class_based_consumer(self) -> None:
        routing = load([include([route("chat", other, path=r"^/in$")], path=r"^/chat"), route_class(ByClass)])
        assert routing.channels == {"chat", "one", "two"}
        assert matched(routing, "chat", path="/chat/in") == (other, {})
        assert matched(routing, "chat", path="/chat/out") is None
        assert matched(routing, "two") == (ByClass, {})

    @pytest.mark.parametrize("routing", [None, "", [], {}])
    def test_without_one_nothing_is_routed(self, routing: Any) -> None:
        assert load(routing).channels == frozenset()

    def test_the_empty_one_of_2017(self) -> None:
        assert load("channels_async.server.routing.channel_routing").channels == frozenset()

    def test_the_layers_own_alias_counts(self) -> None:
        given = django_settings([route("notify", consume)], alias="second")
        assert load_routing(given, resolve({"LAYER": "second"}, {}, {})).channels == {"notify"}
        assert load_routing(given, resolve({}, {}, {})).channels == frozenset()


def test_filters_on_content_choose_the_consumer_and_give_it_arguments() -> None:
    sms = route("notify", other, kind=r"^sms-(?P<to>\d+)$")
    routing = load([route("notify", consume, kind=r"^mail$"), sms])
    assert matched(routing, "notify", kind="mail") == (consume, {})
    assert matched(routing, "notify", kind="sms-12") == (other, {"to": "12"})
    assert matched(routing, "notify", kind="pigeon") is None
    assert matched(routing, "notify") is None


def test_matching_leaves_the_message_alone() -> None:
    routing = load([include([route("notify", other, path=r"^b$")], path=r"^a")])
    message = MatchedMessage({"path": "ab", "list": [1]}, "notify")
    assert routing.match(message) == (other, {})
    assert message.content == {"path": "ab", "list": [1]}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import no_such_module", ["no_such_module", "routing_of_the_test.py, line 1"]),
        ("x = 1", ["routes", "routing_of_the_test"]),
        ("print 'Python 2'", ["SyntaxError", "line 1"]),
        ("routes = [1]", ["no route()"]),
        ("routes = 5", ["TypeError"]),
        ("1 / 0", ["ZeroDivisionError", "routing_of_the_test.py, line 1"]),
        ("raise SystemExit(0)", ["SystemExit"]),
        (
            "from channels.routing import route\nroutes = [route('a', 'no_such_module.x')]",
            ["Cannot import consumer", "no_such_module", "routing_of_the_test.py, line 2"],
        ),
        (
            "from channels.routing import route\ndef f(): 1\nroutes = [route('a', f, x='(positional)')]",
            ["positional groups"],
        ),
        ("from channels.routing import route\nroutes = [route('a', print, x='(')]", ["unterminated"]),
        (
            "from channels.routing import route\nroutes = [route('not a name', print)]",
            ["'not a name' is not the name"],
        ),
        ("from channels.routing import route\nroutes = [route('to!', print)]", ["'to!' is not the name"]),
        (
            "from channels.routing import route\nroutes = [route('request.async', print)]",
            ["request.async is the channel of the operations"],
        ),
    ],
)
def test_what_is_wrong_with_a_routing_is_told_with_its_place(
    module: Callable[[str], str], text: str, words: list[str]
) -> None:
    with pytest.raises(SettingsError) as caught:
        load(module(text) + ".routes")
    for word in ["CHANNEL_LAYERS['default']['ROUTING']", *words]:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("routes", "is 'routes'; as text it is a dotted path"),
        ("routes.", "is 'routes.'; as text it is a dotted path"),
        ("no_such_module.routes", "own routing, give the server one of its own"),
    ],
)
def test_a_path_that_leads_nowhere_is_told(path: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        load(path)


@pytest.mark.parametrize("layers", [None, ["default"], {"default": 5}, {}])
def test_channel_layers_that_are_none_have_no_routing(layers: Any) -> None:
    given = SimpleNamespace(CHANNEL_LAYERS=layers)
    assert load_routing(given, resolve({}, {}, {})).channels == frozenset()


class TestChoice:
    """Which channels of a routing a server takes."""

    SITE = ("http.request", "websocket.connect", "websocket.receive", "notify")

    def served(self, channels: Any, **settings: Any) -> list[str]:
        return served_channels(load([route(list(channels), consume)]), resolve(settings, {}, {}))

    def test_all_of_them_unless_told_otherwise(self) -> None:
        assert self.served(["b", "a"]) == ["a", "b"]

    def test_patterns_choose_as_runworkers_do(self) -> None:
        names = ["mail.in", "mail.out", "bell"]
        assert self.served(names, ONLY_CHANNELS=["mail.*"]) == ["mail.in", "mail.out"]
        assert self.served(names, EXCLUDE_CHANNELS=["mail.*"]) == ["bell"]
        assert self.served(names, ONLY_CHANNELS=["mail.*"], EXCLUDE_CHANNELS=["*.out"]) == ["mail.in"]
        assert self.served(names, ONLY_CHANNELS=["MAIL.*"]) == []

    def test_they_hold_for_the_channel_of_the_operations_too(self) -> None:
        channel = ["request.async"]
        assert only_wanted(channel, resolve({"ONLY_CHANNELS": ["bell"]}, {}, {})) == []
        assert only_wanted(channel, resolve({"EXCLUDE_CHANNELS": ["request.*"]}, {}, {})) == []
        assert only_wanted(channel, resolve({"ONLY_CHANNELS": ["req*"]}, {}, {})) == channel

    @pytest.mark.parametrize("only", [(), ["*"], ["*.receive", "*.connect", "http.*"]])
    def test_what_the_sites_workers_consume_is_not_taken_by_accident(self, only: Any) -> None:
        with pytest.raises(SettingsError, match=r"routes .*websocket.receive, which the site's workers"):
            self.served(self.SITE, ONLY_CHANNELS=only)

    def test_it_is_taken_when_it_is_named(self) -> None:
        sockets = ["websocket.connect", "websocket.receive"]
        assert self.served(self.SITE, ONLY_CHANNELS=["websocket.*"]) == sockets
        assert self.served(self.SITE, ONLY_CHANNELS=["http.request"]) == ["http.request"]

    def test_what_the_server_reads_itself_cannot_be_consumed_as_well(self) -> None:
        with pytest.raises(SettingsError, match=r"routes http\.disconnect, which the server reads"):
            self.served(["http.disconnect"], ONLY_CHANNELS=["http.*"])
        settings = {"ONLY_CHANNELS": ["http.*"], "DISCONNECT_CHANNELS": []}
        assert self.served(["http.disconnect"], **settings) == ["http.disconnect"]

    def test_a_routing_of_the_site_may_be_given_where_its_channels_are_left_out(self) -> None:
        assert self.served(self.SITE, ONLY_CHANNELS=["notify"]) == ["notify"]
        assert self.served(self.SITE, EXCLUDE_CHANNELS=["http.*", "websocket.*"]) == ["notify"]

    def test_a_server_with_nothing_to_serve_does_not_start(self) -> None:
        given = django_settings([route("notify", consume)])
        with pytest.raises(SettingsError, match=r"none of the channels notify, request\.async"):
            load_consumers(given, resolve({"ONLY_CHANNELS": ["notfy"]}, {}, {}))
        assert load_consumers(given, resolve({"ONLY_CHANNELS": ["request.async"]}, {}, {})) is None
