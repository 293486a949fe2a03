"""Consumers of a site that wants to know itself which browsers have gone."""

from __future__ import unicode_literals

import logging

from channels_async.client.client import client

logger = logging.getLogger('acceptance_site')


def leave(message):
    logger.info('%s of %s', message.channel.name, message['path'])
    client.cancel(message)
