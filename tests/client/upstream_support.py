"""A small HTTP server on a free port of the loopback, in a thread, that writes the bytes it is told."""

from __future__ import unicode_literals

import contextlib
import socket
import threading


class Upstream(object):
    """Answers each connection with `handler(request, connection)`, one request a connection.

    `requests` holds what came: (first line, {lower-case name: value}, body).
    """

    def __init__(self, handler):
        self._handler = handler
        self.requests = []
        self._listening = socket.socket()
        self._listening.bind(('127.0.0.1', 0))
        self._listening.listen(16)
        self.netloc = '127.0.0.1:{}'.format(self._listening.getsockname()[1])
        self.url = 'http://{}/'.format(self.netloc)
        self.released = threading.Event()
        self._threads = []
        self._connections = []
        self._accepting = self._start(self._accept)

    def _start(self, target, *arguments):
        thread = threading.Thread(target=target, args=arguments)
        thread.daemon = True
        thread.start()
        self._threads.append(thread)
        return thread

    def _accept(self):
        while True:
            try:
                connection, _ = self._listening.accept()
            except (OSError, IOError):
                return
            if self.released.is_set():
                connection.close()
                return
            self._connections.append(connection)
            self._start(self._serve, connection)

    def _serve(self, connection):
        try:
            request = read_request(connection)
            if request is not None:
                self.requests.append(request)
                self._handler(request, connection)
        except (OSError, IOError):
            pass  # the client went away, which some tests want
        finally:
            connection.close()

    def close(self):
        """End all handlers, those that wait for `released` too."""
        self.released.set()
        with contextlib.closing(socket.socket()) as wake:
            wake.connect(self._listening.getsockname())
        self._accepting.join(10)
        self._listening.close()
        for connection in self._connections:
            connection.close()
        for thread in self._threads:
            thread.join(10)


def read_request(connection):
    received = b''
    while b'\r\n\r\n' not in received:
        part = connection.recv(65536)
        if not part:
            return None
        received += part
        if received.startswith(b'\x16'):  # the hello of TLS, which has no end that a server of HTTP could see
            return 'TLS', {}, received
    head, _, body = received.partition(b'\r\n\r\n')
    lines = head.decode('latin-1').split('\r\n')
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(':')
        headers[name.lower()] = value.strip()
    while len(body) < int(headers.get('content-length', 0)):
        body += connection.recv(65536)
    return lines[0], headers, body


@contextlib.contextmanager
def upstream(answer):
    """An Upstream that writes `answer` (bytes), or lets `answer(request, connection)` do it."""
    if isinstance(answer, bytes):
        server = Upstream(lambda request, connection: connection.sendall(answer))
    else:
        server = Upstream(answer)
    try:
        yield server
    finally:
        server.close()


@contextlib.contextmanager
def refusing():
    """The netloc of a port where nobody listens, kept from others meanwhile."""
    with contextlib.closing(socket.socket()) as taken:
        taken.bind(('127.0.0.1', 0))
        yield '127.0.0.1:{}'.format(taken.getsockname()[1])
