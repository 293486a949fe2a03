"""Bodies that are too large for a message, in pieces on a channel of their own, as ASGI has it.

A body channel holds messages with `content`, `more_content` and `closed` (channels' docs/asgi/www.rst,
"Request Body Chunk"). The server reads them one by one while it sends them on.
"""

from __future__ import unicode_literals

from channels_async._py23 import monotonic

#: Bytes that a message may hold; ASGI asks of a layer that it takes a megabyte with all that is in it.
IN_A_MESSAGE = 512 * 1024

#: Pieces that a body is cut into at the most: half of what a channel holds unless it is told otherwise
#: (asgiref/base_layer.py:24), because all of them are there before anybody reads.
MOST_PIECES = 50

#: The name begins like that of any body channel; the layer adds what makes it unique.
CHANNEL = 'http.request.body?'

#: By operation: the field that may be continued on its body channel.
CONTINUED = {'FORWARD': 'body', 'COMMAND': 'stdin'}


class NoRoom(Exception):
    """A body channel took only a part of the body; the text says what to do."""


def put_apart(layer, fields, send):
    """The fields of an operation, with a large body on a channel of its own.

    send  puts a message on a channel of the layer: as sending.send, with its bound

    The pieces go first: an operation whose body found no room is never begun, and nobody waits for the
    upstream here. What is put there for an operation that then cannot be sent expires.
    Raises NoRoom, and what send raises else.
    """
    name = CONTINUED.get(fields.get('operation'))
    body = fields.get(name)
    if body is None or len(body) <= IN_A_MESSAGE or fields.get('body_channel') is not None:
        return fields
    channel = layer.new_channel(CHANNEL)
    size = max(IN_A_MESSAGE, -(-len(body) // MOST_PIECES))
    for begin in range(0, len(body), size):
        message = {'content': body[begin:begin + size], 'more_content': begin + size < len(body)}
        try:
            send(channel, message)
        except getattr(layer, 'ChannelFull', ()):
            problem = "the layer's capacity of {}* must be {} or more for a body of {} bytes"
            raise NoRoom(problem.format(CHANNEL, MOST_PIECES, len(body)))
    return _changed(fields, {name: None, 'body_channel': channel, 'content_length': len(body)})


class Unfinished(Exception):
    """A body did not come to its end: the browser has gone, or it took too long."""


def gathered(layer, fields, seconds):
    """The fields of an operation with all of its body, for one that is done here.

    Reads the body channel as channels does for a view (channels/handler.py:121), for `seconds` at most.
    Raises Unfinished.
    """
    name = CONTINUED.get(fields.get('operation'))
    channel = fields.get('body_channel')
    if channel is None or name is None:
        return fields
    parts, more, ends = [fields.get(name) or b''], True, monotonic() + seconds
    while more:
        if monotonic() > ends:
            raise Unfinished("the request's body did not come in time")
        _, chunk = layer.receive_many([channel], block=True)
        if chunk is None:
            continue
        if chunk.get('closed'):
            raise Unfinished("the request's body did not come whole")
        parts.append(chunk.get('content') or b'')
        more = chunk.get('more_content', False)
    return _changed(fields, {name: b''.join(parts), 'body_channel': None, 'content_length': None})


def _changed(fields, changed):
    fields = dict(fields)
    fields.update(changed)
    return fields
