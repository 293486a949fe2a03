"""The responses of operations that are done in the view."""

from __future__ import unicode_literals

from django.http import HttpResponse, StreamingHttpResponse

from channels_async import http_rules
from channels_async._py23 import PY2, native
from channels_async.settled import SettledContent

#: A piece of content that breaks the connection to the browser, for AsgiHandler.encode_response of channels
#: to put into a message: why it does is told in server_trio/replies/http.py. Without it a browser that was
#: told a length would wait for the rest.
BREAK = [b'']

_SURROGATES = () if PY2 else ('surrogatepass',)


class InlineResponse(SettledContent, StreamingHttpResponse):
    """An upstream's response, passed on as it comes: bytes undecoded, duplicate headers kept.

    Middleware sees status and headers and may change them; the content is settled, as when handed off.
    """

    def __init__(self, status, headers, body, items=False):
        """
        status   int
        headers  list of (bytes lower-case name, bytes value): all that go out
        body     iterable of bytes or text; closed with the response, if it can be
        items    bool: each piece of the body means something by itself, as what a generator yields does
        """
        self.each_piece_is_an_item = items
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
        return (encoded(piece) for piece in self._passed_on)

    def pieces(self):
        """The content as it was made: bytes, or text."""
        return iter(self._passed_on)


def encoded(piece):
    """A piece of content as bytes; half of a surrogate pair as Python 2 has it. BREAK stays."""
    return piece if piece is BREAK or isinstance(piece, bytes) else piece.encode('utf-8', *_SURROGATES)


def error(operation, status, reason):
    """The answer that says what went wrong, as the server would give it."""
    status, headers, body = http_rules.error_response(status, reason, operation.id)
    response = HttpResponse(b'' if operation.head else body, status=status)
    response.failure = reason
    for name, value in headers:
        response[name.decode('ascii')] = value.decode('ascii')
    return response
