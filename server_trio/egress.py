"""The egress guard: which upstreams operations may reach (the setting EGRESS). Off where it has no entry.

The rules are shared with the inline form (channels_async.egress_rules). Whoever opens a connection asks
here with the very address that it connects to, so that no second look at the DNS can differ.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Final

from channels_async.egress_rules import Egress

from .errors import OperationRefused, SettingsError
from .settings import Settings

logger = logging.getLogger(__name__)

#: All that a browser is told: what is behind the site's own network is none of its business.
REFUSED: Final = "the upstream is not allowed"


class Guard:
    """Raises OperationRefused for what the rules do not allow, and says in the log what it was."""

    def __init__(self, rules: Egress) -> None:
        self._rules = rules

    def check_name(self, host: str, port: int) -> None:
        """Before the host is looked up: whether it is refused at every address."""
        self._enforce(self._rules.refuses_name(host, port), host, port)

    def allowed(self, host: str, port: int, addresses: Iterable[str]) -> set[str]:
        """Which of a host's addresses may be connected to; one at least, else OperationRefused."""
        refusals = {address: self._rules.refuses(host, port, address) for address in addresses}
        allowed = {address for address, reason in refusals.items() if reason is None}
        for address, reason in refusals.items():
            if reason is not None:
                level = logging.DEBUG if allowed else logging.WARNING
                logger.log(level, "egress: %s at %s, port %d, is refused: %s", host, address, port, reason)
        if refusals and not allowed:
            raise OperationRefused(REFUSED)
        return allowed

    def check_unresolved(self, host: str, port: int) -> None:
        """Where a proxy looks the host up: whether its name, or the address it is, is refused."""
        self._enforce(self._rules.refuses_unresolved(host, port), host, port)

    def check_socket(self, host: str, port: int, path: str) -> None:
        """Whether the unix socket that stands for `host` may be reached."""
        self._enforce(self._rules.refuses_socket(host, port, path), host, port)

    @staticmethod
    def _enforce(reason: str | None, host: str, port: int) -> None:
        if reason is not None:
            logger.warning("egress: %s, port %d, is refused: %s", host, port, reason)
            raise OperationRefused(REFUSED)


def make_guard(settings: Settings) -> Guard | None:
    """The guard of these settings; None without any. Raises SettingsError that names the wrong entry."""
    egress = settings.EGRESS
    if not egress.allow and not egress.deny:
        return None
    try:
        return Guard(Egress(egress.allow, egress.deny))
    except ValueError as error:
        raise SettingsError(f"EGRESS, {error}") from None
