"""Where the status server listens: an address of the settings, as a listening socket."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import socket
import stat
from dataclasses import dataclass
from typing import Final

from ..errors import SettingsError

#: Hands the listening socket to the process that takes this one's place: "descriptor:address". No setting.
VARIABLE: Final = "SERVER_TRIO_STATUS"

BACKLOG: Final = 64  # connections that may wait for being accepted
UNIX: Final = "unix:"
EXPECTED: Final = "it must be HOST:PORT, such as 127.0.0.1:9180 or [::1]:9180, or unix:/path"


@dataclass(frozen=True)
class Address:
    """`path` of a unix socket, or else `host` and `port`; `text` as it was given."""

    text: str
    host: str = ""
    port: int = 0
    path: str = ""


def parse_address(text: str) -> Address:
    """Raises SettingsError."""
    if text.startswith(UNIX):
        path = text.removeprefix(UNIX)
        if not path.startswith("/") or "\0" in path:
            raise SettingsError(f"STATUS is {text!r}; {EXPECTED}")
        return Address(text, path=path)
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") if host.startswith("[") else host
    is_name = bool(host) and not any(character.isspace() or character in "[]/" for character in host)
    if not is_name or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise SettingsError(f"STATUS is {text!r}; {EXPECTED}")
    if ":" in host and not text.startswith("["):
        raise SettingsError(f"STATUS is {text!r}; an IPv6 address stands in brackets: {EXPECTED}")
    return Address(text, host, int(port))


def listen(address: Address) -> socket.socket:
    """A socket that listens there: the one that the predecessor handed over, or a new one.

    Raises SettingsError where that cannot be: the port is somebody else's, there is no such address.
    """
    handed = _handed_over(address)
    if handed is not None:
        return handed
    try:
        return _listen_unix(address) if address.path else _listen_tcp(address)
    except socket.gaierror as error:
        raise SettingsError(f"STATUS is {address.text!r}: no such host ({error.strerror})") from error
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        advice = ""
        if getattr(error, "errno", None) == errno.EADDRINUSE:
            advice = f"; {_taken_by(address)}"
        raise SettingsError(f"STATUS is {address.text!r}: cannot listen there: {reason}{advice}") from error


def where(listening: socket.socket) -> str:
    """As a log line names it; with the port that was chosen where 0 was asked for."""
    name = listening.getsockname()
    if listening.family == socket.AF_UNIX:
        return f"unix:{name}"
    return f"http://[{name[0]}]:{name[1]}/" if ":" in name[0] else f"http://{name[0]}:{name[1]}/"


def is_local(listening: socket.socket) -> bool:
    """Whether only this machine reaches it."""
    if listening.family == socket.AF_UNIX:
        return True
    return ipaddress.ip_address(listening.getsockname()[0].partition("%")[0]).is_loopback


def handover(address: Address, listening: socket.socket) -> dict[str, str]:
    """What the environment of a successor says, which inherits the socket's descriptor."""
    return {VARIABLE: f"{listening.fileno()}:{address.text}"}


def close(address: Address, listening: socket.socket) -> None:
    """Stop listening; the file of a unix socket goes, unless another process listens on it."""
    listening.close()
    if address.path:
        with contextlib.suppress(OSError):
            _remove_dead_socket(address.path)


def _handed_over(address: Address) -> socket.socket | None:
    """Taken out of the environment in any case; of another address it is closed."""
    descriptor, _, text = os.environ.pop(VARIABLE, "").partition(":")
    if not descriptor.isdigit():
        return None
    try:
        found = socket.socket(fileno=int(descriptor))
    except OSError:
        return None
    found.set_inheritable(False)
    if text != address.text:
        found.close()
        return None
    return found


def _taken_by(address: Address) -> str:
    """What an address that is in use is, and what to do."""
    if not address.path:
        return "another process listens there, give this one another port"
    if os.path.islink(address.path) and not os.path.exists(address.path):
        return f"it is a link to {os.readlink(address.path)}, which is not there; give another path"
    if os.path.isdir(address.path):
        return "it is a directory; give the path of a socket in it"
    if os.path.exists(address.path) and not stat.S_ISSOCK(os.stat(address.path).st_mode):
        return "it is a file, and no socket; give another path"
    return "another process listens there, give this one another path"


def _listen_tcp(address: Address) -> socket.socket:
    family, kind, _, _, name = socket.getaddrinfo(
        address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listening = socket.socket(family, kind)
    try:
        # A restart need not wait for the connections of the one before (tcp(7), TIME_WAIT).
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(name)
        listening.listen(BACKLOG)
    except BaseException:
        listening.close()
        raise
    return listening


def _listen_unix(address: Address) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _remove_dead_socket(address.path)
        listening.bind(address.path)
        listening.listen(BACKLOG)
    except BaseException:
        listening.close()
        raise
    return listening


def _remove_dead_socket(path: str) -> None:
    """A socket on which nobody listens any more was left by a server that was killed.

    Raises OSError; not for one that somebody has.
    """
    try:
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            return
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        # Else it waits, without an end, for a place among those that the listener does not accept:
        # what is EAGAIN now (connect(2)), and says that somebody listens.
        asking.setblocking(False)
        try:
            asking.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
        except BlockingIOError:
            pass
