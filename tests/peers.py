#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Programs of others on both sides: swaks, curl and smtplib log in through the gateway and send; Exim, whose way is BDAT pipelined, in
front of it and behind it; OpenSMTPD on both sides; and floods of clients. Each is skipped, with a word, where it is not installed."""

import base64
import contextlib
import glob
import hashlib
import hmac
import os
import re
import shutil
import smtplib
import socket
import ssl
import subprocess
import unittest
from email.message import EmailMessage

import exchange
import mta
from foreign import Foreign, directory_of, find, read, require
from harness import PATIENCE, Gateway, Sink, free_port, maildir, poll

USER, PASSWORD = "alice", "secret"


class Numbers:
    last = 0


def mail(body, sender="a@client.example"):
    """A mail that is like no other, and has all that a mail should have."""
    Numbers.last += 1
    return (f"From: {sender}\r\nTo: b@example.com\r\nSubject: number {Numbers.last}\r\n"
            f"Date: Sun, 22 Nov 2026 03:00:00 +0000\r\nMessage-ID: <{Numbers.last}@client.example>\r\n\r\n").encode() + body


def trust_anyone():
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


# --- clients that log in ---

class LoginDialogue(exchange.Dialogue):
    """TLS, and three ways to log in."""

    inside = False

    def do_ehlo(self, _):
        self.forget()
        self.greeted = True
        offer = ["PIPELINING", "8BITMIME", "CHUNKING", "DSN", "SMTPUTF8", "SIZE 50000000"]
        offer.append("AUTH PLAIN LOGIN CRAM-MD5" if self.inside else "STARTTLS")
        self.say("\r\n".join("250-" + word for word in ["login.example", *offer]) + "\r\n250 ENHANCEDSTATUSCODES")

    def do_starttls(self, _):
        self.say("220 2.0.0 go")
        self.rfile.close()
        self.request = self.server.context.wrap_socket(self.request, server_side=True)
        self.inside, self.rfile, self.wfile = True, self.request.makefile("rb"), self.request.makefile("wb", 0)

    def finish(self):
        super().finish()
        self.request.close()

    def do_mail(self, rest):
        self.server.senders.append(rest)
        super().do_mail(rest)

    def ask(self, challenge):
        self.say("334 " + base64.b64encode(challenge).decode())
        return self.decode(self.rfile.readline(16384).decode("ascii").strip())

    def do_auth(self, rest):
        mechanism, _, initial = rest.partition(" ")
        user, password = USER.encode(), PASSWORD.encode()
        if mechanism == "PLAIN":
            good = (self.decode(initial) if initial else self.ask(b"")).split(b"\0")[1:] == [user, password]
        elif mechanism == "LOGIN":
            name = self.decode(initial) if initial else self.ask(b"Username:")
            good = [name, self.ask(b"Password:")] == [user, password]
        else:
            good = self.ask(b"<1@login.example>") == user + b" " + hmac.new(
                password, b"<1@login.example>", hashlib.md5).hexdigest().encode()
        self.server.logins.append((mechanism, good))
        self.say("235 2.7.0 welcome" if good else "535 5.7.8 no")


class LoginServer(exchange.Exchange):
    def __init__(self, test, directory):
        super().__init__(test)
        self.RequestHandlerClass = LoginDialogue
        self.logins, self.senders = [], []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(directory + "/certificate.pem", directory + "/key.pem")


class LogIn(unittest.TestCase):
    def setUp(self):
        directory = directory_of(self)
        mta.make_certificate(directory, "login.example")
        self.server = LoginServer(self, directory)
        self.port = free_port()
        self.gateway = Gateway(
            self, workers=1, servers=[f"127.0.0.1:{self.server.port}"], networks="127.0.0.2/32",
            backend=f'tls = "required"  tls_ca = "{directory}/certificate.pem"  tls_name = "login.example"',
            more=f"""
                tls {{ certificate = "{directory}/certificate.pem"  key = "{directory}/key.pem" }}
                listen "submission" {{ address = "127.0.0.1"  port = {self.port}  auth = "offered" }}""")

    def expect(self, sent, mechanism, times=1):
        kept = poll(lambda: [m for m in self.server.mails if m.endswith(sent)], "the mail")
        self.assertEqual(len(kept), times)
        self.assertEqual(self.server.logins[-1], (mechanism, True))
        self.assertIn(f"mechanism={mechanism} user={USER}", self.gateway.log())

    @unittest.skipUnless(shutil.which("swaks"), "swaks is not installed")
    def test_swaks(self):
        for mechanism in ("PLAIN", "LOGIN", "CRAM-MD5"):
            for more in ([], ["--pipeline"]):
                sent = mail(b".dot\r\n..\r\n")
                answer = subprocess.run(
                    ["swaks", "--server", f"127.0.0.1:{self.port}", "--ehlo", "client.example", "--tls", "--auth", mechanism,
                     "--auth-user", USER, "--auth-password", PASSWORD, "--from", "a@client.example",
                     "--to", "b@elsewhere.example", "--data", "-", *more],
                    input=sent, capture_output=True, timeout=PATIENCE, check=False)
                if b"AUTH" in answer.stderr and b"requires" in answer.stderr:
                    self.skipTest("swaks cannot do " + mechanism + " here")
                self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)
                self.expect(sent + b"\r\n", mechanism)  # swaks adds one

    @unittest.skipUnless(shutil.which("curl"), "curl is not installed")
    def test_curl(self):
        for mechanism in ("PLAIN", "LOGIN", "CRAM-MD5"):
            sent = mail(b".dot\r\n..\r\n\xe4\r\n")
            answer = subprocess.run(
                ["curl", "--silent", "--show-error", "--insecure", "--ssl-reqd", "--user", f"{USER}:{PASSWORD}",
                 "--login-options", "AUTH=" + mechanism, "--mail-from", "a@client.example", "--mail-rcpt", "b@elsewhere.example",
                 "--mail-rcpt", "c@elsewhere.example", "--upload-file", "-", f"smtp://127.0.0.1:{self.port}/client.example"],
                input=sent, capture_output=True, timeout=PATIENCE, check=False)
            self.assertEqual(answer.returncode, 0, answer.stderr)
            self.expect(sent, mechanism)

    def test_curl_with_a_wrong_password(self):
        if not shutil.which("curl"):
            self.skipTest("curl is not installed")
        answer = subprocess.run(
            ["curl", "--silent", "--insecure", "--ssl-reqd", "--user", f"{USER}:wrong", "--login-options", "AUTH=PLAIN", "--mail-from",
             "a@client.example", "--mail-rcpt", "b@elsewhere.example", "--upload-file", "-", f"smtp://127.0.0.1:{self.port}"],
            input=mail(b""), capture_output=True, timeout=PATIENCE, check=False)
        self.assertEqual(answer.returncode, 67)  # CURLE_LOGIN_DENIED
        self.assertEqual(self.server.mails, [])
        self.assertIn("event=login_refused", self.gateway.log())

    def test_smtplib(self):
        for mechanism in ("PLAIN", "LOGIN", "CRAM-MD5"):
            with smtplib.SMTP("127.0.0.1", self.port, "client.example", PATIENCE) as client:
                self.assertFalse(client.has_extn("auth"))
                client.starttls(context=trust_anyone())
                client.ehlo()
                self.assertIn(mechanism, client.esmtp_features["auth"])
                client.user, client.password = USER, PASSWORD
                client.auth(mechanism, getattr(client, "auth_" + mechanism.lower().replace("-", "_")))
                sent = mail(b"..\r\n" * 1000)
                client.sendmail("a@client.example", ["b@elsewhere.example"], sent)
                self.expect(sent, mechanism)

    def test_smtplib_beyond_ascii(self):
        poll(lambda: b"SMTPUTF8" in self.offer(), "SMTPUTF8")
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = "jörg@client.example", "b@example.com", "Grüße"
        message["Date"], message["Message-ID"] = "Sun, 22 Nov 2026 03:00:00 +0000", "<utf8@client.example>"
        message.set_content("schöne Grüße\n", cte="8bit")
        with smtplib.SMTP("127.0.0.1", self.gateway.port, "client.example", PATIENCE) as client:
            client.send_message(message)
        kept = poll(lambda: self.server.mails, "the mail")
        self.assertIn("Subject: Grüße\r\n".encode(), kept[0])
        self.assertIn("schöne Grüße\r\n".encode(), kept[0])
        self.assertRegex(self.server.senders[-1], "SMTPUTF8")

    def offer(self):
        with smtplib.SMTP("127.0.0.1", self.gateway.port, "client.example", PATIENCE) as client:
            return client.ehlo()[1]


# --- Exim ---

EXIM = """
primary_hostname = {name}
exim_path = {exim}
spool_directory = {dir}/spool
log_file_path = {dir}/log/%s
pid_file_path = {dir}/spool/pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
deliver_drop_privilege
keep_environment =
never_users =
tls_advertise_hosts = {tls}
tls_certificate = {dir}/certificate.pem
tls_privatekey = {dir}/key.pem
chunking_advertise_hosts = *
pipelining_advertise_hosts = *
smtp_accept_max = 0
smtp_accept_queue_per_connection = 0
accept_8bitmime
log_selector = +pipelining
acl_smtp_rcpt = rcpt
acl_smtp_data = data
begin acl
rcpt:
  deny local_parts = nobody
       message = no such mailbox
  accept
data:
  deny condition = ${{if def:h_X-Refuse:}}
       message = not this one
  accept
begin routers
{router}
begin transports
box:
  driver = appendfile
  directory = {dir}/mail
  maildir_format
  create_directory
  user = Debian-exim
onward:
  driver = smtp
  port = {onward}
  allow_localhost
"""
KEEP = "all:\n  driver = accept\n  transport = box\n"
ONWARD = "all:\n  driver = manualroute\n  route_list = * 127.0.0.1 byname\n  self = send\n  transport = onward\n"


class Exim(Foreign):
    users = {"Debian-exim": 64999}

    def __init__(self, test, name, onward=None, tls=False):
        super().__init__(test, name)
        owner = self.users["Debian-exim"]
        for part in ("spool", "log", "mail"):
            os.mkdir(f"{self.directory}/{part}", 0o755)
            os.chown(f"{self.directory}/{part}", owner, owner)
        for path in glob.glob(self.directory + "/*.pem"):
            os.chown(path, owner, owner)
        with open(self.directory + "/exim.conf", "w", encoding="ascii") as out:
            out.write(EXIM.format(exim=find("exim4"), dir=self.directory, name=name, port=self.port, onward=onward or 25,
                                  tls="*" if tls else "", router=ONWARD if onward else KEEP))
        self.start(find("exim4"), "-C", self.directory + "/exim.conf", "-bdf", "-q1s")

    def mails(self):
        return maildir(self.directory + "/mail")


def has_arrived(sent, mails):
    """Every byte of it, below trace fields only."""
    sent = sent.replace(b"\r\n", b"\n")
    return sum(m.replace(b"\r\n", b"\n").endswith(sent) for m in mails)


BODIES = (b"", b"\r\n", b"one line\r\n", b".\r\n..\r\n.a\r\n", b"x" * 900 + b"\r\n", b"caf\xc3\xa9 \xff\xfe\r\n",
          b"".join(b"%07d %s\r\n" % (i, b".x" * 30) for i in range(30000)))


class EximInFront(unittest.TestCase):
    """BDAT, pipelined behind MAIL and RCPT."""

    @classmethod
    def setUpClass(cls):
        require("exim4")

    def pair(self, tls=False):
        directory = directory_of(self)
        mta.make_certificate(directory, "mx.example.com")
        self.sink = Sink(self)
        self.gateway = Gateway(
            self, workers=2, servers=[f"127.0.0.1:{self.sink.port}"], backend="tls = off", networks="127.0.0.2/32",
            more=f'tls {{ certificate = "{directory}/certificate.pem"  key = "{directory}/key.pem" }}' if tls else "")
        self.front = Exim(self, "front.example", onward=self.gateway.port)

    def send(self, recipients, sent):
        with smtplib.SMTP("127.0.0.1", self.front.port, "user.example", PATIENCE) as client:
            client.sendmail("a@client.example", recipients, sent, ["BODY=8BITMIME"])

    def arrive(self, tls):
        self.pair(tls)
        for body in BODIES:
            sent = mail(body)
            self.send(["b@example.com", "c@example.com"], sent)
            poll(lambda sent=sent: has_arrived(sent, self.sink.mails()), f"{sent[:300]!r} from {self.front.said()[-1500:]}")
            self.assertEqual(has_arrived(sent, self.sink.mails()), 1)
        done = poll(lambda: (lines := re.findall(r" => b@example\.com .*", self.front.said())) and len(lines) == len(BODIES) and lines,
                    "the ends")
        for line in done:
            self.assertRegex(line, r" K ")  # CHUNKING
            self.assertRegex(line, r" L ")  # PIPELINING
            self.assertEqual(" X=TLS1.3" in line, tls, line)

    def test_what_is_sent_arrives(self):
        self.arrive(tls=False)

    def test_what_is_sent_arrives_inside_tls(self):
        self.arrive(tls=True)

    def test_a_refused_recipient_among_others(self):
        self.pair()
        sent = mail(b"for one of two\r\n")
        self.send(["b@example.com", "x@elsewhere.example"], sent)
        poll(lambda: has_arrived(sent, self.sink.mails()), "the mail")
        poll(lambda: re.search(r"\*\* x@elsewhere\.example .*550 5\.7\.1", self.front.said()), "the refusal")

    def test_none_of_the_recipients_is_good(self):
        """The chunk has been sent behind them already, and is read and answered."""
        self.pair()
        self.send(["x@elsewhere.example", "y@elsewhere.example"], mail(b"MAIL FROM:<evil@example.net>\r\n"))
        for who in "xy":
            poll(lambda who=who: re.search(rf"\*\* {who}@elsewhere\.example .*550 5\.7\.1", self.front.said()), "the refusal")
        self.assertEqual(self.sink.mails(), [])


class EximBehind(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        require("exim4")

    def behind(self, tls):
        self.exim = Exim(self, "backend.example", tls=tls)
        settings = f'tls = "required"  tls_ca = "{self.exim.directory}/certificate.pem"  tls_name = "backend.example"'
        self.gateway = Gateway(self, workers=2, servers=[f"127.0.0.1:{self.exim.port}"], backend=settings if tls else "tls = off",
                               networks="127.0.0.2/32")
        client = smtplib.SMTP("127.0.0.1", self.gateway.port, "client.example", PATIENCE)
        self.addCleanup(client.close)
        return client

    def arrive(self, tls):
        client = self.behind(tls)
        for body in BODIES:
            sent = mail(body)
            client.sendmail("a@client.example", ["b@example.com"], sent, ["BODY=8BITMIME"])
            poll(lambda sent=sent: has_arrived(sent, self.exim.mails()), f"{sent[:300]!r}: {self.exim.said()[-1500:]}")
        taken = re.findall(r" <= a@client\.example .*", self.exim.said())
        self.assertEqual(len(taken), len(BODIES))
        for line in taken:
            self.assertRegex(line, r" K ")
            self.assertEqual(" X=TLS1.3" in line, tls, line)

    def test_what_is_sent_arrives(self):
        self.arrive(tls=False)

    def test_what_is_sent_arrives_inside_tls(self):
        self.arrive(tls=True)

    def test_refusals_reach_the_client(self):
        client = self.behind(tls=False)
        sent = mail(b"for one of two\r\n")
        refused = client.sendmail("a@client.example", ["nobody@example.com", "b@example.com"], sent)
        self.assertRegex(b"%d %s" % refused["nobody@example.com"], rb"^550 .*no such mailbox")
        poll(lambda: has_arrived(sent, self.exim.mails()), "the mail")
        with self.assertRaises(smtplib.SMTPDataError) as error:
            client.sendmail("a@client.example", ["b@example.com"], b"X-Refuse: yes\r\n" + sent)
        self.assertRegex(b"%d %s" % error.exception.args, rb"^550 .*not this one")


# --- OpenSMTPD ---

OPENSMTPD = """
listen on 127.0.0.1 port {port} hostname {name}
action "onward" relay host smtp://127.0.0.1:{onward} helo {name}
match from any for any action "onward"
"""


class OpenSmtpd(Foreign):
    users = {"opensmtpd": 64997, "opensmtpq": 64998}
    settle = ("mount -t tmpfs none /var/lib && mount -t tmpfs none /var/spool && mount -t tmpfs none /run &&"
              "mkdir -p /var/lib/opensmtpd/empty &&")

    def __init__(self, test, name, onward):
        super().__init__(test, name)
        with open(self.directory + "/smtpd.conf", "w", encoding="ascii") as out:
            out.write(OPENSMTPD.format(name=name, port=self.port, onward=onward))
        self.start(find("smtpd"), "-d", "-v", "-f", self.directory + "/smtpd.conf")


class BetweenOpenSmtpd(unittest.TestCase):
    """One in front, one behind, a sink behind that. Behind, it has no TLS: that of Debian 12 finds no key with OpenSSL 3."""

    @classmethod
    def setUpClass(cls):
        require("smtpd")

    def arrive(self, tls):
        sink = Sink(self)
        behind = OpenSmtpd(self, "behind.example", sink.port)
        gateway = Gateway(
            self, workers=2, servers=[f"127.0.0.1:{behind.port}"], backend="tls = off", networks="127.0.0.2/32",
            more=f'tls {{ certificate = "{behind.directory}/certificate.pem"  key = "{behind.directory}/key.pem" }}' if tls else "")
        front = OpenSmtpd(self, "front.example", gateway.port)
        for body in BODIES:
            sent = mail(body)
            with smtplib.SMTP("127.0.0.1", front.port, "user.example", PATIENCE) as client:
                client.sendmail("a@client.example", ["b@example.com"], sent, ["BODY=8BITMIME"])
            poll(lambda sent=sent: has_arrived(sent, sink.mails()), f"{sent[:300]!r}: {front.said()[-1000:]} {behind.said()[-1000:]}")
            self.assertEqual(has_arrived(sent, sink.mails()), 1)
        trace = sink.mails()[0]
        self.assertRegex(trace, rb"by mx\.example\.com\s+with ESMTPS\b" if tls else rb"by mx\.example\.com\s+with ESMTP\b")

    def test_what_is_sent_arrives(self):
        self.arrive(tls=False)

    def test_what_is_sent_inside_tls_arrives(self):
        self.arrive(tls=True)

    def test_a_refusal_is_told_to_the_sender(self):
        sink = Sink(self)
        gateway = Gateway(self, workers=1, servers=[f"127.0.0.1:{sink.port}"], backend="tls = off", networks="127.0.0.2/32")
        front = OpenSmtpd(self, "front.example", gateway.port)
        with smtplib.SMTP("127.0.0.1", front.port, "user.example", PATIENCE) as client:
            client.sendmail("a@client.example", ["b@elsewhere.example"], mail(b""))
        poll(lambda: re.search(r"PermFail.*stat=\"?550 5\.7\.1", front.said()), "the refusal")
        self.assertEqual(sink.mails(), [])


# --- floods ---

class Floods(unittest.TestCase):
    def set_limits(self, gateway, limits):
        text = read(gateway.file).replace("connections_per_client = 1000", limits)
        with open(gateway.file, "w", encoding="ascii") as out:
            out.write(text)
        self.assertEqual(gateway.command("reload").returncode, 0)

    def test_a_thousand_recipients(self):
        sink = Sink(self)
        gateway = Gateway(self, workers=1, servers=[f"127.0.0.1:{sink.port}"], backend="tls = off", networks="127.0.0.2/32")
        self.set_limits(gateway, "tarpit = 0s")
        sent = mail(b"to many\r\n")
        with socket.create_connection(("127.0.0.1", gateway.port), PATIENCE) as s, s.makefile("rb") as replies:
            for code, command in ((b"220 ", b"EHLO client.example"), (b"250 ", b"MAIL FROM:<a@client.example>"), (b"250 ", b"NOOP"), (b"250 ", b"")):
                while (line := replies.readline())[3:4] == b"-":
                    pass
                self.assertEqual(line[:4], code)
                s.sendall(command + b"\r\n" if command else b"")
            s.sendall(b"".join(b"RCPT TO:<b%d@example.com>\r\n" % i for i in range(1000)) + b"DATA\r\n")
            codes = [replies.readline()[:3] for _ in range(1001)]
            self.assertEqual((set(codes[:200]), set(codes[200:1000]), codes[1000]), ({b"250"}, {b"452"}, b"354"))
            s.sendall(sent + b".\r\nQUIT\r\n")
            self.assertEqual([replies.readline()[:3] for _ in range(2)], [b"250", b"221"])
        self.assertEqual(has_arrived(sent, sink.mails()), 1)

    def test_connections_of_one_client_leave_room_for_others(self):
        gateway = Gateway(self, workers=2, networks="127.0.0.9/32")
        self.set_limits(gateway, "connections_per_client = 20")
        with contextlib.ExitStack() as all_of_them:
            greetings = []
            for _ in range(100):
                s = all_of_them.enter_context(socket.create_connection(("127.0.0.1", gateway.port), PATIENCE))
                greetings.append(s.recv(3))
            self.assertEqual((greetings.count(b"220"), greetings.count(b"421")), (20, 80))
            other = all_of_them.enter_context(socket.create_connection(("127.0.0.1", gateway.port), PATIENCE, ("127.0.0.3", 0)))
            self.assertEqual(other.recv(3), b"220")

    def test_half_open_handshakes_leave_room_for_others(self):
        directory = directory_of(self)
        mta.make_certificate(directory, "mx.example.com")
        port = free_port()
        gateway = Gateway(self, workers=2, more=f"""
            listen "implicit" {{ address = "127.0.0.1"  port = {port}  tls = "implicit" }}
            tls {{ certificate = "{directory}/certificate.pem"  key = "{directory}/key.pem" }}""")
        with contextlib.ExitStack() as all_of_them:
            for _ in range(200):
                s = all_of_them.enter_context(socket.create_connection(("127.0.0.1", port), PATIENCE))
                s.sendall(b"\x16\x03\x01\x02\x00\x01")
            with smtplib.SMTP_SSL("127.0.0.1", port, "client.example", timeout=PATIENCE, context=trust_anyone()) as client:
                self.assertEqual(client.ehlo()[0], 250)
        self.assertEqual(gateway.process.poll(), None)


if __name__ == "__main__":
    unittest.main(verbosity=2)
