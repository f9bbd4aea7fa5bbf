#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Archives that strip leaves without the members that matched: what is left is opened by another reader of ZIP files, and compared."""

import email
import email.policy
import io
import os
import smtplib
import unittest
import zipfile
from email.message import EmailMessage

from harness import Gateway, Sink

RULES = """version 1
rule programs { stage message when any attachment (extension == "exe" or type == pe) then strip }
"""
NOTE = "postern-removed.txt"


class Pipe(io.RawIOBase):
    """What cannot be gone back in: sizes stand behind the members."""

    def __init__(self):
        super().__init__()
        self.bytes = bytearray()

    def writable(self):
        return True

    def write(self, piece):
        self.bytes += bytes(piece)
        return len(piece)


def packed(members, method=zipfile.ZIP_DEFLATED, into=None, comment=b""):
    out = into or io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
        archive.comment = comment
    return bytes(out.bytes) if into else out.getvalue()


def letter(archive, name="a.zip"):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.net", "b@example.com", "report"
    message["Date"], message["Message-ID"] = "Sun, 22 Nov 2026 10:00:00 +0000", "<1@example.net>"
    message.set_content("hello")
    message.add_attachment(archive, maintype="application", subtype="zip", filename=name)
    return message


class Archives(unittest.TestCase):
    def setUp(self):
        self.sink = Sink(self)
        self.gateway = Gateway(self, workers=1, servers=[f"127.0.0.1:{self.sink.port}"], backend="tls = off", networks="10.0.0.0/8")
        with open(self.gateway.directory + "/a.rules", "w", encoding="ascii") as out:
            out.write(RULES)
        self.gateway.configure(more='rules { files = {"a.rules"} strip_archives = members } '
                                    'checks { off = {client_name, helo_name, sender_domain, spf} }')
        self.assertEqual(self.gateway.command("reload").returncode, 0)

    def through(self, message):
        """The mail as the backend has it."""
        with smtplib.SMTP("127.0.0.1", self.gateway.port, timeout=60) as client:
            client.sendmail("a@example.net", ["b@example.com"], message.as_bytes())
        mails = self.sink.mails()
        self.assertEqual(len(mails), 1)
        return email.message_from_bytes(mails[0], policy=email.policy.default)

    def judge(self, members, gone, **kwargs):
        before = packed(members, **kwargs)
        after = self.through(letter(before))
        text, attachment = list(after.iter_parts())
        self.assertEqual(text.get_content().strip(), "hello")
        self.assertEqual(attachment.get_filename(), "a.zip")
        with zipfile.ZipFile(io.BytesIO(before)) as old, zipfile.ZipFile(io.BytesIO(attachment.get_content())) as new:
            self.assertIsNone(new.testzip())
            kept = [name for name, _ in members if name not in gone]
            self.assertEqual(new.namelist(), kept + [NOTE])
            for name in kept:
                self.assertEqual(new.read(name), old.read(name))
                was, now = old.getinfo(name), new.getinfo(name)
                for field in ("CRC", "compress_size", "compress_type", "date_time", "external_attr", "extra", "flag_bits"):
                    self.assertEqual(getattr(was, field), getattr(now, field))
            self.assertEqual(new.comment, old.comment)
            note = new.read(NOTE).decode()
        for name in gone:
            self.assertIn(f"a.zip/{name} (rule programs)", note)

    def test_deflated(self):
        self.judge([("a.txt", b"text " * 1000), ("dir/evil.exe", b"MZ" + bytes(5000)), ("b.bin", os.urandom(3000))], ["dir/evil.exe"])

    def test_stored_first_and_last(self):
        self.judge([("1.exe", b"MZ"), ("dir/", b""), ("dir/a.txt", b"text"), ("2.exe", b"MZ")], ["1.exe", "2.exe"],
                   method=zipfile.ZIP_STORED, comment=b"a comment")

    def test_sizes_behind_the_members(self):
        self.judge([("a.txt", b"text " * 100), ("evil.exe", b"MZ"), ("b.txt", b"b")], ["evil.exe"], into=Pipe())

    def test_a_program_under_another_name(self):
        self.judge([("a.txt", b"text"), ("holiday.jpg", b"MZ" + bytes(58) + b"\x40\0\0\0PE\0\0" + bytes(300))], ["holiday.jpg"])

    def test_names_of_elsewhere(self):
        self.judge([("\u00fc\u4e16.txt", b"text"), ("\u00fc\u4e16.exe", b"MZ")], ["\u00fc\u4e16.exe"])

    def test_large(self):
        self.judge([("a.bin", os.urandom(3000000)), ("evil.exe", b"MZ" + os.urandom(2000000)), ("b.bin", os.urandom(100000))],
                   ["evil.exe"])

    def test_an_archive_inside_goes_as_one(self):
        inner = packed([("x/evil.exe", b"MZ"), ("good.txt", b"good")])
        before = packed([("inner.zip", inner), ("a.txt", b"text")])
        attachment = list(self.through(letter(before)).iter_parts())[1]
        with zipfile.ZipFile(io.BytesIO(attachment.get_content())) as new:
            self.assertEqual(new.namelist(), ["a.txt", NOTE])
            self.assertIn(b"a.zip/inner.zip/x/evil.exe", new.read(NOTE))

    def test_what_is_not_plain_goes_whole(self):
        archive = packed([("a.txt", b"text"), ("evil.exe", b"MZ")])
        part = list(self.through(letter(b"prefix" + archive)).iter_parts())[1]
        self.assertEqual(part.get_content_type(), "text/plain")
        self.assertIn("evil.exe", part.get_content())

    def test_too_many_members_for_a_parcel(self):
        members = [(f"{number:04}-{'x' * 40}.txt", b"text") for number in range(3000)]
        part = list(self.through(letter(packed(members + [("evil.exe", b"MZ")]))).iter_parts())[1]
        self.assertEqual(part.get_content_type(), "text/plain")


if __name__ == "__main__":
    unittest.main()
