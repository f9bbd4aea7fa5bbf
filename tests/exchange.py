# SPDX-License-Identifier: Apache-2.0
"""A server that behaves as Exchange does at its front: its EHLO, its limit of connections, its protocol errors, 250 to every
recipient and the refusal behind DATA, BDAT, an NTLM dialogue, and a tarpit when asked for. A mailbox in `refused` is refused once the
message has come. What it was sent, and the most connections it ever had, can be asked for."""

import base64
import socketserver
import threading
import time

KEYWORDS = ("SIZE 37748736", "PIPELINING", "DSN", "ENHANCEDSTATUSCODES", "STARTTLS", "X-ANONYMOUSTLS", "AUTH NTLM",
            "X-EXPS GSSAPI NTLM", "8BITMIME", "BINARYMIME", "CHUNKING", "XEXCH50", "XRDST", "XSHADOWREQUEST")
OWN = ("X-ANONYMOUSTLS", "X-EXPS", "BINARYMIME", "XEXCH50", "XRDST", "XSHADOWREQUEST")
BUSY = "421 4.3.2 The maximum number of concurrent connections has exceeded a limit, closing transmission channel"
PROTOCOL_ERRORS = 5
CHALLENGE = base64.b64encode(b"NTLMSSP\0\x02\0\0\0" + bytes(36)).decode("ascii")


class Dialogue(socketserver.StreamRequestHandler):
    def say(self, line):
        if line[0] == "5" and self.server.tarpit:
            time.sleep(self.server.tarpit)
        self.wfile.write(line.encode("ascii") + b"\r\n")

    def handle(self):
        with self.server.lock:
            self.server.open += 1
            self.server.most = max(self.server.most, self.server.open)
            welcome = self.server.open <= self.server.connections
            self.server.turned_away += not welcome
        try:
            if welcome:
                self.converse()
            else:
                self.say(BUSY)
        except OSError:
            pass  # the client is gone
        finally:
            with self.server.lock:
                self.server.open -= 1

    def converse(self):
        self.errors, self.over, self.greeted = 0, False, False
        self.forget()
        self.say("220 exchange.example Microsoft ESMTP MAIL Service ready")
        while not self.over:
            line = self.rfile.readline(4096)
            if not line:
                return
            verb, _, rest = line.decode("ascii", "replace").strip().partition(" ")
            getattr(self, "do_" + verb.lower(), self.do_unknown)(rest)

    def forget(self):
        self.sender, self.recipients, self.chunks = None, [], b""

    def err(self, line):
        self.errors += 1
        if self.errors >= PROTOCOL_ERRORS:
            self.over = True
            line = "421 4.7.0 Too many errors on this connection, closing transmission channel"
        self.server.protocol_errors += 1
        self.say(line)

    def do_unknown(self, _):
        self.err("500 5.3.3 Unrecognized command")

    def do_ehlo(self, _):
        self.forget()
        self.greeted = True
        for i, line in enumerate(("exchange.example Hello",) + KEYWORDS):
            self.say(f"250{'-' if i < len(KEYWORDS) else ' '}{line}")

    do_helo = do_ehlo

    def do_mail(self, rest):
        if not self.greeted or self.sender is not None:
            self.err("503 5.5.2 Send hello first" if not self.greeted else "503 5.5.2 Sender already specified")
        else:
            self.sender = rest
            self.say("250 2.1.0 Sender OK")

    def do_rcpt(self, rest):
        if self.sender is None:
            self.err("503 5.5.2 Need mail command")
        else:
            self.recipients.append(rest.split("<")[1].split(">")[0])
            self.say("250 2.1.5 Recipient OK")

    def do_data(self, _):
        if not self.recipients:
            self.err("503 5.5.2 Need rcpt command")
            return
        self.say("354 Start mail input; end with <CRLF>.<CRLF>")
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            if not line:
                self.over = True
                return
            lines.append(line[1:] if line.startswith(b".") else line)
        self.take(b"".join(lines))

    def do_bdat(self, rest):
        size, _, last = rest.partition(" ")
        chunk = self.rfile.read(int(size))
        if not self.recipients:
            self.err("503 5.5.2 Need rcpt command")
        elif len(chunk) < int(size):
            self.over = True
        elif last.upper() != "LAST":
            self.chunks += chunk
            self.say(f"250 2.6.0 CHUNK received OK, {size} octets")
        else:
            self.take(self.chunks + chunk)

    def take(self, message):
        """Only now the back end is asked who the recipients are."""
        if all(r in self.server.refused for r in self.recipients):
            self.say("550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup")
        else:
            with self.server.lock:
                self.server.mails.append(message)
            self.say("250 2.6.0 <1@exchange.example> [InternalId=1, Hostname=exchange.example] Queued mail for delivery")
        self.forget()

    def do_auth(self, rest):
        mechanism, _, blob = rest.partition(" ")
        if mechanism.upper() != "NTLM":
            self.err("504 5.7.4 Unrecognized authentication type")
            return
        if not blob:
            self.say("334 NTLM supported")
            blob = self.rfile.readline(16384).decode("ascii").strip()
        if self.decode(blob)[:12] != b"NTLMSSP\0\x01\0\0\0":
            self.say("501 5.5.4 Invalid NTLM message")
            return
        self.say("334 " + CHALLENGE)
        answer = self.decode(self.rfile.readline(16384).decode("ascii").strip())
        good = answer[:12] == b"NTLMSSP\0\x03\0\0\0" and self.server.password in answer
        self.say("235 2.7.0 Authentication successful" if good else "535 5.7.3 Authentication unsuccessful")

    @staticmethod
    def decode(blob):
        try:
            return base64.b64decode(blob, validate=True)
        except ValueError:
            return b""

    def do_rset(self, _):
        self.forget()
        self.say("250 2.0.0 Resetting")

    def do_noop(self, _):
        self.say("250 2.0.0 OK")

    def do_starttls(self, _):
        self.say("454 4.7.0 TLS not available")

    def do_quit(self, _):
        self.over = True
        self.say("221 2.0.0 Service closing transmission channel")


class Exchange(socketserver.ThreadingTCPServer):
    """Serves from the start until the test ends."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, test, connections=20, tarpit=0, refused=(), password=b"secret"):
        super().__init__(("127.0.0.1", 0), Dialogue)
        self.connections, self.tarpit, self.refused, self.password = connections, tarpit, refused, password
        self.lock, self.mails = threading.Lock(), []
        self.open = self.most = self.turned_away = self.protocol_errors = 0
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        test.addCleanup(self.server_close)
        test.addCleanup(self.shutdown)
