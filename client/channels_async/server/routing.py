"""Named by settings of 2017:

    CHANNEL_LAYERS['default']['ROUTING'] = 'channels_async.server.routing.channel_routing'

The server does not route, so this is empty, as it always was.
"""

from __future__ import unicode_literals

channel_routing = []
