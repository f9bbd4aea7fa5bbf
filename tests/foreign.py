# SPDX-License-Identifier: Apache-2.0
"""Servers of others that Debian does not let stand beside Postfix: they are looked for in build/peers too, where tests/setup unpacks them."""

import contextlib
import glob
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

import mta
from harness import PATIENCE, at_the_end_of, free_port, poll

SOURCE = os.environ.get("SOURCE_ROOT", ".")
PEERS = os.path.abspath(os.path.join(SOURCE, "build", "peers"))


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def directory_of(test):
    directory = tempfile.mkdtemp(prefix="postern-peers-")
    os.chmod(directory, 0o755)
    at_the_end_of(test)(shutil.rmtree, directory, ignore_errors=True)
    return directory


def find(program, folder="sbin"):
    places = [f"{root}/usr/{folder}/{program}" for root in (PEERS, "")]
    return next((place for place in places if os.access(place, os.X_OK)), None)


def require(program, folder="sbin"):
    """Skips where the program cannot be started."""
    if os.geteuid() != 0:
        raise unittest.SkipTest(program + " can be started by root only")
    if not find(program, folder):
        raise unittest.SkipTest(program + " is neither installed nor in build/peers")
    for command in (["unshare", "--mount", "true"], ["ldd", find(program, folder)]):
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        if answer.returncode != 0 or "not found" in answer.stdout:
            raise unittest.SkipTest(f"{program} cannot be started here: {answer.stderr}{answer.stdout}")


class Foreign:
    """A server of others. Its users and directories need not exist on this machine: it gets them in a mount namespace of its own."""

    users = {}
    settle = ""

    def __init__(self, test, name):
        self.directory, self.port = directory_of(test), free_port()
        mta.make_certificate(self.directory, name)
        self.test = test

    def start(self, *command):
        for file, rest in (("passwd", "{0}::/nonexistent:/usr/sbin/nologin"), ("group", "")):
            with open(f"{self.directory}/{file}", "w", encoding="utf-8") as out:
                out.write("".join(row for row in read("/etc/" + file).splitlines(True) if row.split(":")[0] not in self.users))
                out.write("".join(f"{user}:x:{number}:{rest.format(number)}\n" for user, number in self.users.items()))
        script = f'mount --bind "$1/passwd" /etc/passwd && mount --bind "$1/group" /etc/group && {self.settle} shift && exec "$@"'
        with open(self.directory + "/said", "wb") as said:
            self.process = subprocess.Popen(["unshare", "--mount", "sh", "-c", script, "sh", self.directory, *command],
                                            stdout=said, stderr=said, process_group=0)
        at_the_end_of(self.test)(self.end)
        poll(self.answers, "a start")

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError("does not start: " + self.said())
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), PATIENCE).close()
            return True
        return False

    def end(self):
        """With the children that it has made."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def said(self):
        return "".join(read(path) for path in [self.directory + "/said", *glob.glob(self.directory + "/log/*")])


