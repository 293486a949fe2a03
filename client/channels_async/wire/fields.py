"""Checks of single fields, shared by both versions of the contract. Each returns the checked value."""

from __future__ import unicode_literals

import re

from channels_async._py23 import integers, quote, text, unquote, urlsplit
from channels_async.wire import limits
from channels_async.wire.model import BadMessage

REPLY_FORMATS = ('http', 'websocket', 'message', 'none')

# One `?` or `!` at most (asgiref/base_layer.py:104, narrowed to ASCII as the specification has it).
_CHANNEL_NAME = re.compile(r'[a-zA-Z0-9\-_.]+(?:[?!][a-zA-Z0-9\-_.]*)?\Z')
_ID = re.compile(r'[A-Za-z0-9_.\-]+\Z')
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+\-.^_`|~]+\Z")  # RFC 9110 section 5.6.2
_HEADER_NAME = re.compile(br"[A-Za-z0-9!#$%&'*+\-.^_`|~]+\Z")
_HEADER_FAULT = re.compile(br'[\x00-\x08\x0a-\x1f\x7f]')  # RFC 9110 section 5.5: no controls but HTAB
_HOST_HEADER = re.compile(br'(?:[A-Za-z0-9._~\-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?\Z')
_URL_FAULT = re.compile('[\x00-\x1f\x7f]')
_NOT_URI = re.compile(r'[^!#-;=?-\[\]_a-z~]+|%(?![0-9A-Fa-f]{2})')  # what RFC 3986 has no place for
_ADDRESS = re.compile(
    r'(?:(?P<literal>\[[0-9a-fA-F]*:[0-9a-fA-F:.]*\])|(?P<host>[^\[\]:]+))(?::(?P<port>[0-9]{0,5}))?\Z'
)
_HOST = re.compile(r'[a-zA-Z0-9_.\-]+\Z')
_UNPRINTABLE = re.compile(r'[^ -~]')
NOT_PRINTED = re.compile(r'[^!-~]')  # in a URL
_MAX_HOST = 255  # characters; the idna codec takes quadratic time on more


def check_channel_name(name):
    """Whether a message can be sent to the channel `name` (any object), by asgiref's rules in ASCII."""
    return (
        isinstance(name, text)
        and len(name) <= limits.MAX_CHANNEL_NAME
        and _CHANNEL_NAME.match(name) is not None
        and not name.endswith('?')
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
    if isinstance(value, bool) or not isinstance(value, integers):
        raise wrong_type(field, 'an integer', value)
    if not 0 <= value <= most:
        raise BadMessage('{} must be from 0 to {}'.format(field, most))
    return int(value)


def as_number(field, value):
    """A finite float; neither bool nor NaN nor beyond the range of floats."""
    if isinstance(value, bool) or not isinstance(value, integers + (float,)):
        raise wrong_type(field, 'a number', value)
    try:
        number = float(value)
    except OverflowError:
        number = float('inf')
    if number != number or number in (float('inf'), float('-inf')):
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
    value = as_text(field, value)
    if len(value) > limits.MAX_ID or not _ID.match(value):
        raise BadMessage('{} must be 1 to {} letters, digits or _.-'.format(field, limits.MAX_ID))
    return value


def as_method(field, value):
    """Upper case. CONNECT asks for a tunnel, which no answer on a reply channel can be."""
    method = as_text(field, value).upper()
    if len(method) > limits.MAX_METHOD or not _TOKEN.match(method):
        raise BadMessage('{} {} is not an HTTP method'.format(field, shown(method)))
    if method == 'CONNECT':
        raise BadMessage('{} CONNECT is not supported'.format(field))
    return method


def as_header(field, name, value):
    """One (bytes, bytes) pair with a token as name and nothing in the value that could start another line."""
    if not _HEADER_NAME.match(name):
        # A whole line may have been given for a name: what would be its value is not shown.
        begin, colon, _ = name.partition(b':')
        raise BadMessage('{}: {} is not a header name'.format(field, shown(begin + colon)))
    value = value.strip(b' \t')
    if _HEADER_FAULT.search(value):
        raise BadMessage('{}: the value of {} holds control characters'.format(field, shown(name)))
    return name, value


def as_headers(field, value):
    """A list of [bytes, bytes] as a list of (bytes, bytes)."""
    if not isinstance(value, (list, tuple)):
        raise wrong_type(field, 'a list of [name, value]', value)
    if len(value) > limits.MAX_HEADERS:
        raise BadMessage('{} has more than {} headers'.format(field, limits.MAX_HEADERS))
    headers = []
    for pair in value:
        if not isinstance(pair, (list, tuple)) or len(pair) != 2:
            raise BadMessage('{} must be a list of [name, value]'.format(field), wrong_type=True)
        for part in pair:
            if not isinstance(part, bytes):
                raise wrong_type('{}: each name and value'.format(field), 'bytes', part)
        headers.append(as_header(field, pair[0], pair[1]))
    if sum(len(name) + len(content) for name, content in headers) > limits.MAX_HEADER_BYTES:
        raise BadMessage('{} are longer than {} bytes'.format(field, limits.MAX_HEADER_BYTES))
    return headers


def as_request_headers(field, value):
    """As as_headers; a Host is there once at most, and nothing but host and port (RFC 9112 section 3.2)."""
    headers = as_headers(field, value)
    hosts = [content for name, content in headers if name.lower() == b'host']
    if len(hosts) > 1 or (hosts and not _HOST_HEADER.match(hosts[0])):
        raise BadMessage('{}: Host must be given once, as a host with an optional port'.format(field))
    return headers


def as_url(field, value):
    """(url, auth): an ASCII http(s) URI without userinfo; (user, password) or None.

    Non-ASCII characters are percent-encoded as UTF-8 (RFC 3987 section 3.1), those of the host by IDNA.
    """
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
