"""channels_async in INSTALLED_APPS: manage.py check and manage.py channels_async_status, on every Django."""

from __future__ import unicode_literals

import io
import json
import os
import subprocess
import sys
import time

import pytest
import redis_support
import site_support
from django.test.utils import override_settings

from channels_async import checks

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))

MANAGE = """
import os, sys
sys.path[1:1] = [{root!r} + '/client', {root!r} + '/compat']
if sys.version_info >= (3, 10):
    import channels_compat
    channels_compat.install()
os.environ['DJANGO_SETTINGS_MODULE'] = 'project'
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""

PROJECT = """
SECRET_KEY = 'x'
DEBUG = False
ROOT_URLCONF = 'project'
urlpatterns = []
MIDDLEWARE_CLASSES = []
INSTALLED_APPS = ['channels_async']
CHANNEL_LAYERS = {{'default': {{
    'BACKEND': 'asgi_redis.RedisChannelLayer', 'CONFIG': {{'hosts': [{url!r}]}}, 'ROUTING': 'project.routing',
}}}}
routing = []
"""

REDIS = 'asgi_redis.RedisChannelLayer'


@pytest.fixture(scope='module')
def redis(tmpdir_factory):
    server = redis_support.server(tmpdir_factory.mktemp('redis'))
    yield server
    server.stop()


def manage(directory, url, *words, **more):
    """(exit code, what it wrote) of manage.py in a project of its own."""
    project = PROJECT.format(url=str(url)) + more.get('text', '')
    for name, source in (('manage.py', MANAGE.format(root=str(ROOT))), ('project.py', project)):
        with io.open(os.path.join(str(directory), name), 'w', encoding='utf-8') as file:
            file.write(source)
    process = subprocess.Popen(
        # -B: Python 2 would take what it compiled of other settings within the same second for these.
        [sys.executable, '-B', '-W', 'ignore', 'manage.py'] + list(words), cwd=str(directory),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    said = process.communicate()[0].decode('utf-8')
    assert 'Traceback' not in said, said
    return process.returncode, said


def layer_of(url, **config):
    from asgi_redis import RedisChannelLayer

    return RedisChannelLayer(hosts=[url], **config)


def report(redis, **more):
    """Leave on the layer what a server would."""
    layer = layer_of(redis.url)
    connection = layer.connection(0)
    connection.flushall()
    now = time.time() + 1000  # not silent, however long the command takes to start
    said = dict({
        'id': 'abc', 'host': 'h', 'pid': 7, 'at': now, 'started_at': now - 100, 'state': 'running',
        'channels': ['request.async'], 'in_flight': 3,
        'finished': [['CALL', 'ok', 5], ['CALL', 'timeout', 2]],
    }, **more)  # fmt: skip
    connection.hset('asgi::servers', 'abc', 'abc 1')
    connection.set('asgi::report:abc', layer.serialize(said))


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    for name in list(os.environ):
        if name in ('CHANNELS_ASYNC_FORMAT', 'CHANNELS_ASYNC_INTERVAL'):
            monkeypatch.delenv(name)


def test_manage_py_check_says_what_is_wrong(tmpdir):
    # Nobody listens there: without --deploy no Redis is asked.
    url = 'redis://127.0.0.1:1/0'
    code, said = manage(tmpdir, url, 'check')
    assert code == 0, said
    assert 'no issues' in said
    text = "CHANNELS_ASYNC_SERVER = {'DEADLINES': {'CALL': 200}}\n"
    text += "CHANNEL_LAYERS['default']['CONFIG']['expiry'] = 30"
    code, said = manage(tmpdir, url, 'check', '--tag', 'channels_async', text=text)
    assert code == 1
    assert '(channels_async.E016)' in said
    assert '(channels_async.W015)' in said
    assert 'HINT: set it to 115 or less' in said


def test_manage_py_check_deploy_looks_at_redis(tmpdir, redis):
    report(redis)
    words = ('check', '--deploy', '--tag', 'channels_async')
    code, said = manage(tmpdir, redis.url, *words)
    assert code == 0
    assert '(channels_async.I018)' in said
    assert '(channels_async.W037)' not in said
    assert 'server h:7: its last report is of ' in said  # as if its clock was ahead
    layer_of(redis.url).connection(0).flushall()
    code, said = manage(tmpdir, redis.url, *words)
    assert code == 0
    assert 'no server answers on this layer' in said
    code, said = manage(tmpdir, 'redis://:geheim@127.0.0.1:1/0', *words)
    assert code == 1
    assert '(channels_async.E010)' in said
    assert 'geheim' not in said


def test_a_redis_that_lets_nobody_in_is_said_to_do_that(tmpdir, redis):
    words = ('check', '--deploy', '--tag', 'channels_async')
    connection = layer_of(redis.url).connection(0)
    connection.config_set('requirepass', 'geheim')
    try:
        for url in (redis.url, redis.url.replace('://', '://:falsch@')):
            code, said = manage(tmpdir, url, *words)
            assert code == 1
            assert '(channels_async.E010)' in said
            assert 'HINT: check user name, password and rights' in said
    finally:
        connection = layer_of(redis.url.replace('://', '://:geheim@')).connection(0)
        connection.config_set('requirepass', '')


@pytest.mark.parametrize(
    'strange',
    [{'host': b'\xff\x1b[2J'}, {'host': 'h\xf6st \x1b]0;x\x07\u202e'}, {'channels': 5, 'host': 'A' * 300000}],
    ids=['bytes', 'escapes', 'long'],
)
def test_a_report_that_no_server_wrote_breaks_no_check(tmpdir, redis, strange):
    report(redis, **strange)
    status = ('channels_async_status', '--interval', '0')
    for words in (('check', '--deploy', '--tag', 'channels_async'), status):
        code, said = manage(tmpdir, redis.url, *words)
        assert code == 0, said
        assert len(said) < 10000
        assert not set('\x1b\x07\u202e') & set(said)


def test_the_status_of_all_servers(tmpdir, redis):
    report(redis)
    layer_of(redis.url).send('request.async', {'a': 1})
    code, said = manage(tmpdir, redis.url, 'channels_async_status', '--interval', '0')
    assert code == 0, said
    lines = said.splitlines()
    assert lines[0].startswith('1 messages wait on request.async, the oldest for ')
    assert lines[3].split()[:2] == ['h:7', 'running']
    assert lines[6].split() == ['CALL', '0', '0.1', '-', '-', '-', '-', '7', '2', '(timeout', '2)']
    report(redis)
    code, said = manage(tmpdir, redis.url, 'channels_async_status', '--format', 'json', '--interval', '0.1')
    assert code == 0, said
    assert json.loads(said)['servers'][0]['id'] == 'abc'


@pytest.mark.parametrize(
    ('url', 'words', 'text', 'expected'),
    [
        (None, [], '', 'no server answers on this layer; 1 messages wait'),
        ('redis://:geheim@127.0.0.1:1/0', [], '', 'cannot be asked (ConnectionError)'),
        (None, ['--interval', 'x'], '', 'between 0 and 3600 seconds'),
        (None, [], "CHANNELS_ASYNC_CLIENT = {'CHANEL': 'a'}", "did you mean 'CHANNEL'"),
        (None, [], "CHANNEL_LAYERS = {}", "CHANNEL_LAYERS has no 'default'"),
        (None, [], "CHANNEL_LAYERS['default']['CONFIG'] = {'nothing': 1}", 'cannot be made of its CONFIG'),
        (None, [], "CHANNEL_LAYERS['default']['BACKEND'] = 'asgiref.inmemory.ChannelLayer'", 'has no Redis'),
    ],
)
def test_a_status_that_cannot_be_told_ends_with_1_and_one_line(tmpdir, redis, url, words, text, expected):
    layer = layer_of(redis.url)
    layer.connection(0).flushall()
    layer.send('request.async', {'a': 1})
    code, said = manage(
        tmpdir, url or redis.url, 'channels_async_status', '--interval', '0', *words, **{'text': text})
    assert code == 1
    assert expected in said
    assert len(said.strip().splitlines()) == 1
    assert 'geheim' not in said


# --- in this process ---------------------------------------------------------------------------------


def ids(messages):
    return [message.id.rpartition('.')[2] for message in messages]


def settings(**more):
    layers = {'default': {'BACKEND': REDIS, 'CONFIG': {}, 'ROUTING': []}}
    return override_settings(**dict({'CHANNEL_LAYERS': layers}, **more))


@pytest.mark.parametrize(
    ('more', 'expected'),
    [
        ({}, []),
        ({'CHANNEL_LAYERS': {}}, ['E002']),
        ({'CHANNEL_LAYERS': []}, ['E002']),
        ({'CHANNEL_LAYERS': {'default': {'BACKEND': 7}}}, ['E002']),
        ({'CHANNEL_LAYERS': {'default': {'BACKEND': REDIS, 'CONFIG': 7}}}, ['E002']),
        ({'CHANNEL_LAYERS': {'default': site_support.LAYER}}, ['W011']),
        ({'CHANNELS_ASYNC_SERVER': {'LAYER': 'other'}}, ['E002']),
        ({'CHANNELS_ASYNC_SERVER': 7}, ['E001', 'E003', 'E003', 'E004']),
        ({'CHANNELS_ASYNC_SERVER': {'CONCURRENCY': {'total': 'x'}}}, ['E001']),
        ({'CHANNELS_ASYNC_SERVER': {'DAPHNE_HTTP_TIMEOUT': None}}, ['E001']),
        ({'CHANNELS_ASYNC_SERVER': {'DISCONNECT_CHANNELS': 7}}, ['E001']),
        ({'CHANNELS_ASYNC_SERVER': {'DEADLINES': {'CALL': 'x'}}}, ['E001']),
        ({'CHANNELS_ASYNC_SERVER': {'CALLS': {'a': 'b'}}}, ['E003']),
        ({'CHANNELS_ASYNC_SERVER': {'COMMANDS': {'a': 7}}}, ['E004']),
        ({'CHANNELS_ASYNC_SERVER': {'CHANNEL': 'other'}}, ['E024']),
        ({'CHANNELS_ASYNC_CLIENT': {'CHANNEL': 'other'}}, ['E024']),
        ({'CHANNELS_ASYNC_CLIENT': {'SEND_TIMEOUT': -1}}, ['E001']),
        ({'CHANNELS_ASYNC': False, 'CHANNEL_LAYERS': {}}, []),
    ],
)
def test_what_django_can_see_of_the_settings(more, expected):
    with settings(**more):
        assert ids(checks.check_settings()) == expected


def test_the_sites_routing_is_looked_at():
    def consumer(message):
        """Nothing."""

    routing = [site_support.route('http.disconnect', consumer), site_support.route('request.async', consumer)]
    layer = {'BACKEND': REDIS, 'CONFIG': {}, 'ROUTING': routing}
    with settings(CHANNEL_LAYERS={'default': layer}):
        assert ids(checks.check_settings()) == ['E025', 'W026']
    with settings(CHANNEL_LAYERS={'default': dict(layer, ROUTING='no.such.routing')}):
        assert checks.check_settings() == []


def test_what_is_only_worth_knowing_is_left_to_a_deployment():
    with settings(CHANNELS_ASYNC=False, CHANNEL_LAYERS={}):
        assert checks.check_deployment() == []
    with settings(CHANNEL_LAYERS={}):
        assert checks.check_deployment() == []
