"""The server's settings, derived from the site's as settings.example shows."""

from acceptance_site.settings import *  # noqa: F403
from acceptance_site.settings import CHANNEL_LAYERS

CHANNEL_LAYERS = {
    'default': {
        'BACKEND': CHANNEL_LAYERS['default']['BACKEND'],
        'CONFIG': CHANNEL_LAYERS['default']['CONFIG'],
        'ROUTING': 'acceptance_site.async_routing.channel_routing',
    },
}

INSTALLED_APPS = []

CHANNELS_ASYNC_SERVER = {
    'DEADLINES': {'REQUEST': 20, 'notify': 45},
    'CONCURRENCY': {'per_host': 100},
    'GRACE_TIME': 2,
}
