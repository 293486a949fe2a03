"""FORWARD: send a browser's request on to an upstream of the site's own, and its answer back.

The client has made the request (channels_async.forwarding); what is left to do here is carrying bytes,
in both directions as they come, and the headers of the answer (channels_async.forward_rules).
"""

from __future__ import annotations

import trio

from channels_async import forward_rules
from channels_async.wire import Forward, Operation

from ..errors import OperationError
from ..http.connection import SENT_AT_ONCE
from ..http.session import InvalidRequest
from ..replies import Reply
from ..tracing import upstream_headers
from .base import Context
from .body_channel import BodyPieces
from .passing import pass_on


async def run_forward(operation: Operation, reply: Reply, context: Context) -> None:
    """Stream the request's body up and the response down; no redirect is followed.

    Raises UpstreamError, UpstreamTimeout, TooManyWaiting, UploadBroken (the body did not come whole, and
    the upstream has got no whole request), OperationError (the request cannot be sent as it is).
    """
    forward: Forward = operation.details
    try:
        # What goes out at once needs no task that sends it.
        if forward.body_channel is None and len(forward.body or b"") <= SENT_AT_ONCE:
            await _exchange(operation, reply, context, None)
        else:
            await _upload(operation, reply, context)
    except InvalidRequest as error:
        raise OperationError(f"the request cannot be sent: {error}") from error


async def _upload(operation: Operation, reply: Reply, context: Context) -> None:
    """The upstream may answer while it is still sent to: what it says goes to the browser at once."""
    failure: Exception | None = None  # raised outside, lest the nursery wrap it
    async with trio.open_nursery() as uploading:
        try:
            await _exchange(operation, reply, context, uploading)
        except Exception as error:
            failure = error
        uploading.cancel_scope.cancel()
    if failure is not None:
        raise failure


async def _exchange(
    operation: Operation, reply: Reply, context: Context, uploading: trio.Nursery | None
) -> None:
    forward: Forward = operation.details
    whole = forward.body_channel is None
    exchange = context.http.stream(
        forward.method,
        forward.url,
        headers=upstream_headers(operation, forward.headers),
        body=forward.body if whole else BodyPieces(context.layer, forward.body, forward.body_channel),
        content_length=forward.content_length,
        sender=uploading,
        follow_redirects=False,
        retries=forward.retries,
        idempotent=forward.idempotent,
        defaults=False,  # the browser's request, and nothing in its name
        as_operation=True,
    )
    async with exchange as response:
        headers = forward_rules.response_headers(
            forward, response.status, response.headers, operation.response_headers
        )
        await pass_on(response, headers, reply)
