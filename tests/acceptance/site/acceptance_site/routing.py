from __future__ import unicode_literals

from channels.routing import route

from acceptance_site.consumers import raw

channel_routing = [
    route('http.request', raw, path=r'^/raw/'),
]
