"""Redis in between, so that daphne and the workers are processes, each worker with channels of its own."""

from __future__ import unicode_literals

import os

from bakery.settings.step3 import *  # noqa: F403

CHANNEL_LAYERS = {
    'default': {
        'BACKEND': 'asgi_redis.RedisChannelLayer',
        'CONFIG': {'hosts': [os.environ.get('ASYNCDEMO_REDIS', 'redis://127.0.0.1:6379/0')]},
        'ROUTING': 'bakery.routing.channel_routing',
    },
}
