from __future__ import unicode_literals

from channels.routing import route

from acceptance_site import rooms
from acceptance_site.consumers import raw

channel_routing = [
    route('http.request', raw, path=r'^/raw/'),
    route('websocket.connect', rooms.connect, path=r'^/room/(?P<room>\w+)$'),
    route('websocket.receive', rooms.receive, path=r'^/room/(?P<room>\w+)$'),
    route('worker.shout', rooms.shout),
]
