# SPDX-License-Identifier: BSD-2-Clause
"""A small receiver that enforces DMARC with dkimpy: SMTP on loopback, Maildir out. It accepts a message that fails DMARC only when its ARC chain was sealed
by a trusted domain, or when a DKIM signature of an allowed list server verifies. Configuration is a JSON file: port, domain, mail, zone, trusted_sealers, allow."""
import email.utils
import json
import os
import re
import socketserver
import sys
import time

import dkim


class Zone:
    """TXT records of the zone file, read again when it changes."""

    def __init__(self, path):
        self.path, self.stamp, self.txt = path, None, {}

    def lookup(self, name):
        stamp = os.stat(self.path).st_mtime_ns
        if stamp != self.stamp:
            self.txt, self.stamp = {}, stamp
            with open(self.path) as f:
                for line in f:
                    found = re.match(r'(\S+)\s+TXT\s+(.*)', line)
                    if found:
                        self.txt[found.group(1).rstrip(".").lower()] = "".join(re.findall(r'"([^"]*)"', found.group(2)))
        name = (name.decode() if isinstance(name, bytes) else name).rstrip(".").lower()
        return self.txt.get(name)


def dns_function(zone):
    return lambda name, timeout=5: (zone.lookup(name) or "").encode() or None


def passing_domains(message, dnsfunc):
    """d= of the DKIM signatures that verify."""
    count = len(re.findall(rb"(?im)^dkim-signature:", message.split(b"\r\n\r\n", 1)[0]))
    found = []
    for i in range(count):
        d = dkim.DKIM(message)
        try:
            if d.verify(i, dnsfunc):
                found.append(d.domain.decode())
        except dkim.DKIMException:
            pass
    return found


def author_domain(message):
    head = message.split(b"\r\n\r\n", 1)[0].decode("utf-8", "replace")
    unfolded = re.sub(r"\r\n[ \t]+", " ", head)
    values = re.findall(r"(?im)^from:(.*)$", unfolded)
    if len(values) != 1:
        return None
    addresses = email.utils.getaddresses(values)
    return addresses[0][1].rpartition("@")[2].lower() if len(addresses) == 1 else None


def is_aligned(domain, author):
    return domain == author or author.endswith("." + domain) or domain.endswith("." + author)


def asks_for(zone, author):
    """The policy of an author domain: its own record's p, else the parent's sp or p."""
    record, names = zone.lookup("_dmarc." + author), ("p",)
    if record is None:
        record, names = zone.lookup("_dmarc." + author.split(".", 1)[-1]), ("sp", "p")
    tags = dict(t.strip().split("=", 1) for t in (record or "").split(";") if "=" in t)
    return next((tags[n].strip() for n in names if n in tags), "none")


def judge(message, zone, settings):
    """(accepted, reason)."""
    author = author_domain(message)
    if author is None:
        return False, "550 5.7.1 exactly one author is needed in From"
    domains = passing_domains(message, dns_function(zone))
    if any(is_aligned(d, author) for d in domains):
        return True, "dmarc=pass"
    if asks_for(zone, author) not in ("reject", "quarantine"):
        return True, "dmarc=none"
    if any(d in settings.get("allow", []) for d in domains):
        return True, "allowed list server"
    cv, results, _ = dkim.arc_verify(message, dnsfunc=dns_function(zone))
    if cv == dkim.CV_Pass and results and results[-1]["as-domain"].decode() in settings.get("trusted_sealers", []):
        return True, "trusted ARC seal"
    return False, "550 5.7.1 Email rejected per DMARC policy for %s" % author


class Session(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def handle(self):
        self.say("220 %s" % self.server.settings["domain"])
        recipients = []
        while True:
            line = self.rfile.readline(2048)
            verb = line[:4].upper()
            if not line or verb == b"QUIT":
                return self.say("221 bye") if line else None
            if verb == b"EHLO":
                self.say("250-%s\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES" % self.server.settings["domain"])
            elif verb == b"RCPT":
                recipients.append(re.search(rb"<([^>]*)>", line).group(1).decode())
                self.say("250 ok")
            elif verb == b"DATA":
                self.say("354 go on")
                self.say(self.take(recipients))
                recipients = []
            else:
                recipients = [] if verb in (b"RSET", b"MAIL") else recipients
                self.say("250 ok")

    def take(self, recipients):
        lines = []
        while True:
            line = self.rfile.readline()
            if line in (b".\r\n", b""):
                break
            lines.append(line[1:] if line.startswith(b".") else line)
        message = b"".join(lines)
        accepted, reason = judge(message, self.server.zone, self.server.settings)
        print(",".join(recipients), reason, flush=True)
        if not accepted:
            return reason
        for recipient in recipients:
            local, _, domain = recipient.rpartition("@")
            box = os.path.join(self.server.settings["mail"], domain, local, "new")
            os.makedirs(box, exist_ok=True)
            with open(os.path.join(box, "%d" % time.time_ns()), "wb") as f:
                f.write(b"X-Receiver-Verdict: " + reason.encode() + b"\r\n" + message)
        return "250 " + reason


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def main():
    with open(sys.argv[1]) as f:
        settings = json.load(f)
    server = Server(("127.0.0.1", settings["port"]), Session)
    server.settings, server.zone = settings, Zone(settings["zone"])
    server.serve_forever()


main()
