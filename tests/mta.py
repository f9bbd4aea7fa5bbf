# SPDX-License-Identifier: Apache-2.0
"""A real Postfix with configuration, queue and mailboxes of its own, on loopback, without DNS. It takes mail for anybody in
example.com whose name is in MAILBOXES, into the Maildir of that name, and knows nobody else. Each row of `doors` is a port:

    Postfix(doors={"plain": "-o smtpd_discard_ehlo_keywords=chunking"}).ports["plain"]
"""

import json
import os
import pwd
import shutil
import signal
import subprocess
import tempfile

from harness import PATIENCE, free_port, poll

MAILBOXES = ("a", "b", "c", "d")

MAIN = """
compatibility_level = 3.6
config_directory = {dir}/etc
queue_directory = {dir}/queue
data_directory = {dir}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {dir}/log
maillog_file_prefixes = {dir}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtp_dns_support_level = disabled
smtpd_peername_lookup = no
myhostname = {name}
mydestination =
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
local_recipient_maps =
virtual_mailbox_domains = {domains}
virtual_mailbox_base = {dir}/mail
virtual_mailbox_maps = inline:{{ {boxes} }}
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
virtual_mailbox_limit = 0
smtpd_relay_restrictions = {relay}
smtpd_tls_received_header = yes
smtpd_tls_cert_file = {dir}/certificate.pem
smtpd_tls_key_file = {dir}/key.pem
message_size_limit = 52428800
maximal_backoff_time = 1s
minimal_backoff_time = 1s
queue_run_delay = 1s
{more}
"""

SERVICES = """
pickup unix n - n 1 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
tlsmgr unix - - n 1000? 1 tlsmgr
flush unix n - n 1000? 0 flush
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def why_not():
    """Why there can be no Postfix here, or None."""
    if os.geteuid() != 0:
        return "Postfix can be started by root only"
    if not os.path.exists("/usr/sbin/postfix"):
        return "Postfix is not installed"
    return None


def make_certificate(directory, name):
    """directory/certificate.pem and directory/key.pem."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-days", "2", "-subj", "/CN=" + name, "-keyout", directory + "/key.pem",
                    "-out", directory + "/certificate.pem"], check=True, capture_output=True)


class Postfix:
    def __init__(self, doors, name="backend.example", serves=True, more=""):
        self.directory = tempfile.mkdtemp(prefix="postern-postfix-")
        os.chmod(self.directory, 0o755)
        self.known = {}
        self.forgotten = set()
        self.ports = {door: free_port() for door in doors}
        for part in ("etc", "queue", "data", "mail"):
            os.mkdir(f"{self.directory}/{part}", 0o755)
        owner = pwd.getpwnam("postfix")
        # The log too: after a kill, Postfix's check of its queue has something to say, and speaks as this user.
        open(self.directory + "/log", "w", encoding="ascii").close()
        for part in ("data", "mail", "log"):
            os.chown(f"{self.directory}/{part}", owner.pw_uid, owner.pw_gid)
        make_certificate(self.directory, name)
        boxes = ", ".join(f"{{ {box}@example.com = {box}/ }}" for box in MAILBOXES)
        with open(self.directory + "/etc/main.cf", "w", encoding="ascii") as out:
            out.write(MAIN.format(dir=self.directory, name=name, uid=owner.pw_uid, gid=owner.pw_gid, more=more,
                                  boxes=boxes, domains="example.com" if serves else "",
                                  relay="reject_unauth_destination" if serves else "permit_mynetworks, reject_unauth_destination"))
        with open(self.directory + "/etc/master.cf", "w", encoding="ascii") as out:
            out.write(SERVICES)
            for door, options in doors.items():
                out.write(f"127.0.0.1:{self.ports[door]} inet n - n - - smtpd {options}\n")
        self.start()

    def run(self, program, *words):
        return subprocess.run(["/usr/sbin/" + program, "-c", self.directory + "/etc", *words],
                              capture_output=True, text=True, timeout=PATIENCE, check=False)

    def start(self):
        answer = self.run("postfix", "start")
        if answer.returncode != 0:
            raise AssertionError("Postfix does not start: " + answer.stderr + self.log())

    def end(self):
        self.run("postfix", "stop")
        shutil.rmtree(self.directory, ignore_errors=True)

    def kill(self):
        """All its processes at once, as they are."""
        with open(self.directory + "/queue/pid/master.pid", encoding="ascii") as file:
            group = int(file.read())
        os.killpg(group, signal.SIGKILL)
        poll(lambda: not any(is_in_group(pid, group) for pid in os.listdir("/proc") if pid.isdigit()), "Postfix's end")

    def log(self):
        if not os.path.exists(self.directory + "/log"):
            return ""
        with open(self.directory + "/log", encoding="utf-8", errors="replace") as log:
            return log.read()

    def queue(self):
        """What has not been delivered yet."""
        return [json.loads(line) for line in self.run("postqueue", "-j").stdout.splitlines()]

    def mails(self, box):
        """All that has arrived in a mailbox; each mail is read once."""
        new = f"{self.directory}/mail/{box}/new"
        for name in os.listdir(new) if os.path.isdir(new) else []:
            if (box, name) not in self.known:
                with open(f"{new}/{name}", "rb") as file:
                    self.known[box, name] = file.read()
        return [mail for (where, _), mail in self.known.items() if where == box]

    def write_boxes(self):
        boxes = ", ".join(f"{{ {box}@example.com = {box}/ }}" for box in MAILBOXES if box not in self.forgotten)
        self.run("postconf", "-e", f"virtual_mailbox_maps = inline:{{ {boxes} }}")
        self.run("postfix", "reload")

    def forget(self, box):
        """From now on it does not know that mailbox; with remember() it does again. New connections hear of it."""
        self.forgotten.add(box)
        self.write_boxes()

    def remember(self, box):
        self.forgotten.discard(box)
        self.write_boxes()


def is_in_group(pid, group):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return int(fields[2]) == group and fields[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
