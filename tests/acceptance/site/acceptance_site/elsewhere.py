"""Views and consumers whose answers go elsewhere: to a consumer of the site, to a WebSocket, to nobody."""

from __future__ import unicode_literals

import json

import requests
from django.conf import settings
from django.http import HttpResponse, JsonResponse

from acceptance_site.models import Note, Result
from channels_async.client.client import client

RESULTS = 'process.result'


def process(request, path):
    """Answer at once, with the id of what the consumer will get the answer of."""
    timeout = float(request.GET.get('timeout', 60))
    id = client.request(request, settings.UPSTREAM + path, reply_to=RESULTS, timeout=timeout)
    return HttpResponse(id, content_type='text/plain')


def store_result(message):
    """The consumer: several workers might have the other pieces."""
    Result.objects.create(
        operation=message['id'], index=message['index'], status=message['status'],
        size=len(message['content']), begin=message['content'][:200].decode('utf-8', 'replace'),
        is_last=not message['more_content'], error=message.get('error', ''),
    )  # fmt: skip


def results(request, id):
    """What the consumer has stored of an operation."""
    fields = ('operation', 'index', 'status', 'size', 'begin', 'is_last', 'error')
    pieces = Result.objects.filter(operation=id).order_by('index')
    return JsonResponse({'pieces': list(pieces.values(*fields))})


def fire(request, path):
    client.request(request, settings.UPSTREAM + path, method='POST', data='fired', reply_to=None)
    return HttpResponse('on its way')


def fire_and_fail(request, path):
    """ATOMIC_REQUESTS rolls back, so nothing leaves."""
    client.request(request, settings.UPSTREAM + path, reply_to=None)
    raise RuntimeError('after the request was made')


def fire_in_a_long_transaction(request, text):
    """The upstream hears of the transaction's inside before it gets what leaves at its end."""
    Note.objects.create(text=text)
    client.request(request, settings.UPSTREAM + '/echo/committed', reply_to=None)
    requests.get(settings.UPSTREAM + '/delay/1')
    requests.get(settings.UPSTREAM + '/echo/still-inside')
    return HttpResponse('committed')


# --- WebSockets ---------------------------------------------------------------------------------------


def accept(message):
    message.reply_channel.send({'accept': True})


def fetch_on_connect(message):
    """Nobody has accepted it yet: the first frame does."""
    client.request(message, settings.UPSTREAM + '/echo/early')


def fetch(message):
    """What is asked for in a frame: {"url": path at the upstream}, or {"call": a function, "args": [...]}."""
    asked = json.loads(message['text'])
    if 'call' in asked:
        client.call(message, asked['call'], asked['args'])
    else:
        client.request(message, settings.UPSTREAM + asked['url'], timeout=asked.get('timeout'))
