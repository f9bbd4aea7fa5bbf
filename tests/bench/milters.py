#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a milter costs us: CPU of a message of 4 KB in postern with a milter made with libmilter (tests/milters/every.c), beside postern
without one, in the same rounds. The milter's own CPU is not in it."""
import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

import measure

HERE = os.path.dirname(os.path.abspath(__file__))
MODES = {"end": ("a milter that wants the end of the message alone", 60), "silent": ("one that wants everything and answers at the end", 230),
         "watch": ("one that wants everything and answers to everything", 230)}


def start_milter(directory, mode):
    path = f"{directory}/{mode}.sock"
    process = subprocess.Popen([f"{directory}/every", "unix:" + path, "/dev/null", mode], stderr=subprocess.DEVNULL)
    while not os.path.exists(path):
        time.sleep(0.01)
    os.chmod(path, 0o777)
    return process, f'milter "{mode}" {{ socket = "unix:{path}" }}'


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True, help="directory with postern")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--messages", type=int, default=8000)
    options = parser.parse_args()
    options.store, options.before = False, None
    with tempfile.TemporaryDirectory(prefix="postern-bench-") as directory:
        os.chmod(directory, 0o755)
        subprocess.run(["gcc", "-O2", "-o", directory + "/every", HERE + "/../milters/every.c", "-lmilter", "-lpthread"], check=True)
        servers = measure.Servers(directory, options)
        milters = {mode: start_milter(directory, mode) for mode in MODES}
        running = [servers.postern("without")] + [servers.postern(mode, measure.WITHOUT_NAMES + text) for mode, (_, text) in milters.items()]
        more = {mode: [] for mode in MODES}
        try:
            for number in range(options.rounds):
                order = running if number % 2 else running[::-1]
                cost = {server.name: measure.measure(server, "kept", options.messages) for server in order}
                print(f"round {number + 1}: " + ", ".join(f"{name} {us:.0f} us" for name, us in cost.items()), file=sys.stderr)
                for mode, list_of in more.items():
                    list_of.append(cost[mode] - cost["without"])
        finally:
            for server in running:
                server.end()
            for process, _ in milters.values():
                process.kill()
                process.wait()
            servers.end()
    print("| milter | costs us | lowest and highest | to reach |\n|---|---|---|---|")
    for mode, (title, target) in MODES.items():
        print(f"| {title} | {statistics.median(more[mode]):.0f} us | {min(more[mode]):.0f} to {max(more[mode]):.0f} | {target} us |")


if __name__ == "__main__":
    main()
