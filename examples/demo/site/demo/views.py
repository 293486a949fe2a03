"""The same slow request twice: handed to the Trio server, and done by the worker."""

from __future__ import unicode_literals

import requests
from django.conf import settings
from django.http import HttpResponse

from channels_async.client.client import client

INDEX = """<!doctype html>
<title>channels_async</title>
<h1>One worker, one slow upstream</h1>
<p>The upstream takes {seconds} s. Open each several times at once:</p>
<ul>
<li><a href="/offloaded/">offloaded</a>: the worker is free again at once
<li><a href="/blocking/">blocking</a>: the worker waits, and everybody else with it
<li><a href="/raw/">raw</a>: offloaded by a consumer, without Django's request and middleware
<li><a href="/quick/">quick</a>: needs nothing but a free worker
</ul>
"""


def upstream_url():
    return '{}/delay/{}'.format(settings.UPSTREAM, settings.UPSTREAM_DELAY)


def index(request):
    return HttpResponse(INDEX.format(seconds=settings.UPSTREAM_DELAY))


def offloaded(request):
    return client.request(request, url=upstream_url())


def blocking(request):
    answer = requests.get(upstream_url(), timeout=30)
    return HttpResponse(answer.content, content_type=answer.headers['Content-Type'])


def quick(request):
    return HttpResponse('quick\n', content_type='text/plain')
