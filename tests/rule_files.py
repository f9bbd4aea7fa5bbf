#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Rule files in whole processes: check, fmt, test, explain, reloads with good and bad ones, lists that change; and the set
of rules that comes along."""

import json
import os
import shutil
import subprocess
import tempfile
import unittest

from harness import PATIENCE, POSTERN, Gateway, Sink, greeting, poll

ROOT = os.path.abspath(os.environ.get("SOURCE_ROOT", "."))
GOOD = """version 1

list bad cidr "bad.list"

rule bad_clients {
  stage  connect
  when   client.ip in @bad
  then   reject "{client.ip} is on the list"
  test   nomatch { client.ip = 198.51.100.1 }
}
"""
MORE = 'rules { files = {"rules.d/*.rules"}  watch = 100ms }'


def run(*words):
    return subprocess.run([POSTERN, *words], capture_output=True, text=True, timeout=PATIENCE, check=False)


class Files(unittest.TestCase):
    """A configuration that is only read."""

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="postern-rules-")
        self.addCleanup(shutil.rmtree, self.directory)
        os.mkdir(self.directory + "/rules.d")
        self.write("postern.conf", """
            hostname = "mx.example.com"
            listen "inbound" { address = "127.0.0.1"  port = 2525 }
            backend "exchange" { servers = {"127.0.0.1:2526"} }
            relay { domains = {"example.com"}  networks = {"127.0.0.0/8"} }
            """ + MORE)

    def write(self, name, text):
        path = f"{self.directory}/{name}"
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        return path

    def command(self, *words):
        return run(words[0], "-c", self.directory + "/postern.conf", *words[1:])

    def test_check_shows_lines_of_rules_and_of_settings(self):
        self.write("rules.d/a.rules", "version 1\nrule a { stage rcpt when from.domain == \"x.y\" then reject }\n"
                   "rule b { stage message when subject matches /(a+)+b/ then frob }\nlist c domain { }\n")
        answer = self.command("check")
        self.assertEqual(answer.returncode, 1)
        for wanted in ("a.rules:2:26: error: from.domain exists from stage message on", "\n                             ^\n",
                       'a.rules:3:59: error: there is no action "frob"', "quantifiers stand in each other",
                       "list c is not used"):
            self.assertIn(wanted, answer.stdout)
        self.write("rules.d/a.rules", "version 1\n")
        with open(self.directory + "/postern.conf", "a", encoding="ascii") as out:
            out.write("\nlimits { recipientz = 3 }\n")
        self.assertIn("\n    limits { recipientz = 3 }\n             ^\n", self.command("check").stdout)

    def test_check_warns_of_rules_that_nobody_asks(self):
        self.write("rules.d/a.rules", "version 1\n")
        self.assertEqual(self.command("check").stdout, "")
        with open(self.directory + "/postern.conf", "a", encoding="ascii") as out:
            out.write('\nchecks { chain = {"size" "helo"} }\n')
        answer = self.command("check")
        self.assertEqual(answer.returncode, 0)
        self.assertIn('the check "rules" is not in checks.chain', answer.stdout)

    def test_fmt_prints_the_canonical_form(self):
        path = self.write("x.rules", "version 1 rule a { then reject when true stage rcpt } # end\n")
        os.chmod(path, 0o640)
        answer = run("fmt", "--check", path)
        self.assertEqual((answer.returncode, answer.stdout), (1, path + "\n"))
        self.assertEqual(run("fmt", path).returncode, 0)
        self.assertEqual(run("fmt", "--check", path).returncode, 0)
        with open(path, encoding="utf-8") as text:
            self.assertIn("  stage  rcpt\n  when   true\n  then   reject\n", text.read())
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o640)
        bad = self.write("bad.rules", "version 1 rule {\n")
        answer = run("fmt", bad, path, self.directory + "/none.rules")
        self.assertEqual(answer.returncode, 1)
        self.assertIn("bad.rules:1:16: error:", answer.stderr)
        self.assertIn("none.rules: No such file", answer.stderr)
        with open(bad, encoding="utf-8") as text:
            self.assertEqual(text.read(), "version 1 rule {\n")

    def test_test_speaks_tap(self):
        self.write("rules.d/m.eml", "From: a@example.net\nSubject: hello\n\nx\n")
        self.write("rules.d/a.rules", """version 1
            rule a { stage message when subject == "hello" then log "x"
              test match message "m.eml" test nomatch message "m.eml" { subject = "other" } test nomatch message "m.eml" }
            rule b { stage rcpt when true then log "x" }
            rule c { stage rcpt when sender == <a@b.c> then log "x" test nomatch { sender = <> } }
            """)
        answer = self.command("test")
        self.assertEqual(answer.returncode, 1)
        self.assertEqual([line for line in answer.stdout.splitlines() if not line.startswith("#   ")], [
            "1..4", "ok 1 - a, test 1: match", "ok 2 - a, test 2: nomatch", "not ok 3 - a, test 3: nomatch",
            "ok 4 - c, test 1: nomatch", "# rule b has no test", "# rule c never matched"])
        self.assertIn("a.rules:3", answer.stdout)

    def test_explain_tells_the_leaves(self):
        message = self.write("m.eml", "From: a@example.net\nSubject: hello\n\nx\n")
        facts = self.write("facts.json", '{"spf.result": "fail"}')
        self.write("rules.d/a.rules", """version 1
            rule a { stage message when subject == "hello" and not spf.result == pass and header["X"] == "y" then reject }
            rule b { stage message when subject starts "hell" then score 2 mode monitor }
            """)
        words = ("explain", "--client", "198.51.100.1", "--sender", "a@example.net", "--recipient", "b@example.com",
                 "--facts", facts)
        text = self.command(*words, message).stdout
        for wanted in ("a, at message: no match", 'spf.result == pass', "false   (fail)", 'header["X"] == "y"', "absent",
                       "b, at message: match (monitored: it does not act)", "true   (hello)"):
            self.assertIn(wanted, text)
        rules = json.loads(self.command(*words, "--json", message).stdout)["rules"]
        self.assertEqual([(rule["rule"], rule["result"]) for rule in rules], [("a", "no match"), ("b", "match")])
        self.assertEqual(rules[0]["leaves"][1], {"leaf": "spf.result == pass", "value": "fail", "is": "false"})

    def test_the_set_that_comes_along(self):
        shutil.rmtree(self.directory + "/rules.d")
        shutil.copytree(ROOT + "/conf/rules.d", self.directory + "/rules.d")
        answer = self.command("check")
        self.assertEqual((answer.returncode, answer.stdout), (0, ""))
        answer = self.command("test")
        self.assertEqual(answer.returncode, 0, answer.stdout)
        self.assertNotIn("# rule", answer.stdout)
        self.assertGreater(int(answer.stdout.split()[0][3:]), 30)
        files = [f"{self.directory}/rules.d/{name}" for name in sorted(os.listdir(self.directory + "/rules.d"))
                 if name.endswith(".rules")]
        answer = run("fmt", "--check", *files)
        self.assertEqual((answer.returncode, answer.stdout), (0, ""), answer.stderr)


class Running(unittest.TestCase):
    """A gateway that refuses who is on a list."""

    def setUp(self):
        sink = Sink(self)
        self.gateway = Gateway(self, servers=[f"127.0.0.1:{sink.port}"])
        os.mkdir(self.gateway.directory + "/rules.d")
        self.write("bad.list", "127.0.0.9\n")
        self.write("a.rules", GOOD)
        self.gateway.configure(more=MORE)
        self.reload(True)

    def write(self, name, text):
        path = f"{self.gateway.directory}/rules.d/{name}"
        with open(path + ".new", "w", encoding="utf-8") as out:
            out.write(text)
        os.rename(path + ".new", path)

    def reload(self, well):
        answer = self.gateway.command("reload")
        self.assertEqual(answer.returncode, 0 if well else 1, answer.stdout + answer.stderr)
        return answer.stdout + answer.stderr

    def is_welcome(self, source):
        return greeting(self.gateway.port, source=source)[0].startswith(b"220 ")

    def test_a_bad_set_leaves_the_old_in_force(self):
        self.assertFalse(self.is_welcome("127.0.0.9"))
        self.write("b.rules", "version 1\nrule b { stage connect when true then frobnicate }\n")
        self.assertIn("b.rules:2:39: error:", self.reload(False))
        self.assertIn("event=reload_refused", self.gateway.log())
        self.assertFalse(self.is_welcome("127.0.0.9"))
        self.assertTrue(self.is_welcome("127.0.0.1"))

    def test_a_test_that_fails_leaves_the_old_in_force(self):
        self.write("b.rules", "version 1\nrule b { stage connect when client.ip == 127.0.0.1 then reject\n"
                   " test nomatch { client.ip = 127.0.0.1 } }\n")
        self.assertIn("b.rules:3:2: error: a test of rule b fails: the condition is true", self.reload(False))
        self.assertTrue(self.is_welcome("127.0.0.1"))

    def test_no_start_with_a_test_that_fails(self):
        self.gateway.end()
        self.write("b.rules", "version 1\nrule b { stage connect when true then reject test nomatch { } }\n")
        answer = subprocess.run(self.gateway.words(), capture_output=True, text=True, timeout=PATIENCE, check=False)
        self.assertEqual(answer.returncode, 1)
        self.assertIn("a test of rule b fails", answer.stderr)

    def test_a_list_that_changes_is_read(self):
        self.write("bad.list", "127.0.0.8\n")
        poll(lambda: not self.is_welcome("127.0.0.8"), "the new list")
        poll(lambda: self.is_welcome("127.0.0.9"), "it in all workers")
        self.assertIn("event=list_changed", self.gateway.log())

    def test_a_list_with_errors_leaves_the_old_in_force(self):
        self.write("bad.list", "127.0.0.8\nnonsense\n")
        poll(lambda: "bad.list:2" in self.gateway.log(), "a line about the list")
        self.assertIn("event=reload_refused", self.gateway.log())
        self.assertFalse(self.is_welcome("127.0.0.9"))
        self.assertTrue(self.is_welcome("127.0.0.8"))
        self.write("bad.list", "127.0.0.8\n")
        poll(lambda: not self.is_welcome("127.0.0.8"), "the list put right")


if __name__ == "__main__":
    unittest.main(verbosity=2)
