"""Who asks: a view, a consumer or nobody, and how each gets its answer."""

from __future__ import unicode_literals

from channels_async import conf, forwarding, tracing
from channels_async._py23 import text


class ViewCaller(object):
    """A view with a request of Django, under channels or WSGI or in a test."""

    formats = ('http',)

    def __init__(self, request):
        self._request = request
        self.method = request.method
        self.accept_encoding = _latin(request.META.get('HTTP_ACCEPT_ENCODING'))

    def trace(self):
        """The fields of a message that carry the request's trace on, a dict."""
        meta = self._request.META
        return tracing.fields(_latin(meta.get('HTTP_TRACEPARENT')), _latin(meta.get('HTTP_TRACESTATE')))

    def answer(self, fields):
        """A response: sent later by the server, or with the upstream's answer in it."""
        offloaded = conf.offloads() and getattr(self._request, 'reply_channel', None) is not None
        if offloaded:
            from channels_async.handoff import HandOff

            return HandOff(self._request, fields)
        from channels_async.inline import respond

        return respond(fields, can_abort=not hasattr(self._request, 'reply_channel'))

    def incoming(self):
        """The browser's request, for forward()."""
        return forwarding.of_view(self._request)

    def refuse(self, fields, status, reason):
        """A response that says why the operation is not done."""
        from channels_async.inline import forms

        return forms.failed(fields, status, reason)

    def layer(self):
        """What messages are sent on."""
        message = getattr(self._request, 'message', None)  # there is none under WSGI
        return getattr(message, 'channel_layer', None) or _default_layer()


class ConsumerCaller(object):
    """A consumer with its message, or with the content of a message of daphne's."""

    def __init__(self, message):
        self._message = message
        self._reply_channel = _latin(message.get('reply_channel'))
        websocket = _is_of_a_websocket(message)
        #: The first is what the answer has unless somebody says otherwise.
        self.formats = ('websocket', 'http', 'message') if websocket else ('http', 'websocket', 'message')
        self.method = text(_latin(message.get('method')) or '').upper()
        self.accept_encoding = None
        for name, value in message.get('headers') or ():
            # A frame could not say how it is compressed.
            if not websocket and _latin(name).lower() == 'accept-encoding':
                self.accept_encoding = _latin(value)

    def trace(self):
        """The fields of a message that carry the trace of the browser's request on, a dict."""
        headers = {_latin(name).lower(): _latin(value) for name, value in self._message.get('headers') or ()}
        return tracing.fields(headers.get('traceparent'), headers.get('tracestate'))

    def answer(self, fields):
        """Put the operation on the layer, or do it and send the answer. Returns None."""
        if not self._reply_channel:
            raise ValueError(
                'the message has no reply_channel, so nobody could get the answer; reply_to= may name one'
            )
        if conf.offloads():
            from channels_async import sending

            sending.hand_off(self.layer(), self._reply_channel, fields, list, conf.client_settings())
        else:
            from channels_async.inline import forms

            forms.answer(self.layer(), self._reply_channel, fields)

    def cancel(self):
        """Have the servers stop what they do for this browser."""
        if not self._reply_channel:
            raise ValueError('the message has no reply_channel, so nobody can be told which browser it is of')
        if conf.offloads():
            from channels_async import sending

            sending.cancel(self.layer(), text(self._reply_channel), conf.client_settings())

    def incoming(self):
        """The browser's request, for forward()."""
        return forwarding.of_message(self._message)

    def refuse(self, fields, status, reason):
        """Send the answer that says why the operation is not done."""
        from channels_async.inline import forms

        forms.refuse(self.layer(), self._reply_channel, fields, status, reason)

    def layer(self):
        """What messages are sent on."""
        return getattr(self._message, 'channel_layer', None) or _default_layer()


class Nobody(object):
    """Code that nobody waits for, such as a management command; the answer goes elsewhere."""

    formats = ()
    method = ''
    accept_encoding = None

    def trace(self):
        """The fields of a message that carry a trace on, a dict."""
        return tracing.fields(None, None)

    def incoming(self):
        raise TypeError('request must be the request that is to be forwarded, not None')

    def layer(self):
        """What messages are sent on."""
        return _default_layer()


def _default_layer():
    from channels import DEFAULT_CHANNEL_LAYER, channel_layers

    return channel_layers[DEFAULT_CHANNEL_LAYER]


def _is_of_a_websocket(message):
    """Whether a message, or its content, is one of daphne's websocket.* (daphne/ws_protocol.py:70-219)."""
    channel = getattr(message, 'channel', None)
    if channel is not None and channel.name.startswith('websocket.'):
        return True
    return message.get('order') is not None and message.get('method') is None


def is_message(value):
    """Whether `value` is a message of channels, or the content of one."""
    return hasattr(value, 'channel_layer') or (isinstance(value, dict) and 'reply_channel' in value)


def _latin(value):
    return value.decode('latin-1') if isinstance(value, bytes) else value
