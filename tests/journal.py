#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What whole processes have recorded, judged again and reported; what they record, and what not."""

import json
import mailbox
import os
import re
import shutil
import smtplib
import socket
import tempfile
import unittest

from harness import PATIENCE, Gateway, NameServer, Sink, poll

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

    def __init__(self, test, more="", store="record = yes", names=None):
        self.sink = Sink(test)
        self.names = NameServer(test, names) if names else None
        self.quiet = QUIET.format("")
        self.gateway = Gateway(test, workers=2, servers=(f"127.0.0.1:{self.sink.port}",), networks="127.0.0.99/32",
                               backend="tls = off", store=store, more=self.ask() + (more or self.quiet))

    def ask(self):
        return f'dns {{ servers = {{"127.0.0.1:{self.names.port}"}} }} ' if self.names else ""

    def rules(self, text, name="site.rules"):
        """Writes a rule file, and says where it is."""
        path = f"{self.gateway.directory}/{name}"
        with open(path, "w", encoding="ascii") as file:
            file.write(f"version 1\n{text}\n")
        return path

    def use(self, more):
        self.gateway.configure(more=self.ask() + self.quiet + " " + more)
        answer = self.gateway.command("reload")
        assert answer.returncode == 0, answer.stdout + answer.stderr

    def record(self, name):
        answer = self.gateway.command("explain", "--json", name)
        return json.loads(answer.stdout) if answer.returncode == 0 else None

    def last(self):
        """The id of the last transaction."""
        return re.findall(r"event=transaction id=(\S+)", self.gateway.log())[-1]

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


class Kept(unittest.TestCase):
    RULE = 'rule odd { stage message when subject == "secret" then reject "no" }'

    def test_without_record_there_is_what_the_log_has(self):
        setting = Setting(self, store="")
        path = setting.rules('rule odd { stage message when subject == "other" then reject "no" }')
        setting.use(f'rules {{ files = {{"{path}"}} }}')
        self.assertEqual(send(setting.gateway, message="Subject: secret\r\n" + MESSAGE), 250)
        setting.recorded(1)
        record = setting.record(setting.last())
        self.assertEqual((record["recorded"], record["facts"]["sender"], record["facts"]["recipients"]),
                         ("verdict", "a@example.net", ["b@example.com"]))
        self.assertNotIn("secret", json.dumps(record))
        answer = setting.replay()
        self.assertIn("1 undecided (not recorded: subject 1)", answer.stdout)
        self.assertEqual(answer.returncode, 0)

    def test_with_record_it_is_judged_again_without_a_name_server(self):
        setting = Setting(self, names="null.example MX 0 .", more=" ")
        self.assertEqual(send(setting.gateway, sender="a@null.example"), 550)
        self.assertEqual(send(setting.gateway), 250)
        setting.recorded(2)
        setting.names.kill()
        answer = setting.replay()
        self.assertIn("as recorded: 2 of 2\n", answer.stdout)
        self.assertIn(", 0 undecided\n", answer.stdout)

    def test_messages_are_kept_and_judged_by_what_nobody_asked(self):
        setting = Setting(self, store="record = yes  messages = yes  message_size = 2k")
        self.assertEqual(send(setting.gateway, message="X-Odd: x\r\nSubject: secret\r\n" + MESSAGE), 250)
        self.assertEqual(send(setting.gateway, message="X-Odd: y\r\n" + MESSAGE + "x" * 2000 + "\r\n"), 250)
        self.assertEqual(send(setting.gateway, message="X-Odd: x\r\n" + TWO_FROM), 550)
        setting.recorded(3)
        ids = re.findall(r"event=transaction id=(\S+)", setting.gateway.log())
        self.assertEqual([setting.record(name)["recorded"] for name in ids], ["message", "facts", "message"])
        for rule in ('header["X-Odd"] == "x"', 'any header (name == "X-Odd" and value == "x")', 'message.hash != "" and not subject == "other"'):
            path = setting.rules(f'rule odd {{ stage message when {rule} then reject "no" }}')
            other = setting.another(setting.quiet + f' rules {{ files = {{"{path}"}} }}')
            answer = setting.gateway.command("replay", "--against", other)
            self.assertIn(f"{ids[0]}: reject -> accept, by rule odd\n", answer.stdout, answer.stderr)
            # The large one was not kept: what it said is not known.
            self.assertRegex(answer.stdout, r"other.conf: .* 1 undecided \(not recorded: (header|message.hash|subject) 1\)")

    def test_the_file_of_messages_stays_small(self):
        setting = Setting(self, store="record = yes  messages = yes  message_size = 1M  messages_size = 16M")
        for _ in range(25):
            self.assertEqual(send(setting.gateway, message=MESSAGE + ("x" * 998 + "\r\n") * 900), 250)
        setting.recorded(25)
        ids = re.findall(r"event=transaction id=(\S+)", setting.gateway.log())
        self.assertLessEqual(os.path.getsize(setting.gateway.directory + "/store/messages/data.mdb"), 16 << 20)
        path = setting.rules('rule odd { stage message when exists header["X-Odd"] then reject "no" }')
        other = setting.another(setting.quiet + f' rules {{ files = {{"{path}"}} }}')
        for name, undecided in ((ids[0], 1), (ids[-1], 0)):
            answer = setting.gateway.command("replay", "--against", other, name)
            self.assertRegex(answer.stdout, fr"other.conf: .*, {undecided} undecided")

    def test_a_record_that_is_too_large_is_shortened(self):
        setting = Setting(self)
        names = [f"X-{i}" for i in range(4)]
        path = setting.rules("rule odd { stage message when " + " or ".join(f'header["{n}"] == "x"' for n in names) + " then reject }")
        setting.use(f'rules {{ files = {{"{path}"}} }}')
        field = "y" * 900
        message = "".join(f"{n}: " + "\r\n ".join([field] * 60) + "\r\n" for n in names) + MESSAGE
        self.assertEqual(send(setting.gateway, message=message), 250)
        setting.recorded(1)
        self.assertIn(f"event=record_shortened text=\"{setting.last()}: its record was too large", setting.gateway.log())
        record = setting.record(setting.last())
        self.assertEqual((record["recorded"], record["shortened"], record["verdict"]), ("verdict", True, "accept"))
        self.assertEqual(record["facts"]["recipients"], ["b@example.com"])
        self.assertEqual(setting.gateway.status()["counters"]["records_shortened"], 1)
        self.assertIn("1 undecided (not recorded: header 1)", setting.replay().stdout)

    def test_refusals_before_any_transaction(self):
        for stage, code in (("connect", 554), ("helo", 550)):
            setting = Setting(self)
            path = setting.rules(f'rule gone {{ stage {stage} when client.ip in {{ 127.0.0.2 127.0.0.3 }} then reject "go away" }}')
            setting.use(f'rules {{ files = {{"{path}"}} }}')
            said = []
            for address in ("127.0.0.2", "127.0.0.2", "127.0.0.3", "127.0.0.2"):
                with socket.create_connection(("127.0.0.1", setting.gateway.port), timeout=PATIENCE, source_address=(address, 0)) as s:
                    with s.makefile("rwb") as stream:
                        line = stream.readline()
                        if stage == "helo":
                            stream.write(b"EHLO client.example\r\n")
                            stream.flush()
                            line = stream.readline()
                        said.append(line.decode("ascii"))
                        s.shutdown(socket.SHUT_WR)
                        stream.read()
            self.assertEqual([int(line[:3]) for line in said], [code] * 4)
            setting.recorded(2)
            self.assertEqual(setting.gateway.status()["counters"]["refusals_not_recorded"], 2)
            name = re.search(r"\((\w+)\)", said[0])[1]
            record = setting.record(name)
            self.assertEqual((record["session"], record["verdict"], record["decided_by"]), (stage, "reject", "rule gone"))
            answer = setting.replay()
            self.assertIn("as recorded: 2 of 2\n", answer.stdout)
            setting.rules("# no rules any more", "other.rules")
            with open(setting.gateway.file, encoding="ascii") as file:
                text = file.read()
            other = setting.gateway.directory + "/other.conf"
            with open(other, "w", encoding="ascii") as file:
                file.write(text.replace("site.rules", "other.rules"))
            answer = setting.gateway.command("replay", "--against", other)
            # What they would have sent, nobody knows.
            self.assertRegex(answer.stdout, r"other.conf: 0 accept, 2 undecided")

    def test_what_observe_mode_let_pass_that_came_to_nothing(self):
        setting = Setting(self)
        path = setting.rules('rule gone { stage connect when client.ip == 127.0.0.2 then reject "go away" }')
        setting.use(f'mode = "observe" rules {{ files = {{"{path}"}} }}')
        with socket.create_connection(("127.0.0.1", setting.gateway.port), timeout=PATIENCE, source_address=("127.0.0.2", 0)) as s:
            s.sendall(b"QUIT\r\n")
            self.assertIn(b"221", b"".join(iter(lambda: s.recv(512), b"")))
        setting.recorded(1)
        report = json.loads(setting.gateway.command("report", "--json").stdout)
        self.assertEqual((report["sessions"], report["transactions"], report["findings"][0]["by"]), (1, 0, "rule gone"))


class Beside(unittest.TestCase):
    """The shadow, and the breaker."""

    def test_the_shadow_is_reloaded_recorded_and_reported(self):
        setting = Setting(self)
        acting = setting.rules('rule odd { stage mail when sender.domain == "example.org" then reject }')
        shadow = setting.rules('rule odd { stage mail when sender.domain == "example.net" then reject }', "shadow.rules")
        setting.use(f'rules {{ files = {{"{acting}"}} }} shadow {{ rules = {{"shadow.rules"}} }}')
        self.assertEqual(send(setting.gateway), 250)
        self.assertEqual(send(setting.gateway, sender="a@example.com.invalid"), 250)
        setting.recorded(2)
        self.assertIn('shadow="mail: reject 550 instead of nothing, by the shadow\'s rule odd"', setting.gateway.log())
        self.assertEqual(setting.gateway.status()["counters"]["shadow_different"], 1)
        ids = re.findall(r"event=transaction id=(\S+)", setting.gateway.log())
        told = setting.record(ids[0])["shadow"]
        self.assertEqual([(d["stage"], d["by"], d["of"], d["rules"]["verdict"], d["shadow"]["code"]) for d in told],
                         [("mail", "rule odd", "shadow", "none", 550)])
        self.assertNotIn("shadow", setting.record(ids[1]))
        mail = setting.gateway.directory + "/mail"
        with open(mail, "w", encoding="ascii") as file:
            file.write(MESSAGE)
        words = ("explain", "--client", "127.0.0.2", "--sender", "a@example.net", "--recipient", "b@example.com")
        self.assertIn("What the shadow would have done otherwise\n  mail     reject 550 instead of nothing, by the shadow's rule odd\n",
                      setting.gateway.command(*words, mail).stdout)
        self.assertEqual(json.loads(setting.gateway.command(*words, "--json", mail).stdout)["shadow"], told)
        answer = setting.gateway.command("report")
        self.assertIn("The shadow would have done otherwise in 1 transactions", answer.stdout)
        self.assertIn(f"  the shadow's rule odd: 1, 0 known as good\n    as {ids[0]} at mail: reject 550 instead of nothing\n", answer.stdout)
        report = json.loads(setting.gateway.command("report", "--json").stdout)
        self.assertEqual([(s["by"], s["transactions"]) for s in report["shadow"]], [("rule odd", 1)])
        # A mistake in the shadow keeps the old set, as one in the rules does.
        setting.rules("rule odd { stage mail when nonsense then reject }", "shadow.rules")
        answer = setting.gateway.command("reload")
        self.assertNotEqual(answer.returncode, 0)
        self.assertIn("shadow.rules:2:28: error:", answer.stdout + answer.stderr)
        setting.rules('rule odd { stage mail when true then reject test nomatch { } }', "shadow.rules")
        answer = setting.gateway.command("test")
        self.assertEqual(answer.returncode, 1)
        self.assertIn("not ok 1 - odd, test 1: nomatch", answer.stdout)
        self.assertTrue(shadow)

    def test_a_young_rule_falls_for_all_workers(self):
        zone = 'good.example A 127.0.0.2\ngood.example TXT "v=spf1 ip4:127.0.0.2 -all"'
        setting = Setting(self, names=zone, more='checks { chain = {"rules", "spf"} } ')
        path = setting.rules('rule hasty { stage rcpt when recipient.local == "c" then reject }')
        quiet = f'checks {{ chain = {{"rules", "spf"}} }} breaker {{ hits = 3  share = 10 }} rules {{ files = {{"{path}"}} }}'
        setting.quiet = ""
        setting.use(quiet)

        def refused():
            return send(setting.gateway, sender="a@good.example", recipients=("c@example.com",))
        self.assertEqual(send(setting.gateway, sender="a@good.example"), 250)
        poll(lambda: setting.gateway.status()["counters"]["known_good"] > 0 or
             send(setting.gateway, sender="a@good.example") == 0, "the client to be known as good")
        poll(lambda: refused() == 250, "the fall")
        log = setting.gateway.log()
        self.assertEqual(len(re.findall(r"level=error event=rule_fell .*rule=hasty", log)), 1)
        status = setting.gateway.status()
        self.assertEqual([(r["name"], r["state"]) for r in status["rules"]], [("hasty", "fallen")])
        self.assertEqual((status["counters"]["rules_fallen"], status["counters"]["rules_alarms"]), (1, 1))
        self.assertRegex(setting.gateway.command("status").stdout, r"rule name=hasty state=fallen since=\S+Z known_good_hits=\d+\n")
        for _ in range(6):  # whichever worker it is
            self.assertEqual(refused(), 250)
        poll(lambda: "fell: it harmed the known-good" in setting.gateway.command("report").stdout, "the report")
        # The same text stays fallen over a reload, another begins anew.
        setting.use(quiet)
        self.assertEqual(refused(), 250)
        setting.rules('rule hasty { stage rcpt when recipient.local == "c" then reject 551 }')
        setting.use(quiet)
        self.assertEqual(setting.gateway.status()["rules"], [])
        self.assertEqual(refused(), 551)

    def test_ages_of_rules_survive_reload_and_restart(self):
        setting = Setting(self)
        file = setting.gateway.directory + "/store/rule-ages"

        def ages():
            with open(file, encoding="ascii") as lines:
                return {name: (text, int(since)) for name, text, since in (line.split() for line in lines)}
        both = "rule a {{ stage mail when {} then reject }}\nrule b {{ stage mail when false then reject }}"
        path = setting.rules(both.format("false"))
        setting.use(f'rules {{ files = {{"{path}"}} }}')
        first = ages()
        with open(file, "w", encoding="ascii") as out:  # as if that had been long ago
            out.writelines(f"{name} {text} {since - 100000}\n" for name, (text, since) in first.items())
        setting.gateway.end()
        setting.gateway.start(self)
        self.assertEqual({n: s for n, (_, s) in ages().items()}, {n: s - 100000 for n, (_, s) in first.items()})
        setting.rules(both.format("size > 1"))
        setting.use(f'rules {{ files = {{"{path}"}} }}')
        after = ages()
        self.assertGreaterEqual(after["a"][1], first["a"][1])
        self.assertEqual(after["b"][1], first["b"][1] - 100000)
        for nonsense in ("a\n", "\0\xff" * 100, "a " * 10000):
            with open(file, "w", encoding="latin-1") as out:
                out.write(nonsense)
            setting.gateway.end()
            setting.gateway.start(self)
            self.assertIn("event=rule_ages", setting.gateway.log())
            self.assertEqual(sorted(ages()), ["a", "b"])


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
