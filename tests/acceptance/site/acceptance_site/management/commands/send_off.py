"""A command that hands over an operation, with no request and nobody who waits."""

from __future__ import unicode_literals

from django.conf import settings
from django.core.management.base import BaseCommand

from channels_async.client.client import client


class Command(BaseCommand):
    help = 'Have the upstream asked, and the answer stored by the consumer of process.result.'

    def add_arguments(self, parser):
        parser.add_argument('path')

    def handle(self, path, **options):
        self.stdout.write(client.request(None, settings.UPSTREAM + path, reply_to='process.result'))
