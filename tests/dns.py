#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whole processes that ask a name server on loopback: workers inside their sandbox, explain; reload, stop and a server that is gone while
questions are under way."""

import json
import smtplib
import subprocess
import tempfile
import threading
import time
import unittest

from harness import PATIENCE, POSTERN, Gateway, NameServer, Sink, greeting, is_alive, nobody_has_died, poll

ZONE = """
    good.example       MX 10 mx.good.example
    mx.good.example    A 192.0.2.1
    null.example       MX 0 .
    *.dead.example     does silence
    1.0.0.127.in-addr.arpa PTR client.example
    2.0.0.127.list.example A 127.0.0.2
    3.0.0.127.list.example A 127.0.0.4
"""
MESSAGE = "From: a@good.example\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@good.example>\r\n\r\nhello\r\n"
STRANGERS = "127.0.0.2/32"


class Setting:
    def __init__(self, test, timeout="5s", more="", workers=2):
        self.names = NameServer(test, ZONE)
        self.sink = Sink(test)
        self.gateway = Gateway(test, workers=workers, servers=(f"127.0.0.1:{self.sink.port}",), networks=STRANGERS,
                               backend="tls = off",
                               more=f'dns {{ servers = {{"127.0.0.1:{self.names.port}"}}  timeout = {timeout} }} {more}')

    def client(self, source="127.0.0.1"):
        client = smtplib.SMTP("127.0.0.1", self.gateway.port, timeout=PATIENCE, source_address=(source, 0))
        client.ehlo("mx.good.example")
        return client

    def send(self, sender, source="127.0.0.1"):
        with self.client(source) as client:
            client.sendmail(sender, ["b@example.com"], MESSAGE)


class Workers(unittest.TestCase):
    def test_they_ask_from_inside_their_sandbox(self):
        setting = Setting(self)
        setting.send("a@good.example")
        with self.assertRaises(smtplib.SMTPRecipientsRefused) as refused:
            setting.send("a@null.example")
        code, text = refused.exception.recipients["b@example.com"]
        self.assertEqual((code, text[:6]), (550, b"5.7.27"))
        self.assertEqual(len(setting.sink.mails()), 1)

    def test_a_new_generation_asks_too(self):
        setting = Setting(self, workers=1)
        before = setting.gateway.pids("worker")
        self.assertEqual(setting.gateway.command("reload").returncode, 0)
        poll(lambda: setting.gateway.pids("worker") != before, "the new generation")
        with self.assertRaises(smtplib.SMTPRecipientsRefused):
            setting.send("a@null.example")

    def test_lists_of_the_dns(self):
        setting = Setting(self, more='dnsbl "list.example" { action = refuse }')
        with self.assertRaises(smtplib.SMTPRecipientsRefused) as refused:
            setting.send("a@good.example", source="127.0.0.3")
        self.assertIn(b"127.0.0.3 is listed by list.example", refused.exception.recipients["b@example.com"][1])

    def test_a_name_server_that_is_gone_costs_time_and_no_mail(self):
        setting = Setting(self, timeout="300ms")
        setting.names.kill()
        before = time.monotonic()
        setting.send("a@good.example")
        self.assertLess(time.monotonic() - before, PATIENCE)
        poll(setting.sink.mails, "the mail")


class UnderWay(unittest.TestCase):
    """A question that nobody answers."""

    def begin(self, setting):
        """MAIL whose answer waits for the DNS, in another thread; its outcome comes in a list."""
        client, outcome = setting.client(), []

        def mail():
            try:
                outcome.append(client.mail("a@x.dead.example")[0])
            except smtplib.SMTPServerDisconnected:
                outcome.append("closed")
            client.close()

        thread = threading.Thread(target=mail)
        thread.start()
        self.addCleanup(thread.join)
        return outcome

    def test_others_are_served_meanwhile(self):
        setting = Setting(self, timeout="3s", workers=1)
        outcome = self.begin(setting)
        for _ in range(20):
            line, _ = greeting(setting.gateway.port)
            self.assertTrue(line.startswith(b"220 "))
        self.assertEqual(outcome, [])
        poll(lambda: outcome, "the answer to MAIL")
        self.assertEqual(outcome, [250])

    def test_a_draining_worker_waits_for_it(self):
        setting = Setting(self, timeout="2s", workers=1)
        old = setting.gateway.pids("worker")[0]
        outcome = self.begin(setting)
        setting.gateway.command("reload")
        poll(lambda: outcome, "the answer to MAIL")
        self.assertIn(outcome[0], (250, 421))
        poll(lambda: not is_alive(old), "the end of the old generation")
        nobody_has_died(self, setting.gateway)


class Explain(unittest.TestCase):
    def explain(self, setting, *more):
        with tempfile.NamedTemporaryFile("w", encoding="ascii", newline="") as message:
            message.write(MESSAGE)
            message.flush()
            answer = subprocess.run(
                [POSTERN, "explain", "-c", setting.gateway.file, "--json", "--client", "127.0.0.3", "--helo", "mx.good.example",
                 "--recipient", "b@example.com", *more, message.name],
                capture_output=True, text=True, timeout=PATIENCE, check=True)
        return json.loads(answer.stdout)

    def test_it_asks(self):
        setting = Setting(self)
        told = self.explain(setting, "--sender", "a@null.example")
        self.assertEqual((told["verdict"], told["status"]), ("reject", "5.7.27"))
        self.assertEqual(told["facts"]["dns.mx(null.example)"], ["0 ."])

    def test_its_facts_can_be_given_back(self):
        setting = Setting(self)
        told = self.explain(setting, "--sender", "a@null.example")
        setting.names.kill()
        with tempfile.NamedTemporaryFile("w", encoding="utf-8") as facts:
            json.dump(told["facts"], facts)
            facts.flush()
            again = self.explain(setting, "--sender", "a@null.example", "--facts", facts.name)
        self.assertEqual((again["verdict"], again["status"]), ("reject", "5.7.27"))
        self.assertEqual(again["facts"]["dns.mx(null.example)"], ["0 ."])


if __name__ == "__main__":
    unittest.main()
