"""The low-level way: consumers that hand over their raw message."""

from __future__ import unicode_literals

from django.conf import settings

from channels_async.client.client import client


def raw(message):
    client.request(
        message,
        url=settings.UPSTREAM + '/echo/raw',
        method=message.content['method'],
        data=message.content['body'],
        headers={'X-Way': 'consumer'},
    )
