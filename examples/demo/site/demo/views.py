"""A page for each operation; demo/pages.py lists them."""

from __future__ import unicode_literals

import requests
from channels import Channel
from django.conf import settings
from django.core.cache import cache
from django.http import HttpResponse
from django.shortcuts import render

from channels_async.client.client import client
from demo.pages import PAGES

SLOWEST = 20.0  # seconds

#: Of the index: nothing but its own files and its WebSockets.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self' ws://{}; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def index(request):
    response = render(request, 'index.html', {'pages': PAGES, 'seconds': settings.UPSTREAM_DELAY})
    response['Content-Security-Policy'] = CONTENT_SECURITY_POLICY.format(request.get_host())
    return response


def slow_url(seconds=None):
    """Of the upstream, which takes so long; text or None: what run.py was told."""
    try:
        delay = min(SLOWEST, max(0.0, float(seconds)))
    except (TypeError, ValueError):
        delay = settings.UPSTREAM_DELAY
    return '{}/delay/{}'.format(settings.UPSTREAM, delay)


def quick(request):
    return HttpResponse('quick\n', content_type='text/plain')


def blocking(request):
    answer = requests.get(slow_url(request.GET.get('seconds')), timeout=30)
    return HttpResponse(answer.content, content_type=answer.headers['Content-Type'])


def offloaded(request):
    return client.request(request, url=slow_url(request.GET.get('seconds')))


def forward(request, path):
    return client.forward(request, settings.UPSTREAM + '/', path=path)


def status(request, number, path):
    """A page of one of the servers; settings name the sockets that such hosts are."""
    return client.forward(request, 'http://status-{}.demo/'.format(number), path=path)


def call_async(request):
    return client.call(request, 'page.status', [slow_url(request.GET.get('seconds'))])


def call_thread(request):
    return client.call(request, 'primes.below', [int(request.GET.get('number', 100))])


def call_stream(request):
    return client.call(request, 'clock.ticks', kwargs={'count': 5})


def command(request):
    return client.command(request, 'count', {'to': request.GET.get('to', '10')})


def slow_command(request):
    return client.command(request, 'count.slowly', {'to': request.GET.get('to', '40')})


def notify(request):
    Channel('demo.notify').send({'text': request.GET.get('text', 'hello')})
    return HttpResponse('sent to the channel demo.notify\n', content_type='text/plain')


def timeout(request):
    return client.request(request, url=settings.UPSTREAM + '/hang', timeout=3)


def retries(request):
    return client.request(request, url=settings.UPSTREAM + '/status/503', retries=2)


def breaker(request):
    return client.request(request, url='http://127.0.0.1:1/')  # where nobody listens


def refused(request):
    return client.request(request, url='http://169.254.169.254/latest/meta-data/')


def report(request):
    """Ask for something whose answer goes to a consumer of the site's own, consumers.store_report."""
    operation = client.request(request, url=slow_url(), reply_to='demo.report')
    return HttpResponse('/report/{}/\n'.format(operation), content_type='text/plain', status=202)


def show_report(request, operation):
    stored = cache.get(operation)
    text = 'not yet\n' if stored is None else stored
    return HttpResponse(text, content_type='text/plain', status=200 if stored is not None else 404)


def forget(request):
    """Ask for something that nobody waits for."""
    client.request(request, url=settings.UPSTREAM + '/echo/forgotten', method='POST', reply_to=None)
    return HttpResponse('done, or not: nobody will hear\n', content_type='text/plain', status=202)
