"""Browsers that leave a site whose operations run on one server and whose disconnects another one reads."""

from __future__ import annotations

import socket
import time

from tests.acceptance.stack import Site


def start_two_servers(site: Site) -> None:
    """`runs`, which does the operations and hears of no disconnect, and `reads`, which has to tell it."""
    site.start_server("reads", CHANNELS_ASYNC_CHANNEL="nothing.async")
    site.start_server("runs", CHANNELS_ASYNC_DISCONNECT_CHANNELS="")


def ask(site: Site, path: str) -> socket.socket:
    """A browser that has asked for a page; it leaves when the connection is closed."""
    browser = socket.create_connection(("127.0.0.1", int(site.url.rpartition(":")[2])), 20)
    browser.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    return browser


def seconds_to_the_upstream(site: Site, upstream: socket.socket) -> float:
    """From the closed connection of a browser to the closed connection at the upstream, which listens."""
    with ask(site, "/ask/") as browser:
        connection, _ = upstream.accept()
        connection.settimeout(20)
        with connection:
            while b"\r\n\r\n" not in connection.recv(65536):
                pass
            browser.close()
            left = time.perf_counter()
            try:
                while connection.recv(65536):
                    pass
            except ConnectionResetError:
                pass
            return time.perf_counter() - left
