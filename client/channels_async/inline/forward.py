"""FORWARD in the view: the same request that the server would send, and the same rules for the answer."""

from __future__ import unicode_literals

import functools

from channels_async import forward_rules, wire
from channels_async.inline.request import fetched


def respond_forward(operation, deadline, can_abort):
    """The response to a FORWARD; arguments as those of every operation, see `respond` of the package.

    A body that was on a channel has been gathered before (uploading.gathered).
    """
    forward = operation.details
    request = wire.Request(
        method=forward.method, url=forward.url, headers=forward.headers, body=forward.body,
        allow_redirects=False, max_redirects=0, retries=forward.retries, idempotent=forward.idempotent,
    )  # fmt: skip
    headers_of = functools.partial(forward_rules.response_headers, forward)
    return fetched(operation, request, deadline, can_abort, headers_of)
