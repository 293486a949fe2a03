"""ONE table of what upstreams do and what must come of it: for the HTTP client, the whole server and the
inline form alike. test_cases.py beside this package, in tests/acceptance/server and in tests/client play it.

Python 2.7 reads these files.
"""

from __future__ import unicode_literals

from . import bodies, failures, framing, headers, redirects, requests, retries

CASES = (
    framing.CASES + bodies.CASES + headers.CASES + requests.CASES + redirects.CASES + failures.CASES
    + retries.CASES
)  # fmt: skip

#: Rows of the list (FACTS, section 6) that are no single request and its response, and where each is held.
ELSEWHERE = {
    '6.0': 'tests/compat/test_shims.py: asks is importable beside today\'s Trio',
    '6.10': 'tests/http/test_reuse.py: connections are reused',
    '6.11': 'tests/http/test_pool.py, test_reuse.py: places for each origin, idle limit and expiry',
    '6.12': 'tests/http/test_reuse.py: what met a closed connection is sent again, once, where it is safe',
    '6.14': 'tests/http/test_responses.py: cancellation closes the connection',
    '6.15': 'tests/http/test_tls.py: certificates, host names, truncation',
}
