"""What a site of 2017 tests itself with; tests/compat/test_stack.py runs them."""

import http.client

from channels import Group
from channels.test import ChannelLiveServerTestCase, ChannelTestCase, WSClient
from django.contrib.auth.models import User
from django.core import mail
from django.test import TestCase

from .models import Author, Note


class PageTests(TestCase):
    def test_the_test_client_logs_in_and_renders(self):
        User.objects.create_user("anna", password="secret")
        self.assertTrue(self.client.login(username="anna", password="secret"))
        Note.objects.create(author=Author.objects.create(name="jane"), text="x")
        response = self.client.get("/")
        self.assertContains(response, "Jane")
        self.assertTemplateUsed(response, "notes/index.html")
        self.assertEqual(response.context["visits"], 1)

    def test_mail_is_written(self):
        mail.send_mail("Gr\u00fc\u00dfe", "B\u00f6dy", "a@example.org", ["J\u00fcrgen <j@example.org>"])
        text = mail.outbox[0].message().as_string()
        self.assertIn("=?utf-8?", text)


class SocketTests(ChannelTestCase):
    def test_the_websocket_client_echoes_and_joins_the_group(self):
        client = WSClient(ordered=True)
        client.send_and_consume("websocket.connect", path="/")
        self.assertIsNone(client.receive(json=False))  # what accepts the socket has no text
        client.send_and_consume("websocket.receive", {"path": "/", "text": "x"})
        self.assertEqual(client.receive(json=False), "echo x")
        Group("everyone").send({"text": "y"})
        self.assertEqual(client.receive(json=False), "y")


class LiveTests(ChannelLiveServerTestCase):
    def test_a_live_server_with_its_own_processes_answers(self):
        connection = http.client.HTTPConnection(self.live_server_url.split("//")[1], timeout=100)
        connection.request("GET", "/stream/")
        self.assertEqual(connection.getresponse().read(), b"part 0\npart 1\npart 2\n")
        connection.close()
