"""A Django site on channels, inside the test: the real Worker, handler, middleware and in-memory layer."""

from __future__ import unicode_literals

import contextlib
import os
import sys
import tempfile

if sys.version_info >= (3, 10):
    import channels_compat

    channels_compat.install()

import django
from django.conf import settings

LAYER = {'BACKEND': 'asgiref.inmemory.ChannelLayer', 'ROUTING': 'site_support.routing'}
DATABASE = os.path.join(tempfile.mkdtemp(prefix='channels-async-test-'), 'db.sqlite3')

if not settings.configured:
    settings.configure(
        SECRET_KEY='x',
        ALLOWED_HOSTS=['*'],
        ROOT_URLCONF='site_support',
        INSTALLED_APPS=[
            'django.contrib.contenttypes', 'django.contrib.sessions', 'django.contrib.messages', 'channels',
        ],
        DATABASES={
            'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': DATABASE, 'ATOMIC_REQUESTS': True},
        },
        CHANNEL_LAYERS={
            'default': LAYER,
            'other': LAYER,
            'tested': dict(LAYER, CONFIG={'capacity': 1}, TEST_CONFIG={'capacity': 3}),
        },
        CACHES={'default': {'BACKEND': 'django.core.cache.backends.locmem.LocMemCache'}},
        SESSION_ENGINE='django.contrib.sessions.backends.cache',
        MIDDLEWARE_CLASSES=[],
        USE_I18N=True,
        LANGUAGES=[('en', 'English'), ('de', 'German')],
        LOGGING_CONFIG=None,
    )
    django.setup()

from asgiref.inmemory import ChannelLayer  # noqa: E402
from channels.asgi import ChannelLayerWrapper  # noqa: E402
from channels.handler import ViewConsumer  # noqa: E402
from channels.routing import route  # noqa: E402
from channels.worker import Worker  # noqa: E402
from django.conf.urls import url  # noqa: E402
from django.test.utils import override_settings  # noqa: E402

from channels_async.client.client import client  # noqa: E402

try:
    from django.utils.deprecation import MiddlewareMixin
except ImportError:  # Django 1.8, 1.9
    MiddlewareMixin = object

REPLY = 'test.reply!abc'

#: How middleware is listed: Django 1.10 knows both ways.
STYLES = ['MIDDLEWARE_CLASSES'] if django.VERSION < (1, 10) else (
    ['MIDDLEWARE_CLASSES', 'MIDDLEWARE'] if django.VERSION < (2,) else ['MIDDLEWARE'])

EVERYTHING = [
    'django.middleware.security.SecurityMiddleware',
    'django.middleware.cache.UpdateCacheMiddleware',
    'django.middleware.gzip.GZipMiddleware',
    'django.middleware.http.ConditionalGetMiddleware',
    'django.contrib.sessions.middleware.SessionMiddleware',
    'django.middleware.locale.LocaleMiddleware',
    'django.middleware.common.CommonMiddleware',
    'django.middleware.csrf.CsrfViewMiddleware',
    'django.contrib.messages.middleware.MessageMiddleware',
    'django.middleware.clickjacking.XFrameOptionsMiddleware',
    'django.middleware.cache.FetchFromCacheMiddleware',
]

# --- the site's views: each test brings its own ------------------------------------------------------

current = {}


def dispatch(request):
    return current['view'](request)


dispatch.csrf_exempt = True  # the requests of the tests come from no form

urlpatterns = [url(r'', dispatch)]
routing = []


# --- running it ---------------------------------------------------------------------------------------


class Site(object):
    """A channel layer, and a worker that handles one message at a time."""

    def __init__(self, layer=None, alias='test', consumer=None, capacity=10):
        layer = layer if layer is not None else ChannelLayer(capacity=capacity)
        self.layer = ChannelLayerWrapper(layer, alias, [route('http.request', consumer or ViewConsumer())])

    def work(self, messages=1):
        """Run a Worker until it has begun that many messages, and done them."""
        worker = Worker(self.layer, signal_handlers=False)
        begun = []

        def count(channel, message):
            begun.append(message)
            worker.termed = len(begun) >= messages

        worker.callback = count
        worker.run()

    def ask(self, view=None, method='GET', path='/', headers=(), body=b'', reply=REPLY):
        """Let the worker handle one request; returns the (operations, replies) that then lie on the layer."""
        if view is not None:
            current['view'] = view
        self.layer.send('http.request', http_request(method, path, headers, body, reply))
        self.work()
        return self.operations(), self.replies()

    def operations(self):
        return self._all('request.async')

    def replies(self):
        return self._all('test.reply!')

    def _all(self, channel):
        found = []
        while True:
            name, message = self.layer.receive_many([channel])
            if name is None:
                return found
            found.append(message)


def http_request(method='GET', path='/', headers=(), body=b'', reply=REPLY):
    """What daphne 1.4.2 sends (daphne/http_protocol.py:166)."""
    path, _, query = path.partition('?')
    return {
        'reply_channel': reply, 'http_version': '1.1', 'method': method, 'path': path, 'root_path': '',
        'scheme': 'http', 'query_string': query.encode('ascii'), 'body': body, 'client': ['127.0.0.1', 4],
        'server': ['127.0.0.1', 80], 'headers': [[name, value] for name, value in headers],
    }  # fmt: skip


@contextlib.contextmanager
def configured(style, middleware, **others):
    """Settings with this middleware, listed the old or the new way."""
    values = dict(others)
    if django.VERSION >= (1, 10):
        values['MIDDLEWARE'] = None
    values[style] = list(middleware)
    with override_settings(**values):
        yield


def headers_of(message):
    """{lower-case name: [values]} of an operation's response_headers or a reply's headers, as text."""
    found = {}
    for name, value in message.get('response_headers', message.get('headers', [])):
        found.setdefault(name.decode('latin-1').lower(), []).append(value.decode('latin-1'))
    return found


# --- what most tests of the hand-off do --------------------------------------------------------------

URL = 'https://example.org/a?b=c'
HOST = (b'host', b'example.com')
GZIP = (b'accept-encoding', b'gzip')


def hand_off(request):
    return client.request(request, URL)


def one_operation(outcome):
    """The operation, of what Site.ask() returned, where nothing else may have happened."""
    operations, replies = outcome
    assert replies == []
    assert len(operations) == 1
    return operations[0]


def only_reply(outcome):
    """The reply, of what Site.ask() returned, where nothing was handed off."""
    operations, replies = outcome
    assert operations == []
    assert len(replies) == 1
    return replies[0]
