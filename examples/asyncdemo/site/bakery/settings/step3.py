"""The view sends to the channel `notify`, which the worker threads consume besides http.request."""

from __future__ import unicode_literals

from bakery.settings.step2 import *  # noqa: F403
from bakery.settings.step2 import CHANNEL_LAYERS

ROOT_URLCONF = 'bakery.notify_urls'
CHANNEL_LAYERS = {'default': dict(CHANNEL_LAYERS['default'], ROUTING='bakery.routing.channel_routing')}
