"""What the index shows: what a page is about, its path, and a line on it."""

from __future__ import unicode_literals

PAGES = [
    ('REQUEST', [
        ('/offloaded/', 'a slow upstream, asked by the server: the worker is free again at once'),
        ('/blocking/', 'the same, asked by the worker: it waits, and everybody else with it'),
        ('/raw/', 'offloaded by a consumer, without the request and the middleware of Django'),
        ('/quick/', 'needs nothing but a free worker; try it while the others wait'),
    ]),
    ('FORWARD', [
        ('/forward/echo/anything?a=1', 'your own request, as the upstream got it'),
        ('/forward/bytes/50000000', 'a large download, streamed'),
        ('/upload/', 'a large upload, streamed'),
        ('/events/', 'server-sent events of the upstream, shown by a little JavaScript'),
    ]),
    ('CALL', [
        ('/call/async/', 'an async function of the server, which asks the slow upstream'),
        ('/call/thread/?number=100', 'a plain function, in a thread of the server'),
        ('/call/stream/', 'an async generator: five lines, one after the other'),
    ]),
    ('COMMAND', [
        ('/command/?to=10', 'what a command line prints, as it comes'),
    ]),
    ('WebSockets and consumers', [
        ('/socket/', 'a WebSocket whose consumer offloads; the frame comes from the server'),
        ('/notify/?text=hello', 'sends to an async consumer on the server, which tells all WebSockets'),
    ]),
    ('Upstreams that fail, or must not be asked', [
        ('/retries/', 'a failing upstream, asked three times within the deadline'),
        ('/breaker/', 'an upstream that is down; after five failures it is left alone for a second'),
        ('/refused/', 'an address that EGRESS forbids: 403, and nothing was sent'),
    ]),
    ('Where the answer goes', [
        ('/report/', 'to a consumer of the site, which stores it; the page tells where it will be shown'),
        ('/forget/', 'nowhere: fire and forget'),
    ]),
]  # fmt: skip
