#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""postern in front of a server that behaves as Exchange does: its limit of connections is never felt by a client, its own keywords
never seen by one, whatever the load and however many workers; and a worker that dies takes its places along."""

import base64
import os
import signal
import smtplib
import socket
import unittest

from exchange import OWN, Exchange
from harness import PATIENCE, Gateway, poll
from load import load, number_of


def blob(kind, more=b""):
    return base64.b64encode(b"NTLMSSP\0" + bytes([kind, 0, 0, 0]) + more).decode("ascii")


class Behind(unittest.TestCase):
    def gateway(self, exchange, **more):
        return Gateway(self, servers=[f"127.0.0.1:{exchange.port}"], **more)

    def test_a_crowd_of_clients(self):
        exchange = Exchange(self)
        gateway = self.gateway(exchange, workers=4)
        with load(gateway.port, clients=30, mails_a_connection=3) as mails:
            poll(lambda: mails.accepted() > 300 or mails.failures(), "mails")
        self.assertEqual(mails.failures(), [])
        self.assertEqual(sorted(map(number_of, exchange.mails)), sorted(mails.numbers()))
        self.assertEqual((exchange.turned_away, exchange.protocol_errors), (0, 0))
        self.assertLessEqual(exchange.most, 19)  # one that we have closed may still be closing there

    def test_the_limit_holds_after_workers_were_killed(self):
        exchange = Exchange(self)
        gateway = self.gateway(exchange, workers=3, backend="connections = 4")
        for _ in range(3):
            with load(gateway.port, clients=12) as mails:
                before = mails.accepted()
                poll(lambda: mails.accepted() > before + 20, "mails")
            os.kill(gateway.pids("worker")[0], signal.SIGKILL)
            poll(lambda: len(gateway.pids("worker")) == 3, "the new worker")
        poll(lambda: gateway.status()["servers"][0]["connections"] == exchange.open, "the same count")
        with load(gateway.port, clients=12) as mails:
            poll(lambda: mails.accepted() > 50 or mails.failures(), "mails")
        self.assertEqual(mails.failures(), [])
        self.assertLessEqual(exchange.most, 4 + 3)  # what a dead worker had is still being closed there

    def test_what_it_takes_beyond_its_limit_is_busy_not_down(self):
        exchange = Exchange(self, connections=2)
        gateway = self.gateway(exchange, workers=2, backend="probe = 0")
        with load(gateway.port, clients=10) as mails:
            poll(lambda: exchange.turned_away > 5 and mails.accepted() > 20, "both")
        self.assertFalse([f for f in mails.failures() if "421" in f or "451" not in f], mails.failures())
        self.assertEqual(gateway.status()["servers"][0]["state"], "up")

    def test_its_own_keywords_stay_behind(self):
        exchange = Exchange(self)
        gateway = self.gateway(exchange)
        for _ in range(6):  # any worker
            with smtplib.SMTP("127.0.0.1", gateway.port, timeout=PATIENCE) as client:
                offered = client.ehlo()[1].decode("ascii").upper()
                for keyword in OWN + ("AUTH",):
                    self.assertNotIn(keyword, offered)
                self.assertEqual(client.docmd("XEXCH50 1 2")[0], 500)
        self.assertEqual(exchange.protocol_errors, 0)

    def test_who_is_refused_after_the_message(self):
        exchange = Exchange(self, refused=("nobody@example.com",))
        gateway = self.gateway(exchange, workers=1)
        with smtplib.SMTP("127.0.0.1", gateway.port, timeout=PATIENCE) as client:
            client.ehlo()
            for recipient, code in (("nobody", 550), ("somebody", 250), ("nobody", 550)):
                client.mail("a@example.net")
                self.assertEqual(client.rcpt(recipient + "@example.com")[0], 250)
                self.assertEqual(client.data(b"Subject: x\r\n\r\n.\r\n..\r\n")[0], code)
        self.assertEqual(len(exchange.mails), 1)

    def test_down_and_up_again_is_told(self):
        exchange = Exchange(self)
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            gateway = Gateway(self, servers=[f"127.0.0.1:{s.getsockname()[1]}", f"127.0.0.1:{exchange.port}"], workers=3)
            poll(lambda: gateway.status()["servers"][0]["state"] == "down", "three probes that fail")
        self.assertEqual(gateway.status()["servers"][1]["state"], "up")
        self.assertIn("state=down", gateway.command("status").stdout)
        self.assertEqual(gateway.log().count("event=server_down"), 1)

    def test_the_fake_itself(self):
        """What others rely on: NTLM in three steps, protocol errors, chunks."""
        exchange = Exchange(self)
        with smtplib.SMTP("127.0.0.1", exchange.port, timeout=PATIENCE) as client:
            client.ehlo()
            for password, code in ((b"wrong", 535), (b"secret", 235)):
                self.assertEqual(client.docmd("AUTH NTLM")[0], 334)
                self.assertEqual(client.docmd(blob(1))[0], 334)
                self.assertEqual(client.docmd(blob(3, password))[0], code)
            self.assertEqual(client.docmd("AUTH NTLM " + blob(2))[0], 501)
            client.mail("a@example.net")
            client.rcpt("b@example.com")
            client.send(b"BDAT 3\r\nabc")
            self.assertEqual(client.getreply()[0], 250)
            client.send(b"BDAT 3 LAST\r\n.\r\n")
            self.assertEqual(client.getreply()[0], 250)
            self.assertEqual(exchange.mails, [b"abc.\r\n"])
            self.assertEqual([client.docmd("NONSENSE")[0] for _ in range(5)], [500, 500, 500, 500, 421])


if __name__ == "__main__":
    unittest.main(verbosity=2)
