from collections.abc import Mapping, Sequence
from typing import NamedTuple

class Proxy(NamedTuple):
    host: str
    port: int
    authorization: bytes | None

class Proxies:
    def __init__(
        self, proxy: str = "", no_proxy: Sequence[str] = (), environment: Mapping[str, str] | None = None
    ) -> None: ...
    def __bool__(self) -> bool: ...
    def proxy_for(self, scheme: str, host: str, port: int) -> Proxy | None: ...

def parse_proxy(url: str) -> Proxy: ...
