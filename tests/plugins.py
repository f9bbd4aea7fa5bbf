#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plugins in whole gateways: those that come along, one that misbehaves in every way (tests/milters/odd.c), and a program of others. Each
runs in its own process, started, watched and ended by the gateway."""

import os
import shutil
import signal
import smtplib
import socket
import subprocess
import tempfile
import threading
import time
import unittest

from harness import POSTERN, QUIET, Gateway, Sink, at_the_end_of, before_a_sink, fields, is_alive, maildir, poll, submit

HERE = os.path.dirname(os.path.abspath(__file__))
BUILT = os.path.join(os.path.dirname(os.path.abspath(POSTERN)), "plugins")
LETTER = (b"From: a@example.com\r\nTo: b@example.com\r\nSubject: hello\r\n"
          b"Date: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@example.com>\r\n\r\nHello,\r\nthis is a letter.\r\n")
HAS_LIBMILTER = os.path.exists("/usr/include/libmilter/mfapi.h") and shutil.which("gcc")


def folder_for(test, mode=0o755):
    """Where the plugin's user may go; what the tests run in may be closed to it."""
    folder = tempfile.mkdtemp(prefix="postern-plugins-")
    os.chmod(folder, mode)
    at_the_end_of(test)(shutil.rmtree, folder, ignore_errors=True)
    return folder


def shipped(test, name):
    return shutil.copy(f"{BUILT}/{name}.so", folder_for(test))


def send(port, letter=LETTER, recipients=("b@example.com",)):
    return submit(port, letter, recipients)


def plugin(gateway, name):
    """As it is; of several processes the newest."""
    return next((p for p in reversed(gateway.status()["plugins"]) if p["name"] == name and p["state"] != "ending"), None)


class Hello(unittest.TestCase):
    """The tutorial does what it says."""

    def test_adds_and_refuses(self):
        gateway, sink = before_a_sink(self, f'plugin "hello" {{ path = "{shipped(self, "hello")}" }}')
        self.assertEqual(send(gateway.port), (250, b""))
        self.assertEqual(fields(sink.mails()[0], b"X-Hello"), [b"from a plugin"])
        code, text = send(gateway.port, LETTER.replace(b"Subject: hello", b"Subject: Very cheap watches"))
        self.assertEqual(code, 550)
        self.assertIn(b"5.7.1 not with that subject", text)
        self.assertEqual(len(sink.mails()), 1)

    @unittest.skipUnless(HAS_LIBMILTER, "libmilter-dev is not installed")
    def test_compiles_as_its_manual_says(self):
        path = folder_for(self) + "/hello.so"
        subprocess.run(["gcc", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", path, HERE + "/../plugins/hello.c"], check=True)
        gateway, sink = before_a_sink(self, f'plugin "hello" {{ path = "{path}" }}')
        self.assertEqual(send(gateway.port)[0], 250)
        self.assertEqual(fields(sink.mails()[0], b"X-Hello"), [b"from a plugin"])

    def test_takes_an_argument(self):
        gateway, _ = before_a_sink(self, f'plugin "hello" {{ path = "{shipped(self, "hello")}" arguments = {{"hello"}} }}')
        self.assertEqual(send(gateway.port)[0], 550)
        self.assertEqual(send(gateway.port, LETTER.replace(b"hello", b"cheap"))[0], 250)


    def test_stands_in_the_order_of_the_file(self):
        """Each sees what those before it have changed: what is archived behind has the field, what is archived before has not."""
        before, behind = archive_folder(self), archive_folder(self)
        gateway, _ = before_a_sink(self, "".join((
            f'plugin "before" {{ path = "{shipped(self, "archive")}" arguments = {{"maildir" "{before}"}} writable = "{before}" }} ',
            f'plugin "hello" {{ path = "{shipped(self, "hello")}" }} ',
            f'plugin "behind" {{ path = "{shipped(self, "archive")}" arguments = {{"maildir" "{behind}"}} writable = "{behind}" }} ')))
        self.assertEqual(send(gateway.port)[0], 250)
        self.assertEqual(fields(maildir(before)[0], b"X-Hello"), [])
        self.assertEqual(fields(maildir(behind)[0], b"X-Hello"), [b"from a plugin"])


def archive_folder(test):
    """Into which the plugin's user may write, whoever that is."""
    return folder_for(test, 0o777)


class Archive(unittest.TestCase):
    STRANGE = LETTER.replace(b"hello", b"one\r\n\ttwo") + b".\r\n..\r\n.dot\r\n\xff8 bits\r\nend"

    def start(self, arguments, more=""):
        return before_a_sink(self, f'plugin "archive" {{ path = "{shipped(self, "archive")}" arguments = {{{arguments}}} {more} }}')

    def test_keeps_in_a_maildir(self):
        folder = archive_folder(self)
        gateway, sink = self.start(f'"maildir" "{folder}"', f'writable = "{folder}"')
        for number in range(1, 4):
            self.assertEqual(send(gateway.port, self.STRANGE, ["b@example.com", "c@example.com"])[0], 250)
            self.assertEqual(len(maildir(folder)), number)
        self.assertEqual(len(sink.mails()), 3)
        self.assertEqual(os.listdir(folder + "/tmp"), [])
        kept = maildir(folder)[0]
        self.assertEqual(fields(kept, b"X-Envelope-From"), [b"<a@example.com>"])
        self.assertEqual(fields(kept, b"X-Envelope-To"), [b"<b@example.com>", b"<c@example.com>"])
        self.assertTrue(kept.endswith(self.STRANGE.replace(b"\r\n", b"\n") + b"\n"), kept)

    def test_a_maildir_that_cannot_be_written(self):
        folder = archive_folder(self)
        gateway, sink = self.start(f'"maildir" "{folder}"', f'writable = "{folder}"')
        self.assertEqual(send(gateway.port)[0], 250)
        for name in ("tmp", "new"):
            os.chmod(f"{folder}/{name}", 0)
            code, text = send(gateway.port)
            os.chmod(f"{folder}/{name}", 0o777)
            self.assertEqual(code, 451, name)
            self.assertIn(b"4.3.0 the archive cannot take this now", text)
            self.assertEqual((len(sink.mails()), len(maildir(folder))), (1, 1), name)
        poll(lambda: "Permission denied" in gateway.log(), "why it failed")
        self.assertEqual(os.listdir(folder + "/tmp"), [])
        self.assertEqual(send(gateway.port)[0], 250)
        self.assertEqual((len(sink.mails()), len(maildir(folder))), (2, 2))

    def test_a_full_disk(self):
        folder = archive_folder(self)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=777", "tmpfs", folder], capture_output=True, check=False).returncode:
            self.skipTest("a small file system cannot be mounted")
        self.addCleanup(subprocess.run, ["umount", folder], check=False)
        gateway, sink = self.start(f'"maildir" "{folder}"', f'writable = "{folder}"')
        self.assertEqual(send(gateway.port)[0], 250)
        self.assertEqual(send(gateway.port, LETTER + b"0123456789abcdef\r\n" * 10000)[0], 451)
        poll(lambda: "No space left on device" in gateway.log(), "why it failed")
        self.assertEqual(send(gateway.port)[0], 250, "what was begun is taken away")
        self.assertEqual((len(sink.mails()), len(maildir(folder))), (2, 2))

    def test_sends_it_on(self):
        other = Sink(self)
        gateway, sink = self.start(f'"smtp" "127.0.0.1:{other.port}" "archive@example.org"', "network = on")
        self.assertEqual(send(gateway.port, self.STRANGE)[0], 250)
        self.assertEqual(len(sink.mails()), 1)
        copy = other.mails()[0]
        self.assertEqual(fields(copy, b"Return-Path"), [b"<>"])
        self.assertEqual(fields(copy, b"X-Envelope-From")[-1], b"<a@example.com>", "the sink has a field of that name, too")
        self.assertEqual(fields(copy, b"X-Envelope-To")[-1], b"<b@example.com>")
        self.assertTrue(copy.replace(b"\r\n", b"\n").endswith(self.STRANGE.replace(b"\r\n", b"\n") + b"\n"), copy)

    def test_a_server_that_does_not_take_it(self):
        """What breaks off, refuses, or talks nonsense at any point costs the message a 451, and nothing is lost."""
        server = Awkward(self)
        gateway, sink = self.start(f'"smtp" "127.0.0.1:{server.port}" "archive@example.org"', "network = on")
        for answers in ([], [b"554 no\r\n"], [b"220 hi\r\n"], [b"220 hi\r\n", b"250-x\r\n"], [b"220 hi\r\n", b"250 x\r\n", b"550 no\r\n"],
                        [b"220 hi\r\n"] + [b"250 x\r\n"] * 2 + [b"452 no\r\n"], [b"220 hi\r\n"] + [b"250 x\r\n"] * 3 + [b"554 no\r\n"],
                        [b"220 hi\r\n"] + [b"250 x\r\n"] * 3 + [b"354 go\r\n"], [b"220 hi\r\n"] + [b"250 x\r\n"] * 3 + [b"354 go\r\n", b"451 full\r\n"],
                        [b"2" * 5000 + b"\r\n"], [b"220-x\r\n" * 1000]):
            server.answers = answers
            self.assertEqual(send(gateway.port)[0], 451, answers)
            self.assertEqual(sink.mails(), [])
        server.answers = [b"220 hi\r\n"] + [b"250 x\r\n"] * 3 + [b"354 go\r\n", b"250 thanks\r\n"]
        self.assertEqual(send(gateway.port)[0], 250)
        self.assertEqual(len(sink.mails()), 1)

    def test_a_server_that_is_not_there(self):
        gateway, sink = self.start('"smtp" "127.0.0.1:1" "archive@example.org"', "network = on")
        self.assertEqual(send(gateway.port)[0], 451)
        poll(lambda: "Connection refused" in gateway.log(), "why it failed")
        self.assertEqual(sink.mails(), [])

    def test_does_not_know_what_to_do(self):
        for arguments in ('"nowhere"', '"maildir" "relative"', '"smtp" "localhost" "a@b"', '"smtp" "127.0.0.1:25" "a b@c"'):
            gateway, _ = self.start(arguments)
            poll(lambda: "it refuses to start" in gateway.log(), "the refusal")  # pylint: disable=cell-var-from-loop
            poll(lambda: "arguments are" in gateway.log(), "why it failed")  # pylint: disable=cell-var-from-loop
            gateway.end()


@unittest.skipUnless(HAS_LIBMILTER, "libmilter-dev is not installed")
class Odd(unittest.TestCase):
    """A plugin that misbehaves."""

    def compile(self, name="odd", *options, source="odd.c"):
        path = f"{folder_for(self)}/{name}.so"
        subprocess.run(["gcc", "-shared", "-fPIC", *options, "-o", path, f"{HERE}/milters/{source}"], check=True)
        return path

    def row(self, arguments="", more="", path=None, name="odd"):
        return f'plugin "{name}" {{ path = "{path or self.compile()}" arguments = {{{arguments}}} {more} }} '

    def wait_for_log(self, gateway, *texts):
        for text in texts:
            poll(lambda: text in gateway.log(), f"{text} in the log")  # pylint: disable=cell-var-from-loop

    def test_crashes_in_mid_message(self):
        """Who is in it hears 451, all others are served by the next process, at once."""
        gateway, sink = before_a_sink(self, self.row())
        pid = plugin(gateway, "odd")["pid"]
        others = [smtplib.SMTP("127.0.0.1", gateway.port, "client.example", timeout=60) for _ in range(3)]
        for other in others:
            other.ehlo()
        begun = time.monotonic()
        code, _ = send(gateway.port, LETTER.replace(b"Subject: hello", b"Subject: crash"))
        crashed = time.monotonic()
        self.assertEqual(code, 451)
        self.assertEqual(send(gateway.port)[0], 250)
        served = time.monotonic()
        print(f"the crash was told after {1000 * (crashed - begun):.1f} ms, the next message accepted {1000 * (served - crashed):.1f} ms later")
        for other in others:
            self.assertEqual(other.sendmail("a@example.com", ["b@example.com"], LETTER), {})
            other.quit()
        self.assertEqual(len(sink.mails()), 4)
        self.assertNotEqual(plugin(gateway, "odd")["pid"], pid)
        self.assertEqual(plugin(gateway, "odd")["restarts"], 1)
        self.wait_for_log(gateway, "event=plugin_ended plugin=odd")
        self.assertIn("signal=9", gateway.log())
        self.assertEqual(gateway.processes(state="gone"), [])

    def test_a_crash_is_one_failure(self):
        """However many transactions it takes along: the breaker does not fall."""
        gateway, sink = before_a_sink(self, self.row())
        clients = [smtplib.SMTP("127.0.0.1", gateway.port, "client.example", timeout=60) for _ in range(8)]
        for client in clients:
            client.ehlo()
            client.mail("a@example.com")
            client.rcpt("b@example.com")
            self.assertEqual(client.docmd("DATA")[0], 354)
        hangs, crashes = (LETTER.replace(b"Subject: hello", b"Subject: " + word) + b".\r\n" for word in (b"hang", b"crash"))
        for client in clients[1:]:
            client.send(hangs)
        clients[0].send(crashes)
        for client in clients:
            self.assertEqual(client.getreply()[0], 451)
            client.close()
        for _ in range(3):
            self.assertEqual(send(gateway.port)[0], 250)
        self.assertNotIn("event=milter_down", gateway.log())
        self.assertEqual(len(sink.mails()), 3)

    def test_dies_while_it_starts(self):
        """The gateway starts all the same, and on_failure says what comes of it."""
        for on_failure, expected in (("tempfail", 451), ("accept", 250), ("reject", 554)):
            with self.subTest(on_failure=on_failure):
                gateway, _ = before_a_sink(self, self.row('"die"', f"on_failure = {on_failure}"))
                self.assertEqual(send(gateway.port)[0], expected)
                self.wait_for_log(gateway, "again_in_s=0.1", "again_in_s=0.2", "again_in_s=0.4", 'text="I am dying"', 'text="of \\"nothing\\""')
                line = next(line for line in gateway.log().splitlines() if "event=plugin_ended" in line)
                self.assertRegex(line, "level=error event=plugin_ended plugin=odd pid=[0-9]+ status=3 lived_s=[0-9.]+ again_in_s=0.0")
                seen = poll(lambda: [p for p in gateway.status()["plugins"] if p["state"] == "waiting"], "a pause")  # pylint: disable=cell-var-from-loop
                self.assertEqual(seen[0]["pid"], 0)
                gateway.end()

    def test_hangs(self):
        """One that hangs with a message costs this message its time."""
        gateway, sink = before_a_sink(self, self.row(more="message_timeout = 1s"))
        self.assertEqual(send(gateway.port, LETTER.replace(b"Subject: hello", b"Subject: hang"))[0], 451)
        self.wait_for_log(gateway, "event=milter_failed milter=odd")
        self.assertEqual(send(gateway.port)[0], 250)
        self.assertEqual(len(sink.mails()), 1)

    def test_is_stopped_dead(self):
        """One that does not even accept is asked in vain for connect_timeout, and no more when that has happened several times."""
        gateway, _ = before_a_sink(self, self.row(more="connect_timeout = 500ms"))
        self.assertEqual(send(gateway.port)[0], 250)
        pid = plugin(gateway, "odd")["pid"]
        os.kill(pid, signal.SIGSTOP)
        for _ in range(4):
            self.assertEqual(send(gateway.port)[0], 451)
        self.assertIn("event=milter_down milter=odd", gateway.log())
        os.kill(pid, signal.SIGCONT)
        self.wait_for_log(gateway, "event=milter_up milter=odd")
        self.assertEqual(send(gateway.port)[0], 250)

    def test_refuses_to_start(self):
        gateway, _ = before_a_sink(self, self.row('"refuse"'))
        self.wait_for_log(gateway, 'plugin=odd text="it refuses to start: postern_plugin_init() returned 7"')
        self.assertEqual(send(gateway.port)[0], 451)

    def test_is_no_plugin(self):
        text = folder_for(self) + "/text.so"
        with open(text, "w", encoding="ascii") as out:
            out.write("This is no object.\n")
        for path, said in ((self.compile("nothing", "-DSYMBOL=another_name"), "does not export struct smfiDesc postern_plugin"),
                           (self.compile("old", "-DVERSION=2"), "was made for another libmilter"),
                           (self.compile("new", "-DVERSION=0x01000100"), "was made for another libmilter"),
                           (self.compile("unnamed", '-DNAME=""'), "has no xxfi_name"),
                           (self.compile("null", "-DNAME=NULL"), "has no xxfi_name"),
                           (text, "it cannot be loaded")):
            with self.subTest(path=path):
                gateway, _ = before_a_sink(self, self.row(path=path))
                self.wait_for_log(gateway, said)
                gateway.end()

    def test_floods_the_log(self):
        gateway, _ = before_a_sink(self, self.row('"flood"'))
        self.assertEqual(send(gateway.port)[0], 250)
        self.wait_for_log(gateway, "event=plugin_output_lost plugin=odd")
        lines = [line for line in gateway.log().splitlines() if "event=plugin_output " in line]
        self.assertLess(len(lines), 2000)
        self.assertEqual(send(gateway.port)[0], 250)

    # --- walls ---

    def looks(self, more=""):
        """What it finds when it looks around."""
        folder = archive_folder(self)
        server = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(server.close)
        gateway, _ = before_a_sink(self, self.row(f'"look" "{folder}/file" "{server.getsockname()[1]}"', more.replace("FOLDER", folder)))
        self.wait_for_log(gateway, 'text="connect: ')
        return [line.split(' text="', 1)[1].rstrip('"') for line in gateway.log().splitlines() if "event=plugin_output " in line]

    def test_its_sandbox_is_closed(self):
        said = self.looks()
        if "write: done" in said:
            self.skipTest("this kernel has no Landlock")
        self.assertIn("read: done", said)
        self.assertIn("write: Permission denied", said)
        self.assertIn("connect: Operation not permitted", said)

    def test_its_sandbox_has_doors(self):
        said = self.looks('writable = "FOLDER" network = on')
        self.assertIn("write: done", said)
        self.assertIn("connect: done", said)

    def test_without_a_sandbox(self):
        said = self.looks("sandbox = off")
        self.assertIn("write: done", said)
        self.assertIn("connect: done", said)

    def test_is_nobody(self):
        """In a sandbox or not: no privileges, and no descriptors but nothing, its output, its socket."""
        for more in ("sandbox = off", "", 'user = "daemon"' if os.geteuid() == 0 else ""):
            said = self.looks(more)
            self.assertIn("CapEff:\\x090000000000000000", said)
            self.assertIn("NoNewPrivs:\\x091", said)
            self.assertIn("descriptors: 0 1 2 3", said)
            if os.geteuid() == 0:
                self.assertFalse(any(line.startswith("Uid:\\x090\\x09") for line in said), said)

    # --- reload, upgrade, stop ---

    def test_a_reload_keeps_what_is_the_same(self):
        path = self.compile()
        gateway, sink = before_a_sink(self, self.row('"plain" "one"', path=path))
        pid = plugin(gateway, "odd")["pid"]

        def reload(row):
            gateway.configure(QUIET + row)
            answer = gateway.command("reload")
            self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)
            left = plugin(gateway, "odd")
            return left and left["pid"]
        self.assertEqual(reload(self.row('"plain" "one"', "on_failure = accept message_timeout = 10s", path)), pid)
        client = smtplib.SMTP("127.0.0.1", gateway.port, "client.example", timeout=60)
        client.ehlo()
        client.mail("a@example.com")
        other = reload(self.row('"plain" "two"', path=path))
        self.assertNotEqual(other, pid)
        self.assertTrue(is_alive(pid), "a session of before is still there")
        client.rcpt("b@example.com")
        self.assertEqual(client.data(LETTER)[0], 250)
        self.assertEqual(fields(sink.mails()[0], b"X-Odd"), [b"one"])
        self.assertEqual(send(gateway.port)[0], 250)
        self.assertEqual(sorted(fields(mail, b"X-Odd")[0] for mail in sink.mails()), [b"one", b"two"])
        client.close()
        poll(lambda: not is_alive(pid), "the end of the first")
        self.assertTrue(is_alive(other))
        os.unlink(path)
        os.rename(self.compile("another"), path)
        third = reload(self.row('"plain" "two"', path=path))
        self.assertNotEqual(third, other, "the file is another")
        poll(lambda: not is_alive(other), "the end of the second")
        reload("")
        poll(lambda: not is_alive(third), "the end of the third")
        self.assertEqual(send(gateway.port)[0], 250)
        self.assertEqual([fields(mail, b"X-Odd") for mail in sink.mails()].count([]), 1)

    def test_a_refused_reload_changes_nothing(self):
        gateway, _ = before_a_sink(self, self.row())
        pid = plugin(gateway, "odd")["pid"]
        gateway.configure(QUIET + self.row() + "nonsense = 1")
        self.assertNotEqual(gateway.command("reload").returncode, 0)
        self.assertEqual([p["pid"] for p in gateway.status()["plugins"]], [pid])
        self.assertEqual(send(gateway.port)[0], 250)

    def test_an_upgrade_keeps_it(self):
        """The program that takes the gateway's place goes on with the process, its socket and its output, and can start it again."""
        gateway, sink = before_a_sink(self, self.row())
        before = plugin(gateway, "odd")
        self.assertEqual(gateway.command("upgrade").returncode, 0)
        self.assertEqual(plugin(gateway, "odd"), before)
        self.assertEqual(send(gateway.port)[0], 250)
        os.kill(before["pid"], signal.SIGKILL)
        poll(lambda: plugin(gateway, "odd")["pid"] not in (0, before["pid"]), "another process")
        self.assertEqual(send(gateway.port)[0], 250)
        self.assertEqual(len(sink.mails()), 2)

    def test_ends_with_the_gateway(self):
        for how in (lambda gateway: gateway.command("stop"), lambda gateway: gateway.process.kill()):
            gateway, _ = before_a_sink(self, self.row())
            pid = plugin(gateway, "odd")["pid"]
            begun = time.monotonic()
            how(gateway)
            gateway.process.wait()
            poll(lambda: not is_alive(pid), "its end")  # pylint: disable=cell-var-from-loop
            print(f"ended after {time.monotonic() - begun:.1f} s")


class Programs(unittest.TestCase):
    """Milters of others that the gateway runs."""

    @classmethod
    def setUpClass(cls):
        cls.program = shutil.which("opendkim") or ("/usr/sbin/opendkim" if os.path.exists("/usr/sbin/opendkim") else None)
        if not cls.program or not shutil.which("opendkim-genkey"):
            raise unittest.SkipTest("opendkim and opendkim-tools are not installed")

    def configure(self):
        """It signs; the folder with its files."""
        folder = archive_folder(self)
        subprocess.run(["opendkim-genkey", "-b", "2048", "-d", "example.com", "-s", "sel", "-D", folder], check=True)
        os.chmod(folder + "/sel.private", 0o644)
        for name, text in (("internal", "127.0.0.1\n"), ("opendkim.conf", f"""
Mode s
Domain example.com
Selector sel
KeyFile {folder}/sel.private
RequireSafeKeys no
InternalHosts {folder}/internal
AutoRestart no
Syslog no
""")):
            with open(f"{folder}/{name}", "w", encoding="ascii") as out:
                out.write(text)
        return folder

    def signs(self, gateway, sink):
        self.assertEqual(send(gateway.port)[0], 250)
        return len(fields(sink.mails()[-1], b"DKIM-Signature")) == 1

    def crash(self, gateway):
        pid = plugin(gateway, "dkim")["pid"]
        os.kill(pid, signal.SIGKILL)
        poll(lambda: plugin(gateway, "dkim")["pid"] not in (0, pid), "another process")

    def test_on_a_socket_of_ours(self):
        folder = self.configure()
        gateway, sink = before_a_sink(self, f'plugin "dkim" {{ exec = "{self.program} -f  -p {{socket}} -x {folder}/opendkim.conf" }}')
        self.assertTrue(self.signs(gateway, sink))
        self.crash(gateway)
        self.assertTrue(self.signs(gateway, sink))
        pid = plugin(gateway, "dkim")["pid"]
        self.assertEqual(gateway.command("stop").returncode, 0)
        gateway.process.wait()
        self.assertFalse(is_alive(pid))

    def test_on_a_socket_of_its_own(self):
        """Where it listens itself nobody waits in a queue; what a crash leaves there does not keep it from coming back."""
        folder = self.configure()
        gateway, sink = before_a_sink(self, f'plugin "dkim" {{ exec = "{self.program}" arguments = {{"-f" "-p" "{{socket}}" "-x" "{folder}/opendkim.conf"}} '
                                    f'socket = "unix:{folder}/own.sock" writable = "{folder}" on_failure = accept }}')
        poll(lambda: self.signs(gateway, sink), "a signature")
        self.crash(gateway)
        poll(lambda: self.signs(gateway, sink), "a signature again")

    def test_what_it_starts_itself_ends_with_it(self):
        folder = archive_folder(self)
        script = folder + "/program"
        with open(script, "w", encoding="ascii") as out:
            out.write(f"#!/bin/sh\nsleep 1000 &\necho $! >{folder}/child\necho I was called with \"$@\"\nwait\n")
        os.chmod(script, 0o755)
        gateway, _ = before_a_sink(self, f'plugin "sh" {{ exec = "{script} {{socket}}  two" arguments = {{"three words  here" "{{socket}}-{{socket}}"}} writable = "{folder}" }}')
        poll(lambda: 'text="I was called with fd:3 two three words  here fd:3-fd:3"' in gateway.log(), "its words")
        with open(folder + "/child", encoding="ascii") as file:
            child = int(file.read())
        self.assertTrue(is_alive(child))
        os.kill(plugin(gateway, "sh")["pid"], signal.SIGKILL)
        poll(lambda: not is_alive(child), "the end of its child")

    def test_a_reload_starts_what_waits(self):
        """It may have been mended: the pause is not waited for, and so this is no restart."""
        folder = folder_for(self)
        script = folder + "/program"
        with open(script, "w", encoding="ascii") as out:
            out.write(f"#!/bin/sh\n[ -e {folder}/mended ] && exec sleep 1000\nexit 1\n")
        os.chmod(script, 0o755)
        row = f'plugin "sh" {{ exec = "{script} {{socket}}" }}'
        gateway, _ = before_a_sink(self, row)
        poll(lambda: "again_in_s=6.4" in gateway.log(), "a long pause")
        restarts = plugin(gateway, "sh")["restarts"]
        with open(folder + "/mended", "w", encoding="ascii"):
            pass
        self.assertEqual(gateway.command("reload").returncode, 0)
        running = plugin(gateway, "sh")
        self.assertEqual((running["state"], running["restarts"]), ("running", restarts))

    def test_cannot_be_run(self):
        folder = folder_for(self)
        with open(folder + "/program", "w", encoding="ascii") as out:
            out.write("This is no program.\n")
        os.chmod(folder + "/program", 0o755)
        gateway, _ = before_a_sink(self, f'plugin "none" {{ exec = "{folder}/program {{socket}}" }}')
        poll(lambda: "Exec format error" in gateway.log() and "status=127" in gateway.log(), "why")
        self.assertEqual(send(gateway.port)[0], 451)


class Check(unittest.TestCase):
    """postern check knows what cannot be started."""

    def check(self, rows):
        folder = folder_for(self)
        file = folder + "/postern.conf"
        with open(file, "w", encoding="ascii") as out:
            out.write('hostname = "mx.example.com"\nlisten "inbound" { address = "127.0.0.1"  port = 2525 }\n'
                      'backend "exchange" { servers = {"127.0.0.1:2526"} }\nrelay { domains = {"example.com"} }\n' + rows)
        answer = subprocess.run([POSTERN, "check", "-c", file], capture_output=True, text=True, check=False)
        return answer.returncode, answer.stdout.replace(file, "FILE")

    def test_complains(self):
        for row, at, complaint in (
                ('path = "/nowhere/x.so"', "path", "/nowhere/x.so: No such file or directory"),
                ('path = "x.so"', "path", '"x.so" is no absolute path'),
                ('path = "/etc"', "path", "/etc cannot be read"),
                ('path = "/etc/passwd" exec = "/bin/true {socket}"', "exec", 'plugin "x" has both path and exec'),
                ("on_failure = accept", "plugin", 'plugin "x" has neither path nor exec'),
                ('exec = "/nowhere/x {socket}"', "exec", "/nowhere/x: No such file or directory"),
                ('exec = "/etc/passwd {socket}"', "exec", "/etc/passwd cannot be run"),
                ('exec = " "', "exec", "there is no program"),
                ('exec = "/bin/true"', "exec", "nothing tells the program where to listen"),
                ('exec = "/bin/true" socket = "nowhere"', "socket", '"nowhere" is no socket of a milter'),
                ('path = "/etc/passwd" socket = "unix:/x"', "socket", "an object (path) gets its socket from the gateway"),
                ('path = "/etc/passwd" writable = {"/tmp" "/nowhere"}', "/nowhere", "/nowhere: No such file or directory"),
                ('writable = "/etc/group" path = "/etc/passwd"', "/etc/group", "/etc/group is no folder"),
                ('path = "/etc/passwd" user = "nobody-at-all"', "user", 'there is no user "nobody-at-all"'),
                ('path = "/etc/passwd" sandbox = off network = on', "network", "nobody looks at it: sandbox is off"),
                ('path = "/etc/passwd" } milter "x" { socket = "unix:/x"', "socket", 'a milter and a plugin are both called "x"')):
            with self.subTest(row=row):
                line = f'plugin "x" {{ {row} }}'
                kind = "warning" if "nobody looks" in complaint else "error"
                status, said = self.check(line + "\n")
                self.assertIn(f"FILE:5:{line.index(at) + 1}: {kind}: {complaint}", said)
                self.assertEqual(status, 1 if kind == "error" else 0)

    def test_goes_to_milters_and_plugins(self):
        """With --live: a line for each, in the order of the file; a real negotiation, or a real load."""
        sink = Sink(self)
        folder = folder_for(self)
        odd, deaf = folder + "/odd.so", folder + "/deaf.so"
        for path, options in ((odd, []), (deaf, ["-DSYMBOL=another"])):
            subprocess.run(["gcc", "-shared", "-fPIC", *options, "-o", path, f"{HERE}/milters/odd.c"], check=True)
        gateway = Gateway(self, workers=1)
        with open(gateway.file, "w", encoding="ascii") as out:
            out.write('hostname = "mx.example.com"\nlisten "inbound" { address = "127.0.0.1"  port = 2525 }\n'
                      f'backend "exchange" {{ servers = {{"127.0.0.1:{sink.port}"}} tls = off }}\nrelay {{ domains = {{"example.com"}} }}\n'
                      f'plugin "look" {{ path = "{odd}" }}\nmilter "gone" {{ socket = "unix:{folder}/gone" }}\n'
                      f'plugin "no" {{ path = "{odd}" arguments = {{"refuse"}} }}\nplugin "die" {{ path = "{odd}" arguments = {{"die"}} }}\n'
                      f'plugin "deaf" {{ path = "{deaf}" }}\nplugin "program" {{ exec = "/bin/true {{socket}}" }}\n')
        answer = gateway.command("check", "--live")
        self.assertEqual(answer.returncode, 1)
        lines = [line for line in answer.stdout.splitlines() if line.startswith(("plugin", "milter"))]
        self.assertEqual(lines, [
            f'plugin "look", {odd}: odd, for libmilter 1.0',
            f'milter "gone", unix:{folder}/gone: cannot be used: no connection: No such file or directory',
            f'plugin "no", {odd}: cannot be used: it refuses to start: postern_plugin_init() returned 7',
            f'plugin "die", {odd}: cannot be used: I am dying;of "nothing"',
            f'plugin "deaf", {deaf}: cannot be used: {deaf} is no plugin: it does not export struct smfiDesc postern_plugin',
            'plugin "program", /bin/true {socket}: a program, which is not started a second time here; `postern status` tells whether it runs'])

    def test_negotiates(self):
        folder = folder_for(self)
        program = folder + "/every"
        subprocess.run(["gcc", "-o", program, HERE + "/milters/every.c", "-lmilter", "-lpthread"], check=True)
        process = subprocess.Popen([program, f"unix:{folder}/socket", "/dev/null", "end"], stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        poll(lambda: os.path.exists(folder + "/socket"), "the milter's socket")
        sink = Sink(self)
        gateway = Gateway(self, workers=1, servers=[f"127.0.0.1:{sink.port}"], backend="tls = off",
                          more=f'milter "every" {{ socket = "unix:{folder}/socket" }}')
        answer = gateway.command("check", "--live")
        self.assertEqual(answer.returncode, 0, answer.stdout)
        self.assertIn(f'milter "every", unix:{folder}/socket: version 6; wants to hear the end of the message; '
                      "may add fields, change fields, change the body, change the sender, add recipients, delete recipients, quarantine\n", answer.stdout)

    def test_is_content(self):
        self.assertEqual(self.check('plugin "x" { path = "/etc/passwd" }\nplugin "y" { exec = "/bin/true" socket = "unix:/x" }\n'), (0, ""))


class Awkward:
    """A server of SMTP that gives these answers, one a line that it hears (in a message: at its end), and then closes."""

    def __init__(self, test):
        self.answers = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        at_the_end_of(test)(self.listener.close)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as lines:
                for answer in self.answers:
                    try:
                        connection.sendall(answer)
                        end = b".\r\n" if answer[:1] == b"3" else b""
                        while lines.readline() not in (end or b"", b"") and end:
                            continue
                    except OSError:
                        break


if __name__ == "__main__":
    unittest.main(verbosity=2)
