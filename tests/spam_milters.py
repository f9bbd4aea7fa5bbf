#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Rspamd and SpamAssassin (by spamass-milter) as milters of whole gateways. What is not installed is skipped."""

import os
import shutil
import signal
import subprocess
import tempfile
import unittest

from harness import before_a_sink, fields, poll, submit

LETTER = ("From: a@example.net\r\nTo: b@example.com\r\nSubject: {}\r\nX-Old: one\r\nX-Two: first\r\nX-Two: second\r\n"
          "Date: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@example.net>\r\n\r\nHello,\r\n{}\r\n")

RSPAMD = """
options {{
  pidfile = "{0}/rspamd.pid"; filters = ""; rrd = "/dev/null"; hs_cache_dir = "{0}/cache"; control_socket = "{0}/control mode=0600";
  url_tld = "{0}/suffixes"; local_addrs = []; dns {{ nameserver = ["127.0.0.1:1"]; timeout = 0.1s; retransmits = 1; }}
}}
logging {{ type = "file"; filename = "{0}/log"; level = "info"; }}
metric {{ name = "default"; actions {{ reject = 15; rewrite_subject = 8; add_header = 6; greylist = 4; }} subject = "[spam] %s"; unknown_weight = 1.0; }}
worker "rspamd_proxy" {{
  bind_socket = "{0}/milter mode=0666"; milter = yes; timeout = 20s; count = 1; spam_header = "X-Spam"; quarantine_on_reject = false;
  upstream "local" {{ default = yes; self_scan = yes; }}
}}
lua = "{0}/rules.lua";
"""
RULES = """
local function weigh(name, word, score)
  rspamd_config[name] = { score = score, description = word, callback = function(task)
    return (task:get_subject() or ''):find(word) ~= nil
  end }
end
weigh('POSTERN_MARK', 'marked', 7.0)
weigh('POSTERN_REWRITE', 'rewritten', 9.0)
weigh('POSTERN_REFUSE', 'refused', 20.0)
rspamd_config.POSTERN_LATER = { score = 0.1, type = 'prefilter', callback = function(task)
  if (task:get_subject() or ''):find('later') then
    task:set_pre_result('soft reject', 'come again', 'postern')
  end
  return false
end }
rspamd_config.POSTERN_EDITS = { score = 0.1, type = 'postfilter', priority = 10, callback = function(task)
  task:set_milter_reply({ remove_headers = { ['X-Old'] = 0, ['X-Two'] = 2 },
    add_headers = { ['X-A'] = 'end', ['X-B'] = { value = 'top', order = 0 } } })
  return false
end }
"""


def send(port, subject, text="nothing else"):
    return submit(port, LETTER.format(subject, text).encode(), ["b@example.com"], "a@example.net")


def names(mail):
    """Of the header's fields, in their order."""
    head = mail.replace(b"\r\n", b"\n").split(b"\n\n", 1)[0]
    return [line.split(b":", 1)[0].decode() for line in head.split(b"\n") if line[:1] not in b" \t"]


def field(mail, name):
    return next(iter(fields(mail, name)), None)


class Base(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="postern-spam-milters-")
        os.chmod(self.directory, 0o777)
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)

    def write(self, name, text):
        with open(f"{self.directory}/{name}", "w", encoding="ascii") as out:
            out.write(text)

    def run_until(self, words, path):
        with open(self.directory + "/output", "ab") as output:
            process = subprocess.Popen(words, stdout=output, stderr=output, cwd=self.directory)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        poll(lambda: os.path.exists(path) or process.poll() is not None, words[0])
        self.assertIsNone(process.poll(), f"{words[0]} does not start")
        os.chmod(path, 0o777)

    def begin(self, path, row=None):
        gateway, self.sink = before_a_sink(self, row or f'milter "spam" {{ socket = "unix:{path}" }}', workers=1)
        return gateway

    def mail(self):
        """The last that arrived."""
        mails = self.sink.mails()
        self.assertEqual(len(mails), self.arrived + 1)
        self.arrived += 1
        new = [mail for mail in mails if mail not in self.known]
        self.known = mails
        return new[0]

    arrived, known = 0, ()


@unittest.skipUnless(shutil.which("rspamd"), "rspamd is not installed")
class Rspamd(Base):
    def setUp(self):
        super().setUp()
        self.write("rspamd.conf", RSPAMD.format(self.directory))
        self.write("rules.lua", RULES)
        self.write("suffixes", "com\nnet\nexample\n")  # the whole list takes half a minute to compile

    def test_run_by_the_gateway(self):
        """In a sandbox, at a socket that it makes itself; killed, it comes back, though its socket is there already."""
        gateway = self.begin(None, f'plugin "spam" {{ exec = "{shutil.which("rspamd")} -f -i -c {self.directory}/rspamd.conf" '
                                   f'socket = "unix:{self.directory}/milter" writable = "{self.directory}" network = on on_failure = accept }}')

        def marks():
            self.assertEqual(send(gateway.port, "to be marked")[0], 250)
            return any(field(mail, b"X-Spam") and mail not in self.known for mail in self.sink.mails())
        poll(marks, "a mark")
        self.known = self.sink.mails()
        before = gateway.status()["plugins"][0]["pid"]
        os.kill(before, signal.SIGKILL)
        poll(lambda: gateway.status()["plugins"][0]["pid"] not in (0, before), "another process")
        poll(marks, "a mark again")

    def test_all_that_it_does(self):
        path = self.directory + "/milter"
        self.run_until(["rspamd", "-f", "-i", "-c", self.directory + "/rspamd.conf"], path)
        gateway = self.begin(path)
        self.assertEqual(send(gateway.port, "hello")[0], 250)
        mail = self.mail()
        self.assertIsNone(field(mail, b"X-Old"))
        self.assertEqual(names(mail).count("X-Two"), 1)
        self.assertEqual(field(mail, b"X-Two"), b"first")
        self.assertEqual((field(mail, b"X-A"), field(mail, b"X-B")), (b"end", b"top"))
        self.assertLess(names(mail).index("X-B"), names(mail).index("From"))
        self.assertGreater(names(mail).index("X-A"), names(mail).index("Message-ID"))
        self.assertEqual(send(gateway.port, "to be marked")[0], 250)
        self.assertIsNotNone(field(self.mail(), b"X-Spam"))
        self.assertEqual(send(gateway.port, "to be rewritten")[0], 250)
        self.assertEqual(field(self.mail(), b"Subject"), b"[spam] to be rewritten")
        code, text = send(gateway.port, "come later")
        self.assertEqual((code, text.startswith(b"4.7.1 come again")), (451, True), text)
        self.assertEqual(send(gateway.port, "to be refused")[0], 554)
        self.assertEqual(len(self.sink.mails()), self.arrived)
        self.assertNotIn("milter_failed", gateway.log())


@unittest.skipUnless(shutil.which("spamass-milter") and shutil.which("spamd"), "spamass-milter and spamd are not installed")
class SpamAssassin(Base):
    def test_it_marks_then_refuses(self):
        os.mkdir(self.directory + "/site")
        self.write("site/init.pre", "loadplugin Mail::SpamAssassin::Plugin::Check\n")
        self.write("site/local.cf", "use_bayes 0\nskip_rbl_checks 1\ndns_available no\nrequired_score 5\nreport_safe 0\n"
                                    "add_header spam Flag _YESNOCAPS_\nadd_header all Status _YESNO_, score=_SCORE_\nrewrite_header Subject [spam]\nbody POSTERN_MARK /POSTERN MARK/\nscore POSTERN_MARK 7\n"
                                    "body POSTERN_REFUSE /POSTERN REFUSE/\nscore POSTERN_REFUSE 20\n")
        daemon, path = self.directory + "/spamd", self.directory + "/milter"
        self.run_until(["spamd", "-L", "-x", "-u", "nobody", "-m", "2", "--socketpath=" + daemon, "--socketmode=0666", "-s", "stderr",
                        "--siteconfigpath=" + self.directory + "/site", "--configpath=" + self.directory + "/site"], daemon)
        self.run_until(["spamass-milter", "-p", path, "-r", "15", "--", "-U", daemon], path)
        gateway = self.begin(path)
        self.assertEqual(send(gateway.port, "hello")[0], 250)
        self.assertIn(b"No, score=", field(self.mail(), b"X-Spam-Status"))
        self.assertEqual(send(gateway.port, "hello", "POSTERN MARK")[0], 250)
        mail = self.mail()
        self.assertIn(b"Yes, score=7.0", field(mail, b"X-Spam-Status"))
        self.assertEqual(field(mail, b"Subject"), b"[spam] hello")
        self.assertEqual(send(gateway.port, "hello", "POSTERN REFUSE")[0], 550)
        self.assertEqual(len(self.sink.mails()), self.arrived)
        self.assertNotIn("milter_failed", gateway.log())


if __name__ == "__main__":
    unittest.main(verbosity=2)
