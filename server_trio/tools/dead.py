"""Looking at operations that have been given up: python3 -m server_trio dead myproject.settings

What is shown goes to terminals and into tickets, so what could be a secret is masked: credentials in
headers and URLs, cookies, what its name says is one. Bodies and inputs are shown by their size.
"""

from __future__ import annotations

import argparse
import enum
import json
import math
import os
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import trio

from channels_async.wire import BadMessage, parse

from .. import parsing
from ..errors import DeadLetterError, LayerError, LayerUnavailable
from ..escaping import escaped
from ..exit_codes import ExitCode, shown_codes
from ..flags import FORMAT
from ..layers import open_layer
from ..layers.base import DeadLetter, Layer
from ..settings import Settings
from .visiting import Site, add_where, load_site

ACTIONS: Final = """\
actions:
  list       one line for each, the newest first: the operation's id, which its answer and the log have too,
             when, what it was, why it was given up
  show ID    its message, with secrets masked
  replay ID  have it done once more, by whichever server is free, and take it away here;
             a browser that waited has had its answer, so the new one goes to nobody
  drop ID    take it away
"""

MASK: Final = "***"

#: Names of headers, parameters and arguments whose values are not shown; as Django's debug page, and cookies.
SECRET: Final = re.compile("api|auth|cookie|credential|csrf|key|pass|secret|session|signature|token", re.I)

#: Fields of a message whose content is shown by its size alone.
CONTENT: Final = ("body", "data", "json", "stdin")

#: Letters of one field, and fields of one message, that are shown to people.
FIELD_LENGTH: Final = 2000
TARGET_LENGTH: Final = 300
REASON_LENGTH: Final = 300
MOST_FIELDS: Final = 100


def make_parser() -> argparse.ArgumentParser:
    """The parser of the words after `dead`."""
    codes = shown_codes("done", "there is no such dead letter, or it cannot be replayed now")
    about = "Operations that were given up because servers died over them."
    parser = parsing.make_parser("dead", about, f"{ACTIONS}\n{codes}")
    parser.add_argument("action", nargs="?", default="list", choices=("list", "show", "replay", "drop"))
    parser.add_argument("id", nargs="?", help="as `list` shows it")
    parsing.add_flags(parser, [FORMAT])
    add_where(parser)
    return parser


def main(words: Sequence[str]) -> int:
    """Do what the command line says; returns 0. Raises SettingsError, LayerUnavailable, DeadLetterError."""
    parser = make_parser()
    arguments = parser.parse_args(words)
    if (arguments.action == "list") != (arguments.id is None):
        parser.error("list takes no ID" if arguments.action == "list" else f"{arguments.action} needs an ID")
    form = Form(str(parsing.value_of(FORMAT, arguments, os.environ)))
    site = load_site(arguments)
    print(trio.run(_act, site, arguments.action, arguments.id, form), end="")
    return ExitCode.OK


class Form(enum.Enum):
    """How letters are shown."""

    TEXT = "text"
    JSON = "json"


async def _act(site: Site, action: str, id: str | None, form: Form) -> str:
    """The text for stdout. What goes wrong comes out without groups around it."""
    async with open_layer(site.spec, visiting=True) as layer:
        letters = await layer.dead_letters()
        if action == "list":
            if form is Form.JSON:
                return as_json([summary(letter) for letter in letters])
            return "".join(line(letter) + "\n" for letter in letters)
        letter = named(letters, str(id))
        if action == "show":
            return as_json(details(letter)) if form is Form.JSON else shown(letter)
        if action == "replay":
            await replay(layer, site.settings, letter)
        await layer.drop_dead_letter(letter.id)
        return ""


def named(letters: Sequence[DeadLetter], id: str) -> DeadLetter:
    """The letter with this id, or the one of the operation with this id. Raises DeadLetterError."""
    own = [letter for letter in letters if letter.id == id]
    found = own or [letter for letter in letters if operation_id(letter) == id]
    if not found:
        known = f"; there are {len(letters)}, see list" if letters else "; there are none"
        raise DeadLetterError(f"there is no dead letter {escaped(id, 100)}{known}")
    if len(found) > 1 and not own:
        ids = ", ".join(letter.id for letter in found)
        raise DeadLetterError(f"operation {id} was given up {len(found)} times; say which one: {ids}")
    return found[0]


def operation_id(letter: DeadLetter) -> str:
    """The id that its answer and the log have; the letter's own where its message has none."""
    try:
        operation = parse(letter.received.content, letter.claimed_at)
    except BadMessage as error:
        return error.id or letter.id
    # A message of 2017 gets another id each time that it is read.
    return letter.id if letter.received.content.get("v") is None else str(operation.id)


def begun(letter: DeadLetter) -> int:
    """How often it was begun: the claim that gave it up did not begin it."""
    return max(letter.attempts - 1, 0)


async def replay(layer: Layer, settings: Settings, letter: DeadLetter) -> None:
    """Put the message on its channel again. Raises DeadLetterError, LayerUnavailable."""
    content = letter.received.content
    try:
        parse(content, time.time())
    except BadMessage as error:
        id, why = operation_id(letter), escaped(error.reason, REASON_LENGTH)
        raise DeadLetterError(f"{id} is no operation and cannot be replayed: {why}") from None
    try:
        await layer.send(settings.CHANNEL, renewed(content, letter.id))
    except LayerUnavailable:
        raise
    except LayerError as error:
        raise DeadLetterError(f"{operation_id(letter)} could not be replayed and is kept: {error}") from error


def renewed(content: Mapping[str, Any], id: str) -> dict[str, Any]:
    """The message as it is sent again: its time begins anew.

    Whose browser has been answered gets nothing more; a server would not even begin an operation of a
    browser that has left.
    """
    message = dict(content)
    if message.get("v") is None:
        # One of 2017, which knows no answer to nobody: to a channel that nobody reads, where it expires.
        return {**message, "reply_channel": f"dead.letter!{id}"}
    message["sent_at"] = time.time()
    if message.get("reply_format", "http") == "http":
        message.pop("reply_channel", None)
        message["reply_format"] = "none"
    return message


def line(letter: DeadLetter) -> str:
    """One letter as `list` shows it."""
    return f"{operation_id(letter)}  {_when(letter.died_at)}  {target(letter)}  {escaped(letter.reason)}"


def summary(letter: DeadLetter) -> dict[str, Any]:
    """One letter as `list --format json` shows it; times in epoch seconds."""
    return {
        "id": operation_id(letter),
        "letter": letter.id,
        "died_at": letter.died_at,
        "reason": letter.reason,
        "attempts": begun(letter),
        "claimed_at": letter.claimed_at,
        "channel": letter.received.channel,
        "target": target(letter),
    }


def details(letter: DeadLetter) -> dict[str, Any]:
    """One letter as `show --format json` shows it: a summary, and the masked fields of its message."""
    content = letter.received.content
    if not isinstance(content, Mapping):
        return {**summary(letter), "message": None, "fault": letter.received.fault or "no dict"}
    fields = {_text(name): masked(_text(name), value) for name, value in content.items()}
    return {**summary(letter), "message": fields}


def as_json(value: Any) -> str:
    return json.dumps(_finite(value), indent=2, default=_text, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    """What JSON has no number for, as text."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {str(key): _finite(inner) for key, inner in value.items()}
    return [_finite(inner) for inner in value] if isinstance(value, list | tuple) else value


def target(letter: DeadLetter) -> str:
    """What was to be done, without what may be secret."""
    try:
        operation = parse(letter.received.content, letter.claimed_at)
    except BadMessage:
        return "a bad message"
    details = operation.details
    if operation.name in ("REQUEST", "FORWARD"):
        return escaped(f"{operation.name} {details.method} {masked_url(details.url)}", TARGET_LENGTH)
    name = details.function if operation.name == "CALL" else details.command
    return escaped(f"{operation.name} {name}", TARGET_LENGTH)


def shown(letter: DeadLetter) -> str:
    """One letter as `show` shows it: what is known of it, then the fields of its message."""
    received = letter.received
    lines = [
        f"id: {operation_id(letter)}",
        f"letter: {letter.id}",
        f"given up: {_when(letter.died_at)}",
        f"reason: {escaped(letter.reason)}",
        f"begun: {begun(letter)} {'time' if begun(letter) == 1 else 'times'}",
        f"first claimed: {_when(letter.claimed_at)}",
        f"channel: {received.channel}",
    ]
    if not isinstance(received.content, Mapping):
        return "\n".join([*lines, f"message: {escaped(received.fault or 'no dict', FIELD_LENGTH)}", ""])
    fields = sorted(received.content.items(), key=lambda pair: str(pair[0]))
    for name, value in fields[:MOST_FIELDS]:
        shown_name, shown_value = escaped(_text(name), TARGET_LENGTH), str(masked(_text(name), value))
        lines.append(f"  {shown_name}: {escaped(shown_value, FIELD_LENGTH)}")
    if len(fields) > MOST_FIELDS:
        lines.append(f"  and {len(fields) - MOST_FIELDS} fields more")
    return "\n".join([*lines, ""])


def masked(name: str, value: Any) -> Any:
    """The value of a field, without what may be secret in it."""
    name = name.lower()
    if name in CONTENT and value is not None:
        return f"<{len(value)} bytes>" if isinstance(value, bytes | str) else MASK
    if name in ("url", "location") and isinstance(value, str | bytes):
        return masked_url(_text(value))
    if SECRET.search(name):
        return value if value is None else MASK
    if isinstance(value, Mapping):
        return {_text(key): masked(_text(key), inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_masked_item(item) for item in value]
    if name in ("headers", "params", "cookies"):
        return value if value is None else MASK  # the repr of a dict, in messages of 2017
    return _text(value) if isinstance(value, bytes) else value


def _masked_item(item: Any) -> Any:
    """An item of a list: a pair of name and value is masked by its name."""
    if isinstance(item, list) and len(item) == 2 and isinstance(item[0], bytes | str):
        name = _text(item[0])
        return [name, masked(name, item[1])]
    return masked("", item)


def masked_url(url: str) -> str:
    """A URL without userinfo and without the values of parameters that may be secret."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return MASK
    query = "&".join(_masked_parameter(pair) for pair in parts.query.split("&"))
    netloc = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, netloc, parts.path, query, ""))


def _masked_parameter(pair: str) -> str:
    name, equals, _ = pair.partition("=")
    if equals and SECRET.search(unquote(name)):
        return f"{name}={MASK}"
    return quote(pair, safe="=%+/:@?*,;!~.-_")


def _text(value: Any) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


def _when(seconds: float) -> str:
    """In the time zone of the settings."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
