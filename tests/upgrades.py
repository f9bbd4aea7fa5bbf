#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Upgrades: the master becomes the program that lies where it was started from. No connection fails while mail goes through,
sessions go on, and a program that cannot take over does not. Four upgrades in a row, or twenty with --long."""

import fcntl
import os
import shutil
import signal
import smtplib
import socket
import stat
import subprocess
import sys
import tempfile
import unittest

from harness import PATIENCE, POSTERN, Gateway, Sink, at_the_end_of, free_port, greeting, poll
from load import load, number_of

LONG = "--long" in sys.argv


LAUNCH = """
import os, sys
for number, descriptor in enumerate(map(int, sys.argv[1].split(","))):
    os.dup2(descriptor, 3 + number)
os.environ.update(LISTEN_FDS=str(number + 1), LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
"""


class Activated(Gateway):
    """Started with listening sockets, from descriptor 3 on; its port is that of the first."""

    def __init__(self, test, sockets, **arguments):
        self.sockets = [fcntl.fcntl(s, fcntl.F_DUPFD_CLOEXEC, 100) for s in sockets]
        for descriptor in self.sockets:
            at_the_end_of(test)(os.close, descriptor)
        self.passed = sockets[0].getsockname()[1]
        super().__init__(test, **arguments)

    def configure(self, more="", workers=None, port=None):
        super().configure(more, workers, self.passed)

    def launch(self, log):
        words = [sys.executable, "-c", LAUNCH, ",".join(map(str, self.sockets)), *self.words()]
        return subprocess.Popen(words, stderr=log, pass_fds=self.sockets)


def listening(pid):
    """The inodes of the sockets that a process has, as far as they listen by IPv4."""
    with open(f"/proc/{pid}/net/tcp", encoding="ascii") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    inodes = {row[9] for row in rows if row[3] == "0A"}
    links = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
    return {int(link[8:-1]) for link in links if link.startswith("socket:[") and link[8:-1] in inodes}


class Upgrades(unittest.TestCase):
    def setUp(self):
        self.sink = Sink(self)
        directory = tempfile.mkdtemp(prefix="postern-upgrades-")
        self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        os.chmod(directory, 0o755)
        self.program = directory + "/postern"
        self.install()
        self.gateway = Gateway(self, servers=[f"127.0.0.1:{self.sink.port}"], program=self.program)

    def install(self, script=None):
        """As a package does: a new file under the old name."""
        if script:
            with open(self.program + ".new", "w", encoding="ascii") as out:
                out.write("#!/bin/sh\n" + script)
        else:
            shutil.copy(POSTERN, self.program + ".new")
        os.chmod(self.program + ".new", stat.S_IRWXU | stat.S_IRGRP | stat.S_IXGRP | stat.S_IROTH | stat.S_IXOTH)
        os.rename(self.program + ".new", self.program)

    def upgrade(self):
        answer = self.gateway.command("upgrade")
        self.assertEqual((answer.returncode, answer.stdout), (0, "upgraded\n"), answer.stderr + self.gateway.log())

    def session(self):
        client = smtplib.SMTP("127.0.0.1", self.gateway.port, timeout=PATIENCE)
        self.addCleanup(client.close)
        self.assertEqual(client.ehlo()[0], 250)
        self.assertEqual(client.mail("a@example.net")[0], 250)
        return client

    def send(self, client):
        self.assertEqual(client.rcpt("b@example.com")[0], 250)
        self.assertEqual(client.data(b"Subject: x\r\n\r\n")[0], 250)

    def test_no_connection_fails(self):
        count = 20 if LONG else 4
        with load(self.gateway.port, mails_a_connection=1) as mails:
            for i in range(count):
                before = mails.accepted()
                self.install()
                self.gateway.configure(workers=(3, 1, 4, 2)[i % 4])
                self.upgrade()
                poll(lambda: mails.accepted() > before + 50 or mails.failures(), "mails")
        self.assertEqual(mails.failures(), [])
        self.assertEqual(sorted(map(number_of, self.sink.mails())), sorted(mails.numbers()))
        poll(lambda: not self.gateway.processes(state="draining"), "the end of the old generations")
        status = self.gateway.status()
        self.assertEqual(status["generation"], count + 1)
        self.assertEqual(status["counters"]["delivered"], len(mails.numbers()))
        self.assertEqual(self.gateway.process.poll(), None)
        self.assertNotIn("level=error", self.gateway.log())
        print(f"{count} upgrades, {mails.connections()} connections, {mails.accepted()} mails", file=sys.stderr)

    def test_sessions_go_on_and_children_stay_ours(self):
        client = self.session()
        old = self.gateway.pids("worker")
        for _ in range(2):
            self.upgrade()
        self.assertTrue(set(old) & {p["pid"] for p in self.gateway.processes("worker", "draining")})
        self.send(client)
        client.close()
        poll(lambda: not self.gateway.processes(state="draining"), "the end of the old workers")
        self.assertEqual(self.gateway.command("stop").returncode, 0)
        self.assertEqual(self.gateway.process.wait(PATIENCE), 0)
        self.assertFalse(os.path.exists(self.gateway.directory + "/control"))
        self.assertNotIn("level=error", self.gateway.log())

    def test_sockets_of_the_service_manager_stay(self):
        """As systemd hands them over: nobody else could bind them again. The second is named by a later configuration only."""
        sockets = [socket.create_server(("127.0.0.1", port)) for port in (free_port(), free_port())]
        for s in sockets:
            self.addCleanup(s.close)
        ports = [s.getsockname()[1] for s in sockets]
        self.gateway = Activated(self, sockets, workers=2, servers=[f"127.0.0.1:{self.sink.port}"], program=self.program)
        self.assertEqual(self.gateway.port, ports[0])
        clients = [self.session()]
        for workers in (4, 1, 3):
            self.install()
            self.gateway.configure(workers=workers, more=f'listen "second" {{ address = "127.0.0.1"  port = {ports[1]} }}')
            self.upgrade()
            clients.append(self.session())
            self.assertRegex(greeting(ports[1])[0], b"^220 ")
        for client in clients:
            self.send(client)
        with open(f"/proc/{self.gateway.process.pid}/cmdline", "rb") as words:
            self.assertEqual(words.read().split(b"\0")[0], self.program.encode())
        mine = {os.stat(f"/proc/self/fd/{s.fileno()}").st_ino for s in sockets}
        self.assertEqual(mine, listening(self.gateway.process.pid))
        self.assertNotIn("level=error", self.gateway.log())

    def test_by_signal(self):
        self.gateway.process.send_signal(signal.SIGUSR2)
        poll(lambda: self.gateway.log().count("event=ready") == 2, "the upgrade")

    def test_stop_right_behind_it(self):
        self.gateway.process.send_signal(signal.SIGUSR2)
        self.gateway.process.terminate()
        self.assertEqual(self.gateway.process.wait(PATIENCE), 0)

    def refused(self, *words):
        client = self.session()
        children = sorted(self.gateway.pids())
        answer = self.gateway.command("upgrade")
        self.assertEqual(answer.returncode, 1)
        for word in words:
            self.assertIn(word, answer.stderr)
            self.assertIn(word, self.gateway.log())
        self.assertIn("event=upgrade_refused", self.gateway.log())
        self.assertEqual(sorted(self.gateway.pids()), children)
        self.send(client)
        self.send(self.session())

    def test_a_program_that_is_broken(self):
        for script, words in (("echo away with it >&2; exit 3", ("status 3", "away with it")),
                              ("kill -SEGV $$", ("signal 11",)),
                              ("yes nonsense | head -c 1000000; exit 1", ("nonsense",))):
            self.install(script)
            self.refused(*words)
        os.unlink(self.program)
        self.refused("No such file")
        self.install()
        self.upgrade()

    def test_a_configuration_that_is_broken(self):
        self.gateway.configure(more="nonsense = 1")
        self.refused("unknown key", "postern.conf:")
        self.gateway.configure()
        self.upgrade()

    def test_what_breaks_only_after_the_rehearsal(self):
        """The old processes serve on, under the new master, until a reload succeeds."""
        self.install(f'[ "$1" = rehearse ] && exit 0; exec {os.path.abspath(POSTERN)} "$@"')
        self.gateway.configure(more="nonsense = 1")
        client = self.session()
        children = sorted(self.gateway.pids())
        answer = self.gateway.command("upgrade")
        self.assertEqual(answer.returncode, 1)
        self.assertIn("unknown key", answer.stderr)
        self.assertEqual(sorted(self.gateway.pids()), children)
        self.send(client)
        self.send(self.session())
        os.kill(self.gateway.pids("worker")[0], signal.SIGKILL)
        poll(lambda: len(self.gateway.pids("worker")) == 2, "the death")
        for _ in range(6):
            self.send(self.session())
        self.gateway.configure()
        self.assertEqual(self.gateway.command("reload").stdout, "reloaded\n")
        self.assertEqual(len(self.gateway.pids("worker")), 3)
        self.send(self.session())

    def test_one_at_a_time(self):
        self.install("exec sleep 600")
        self.gateway.process.send_signal(signal.SIGUSR2)
        poll(lambda: self.gateway.status()["state"] == "upgrading", "the rehearsal")
        for command in ("upgrade", "reload"):
            answer = self.gateway.command(command)
            self.assertEqual((answer.returncode, answer.stderr), (1, "starting processes is under way already: try again\n"))
        self.assertEqual(self.gateway.command("stop").returncode, 0)
        self.assertEqual(self.gateway.process.wait(PATIENCE), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2, argv=[a for a in sys.argv if a != "--long"])
