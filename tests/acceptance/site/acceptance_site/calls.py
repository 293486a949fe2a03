"""Views that have functions called; async_ops.py has the functions, which only the server can import."""

from __future__ import unicode_literals

import datetime
import json

from django.http import HttpResponse
from django.views.decorators.csrf import csrf_exempt

from channels_async.client.client import client


@csrf_exempt
def call(request, function):
    """The function of that name, with the query's `args` (JSON) and `timeout`."""
    timeout = request.GET.get('timeout')
    return client.call(
        request, str(function), json.loads(request.GET.get('args', '[]')),
        timeout=float(timeout) if timeout else None,
    )


def told(request):
    """What a view is told that passes what no message carries."""
    try:
        return client.call(request, 'given', [{'when': datetime.datetime(2020, 1, 1)}])
    except TypeError as error:
        return HttpResponse('{}'.format(error), content_type='text/plain')
