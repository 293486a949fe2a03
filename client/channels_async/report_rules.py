"""What the reports of a site's servers say together: for `status`, `top` and manage.py channels_async_status.

Pure functions on plain values; server_trio/reporting.py says what is in a report. Readers bear what they do
not know, do without what is missing, and are not harmed by what no server wrote: anybody who can write to
Redis can write there. All times are epoch seconds, all durations seconds.
"""

from __future__ import unicode_literals

from channels_async.report_bounds import cut, is_number

#: Seconds after which who has not reported is taken for dead: the others take over after 3 s without its
#: heartbeat (DEAD_AFTER in server_trio/layers/redis_journal.py), and its last report may be 1 s older.
DEAD_AFTER = 4.0

#: The state of such a server. Others have its operations by then, so it counts in no sum.
DEAD = 'dead?'

#: Outcomes that are nobody's failure.
FINE = ('ok', 'shutdown', 'client_gone')

PERCENTILES = (('p50', 0.5), ('p99', 0.99))

MOST_BOUNDS = 100
MOST_NAMES = 100  # operations, channels, outcomes of one report that are looked at
NAME_LENGTH = 100


def summary(reports, now, before=None, queue=None, recent=False):
    """All that is shown, as a dict of plain values.

    `before`: an earlier reading of the reports; rates are those in between, else since the start. With
    `recent`, durations too, where there are any in between. `queue`: None, or {'length', 'oldest_age'}.
    """
    earlier = {_id(report): report for report in before or ()}
    everybody, reports = reports, [report for report in reports if not is_dead(report, now)]
    servers = sorted(
        (_server(report, earlier.get(_id(report)), now) for report in everybody),
        key=lambda server: (server['host'], server['pid'], server['id']),
    )
    operations = _operations(reports, earlier, recent)
    counted = living(servers)
    return {
        'at': now,
        'servers': servers,
        'operations': operations,
        'consumers': _consumers(reports, earlier),
        'queue': queue,
        'in_flight': sum(server['in_flight'] for server in counted),
        'waiting': sum(server['waiting'] for server in counted),
        'consuming': sum(server['consuming'] for server in counted),
        'rate': sum(server['rate'] for server in counted),
        'finished': sum(operation['finished'] for operation in operations),
        'failed': sum(operation['failed'] for operation in operations),
        'bad_messages': sum(_number(report, 'bad_messages') for report in reports),
        'replies_lost': sum(_number(report, 'replies_lost') for report in reports),
        'errors': _errors(reports),
        'running': _running(reports, now),
    }


def is_dead(report, now):
    """Whether nothing has been heard of it for so long that others have what it had; by this clock."""
    return now - _number(report, 'at') > DEAD_AFTER


def living(servers):
    """Those of the summary's servers that answer."""
    return [server for server in servers if server['state'] != DEAD]


def _server(report, earlier, now):
    started = _number(report, 'started_at')
    places = _dict(report, 'places')
    layer = _dict(report, 'layer')
    return {
        'id': _id(report),
        'host': _word(report, 'host'),
        'pid': _number(report, 'pid'),
        'package': _word(report, 'package'),
        'python': _word(report, 'python'),
        'state': DEAD if is_dead(report, now) else _word(report, 'state'),
        'silent': max(0.0, now - _number(report, 'at')),
        'uptime': max(0.0, now - started) if started else 0.0,
        'channels': [_cut(name) for name in _list(report, 'channels')[:MOST_NAMES]],
        'in_flight': _number(report, 'in_flight'),
        'waiting': _number(report, 'waiting'),
        'consuming': _number(report, 'consuming'),
        'places': _number(places, 'total'),
        'free': _number(places, 'free'),
        'connected': layer.get('connected') is not False,
        'rate': _rate(
            sum(_counted(report, 'finished').values()), report,
            earlier and sum(_counted(earlier, 'finished').values()), earlier,
        ),
    }  # fmt: skip


def _operations(reports, earlier, recent):
    """One dict for each operation that was ever asked for, by name."""
    finished = [(report, _counted(report, 'finished')) for report in reports]
    names = {name for _, counts in finished for name, _ in counts}
    for report in reports:
        names.update(_cut(name) for name in list(_in_flight(report))[:MOST_NAMES])
    found = []
    for name in sorted(names):
        outcomes = {}
        rate = 0.0
        for report, counts in finished:
            mine = {outcome: number for (other, outcome), number in counts.items() if other == name}
            for outcome, number in mine.items():
                outcomes[outcome] = outcomes.get(outcome, 0) + number
            last = earlier.get(_id(report))
            done = last and sum(
                number for (other, _), number in _counted(last, 'finished').items() if other == name)
            rate += _rate(sum(mine.values()), report, done, last)
        found.append({
            'operation': name,
            'in_flight': sum(_in_flight(report).get(name, 0) for report in reports),
            'finished': sum(outcomes.values()),
            'failed': sum(number for outcome, number in outcomes.items() if outcome not in FINE),
            'outcomes': outcomes,
            'rate': rate,
            'duration': _percentiles(reports, earlier if recent else {}, 'durations', name),
            'queue_wait': _percentiles(reports, earlier if recent else {}, 'queue_waits', name),
        })  # fmt: skip
    return found


def _in_flight(report):
    """How many of each operation; of older servers, as far as they name them."""
    given = report.get('in_flight_by_operation')
    if isinstance(given, dict):
        return {_cut(name): _number(given, name) for name in list(given)[:MOST_NAMES]}
    found = {}
    for running in _list(report, 'running'):
        if isinstance(running, dict):
            name = _word(running, 'operation')
            found[name] = found.get(name, 0) + 1
    return found


def _consumers(reports, earlier):
    """One dict for each channel of the project's own."""
    found = {}
    for report in reports:
        last = earlier.get(_id(report))
        before = _counted(last, 'consumed') if last else {}
        for (channel, outcome), number in sorted(_counted(report, 'consumed').items()):
            entry = found.setdefault(channel, {'channel': channel, 'consumed': 0, 'failed': 0, 'rate': 0.0})
            entry['consumed'] += number
            entry['failed'] += 0 if outcome in FINE else number
            entry['rate'] += _rate(number, report, last and before.get((channel, outcome), 0), last)
    return [found[channel] for channel in sorted(found)]


def _errors(reports):
    """The kinds of errors of the last hour, the last first."""
    found = []
    for report in reports:
        for error in _list(report, 'errors')[:MOST_NAMES]:
            if isinstance(error, dict):
                found.append({
                    'operation': _word(error, 'operation'), 'target': _word(error, 'target'),
                    'outcome': _word(error, 'outcome'), 'reason': _word(error, 'reason'),
                    'count': _number(error, 'count'), 'last_at': _number(error, 'last_at'),
                })  # fmt: skip
    return sorted(found, key=lambda error: -error['last_at'])


def _running(reports, now):
    """The oldest operations in flight, as far as servers name them; `left` is None without a deadline."""
    found = []
    for report in reports:
        for running in _list(report, 'running')[:MOST_NAMES]:
            if isinstance(running, dict):
                deadline = running.get('deadline_at')
                found.append({
                    'id': _word(running, 'id'), 'operation': _word(running, 'operation'),
                    'target': _word(running, 'target'), 'server': _server_name(report),
                    'age': max(0.0, now - _number(running, 'begun_at')),
                    'left': deadline - now if is_number(deadline) else None,
                })  # fmt: skip
    return sorted(found, key=lambda running: -running['age'])[:MOST_NAMES]


def _server_name(report):
    return '{}:{}'.format(_word(report, 'host'), _number(report, 'pid'))


def _rate(number, report, before, earlier):
    """A second, since the earlier reading of this server, or since its start."""
    if earlier:
        seconds = _number(report, 'at') - _number(earlier, 'at')
        # A reading of the same report says nothing; what counts backwards is another server's.
        return max(0.0, number - before) / seconds if seconds > 0 else 0.0
    seconds = _number(report, 'at') - _number(report, 'started_at')
    return number / seconds if seconds > 0 else 0.0


def _percentiles(reports, earlier, name, operation):
    """{'p50', 'p99', 'p50_below', 'p99_below'} of the histograms of all servers, in seconds.

    'p50' and 'p99' are estimates; None where there is none, the highest bound where it took longer than that.
    What is known for sure is the bound of the class, '_below'; None where there is none.
    """
    counts, bounds = {}, []
    newer = {}
    for report in reports:
        its = [bound for bound in _list(report, 'bounds')[:MOST_BOUNDS] if is_number(bound)]
        bounds = its if len(its) > len(bounds) else bounds
        last = earlier.get(_id(report)) or {}
        old = _classes(last, name, operation)
        for number, count in enumerate(_classes(report, name, operation)):
            bound = its[number] if number < len(its) else float('inf')
            counts[bound] = counts.get(bound, 0) + count
            newer[bound] = newer.get(bound, 0) + count - (old[number] if number < len(old) else 0)
    if earlier and sum(newer.values()) > 0 and min(newer.values()) >= 0:
        counts = newer
    found = {label: percentile(counts, share) for label, share in PERCENTILES}
    for label, share in PERCENTILES:
        found[label + '_below'] = upper_bound(counts, share)
    return found


def _classes(report, name, operation):
    histogram = _dict(_dict(report, name), operation)
    return [count if is_number(count) else 0 for count in _list(histogram, 'counts')[:MOST_BOUNDS + 1]]


def upper_bound(counts, share):
    """That of the class in which the duration lies below which `share` of all are; None without one."""
    wanted, below = share * sum(counts.values()), 0
    for bound in sorted(counts):
        below += counts[bound]
        if counts[bound] > 0 and below >= wanted:
            return None if bound == float('inf') else bound
    return None


def percentile(counts, share):
    """The duration below which `share` of all are, evenly spread within a class. `counts` by upper bound."""
    total = sum(counts.values())
    if total <= 0:
        return None
    wanted, below, lower = share * total, 0, 0.0
    for bound in sorted(counts):
        count = counts[bound]
        if count > 0 and below + count >= wanted:
            if bound == float('inf'):
                return lower
            return lower + (bound - lower) * (wanted - below) / count
        below += count
        lower = lower if bound == float('inf') else bound
    return lower


# --- what no server wrote -------------------------------------------------------------------------------


def _number(report, name):
    value = report.get(name)
    return value if is_number(value) else 0


def _dict(report, name):
    value = report.get(name)
    return value if isinstance(value, dict) else {}


def _list(report, name):
    value = report.get(name)
    return list(value) if isinstance(value, (list, tuple)) else []


def _counted(report, name):
    """A list of [what, outcome, number] as a dict."""
    found = {}
    for entry in _list(report, name)[:MOST_NAMES]:
        if isinstance(entry, (list, tuple)) and len(entry) == 3 and is_number(entry[2]):
            found[_cut(entry[0]), _cut(entry[1])] = entry[2]
    return found


def _id(report):
    return _word(report, 'id')


def _word(report, name):
    return _cut(report.get(name, ''))


def _cut(value):
    return cut(value, NAME_LENGTH)
