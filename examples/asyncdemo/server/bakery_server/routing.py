"""Channels' routing for the server: what the notifier of the bonus round consumed is consumed here."""

from __future__ import annotations

from channels.routing import route

channel_routing = [route("notify", "bakery_server.consumers.notify")]
