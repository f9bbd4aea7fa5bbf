#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""postern milter, whole: with a real Postfix in front; with miltertest; and with a mail server of our own that speaks the wire format by hand,
in order, out of order, and leaving in between. What is not installed is skipped."""

import os
import random
import re
import shutil
import signal
import smtplib
import socket
import struct
import subprocess
import tempfile
import threading
import unittest

from harness import Gateway, at_the_end_of, fields, free_port, nobody_has_died, poll, submit
from mta import Postfix, why_not

LETTER = (b"From: <s@example.net>\r\nTo: <a@example.com>\r\nSubject: hello\r\nX-Spam: no\r\nX-Spam: perhaps\r\n"
          b"Date: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@example.net>\r\n\r\nHello,\r\n.this is a letter.\r\n")
PROGRAM = (b"From: <s@example.net>\r\nTo: <a@example.com>\r\nSubject: a program\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\n"
           b"Message-ID: <2@example.net>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
           b"--b\r\nContent-Type: text/plain\r\n\r\ntext\r\n--b\r\nContent-Type: application/octet-stream\r\n"
           b"Content-Disposition: attachment; filename=tool.exe\r\n\r\nMZ and so on\r\n--b--\r\n")
QUIET = "checks { off = {client_name, helo_name, sender_domain, spf, headers} } spf { add_received = no } "
RULES = """version 1
rule unwanted_rcpt { stage rcpt when recipient.local == "d" then reject "d takes no mail" }
rule later { stage mail when sender.local == "later" then tempfail "come later" }
rule programs { stage message when any attachment (extension == "exe") then reject "no programs: {attachment.name}" }
rule edits { stage message when subject == "edit me" then header "X-Seen" "yes" subject_prefix "EXTERN: " remove_header "X-Spam" }
rule shreds { stage message when subject == "strip me" and any attachment (extension == "txt") then strip }
rule heirs { stage rcpt when recipient.local == "b" then redirect <c@example.com> }
rule copies { stage message when subject == "copy me" then add_recipient <c@example.com> }
rule senders { stage message when subject == "another sender" then change_sender <other@example.net> }
rule empties { stage message when subject == "to nobody" then remove_recipient <a@example.com> }
rule keeps { stage message when subject == "keep me" then quarantine }
rule drops { stage message when subject == "drop me" then discard }
rule refuses { stage message when subject == "refuse me" then reject "100% unwanted" }
rule puts_off { stage message when subject == "put me off" then tempfail "not now" }
rule shows_user { stage rcpt when recipient.local == "who" and client.authenticated then reject "{client.user}" }
rule slow { stage message when subject == "slow" then delay 12s }
"""


class Milter(Gateway):
    """postern milter, in a directory of its own."""

    rules = RULES

    def __init__(self, test, socket_name=None, settings="", workers=2, more=QUIET):
        self.settings = settings
        self.socket = socket_name
        super().__init__(test, workers=workers, networks="10.0.0.0/8", more=more)

    def configure(self, more="", workers=None, port=None):
        self.workers = workers or self.workers
        self.socket = self.socket or f"unix:{self.directory}/socket"
        with open(self.directory + "/site.rules", "w", encoding="ascii") as out:
            out.write(self.rules)
        with open(self.file, "w", encoding="ascii") as out:
            out.write(f"""
                hostname = "mx.example.com"
                as_milter {{ {self.settings} }}
                relay {{ domains = {{"example.com"}}  networks = {{"{self.networks}"}} }}
                limits {{ connections_per_client = 5000  connections_per_network = 5000 }}
                control {{ socket = "{self.directory}/control" }}
                store {{ path = "{self.directory}/store" }}
                process {{ workers = {self.workers}  drain = 60s }}
                dns {{ servers = {{"127.0.0.1:1"}}  timeout = 100ms }}
                rules {{ files = {{"site.rules"}} }}
                {more}
                """)

    def words(self):
        return [self.program, "milter", "-c", self.file, self.socket]


def letter(subject, text=LETTER):
    return text.replace(b"Subject: hello", b"Subject: " + subject)


def send(port, text=LETTER, recipients=("a@example.com",), sender="s@example.net"):
    return submit(port, text, recipients, sender)


def body(mail):
    return mail.replace(b"\r\n", b"\n").split(b"\n\n", 1)[1]


@unittest.skipIf(why_not(), why_not())
class BehindPostfix(unittest.TestCase):
    """What Postfix does with our answers."""

    SETTINGS = ""
    MORE = QUIET

    def setUp(self):
        self.milter = Milter(self, settings=self.SETTINGS, more=self.MORE)
        self.postfix = Postfix({"door": f"-o smtpd_milters={self.milter.socket} -o milter_default_action=tempfail "
                                        "-o smtpd_recipient_limit=100"})
        at_the_end_of(self)(self.postfix.end)

    def arrives(self, box="a", count=1):
        poll(lambda: len(self.postfix.mails(box)) >= count, f"mail for {box}")
        return self.postfix.mails(box)[-1]

    def send(self, *words, **more):
        return send(self.postfix.ports["door"], *words, **more)


class Answers(BehindPostfix):
    def test_mail_arrives_as_it_came(self):
        self.assertEqual(self.send()[0], 250)
        mail = self.arrives()
        self.assertEqual(body(mail), b"Hello,\n.this is a letter.\n")
        self.assertEqual(fields(mail, b"X-Spam"), [b"no", b"perhaps"])
        self.assertEqual(fields(mail, b"X-Postern-Tag"), [])
        line = poll(lambda: [one for one in self.milter.log().splitlines() if "event=transaction" in one], "the log")[0]
        for wanted in ("client=127.0.0.1", "helo=client.example", "sender=s@example.net", "recipients=a@example.com", "verdict=accept",
                       "forwarded_ident="):
            self.assertIn(wanted, line)
        ident = line.split("forwarded_ident=")[1].split()[0]
        self.assertIn(ident + ": ", self.postfix.log(), "it is Postfix's own id of the mail")

    def test_edits_are_made(self):
        self.assertEqual(self.send(letter(b"edit me"))[0], 250)
        mail = self.arrives()
        self.assertEqual(fields(mail, b"X-Seen"), [b"yes"])
        self.assertEqual(fields(mail, b"Subject"), [b"EXTERN: edit me"])
        self.assertEqual(fields(mail, b"X-Spam"), [])
        self.assertEqual(fields(mail, b"From"), [b"<s@example.net>"])
        self.assertEqual(body(mail), b"Hello,\n.this is a letter.\n")

    def test_forged_results_go(self):
        forged = b"Authentication-Results: mx.example.com; dkim=pass\r\n" * 3
        self.assertEqual(self.send(forged + LETTER)[0], 250)
        self.assertEqual(fields(self.arrives(), b"Authentication-Results"), [])

    def test_a_part_is_stripped(self):
        text = PROGRAM.replace(b"a program", b"strip me").replace(b"tool.exe", b"notes.txt").replace(b"MZ and so on", b"secret notes")
        self.assertEqual(self.send(text)[0], 250)
        mail = self.arrives()
        self.assertNotIn(b"secret notes", mail)
        self.assertIn(b"--b--", mail)

    def test_recipients_are_edited(self):
        self.assertEqual(self.send(letter(b"copy me"), recipients=["a@example.com", "b@example.com"])[0], 250)
        self.arrives("a")
        self.arrives("c")
        poll(lambda: not self.postfix.queue(), "the end of the queue")
        self.assertEqual(len(self.postfix.mails("b")), 0)
        self.assertEqual(len(self.postfix.mails("c")), 1)
        self.assertIn("recipients=a@example.com,c@example.com redirected=\"<b@example.com> to <c@example.com>\" size=", self.milter.log())

    def test_another_gets_it_too(self):
        self.assertEqual(self.send(letter(b"copy me"))[0], 250)
        self.arrives("c")
        self.assertIn("recipients=a@example.com final_recipients=a@example.com,c@example.com size=", self.milter.log())

    def test_nobody_is_left(self):
        code, text = self.send(letter(b"to nobody"))
        self.assertEqual(code, 550)
        self.assertIn(b"leaves no recipient", text)
        self.assertIn('verdict=reject decided_by="edits of the envelope"', self.milter.log())

    def test_the_sender_is_edited(self):
        self.assertEqual(self.send(letter(b"another sender"))[0], 250)
        self.assertIn("sender=s@example.net recipients=a@example.com final_sender=other@example.net size=", self.milter.log())
        self.assertEqual(fields(self.arrives(), b"Return-Path"), [b"<other@example.net>"])

    def test_refusals_are_ours(self):
        code, text = self.send(recipients=["d@example.com"])
        self.assertEqual(code, 550)
        self.assertIn(b"5.7.1 d takes no mail (", text)
        code, text = self.send(letter(b"refuse me"))
        self.assertEqual(code, 550)
        self.assertIn(b"100% unwanted (", text)
        code, text = self.send(PROGRAM)
        self.assertEqual(code, 550)
        self.assertIn(b"no programs: tool.exe", text)
        code, text = self.send(sender="later@example.net")
        self.assertEqual(code, 451)
        self.assertIn(b"come later", text)
        code, text = self.send(letter(b"put me off"))
        self.assertEqual(code, 451)
        self.assertIn(b"not now", text)
        self.assertEqual(self.postfix.queue(), [])
        self.assertEqual(self.postfix.mails("a"), [])

    def test_one_refused_of_two(self):
        with smtplib.SMTP("127.0.0.1", self.postfix.ports["door"], "client.example", timeout=60) as client:
            refused = client.sendmail("s@example.net", ["d@example.com", "a@example.com"], LETTER)
        self.assertEqual(list(refused), ["d@example.com"])
        self.arrives()
        self.assertIn('refused="<d@example.com> 550 by rule unwanted_rcpt"', self.milter.log())

    def test_discarded(self):
        self.assertEqual(self.send(letter(b"drop me"))[0], 250)
        self.assertEqual(self.send(letter(b"not dropped"))[0], 250)
        self.assertEqual(fields(self.arrives(), b"Subject"), [b"not dropped"])
        self.assertEqual(len(self.postfix.mails("a")), 1)

    def test_while_it_is_slow_nobody_gives_up(self):
        self.assertEqual(self.send(letter(b"slow"))[0], 250)
        self.arrives()

    def test_explained_afterwards(self):
        _, text = self.send(letter(b"refuse me"))
        ident = text.decode().rsplit("(", 1)[1].rstrip(")\n ")
        answer = poll(lambda: self.milter.command("explain", ident).stdout, "the record")
        self.assertIn("rule refuses", answer)
        self.assertIn("550", answer)

    def test_a_reload_meanwhile(self):
        codes, done = [], threading.Event()

        def bring():
            while not done.is_set():
                codes.append(self.send()[0])
        threads = [threading.Thread(target=bring) for _ in range(3)]
        for thread in threads:
            thread.start()
        with smtplib.SMTP("127.0.0.1", self.postfix.ports["door"], "client.example", timeout=60) as client:
            client.ehlo()
            client.mail("s@example.net")
            for _ in range(3):
                self.assertEqual(self.milter.command("reload").returncode, 0)
            client.rcpt("a@example.com")
            self.assertEqual(client.data(LETTER)[0], 250)
            self.assertEqual(self.milter.command("reload").returncode, 0)
            client.sendmail("s@example.net", ["a@example.com"], LETTER)
        done.set()
        for thread in threads:
            thread.join()
        self.assertEqual(set(codes), {250})
        poll(lambda: len(self.postfix.mails("a")) == len(codes) + 2, "all of them")

    def test_a_killed_worker_loses_nothing(self):
        codes, done = [], threading.Event()

        def bring():
            while not done.is_set():
                try:
                    codes.append(self.send()[0])
                except smtplib.SMTPServerDisconnected:
                    codes.append(421)
        threads = [threading.Thread(target=bring) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(4):
            before = len(codes)
            poll(lambda: len(codes) >= before + 8, "mail in between")
            os.kill(random.choice(self.milter.pids("worker")), signal.SIGKILL)
            poll(lambda: len(self.milter.pids("worker")) == 2, "workers again")
        done.set()
        for thread in threads:
            thread.join()
        self.assertTrue(all(code == 250 or 400 <= code < 500 for code in codes), codes)
        poll(lambda: len(self.postfix.mails("a")) >= codes.count(250), "all that was accepted")
        self.assertEqual(self.send()[0], 250)

    def test_nobody_there(self):
        self.milter.end()
        code, _ = self.send()
        self.assertEqual(code // 100, 4)
        self.assertEqual(self.postfix.mails("a"), [])


class QuarantineOfOurOwn(BehindPostfix):
    def setUp(self):
        self.place = tempfile.mkdtemp(prefix="postern-kept-")
        at_the_end_of(self)(shutil.rmtree, self.place, ignore_errors=True)
        os.chmod(self.place, 0o755)
        self.MORE = QUIET + f'quarantine {{ path = "{self.place}/kept" }}'
        super().setUp()

    def test_is_kept_here(self):
        self.assertEqual(self.send(letter(b"keep me"))[0], 250)
        self.assertEqual(self.send(letter(b"not kept"))[0], 250)
        self.assertEqual(fields(self.arrives(), b"Subject"), [b"not kept"])
        self.assertEqual(len(self.postfix.mails("a")), 1)
        listed = self.milter.command("quarantine", "list").stdout
        self.assertIn("s@example.net", listed)
        ident = next(word for word in listed.split() if word.count(".") == 1 and word.split(".")[1].isdigit() and len(word) > 10)
        shown = self.milter.command("quarantine", "show", ident).stdout
        self.assertIn("Subject: keep me", shown)
        answer = self.milter.command("quarantine", "release", ident)
        self.assertIn("no backend section", answer.stderr + answer.stdout)


class QuarantineOfPostfix(BehindPostfix):
    SETTINGS = "quarantine = mail_server"

    def test_is_held_there(self):
        self.assertEqual(self.send(letter(b"keep me"))[0], 250)
        held = poll(self.postfix.queue, "the queue")
        self.assertEqual(held[0]["queue_name"], "hold")
        self.assertIn("decided_by=\"rule keeps\"", self.milter.log())


# --- miltertest ---

SCRIPT = """
conn = mt.connect("SOCKET")
if conn == nil then error "no connection" end
if mt.conninfo(conn, "host.example", "192.0.2.10") ~= nil then error "conninfo" end
if mt.getreply(conn) ~= SMFIR_CONTINUE then error "connect" end
mt.macro(conn, SMFIC_MAIL, "i", "QUEUEID")
if mt.helo(conn, "client.example") ~= nil then error "helo" end
if mt.getreply(conn) ~= SMFIR_CONTINUE then error "helo reply" end
if mt.mailfrom(conn, "<s@example.net>") ~= nil then error "mail" end
if mt.getreply(conn) ~= SMFIR_CONTINUE then error "mail reply" end
if mt.rcptto(conn, "<d@example.com>") ~= nil then error "rcpt" end
if mt.getreply(conn) ~= SMFIR_REPLYCODE then error "the first recipient is not refused" end
if mt.rcptto(conn, "<a@example.com>") ~= nil then error "rcpt" end
if mt.getreply(conn) ~= SMFIR_CONTINUE then error "rcpt reply" end
for _, field in ipairs({{"From", " <s@example.net>"}, {"Subject", " edit me"}, {"X-Spam", " one"}, {"X-Spam", " two"}}) do
    if mt.header(conn, field[1], field[2]) ~= nil then error "header" end
    if mt.getreply(conn) ~= SMFIR_CONTINUE then error "header reply" end
end
if mt.eoh(conn) ~= nil then error "eoh" end
if mt.getreply(conn) ~= SMFIR_CONTINUE then error "eoh reply" end
if mt.bodystring(conn, "text\\r\\n") ~= nil then error "body" end
if mt.getreply(conn) ~= SMFIR_CONTINUE then error "body reply" end
if mt.eom(conn) ~= nil then error "eom" end
if mt.getreply(conn) ~= SMFIR_CONTINUE then error "eom reply" end
if not mt.eom_check(conn, MT_HDRINSERT, "X-Seen", " yes") then error "no field was added" end
if not mt.eom_check(conn, MT_HDRCHANGE, "Subject") then error "Subject was not changed" end
if not mt.eom_check(conn, MT_HDRDELETE, "X-Spam") then error "X-Spam was not deleted" end
mt.disconnect(conn)
"""


@unittest.skipUnless(shutil.which("miltertest"), "miltertest is not installed")
class Miltertest(unittest.TestCase):
    """The mail server's side of OpenDKIM's authors."""

    def test_a_script(self):
        port = free_port()
        Milter(self, f"inet:{port}@127.0.0.1")
        with tempfile.NamedTemporaryFile("w", suffix=".lua", encoding="ascii") as file:
            file.write(SCRIPT.replace("SOCKET", f"inet:{port}@127.0.0.1"))
            file.flush()
            answer = subprocess.run(["miltertest", "-s", file.name], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)


# --- by hand ---

ALL = 0x1fffff


def packet(command, data=b""):
    return struct.pack(">I", len(data) + 1) + command + data


def texts(*all_texts):
    return b"".join(text + b"\0" for text in all_texts)


CONNECT = packet(b"C", b"host.example\0" + b"4" + struct.pack(">H", 40000) + b"192.0.2.10\0")
ENVELOPE = [packet(b"H", texts(b"client.example")), packet(b"M", texts(b"<s@example.net>", b"SIZE=100", b"X-UNKNOWN=yes")),
            packet(b"R", texts(b"<a@example.com>")), packet(b"T")]
MESSAGE = [packet(b"L", texts(b"From", b" <s@example.net>")), packet(b"L", texts(b"Subject", b" one\n two")), packet(b"N"),
           packet(b"B", b"text\r\n")]


class Server:
    """A mail server: says packets, hears packets."""

    def __init__(self, path, version=6, actions=0x1ff, protocol=0, offers=True):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(path)
        self.stream = self.socket.makefile("rb")
        self.heard = None
        if offers:
            self.say(packet(b"O", struct.pack(">III", version, actions, protocol)))
            self.heard = self.hear()

    def say(self, *packets):
        self.socket.sendall(b"".join(packets))

    def hear(self):
        """The next packet; b"" when the connection has ended. Progress is passed over."""
        while True:
            try:
                head = self.stream.read(4)
                said = self.stream.read(struct.unpack(">I", head)[0]) if len(head) == 4 else b""
            except ConnectionResetError:
                return b""
            if said != b"p":
                return said

    def ask(self, one):
        self.say(one)
        return self.hear()

    def hear_all(self):
        """All packets up to the last word."""
        heard = [self.hear()]
        while heard[-1][:1] in (b"h", b"i", b"m", b"b", b"e", b"+", b"-", b"q") and heard[-1]:
            heard.append(self.hear())
        return heard

    def close(self):
        self.stream.close()
        self.socket.close()


class ByHand(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.milter = Milter(cls, workers=1)
        cls.path = cls.milter.socket[5:]

    def server(self, **words):
        server = Server(self.path, **words)
        self.addCleanup(server.close)
        return server

    def still_serves(self):
        server = self.server()
        for one in [CONNECT] + ENVELOPE + MESSAGE:
            self.assertEqual(server.ask(one), b"c")
        self.assertEqual(server.ask(packet(b"E")), b"c")
        nobody_has_died(self, self.milter)

    def test_negotiates_versions(self):
        for version, answered in ((2, 2), (3, 3), (4, 4), (6, 6), (7, 6)):
            with self.subTest(version=version):
                server = self.server(version=version, protocol=ALL)
                self.assertEqual(struct.unpack(">cIII", server.heard[:13])[:2], (b"O", answered))
                self.assertEqual(server.ask(CONNECT), b"c")

    def test_asks_for_what_saves_round_trips(self):
        heard = self.server(protocol=ALL).heard
        _, _, actions, protocol = struct.unpack(">cIII", heard[:13])
        self.assertEqual(actions, 0x15f, "no quarantine, no parameters of recipients")
        self.assertEqual(protocol, 0x80 | 0x40000 | 0x80000 | 0x100000 | 0x100)
        self.assertIn(b"{tls_version}", heard)
        self.assertNotIn(b"{tls_version}", self.server(actions=0xff).heard)

    def test_says_why_it_cannot_serve(self):
        self.assertEqual(self.server(version=1).heard, b"")
        self.assertEqual(self.server(actions=0x2).heard, b"")
        poll(lambda: "too old" in self.milter.log() and "does not offer" in self.milter.log(), "the log")

    def test_silent_where_it_was_agreed(self):
        server = self.server(protocol=ALL)
        for one in [CONNECT] + ENVELOPE:
            self.assertEqual(server.ask(one), b"c")
        server.say(*MESSAGE, packet(b"E"))
        self.assertEqual(server.hear(), b"c")

    def test_old_versions_tell_no_data(self):
        server = self.server(version=2, actions=0x3f, protocol=0x7f)
        for one in [CONNECT] + ENVELOPE[:3] + MESSAGE:
            self.assertEqual(server.ask(one), b"c")
        self.assertEqual(server.ask(packet(b"E")), b"c")

    def edit(self, *header, **offer):
        server = self.server(**offer)
        for one in [CONNECT] + ENVELOPE:
            self.assertEqual(server.ask(one), b"c")
        server.say(*[packet(b"L", texts(*field)) for field in header], packet(b"N"), packet(b"B", b"text\r\n"), packet(b"E"))
        for _ in range(0 if offer.get("protocol") else len(header) + 2):
            self.assertEqual(server.hear(), b"c")
        return server.hear_all()

    def test_orders_for_edits(self):
        heard = self.edit((b"X-Spam", b" one"), (b"Subject", b" edit me"), (b"X-Spam", b" two"), protocol=ALL)
        self.assertEqual(heard[-1], b"c")
        self.assertEqual(heard[:-1], [b"m\0\0\0\2X-Spam\0\0", b"m\0\0\0\1Subject\0 EXTERN: edit me\0", b"m\0\0\0\1X-Spam\0\0",
                                      b"i\0\0\0\1X-Seen\0 yes\0"], "what is there from the last to the first, then what is new")

    def test_blanks_as_agreed(self):
        heard = self.edit((b"Subject", b"edit me"))
        self.assertIn(b"m" + struct.pack(">I", 1) + b"Subject\0EXTERN: edit me\0", heard)

    def test_edits_that_were_not_agreed_on(self):
        heard = self.edit((b"Subject", b"copy me"), actions=0x11)
        self.assertEqual(heard[0][:4], b"y451")
        self.assertIn("edits_impossible", self.milter.log())

    def test_several_mails_and_clients(self):
        server = self.server()
        for _ in range(3):
            self.assertEqual(server.ask(CONNECT), b"c")
            for _ in range(2):
                for one in ENVELOPE + MESSAGE:
                    self.assertEqual(server.ask(one), b"c")
                self.assertEqual(server.ask(packet(b"E")), b"c")
            server.say(packet(b"K"))
        server.say(packet(b"Q"))
        self.assertEqual(server.hear(), b"")

    def test_names_as_sendmail_writes_them(self):
        """As xtext, which Postfix does not; its version has no name in front."""
        for version, told, user in ((b"8.17.1.9", b"joe+2Btag+3D+0A+2", b"joe+tag=+0A+2"), (b"Postfix 3.7", b"joe+2Btag", b"joe+2Btag"),
                                    (b"8.17.1.9", b"", None)):
            with self.subTest(version=version, told=told):
                server = self.server()
                server.say(packet(b"D", b"C" + texts(b"v", version)))
                self.assertEqual(server.ask(CONNECT), b"c")
                self.assertEqual(server.ask(ENVELOPE[0]), b"c")
                server.say(packet(b"D", b"M" + texts(b"{auth_type}", told and b"PLAIN", b"{auth_authen}", told)))
                self.assertEqual(server.ask(ENVELOPE[1]), b"c")
                answer = server.ask(packet(b"R", texts(b"<who@example.com>")))
                self.assertTrue(answer.startswith(b"y550 5.7.1 " + user + b" (") if user else answer == b"c", answer)

    def test_aborts_are_no_end(self):
        server = self.server()
        self.assertEqual(server.ask(CONNECT), b"c")
        script = ENVELOPE + MESSAGE
        for cut in range(len(script) + 1):
            for one in script[:cut]:
                self.assertEqual(server.ask(one), b"c")
            server.say(packet(b"A"))
        self.assertEqual(server.ask(ENVELOPE[1]), b"c")

    def test_out_of_order(self):
        script = [CONNECT] + ENVELOPE + MESSAGE
        for wrong in (packet(b"E"), packet(b"R", texts(b"<a@example.com>")), packet(b"N"), packet(b"B", b"x"), packet(b"T"),
                      CONNECT, packet(b"O", struct.pack(">III", 6, 0x1ff, 0)), packet(b"L", texts(b"A", b"b"))):
            for cut in (0, 1, 2):
                with self.subTest(wrong=wrong[4:5], cut=cut):
                    server = self.server()
                    for one in script[:cut]:
                        self.assertEqual(server.ask(one), b"c")
                    if cut == 0 and wrong == CONNECT:
                        continue
                    self.assertEqual(server.ask(wrong), b"", "it ends")
        server = self.server(offers=False)
        self.assertEqual(server.ask(CONNECT), b"")
        self.assertIn("out of its order", self.milter.log())
        self.still_serves()

    def test_garbage_at_each_point(self):
        script = [CONNECT] + ENVELOPE + MESSAGE
        rubbish = (b"GET / HTTP/1.1\r\n\r\n", b"\0\0\0\0", b"\xff\xff\xff\xff", packet(b"Z"), packet(b"M", b"no end"), packet(b"H"),
                   packet(b"C", b"host\0" + b"9"), packet(b"D", b"Mone\0"), os.urandom(70000))
        for cut in range(len(script)):
            for one in rubbish:
                server = self.server()
                for said in script[:cut]:
                    self.assertEqual(server.ask(said), b"c")
                try:
                    server.say(one)
                    server.socket.shutdown(socket.SHUT_WR)
                except OSError:
                    pass
                self.assertEqual(server.hear(), b"")
        self.still_serves()

    def test_leaves_at_each_point(self):
        script = [CONNECT] + ENVELOPE + MESSAGE + [packet(b"E")]
        whole = b"".join(script)
        for cut in range(0, len(whole), 3):
            server = self.server(protocol=ALL)
            server.say(whole[:cut])
            if cut % 2:
                server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            server.close()
        self.still_serves()

    def test_floods(self):
        server = self.server(protocol=ALL)
        for one in [CONNECT] + ENVELOPE:
            self.assertEqual(server.ask(one), b"c")
        server.say(packet(b"L", texts(b"Authentication-Results", b" mx.example.com; dkim=pass")) * 4000)
        server.say(packet(b"L", texts(b"Subject", b" x")), packet(b"N"), packet(b"E"))
        heard = server.hear_all()
        self.assertEqual(heard[-1], b"c")
        self.assertEqual([one for one in heard[:-1] if one[:1] != b"m"], [])
        self.assertEqual(len(heard), 4001)
        server.say(packet(b"M", texts(b"<s@example.net>")))
        self.assertEqual(server.hear(), b"c")
        for _ in range(300):
            server.say(packet(b"R", texts(b"<d@example.com>")) * 10)
            for _ in range(10):
                self.assertEqual(server.hear()[:4], b"y550")
        self.still_serves()

    def test_too_large(self):
        server = self.server(protocol=ALL)
        for one in [CONNECT] + ENVELOPE + MESSAGE[:3]:
            server.say(one)
        for _ in range(5):
            self.assertEqual(server.hear(), b"c")
        chunk = packet(b"B", b"0123456789abcde\r\n" * 3855)
        for _ in range(700):
            server.say(chunk)
        self.assertEqual(server.ask(packet(b"E"))[:10], b"y552 5.3.4")
        self.still_serves()

    def test_who_does_not_come_over_the_network(self):
        server = self.server()
        self.assertEqual(server.ask(packet(b"C", b"localhost\0L" + struct.pack(">H", 0) + b"/run/x\0")), b"c")
        server = self.server()
        self.assertEqual(server.ask(packet(b"C", b"unknown\0U")), b"c")
        server = self.server()
        self.assertEqual(server.ask(packet(b"C", b"h\0" + b"6" + struct.pack(">H", 1) + b"IPv6:2001:db8::1\0")), b"c")
        server = self.server()
        self.assertEqual(server.ask(packet(b"C", b"h\0" + b"4" + struct.pack(">H", 1) + b"no address\0")), b"")


@unittest.skipUnless(os.path.exists("/usr/include/libmilter/mfapi.h") and shutil.which("gcc"), "libmilter-dev is not installed")
class LikeLibmilter(unittest.TestCase):
    """What a server hears from us it hears from a program made with libmilter, too, which refuses the same recipient."""

    REFUSED = packet(b"R", texts(b"<nobody@elsewhere.example>"))
    REFUSAL = re.compile(rb"y(\d{3}-\d\.\d\.\d [^\0\r\n]*\r\n)*\d{3} \d\.\d\.\d [^\0\r\n]+\0")

    def setUp(self):
        directory = tempfile.mkdtemp(prefix="postern-as-milter-")
        self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        program, path = directory + "/every", directory + "/socket"
        subprocess.run(["gcc", "-o", program, os.path.dirname(os.path.abspath(__file__)) + "/milters/every.c", "-lmilter", "-lpthread"], check=True)
        process = subprocess.Popen([program, "unix:" + path, directory + "/log", "refuse"])
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        poll(lambda: os.path.exists(path), "the milter's socket")
        self.paths = {"libmilter": path, "postern": Milter(self, workers=1).socket[5:]}

    def play(self, path, script, offer):
        """The kinds of all answers, with codes; the end counts as one."""
        server, kinds = Server(path, **offer), [b"O"]
        self.addCleanup(server.close)
        for one in script:
            if one[4:5] in b"AD":
                server.say(one)
                continue
            said = server.ask(one)
            kinds.append(said[:4] if self.REFUSAL.fullmatch(said) else said)
        return kinds

    def test_answers_alike(self):
        mail, end = ENVELOPE[1:] + MESSAGE, packet(b"E")
        scripts = {"a mail": [CONNECT] + ENVELOPE + MESSAGE + [end, packet(b"Q")],
                   "two mails": [CONNECT] + ENVELOPE + MESSAGE + [end] + mail + [end, packet(b"Q")],
                   "nothing": [packet(b"Q")],
                   "no mail": [CONNECT, ENVELOPE[0], packet(b"Q")],
                   "given up": [CONNECT] + ENVELOPE[:2] + [packet(b"A")] + mail + [packet(b"A"), packet(b"A")] + mail + [end, packet(b"Q")],
                   "greeted again": [CONNECT, ENVELOPE[0], ENVELOPE[0]] + ENVELOPE + MESSAGE + [end, ENVELOPE[0], packet(b"Q")],
                   "a recipient refused": [CONNECT] + ENVELOPE[:2] + [self.REFUSED, ENVELOPE[2], self.REFUSED] + ENVELOPE[3:] + MESSAGE + [end, packet(b"Q")],
                   "macros": [CONNECT, packet(b"D", b"M" + texts(b"i", b"ABC")), ENVELOPE[0], packet(b"D", b"R" + texts(b"i", b"ABC")), *mail, end, packet(b"Q")],
                   "a body in pieces": [CONNECT] + ENVELOPE + MESSAGE[:-1] + [packet(b"B", b"x" * 65535)] * 3 + [end, packet(b"Q")],
                   "no body": [CONNECT] + ENVELOPE + MESSAGE[:-1] + [end, packet(b"Q")]}
        for offer in ({}, {"version": 4, "actions": 0x3f, "protocol": 0}):
            for name, script in scripts.items():
                with self.subTest(name=name, offer=offer):
                    theirs, ours = (self.play(self.paths[who], script, offer) for who in ("libmilter", "postern"))
                    self.assertEqual(ours, theirs)
                    self.assertEqual(ours[-1], b"")


class Socket(unittest.TestCase):
    def test_is_for_one_group(self):
        milter = Milter(self, settings="group = root")
        status = os.stat(milter.socket[5:])
        self.assertEqual(status.st_mode & 0o777, 0o660)
        self.assertEqual(status.st_gid, 0)
        self.assertEqual(milter.command("stop").returncode, 0)
        milter.process.wait()
        self.assertFalse(os.path.exists(milter.socket[5:]), "it is taken away")

    def test_one_that_was_left_is_taken(self):
        milter = Milter(self)
        milter.process.kill()
        milter.process.wait()
        self.assertTrue(os.path.exists(milter.socket[5:]))
        poll(lambda: not os.path.exists(milter.directory + "/control") or milter.status() is None, "the end")
        milter.start(self)
        server = Server(milter.socket[5:])
        self.assertEqual(server.ask(CONNECT), b"c")
        server.close()

    def test_a_file_that_is_none_is_not(self):
        milter = Milter(self)
        milter.end()
        os.unlink(milter.socket[5:])
        with open(milter.socket[5:], "w", encoding="ascii") as file:
            file.write("precious")
        with self.assertRaisesRegex(AssertionError, "cannot listen on unix:"):
            milter.start(self)
        with open(milter.socket[5:], encoding="ascii") as file:
            self.assertEqual(file.read(), "precious")

    def test_an_upgrade_keeps_it(self):
        milter = Milter(self)
        server = Server(milter.socket[5:])
        self.assertEqual(server.ask(CONNECT), b"c")
        answer = milter.command("upgrade")
        self.assertEqual(answer.returncode, 0, answer.stderr + milter.log())
        self.assertEqual(server.ask(ENVELOPE[0]), b"c", "who was there is served to the end")
        server.close()
        server = Server(milter.socket[5:])
        self.assertEqual(server.ask(CONNECT), b"c")
        server.close()

    def test_needs_neither_listener_nor_backend(self):
        milter = Milter(self)
        self.assertEqual(milter.command("check").returncode, 0)
        milter.end()
        answer = subprocess.run([milter.program, "run", "-c", milter.file], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(answer.returncode, 1)
        self.assertIn("no listen section", answer.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
