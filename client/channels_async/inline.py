"""The same operation, done in the view: for WSGI, Django's test client and CHANNELS_ASYNC = False.

The answer is decided by the same rules as the server's (http_rules): status, headers, redirects, errors.
requests only carries bytes: it decodes nothing, follows nothing, and reads no environment.
"""

from __future__ import unicode_literals

import logging

from django.http import HttpResponse, StreamingHttpResponse

from channels_async import conf, fetching, http_rules, wire
from channels_async._py23 import native
from channels_async.settled import SettledContent

logger = logging.getLogger('channels_async.client')


class InlineResponse(SettledContent, StreamingHttpResponse):
    """An upstream's response, passed on as it comes: bytes undecoded, duplicate headers kept.

    Middleware sees status and headers and may change them; the content is settled, as when handed off.
    """

    def __init__(self, status, headers, body):
        """
        status   int
        headers  list of (bytes lower-case name, bytes value): all that go out
        body     iterable of bytes; closed with the response, if it can be
        """
        # Django's constructor takes none above 599, but upstreams have them: such as 999.
        known = status <= 599
        super(InlineResponse, self).__init__(
            body, status=status if known else 200, reason=None if known else 'Unknown Status Code'
        )
        self.status_code = status
        del self['Content-Type']
        self._repeated = []
        for name, value in headers:
            name, value = native(name), native(value)
            if name in self:
                # Django holds one value a name.
                self._repeated.append((name, self[name], value))
            else:
                self[name] = value
        self._content_is_settled = True

    def items(self):
        """Everything, duplicates too; those whose name has got another value since are gone."""
        pairs = list(super(InlineResponse, self).items())
        return pairs + [(name, value) for name, first, value in self._repeated if self.get(name) == first]

    @property
    def streaming_content(self):
        return self._passed_on

    @streaming_content.setter
    def streaming_content(self, value):
        if not self._content_is_settled:
            self._passed_on = value
            if hasattr(value, 'close'):
                self._closable_objects.append(value)

    def __iter__(self):
        return iter(self._passed_on)


def respond(fields, can_abort):
    """Do the operation; returns the response of a view. An upstream that fails is an answer of 502 or 504.

    fields     of wire.encode, but for the reply channel
    can_abort  bool: an error in the middle of the body may be raised, which breaks the connection to the
               browser, so that it knows. Where nothing listens to that, the response just ends.
    """
    operation = wire.parse(wire.encode(reply_channel='inline', **fields), 0.0)
    deadline = conf.request_deadline()
    if operation.timeout is not None:
        deadline = min(deadline, operation.timeout)
    try:
        upstream = fetching.fetch(operation.details, deadline, conf.response_body())
    except fetching.FetchError as error:
        logger.warning('operation %s: %s', operation.id, error)
        return _error(operation, error.status, error.reason)
    method = 'HEAD' if operation.head else operation.details.method
    headers = http_rules.response_headers(upstream.status, upstream.headers, [])
    if not http_rules.has_body(method, upstream.status):
        upstream.close()
        return InlineResponse(upstream.status, headers, ())
    return InlineResponse(upstream.status, headers, _Body(upstream, operation.id, can_abort))


class _Body(object):
    """The chunks of an upstream's body, as an iterator that can be closed."""

    def __init__(self, upstream, id, can_abort):
        self._upstream = upstream
        self._id = id
        self._can_abort = can_abort

    def __iter__(self):
        try:
            for chunk in self._upstream:
                yield chunk
        except fetching.FetchError as error:
            logger.warning('operation %s: the answer was cut short: %s', self._id, error)
            if self._can_abort:
                raise
        finally:
            self.close()

    def close(self):
        self._upstream.close()


def _error(operation, status, reason):
    status, headers, body = http_rules.error_response(status, reason, operation.id)
    response = HttpResponse(b'' if operation.head else body, status=status)
    for name, value in headers:
        response[name.decode('ascii')] = value.decode('ascii')
    return response
