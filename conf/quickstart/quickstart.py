# SPDX-License-Identifier: BSD-2-Clause
"""What quickstart.sh runs: the small internet of world.py, a list with subscribers at four kinds of receivers, a good post and a forged one, and a table."""
import email
import email.policy
import email.utils
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import LIST_HOST_ADDRESS, Receiver, World, wait_for  # noqa: E402

LIST = "birds@lists.example.org"
AUTHOR = "ann@bank.example"
SUBSCRIBERS = [
    ("bob@enforcing.example", "enforces DMARC (OpenDKIM and OpenDMARC)"),
    ("carol@arc.example", "enforces, trusts our ARC seals"),
    ("dave@allowing.example", "enforces, allows this list server"),
    ("erin@plain.example", "does not enforce DMARC"),
]


def build_world(directory):
    world = World(directory, os.path.join(directory, "usr"))
    base = world.base
    world.receivers = [
        Receiver("enforcing.example", "opendmarc", base + 101, "  enforces yes\n"),
        Receiver("arc.example", "dkimpy", base + 102, {"trusted_sealers": ["lists.example.org"], "receivers.conf": "  enforces yes\n  trusts-arc yes\n"}),
        Receiver("allowing.example", "dkimpy", base + 103, {"allow": ["lists.example.org"], "receivers.conf": "  enforces yes\n  allowlists-us yes\n"}),
        Receiver("plain.example", "plain", base + 104, "  enforces no\n"),
    ]
    world.domain("lists.example.org", dmarc="v=DMARC1; p=reject", spf="v=spf1 ip4:%s -all" % LIST_HOST_ADDRESS, mx="mx.lists.example.org", address="127.0.0.1")
    world.domain("mx.lists.example.org", address="127.0.0.1")
    world.domain("bank.example", dmarc="v=DMARC1; p=reject", spf="v=spf1 ip4:127.0.0.10 -all")
    world.author_key("bank.example")
    for receiver in world.receivers:
        world.domain(receiver.domain, mx="mx." + receiver.domain, address="127.0.0.1")
        world.domain("mx." + receiver.domain, address="127.0.0.1")
    return world


def start(world):
    world.start_dns()
    world.start_receivers()
    world.start_listd()
    world.start_milter()
    world.start_mta(milter=True)
    world.make_list_key("lists.example.org")
    world.listctl("list", "create", LIST, "--owner", "owner@plain.example")
    # A subject tag and a footer, as many lists have: they are what breaks the author's signature.
    world.listctl("list", "set", LIST, "subject-tag", "[birds]")
    world.listctl("list", "set", LIST, "footer", "birds: watching them since 1899")
    world.listctl("members", "add", LIST, AUTHOR, *[address for address, _ in SUBSCRIBERS])
    world.listctl("member", "set", LIST, AUTHOR, "delivery", "off")
    wait_for("the milter to know the list", lambda: LIST in open(world.path("var/milter/addresses")).read(), 15)


def message(sender, subject, text):
    return ("From: Ann Author <%s>\r\nTo: %s\r\nSubject: %s\r\nDate: %s\r\nMessage-ID: <%s.quickstart@bank.example>\r\nMIME-Version: 1.0\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n\r\n%s\r\n" % (sender, LIST, subject, email.utils.formatdate(), subject.replace(" ", "-"), text)).encode()


def post_both(world):
    good = world.sign(message(AUTHOR, "A heron by the lake", "It stood there for an hour."), "bank.example")
    forged = message(AUTHOR, "Urgent payment", "Please send money.")
    print("Posting as Ann from her bank's server, signed:      %d %s" % world.send(good, AUTHOR, LIST, client="127.0.0.10"))
    code, text = world.send(forged, AUTHOR, LIST, client="127.0.0.66")
    print("Posting a forgery under her name from elsewhere:    %d %s" % (code, " ".join(text.split("\n"))))
    wait_for("the post to be sent", lambda: world.events("delivered"), 20)
    wait_for("the mail servers to be done", lambda: world.mta_is_idle() and not world.listctl("queue", "list").stdout.strip(), 30)
    return code == 550


def show(world, right):
    """The table; true when right, and everybody got the good post and nobody the other."""
    chosen = {e["receiver"]: e for e in world.events("chosen")}
    print("\n%-24s %-40s %-8s %-8s %-12s %s" % ("subscriber", "receiver", "post", "forgery", "strategy", "From as seen"))
    for address, kind in SUBSCRIBERS:
        mails = [email.message_from_bytes(m, policy=email.policy.default) for m in world.mailbox(address)]
        good = [m for m in mails if "heron" in (m["Subject"] or "")]
        bad = [m for m in mails if "Urgent" in (m["Subject"] or "")]
        event = chosen.get(address.split("@")[1].split(".")[0], {})
        right = right and len(good) == 1 and not bad
        print("%-24s %-40s %-8s %-8s %-12s %s" % (address, kind, "got it" if len(good) == 1 else "%d copies" % len(good), "GOT IT" if bad else "no",
                                                  event.get("strategy", "?"), good[0]["From"] if good else "-"))
    print("\nWhy:")
    for receiver, event in chosen.items():
        print("  %-10s %-12s %s" % (receiver, event.get("strategy"), event.get("reason")))
    for event in world.events("refused", "milter"):
        print("  the forgery was refused in the SMTP session, by listd-milter; no report went to Ann: %s %s" % (event.get("code"), event.get("text")))
    return right


def main():
    directory, once = sys.argv[1], sys.argv[2:] == ["--once"]
    world = build_world(directory)
    right = False
    try:
        start(world)
        right = show(world, post_both(world))
    finally:
        if once or not right:
            world.stop_all()
    print("\n%s" % ("Every subscriber got the post, nobody the forgery." if right else "NOT as it should be; logs are in %s/log" % directory))
    if right and not once:
        print("\nlistd is running. To post:\n"
              "  1. hand a message for %s to the mail server at 127.0.0.1 port %d, from a member's address such as bob@enforcing.example;\n"
              "  2. read what subscribers got in %s/mail/DOMAIN/USER/new, and what listd did in %s/log/listd;\n"
              "  3. ask and change things with: %s/bin/listctl --socket %s/run/control status   (sh conf/quickstart.sh --stop ends it)"
              % (LIST, world.mta_port, directory, directory, world.prefix, directory))
    return 0 if right else 1


sys.exit(main())
