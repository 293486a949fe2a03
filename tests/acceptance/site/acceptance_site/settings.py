"""A site with much middleware and a transaction around every request. The environment comes from stack.py."""

from __future__ import unicode_literals

import json
import os

from acceptance_site.command_lines import COMMANDS

DEBUG = False
SECRET_KEY = 'only for these tests'
ALLOWED_HOSTS = ['127.0.0.1']
ROOT_URLCONF = 'acceptance_site.urls'
INSTALLED_APPS = [
    'django.contrib.contenttypes',
    'django.contrib.sessions',
    'channels',
    'channels_async',
    'acceptance_site',
]
LANGUAGES = [('en', 'English'), ('nl', 'Nederlands')]
USE_I18N = True
USE_ETAGS = True

MIDDLEWARE = [
    'django.middleware.security.SecurityMiddleware',
    'django.middleware.gzip.GZipMiddleware',
    'django.middleware.http.ConditionalGetMiddleware',
    'django.contrib.sessions.middleware.SessionMiddleware',
    'django.middleware.locale.LocaleMiddleware',
    'django.middleware.common.CommonMiddleware',
    'django.middleware.csrf.CsrfViewMiddleware',
    'django.middleware.clickjacking.XFrameOptionsMiddleware',
]
TEMPLATES = [{'BACKEND': 'django.template.backends.django.DjangoTemplates'}]

DATABASES = {
    'default': {
        'ENGINE': 'django.db.backends.sqlite3',
        'NAME': os.environ['ACCEPTANCE_DATABASE'],
        'ATOMIC_REQUESTS': True,
    },
}

CHANNEL_LAYERS = {
    'default': {
        'BACKEND': 'asgi_redis.RedisChannelLayer',
        'CONFIG': {
            'hosts': [os.environ['ACCEPTANCE_REDIS']],
            'prefix': 'acceptance:',
            'channel_capacity': json.loads(os.environ.get('ACCEPTANCE_CAPACITY', '{}')),
        },
        'ROUTING': 'acceptance_site.routing.channel_routing',
    },
}

CHANNELS_ASYNC = os.environ.get('ACCEPTANCE_INLINE') != 'yes'
CHANNELS_ASYNC_CLIENT = {
    'CALLS': dict(
        {'plain.' + name: 'acceptance_site.plain_ops.' + name for name in ('answer', 'stream', 'count')},
        **{'odd.returned': 'acceptance_site.odd_ops.returned'}
    ),
}
# Sections such as EGRESS, for operations that are done in the view; server_settings.py takes them over.
# Deadlines are longer than any test waits for an answer on a busy machine: who wants one says so.
DEADLINES = {'REQUEST': 100, 'FORWARD': 100, 'CALL': 100, 'COMMAND': 100, 'notify': 45}
CHANNELS_ASYNC_SERVER = dict(
    {'COMMANDS': COMMANDS, 'DEADLINES': DEADLINES}, **json.loads(os.environ.get('ACCEPTANCE_SERVER', '{}'))
)
UPSTREAM = os.environ['ACCEPTANCE_UPSTREAM']

LOGGING = {
    'version': 1,
    'disable_existing_loggers': False,
    'formatters': {'line': {'format': os.environ.get('ACCEPTANCE_LOG_FORMAT', '%(message)s')}},
    'handlers': {'stderr': {'class': 'logging.StreamHandler', 'formatter': 'line'}},
    'root': {'handlers': ['stderr'], 'level': 'INFO'},
}
