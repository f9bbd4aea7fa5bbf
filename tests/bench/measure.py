#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures what a message costs in postern and, in the same rounds, in haproxy that passes bytes; what a TLS session costs in both, each
ending TLS; and what an idle connection costs, in plain and in TLS.

CPU time is utime and stime of the whole tree of processes, with those that have ended (cutime, cstime); ratios are taken within a round.
Memory is the growth of PSS of the tree from before the connections come until all of them have heard the answer to EHLO.
"""
import argparse
import datetime
import os
import resource
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time

SOURCE, SINK, HAPROXY = "/usr/sbin/smtp-source", "/usr/sbin/smtp-sink", "/usr/sbin/haproxy"
TICK = os.sysconf("SC_CLK_TCK")
SMTP_SOURCE = [SOURCE, "-4", "-f", "a@example.net", "-t", "b@example.com", "-M", "client.example.net"]

# name: (title, client, messages in a short first run that tells how many make a round)
WORKLOADS = {
    "new": ("4 KB, new connections", lambda n, port: [*SMTP_SOURCE, "-m", str(n), "-s", "20", "-l", "4096", f"127.0.0.1:{port}"], 400),
    "kept": ("4 KB, kept connections", lambda n, port: [*SMTP_SOURCE, "-m", str(n), "-d", "-s", "20", "-l", "4096", f"127.0.0.1:{port}"], 400),
    "large": ("5 MiB", lambda n, port: [*SMTP_SOURCE, "-m", str(n), "-s", "4", "-l", "5242880", f"127.0.0.1:{port}"], 8),
    "pipelined": ("4 KB, pipelined", lambda n, port: [PIPELINE, str(port), "20", str(n), "4096"], 400),
}
TARGETS = {"new": 1.1, "kept": 1.2, "large": 2.3}
TLS_TARGET = 1.1
NAMES_TARGET = 60  # microseconds that the name servers' answers, remembered, may cost a message
IDLE_TARGET, IDLE_TLS_TARGET = 2048, 18 * 1024

# What every version of postern understands; {more} is what only ours needs to.
POSTERN_CONFIGURATION = """
hostname = "mx.example.com"
listen "inbound" {{ address = "127.0.0.1"  port = {port}  backlog = 4096 }}
backend "sink" {{ servers = {{"127.0.0.1:{sink}"}}  tls = off  connections = 100 }}
relay {{ domains = {{"example.com"}} }}
limits {{ connections = 20000  connections_per_client = 20000  messages = 1000000 {limits} }}
control {{ socket = "{directory}/{name}.control" }}
{store}
{more}
"""
OURS = """
listen "implicit" {{ address = "127.0.0.1"  port = {tls_port}  backlog = 4096  tls = "implicit" }}
tls {{ certificate = "{directory}/certificate.pem"  key = "{directory}/key.pem" }}
smtp {{ greeting_wait = 0s }}
dns {{ servers = {{"127.0.0.1:{dns}"}} }}
"""
# What asks name servers is measured by itself.
WITHOUT_NAMES = "checks { off = {client_name, helo_name, sender_domain, spf} }"
LISTS = 'dnsbl "bad.example" { } dnswl "good.example" { } rhsbl "domains.example" { }'
ZONE = """
example.net TXT "v=spf1 mx include:_spf.example.net -all"
_spf.example.net TXT "v=spf1 ip4:192.0.2.0/24 ip4:127.0.0.1 -all"
example.net MX 10 client.example.net
client.example.net A 127.0.0.9
client.example.net A 127.0.0.1
1.0.0.127.in-addr.arpa PTR client.example.net
2.0.0.127.bad.example A 127.0.0.2
2.0.0.127.good.example A 127.0.0.2
test.domains.example A 127.0.0.2
"""

HAPROXY_CONFIGURATION = """
global
    nbthread {cores}
    maxconn 9900
defaults
    mode tcp
    timeout connect 10s
    timeout client 5m
    timeout server 5m
    maxconn 9900
listen smtp
    bind 127.0.0.1:{port} backlog 4096
    bind 127.0.0.1:{tls_port} backlog 4096 ssl crt {directory}/both.pem
    server sink 127.0.0.1:{sink}
"""


# --- processes ---


def read_processes():
    """{pid: (parent, CPU ticks with those of children that have ended)}"""
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", "rb") as f:
                fields = f.read().rsplit(b")", 1)[1].split()
        except OSError:
            continue
        found[int(name)] = int(fields[1]), sum(int(field) for field in fields[11:15])
    return found


def tree(root):
    """{pid: ticks} of a process and all below it."""
    processes = read_processes()
    found = {root: processes[root][1]}
    while True:
        more = {pid: ticks for pid, (parent, ticks) in processes.items() if parent in found and pid not in found}
        if not more:
            return found
        found.update(more)


def cpu_seconds(root):
    return sum(tree(root).values()) / TICK


def pss_bytes(root):
    total = 0
    for pid in tree(root):
        with open(f"/proc/{pid}/smaps_rollup") as f:
            total += sum(int(line.split()[1]) for line in f if line.startswith("Pss:"))
    return total * 1024


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def make_certificate(directory):
    """ECDSA P-256; apart for postern, in one file for haproxy."""
    certificate, key = f"{directory}/certificate.pem", f"{directory}/key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                    "/CN=mx.example.com", "-addext", "subjectAltName=DNS:mx.example.com", "-keyout", key, "-out", certificate],
                   check=True, capture_output=True)
    with open(f"{directory}/both.pem", "w") as both:
        for path in (certificate, key):
            with open(path) as f:
                both.write(f.read())


def is_up(port):
    try:
        with socket.create_connection(("127.0.0.1", port), 2) as s:
            s.settimeout(5)
            good = s.recv(512).startswith(b"220")
            s.sendall(b"QUIT\r\n")
            s.recv(512)
            return good
    except OSError:
        return False


class Process:
    """A server that was started here; it is ended by its own id."""

    def __init__(self, name, port, command, log, tls_port=None):
        self.name, self.port, self.tls_port = name, port, tls_port
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        for _ in range(100):
            if is_up(port):
                return
            time.sleep(0.1)
        self.end()
        sys.exit(f"{name} does not answer; its log is {log.name}")

    @property
    def pid(self):
        return self.process.pid

    def end(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start_name_server(directory, options):
    with open(f"{directory}/zone", "w") as f:
        f.write(ZONE)
    process = subprocess.Popen([f"{options.build}/tests/fakes/nameserver", "0", f"{directory}/zone"], stdout=subprocess.PIPE, text=True)
    return process, int(process.stdout.readline())


class Servers:
    """What stands in front of the sink, by name."""

    def __init__(self, directory, options):
        self.directory, self.options = directory, options
        make_certificate(directory)
        self.sink_port = free_port()
        self.sink = Process("smtp-sink", self.sink_port, [SINK, "-4", "-u", "nobody", "-m", "16000", f"127.0.0.1:{self.sink_port}", "4096"],
                            self.log("sink"))
        self.names, self.names_port = start_name_server(directory, options)

    def end(self):
        self.sink.end()
        self.names.kill()
        self.names.wait()

    def log(self, name):
        return open(f"{self.directory}/{name}.log", "w")

    def configure(self, name, text, **values):
        path = f"{self.directory}/{name}.conf"
        with open(path, "w") as f:
            f.write(text.format(name=name, sink=self.sink_port, directory=self.directory, **values))
        return path

    def asking(self):
        return self.postern("asking", LISTS)

    def postern(self, name="postern", checks=WITHOUT_NAMES):
        port, tls_port = free_port(), free_port()
        store = f'store {{ path = "{self.directory}/store" }}' if self.options.store else ""
        more = OURS.format(directory=self.directory, tls_port=tls_port, dns=self.names_port) + checks
        path = self.configure(name, POSTERN_CONFIGURATION, port=port, store=store, more=more,
                              limits="connections_per_network = 20000")
        return Process(name, port, [f"{self.options.build}/postern", "run", "-c", path], self.log(name), tls_port)

    def before(self):
        """Another postern, to compare with."""
        port = free_port()
        path = self.configure("before", POSTERN_CONFIGURATION, port=port, store="", more="", limits="")
        return Process("before", port, [self.options.before, "run", "-c", path], self.log("before"))

    def haproxy(self):
        port, tls_port = free_port(), free_port()
        path = self.configure("haproxy", HAPROXY_CONFIGURATION, port=port, tls_port=tls_port, cores=os.cpu_count())
        return Process("haproxy", port, [HAPROXY, "-db", "-f", path], self.log("haproxy"), tls_port)


# --- messages ---


def send(workload, messages, port):
    """Seconds that it took."""
    begun = time.monotonic()
    done = subprocess.run(WORKLOADS[workload][1](messages, port), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=120)
    if done.returncode:
        sys.exit(f"the client of {workload} failed: {done.stderr.strip()[-300:]}")
    return time.monotonic() - begun


def measure(server, workload, messages):
    """Microseconds of CPU a message."""
    time.sleep(0.1)
    before = cpu_seconds(server.pid)
    send(workload, messages, server.port)
    time.sleep(0.2)
    return (cpu_seconds(server.pid) - before) / messages * 1e6


def measure_all(servers, options):
    """{workload: [{name: microseconds} of each round]}"""
    counts, rounds = {}, {workload: [] for workload in options.workloads}
    for number in range(options.rounds):
        running = [servers.haproxy(), servers.postern()] + ([servers.before()] if options.before else [])
        running += [servers.asking()] if options.names else []
        try:
            for workload in options.workloads:
                first = WORKLOADS[workload][2]
                for server in running:
                    taken = send(workload, first, server.port)
                    counts.setdefault(workload, max(first, int(first / taken * options.seconds)))
                order = running if number % 2 else running[::-1]
                rounds[workload].append({server.name: measure(server, workload, counts[workload]) for server in order})
                print(f"round {number + 1}: {workload}: " + ", ".join(f"{n} {us:.0f} us" for n, us in rounds[workload][-1].items()), file=sys.stderr)
        finally:
            for server in running:
                server.end()
    return rounds


# --- TLS sessions ---


def tls_context():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_3
    return context


def tls_session(context, port, session):
    """A session from handshake to QUIT; what it may be resumed with."""
    with context.wrap_socket(socket.create_connection(("127.0.0.1", port), 20), server_hostname="mx.example.com", session=session) as client:
        read_reply(client)
        client.sendall(b"QUIT\r\n")
        read_reply(client)
        if session and not client.session_reused:
            sys.exit("a session was not resumed")
        return client.session


def measure_tls(server, resuming, count):
    """Microseconds of CPU a session."""
    context = tls_context()
    session = tls_session(context, server.tls_port, None)
    time.sleep(0.1)
    before = cpu_seconds(server.pid)
    for _ in range(count):
        session = tls_session(context, server.tls_port, session if resuming else None)
    time.sleep(0.2)
    return (cpu_seconds(server.pid) - before) / count * 1e6


def measure_all_tls(servers, options):
    """{title: [{name: microseconds} of each round]}"""
    rounds = {"TLS session, full handshake": [], "TLS session, resumed": []}
    for number in range(options.rounds if options.tls else 0):
        running = [servers.haproxy(), servers.postern()]
        try:
            for resuming, (title, results) in enumerate(rounds.items()):
                order = running if number % 2 else running[::-1]
                results.append({server.name: measure_tls(server, resuming, options.tls) for server in order})
                print(f"round {number + 1}: {title}: " + ", ".join(f"{n} {us:.0f} us" for n, us in results[-1].items()), file=sys.stderr)
        finally:
            for server in running:
                server.end()
    return rounds if options.tls else {}


# --- idle connections ---


def read_reply(client):
    reply = b""
    while not reply.endswith(b"\n") or reply.rstrip().split(b"\n")[-1][3:4] == b"-":
        some = client.recv(4096)
        if not some:
            sys.exit("an idle connection was closed")
        reply += some
    if not reply.startswith(b"2"):
        sys.exit(f"an idle connection heard {reply!r}")


def connect_idle(server, count, tls):
    """Clients that have heard the answer to EHLO, from several addresses, lest the ports run out."""
    clients, context = [], tls_context()
    for i in range(count):
        client = socket.socket()
        client.settimeout(20)
        client.bind((f"127.0.{1 + i // 1000}.1", 0))
        client.connect(("127.0.0.1", server.tls_port if tls else server.port))
        if tls:
            client = context.wrap_socket(client, server_hostname="mx.example.com")
        read_reply(client)
        client.sendall(b"EHLO client.example.net\r\n")
        read_reply(client)
        clients.append(client)
    return clients


def measure_idle(start, count, tls=False):
    """Bytes a connection."""
    server = start()
    try:
        send("new", 400, server.port)
        if tls:
            measure_tls(server, False, 50)
        time.sleep(1)
        before = pss_bytes(server.pid)
        clients = connect_idle(server, count, tls)
        time.sleep(1)
        grown = pss_bytes(server.pid) - before
        for client in clients:
            client.close()
        return grown / count
    finally:
        server.end()


# --- the table ---


def verdict(value, target):
    return "" if target is None else " (reached)" if value <= target else " (MISSED)"


def show(rounds, tls_rounds, idle, idle_tls, options):
    print(f"\n{datetime.date.today()}, {os.cpu_count()} cores, median of {options.rounds} rounds\n")
    print("| workload | postern | haproxy | ratio | lowest and highest | to reach |\n|---|---|---|---|---|---|")
    rows = [(WORKLOADS[workload][0], results, TARGETS.get(workload)) for workload, results in rounds.items()]
    rows += [(title, results, TLS_TARGET) for title, results in tls_rounds.items()]
    for title, results, target in rows:
        ratios = [r["postern"] / r["haproxy"] for r in results]
        ratio = statistics.median(ratios)
        ours, theirs = (statistics.median(r[name] for r in results) for name in ("postern", "haproxy"))
        print(f"| {title} | {ours:.0f} µs | {theirs:.0f} µs | {ratio:.2f} | {min(ratios):.2f} to {max(ratios):.2f} | "
              f"{target or ''}{verdict(ratio, target)} |")
    for kind, target, figures in (("idle connections", IDLE_TARGET, idle), ("idle connections in TLS", IDLE_TLS_TARGET, idle_tls)):
        for count, (ours, theirs) in figures.items():
            print(f"| {count} {kind} | {ours:.0f} B | {theirs:.0f} B | {ours / theirs:.2f} | | {target} B{verdict(ours, target)} |")
    if options.before:
        print("\n| workload | postern | before | ratio | lowest and highest |\n|---|---|---|---|---|")
        for workload, results in rounds.items():
            ratios = [r["postern"] / r["before"] for r in results]
            ours, theirs = (statistics.median(r[name] for r in results) for name in ("postern", "before"))
            print(f"| {WORKLOADS[workload][0]} | {ours:.0f} µs | {theirs:.0f} µs | {statistics.median(ratios):.2f} | "
                  f"{min(ratios):.2f} to {max(ratios):.2f} |")


    if options.names:
        print("\n| workload | without asking name servers | asking | difference | lowest and highest | to reach |\n|---|---|---|---|---|---|")
    for workload, results in rounds.items() if options.names else ():
        differences = [r["asking"] - r["postern"] for r in results]
        without, asking = (statistics.median(r[name] for r in results) for name in ("postern", "asking"))
        more = statistics.median(differences)
        target = NAMES_TARGET if workload == "kept" else None
        print(f"| {WORKLOADS[workload][0]} | {without:.0f} µs | {asking:.0f} µs | {more:.0f} µs | {min(differences):.0f} to {max(differences):.0f} µs | "
              f"{f'{target} µs' if target else ''}{verdict(more, target)} |")


def read_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True, help="directory with postern and tests/bench/pipeline")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3, help="how long a workload lasts in a round, about")
    parser.add_argument("--workloads", default=",".join(WORKLOADS), help="some of: %(default)s")
    parser.add_argument("--idle", default="1000,5000", help="numbers of idle connections; 0: none")
    parser.add_argument("--tls", type=int, default=1000, help="TLS sessions a round; 0: none")
    parser.add_argument("--idle-tls", default="1000,4000", help="numbers of idle connections in TLS; 0: none")
    parser.add_argument("--before", help="another postern to compare with, round by round")
    parser.add_argument("--names", action="store_true", help="measure what asking name servers costs, too")
    parser.add_argument("--store", action="store_true", help="keep verdict records, too")
    options = parser.parse_args()
    options.workloads = [w for w in options.workloads.split(",") if w]
    options.idle = [int(n) for n in options.idle.split(",") if int(n)]
    options.idle_tls = [int(n) for n in options.idle_tls.split(",") if int(n)]
    return options


def main():
    global PIPELINE
    options = read_options()
    PIPELINE = f"{options.build}/tests/bench/pipeline"
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="postern-bench-") as directory:
        os.chmod(directory, 0o755)
        servers = Servers(directory, options)
        try:
            rounds = measure_all(servers, options)
            tls_rounds = measure_all_tls(servers, options)
            idle = {n: (measure_idle(servers.postern, n), measure_idle(servers.haproxy, n)) for n in options.idle}
            idle_tls = {n: (measure_idle(servers.postern, n, True), measure_idle(servers.haproxy, n, True)) for n in options.idle_tls}
        finally:
            servers.end()
    show(rounds, tls_rounds, idle, idle_tls, options)


if __name__ == "__main__":
    main()
