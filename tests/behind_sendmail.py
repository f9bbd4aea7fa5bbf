#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""postern milter with a real Sendmail in front, whose configuration is that of the manual. Debian lets none stand beside Postfix: it is looked for
where tests/setup unpacks it, and without it all of this is skipped, with a word."""

import os
import random
import re
import shutil
import signal
import smtplib
import ssl
import subprocess
import threading
import unittest

import as_milter
from as_milter import LETTER, PROGRAM, Milter, body, letter, send
from foreign import SOURCE, directory_of, read
from harness import PATIENCE, at_the_end_of, fields, poll
from sendmail import Sendmail, require_sendmail

RULES = as_milter.RULES.replace("delay 12s", "delay 8s") + """
rule far { stage connect when client.ip == 127.0.0.3 then reject "not from there" }
rule near { stage connect when client.ip == 127.0.0.4 then tempfail "not from here" }
rule gone { stage connect when client.ip == 127.0.0.5 then disconnect }
rule named { stage helo when helo.name == "bad.example" then reject "100% of that name, %s and %%d" }
rule named_later { stage helo when helo.name == "later.example" then tempfail "that name, later" }
rule gone_too { stage helo when helo.name == "gone.example" then disconnect }
rule forged { stage mail when sender.local == "forged" then reject "5% of those, %n" }
rule odd_rcpt { stage rcpt when recipient.local == "odd" then reject "odd, by 100%: %s%s" }
rule long_rcpt { stage rcpt when recipient.local == "long" then reject "LONG" }
rule full { stage rcpt when recipient.local == "full" then tempfail 452 4.2.2 "full" }
rule breaks_off { stage message when subject == "end" then disconnect }
rule tells { stage message when subject == "tell me" then
    header "X-Client" "{client.ip} {server.ip} {client.authenticated} {client.tls} {listener} {helo.name} {forwarded.ident}" }
rule tells_tls { stage message when subject == "tell me" and client.tls then
    header "X-TLS" "{client.tls_version} {client.tls_cipher} {client.certificate.verified} {client.certificate.subject}" }
rule tells_user { stage message when subject == "tell me" and client.authenticated then header "X-User" "{client.user}" }
""".replace("LONG", "long " * 79 + "one")
DISCONNECTED = b"4.7.0 the policy of this site does not allow this"


def manual():
    """What it says of sendmail.mc."""
    text = read(SOURCE + "/conf/postern.conf.5.in")
    return re.search(r"\.Pa sendmail\.mc :\n\.Bd .*\n((?:[^.].*\n)+)\.Ed", text).group(1)


class Rules(Milter):
    rules = RULES


class BehindSendmail(unittest.TestCase):
    """One of each for all tests of a class: they do no harm."""

    SETTINGS = ""
    MORE = as_milter.QUIET
    ANSWER = "R:30s"  # how long Sendmail waits for one

    @classmethod
    def begin(cls, where):
        require_sendmail()
        where.milter = Rules(where, settings=cls.SETTINGS, more=cls.MORE)
        where.server = Sendmail(where, manual().replace("/run/postern-milter/socket", where.milter.socket[5:]).replace("R:30s", cls.ANSWER))

    @classmethod
    def setUpClass(cls):
        cls.begin(cls)

    def send(self, *words, **more):
        return send(self.server.port, *words, **more)

    def client(self, name="client.example", source="127.0.0.1"):
        client = smtplib.SMTP(timeout=2 * PATIENCE, local_hostname=name, source_address=(source, 0))
        self.addCleanup(client.close)
        client.greeting = client.connect("127.0.0.1", self.server.port)
        return client

    def arrived(self, box="a"):
        """The last one."""
        return self.server.mails(box)[-1]

    def nothing_new(self, action):
        before = len(self.server.mails("a"))
        action()
        self.assertEqual(len(self.server.mails("a")), before)
        self.assertEqual(self.server.queue(), {})


class Alone(BehindSendmail):
    """One of each for each test."""

    @classmethod
    def setUpClass(cls):
        require_sendmail()

    def setUp(self):
        self.begin(self)


class Mail(BehindSendmail):
    def test_arrives_as_it_came(self):
        self.assertEqual(self.send(), (250, b""))
        mail = self.arrived()
        self.assertTrue(mail.endswith(LETTER.replace(b"\r\n", b"\n")), mail)
        self.assertEqual(fields(mail, b"X-Postern-Tag"), [])
        ident = re.search(rb"ESMTP id (\w+)", mail).group(1).decode()
        line = poll(lambda: [one for one in self.milter.log().splitlines() if f"forwarded_ident={ident} " in one], "the log")[0]
        for wanted in ("client=127.0.0.1", "helo=client.example", "sender=s@example.net", "recipients=a@example.com", "verdict=accept"):
            self.assertIn(wanted, line)

    def test_arrives_as_it_came_from_odd_bytes(self):
        text = LETTER + b"\xff\xfe caf\xc3\xa9\r\n..\r\n" + b"x" * 900 + b"\r\n" + b"%s %d%%\r\n" * 9000
        self.assertEqual(self.send(text), (250, b""))
        self.assertEqual(body(self.arrived()), body(text))

    def test_several_in_a_session(self):
        client = self.client()
        for i in range(3):
            self.assertEqual(client.sendmail("s@example.net", ["a@example.com", "c@example.com"], letter(b"no. %d" % i)), {})
            client.docmd("NONSENSE")
            client.rset()
            self.assertEqual(fields(self.arrived("c"), b"Subject"), [b"no. %d" % i])
        client.mail("s@example.net")
        client.ehlo()
        self.assertEqual(client.sendmail("s@example.net", ["a@example.com"], LETTER), {})

    def test_forged_results_go(self):
        self.assertEqual(self.send(b"Authentication-Results: mx.example.com; dkim=pass\r\n" * 3 + LETTER)[0], 250)
        mail = self.arrived()
        self.assertEqual(fields(mail, b"Authentication-Results"), [])
        self.assertTrue(mail.endswith(LETTER.replace(b"\r\n", b"\n")), mail)

    def test_discarded(self):
        def drop():
            self.assertEqual(self.send(letter(b"drop me"))[0], 250)
        self.nothing_new(drop)


class Slow(BehindSendmail):
    ANSWER = "R:7s"

    def test_while_it_is_judged_nobody_gives_up(self):
        """For longer than Sendmail waits for an answer."""
        self.assertEqual(self.send(letter(b"slow"))[0], 250)
        self.assertEqual(fields(self.arrived(), b"Subject"), [b"slow"])


class Edits(BehindSendmail):
    def edited(self, text, **more):
        self.assertEqual(self.send(text, **more)[0], 250)
        return self.arrived()

    def test_fields_are_added_changed_and_deleted(self):
        mail = self.edited(letter(b"edit me"))
        self.assertEqual(fields(mail, b"X-Seen"), [b"yes"])
        self.assertIn(b"\nSubject: EXTERN: edit me\n", mail)
        self.assertEqual(fields(mail, b"X-Spam"), [])
        self.assertIn(b"\nFrom: <s@example.net>\nTo: <a@example.com>\nSubject:", mail)
        self.assertEqual(body(mail), b"Hello,\n.this is a letter.\n")

    def test_blanks_and_folds_stay(self):
        odd = b"X-None:none\r\nX-Two:  two\r\nX-Tab:\ttab\r\nX-Folded: one\r\n two\r\n\tthree\r\nx-spam:no\r\n"
        mail = self.edited(odd + letter(b"edit me\r\n and me").replace(b"X-Spam: no", b"x-SPAM:\tno"))
        self.assertIn(odd.replace(b"x-spam:no\r\n", b"").replace(b"\r\n", b"\n"), mail)
        mail = self.edited(odd + letter(b"edit me"))
        self.assertIn(odd.replace(b"x-spam:no\r\n", b"").replace(b"\r\n", b"\n"), mail)
        self.assertEqual(fields(mail, b"X-Spam"), [])

    def test_a_part_is_stripped(self):
        text = PROGRAM.replace(b"a program", b"strip me").replace(b"tool.exe", b"notes.txt").replace(b"MZ and so on", b"secret notes")
        mail = self.edited(text)
        self.assertNotIn(b"secret notes", mail)
        self.assertTrue(mail.endswith(b"\n--b--\n"), mail)

    def test_recipients_are_changed(self):
        before = [len(self.server.mails(box)) for box in "abc"]
        self.edited(letter(b"copy me"), recipients=["a@example.com", "b@example.com"])
        self.assertEqual([len(self.server.mails(box)) for box in "abc"], [before[0] + 1, before[1], before[2] + 1])

    def test_the_sender_is_changed(self):
        self.assertEqual(fields(self.edited(letter(b"another sender")), b"Return-Path"), [b"<other@example.net>"])


class Refusals(BehindSendmail):
    """Word for word, and where it is not so it is Sendmail's way."""

    IDENT = rb" \(\w+(\.\d+)?\)"

    def refused(self, answer, code, text):
        self.assertEqual(answer[0], code, answer)
        self.assertRegex(answer[1], rb"^" + re.escape(text) + self.IDENT + rb"$")

    def test_of_clients(self):
        """Sendmail makes words of its own for them."""
        for source, greeting, code in (("127.0.0.3", 554, 550), ("127.0.0.4", 220, 451)):
            with self.subTest(source=source):
                client = self.client(source=source)
                self.assertEqual(client.greeting[0], greeting)
                client.ehlo()
                self.assertEqual(client.mail("s@example.net")[0], code)
        self.assertEqual(self.client(source="127.0.0.5").greeting[0] // 100, 4)

    def test_of_names(self):
        for name, code, text in (("bad.example", 550, b"5.7.1 100% of that name, %s and %%d"), ("later.example", 451, b"4.7.1 that name, later")):
            with self.subTest(name=name):
                client = self.client(name)
                client.ehlo()
                self.refused(client.mail("s@example.net"), code, text)
        answer = self.client("gone.example").ehlo()
        self.refused(answer, 421, DISCONNECTED)

    def test_of_senders(self):
        client = self.client()
        client.ehlo()
        self.refused(client.mail("forged@example.net"), 550, b"5.7.1 <forged@example.net>... 5% of those, %n")
        self.refused(client.mail("later@example.net"), 451, b"4.7.1 come later")
        self.assertEqual(client.sendmail("s@example.net", ["a@example.com"], LETTER), {})

    def test_of_recipients(self):
        """Where they are for good Sendmail says before our text whom it is about."""
        client = self.client()
        refused = client.sendmail("s@example.net", [who + "@example.com" for who in ("d", "odd", "full", "a", "long")], LETTER)
        self.assertEqual(len(refused), 4)
        self.refused(refused["d@example.com"], 550, b"5.7.1 <d@example.com>... d takes no mail")
        self.refused(refused["odd@example.com"], 550, b"5.7.1 <odd@example.com>... odd, by 100%: %s%s")
        self.refused(refused["full@example.com"], 452, b"4.2.2 full")
        self.assertRegex(refused["long@example.com"][1], rb"^5\.7\.1 <long@example\.com>\.\.\. (long ){79}one \(\w+\.\d+\)$")
        self.assertEqual(fields(self.arrived(), b"Subject"), [b"hello"])
        self.assertIn('refused="<d@example.com> 550 by rule unwanted_rcpt', self.milter.log())
        self.refused(self.send(recipients=["e@example.net"]), 550, b"5.7.1 <e@example.net>... we do not relay mail for example.net")

    def test_of_messages(self):
        def refuse():
            self.refused(self.send(letter(b"refuse me")), 550, b"5.7.1 100% unwanted")
            self.refused(self.send(PROGRAM), 550, b"5.7.1 no programs: tool.exe")
            self.refused(self.send(letter(b"put me off")), 451, b"4.7.1 not now")
            self.refused(self.send(letter(b"end")), 421, DISCONNECTED)
        self.nothing_new(refuse)

    def test_are_explained_afterwards(self):
        ident = self.send(letter(b"refuse me"))[1].decode().rsplit("(", 1)[1].rstrip(")\n ")
        answer = poll(lambda: self.milter.command("explain", ident).stdout, "the record")
        self.assertIn("rule refuses", answer)


class Facts(BehindSendmail):
    def told(self, client):
        client.sendmail("s@example.net", ["a@example.com"], letter(b"tell me"))
        mail = self.arrived()
        ident = re.search(rb"ESMTPS?A? id (\w+)", mail).group(1)
        return [fields(mail, name) for name in (b"X-Client", b"X-TLS", b"X-User")], ident

    def test_of_a_client(self):
        told, ident = self.told(self.client(source="127.0.0.2"))
        self.assertEqual(told, [[b"127.0.0.2 127.0.0.1 false false MTA client.example " + ident], [], []])

    def logged_in(self):
        """One that shows a certificate, and what it heard of us then."""
        context = ssl.create_default_context(cafile=self.server.directory + "/certificate.pem")
        context.check_hostname = False
        context.load_cert_chain(self.server.directory + "/certificate.pem", self.server.directory + "/key.pem")
        client = self.client()
        client.putcmd("STARTTLS")
        self.assertEqual(client.getreply()[0], 220)
        client.sock = context.wrap_socket(client.sock)
        client.file = None
        client.ehlo()
        before, _ = self.told(client)
        self.assertEqual(client.auth("EXTERNAL", lambda challenge=None: "")[0], 235)
        return client, before

    def test_of_one_that_shows_a_certificate_and_logs_in(self):
        client, before = self.logged_in()
        cipher, version, _ = client.sock.cipher()
        self.assertRegex(before[0][0], rb"^127\.0\.0\.1 127\.0\.0\.1 false true MTA ")
        self.assertEqual(before[1:], [[f"{version} {cipher} true /CN=front.example".encode()], []])
        after, _ = self.told(client)
        self.assertRegex(after[0][0], rb"^127\.0\.0\.1 127\.0\.0\.1 true true MTA ")
        self.assertEqual(after[2], [b"/CN=front.example"])

    def test_who_logged_in_gets_one_date(self):
        """Sendmail has one ready, too."""
        client, _ = self.logged_in()
        client.sendmail("s@example.net", ["a@example.com"], re.sub(rb"(Date|Message-ID): [^\n]*\n", b"", LETTER))
        self.assertEqual(len(fields(self.arrived(), b"Date")), 1)
        self.assertRegex(b" ".join(fields(self.arrived(), b"Message-ID")), rb"^<[^ ]+@mx\.example\.com>$")


class Quarantine(BehindSendmail):
    SETTINGS = "quarantine = mail_server"

    def test_is_in_its_queue(self):
        """Held there with its reason until somebody releases it."""
        self.assertEqual(self.send(letter(b"keep me"))[0], 250)
        self.assertEqual(self.server.mails("a"), [])
        queue = self.server.queue()
        self.assertEqual([name[:2] for name in queue], ["df", "hf"])
        held = next(name for name in queue if name.startswith("hf"))
        self.assertIn("\nqit looks unwanted to this site\n", queue[held])
        ident = held[2:]
        self.assertRegex(self.server.run("-bp", "-qQ").stdout, ident + r"(?s:.*)it looks unwanted to this site")
        self.assertEqual(self.server.run("-qQ", "-qI" + ident, "-Q").returncode, 0)
        self.assertEqual(self.server.run("-qI" + ident).returncode, 0)
        poll(lambda: len(self.server.mails("a")) == 1, "what was released")
        self.assertEqual(fields(self.arrived(), b"Subject"), [b"keep me"])


class QuarantineOfOurOwn(BehindSendmail):
    @classmethod
    def begin(cls, where):
        place = directory_of(where)
        cls.MORE = as_milter.QUIET + f'quarantine {{ path = "{place}/kept" }}'
        super().begin(where)

    def test_is_kept_here(self):
        def keep():
            self.assertEqual(self.send(letter(b"keep me"))[0], 250)
        self.nothing_new(keep)
        self.assertIn("s@example.net", self.milter.command("quarantine", "list").stdout)


@unittest.skipUnless(os.path.exists("/usr/include/libmilter/mfapi.h") and shutil.which("gcc"), "libmilter-dev is not installed")
class MilterOfOurs(BehindSendmail):
    """A milter that postern asks makes every change there is: they are all Sendmail's to make."""

    @classmethod
    def begin(cls, where):
        directory = directory_of(where)
        program, path = directory + "/every", directory + "/socket"
        source = os.path.dirname(os.path.abspath(__file__)) + "/milters/every.c"
        subprocess.run(["gcc", "-o", program, source, "-lmilter", "-lpthread"], check=True)
        process = subprocess.Popen([program, "unix:" + path, directory + "/log", "change"])
        at_the_end_of(where)(process.wait)
        at_the_end_of(where)(process.kill)
        poll(lambda: os.path.exists(path), "the milter's socket")
        os.chmod(path, 0o777)
        cls.MORE = as_milter.QUIET + f'milter "every" {{ socket = "unix:{path}" }}'
        super().begin(where)

    def test_changes_everything(self):
        more = b"X-Added: zero\r\nX-Gone: yes\r\nX-Inserted: none\r\n"
        self.assertEqual(self.send(more + LETTER, recipients=["a@example.com", "gone@example.com"])[0], 250)
        self.assertEqual(self.server.mails("gone"), [])
        self.assertEqual(self.server.mails("a"), self.server.mails("added"))
        mail = self.arrived()
        self.assertEqual(sorted(fields(mail, b"X-Added")), [b"one", b"zero"])
        self.assertEqual(fields(mail, b"X-Inserted"), [b"two and so on", b"none"])
        self.assertEqual(fields(mail, b"Subject"), [b"three"])
        self.assertEqual(fields(mail, b"X-Gone"), [])
        self.assertEqual(fields(mail, b"X-Spam"), [b"no", b"perhaps"])
        self.assertEqual(fields(mail, b"Return-Path"), [b"<bounces@example.com>"])
        self.assertEqual(body(mail), b"changed\n")


class Trouble(Alone):
    def bring(self, codes, done):
        while not done.is_set():
            try:
                codes.append(self.send()[0])
            except smtplib.SMTPServerDisconnected:
                codes.append(421)

    def under_load(self, trouble):
        """What clients have heard meanwhile."""
        codes, done = [], threading.Event()
        threads = [threading.Thread(target=self.bring, args=(codes, done)) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            trouble(codes)
        finally:
            done.set()
            for thread in threads:
                thread.join()
        return codes

    def test_reloads_are_not_noticed(self):
        def reload(codes):
            client = self.client()
            client.ehlo()
            client.mail("s@example.net")
            for _ in range(2):
                self.assertEqual(self.milter.command("reload").returncode, 0)
            client.rcpt("a@example.com")
            self.assertEqual(client.data(LETTER)[0], 250)
            self.assertEqual(self.milter.command("reload").returncode, 0)
            self.assertEqual(client.sendmail("s@example.net", ["a@example.com"], LETTER), {})
        codes = self.under_load(reload)
        self.assertEqual(set(codes), {250})
        self.assertEqual(len(self.server.mails("a")), len(codes) + 2)

    def test_killed_workers_lose_nothing(self):
        def kill(codes):
            for _ in range(3):
                before = len(codes)
                poll(lambda before=before: len(codes) >= before + 4, "mail in between")
                os.kill(random.choice(self.milter.pids("worker")), signal.SIGKILL)
                poll(lambda: len(self.milter.pids("worker")) == 2, "workers again")
        codes = self.under_load(kill)
        self.assertEqual({code for code in codes if code != 250 and code // 100 != 4}, set())
        self.assertEqual(len(self.server.mails("a")), codes.count(250))
        self.assertEqual(self.send()[0], 250)

    def test_a_socket_that_others_could_put_there_is_not_taken(self):
        for mode, code in ((0o775, 451), (0o757, 451), (0o755, 250)):
            os.chmod(self.milter.directory, mode)
            self.assertEqual(self.send()[0], code)

    def test_nobody_there(self):
        """F=T."""
        self.milter.end()
        code, _ = self.send()
        self.assertEqual(code // 100, 4)
        self.assertEqual(self.server.mails("a"), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
