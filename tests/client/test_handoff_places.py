"""The hand-off in all the places where channels runs a view: layers, threads, its test client."""

from __future__ import unicode_literals

import logging

import pytest
import site_support
from site_support import URL, Site, configured, hand_off, one_operation


def test_the_layer_is_that_of_the_message_whatever_the_default_is(plain):
    from channels import channel_layers

    site = Site(alias='other')
    assert channel_layers['default'].channel_layer is not site.layer.channel_layer
    one_operation(site.ask(hand_off))
    assert channel_layers['default'].receive_many(['request.async']) == (None, None)


def test_the_layer_may_be_the_private_one_of_live_server_tests(plain):
    """channels/test/liveserver.py:86 builds it from TEST_CONFIG, by a manager of its own."""
    from channels import channel_layers
    from channels.asgi import ChannelLayerManager

    layer = ChannelLayerManager().make_test_backend('tested')
    assert layer.channel_layer.capacity == 3
    assert channel_layers['tested'].channel_layer.capacity == 1
    one_operation(Site(layer.channel_layer).ask(hand_off))
    assert channel_layers['tested'].receive_many(['request.async']) == (None, None)


def test_the_test_client_of_channels_sees_the_operation(style):
    from channels.test import ChannelTestCase, Client

    class Case(ChannelTestCase):
        test_channel_aliases = ('default',)

        def runTest(self):
            from channels import channel_layers

            site_support.current['view'] = hand_off
            channel_layers['default'].router.check_default()
            tested = Client()
            request = site_support.http_request(reply=tested.reply_channel)
            tested.send_and_consume('http.request', request)
            assert tested.receive() is None
            assert tested.get_next_message('request.async')['url'] == URL

    with configured(style, []):
        outcome = Case().run()
    assert outcome is None or outcome.wasSuccessful(), outcome.errors + outcome.failures


def test_the_threads_of_runserver_hand_off_at_once(plain):
    """Four WorkerThreads share one layer and one consumer (channels/management/commands/runserver.py:77)."""
    import threading

    from channels.management.commands.runserver import WorkerThread

    class Stopped(Exception):
        pass

    class Thread(WorkerThread):
        def run(self):
            with pytest.raises(Stopped):
                super(Thread, self).run()

    enough = threading.Event()
    counted = []

    class Counting(site_support.ChannelLayer):
        def send(self, channel, message):
            super(Counting, self).send(channel, message)
            if channel != 'http.request':
                counted.append(channel)
                if len(counted) >= 40:
                    enough.set()

        def receive(self, channels, block=False):
            if enough.is_set() and block:
                raise Stopped
            return super(Counting, self).receive(channels, block)

        receive_many = receive

    site = Site(Counting(capacity=100))
    site_support.current['view'] = hand_off
    for number in range(40):
        site.layer.send('http.request', site_support.http_request(reply='test.reply!{}'.format(number)))
    threads = [Thread(site.layer, logging.getLogger('test')) for _ in range(4)]
    for thread in threads:
        thread.daemon = True
        thread.start()
    assert enough.wait(120)
    for thread in threads:
        thread.join(30)
    assert {message['reply_channel'] for message in site.operations()} == {
        'test.reply!{}'.format(number) for number in range(40)
    }
    assert site.replies() == []
