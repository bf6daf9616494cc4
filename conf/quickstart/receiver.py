# SPDX-License-Identifier: BSD-2-Clause
"""A small receiver that enforces DMARC: SMTP on loopback, Maildir out. Who judges is a row of JUDGES. Configuration is a JSON file: port, domain, mail, zone, dns, judge;
trusted_sealers and allow for the judge "dkimpy", which takes a message that fails DMARC only when its ARC chain was sealed by a trusted domain, or when a DKIM signature
of an allowed list server verifies."""
import email.utils
import json
import os
import queue
import re
import socketserver
import subprocess
import sys
import time

import dkim

HERE = os.path.dirname(os.path.abspath(__file__))
REFUSAL = "550 5.7.1 Email rejected per DMARC policy for %s"
ONE_AUTHOR = "550 5.7.1 exactly one author is needed in From"
MAILDMARC_PROCESSES = 2


class Zone:
    """TXT records of the zone file, read again when it changes."""

    def __init__(self, path):
        self.path, self.stamp, self.txt = path, None, {}

    def lookup(self, name):
        """The text, when there is one record alone."""
        stamp = os.stat(self.path).st_mtime_ns
        if stamp != self.stamp:
            found = {}
            with open(self.path) as f:
                for line in f:
                    record = re.match(r'(\S+)\s+TXT\s+(.*)', line)
                    if record:
                        found.setdefault(record.group(1).rstrip(".").lower(), []).append("".join(re.findall(r'"([^"]*)"', record.group(2))))
            self.txt, self.stamp = found, stamp
        texts = self.txt.get((name.decode() if isinstance(name, bytes) else name).rstrip(".").lower(), [])
        return texts[0] if len(texts) == 1 else None


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
    """In A-labels; None when there is not exactly one author."""
    head = message.split(b"\r\n\r\n", 1)[0].decode("utf-8", "replace")
    unfolded = re.sub(r"\r\n[ \t]+", " ", head)
    values = re.findall(r"(?im)^from:(.*)$", unfolded)
    if len(values) != 1:
        return None
    addresses = email.utils.getaddresses(values)
    if len(addresses) != 1:
        return None
    try:
        return addresses[0][1].rpartition("@")[2].rstrip(".").lower().encode("idna").decode()
    except UnicodeError:
        return None


def is_aligned(domain, author):
    return domain == author or author.endswith("." + domain) or domain.endswith("." + author)


def asks_for(zone, author):
    """The policy of an author domain: its own record's p, else its organization's sp or p."""
    record, names = zone.lookup("_dmarc." + author), ("p",)
    if record is None:
        record, names = zone.lookup("_dmarc." + ".".join(author.split(".")[-2:])), ("sp", "p")
    tags = dict(t.strip().split("=", 1) for t in (record or "").split(";") if "=" in t)
    return next((tags[n].strip() for n in names if n in tags), "none")


class Dkimpy:
    """An own reading of DMARC by DKIM alone, which may trust sealers and list servers."""

    def __init__(self, settings):
        self.zone, self.settings = Zone(settings["zone"]), settings

    def judge(self, message, author, _session):
        dnsfunc = dns_function(self.zone)
        domains = passing_domains(message, dnsfunc)
        if any(is_aligned(d, author) for d in domains):
            return "inbox", "dmarc=pass"
        if asks_for(self.zone, author) not in ("reject", "quarantine"):
            return "inbox", "dmarc=none"
        if any(d in self.settings.get("allow", []) for d in domains):
            return "inbox", "allowed list server"
        cv, results, _ = dkim.arc_verify(message, dnsfunc=dnsfunc)
        if cv == dkim.CV_Pass and results and results[-1]["as-domain"].decode() in self.settings.get("trusted_sealers", []):
            return "inbox", "trusted ARC seal"
        return "refused", "dmarc=fail"


class Treewalk:
    """RFC 9989."""

    def __init__(self, settings):
        import treewalk
        self.judge_by, self.dns, self.zone = treewalk.judge, treewalk.Dns(settings["dns"]), Zone(settings["zone"])

    def judge(self, message, author, session):
        return self.judge_by(self.dns, author, passing_domains(message, dns_function(self.zone)), session["ip"], session["helo"], session["sender"])


class Maildmarc:
    """RFC 7489 by Mail::DMARC, in processes of their own."""

    def __init__(self, _settings):
        self.free = queue.Queue()
        for _ in range(MAILDMARC_PROCESSES):
            self.free.put(subprocess.Popen(["/usr/bin/perl", os.path.join(HERE, "maildmarc.pl")], stdin=subprocess.PIPE, stdout=subprocess.PIPE))

    def judge(self, message, _author, session):
        process = self.free.get()
        try:
            process.stdin.write(("%d %s %s %s\n" % (len(message), session["ip"], session["helo"], session["sender"] or "<>")).encode() + message)
            process.stdin.flush()
            verdict, _, reason = process.stdout.readline().decode().strip().partition(" ")
        finally:
            self.free.put(process)
        return verdict, reason


JUDGES = {"dkimpy": Dkimpy, "treewalk": Treewalk, "maildmarc": Maildmarc}


class Session(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def handle(self):
        self.say("220 %s" % self.server.settings["domain"])
        session, recipients = {"ip": self.client_address[0], "helo": "unknown", "sender": ""}, []
        while True:
            line = self.rfile.readline(2048)
            verb = line[:4].upper()
            if not line or verb == b"QUIT":
                return self.say("221 bye") if line else None
            if verb == b"EHLO":
                session["helo"] = line[5:].strip().decode()
                self.say("250-%s\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES" % self.server.settings["domain"])
            elif verb == b"RCPT":
                recipients.append(re.search(rb"<([^>]*)>", line).group(1).decode())
                self.say("250 ok")
            elif verb == b"DATA":
                self.say("354 go on")
                self.say(self.take(session, recipients))
                recipients = []
            else:
                if verb == b"MAIL":
                    session["sender"] = re.search(rb"<([^>]*)>", line).group(1).decode()
                recipients = [] if verb in (b"RSET", b"MAIL") else recipients
                self.say("250 ok")

    def take(self, session, recipients):
        lines = []
        while True:
            line = self.rfile.readline()
            if line in (b".\r\n", b""):
                break
            lines.append(line[1:] if line.startswith(b".") else line)
        message = b"".join(lines)
        author = author_domain(message)
        verdict, reason = ("refused", "no single author") if author is None else self.server.judge.judge(message, author, session)
        print(",".join(recipients), verdict, reason, flush=True)
        if verdict not in ("inbox", "junk"):
            return ONE_AUTHOR if author is None else REFUSAL % author
        for recipient in recipients:
            self.deliver(recipient, verdict, b"X-Receiver-Verdict: " + reason.encode() + b"\r\n" + message)
        return "250 2.0.0 " + verdict

    def deliver(self, recipient, verdict, message):
        local, _, domain = recipient.rpartition("@")
        box = os.path.join(self.server.settings["mail"], domain, local, *([".Junk"] if verdict == "junk" else []), "new")
        os.makedirs(box, exist_ok=True)
        with open(os.path.join(box, "%d" % time.time_ns()), "wb") as f:
            f.write(message)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64


def main():
    with open(sys.argv[1]) as f:
        settings = json.load(f)
    judge = JUDGES[settings.get("judge", "dkimpy")](settings)
    server = Server(("127.0.0.1", settings["port"]), Session)
    server.settings, server.judge = settings, judge
    server.serve_forever()


main()
