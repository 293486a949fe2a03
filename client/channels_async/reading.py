"""Reading a response of HTTP/1: bytes in, head and pieces of body out, as strict as the server's parser.

http.client and httplib bear what two readers could read differently (chunk sizes like 0x5, lines that are
no headers, lengths with a sign), hold lines and interim responses without a bound, and wait for 64 KiB
where something is there. RFC numbers are of 9112 where none is told.
"""

from __future__ import unicode_literals

import re

_STATUS = re.compile(br'HTTP/1\.([01]) ([0-9]{3})(?: ([^\r\n]*))?\Z')
_FIELD = re.compile(br"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([\t -~\x80-\xff]*)\Z")
_CHUNK = re.compile(br'([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\0\r\n]*)?\Z')  # padded by old Java servers
_DIGITS = re.compile(br'[0-9]{1,18}\Z')

_BEGINNING = b'HTTP/1.'

RECEIVED_AT_ONCE = 64 * 1024  # bytes


class BadResponse(Exception):
    """The response is not valid HTTP, too large, or has ended early; the text is for the one who waits."""


class Ended(BadResponse):
    """The connection ended too early."""


class ResponseReader(object):
    """One response. `read_head`, then iterate.

    receive  function: a number of bytes to some bytes, at most so many; b'' at the end
    method   text: of the request
    most     int: bytes of head, interim responses included; of chunk extensions in a row; of trailers
    largest  int: bytes that the body may have; 0 for any number
    """

    def __init__(self, receive, method, most, largest):
        self._receive = receive
        self._method = method
        self._most = most
        self._largest = largest
        self._buffer = b''
        self._left = most  # bytes that may come before the next byte of body
        self._length = None
        self._chunked = False
        self.started = False  # any byte of an answer has come
        self.status = 0
        self.reason = b''
        self.headers = []  # (bytes, bytes), in order, duplicates kept

    def read_head(self):
        """Sets status, reason and headers: those of the final response. Raises BadResponse."""
        self.status = 100
        while self.status < 200:
            self._check_beginning()
            found = _STATUS.match(self._line('head'))
            if found is None:
                raise _invalid('its first line is no status line of HTTP/1')
            self.status, self.reason = int(found.group(2)), found.group(3) or b''
            self.headers = self._fields('head')
            if self.status < 100 or self.status == 101:
                raise _invalid('a status {} is not valid here'.format(self.status))
        self._read_framing()

    def __iter__(self):
        """The body in pieces as they come, transfer-decoded, none empty. Raises BadResponse."""
        if self._method == 'HEAD' or self.status in (204, 304):
            return iter(())
        return self._bounded(self._chunks() if self._chunked else self._until(self._length))

    def _check_beginning(self):
        """Of what is no HTTP no line is waited for: it may never end."""
        while True:
            self._pass_over_empty_lines()
            beginning = self._buffer[: len(_BEGINNING)]
            if not _BEGINNING.startswith(beginning):
                raise _invalid('it does not begin with HTTP/1')
            if beginning == _BEGINNING:
                return
            data = self._receive(RECEIVED_AT_ONCE)
            if not data:
                if not self.started:
                    raise Ended('the connection was closed without an answer')
                raise _ended('before the end of its head')
            self.started = True
            self._buffer += data

    def _pass_over_empty_lines(self):
        """Some upstreams send one too many after what came before."""
        rest = self._buffer.lstrip(b'\r\n')
        self._left -= len(self._buffer) - len(rest)
        self._buffer = rest
        if self._left < 0:
            raise self._too_long('head')

    def _read_framing(self):
        """Section 6.3; what is not certain is refused."""
        lengths = [value for name, value in self.headers if name.lower() == b'content-length']
        codings = [value.lower() for name, value in self.headers if name.lower() == b'transfer-encoding']
        if len(lengths) > 1 or not all(_DIGITS.match(value) for value in lengths):
            raise _invalid('a bad Content-Length')
        if lengths and codings:
            raise _invalid('a Content-Length beside a Transfer-Encoding')
        if codings not in ([], [b'chunked'], [b'identity']):
            raise _invalid('it uses a transfer coding that was not asked for')
        self._chunked = codings == [b'chunked']
        self._length = int(lengths[0]) if lengths else None
        bodiless = self._method == 'HEAD' or self.status in (204, 304)
        if self._length and not bodiless and 0 < self._largest < self._length:
            raise self._too_large()

    def _fields(self, part):
        """Lines that are folded (section 5.2) are refused: what reads them otherwise sees another header."""
        fields = []
        while True:
            line = self._line(part)
            if not line:
                return fields
            found = _FIELD.match(line)
            if found is None:
                raise _invalid('a line of its {} is no header'.format(part))
            name, value = found.groups()
            fields.append((name, value.strip(b' \t')))  # not by the pattern, which would try each space

    def _bounded(self, pieces):
        size = 0
        for piece in pieces:
            size += len(piece)
            if 0 < self._largest < size:
                raise self._too_large()
            self._left = self._most
            yield piece

    def _until(self, length):
        """`length` bytes, or all until the end."""
        while length is None or length > 0:
            piece = self._some(RECEIVED_AT_ONCE if length is None else min(length, RECEIVED_AT_ONCE))
            if not piece:
                if length is None:
                    return
                raise _ended('in its body')
            if length is not None:
                length -= len(piece)
            yield piece

    def _chunks(self):
        """Section 7.1; a size must have its carriage return. Extensions and trailers are passed over."""
        part = 'trailer or chunk extension'
        while True:
            found = _CHUNK.match(self._line(part, strict=True))
            if found is None:
                raise _invalid('a chunk without a valid size')
            size = int(found.group(1), 16)
            if size == 0:
                self._fields(part)
                return
            for piece in self._until(size):
                yield piece
            if self._line(part):
                raise _invalid('a chunk that is longer than it says')

    def _some(self, most):
        """Bytes that have come already, else the next ones; b'' at the end."""
        data = self._buffer or self._receive(RECEIVED_AT_ONCE)
        piece, self._buffer = data[:most], data[most:]
        return piece

    def _line(self, part, strict=False):
        """Up to the line feed, which some write without its carriage return (section 2.2); without both."""
        searched = 0
        while True:
            end = self._buffer.find(b'\n', searched)
            searched = len(self._buffer)
            if (searched if end < 0 else end) > self._left:
                raise self._too_long(part)
            if end >= 0:
                break
            data = self._receive(RECEIVED_AT_ONCE)
            if not data:
                raise _ended('before the end of its head' if part == 'head' else 'in its body')
            self._buffer += data
        line, self._buffer = self._buffer[:end], self._buffer[end + 1 :]
        self._left -= end + 1
        if strict and not line.endswith(b'\r'):
            raise _invalid('a line of its body ends without a carriage return')
        return line[:-1] if line.endswith(b'\r') else line

    def _too_long(self, part):
        return BadResponse("the response's {} is larger than {} bytes".format(part, self._most))

    def _too_large(self):
        return BadResponse("the response's body is larger than {} bytes".format(self._largest))


def _invalid(reason):
    return BadResponse('not a valid HTTP response: ' + reason)


def _ended(where):
    return Ended('the response ended ' + where)
