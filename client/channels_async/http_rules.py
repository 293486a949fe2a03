"""What HTTP demands of one who passes on requests and responses; shared by the server and the inline form.

Pure functions: the same answer, whether it was fetched by the server or in the view.
"""

from __future__ import unicode_literals

from channels_async._py23 import text, urljoin, urlsplit
from channels_async.wire.fields import as_url
from channels_async.wire.model import BadMessage

#: Meant for one connection, never passed on (RFC 9110 section 7.6.1, RFC 2616 section 13.5.1).
HOP_BY_HOP = frozenset((
    b'connection', b'keep-alive', b'proxy-authenticate', b'proxy-authorization', b'proxy-connection', b'te',
    b'trailer', b'trailers', b'transfer-encoding', b'upgrade',
))  # fmt: skip

#: Headers of the upstream that would speak for the whole site, with the reason why each is dropped.
#: A view or a middleware that wants one sets it on the response: the site's own headers go out.
NOT_FOR_THE_SITE = {
    b'set-cookie': 'a third party must not set cookies of the site',
    b'set-cookie2': 'a third party must not set cookies of the site',
    b'alt-svc': "would move the site's visitors to the upstream's other server",
    b'strict-transport-security': "would decide on TLS for the site's domain",
    b'public-key-pins': "would lock the site's domain to the upstream's keys",
    b'public-key-pins-report-only': "would send reports on the site's keys to the upstream",
    b'expect-ct': "would decide on certificates for the site's domain",
    b'clear-site-data': "would delete the site's cookies and storage",
    b'service-worker-allowed': "would widen what a worker script may take over on the site",
    b'nel': "would send reports on the site's visitors to the upstream",
    b'report-to': "would send reports on the site's visitors to the upstream",
    b'reporting-endpoints': "would send reports on the site's visitors to the upstream",
    b'accept-ch': "would ask the site's visitors for more about their devices",
    b'critical-ch': "would ask the site's visitors for more about their devices",
    b'origin-agent-cluster': "would decide how browsers isolate the site",
    b'access-control-allow-origin': 'who may read an answer of the site, the site decides',
    b'access-control-allow-credentials': 'who may read an answer of the site, the site decides',
    b'access-control-allow-headers': 'who may ask the site, the site decides',
    b'access-control-allow-methods': 'who may ask the site, the site decides',
    b'access-control-allow-private-network': 'who may ask the site, the site decides',
    b'access-control-expose-headers': 'who may read an answer of the site, the site decides',
    b'access-control-max-age': 'who may ask the site, the site decides',
}

#: Of the headers of the site's own upstream, those that do not go out as they came; and of any other.
_NOT_PASSED_ON_OF_OURS = HOP_BY_HOP | frozenset((b'vary', b'content-length'))
_NOT_PASSED_ON = _NOT_PASSED_ON_OF_OURS | frozenset(NOT_FOR_THE_SITE)

#: Headers of the site's placeholder that describe a connection, body or moment which are not the answer's.
_NOT_OF_THE_PLACEHOLDER = HOP_BY_HOP | frozenset((b'content-length', b'content-encoding', b'date'))

#: Headers of the site that are about the answer it wanted, not about the error that came instead.
#: Not Content-Language: LocaleMiddleware says that of every response.
_OF_THE_CONTENT = frozenset((
    b'accept-ranges', b'cache-control', b'content-disposition', b'content-location', b'content-range',
    b'content-type', b'etag', b'expires', b'last-modified', b'retry-after',
))  # fmt: skip

#: Dropped with the body when a redirect turns a request into GET (WHATWG fetch, "request-body-header name";
#: the last three make no sense without a body either).
_BODY_HEADERS = frozenset((
    b'content-encoding', b'content-language', b'content-location', b'content-type', b'content-length',
    b'transfer-encoding', b'trailer', b'expect',
))  # fmt: skip

#: Never sent to another origin than the one they were given for. Host names the origin itself.
_CREDENTIALS = frozenset((b'authorization', b'cookie', b'proxy-authorization', b'host'))

#: Of a request: what describes one connection and one message's framing, which whoever sends it makes
#: (RFC 9110 sections 7.6.1, 8.6). Expect would promise to wait for a 100, which is not done.
OF_THE_CONNECTION = frozenset((
    b'connection', b'content-length', b'expect', b'keep-alive', b'proxy-connection', b'te', b'trailer',
    b'transfer-encoding', b'upgrade',
))  # fmt: skip

_PHRASES = {
    400: 'Bad Request',
    403: 'Forbidden',
    413: 'Content Too Large',
    414: 'URI Too Long',
    431: 'Request Header Fields Too Large',
    500: 'Internal Server Error',
    501: 'Not Implemented',
    502: 'Bad Gateway',
    503: 'Service Unavailable',
    504: 'Gateway Timeout',
}


def request_headers(headers):
    """The headers of a request, list of (bytes, bytes), without those that are for one connection only."""
    named = [value.lower() for name, value in headers if name.lower() == b'connection']
    dropped = OF_THE_CONNECTION.union(*[_list(value) for value in named]) - frozenset((b'host',))
    return [(name, value) for name, value in headers if name.lower() not in dropped]


def has_body(method, status):
    """Whether a response may have content (RFC 9110 section 6.4.1). If not, it is one message without any."""
    return method != 'HEAD' and status >= 200 and status not in (204, 304)


def redirect(method, url, headers, body, status, location):
    """The request that follows a response (RFC 9110 section 15.4), or None when there is nothing to follow.

    method, url  text
    headers      list of (bytes, bytes)
    body         bytes or None
    status       int
    location     bytes, text or None: the value of the Location header

    301 and 302 turn POST into GET, 303 everything but HEAD; 307 and 308 repeat the request. Across origins
    (scheme, host, port) Authorization, Cookie, Proxy-Authorization and Host are dropped. A Location without
    a fragment inherits that of `url` (section 10.2.2); userinfo in a Location is not used.
    Raises ValueError, with a text for the client, for a Location that cannot or must not be followed.
    """
    if status not in (301, 302, 303, 307, 308) or location is None:
        return None
    if isinstance(location, bytes):
        try:
            location = location.decode('utf-8')
        except UnicodeDecodeError:
            location = location.decode('latin-1')
    location = location.strip(' \t')
    if not location:
        return None
    target = _target(url, location)
    headers = list(headers)
    if (status in (301, 302) and method == 'POST') or (status == 303 and method not in ('GET', 'HEAD')):
        method, body = 'GET', None
        headers = _without(headers, _BODY_HEADERS)
    if _origin(target) != _origin(url):
        headers = _without(headers, _CREDENTIALS)
    return method, target, headers, body


def _target(url, location):
    try:
        joined = urljoin(url, location)
        target, _ = as_url('Location', joined)
        urlsplit(target)  # on Python 3 it looks at the port as well
    except BadMessage as error:
        raise ValueError('the upstream redirects to where it cannot be followed: {}'.format(error.reason))
    except ValueError:
        raise ValueError('the upstream redirects to where it cannot be followed: Location is not a valid URL')
    if '#' in location:
        return target
    fragment = urlsplit(url).fragment
    return target + '#' + fragment if fragment else target


def _origin(url):
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    return scheme, (parts.hostname or '').lower(), parts.port or {'http': 80, 'https': 443}.get(scheme)


def _without(headers, names):
    return [(name, value) for name, value in headers if name.lower() not in names]


def response_headers(status, upstream_headers, site_headers, own=False):
    """The headers that go to the browser, as a list of (bytes lower-case name, bytes value).

    status            int
    upstream_headers  list of (bytes, bytes): as the upstream sent them; order and duplicates are kept
    site_headers      list of (bytes, bytes): what views and middleware put on the response
    own               bool: the upstream is the site's own and speaks for it

    Of the upstream: all but hop-by-hop headers, those that its Connection header names, and NOT_FOR_THE_SITE;
    these only from one of the site's own. Of the site: all but Content-Length, Content-Encoding and Date,
    which describe the placeholder. The site's replace the upstream's of the same name, except that Vary is
    the union of both, and that cookies of both are set.
    """
    # One look at each header, as this is on the way of every answer.
    site, varies = _of_the_site(site_headers)
    replaced = {name for name, _ in site if name != b'set-cookie'}
    not_passed_on = _NOT_PASSED_ON_OF_OURS if own else _NOT_PASSED_ON
    headers, aside = [], {}
    for name, value in upstream_headers:
        name = name.lower()
        if name in not_passed_on:
            aside.setdefault(name, []).append(value)
        elif name not in replaced:
            headers.append((name, value))
    if b'connection' in aside:
        named = {token.lower() for token in _items(aside[b'connection'])}
        if not named <= HOP_BY_HOP:
            headers = [pair for pair in headers if pair[0] not in named]
    if b'content-length' in aside and b'transfer-encoding' not in aside:
        headers += _content_length(status, _items(aside[b'content-length']))
    varies = aside.get(b'vary', []) + varies
    if varies:
        headers += _vary(_items(varies))
    return headers + site


def _of_the_site(site_headers):
    """What goes out of the site's headers, names in lower case; and the values of its Vary."""
    headers, varies = [], []
    for name, value in site_headers:
        name = name.lower()
        if name == b'vary':
            varies.append(value)
        elif name not in _NOT_OF_THE_PLACEHOLDER:
            headers.append((name, value))
    return headers, varies


def _list(value):
    items = [part.strip(b' \t') for part in value.split(b',')]
    return [item for item in items if item] if b'' in items else items


def _items(values):
    """What the values of headers of one name list together."""
    return _list(b','.join(values))


def _content_length(status, lengths):
    """None where it is forbidden (RFC 9110 section 8.6) or not to be trusted, and never more than one."""
    if status < 200 or status == 204 or len(set(lengths)) != 1 or not lengths[0].isdigit():
        return []
    return [(b'content-length', lengths[0])]


def _vary(items):
    names, known = [], set()
    for item in items:
        if item.lower() not in known:
            known.add(item.lower())
            names.append(item)
    if b'*' in names:
        names = [b'*']
    return [(b'vary', b', '.join(names))] if names else []


def error_response(status, reason, id, retry_after=None, site_headers=()):
    """(status, headers, body) of an answer that says what went wrong: short plain text, not to be cached.

    reason        text for the one who waits; it must not hold secrets
    id            text: the operation, by which the server's log has it; or None
    retry_after   seconds, or None; rounded up
    site_headers  list of (bytes, bytes): what the site put on the response. Cookies, Vary and policies go
                  out; what describes the content that did not come, or how long to keep it, does not
    """
    lines = ['{} {}'.format(status, _PHRASES.get(status, 'Error')), reason]
    if id:
        lines.append('operation {}'.format(id))
    body = ''.join('{}\n'.format(line) for line in lines).encode('utf-8', 'replace')
    headers = [
        (b'content-type', b'text/plain; charset=utf-8'),
        (b'content-length', text(len(body)).encode('ascii')),
        (b'cache-control', b'no-store'),
    ]
    if retry_after is not None:
        headers.append((b'retry-after', text(int(-(-retry_after // 1))).encode('ascii')))
    told = [(name, value) for name, value in site_headers if name.lower() not in _OF_THE_CONTENT]
    return status, response_headers(status, headers, told), body
