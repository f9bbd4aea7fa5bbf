#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reloads while mail goes through: no connection fails, no mail is lost, no client has to come again. Five reloads, or twenty
with --long; at most 500 connections a reload, from several addresses, or the ports run out."""

import sys
import unittest

from harness import Gateway, Sink, poll
from load import load, number_of

LONG = "--long" in sys.argv
MAILS_A_RELOAD = 100
CONNECTIONS_A_RELOAD = 500


class Reloads(unittest.TestCase):
    def reload(self, gateway, mails, workers):
        before = mails.accepted(), mails.connections()
        gateway.configure(workers=workers)
        answer = gateway.command("reload")
        self.assertEqual((answer.returncode, answer.stdout), (0, "reloaded\n"), answer.stderr)
        poll(lambda: mails.accepted() > before[0] + MAILS_A_RELOAD or mails.failures(), "mails")
        self.assertLess(mails.connections() - before[1], CONNECTIONS_A_RELOAD)

    def test_no_connection_fails(self):
        sink = Sink(self)
        gateway = Gateway(self, servers=[f"127.0.0.1:{sink.port}"])
        reloads = 20 if LONG else 5
        with load(gateway.port, mails_a_connection=1) as mails:
            for i in range(reloads):
                self.reload(gateway, mails, workers=(3, 1, 4, 2)[i % 4])
        self.assertEqual(mails.failures(), [])
        self.assertEqual(gateway.status()["generation"], reloads + 1)
        self.assertEqual(sorted(map(number_of, sink.mails())), sorted(mails.numbers()))
        poll(lambda: not gateway.processes(state="draining"), "the end of the old generations")
        print(f"{reloads} reloads, {mails.connections()} connections, {mails.accepted()} mails", file=sys.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2, argv=[a for a in sys.argv if a != "--long"])
