"""Channels' routing for the server: what it names is consumed there, and by no worker."""

from __future__ import annotations

from channels.routing import route

channel_routing = [
    route("demo.notify", "demo_server.consumers.notify"),
]
