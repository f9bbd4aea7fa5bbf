# SPDX-License-Identifier: Apache-2.0
"""A real Sendmail with configuration, queue and mailboxes of its own, on loopback, without DNS: all names that it finds are in a file. It takes
mail for anybody in example.com, and each mail is in its mailbox before the client hears so:

    require_sendmail()
    Sendmail(self, "INPUT_MAIL_FILTER(`postern', `S=local:/run/socket, F=T')").mails("a")
"""

import glob
import os
import shutil
import subprocess
import unittest

from foreign import Foreign, find, read, require
from harness import PATIENCE

FOLDER = "libexec/sendmail"  # in sbin that name is any server's

# Where there are many at work and directories are in /tmp; who logs in shows a certificate.
CONFIGURATION = """
divert(0)
OSTYPE(`linux')
undefine(`ALIAS_FILE')
define(`QUEUE_DIR', `{dir}/queue')
define(`STATUS_FILE', `{dir}/statistics')
define(`HELP_FILE', `{dir}/help')
define(`confPID_FILE', `{dir}/pid')
define(`confHOSTS_FILE', `{dir}/hosts')
define(`confSERVICE_SWITCH_FILE', `{dir}/services')
define(`confDOMAIN_NAME', `front.example')
define(`confDELIVERY_MODE', `interactive')
define(`confDEF_USER_ID', `65534:65534')
define(`confDONT_BLAME_SENDMAIL', `TrustStickyBit')
define(`confDONT_PROBE_INTERFACES', `true')
define(`confQUEUE_LA', `10000')
define(`confREFUSE_LA', `10000')
define(`confDELAY_LA', `10000')
define(`confTO_IDENT', `0')
define(`confCACERT', `{dir}/certificate.pem')
define(`confCACERT_PATH', `{dir}')
define(`confSERVER_CERT', `{dir}/certificate.pem')
define(`confSERVER_KEY', `{dir}/key.pem')
define(`confAUTH_MECHANISMS', `EXTERNAL')
TRUST_AUTH_MECH(`EXTERNAL')
FEATURE(`nocanonify')
FEATURE(`accept_unresolvable_domains')
RELAY_DOMAIN(`example.com')
DAEMON_OPTIONS(`Name=MTA, Addr=127.0.0.1, Port={port}')
{milter}
MAILER(`local')
MAILER(`smtp')
LOCAL_RULE_0
R$+ < @ example.com . > $*	$#box $: $1
R$+ < @ example.com > $*	$#box $: $1
MAILER_DEFINITIONS
Mbox, P={dir}/keep, F=lsDFMPn8, S=EnvFromSMTP/HdrFromSMTP, R=EnvToL/HdrToL, E=\\n, T=DNS/RFC822/SMTP, U=root:root, A=keep $u
"""

# A mail comes to its place when it is whole.
KEEP = """#!/bin/sh
umask 022
box={dir}/mail/$1
mkdir -p "$box" && cat >"{dir}/coming/$$" && mv "{dir}/coming/$$" "$box/$(date +%s%N).$$"
"""


def require_sendmail():
    """Skips where it cannot be started."""
    require("sendmail", FOLDER)
    if not macros() or not shutil.which("m4"):
        raise unittest.SkipTest("Sendmail's macros, or m4, are not there: its configuration cannot be made")


def macros():
    """Where those are of which its configuration is made."""
    cf = find("m4", "share/sendmail/cf")
    return cf and os.path.dirname(cf)


class Sendmail(Foreign):
    users = {"smmta": 64995, "smmsp": 64996}
    settle = 'mount --bind "$1/hosts" /etc/hosts && mount --bind "$1/names" /etc/nsswitch.conf &&'

    def __init__(self, test, milter):
        super().__init__(test, "front.example")
        for part in ("queue", "coming", "mail", "log"):
            os.mkdir(f"{self.directory}/{part}", 0o700)
        self.write("hosts", "127.0.0.1 localhost\n")
        self.write("services", "hosts files\n")
        self.write("names", "passwd: files\ngroup: files\nhosts: files\n")
        self.write("keep", KEEP.format(dir=self.directory))
        os.chmod(self.directory + "/keep", 0o755)
        self.write("sendmail.mc", CONFIGURATION.format(dir=self.directory, port=self.port, milter=milter))
        self.write("sendmail.cf", subprocess.run(["m4", f"-D_CF_DIR_={macros()}/", macros() + "/m4/cf.m4", self.directory + "/sendmail.mc"],
                                                 capture_output=True, text=True, check=True).stdout)
        self.start(*self.command("-bD", "-X", self.directory + "/log/traffic"))

    def write(self, name, text):
        with open(f"{self.directory}/{name}", "w", encoding="ascii") as out:
            out.write(text)

    def command(self, *words):
        return [find("sendmail", FOLDER), "-C", self.directory + "/sendmail.cf", *words]

    def run(self, *words):
        """Where the server is, and as it."""
        return subprocess.run(["nsenter", "--mount", "--target", str(self.process.pid), *self.command(*words)],
                              capture_output=True, text=True, timeout=PATIENCE, check=False)

    def mails(self, box):
        """All that has arrived in a mailbox, in its order."""
        mails = []
        for name in sorted(glob.glob(f"{self.directory}/mail/{box}/*")):
            with open(name, "rb") as file:
                mails.append(file.read())
        return mails

    def queue(self):
        """What lies in it, by name."""
        return {name: read(f"{self.directory}/queue/{name}") for name in sorted(os.listdir(self.directory + "/queue"))}
