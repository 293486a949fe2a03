from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

class Finding(NamedTuple):
    id: str
    level: str
    about: str
    problem: str
    remedy: str

class Plan(NamedTuple):
    deadlines: Mapping[str, float]
    daphne_timeout: float
    channel: str
    disconnect_channels: Sequence[str]
    total: int

LEVELS: Final[tuple[str, ...]]

def layer_findings(alias: str, backend: str, config: Mapping[str, Any], plan: Plan) -> list[Finding]: ...
def plan_findings(plan: Plan) -> list[Finding]: ...
def twin_findings(layers: Any) -> list[Finding]: ...
def difference_findings(
    alias: str, site: Any, server: Mapping[str, Any]
) -> list[Finding]: ...
def routing_findings(
    alias: str, routed: Collection[str], channel: str, disconnect_channels: Sequence[str]
) -> list[Finding]: ...
def app_findings(installed_apps: Sequence[str], loaded: bool) -> list[Finding]: ...
def channel_findings(client_channel: str, server_channel: str) -> list[Finding]: ...
def twisted_findings(alias: str, config: Mapping[str, Any], python2: bool) -> list[Finding]: ...
