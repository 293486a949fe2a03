"""A site as of 2017: Django 1.8-1.11, Channels 1.1.5, asgi_redis. run.py sets the environment."""

from __future__ import unicode_literals

import os
import tempfile

DEBUG = False
SECRET_KEY = 'only for this demo'
ALLOWED_HOSTS = ['127.0.0.1', 'localhost']
ROOT_URLCONF = 'demo.urls'
INSTALLED_APPS = ['django.contrib.sessions', 'channels', 'demo']
SESSION_ENGINE = 'django.contrib.sessions.backends.signed_cookies'

MIDDLEWARE = [
    'django.middleware.security.SecurityMiddleware',
    'django.middleware.gzip.GZipMiddleware',
    'django.contrib.sessions.middleware.SessionMiddleware',
    'django.middleware.common.CommonMiddleware',
    'demo.middleware.VisitsMiddleware',
]
MIDDLEWARE_CLASSES = MIDDLEWARE  # the name before Django 1.10

TEMPLATES = [{'BACKEND': 'django.template.backends.django.DjangoTemplates', 'APP_DIRS': True}]

#: Where reports are stored until somebody looks; every process of the site sees it.
CACHES = {
    'default': {
        'BACKEND': 'django.core.cache.backends.filebased.FileBasedCache',
        'LOCATION': os.environ.get('DEMO_CACHE', os.path.join(tempfile.gettempdir(), 'demo-cache')),
    },
}

CHANNEL_LAYERS = {
    'default': {
        'BACKEND': 'asgi_redis.RedisChannelLayer',
        'CONFIG': {'hosts': [os.environ.get('DEMO_REDIS', 'redis://127.0.0.1:6379/0')]},
        'ROUTING': 'demo.routing.channel_routing',
    },
}

#: The slow HTTP server that the pages ask; it takes as many seconds as its path says.
UPSTREAM = os.environ.get('DEMO_UPSTREAM', 'http://127.0.0.1:8001')
UPSTREAM_DELAY = os.environ.get('DEMO_UPSTREAM_DELAY', '1')  # seconds

LOGGING = {
    'version': 1,
    'disable_existing_loggers': False,
    'handlers': {'stderr': {'class': 'logging.StreamHandler'}},
    'root': {'handlers': ['stderr'], 'level': 'WARNING'},
}
