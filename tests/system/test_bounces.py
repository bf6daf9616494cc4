# SPDX-License-Identifier: BSD-2-Clause
"""A month of posts from strict domains to receivers that enforce DMARC, with the delivery reports of a real Postfix coming back: nobody loses his subscription or a post for somebody else's
policy; the one dead mailbox is probed, suspended, warned and removed; one that comes alive comes back by an answer. Forged reports change nothing.

    test_bounces.py DIR PREFIX BUILDDIR
"""
import email
import email.policy
import email.utils
import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from helper import FAILED, LIST_DOMAIN, add_list_domain, add_receiver_domains, address, check, end_listd, make_list, rows, settle  # noqa: E402
from world import Receiver, World, wait_for  # noqa: E402

DAY = 86400
DAYS = 30
BIRDS = "birds@" + LIST_DOMAIN
AUTHORS = {
    "reject.example": "v=DMARC1; p=reject",
    "quarantine.example": "v=DMARC1; p=quarantine",
    "strictly.example": "v=DMARC1; p=reject; adkim=s; aspf=s",
    "none.example": "v=DMARC1; p=none",
}
HOWS = ("dkim", "spf", "both", "dkim-oversigned")
SIGNED = (b"from", b"to", b"subject", b"date", b"message-id")
OVERSIGNED = SIGNED + (b"from", b"subject", b"reply-to", b"list-id", b"sender")
# mail.strict.example and lying.example run OpenDMARC; of the second listd is told that it does not enforce, so that the first copies are refused there
MEMBERS = ["ann@strict.example", "bob@strict.example", "carol@strict.example", "ann@lying.example", "bob@lying.example", "ann@plain.example", "bob@plain.example"]
DEAD = "zoe@strict.example"
ASLEEP = "dave@plain.example"


class Clock:
    """The list's clock: begins a month ago, so that signatures are never from the future."""

    def __init__(self, world):
        self.world, self.offset = world, -(DAYS + 3) * DAY
        self.write()

    def write(self):
        path = self.world.path("clock")
        with open(path + ".new", "w") as f:
            f.write("%d\n" % self.offset)
        os.rename(path + ".new", path)

    def now(self):
        return time.time() + self.offset

    def forward(self, seconds):
        self.offset += seconds
        self.write()
        time.sleep(0.5)


def build_world(directory, prefix):
    world = World(directory, prefix, base_port=4500)
    base = world.base
    world.receivers = [
        Receiver("strict.example", "opendmarc", base + 101, "  enforces yes\n"),
        Receiver("lying.example", "opendmarc", base + 102, "  enforces no\n"),
        Receiver("plain.example", "plain", base + 103, "  enforces no\n"),
    ]
    add_list_domain(world)
    add_receiver_domains(world)
    for name, dmarc in AUTHORS.items():
        world.domain(name, dmarc=dmarc, spf="v=spf1 ip4:127.0.0.10 -all", mx="mx." + name)
        world.domain("mx." + name)
        world.author_key(name)
    return world


def set_mailboxes(world, asleep):
    """Mailboxes of the receivers; those asleep are not there."""
    lines = "".join("%s@%s %s/%s/\n" % (u, r.domain, r.domain, u) for r in world.receivers for u in world.users if "%s@%s" % (u, r.domain) not in asleep)
    world.write("rx/mailboxes", lines)
    world.postfix("rx", "reload")


def compose(clock, number, domain):
    return ("From: Ann Author <ann@%s>\r\nTo: %s\r\nSubject: case %d\r\nDate: %s\r\nMessage-ID: <%d.month@%s>\r\n\r\nA heron stood by the lake.\r\n"
            % (domain, BIRDS, number, email.utils.formatdate(clock.now()), number, domain)).encode()


def send_post(world, clock, number, domain, how):
    import dkim
    message = compose(clock, number, domain)
    dkim.time = clock  # signatures carry the time
    clock.time = clock.now
    if how != "spf":
        message = world.sign(message, domain, OVERSIGNED if how == "dkim-oversigned" else SIGNED)
    by_spf = how in ("spf", "both")
    return world.send(message, "ann@" + domain if by_spf else "bounce@elsewhere.example", BIRDS, client="127.0.0.10" if by_spf else "127.0.0.66")


def subjects(world, mailbox):
    return [str(email.message_from_bytes(m, policy=email.policy.default)["Subject"]) for m in world.mailbox(mailbox)]


def copies_of(world, mailbox, number):
    return [s for s in subjects(world, mailbox) if re.search(r"\bcase %d\b" % number, s)]


def wait_for_copies(world, number):
    """What does not arrive is told at the end, when all is counted."""
    try:
        wait_for("the copies", lambda: all(copies_of(world, m, number) for m in MEMBERS), 15)
    except RuntimeError:
        pass


def steps(world, member):
    return [e["step"] for e in world.events("tally") if e["member"] == member]


def member(world, of):
    found = [m for m in rows(world, "members", "list", BIRDS) if m["address"] == of]
    return found[0] if found else None


def return_path(world, mailbox, number):
    for m in world.mailbox(mailbox):
        mail = email.message_from_bytes(m, policy=email.policy.default)
        if re.search(r"\bcase %d\b" % number, str(mail["Subject"])):
            return str(mail["Return-Path"]).strip("<>")
    return None


# forged reports

def dsn(to, about, original_from=BIRDS, status="5.1.1", text="550 5.1.1 <%s> no such user"):
    return ("From: MAILER-DAEMON@strict.example\r\nTo: %s\r\nSubject: Undelivered Mail Returned to Sender\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
            'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n<%s>: %s\r\n\r\n--b\r\n'
            "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.strict.example\r\n\r\nFinal-Recipient: rfc822; %s\r\nAction: failed\r\nStatus: %s\r\n"
            "Diagnostic-Code: smtp; %s\r\n\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\nFrom: %s\r\nSubject: case 1\r\n\r\n--b--\r\n"
            % (to, about, text % about, about, status, text % about, original_from)).encode()


def arf(to, mail_from):
    return ("From: fbl@strict.example\r\nTo: %s\r\nSubject: complaint\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=feedback-report; boundary=\"b\"\r\n\r\n"
            "--b\r\nContent-Type: text/plain\r\n\r\nA complaint.\r\n--b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nUser-Agent: x/1\r\nVersion: 1\r\n"
            "Original-Mail-From: <%s>\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: %s\r\nSubject: case 1\r\n\r\nx\r\n--b--\r\n" % (to, mail_from, BIRDS)).encode()


def with_recipient(key, recipient):
    """The same key, with another recipient behind it."""
    local, domain = recipient.split("@")
    return re.sub(r"^([^+]*\+[a-z0-9]+).*(@[^@]*)$", r"\1+%s=%s\2" % (local, domain), key)


def spoil(key):
    at = key.index("+") + 25
    return key[:at] + ("b" if key[at] == "a" else "a") + key[at + 1:]


def forge(world, message, to):
    world.send(message, "", to, client="127.0.0.66")


def test_forgeries(world, clock, old_key):
    """After all has settled: whatever strangers send, members stay as they are."""
    before = rows(world, "members", "list", BIRDS)
    key = return_path(world, "bob@plain.example", DAYS)
    check("a copy has a return address of ours", key is not None and "-bounces+" in key, key)
    for victim in MEMBERS:
        for wrong in (spoil(key), with_recipient(spoil(key), victim), with_recipient(old_key, victim), with_recipient(key.replace("birds-", "bees-", 1), victim),
                      "birds-bounces@" + LIST_DOMAIN, "birds-bounces+" + victim.replace("@", "=") + "@" + LIST_DOMAIN):
            forge(world, dsn(wrong, victim), wrong)
            forge(world, arf(wrong, wrong), wrong)
        forge(world, arf("birds-bounces@" + LIST_DOMAIN, with_recipient(key, victim)), "birds-bounces@" + LIST_DOMAIN)
    settle(world)
    check("forged reports change no member", rows(world, "members", "list", BIRDS) == before, rows(world, "members", "list", BIRDS))
    check("and count against nobody", all(m["address"] == ASLEEP for m in bounces(world)["members"]), bounces(world)["members"])


def bounces(world):
    import json
    return json.loads(world.listctl("--json", "bounces", BIRDS).stdout)


def test_flood(world):
    """A mailbox that returns everything, again and again."""
    key = return_path(world, "bob@plain.example", DAYS)
    before = len(world.events("bounce"))
    import smtplib
    with smtplib.SMTP("127.0.0.1", world.mta_port, local_hostname="client.example", source_address=("127.0.0.66", 0), timeout=30) as smtp:
        for _ in range(150):
            smtp.sendmail("", key, dsn(key, "bob@plain.example"))
    settle(world)
    spool = sum(len(files) for _, _, files in os.walk(world.path("spool/in")))
    check("a flood leaves nothing in the spool", spool == 0, spool)
    check("and counts once at most", len(world.events("bounce")) - before <= 1, len(world.events("bounce")) - before)
    check("nothing is answered", world.mta_is_idle())
    check("nobody is suspended by it", member(world, "bob@plain.example")["delivery"] == "on", member(world, "bob@plain.example"))


def test_come_back(world, clock):
    """The mailbox works again: the next warning arrives, and its answer brings the posts back."""
    check("one whose mailbox was away is suspended", member(world, ASLEEP)["delivery"] == "off-by-bounces", member(world, ASLEEP))
    check("with the receiver's own words", "User unknown" in member(world, ASLEEP)["reason"], member(world, ASLEEP))
    shown = world.listctl("member", "show", ASLEEP).stdout
    check("member show tells the history", "suspended since" in shown and "User unknown" in shown, shown)


def answer_warning(world, clock):
    mails = [email.message_from_bytes(m, policy=email.policy.default) for m in world.mailbox(ASLEEP)]
    warnings = [m for m in mails if m["Auto-Submitted"] == "auto-generated" and "-confirm+" in str(m["Reply-To"])]
    check("a warning arrives when the mailbox is back", len(warnings) == 1, [str(m["Subject"]) for m in mails])
    if not warnings:
        return
    check("it is signed mail of the list", "DKIM-Signature" in warnings[0] and BIRDS in str(warnings[0]["From"]), str(warnings[0]["From"]))
    to = str(warnings[0]["Reply-To"])
    world.send(b"From: %s\r\nTo: %s\r\nSubject: Re: x\r\n\r\nyes\r\n" % (ASLEEP.encode(), to.encode()), ASLEEP, to, client="127.0.0.10")
    wait_for("the answer to be taken", lambda: member(world, ASLEEP)["delivery"] == "on", 20)
    check("an answer brings a suspended subscriber back", member(world, ASLEEP)["delivery"] == "on", member(world, ASLEEP))


def run_month(world, clock):
    """A post a day. The key of the first copy is given back."""
    asleep_from, asleep_until = 5, 12
    old_key, sent = None, []
    domains = list(AUTHORS)
    for number in range(1, DAYS + 1):
        if number == asleep_from:
            set_mailboxes(world, [ASLEEP])
        if number == asleep_until:
            set_mailboxes(world, [])
        if number == asleep_until:
            test_come_back(world, clock)
        domain, how = domains[number % len(domains)], HOWS[number // len(domains) % len(HOWS)]
        code, text = send_post(world, clock, number, domain, how)
        check("post %d (%s, %s) is taken" % (number, domain, how), code == 250, text)
        sent.append(number)
        wait_for_copies(world, number)
        settle(world)
        if number == 1:
            old_key = return_path(world, "bob@plain.example", 1)
        clock.forward(DAY)
        if number == asleep_until + 3:
            settle(world)
            answer_warning(world, clock)
    return old_key, sent


def main():
    directory, prefix = sys.argv[1], sys.argv[2]
    world = build_world(directory, prefix)
    try:
        world.start_dns()
        world.start_receivers()
        world.start_mta()
        clock = Clock(world)
        world.start_listd('clock-file = "%s"\n' % world.path("clock"))
        world.make_list_key(LIST_DOMAIN)
        time.sleep(0.5)
        make_list(world, "birds", MEMBERS + [DEAD, ASLEEP], subject_tag="[birds]", post="anyone", decorate="always")
        make_list(world, "bees", [])
        old_key, sent = run_month(world, clock)
        settle(world)
        for m in MEMBERS:
            check("%s is subscribed, and gets posts" % m, member(world, m) is not None and member(world, m)["delivery"] == "on", member(world, m))
            wrong = {n: len(copies_of(world, m, n)) for n in sent if len(copies_of(world, m, n)) != 1}
            check("%s has one copy of each post" % m, not wrong, wrong)
        check("the dead mailbox is probed, suspended, warned and removed", steps(world, DEAD) == ["probe", "suspend", "warn", "warn", "remove"], steps(world, DEAD))
        check("and is gone", member(world, DEAD) is None, member(world, DEAD))
        refused = [e for e in world.events("bounce") if e["class"] == "policy-dmarc"]
        check("copies were refused for DMARC, so that this is a test", len(refused) > 0, len(refused))
        check("nobody else had a step taken", {e["member"] for e in world.events("tally")} == {DEAD, ASLEEP}, {e["member"] for e in world.events("tally")})
        test_forgeries(world, clock, old_key)
        test_flood(world)
        report = rows(world, "report", BIRDS, "--days", "40")[0]
        check("the report counts the posts", sum(report["posts"].values()) == DAYS, report["posts"])
        check("and tells who was removed", any(DEAD in k for k in report["removed"]), report["removed"])
        owner = subjects(world, "owner@plain.example")
        check("the owner has weekly reports", sum("report from" in s for s in owner) >= 4, owner)
        check("and daily summaries of what happened", sum("suspended, removed" in s for s in owner) >= 3, owner)
        end_listd(world)
    finally:
        world.stop_all()
    sys.exit(1 if FAILED else 0)


if __name__ == "__main__":
    main()
