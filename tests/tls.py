#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""TLS over whole processes: certificates that change are taken up, broken ones are not; sessions are resumed by any worker and by the
next generation; OpenSSL's s_client as a foreign peer."""

import hashlib
import json
import os
import re
import shutil
import smtplib
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest

import mta
from harness import PATIENCE, Gateway, Sink, at_the_end_of, free_port, poll
from peers import LoginServer
from processes import load

OPENSSL = shutil.which("openssl")


def make_certificate(directory, name, subject="mx.example.com", kind=("ec", "-pkeyopt", "ec_paramgen_curve:P-256")):
    """The paths of a certificate and its key."""
    certificate, key = f"{directory}/{name}.pem", f"{directory}/{name}.key"
    subprocess.run([OPENSSL, "req", "-x509", "-newkey", *kind, "-nodes", "-days", "2", "-subj", f"/CN={subject}",
                    "-addext", f"subjectAltName=DNS:{subject}", "-keyout", key, "-out", certificate],
                   check=True, capture_output=True)
    return certificate, key


def context():
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    return made


class Site:
    """A gateway with a certificate of its own and an implicit listener; the files change, the paths stay."""

    def __init__(self, test, more="", **arguments):
        self.directory = tempfile.mkdtemp(prefix="postern-tls-")
        os.chmod(self.directory, 0o755)
        at_the_end_of(test)(shutil.rmtree, self.directory, ignore_errors=True)
        self.certificate, self.key = f"{self.directory}/live.pem", f"{self.directory}/live.key"
        self.install("first")
        self.port = free_port()
        self.more = f"""
            listen "implicit" {{ address = "127.0.0.1"  port = {self.port}  tls = "implicit" }}
            tls {{ certificate = "{self.certificate}"  key = "{self.key}"  watch = "100ms" }}
            {more}"""
        self.gateway = Gateway(test, more=self.more, **arguments)

    def install(self, name):
        """The key first: for a moment the two do not belong together."""
        made = make_certificate(self.directory, name)
        for new, path in zip(made[::-1], (self.key, self.certificate)):
            shutil.copy(new, path + ".new")
            os.replace(path + ".new", path)

    def served(self):
        """The certificate that a new connection sees, in PEM."""
        return ssl.get_server_certificate(("127.0.0.1", self.port))

    def connect(self, session=None, using=None):
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        return (using or context()).wrap_socket(plain, server_hostname="mx.example.com", session=session)


def read_pem(path):
    with open(path, encoding="ascii") as file:
        return file.read()


class Changes(unittest.TestCase):
    def test_a_new_certificate_is_taken_up_and_no_connection_lost(self):
        site = Site(self)
        session = smtplib.SMTP_SSL("127.0.0.1", site.port, timeout=PATIENCE, context=context())
        self.addCleanup(session.close)
        session.ehlo()
        self.assertEqual(session.mail("a@example.net")[0], 250)
        with load(site.gateway.port, threads=2) as clients:
            site.install("second")
            poll(lambda: site.served() == read_pem(site.certificate), "the new certificate")
        self.assertEqual([f for c in clients for f in c.failures], [])
        self.assertIn("event=certificate_changed", site.gateway.log())
        self.assertEqual(session.rset()[0], 250)

    def test_a_broken_one_leaves_the_old_in_force(self):
        site = Site(self)
        old = site.served()
        with open(site.certificate, "w", encoding="ascii") as out:
            out.write("this is no certificate\n")
        poll(lambda: "event=reload_refused" in site.gateway.log(), "the complaint")
        self.assertIn(f'cannot use \\"{site.certificate}\\": there is no certificate in it', site.gateway.log())
        self.assertEqual(site.served(), old)
        self.assertEqual(site.gateway.status()["generation"], 1)
        self.assertEqual(site.gateway.log().count("event=reload_refused"), 1)
        site.install("second")
        poll(lambda: site.served() == read_pem(site.certificate), "the new certificate")

    def test_a_key_of_another_certificate_is_found_before_anything_starts(self):
        site = Site(self)
        old = site.served()
        shutil.copy(make_certificate(site.directory, "other")[1], site.key)
        poll(lambda: "it is not the key of the certificate" in site.gateway.log(), "the complaint")
        self.assertEqual(site.served(), old)
        answer = site.gateway.command("check")
        self.assertEqual(answer.returncode, 1)
        self.assertRegex(answer.stderr + answer.stdout, r"postern\.conf:\d+:\d+: error: cannot use .*it is not the key of the certificate")


class Tickets(unittest.TestCase):
    def resume(self, version):
        site = Site(self, workers=3)
        using = context()
        using.minimum_version = using.maximum_version = version

        def session_of(session=None):
            with site.connect(session, using) as client:
                client.recv(512)  # behind it the ticket has come, too
                client.sendall(b"QUIT\r\n")
                client.recv(512)
                return client.session, client.session_reused

        session, reused = session_of()
        self.assertFalse(reused)
        for _ in range(20):  # over three workers
            session, reused = session_of(session)
            self.assertTrue(reused)
        site.gateway.configure(more=site.more)
        self.assertEqual(site.gateway.command("reload").returncode, 0)
        for _ in range(5):
            session, reused = session_of(session)
            self.assertTrue(reused)
        # A ticket of another run is worth nothing, and does no harm.
        site.gateway.process.terminate()
        site.gateway.process.wait(PATIENCE)
        site.gateway.start(self)
        self.assertFalse(session_of(session)[1])

    def test_tls_1_2(self):
        self.resume(ssl.TLSVersion.TLSv1_2)

    def test_tls_1_3(self):
        self.resume(ssl.TLSVersion.TLSv1_3)


def memory_of(pid):
    """What the process may write to, but for what a sanitizer reserves."""
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps, open(f"/proc/{pid}/mem", "rb") as memory:
        for line in maps:
            span, modes = line.split()[:2]
            begin, end = (int(part, 16) for part in span.split("-"))
            if modes.startswith("rw") and end - begin < 1 << 30:
                memory.seek(begin)
                try:
                    yield memory.read(end - begin)
                except OSError:
                    continue


class Keys(unittest.TestCase):
    @unittest.skipUnless(os.geteuid() == 0, "only root sees the memory of others")
    def test_who_shakes_no_hands_has_no_private_key(self):
        site = Site(self)
        text = subprocess.run([OPENSSL, "ec", "-in", site.key, "-noout", "-text"], capture_output=True, check=True, text=True).stdout
        secret = bytes.fromhex("".join(text.split("priv:")[1].split("pub:")[0].split()).replace(":", ""))[-32:]
        number = secret[::-1]  # as the library keeps it
        self.assertTrue(all(any(number in part for part in memory_of(pid)) for pid in site.gateway.pids("worker")))
        for pid in site.gateway.pids("keeper"):
            self.assertFalse(any(number in part for part in memory_of(pid)))


def s_client(port, *words, say=b"QUIT\r\n"):
    return subprocess.run([OPENSSL, "s_client", "-connect", f"127.0.0.1:{port}", "-ign_eof", *words], input=say,
                          capture_output=True, timeout=PATIENCE, check=False)


class Foreign(unittest.TestCase):
    """openssl s_client."""

    @classmethod
    def setUpClass(cls):
        cls.site = Site(cls)
        cls.rsa = make_certificate(cls.site.directory, "rsa", kind=("rsa:2048",))
        cls.other = make_certificate(cls.site.directory, "other", subject="*.example.net")
        certificates, keys = zip((cls.site.certificate, cls.site.key), cls.rsa, cls.other)
        cls.site.gateway.configure(more=f"""
            listen "implicit" {{ address = "127.0.0.1"  port = {cls.site.port}  tls = "implicit" }}
            tls {{ certificate = {{"{'" "'.join(certificates)}"}}  key = {{"{'" "'.join(keys)}"}} }}""")
        assert cls.site.gateway.command("reload").returncode == 0

    def test_starttls(self):
        for version in ("-tls1_2", "-tls1_3"):
            done = s_client(self.site.gateway.port, "-starttls", "smtp", version)
            self.assertIn(b"221 2.0.0", done.stdout, done.stderr)
            self.assertIn(version[1:].replace("tls1_", "TLSv1.").encode(), done.stdout)

    def test_implicit(self):
        done = s_client(self.site.port, "-brief")
        self.assertIn(b"220 mx.example.com ESMTP", done.stdout)
        self.assertIn(b"221 2.0.0", done.stdout)

    def test_certificates_by_name_and_kind(self):
        for words, wanted in (((), b"mx.example.com"), (("-servername", "a.example.net"), b"*.example.net"),
                              (("-servername", "a.b.example.net"), b"mx.example.com"),
                              (("-servername", "nobody.example.org"), b"mx.example.com")):
            done = s_client(self.site.port, *words)
            self.assertIn(b"subject=CN = " + wanted, done.stdout, words)
        for algorithms, wanted in (("ECDSA+SHA256", b"ECDSA"), ("RSA-PSS+SHA256", b"RSA-PSS")):
            done = s_client(self.site.port, "-sigalgs", algorithms)
            self.assertIn(b"Peer signature type: " + wanted, done.stdout)

    def test_old_versions_are_refused(self):
        done = s_client(self.site.port, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"alert protocol version", done.stderr)
        poll(lambda: 'reason="unsupported protocol"' in self.site.gateway.log(), "the line in the log")

    def test_alpn(self):
        done = s_client(self.site.port, "-alpn", "http/1.1,h2")
        self.assertIn(b"alert no application protocol", done.stderr)
        done = s_client(self.site.port, "-alpn", "h2,smtp")
        self.assertIn(b"ALPN protocol: smtp", done.stdout)
        self.assertIn(b"221 2.0.0", done.stdout)

    def test_no_certificate_is_asked_for(self):
        done = s_client(self.site.port)
        self.assertIn(b"No client certificate CA names sent", done.stdout)
        self.assertNotIn(b"Client Certificate Types", done.stdout)
        self.assertNotIn(b"Requested Signature Algorithms", done.stdout)


def say_by_hand(port, *words, mail):
    """A whole mail through s_client, each command when the last is answered; the codes that were heard."""
    codes = []
    with subprocess.Popen([OPENSSL, "s_client", "-quiet", "-connect", f"127.0.0.1:{port}", *words], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as client:
        watchdog = threading.Timer(PATIENCE, client.kill)
        watchdog.start()
        try:
            said = (b"EHLO client.example\r\n", b"MAIL FROM:<a@client.example>\r\n", b"RCPT TO:<b@example.com>\r\n", b"DATA\r\n",
                    mail.replace(b"\n.", b"\n..") + b".\r\n", b"QUIT\r\n")
            for text in said if "-starttls" in words else (b"",) + said:
                client.stdin.write(text)
                client.stdin.flush()
                while (line := client.stdout.readline())[3:4] == b"-":
                    pass
                codes.append(line[:3].decode())
        finally:
            watchdog.cancel()
    return codes


MAIL = b"".join(b"%s: %s\r\n" % field for field in (
    (b"From", b"a@client.example"), (b"To", b"b@example.com"), (b"Subject", b"by hand"), (b"Date", b"Sun, 22 Nov 2026 03:00:00 +0000"),
    (b"Message-ID", b"<1@client.example>"))) + b"\r\n.\r\n..\r\nQ\r\nR\r\n\xe4\r\n" + b"text \xfc\r\n" * 20000


class Mails(unittest.TestCase):
    """By s_client, over STARTTLS and inside TLS from the first byte; what it shows stands in the record."""

    def setUp(self):
        self.sink, self.sent = Sink(self), 0
        directory = tempfile.mkdtemp(prefix="postern-tls-")
        self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        os.chmod(directory, 0o755)
        self.known = make_certificate(directory, "known", subject="known.example")
        self.stranger = make_certificate(directory, "stranger", subject="stranger.example")
        self.asking = free_port()
        self.site = Site(self, workers=1, servers=[f"127.0.0.1:{self.sink.port}"], networks="127.0.0.2/32", more=f"""
            listen "asking" {{ address = "127.0.0.1"  port = {self.asking}  tls = "implicit"  client_certificate = "ask"  client_ca = "{self.known[0]}" }}""")

    def send(self, port, *words):
        before = len(self.sink.mails())
        codes = say_by_hand(port, *words, mail=MAIL)
        self.assertEqual(codes[-6:], ["250", "250", "250", "354", "250", "221"])
        self.sent += 1
        poll(lambda: len(self.sink.mails()) > before, "the mail")

    def test_they_arrive(self):
        for version in ("-tls1_2", "-tls1_3"):
            self.send(self.site.gateway.port, "-starttls", "smtp", version)
            self.send(self.site.port, version)
        mails = self.sink.mails()
        self.assertEqual(len(mails), 4)
        for mail in mails:
            self.assertEqual(mail[mail.index(b"From: a@"):], MAIL)
            self.assertRegex(mail, rb"by mx\.example\.com\s+with ESMTPS\b")

    def record(self):
        """Of the last transaction."""
        def ids():
            return re.findall(r" event=transaction id=(\S+)", self.site.gateway.log())

        poll(lambda: len(ids()) == self.sent, "a line in the log")
        answer = poll(lambda: (a := self.site.gateway.command("explain", "--json", ids()[-1])).returncode == 0 and a, "the record")
        return json.loads(answer.stdout)["facts"]

    def test_certificates_of_clients_stand_in_the_record(self):
        for version in ("-tls1_2", "-tls1_3"):
            for shown, verified in ((self.known, True), (self.stranger, False), (None, False)):
                words = ("-cert", shown[0], "-key", shown[1]) if shown else ()
                self.send(self.asking, version, *words)
                facts = self.record()
                self.assertIs(facts["client.certificate.verified"], verified)
                name = f"CN={os.path.basename(shown[0])[:-4]}.example" if shown else None
                self.assertEqual([facts.get("client.certificate." + what) for what in ("subject", "issuer")], [name, name])
                printed = subprocess.run([OPENSSL, "x509", "-in", shown[0], "-noout", "-fingerprint", "-sha256"], check=True,
                                         capture_output=True, text=True).stdout.strip() if shown else "=none"
                wanted = printed.split("=")[1].replace(":", "").lower() if shown else None
                self.assertEqual(facts.get("client.certificate.fingerprint"), wanted)
        self.send(self.site.port, "-cert", self.known[0], "-key", self.known[1])
        self.assertNotIn("client.certificate.verified", self.record())  # nobody asked


class Servers(unittest.TestCase):
    """Behind: one whose certificate is not accepted gets no mail, the next one does."""

    def setUp(self):
        self.servers, self.files = [], []
        for name in ("another.example", "backend.example"):
            directory = tempfile.mkdtemp(prefix="postern-tls-")
            self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
            os.chmod(directory, 0o755)
            mta.make_certificate(directory, name)
            self.servers.append(LoginServer(self, directory))
            self.files.append(directory + "/certificate.pem")

    def send(self, backend, reason):
        gateway = Gateway(self, workers=1, servers=[f"127.0.0.1:{server.port}" for server in self.servers],
                          backend='tls = "required"  probe = 0  ' + backend)
        with smtplib.SMTP("127.0.0.1", gateway.port, "client.example", PATIENCE) as client:
            client.sendmail("a@client.example", ["b@example.com"], MAIL)
        first, second = self.servers
        self.assertEqual((first.senders, first.mails), ([], []))
        self.assertEqual(len(second.mails), 1)
        self.assertTrue(second.mails[0].endswith(MAIL))
        self.assertRegex(gateway.log(), rf"event=backend_failed .*server=127\.0\.0\.1:{first.port} .*{reason}")

    def test_that_nobody_vouches_for(self):
        self.send(f'tls_ca = "{self.files[1]}"  tls_name = "backend.example"', "the server's certificate is not accepted: self-signed")

    def test_of_another_name(self):
        both = os.path.dirname(self.files[0]) + "/both.pem"
        with open(both, "w", encoding="ascii") as out:
            out.write(read_pem(self.files[0]) + read_pem(self.files[1]))
        self.send(f'tls_ca = "{both}"  tls_name = "backend.example"', "the server's certificate is not accepted: hostname mismatch")

    def test_of_another_fingerprint(self):
        digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(read_pem(self.files[1]))).hexdigest()
        self.send(f'tls_fingerprint = "{digest}"', "is not the one of tls_fingerprint")


if __name__ == "__main__":
    if not OPENSSL:
        print("skipped: openssl is not installed")
        sys.exit(77)
    unittest.main(verbosity=2)
