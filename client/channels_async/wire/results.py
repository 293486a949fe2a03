"""The answer of an operation as messages on a channel of the project's own."""

from __future__ import unicode_literals


def encode_result(id, operation, index, status, headers, content, more_content, error=None):
    """One piece of an answer, as a consumer of the project gets it.

    id            text: what the client's method has returned; None for a message that had none
    operation     'REQUEST', 'FORWARD', 'CALL' or 'COMMAND'; None for a message that could not be understood
    index         int: which piece this is, from 0; -1 on an error after pieces that a dead server has sent
    status        int
    headers       list of [bytes, bytes]
    content       bytes, at most limits.MAX_CHUNK of them
    more_content  bool: False on the last piece
    error         text, and not there without one: the operation has failed, and this is the last piece

    Several workers may read the channel, so pieces can be consumed in any order and by different processes:
    each carries everything but the other pieces' content. Only who has seen all pieces from 0 to the one
    without more_content, and none with `error`, has a complete answer.
    """
    message = {
        'id': id,
        'operation': operation,
        'index': index,
        'status': status,
        'headers': [list(pair) for pair in headers],
        'content': content,
        'more_content': more_content,
    }
    if error is not None:
        message['error'] = error
    return message
