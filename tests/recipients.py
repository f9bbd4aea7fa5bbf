#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whole processes that know which recipients there are: from a file that changes while they run, from a directory (a real slapd, which
is gone now and then), from what the backend said a moment ago; and check --live before a fake Exchange, a Postfix and nobody."""

import json
import os
import shutil
import smtplib
import socket
import subprocess
import tempfile
import unittest

import mta
from exchange import Exchange
from harness import PATIENCE, POSTERN, Gateway, Sink, at_the_end_of, free_port, poll

STRANGERS = "127.0.0.2/32"
SLAPD = "/usr/sbin/slapd"
SUFFIX = "dc=example,dc=com"
SCHEMA = """
attributetype ( 1.2.840.113556.1.2.210 NAME 'proxyAddresses'
    EQUALITY caseIgnoreMatch SUBSTR caseIgnoreSubstringsMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
objectclass ( 1.2.840.113556.1.5.9 NAME 'user' SUP top STRUCTURAL MUST cn MAY ( proxyAddresses $ userPassword ) )
"""
SLAPD_CONF = """
include /etc/ldap/schema/core.schema
include {dir}/ad.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {dir}/pid
disallow bind_anon
TLSCertificateFile {dir}/certificate.pem
TLSCertificateKeyFile {dir}/key.pem
database mdb
maxsize 104857600
suffix "{suffix}"
rootdn "cn=reader,{suffix}"
rootpw secret
directory {dir}/data
limits * size=500 size.pr=500 size.prtotal=unlimited
"""


def answer(gateway, recipient, source="127.0.0.1"):
    """Code and text to RCPT."""
    with smtplib.SMTP("127.0.0.1", gateway.port, timeout=PATIENCE, source_address=(source, 0)) as client:
        client.ehlo("client.example")
        client.mail("a@elsewhere.example")
        code, text = client.rcpt(recipient)
        return code, text.decode("ascii")


def code(gateway, recipient):
    return answer(gateway, recipient)[0]


class File(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="postern-recipients-")
        self.addCleanup(shutil.rmtree, self.directory)
        self.list = self.directory + "/list"

    def write(self, text):
        with open(self.list + ".new", "w", encoding="ascii") as out:
            out.write(text)
        os.chmod(self.list + ".new", 0o600)  # the master alone can read it
        os.rename(self.list + ".new", self.list)

    def gateway(self, workers=2, more=""):
        sink = Sink(self)
        return Gateway(self, workers=workers, servers=(f"127.0.0.1:{sink.port}",), backend="tls = off", networks=STRANGERS,
                       more=f'recipients {{ source = file  file = "{self.list}"  watch = 100ms }} {more}')

    def test_from_the_first_session_on(self):
        self.write("alice@example.com\n")
        gateway = self.gateway()
        self.assertEqual(code(gateway, "alice@example.com"), 250)
        refusal = answer(gateway, "bob@example.com")
        self.assertEqual((refusal[0], refusal[1][:6]), (550, "5.1.1 "))

    def test_a_changed_file_counts_in_all_workers_without_a_reload(self):
        self.write("alice@example.com\n")
        gateway = self.gateway(workers=3)
        before = gateway.pids("worker")
        self.write("bob@example.com\n@lab.example.com\n")
        poll(lambda: "entries=2" in gateway.log(), "the list")
        poll(lambda: [code(gateway, "bob@example.com") for _ in range(12)] == [250] * 12, "all workers to know bob")
        self.assertEqual({code(gateway, "alice@example.com") for _ in range(12)}, {550})
        self.assertEqual(gateway.pids("worker"), before)

    def test_a_worker_that_comes_back_knows_the_list(self):
        self.write("alice@example.com\n")
        gateway = self.gateway(workers=1)
        before = gateway.pids("worker")
        os.kill(before[0], 9)
        poll(lambda: gateway.pids("worker") not in (before, []), "the next worker")
        self.assertEqual((code(gateway, "alice@example.com"), code(gateway, "bob@example.com")), (250, 550))

    def test_a_mistake_leaves_the_old_list_in_force(self):
        self.write("alice@example.com\n")
        gateway = self.gateway()
        self.write("alice@example.com\nbob@example.com\nnobody\n")
        poll(lambda: f"{self.list}:3: this is no address" in gateway.log(), "the complaint")
        poll(lambda: "event=recipients_kept" in gateway.log(), "the word about it")
        self.assertEqual((code(gateway, "alice@example.com"), code(gateway, "bob@example.com")), (250, 550))
        os.unlink(self.list)
        poll(lambda: gateway.log().count("event=recipients_kept") == 2, "the file to be missed")
        self.assertEqual((code(gateway, "alice@example.com"), code(gateway, "bob@example.com")), (250, 550))
        self.write("bob@example.com\n")
        poll(lambda: code(gateway, "bob@example.com") == 250, "the good one")

    def test_never_loaded_is_an_alarm_and_refuses_nobody(self):
        gateway = self.gateway()
        self.assertIn("event=recipients_not_loaded", gateway.log())
        self.assertEqual(code(gateway, "bob@example.com"), 250)
        self.write("alice@example.com\n")
        poll(lambda: code(gateway, "bob@example.com") == 550, "the list")

    def test_a_reload_keeps_the_list_or_takes_another(self):
        self.write("alice@example.com\n")
        gateway = self.gateway()
        self.assertEqual(gateway.command("reload").returncode, 0)
        self.assertEqual(code(gateway, "bob@example.com"), 550)
        self.assertEqual(gateway.log().count("event=recipients_loaded"), 1)
        other = self.directory + "/other"
        with open(other, "w", encoding="ascii") as out:
            out.write("bob@example.com\n")
        gateway.configure(more=f'recipients {{ source = file  file = "{other}" }}')
        self.assertEqual(gateway.command("reload").returncode, 0)
        self.assertEqual((code(gateway, "alice@example.com"), code(gateway, "bob@example.com")), (550, 250))
        gateway.configure(more="")
        self.assertEqual(gateway.command("reload").returncode, 0)
        self.assertEqual(code(gateway, "alice@example.com"), 250)

    def test_a_reload_that_fails_goes_on_with_the_list_there_was(self):
        self.write("alice@example.com\n")
        gateway = self.gateway()
        gateway.configure(more=f'recipients {{ source = file  file = "{self.list}2" }} nonsense = 1')
        self.assertEqual(gateway.command("reload").returncode, 1)
        self.assertEqual(code(gateway, "bob@example.com"), 550)
        self.write("bob@example.com\n")
        poll(lambda: code(gateway, "bob@example.com") == 250, "the list")

    def test_an_upgrade_knows_the_list(self):
        self.write("alice@example.com\n")
        gateway = self.gateway()
        self.assertEqual(gateway.command("upgrade").returncode, 0)
        self.assertEqual((code(gateway, "alice@example.com"), code(gateway, "bob@example.com")), (250, 550))
        self.write("bob@example.com\n")
        poll(lambda: code(gateway, "bob@example.com") == 250, "the list")

    def test_a_large_list_holds_up_nobody(self):
        self.write("alice@example.com\n")
        gateway = self.gateway(workers=1)
        self.write("".join(f"user{i}@example.com\n" for i in range(300000)))
        while "entries=300000" not in gateway.log():
            self.assertIn(code(gateway, "alice@example.com"), (250, 550))
        poll(lambda: code(gateway, "user299999@example.com") == 250, "the list")
        self.assertEqual(code(gateway, "alice@example.com"), 550)

    def test_check_tells_the_line(self):
        self.write("alice@example.com\nnobody\n")
        gateway = self.gateway()
        complaint = gateway.command("check")
        self.assertEqual(complaint.returncode, 1)
        self.assertIn(f"{self.list}:2:1: error: this is no address", complaint.stdout)

    def test_explain_looks_into_the_list(self):
        self.write("alice@example.com\n")
        gateway = self.gateway(workers=1)
        with open(self.directory + "/mail", "w", encoding="ascii") as out:
            out.write("Subject: x\n\nx\n")
        for name, verdict in (("alice", "recipient pass"), ("bob", "recipient unknown")):
            told = gateway.command("explain", "--json", "--client", "192.0.2.1", "--sender", "a@elsewhere.example", "--recipient",
                                   name + "@example.com", self.directory + "/mail")
            trace = [f'{t["check"]} {t["result"]}' for t in json.loads(told.stdout)["trace"]]
            self.assertIn(verdict, trace)

    def test_what_is_no_file(self):
        os.mkfifo(self.list)
        gateway = self.gateway()
        self.assertIn("it is no regular file", gateway.log())
        self.assertEqual(code(gateway, "bob@example.com"), 250)


class Directory:
    """A slapd with people that have proxyAddresses."""

    def __init__(self, test, people):
        self.directory = tempfile.mkdtemp(prefix="postern-slapd-")
        at_the_end_of(test)(shutil.rmtree, self.directory, ignore_errors=True)
        os.chmod(self.directory, 0o755)
        self.port, self.tls_port, self.process = free_port(), free_port(), None
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                        "-subj", "/CN=directory", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", self.directory + "/key.pem",
                        "-out", self.directory + "/certificate.pem"], check=True, capture_output=True)
        for name, text in (("ad.schema", SCHEMA), ("slapd.conf", SLAPD_CONF.format(dir=self.directory, suffix=SUFFIX)),
                           ("password", "secret\n")):
            with open(f"{self.directory}/{name}", "w", encoding="ascii") as out:
                out.write(text)
        os.chmod(self.directory + "/password", 0o600)
        at_the_end_of(test)(self.stop)
        self.fill(people)
        self.start()

    def fill(self, people):
        shutil.rmtree(self.directory + "/data", ignore_errors=True)
        os.mkdir(self.directory + "/data")
        entries = [f"dn: {SUFFIX}\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: example\n"]
        for number, addresses in enumerate(people):
            values = "".join(f"proxyAddresses: {address}\n" for address in addresses)
            entries.append(f"dn: cn=p{number},{SUFFIX}\nobjectClass: user\ncn: p{number}\n{values}")
        subprocess.run(["/usr/sbin/slapadd", "-q", "-f", self.directory + "/slapd.conf"], input="\n".join(entries), text=True,
                       check=True, capture_output=True, timeout=PATIENCE)

    def start(self):
        self.process = subprocess.Popen([SLAPD, "-d", "0", "-f", self.directory + "/slapd.conf", "-h",
                                         f"ldap://127.0.0.1:{self.port} ldaps://127.0.0.1:{self.tls_port}"],
                                        stderr=subprocess.DEVNULL)
        poll(self.listens, "slapd")

    def listens(self):
        try:
            for port in (self.port, self.tls_port):
                socket.create_connection(("127.0.0.1", port), timeout=PATIENCE).close()
            return True
        except ConnectionRefusedError:
            return False

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait()
        self.process = None

    def settings(self, url=None, more="", recipients=""):
        url = url or f"ldaps://127.0.0.1:{self.tls_port}"
        return f"""recipients {{ source = ldap  watch = 100ms  {recipients} }}
            ldap {{ url = "{url}"  ca = "{self.directory}/certificate.pem"  bind = "cn=reader,{SUFFIX}"
                    password_file = "{self.directory}/password"  base = "{SUFFIX}"  period = 1s  timeout = 3s {more} }}"""


def people(count):
    return [(f"SMTP:User{i}@example.com", f"smtp:alias{i}@example.com", f"x500:/o=First/cn=user{i}@example.com") for i in range(count)]


@unittest.skipUnless(os.path.exists(SLAPD), "slapd is not installed")
class Ldap(unittest.TestCase):
    def begin(self, count=20, **settings):
        self.slapd = Directory(self, people(count))
        sink = Sink(self)
        self.gateway = Gateway(self, workers=2, servers=(f"127.0.0.1:{sink.port}",), backend="tls = off", networks=STRANGERS,
                               more=self.slapd.settings(**settings))

    def pulled(self, entries):
        poll(lambda: f"entries={entries}\n" in self.gateway.log(), f"{entries} entries: " + self.gateway.log())
        poll(lambda: code(self.gateway, "nobody@example.com") == 550, "the workers")

    def kept(self):
        with open(self.gateway.directory + "/store/recipients", encoding="ascii") as file:
            return [line for line in file if not line.startswith("#")]

    def test_all_pages_inside_tls(self):
        self.begin(count=1200)
        self.pulled(2400)
        for name, wanted in (("user0", 250), ("ALIAS1199", 250), ("user1199+tag", 250), ("user1200", 550), ("cn=user1", 550)):
            self.assertEqual(code(self.gateway, name + "@example.com"), wanted, name)
        self.assertIn("others=1200", self.gateway.log())
        self.assertEqual(len(self.gateway.pids("directory")), 1)

    def test_starttls_a_certificate_of_nobody_and_plain(self):
        self.begin()
        self.pulled(40)
        for url, more, wanted in ((f"ldap://127.0.0.1:{self.slapd.port}", "", "event=directory_pulled"),
                                  (f"ldap://localhost:{self.slapd.port}", "", "what=TLS"),
                                  (f"ldaps://localhost:{self.slapd.tls_port}", "", "what=bind"),
                                  (f"ldap://localhost:{self.slapd.port}", "tls = off", "event=directory_pulled")):
            self.gateway.configure(more=self.slapd.settings(url=url, more=more))
            before = len(self.gateway.log())
            self.assertEqual(self.gateway.command("reload").returncode, 0)
            poll(lambda: [l for l in self.gateway.log()[before:].splitlines() if wanted in l and url in l], f"{wanted} {url}")

    def test_an_outage_costs_nothing(self):
        self.begin()
        self.pulled(40)
        self.slapd.stop()
        poll(lambda: "event=directory_failed" in self.gateway.log(), "the alarm")
        self.assertEqual(self.gateway.command("reload").returncode, 0)
        self.assertEqual((code(self.gateway, "user1@example.com"), code(self.gateway, "nobody@example.com")), (250, 550))
        self.gateway.end()
        self.gateway.start(self)
        self.assertEqual((code(self.gateway, "user1@example.com"), code(self.gateway, "nobody@example.com")), (250, 550))
        self.slapd.fill(people(21))
        self.slapd.start()
        self.pulled(42)

    def test_it_does_not_shrink_by_more_than_it_may(self):
        self.begin()
        self.pulled(40)
        for count, wanted in ((18, 36), (16, 36), (0, 36)):
            self.slapd.stop()
            self.slapd.fill(people(count))
            said = self.gateway.log().count("what=shrunk")
            self.slapd.start()
            if count * 2 == wanted:
                self.pulled(wanted)
            else:
                poll(lambda: self.gateway.log().count("what=shrunk") > said, "the alarm")
            self.assertEqual(len(self.kept()), wanted)
        self.assertIn("more than ldap.shrink", self.gateway.log())
        self.slapd.stop()
        self.slapd.fill(people(5))
        self.slapd.start()
        self.gateway.configure(more=self.slapd.settings(more="shrink = 100"))
        self.assertEqual(self.gateway.command("reload").returncode, 0)
        self.pulled(10)

    def test_never_reached_refuses_nobody(self):
        sink = Sink(self)
        self.slapd = Directory(self, people(1))
        self.slapd.stop()
        gateway = Gateway(self, workers=1, servers=(f"127.0.0.1:{sink.port}",), backend="tls = off", networks=STRANGERS,
                          more=self.slapd.settings())
        poll(lambda: "event=directory_failed" in gateway.log() and "event=recipients_not_loaded" in gateway.log(), "both alarms")
        self.assertEqual(code(gateway, "nobody@example.com"), 250)

    def test_it_has_given_up_root_and_ends_with_the_others(self):
        self.begin()
        self.pulled(40)
        pid = self.gateway.pids("directory")[0]
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            uid = next(line for line in status if line.startswith("Uid:"))
        if os.geteuid() == 0:
            self.assertNotIn("\t0", uid)
        self.assertEqual(self.gateway.command("stop").returncode, 0)
        self.assertEqual(self.gateway.process.wait(PATIENCE), 0)


class Memory(unittest.TestCase):
    """The backend is the sink's like, but that it knows alice alone."""

    def test_what_was_refused_is_forgotten_on_request(self):
        reason = mta.why_not()
        if reason:
            self.skipTest(reason)
        postfix = mta.Postfix({"smtp": ""})
        self.addCleanup(postfix.end)
        gateway = Gateway(self, workers=3, servers=(f"127.0.0.1:{postfix.ports['smtp']}",), backend="tls = off", networks=STRANGERS,
                          more="recipients { unknown_rate = 3 }")
        for name in "pqrs":
            self.assertEqual(code(gateway, name + "@example.com"), 550)
        self.assertIn("has just said so", answer(gateway, "P@example.com")[1])
        self.assertEqual(code(gateway, "a@example.com"), 250)
        self.assertIn("User unknown", answer(gateway, "p@example.com", source="127.0.0.3")[1])
        told = gateway.command("forget", "p@example.com")
        self.assertEqual((told.returncode, told.stdout), (0, "forgotten: the backend will be asked\n"))
        self.assertIn("User unknown", answer(gateway, "p@example.com")[1])
        self.assertEqual(gateway.command("forget", "z@example.com").stdout, "nothing is remembered of it\n")
        self.assertEqual(gateway.command("forget", "nobody").returncode, 1)


class Live(unittest.TestCase):
    def check(self, servers, backend="tls = off", more=""):
        directory = tempfile.mkdtemp(prefix="postern-live-")
        self.addCleanup(shutil.rmtree, directory)
        with open(directory + "/conf", "w", encoding="ascii") as out:
            out.write(f"""hostname = "mx.example.com"
                listen "inbound" {{ address = "127.0.0.1"  port = 1025 }}
                backend "exchange" {{ servers = {{{servers}}}  {backend} }}
                relay {{ domains = {{"example.com" ".example.net"}} }}
                {more}""")
        return subprocess.run([POSTERN, "check", "--live", "-c", directory + "/conf"], capture_output=True, text=True,
                              timeout=PATIENCE, check=False)

    def test_exchange_says_yes_to_everybody(self):
        exchange = Exchange(self)
        told = self.check(f'"127.0.0.1:{exchange.port}"', more="""tls { }
            listen "submission" { address = "127.0.0.1"  port = 1587  auth = offered }""")
        self.assertEqual(told.returncode, 0, told)
        for words in ("reached", "X-EXPS GSSAPI NTLM", "in example.com it takes an address that nobody has",
                      "in postern-check.example.net it takes", "port 2525", "Extended Protection set to Require"):
            self.assertIn(words, told.stdout)
        self.assertEqual((exchange.mails, exchange.protocol_errors), ([], 0))

    def test_with_a_list_that_is_right(self):
        exchange = Exchange(self)
        told = self.check(f'"127.0.0.1:{exchange.port}"', more='recipients { source = file  file = "/dev/null" }')
        self.assertIn("/dev/null", told.stdout)  # which is no list
        with tempfile.NamedTemporaryFile("w", prefix="postern-list-") as file:
            told = self.check(f'"127.0.0.1:{exchange.port}"', more=f'recipients {{ source = file  file = "{file.name}" }}')
        self.assertIn("recipients.source decides", told.stdout)
        self.assertNotIn("2525", told.stdout)

    def test_postfix_knows_its_recipients_and_shows_its_certificate(self):
        reason = mta.why_not()
        if reason:
            self.skipTest(reason)
        postfix = mta.Postfix({"tls": "-o smtpd_tls_security_level=encrypt"})
        self.addCleanup(postfix.end)
        ca = f'tls_ca = "{postfix.directory}/certificate.pem"'
        told = self.check(f'"127.0.0.1:{postfix.ports["tls"]}"', backend=f'tls = required  {ca}  tls_name = "backend.example"')
        self.assertEqual(told.returncode, 0, told)
        for words in ("TLSv1.3", "in example.com it refuses, as it should,", "550 5.1.1"):
            self.assertIn(words, told.stdout)
        self.assertNotIn("2525", told.stdout)
        told = self.check(f'"127.0.0.1:{postfix.ports["tls"]}"', backend=f'tls = required  {ca}  tls_name = "other.example"')
        self.assertEqual(told.returncode, 1, told)
        self.assertIn("cannot be used: ", told.stdout)

    def test_nobody_is_there_and_the_next_is_asked(self):
        sink = Sink(self)
        told = self.check(f'"127.0.0.1:1" "127.0.0.1:{sink.port}"')
        self.assertEqual(told.returncode, 1)
        self.assertIn("cannot be used: Connection refused", told.stdout)
        self.assertIn("reached", told.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
