"""The private Redis of the tests keeps its promises."""

from __future__ import annotations

import os
import socket
import threading

import pytest

from tests.harness.redis_server import NoRedisBinary, find_binary, redis_server, sentinel_server
from tests.harness.resp import Connection, RedisError


def test_it_answers_over_tcp_and_over_its_unix_socket():
    with redis_server() as server:
        server.command("SET", "a", b"\x00\xff\r\n")
        with Connection(server.path) as connection:
            assert connection.command("GET", "a") == b"\x00\xff\r\n"
            assert connection.command("LRANGE", "nothing", 0, -1) == []
            assert connection.command("GET", "nothing") is None
            with pytest.raises(RedisError, match="WRONGTYPE"):
                connection.command("LPUSH", "a", "b")


def test_leaving_ends_the_process_and_removes_its_directory():
    with redis_server() as server:
        pid, directory = server.pid, server.directory
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert not directory.exists()


def test_ctrl_c_in_a_terminal_is_not_for_it_but_for_who_started_it():
    with redis_server() as server:
        assert os.getpgid(server.pid) == server.pid != os.getpgid(0)


def test_it_comes_back_on_the_same_port_without_its_data():
    with redis_server() as server:
        server.command("SET", "a", "b")
        port = server.port
        server.kill()
        with pytest.raises(ConnectionRefusedError):
            server.command("PING")
        server.start()
        assert server.port == port
        assert server.command("GET", "a") is None


def test_who_closes_the_connection_does_not_lead():
    def close_one() -> None:
        listener.accept()[0].close()

    with redis_server() as server:
        assert server.is_master()
        server.kill()
        assert not server.is_master()
        # As one does that Sentinel promotes, with all connections that it has.
        with socket.create_server((server.host, server.port)) as listener:
            thread = threading.Thread(target=close_one, daemon=True)
            thread.start()
            assert not server.is_master()
            thread.join()


def test_a_password_is_asked_for_and_is_in_the_url():
    with redis_server(password="geheim") as server:
        assert server.url == f"redis://:geheim@127.0.0.1:{server.port}/0"
        assert server.command("PING") == b"PONG"
        with Connection((server.host, server.port)) as stranger, pytest.raises(RedisError, match="NOAUTH"):
            stranger.command("PING")


def test_a_sentinel_names_its_master():
    with redis_server() as master, sentinel_server(master) as sentinel:
        reply = sentinel.command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", sentinel.service)
        assert reply == [b"127.0.0.1", str(master.port).encode()]


def test_a_named_binary_that_does_not_exist_is_an_error_that_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("CHANNELS_ASYNC_TEST_REDIS", str(tmp_path / "nothing"))
    with pytest.raises(NoRedisBinary, match="CHANNELS_ASYNC_TEST_REDIS"):
        find_binary()
