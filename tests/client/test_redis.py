"""The hand-off over asgi_redis and a real Redis, and with workers that are processes."""

from __future__ import unicode_literals

import os
import subprocess
import sys
import threading

import pytest
import redis_support
import site_support
from site_support import REPLY, STYLES, Site, configured, http_request

from channels_async import wire
from channels_async.client.client import client

URL = 'https://example.org/'
GIVE_UP = 300.0  # seconds, after which a process that hangs is killed; it takes one or two
HERE = os.path.dirname(os.path.abspath(__file__))


@pytest.fixture
def redis(tmpdir):
    server = redis_support.server(tmpdir)
    yield server
    server.stop()


@pytest.fixture
def plain():
    with configured(STYLES[-1], [], CHANNELS_ASYNC_CLIENT={'SEND_TIMEOUT': 0.05}):
        yield


def redis_layer(redis, **config):
    from asgi_redis import RedisChannelLayer

    return RedisChannelLayer(hosts=[redis.url], **config)


def hand_off(request):
    response = client.request(request, URL, method=str('POST'), data={str('k'): str('v')}, timeout=5)
    response.set_cookie('mine', '1')
    return response


def packed_message(redis):
    """The only message on request.async, as it stands in Redis."""
    from redis import StrictRedis

    connection = StrictRedis(host='127.0.0.1', port=redis.port)
    keys = connection.lrange('asgi:request.async', 0, -1)
    assert len(keys) == 1
    return connection.get(keys[0])


def test_what_stands_in_redis_has_text_keys_and_parses(redis, plain):
    import msgpack

    site = Site(redis_layer(redis))
    site_support.current['view'] = hand_off
    site.layer.send('http.request', http_request())
    site.work()
    packed = packed_message(redis)
    try:
        message = msgpack.unpackb(packed, raw=False)
    except TypeError:  # msgpack-python before 0.5.2
        message = msgpack.unpackb(packed, encoding='utf-8')
    assert {type(key) for key in message} == {type('')}
    assert isinstance(message['url'], type(''))
    assert isinstance(message['body'], bytes)
    operation = wire.parse(message, message['sent_at'])
    assert operation.details.body == b'k=v'
    assert operation.reply_channel == REPLY
    assert [name for name, _ in operation.response_headers] == [b'Set-Cookie']
    assert site.replies() == []


def test_a_full_channel_of_redis_is_answered_503(redis, plain):
    site = Site(redis_layer(redis, channel_capacity={'request.async': 1}))
    site_support.current['view'] = hand_off
    for _ in range(2):
        site.layer.send('http.request', http_request())
    site.work(messages=2)
    assert len(site.operations()) == 1
    replies = site.replies()
    assert [reply['status'] for reply in replies] == [503]


def test_a_redis_that_went_away_does_not_kill_the_worker(redis, plain, caplog):
    """What kills a worker of channels is its own next receive, not the hand-off."""
    site = Site(redis_layer(redis))

    def view(request):
        redis.stop()
        return hand_off(request)

    site_support.current['view'] = view
    site.layer.send('http.request', http_request())
    try:
        site.work()
    except Exception as error:
        # The counters that channels keeps after a message may need Redis, and are not ours.
        pytest.fail('the worker died: {!r}'.format(error))
    assert {record.name for record in caplog.records} == {'channels_async.client'}


def site_process(redis, tmpdir, *words):
    environment = dict(
        os.environ, CHANNELS_ASYNC_TEST_REDIS_URL=redis.url,
        CHANNELS_ASYNC_TEST_DATABASE=str(tmpdir.join('db.sqlite3')),
    )  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, os.path.join(HERE, 'redis_site.py')] + list(words), env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    process.given_up = threading.Timer(GIVE_UP, process.kill)
    process.given_up.daemon = True
    process.given_up.start()
    return process


def test_a_worker_that_waits_ends_with_its_redis_as_in_channels(redis, tmpdir):
    process = site_process(redis, tmpdir, 'runworker')
    output = b''
    while b'Listening on channels' not in output:
        line = process.stdout.readline()
        assert line, output
        output += line
    redis.stop()
    output += process.communicate()[0]
    process.given_up.cancel()
    assert process.returncode == 1, output
    assert b'ConnectionError' in output
    assert b'channels_async' not in output.partition(b'Traceback')[2]


@pytest.mark.parametrize('threads', ['1', '3'])
def test_runworker_with_another_layer_and_with_threads(redis, tmpdir, threads):
    other, default = redis_layer(redis, prefix='other:'), redis_layer(redis, prefix='default:')
    process = site_process(redis, tmpdir, 'runworker', '--layer', 'other', '--threads', threads)
    try:
        replies = {'test.reply!{}'.format(number) for number in range(6)}
        for reply in sorted(replies):
            other.send('http.request', http_request(reply=reply))
        found = set()
        while len(found) < 6 and process.poll() is None:
            _, operation = other.receive(['request.async'], block=True)
            if operation is not None:
                found.add(operation['reply_channel'])
        assert found == replies
        assert other.receive(['test.reply!']) == (None, None)
        assert default.receive(['request.async']) == (None, None)
    finally:
        still_running = process.poll() is None
        process.kill()  # how channels ends its workers is not the question here
        output = process.communicate()[0].decode('utf-8', 'replace')
        process.given_up.cancel()
    assert still_running, output
    assert 'Traceback' not in output, output


def test_a_live_server_test_case_hands_off_on_the_layer_of_the_test(redis, tmpdir):
    process = site_process(redis, tmpdir, 'live')
    output = process.communicate()[0].decode('utf-8', 'replace')
    process.given_up.cancel()
    assert process.returncode == 0, output
