"""Django's system checks: manage.py check; with --deploy what costs a look at Redis, too.

The rules are those of `python3 -m server_trio check`. What is only worth knowing (info) is left to --deploy.
"""

from __future__ import unicode_literals

import time

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured

from channels_async import check_rules, conf, redis_rules, seen, wire
from channels_async._py23 import PY2, is_installed
from channels_async.check_rules import Finding, Plan
from channels_async.result_rules import native_text

TAG = 'channels_async'

_KINDS = {'info': checks.Info, 'warning': checks.Warning, 'error': checks.Error}


def register_all():
    """Have Django run them."""
    checks.register(TAG)(check_settings)
    checks.register(TAG, deploy=True)(check_deployment)


def check_settings(app_configs=None, **kwargs):
    """What is wrong with the settings, and the traps in them. Asks no Redis."""
    return _messages(finding for finding in _of_settings() if finding.level != 'info')


def check_deployment(app_configs=None, **kwargs):
    """What is worth knowing of the settings, and what can be seen in Redis."""
    found = [finding for finding in _of_settings() if finding.level == 'info']
    if conf.offloads():
        found += _of_redis()
    return _messages(found)


def _of_settings():
    found = []
    for id, read in (('E001', _plan), ('E001', conf.client_settings), ('E003', conf.calls),
                     ('E003', conf.call_modules), ('E004', conf.commands)):
        try:
            read()
        except ImproperlyConfigured as error:
            found.append(_wrong(id, 'settings', error))
    if found or not conf.offloads():
        return found
    plan = _plan()
    found += check_rules.plan_findings(plan)
    found += check_rules.channel_findings(conf.client_settings().channel, plan.channel)
    try:
        alias, backend, config, routing = _layer()
    except ImproperlyConfigured as error:
        return found + [_wrong('E002', 'CHANNEL_LAYERS', error)]
    found += check_rules.layer_findings(alias, backend, config, plan)
    found += check_rules.twin_findings(settings.CHANNEL_LAYERS)
    routed = _routed(routing)
    found += check_rules.routing_findings(alias, routed, plan.channel, plan.disconnect_channels)
    if check_rules.is_redis(backend) and is_installed('txredisapi'):
        found += check_rules.twisted_findings(alias, config, PY2)
    return found


def _of_redis():
    try:
        plan = _plan()
        alias, backend, config, _ = _layer()
    except ImproperlyConfigured:
        return []  # check_settings says so
    if not check_rules.is_redis(backend):
        return []
    try:
        layer = seen.make_layer(backend, config)
        found = []
        for facts in seen.facts(layer, plan.channel):
            found += redis_rules.shard_findings(facts)
        queue, reports = seen.queue(layer, plan.channel), seen.reports(layer)
        found += redis_rules.serving_findings(plan.channel, reports, queue['length'])
        return found + redis_rules.clock_findings(reports, time.time())
    except seen.NotSeen as error:
        about = "CHANNEL_LAYERS['{}']".format(alias)
        return [Finding('channels_async.E010', 'error', about, '{}'.format(error), error.advice)]


def _messages(found):
    return [
        _KINDS[finding.level](
            _shown('{}: {}'.format(finding.about, finding.problem)),
            hint=(finding.remedy and _shown(finding.remedy)) or None, id=finding.id,
        )
        for finding in found
    ]  # fmt: skip


def _shown(text):
    """On Python 2 Django joins messages with ASCII alone; a host or a prefix may have other letters."""
    return text.encode('ascii', 'backslashreplace').decode('ascii') if PY2 else text


def _wrong(id, about, error):
    return Finding('channels_async.' + id, 'error', about, '{}'.format(error), 'see docs/settings.rst')


def _plan():
    """Of CHANNELS_ASYNC_SERVER, which may stand in the server's own settings; then these are the defaults.

    Raises ImproperlyConfigured.
    """
    server = conf.server_settings()
    limits = server.get('CONCURRENCY', {})
    total = limits.get('total', 1000) if isinstance(limits, dict) else 1000
    timeout = server.get('DAPHNE_HTTP_TIMEOUT', check_rules.DAPHNE_TIMEOUT)
    disconnects = server.get('DISCONNECT_CHANNELS', ('http.disconnect',))
    for name, value in (("['CONCURRENCY']['total']", total), ("['DAPHNE_HTTP_TIMEOUT']", timeout)):
        if not check_rules.is_number(value) or value <= 0:
            raise ImproperlyConfigured(
                'CHANNELS_ASYNC_SERVER{} must be a number above 0, not {!r}'.format(name, value))
    if not isinstance(disconnects, (list, tuple, set, frozenset)):
        raise ImproperlyConfigured(
            "CHANNELS_ASYNC_SERVER['DISCONNECT_CHANNELS'] must be a list, not {!r}".format(disconnects))
    return Plan(
        deadlines={operation: conf.deadline(operation) for operation in wire.OPERATIONS},
        daphne_timeout=timeout,
        channel=native_text(server.get('CHANNEL', wire.REQUEST_CHANNEL)),
        disconnect_channels=sorted(map(native_text, disconnects)),
        total=total,
    )


def _layer():
    """(alias, backend, CONFIG, ROUTING) of the layer that the servers serve. Raises ImproperlyConfigured."""
    alias = native_text(conf.server_settings().get('LAYER', 'default'))
    return (alias,) + conf.layer(alias)


def _routed(routing):
    """The channels that the site's workers consume; what is wrong with a routing, channels itself says."""
    try:
        from channels.routing import Router

        return Router(routing).channels if routing else ()
    except Exception:
        return ()
