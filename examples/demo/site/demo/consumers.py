"""Consumers of the site, run by its worker: without Django's request and middleware."""

from __future__ import unicode_literals

from channels import Group
from django.conf import settings
from django.core.cache import cache

from channels_async.client.client import client
from demo.views import slow_url

REPORT_SECONDS = 300  # that a report is kept
SLOWEST = 20.0  # seconds


def raw(message):
    """The low-level way: the answer goes to the reply channel of the message."""
    client.request(message, url=slow_url())


def upload(message):
    """The request with all of its body, of which daphne has put most on a channel of its own."""
    client.forward(message, settings.UPSTREAM + '/', path='digest')


def socket_connect(message):
    Group('demo.sockets').add(message.reply_channel)
    message.reply_channel.send({'accept': True})


def socket_receive(message):
    """The browser says how slow the upstream is to be; the server answers with a frame."""
    try:
        seconds = min(SLOWEST, max(0.0, float(message['text'])))
    except (KeyError, TypeError, ValueError):
        message.reply_channel.send({'text': 'a number of seconds, please'})
        return
    client.request(message, url='{}/delay/{}'.format(settings.UPSTREAM, seconds))


def socket_disconnect(message):
    Group('demo.sockets').discard(message.reply_channel)


def store_report(message):
    """An answer for which a view has given this consumer's channel. Reports here fit into one message."""
    text = '{} {}'.format(message['status'], message['content'].decode('utf-8'))
    cache.set(message['id'], text, REPORT_SECONDS)
