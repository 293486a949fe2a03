"""Views and a consumer that have command lines run."""

from __future__ import unicode_literals

from django.views.decorators.csrf import csrf_exempt

from channels_async.client.client import client


@csrf_exempt
def run(request, name):
    """The command of that name, with the query as parameters and the body, if there is one, as input."""
    response = client.command(
        request, name, request.GET.dict(), stdin=request if request.method == 'POST' else None
    )
    response['X-View'] = 'command'
    return response


def late(request):
    return client.command(request, 'family', {'file': request.GET['file']}, timeout=5)


def raw(message):
    client.command(message, 'copy', stdin=message)
