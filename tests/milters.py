#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Milters of others against whole gateways: a program made with libmilter, OpenDKIM, OpenDMARC; one that breaks off at every point; and
a thousand sessions at a time. What is not installed is skipped."""

import os
import shutil
import smtplib
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import unittest

from harness import PATIENCE, Gateway, Sink, QUIET, at_the_end_of, before_a_sink, fields, nobody_has_died, poll, serve, submit

HERE = os.path.dirname(os.path.abspath(__file__))
LETTER = (b"From: a@example.com\r\nTo: b@example.com\r\nSubject: hello\r\nX-Gone: yes\r\n"
          b"Date: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@example.com>\r\n\r\nHello,\r\nthis is a letter.\r\n")
def send(port, letter=LETTER, recipients=("b@example.com",), source="127.0.0.1"):
    return submit(port, letter, recipients, source=source)


def directory_for(test):
    directory = tempfile.mkdtemp(prefix="postern-milters-")
    os.chmod(directory, 0o755)
    at_the_end_of(test)(shutil.rmtree, directory, ignore_errors=True)
    return directory


def run(test, words, socket_path):
    """Starts a milter and waits for its socket."""
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def end():
        process.kill()
        process.wait()
    at_the_end_of(test)(end)
    poll(lambda: os.path.exists(socket_path) or process.poll() is not None, "the milter's socket")
    if process.poll() is not None:
        raise AssertionError(f"{words[0]} does not start")
    os.chmod(socket_path, 0o777)
    return process


class Libmilter(unittest.TestCase):
    """A program with every callback."""

    @classmethod
    def setUpClass(cls):
        cls.directory = directory_for(cls)
        cls.program = cls.directory + "/every"
        if not os.path.exists("/usr/include/libmilter/mfapi.h") or not shutil.which("gcc"):
            raise unittest.SkipTest("libmilter-dev is not installed")
        subprocess.run(["gcc", "-o", cls.program, HERE + "/milters/every.c", "-lmilter", "-lpthread"], check=True)

    def start(self, mode):
        path, log = f"{self.directory}/{mode}.sock", f"{self.directory}/{mode}.log"
        run(self, [self.program, "unix:" + path, log, mode], path)
        gateway, sink = before_a_sink(self, f'milter "every" {{ socket = "unix:{path}" }}')

        def heard():
            with open(log, encoding="ascii") as file:
                return file.read().splitlines()
        return gateway, sink, heard

    def test_hears_everything(self):
        gateway, sink, heard = self.start("watch")
        with smtplib.SMTP("127.0.0.1", gateway.port, timeout=60) as client:
            client.helo("client.example")
            client.docmd("XYZZY")
            client.sendmail("a@example.com", ["b@example.com"], LETTER)
            client.docmd("MAIL FROM:<c@example.com>")
            client.rset()
            client.sendmail("d@example.com", ["b@example.com"], LETTER)
        lines = poll(lambda: "close" in heard() and heard(), "the end of the session")
        self.assertEqual([line.split()[0] for line in lines],
                         ["negotiate", "connect", "helo", "unknown", "mail", "rcpt", "data"] + ["header"] * 6 + ["eoh", "body", "eom"] +
                         ["mail", "abort", "mail", "rcpt", "data"] + ["header"] * 6 + ["eoh", "body", "eom", "close"])
        self.assertIn("j=mx.example.com", lines[1])
        self.assertIn("client_addr=127.0.0.1", lines[1])
        eoms = [line for line in lines if line.startswith("eom")]
        self.assertNotEqual(eoms[0], eoms[1], "each message has an id of its own")
        self.assertIn("mail_addr=d@example.com", eoms[1])
        self.assertEqual(len(sink.mails()), 2)

    def test_changes_everything(self):
        gateway, sink, _ = self.start("change")
        self.assertEqual(send(gateway.port, recipients=["b@example.com", "gone@example.com"])[0], 250)
        mail = sink.mails()[0]
        self.assertEqual(fields(mail, b"X-Added"), [b"one"])
        self.assertEqual(fields(mail, b"X-Inserted"), [b"two and so on"])
        self.assertEqual(fields(mail, b"Subject"), [b"three"])
        self.assertEqual(fields(mail, b"X-Gone"), [])
        self.assertTrue(mail.replace(b"\r\n", b"\n").endswith(b"\n\nchanged\n"), mail)
        self.assertEqual(fields(mail, b"Return-Path"), [b"<bounces@example.com>"])
        delivered = b" ".join(fields(mail, b"Delivered-To") + fields(mail, b"X-Original-To"))
        if delivered:
            self.assertIn(b"added@example.com", delivered)
            self.assertNotIn(b"gone@example.com", delivered)

    def test_wants_the_end_alone(self):
        gateway, sink, heard = self.start("end")
        self.assertEqual(send(gateway.port)[0], 250)
        lines = poll(lambda: "close" in heard() and heard(), "the end of the session")
        self.assertEqual([line.split()[0] for line in lines], ["negotiate", "eom", "close"])
        self.assertIn("mail_addr=a@example.com", lines[1])
        self.assertEqual(len(sink.mails()), 1)

    def test_is_silent(self):
        gateway, sink, heard = self.start("silent")
        large = LETTER + b"0123456789abcdef0123456789abcdef0123456789abcdef\r\n" * 20000
        self.assertEqual(send(gateway.port, large)[0], 250)
        sizes = [int(line.split()[1]) for line in heard() if line.startswith("body")]
        self.assertEqual(sum(sizes), len(large) - large.index(b"\r\n\r\n") - 4)
        self.assertEqual(max(sizes), 65535)
        self.assertEqual(len(sink.mails()), 1)

    def test_refuses_recipients(self):
        gateway, sink, _ = self.start("refuse")
        with smtplib.SMTP("127.0.0.1", gateway.port, timeout=60) as client:
            client.ehlo()
            client.mail("a@example.com")
            code, text = client.rcpt("nobody@example.com")
            self.assertEqual(code, 550)
            self.assertIn(b"5.1.1 is called 100% that", text)
            self.assertEqual(client.rcpt("b@example.com")[0], 250)
            self.assertEqual(client.data(LETTER)[0], 250)
        self.assertEqual(len(sink.mails()), 1)


class OpenDKIM(unittest.TestCase):
    """Signs, and takes its own signature for good on the way back; OpenDMARC behind it."""

    @classmethod
    def setUpClass(cls):
        if not shutil.which("opendkim") or not shutil.which("opendkim-genkey"):
            raise unittest.SkipTest("opendkim and opendkim-tools are not installed")

    def configure(self):
        directory = directory_for(self)
        subprocess.run(["opendkim-genkey", "-b", "2048", "-d", "example.com", "-s", "sel", "-D", directory], check=True)
        with open(directory + "/sel.txt", encoding="ascii") as file:
            key = "".join(file.read().split('"')[1::2])
        for name, text in (("testdns", f"sel._domainkey.example.com {key}\n"), ("internal", "127.0.0.1\n"), ("opendkim.conf", f"""
Socket local:{directory}/dkim.sock
Mode sv
Domain example.com
Selector sel
KeyFile {directory}/sel.private
RequireSafeKeys no
Canonicalization simple/simple
InternalHosts {directory}/internal
PidFile {directory}/dkim.pid
Background no
AutoRestart no
Syslog no
AuthservID gw.example.com
AlwaysAddARHeader yes
TestDNSData {directory}/testdns
""")):
            with open(f"{directory}/{name}", "w", encoding="ascii") as out:
                out.write(text)
        run(self, ["opendkim", "-f", "-x", directory + "/opendkim.conf"], directory + "/dkim.sock")
        return directory

    def test_signs_and_verifies(self):
        directory = self.configure()
        gateway, sink = before_a_sink(self, f'milter "dkim" {{ socket = "unix:{directory}/dkim.sock" }}')
        self.assertEqual(send(gateway.port)[0], 250)
        signed = sink.mails()[0]
        self.assertEqual(len(fields(signed, b"DKIM-Signature")), 1, signed)
        letter = signed[signed.index(b"DKIM-Signature"):].replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        self.assertEqual(send(gateway.port, letter, source="127.0.0.2")[0], 250)
        verified = [mail for mail in sink.mails() if fields(mail, b"Authentication-Results")]
        self.assertEqual(len(verified), 1)
        self.assertIn(b"dkim=pass", fields(verified[0], b"Authentication-Results")[0])

    def test_results_stand_in_order(self):
        if not shutil.which("opendmarc"):
            self.skipTest("opendmarc is not installed")
        directory = self.configure()
        with open(directory + "/opendmarc.conf", "w", encoding="ascii") as out:
            out.write(f"Socket local:{directory}/dmarc.sock\nAuthservID gw.example.com\nTrustedAuthservIDs gw.example.com\n"
                      f"PidFile {directory}/dmarc.pid\nBackground false\nAutoRestart false\nSyslog false\nRejectFailures false\n")
        run(self, ["opendmarc", "-f", "-c", directory + "/opendmarc.conf"], directory + "/dmarc.sock")
        gateway, sink = before_a_sink(self, f'milter "dkim" {{ socket = "unix:{directory}/dkim.sock" }} '
                                    f'milter "dmarc" {{ socket = "unix:{directory}/dmarc.sock" }}')
        self.assertEqual(send(gateway.port, source="127.0.0.2")[0], 250)
        results = fields(sink.mails()[0], b"Authentication-Results")
        self.assertEqual(len(results), 2, results)
        self.assertIn(b"dmarc=", results[0])
        self.assertIn(b"dkim=", results[1])


class Broken:
    """A milter that breaks off with the nth packet it hears: it closes, resets, or sends garbage. Else it says "continue"."""

    def __init__(self, test, directory, nth=0, how="close"):
        self.path = directory + "/broken.sock"
        self.nth, self.how, self.heard, self.sessions = nth, how, 0, 0
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        os.chmod(self.path, 0o777)
        self.listener.listen(2000)
        at_the_end_of(test)(self.listener.close)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.sessions += 1
            threading.Thread(target=self.talk, args=(connection,), daemon=True).start()

    def talk(self, connection):
        heard, answers = 0, {b"O": struct.pack(">cIII", b"O", 6, 0x1ff, 0)}
        try:
            with connection, connection.makefile("rb") as stream:
                while True:
                    head = stream.read(4)
                    if len(head) < 4:
                        return
                    packet = stream.read(struct.unpack(">I", head)[0])
                    heard += 1
                    self.heard = max(self.heard, heard)
                    if heard == self.nth and self.break_off(connection):
                        return
                    if packet[:1] not in b"DAQ":
                        answer = answers.get(packet[:1], b"c")
                        connection.sendall(struct.pack(">I", len(answer)) + answer)
        except OSError:
            pass

    def break_off(self, connection):
        """Whether that was the end."""
        if self.how == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if self.how == "garbage":
            connection.sendall(os.urandom(70000))
        if self.how == "flood":
            for _ in range(3000):
                connection.sendall(struct.pack(">I", 6) + b"hX\0y\0" + b"\0")
        return self.how in ("close", "reset")


def transaction(gateway):
    """The codes of a whole session, as far as it goes."""
    try:
        with smtplib.SMTP("127.0.0.1", gateway.port, timeout=60) as client:
            code = client.ehlo("client.example")[0]
            if code != 250:
                return [code]
            client.sendmail("a@example.com", ["b@example.com"], LETTER)
            return [250]
    except smtplib.SMTPRecipientsRefused as error:
        return [code for code, _ in error.recipients.values()]
    except smtplib.SMTPResponseException as error:
        return [error.smtp_code]


class BehindTls(Broken):
    """The same, by TCP and behind TLS."""

    def __init__(self, test, directory, **how):
        super().__init__(test, directory, **how)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.certificate = directory + "/milter.pem"
        make_certificate(self.certificate, "milter.example.com")
        self.context.load_cert_chain(self.certificate)
        self.plain = socket.create_server(("127.0.0.1", 0))
        self.port = self.plain.getsockname()[1]
        serve(test, self.plain, self.shake_hands)

    def shake_hands(self, connection):
        connection.settimeout(PATIENCE)
        try:
            connection = self.context.wrap_socket(connection, server_side=True)
        except OSError:
            connection.close()
            return
        self.sessions += 1
        self.talk(connection)


def make_certificate(path, name):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                    "-addext", f"subjectAltName=DNS:{name}", "-keyout", path, "-out", path], check=True, stderr=subprocess.DEVNULL)
    os.chmod(path, 0o644)


@unittest.skipUnless(shutil.which("openssl"), "openssl is not installed")
class Tls(unittest.TestCase):
    def begin(self, settings, port=None, **how):
        directory = directory_for(self)
        milter = BehindTls(self, directory, **how)
        other = directory + "/other.pem"
        make_certificate(other, "milter.example.com")
        gateway, sink = before_a_sink(self, f'milter "far" {{ socket = "inet:127.0.0.1:{port or milter.port}"  '
                                    f'{settings.format(own=milter.certificate, other=other)} }}')
        return milter, gateway, sink

    def test_it_is_asked(self):
        milter, gateway, sink = self.begin('tls = required  tls_ca = "{own}"  tls_name = "milter.example.com"')
        large = LETTER + b"0123456789abcdef0123456789abcdef0123456789abcdef\r\n" * 20000
        self.assertEqual(send(gateway.port, large)[0], 250)
        self.assertEqual(milter.sessions, 1)
        self.assertGreater(milter.heard, 15)
        self.assertEqual(len(sink.mails()), 1)

    def expect_put_off(self, settings):
        milter, gateway, sink = self.begin(settings)
        codes = transaction(gateway)
        self.assertTrue(all(400 <= code < 500 for code in codes), codes)
        self.assertEqual((milter.heard, sink.mails()), (0, []))
        self.assertIn("event=milter_failed", gateway.log())

    def test_an_unknown_certificate_is_refused(self):
        self.expect_put_off('tls = required  tls_ca = "{other}"  tls_name = "milter.example.com"')

    def test_another_name_is_refused(self):
        self.expect_put_off('tls = required  tls_ca = "{own}"  tls_name = "other.example.com"')

    def test_one_that_speaks_no_tls_is_refused(self):
        plain = socket.create_server(("127.0.0.1", 0))
        at_the_end_of(self)(plain.close)

        def close_all():
            while True:
                try:
                    connection, _ = plain.accept()
                except OSError:
                    return
                connection.recv(1000)
                connection.sendall(b"421 what is that?\r\n")
                connection.close()
        threading.Thread(target=close_all, daemon=True).start()
        _, gateway, sink = self.begin('tls = required  tls_ca = "{own}"  tls_name = "milter.example.com"', plain.getsockname()[1])
        codes = transaction(gateway)
        self.assertTrue(all(400 <= code < 500 for code in codes), codes)
        self.assertEqual(sink.mails(), [])

    def test_it_closes_in_the_middle(self):
        milter, gateway, sink = self.begin('tls = required  tls_ca = "{own}"  tls_name = "milter.example.com"', nth=12)
        self.assertEqual(send(gateway.port)[0], 451)
        self.assertEqual(sink.mails(), [])
        milter.nth = 0
        self.assertEqual(send(gateway.port)[0], 250)


class Misbehaving(unittest.TestCase):
    def begin(self, how, nth):
        directory = directory_for(self)
        milter = Broken(self, directory, nth, how)
        gateway, sink = before_a_sink(self, f'milter "broken" {{ socket = "unix:{milter.path}" }}', workers=1)
        return milter, gateway, sink

    def break_everywhere(self, how):
        milter, gateway, sink = self.begin(how, 0)
        self.assertEqual(transaction(gateway), [250])
        points = milter.heard
        self.assertGreater(points, 15)
        for nth in range(1, points):
            with self.subTest(how=how, nth=nth):
                milter.nth = nth
                before = len(sink.mails())
                codes = transaction(gateway)
                self.assertTrue(all(400 <= code < 500 for code in codes), codes)
                self.assertEqual(len(sink.mails()), before)
                milter.nth = 0
                self.assertEqual(transaction(gateway), [250], "the next session is served")
        nobody_has_died(self, gateway)

    def test_closes_at_each_point(self):
        self.break_everywhere("close")

    def test_resets_at_each_point(self):
        self.break_everywhere("reset")

    def test_garbage_at_each_point(self):
        self.break_everywhere("garbage")

    def test_floods_at_each_point(self):
        self.break_everywhere("flood")


class Many(unittest.TestCase):
    SESSIONS = 1000

    def test_a_thousand_sessions(self):
        directory = directory_for(self)
        milter = Broken(self, directory)
        sink = Sink(self)
        gateway = Gateway(self, workers=2, servers=[f"127.0.0.1:{sink.port}"], backend=f"tls = off  connections = {self.SESSIONS}",
                          networks="10.0.0.0/8", more=QUIET + f'milter "m" {{ socket = "unix:{milter.path}" }}')
        clients = [socket.create_connection(("127.0.0.1", gateway.port), timeout=120) for _ in range(self.SESSIONS)]
        files = [client.makefile("rb") for client in clients]

        def all_hear(code):
            for file in files:
                line = file.readline()
                while line[3:4] == b"-":
                    line = file.readline()
                self.assertEqual(line[:3], code, line)

        def all_say(text):
            for client in clients:
                client.sendall(text)
        all_hear(b"220")
        self.assertEqual(milter.sessions, self.SESSIONS)
        all_say(b"EHLO client.example\r\n")
        all_hear(b"250")
        all_say(b"MAIL FROM:<a@example.com>\r\n")
        all_hear(b"250")
        for line, code in ((b"RCPT TO:<b@example.com>\r\n", b"250"), (b"DATA\r\n", b"354"), (LETTER + b".\r\n", b"250")):
            all_say(line)
            all_hear(code)
        for client, file in zip(clients, files):
            file.close()
            client.close()
        self.assertEqual(len(sink.mails()), self.SESSIONS)
        self.assertNotIn("milter_failed", gateway.log())
        nobody_has_died(self, gateway)


if __name__ == "__main__":
    unittest.main(verbosity=2)
