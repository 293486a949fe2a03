"""manage.py channels_async_status: what the Trio servers of this site are doing."""

from __future__ import unicode_literals

import json
import os
import time

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from channels_async import check_rules, conf, report_rules, report_text, seen
from channels_async.result_rules import native_text


class Command(BaseCommand):
    help = 'Shows the Trio servers of this site: in flight, queue, rates, latencies, failures.'
    requires_system_checks = False  # what is wrong with the settings, this says itself

    def add_arguments(self, parser):
        parser.add_argument(
            '--format', choices=('text', 'json'), default=os.environ.get('CHANNELS_ASYNC_FORMAT', 'text'),
            help='how it is printed (default: text, env: CHANNELS_ASYNC_FORMAT)',
        )  # fmt: skip
        parser.add_argument(
            '--interval', default=os.environ.get('CHANNELS_ASYNC_INTERVAL', '1'),
            help='seconds between two readings, of which rates are made; 0 for one reading, and rates since '
                 'the start (default: 1, env: CHANNELS_ASYNC_INTERVAL)',
        )  # fmt: skip

    def handle(self, *args, **options):
        if options['format'] not in ('text', 'json'):  # the environment's is not checked by argparse
            raise CommandError('CHANNELS_ASYNC_FORMAT is {!r}; it must be text or json'.format(
                native_text(options['format'])))
        interval = self._interval(options['interval'])
        try:
            channel = conf.client_settings().channel
            server = conf.server_settings()
            backend, config, _ = conf.layer(native_text(server.get('LAYER', 'default')))
        except ImproperlyConfigured as error:
            raise CommandError('{}'.format(error))
        if not check_rules.is_redis(backend):
            raise CommandError('{} has no Redis, in which servers could be seen'.format(backend))
        try:
            found = self._look(seen.make_layer(backend, config), channel, interval)
        except seen.NotSeen as error:
            raise CommandError('{}'.format(error))
        if options['format'] == 'json':
            self.stdout.write(json.dumps(dict(found, channel=channel), indent=2))
        elif found['servers']:
            self.stdout.write(report_text.as_text(channel, found))
        if not report_rules.living(found['servers']):
            waiting = found['queue']['length']
            raise CommandError('no server answers on this layer{}'.format(
                '; {} messages wait'.format(waiting) if waiting else ''))

    def _interval(self, given):
        try:
            seconds = float(given)
        except ValueError:
            seconds = -1.0
        if not 0 <= seconds <= 3600:
            raise CommandError('--interval is {!r}; it must be between 0 and 3600 seconds'.format(
                native_text(given)))
        return seconds

    def _look(self, layer, channel, interval):
        before = seen.reports(layer) if interval else None
        if before:
            time.sleep(interval)
        return report_rules.summary(
            seen.reports(layer), time.time(), before, seen.queue(layer, channel))
