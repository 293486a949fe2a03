"""REQUEST: fetch a URL and pass the response on as it comes, never held whole."""

from __future__ import annotations

from channels_async import http_rules
from channels_async.wire import Operation, Request

from ..errors import OperationError
from ..http.session import InvalidRequest
from ..replies import Reply
from ..tracing import upstream_headers
from .base import Context
from .passing import pass_on


async def run_request(operation: Operation, reply: Reply, context: Context) -> None:
    """Do the request of `operation.details` and stream the upstream's response to the reply channel.

    The body passes through as the upstream sent it, content coding included; which headers pass is
    decided by `http_rules.response_headers`, the same for the inline form in the view. A body that
    came together with its head goes out in one message.

    Raises UpstreamError, UpstreamTimeout, TooManyWaiting, OperationError (the request cannot be sent as
    it is).
    """
    request: Request = operation.details
    try:
        async with context.http.stream(
            request.method,
            request.url,
            headers=upstream_headers(operation, request.headers),
            body=request.body,
            params=request.params,
            data=request.data,
            json=request.json,
            cookies=request.cookies,
            auth=request.auth,
            follow_redirects=request.allow_redirects,
            max_redirects=request.max_redirects,
            retries=request.retries,
            idempotent=request.idempotent,
            defaults=operation.version < 2,  # today's client has given all, but for what the view left out
            as_operation=True,
        ) as response:
            headers = http_rules.response_headers(
                response.status, response.headers, operation.response_headers
            )
            await pass_on(response, headers, reply)
    except InvalidRequest as error:
        raise OperationError(f"the request cannot be sent: {error}") from error
