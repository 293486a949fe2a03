"""The response that is sent later, by somebody else.

A view returns a HandOff. It passes through all the middleware like any other response. When
channels encodes it, middleware and ATOMIC_REQUESTS are done, its cookies and headers are set; now
the operation goes on the layer with them, and channels is told to send nothing by an exception that
its worker knows: ChannelSocketException (channels/worker.py:125). If a middleware replaced the
response, or a view or middleware failed, this is never encoded, and nothing is handed off.

It must be `__iter__` that raises, and not a generator as `streaming_content`: that one GZipMiddleware
would wrap, and send a gzip header before the exception comes (django/utils/text.py:324).
"""

from __future__ import unicode_literals

import logging

from channels.exceptions import ChannelSocketException
from django.http import StreamingHttpResponse

from channels_async import conf, sending
from channels_async.settled import SettledContent

logger = logging.getLogger('channels_async.client')

#: The status of the placeholder. A response that has another one is somebody's answer: no hand-off.
PLACEHOLDER_STATUS = 200

_NOT_TOLD = frozenset(('content-length', 'content-encoding', 'date'))


class HandedOff(ChannelSocketException):
    """Tells channels' worker that the reply comes from elsewhere."""

    def run(self, message):
        """Called by the worker, outside of any try (channels/worker.py:126); there is nothing left to do."""


class HandOff(SettledContent, StreamingHttpResponse):
    """A placeholder: status 200, no content, no Content-Type unless somebody sets one.

    There is no __len__ and no __bool__: Django tests the truth of responses (core/handlers/base.py:179).
    """

    def __init__(self, request, fields):
        """
        request  the AsgiRequest that is to be answered
        fields   of wire.encode: all but reply_channel, response_headers and sent_at
        """
        super(HandOff, self).__init__(status=PLACEHOLDER_STATUS)
        del self['Content-Type']  # the default; what is set from now on is meant
        self._content_is_settled = True
        # A consumer that calls a view itself has no middleware (core/handlers/base.py sets this for a view).
        self._among_middleware = getattr(request, 'resolver_match', None) is not None
        self._message = request.message
        self._fields = fields
        self._handed_off = False
        # Wrong settings are an error in the view. The worker has no place for one.
        self._settings = conf.client_settings()

    def __iter__(self):
        """Hand off, then raise HandedOff; unless the status was changed: then there is no content.

        Raises RuntimeError, and hands nothing off, when it is a middleware that iterates.
        """
        if self.status_code != PLACEHOLDER_STATUS:
            # Django 1.8's ConditionalGetMiddleware makes a 304 of this very object (middleware/http.py:31).
            return iter(())
        if self._among_middleware and not self._has_passed():
            raise RuntimeError(
                'a middleware reads the content of a response that has none yet: the answer of '
                'client.request() comes later, from the server. Let it pass where response.streaming is true'
            )
        return self._leave()

    def _has_passed(self):
        """Whether all middleware is done: then Django's handler has put the request among what it closes."""
        return any(getattr(each, 'message', None) is self._message for each in self._closable_objects)

    def _leave(self):
        if not self._handed_off:
            self._handed_off = True
            self._close_quietly()
            sending.hand_off(
                self._message.channel_layer, self._message.reply_channel.name, self._fields,
                self._told, self._settings,
            )  # fmt: skip
        raise HandedOff()

    @property
    def streaming_content(self):
        """A belt, for middleware that puts this into a response of its own."""
        return self._as_generator()

    @streaming_content.setter
    def streaming_content(self, value):
        """GZipMiddleware and others wrap the content here; there is none."""

    def _as_generator(self):
        # It may be another response whose content this is, so there is no telling whether it is time.
        if self.status_code == PLACEHOLDER_STATUS:
            self._leave()
        return
        yield

    def _close_quietly(self):
        """What channels does after sending (channels/handler.py:233): close uploads, send request_finished.

        The worker skips it when HandedOff passes, and no receiver's failure may keep the operation here.
        """
        try:
            self.close()
        except Exception:
            logger.exception('operation %s: closing the request failed', self._fields['id'])

    def _told(self):
        """What view and middleware want the browser to get, as a list of (bytes, bytes)."""
        headers = []
        for name, value in self.items():
            if name.lower() not in _NOT_TOLD:
                headers.append((_latin1(name), _latin1(value)))
        for cookie in self.cookies.values():
            # Not output(header=''), whose value begins with a space.
            headers.append((b'Set-Cookie', _latin1(cookie.OutputString())))
        return headers


def _latin1(value):
    """Django keeps header values in latin-1 (http/response.py:_convert_to_charset)."""
    return value if isinstance(value, bytes) else value.encode('latin-1', 'replace')
