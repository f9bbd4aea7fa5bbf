#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What whole processes remember of clients and senders: over workers, restarts and deaths in the file that the keeper writes, and over gateways in
a real Redis, which goes away and comes back."""

import itertools
import os
import shutil
import signal
import smtplib
import subprocess
import tempfile
import unittest

from harness import PATIENCE, Gateway, Sink, at_the_end_of, free_port, poll

MESSAGE = "From: a@example.net\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@example.net>\r\n\r\nhello\r\n"
GREYLIST = 'greylist { enabled = yes  who = "strangers"  delay = 1s }'
REDIS = shutil.which("redis-server")


class Redis:
    """A redis-server of our own, that keeps nothing on the disk."""

    def __init__(self, test):
        self.port = free_port()
        self.directory = tempfile.mkdtemp(prefix="postern-redis-")
        at_the_end_of(test)(shutil.rmtree, self.directory, ignore_errors=True)
        self.process = None
        at_the_end_of(test)(self.kill)
        self.start()

    def start(self):
        self.process = subprocess.Popen([REDIS, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
                                         "--dir", self.directory], stdout=subprocess.DEVNULL)
        poll(self.answers, "Redis")

    def answers(self):
        answer = subprocess.run(["redis-cli", "-p", str(self.port), "ping"], capture_output=True, text=True, check=False)
        return answer.stdout.strip() == "PONG"

    def keys(self):
        answer = subprocess.run(["redis-cli", "-p", str(self.port), "keys", "*"], capture_output=True, text=True, check=True)
        return answer.stdout.split()

    def pause(self):
        os.kill(self.process.pid, signal.SIGSTOP)

    def kill(self):
        self.process.kill()
        self.process.wait()


class Setting:
    """Gateways before one sink, for whom everybody on this machine is a stranger."""

    def __init__(self, test, more="", workers=2):
        self.sink = Sink(test)
        self.gateway = self.another(test, more, workers)

    def another(self, test, more="", workers=2):
        return Gateway(test, workers=workers, servers=(f"127.0.0.1:{self.sink.port}",), networks="127.0.0.99/32",
                       backend="tls = off", more=more)


def send(gateway, sender="a@example.net", recipient="b@example.com", source="127.0.0.1"):
    """The code of the recipient or, when he passes, of the message."""
    with smtplib.SMTP("127.0.0.1", gateway.port, timeout=PATIENCE, source_address=(source, 0)) as client:
        client.ehlo("client.example")
        client.mail(sender)
        code = client.rcpt(recipient)[0]
        return code if code != 250 else client.data(MESSAGE)[0]


def comes_again(gateway, sender="a@example.net"):
    """Tries until it passes."""
    return poll(lambda: send(gateway, sender) == 250, "the end of being put off")


def puts_off_again(gateway):
    """Other networks each time: one whose mail passes while the store comes back may be known from then on."""
    sources = (f"127.{i // 200 + 1}.{i % 200 + 1}.1" for i in itertools.count())
    return poll(lambda: send(gateway, "b@example.org", source=next(sources)) == 451, "Redis again")


def failures(gateway):
    return gateway.status()["counters"]["store_failures"]


class File(unittest.TestCase):
    def test_workers_share_what_was_put_off(self):
        setting = Setting(self, GREYLIST, workers=3)
        self.assertEqual(send(setting.gateway), 451)
        comes_again(setting.gateway)
        self.assertEqual(len(setting.sink.mails()), 1)
        self.assertEqual(failures(setting.gateway), 0)

    def test_known_over_restarts(self):
        setting = Setting(self, GREYLIST.replace("1s", "1h"))
        gateway = setting.gateway
        self.assertEqual(send(gateway), 451)
        gateway.configure(more=GREYLIST)
        gateway.process.terminate()
        gateway.process.wait(PATIENCE)
        gateway.start(self)
        comes_again(gateway)
        gateway.configure(more=GREYLIST.replace("1s", "1h"))
        gateway.process.terminate()
        gateway.process.wait(PATIENCE)
        gateway.start(self)
        self.assertEqual(send(gateway, recipient="c@example.com"), 250)
        self.assertEqual(send(gateway, "a@example.org"), 451)

    def test_rates_over_workers(self):
        setting = Setting(self, 'rate "pace" { of = recipients  limit = 5  period = 1d }', workers=3)
        codes = poll(lambda: send(setting.gateway) == 451, "the limit")
        self.assertTrue(codes)
        self.assertGreaterEqual(len(setting.sink.mails()), 5)
        self.assertEqual(send(setting.gateway), 451)

    def test_a_reload_keeps_it(self):
        setting = Setting(self, GREYLIST)
        self.assertEqual(send(setting.gateway), 451)
        comes_again(setting.gateway)
        setting.gateway.configure(more=GREYLIST.replace("1s", "1h"))
        self.assertEqual(setting.gateway.command("reload").returncode, 0)
        poll(lambda: send(setting.gateway, "a@example.org") == 451 and send(setting.gateway) == 250, "the new generation")

    def test_a_killed_keeper(self):
        """Mail goes on while there is none, and what was known before is known after it."""
        setting = Setting(self, GREYLIST)
        gateway = setting.gateway
        self.assertEqual(send(gateway), 451)
        comes_again(gateway)
        for _ in range(5):
            keeper = poll(lambda: gateway.pids("keeper"), "the keeper")[0]
            os.kill(keeper, signal.SIGKILL)
            self.assertIn(send(gateway), (250, 451))
            poll(lambda before=keeper: [pid for pid in gateway.pids("keeper") if pid != before], "another keeper")
            self.assertEqual(send(gateway), 250)
        self.assertNotIn("store_damaged", gateway.log())

    def test_everything_killed(self):
        setting = Setting(self, GREYLIST)
        gateway = setting.gateway
        self.assertEqual(send(gateway), 451)
        comes_again(gateway)
        poll(lambda: os.path.exists(gateway.directory + "/store/memory.mdb"), "the file")
        self.assertEqual(send(gateway, recipient="c@example.com"), 250)
        pids = [gateway.process.pid, *gateway.pids()]
        gateway.configure(more=GREYLIST.replace("1s", "1h"))
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        gateway.process.wait(PATIENCE)
        gateway.start(self)
        self.assertEqual(send(gateway, recipient="d@example.com"), 250)
        self.assertNotIn("store_damaged", gateway.log())

    def test_a_damaged_file(self):
        setting = Setting(self, GREYLIST)
        gateway = setting.gateway
        gateway.process.terminate()
        gateway.process.wait(PATIENCE)
        with open(gateway.directory + "/store/memory.mdb", "wb") as file:
            file.write(os.urandom(100000))
        gateway.start(self)
        self.assertIn("store_damaged", gateway.log())
        poll(lambda: send(gateway) == 451, "the new file")
        comes_again(gateway)


@unittest.skipUnless(REDIS and shutil.which("redis-cli"), "there is no redis-server")
class Shared(unittest.TestCase):
    def setUp(self):
        self.redis = Redis(self)

    def more(self, more=GREYLIST):
        return f'store {{ redis = "127.0.0.1:{self.redis.port}" }} {more}'

    def gateways(self, more=GREYLIST):
        setting = Setting(self, self.more(more))
        return setting, setting.gateway, setting.another(self, self.more(more))

    def test_two_gateways_share_one_memory(self):
        setting, first, second = self.gateways()
        self.assertEqual(send(first), 451)
        comes_again(second)
        self.assertEqual(send(first, recipient="c@example.com"), 250)
        self.assertEqual(len(setting.sink.mails()), 2)
        self.assertEqual(failures(first) + failures(second), 0)
        self.assertTrue(all(key.startswith("postern:") and len(key) == 40 for key in self.redis.keys()))

    def test_rates_are_exact_over_gateways(self):
        _, first, second = self.gateways('rate "pace" { of = recipients  limit = 6  period = 365d }')
        codes = [send(gateway) for gateway in (first, second) * 5]
        self.assertEqual(codes, [250] * 6 + [451] * 4)

    def test_redis_goes_and_comes_back(self):
        setting, first, _ = self.gateways(GREYLIST.replace("1s", "1h"))
        self.assertEqual(send(first), 451)
        self.redis.kill()
        poll(lambda: send(first) == 250, "mail without Redis")
        poll(lambda: failures(first) > 0, "the count of failures")
        self.assertIn("event=store_failed", first.log())
        before = len(setting.sink.mails())
        for i in range(10):
            self.assertEqual(send(first, f"{i}@example.net"), 250)
        self.assertEqual(len(setting.sink.mails()), before + 10)
        self.redis.start()
        puts_off_again(first)
        self.assertIn("event=store_works", first.log())

    def test_redis_hangs(self):
        _, first, _ = self.gateways(GREYLIST.replace("1s", "1h"))
        self.assertEqual(send(first), 451)
        self.redis.pause()
        for i in range(4):
            self.assertEqual(send(first, f"{i}@example.net"), 250)
        os.kill(self.redis.process.pid, signal.SIGCONT)
        puts_off_again(first)

    def test_redis_never_was_there(self):
        self.redis.kill()
        setting = Setting(self, self.more())
        self.assertEqual(send(setting.gateway), 250)
        poll(lambda: failures(setting.gateway) > 0, "the count of failures")


if __name__ == "__main__":
    unittest.main(verbosity=2)
