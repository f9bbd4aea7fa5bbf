#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 of each process in mid-message, under load with numbered mails: every mail for which a client heard 250 is in the
mailbox, whole. Mails may be there twice, or without the client's having heard 250; none is lost, none is cut off. A short series,
or a long one with --long. What needs Postfix needs root and is skipped without."""

import os
import random
import signal
import sys
import unittest

import mta
from harness import Gateway, Sink, is_alive, poll
from load import load, number_of

LONG = "--long" in sys.argv
MAILS_BETWEEN = 40


class Kills(unittest.TestCase):
    def gateway_before(self, port):
        return Gateway(self, servers=[f"127.0.0.1:{port}"], backend='tls = "off"  probe = 1s')

    def kill_often(self, gateway, kill, times, long_times):
        """Kills when so many more mails were accepted, while one is on its way."""
        with load(gateway.port) as mails:
            for _ in range(long_times if LONG else times):
                goal = mails.accepted() + MAILS_BETWEEN
                poll(lambda: mails.accepted() >= goal, f"mails: {mails.failures()[-3:]}")
                poll(mails.is_in_message, "a message on its way")
                kill()
            goal = mails.accepted() + MAILS_BETWEEN
            poll(lambda: mails.accepted() >= goal, f"mails after the last kill: {mails.failures()[-3:]}")
        return mails

    def check(self, mails, kept):
        """Nothing is in the mailbox that is not whole, and nothing of what was accepted is missing."""
        numbers = []

        def has_all():
            numbers[:] = [number_of(mail) for mail in kept()]
            return mails.numbers() <= set(numbers)

        try:
            poll(has_all, "all mails")
        except AssertionError:
            self.fail(f"lost: {sorted(mails.numbers() - set(numbers))}")
        self.assertNotIn(None, numbers)
        print(f"{mails.accepted()} mails accepted, {len(numbers)} kept, {len(mails.failures())} connections cut",
              file=sys.stderr)

    def test_a_worker(self):
        sink = Sink(self)
        gateway = self.gateway_before(sink.port)

        def kill():
            os.kill(random.choice(poll(lambda: gateway.pids("worker"), "workers")), signal.SIGKILL)

        self.check(self.kill_often(gateway, kill, 4, 30), sink.mails)

    def test_all_workers_and_the_keeper(self):
        sink = Sink(self)
        gateway = self.gateway_before(sink.port)

        def kill():  # not too often: nobody serves during the pauses, and they double
            for pid in poll(gateway.pids, "processes"):
                os.kill(pid, signal.SIGKILL)

        self.check(self.kill_often(gateway, kill, 2, 7), sink.mails)

    def test_the_master(self):
        sink = Sink(self)
        gateway = self.gateway_before(sink.port)

        def kill():  # and start, when the last of its children has gone, as service managers do
            children = gateway.pids()
            gateway.end()
            poll(lambda: not any(is_alive(pid) for pid in children), "the children's end")
            gateway.start(self)

        self.check(self.kill_often(gateway, kill, 3, 20), sink.mails)

    def test_the_sink(self):
        sink = Sink(self)
        gateway = self.gateway_before(sink.port)

        def kill():
            sink.kill()
            sink.start()

        self.check(self.kill_often(gateway, kill, 4, 30), sink.mails)

    @unittest.skipIf(mta.why_not(), mta.why_not())
    def test_postfix(self):
        postfix = mta.Postfix({"in": ""})
        self.addCleanup(postfix.end)
        gateway = self.gateway_before(postfix.ports["in"])

        def kill():
            postfix.kill()
            postfix.start()

        self.check(self.kill_often(gateway, kill, 1, 8), lambda: postfix.mails("a"))


if __name__ == "__main__":
    unittest.main(verbosity=2, argv=[a for a in sys.argv if a != "--long"])
