"""Views that offload: each a thing that sites do."""

from __future__ import unicode_literals

from channels import Channel
from django.conf import settings
from django.http import HttpResponse
from django.middleware.csrf import get_token
from django.views.decorators.csrf import csrf_exempt

from acceptance_site.models import Note
from channels_async.client.client import client


@csrf_exempt
def ask(request, path):
    """The upstream's `path`, with the browser's own method, query and body."""
    query = request.META['QUERY_STRING']
    return client.request(
        request,
        url=settings.UPSTREAM + path + ('?' + query if query else ''),
        method=request.method,
        data=request.body or None,
        headers={'X-Way': 'view', 'Content-Type': request.META.get('CONTENT_TYPE') or 'text/plain'},
    )


@csrf_exempt
def form(request):
    """Everything that requests knows of, at once."""
    return client.request(
        request,
        settings.UPSTREAM + '/echo/form',
        method='POST',
        params=[('a', '1'), ('a', '2 3')],
        headers={'X-Token': 's3cret'},
        data={'k': 'v&w', 'e': 'caf\xe9'},
        cookies={'theirs': 'abc'},
        auth=('anna', 'geheim'),
    )


def decorated(request):
    """What a view and the middleware put on a response."""
    request.session['seen'] = True
    get_token(request)
    headers = 'X-A=1&X-A=2&Set-Cookie=theirs%3D1&Vary=Accept'
    response = client.request(request, settings.UPSTREAM + '/headers?' + headers)
    response['X-View'] = 'decorated'
    response.set_cookie('ours', 'caf', max_age=60)
    return response


def note(request, text):
    Note.objects.create(text=text)
    return client.request(request, settings.UPSTREAM + '/gate')


def broken(request, text):
    Note.objects.create(text=text)
    client.request(request, settings.UPSTREAM + '/echo/broken')
    raise RuntimeError('after the request was made, before it was returned')


def late(request):
    return client.request(request, settings.UPSTREAM + '/hang', timeout=0.5)


def wrong(request):
    try:
        return client.request(request, settings.UPSTREAM + '/echo', tiemout=5)
    except TypeError as error:
        return HttpResponse('{}'.format(error), content_type='text/plain')


def quick(request):
    return HttpResponse('quick\n', content_type='text/plain')


def tell(request, room):
    """Everybody in the room gets the text, from a consumer of the Trio server."""
    Channel('notify').send({'room': room, 'text': request.GET['text']})
    return HttpResponse(status=202)
