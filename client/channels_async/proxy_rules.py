"""Which proxy an upstream is reached through, if any; shared by the server and the inline form."""

from __future__ import unicode_literals

import base64
import re
from collections import namedtuple

from channels_async._py23 import text, unquote
from channels_async.egress_rules import parse_address, parse_network, within

#: An HTTP proxy. host is lower-case and without brackets; authorization is the value of a
#: Proxy-Authorization header (bytes) or None.
Proxy = namedtuple(str('Proxy'), str('host port authorization'))

_URL = re.compile(
    r'(?:([a-z][a-z0-9+.-]*)://)?(?:(.*)@)?(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?/?\Z',
    re.IGNORECASE,
)  # fmt: skip
_PORT = re.compile(r'(.*?):([0-9]{1,5})\Z')


class Proxies(object):
    """The choice of a proxy by the upstream's scheme, host and port.

    proxy        URL, http://name:password@host:port; '' for none
    no_proxy     upstreams that are reached directly: names (a domain means all names in it too), addresses,
                 networks, each perhaps with a port, or '*'
    environment  a mapping such as os.environ, whose http_proxy, https_proxy, all_proxy and no_proxy are
                 to be heeded; None for none. `proxy` wins over what is there.

    Raises ValueError that shows no password.
    """

    def __init__(self, proxy='', no_proxy=(), environment=None):
        self._direct = [_Direct(entry) for entry in no_proxy]
        self._by_scheme = {}
        if proxy:
            try:
                self._by_scheme = dict.fromkeys(('http', 'https'), parse_proxy(proxy))
            except ValueError as error:
                raise ValueError("HTTP['proxy'] {}".format(error))
        if environment is not None:
            self._heed(environment)

    def __bool__(self):
        return bool(self._by_scheme)

    __nonzero__ = __bool__

    def proxy_for(self, scheme, host, port):
        """The Proxy, or None where the upstream is reached directly. `host` has no brackets."""
        proxy = self._by_scheme.get(scheme)
        if proxy is None or any(entry.matches(host.rstrip('.'), port) for entry in self._direct):
            return None
        return proxy

    def _heed(self, environment):
        for scheme in ('http', 'https'):
            # HTTP_PROXY of a CGI script is the Proxy header of whoever asks (https://httpoxy.org).
            names = ['{}_proxy'.format(scheme), '{}_PROXY'.format(scheme.upper()), 'all_proxy', 'ALL_PROXY']
            if scheme == 'http' and 'REQUEST_METHOD' in environment:
                names.remove('HTTP_PROXY')
            name = next((name for name in names if name in environment), None)
            if name is not None and environment[name] and scheme not in self._by_scheme:
                try:
                    self._by_scheme[scheme] = parse_proxy(environment[name])
                except ValueError as error:
                    raise ValueError("the environment's {} {}".format(name, error))
        for entry in environment.get('no_proxy', environment.get('NO_PROXY', '')).split(','):
            try:
                self._direct.append(_Direct(entry))
            except ValueError:
                continue  # others read this variable in ways of their own


def parse_proxy(url):
    """The Proxy of a URL. Raises ValueError that shows no password."""
    if isinstance(url, bytes):  # a native str of Python 2
        url = url.decode('utf-8')
    found = _URL.match(url.strip())
    if found is None:
        raise ValueError('is not the URL of a proxy, such as http://name:password@proxy.example:3128')
    scheme, userinfo, host, port = found.groups()
    if (scheme or 'http').lower() != 'http':
        raise ValueError('begins with {}://, but only http:// proxies are supported'.format(scheme))
    if port is not None and not 0 < int(port) < 65536:
        raise ValueError('has the port {}, which is not between 1 and 65535'.format(port))
    authorization = None
    if userinfo:
        name, _, password = userinfo.partition(':')
        credentials = '{}:{}'.format(unquote(name), unquote(password)).encode('utf-8')
        authorization = b'Basic ' + base64.b64encode(credentials)
    return Proxy(host.lower().strip('[]'), int(port or 80), authorization)


class _Direct(object):
    """One entry of no_proxy."""

    def __init__(self, entry):
        entry = text(entry).strip().lower()
        self._network = self._port = None
        self._name = ''
        if parse_address(entry.strip('[]')) is None and '/' not in entry:
            found = _PORT.match(entry)
            if found is not None:
                entry, self._port = found.group(1), int(found.group(2))
        bare = entry.strip('[]')
        if '/' in bare or parse_address(bare) is not None:
            try:
                self._network = parse_network(bare)
            except ValueError as error:
                raise ValueError("HTTP['no_proxy'], '{}': {}".format(entry, error))
            return
        name = entry[1:] if entry.startswith('*.') else entry
        self._name = name.strip('.')
        if name != '*' and not re.match(r'[a-z0-9_-]+(\.[a-z0-9_-]+)*\Z', self._name):
            raise ValueError("HTTP['no_proxy'], '{}': it is no host name, address or network".format(entry))

    def matches(self, host, port):
        if self._port not in (None, port):
            return False
        if self._network is not None:
            number = parse_address(host)
            return number is not None and within(number, self._network)
        return self._name == '*' or host == self._name or host.endswith('.' + self._name)
