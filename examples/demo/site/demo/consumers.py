"""The low-level way: a consumer hands over its raw message. No middleware, no Django request."""

from __future__ import unicode_literals

from channels_async.client.client import client
from demo.views import upstream_url


def raw(message):
    client.request(message, url=upstream_url())
