#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Scanners as whole processes: mail judged by what stands in it, how they are shut off, how they die, and that nothing passes unexamined."""

import io
import os
import signal
import smtplib
import struct
import threading
import unittest
import zipfile
import zlib
from email.message import EmailMessage

from harness import Gateway, Sink, poll

RULES = """version 1
rule program { stage message when any attachment (in_archive and extension == "exe") then reject 550 5.7.1 "{attachment.path}" }
rule word { stage message when body.text contains "forbidden" then reject }
"""
SANITIZED = os.path.exists("/proc/self/maps") and b"__asan" in open(os.environ.get("POSTERN", "./postern"), "rb").read()


def letter(text="hello", attachment=None, name="a.bin"):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.net", "b@example.com", "report"
    message["Date"], message["Message-ID"] = "Sun, 22 Nov 2026 10:00:00 +0000", "<1@example.net>"
    message.set_content(text)
    if attachment is not None:
        message.add_attachment(attachment, maintype="application", subtype="octet-stream", filename=name)
    return message.as_bytes()


def packed(name, content):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return out.getvalue()


def ten_gigabytes():
    """Zeros, by gzip: one piece that stands for a mebibyte, ten thousand times."""
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    piece = stream.compress(bytes(1 << 20)) + stream.flush(zlib.Z_FULL_FLUSH)
    return b"\x1f\x8b\x08" + bytes(7) + piece * 10240


def nest(levels):
    """Sixteen archives in each of sixteen, and so on, with zeros at the bottom."""
    inner = bytes(4 << 20)
    for _ in range(levels):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for number in range(16):
                archive.writestr(f"{number}.zip", inner)
        inner = out.getvalue()
    return inner


ENTRIES = 50000 if SANITIZED else 1000000  # sanitizers need ten times as long, and the processor's time is limited


def many_entries():
    """A directory of a ZIP that names one empty file over and over."""
    local = struct.pack("<4s5H3I2H", b"PK\3\4", 20, 0, 0, 0, 33, 0, 0, 0, 1, 0) + b"a"
    central = struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, 0, 0, 33, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 65535, 65535, len(central) * ENTRIES, len(local), 0)
    return local + central * ENTRIES + end


def send(port, message):
    """The last reply of the transaction."""
    with smtplib.SMTP("127.0.0.1", port, timeout=60) as client:
        try:
            client.sendmail("a@example.net", ["b@example.com"], message)
            return 250, b""
        except smtplib.SMTPDataError as error:
            return error.smtp_code, error.smtp_error


class Scanners(unittest.TestCase):
    def begin(self, rules=RULES, more=""):
        self.sink = Sink(self)
        gateway = Gateway(self, workers=2, servers=[f"127.0.0.1:{self.sink.port}"], backend="tls = off", networks="10.0.0.0/8")
        with open(gateway.directory + "/a.rules", "w", encoding="ascii") as out:
            out.write(rules)
        gateway.configure(more='rules { files = {"a.rules"} } checks { off = {client_name, helo_name, sender_domain, spf} } ' + more)
        self.assertEqual(gateway.command("reload").returncode, 0)
        return gateway

    def test_mail_is_judged_by_what_stands_in_it(self):
        gateway = self.begin()
        self.assertEqual(send(gateway.port, letter())[0], 250)
        self.assertEqual(send(gateway.port, letter("a forbidden word"))[0], 550)
        code, text = send(gateway.port, letter(attachment=packed("x/evil.exe", b"MZ"), name="b.zip"))
        self.assertEqual(code, 550)
        self.assertIn(b"b.zip/x/evil.exe", text)

    def test_large_mail_goes_by_descriptor(self):
        gateway = self.begin()
        self.assertEqual(send(gateway.port, letter(attachment=os.urandom(3000000)))[0], 250)
        self.assertEqual(send(gateway.port, letter(attachment=packed("evil.exe", os.urandom(200000)), name="b.zip"))[0], 550)
        self.assertEqual(len(self.sink.mails()), 1)

    def test_there_are_none_without_need(self):
        gateway = self.begin("version 1\nrule a { stage message when subject == \"x\" then reject }\n")
        self.assertEqual(gateway.pids("scanner"), [])
        self.assertEqual(send(gateway.port, letter())[0], 250)

    def test_what_no_rule_asks_about_goes_to_none(self):
        gateway = self.begin("version 1\nrule a { stage message when subject == \"x\" and mime.parts > 1 then reject }\n")
        self.assertEqual(send(gateway.port, letter())[0], 250)
        self.assertEqual(gateway.status()["counters"]["scans"], 0)

    def test_they_are_shut_off(self):
        gateway = self.begin()
        for pid in gateway.pids("scanner"):
            with open(f"/proc/{pid}/status", encoding="ascii") as status:
                lines = dict(line.split(":", 1) for line in status)
            self.assertEqual(lines["Seccomp"].strip(), "2")
            self.assertEqual(lines["NoNewPrivs"].strip(), "1")
            self.assertEqual(int(lines["CapEff"], 16), 0)
            if not SANITIZED:
                with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
                    self.assertEqual([line for line in maps if "rwx" in line], [])

    def test_what_waits_for_one_that_died_is_read_by_the_next(self):
        gateway = self.begin()
        pids = gateway.pids("scanner")
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        answers = []
        sender = threading.Thread(target=lambda: answers.append(send(gateway.port, letter("a forbidden word"))))
        sender.start()
        poll(lambda: gateway.status()["counters"]["spool_bytes"] > 0, "a message that waits")
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        sender.join()
        self.assertEqual(answers[0][0], 550)

    @unittest.skipIf(SANITIZED, "skipped: sanitizers map more memory than the limit")
    def test_one_that_dies_costs_one_message_and_poison_is_refused(self):
        gateway = self.begin(more="scanner { memory = 64M  unpacked = 4G  unpacked_ratio = 0 }")
        bomb = letter(attachment=packed("zeros.tar", bytes(400 << 20)), name="b.zip")
        self.assertEqual(send(gateway.port, bomb)[0], 451)
        self.assertEqual(send(gateway.port, letter())[0], 250)
        self.assertEqual(send(gateway.port, bomb)[0], 554)
        self.assertEqual(send(gateway.port, bomb)[0], 554)  # and no other dies over it
        self.assertEqual(send(gateway.port, letter("a forbidden word"))[0], 550)
        self.assertEqual(gateway.status()["counters"]["scanner_deaths"], 2)
        self.assertEqual(len(self.sink.mails()), 1)

    def test_bombs_are_over_limits_and_kill_nobody(self):
        gateway = self.begin('version 1\nrule cut { stage message when any attachment (flags has over_limits) then reject 550 5.7.1 "over limits" }\n',
                             more="scanner { unpacked_ratio = 0 }")
        for name, bomb in (("zeros.gz", ten_gigabytes()), ("nest.zip", nest(6)), ("entries.zip", many_entries())):
            code, text = send(gateway.port, letter(attachment=packed(name, bomb), name="bomb.zip"))
            self.assertEqual((code, text[:17]), (550, b"5.7.1 over limits"), name)
        self.assertEqual(gateway.status()["counters"]["scanner_deaths"], 0)
        self.assertEqual(self.sink.mails(), [])

    def test_time_of_the_processor_is_bounded(self):
        gateway = self.begin(more="scanner { time = 100ms }")
        slow = b"Content-Type: text/html\r\n\r\n" + b"<b hidden>" * 2000000
        self.assertEqual(send(gateway.port, slow)[0], 451)
        self.assertEqual(gateway.status()["counters"]["scanner_deaths"], 1)
        self.assertEqual(send(gateway.port, letter())[0], 250)

    def test_a_frozen_one_puts_off(self):
        gateway = self.begin(more="smtp { greeting_wait = 0s  judge_timeout = 1s }")
        for pid in gateway.pids("scanner"):
            os.kill(pid, signal.SIGSTOP)
        code, text = send(gateway.port, letter())
        self.assertEqual(code, 451)
        self.assertIn(b"examined", text)
        for pid in gateway.pids("scanner"):
            os.kill(pid, signal.SIGCONT)
        self.assertEqual(send(gateway.port, letter())[0], 250)
        self.assertEqual(len(self.sink.mails()), 1)

    def test_a_reload_tries_the_samples_first(self):
        gateway = self.begin()
        with open(gateway.directory + "/sample.eml", "wb") as out:
            out.write(letter(attachment=packed("x.exe", b"MZ"), name="b.zip"))
        for outcome, status in (("match", 0), ("nomatch", 1)):
            with open(gateway.directory + "/a.rules", "w", encoding="ascii") as out:
                out.write(RULES.replace("\n}", "") + "rule t { stage message when any attachment (extension == \"exe\") then reject "
                          f"test {outcome} message \"sample.eml\" }}\n")
            self.assertEqual(gateway.command("reload").returncode, status, outcome)


if __name__ == "__main__":
    unittest.main(verbosity=2)
