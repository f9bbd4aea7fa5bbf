#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is kept is released once, whole, by one command at a time, whatever the backend and the disk do meanwhile."""

import json
import os
import shutil
import socket
import subprocess
import threading
import unittest

import milters
from harness import PATIENCE, POSTERN, before_a_sink, fields, poll, serve
from quarantine import Setting

USAGE = 64


class Backend:
    """Takes all, unless it is told otherwise: replies[address] is the answer to a recipient; end the one to a message, b"" closes the
    connection in its place, and None says nothing. While the gate is closed nobody hears about a recipient."""

    def __init__(self, test):
        self.replies, self.end, self.got = {}, b"250 2.0.0 kept", []
        self.gate, self.is_asked = threading.Event(), threading.Event()
        self.gate.set()
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        serve(test, listener, self.talk)
        test.addCleanup(self.gate.set)

    def talk(self, connection):
        recipients = []
        try:
            with connection, connection.makefile("rwb", 0) as stream:
                stream.write(b"220 backend\r\n")
                for line in stream:
                    verb = line[:4].upper()
                    if verb in (b"MAIL", b"RSET"):
                        recipients = []
                    if verb == b"RCPT":
                        self.answer_recipient(stream, line.split(b"<")[1].split(b">")[0].decode(), recipients)
                    elif verb == b"DATA":
                        if not self.take(stream, recipients):
                            return
                    else:
                        stream.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")
        except OSError:
            pass

    def answer_recipient(self, stream, address, recipients):
        self.is_asked.set()
        self.gate.wait(PATIENCE)
        reply = self.replies.get(address, b"250 ok")
        if reply.startswith(b"250"):
            recipients.append(address)
        stream.write(reply + b"\r\n")

    def take(self, stream, recipients):
        stream.write(b"354 go ahead\r\n")
        lines = []
        for line in stream:
            if line == b".\r\n":
                self.got.append((recipients, b"".join(lines)))
                if self.end:
                    stream.write(self.end + b"\r\n")
                return self.end != b""
            lines.append(line)
        return False

    def sent_to(self):
        return [recipients for recipients, _ in self.got]


class Release(unittest.TestCase):
    def setUp(self):
        self.backend = Backend(self)
        self.setting = Setting(self, servers=[f"127.0.0.1:{self.backend.port}"])
        self.patient = self.setting.gateway.backend

    def be_impatient(self, options):
        self.setting.gateway.backend = self.patient + " " + options
        self.setting.use()

    def keep(self, **more):
        before = self.setting.kept()
        self.assertEqual(self.setting.send(**more), 250)
        name, = [name for name in self.setting.kept() if name not in before]
        return name

    def begin(self, *words):
        command = subprocess.Popen([POSTERN, "quarantine", "-c", self.setting.gateway.file, *words],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(command.communicate)
        self.addCleanup(command.kill)
        return command

    def expect(self, words, status, *said):
        answer = self.setting.command(*words)
        self.assertEqual(answer.returncode, status, answer)
        for text in said:
            self.assertIn(text, answer.stdout + answer.stderr)
        return answer

    def expect_state(self, name, state):
        self.assertIn(f" {state} ", self.setting.command("list", name).stdout)
        self.assertEqual(json.loads(self.setting.command("list", "--json", name).stdout)["state"], state)

    # --- at the same time ---

    def test_three_at_once(self):
        names = [self.keep(body=(b"x" * 60 + b"\r\n") * 10000) for _ in range(4)]
        for name in names:
            commands = [self.begin("release", name) for _ in range(3)]
            for command in commands:
                command.wait(PATIENCE)
            self.assertEqual(sorted(command.returncode for command in commands), [0, 1, 1])
        self.assertEqual(len(self.backend.got), len(names))

    def begin_and_wait(self, name):
        """A release that the backend lets wait at the first recipient."""
        self.backend.is_asked.clear()
        self.backend.gate.clear()
        command = self.begin("release", name)
        self.assertTrue(self.backend.is_asked.wait(PATIENCE))
        return command

    def test_while_one_runs_others_keep_off(self):
        name = self.keep()
        self.backend.replies["b@example.com"] = b"550 5.1.1 gone"
        command = self.begin_and_wait(name)
        self.expect_state(name, "being released")
        for words in (("release", name), ("release", "--force", name), ("delete", name)):
            self.expect(words, 1, "another command is at work on it: it is being released")
        os.utime(f"{self.setting.path}/cur/{name}", (1, 1))
        self.expect(("expire",), 0, "0 messages were too old")
        self.backend.gate.set()
        self.assertIn("nothing was sent", command.communicate(timeout=PATIENCE)[1])
        self.expect_state(name, "waiting")
        self.expect(("expire",), 0, "1 messages were too old")
        self.assertEqual(self.backend.got, [])

    def test_one_that_is_killed_is_told_from_one_that_runs(self):
        name, other = self.keep(), self.keep()
        for _ in range(2):
            command = self.begin_and_wait(name)
            self.expect_state(name, "being released")
            command.kill()
            command.wait()
            self.expect_state(name, "uncertain")
            self.expect(("release", name), 1, "nobody knows how that ended")
            self.backend.gate.set()
            name, other = other, name
        self.expect(("release", "--force", name), 0, "released")
        self.expect(("delete", other), 0, "deleted")
        self.assertEqual(len(self.backend.got), 1)

    # --- a backend that does not answer ---

    def test_uncertain_where_the_backend_is_silent_or_gone_after_the_message(self):
        for end in (b"", None):
            self.backend.end = end
            before = len(self.backend.got)
            name = self.keep()
            if end is None:
                self.be_impatient("final_timeout = 1s")
            self.expect(("release", name), 1, "it was sent, and the backend did not answer")
            self.be_impatient("")
            self.expect_state(name, "uncertain")
            self.expect(("release", name), 1, "--force")
            self.assertEqual(len(self.backend.got), before + 1)
            self.backend.end = b"554 5.7.1 no"
            self.expect(("release", "--force", name), 1, "554 5.7.1 no")
            self.expect_state(name, "uncertain")  # that it was refused now says nothing of what was sent before
            self.backend.end = b"250 2.0.0 kept"
            self.expect(("release", "--force", name), 0, "released: 250 2.0.0 kept")
            self.expect(("release", "--force", name), 1, "once is enough")
            self.assertEqual(len(self.backend.got), before + 3)

    def test_waiting_where_the_backend_is_silent_before_it(self):
        name = self.keep()
        self.be_impatient("command_timeout = 1s")
        command = self.begin_and_wait(name)
        self.assertIn("451 4.4.1", command.communicate(timeout=PATIENCE)[1])
        self.backend.gate.set()
        self.be_impatient("")
        self.expect_state(name, "waiting")
        self.expect(("release", name), 0, "released")
        self.assertEqual(len(self.backend.got), 1)

    def test_waiting_where_the_message_is_refused(self):
        name = self.keep()
        self.backend.end = b"554 5.7.1 we do not want \xe2\x80\xaethat\x1b[31m"
        answer = self.expect(("release", name), 1, "554 5.7.1 we do not want ?that?[31m")
        self.assertNotIn("\u202e", answer.stderr)
        self.expect_state(name, "waiting")

    # --- recipients ---

    def test_recipients_who_are_gone(self):
        name = self.keep(recipients=("b@example.com", "c@example.com", "d@example.com"))
        self.backend.replies.update({"c@example.com": b"550 5.1.1 no such user", "d@example.com": b"450 4.2.2 full"})
        self.expect(("release", name), 1, "<c@example.com> (550 5.1.1 no such user), <d@example.com> (450 4.2.2 full)",
                    "those that it takes get it by release --to: <b@example.com>")
        self.expect_state(name, "waiting")
        self.expect(("release", "--to", "x@example.com", name), 1, "<x@example.com> is none of its recipients")
        self.expect(("release", "--to", "c@example.com", "--to", "b@example.com", name), 1, "no such user")
        self.expect_state(name, "waiting")
        self.assertEqual(self.backend.got, [])
        self.expect(("release", "--to", "B@Example.com", name), 0, "released to <b@example.com>: 250 2.0.0 kept")
        self.assertEqual(json.loads(self.setting.command("list", "--json", name).stdout)["released_to"], ["b@example.com"])
        self.expect(("release", name), 1, "to <b@example.com>: once is enough")
        self.expect(("release", "--to", "d@example.com", name), 1, "--force --to")
        self.expect(("release", "--force", "--to", "d@example.com", name), 1, "full")
        self.expect_state(name, "released")
        self.backend.replies.clear()
        self.expect(("release", "--force", "--to", "d@example.com", name), 0, "released to <d@example.com>")
        self.expect(("release", name), 1, "to <b@example.com>, <d@example.com>: once is enough")
        self.assertEqual(self.backend.sent_to(), [["b@example.com"], ["d@example.com"]])

    def test_when_all_are_gone(self):
        name = self.keep()
        self.backend.replies.update({"b@example.com": b"550 5.1.1 b", "c@example.com": b"550 5.1.1 c"})
        answer = self.expect(("release", name), 1, "<b@example.com> (550 5.1.1 b), <c@example.com> (550 5.1.1 c)")
        self.assertNotIn("--to", answer.stderr)

    def test_only_a_release_is_to_somebody(self):
        name = self.keep()
        for verb in ("delete", "list", "show", "explain"):
            self.expect((verb, "--to", "b@example.com", name), USAGE, "only quarantine release takes --to")
        self.expect_state(name, "waiting")

    # --- the disk ---

    def test_a_ticket_that_cannot_be_written(self):
        name = self.keep()
        os.rmdir(self.setting.path + "/tmp")
        with open(self.setting.path + "/tmp", "w", encoding="ascii"):
            pass
        self.expect(("release", name), 0, "released: 250", "could not be written into its ticket: Not a directory")
        self.expect_state(name, "released")
        self.expect(("release", name), 1, "it was released at 20")
        self.assertEqual(len(self.backend.got), 1)

    @unittest.skipUnless(os.getuid() == 0, "needs root to mount")
    def test_a_disk_that_is_full(self):
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k,mode=0777", "none", self.setting.path], check=False).returncode:
            self.skipTest("nothing can be mounted here")
        self.addCleanup(subprocess.run, ["umount", "-l", self.setting.path], check=False)
        self.setting.use()
        name = self.keep()
        with open(self.setting.path + "/filling", "wb", buffering=0) as filling:
            with self.assertRaises(OSError):
                while True:
                    filling.write(b"x" * 4096)
        self.expect(("release", name), 0, "released: 250", "No space left on device")
        self.expect_state(name, "released")
        self.assertEqual(os.listdir(self.setting.path + "/tmp"), [])
        self.expect(("release", name), 1, "once is enough")
        self.assertEqual(len(self.backend.got), 1)

    def test_what_is_not_whole_is_not_sent(self):
        name = self.keep(body=b"x" * 60 + b"\r\n" * 50000)
        file = f"{self.setting.path}/new/{name}"
        size = os.path.getsize(file)
        os.truncate(file, size - 1000)
        for verb in ("show", "release"):
            answer = self.expect((verb, name), 1, f"it has {size - 1000} bytes, and {size} were kept")
            self.assertEqual(answer.stdout, "")
        self.expect_state(name, "waiting")
        self.assertEqual(self.backend.got, [])

    def test_a_ticket_that_is_lost(self):
        lost, damaged, whole = self.keep(), self.keep(), self.keep()
        os.unlink(f"{self.setting.path}/tickets/{lost}.json")
        with open(f"{self.setting.path}/tickets/{damaged}.json", "w", encoding="ascii") as out:
            out.write('{"id": "\\u001b[31m')
        lines = {line.split()[0]: line for line in self.setting.command("list").stdout.splitlines()}
        self.assertEqual(len(lines), 3)
        size = os.path.getsize(f"{self.setting.path}/new/{lost}")
        self.assertRegex(lines[lost], rf"^{lost} 20\S+Z damaged {size} its ticket is lost: there is no .*{lost}.json; it is waiting$")
        self.assertRegex(lines[damaged], rf"^{damaged} 20\S+Z damaged {size} its ticket is damaged; it is waiting$")
        self.assertIn(f"{whole} 20", lines[whole])
        told = json.loads(self.setting.command("list", "--json", lost).stdout)
        self.assertEqual((told["id"], told["state"], told["size"]), (lost, "waiting", size))
        self.assertIn("its ticket is lost", told["damage"])
        self.expect(("release", lost), 1, "its ticket is lost", "its envelope is lost with it", "show prints the message")
        self.expect(("release", damaged), 1, "its ticket is damaged", "its envelope is lost with it")
        self.expect(("explain", lost), 1, "its ticket is lost")
        self.expect(("show", lost), 0, "Subject: hold this")
        self.expect(("delete", lost, damaged), 0, "deleted")
        self.assertEqual(self.backend.got, [])


class Dkim(unittest.TestCase):
    """What OpenDKIM has signed is true after a release, too."""

    @classmethod
    def setUpClass(cls):
        if not shutil.which("opendkim") or not shutil.which("opendkim-genkey"):
            raise unittest.SkipTest("opendkim and opendkim-tools are not installed")

    def test_stays_true(self):
        directory = milters.OpenDKIM.configure(self)
        signing, beyond = before_a_sink(self, f'milter "dkim" {{ socket = "unix:{directory}/dkim.sock" }}')
        letter = milters.LETTER.replace(b"Subject: hello", b"Subject: hold  this") + b".dot\r\nblanks \t \r\n\r\n..\r\n\r\n"
        stuffed = letter.replace(b"\r\n.", b"\r\n..")
        self.assertNotEqual(stuffed, letter)

        def through(letter, source):
            """As it has arrived, from its signature on or from the gateway's own fields."""
            before = beyond.mails()
            self.assertEqual(milters.send(signing.port, letter, source=source)[0], 250)
            mail, = [mail for mail in beyond.mails() if mail not in before]
            return mail.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        signed = through(letter, "127.0.0.1")
        signed = signed[signed.index(b"DKIM-Signature"):]
        setting = Setting(self)
        self.assertEqual(setting.send(message=signed), 250)
        name, = setting.ids()
        self.assertEqual(setting.command("release", name).returncode, 0)
        released = setting.sink.mails()[0].replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        self.assertTrue(released.endswith(signed))
        for mail, result in ((released, b"dkim=pass"), (released.replace(b"this is a", b"this is no"), b"dkim=fail")):
            verified = through(mail, "127.0.0.2")
            self.assertIn(result, fields(verified, b"Authentication-Results")[0])


if __name__ == "__main__":
    unittest.main(verbosity=2)
