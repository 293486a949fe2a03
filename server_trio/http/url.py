"""From a URL to what goes on the wire: the origin to connect to and the request target.

One reading of the URL serves connecting, the Host header and comparing origins, so that they can
never disagree about which host is meant. Grammar: RFC 3986, appendix B for the split.
"""

from __future__ import annotations

import ipaddress
import re
from functools import cached_property, lru_cache
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

import idna

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}

_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)://([^/?#]*)([^?#]*)(\?[^#]*)?(?:#.*)?", re.DOTALL)
_HOST_PORT: Final = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(?::([0-9]*))?")
# What the DNS and /etc/hosts can hold. Sub-delimiters and percent-encoding, which RFC 3986 would
# allow, name no host; refusing them leaves two parsers of one URL nothing to disagree about.
_REG_NAME: Final = re.compile(r"[A-Za-z0-9._~\-]+")

# Everything that may not stand in a path or query (RFC 3986 3.3 and 3.4), and a percent sign that
# begins no escape. Square brackets may not either, but `a[]=1` is sent raw by browsers (WHATWG URL)
# and by everybody who signs such a URL.
_MUST_BE_ENCODED: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})|[^A-Za-z0-9\-._~!$&'()*+,;=:@/?\[\]%]")

# Nearly every URL: nothing in it has to be encoded or decoded, and there is no userinfo.
_PLAIN_URL: Final = re.compile(
    r"(https?)://([A-Za-z0-9._~\-]+(?::[0-9]+)?)"
    r"(/[A-Za-z0-9\-._~!$&'()*+,;=:@/?\[\]]*(?:%[0-9A-Fa-f]{2}[A-Za-z0-9\-._~!$&'()*+,;=:@/?\[\]]*)*)"
)

#: Characters of a URL that may be remembered: so many, in a cache of so many, are no burden.
_SHORT: Final = 200


class InvalidRequest(ValueError):
    """A request that cannot be put on the wire as asked; the caller's mistake, not the upstream's.

    The text names what is wrong and holds no secrets (no userinfo, no header values).
    """


class _Place(NamedTuple):
    scheme: str  # "http" or "https"
    host: str  # ASCII, lower case; an IPv6 address without brackets, perhaps with %zone
    port: int


class Origin(_Place):
    """Where to connect: scheme, host and port (RFC 6454). One serves many requests, see `_kept_origin`."""

    @cached_property
    def netloc(self) -> str:
        """As in a URL and in the Host header: brackets around IPv6, no default port, no zone (RFC 6874)."""
        host = f"[{self.host.partition('%')[0]}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @cached_property
    def authority(self) -> bytes:
        """`netloc` for the wire."""
        return self.netloc.encode("ascii")


class ParsedURL(NamedTuple):
    """One URL as this client reads it."""

    origin: Origin
    target: bytes  # origin-form (RFC 9112 3.2.1): path and query, percent-encoded
    userinfo: tuple[bytes, bytes] | None  # name and password, decoded

    @property
    def text(self) -> str:
        """The URL without userinfo and fragment."""
        return f"{self.origin.scheme}://{self.origin.netloc}{self.target.decode('ascii')}"


def parse_url(url: str) -> ParsedURL:
    """Read an absolute http or https URL.

    Escapes that are there pass unchanged (`%7E` stays `%7E`), what may not stand there is
    encoded as UTF-8. Raises `InvalidRequest`.
    """
    plain = _parse_plain(url) if len(url) <= _SHORT else None
    if plain is not None:
        return plain
    found = _URL.fullmatch(url.strip())
    if found is None:
        raise InvalidRequest("the URL is not absolute: it must begin with http:// or https://")
    scheme, authority, path, query = found.groups()
    if "\\" in authority:  # browsers take it for a slash; refusing it leaves no doubt about the host
        raise InvalidRequest("the URL holds a backslash before its path")
    userinfo, at, host_port = authority.rpartition("@")
    return ParsedURL(
        _origin(scheme.lower(), host_port),
        encode_target((path or "/") + (query or "")),
        _split_userinfo(userinfo) if at else None,
    )


@lru_cache(maxsize=256)
def _parse_plain(url: str) -> ParsedURL | None:
    """What `parse_url` makes of a URL that is plain. Cached: some are asked for again and again."""
    plain = _PLAIN_URL.fullmatch(url)
    if plain is None:
        return None
    scheme, authority, target = plain.groups()
    return ParsedURL(_origin(scheme, authority), target.encode("ascii"), None)


def encode_target(text: str) -> bytes:
    """Percent-encode what may not stand in a request target, and nothing else."""
    try:
        raw = text.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidRequest("the URL holds a lone surrogate, which has no encoding") from None
    return _MUST_BE_ENCODED.sub(lambda bad: b"%%%02X" % bad[0][0], raw)


def _origin(scheme: str, host_port: str) -> Origin:
    return (_kept_origin if len(host_port) <= _SHORT else _read_origin)(scheme, host_port)


def _read_origin(scheme: str, host_port: str) -> Origin:
    if scheme not in _DEFAULT_PORTS:
        raise InvalidRequest(f"the URL's scheme is {scheme}: only http and https are supported")
    found = _HOST_PORT.fullmatch(host_port)
    if found is None or not found[1]:
        raise InvalidRequest("the URL names no valid host and port")
    host, port_text = found.groups()
    port = int(port_text) if port_text else _DEFAULT_PORTS[scheme]
    if not 0 < port < 65536:
        raise InvalidRequest(f"the URL's port {port} is not between 1 and 65535")
    return Origin(scheme, _ipv6(host[1:-1]) if host[0] == "[" else _name(host), port)


#: A site asks a handful of upstreams, each of them thousands of times.
_kept_origin: Final = lru_cache(maxsize=1024)(_read_origin)


def _ipv6(literal: str) -> str:
    address, separator, zone = literal.replace("%25", "%", 1).partition("%")
    try:
        compressed = ipaddress.IPv6Address(address).compressed
    except ValueError:
        raise InvalidRequest("the URL's host in brackets is not an IPv6 address") from None
    if separator and not _REG_NAME.fullmatch(zone):
        raise InvalidRequest("the zone of the URL's IPv6 address is not valid")
    return compressed + separator + zone


def _name(host: str) -> str:
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode("ascii")
        except idna.IDNAError:
            raise InvalidRequest("the URL's host is not a valid international domain name") from None
    if not _REG_NAME.fullmatch(host):
        raise InvalidRequest("the URL's host holds a character that no host name has")
    return host.lower()


def _split_userinfo(userinfo: str) -> tuple[bytes, bytes]:
    name, _, password = userinfo.partition(":")
    try:
        return unquote_to_bytes(name), unquote_to_bytes(password)
    except UnicodeEncodeError:
        raise InvalidRequest("the URL's userinfo holds a lone surrogate, which has no encoding") from None
