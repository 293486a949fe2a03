"""Django's SMTP backend over TLS, with a client certificate, against a real TLS server."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import sys
import threading

import pytest
import trustme

from .stack import environment

TIMEOUT = 120.0  # seconds; a mail takes a hundredth of one, its process a second

ANSWERS = {  # by the first four letters of a command
    b"EHLO": b"250-here\r\n250 STARTTLS\r\n",
    b"STAR": b"220 go on\r\n",
    b"DATA": b"354 go on\r\n",
    b"QUIT": b"221 bye\r\n",
}

SEND = """
import channels_compat; channels_compat.install()
from django.conf import settings
settings.configure(
    EMAIL_HOST="127.0.0.1", EMAIL_PORT=PORT, EMAIL_USE_SSL=MODE == "ssl", EMAIL_USE_TLS=MODE == "starttls",
    EMAIL_SSL_CERTFILE=PEM, EMAIL_SSL_KEYFILE=PEM,
)
import django; django.setup()
from django.core.mail import send_mail
send_mail("Gr\u00fc\u00dfe", "B\u00f6dy", "a@example.org", ["b@example.org"])
"""


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def pem(authority, tmp_path_factory):
    """A file with a key and a certificate for it, used on both sides."""
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    authority.issue_cert("client.example.org").private_key_and_cert_chain_pem.write_to_path(str(file))
    return str(file)


class SmtpServer(threading.Thread):
    """Takes one mail over TLS, from the start or after STARTTLS, and asks for a certificate."""

    def __init__(self, authority, pem, *, tls_first):
        super().__init__(daemon=True)
        self.tls_first = tls_first
        self.mail = self.certificate = None
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(pem)
        authority.configure_trust(self.context)
        self.context.verify_mode = ssl.CERT_REQUIRED
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(TIMEOUT)
        self.port = self.listener.getsockname()[1]

    def run(self):
        connection, _ = self.listener.accept()
        connection.settimeout(TIMEOUT)
        with contextlib.closing(self.listener):
            if self.tls_first:
                connection = self.secure(connection)
            self.talk(connection)

    def secure(self, connection):
        connection = self.context.wrap_socket(connection, server_side=True)
        self.certificate = connection.getpeercert()
        return connection

    def talk(self, connection):
        connection.sendall(b"220 here\r\n")
        lines = connection.makefile("rb")
        command = b""
        while command != b"QUIT":
            command = lines.readline()[:4].upper()
            connection.sendall(ANSWERS.get(command, b"250 fine\r\n"))
            if command == b"STAR":
                connection = self.secure(connection)
                lines = connection.makefile("rb")
            elif command == b"DATA":
                self.mail = b"".join(iter(lines.readline, b".\r\n"))
                connection.sendall(b"250 taken\r\n")


@pytest.mark.parametrize("mode", ["ssl", "starttls"])
def test_a_mail_is_sent_over_tls_with_the_sites_certificate(authority, pem, mode):
    server = SmtpServer(authority, pem, tls_first=mode == "ssl")
    server.start()
    code = f"PORT = {server.port}\nMODE = {mode!r}\nPEM = {pem!r}\n{SEND}"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, timeout=TIMEOUT
    )
    assert done.returncode == 0, done.stderr
    server.join(TIMEOUT)
    assert b"Subject: =?utf-8?" in server.mail
    assert server.certificate["subjectAltName"] == (("DNS", "client.example.org"),)
