"""What can be wrong with a Redis and with who uses it, by what is seen there: both ends check it.

Pure functions; each returns a list of check_rules.Finding.
"""

from __future__ import unicode_literals

from collections import namedtuple

from channels_async.check_rules import Finding
from channels_async.report_bounds import bounded, cut

#: What was seen of one shard: `label` its address; `version` numbers, (0,) if unknown; `maxmemory` bytes, 0
#: for no limit, and `policy` text, both None where the Redis does not tell; `ahead` seconds by which its
#: clock is ahead of ours; `prefixes` of layers beside ours whose CHANNEL has messages; `unreadable` reports.
ShardFacts = namedtuple(
    str('ShardFacts'), str('label version maxmemory policy ahead prefixes unreadable'))

#: Seconds by which clocks may differ: a deadline counts from when the site sent.
CLOCKS = 2.0

#: Seconds after which a server that reports each second is late, whatever its clock says.
SLOW = 5.0

#: Layers that are named; whoever can write to Redis can invent many.
MOST_PREFIXES = 20

#: Before it a claim takes two steps, and a connection that breaks between them loses a message.
ATOMIC_CLAIM = (6, 2)


def shard_findings(facts):
    """Of what was seen of one Redis: a ShardFacts."""
    about = 'Redis at {}'.format(facts.label)
    found = []
    if (0,) < tuple(facts.version) < ATOMIC_CLAIM:
        found.append(Finding(
            'channels_async.W031', 'warning', about,
            'it is version {}: before 6.2 a message can be lost when a connection breaks at the moment of '
            'its delivery'.format('.'.join(map(str, facts.version))),
            'take Redis 6.2 or newer, or Valkey',
        ))  # fmt: skip
    if facts.maxmemory and facts.policy not in (None, 'noeviction'):
        found.append(Finding(
            'channels_async.W032', 'warning', about,
            'when its memory is full (maxmemory) it throws messages and the journal away unasked: '
            'maxmemory-policy is {}'.format(facts.policy),
            'maxmemory-policy noeviction; caches belong into a Redis of their own',
        ))  # fmt: skip
    if abs(facts.ahead) > CLOCKS:
        found.append(Finding(
            'channels_async.W033', 'warning', about,
            "its clock is {:.1f} s {} this machine's: deadlines count from the clock of the site that "
            'sent'.format(abs(facts.ahead), 'ahead of' if facts.ahead > 0 else 'behind'),
            'keep the clocks of all machines by NTP',
        ))  # fmt: skip
    for prefix in facts.prefixes[:MOST_PREFIXES]:
        found.append(Finding(
            'channels_async.W034', 'warning', about,
            "operations wait there for a layer with the prefix '{}', which is not this one's".format(
                cut(prefix)),
            "if they are this site's, give server and site the same 'prefix'",
        ))  # fmt: skip
    if facts.unreadable:
        found.append(Finding(
            'channels_async.W035', 'warning', about,
            '{} servers report there what cannot be read with the keys of these settings'.format(
                facts.unreadable),
            "'symmetric_encryption_keys' must be the same for the site and all servers",
        ))  # fmt: skip
    return found


def serving_findings(channel, reports, waiting):
    """Of the servers' reports, and how many messages wait on `channel` (None where that is unknown)."""
    if any(channel in bounded(report).get('channels', ()) for report in reports):
        return []
    if reports:
        problem = 'there are servers, but none takes messages from {}'.format(channel)
        remedy = 'see CHANNEL, ONLY_CHANNELS and EXCLUDE_CHANNELS of theirs'
    else:
        problem = 'no server answers on this layer'
        remedy = ('start one: python3 -m server_trio myproject.server_settings. If one runs, its hosts, '
                  'prefix or keys are not those of these settings')
    if waiting:
        problem += ', and {} messages wait on {}'.format(waiting, channel)
    return [Finding('channels_async.W037', 'warning', channel, problem, remedy)]


def clock_findings(reports, now):
    """Of servers whose clocks differ from `now`, this machine's (epoch seconds); they report each second."""
    found = []
    for report in reports:
        report = bounded(report)
        at = report.get('at')
        # Behind by a few seconds may also be one that stands still; its report is gone after ten.
        if isinstance(at, float) and not -SLOW < at - now < CLOCKS:
            found.append(Finding(
                'channels_async.W038', 'warning',
                'server {}:{}'.format(report.get('host', '?'), report.get('pid', '?')),
                "its last report is of {:.1f} s {} by this machine's clock: deadlines count from the clock "
                'of the site that sent'.format(abs(at - now), 'later' if at > now else 'ago'),
                'keep the clocks of all machines by NTP; see that the server gets to run',
            ))  # fmt: skip
    return found
