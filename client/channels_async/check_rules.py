"""What can be wrong with a site and its servers though each part is valid by itself: both ends check it.

Pure functions on plain values of settings; redis_rules has those on what is seen in Redis. Each returns a
list of Finding. docs/cli.rst lists them; where the numbers come from is said beside them. A value of a wrong
type is taken for one that is not there: the layer itself refuses it.
"""

from __future__ import unicode_literals

import fnmatch
import re
from collections import namedtuple

from channels_async._py23 import integers

#: `id` names the finding for ever (SILENCED_SYSTEM_CHECKS); `level` is one of LEVELS; `about` says which
#: setting or which Redis; `problem` what is wrong; `remedy` what to do.
Finding = namedtuple(str('Finding'), str('id level about problem remedy'))

LEVELS = ('info', 'warning', 'error')

#: What of the server's settings the rules need: `deadlines` in seconds by operation, `daphne_timeout` in
#: seconds, `channel` and `disconnect_channels` names, `total` operations at once.
Plan = namedtuple(str('Plan'), str('deadlines daphne_timeout channel disconnect_channels total'))

#: asgi_redis/core.py:47-58; daphne/cli.py:80-86.
EXPIRY = 60
GROUP_EXPIRY = 86400
CAPACITY = 100
PREFIX = 'asgi:'
DAPHNE_TIMEOUT = 120.0

#: daphne looks at its timeouts every 2 s (daphne/server.py:121); the rest is for the answer's way back.
DAPHNE_MARGIN = 5.0

#: What daphne answers on, cut at the `!` as capacities are looked up (daphne/server.py, since 1.2).
REPLIES = 'daphne.response.abcdefgh!'

_LOCAL = 'asgi_redis.RedisLocalChannelLayer'
_REDIS = ('asgi_redis.RedisChannelLayer', 'asgi_redis.RedisSentinelChannelLayer', _LOCAL)


def is_redis(backend):
    """Whether it is one of asgi_redis's own, whose CONFIG these rules know."""
    return backend.startswith('asgi_redis.')


def layer_findings(alias, backend, config, plan):
    """Of one entry of CHANNEL_LAYERS, as a Plan uses it."""
    about = "CHANNEL_LAYERS['{}']".format(alias)
    if backend.startswith('asgiref.inmemory.'):
        return [Finding(
            'channels_async.W011', 'warning', about,
            '{} lives in one process: nothing that a site sends arrives at a server'.format(backend),
            "take 'asgi_redis.RedisChannelLayer', or do the operations in the view: CHANNELS_ASYNC = False",
        )]  # fmt: skip
    if not is_redis(backend):
        return []
    found = []
    if backend == _LOCAL or backend.startswith('asgi_redis.local.'):
        found.append(Finding(
            'channels_async.W012', 'warning', about,
            '{} carries operations in the memory of this machine, not in Redis: servers on others get '
            'none, and there is no journal'.format(backend),
            "take 'asgi_redis.RedisChannelLayer'",
        ))  # fmt: skip
    about += "['CONFIG']"
    found += _reply_capacity(about, config)
    found += _times(about, config, plan)
    found += _capacities(about, config, plan)
    return found


def _reply_capacity(about, config):
    """Trap: the README of asgi_redis names reply channels as daphne named them before 1.2."""
    patterns = [pattern for pattern in _dict(config, 'channel_capacity') if not hasattr(pattern, 'match')]
    old = [pattern for pattern in map(_text, patterns) if pattern.startswith('http.response')]
    found = []
    if old and not _fitting(config, REPLIES):
        found.append(Finding(
            'channels_async.W013', 'warning', about + "['channel_capacity']",
            "'{}' fits no channel: daphne 1.2 and newer answers on daphne.response.*, whose capacity stays "
            '{}'.format(old[0], capacity_of(config, REPLIES)),
            "write 'daphne.response.*' instead",
        ))  # fmt: skip
    places = capacity_of(config, REPLIES)
    if places < CAPACITY:
        found.append(Finding(
            'channels_async.W014', 'warning', about,
            'all browsers of one daphne share {} places for parts of answers: one that reads slowly '
            'holds up the others'.format(places),
            "'channel_capacity': {'daphne.response.*': 1000}",
        ))  # fmt: skip
    return found


def _times(about, config, plan):
    found = []
    expiry = _number(config, 'expiry', EXPIRY)
    longest, deadline = _longest(plan.deadlines)
    if expiry < deadline:
        found.append(Finding(
            'channels_async.W015', 'warning', about + "['expiry']",
            'messages are thrown away after {:g} s, but {} operations have {:g}: one that waits longer '
            "vanishes, and its browser waits for daphne's own timeout".format(expiry, longest, deadline),
            "'expiry': {:g}, at the site and the server, or shorter DEADLINES".format(deadline),
        ))  # fmt: skip
    group_expiry = _number(config, 'group_expiry', GROUP_EXPIRY)
    if group_expiry < deadline:
        found.append(Finding(
            'channels_async.W020', 'warning', about + "['group_expiry']",
            'daphne ends WebSockets after {:g} s unless told otherwise, but {} operations have {:g}'.format(
                group_expiry, longest, deadline),
            "'group_expiry': {}, which is asgi_redis's own default".format(GROUP_EXPIRY),
        ))  # fmt: skip
    return found


def _capacities(about, config, plan):
    found = []
    places = capacity_of(config, plan.channel)
    if places < plan.total:
        found.append(Finding(
            'channels_async.W018' if places * 10 < plan.total else 'channels_async.I018',
            'warning' if places * 10 < plan.total else 'info', about,
            '{} operations can wait on {} while {} can be in flight: of a burst, or while a server starts, '
            'the rest is answered 503'.format(places, plan.channel, plan.total),
            "'channel_capacity': {{'{}': {}}}".format(plan.channel, plan.total),
        ))  # fmt: skip
    for channel in plan.disconnect_channels:
        places = capacity_of(config, channel)
        if places < plan.total:
            found.append(Finding(
                'channels_async.I019', 'info', about,
                'daphne drops what does not fit on {}, which takes {} messages while {} operations can be in '
                'flight: browsers that leave all at once may not be noticed'.format(
                    channel, places, plan.total),
                "'channel_capacity': {{'{}': {}}}".format(channel, plan.total),
            ))  # fmt: skip
    return found


def plan_findings(plan):
    """Of the server's settings beside daphne, whose own --http-timeout cannot be seen from here."""
    found = []
    longest, deadline = _longest(plan.deadlines)
    if deadline > plan.daphne_timeout - DAPHNE_MARGIN:
        found.append(Finding(
            'channels_async.E016', 'error', "CHANNELS_ASYNC_SERVER['DEADLINES']",
            '{} operations have {:g} s, but daphne gives up after {:g}; an answer that goes on beyond that '
            'breaks the timeouts of the whole daphne'.format(longest, deadline, plan.daphne_timeout),
            'set it to {:g} or less, or start daphne with a higher --http-timeout and set '
            'DAPHNE_HTTP_TIMEOUT to the same'.format(plan.daphne_timeout - DAPHNE_MARGIN),
        ))  # fmt: skip
    if plan.daphne_timeout != DAPHNE_TIMEOUT:
        found.append(Finding(
            'channels_async.I017', 'info', "CHANNELS_ASYNC_SERVER['DAPHNE_HTTP_TIMEOUT']",
            "daphne's own default is {:g} s, runserver's is 60".format(DAPHNE_TIMEOUT),
            'see that every daphne is started with --http-timeout {:g}'.format(plan.daphne_timeout),
        ))  # fmt: skip
    return found


def twin_findings(layers):
    """Of the whole CHANNEL_LAYERS: entries that share Redis and prefix read each other's messages."""
    found = []
    seen = {}
    for alias in sorted(layers) if isinstance(layers, dict) else ():
        layer = _dict(layers, alias)
        if not is_redis(_text(layer.get('BACKEND'))):
            continue
        config = _dict(layer, 'CONFIG')
        place = (_hosts(config), _text(config.get('prefix', PREFIX)))
        other = seen.setdefault(place, alias)
        if other != alias:
            found.append(Finding(
                'channels_async.W021', 'warning', "CHANNEL_LAYERS['{}']".format(alias),
                "it has the hosts and the prefix of '{}': messages of one arrive at the other".format(other),
                "give each layer a 'prefix' of its own, or use one for both",
            ))  # fmt: skip
    return found


#: What must be the same at both ends, or nothing arrives, or nothing can be read.
_SAME = (('hosts', None), ('prefix', PREFIX), ('symmetric_encryption_keys', None))
#: What should be: each end goes by its own.
_ALIKE = (
    ('expiry', EXPIRY), ('group_expiry', GROUP_EXPIRY), ('capacity', CAPACITY), ('channel_capacity', None))


def difference_findings(alias, site, server):
    """Between the site's entry of CHANNEL_LAYERS and the server's; without values, which hold passwords."""
    about = "CHANNEL_LAYERS['{}']".format(alias)
    if not isinstance(site, dict) or _text(site.get('BACKEND')) != _text(server.get('BACKEND')):
        theirs = site.get('BACKEND') if isinstance(site, dict) else site
        return [Finding(
            'channels_async.E022', 'error', about + "['BACKEND']",
            'the site has {}, the server {}'.format(theirs, server.get('BACKEND')),
            "copy the site's",
        )]  # fmt: skip
    ours, theirs = _dict(server, 'CONFIG'), _dict(site, 'CONFIG')
    found = []
    for name, default in _SAME:
        same = _hosts(ours) == _hosts(theirs) if name == 'hosts' else (
            _plain(ours.get(name, default)) == _plain(theirs.get(name, default)))
        if not same:
            found.append(Finding(
                'channels_async.E022', 'error', "{}['CONFIG']['{}']".format(about, name),
                "the server's differs from the site's: what one sends, the other does not get or cannot read",
                "copy the site's",
            ))  # fmt: skip
    for name, default in _ALIKE:
        if _plain(ours.get(name, default) or default) != _plain(theirs.get(name, default) or default):
            found.append(Finding(
                'channels_async.W023', 'warning', "{}['CONFIG']['{}']".format(about, name),
                "the server's differs from the site's; each goes by its own when it sends",
                "copy the site's",
            ))  # fmt: skip
    return found


def routing_findings(alias, routed, channel, disconnect_channels):
    """Of the channels that the site's own workers consume. A message has one reader."""
    about = "CHANNEL_LAYERS['{}']['ROUTING']".format(alias)
    found = []
    if channel in routed:
        found.append(Finding(
            'channels_async.E025', 'error', about,
            "the site's workers consume {}, the channel of the operations".format(channel),
            'take it out of the routing',
        ))  # fmt: skip
    for name in disconnect_channels:
        if name in routed:
            found.append(Finding(
                'channels_async.W026', 'warning', about,
                "the site's workers consume {}, which the server reads to cancel what a browser has "
                'left: each gets some of the messages'.format(name),
                "'DISCONNECT_CHANNELS': [] for the server, and client.cancel(message) in the site's consumer",
            ))  # fmt: skip
    return found


def app_findings(installed_apps, loaded):
    """Of the server's settings; `loaded`: whether it loads the apps (DJANGO_SETUP)."""
    if not loaded or 'channels' not in map(_text, installed_apps):
        return []
    return [Finding(
        'channels_async.I028', 'info', 'INSTALLED_APPS',
        "DJANGO_SETUP loads the app 'channels', which imports daphne and Twisted: memory, and a slower start",
        "leave 'channels' out of the INSTALLED_APPS of the server's settings",
    )]  # fmt: skip


def channel_findings(client_channel, server_channel):
    """Where the client sends, and where the server of the same settings would listen."""
    if client_channel == server_channel:
        return []
    return [Finding(
        'channels_async.E024', 'error', "CHANNELS_ASYNC_CLIENT['CHANNEL']",
        "views send to {}, but CHANNELS_ASYNC_SERVER['CHANNEL'] is {}".format(client_channel, server_channel),
        'give both the same channel',
    )]  # fmt: skip


def twisted_findings(alias, config, python2):
    """With txredisapi installed daphne reads Redis by Twisted (asgi_redis/core.py:378-404)."""
    found = Finding(
        'channels_async.I027', 'info', "CHANNEL_LAYERS['{}']".format(alias),
        'txredisapi is installed: daphne opens ten connections to Redis for every part of an answer, and '
        'each part stays in Redis until it expires',
        'start daphne with --force-sync',
    )  # fmt: skip
    if any(not host.startswith('redis://') for host in _hosts(config)):
        found = found._replace(
            id='channels_async.W027', level='warning',
            problem='txredisapi is installed: daphne cannot read a Redis by TLS or a unix socket with it',
        )  # fmt: skip
    elif python2 and config.get('symmetric_encryption_keys'):
        found = found._replace(
            id='channels_async.W027', level='warning',
            problem='txredisapi is installed: daphne on Python 2 cannot decrypt messages with it',
        )  # fmt: skip
    return [found]


def is_number(value):
    """Whether it is an int or a float."""
    return isinstance(value, integers + (float,)) and not isinstance(value, bool)


def capacity_of(config, channel):
    """Messages that fit on `channel`, as asgi_redis has it (asgiref/base_layer.py:64-94)."""
    return next(iter(_fitting(config, channel)), _number(config, 'capacity', CAPACITY))


def _fitting(config, channel):
    """The capacities of the patterns that fit, in the order of the settings."""
    found = []
    for pattern, capacity in _dict(config, 'channel_capacity').items():
        if not hasattr(pattern, 'match'):
            pattern = re.compile(fnmatch.translate(_text(pattern)))
        if pattern.match(channel) and is_number(capacity):
            found.append(capacity)
    return found


def _longest(deadlines):
    """(operation, seconds) of the longest deadline."""
    name = max(sorted(deadlines), key=lambda operation: deadlines[operation])
    return name, deadlines[name]


def _hosts(config):
    """The hosts as asgi_redis makes them (asgi_redis/core.py:88-105), with passwords: not to be shown."""
    hosts = config.get('hosts') or [('localhost', 6379)]
    if not isinstance(hosts, (list, tuple)):
        return (_text(hosts),)
    return tuple(
        'redis://{}/0'.format(':'.join(map(_text, host))) if isinstance(host, (list, tuple)) else _text(host)
        for host in hosts
    )


def _plain(value):
    """To compare: native strings of Python 2 as text, tuples as lists."""
    if isinstance(value, dict):
        return {_text(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    return _text(value) if isinstance(value, bytes) else value


def _number(config, name, default):
    value = config.get(name)
    return value if is_number(value) else default


def _dict(config, name):
    value = config.get(name)
    return value if isinstance(value, dict) else {}


def _text(value):
    if isinstance(value, bytes):
        return value.decode('utf-8', 'replace')
    return '{}'.format(value)
