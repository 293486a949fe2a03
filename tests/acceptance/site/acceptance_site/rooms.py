"""WebSockets in rooms; what they ask for is done by consumers of the Trio server (async_consumers.py)."""

from __future__ import unicode_literals

import json

from channels import Channel, Group


def connect(message, room):
    Group('room.' + room).add(message.reply_channel)
    message.reply_channel.send({'accept': True})


def receive(message, room):
    """The frame says on which channel it is to go, and with what."""
    asked = json.loads(message['text'])
    channel = asked.pop('channel')
    asked['reply_channel'] = message.reply_channel.name
    Channel(channel).send(asked)


def shout(message):
    message.reply_channel.send({'text': message['text'].upper()})
