"""Settings: precedence, ranges, and messages that name the nearest valid name."""

from __future__ import annotations

import dataclasses

import pytest

from server_trio.errors import SettingsError
from server_trio.options import Option
from server_trio.resolving import resolve
from server_trio.settings import Settings, options


def resolve_django(django: object) -> Settings:
    return resolve(django, {}, {})


def test_without_any_source_the_defaults_hold() -> None:
    assert resolve(None, {}, {}) == Settings()


def test_a_deadline_of_an_operation_without_one_of_its_own_is_the_default() -> None:
    deadlines = resolve_django({"DEADLINES": {"default": 7, "CALL": 3}}).DEADLINES
    assert [deadlines.of(name) for name in ("SOMETHING", "REQUEST", "CALL")] == [7.0, 7.0, 3.0]


def test_the_command_line_wins_over_the_environment_and_that_over_django() -> None:
    variable = "CHANNELS_ASYNC_DEADLINES_REQUEST"
    django = {"DEADLINES": {"REQUEST": 1}}
    assert resolve(django, {}, {}).DEADLINES.REQUEST == 1.0
    assert resolve(django, {variable: "2"}, {}).DEADLINES.REQUEST == 2.0
    assert resolve(django, {variable: "2"}, {("DEADLINES", "REQUEST"): "3"}).DEADLINES.REQUEST == 3.0


def test_a_section_given_in_part_keeps_the_other_defaults() -> None:
    settings = resolve_django({"CONCURRENCY": {"total": 5}})
    assert (settings.CONCURRENCY.total, settings.CONCURRENCY.per_host) == (5, 100)


def test_a_deadline_may_be_that_of_a_channel_which_the_routing_has() -> None:
    django = {"DEADLINES": {"notify": 300, "default": 7, "REQUEST": 3}}
    deadlines = resolve(django, {}, {}, lambda settings: ["notify", "other"]).DEADLINES
    names = ("notify", "other", "REQUEST", "channels", "of")
    assert [deadlines.of(name) for name in names] == [300.0, 7.0, 3.0, 7.0, 7.0]


@pytest.mark.parametrize(
    ("deadlines", "words"),
    [
        ({"notfy": 5}, ["['DEADLINES']['notfy'] is neither an operation", "did you mean 'notify'"]),
        ({"REQEST": 5}, ["did you mean 'REQUEST'"]),
        ({"notify": 0}, ["DEADLINES['notify'] is 0; it must be between 0.001 and 86400 seconds"]),
        ({"channels": {}}, ["['DEADLINES']['channels'] is neither"]),
    ],
)
def test_a_wrong_deadline_of_a_channel_is_told(deadlines: dict[str, object], words: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        resolve({"DEADLINES": deadlines}, {}, {}, lambda settings: ["notify"])
    for word in words:
        assert word in str(caught.value)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().GRACE_TIME = 1.0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("django", "words"),
    [
        ({"DEADLINE": {"REQUEST": 5}}, ["CHANNELS_ASYNC_SERVER['DEADLINE']", "did you mean 'DEADLINES'"]),
        (
            {"DEADLINES": {"REQEST": 5}},
            ["CHANNELS_ASYNC_SERVER['DEADLINES']['REQEST']", "did you mean 'REQUEST'"],
        ),
        ({"grace_time": 5}, ["did you mean 'GRACE_TIME'"]),
        ({"XYZZY": 5}, ["known are", "GRACE_TIME"]),
        ({"DEADLINES": {"REQUEST": -1}}, ["DEADLINES['REQUEST'] is -1", "between 0.001 and 86400 seconds"]),
        ({"DEADLINES": {"REQUEST": float("nan")}}, ["DEADLINES['REQUEST'] is nan"]),
        ({"DEADLINES": {"REQUEST": float("inf")}}, ["DEADLINES['REQUEST'] is inf"]),
        (
            {"DEADLINES": {"REQUEST": "soon"}},
            [
                "CHANNELS_ASYNC_SERVER: DEADLINES['REQUEST'] is 'soon'; "
                "it must be a number, between 0.001 and 86400 seconds"
            ],
        ),
        ({"DEADLINES": {"REQUEST": True}}, ["True"]),
        ({"DEADLINES": {"REQUEST": None}}, ["None"]),
        ({"DEADLINES": 5}, ["CHANNELS_ASYNC_SERVER['DEADLINES'] is 5; it must be a dict"]),
        ({"CONCURRENCY": {"total": 0}}, ["CONCURRENCY['total'] is 0", "between 1 and"]),
        ({"CONCURRENCY": {"total": 1.5}}, ["CONCURRENCY['total'] is 1.5", "a whole number, between 1 and"]),
        ({"BRIDGE": "bird"}, ["'bird'", "auto, redis, threaded"]),
        ({"CHANNEL": 5}, ["CHANNEL is 5; it must be text"]),
        ({"CHANNEL": "bad channel!"}, ["CHANNEL is 'bad channel!'", "name of an ordinary channel"]),
        ({"CHANNEL": "request!"}, ["name of an ordinary channel"]),
        ({"CHANNEL": "request?x"}, ["name of an ordinary channel"]),
        ({"CHANNEL": "x" * 100}, ["fewer than 100"]),
        ({"REPLY_TIMEOUT": 61}, ["between 0.001 and 60 seconds"]),
        ([], ["must be a dict"]),
    ],
)
def test_a_wrong_setting_is_an_error_that_says_what_would_be_right(django: object, words: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        resolve_django(django)
    for word in words:
        assert word in str(caught.value)


def test_a_deadline_beyond_daphnes_timeout_is_an_error_with_its_remedy() -> None:
    with pytest.raises(SettingsError, match="--http-timeout"):
        resolve_django({"DEADLINES": {"FORWARD": 116}})
    assert resolve_django({"DEADLINES": {"FORWARD": 115}}).DEADLINES.FORWARD == 115.0
    assert (
        resolve_django({"DEADLINES": {"FORWARD": 290}, "DAPHNE_HTTP_TIMEOUT": 300}).DEADLINES.FORWARD == 290.0
    )


def test_a_wrong_value_names_where_it_came_from() -> None:
    with pytest.raises(SettingsError, match="the environment's CHANNELS_ASYNC_GRACE_TIME"):
        resolve(None, {"CHANNELS_ASYNC_GRACE_TIME": "soon"}, {})
    with pytest.raises(SettingsError, match="the command line's --grace-time"):
        resolve(None, {}, {("GRACE_TIME",): "-1"})


def test_an_environment_variable_that_is_no_setting_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(SettingsError, match="did you mean CHANNELS_ASYNC_GRACE_TIME"):
        resolve(None, {"CHANNELS_ASYNC_GRACETIME": "1"}, {})
    assert resolve(None, {"CHANNELS_ASYNC_TEST_REDIS": "x", "CHANNELS": "y"}, {}) == Settings()


@pytest.mark.parametrize("entry", list(options()), ids=lambda entry: entry.variable)
def test_every_setting_has_a_help_a_default_in_range_and_names_of_its_own(entry: object) -> None:
    from server_trio.settings import Option

    assert isinstance(entry, Option)
    assert entry.help
    assert entry.check(entry.default, "here") == entry.default
    names = [other.variable for other in options()] + [other.flag for other in options()]
    assert names.count(entry.variable) == names.count(entry.flag) == 1


def test_every_setting_can_be_set_by_its_environment_variable() -> None:
    for entry in options():
        if not entry.in_texts:
            continue
        text = ",".join(entry.default) if entry.type is tuple else str(entry.default)
        value = entry.choices[-1] if entry.choices else text
        settings = resolve(None, {entry.variable: value}, {})
        found: object = settings
        for name in entry.path:
            found = getattr(found, name)
        assert found == entry.check(value, "here")


def test_the_http_limits_are_those_of_the_settings() -> None:
    limits = resolve_django({"HTTP": {"idle_timeout": 3}, "CONCURRENCY": {"per_host": 4}}).http_limits()
    assert (limits.idle_timeout, limits.connections_per_origin) == (3.0, 4)


class TestKinds:
    """The kinds of settings beside numbers and text; each source gives them in its own form."""

    SWITCH = Option(("A",), bool, False, "help", "", None, None, ())
    LIST = Option(("A",), tuple, (), "help", "", None, None, ())
    TABLE = Option(("A",), dict, {}, "help", "", None, None, ())

    @pytest.mark.parametrize(
        ("option", "given", "value"),
        [
            (SWITCH, True, True),
            (SWITCH, "yes", True),
            (SWITCH, "0", False),
            (LIST, ["a", "b"], ("a", "b")),
            (LIST, "a, b,", ("a", "b")),
            (LIST, "", ()),
            (TABLE, {"a": 1}, {"a": 1}),
        ],
    )
    def test_a_right_value_is_taken(self, option: Option, given: object, value: object) -> None:
        assert option.check(given, "here") == value

    @pytest.mark.parametrize(
        ("option", "given"),
        [
            (SWITCH, 1),
            (SWITCH, "maybe"),
            (SWITCH, None),
            (LIST, [1]),
            (LIST, [""]),
            (LIST, 5),
            (TABLE, []),
            (TABLE, {1: 2}),
        ],
    )
    def test_a_wrong_value_is_told_with_what_would_be_right(self, option: Option, given: object) -> None:
        with pytest.raises(SettingsError, match=f"here: A is .*; it must be {option.range()}"):
            option.check(given, "here")

    def test_a_table_is_not_for_texts(self) -> None:
        assert [option.in_texts for option in (self.SWITCH, self.LIST, self.TABLE)] == [True, True, False]
