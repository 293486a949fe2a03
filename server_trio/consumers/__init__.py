"""Consumers of the project's own channels; what an `async def` consumer imports is here.

    from server_trio.consumers import Channel, Group

    async def notify(message):
        await Group("browsers").send({"text": message["text"]})
        await message.reply_channel.send({"done": True})

channels    Channel and Group, whose methods are awaited
message     the message that an `async def` consumer gets
plain       consumers that were written for runworker, in threads
runner      one message: its consumer, its deadline, what its exceptions mean
"""

from ..errors import ChannelFull
from .channels import Channel, Group
from .message import AsyncMessage

__all__ = ["AsyncMessage", "Channel", "ChannelFull", "Group"]
