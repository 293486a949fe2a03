"""Building requests: asks' own request class, with what it gets wrong replaced.

asks 3.0.0 builds form and multipart bodies and basic auth (`RequestProcessor._formulate_body`,
`asks.auth.BasicAuth`). Its path and query building, default headers, Host and lengths are ours
(asks/request_object.py:163-178, 300-332, 455, 500-530 say why: escapes decoded, `:` of IPv6 cut,
a dict for headers, a length on every GET, lengths counted in characters).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, TypeAlias
from urllib.parse import quote_plus

import trio
from asks.auth import BasicAuth  # type: ignore[import-untyped]
from asks.multipart import MultipartData, build_multipart_body  # type: ignore[import-untyped]
from asks.request_object import RequestProcessor  # type: ignore[import-untyped]

from .parser import Headers
from .upload import Upload
from .url import InvalidRequest, ParsedURL, encode_target, parse_url

Pairs = Iterable[tuple[str, str]]

_TOKEN: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110 5.6.2
# What would end a field, or cut it short (RFC 9110 5.5). Numbers are searched for faster than bytes.
_CR: Final = ord("\r")
_LF: Final = ord("\n")
_NUL: Final = 0

#: Fields that describe this connection and this message's framing, which are made here (RFC 9110
#: 7.6.1, 8.6). Expect would promise to wait for a 100, which is not done.
_MADE_HERE: Final = frozenset(
    (b"connection", b"content-length", b"expect", b"host", b"keep-alive", b"proxy-connection", b"te",
     b"trailer", b"transfer-encoding", b"upgrade")
)  # fmt: skip
_EXPECTS_CONTENT: Final = frozenset(("POST", "PUT", "PATCH"))

#: Sent unless the caller gives others. Bodies pass undecoded, so no content coding is asked for.
_DEFAULTS: Final = (
    (b"accept", b"Accept: */*"),
    (b"accept-encoding", b"Accept-Encoding: identity"),
    (b"user-agent", b"User-Agent: channels-async"),
)

MultipartValue: TypeAlias = "str | bytes | MultipartData"


class Request(RequestProcessor):  # type: ignore[misc]
    """One request, ready to be sent once `build` has run.

    `body` is what goes out as it is, bytes or an Upload; `data` (pairs: a form; text or bytes: as it
    is), `json` (encoded text) and `multipart` are the other ways to give one, at most one of all. `params`
    are added to the URL's query, `cookies` to the Cookie header. `auth` (name, password) wins over
    an Authorization header, which wins over the URL's userinfo.
    """

    # What asks' body building reads besides, and what a caller may not set: `files` would open
    # paths on the server (asks/request_object.py:547).
    session = None
    files = None
    mimetype = None
    encoding = "utf-8"

    def __init__(
        self,
        method: str,
        url: str,
        headers: Sequence[tuple[bytes, bytes]] = (),
        body: bytes | Upload | None = None,
        params: Pairs | None = None,
        data: Pairs | Mapping[str, str] | str | bytes | None = None,
        json: bytes | None = None,
        multipart: Mapping[str, MultipartValue] | None = None,
        cookies: Pairs | None = None,
        auth: tuple[str, str] | None = None,
    ) -> None:
        # Not asks' __init__: it sets three dozen attributes, for each request, that nothing here reads.
        self.method = method
        self.url: ParsedURL = parse_url(url)
        self.headers: Headers = list(headers)
        self.body = body
        self.params = params
        self.data = data
        self.json = json
        self.multipart = multipart
        self.cookies = cookies
        self.auth = auth
        self.last = False  # on its connection
        self.sender: trio.Nursery | None = None  # where an upload goes on while its answer is read
        self.as_operation = False  # see `Pool.acquire`
        self.defaults = True  # whether _DEFAULTS are added, where the caller gives no others
        self.head = b""

    async def build(self) -> None:
        """Fold everything into `url`, `headers` and `body`, then those into `head`, bytes for the wire.

        Raises `InvalidRequest` for what cannot be sent.
        """
        try:
            if self.params is not None:
                self._build_path()
            if self.data is not None or self.json is not None or self.multipart is not None:
                await self._build_body()
            if self.cookies is not None:
                self._add_cookies(self.cookies)
            if self.auth is not None or self.url.userinfo is not None:
                await self._add_authorization()
        except UnicodeEncodeError:
            raise InvalidRequest("the request holds a lone surrogate, which has no encoding") from None
        self._build_head()

    async def make_request(self, redirect: bool = False) -> None:
        """asks' own exchange is not used."""
        raise NotImplementedError("requests are sent by server_trio.http.session.Session.stream")

    # --- the parts -------------------------------------------------------------------------------

    def _build_path(self) -> None:
        """Add `params` to the query, in the way of a form (as requests does)."""
        added = self._dict_to_query(self.params)
        if added:
            target = self.url.target
            joint = b"" if target.endswith((b"?", b"&")) else b"&" if b"?" in target else b"?"
            self.url = self.url._replace(target=target + joint + encode_target(added))

    async def _build_body(self) -> None:
        if self.body is not None:
            raise InvalidRequest("body cannot be combined with data, json or multipart")
        if self.multipart is not None:
            self.multipart = {_part_name(name): _part(value) for name, value in self.multipart.items()}
        encoded_json, self.json = self.json, None
        if encoded_json is None:
            content_type, _, content = await self._formulate_body()
        elif self.data is None and self.multipart is None:
            content_type, content = "application/json", encoded_json  # asks would encode it again
        else:
            raise InvalidRequest("json cannot be combined with data or multipart")
        self.body = content.encode("utf-8") if isinstance(content, str) else content
        if content_type is not None and not self._has(b"content-type"):
            self.headers.append((b"Content-Type", content_type.encode("ascii")))

    async def _formulate_body(self) -> tuple[str | None, str, str | bytes]:
        if isinstance(self.data, (str, bytes)) and self.multipart is None:
            return None, "", self.data  # asks would call it text/plain, whatever it is
        if self.multipart is not None and self.data is None:
            # asks has one boundary for all requests of a process, with a "!" that RFC 2046 forbids.
            boundary = secrets.token_hex(16)
            content = await build_multipart_body(self.multipart, self.encoding, boundary)
            return f"multipart/form-data; boundary={boundary}", "", content
        try:
            content_type, length, content = await super()._formulate_body()
        except TypeError as exc:
            raise InvalidRequest(str(exc)) from None
        return content_type, length, content

    @staticmethod
    def _dict_to_query(data: Any, params: bool = True, base_query: bool = False) -> str:
        """application/x-www-form-urlencoded pairs (asks encodes lists twice and knows no pairs)."""
        pairs = data.items() if isinstance(data, Mapping) else data
        return "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in pairs)

    def _add_cookies(self, cookies: Pairs) -> None:
        """One Cookie header with all of them: RFC 6265 5.4 allows no second one."""
        given = [value for name, value in self.headers if name.lower() == b"cookie"]
        added = [f"{name}={value}".encode() for name, value in cookies]
        if added:
            self.headers = [pair for pair in self.headers if pair[0].lower() != b"cookie"]
            self.headers.append((b"Cookie", b"; ".join(given + added)))

    async def _add_authorization(self) -> None:
        userinfo = self.url.userinfo
        self.url = self.url._replace(userinfo=None)
        if self.auth is not None:
            basic = BasicAuth(self.auth)
            self.headers = [pair for pair in self.headers if pair[0].lower() != b"authorization"]
        elif userinfo is not None and not self._has(b"authorization"):
            # asks encodes text: each byte of the decoded userinfo has to come back as it was.
            basic = BasicAuth([part.decode("latin-1") for part in userinfo], encoding="latin-1")
        else:
            return
        for name, value in (await basic(self)).items():
            self.headers.append((name.encode("ascii"), value.encode("ascii")))

    def _has(self, lower_name: bytes) -> bool:
        return any(name.lower() == lower_name for name, _ in self.headers)

    # --- the head --------------------------------------------------------------------------------

    def _build_head(self) -> None:
        method = _method(self.method)
        host, lines = self._field_lines()
        url = self.url
        lines[0] = b"%b %b HTTP/1.1\r\nHost: %b" % (method, url.target, host or url.origin.authority)
        if self.last:
            lines.append(b"Connection: close")
        if isinstance(self.body, Upload):
            lines.append(self.body.field_line)
        elif self.body or self.method in _EXPECTS_CONTENT:  # RFC 9110 8.6
            lines.append(b"Content-Length: %d" % len(self.body or b""))
        lines.append(b"\r\n")
        self.head = b"\r\n".join(lines)

    def _field_lines(self) -> tuple[bytes, list[bytes]]:
        """The caller's Host, if any, and the lines of all fields that are not made here."""
        host = b""
        for_this_hop: set[bytes] = set()  # what Connection names: RFC 9110 7.6.1
        lines: list[bytes] = [b""]  # for the request line
        for name, value in self.headers:
            lower = _field_name(name)
            if _LF in value or _CR in value or _NUL in value:
                raise InvalidRequest(f"the value of header {name.decode()} holds a line break or NUL")
            if lower not in _MADE_HERE:
                lines.append(name + b": " + value)
            elif lower == b"host":
                host = _one_host(host, value)
            elif lower == b"connection":
                for_this_hop |= {option.strip().lower() for option in value.split(b",")}
        if for_this_hop:
            self.last = self.last or b"close" in for_this_hop
            dropped = _MADE_HERE | for_this_hop
            lines[1:] = [name + b": " + value for name, value in self.headers if name.lower() not in dropped]
        if self.defaults:
            given = {name.lower() for name, _ in self.headers}
            lines += [line for lower, line in _DEFAULTS if lower not in given]
        return host, lines


@lru_cache(maxsize=64)
def _method(text: str) -> bytes:
    """For the wire. Cached: there are few methods and many requests."""
    method = text.encode("ascii", "replace")
    if not _TOKEN.fullmatch(method) or method == b"CONNECT":
        raise InvalidRequest("the method is not one that can be sent")
    return method


@lru_cache(maxsize=1024)
def _field_name(name: bytes) -> bytes:
    """The name in lower case. Cached: there are few names and many requests."""
    if not _TOKEN.fullmatch(name):
        raise InvalidRequest(f"{name[:40]!r} is not a valid header name")
    return name.lower()


_HOST: Final = re.compile(rb"[A-Za-z0-9._~\-]+(:[0-9]*)?|\[[0-9A-Fa-f:.]+\](:[0-9]*)?")


def _one_host(seen: bytes, value: bytes) -> bytes:
    """The caller's own Host header: one, and nothing but host and port (RFC 9112 3.2)."""
    if seen or not _HOST.fullmatch(value):
        raise InvalidRequest("the Host header must be given once, as a host with an optional port")
    return value


def _part_name(name: str) -> str:
    """For a multipart Content-Disposition, escaped as browsers do (WHATWG HTML); asks does not."""
    return name.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")


def _part(value: MultipartValue) -> MultipartValue:
    if isinstance(value, (str, bytes)):
        return value
    if not isinstance(value, MultipartData) or not isinstance(value.binary_source, bytes):
        # asks would open a path, here on the server.
        raise InvalidRequest("a part of a multipart body must be text, bytes or MultipartData of bytes")
    if value.mime_type is not None and re.search(r"[\r\n\0]", value.mime_type):
        raise InvalidRequest("the type of a multipart part holds a line break or NUL")
    return value._replace(basename=None if value.basename is None else _part_name(value.basename))
