#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a milter and a plugin cost us: CPU of a message of 4 KB in postern with one made with libmilter (tests/milters/every.c, as a program and as
an object in postern-plugin-host), beside postern without one, in the same rounds. The milter's own CPU and its host's are not in it."""
import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

import measure

HERE = os.path.dirname(os.path.abspath(__file__))
MODES = {"end": ("that wants the end of the message alone", 60), "silent": ("that wants everything and answers at the end", 230),
         "watch": ("that wants everything and answers to everything", 230)}
HOST = "postern-plugin-host"


def start_milter(directory, mode):
    path = f"{directory}/{mode}.sock"
    process = subprocess.Popen([f"{directory}/every", "unix:" + path, "/dev/null", mode], stderr=subprocess.DEVNULL)
    while not os.path.exists(path):
        time.sleep(0.01)
    os.chmod(path, 0o777)
    return process, f'milter "{mode}" {{ socket = "unix:{path}" }}'


def plugin(directory, mode):
    return f'plugin "{mode}" {{ path = "{directory}/every.so"  arguments = {{"/dev/null" "{mode}"}} }}'


def is_host(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="ascii") as comm:
            return comm.read().strip() == HOST[:15]
    except OSError:
        return False


def our_cpu_seconds(root):
    return sum(ticks for pid, ticks in measure.tree(root).items() if not is_host(pid)) / measure.TICK


def measure_ours(server, messages):
    """As measure.measure(), without the hosts of plugins."""
    time.sleep(0.1)
    before = our_cpu_seconds(server.pid)
    measure.send("kept", messages, server.port)
    time.sleep(0.2)
    return (our_cpu_seconds(server.pid) - before) / messages * 1e6


def compile_both(directory):
    for options in (["-o", directory + "/every", "-lmilter", "-lpthread"], ["-shared", "-fPIC", "-o", directory + "/every.so"]):
        subprocess.run(["gcc", "-O2", HERE + "/../milters/every.c", *options], check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True, help="directory with postern")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--messages", type=int, default=8000)
    options = parser.parse_args()
    options.store, options.before = False, None
    with tempfile.TemporaryDirectory(prefix="postern-bench-") as directory:
        os.chmod(directory, 0o755)
        compile_both(directory)
        servers = measure.Servers(directory, options)
        milters = {mode: start_milter(directory, mode) for mode in MODES}
        running = [servers.postern("without")]
        running += [servers.postern("milter " + mode, measure.WITHOUT_NAMES + text) for mode, (_, text) in milters.items()]
        running += [servers.postern("plugin " + mode, measure.WITHOUT_NAMES + plugin(directory, mode)) for mode in MODES]
        more = {f"{kind} {mode}": [] for kind in ("milter", "plugin") for mode in MODES}
        try:
            for number in range(options.rounds):
                order = running if number % 2 else running[::-1]
                cost = {server.name: measure_ours(server, options.messages) for server in order}
                print(f"round {number + 1}: " + ", ".join(f"{name} {us:.0f} us" for name, us in cost.items()), file=sys.stderr)
                for name, list_of in more.items():
                    list_of.append(cost[name] - cost["without"])
        finally:
            for server in running:
                server.end()
            for process, _ in milters.values():
                process.kill()
                process.wait()
            servers.end()
    print("| who | costs us | lowest and highest | to reach |\n|---|---|---|---|")
    for name, costs in more.items():
        kind, mode = name.split()
        title, target = MODES[mode]
        print(f"| a {kind} {title} | {statistics.median(costs):.0f} us | {min(costs):.0f} to {max(costs):.0f} | {target} us |")


if __name__ == "__main__":
    main()
