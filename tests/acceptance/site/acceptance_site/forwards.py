"""Views and consumers that forward: the site as a reverse proxy of the upstream."""

from __future__ import unicode_literals

from django.conf import settings
from django.views.decorators.csrf import csrf_exempt

from channels_async.client.client import client

PIECE = b'0123456789abcdef' * 16384  # 256 KiB


@csrf_exempt
def proxy(request, path):
    """All that is below /forward/."""
    return client.forward(request, settings.UPSTREAM + '/', path=path)


@csrf_exempt
def form(request):
    """The view reads the form first, as a view may; middleware adds a cookie."""
    request.session['seen'] = request.POST.get('a')
    return client.forward(
        request, settings.UPSTREAM + '/echo', headers={'X-User': 'anna'}, remove_headers=['Cookie'],
        preserve_host=True,
    )  # fmt: skip


def rewritten(request):
    """Cookies and redirects of the upstream become the site's."""
    return client.forward(
        request, settings.UPSTREAM, mount='/rewritten', cookie_domain='example.com',
    )  # fmt: skip


def consume(message):
    """A consumer with its raw message."""
    client.forward(message, settings.UPSTREAM + '/', mount='/forward-raw/')


def consume_streamed(message):
    """As from a server that puts bodies on a channel, which daphne does not: the body goes there, cut up."""
    content = dict(message.content)
    body = content.pop('body')
    layer = message.channel_layer
    content['body_channel'] = layer.new_channel('http.request.body?')
    client.forward(content, settings.UPSTREAM + '/echo/streamed')
    for begin in range(0, len(body), len(PIECE)):
        more = begin + len(PIECE) < len(body)
        layer.send(content['body_channel'], {
            'content': body[begin:begin + len(PIECE)], 'more_content': more})
