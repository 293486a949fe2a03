"""The same with channels, whose runserver is a daphne and four worker threads in one process."""

from __future__ import unicode_literals

from bakery.settings.step1 import *  # noqa: F403
from bakery.settings.step1 import INSTALLED_APPS

INSTALLED_APPS = ['channels'] + INSTALLED_APPS

CHANNEL_LAYERS = {
    'default': {
        'BACKEND': 'asgiref.inmemory.ChannelLayer',
        'CONFIG': {'capacity': 100},  # messages a channel, as with Redis; this layer's own default is 10
        'ROUTING': [],
    },
}
