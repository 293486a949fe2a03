"""Steps 1 and 2: who orders waits until everybody has been told."""

from __future__ import unicode_literals

import uuid

import requests
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from bakery.notifying import SCALE, TOLD, UPSTREAM, address


def index(request):
    told = [(who, seconds * SCALE) for who, seconds in TOLD]
    return render(request, 'index.html', {'told': told, 'all_seconds': sum(seconds for _, seconds in told)})


@require_POST
def order(request):
    number = new_number()
    for who, _ in TOLD:
        tell(who, number)
    return taken(number)


def delivered(request):
    """How many notifications have arrived. Needs nothing but a free worker."""
    counters = requests.get(UPSTREAM + '/statistics', timeout=5).json()
    text = '{answered} delivered, {at_once} on their way\n'.format(**counters)
    return HttpResponse(text, content_type='text/plain')


def tell(who, number):
    requests.get(address(who, number), timeout=60).raise_for_status()


def new_number():
    return uuid.uuid4().hex[:8]


def taken(number):
    return HttpResponse('order {} taken\n'.format(number), content_type='text/plain')
