#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A load balancer before whole processes: 127.0.0.2 may announce clients by the PROXY protocol, 127.0.0.3 by XCLIENT, 127.0.0.4 passes
through; nobody else may do any of it."""

import smtplib
import socket
import struct
import unittest

from harness import PATIENCE, Gateway, Sink, free_port, poll

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def version_1(client):
    return f"PROXY TCP4 {client} 198.51.100.1 40000 25\r\n".encode()


def version_2(client, command=0x21):
    block = socket.inet_aton(client) + socket.inet_aton("198.51.100.1") + struct.pack(">HH", 40000, 25)
    return SIGNATURE + bytes([command, 0x11]) + struct.pack(">H", len(block)) + block


class Client(smtplib.SMTP):
    """Says something of its own first."""

    def __init__(self, port, source, first=b""):
        self.first = first
        super().__init__("127.0.0.1", port, "client.example", PATIENCE, (source, 0))

    def _get_socket(self, host, port, timeout):
        s = super()._get_socket(host, port, timeout)
        s.sendall(self.first)
        return s


MAIL = "From: <a@example.net>\r\nDate: Sun, 22 Nov 2026 02:28:42 +0000\r\nMessage-ID: <1@example.net>\r\n\r\ntext\r\n"


class Balancer(unittest.TestCase):
    def setUp(self):
        self.sink = Sink(self)
        self.port = free_port()
        self.gateway = Gateway(self, workers=2, servers=(f"127.0.0.1:{self.sink.port}",), networks="127.0.0.77", more=f"""
            listen "behind" {{ address = "127.0.0.1"  port = {self.port}
                proxy_protocol = {{"127.0.0.2"}}  xclient = {{"127.0.0.3"}}  passthrough = {{"127.0.0.4", "127.0.0.99"}} }}
            """)

    def mails(self, count):
        return poll(lambda: len(self.sink.mails()) >= count and self.sink.mails(), "the mails")

    def test_both_versions_announce_the_client(self):
        for number, header in enumerate((version_1("192.0.2.99"), version_2("192.0.2.99"))):
            with Client(self.port, "127.0.0.2", header) as client:
                client.sendmail("a@example.net", ["b@example.com"], MAIL)
            for mail in self.mails(number + 1):
                self.assertIn(b"[192.0.2.99]", mail.split(b"\r\n\r\n")[0])

    def test_the_balancer_must_announce(self):
        for said in (b"EHLO client.example\r\n", version_2("192.0.2.99", 0x31), b"\x16\x03\x01\x00\x05hello"):
            with socket.create_connection(("127.0.0.1", self.port), PATIENCE, ("127.0.0.2", 0)) as s:
                s.sendall(said)
                try:
                    self.assertEqual(s.recv(512), b"")
                except ConnectionResetError:
                    pass

    def test_its_health_checks_are_no_errors(self):
        for said in (b"", version_2("192.0.2.99", 0x20)):
            with socket.create_connection(("127.0.0.1", self.port), PATIENCE, ("127.0.0.2", 0)) as s:
                s.sendall(said)
                self.assertTrue(not said or s.recv(512).startswith(b"220 "))
        poll(lambda: self.gateway.status()["counters"]["proxy_checks"] == 2, "both counted")
        self.assertEqual(self.gateway.status()["counters"]["proxy_refused"], 0)

    def test_strangers_announce_nobody(self):
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE, ("127.0.0.5", 0)) as s:
            s.sendall(version_1("127.0.0.77"))
            lines = s.makefile("rb").readlines()
            self.assertTrue(lines[0].startswith(b"220 ") and lines[1].startswith(b"500 "), lines)
        with Client(self.port, "127.0.0.5") as client:
            client.ehlo()
            self.assertFalse(client.has_extn("xclient"))
            self.assertEqual(client.docmd("XCLIENT", "ADDR=127.0.0.77")[0], 500)
            self.assertEqual(client.mail("a@example.net")[0], 250)
            self.assertEqual(client.rcpt("b@example.org")[0], 550)

    def test_xclient(self):
        with Client(self.port, "127.0.0.3") as client:
            client.ehlo()
            self.assertTrue(client.has_extn("xclient"))
            self.assertEqual(client.docmd("XCLIENT", "ADDR=192.0.2.98 NAME=far.example")[0], 220)
            client.ehlo()
            client.sendmail("a@example.net", ["b@example.com"], MAIL)
        self.assertIn(b"(far.example [192.0.2.98])", self.mails(1)[0])

    def test_passthrough(self):
        for source, header in (("127.0.0.4", b""), ("127.0.0.2", version_1("127.0.0.99"))):
            with Client(self.port, source, header) as client:
                client.ehlo()
                client.sendmail("a@example.net", ["b@example.org"], MAIL)
        for mail in self.mails(2):
            self.assertNotIn(b"mx.example.com", mail)
        poll(lambda: self.gateway.status()["counters"]["passthrough"] == 0, "the end of both")
        self.assertEqual(self.gateway.status()["counters"]["passthrough_all"], 2)


if __name__ == "__main__":
    unittest.main()
