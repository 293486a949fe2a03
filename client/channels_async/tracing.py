"""The trace that an operation belongs to: that of the request, or the span of OpenTelemetry that is open."""

from __future__ import unicode_literals

import sys

from channels_async import conf
from channels_async.trace_rules import trace_fields


def fields(traceparent, tracestate):
    """The fields of a message that carry the trace on: a dict, empty where there is none.

    traceparent, tracestate  headers of the browser's request, texts or None
    """
    if not conf.traces():
        return {}
    carrier = {'traceparent': traceparent, 'tracestate': tracestate}
    propagate = sys.modules.get('opentelemetry.propagate')  # not imported is not used
    if propagate is not None:
        here = {}
        propagate.inject(here)
        if 'traceparent' in here:
            carrier = here
    return trace_fields(carrier.get('traceparent'), carrier.get('tracestate'))
