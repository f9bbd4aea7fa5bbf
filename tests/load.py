# SPDX-License-Identifier: Apache-2.0
"""Clients that send numbered mails without a pause, and remember for which they heard 250. What they sent is known again in a
mailbox by number, and by its last line to be whole."""

import contextlib
import itertools
import re
import smtplib
import threading

from harness import PATIENCE

NUMBER = re.compile(rb"^X-Number: (\d+)\r?$", re.M)
LONG = b"".join(b"line %d of a long mail\r\n" % i for i in range(4000))
SHORT = b"a short mail\r\n"


def compose(number):
    body = LONG if number % 4 == 0 else SHORT
    return (b"From: <s@client.example>\r\nTo: <a@example.com>\r\nSubject: load\r\nDate: Sun, 22 Nov 2026 03:00:00 +0000\r\n"
            b"Message-ID: <%d.load@client.example>\r\nX-Number: %d\r\n\r\n%send of %d\r\n" % (number, number, body, number))


def number_of(mail):
    """None when the mail is not whole."""
    found = NUMBER.search(mail, 0, 4096)
    if found and mail.replace(b"\r\n", b"\n").endswith(b"\nend of %s\n" % found[1]):
        return int(found[1])
    return None


class Client(threading.Thread):
    def __init__(self, port, numbers, source, mails_a_connection):
        super().__init__()
        self.port, self.numbers, self.source, self.mails = port, numbers, source, mails_a_connection
        self.accepted, self.failures, self.connections = [], [], 0
        self.in_message = False
        self.over = threading.Event()

    def run(self):
        while not self.over.is_set():
            try:
                self.connect()
            except (OSError, smtplib.SMTPException) as error:
                self.failures.append(repr(error))
                self.over.wait(0.02)  # or ports run out while nobody listens
            self.in_message = False

    def connect(self):
        self.connections += 1
        client = smtplib.SMTP(timeout=PATIENCE, local_hostname="client.example", source_address=(self.source, 0))
        try:
            code, text = client.connect("127.0.0.1", self.port)
            if code != 220:
                raise smtplib.SMTPConnectError(code, text)
            for _ in range(self.mails):
                if not self.over.is_set():
                    self.send(client, next(self.numbers))
            client.quit()
        finally:
            client.close()

    def send(self, client, number):
        client.ehlo_or_helo_if_needed()
        for command, hoped in (("MAIL FROM:<s@client.example>", 250), ("RCPT TO:<a@example.com>", 250), ("DATA", 354)):
            self.expect(client.docmd(command), hoped)
        mail = compose(number)
        client.send(mail[:200])
        self.in_message = True
        client.send(mail[200:] + b".\r\n")
        self.expect(client.getreply(), 250)
        self.in_message = False
        self.accepted.append(number)

    def expect(self, answer, hoped):
        if answer[0] != hoped:
            raise smtplib.SMTPResponseException(*answer)


class Load:
    def __init__(self, port, clients, mails_a_connection):
        numbers = itertools.count(1)
        self.clients = [Client(port, numbers, f"127.0.{i}.{10 + i}", mails_a_connection) for i in range(clients)]

    def accepted(self):
        return sum(len(c.accepted) for c in self.clients)

    def numbers(self):
        return {number for c in self.clients for number in c.accepted}

    def failures(self):
        return [failure for c in self.clients for failure in c.failures]

    def connections(self):
        return sum(c.connections for c in self.clients)

    def is_in_message(self):
        return any(c.in_message for c in self.clients)


@contextlib.contextmanager
def load(port, clients=8, mails_a_connection=3):
    everything = Load(port, clients, mails_a_connection)
    for client in everything.clients:
        client.start()
    try:
        yield everything
    finally:
        for client in everything.clients:
            client.over.set()
        for client in everything.clients:
            client.join()
