# SPDX-License-Identifier: BSD-2-Clause
"""What the system tests share: results, LMTP by hand with exact replies, messages, and what arrived."""
import email
import email.policy
import email.utils
import json
import os
import re
import signal
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "conf", "quickstart"))
from world import wait_for  # noqa: E402

LIST_DOMAIN = "lists.example.org"
FAILED = []


def check(name, right, more=""):
    print("%s %s%s" % ("ok" if right else "not ok", name, "" if right else ": " + str(more)[:700]), flush=True)
    if not right:
        FAILED.append(name)


def address(name):
    return "%s@%s" % (name, LIST_DOMAIN)


def add_list_domain(world):
    world.domain(LIST_DOMAIN, dmarc="v=DMARC1; p=reject", spf="v=spf1 ip4:%s -all" % world.host_address, mx="mx." + LIST_DOMAIN, address="127.0.0.1")
    world.domain("mx." + LIST_DOMAIN, address=world.host_address)


def add_receiver_domains(world, dmarc=None, spf=None):
    for receiver in world.receivers:
        world.domain(receiver.domain, mx="mx." + receiver.domain, address="127.0.0.1", dmarc=dmarc, spf=spf)
        world.domain("mx." + receiver.domain, address="127.0.0.1")


def make_list(world, name, members, **settings):
    """A list with the settings (_ for -), and members."""
    world.listctl("list", "create", address(name), "--owner", "owner@plain.example")
    for key, value in settings.items():
        world.listctl("list", "set", address(name), key.replace("_", "-"), value)
    if members:
        world.listctl("members", "add", address(name), *members)


class Lmtp:
    """A client that says what it is told to say, and gives back replies as "550 5.1.1 text"."""

    def __init__(self, world):
        self.socket = socket.create_connection(("127.0.0.1", world.lmtp_port), timeout=30)
        self.file = self.socket.makefile("rb")
        self.greeting = self.reply()
        self.features = self.say("LHLO test.example")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.file.close()
        self.socket.close()

    def reply(self):
        lines = []
        while True:
            line = self.file.readline()
            if not line:
                raise OSError("the server closed the connection")
            lines.append(line.decode().rstrip("\r\n"))
            if line[3:4] == b" ":
                return "\n".join(lines)

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def say(self, command):
        self.send(command + "\r\n")
        return self.reply()

    def begin(self, sender, rcpts, client=None, helo="client.example", options=""):
        """XFORWARD, MAIL, RCPT; the recipients that were taken, or the reply that ended it."""
        if client is not None:
            self.say("XFORWARD ADDR=%s NAME=client.example HELO=%s PROTO=ESMTP SOURCE=REMOTE" % (client, helo))
        answer = self.say("MAIL FROM:<%s>%s" % (sender, options))
        if not answer.startswith("250"):
            return answer
        answers = [self.say("RCPT TO:<%s>" % rcpt) for rcpt in rcpts]
        return [a for a in answers if a.startswith("250")] or answers[0]

    def data(self, octets, count):
        """DATA with octets as they are, which end the data themselves; a reply for each recipient."""
        answer = self.say("DATA")
        if not answer.startswith("354"):
            return [answer]
        self.send(octets)
        return [self.reply() for _ in range(count)]


def stuffed(message):
    return re.sub(rb"(?m)^\.", b"..", message) + (b"" if message.endswith(b"\r\n") else b"\r\n") + b".\r\n"


def post(world, message, sender, *rcpts, client="127.0.0.10", options=""):
    """Hand a message in by LMTP, as a client at that address (None: not told). One reply, or a list of them for several recipients."""
    with Lmtp(world) as lmtp:
        taken = lmtp.begin(sender, rcpts, client, options=options)
        if isinstance(taken, str):
            return taken
        replies = lmtp.data(stuffed(message), len(taken))
        lmtp.say("QUIT")
    return replies[0] if len(rcpts) == 1 else replies


def message(author, to, token, head="", body="A heron stood by the lake.\r\n"):
    """The token stands in Subject and Message-ID, and tells the copies."""
    domain = author.rpartition("@")[2].rstrip(">").encode("idna").decode()
    head = "".join(line + "\r\n" for line in head.splitlines())
    return ("From: %s\r\nTo: %s\r\nSubject: %s\r\nDate: %s\r\nMessage-ID: <%s.%d@%s>\r\n%s\r\n%s"
            % (author, to, token, email.utils.formatdate(), token, os.getpid(), domain, head, body)).encode()


def copies(world, mailbox, token):
    """Raw copies in a mailbox that hold the token."""
    return [m.replace(b"\r\n", b"\n") for m in world.mailbox(mailbox) if re.search(rb"(?im)^(subject|\t| ).*(?<![\w-])%s(?![\w-])" % token.encode(), m.split(b"\n\n" if b"\r\n" not in m else b"\r\n\r\n")[0])]


def parsed(raw):
    return email.message_from_bytes(raw, policy=email.policy.default)


def only_copy(world, mailbox, token, what=None):
    """Check that there is one copy in the mailbox, and parse it (None when there is not)."""
    found = copies(world, mailbox, token)
    check("%s: one copy at %s" % (what or token, mailbox), len(found) == 1, "%d copies" % len(found))
    return parsed(found[0]) if found else None


def no_copy(world, mailbox, token, what=None):
    found = copies(world, mailbox, token)
    check("%s: no copy at %s" % (what or token, mailbox), not found, found[:1])


def from_addresses(mail):
    return [a.addr_spec for a in mail["From"].addresses]


def status(world):
    return json.loads(world.listctl("--json", "status").stdout)


def rows(world, *command):
    """What a listing command gives."""
    text = world.listctl("--json", *command).stdout.strip()
    return json.loads(text) if text else []


def settle(world, seconds=60):
    def idle():
        delivery = status(world)["delivery"]
        return delivery["working_on"] == 0 and delivery["queued_posts"] == 0 and world.mta_is_idle()
    try:
        wait_for("the queues to be empty", idle, seconds)
    except RuntimeError as e:
        check("the queues get empty", False, e)


def listd_log(world):
    with open(world.path("log/listd"), errors="replace") as f:
        return f.read()


def sanitizer_reports(world):
    return [line for line in listd_log(world).splitlines() if re.search(r"Sanitizer|runtime error:|SUMMARY:", line)]


def end_listd(world, faults=()):
    """Stop the daemon; it must end in good order, without a sanitizer's report or a fault (but those whose text holds one of faults)."""
    code = world.stop("listd", signal.SIGTERM)
    check("listd ends in good order", code == 0, "exit status %s: %s" % (code, listd_log(world)[-600:]))
    reports = sanitizer_reports(world)
    check("no sanitizer report", not reports, reports[:5])
    bad = [e for e in world.events("fault") + world.events("store-fault") if not any(f in str(e) for f in faults)]
    check("no fault in the log", not bad, bad[:3])
