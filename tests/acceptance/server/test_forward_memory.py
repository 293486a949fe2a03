"""A gigabyte through a server that holds none of it."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import msgpack
import pytest

from tests.acceptance.raw import REPLIES, Server
from tests.harness.redis_server import redis_server

MiB = 1024 * 1024
GiB = 1024 * MiB
PIECE = 512 * 1024


def most_memory(pid: int) -> int:
    """The largest resident set that a process has had, bytes."""
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if "VmHWM" in line]
    return int(line.split()[1]) * 1024


@pytest.fixture
def server(tmp_path):
    with redis_server() as redis:
        it = Server(tmp_path, redis, "CHANNELS_ASYNC_SERVER = {'DEADLINES': {'FORWARD': 110}}")
        it.wait_until_ready()
        yield it
        it.process.end()


def count(listening: socket.socket) -> None:
    """Take one request and answer with the size of its body."""
    connection, _ = listening.accept()
    with connection, connection.makefile("rb") as reader:
        length = 0
        while (line := reader.readline()) != b"\r\n":
            if line.lower().startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        size = 0
        while size < length:
            size += len(reader.read(min(MiB, length - size)))
        body = b"%d\n" % size
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


def forward(server: Server, url: str, **fields: object) -> None:
    operation = {"v": 2, "operation": "FORWARD", "id": "one", "reply_channel": REPLIES + "abc", "url": url}
    server.put(msgpack.packb({**operation, **fields}))


def received(server: Server) -> int:
    """Read an answer and throw it away; its size."""
    message = server.answer()
    assert message["status"] == 200
    size = len(message["content"])
    while message["more_content"]:
        key = server.redis.command("BLPOP", "asgi:" + REPLIES, 40)[1]
        message = msgpack.unpackb(server.redis.command("GET", key), raw=False)
        server.redis.command("DEL", key)
        size += len(message["content"])
    return size


def test_a_gigabyte_down_in_flat_memory(server, upstream):
    forward(server, upstream.url + "/zeros/" + str(16 * MiB))
    assert received(server) == 16 * MiB
    before = most_memory(server.process.pid)
    forward(server, upstream.url + "/zeros/" + str(GiB))
    assert received(server) == GiB
    assert most_memory(server.process.pid) - before < 32 * MiB


def test_a_large_body_up_in_flat_memory(server):
    channel, size = "http.request.body?abc", 200 * MiB
    listening = socket.create_server(("127.0.0.1", 0))
    upstream = threading.Thread(target=count, args=[listening], daemon=True)
    upstream.start()
    url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
    forward(server, url, method="POST", body_channel=channel, content_length=size)
    piece = {"content": b"\0" * PIECE, "more_content": True}
    before = 0
    for number in range(size // PIECE):
        packed = msgpack.packb({**piece, "more_content": number + 1 < size // PIECE}, use_bin_type=True)
        while number % 20 == 0 and server.redis.command("LLEN", "asgi:" + channel) > 60:
            pass  # as a server that puts them there waits while the channel is full
        server.put(packed, channel)
        if number == 40:
            before = most_memory(server.process.pid)
    _, _, body = server.whole_answer()
    assert body == b"%d\n" % size
    upstream.join()
    listening.close()
    assert most_memory(server.process.pid) - before < 32 * MiB
