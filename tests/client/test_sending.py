"""A channel without room, and a layer that fails: the browser is told, and the worker lives."""

from __future__ import unicode_literals

import logging

import pytest
from site_support import REPLY, STYLES, ChannelLayer, Site, configured, headers_of

from channels_async import conf, sending, wire
from channels_async.client.client import client
from channels_async.patience import Patience

URL = 'https://example.org/'


class FakeClock(object):
    """Time that passes only while somebody sleeps, or by `cost` with each look."""

    def __init__(self, cost=0.0):
        self.time = 1000.0
        self.cost = cost
        self.pauses = []
        self.patience = Patience()

    def now(self):
        return self.time

    def monotonic(self):
        self.time += self.cost
        return self.time

    def sleep(self, seconds):
        assert seconds > 0
        self.pauses.append(seconds)
        self.time += seconds


class FullFor(ChannelLayer):
    """Full for a number of tries, on all channels or on one."""

    def __init__(self, tries, channel=None):
        super(FullFor, self).__init__()
        self.left = tries
        self.tries = 0
        self.channel = channel

    def send(self, channel, message):
        if channel in ('request.async', 'test.reply!abc') and self.channel in (None, channel):
            self.tries += 1
            if self.left > 0:
                self.left -= 1
                raise self.ChannelFull()
        super(FullFor, self).send(channel, message)


class Failing(ChannelLayer):
    """Down, for everything or for one channel."""

    def __init__(self, error, channels):
        super(Failing, self).__init__()
        self.error = error
        self.channels = channels

    def send(self, channel, message):
        if channel in self.channels:
            raise self.error
        super(Failing, self).send(channel, message)


def test_a_place_that_becomes_free_is_taken():
    layer, clock = FullFor(4), FakeClock()
    sending.send(layer, 'request.async', {'a': 1}, 0.5, clock)
    assert layer.receive(['request.async']) == ('request.async', {'a': 1})
    assert clock.pauses == [0.005, 0.01, 0.02, 0.04]


@pytest.mark.parametrize('bound', [0.5, 0.03, 0.0])
def test_waiting_for_a_place_ends_with_the_bound(bound):
    layer, clock = FullFor(10 ** 6), FakeClock()
    with pytest.raises(layer.ChannelFull):
        sending.send(layer, 'request.async', {'a': 1}, bound, clock)
    assert sum(clock.pauses) == pytest.approx(bound)
    assert layer.tries == len(clock.pauses) + 1


def test_the_time_that_a_slow_layer_takes_counts():
    layer, clock = FullFor(10 ** 6), FakeClock(cost=0.2)
    with pytest.raises(layer.ChannelFull):
        sending.send(layer, 'request.async', {'a': 1}, 0.5, clock)
    assert layer.tries <= 4


def test_a_clock_that_is_set_back_does_not_prolong_the_waiting():
    layer, clock = FullFor(10 ** 6), FakeClock(cost=-100.0)
    with pytest.raises(layer.ChannelFull):
        sending.send(layer, 'request.async', {'a': 1}, 0.5, clock)
    assert sum(clock.pauses) == pytest.approx(0.5)


def test_a_flood_is_refused_at_once_but_for_a_tenth_of_the_time():
    layer, clock = FullFor(10 ** 6), FakeClock(cost=0.001)
    begun = clock.time
    for _ in range(2000):
        with pytest.raises(layer.ChannelFull):
            sending.send(layer, 'request.async', {'a': 1}, 0.5, clock, clock.patience)
    assert sum(clock.pauses) <= 0.5 + (clock.time - begun) / 10 + 0.001
    assert clock.time - begun < 10.0  # 1,000 s if each had waited by itself


def test_who_has_lost_patience_still_takes_a_place_that_is_free_and_waits_again_later():
    layer, clock = FullFor(10 ** 6), FakeClock()
    for _ in range(3):
        with pytest.raises(layer.ChannelFull):
            sending.send(layer, 'request.async', {'a': 1}, 0.5, clock, clock.patience)
    assert sum(clock.pauses) == pytest.approx(0.5, abs=0.06)
    layer.left = 0
    sending.send(layer, 'request.async', {'a': 1}, 0.5, clock, clock.patience)
    clock.time += 5.0
    layer.left = 4
    sending.send(layer, 'request.async', {'a': 2}, 0.5, clock, clock.patience)
    assert [layer.receive(['request.async'])[1] for _ in range(2)] == [{'a': 1}, {'a': 2}]
    assert clock.pauses[-4:] == [0.005, 0.01, 0.02, 0.04]


def test_who_has_a_deadline_of_its_own_waits_as_long_as_that_allows():
    layer, clock = FullFor(10 ** 6), FakeClock()
    for _ in range(2):  # an answer that is made here, to a browser that reads slowly
        with pytest.raises(layer.ChannelFull):
            sending.send(layer, 'request.async', {'a': 1}, 10.0, clock)
    assert sum(clock.pauses) == pytest.approx(20.0)
    assert clock.patience.left(0.5, clock.monotonic()) == 0.5


def test_another_error_is_not_tried_again():
    layer, clock = Failing(IOError('down'), ['request.async']), FakeClock()
    with pytest.raises(IOError):
        sending.send(layer, 'request.async', {'a': 1}, 0.5, clock)
    assert clock.pauses == []


@pytest.fixture(params=STYLES)
def short(request):
    settings = {'SEND_TIMEOUT': 0.02, 'RETRY_AFTER': 7}
    with configured(request.param, [], CHANNELS_ASYNC_CLIENT=settings):
        yield


def view(request):
    response = client.request(request, URL)
    response.set_cookie('mine', '1')
    response['Cache-Control'] = 'public, max-age=3600'
    response['X-Mine'] = 'x'
    return response


def only_reply(site):
    replies = site.replies()
    assert len(replies) == 1
    return replies[0]


def test_a_full_channel_is_answered_503_with_retry_after_and_the_worker_goes_on(short):
    site = Site(capacity=2)
    for _ in range(2):
        site.layer.send('request.async', {'in': 'the way'})
    operations, replies = site.ask(view)
    assert operations == [{'in': 'the way'}] * 2
    assert len(replies) == 1
    headers = headers_of(replies[0])
    assert replies[0]['status'] == 503
    assert replies[0]['content'].startswith(b'503 Service Unavailable\n')
    assert replies[0]['more_content'] is False
    assert headers['retry-after'] == ['7']
    assert headers['set-cookie'][0].startswith('mine=1')
    assert headers['x-mine'] == ['x']
    assert headers['cache-control'] == ['no-store']
    assert headers['content-length'] == [str(len(replies[0]['content']))]
    operations, replies = site.ask(view)  # there is room again
    assert (len(operations), replies) == (1, [])


def test_the_503_for_a_head_has_no_content(short):
    site = Site(FullFor(1000, 'request.async'))
    _, replies = site.ask(view, method='HEAD')
    assert (replies[0]['status'], replies[0]['content']) == (503, b'')
    assert headers_of(replies[0])['content-length'] != ['0']


def test_a_channel_that_is_full_for_a_moment_is_no_error(style):
    with configured(style, [], CHANNELS_ASYNC_CLIENT={'SEND_TIMEOUT': 60}):
        operations, replies = Site(FullFor(2, 'request.async')).ask(view)
    assert (len(operations), replies) == (1, [])


@pytest.mark.parametrize('error', [
    IOError('connection refused'), RuntimeError('bug'), ValueError('x'), AssertionError(),
    UnicodeDecodeError(str('utf-8'), b'', 0, 1, str('')),
])  # fmt: skip
def test_a_layer_that_fails_is_answered_503_and_the_worker_goes_on(short, error, caplog):
    layer = Failing(error, ['request.async'])
    site = Site(layer)
    operations, replies = site.ask(view)
    assert operations == []
    assert replies[0]['status'] == 503
    assert headers_of(replies[0])['retry-after'] == ['7']
    assert 'refused' not in replies[0]['content'].decode('utf-8')
    assert [record.name for record in caplog.records] == ['channels_async.client']
    layer.channels = []
    operations, replies = site.ask(view)
    assert (len(operations), replies) == (1, [])


def test_a_layer_that_is_down_for_the_answer_too_is_no_exception_in_the_worker(short, caplog):
    layer = Failing(IOError('down'), ['request.async', REPLY])
    site = Site(layer)
    assert site.ask(view) == ([], [])
    assert {record.name for record in caplog.records} == {'channels_async.client'}
    layer.channels = []
    assert len(site.ask(view)[0]) == 1


def test_a_reply_channel_that_is_full_too_does_not_hold_the_worker(short, caplog):
    site = Site(FullFor(1000))
    assert site.ask(view) == ([], [])
    assert {record.name for record in caplog.records} == {'channels_async.client'}


def test_a_message_that_is_too_large_for_the_layer_is_no_case_for_trying_again(short):
    site = Site(Failing(ChannelLayer.MessageTooLarge(), ['request.async']))
    _, replies = site.ask(view)
    assert replies[0]['status'] == 500
    assert 'retry-after' not in headers_of(replies[0])


def test_headers_that_no_message_can_hold_are_answered_500(short, caplog):
    def too_many(request):
        response = client.request(request, URL)
        for number in range(300):
            response['X-{}'.format(number)] = 'x'
        return response

    site = Site()
    with caplog.at_level(logging.ERROR):
        operations, replies = site.ask(too_many)
    assert operations == []
    assert replies[0]['status'] == 500
    assert len(caplog.records) == 1
    assert len(site.ask(view)[0]) == 1


def test_a_cookie_that_cannot_be_written_is_answered_500():
    def fail():
        raise ValueError('no such cookie')

    layer = ChannelLayer()
    fields = {'id': 'a', 'url': URL, 'head': False}
    sending.hand_off(layer, REPLY, fields, fail, conf.ClientSettings(0.0, 1.0, 'request.async'))
    assert layer.receive(['request.async']) == (None, None)
    assert layer.receive(['test.reply!'])[1]['status'] == 500


def test_a_keyboard_interrupt_is_not_swallowed():
    class Interrupted(ChannelLayer):
        def send(self, channel, message):
            raise KeyboardInterrupt

    fields = {'id': 'a', 'url': URL, 'head': False}
    settings = conf.ClientSettings(0.0, 1.0, 'request.async')
    with pytest.raises(KeyboardInterrupt):
        sending.hand_off(Interrupted(), REPLY, fields, list, settings)


def test_the_message_says_when_it_was_sent():
    layer, clock = ChannelLayer(), FakeClock()
    fields = {'id': 'a', 'url': URL, 'head': False, 'timeout': 3}
    sending.hand_off(layer, REPLY, fields, list, conf.ClientSettings(0.0, 1.0, 'request.async'), clock)
    operation = wire.parse(layer.receive(['request.async'])[1], 2000.0)
    assert (operation.sent_at, operation.timeout) == (1000.0, 3.0)


def test_another_channel_may_be_set(short):
    with configured(STYLES[0], [], CHANNELS_ASYNC_CLIENT={str('CHANNEL'): b'mine.async'}):
        site = Site()
        site.ask(view)
        assert site.layer.receive_many(['mine.async'])[0] == 'mine.async'


