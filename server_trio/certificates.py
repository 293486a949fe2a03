"""TLS settings: which authorities are trusted, and which certificate is shown to whom.

All files are read before the server serves; what is wrong with one is a SettingsError that names the
setting and the path. Verification itself has no switch: a server that asks on behalf of many must not be
made to trust everybody by one line that was meant for a test. `ca_file` is what to use instead.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any, Final

from channels_async.host_patterns import closest, split_port

from .errors import SettingsError
from .settings import Settings

_KEYS: Final = ("certificate", "key", "password")


class TlsContexts:
    """The context for each upstream: that of the closest pattern, else the default.

    Patterns are hosts or `*.` domains, with or without a port. Without a default, the system's
    authorities are read when one is needed: that takes 20 ms and 1 MB.
    """

    def __init__(
        self, default: ssl.SSLContext | None = None, patterns: Mapping[str, ssl.SSLContext] | None = None
    ) -> None:
        self._default = default
        self._patterns = patterns or {}

    def of(self, host: str, port: int) -> ssl.SSLContext:
        """The context for connections to a host (lower case, without brackets)."""
        pattern = closest(self._patterns, host, port)
        if pattern is not None:
            return self._patterns[pattern]
        if self._default is None:
            self._default = make_context()
        return self._default


def make_context(ca_file: str = "", *, system_cas: bool = True) -> ssl.SSLContext:
    """A context that verifies, and speaks HTTP/1.1. Raises OSError and ssl.SSLError for a bad file."""
    context = ssl.create_default_context(cafile=None if system_cas else ca_file)
    if ca_file and system_cas:
        context.load_verify_locations(cafile=ca_file)
    context.set_alpn_protocols(["http/1.1"])
    return context


def make_contexts(settings: Settings) -> TlsContexts:
    """The contexts of these settings, all files read. Raises SettingsError."""
    tls = settings.TLS
    if not tls.system_cas and not tls.ca_file:
        raise SettingsError("TLS['system_cas'] is off, but TLS['ca_file'] names no others to trust")
    if not tls.ca_file and not tls.certificates:
        return TlsContexts()
    patterns = {}
    for pattern, entry in tls.certificates.items():
        name = f"TLS['certificates'][{pattern!r}]"
        _check_entry(name, pattern, entry)
        context = _trusting(settings)
        _load_certificate(context, name, entry)
        patterns[pattern.lower()] = context
    return TlsContexts(_trusting(settings), patterns)


def _trusting(settings: Settings) -> ssl.SSLContext:
    path = settings.TLS.ca_file
    if path:
        _check_readable("TLS['ca_file']", path)
    try:
        return make_context(path, system_cas=settings.TLS.system_cas)
    except ssl.SSLError as error:
        raise SettingsError(f"TLS['ca_file']: {path} holds no certificates in PEM form") from error


def _check_entry(name: str, pattern: str, entry: Any) -> None:
    host, _ = split_port(pattern)
    if not host or "/" in host or "*" in host.removeprefix("*."):
        raise SettingsError(f"{name}: the key must be a host or a pattern such as *.example.org")
    if not isinstance(entry, Mapping) or not all(isinstance(value, str) for value in entry.values()):
        raise SettingsError(f"{name} must be a dict with {', '.join(_KEYS)}, each a text")
    for key in entry:
        if key not in _KEYS:
            raise SettingsError(f"{name} has no {key!r}; known are {', '.join(_KEYS)}")
    if "certificate" not in entry:
        raise SettingsError(f"{name} has no 'certificate', the path of a file in PEM form")


def _load_certificate(context: ssl.SSLContext, name: str, entry: Mapping[str, str]) -> None:
    certificate, key = entry["certificate"], entry.get("key")
    _check_readable(f"{name}['certificate']", certificate)
    if key is not None:
        _check_readable(f"{name}['key']", key)
    asked = False

    def password() -> str:
        nonlocal asked
        asked = True
        return entry.get("password", "")  # never OpenSSL's own question at the terminal

    try:
        context.load_cert_chain(certificate, key, password)
    except (ssl.SSLError, ValueError) as error:
        raise SettingsError(f"{name}: {_why_not_loaded(error, entry, asked)}") from error


def _why_not_loaded(error: Exception, entry: Mapping[str, str], asked: bool) -> str:
    key = entry.get("key", entry["certificate"])
    if getattr(error, "reason", None) == "KEY_VALUES_MISMATCH":
        return f"the key in {key} is not that of the certificate in {entry['certificate']}"
    if asked:
        return f"the key in {key} is encrypted, and its 'password' is " + (
            "wrong" if entry.get("password") else "not given"
        )
    if key == entry["certificate"]:
        return f"{key} does not hold both a certificate and its key in PEM form; 'key' is missing?"
    return f"{entry['certificate']} and {key} do not hold a certificate and a key in PEM form"


def _check_readable(name: str, path: str) -> None:
    try:
        with open(path, "rb"):
            pass
    except OSError as error:
        raise SettingsError(f"{name}: {path} cannot be read: {error.strerror}") from error
