from __future__ import unicode_literals

import os

from channels.routing import route

from acceptance_site import commands, elsewhere, forwards, leaving, rooms
from acceptance_site.consumers import raw

channel_routing = [
    route('http.request', forwards.consume, path=r'^/forward-raw/'),
    route('http.request', forwards.consume_streamed, path=r'^/forward-streamed/'),
    route('http.request', raw, path=r'^/raw/'),
    route('http.request', commands.raw, path=r'^/raw-command/'),
    route('websocket.connect', rooms.connect, path=r'^/room/(?P<room>\w+)$'),
    route('websocket.receive', rooms.receive, path=r'^/room/(?P<room>\w+)$'),
    route('worker.shout', rooms.shout),
    route('process.result', elsewhere.store_result),
    route('websocket.connect', elsewhere.fetch_on_connect, path=r'^/fetch/early/'),
    route('websocket.connect', elsewhere.accept, path=r'^/fetch/'),
    route('websocket.receive', elsewhere.fetch, path=r'^/fetch/'),
]

if os.environ.get('ACCEPTANCE_DISCONNECTS') == 'yes':
    channel_routing += [
        route('http.disconnect', leaving.leave),
        route('websocket.disconnect', leaving.leave),
    ]
