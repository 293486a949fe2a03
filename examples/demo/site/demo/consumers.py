"""Consumers of the site, run by its worker: without Django's request and middleware."""

from __future__ import unicode_literals

import json
import time

from channels import Group
from django.conf import settings
from django.core.cache import cache

from channels_async.client.client import client
from demo.views import slow_url
from demo.watching import running

REPORT_SECONDS = 300  # that a report is kept


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
        seconds = float(message['text'])
    except (KeyError, TypeError, ValueError):
        message.reply_channel.send({'text': 'a number of seconds, please'})
        return
    client.request(message, url=slow_url(seconds))


def socket_disconnect(message):
    Group('demo.sockets').discard(message.reply_channel)
    client.cancel(message)  # what this WebSocket has asked for, and nobody waits for any more


def watch_connect(message):
    message.reply_channel.send({'accept': True})


def watch_receive(message):
    """Any frame of the index is the question what runs now."""
    message.reply_channel.send({'text': json.dumps(running(message.channel_layer, time.time()))})


def store_report(message):
    """An answer for which a view has given this consumer's channel. Reports here fit into one message."""
    text = '{} {}'.format(message['status'], message['content'].decode('utf-8'))
    cache.set(message['id'], text, REPORT_SECONDS)
