"""What a reverse proxy makes of a browser's request and of the answer to it; for both ends and inline alike.

Pure functions. RFC 9110 says which headers are for one connection only (section 7.6.1) and what Via holds
(7.6.3); X-Forwarded-* are as nginx, HAProxy and Apache have them: a list to which each proxy appends.
"""

from __future__ import unicode_literals

import re
from collections import namedtuple

from channels_async import http_rules
from channels_async._py23 import quote, text, urlsplit

#: How the browser's request came, for the headers that tell the upstream: text, or None where it is not
#: known. client is the address of the other end, without port; version that of HTTP, such as '1.1'.
Came = namedtuple(str('Came'), str('client scheme port version'))

#: By which Via names us.
PSEUDONYM = 'channels-async'

#: Of the browser's, what never goes on: Host and the body's length are said anew. daphne has answered
#: Expect already (twisted/web/http.py:2322), as any server has that hands over a body.
_SAID_ANEW = frozenset((b'host', b'content-length', b'expect'))

#: What a view may not say either: it is about a connection that it does not have.
_NOT_FOR_VIEWS = http_rules.HOP_BY_HOP | frozenset((b'content-length', b'expect'))

_TOKEN = re.compile(br"[A-Za-z0-9!#$%&'*+\-.^_`|~]+\Z")
_CONTROLS = re.compile(br'[\x00-\x08\x0a-\x1f\x7f]')
_HOST = re.compile(br'(?:[A-Za-z0-9._~\-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?\Z')
_REFERENCE = re.compile(r'(?:([A-Za-z][A-Za-z0-9+.\-]*):)?(?://([^/?#]*))?([^?#]*)', re.DOTALL)
_REFRESH = re.compile(r'([ \t]*(?:[0-9.]+[ \t]*)?[;,][ \t]*url[ \t]*=[ \t]*["\']?)([^"\']*)', re.IGNORECASE)
_NOT_IN_QUERY = re.compile(r'[^!-~]|[#"<>]')
_SEGMENT_SAFE = "/:@!$&'()*+,;=~"  # RFC 3986 section 3.3, and the slash between segments


# --- the request -----------------------------------------------------------------------------------


def below(mount, path):
    """What of `path` follows the mount, or None if it is not below. Both text; ends of segments are kept."""
    if path == mount:
        return ''
    if path.startswith(mount) and (mount.endswith('/') or path[len(mount)] == '/'):
        return path[len(mount):]
    return None


def target(base, path=None, query=b''):
    """The URL that a request goes to.

    base   text: 'http://backend:8000/api/'; its own query stays
    path   text, decoded, added to that of base with one slash between; or None. `.` and `..` are taken out,
           so that it never climbs above base (RFC 3986 section 5.2.4)
    query  bytes: the browser's, as it came
    """
    head, _, own_query = base.partition('#')[0].partition('?')
    if path is not None:
        head = _joined(head, quote(_without_dots(path), _SEGMENT_SAFE))
    queries = [part for part in (own_query, _NOT_IN_QUERY.sub(_percent, query.decode('latin-1'))) if part]
    return '?'.join([head] + (['&'.join(queries)] if queries else []))


def _percent(match):
    return '%{:02X}'.format(ord(match.group()))


def _joined(base, path):
    """Path after path with one slash between; a base of which nothing is below stays as it is."""
    if not path:
        return base
    if base.endswith('/'):
        return base + path[path.startswith('/'):]
    return base + '/' * (not path.startswith('/')) + path


def _without_dots(path):
    segments = path.split('/')
    kept = []
    for segment in segments[path.startswith('/'):]:
        if segment == '..' and kept:
            kept.pop()
        elif segment not in ('.', '..'):
            kept.append(segment)
    if segments[-1] in ('.', '..'):
        kept.append('')
    return '/' * path.startswith('/') + '/'.join(kept)


def request_headers(browser, came, given=(), removed=(), preserve_host=False):
    """What the upstream gets, as a list of (bytes, bytes): the browser's in order, duplicates kept.

    browser        list of (bytes, bytes): as they came. Names that are none are left out, control
                   characters in values become spaces (RFC 9110 section 5.5)
    came           Came
    given          list of (bytes, bytes or None): the view's, in place of all of that name; None takes away
                   what would be there, X-Forwarded-* and Via included
    removed        list of bytes: names of the browser's that do not go on. X-Forwarded-For among them
                   begins anew
    preserve_host  bool: the upstream gets the browser's Host, else its own

    Raises ValueError for a header that a view cannot give.
    """
    given = [(name, name.lower(), value) for name, value in given]
    for name, lower, _ in given:
        if lower in _NOT_FOR_VIEWS:
            raise ValueError('headers: {} is about one connection, and is said by who holds it'.format(
                name.decode('latin-1')))
    browser = [(name, name.lower(), _CONTROLS.sub(b' ', value).strip(b' \t'))
               for name, value in browser if _TOKEN.match(name)]
    hosts = [value for _, lower, value in browser if lower == b'host' and _HOST.match(value)]
    host = hosts[0] if len(hosts) == 1 else None
    dropped = http_rules.HOP_BY_HOP.union(
        (token.lower() for _, lower, value in browser if lower == b'connection' for token in _list(value)),
        (name.lower() for name in removed),
    )
    passed = [header for header in browser if header[1] not in dropped]
    added = _said_by_proxies(passed, came, host)
    decided = _SAID_ANEW.union(
        (lower for _, lower, _ in given), (name.lower() for name, _ in added if name is not None))
    headers = [(b'Host', host)] if preserve_host and host and not _has(given, b'host') else []
    headers += [(name, value) for name, lower, value in passed if lower not in decided]
    headers += [(name, value) for name, value in added if not _has(given, name.lower())]
    headers += [(name, value) for name, _, value in given if value is not None]
    return headers


def _has(headers, lower):
    return any(header[1] == lower for header in headers)


def _said_by_proxies(passed, came, host):
    """X-Forwarded-* and Via: what proxies before us said, and what we add."""
    protocol = '{} {}'.format(came.version or '1.1', PSEUDONYM)
    ours = [
        (b'X-Forwarded-For', came.client), (b'X-Forwarded-Proto', came.scheme), (b'X-Forwarded-Host', host),
        (b'X-Forwarded-Port', came.port), (b'Via', protocol),
    ]  # fmt: skip
    headers = []
    for name, value in ours:
        values = [known for _, lower, known in passed if lower == name.lower() and known]
        if value is not None:
            values.append(value if isinstance(value, bytes) else text(value).encode('ascii', 'replace'))
        if values:
            headers.append((name, b', '.join(values)))
    return headers


def _list(value):
    return [item for item in (part.strip(b' \t') for part in value.split(b',')) if item]


# --- the response ----------------------------------------------------------------------------------


def response_headers(forward, status, upstream_headers, site_headers):
    """The headers that go to the browser, as a list of (bytes lower-case name, bytes value).

    forward           wire.Forward: what the upstream was asked, and what is to be rewritten
    status            int
    upstream_headers  list of (bytes, bytes), as sent
    site_headers      list of (bytes, bytes): what views and middleware put on the response

    As http_rules.response_headers has it for an upstream of the site's own.
    """
    rewritten = [(name, _rewritten(name.lower(), value, forward)) for name, value in upstream_headers]
    return http_rules.response_headers(status, rewritten, site_headers, own=True)


def _rewritten(name, value, forward):
    if name == b'set-cookie' and forward.cookie_domain is not None:
        return cookie(value, forward.cookie_domain)
    if forward.location is None:
        return value
    if name in (b'location', b'content-location'):
        return location(value.decode('latin-1'), forward).encode('latin-1', 'replace')
    if name == b'refresh':
        found = _REFRESH.match(value.decode('latin-1'))
        if found:
            moved = location(found.group(2), forward)
            rest = value.decode('latin-1')[found.end():]
            return (found.group(1) + moved + rest).encode('latin-1', 'replace')
    return value


def cookie(value, domain):
    """A Set-Cookie (bytes) whose Domain, if it has one, is `domain` (text); '' takes it away.

    A cookie without Domain is for the site's own host alone, and stays that.
    """
    first, rest = value.split(b';')[0], value.split(b';')[1:]
    parts = [first]
    for part in rest:
        if part.partition(b'=')[0].strip().lower() != b'domain':
            parts.append(part)
        elif domain:
            parts.append(b' Domain=' + domain.encode('ascii'))
    return b';'.join(parts)


def location(reference, forward):
    """A Location (text) of the upstream as the browser has to go; one that leads elsewhere stays as it is.

    forward.location says what it begins with and what takes its place. A reference of the path alone means
    the same as one with the upstream's scheme and host; and so does one with the Host that was sent.
    """
    source, place = forward.location
    found, begins = _REFERENCE.match(reference.strip()), _REFERENCE.match(source)
    scheme, netloc, path = found.groups()
    origin = _origin(source if begins.group(2) else forward.url)
    if netloc is not None:
        sent = [value.decode('latin-1') for name, value in forward.headers if name.lower() == b'host']
        there = _origin('{}://{}'.format(scheme or origin[0], netloc))
        if there is None or (there != origin and netloc.lower() not in [host.lower() for host in sent]):
            return reference
    elif scheme is not None or not path.startswith('/'):
        return reference
    rest = below(begins.group(3) or '/', path or '/')
    if rest is None:
        return reference
    return _joined(place, rest) + reference.strip()[found.end():]


def _origin(url):
    """(scheme, host, port), or None for what is no URL of HTTP."""
    try:
        parts = urlsplit(url)
        scheme = parts.scheme.lower()
        return scheme, parts.hostname, parts.port or {'http': 80, 'https': 443}[scheme]
    except (ValueError, KeyError):
        return None
