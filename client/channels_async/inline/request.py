"""REQUEST in the view.

The answer is decided by the same rules as the server's (http_rules): status, headers, redirects, errors.
requests only carries bytes: it decodes nothing, follows nothing, and reads no environment.
"""

from __future__ import unicode_literals

import logging

from channels_async import conf, fetching, http_rules, trace_rules
from channels_async.inline.response import BREAK, InlineResponse, error

logger = logging.getLogger('channels_async.client')


def respond_request(operation, deadline, can_abort):
    """The response to a REQUEST; arguments as those of every operation, see `respond` of the package."""
    return fetched(operation, operation.details, deadline, can_abort, http_rules.response_headers)


def fetched(operation, request, deadline, can_abort, headers_of):
    """The response to an operation that is one wire.Request; headers_of makes its headers.

    headers_of  as http_rules.response_headers
    """
    request.headers = trace_rules.trace_headers(
        request.headers, operation.traceparent, operation.tracestate
    )
    try:
        upstream = fetching.fetch(request, deadline, conf.response_body(), conf.response_head())
    except fetching.FetchError as failure:
        return _failed(operation, failure)
    method = 'HEAD' if operation.head else request.method
    headers = headers_of(upstream.status, upstream.headers, [])
    if not http_rules.has_body(method, upstream.status):
        upstream.close()
        return InlineResponse(upstream.status, headers, ())
    body = Body(upstream, operation.id, can_abort)
    try:
        body.wait()
    except fetching.FetchError as failure:
        upstream.close()
        return _failed(operation, failure)
    return InlineResponse(upstream.status, headers, body)


def _failed(operation, failure):
    logger.warning('operation %s: %s', operation.id, failure)
    return error(operation, failure.status, failure.reason)


class Body(object):
    """The chunks of an upstream's body, as an iterator that can be closed."""

    def __init__(self, upstream, id, can_abort):
        self._upstream = upstream
        self._id = id
        self._can_abort = can_abort
        self._chunks = iter(upstream)
        self._first = b''

    def wait(self):
        """Wait for the first chunk, so that what fails before it can be told. Raises FetchError."""
        self._first = next(self._chunks, b'')

    def __iter__(self):
        try:
            if self._first:
                yield self._first
            for chunk in self._chunks:
                yield chunk
        except fetching.FetchError as error:
            logger.warning('operation %s: the answer was cut short: %s', self._id, error)
            if self._can_abort:
                raise
            yield BREAK
        finally:
            self.close()

    def close(self):
        self._upstream.close()
