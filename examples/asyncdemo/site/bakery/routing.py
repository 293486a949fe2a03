from __future__ import unicode_literals

from channels.routing import route

from bakery.consumers import notify

channel_routing = [route('notify', notify)]
