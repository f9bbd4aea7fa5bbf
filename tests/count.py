#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts what `make check` did, single checks and not programs: count.py [--close] BUILD...

Programs under Check say "Checks: N, Failures: N, Errors: N", others may close with "N passed, N failed, N skipped"; a program that says
neither counts as one. Prints what failed with the end of its log. With --close the last line is the count alone.
"""
import glob
import os
import re
import sys

CHECK = re.compile(r"Checks: (\d+), Failures: (\d+), Errors: (\d+)")
UNITTEST = re.compile(r"^Ran (\d+) tests?", re.M)
UNITTEST_BAD = re.compile(r"^FAILED \((?:failures=(\d+))?(?:, )?(?:errors=(\d+))?", re.M)
UNITTEST_SKIPPED = re.compile(r"^(?:OK|FAILED) \(.*\bskipped=(\d+)", re.M)
PLAIN = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", re.M)


def count(log, result):
    """(passed, failed, skipped) of one program."""
    check = CHECK.findall(log)
    plain = PLAIN.findall(log)
    passed = sum(int(n) - int(f) - int(e) for n, f, e in check) + sum(int(p) for p, _, _ in plain)
    failed = sum(int(f) + int(e) for _, f, e in check) + sum(int(f) for _, f, _ in plain)
    skipped = sum(int(s or 0) for _, _, s in plain)
    ran = [int(n) for n in UNITTEST.findall(log)]
    bad = sum(int(n or 0) for pair in UNITTEST_BAD.findall(log) for n in pair)
    left_out = sum(int(n) for n in UNITTEST_SKIPPED.findall(log))
    passed += max(0, sum(ran) - bad - left_out)  # a whole module may be left out: none of it ran
    failed += bad
    skipped += left_out
    if result == "SKIP":
        return passed, failed, skipped or 1
    if result == "PASS":
        return passed or (0 if check or plain or ran else 1), failed, skipped
    return passed, failed or 1, skipped


def results(build):
    for trs in sorted(glob.glob(build + "/tests/**/*.trs", recursive=True)):
        result = re.search(r":test-result: (\w+)", open(trs).read())
        with open(trs[:-4] + ".log", errors="replace") as log:
            yield os.path.relpath(trs[:-4], build), result.group(1) if result else "ERROR", log.read()


def main():
    close = "--close" in sys.argv
    builds = [a for a in sys.argv[1:] if not a.startswith("--")]
    total = [0, 0, 0]
    for build in builds:
        found = list(results(build))
        if not found:
            total[1] += 1
            print(f"{build}: no test ran; the end of check.log:")
            if os.path.exists(build + "/check.log"):
                print("".join(open(build + "/check.log", errors="replace").readlines()[-30:]))
        for name, result, log in found:
            counts = count(log, result)
            total = [a + b for a, b in zip(total, counts)]
            if close:
                continue
            print("%-40s %s" % (name, "%d passed, %d failed, %d skipped" % counts if sum(counts) > 1 else result.lower()))
            if result == "SKIP" or counts[2]:
                print("".join("    " + line + "\n" for line in log.splitlines() if "skipped" in line and not PLAIN.match(line)), end="")
            if counts[1]:
                print("".join("    " + line + "\n" for line in log.splitlines()[-40:]))
    if close:
        print("%d passed, %d failed, %d skipped" % tuple(total))
    return total[1] > 0


sys.exit(main())
