"""Channels' routing for the worker; that of the server is demo_server/routing.py."""

from __future__ import unicode_literals

from channels.routing import route

from demo import consumers

channel_routing = [
    route('http.request', consumers.raw, path=r'^/raw/'),
    route('http.request', consumers.upload, path=r'^/upload/', method=r'^POST$'),
    route('websocket.connect', consumers.socket_connect, path=r'^/socket/'),
    route('websocket.receive', consumers.socket_receive, path=r'^/socket/'),
    route('websocket.disconnect', consumers.socket_disconnect, path=r'^/socket/'),
    route('websocket.connect', consumers.watch_connect, path=r'^/watch/'),
    route('websocket.receive', consumers.watch_receive, path=r'^/watch/'),
    route('demo.report', consumers.store_report),
]
