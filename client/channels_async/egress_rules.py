"""Which upstreams may be reached (the setting EGRESS); shared by the server and the inline form.

Decided as in /etc/hosts.allow and hosts.deny: what an entry of `allow` matches is allowed; what an entry
of `deny` matches is not; the rest is allowed, unless there is no `deny` at all, then only `allow` counts.

No ipaddress module here: Python 2.7 has none, and what it calls private differs between releases of 3.
"""

from __future__ import unicode_literals

import binascii
import difflib
import re
import socket
import struct

#: What the words mean, by the registries of special-purpose addresses (RFC 6890; IANA, as of 2024). The
#: first that fits, from top to bottom; the rest is public, of IPv6 only within 2000::/3 (RFC 4291 2.4).
_SPECIAL = (
    ('loopback', '127.0.0.0/8 ::1/128'),
    ('unspecified', '0.0.0.0/8 ::/128'),  # Linux connects 0.0.0.0 to itself
    ('link-local', '169.254.0.0/16 fe80::/10'),
    # RFC 1918, 6598 (shared with a carrier), 4193, 3879 (site-local, of old)
    ('private', '10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 100.64.0.0/10 fc00::/7 fec0::/10'),
    ('multicast', '224.0.0.0/4 ff00::/8'),
    ('reserved', '192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24'
                 ' 240.0.0.0/4 2001::/23 2001:db8::/32 3fff::/20'),
)  # fmt: skip

#: All words that an entry can be. As a denial `private` is all that is not public: nobody who writes it
#: wants this very machine, or its cloud's metadata at 169.254.169.254, to be open.
WORDS = tuple(word for word, _ in _SPECIAL) + ('public', 'all', 'unix')

#: IPv6 networks whose addresses hold an IPv4 address, and by how many bits it is shifted.
_EMBEDDING = (
    ('::ffff:0:0/96', 0),  # IPv4-mapped: the kernel connects to the IPv4 address
    ('64:ff9b::/96', 0),  # NAT64 (RFC 6052)
    ('64:ff9b:1::/48', 0),  # NAT64 of one's own (RFC 8215)
    ('::ffff:0:0:0/96', 0),  # translated (RFC 7915)
    ('::/96', 0),  # IPv4-compatible (RFC 4291 2.5.5.1)
    ('2002::/16', 80),  # 6to4 (RFC 3056)
    ('2001::/32', 64),  # Teredo (RFC 4380): its server
)
_TEREDO = '2001::/32'  # its client is in the last 32 bits, inverted
_SAME_HOST = ('::ffff:0:0/96', '64:ff9b::/96')  # reaching one of these is reaching the IPv4 address

_ENTRY = re.compile(r'\[([^\[\]]*)\](?::([0-9]+))?\Z|([^\[\]:]*)(?::([0-9]+))?\Z')
_NAME = re.compile(r'(?:\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\Z')
_NUMBERS = re.compile(r'(0x[0-9a-f]*|[0-9]+)(\.(0x[0-9a-f]*|[0-9]+))*\Z')


class Egress(object):
    """The rules. Hosts are lower-case ASCII without brackets, addresses are numeric texts (zones allowed).

    Each question is answered by None for allowed, or by why it is not, for the log.
    """

    def __init__(self, allow, deny):
        """Lists of texts. Raises ValueError that names the list and the entry."""
        self._allow = [_Entry(text, 'allow') for text in allow]
        self._deny = [_Entry(text, 'deny') for text in deny]

    def refuses(self, host, port, address):
        """Whether `host`, reached at `address`, is refused."""
        number = parse_address(address)
        if number is None:
            return 'its address cannot be understood'
        return self._refuses(lambda entry: entry.matches_name(host, port) or entry.matches(number, port))

    def refuses_name(self, host, port):
        """Whether `host` is refused whatever address it has; if so there is no need to look it up."""
        if parse_address(host) is not None:
            return self.refuses(host, port, host)
        if any(entry.of_addresses for entry in self._allow):
            return None
        return self._refuses(lambda entry: entry.matches_name(host, port))

    def refuses_unresolved(self, host, port):
        """Whether `host` is refused where only a proxy knows its address: by its name alone."""
        if _literal(host) is not None:
            return self.refuses(host, port, _literal(host))
        return self._refuses(lambda entry: entry.matches_name(host, port))

    def refuses_socket(self, host, port, path):
        """Whether `host` is refused that a setting maps to a unix socket: unless it is allowed."""
        if any(entry.matches_name(host, port) or entry.matches_socket(path) for entry in self._allow):
            return None
        return 'no entry of allow names the host, unix:{} or unix'.format(path)

    def _refuses(self, matches):
        if any(matches(entry) for entry in self._allow):
            return None
        for entry in self._deny:
            if matches(entry):
                return "denied by '{}'".format(entry.text)
        return None if self._deny else 'not in allow'


class _Entry(object):
    """One entry: a word, a network, a name or a unix socket; perhaps with a port."""

    def __init__(self, text, kind):
        self.text = text
        self._denies = kind == 'deny'
        self._port = self._word = self._network = self._name = self._path = None
        try:
            self._read(text.strip().lower())
        except ValueError as error:
            raise ValueError("{}: '{}': {}".format(kind, text, error))
        #: Whether it is about addresses, so that a name alone does not tell.
        self.of_addresses = bool(self._network or (self._word and self._word not in ('all', 'unix')))

    def _read(self, text):
        if text.startswith('unix:'):
            self._path = self.text.strip()[len('unix:'):]
            if not self._path.startswith('/'):
                raise ValueError('give the path of the socket from the root, such as unix:/run/app.sock')
            return
        if text.count(':') > 1 and '[' not in text:  # IPv6, which cannot have a port without brackets
            text = '[{}]'.format(text)
        found = _ENTRY.match(text)
        if found is None:
            raise ValueError('it is no network, address, name or word; {}'.format(_hint(text)))
        inner, port = (found.group(1), found.group(2)) if found.group(3) is None else found.group(3, 4)
        if port is not None:
            self._port = int(port)
            if not 0 < self._port < 65536:
                raise ValueError('the port must be between 1 and 65535')
        if inner in WORDS:
            self._word = inner
        elif text.startswith('[') or '/' in inner or parse_address(inner) or _NUMBERS.match(inner):
            self._network = parse_network(inner)
        else:
            self._name = _pattern(inner)

    def matches_name(self, host, port):
        return self._port in (None, port) and (
            self._word == 'all' or (self._name is not None and name_matches(self._name, host))
        )

    def matches(self, number, port):
        """Whether it is about that address, a pair of bits and number."""
        if self._port not in (None, port):
            return False
        if self._network is not None:
            candidates = [number] + (_embedded(number) if self._denies else _same_host(number))
            return any(within(candidate, self._network) for candidate in candidates)
        if self._word is None or self._word == 'all':
            return self._word == 'all'
        found = address_class(number)
        return found == self._word or (self._denies and self._word == 'private' and found != 'public')

    def matches_socket(self, path):
        return self._word in ('unix', 'all') or self._path == path


# --- names -----------------------------------------------------------------------------------------


def name_matches(pattern, host):
    """Whether a host is the one of `pattern`, or below it for a pattern that begins with `*.`."""
    host = host.rstrip('.')
    return host == pattern or (pattern.startswith('*.') and host.endswith(pattern[1:]))


def _pattern(name):
    name = name.rstrip('.')
    if not name or not _NAME.match(name):
        raise ValueError('it is no network, address, name or word; {}'.format(_hint(name)))
    near = difflib.get_close_matches(name.replace('_', '-'), WORDS, 1, 0.8)
    if near and '.' not in name:
        raise ValueError("did you mean '{}'?".format(near[0]))
    return name


def _hint(text):
    if '//' in text:
        return 'give the host of the URL alone'
    if text.startswith('.'):
        return "names below a domain are written '*{}'".format(text)
    if any(ord(character) > 127 for character in text):
        return 'give an international name in its ASCII form, which begins with xn--'
    return 'words are {}'.format(', '.join(WORDS))


def _literal(host):
    """The address that a host is by itself, whichever way it is written (inet_aton(3): 127.1, 0x7f000001)."""
    host = host.rstrip('.')
    if host == 'localhost' or host.endswith('.localhost'):
        return '127.0.0.1'  # RFC 6761 6.3
    if parse_address(host) is not None:
        return host
    try:
        return socket.inet_ntoa(socket.inet_aton(str(host))) if _NUMBERS.match(host) else None
    except (EnvironmentError, ValueError):
        return None


# --- addresses -------------------------------------------------------------------------------------


def parse_address(text):
    """(32 or 128, number) of a numeric address, whose zone does not count; None for anything else."""
    text = text.partition('%')[0]
    for family, bits in ((socket.AF_INET, 32), (socket.AF_INET6, 128)):
        try:
            packed = socket.inet_pton(family, str(text))
        except (EnvironmentError, ValueError):
            continue
        return bits, int(binascii.hexlify(packed), 16)
    return None


def address_class(number):
    """The word for an address; that of the IPv4 address it holds, if that one is not public."""
    for inner in _embedded(number):
        found = address_class(inner)
        if found != 'public' and not within(number, _COMPATIBLE):
            return found
    if _same_host(number):
        return 'public'
    for word, networks in _CLASSES:
        if any(within(number, network) for network in networks):
            return word
    return 'public' if number[0] == 32 or within(number, _GLOBAL) else 'reserved'


def _embedded(number):
    """All IPv4 addresses that an address holds."""
    found = [
        (32, (number[1] >> shift) & 0xFFFFFFFF) for network, shift in _HOLDING if within(number, network)
    ]
    if within(number, _TEREDO_NETWORK):
        found.append((32, ~number[1] & 0xFFFFFFFF))
    return found


def _same_host(number):
    """The IPv4 address that is reached at this address."""
    return [(32, number[1] & 0xFFFFFFFF) for network in _SAME if within(number, network)]


def parse_network(text):
    """(bits, number, length of the prefix). Raises ValueError."""
    address, slash, length = text.partition('/')
    number = parse_address(address)
    if number is None or '%' in address or (number[0] == 32 and address != _ipv4(number[1])):
        raise ValueError('it is no valid address or network; an address is written in full, without a zone')
    bits, value = number
    if slash and (not re.match(r'[0-9]{1,3}\Z', length) or int(length) > bits):
        raise ValueError('the length of its prefix must be between 0 and {}'.format(bits))
    prefix = int(length) if slash else bits
    if value & ((1 << (bits - prefix)) - 1):
        raise ValueError('the address has bits beyond its prefix /{}; is it a single address?'.format(prefix))
    return bits, value, prefix


def _ipv4(value):
    return socket.inet_ntoa(struct.pack(str('!I'), value))


def within(number, network):
    """Whether an address, as `parse_address` gives it, is in a network, as `parse_network` does."""
    bits, value, prefix = network
    return number[0] == bits and (number[1] ^ value) >> (bits - prefix) == 0


_CLASSES = [(word, [parse_network(one) for one in networks.split()]) for word, networks in _SPECIAL]
_HOLDING = [(parse_network(network), shift) for network, shift in _EMBEDDING]
_TEREDO_NETWORK = parse_network(_TEREDO)
_SAME = [parse_network(network) for network in _SAME_HOST]
_COMPATIBLE = parse_network('::/96')
_GLOBAL = parse_network('2000::/3')
