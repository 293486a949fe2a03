"""W3C Trace Context: which request of a browser an operation belongs to. Pure functions, no Django.

https://www.w3.org/TR/trace-context/ (level 1). What is malformed counts as not being there, as section 3.2
has it; a tracestate without a traceparent means nothing (section 3.3).
"""

from __future__ import unicode_literals

import re

# Section 3.2.2: version, trace-id, parent-id, flags; a later version may add more. Zeros are invalid.
_TRACEPARENT = re.compile(
    r'(?!ff)[0-9a-f]{2}-(?!0{32})(?P<trace>[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-[!-~]{0,100})?\Z'
)
_VERSION_0 = re.compile(r'00-.{52}\Z')
_TRACESTATE = re.compile(r'[\t -~]{1,512}\Z')  # section 3.3.1.5: at least 512 characters are passed on


def is_traceparent(value):
    """Whether a text is the value of a traceparent header."""
    return _TRACEPARENT.match(value) is not None and (
        not value.startswith('00-') or _VERSION_0.match(value) is not None
    )


def is_tracestate(value):
    """Whether a text can be passed on as a tracestate header."""
    return _TRACESTATE.match(value) is not None


def trace_fields(traceparent, tracestate):
    """The fields of a message for two headers of a request, texts or None: a dict, empty without a trace."""
    traceparent = (traceparent or '').strip()
    tracestate = (tracestate or '').strip()
    if not is_traceparent(traceparent):
        return {}
    found = {'traceparent': traceparent}
    if is_tracestate(tracestate):
        found['tracestate'] = tracestate
    return found


def trace_headers(headers, traceparent, tracestate):
    """`headers`, a list of (bytes, bytes), with those of a trace, unless they say themselves what it is."""
    if traceparent is None or any(name.lower() == b'traceparent' for name, _ in headers):
        return headers
    added = [(b'traceparent', traceparent.encode('ascii'))]
    if tracestate is not None:
        added.append((b'tracestate', tracestate.encode('ascii')))
    return list(headers) + added


def trace_id(traceparent):
    """The 32 hex digits by which a trace is found in whatever shows it."""
    return _TRACEPARENT.match(traceparent).group('trace')
