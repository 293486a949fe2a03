"""Channels' routing. `/raw/` is answered by a consumer; every other page by Django's views."""

from __future__ import unicode_literals

from channels.routing import route

from demo.consumers import raw

channel_routing = [
    route('http.request', raw, path=r'^/raw/'),
]
