"""Hand slow requests of a Django site with Channels 1.x to a Trio server, and free the worker at once.

    from channels_async.client.client import client

    def get_some_url(request):
        return client.request(request, url='https://github.com/')

Layers of this package; each imports only from those below it:

    client.client           what a project imports
    handoff, inline         the response that is sent later; the same operation done in the view
    preparing, conf         the caller's arguments; the settings
    wire, http_rules        the contract with the server: pure functions, no Django
    _py23                   the one place that knows which Python this is

Importing this package imports neither Django nor channels.
"""

from __future__ import unicode_literals

__version__ = '2.0.0'

# Names of 2017, kept for code that imports them. New code uses channels_async.wire.
ASYNC_CHANNEL = 'request.async'
OPERATION_TYPES = ('REQUEST',)
