"""Checks of single fields, shared by both versions of the contract. Each returns the checked value."""

from __future__ import unicode_literals

import re

from channels_async._py23 import integers, quote, text, unquote, urlsplit
from channels_async.wire import limits
from channels_async.wire.model import BadMessage

REPLY_FORMATS = ('http', 'websocket', 'message', 'none')

# One `?` or `!` at most, and no `?` at the end (asgiref/base_layer.py:104, narrowed to ASCII as the
# specification has it).
_CHANNEL_NAME = re.compile(r'[a-zA-Z0-9\-_.]+(?:![a-zA-Z0-9\-_.]*|\?[a-zA-Z0-9\-_.]+)?\Z').match
_ID = re.compile(r'[A-Za-z0-9_.\-]+\Z').match
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+\-.^_`|~]+\Z")  # RFC 9110 section 5.6.2
_HEADER_NAME = re.compile(br"[A-Za-z0-9!#$%&'*+\-.^_`|~]+\Z")
_HEADER_FAULT = re.compile(br'[\x00-\x08\x0a-\x1f\x7f]').search  # RFC 9110 section 5.5: no controls but HTAB
_HOST_HEADER = re.compile(br'(?:[A-Za-z0-9._~\-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?\Z')
_URL_FAULT = re.compile('[\x00-\x1f\x7f]')
_NOT_URI = re.compile(r'[^!#-;=?-\[\]_a-z~]+|%(?![0-9A-Fa-f]{2})')  # what RFC 3986 has no place for
_ADDRESS = re.compile(
    r'(?:(?P<literal>\[[0-9a-fA-F]*:[0-9a-fA-F:.]*\])|(?P<host>[^\[\]:]+))(?::(?P<port>[0-9]{0,5}))?\Z'
)
_HOST = re.compile(r'[a-zA-Z0-9_.\-]+\Z')
# A URL of which as_url() changes nothing but the origin (the first group): it has neither userinfo nor
# fragment nor anything to be percent-encoded. The alternatives have no character in common, so that even
# one that does not match is read in linear time.
_PLAIN_URL = re.compile(
    r'(https?://[a-zA-Z0-9_.\-]{1,255}(?::[0-9]{1,5})?)'
    r'(?:[/?][!$&-;=?-\[\]_a-z~]*(?:%[0-9A-Fa-f]{2}[!$&-;=?-\[\]_a-z~]*)*)?\Z'
).match
_UNPRINTABLE = re.compile(r'[^ -~]')
_INFINITY = float('inf')
NOT_PRINTED = re.compile(r'[^!-~]')  # in a URL
_MAX_HOST = 255  # characters; the idna codec takes quadratic time on more
_USUAL_METHODS = frozenset(('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'))

# What has been found good before, as the same hosts and names come again and again. Bounded, for it comes
# from outside; cleared when full, which threads may do at once.
_MAX_REMEMBERED = 1000  # in each of these
_MAX_NAME = 64  # bytes of the name of a header that is remembered
_header_names = {}  # to themselves
_origins = {}  # of URLs as they were written, to what is sent


def check_channel_name(name):
    """Whether a message can be sent to the channel `name` (any object), by asgiref's rules in ASCII."""
    return (
        isinstance(name, text)
        and len(name) <= limits.MAX_CHANNEL_NAME
        and _CHANNEL_NAME(name) is not None
    )


def shown(value):
    """A short form of a name that came from outside, for an error text."""
    if isinstance(value, bytes):
        value = value.decode('utf-8', 'replace')
    if not isinstance(value, text):
        return 'of type {}'.format(type(value).__name__)
    short = value if len(value) <= 40 else value[:40] + '...'
    return "'{}'".format(_UNPRINTABLE.sub('?', short))


def wrong_type(field, expected, value):
    return BadMessage(
        '{} must be {}, not {}'.format(field, expected, type(value).__name__), wrong_type=True
    )


def as_text(field, value):
    """Text as it is, bytes decoded as UTF-8."""
    if isinstance(value, text):
        return value
    if isinstance(value, bytes):
        try:
            return value.decode('utf-8')
        except UnicodeDecodeError:
            raise BadMessage('{} is not UTF-8'.format(field))
    raise wrong_type(field, 'text', value)


def as_bool(field, value):
    if not isinstance(value, bool):
        raise wrong_type(field, 'true or false', value)
    return value


def as_integer(field, value, most):
    if type(value) is int and 0 <= value <= most:
        return value
    if isinstance(value, bool) or not isinstance(value, integers):
        raise wrong_type(field, 'an integer', value)
    if not 0 <= value <= most:
        raise BadMessage('{} must be from 0 to {}'.format(field, most))
    return int(value)


def as_number(field, value):
    """A finite float; neither bool nor NaN nor beyond the range of floats."""
    if not isinstance(value, float) and (isinstance(value, bool) or not isinstance(value, integers)):
        raise wrong_type(field, 'a number', value)
    try:
        number = float(value)
    except OverflowError:
        number = _INFINITY
    if not -_INFINITY < number < _INFINITY:  # nor is NaN
        raise BadMessage('{} must be a finite number'.format(field))
    return number


def as_timeout(field, value):
    """Seconds > 0, or None."""
    if value is None:
        return None
    number = as_number(field, value)
    if number <= 0:
        raise BadMessage('{} must be a number of seconds > 0'.format(field))
    return number


def as_id(field, value):
    if not isinstance(value, text):
        value = as_text(field, value)
    if len(value) > limits.MAX_ID or not _ID(value):
        raise BadMessage('{} must be 1 to {} letters, digits or _.-'.format(field, limits.MAX_ID))
    return value


def as_method(field, value):
    """Upper case. CONNECT asks for a tunnel, which no answer on a reply channel can be."""
    if isinstance(value, text) and value in _USUAL_METHODS:
        return value
    method = as_text(field, value).upper()
    if len(method) > limits.MAX_METHOD or not _TOKEN.match(method):
        raise BadMessage('{} {} is not an HTTP method'.format(field, shown(method)))
    if method == 'CONNECT':
        raise BadMessage('{} CONNECT is not supported'.format(field))
    return method


def _check_header_name(field, name):
    if not _HEADER_NAME.match(name):
        # A whole line may have been given for a name: what would be its value is not shown.
        begin, colon, _ = name.partition(b':')
        raise BadMessage('{}: {} is not a header name'.format(field, shown(begin + colon)))
    if len(name) <= _MAX_NAME:
        _remember(_header_names, name, name)


def _remember(known, key, value):
    """Put it into one of the bounded dicts above."""
    if len(known) >= _MAX_REMEMBERED:
        known.clear()
    known[key] = value


def as_headers(field, value):
    """A list of [bytes, bytes] as a list of (bytes, bytes).

    Each has a token as name and nothing in the value that could start another line.
    """
    if not isinstance(value, (list, tuple)):
        raise wrong_type(field, 'a list of [name, value]', value)
    if len(value) > limits.MAX_HEADERS:
        raise BadMessage('{} has more than {} headers'.format(field, limits.MAX_HEADERS))
    headers = []
    length = 0
    for pair in value:
        if (type(pair) is not list and not isinstance(pair, (list, tuple))) or len(pair) != 2:
            raise BadMessage('{} must be a list of [name, value]'.format(field), wrong_type=True)
        name, content = pair
        if not isinstance(name, bytes) or not isinstance(content, bytes):
            wrong = content if isinstance(name, bytes) else name
            raise wrong_type('{}: each name and value'.format(field), 'bytes', wrong)
        if name not in _header_names:
            _check_header_name(field, name)
        content = content.strip(b' \t')
        if _HEADER_FAULT(content):
            raise BadMessage('{}: the value of {} holds control characters'.format(field, shown(name)))
        headers.append((name, content))
        length += len(name) + len(content)
    if length > limits.MAX_HEADER_BYTES:
        raise BadMessage('{} are longer than {} bytes'.format(field, limits.MAX_HEADER_BYTES))
    return headers


def as_request_headers(field, value):
    """As as_headers; a Host is there once at most, and nothing but host and port (RFC 9112 section 3.2)."""
    headers = as_headers(field, value)
    hosts = [content for name, content in headers if len(name) == 4 and name.lower() == b'host']
    if len(hosts) > 1 or (hosts and not _HOST_HEADER.match(hosts[0])):
        raise BadMessage('{}: Host must be given once, as a host with an optional port'.format(field))
    return headers


def as_url(field, value):
    """(url, auth): an ASCII http(s) URI without userinfo; (user, password) or None.

    Non-ASCII characters are percent-encoded as UTF-8 (RFC 3987 section 3.1), those of the host by IDNA.
    """
    plain = _PLAIN_URL(value) if isinstance(value, text) and len(value) <= limits.MAX_URL else None
    if plain is not None:
        origin = _origins.get(plain.group(1))
        if origin is not None:
            return origin + value[plain.end(1):], None
    value = as_text(field, value).strip(' \t\r\n')
    if len(value) > limits.MAX_URL:
        raise BadMessage('{} is longer than {} characters'.format(field, limits.MAX_URL))
    if _URL_FAULT.search(value):
        raise BadMessage('{} holds control characters'.format(field))
    try:
        parts = urlsplit(value)
    except ValueError:
        raise BadMessage('{} is not a valid URL'.format(field))
    scheme = parts.scheme.lower()
    if scheme not in ('http', 'https'):
        raise BadMessage('{} must start with http:// or https://, not {}'.format(field, shown(scheme)))
    userinfo, found, address = parts.netloc.rpartition('@')
    netloc = _netloc(field, address)
    if plain is not None:
        _remember(_origins, plain.group(1), '{}://{}'.format(scheme, netloc))
    # Each replacement has three characters or more, so one more than these is too long in any case.
    most = limits.MAX_URL // 3 + 1
    rest = [_NOT_URI.sub(_percent, part, most) for part in (parts.path, parts.query, parts.fragment)]
    # Not urlunsplit: it would drop the question mark of an empty query, which some signatures cover.
    path, query, fragment = rest
    url = '{}://{}{}'.format(scheme, netloc, path)
    url += '?' + query if query or '?' in value.partition('#')[0] else ''
    url += '#' + fragment if fragment else ''
    if len(url) > limits.MAX_URL:
        raise BadMessage('{} is longer than {} characters'.format(field, limits.MAX_URL))
    return url, _userinfo(userinfo) if found else None


def _percent(match):
    return quote(match.group(), '')


def _netloc(field, address):
    """Host and port in their plain form. Python 2's own split lets ports above 65535 and `[x]` pass."""
    found = _ADDRESS.match(address)
    if found is None or int(found.group('port') or 1) not in range(1, 65536):
        raise BadMessage('{} has no host or no usable port'.format(field))
    host = found.group('literal') or _ascii_host(field, found.group('host'))
    return host.lower() + (':{}'.format(int(found.group('port'))) if found.group('port') else '')


def _ascii_host(field, host):
    if len(host) > _MAX_HOST:
        raise BadMessage('{} has a host name longer than {} characters'.format(field, _MAX_HOST))
    try:
        ascii_host = host.encode('idna').decode('ascii')
    except UnicodeError:
        raise BadMessage('{} has a bad host name'.format(field))
    if _HOST.match(ascii_host) is None:
        raise BadMessage('{} has a bad host name'.format(field))
    return ascii_host


def _userinfo(userinfo):
    user, _, password = userinfo.partition(':')
    return unquote(user), unquote(password)
