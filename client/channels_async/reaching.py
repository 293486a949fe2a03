"""How operations that are done in the view reach upstreams: as the server would, by the server's settings.

CHANNELS_ASYNC_SERVER's EGRESS, TLS and, in HTTP, proxy, no_proxy, proxy_from_environment and unix_sockets
count where the site's own settings have them; docs/network.rst tells what they mean.
"""

from __future__ import unicode_literals

import logging
import os
import socket
from collections import namedtuple

import urllib3
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from urllib3.util.ssl_ import create_urllib3_context

from channels_async._py23 import text
from channels_async.egress_rules import Egress
from channels_async.host_patterns import closest
from channels_async.proxy_rules import Proxies

logger = logging.getLogger('channels_async.client')

_TLS = ('ca_file', 'system_cas', 'certificates')
_CERTIFICATE = ('certificate', 'key', 'password')


class Refused(Exception):
    """EGRESS does not allow the upstream; what it was is in the log."""


#: What is set of CHANNELS_ASYNC_SERVER: an Egress or None, a Proxies, and dicts.
Reach = namedtuple(str('Reach'), str('egress proxies unix_sockets tls'))


class Way(object):
    """How one origin is reached: through `proxy` or directly; what to verify with (arguments of requests)."""

    def __init__(self, reach, scheme, host, port):
        """`host` in lower case, without brackets. Raises Refused, and ImproperlyConfigured for a bad file."""
        self._host, self._port = host, port
        self._egress = reach.egress
        sockets = reach.unix_sockets
        self._path = sockets.get('{}:{}'.format(host, port)) or sockets.get(host)
        self.proxy = None if self._path else reach.proxies.proxy_for(scheme, host, port)
        self.verify, self.tls_options = True, {}  # what requests, what urllib3 is given
        if scheme == 'https':
            self._trust(reach.tls)
        if self._egress is not None:
            self._check_what_is_known()

    def _check_what_is_known(self):
        if self._path:
            reason = self._egress.refuses_socket(self._host, self._port, self._path)
        elif self.proxy is not None:
            reason = self._egress.refuses_unresolved(self._host, self._port)
        else:
            reason = self._egress.refuses_name(self._host, self._port)
        if reason is not None:
            logger.warning('egress: %s, port %d, is refused: %s', self._host, self._port, reason)
            raise Refused()

    @property
    def proxy_url(self):
        """Of the proxy, without name and password; None without one."""
        if self.proxy is None:
            return None
        host = '[{}]'.format(self.proxy.host) if ':' in self.proxy.host else self.proxy.host
        return str('http://{}:{}').format(host, self.proxy.port)

    def connect(self, connection, connect):
        """The socket of a urllib3 connection, whose own way to make one is `connect`. Raises Refused."""
        if self._path:
            return self._connect_socket(connection)
        if self.proxy is not None or self._egress is None:
            return connect()
        allowed = self._allowed()
        host = connection._dns_host
        try:
            for number, address in enumerate(allowed):
                connection._dns_host = address
                try:
                    connected = connect()
                except urllib3.exceptions.NewConnectionError:
                    if number == len(allowed) - 1:
                        raise
                else:
                    return self._checked(connected)
        finally:
            connection._dns_host = host

    def _allowed(self):
        """The addresses of the host that may be connected to: one at least, else Refused."""
        found = socket.getaddrinfo(self._host, self._port, 0, socket.SOCK_STREAM)
        reasons = []
        for address in [_numeric(target[4]) for target in found]:
            reasons.append((address, self._egress.refuses(self._host, self._port, address)))
        allowed = [address for address, reason in reasons if reason is None]
        if not allowed:
            for address, reason in reasons:
                line = 'egress: %s at %s, port %d, is refused: %s'
                logger.warning(line, self._host, address, self._port, reason)
            raise Refused()
        return allowed

    def _checked(self, connected):
        """The same socket. Nothing was sent yet, so a urllib3 that looks names up itself does no harm."""
        if self._egress.refuses(self._host, self._port, _numeric(connected.getpeername())) is not None:
            connected.close()
            raise Refused()
        return connected

    def _connect_socket(self, connection):
        connecting = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            timeout = getattr(connection.timeout, 'connect_timeout', connection.timeout)
            connecting.settimeout(timeout)
            connecting.connect(str(self._path))
        except EnvironmentError as error:
            connecting.close()
            line = '[Errno {}] {}'.format(error.errno, error.strerror)
            raise urllib3.exceptions.NewConnectionError(connection, line)
        except BaseException:
            connecting.close()
            raise
        return connecting

    def _trust(self, tls):
        pattern = closest(tls.get('certificates', {}), self._host, self._port)
        ca_file = tls.get('ca_file')
        if not ca_file and pattern is None:
            return
        if not tls.get('system_cas', True):
            self.verify = ca_file  # instead of those that requests brings
        context = create_urllib3_context()
        self.tls_options = {str('ssl_context'): context}
        if ca_file:
            _load("TLS['ca_file']", context.load_verify_locations, ca_file)
        if pattern is not None:
            entry, name = tls['certificates'][pattern], "TLS['certificates']['{}']".format(pattern)
            # A function, since for an encrypted key without a password OpenSSL would ask at the terminal.
            arguments = entry['certificate'], entry.get('key'), lambda: str(entry.get('password', ''))
            _load(name, context.load_cert_chain, *arguments)


def reach():
    """What the settings of this moment say. Raises ImproperlyConfigured that names the setting."""
    server = getattr(settings, 'CHANNELS_ASYNC_SERVER', None) or {}
    egress, http, tls = (_section(server, name) for name in ('EGRESS', 'HTTP', 'TLS'))
    try:
        allow, deny = _texts(egress, 'EGRESS', 'allow'), _texts(egress, 'EGRESS', 'deny')
        environment = os.environ if http.get('proxy_from_environment') else None
        return Reach(
            egress=Egress(allow, deny) if allow or deny else None,
            proxies=Proxies(http.get('proxy') or '', _texts(http, 'HTTP', 'no_proxy'), environment),
            unix_sockets={host.lower(): path for host, path in _section(http, 'unix_sockets').items()},
            tls=_checked_tls(tls),
        )
    except ValueError as error:
        raise ImproperlyConfigured('CHANNELS_ASYNC_SERVER, {}'.format(error))


def _section(settings, name):
    value = settings.get(name, {})
    if not isinstance(value, dict):
        raise ImproperlyConfigured("CHANNELS_ASYNC_SERVER: '{}' must be a dict, not {!r}".format(name, value))
    return value


def _texts(section, name, key):
    """A list of texts, as the server takes it: commas between those of one text too."""
    value = section.get(key, ())
    if isinstance(value, bytes):  # a native str of Python 2
        value = value.decode('utf-8')
    if isinstance(value, text):
        value = [part for part in (part.strip() for part in value.split(',')) if part]
    if not isinstance(value, (list, tuple, set, frozenset)):
        raise ValueError("{}['{}'] must be a list of texts, not {!r}".format(name, key, value))
    return [entry.decode('utf-8') if isinstance(entry, bytes) else entry for entry in value]


def _checked_tls(tls):
    for key in tls:
        if key not in _TLS:
            raise ValueError("TLS has no '{}'; known are {}".format(key, ', '.join(_TLS)))
    if not tls.get('system_cas', True) and not tls.get('ca_file'):
        raise ValueError("TLS['system_cas'] is off, but TLS['ca_file'] names no others to trust")
    for pattern, entry in _section(tls, 'certificates').items():
        if not isinstance(entry, dict) or 'certificate' not in entry or set(entry) - set(_CERTIFICATE):
            line = "TLS['certificates']['{}'] must be a dict with 'certificate', and perhaps {}"
            raise ValueError(line.format(pattern, ' and '.join(_CERTIFICATE[1:])))
    return tls


def _load(name, load, *arguments):
    try:
        load(*arguments)
    except (EnvironmentError, ValueError) as error:  # ssl.SSLError is one of the first
        why = getattr(error, 'strerror', None) or getattr(error, 'reason', None) or error
        raise ImproperlyConfigured('CHANNELS_ASYNC_SERVER, {}: {}: {}'.format(name, arguments[0], why))


def _numeric(address):
    """The text of a socket's address, with the zone of one that is of a single link."""
    host = address[0]
    zone = address[3] if len(address) == 4 else 0
    return '{}%{}'.format(host, zone) if zone and '%' not in host else host
