#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The quarantine of whole processes: what is put there, how it is looked at, released once, and removed; and that nothing is lost when the
keeper dies, hangs, or has no room."""

import base64
import io
import json
import os
import signal
import smtplib
import subprocess
import threading
import unittest
import zipfile

import mta
from harness import PATIENCE, Gateway, Sink, poll

RULES = """version 1
rule held { stage message when subject starts "hold" then quarantine "it says {subject}" }
rule gone { stage message when subject starts "away" then discard }
"""
QUIET = 'checks { off = {"client_name", "helo_name", "sender_domain", "spf", "dnsbl", "rhsbl"} }'
MESSAGE = (b"From: a@example.net\r\nSubject: %s\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@example.net>\r\n\r\n"
           b".dot\r\n%s\r\n")


def stopped(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        return stat.read().rsplit(")", 1)[1].split()[0] == "T"


class Setting:
    def __init__(self, test, more="", quarantine="", servers=None, backend=""):
        self.sink = None if servers else Sink(test)
        self.gateway = Gateway(test, workers=2, servers=servers or (f"127.0.0.1:{self.sink.port}",), networks="127.0.0.99/32",
                               backend="tls = off " + backend, more=QUIET + more)
        with open(self.gateway.directory + "/site.rules", "w", encoding="ascii") as rules:
            rules.write(RULES)
        self.path = self.gateway.directory + "/quarantine"
        os.mkdir(self.path)
        os.chmod(self.path, 0o777)
        self.use(quarantine)

    def use(self, quarantine=""):
        where = "" if "redirect" in quarantine else f'path = "{self.path}"'
        self.gateway.configure(more=f'{QUIET} rules {{ files = {{"site.rules"}} }} quarantine {{ {where} {quarantine} }}')
        answer = self.gateway.command("reload")
        assert answer.returncode == 0, answer.stdout + answer.stderr
        poll(lambda: len(self.gateway.processes("keeper")) == 1 and not self.gateway.processes("keeper", "draining"), "the reload")

    def send(self, subject=b"hold this", body=b"text", recipients=("b@example.com", "c@example.com"), message=None):
        with smtplib.SMTP("127.0.0.1", self.gateway.port, timeout=PATIENCE, source_address=("127.0.0.2", 0)) as client:
            client.ehlo("client.example")
            client.mail("a@example.net")
            for recipient in recipients:
                client.rcpt(recipient)
            return client.data(message or MESSAGE % (subject, body))[0]

    def command(self, *words):
        return self.gateway.command("quarantine", *words)

    def ids(self):
        answer = self.command("list")
        assert answer.returncode == 0, answer.stderr
        return [line.split()[0] for line in answer.stdout.splitlines()]

    def kept(self):
        """All files that count."""
        return sorted(os.listdir(self.path + "/new")) if os.path.isdir(self.path + "/new") else []


class Quarantine(unittest.TestCase):
    def test_it_is_kept_told_of_and_released_once(self):
        setting = Setting(self)
        self.assertEqual(setting.send(), 250)
        self.assertEqual(setting.sink.mails(), [])
        name, = setting.ids()
        line = setting.command("list").stdout
        for word in (name, " waiting ", "<a@example.net>", "<b@example.com> and 1 more", "rule held", "it says hold this"):
            self.assertIn(word, line)
        ticket = json.loads(setting.command("list", "--json").stdout)
        self.assertEqual([r["address"] for r in ticket["envelope"]["recipients"]], ["b@example.com", "c@example.com"])
        self.assertEqual(ticket["record"]["verdict"], "quarantine")
        self.assertIn("Subject: hold this\n", setting.command("show", name).stdout)
        self.assertIn('"decided_by": "rule held"', setting.command("explain", name).stdout)

        answer = setting.command("release", name)
        self.assertEqual((answer.returncode, answer.stderr), (0, ""))
        mail, = setting.sink.mails()
        with open(f"{setting.path}/cur/{name}:2,P", "rb") as file:
            self.assertTrue(mail.replace(b"\r\n", b"\n").endswith(file.read().replace(b"\r\n", b"\n")))
        self.assertIn(b"\n.dot", mail)

        again = setting.command("release", name)
        self.assertEqual(again.returncode, 1)
        self.assertIn("it was released at 20", again.stderr)
        self.assertIn("once is enough", again.stderr)
        self.assertIn(" released ", setting.command("list").stdout)
        self.assertEqual(len(setting.sink.mails()), 1)
        self.assertIn("quarantined", setting.gateway.command("status").stdout)
        self.assertIn("verdict=quarantine", setting.gateway.log())

    def test_a_release_that_the_backend_refuses_can_be_tried_again(self):
        setting = Setting(self)
        self.assertEqual(setting.send(), 250)
        name, = setting.ids()
        setting.sink.kill()
        answer = setting.command("release", name)
        self.assertEqual(answer.returncode, 1)
        self.assertIn("451 4.4.1", answer.stderr)
        self.assertIn(" waiting ", setting.command("list").stdout)
        setting.sink.start()
        self.assertEqual(setting.command("release", name).returncode, 0)

    def test_a_release_whose_end_nobody_knows_is_not_repeated_unasked(self):
        setting = Setting(self)
        self.assertEqual(setting.send(), 250)
        name, = setting.ids()
        os.rename(f"{setting.path}/new/{name}", f"{setting.path}/cur/{name}")  # as a release that was killed leaves it
        self.assertIn(" uncertain ", setting.command("list").stdout)
        answer = setting.command("release", name)
        self.assertEqual(answer.returncode, 1)
        self.assertIn("--force", answer.stderr)
        self.assertEqual(setting.sink.mails(), [])
        self.assertEqual(setting.command("release", "--force", name).returncode, 0)
        self.assertEqual(len(setting.sink.mails()), 1)

    def test_delete_and_expire(self):
        setting = Setting(self)
        for _ in range(3):
            self.assertEqual(setting.send(), 250)
        first, second, third = setting.ids()
        self.assertEqual(setting.command("delete", first).returncode, 0)
        self.assertEqual(setting.command("delete", first).returncode, 1)
        self.assertEqual(setting.ids(), [second, third])
        os.utime(f"{setting.path}/new/{second}", (1, 1))
        self.assertIn("1 messages were too old", setting.command("expire").stdout)
        self.assertEqual(setting.ids(), [third])

    def test_wrong_words(self):
        setting = Setting(self)
        for words, complaint in ((("eat",), "cannot eat"), (("show",), "needs the id"), (("expire", "X"), "takes no id"),
                                 (("show", "../../etc/passwd"), "no id of a message"), (("release", "0"), "no message with this id"),
                                 (("delete", "."), "no id of a message")):
            answer = setting.command(*words)
            self.assertNotEqual(answer.returncode, 0)
            self.assertIn(complaint, answer.stderr)

    def test_a_large_message(self):
        setting = Setting(self)
        body = b"x" * 60 + b"\r\n"
        self.assertEqual(setting.send(body=body * 100000), 250)
        name, = setting.ids()
        self.assertEqual(setting.command("release", name).returncode, 0)
        self.assertIn(body.replace(b"\r\n", b"\n") * 100000, setting.sink.mails()[0].replace(b"\r\n", b"\n"))

    def test_discard(self):
        setting = Setting(self)
        self.assertEqual(setting.send(subject=b"away"), 250)
        self.assertEqual((setting.sink.mails(), setting.kept()), ([], []))
        self.assertIn("verdict=discard", setting.gateway.log())
        self.assertEqual(setting.gateway.status()["counters"]["discarded"], 1)

    def test_by_an_address(self):
        setting = Setting(self)
        setting.use('redirect = "judge@example.com"')
        self.assertEqual(setting.send(), 250)
        mail, = setting.sink.mails()
        self.assertIn(b"X-Postern-Quarantine: rule held; it says hold this; from <a@example.net>;", mail)
        self.assertIn(b"<c@example.com>", mail.partition(b"Received:")[0])
        self.assertIn("verdict=quarantine", setting.gateway.log())


class Failures(unittest.TestCase):
    """Each ends in 451 and nothing that is half there, or in the safe copy."""

    def test_no_room_left_by_the_setting(self):
        setting = Setting(self, quarantine='size = "1M"')
        self.assertEqual(setting.send(body=b"x" * 60 + b"\r\n" * 400000), 250)
        self.assertEqual(setting.send(body=b"x" * 60 + b"\r\n" * 400000), 451)
        self.assertEqual(len(setting.kept()), 1)
        self.assertIn("quarantine.size is used up", setting.gateway.log())
        self.assertEqual(setting.command("delete", *setting.ids()).returncode, 0)
        self.assertEqual(setting.send(), 250)

    @unittest.skipUnless(os.getuid() == 0, "needs root to mount")
    def test_disk_full(self):
        setting = Setting(self)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k,mode=0777", "none", setting.path], check=False).returncode:
            self.skipTest("nothing can be mounted here")
        self.addCleanup(subprocess.run, ["umount", "-l", setting.path], check=False)
        setting.use()
        self.assertEqual(setting.send(body=b"x" * 400000), 451)
        self.assertEqual(setting.kept(), [])
        self.assertEqual(os.listdir(setting.path + "/tickets"), [])
        self.assertEqual(os.listdir(setting.path + "/tmp"), [])
        self.assertIn("No space left on device", setting.gateway.log())
        self.assertEqual(setting.send(), 250)
        self.assertEqual(len(setting.kept()), 1)

    def test_folder_gone(self):
        setting = Setting(self)
        poll(lambda: os.path.isdir(setting.path + "/tickets"), "the folders")
        os.rename(setting.path + "/tickets", setting.path + "/elsewhere")
        self.assertEqual(setting.send(), 451)
        self.assertEqual(setting.kept(), [])

    def test_keeper_that_hangs_and_comes_back(self):
        setting = Setting(self, quarantine="timeout = 1s")
        keeper, = setting.gateway.pids("keeper")
        os.kill(keeper, signal.SIGSTOP)
        try:
            self.assertEqual(setting.send(), 451)
        finally:
            os.kill(keeper, signal.SIGCONT)
        self.assertIn("did not answer in time", setting.gateway.log())
        self.assertEqual(setting.send(), 250)
        self.assertEqual(len(setting.kept()), 1)  # what was told 451 for is not there

    def kill_in_a_put(self, setting, keeper):
        """Sends a large message and kills the keeper as soon as something of it is on the disk; the code that the client heard, and
        whether the message was half there."""
        codes = []
        body = b"x" * 60 + b"\r\n" * 5000000
        client = threading.Thread(target=lambda: codes.append(setting.send(body=body)))
        before = set(os.listdir(setting.path + "/tmp")), setting.kept()
        client.start()

        def is_half_there():
            written = [name for name in os.listdir(setting.path + "/tmp") if name.endswith(".1") and name not in before[0]]
            return not codes and written and setting.kept() == before[1]
        poll(lambda: codes or is_half_there(), "the put")
        os.kill(keeper, signal.SIGSTOP)
        poll(lambda: stopped(keeper), "the keeper to stop")
        was_half_there = is_half_there()
        os.kill(keeper, signal.SIGKILL)
        client.join()
        return codes[0], was_half_there

    def test_keeper_that_is_killed_in_a_put(self):
        setting = Setting(self)
        fell_into_a_put = 0
        for _ in range(20):
            keeper, = poll(lambda: setting.gateway.pids("keeper"), "the keeper")
            before = setting.kept()
            code, was_half_there = self.kill_in_a_put(setting, keeper)
            kept = [name for name in setting.kept() if name not in before]
            poll(lambda: keeper not in setting.gateway.pids("keeper"), "the keeper's end")
            if was_half_there:
                fell_into_a_put += 1
                self.assertEqual((code, kept), (451, []))
            elif code == 250:
                self.assertEqual(len(kept), 1)
            if fell_into_a_put == 2:
                break
        self.assertEqual(fell_into_a_put, 2)
        self.assertTrue(poll(lambda: setting.send() == 250, "the keeper"))
        self.assertEqual(setting.command("list").returncode, 0)


EDITING = """
rule program { stage message when any attachment (extension == "exe") then strip }
rule copy { stage message when header["X-Copy"] == "yes" then add_recipient <c@example.com> remove_recipient <b@example.com> }
"""
REDIRECTING = """
rule forwarded { stage message when subject starts "forwarded" then redirect <c@example.com> header "To-Be-Seen" "by c" }
rule marked { stage message when subject starts "marked" then subject_prefix "[outside] " remove_header "message-id" }
rule bounces { stage message when subject starts "bounces" then change_sender <list@example.com> }
rule nobodys { stage message when subject starts "nobodys" then change_sender <> }
rule lost { stage message when subject starts "lost" then discard }
"""
PROGRAM = (b"From: a@example.net\r\nSubject: %s\r\nX-Copy: yes\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
           b"--x\r\n\r\n.hello \r\n--x\r\nContent-Type: application/x; name=a.exe\r\n\r\nMZ\r\n--x\r\n\r\nlast\r\n--x--\r\n")
STRIPPED = (b"\n--x\n\n.hello \n--x\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n"
            b"mx.example.com has removed this part of the message. There was in it:\n\na.exe (rule program)\n\n--x\n\nlast\n--x--\n")


NESTED = (b"Content-Type: message/rfc822\r\n\r\nSubject: inner\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n"
          b"--y\r\n\r\ninner text\r\n--y\r\nContent-Type: application/x; name=b.exe\r\n\r\nMZ-inner\r\n--y--\r\n\r\n")
REMOVED = (b"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n"
           b"mx.example.com has removed this part of the message. There was in it:\n\n")


def inner_parts():
    """A word, a part, what of it must not arrive, and what is left of it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("good.txt", "good")
        archive.writestr("c.exe", "MZ-packed")
    encoded = base64.encodebytes(packed.getvalue()).replace(b"\n", b"\r\n")
    yield (b"nested", NESTED, b"MZ-inner", b"Content-Type: message/rfc822\n\nSubject: inner\nContent-Type: multipart/mixed; boundary=y\n\n"
           b"--y\n\ninner text\n--y\n" + REMOVED + b"b.exe (rule program)\n\n--y--\n\n")
    yield (b"packed", b"Content-Type: application/zip; name=a.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n" + encoded,
           encoded[:40], REMOVED + b"a.zip/c.exe (rule program)\n\n")


class WithPostfix(unittest.TestCase):
    def doors(self, rules=""):
        """With BDAT, then without: the door's name, Postfix, and what stands before that door."""
        reason = mta.why_not()
        if reason:
            self.skipTest(reason)
        backend = mta.Postfix({"bdat": "", "data": "-o smtpd_discard_ehlo_keywords=chunking"})
        self.addCleanup(backend.end)
        for door in ("bdat", "data"):
            setting = Setting(self, servers=[f"127.0.0.1:{backend.ports[door]}"])
            with open(setting.gateway.directory + "/site.rules", "a", encoding="ascii") as out:
                out.write(rules)
            setting.use()
            yield door, backend, setting

    def test_edits_arrive(self):
        for door, backend, setting in self.doors(EDITING):
            subject = b"edited " + door.encode()
            self.assertEqual(setting.send(subject=subject, recipients=("a@example.com", "b@example.com"), message=PROGRAM % subject), 250)
            for box in ("a", "c"):
                mail = poll(lambda: next((m for m in backend.mails(box) if subject in m), None), "the mail")
                self.assertTrue(mail.replace(b"\r\n", b"\n").endswith(STRIPPED), mail)
            self.assertFalse([m for m in backend.mails("b") if subject in m])

    def test_what_else_rules_do_arrives(self):
        for door, backend, setting in self.doors(REDIRECTING):

            def arrives(box, word):
                subject = word + b" " + door.encode()
                self.assertEqual(setting.send(subject=subject, recipients=("a@example.com",)), 250)
                return poll(lambda: next((m for m in backend.mails(box) if subject in m), None), "the mail")
            self.assertIn(b"\nTo-Be-Seen: by c\n", arrives("c", b"forwarded"))
            mail = arrives("a", b"marked")
            self.assertIn(b"\nSubject: [outside] marked", mail)
            self.assertNotIn(b"\nMessage-ID: <1@example.net>", mail)
            self.assertTrue(arrives("a", b"bounces").startswith(b"Return-Path: <list@example.com>\n"))
            self.assertTrue(arrives("a", b"nobodys").startswith(b"Return-Path: <>\n"))
            self.assertEqual(setting.send(subject=b"lost " + door.encode(), recipients=("a@example.com",)), 250)
            arrives("a", b"last")
            self.assertEqual([m for m in backend.mails("a") if b"forwarded" in m or b"lost" in m], [])
            self.assertIn('decided_by="rule lost"', setting.gateway.log())

    def test_strip_reaches_into_messages_and_archives(self):
        for door, backend, setting in self.doors(EDITING):
            for word, part, before, after in inner_parts():
                subject = word + b" " + door.encode()
                letter = PROGRAM.replace(b"X-Copy: yes\r\n", b"") % subject
                old = b"Content-Type: application/x; name=a.exe\r\n\r\nMZ\r\n"
                self.assertIn(old, letter)
                self.assertEqual(setting.send(recipients=("a@example.com",), message=letter.replace(old, part)), 250)
                mail = poll(lambda: next((m for m in backend.mails("a") if subject in m), None), "the mail").replace(b"\r\n", b"\n")
                self.assertNotIn(before, mail)
                self.assertTrue(mail.endswith(b"\n--x\n\n.hello \n--x\n" + after + b"--x\n\nlast\n--x--\n"), mail)

    def test_quarantine_by_an_address(self):
        for door, backend, setting in self.doors():
            setting.use('redirect = "d@example.com"')
            subject = b"hold " + door.encode()
            self.assertEqual(setting.send(subject=subject, recipients=("a@example.com", "b@example.com")), 250)
            mail = poll(lambda: next((m for m in backend.mails("d") if subject in m), None), "the mail").replace(b"\r\n", b"\n")
            self.assertIn(b"\nX-Postern-Quarantine: rule held; it says " + subject + b"; from <a@example.net>;", mail)
            self.assertTrue(mail.endswith((MESSAGE % (subject, b"text")).replace(b"\r\n", b"\n")))
            self.assertFalse([m for box in "ab" for m in backend.mails(box) if subject in m])

    def test_release_to_those_it_knows(self):
        for door, backend, setting in self.doors():
            subject = b"hold " + door.encode()
            self.assertEqual(setting.send(subject=subject, recipients=("a@example.com", "b@example.com")), 250)
            name, = setting.ids()
            backend.forget("b")
            answer = setting.command("release", name)
            self.assertEqual(answer.returncode, 1)
            self.assertRegex(answer.stderr, r"refuses <b@example.com> \(550 5\.1\.1 .*--to: <a@example.com>")
            self.assertEqual(setting.command("release", "--to", "a@example.com", name).returncode, 0)
            poll(lambda: next((m for m in backend.mails("a") if subject in m), None), "the mail")
            backend.remember("b")

    def test_release_through_it(self):
        for door, backend, setting in self.doors():
            subject = b"hold " + door.encode()
            self.assertEqual(setting.send(subject=subject, recipients=("a@example.com", "b@example.com")), 250)
            name, = setting.ids()
            self.assertEqual(setting.command("release", name).returncode, 0)
            for box in ("a", "b"):
                mail = poll(lambda: next((m for m in backend.mails(box) if subject in m), None), "the mail")
                self.assertTrue(mail.replace(b"\r\n", b"\n").endswith((MESSAGE % (subject, b"text")).replace(b"\r\n", b"\n")))
            self.assertEqual(setting.command("release", name).returncode, 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
