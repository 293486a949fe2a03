"""Settings by host: `api.example.org`, `*.example.org`, each with or without a port; the closest counts."""

from __future__ import unicode_literals

from channels_async.egress_rules import name_matches


def split_port(pattern):
    """(host in lower case, port or None) of a pattern; an IPv6 address with a port has brackets."""
    host, colon, port = pattern.rpartition(':')
    if colon and port.isdigit() and (':' not in host or host.endswith(']')):
        return host.strip('[]').lower(), int(port)
    return pattern.strip('[]').lower(), None


def closest(patterns, host, port):
    """The one of `patterns` that fits best, or None.

    A host comes before a domain, then one with a port before one without, then the longest.
    """
    fitting = []
    for pattern in patterns:
        name, own_port = split_port(pattern)
        if own_port in (None, port) and name_matches(name, host):
            fitting.append((not name.startswith('*.'), own_port is not None, len(name), pattern))
    return max(fitting)[-1] if fitting else None
