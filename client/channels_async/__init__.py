"""Hand slow requests of a Django site with Channels 1.x to a Trio server, and free the worker at once.

    from channels_async.client.client import client

    def get_some_url(request):
        return client.request(request, url='https://github.com/')

Layers of this package; each imports only from those below it:

    apps                    the app of INSTALLED_APPS
    checks, management      Django's system checks and commands
    seen                    what the site sees of the servers in Redis
    client, server          what a project imports; what projects of 2017 import
    callers                 who asks, a view or a consumer, and how each gets its answer
    elsewhere               answers that go to a channel of the project's own, or to nobody
    handoff, inline         the response that is sent later; the same operation done in the view
    sending, fetching       an operation to the layer; a response from the upstream
    attempts                trying a request again
    uploading               a large body beside its operation
    patience                how long a worker may wait for a full channel
    preparing, calling, forwarding   the caller's arguments: those of request(), of call(), of forward()
    commanding, settled     those of command(); content that middleware leaves alone
    tracing                 the trace of whoever asks
    upstream_errors         what goes wrong with an upstream, in the words of the server
    reaching                how an upstream is reached: the settings EGRESS, HTTP and TLS
    reading                 the bytes of a response: neither Django nor sockets
    conf                    the settings
    call_rules              which functions a module offers, and what is said of one that fails: no Django
    result_rules            what a function's return value is as a response: no Django
    forward_rules           what a reverse proxy makes of a request and its answer: pure functions, no Django
    http_rules              what both ends do with redirects and headers: pure functions, no Django
    frame_rules             what an answer looks like in a frame of a WebSocket: pure functions, no Django
    retry_rules             which requests both ends try again, and when: pure functions, no Django
    proxy_rules             which proxy both ends reach an upstream through: pure functions, no Django
    host_patterns           settings by host: pure functions, no Django
    report_text             the same as tables: pure functions, no Django
    report_rules            what servers' reports say together: pure functions, no Django
    redis_rules             what can be wrong with a Redis, by what is seen there: pure functions, no Django
    report_bounds           what is taken of a report that lies in Redis: pure functions, no Django
    check_rules             what can be wrong though each setting is valid: pure functions, no Django
    egress_rules            which upstreams both ends may reach: pure functions, no Django
    command_rules, process_groups, stderr_lines   what both ends do with commands: no Django
    wire                    the contract with the server: pure functions, no Django
    trace_rules             which trace an operation belongs to: pure functions, no Django
    _py23                   the one place that knows which Python this is

Importing this package imports neither Django nor channels.
"""

from __future__ import unicode_literals

__version__ = '2.0.0'

#: For Django before 3.2.
default_app_config = 'channels_async.apps.ChannelsAsyncConfig'

# Names of 2017, kept for code that imports them. New code uses channels_async.wire.
ASYNC_CHANNEL = 'request.async'
OPERATION_TYPES = ('REQUEST', 'FORWARD', 'CALL', 'COMMAND')
