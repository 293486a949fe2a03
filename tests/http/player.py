"""Plays the upstream of a case, with threads and sockets, on Python 2.7 and 3; and judges what came of it.

    with playing(case) as upstreams:
        upstreams.url(case)   ask for it
    check(case, outcome, upstreams.requests)
"""

from __future__ import unicode_literals

import contextlib
import select
import socket
import struct
import threading

BOUND = 30  # seconds; an upstream that waits for longer has been forgotten


class Request(object):
    """One request as it came: the request line, [(lower-case name, value)] and the body, bytes."""

    def __init__(self, head):
        lines = head.split(b'\r\n')
        self.line = lines[0]
        pairs = [line.partition(b':') for line in lines[1:]]
        self.headers = [(name.lower(), value.strip(b' \t')) for name, _, value in pairs]
        self.body = b''

    def all(self, name):
        return [value for other, value in self.headers if other == name]


class Gone(Exception):
    """The client has closed."""


class Connection(object):
    """The upstream's end of one connection."""

    def __init__(self, upstream, connected):
        self._upstream = upstream
        self._socket = connected
        self._buffer = b''
        self.exchanges = 0
        connected.settimeout(BOUND)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def serve(self):
        try:
            while self._upstream.play(self):
                pass
        except (Gone, EnvironmentError):
            pass
        finally:
            self._socket.close()

    def do(self, step):
        return getattr(self, '_do_' + step[0])(*step[1:])

    def read_head(self):
        while b'\r\n\r\n' not in self._buffer:
            self._read()
            if self._buffer[:1] == b'\x16':  # the hello of TLS, which has no end that HTTP could see
                head, self._buffer = self._buffer, b''
                return Request(head)
        head, _, self._buffer = self._buffer.partition(b'\r\n\r\n')
        return Request(head)

    def read_body(self, request):
        """Adds to `request` what its Content-Length announces."""
        length = int((request.all(b'content-length') or [b'0'])[0])
        while len(self._buffer) < length:
            self._read()
        request.body, self._buffer = self._buffer[:length], self._buffer[length:]

    def _read(self):
        data = self._socket.recv(65536)
        if not data:
            raise Gone
        self._buffer += data

    def _gone_within(self, seconds):
        """Whether the client has closed; what it sends is thrown away."""
        while select.select([self._socket], [], [], seconds)[0]:
            if not self._socket.recv(65536):
                return True
        return False

    def _do_head_only(self):
        pass  # `Upstream.play` has seen to it

    def _do_send(self, data):
        self._socket.sendall(self._upstream.fill_in(data))

    def _do_trickle(self, data):
        for i in range(len(data)):
            self._socket.sendall(data[i : i + 1])

    def _do_drip(self, data):
        while not self._gone_within(0.02):
            self._socket.sendall(data)
        raise Gone

    def _do_flood(self, data, times):
        for _ in range(times):
            self._socket.sendall(data)

    def _do_stall(self):
        while not self._gone_within(BOUND):
            pass
        raise Gone

    def _do_hold(self):
        self._upstream.ended.wait(BOUND)
        raise Gone

    def _do_close(self):
        # Without the wait, what the client still sends could turn the end into a reset.
        self._socket.shutdown(socket.SHUT_WR)
        self._gone_within(BOUND)
        raise Gone

    def _do_reset(self):
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack(str('ii'), 1, 0))
        self._socket.close()
        raise Gone


class Upstream(object):
    """Listens on a free port of `host` and plays the exchanges in the order in which requests come."""

    def __init__(self, host, exchanges, stage):
        self._exchanges = list(exchanges)
        self._stage = stage
        self._listening = socket.socket(socket.AF_INET6 if ':' in host else socket.AF_INET)
        self._listening.bind((host, 0))
        self._listening.listen(16)
        name = '[{}]'.format(host) if ':' in host else host
        self.netloc = '{}:{}'.format(name, self._listening.getsockname()[1])
        self._connections = []
        self._threads = []
        self.ended = threading.Event()
        self._accepting = self._start(self._accept)

    def fill_in(self, data):
        return self._stage.fill_in(data)

    def play(self, connection):
        """One exchange; whether another may follow on this connection."""
        request = connection.read_head()
        with self._stage.lock:
            steps = self._next(connection)
            self._stage.requests.append(request)
        connection.exchanges += 1
        if not steps:
            self._stage.surplus.append(request)
            return False
        if ('head_only',) not in steps:
            connection.read_body(request)
        for step in steps:
            connection.do(step)
        return True

    def _next(self, connection):
        while self._exchanges:
            exchange = self._exchanges.pop(0)
            steps = [('send', exchange)] if isinstance(exchange, bytes) else list(exchange)
            if steps[0] != ('if_reused',) or connection.exchanges:
                return [step for step in steps if step != ('if_reused',)]
        return []

    def _start(self, target, *arguments):
        thread = threading.Thread(target=target, args=arguments)
        thread.daemon = True
        thread.start()
        self._threads.append(thread)
        return thread

    def _accept(self):
        while True:
            connected, _ = self._listening.accept()
            if self.ended.is_set():
                connected.close()
                return
            self._connections.append(connected)
            self._start(Connection(self, connected).serve)

    def close(self):
        self.ended.set()
        family = self._listening.family
        with contextlib.closing(socket.socket(family)) as wake:
            wake.connect(self._listening.getsockname()[:2])
        self._accepting.join(BOUND)
        self._listening.close()
        for connected in self._connections:
            try:
                connected.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads it
            except EnvironmentError:
                pass  # closed already
        for thread in self._threads:
            thread.join(BOUND)


class Stage(object):
    """The upstreams of one case. `requests` are those of all of them, in order of arrival."""

    def __init__(self, case):
        self.lock = threading.Lock()
        self.requests = []
        self.surplus = []  # requests that the case does not know
        self._upstream = Upstream(case.host, case.exchanges, self)
        self._other = Upstream(case.host, case.others, self)
        self._case = case

    def fill_in(self, value):
        """`{netloc}`, `{port}` and `{other}` in bytes or text."""
        netloc, other = self._upstream.netloc, self._other.netloc
        for name, meant in (('{netloc}', netloc), ('{other}', other), ('{port}', netloc.rpartition(':')[2])):
            if isinstance(value, bytes):
                name, meant = name.encode('ascii'), meant.encode('ascii')
            value = value.replace(name, meant)
        return value

    @property
    def ask(self):
        """The arguments of client.request, with the URL filled in; `browser` and the rest as they are."""
        ask = dict(self._case.ask)
        ask['url'] = self.fill_in(ask.get('url', 'http://{netloc}/'))
        return ask

    def close(self):
        self._upstream.close()
        self._other.close()


@contextlib.contextmanager
def playing(case):
    """A Stage on which the case's upstreams listen."""
    stage = Stage(case)
    try:
        yield stage
    finally:
        stage.close()


def fields(ask):
    """The operation's own fields on the wire, as client.request makes them; and the timeout, or None.

    Raises ValueError for what the view refuses.
    """
    from channels_async.preparing import prepare

    details = dict(ask)
    timeout, browser = details.pop('timeout', None), details.pop('browser', 'GET')
    names = ('url', 'method', 'params', 'headers', 'data', 'json', 'files', 'cookies', 'auth')
    given = {name: details.pop(name, None) for name in names}
    given['method'] = given['method'] or ('HEAD' if browser == 'HEAD' else 'GET')
    details.update(prepare(accept_encoding=None, **given))
    return details, timeout


# --- the judge -------------------------------------------------------------------------------------


def check(case, outcome, stage):
    """Raises AssertionError where the outcome, or what the upstreams saw, is not what the case wants."""
    kind = type(case.expect).__name__
    {'Answer': _answer, 'Failure': _failure, 'Cut': _cut, 'Refusal': _refusal}[kind](case.expect, outcome)
    assert not stage.surplus, 'requests too many: {}'.format([it.line for it in stage.surplus])
    if case.seen is not None:
        lines = [request.line for request in stage.requests]
        assert len(lines) == len(case.seen), lines
        for wanted, request in zip(case.seen, stage.requests):
            assert request.line.startswith(stage.fill_in(wanted.line)), request.line
            for name, values in wanted.headers.items():
                assert request.all(name) == [stage.fill_in(value) for value in values], request.headers
            assert wanted.body is None or request.body == wanted.body, request.body[:100]


def _answer(expect, outcome):
    assert outcome.status == expect.status, outcome
    assert outcome.clean, outcome
    assert outcome.body == expect.body, outcome
    for name, values in expect.headers.items():
        found = [value for other, value in outcome.headers if other == name]
        assert found == values, (name, outcome.headers)


def _failure(expect, outcome):
    assert outcome.status == expect.status, outcome
    assert outcome.clean, outcome
    assert expect.words.encode('ascii') in outcome.body, outcome


def _cut(expect, outcome):
    if outcome.status == expect.status:
        assert not outcome.clean, outcome
        assert outcome.body.startswith(expect.body) or expect.body.startswith(outcome.body), outcome
    else:
        assert outcome.status == expect.otherwise, outcome
        assert expect.words.encode('ascii') in outcome.body, outcome


def _refusal(expect, outcome):
    assert outcome.status is None, outcome
    assert expect.words.encode('ascii') in outcome.body, outcome
