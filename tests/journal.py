#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What whole processes have recorded, judged again and reported."""

import json
import mailbox
import os
import re
import shutil
import smtplib
import tempfile
import unittest

from harness import PATIENCE, Gateway, Sink, poll

MESSAGE = "From: a@example.net\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@example.net>\r\n\r\nhello\r\n"
TWO_FROM = "From: c@example.net\r\n" + MESSAGE
NO_FROM = MESSAGE.partition("\r\n")[2]
FOREIGN = ("Return-Path: <a@example.net>\nDelivered-To: b@example.com\n"
           "Received: from inner (localhost [127.0.0.1]) by store.example.com; Sun, 22 Nov 2026 10:00:01 +0000\n"
           "Received: from {helo} (unknown [192.0.2.1]) by mx.example.com for <b@example.com>; Sun, 22 Nov 2026 10:00:00 +0000\n"
           "From: a@example.net\nSubject: x\n\nhello\n")
QUIET = 'checks {{ off = {{"client_name", "helo_name", "sender_domain", "spf", "dnsbl", "rhsbl"{}}} }}'


class Setting:
    """A gateway before a sink, for which everybody on this machine is a stranger, and that asks no name server."""

    def __init__(self, test, more=""):
        self.sink = Sink(test)
        self.quiet = QUIET.format("")
        self.gateway = Gateway(test, workers=2, servers=(f"127.0.0.1:{self.sink.port}",), networks="127.0.0.99/32",
                               backend="tls = off", more=more or self.quiet)

    def another(self, more):
        """The same configuration but for one piece of it, in another file."""
        with open(self.gateway.file, encoding="ascii") as file:
            text = file.read()
        path = self.gateway.directory + "/other.conf"
        with open(path, "w", encoding="ascii") as file:
            file.write(text.replace(self.quiet, more))
        return path

    def replay(self, *words):
        return self.gateway.command("replay", *words)

    def recorded(self, number):
        """Waits until the keeper has written so many."""
        poll(lambda: f"{number} judged\n" in self.replay().stdout, f"{number} records")


def send(gateway, helo="client.example", sender="a@example.net", recipients=("b@example.com",), message=MESSAGE):
    with smtplib.SMTP("127.0.0.1", gateway.port, timeout=PATIENCE, source_address=("127.0.0.2", 0)) as client:
        client.ehlo(helo)
        client.mail(sender)
        codes = [client.rcpt(recipient)[0] for recipient in recipients]
        return client.data(message)[0] if 250 in codes else codes[-1]


class Replay(unittest.TestCase):
    def test_what_was_recorded_is_judged_the_same(self):
        setting = Setting(self)
        self.assertEqual(send(setting.gateway), 250)
        self.assertEqual(send(setting.gateway, message=TWO_FROM), 550)
        self.assertEqual(send(setting.gateway, recipients=("b@elsewhere.example",)), 550)
        self.assertEqual(send(setting.gateway, recipients=("b@elsewhere.example", "b@example.com")), 250)
        setting.recorded(4)
        answer = setting.replay()
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertIn(": 2 accept, 2 reject, 0 undecided\n", answer.stdout)
        self.assertIn("as recorded: 4 of 4\n", answer.stdout)

    def test_another_configuration_changes_what_it_changes(self):
        setting = Setting(self)
        self.assertEqual(send(setting.gateway), 250)
        self.assertEqual(send(setting.gateway, message=NO_FROM), 250)
        self.assertEqual(send(setting.gateway, message=TWO_FROM), 550)
        setting.recorded(3)
        ids = re.findall(r"event=transaction id=(\S+)", setting.gateway.log())
        same = setting.replay("--against", setting.gateway.file)
        self.assertEqual((same.returncode, same.stdout.splitlines()[-1]), (0, "changed: 0"))
        for more, changes in ((" thresholds { tag = 1  quarantine = 2  reject = 2.5 }",
                               [f"{ids[1]}: reject -> accept, by threshold reject"]),
                              (' allow "here" { networks = {"127.0.0.0/8"} }',
                               [f"{ids[2]}: accept -> reject, by check headers"])):
            answer = setting.replay("--against", setting.another(setting.quiet + more))
            self.assertEqual(answer.returncode, 1, answer.stderr)
            self.assertEqual(answer.stdout.splitlines()[:-5], changes, answer.stdout)
            self.assertEqual(answer.stdout.splitlines()[-1], "changed: 1")

    def test_a_rule_that_came_and_one_that_lacks_a_fact(self):
        setting = Setting(self)
        self.assertEqual(send(setting.gateway), 250)
        setting.recorded(1)
        path = setting.gateway.directory + "/site.rules"
        other = setting.another(setting.quiet + f' rules {{ files = {{"{path}"}} }}')

        def under(rule):
            with open(path, "w", encoding="ascii") as file:
                file.write(f"version 1\n{rule}\n")
            return setting.gateway.command("replay", "--against", other)
        answer = under('rule odd { stage mail when sender.domain == "example.net" then reject "no" }')
        self.assertIn(": reject -> accept, by rule odd\n", answer.stdout, answer.stderr)
        self.assertEqual(answer.returncode, 1)
        answer = under('rule odd { stage message when header["X-Never-Asked"] == "x" then reject "no" on_error tempfail }')
        self.assertIn("1 undecided (not recorded: header 1)", answer.stdout, answer.stderr)
        self.assertEqual(answer.returncode, 0)

    def test_what_came_to_no_message_is_undecided_when_it_would_pass(self):
        setting = Setting(self)
        self.assertEqual(send(setting.gateway, recipients=("b@elsewhere.example",)), 550)
        setting.recorded(1)
        with open(setting.gateway.file, encoding="ascii") as file:
            text = file.read()
        with open(setting.gateway.file, "w", encoding="ascii") as file:
            file.write(text.replace('"example.com"}', '"example.com", "elsewhere.example"}'))
        answer = setting.replay()
        self.assertIn("0 accept, 1 undecided\n", answer.stdout)

    def test_by_id_and_what_is_none(self):
        setting = Setting(self)
        send(setting.gateway)
        send(setting.gateway)
        setting.recorded(2)
        ids = re.findall(r"event=transaction id=(\S+)", setting.gateway.log())
        self.assertIn("1 judged\n", setting.replay(ids[0]).stdout)
        answer = setting.replay("nonsense")
        self.assertEqual(answer.returncode, 66)
        self.assertIn("there is no record with this id", answer.stderr)

    def test_nothing_is_counted_and_the_record_stays(self):
        setting = Setting(self, more=QUIET.format("") + ' rate "r" { of = messages  by = client  period = 1h  limit = 3 '
                          'action = "reject" }')
        self.assertEqual(send(setting.gateway), 250)
        setting.recorded(1)
        for _ in range(5):
            self.assertIn("as recorded: 1 of 1\n", setting.replay().stdout)
        self.assertEqual(send(setting.gateway), 250)


class Foreign(unittest.TestCase):
    def setUp(self):
        self.setting = Setting(self)
        self.directory = tempfile.mkdtemp(prefix="postern-replay-")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)

    def test_a_maildir_from_its_received_fields(self):
        box = mailbox.Maildir(self.directory + "/box", create=True)
        box.add(FOREIGN.format(helo="client.example"))
        box.add(FOREIGN.format(helo="mx.example.com"))
        answer = self.setting.replay("--client-from-received", "2", self.directory + "/box")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertIn("2 judged\n", answer.stdout)
        self.assertIn(", 1 reject", answer.stdout)

    def test_an_mbox_and_a_file_against_another_configuration(self):
        path = self.directory + "/mbox"
        with open(path, "w", encoding="ascii") as file:
            for helo in ("client.example", "mx.example.com"):
                file.write("From a@example.net Sun Nov 22 10:00:00 2026\n" + FOREIGN.format(helo=helo) + "\n")
        with open(self.directory + "/one", "w", encoding="ascii") as file:
            file.write(FOREIGN.format(helo="client.example"))
        other = self.setting.another('checks { chain = {"relay_is_not_named_here"} }')
        self.assertEqual(self.setting.replay("--against", other, path).returncode, 78)
        other = self.setting.another(QUIET.format(', "helo"'))
        answer = self.setting.replay("--against", other, "--client-from-received", "2", path, self.directory + "/one")
        self.assertEqual(answer.returncode, 1, answer.stdout)
        self.assertIn(f"{path}:2: accept -> reject, by check helo\n", answer.stdout)
        self.assertIn("3 judged\n", answer.stdout)

    def test_what_cannot_be_read(self):
        empty = self.directory + "/empty"
        os.mkdir(empty)
        with open(self.directory + "/one", "w", encoding="ascii") as file:
            file.write(FOREIGN.format(helo="client.example"))
        for words, status, said in (((empty,), 66, "neither a Maildir nor a store"),
                                    (("--client-from-received", "3", self.directory + "/one"), 66, "no such Received field"),
                                    (("--client-from-received", "x", self.directory + "/one"), 64, "takes a number")):
            answer = self.setting.replay(*words)
            self.assertEqual(answer.returncode, status, words)
            self.assertIn(said, answer.stderr)


class Report(unittest.TestCase):
    def test_what_observe_mode_would_have_done(self):
        setting = Setting(self, more='mode = "observe" ' + QUIET.format(""))
        self.assertEqual(send(setting.gateway), 250)
        self.assertEqual(send(setting.gateway, helo="mx.example.com"), 250)
        setting.recorded(2)
        answer = setting.gateway.command("report", "--since", "1h")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertIn("Of 2 transactions of the last 1h, 1 would have been refused, 0 of these known as good.", answer.stdout)
        self.assertIn("check helo", answer.stdout)
        entry = re.search(r"not with: (allow .*)", answer.stdout)[1]
        self.assertEqual(entry, 'allow "127.0.0.2" { networks = {"127.0.0.2"} }')
        # The entry that it advises is one that counts.
        setting.gateway.configure(more='mode = "observe" ' + QUIET.format("") + "\n" + entry)
        self.assertEqual(setting.gateway.command("reload").returncode, 0)
        self.assertEqual(send(setting.gateway, helo="mx.example.com"), 250)
        setting.recorded(3)
        report = json.loads(setting.gateway.command("report", "--json").stdout)
        self.assertEqual((report["transactions"], report["refused"], len(report["findings"])), (3, 1, 1))
        self.assertEqual(report["findings"][0]["by"], "check helo")

    def test_what_a_monitored_check_would_have_done(self):
        setting = Setting(self, more='checks { monitor = {"helo"}  off = {"client_name", "helo_name", "sender_domain", "spf", "dnsbl", "rhsbl"} }')
        self.assertEqual(send(setting.gateway, helo="mx.example.com"), 250)
        setting.recorded(1)
        report = json.loads(setting.gateway.command("report", "--json").stdout)
        self.assertEqual([(f["by"], f["verdict"], f["known_good"]) for f in report["findings"]], [("check helo", "reject", False)])

    def test_what_a_monitored_rule_would_have_done(self):
        setting = Setting(self)
        path = setting.gateway.directory + "/site.rules"
        with open(path, "w", encoding="ascii") as file:
            file.write('version 1\nrule odd { stage mail when sender.domain == "example.net" then reject "no" mode monitor }\n')
        setting.gateway.configure(more=setting.quiet + f' rules {{ files = {{"{path}"}} }}')
        self.assertEqual(setting.gateway.command("reload").returncode, 0)
        self.assertEqual(send(setting.gateway), 250)
        setting.recorded(1)
        report = json.loads(setting.gateway.command("report", "--json").stdout)
        self.assertEqual([(f["by"], f["verdict"]) for f in report["findings"]], [("rule odd", "reject")])

    def test_wrong_usage(self):
        setting = Setting(self)
        self.assertEqual(setting.gateway.command("report", "--since", "soon").returncode, 64)


if __name__ == "__main__":
    unittest.main(verbosity=2)
