"""Settings of the Trio server, derived from the site's: python3 -m server_trio demo.server_settings

settings.example in the root of the repository explains each.
"""

import os
import sys

from demo.settings import *  # noqa: F403
from demo.settings import CACHES, CHANNEL_LAYERS

CHANNEL_LAYERS = {
    'default': {
        'BACKEND': CHANNEL_LAYERS['default']['BACKEND'],
        'CONFIG': CHANNEL_LAYERS['default']['CONFIG'],
        'ROUTING': 'demo_server.routing.channel_routing',  # the server's own consumers
    },
}

INSTALLED_APPS = []

#: Hosts that are the status pages of the servers, for which run.py gives them --status.
STATUS_SOCKETS = {
    'status-{}.demo'.format(number): os.path.join(
        CACHES['default']['LOCATION'], 'status-{}.sock'.format(number))
    for number in range(1, int(os.environ.get('DEMO_SERVERS', 1)) + 1)
}

SLOWLY = 'import sys, time\nfor n in range(int(sys.argv[1])): print(n + 1); time.sleep(0.5)'

CHANNELS_ASYNC_SERVER = {
    'DEADLINES': {'REQUEST': 30, 'default': 30},  # seconds
    'CONCURRENCY': {'total': 1000, 'per_host': 100},
    'GRACE_TIME': 5,  # seconds
    'EGRESS': {'allow': ['*.demo'], 'deny': ['link-local']},
    'HTTP': {
        'breaker_failures': 5,  # in a row
        'breaker_open': 1,  # seconds
        'unix_sockets': STATUS_SOCKETS,
    },
    'CALLS': {
        'page.status': 'demo_server.functions.page_status',
        'primes.below': 'demo_server.functions.primes_below',
        'clock.ticks': 'demo_server.functions.clock_ticks',
    },
    'COMMANDS': {
        'count.slowly': {
            'argv': [sys.executable, '-u', '-c', SLOWLY, '{to}'],
            'content_type': 'text/plain',
            'parameters': {'to': r'\d{1,2}'},
        },
        'count': {'argv': ['seq', '{to}'], 'content_type': 'text/plain', 'parameters': {'to': r'\d{1,4}'}},
    },
}
