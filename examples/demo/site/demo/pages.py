"""What the index shows: for each operation a button, its page, and a line on it."""

from __future__ import unicode_literals

from collections import namedtuple

#: name  of its button
#: path  of its page
#: line  on what it shows
#: how   static/operations.js asks: 'get', 'post' (five megabytes), 'report' (until it is there), 'socket',
#:       'sockets' (fifty questions by one WebSocket)
#: slow  whether the page's seconds are said to the upstream
Entry = namedtuple('Entry', 'name path line how slow')


def entry(name, path, line, how='get', slow=False):
    return Entry(name, path, line, how, slow)


PAGES = [
    ('REQUEST', [
        entry('Offload', '/offloaded/',
              'a slow upstream, asked by the server: the worker is free again at once',
              slow=True),
        entry('In the view', '/blocking/',
              'the same, asked by the worker: it waits, and everybody else with it, this page\'s view too',
              slow=True),
        entry('By a consumer', '/raw/',
              'offloaded by a consumer, without the request and the middleware of Django'),
        entry('Quick', '/quick/', 'needs nothing but a free worker; try it while the others wait'),
    ]),
    ('FORWARD', [
        entry('Your request', '/forward/echo/anything?a=1', 'as the upstream got it'),
        entry('Drops', '/forward/drip/40?interval=0.5', 'a stream, drop by drop; cancel it half-way'),
        entry('Download', '/forward/bytes/50000000', 'fifty megabytes, streamed'),
        entry('Upload', '/upload/', 'five megabytes, streamed; by hand, a file of yours', how='post'),
        entry('Events', '/events/', 'server-sent events of the upstream; by hand, shown as they come'),
        entry('Status page', '/status/1/', 'of the first server, by its unix socket; better by hand'),
    ]),
    ('CALL', [
        entry('Async function', '/call/async/', 'of the server, which asks the slow upstream', slow=True),
        entry('Plain function', '/call/thread/?number=100', 'in a thread of the server'),
        entry('Generator', '/call/stream/', 'an async one: five lines, one after the other'),
    ]),
    ('COMMAND', [
        entry('Count', '/command/?to=10', 'what a command line prints'),
        entry('Count slowly', '/command/slow/?to=40',
              'a line each half second; cancelled, its process is ended'),
    ]),
    ('WebSockets and consumers', [
        entry('WebSocket', '/socket/', 'whose consumer offloads; the frame comes from the server',
              how='socket', slow=True),
        entry('Fifty at once', '/socket/', 'the same, fifty questions by one WebSocket', how='sockets',
              slow=True),
        entry('Notify', '/notify/?text=hello',
              'sends to an async consumer on the server, which tells all WebSockets that are open'),
    ]),
    ('Upstreams that fail, or must not be asked', [
        entry('Time out', '/timeout/', 'an upstream that never answers, and a deadline of three seconds'),
        entry('Retry', '/retries/', 'a failing upstream, asked three times within the deadline'),
        entry('Break', '/breaker/',
              'an upstream that is down; after five failures a server leaves it alone for a second'),
        entry('Refuse', '/refused/', 'an address that EGRESS forbids: 403, and nothing was sent'),
    ]),
    ('Where the answer goes', [
        entry('Report', '/report/',
              'to a consumer of the site, which stores it; the page tells where it will be shown',
              how='report'),
        entry('Forget', '/forget/', 'nowhere: fire and forget'),
    ]),
]  # fmt: skip
