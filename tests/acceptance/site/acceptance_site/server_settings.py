"""The server's settings, derived from the site's as settings.example shows."""

from acceptance_site.settings import *  # noqa: F403
from acceptance_site.settings import CHANNEL_LAYERS, CHANNELS_ASYNC_CLIENT
from acceptance_site.settings import CHANNELS_ASYNC_SERVER as OF_THE_TEST

CHANNEL_LAYERS = {
    'default': {
        'BACKEND': CHANNEL_LAYERS['default']['BACKEND'],
        'CONFIG': CHANNEL_LAYERS['default']['CONFIG'],
        'ROUTING': 'acceptance_site.async_routing.channel_routing',
    },
}

PLAIN = CHANNELS_ASYNC_CLIENT['CALLS']

INSTALLED_APPS = ['django.contrib.contenttypes', 'acceptance_site']

CHANNELS_ASYNC_SERVER = {
    'CONCURRENCY': {'per_host': 100},
    'GRACE_TIME': 15,
    'DJANGO_SETUP': True,
    'CALLS': dict(PLAIN, **{'thumbnail.status': 'acceptance_site.async_ops.status'}),
    'CALL_MODULES': ['acceptance_site.async_ops'],
    'CALL_THREADS': 2,
}
CHANNELS_ASYNC_SERVER.update(OF_THE_TEST)
