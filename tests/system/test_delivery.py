# SPDX-License-Identifier: BSD-2-Clause
"""Legitimate posts of every kind of author policy, authentication and shape, to real receivers that enforce DMARC: all arrive, in the inbox, under the author's own
name wherever a signature survives. Forged posts of strict domains: none arrives."""
import base64
import email
import email.policy
import email.utils
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "conf", "quickstart"))
from world import LIST_HOST_ADDRESS, Receiver, World, wait_for  # noqa: E402

LIST = "birds@lists.example.org"
FAILED = []
STRICT = ("p=reject", "p=quarantine")
DOMAINS = {
    "reject.example": "v=DMARC1; p=reject",
    "quarantine.example": "v=DMARC1; p=quarantine",
    "none.example": "v=DMARC1; p=none",
    "bare.example": None,
    "testing.example": "v=DMARC1; p=reject; t=y",
    "strictly.example": "v=DMARC1; p=reject; adkim=s; aspf=s",
    "xn--mnchen-3ya.example": "v=DMARC1; p=reject",
    "org.example": "v=DMARC1; p=none; sp=reject; np=reject",
    "sub.org.example": None,
}
SIGNED = (b"from", b"to", b"subject", b"date", b"message-id")
OVERSIGNED = SIGNED + (b"from", b"subject", b"reply-to", b"list-id", b"list-post", b"list-unsubscribe", b"sender", b"precedence")
TEXT = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=%s\r\nContent-Transfer-Encoding: %s\r\n"
SHAPES = {
    "plain": (TEXT % ("us-ascii", "7bit"), "A heron stood by the lake.\r\n"),
    "8bit": (TEXT % ("utf-8", "8bit"), "Ein Reiher, gr\u00fc\u00dfend.\r\n"),
    "base64": (TEXT % ("utf-8", "base64"), base64.encodebytes("Ein Reiher, gr\u00fc\u00dfend, am See.".encode() * 10).decode().replace("\n", "\r\n")),
    "quoted-printable": (TEXT % ("utf-8", "quoted-printable"), "Ein Reiher, gr=C3=BC=C3=9Fend.\r\n"),
    "alternative": ('MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="b1"\r\n',
                    "--b1\r\nContent-Type: text/plain\r\n\r\nheron\r\n--b1\r\nContent-Type: text/html\r\n\r\n<p>heron</p>\r\n--b1--\r\n"),
    "attachment": ('MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b2"\r\n',
                   "--b2\r\nContent-Type: text/plain\r\n\r\nheron\r\n--b2\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\nAAECAwQ=\r\n--b2--\r\n"),
    "pgp-signed": ('MIME-Version: 1.0\r\nContent-Type: multipart/signed; boundary="b3"; micalg=pgp-sha256; protocol="application/pgp-signature"\r\n',
                   "--b3\r\nContent-Type: text/plain\r\n\r\nheron\r\n--b3\r\nContent-Type: application/pgp-signature\r\n\r\n-----BEGIN PGP SIGNATURE-----\r\n\r\niQ==\r\n"
                   "-----END PGP SIGNATURE-----\r\n--b3--\r\n"),
    "long-lines": (TEXT % ("us-ascii", "7bit"), "heron " * 400 + "\r\nend\r\n"),
    "dots": (TEXT % ("us-ascii", "7bit"), "..\r\n. \r\n...and more\r\n"),
    "no-mime": ("", "A heron.\r\n"),
    "empty": ("", ""),
}


def check(name, right, more=""):
    print("%s %s%s" % ("ok" if right else "not ok", name, "" if right else ": " + str(more)[:600]), flush=True)
    if not right:
        FAILED.append(name)


def build_world(directory, prefix):
    world = World(directory, prefix, base_port=3500)
    base = world.base
    world.receivers = [
        Receiver("opendmarc.example", "opendmarc", base + 101, "  enforces yes\n"),
        Receiver("rspamd.example", "rspamd", base + 102, "  enforces yes\n"),
        Receiver("dkimpy.example", "dkimpy", base + 103, {}),
        Receiver("arc.example", "dkimpy", base + 104, {"trusted_sealers": ["lists.example.org"], "receivers.conf": "  enforces yes\n  trusts-arc yes\n"}),
        Receiver("allowing.example", "dkimpy", base + 105, {"allow": ["lists.example.org"], "receivers.conf": "  enforces yes\n  allowlists-us yes\n"}),
        Receiver("plain.example", "plain", base + 106, "  enforces no\n"),
    ]
    world.domain("lists.example.org", dmarc="v=DMARC1; p=reject", spf="v=spf1 ip4:%s -all" % LIST_HOST_ADDRESS, mx="mx.lists.example.org", address="127.0.0.1")
    world.domain("mx.lists.example.org", address=LIST_HOST_ADDRESS)
    for name, dmarc in DOMAINS.items():
        world.domain(name, dmarc=dmarc, spf="v=spf1 ip4:127.0.0.10 -all", mx="mx." + name)
        world.domain("mx." + name)
        world.author_key(name)
    for receiver in world.receivers:
        world.domain(receiver.domain, mx="mx." + receiver.domain, address="127.0.0.1")
        world.domain("mx." + receiver.domain, address="127.0.0.1")
    return world


def start(world):
    world.start_dns()
    world.start_receivers()
    world.start_mta()
    world.start_listd()
    world.make_list_key("lists.example.org")
    world.listctl("list", "create", LIST, "--owner", "owner@plain.example")
    for name, value in (("post", "anyone"), ("subject-tag", "[birds]"), ("footer", "birds since 1899")):
        world.listctl("list", "set", LIST, name, value)
    world.listctl("members", "add", LIST, *["bob@" + r.domain for r in world.receivers])


def compose(number, author, shape):
    head, body = SHAPES[shape]
    return ("From: Ann Author <%s>\r\nTo: %s\r\nSubject: case %d\r\nDate: %s\r\nMessage-ID: <%d.case@%s>\r\n%s\r\n%s"
            % (author, LIST, number, email.utils.formatdate(), number, author.split("@")[1], head, body)).encode()


def cases():
    """(author domain, how it is authenticated, shape, must From stay the author's)"""
    for domain in DOMAINS:
        yield domain, "dkim", "plain", True
        yield domain, "spf", "plain", False
    for shape in SHAPES:
        if shape != "plain":
            yield "reject.example", "dkim", shape, shape != "long-lines"
            yield "reject.example", "spf", shape, False
    yield "reject.example", "oversigned", "plain", True
    yield "quarantine.example", "oversigned", "alternative", True
    yield "reject.example", "simple", "plain", True
    yield "reject.example", "length", "plain", False
    yield "reject.example", "both", "attachment", True


def post(world, number, domain, how, shape):
    author = "ann@" + domain
    message = compose(number, author, shape)
    if how in ("dkim", "both"):
        message = world.sign(message, domain, SIGNED)
    elif how == "oversigned":
        message = world.sign(message, domain, OVERSIGNED)
    elif how == "length":
        message = world.sign(message, domain, SIGNED, length=True)
    elif how == "simple":
        message = world.sign(message, domain, SIGNED, canonicalize=(b"simple", b"simple"))
    by_spf = how in ("spf", "both")
    return world.send(message, author if by_spf else "bounce@elsewhere.example", LIST, client="127.0.0.10" if by_spf else "127.0.0.66", options=["BODY=8BITMIME"])


def found(world, address, number):
    mails = [email.message_from_bytes(m, policy=email.policy.default) for m in world.mailbox(address)]
    return [m for m in mails if (m["Subject"] or "").split("]")[-1].strip() == "case %d" % number]


def settle(world):
    def idle():
        delivery = json.loads(world.listctl("--json", "status").stdout)["delivery"]
        return delivery["working_on"] == 0 and delivery["queued_posts"] == 0 and world.mta_is_idle()
    wait_for("the queues to be empty", idle, 120)


def judge(world, number, case, receiver):
    domain, how, shape, keeps = case
    name = "%d %s %s %s at %s" % (number, domain, how, shape, receiver.domain)
    mails = found(world, "bob@" + receiver.domain, number)
    check("arrives once: " + name, len(mails) == 1, "%d copies" % len(mails))
    if not mails:
        return
    sender = str(mails[0]["From"])
    check("inbox, name shown: " + name, mails[0]["X-Spam"] is None and "Ann Author" in sender, (mails[0]["X-Spam"], sender))
    if keeps:
        check("From is the author's: " + name, "ann@" in sender, sender)
    elif "ann@" not in sender:
        check("reply reaches the author: " + name, "ann@" in str(mails[0]["Reply-To"]), mails[0]["Reply-To"])


def main():
    world = build_world(os.path.join(sys.argv[1], "delivery"), sys.argv[2])
    try:
        start(world)
        good = list(enumerate(cases(), 1))
        for number, (domain, how, shape, _) in good:
            code, text = post(world, number, domain, how, shape)
            check("taken: %d %s %s %s" % (number, domain, how, shape), code == 250, (code, text))
        spoofed = [(n, d) for n, d in enumerate(DOMAINS, 1000) if any(" " + s in (DOMAINS[d] or "") for s in STRICT) or d == "sub.org.example"]
        for number, domain in spoofed:
            world.send(compose(number, "ann@" + domain, "plain"), "ann@" + domain, LIST, client="127.0.0.66")
        settle(world)
        for number, case in good:
            for receiver in world.receivers:
                judge(world, number, case, receiver)
        for number, domain in spoofed:
            for receiver in world.receivers:
                check("no spoof of %s at %s" % (domain, receiver.domain), not found(world, "bob@" + receiver.domain, number))
        faults = world.events("fault") + world.events("recipient-refused")
        check("no fault in the log", not faults, faults[:3])
    finally:
        world.stop_all()
    return 1 if FAILED else 0


sys.exit(main())
