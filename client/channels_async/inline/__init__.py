"""The same operations, done in the view: for WSGI, Django's test client and CHANNELS_ASYNC = False."""

from __future__ import unicode_literals

from channels_async import conf, wire
from channels_async.inline.call import respond_call
from channels_async.inline.command import respond_command
from channels_async.inline.forward import respond_forward
from channels_async.inline.request import respond_request

#: By the operation's name: functions as `respond`, but with the parsed operation and its deadline in seconds.
RESPOND = {
    'REQUEST': respond_request,
    'FORWARD': respond_forward,
    'CALL': respond_call,
    'COMMAND': respond_command,
}


def respond(fields, can_abort):
    """Do the operation; returns the response of a view. An upstream that fails is an answer of 502 or 504.

    fields     of wire.encode, but for the reply channel
    can_abort  bool: an error in the middle of the body may be raised, which breaks the connection to the
               browser, so that it knows. Under channels nothing listens to that; there BREAK is a piece.
    """
    operation = wire.parse(wire.encode(reply_channel='inline', **fields), 0.0)
    deadline = conf.deadline(operation.name)
    if operation.timeout is not None:
        deadline = min(deadline, operation.timeout)
    return RESPOND[operation.name](operation, deadline, can_abort)
