"""What can be seen of the servers from the site: by asgi_redis's own layer object, on Python 2.7 too.

The keys are those of server_trio/layers/redis_scripts.py. Nothing here waits for a server.
"""

from __future__ import unicode_literals

import re
import time

from django.utils.module_loading import import_string

from channels_async.redis_rules import ShardFacts
from channels_async.report_bounds import LONGEST_READING, LONGEST_REPORT, MOST_SERVERS, bounded

READ_AT_ONCE = 16  # reports
MOST_LOOKED_AT = 100  # messages of a queue, for the oldest that lives
SCANS = 20  # of about a thousand keys each

_ID = re.compile(b'[A-Za-z0-9]{1,64}$')


class NotSeen(Exception):
    """The layer cannot be made, or Redis cannot be reached; the text says which, without passwords."""

    advice = 'check that it runs, and the hosts in CONFIG'


def make_layer(backend, config):
    """An object of its own, without the project's routing. Raises NotSeen."""
    try:
        return import_string(backend)(**config)
    except Exception as error:
        # The text of an error of redis-py can hold the connection's settings.
        raise NotSeen('{} cannot be made of its CONFIG ({})'.format(backend, type(error).__name__))


def reports(layer):
    """The reports of all servers, each once: what they say to several shards is the same. Raises NotSeen."""
    newest = {}
    for index in range(layer.ring_size):
        for report in _asked(layer, index, _read)[0]:
            id = repr(report.get('id'))
            if id not in newest or _at(report) > _at(newest[id]):
                newest[id] = report
    return list(newest.values())


def queue(layer, channel):
    """{'length', 'oldest_age'} of what waits on all shards; seconds. Raises NotSeen."""
    found = [_asked(layer, index, _queue, channel) for index in range(layer.ring_size)]
    return {
        'length': sum(length for length, _ in found),
        'oldest_age': max(age for _, age in found),
    }


def facts(layer, channel):
    """redis_rules.ShardFacts of each shard. Raises NotSeen."""
    return [_asked(layer, index, _facts, channel) for index in range(layer.ring_size)]


def _asked(layer, index, question, *more):
    try:
        return question(layer, layer.connection(index), *more)
    except Exception as error:
        # redis-py's, which differ between its releases, those of the Sentinel, and OSError.
        failure = NotSeen('Redis {} of {} cannot be asked ({})'.format(
            index + 1, layer.ring_size, type(error).__name__))
        if _is_refusal(error):
            failure.advice = 'check user name, password and rights in CONFIG of CHANNEL_LAYERS'
        raise failure


def _is_refusal(error):
    """Whether Redis answers and lets nobody in like this."""
    words = ('NOAUTH', 'WRONGPASS', 'NOPERM', 'invalid password')
    return type(error).__name__ == 'AuthenticationError' or any(word in repr(error) for word in words)


def _read(layer, connection):
    """(the reports on a shard, how many cannot be read). What is larger than a report is, is left out."""
    found, unreadable, total = [], 0, 0
    for value in _values(connection, layer.prefix.encode('utf-8')):
        total += len(value)
        if total > LONGEST_READING:
            break
        if not value or len(value) > LONGEST_REPORT:
            continue
        try:
            report = bounded(layer.deserialize(value))
        except Exception:  # other keys, or what no server has written
            report = None
        if report is not None:
            found.append(report)
        else:
            unreadable += 1
    return found, unreadable


def _values(connection, prefix):
    """What lies where reports do, none read much further than the longest report."""
    ids = [id for id in connection.hkeys(prefix + b':servers') if _ID.match(id)][:MOST_SERVERS]
    for start in range(0, len(ids), READ_AT_ONCE):
        asked = connection.pipeline(transaction=False)
        for id in ids[start:start + READ_AT_ONCE]:
            asked.getrange(prefix + b':report:' + id, 0, LONGEST_REPORT)
        for value in asked.execute(raise_on_error=False):
            if isinstance(value, bytes):
                yield value
            elif 'WRONGTYPE' not in str(value):  # a key of somebody else's
                raise value


def _queue(layer, connection, channel):
    key = layer.prefix + channel
    length = connection.llen(key)
    for message in connection.lrange(key, 0, MOST_LOOKED_AT - 1):
        left = connection.pttl(message)
        if left is not None and left >= 0:
            return length, max(0.0, layer.expiry - left / 1000.0)
    return length, 0.0


def _facts(layer, connection, channel):
    before = time.time()
    info = connection.info()
    seconds, microseconds = connection.time()
    version = '{}'.format(info.get('redis_version', '')).split('.')
    return ShardFacts(
        label=_label(connection),
        version=tuple(int(part) for part in version if part.isdigit()) or (0,),
        maxmemory=info.get('maxmemory'),
        policy=info.get('maxmemory_policy'),
        ahead=seconds + microseconds / 1e6 - (before + time.time()) / 2,
        prefixes=_other_prefixes(layer, connection, channel),
        unreadable=_read(layer, connection)[1],
    )


def _label(connection):
    options = connection.connection_pool.connection_kwargs
    return options.get('path') or '{}:{}'.format(options.get('host', '?'), options.get('port', '?'))


def _other_prefixes(layer, connection, channel):
    """Of layers whose channel of that name has messages."""
    found, cursor = set(), 0
    for _ in range(SCANS):
        cursor, keys = connection.scan(cursor, match='*:' + channel, count=1000)
        for key in keys:
            prefix = key[:-len(channel)].decode('ascii', 'replace')
            # `asgi::claimed:<id>:<channel>` and the like are keys of ours, or of a layer found by its list.
            if prefix != layer.prefix and '::' not in prefix:
                found.add(prefix)
        if not cursor:
            break
    return sorted(found)


def _at(report):
    at = report.get('at')
    return at if isinstance(at, float) else 0.0
