#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plugins in whole gateways: those that come along, one that misbehaves in every way (tests/milters/odd.c), and a program of others. Each
runs in its own process, started, watched and ended by the gateway."""

import os
import shutil
import smtplib
import socket
import subprocess
import tempfile
import threading
import time
import unittest

from harness import POSTERN, Gateway, NameServer, Sink, at_the_end_of, is_alive, maildir, poll

HERE = os.path.dirname(os.path.abspath(__file__))
BUILT = os.path.join(os.path.dirname(os.path.abspath(POSTERN)), "plugins")
LETTER = (b"From: a@example.com\r\nTo: b@example.com\r\nSubject: hello\r\n"
          b"Date: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@example.com>\r\n\r\nHello,\r\nthis is a letter.\r\n")
# Others are told of names and addresses that nobody here knows.
QUIET = "checks { off = {client_name, helo_name, sender_domain, spf} } spf { add_received = no } "
HAS_LIBMILTER = os.path.exists("/usr/include/libmilter/mfapi.h") and shutil.which("gcc")


def folder_for(test, mode=0o755):
    """Where the plugin's user may go; what the tests run in may be closed to it."""
    folder = tempfile.mkdtemp(prefix="postern-plugins-")
    os.chmod(folder, mode)
    at_the_end_of(test)(shutil.rmtree, folder, ignore_errors=True)
    return folder


def shipped(test, name):
    return shutil.copy(f"{BUILT}/{name}.so", folder_for(test))


def send(port, letter=LETTER, recipients=("b@example.com",)):
    with smtplib.SMTP("127.0.0.1", port, "client.example", timeout=60) as client:
        try:
            client.sendmail("a@example.com", list(recipients), letter)
            return 250, b""
        except smtplib.SMTPRecipientsRefused as error:
            return next(iter(error.recipients.values()))
        except smtplib.SMTPResponseException as error:
            return error.smtp_code, error.smtp_error


def fields(mail, name):
    head = mail.replace(b"\r\n", b"\n").split(b"\n\n", 1)[0].replace(b"\n\t", b" ").replace(b"\n ", b" ")
    return [line.split(b":", 1)[1].strip() for line in head.split(b"\n") if line.lower().startswith(name.lower() + b":")]


def begin(test, plugins, more="", workers=2):
    sink = Sink(test)
    gateway = Gateway(test, workers=workers, servers=[f"127.0.0.1:{sink.port}"], backend="tls = off", networks="10.0.0.0/8",
                      more=QUIET + plugins + more)
    return gateway, sink


def plugin(gateway, name):
    return next((p for p in gateway.status()["plugins"] if p["name"] == name and p["state"] != "ending"), None)


class Hello(unittest.TestCase):
    """The tutorial does what it says."""

    def test_adds_and_refuses(self):
        gateway, sink = begin(self, f'plugin "hello" {{ path = "{shipped(self, "hello")}" }}')
        self.assertEqual(send(gateway.port), (250, b""))
        self.assertEqual(fields(sink.mails()[0], b"X-Hello"), [b"from a plugin"])
        code, text = send(gateway.port, LETTER.replace(b"Subject: hello", b"Subject: Very CHEAP watches"))
        self.assertEqual(code, 550)
        self.assertIn(b"5.7.1 not with that subject", text)
        self.assertEqual(len(sink.mails()), 1)

    def test_takes_an_argument(self):
        gateway, _ = begin(self, f'plugin "hello" {{ path = "{shipped(self, "hello")}" arguments = {{"hello"}} }}')
        self.assertEqual(send(gateway.port)[0], 550)
        self.assertEqual(send(gateway.port, LETTER.replace(b"hello", b"cheap"))[0], 250)


if __name__ == "__main__":
    unittest.main(verbosity=2)
