"""A site on a real Redis, as a program: `python redis_site.py runworker --layer other`, `... live`.

CHANNELS_ASYNC_TEST_REDIS_URL names the Redis, CHANNELS_ASYNC_TEST_DATABASE a file for sqlite.
"""

from __future__ import print_function, unicode_literals

import os
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))

if __name__ == '__main__':
    sys.path[1:1] = [os.path.join(ROOT, 'client'), os.path.join(ROOT, 'compat')]
    if sys.version_info >= (3, 10):
        import channels_compat

        channels_compat.install()

from django.conf import settings  # noqa: E402 - after the shims

UPSTREAM = 'https://example.org/from-the-view'


def layer(prefix, test_prefix='test:'):
    hosts = [os.environ['CHANNELS_ASYNC_TEST_REDIS_URL']]
    return {
        'BACKEND': 'asgi_redis.RedisChannelLayer',
        'ROUTING': 'redis_site.routing',
        'CONFIG': {'hosts': hosts, 'prefix': prefix},
        'TEST_CONFIG': {'hosts': hosts, 'prefix': test_prefix},
    }


def configure(layers):
    import django

    settings.configure(
        SECRET_KEY='x', ALLOWED_HOSTS=['*'], ROOT_URLCONF=Urls(), CHANNEL_LAYERS=layers, LOGGING_CONFIG=None,
        INSTALLED_APPS=['channels'], MIDDLEWARE_CLASSES=[],
        DATABASES={'default': {
            'ENGINE': 'django.db.backends.sqlite3', 'NAME': os.environ['CHANNELS_ASYNC_TEST_DATABASE'],
        }},
    )  # fmt: skip
    if django.VERSION >= (1, 10):
        settings.MIDDLEWARE = []
    django.setup()


def view(request):
    from channels_async.client.client import client

    return client.request(request, UPSTREAM)


class Urls(object):
    """The URLconf; django.conf.urls can be imported only when there are settings."""

    @property
    def urlpatterns(self):
        from django.conf.urls import url

        return [url(r'', view)]


routing = []


def runworker(words):
    configure({'default': layer('default:'), 'other': layer('other:')})
    from django.core.management import execute_from_command_line

    execute_from_command_line([str('redis_site.py')] + words)


def live():
    """A ChannelLiveServerTestCase, which starts daphne and a worker on the layer of TEST_CONFIG."""
    configure({'default': layer('real:', 'live:')})
    import unittest

    from channels.asgi import ChannelLayerManager, channel_layers
    from channels.test import ChannelLiveServerTestCase

    try:
        from urllib.request import urlopen
    except ImportError:  # Python 2
        from urllib2 import urlopen

    class Case(ChannelLiveServerTestCase):
        host = '127.0.0.1'
        serve_static = False

        def test_the_operation_is_on_the_layer_of_the_test(self):
            answers = []
            asking = threading.Thread(
                target=lambda: answers.append(urlopen(self.live_server_url + '/', timeout=100).read()))
            asking.daemon = True
            asking.start()
            tested = ChannelLayerManager().make_test_backend('default')
            operation = None
            while operation is None and asking.is_alive():
                _, operation = tested.receive(['request.async'], block=True)
            assert operation['url'] == UPSTREAM
            tested.send(operation['reply_channel'], {'status': 200, 'content': b'from the server'})
            asking.join(100)
            assert answers == [b'from the server']
            assert channel_layers['default'].receive(['request.async']) == (None, None)

    outcome = unittest.TextTestRunner().run(unittest.defaultTestLoader.loadTestsFromTestCase(Case))
    sys.exit(0 if outcome.wasSuccessful() else 1)


if __name__ == '__main__':
    # Others import this file by its name: routing.
    sys.modules['redis_site'] = sys.modules['__main__']
    if sys.argv[1] == 'live':
        live()
    else:
        runworker(sys.argv[1:])
