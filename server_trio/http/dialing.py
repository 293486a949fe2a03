"""TCP connections with a say over each address: resolve, ask the guard, connect to what it allows.

trio.open_tcp_stream resolves and connects in one. A check before it would be of another look-up than the
one it connects by, and one after it comes when a connection exists already.
"""

from __future__ import annotations

import socket
from typing import Any, Final

import trio

from ..egress import Guard

#: Seconds until the next address is tried beside one that has not answered (RFC 8305 section 5).
_ATTEMPT_DELAY: Final = 0.25

#: family, kind, protocol, canonical name, address: as socket.getaddrinfo gives them
_Target = tuple[int, int, int, str, Any]


async def dial(host: str, port: int, guard: Guard | None) -> trio.SocketStream:
    """Connect to a host (a name, or an address in any notation that getaddrinfo knows).

    Raises errors.OperationRefused where the guard allows none of its addresses, OSError (gaierror
    included) and UnicodeError as trio.open_tcp_stream does.
    """
    if guard is None:
        return await trio.open_tcp_stream(host, port)
    guard.check_name(host, port)
    found: list[_Target] = list(await trio.socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    allowed = guard.allowed(host, port, [target[4][0] for target in found])
    targets = [target for target in found if target[4][0] in allowed]
    return trio.SocketStream(await _connect_first(_alternating(targets)))


def _alternating(targets: list[_Target]) -> list[_Target]:
    """One of another family in the second place (RFC 8305 section 4), else in the order of the system."""
    for index, target in enumerate(targets):
        if target[0] != targets[0][0]:
            return [targets[0], target, *targets[1:index], *targets[index + 1 :]]
    return targets


async def _connect_first(targets: list[_Target]) -> trio.socket.SocketType:
    """The first connection that stands; the next address is tried when one fails or takes its time."""
    winner: list[trio.socket.SocketType] = []
    failures: list[OSError] = []

    async def attempt(target: _Target, failed: trio.Event) -> None:
        try:
            connecting = trio.socket.socket(*target[:3])
            try:
                await connecting.connect(target[4])
                if not winner:
                    winner.append(connecting)
                    nursery.cancel_scope.cancel()
            finally:
                if connecting not in winner:
                    connecting.close()
        except OSError as error:  # of an address family that this machine does not have, too
            failures.append(error)
            failed.set()

    try:
        async with trio.open_nursery() as nursery:
            for target in targets:
                failed = trio.Event()
                nursery.start_soon(attempt, target, failed)
                with trio.move_on_after(_ATTEMPT_DELAY):
                    await failed.wait()
    except BaseException:
        for connected in winner:
            connected.close()
        raise
    if not winner:
        raise failures[-1] if failures else OSError("the host has no address")
    return winner[0]
