# SPDX-License-Identifier: Apache-2.0
"""What tests of whole processes share: waiting, ports, a gateway, a sink. POSTERN names the program. Nothing is waited for by
sleeping: conditions are polled, with a deadline (PATIENCE times 30 s)."""

import errno
import json
import os
import random
import shutil
import smtplib
import socket
import subprocess
import tempfile
import threading
import time

POSTERN = os.environ.get("POSTERN", "./postern")
PATIENCE = 30 * float(os.environ.get("PATIENCE", "1"))
# For whom others shall not be told of names and addresses that nobody here knows.
QUIET = "checks { off = {client_name, helo_name, sender_domain, spf} } spf { add_received = no } "


def is_free(port):
    for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        try:
            with socket.socket(family) as s:
                s.bind((address, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
    return True


def free_port():
    """Below those that the kernel gives to clients, who may be anybody's."""
    return next(port for port in iter(lambda: random.randrange(10000, 32000), None) if is_free(port))


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(("::1", 0))
        return True
    except OSError:
        return False


def poll(condition, what):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.002)
    raise AssertionError("waited in vain: " + what)


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def greeting(port, address="127.0.0.1", source="127.0.0.1"):
    """What a new connection is greeted with, and how long that took."""
    before = time.monotonic()
    with socket.create_connection((address, port), timeout=PATIENCE, source_address=(source, 0)) as s:
        line = s.recv(512)
        s.sendall(b"QUIT\r\n")
        s.recv(512)
    return line, time.monotonic() - before


def submit(port, letter, recipients, sender="a@example.com", source="127.0.0.1"):
    """The code and text that a client hears of a mail, or of who was refused."""
    try:
        with smtplib.SMTP("127.0.0.1", port, "client.example", timeout=2 * PATIENCE, source_address=(source, 0)) as client:
            client.sendmail(sender, list(recipients), letter)
            return 250, b""
    except smtplib.SMTPRecipientsRefused as error:
        return next(iter(error.recipients.values()))
    except smtplib.SMTPResponseException as error:
        return error.smtp_code, error.smtp_error


def fields(mail, name):
    """The values of all fields of that name, unfolded."""
    head = mail.replace(b"\r\n", b"\n").split(b"\n\n", 1)[0].replace(b"\n\t", b" ").replace(b"\n ", b" ")
    return [line.split(b":", 1)[1].strip() for line in head.split(b"\n") if line.lower().startswith(name.lower() + b":")]


def maildir(directory):
    """All mails that have arrived in a Maildir."""
    mails = []
    for name in os.listdir(directory + "/new") if os.path.isdir(directory + "/new") else []:
        with open(f"{directory}/new/{name}", "rb") as file:
            mails.append(file.read())
    return mails


def at_the_end_of(test):
    """How to have something done at the end of a test, or of a class of tests."""
    return test.addClassCleanup if isinstance(test, type) else test.addCleanup


class Gateway:
    """postern run, in a directory of its own."""

    def __init__(self, test, workers=3, more="", servers=("127.0.0.1:1",), backend="", networks="127.0.0.0/8", group=None,
                 program=POSTERN, store=""):
        self.directory = tempfile.mkdtemp(prefix="postern-processes-")
        os.chmod(self.directory, 0o755)
        at_the_end_of(test)(shutil.rmtree, self.directory, ignore_errors=True)
        self.file = self.directory + "/postern.conf"
        self.log_path = self.directory + "/log"
        self.program = program
        self.port = free_port()
        self.workers = workers
        self.networks = networks
        self.store = store  # more of the section
        self.group = group  # 0: a group of processes of its own
        self.backend = f'servers = {{{", ".join(chr(34) + s + chr(34) for s in servers)}}}  {backend}'
        self.configure(more=more)
        self.start(test)

    def configure(self, more="", workers=None, port=None):
        self.workers = workers or self.workers
        self.port = port or self.port
        with open(self.file, "w", encoding="ascii") as out:
            out.write(f"""
                hostname = "mx.example.com"
                listen "inbound" {{ address = "127.0.0.1"  port = {self.port} }}
                backend "exchange" {{ {self.backend} }}
                relay {{ domains = {{"example.com"}}  networks = {{"{self.networks}"}} }}
                limits {{ connections_per_client = 1000  connections_per_network = 1000 }}
                control {{ socket = "{self.directory}/control" }}
                {"" if "store {" in more else f'store {{ path = "{self.directory}/store" {self.store} }}'}
                process {{ workers = {self.workers}  drain = 60s }}
                {"" if "smtp {" in more else "smtp { greeting_wait = 0s }"}
                {"" if "dns {" in more else 'dns { servers = {"127.0.0.1:1"}  timeout = 100ms }'}
                {more}
                """)

    def words(self):
        return [self.program, "run", "-c", self.file]

    def launch(self, log):
        return subprocess.Popen(self.words(), stderr=log, process_group=self.group)

    def start(self, test):
        with open(self.log_path, "wb") as log:
            self.process = self.launch(log)
        at_the_end_of(test)(self.end)
        poll(lambda: "event=ready" in self.log() or self.process.poll() is not None, "the start")
        if self.process.poll() is not None:
            raise AssertionError("does not start: " + self.log())

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def log(self):
        with open(self.log_path, encoding="utf-8") as log:
            return log.read()

    def command(self, *words):
        return subprocess.run([POSTERN, words[0], "-c", self.file, *words[1:]],
                              capture_output=True, text=True, timeout=PATIENCE, check=False)

    def status(self):
        answer = self.command("status", "--json")
        return json.loads(answer.stdout) if answer.returncode == 0 else None

    def processes(self, kind=None, state="ready"):
        return [p for p in self.status()["processes"] if p["kind"] == (kind or p["kind"]) and p["state"] == state]

    def pids(self, kind=None):
        return [p["pid"] for p in self.processes(kind)]


def serve(test, listener, talk):
    """Has talk(connection) run in a thread of its own for each who connects, until the end of the test. Who accepts has ended before the
    descriptor is closed: that of the next test's listener may have the same number."""
    def accept():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(connection,), daemon=True).start()

    def close():
        listener.shutdown(socket.SHUT_RDWR)
        acceptor.join()
        listener.close()
    acceptor = threading.Thread(target=accept, daemon=True)
    at_the_end_of(test)(close)
    acceptor.start()


def nobody_has_died(test, gateway):
    """No process has, nor was any started again."""
    test.assertNotIn("event=process_ended", gateway.log())
    test.assertEqual([p for p in gateway.status()["processes"] if p["restarts"]], [])


class Sink:
    """postern sink; what it was sent lies in mail/new."""

    def __init__(self, test):
        self.directory = tempfile.mkdtemp(prefix="postern-sink-")
        at_the_end_of(test)(shutil.rmtree, self.directory, ignore_errors=True)
        self.process, self.port = None, 0
        at_the_end_of(test)(self.kill)
        self.start()

    def start(self):
        """At the same port when it was started before."""
        self.process = subprocess.Popen([POSTERN, "sink", "--listen", f"127.0.0.1:{self.port}", self.directory + "/mail"],
                                        stderr=subprocess.PIPE, text=True)
        self.port = int(self.process.stderr.readline().rsplit(" ", 1)[1])

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()

    def mails(self):
        return maildir(self.directory + "/mail")


def before_a_sink(test, more="", workers=2):
    """A gateway that looks into nothing but what `more` says, and what is behind it."""
    sink = Sink(test)
    gateway = Gateway(test, workers=workers, servers=[f"127.0.0.1:{sink.port}"], backend="tls = off", networks="10.0.0.0/8", more=QUIET + more)
    return gateway, sink


class NameServer:
    """tests/fakes/nameserver with a zone (tests/fakes/zone.h says how it is written)."""

    def __init__(self, test, zone):
        with tempfile.NamedTemporaryFile("w", encoding="ascii", prefix="postern-zone-") as file:
            file.write(zone)
            file.flush()
            program = os.path.join(os.path.dirname(os.path.abspath(POSTERN)), "tests/fakes/nameserver")
            self.process = subprocess.Popen([program, "0", file.name], stdout=subprocess.PIPE, text=True)
            at_the_end_of(test)(self.kill)
            self.port = int(self.process.stdout.readline())

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
