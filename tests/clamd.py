#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A real clamd, with a database of one signature: the test file of EICAR, by its hash. By its path and by TCP, as a daemon that is away and comes
back, and that dies. Needs clamav-daemon."""

import os
import shutil
import signal
import subprocess
import tempfile
import threading
import unittest
from email.message import EmailMessage

from harness import PATIENCE, at_the_end_of, before_a_sink, fields, free_port, poll, submit

CLAMD = shutil.which("clamd") or "/usr/sbin/clamd"
# In two pieces, so that this file is none.
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-" + b"ANTIVIRUS-TEST-FILE!$H+H*"
SIGNATURE = "44d88612fea8a8f36de82e1278abb02f:68:Eicar-Test-Signature\n"


class Clamd:
    def __init__(self, test):
        self.directory = tempfile.mkdtemp(prefix="postern-clamd-")
        os.chmod(self.directory, 0o755)
        at_the_end_of(test)(shutil.rmtree, self.directory, ignore_errors=True)
        self.port = free_port()
        self.socket = self.directory + "/socket"
        os.mkdir(self.directory + "/db")
        with open(self.directory + "/db/one.hdb", "w", encoding="ascii") as out:
            out.write(SIGNATURE)
        with open(self.directory + "/conf", "w", encoding="ascii") as out:
            out.write(f"Foreground yes\nDatabaseDirectory {self.directory}/db\nLocalSocket {self.socket}\nLocalSocketMode 666\n"
                      f"TCPSocket {self.port}\nTCPAddr 127.0.0.1\nStreamMaxLength 40M\nFixStaleSocket yes\n"
                      f"TemporaryDirectory {self.directory}\nMaxThreads 4\n")
        self.process = None
        at_the_end_of(test)(self.end)
        self.start()

    def start(self):
        self.process = subprocess.Popen([CLAMD, "-c", self.directory + "/conf"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        poll(lambda: os.path.exists(self.socket) or self.process.poll() is not None, "clamd")
        if self.process.poll() is not None:
            raise unittest.SkipTest("clamd does not start here")

    def end(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if os.path.exists(self.socket):
            os.unlink(self.socket)


def letter(attachment=None):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.net", "b@example.com", "report"
    message["Date"], message["Message-ID"] = "Sun, 22 Nov 2026 10:00:00 +0000", "<1@example.net>"
    message.set_content("hello")
    if attachment is not None:
        message.add_attachment(attachment, maintype="application", subtype="octet-stream", filename="a.bin")
    return message.as_bytes()


def send(port, message, recipient="b@example.com"):
    return submit(port, message, [recipient], "a@example.net")


@unittest.skipUnless(os.path.exists(CLAMD), "clamav-daemon is not installed")
class RealClamd(unittest.TestCase):
    def begin(self, sockets, more=""):
        sections = " ".join(f'clamd "c{i}" {{ socket = "{socket}" }}' for i, socket in enumerate(sockets))
        gateway, self.sink = before_a_sink(self, sections + " " + more, workers=1)
        return gateway

    def expect_found(self, gateway, recipient="b@example.com"):
        code, text = send(gateway.port, letter(EICAR), recipient)
        self.assertEqual(code, 550)
        self.assertIn(b"Eicar-Test-Signature", text)

    def test_it_finds_what_there_is(self):
        clamd = Clamd(self)
        for socket in (clamd.socket, f"127.0.0.1:{clamd.port}"):
            gateway = self.begin([socket])
            self.assertEqual(send(gateway.port, letter())[0], 250)
            self.assertEqual(send(gateway.port, letter(b"x" * 3000000))[0], 250)
            self.expect_found(gateway)
            self.expect_found(gateway, "postmaster@example.com")
            self.assertEqual(len(self.sink.mails()), 2)
            self.assertIn('decided_by="check virus"', gateway.log())

    def test_the_next_one_is_asked_when_one_is_dead(self):
        clamd = Clamd(self)
        gateway = self.begin(["/nonexistent/clamd.ctl", f"127.0.0.1:{clamd.port}"])
        self.expect_found(gateway)
        self.assertEqual(send(gateway.port, letter())[0], 250)
        self.assertIn("event=clamd_down", gateway.log())

    def test_a_message_is_held_until_it_is_back(self):
        clamd = Clamd(self)
        gateway = self.begin([clamd.socket])
        clamd.end()
        answers = []
        sender = threading.Thread(target=lambda: answers.append(send(gateway.port, letter(EICAR))))
        sender.start()
        poll(lambda: "event=clamd_down" in gateway.log(), "the log")
        clamd.start()
        sender.join(PATIENCE)
        self.assertEqual(answers[0][0], 550)
        self.assertIn("event=clamd_up", gateway.log())

    def test_one_that_is_killed_in_mid_stream_costs_a_451(self):
        clamd = Clamd(self)
        gateway = self.begin([clamd.socket], "virus { hold = 2s }")
        os.kill(clamd.process.pid, signal.SIGSTOP)  # it takes what fits into the socket, and no more
        answers = []
        sender = threading.Thread(target=lambda: answers.append(send(gateway.port, letter(b"x" * 3000000))))
        sender.start()
        poll(lambda: gateway.status()["counters"]["spool_bytes"] > 3000000, "the message")
        clamd.end()
        sender.join(PATIENCE)
        self.assertEqual(answers[0][0], 451)
        self.assertEqual(self.sink.mails(), [])

    def test_a_larger_message_than_it_takes_is_put_off(self):
        clamd = Clamd(self)
        with open(clamd.directory + "/conf", encoding="ascii") as file:
            text = file.read()
        with open(clamd.directory + "/conf", "w", encoding="ascii") as file:
            file.write(text.replace("StreamMaxLength 40M", "StreamMaxLength 100K"))
        clamd.end()
        clamd.start()
        gateway = self.begin([clamd.socket], "virus { hold = 1s }")
        self.assertEqual(send(gateway.port, letter(b"x" * 3000000))[0], 451)
        self.assertEqual(send(gateway.port, letter())[0], 250)

    def test_into_quarantine(self):
        clamd = Clamd(self)
        directory = tempfile.mkdtemp(prefix="postern-quarantine-")
        os.chmod(directory, 0o777)
        self.addCleanup(shutil.rmtree, directory)
        gateway = self.begin([clamd.socket], f'virus {{ found = "quarantine" }} quarantine {{ path = "{directory}" }}')
        self.assertEqual(send(gateway.port, letter(EICAR))[0], 250)
        self.assertEqual(self.sink.mails(), [])
        self.assertIn("check virus: Eicar-Test-Signature", gateway.command("quarantine", "list").stdout)


@unittest.skipUnless(shutil.which("clamav-milter") or os.path.exists("/usr/sbin/clamav-milter"), "clamav-milter is not installed")
class ClamavMilter(unittest.TestCase):
    """ClamAV's own milter before the same daemon: it adds its fields to what is clean, and refuses the rest."""

    def test_it_edits_then_refuses(self):
        clamd = Clamd(self)
        path = clamd.directory + "/milter"
        with open(clamd.directory + "/milter.conf", "w", encoding="ascii") as out:
            out.write(f"MilterSocket {path}\nMilterSocketMode 666\nClamdSocket unix:{clamd.socket}\nForeground yes\nOnInfected Reject\n"
                      f"RejectMsg Virus found: %v\nAddHeader Replace\nTemporaryDirectory {clamd.directory}\n")
        milter = subprocess.Popen([shutil.which("clamav-milter") or "/usr/sbin/clamav-milter", "-c", clamd.directory + "/milter.conf"],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        at_the_end_of(self)(milter.wait)
        at_the_end_of(self)(milter.kill)
        poll(lambda: os.path.exists(path) or milter.poll() is not None, "clamav-milter")
        self.assertIsNone(milter.poll(), "clamav-milter does not start")
        gateway, sink = before_a_sink(self, f'milter "clamav" {{ socket = "unix:{path}" }}', workers=1)
        forged = b"X-Virus-Status: Clean, they said\r\n" + letter()
        poll(lambda: send(gateway.port, forged)[0] == 250, "clamav-milter, when it has found clamd")
        fields = [line for line in sink.mails()[0].splitlines() if line.lower().startswith(b"x-virus-")]
        self.assertEqual([line.split(b":")[0] for line in fields], [b"X-Virus-Scanned", b"X-Virus-Status"], fields)
        self.assertEqual(fields[1].split(b":", 1)[1].strip(), b"Clean")
        code, text = send(gateway.port, letter(EICAR))
        self.assertEqual((code, b"Virus found: Eicar-Test-Signature" in text), (550, True), text)
        self.assertEqual(len(sink.mails()), 1)
        self.assertIn('decided_by="check milter"', gateway.log())


if __name__ == "__main__":
    unittest.main(verbosity=2)
