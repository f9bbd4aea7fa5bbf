#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""postern between real programs: Postfix behind it (by BDAT and by DATA, with and without TLS), and swaks, smtplib, smtp-source, a
pipelining client and a second Postfix in front. Mail arrives byte for byte but for trace fields. Needs root and Postfix."""

import re
import shutil
import smtplib
import socket
import ssl
import subprocess
import tempfile
import threading
import unittest

import mta
from harness import PATIENCE, Gateway, at_the_end_of, poll

DOORS = {
    "data": "-o smtpd_discard_ehlo_keywords=chunking",
    "bdat": "",
    "data_tls": "-o smtpd_discard_ehlo_keywords=chunking -o smtpd_tls_security_level=encrypt",
    "bdat_tls": "-o smtpd_tls_security_level=encrypt",
}
TRACE = re.compile(rb"(?:(?:Return-Path|X-Original-To|Delivered-To|Received|Received-SPF):.*\n(?:[ \t].*\n)*)+")
REFUSED_FIELD = "header_checks = regexp:{ {/^X-Refuse:/ REJECT not this one} }"
backend = None


def setUpModule():
    global backend
    reason = mta.why_not()
    if reason:
        raise unittest.SkipTest(reason)
    backend = mta.Postfix(DOORS, more=REFUSED_FIELD)
    unittest.addModuleCleanup(backend.end)


def gateway_before(test, door, tls_towards_clients=False, **settings):
    more = ""
    if tls_towards_clients:
        directory = tempfile.mkdtemp(prefix="postern-certificate-")
        at_the_end_of(test)(shutil.rmtree, directory)
        mta.make_certificate(directory, "mx.example.com")
        more = f'tls {{ certificate = "{directory}/certificate.pem"  key = "{directory}/key.pem" }}'
    tls = f'tls = "required"  tls_ca = "{backend.directory}/certificate.pem"  tls_name = "backend.example"'
    return Gateway(test, workers=2, servers=[f"127.0.0.1:{backend.ports[door]}"], backend=tls if door.endswith("tls") else "tls = off", more=more,
                   networks="127.0.0.2/32", **settings)


class Numbers:
    last = 0


def mail(body, subject="test"):
    """A mail that is like no other, and has all that a mail should have."""
    Numbers.last += 1
    return (f"From: Somebody <somebody@client.example>\r\nTo: a@example.com\r\nSubject: {subject}\r\n"
            f"Date: Sun, 22 Nov 2026 03:00:00 +0000\r\nMessage-ID: <{Numbers.last}.{id(backend)}@client.example>\r\n\r\n"
            ).encode() + body


def arrived(sent, box="a"):
    """How often a mail lies in a mailbox, every byte of it, below trace fields only."""
    sent = sent.replace(b"\r\n", b"\n")
    return sum(kept.endswith(sent) and bool(TRACE.fullmatch(kept[:len(kept) - len(sent)])) for kept in backend.mails(box))


def wait_for(sent, box="a", times=1):
    def is_there():
        return arrived(sent, box) == times

    try:
        poll(is_there, "a mail")
    except AssertionError:
        kept = [m for m in backend.mails(box) if re.search(rb"(?mi)^Message-ID: (.*?)\r?$", sent)[1] in m]
        raise AssertionError(f"sent {sent[:400]!r}, {len(sent)} bytes; in mailbox {box} {len(kept)} like it, "
                             f"{arrived(sent, box)} alike: {kept[:1]!r:.1500}") from None


def trust_anyone():
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


class Behind:
    """The same tests for each door of the backend."""
    door = None

    def client(self, **settings):
        self.gateway = gateway_before(self, self.door, **settings)
        client = smtplib.SMTP("127.0.0.1", self.gateway.port, "client.example", PATIENCE)
        self.addCleanup(client.close)
        return client

    def test_what_is_sent_arrives(self):
        client = self.client()
        for body in (b"", b"\r\n", b"one line\r\n", b"\r\n\r\n\r\n",
                     b".\r\n..\r\n...\r\n.a\r\n. \r\na.\r\n.\r\n", b".", b"..\r\n" * 5000,
                     b"\xe4\xf6\xfc \xc3\xa4 \xff\xfe\x80\x01\x7f\t\r\n", bytes(range(128, 256)) * 9 + b"\r\n",
                     b"x" * 998 + b"\r\n", b"y" * 20000 + b"\r\n.\r\n", b" leading\r\n\ttab\r\ntrailing \r\n",
                     b"From me\r\n>From you\r\n", b"\r\n".join(b"%d" % i for i in range(20000)) + b"\r\n"):
            sent = mail(body if body.endswith(b"\r\n") or not body else body + b"\r\n")
            client.sendmail("somebody@client.example", ["a@example.com"], sent, ["BODY=8BITMIME"])
            wait_for(sent)

    def test_five_megabytes(self):
        client = self.client()
        sent = mail(b"".join(b"%07d %s\r\n" % (i, b".x" * 30) for i in range(5 * 1048576 // 70)))
        client.sendmail("somebody@client.example", ["a@example.com"], sent)
        wait_for(sent)

    def test_swaks(self):
        if not shutil.which("swaks"):
            self.skipTest("swaks is not installed")
        gateway = gateway_before(self, self.door, tls_towards_clients=True)
        for more in ([], ["--tls", "--tls-protocol", "tlsv1_3"], ["--tls", "--pipeline"], ["--protocol", "SMTP"]):
            sent = mail(b".dot\r\n\r\n..\r\n\xe4\r\n")
            answer = subprocess.run(
                ["swaks", "--server", f"127.0.0.1:{gateway.port}", "--ehlo", "client.example", "--from", "s@client.example",
                 "--to", "a@example.com,b@example.com", "--data", "-", *more],
                input=sent, capture_output=True, timeout=PATIENCE, check=False)
            self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)
            wait_for(sent + b"\r\n")  # swaks adds one
            wait_for(sent + b"\r\n", "b")

    def test_smtp_source(self):
        gateway = gateway_before(self, self.door)
        sent = mail(b".dots\r\n..\r\n" + b"text \xfc\r\n" * 2000)
        with tempfile.NamedTemporaryFile() as file:
            file.write(sent.replace(b"\r\n", b"\n"))
            file.flush()
            answer = subprocess.run(
                ["smtp-source", "-s", "5", "-m", "40", "-F", file.name, "-f", "s@client.example", "-t", "c@example.com",
                 f"inet:127.0.0.1:{gateway.port}"], capture_output=True, text=True, timeout=PATIENCE, check=False)
        self.assertEqual((answer.returncode, answer.stderr), (0, ""))
        wait_for(sent + b"\r\n", "c", 40)  # smtp-source adds one

    def test_refusals_reach_the_client(self):
        client = self.client()
        sent = mail(b"for one of three\r\n")
        refused = client.sendmail("s@client.example", ["nobody@example.com", "a@example.com", "other@example.com"], sent)
        self.assertEqual(sorted(refused), ["nobody@example.com", "other@example.com"])
        for address, (code, text) in refused.items():
            self.assertEqual(code, 550)
            self.assertRegex(text.decode(), f"^5.1.1 <{address}>: Recipient address rejected: User unknown")
        wait_for(sent)
        with self.assertRaises(smtplib.SMTPDataError) as error:
            client.sendmail("s@client.example", ["a@example.com"], b"X-Refuse: yes\r\n" + sent)
        self.assertRegex(b"%d %s" % error.exception.args, rb"^550 5\.7\.1 not this one")

    def test_relaying_is_refused(self):
        client = self.client()
        client.ehlo()
        for address in ("x@example.org", "x%example.org@example.com", "@example.com:x@example.org"):
            client.docmd("MAIL FROM:<s@client.example>")
            code, text = client.docmd(f"RCPT TO:<{address}>")
            self.assertEqual((code, text[:6]), (550, b"5.7.1 "), text)
            client.rset()
        self.assertNotIn("example.org", backend.log())
        trusted = smtplib.SMTP("127.0.0.1", self.gateway.port, "client.example", PATIENCE, ("127.0.0.2", 0))
        self.addCleanup(trusted.close)
        with self.assertRaises(smtplib.SMTPRecipientsRefused) as error:
            trusted.sendmail("s@client.example", ["x@example.net"], mail(b""))
        self.assertIn(b"Relay access denied", error.exception.recipients["x@example.net"][1])

    def test_pipelined(self):
        gateway = gateway_before(self, self.door)
        first, second = mail(b"first\r\n"), mail(b".second\r\n")
        with socket.create_connection(("127.0.0.1", gateway.port), PATIENCE) as s, s.makefile("rb") as replies:
            s.sendall(b"EHLO client.example\r\n")
            self.assertRegex(replies.readline(), b"^220 ")
            while replies.readline()[3:4] != b" ":
                pass
            s.sendall(b"MAIL FROM:<s@client.example>\r\nRCPT TO:<a@example.com>\r\nRCPT TO:<nobody@example.com>\r\n"
                      b"RCPT TO:<b@example.com>\r\nRCPT TO:<c@example.org>\r\nRCPT TO:<d@example.com>\r\nDATA\r\n")
            self.assertEqual([replies.readline()[:3] for _ in range(7)],
                             [b"250", b"250", b"550", b"250", b"550", b"250", b"354"])
            s.sendall(first + b".\r\nMAIL FROM:<>\r\nRCPT TO:<c@example.com>\r\nDATA\r\n")
            self.assertEqual([replies.readline()[:3] for _ in range(4)], [b"250", b"250", b"250", b"354"])
            s.sendall(second.replace(b"\n.", b"\n..") + b".\r\nQUIT\r\n")
            self.assertEqual([replies.readline()[:3] for _ in range(3)], [b"250", b"221", b""])
        for box in "abd":
            wait_for(first, box)
        wait_for(second, "c")
        self.assertEqual(arrived(first, "c"), 0)

    def test_starttls(self):
        client = self.client(tls_towards_clients=True)
        sent = mail(b"secret\r\n" * 30000)
        self.assertEqual(client.starttls(context=trust_anyone())[0], 220)
        client.sendmail("s@client.example", ["a@example.com"], sent)
        wait_for(sent)

    def test_s_client(self):
        gateway = gateway_before(self, self.door, tls_towards_clients=True)
        sent = mail(b"by hand\r\n")
        with subprocess.Popen(["openssl", "s_client", "-quiet", "-starttls", "smtp", "-connect", f"127.0.0.1:{gateway.port}"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as client:
            watchdog = threading.Timer(PATIENCE, client.kill)
            watchdog.start()
            self.addCleanup(watchdog.cancel)

            def say(text, reply):
                client.stdin.write(text)
                client.stdin.flush()
                while (line := client.stdout.readline())[3:4] == b"-":
                    pass
                self.assertRegex(line, reply)

            say(b"EHLO client.example\r\n", b"^250 ")
            say(b"MAIL FROM:<s@client.example>\r\n", b"^250 ")
            say(b"RCPT TO:<a@example.com>\r\n", b"^250 ")
            say(b"DATA\r\n", b"^354 ")
            say(sent + b".\r\n", b"^250 ")
            say(b"QUIT\r\n", b"^221 ")
        wait_for(sent)

    def test_the_frame_is_the_doors(self):
        client = self.client()
        sent = mail(b"by which way?\r\n")
        client.sendmail("s@client.example", ["d@example.com"], sent)
        wait_for(sent, "d")
        kept = next(m for m in backend.mails("d") if m.endswith(sent.replace(b"\r\n", b"\n")))
        received = kept.split(b"\nReceived:")[1]
        self.assertEqual(b"(using TLSv1.3" in received, self.door.endswith("tls"), kept)
        client.quit()
        self.gateway.command("stop")
        queue_id = re.search(rb" id (\w+)", received)[1].decode()
        server, rest = re.search(rf"(smtpd\[\d+\]): {queue_id}: client(.*)", backend.log(), re.S).groups()
        said = poll(lambda: re.search(rf"{re.escape(server)}: disconnect (.*)", backend.log().split(rest[:200], 1)[1]),
                    "the end of the backend's connection")
        self.assertRegex(said[1], rf" {self.door[:4]}=1 ")


class ByData(Behind, unittest.TestCase):
    door = "data"


class ByBdat(Behind, unittest.TestCase):
    door = "bdat"


class ByDataOverTls(Behind, unittest.TestCase):
    door = "data_tls"


class ByBdatOverTls(Behind, unittest.TestCase):
    door = "bdat_tls"


DSN_OF_SENDER = ["RET=HDRS", "ENVID=number+2B1"]
DSN_OF_RECIPIENT = ["NOTIFY=SUCCESS,DELAY", "ORCPT=rfc822;alias+2B1@client.example"]


def wait_for_offer(gateway):
    """Of DSN: the backend has to be asked first."""
    def is_there():
        with smtplib.SMTP("127.0.0.1", gateway.port, "client.example", PATIENCE) as client:
            return client.ehlo() and client.has_extn("dsn")

    poll(is_there, "the offer of DSN")


def expect_success(sent, box):
    """Postfix tells the sender that the mail arrived, under the names that he had given it and its recipient."""
    number = re.search(rb"(?m)^Message-ID: .*?(?=\r?$)", sent)[0]
    report = poll(lambda: next((m for m in backend.mails(box) if number in m and b"\nAction: delivered" in m), None), "the report")
    for line in (b"Original-Envelope-Id: number+1", b"Original-Recipient: rfc822;alias+1@client.example", b"Final-Recipient: rfc822; a@example.com"):
        assert b"\n" + line + b"\n" in report, report


class Notifications(unittest.TestCase):
    """RFC 3461: what the sender asks for reaches the backend, and nothing where he asks for nothing."""

    def test_what_is_asked_for_is_told(self):
        gateway = gateway_before(self, "data")
        wait_for_offer(gateway)
        with smtplib.SMTP("127.0.0.1", gateway.port, "client.example", PATIENCE) as client:
            sent, silent = mail(b"to be told of\r\n"), mail(b"not to be told of\r\n")
            client.sendmail("d@example.com", ["a@example.com"], silent)
            client.sendmail("d@example.com", ["a@example.com"], sent, DSN_OF_SENDER, DSN_OF_RECIPIENT)
        wait_for(sent)
        wait_for(silent)
        expect_success(sent, "d")
        number = re.search(rb"(?m)^Message-ID: .*?(?=\r?$)", silent)[0]
        self.assertFalse([m for m in backend.mails("d") if number in m])


class InFront(unittest.TestCase):
    """A second Postfix is the client."""

    @classmethod
    def setUpClass(cls):
        cls.gateway = gateway_before(cls, "bdat", tls_towards_clients=True)
        cls.front = mta.Postfix(
            {"in": ""}, "front.example", serves=False,
            more=f"relayhost = [127.0.0.1]:{cls.gateway.port}\nsmtp_tls_security_level = may\nsmtp_tls_loglevel = 1")
        cls.addClassCleanup(cls.front.end)

    def submit(self, sender, recipient, sent):
        with smtplib.SMTP("127.0.0.1", self.front.ports["in"], "user.example", PATIENCE) as client:
            client.sendmail(sender, [recipient], sent)

    def wait_for_empty_queue(self):
        poll(lambda: not self.front.queue(), f"an empty queue: {self.front.log()[-3000:]}")

    def test_its_queue_drains(self):
        sent = [mail(b".%d\r\n" % i * 500) for i in range(30)]
        for message in sent:
            self.submit("s@client.example", "a@example.com", message)
        for message in sent:
            wait_for(message)
        self.wait_for_empty_queue()
        self.assertIn("TLS connection established to 127.0.0.1", self.front.log())

    def test_a_refusal_becomes_a_bounce(self):
        sent = mail(b"for nobody\r\n", subject="will be bounced")
        self.submit("b@example.com", "nobody@example.com", sent)
        bounce = poll(lambda: next((m for m in backend.mails("b") if b"will be bounced" in m), None), "the bounce")
        self.assertIn(b"User unknown", bounce)
        self.wait_for_empty_queue()

    def test_what_is_asked_for_passes_through(self):
        sent = mail(b"to be told of\r\n")
        wait_for_offer(self.gateway)
        with smtplib.SMTP("127.0.0.1", self.front.ports["in"], "user.example", PATIENCE) as client:
            client.sendmail("c@example.com", ["a@example.com"], sent, DSN_OF_SENDER, DSN_OF_RECIPIENT)
        wait_for(sent)
        expect_success(sent, "c")
        self.wait_for_empty_queue()

    def test_it_waits_for_a_backend_that_is_away(self):
        backend.kill()
        sent = mail(b"patience\r\n")
        try:
            self.submit("s@client.example", "c@example.com", sent)
            poll(lambda: any("451 4." in r["delay_reason"] for q in self.front.queue() for r in q["recipients"]
                             if "delay_reason" in r), "the delay")
        finally:
            backend.start()
        poll(lambda: self.front.run("postqueue", "-f") and arrived(sent, "c"), "the mail after the delay")
        self.wait_for_empty_queue()


if __name__ == "__main__":
    unittest.main(verbosity=2)
