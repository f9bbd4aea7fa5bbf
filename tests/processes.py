#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whole processes on loopback: what dies comes back and its listener is served meanwhile; reload, stop, status; children
end with their master."""

import contextlib
import os
import signal
import smtplib
import socket
import subprocess
import threading
import time
import unittest

from harness import PATIENCE, POSTERN, Gateway, Sink, free_port, greeting, has_ipv6, is_alive, poll


class Load(threading.Thread):
    """Connects without a pause until it is told to stop."""

    def __init__(self, port, number):
        super().__init__()
        self.port, self.source = port, f"127.0.0.{10 + number}"
        self.good, self.failures, self.slowest, self.over = 0, [], 0.0, False

    def run(self):
        while not self.over:
            try:
                line, seconds = greeting(self.port, source=self.source)
                if not line.startswith(b"220 "):
                    raise AssertionError(line)
                self.good += 1
                self.slowest = max(self.slowest, seconds)
            except (OSError, AssertionError) as error:
                self.failures.append(repr(error))


@contextlib.contextmanager
def load(port, threads=4):
    all_of_them = [Load(port, i) for i in range(threads)]
    for thread in all_of_them:
        thread.start()
    try:
        yield all_of_them
    finally:
        for thread in all_of_them:
            thread.over = True
        for thread in all_of_them:
            thread.join()


class Deaths(unittest.TestCase):
    def test_a_killed_worker_is_replaced_and_its_listener_served(self):
        gateway = Gateway(self)
        with load(gateway.port) as clients:
            for _ in range(6):
                victim = gateway.pids("worker")[0]
                os.kill(victim, signal.SIGKILL)
                poll(lambda: len(gateway.pids("worker")) == 3 and victim not in gateway.pids("worker"),
                     "the new worker")
        # What the dead worker had in its hands is lost; nobody else notices.
        self.assertLessEqual(sum(len(c.failures) for c in clients), 6 * len(clients), clients[0].failures)
        self.assertGreater(sum(c.good for c in clients), 0)

    def test_a_dead_workers_slot_is_served_within_100_ms(self):
        gateway = Gateway(self)
        waits = []
        for _ in range(5):
            worker = gateway.pids("worker")[0]
            os.kill(worker, signal.SIGSTOP)  # what comes to its slot now stays in its listener
            sockets = [socket.create_connection(("127.0.0.1", gateway.port)) for _ in range(12)]
            os.kill(worker, signal.SIGKILL)
            before = time.monotonic()
            for s in sockets:
                s.settimeout(PATIENCE)
                self.assertTrue(s.recv(512).startswith(b"220 "))
            waits.append(time.monotonic() - before)
            for s in sockets:
                s.close()
            poll(lambda: len(gateway.pids("worker")) == 3, "the new worker")
        self.assertLess(sorted(waits)[len(waits) // 2], 0.1, waits)

    def test_a_dead_keeper_comes_back(self):
        gateway = Gateway(self)
        victim = gateway.pids("keeper")[0]
        os.kill(victim, signal.SIGKILL)
        poll(lambda: gateway.pids("keeper") not in ([], [victim]), "the new keeper")
        self.assertEqual(gateway.processes("keeper")[0]["restarts"], 1)

    def test_what_the_dead_counted_as_open_is_forgotten(self):
        gateway = Gateway(self, workers=1)
        with socket.create_connection(("127.0.0.1", gateway.port)) as s:
            self.assertTrue(s.recv(512).startswith(b"220 "))
            self.assertEqual(gateway.status()["counters"]["sessions"], 1)
            os.kill(gateway.pids("worker")[0], signal.SIGKILL)
            poll(lambda: gateway.pids("worker"), "the new worker")
        counters = gateway.status()["counters"]
        self.assertEqual((counters["sessions"], counters["sessions_all"]), (0, 1))

    def test_children_end_with_their_master(self):
        gateway = Gateway(self)
        children = gateway.pids()
        self.assertEqual(len(children), 4)
        gateway.process.kill()
        gateway.process.wait()
        poll(lambda: not any(is_alive(pid) for pid in children), "the children's end")
        gateway.start(self)  # the socket that was left behind is replaced, and the port is free
        self.assertTrue(greeting(gateway.port)[0].startswith(b"220 "))


class Reloads(unittest.TestCase):
    def test_no_connection_fails_over_reloads(self):
        gateway = Gateway(self)
        with load(gateway.port) as clients:
            for workers in (3, 1, 4, 2, 5, 3):
                gateway.configure(workers=workers)
                answer = gateway.command("reload")
                self.assertEqual((answer.returncode, answer.stdout), (0, "reloaded\n"), answer.stderr)
        self.assertEqual([f for c in clients for f in c.failures], [])
        self.assertEqual(gateway.status()["generation"], 7)
        poll(lambda: len(gateway.status()["processes"]) == 4, "the end of the old generations")

    def test_a_bad_configuration_changes_nothing(self):
        gateway = Gateway(self)
        before = gateway.pids()
        gateway.configure(more='listen "a" { address = "nowhere" }\n tls { key = "/x" }\n nonsense { }')
        answer = gateway.command("reload")
        self.assertEqual(answer.returncode, 1)
        for part in ("nonsense", "nowhere", "without a certificate"):
            self.assertIn(part, answer.stderr)
            self.assertIn(part, gateway.log())
        self.assertEqual(gateway.pids(), before)
        self.assertEqual(gateway.status()["generation"], 1)
        self.assertTrue(greeting(gateway.port)[0].startswith(b"220 "))

    def test_an_address_that_is_taken_changes_nothing(self):
        gateway = Gateway(self)
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            gateway.configure(more=f'listen "b" {{ address = "127.0.0.1" port = {port} }}')
            answer = gateway.command("reload")
        self.assertEqual(answer.returncode, 1)
        self.assertIn("Address already in use", answer.stderr)
        self.assertEqual(gateway.status()["generation"], 1)

    def test_addresses_come_and_go(self):
        gateway = Gateway(self)
        old, new = gateway.port, free_port()
        gateway.configure(more=f'listen "b" {{ address = "127.0.0.1" port = {new} }}')
        self.assertEqual(gateway.command("reload").returncode, 0)
        for port in (old, new):
            self.assertTrue(greeting(port)[0].startswith(b"220 "))
        gateway.configure(port=new)
        self.assertEqual(gateway.command("reload").returncode, 0)
        self.assertTrue(greeting(new)[0].startswith(b"220 "))

        def is_refused():
            try:
                greeting(old)
            except ConnectionRefusedError:
                return True
            except OSError:
                pass
            return False
        poll(is_refused, "the end of the old address")

    @unittest.skipUnless(has_ipv6(), "no IPv6 here")
    def test_every_address_of_both_families(self):
        port = free_port()
        gateway = Gateway(self, more=f'listen "all" {{ address = "*" port = {port} }}')
        self.assertTrue(greeting(port)[0].startswith(b"220 "))
        self.assertTrue(greeting(port, "::1", "::1")[0].startswith(b"220 "))
        self.assertIsNone(gateway.process.poll())

    def test_a_hang_up_is_a_reload(self):
        gateway = Gateway(self)
        gateway.process.send_signal(signal.SIGHUP)
        poll(lambda: gateway.status()["generation"] == 2, "the new generation")

    def test_old_sessions_go_on(self):
        gateway = Gateway(self, workers=1)
        with smtplib.SMTP("127.0.0.1", gateway.port, timeout=PATIENCE) as client:
            self.assertEqual(gateway.command("reload").returncode, 0)
            self.assertEqual(len(gateway.processes("worker", "draining")), 1)
            client.ehlo()
            self.assertEqual(client.mail("a@example.net")[0], 250)
            self.assertEqual(client.rset()[0], 250)
            self.assertEqual(client.getreply()[0], 421)
            client.close()
        poll(lambda: not gateway.processes("worker", "draining"), "the old worker's end")


class Stops(unittest.TestCase):
    def test_stop_by_command_and_by_signals(self):
        for stop in (lambda g: g.command("stop"), lambda g: g.process.terminate(),
                     lambda g: g.process.send_signal(signal.SIGINT)):
            gateway = Gateway(self)
            children = gateway.pids()
            stop(gateway)
            self.assertEqual(gateway.process.wait(PATIENCE), 0)
            self.assertFalse(any(is_alive(pid) for pid in children))
            self.assertFalse(os.path.exists(gateway.directory + "/control"))

    def test_signals_to_all_are_obeyed_by_the_master_only(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            sink = Sink(self)
            gateway = Gateway(self, workers=1, servers=[f"127.0.0.1:{sink.port}"], group=0)
            client = smtplib.SMTP("127.0.0.1", gateway.port, timeout=PATIENCE)
            self.addCleanup(client.close)
            client.ehlo()
            self.assertEqual(client.mail("a@example.net")[0], 250)
            os.killpg(gateway.process.pid, number)
            poll(lambda: gateway.status()["state"] == "stopping", "the stop")
            self.assertEqual(client.rcpt("b@example.com")[0], 250)
            self.assertEqual(client.data(b"Subject: x\r\n\r\n")[0], 250)
            self.assertEqual(gateway.process.wait(PATIENCE), 0)
            self.assertEqual(len(sink.mails()), 1)
            self.assertNotIn("process_ended", gateway.log())

    def test_the_second_stop_does_not_wait(self):
        gateway = Gateway(self)
        with socket.create_connection(("127.0.0.1", gateway.port)) as s:
            self.assertTrue(s.recv(512).startswith(b"220 "))
            self.assertEqual(gateway.command("stop").returncode, 0)
            self.assertEqual(gateway.status()["state"], "stopping")
            self.assertEqual(gateway.command("reload").returncode, 1)
            gateway.command("stop")
            self.assertEqual(gateway.process.wait(PATIENCE), 0)

    def test_nobody_to_ask(self):
        answer = subprocess.run([POSTERN, "status", "--socket", "/nonexistent"], capture_output=True, check=False)
        self.assertEqual(answer.returncode, 2)


class Starts(unittest.TestCase):
    def test_a_second_one_does_not_start(self):
        gateway = Gateway(self)
        second = gateway.command("run")
        self.assertEqual(second.returncode, 1)
        self.assertIn("another postern is running", second.stderr)
        with open(gateway.file, encoding="ascii") as file:
            text = file.read()
        with open(gateway.file, "w", encoding="ascii") as file:
            file.write(text.replace("/control", "/other"))
        second = gateway.command("run")
        self.assertEqual(second.returncode, 1)
        self.assertIn("Address already in use", second.stderr)

    def test_a_bad_configuration_does_not_start(self):
        answer = subprocess.run([POSTERN, "run", "-c", "/nonexistent"], capture_output=True, text=True, check=False)
        self.assertEqual(answer.returncode, 1)
        self.assertIn("/nonexistent", answer.stderr)

    def test_commands(self):
        known = subprocess.run([POSTERN, "nonsense"], capture_output=True, text=True, check=False)
        self.assertEqual(known.returncode, 64)
        self.assertIn("explain", known.stderr)
        for words in (["--help"], ["--version"], ["status", "--help"], ["manual"]):
            answer = subprocess.run([POSTERN, *words], capture_output=True, text=True, check=False)
            self.assertEqual((answer.returncode, answer.stderr), (0, ""), words)
            self.assertIn("postern" if words != ["manual"] else "listen", answer.stdout)

    @unittest.skipUnless(os.geteuid() == 0, "only root gives root up")
    def test_who_they_are(self):
        gateway = Gateway(self)
        for pid in gateway.pids():
            with open(f"/proc/{pid}/status", encoding="ascii") as status:
                fields = dict(line.split(":", 1) for line in status.read().splitlines())
            self.assertNotIn("0", fields["Uid"].split())
            self.assertEqual(int(fields["CapEff"], 16) | int(fields["CapBnd"], 16), 0)
            self.assertEqual(fields["NoNewPrivs"].strip(), "1")
            self.assertEqual(fields["Seccomp"].strip(), "2")
            targets = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
            self.assertLessEqual(sum("eventpoll" in t for t in targets), 1, targets)


class Sinks(unittest.TestCase):
    def test_keeps_what_it_is_sent(self):
        sink = Sink(self)
        with socket.create_connection(("127.0.0.1", sink.port), timeout=PATIENCE) as s:
            replies = s.makefile("rb")

            def say(text, reply):
                s.sendall(text)
                line = replies.readline()
                while line[3:4] == b"-":
                    line = replies.readline()
                self.assertTrue(line.startswith(reply), line)

            say(b"", b"220")
            say(b"EHLO x\r\n", b"250")
            say(b"RCPT TO:<b@c>\r\n", b"503")
            say(b'MAIL FROM:<"a>b"@c> SIZE=10\r\n', b"250")
            say(b"BDAT 3\r\nabc", b"503")
            say(b"RCPT TO:<b@c>\r\n", b"250")
            say(b"RCPT TO:<d@e>\r\n", b"250")
            say(b"DATA\r\n", b"354")
            say(b"Subject: x\r\n\r\n..dot\r\n.\n\r\nbare\n.\r\nend\r\n.\r\n", b"250")
            say(b"MAIL FROM:<>\r\n", b"250")
            say(b"RCPT TO:<b@c>\r\n", b"250")
            say(b"BDAT 5\r\nX: y\r", b"250")
            say(b"BDAT 6 LAST\r\n\n\r\n.\r\n", b"250")
            say(b"NONSENSE\r\n", b"500")
            say(b"QUIT\r\n", b"221")
            replies.close()
        self.assertEqual(sorted(sink.mails()), sorted([
            b'Return-Path: <"a>b"@c>\r\nX-Envelope-From: <"a>b"@c>\r\nX-Envelope-To: <b@c>\r\n'
            b"X-Envelope-To: <d@e>\r\nSubject: x\r\n\r\n.dot\r\n\n\r\nbare\n.\r\nend\r\n",
            b"Return-Path: <>\r\nX-Envelope-From: <>\r\nX-Envelope-To: <b@c>\r\nX: y\r\n\r\n.\r\n"]))
        self.assertEqual(os.listdir(sink.directory + "/mail/tmp"), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
