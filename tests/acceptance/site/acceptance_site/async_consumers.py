"""Consumers of the Trio server. Python 3 alone reads this: the site on 2.7 imports no `async_*` module."""

import trio
from channels import Group as PlainGroup

from server_trio.consumers import Channel, Group


async def notify(message, room):
    """Tells everybody in a room."""
    await Group("room." + room).send({"text": message["text"]})


async def echo(message):
    """Answers the WebSocket whose reply channel came along, in as many frames as were asked for."""
    async with trio.open_nursery() as nursery:
        for number in range(message["frames"]):
            nursery.start_soon(message.reply_channel.send, {"text": "{} {}".format(message["text"], number)})


async def relay(message):
    """Passes on to a consumer that is on the site's worker."""
    await Channel("worker.shout").send(dict(message.items()))


def leave(message, room):
    """Written as for runworker."""
    PlainGroup("room." + room).discard(message.reply_channel)
    message.reply_channel.send({"text": "you have left " + room})
