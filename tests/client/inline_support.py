"""Asking an upstream inline, as a view under WSGI does."""

from __future__ import unicode_literals

from django.test import RequestFactory
from site_support import STYLES, configured

from channels_async.client.client import client

#: Deadlines in seconds for what is to be late in its middle, not before it begins. The first is enough unless
#: the machine stands still for so long; then the next is tried.
LATE = (0.5, 5, 50)

OK = b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Up: 1\r\n\r\nhello'


def ask(url, browser='GET', deadline=None, largest=None, **arguments):
    """The response of client.request in a view under WSGI."""
    server = {'DEADLINES': {'REQUEST': deadline}} if deadline else {}
    if largest is not None:
        server['HTTP'] = {'response_body': largest}
    request = RequestFactory().generic(str(browser), str('/'))
    with configured(STYLES[-1], [], CHANNELS_ASYNC_SERVER=server):
        return client.request(request, url, **arguments)


def whole(response):
    try:
        return b''.join(response)
    finally:
        response.close()
