# SPDX-License-Identifier: BSD-2-Clause
"""What a list can be set to do, seen from outside: author aliases, owners, moderation, loops and duplicates, members' options, VERP, decorations, strategies and
rules, several lists at once, international addresses, the archive, whose word about authentication is taken,
mail that would go in circles, and lists that are renamed. Real Postfix, OpenDMARC and mailboxes."""
import base64
import json
import os
import re
import signal
import smtplib
import sys
import time

from helper import (FAILED, LIST_DOMAIN, Lmtp, add_list_domain, add_receiver_domains, address, check, copies, end_listd, from_addresses, listd_log, make_list, message, no_copy,
                    only_copy, parsed, post, rows, settle, stuffed)
from world import Receiver, World, wait_for

STRICT = "v=DMARC1; p=reject"
FROM_MTA = "v=spf1 ip4:127.0.0.10 -all"
SIGNED = (b"from", b"to", b"subject", b"date", b"message-id")
FOOTER = "birds since 1899"
UTF8_FOOTER = "V\u00f6gel seit 1899 \u2013 sch\u00f6n"
STEPS = []


def step(function):
    """Each step posts, and gives back a function that judges what arrived when the queues are empty."""
    STEPS.append(function)
    return function


def build_world(directory, prefix):
    world = World(directory, prefix, base_port=5500, dns_address="127.0.0.19")
    world.receivers = [
        Receiver("opendmarc.example", "opendmarc", 5601, "  enforces yes\n"),
        Receiver("arc.example", "dkimpy", 5602, {"trusted_sealers": [LIST_DOMAIN], "receivers.conf": "  enforces yes\n  trusts-arc yes\n"}),
        Receiver("allowing.example", "dkimpy", 5603, {"allow": [LIST_DOMAIN], "receivers.conf": "  enforces yes\n  allowlists-us yes\n"}),
        Receiver("plain.example", "plain", 5604, "  enforces no\n"),
    ]
    world.users += ["moderator", "off", "f\u00fcr"]
    add_list_domain(world)
    # Receivers' users are authors too: strict, and shown by SPF alone.
    add_receiver_domains(world, dmarc=STRICT, spf=FROM_MTA)
    for name, dmarc in (("strict.example", STRICT), ("quarantine.example", "v=DMARC1; p=quarantine"), ("bare.example", None), ("other.example", None),
                        ("xn--mnchen-3ya.example", STRICT)):
        world.domain(name, dmarc=dmarc, spf=FROM_MTA)
        world.author_key(name)
    return world


def start(world):
    world.start_dns()
    world.start_receivers()
    world.start_mta()
    world.start_listd('retry-min = "1s"\n')
    world.make_list_key(LIST_DOMAIN)


def listd_refused(world, token_or_rcpt):
    return [e for e in world.events("refused") if token_or_rcpt in str(e)]


# 1. author aliases

def alias_of(world, mailbox, token):
    mail = only_copy(world, mailbox, token)
    return from_addresses(mail)[0] if mail else "nobody@invalid.example"


def altered(alias, at):
    letter = alias[at]
    return alias[:at] + ("b" if letter != "b" else "c") + alias[at + 1:]


def try_aliases(world, kind):
    """A post, and mail to the alias that it brought: the settings are told by kind."""
    name = kind
    make_list(world, name, ["ann@opendmarc.example", "bob@plain.example", "erin@opendmarc.example", "carol@strict.example", "dave@plain.example"], alias=kind, reply="list", alias_per_hour="3")
    check("%s: a post is taken" % kind, post(world, message("Ann <ann@opendmarc.example>", address(name), kind + "-post"), "ann@opendmarc.example", address(name)).startswith("250"))
    check("%s: a post of one who forwards is taken" % kind, post(world, message("Dave <dave@plain.example>", address(name), kind + "-loop"), "dave@plain.example", address(name)).startswith("250"))
    settle(world)
    alias, dave = alias_of(world, "erin@opendmarc.example", kind + "-post"), alias_of(world, "erin@opendmarc.example", kind + "-loop")
    check("%s: From is an alias at the list's domain" % kind, alias.startswith(name + "-author-") and alias.endswith("@" + LIST_DOMAIN) and alias != dave, alias)
    check("%s: the author's address %s" % (kind, "can be read" if kind == "readable" else "cannot be read"), ("ann=40opendmarc" in alias) == (kind == "readable"), alias)
    check("%s: a member's mail to the author is taken" % kind,
          post(world, message("Carol <carol@strict.example>", alias, kind + "-reply"), "carol@strict.example", alias).startswith("250"))
    refused = post(world, message("Eve <eve@bare.example>", alias, kind + "-eve"), "eve@bare.example", alias)
    check("%s: mail of one who is no member is refused" % kind, refused.startswith("550 5.7.2"), refused)
    for bad in (altered(alias, len(name) + 12), altered(alias, alias.index("@") - 1), "%s-author-%s@%s" % (name, "a" * 20, LIST_DOMAIN), "%s-author-ann=40opendmarc.example-aaaaaaaa@%s" % (name, LIST_DOMAIN)):
        refused = post(world, message("Carol <carol@strict.example>", bad, kind + "-bad"), "carol@strict.example", bad)
        check("%s: no such alias %s" % (kind, bad), refused.startswith("550 5.1.1"), refused)
    report = post(world, message("Mailer <mailer-daemon@bare.example>", alias, kind + "-report"), "", alias)
    check("%s: a report to the alias is taken and dropped" % kind, report.startswith("250"), report)
    world.forward("dave@plain.example", dave)
    world.send(message("Bob <bob@plain.example>", dave, kind + "-circle"), "bob@plain.example", dave)
    settle(world)
    return alias, dave


def judge_aliases(world, kind, alias, dave):
    mail = only_copy(world, "ann@opendmarc.example", kind + "-reply")
    if mail is not None:
        sender = str(mail["Return-Path"])
        check("%s: the forward's envelope is the list's" % kind, sender.startswith("<%s-bounces" % kind) and sender.endswith("@%s>" % LIST_DOMAIN), sender)
        check("%s: the forward passes DMARC" % kind, any("opendmarc.example; dmarc=pass" in v for v in mail.get_all("Authentication-Results", [])), mail.get_all("Authentication-Results"))
        check("%s: the forward shows its author" % kind, "Carol" in str(mail["From"]), mail["From"])
        check("%s: an answer goes to him, not to the list" % kind, "carol@strict.example" in str(mail["Reply-To"]) and address(kind) not in str(mail["Reply-To"]), mail["Reply-To"])
        check("%s: a forward is no list post" % kind, mail["List-Id"] is None, mail["List-Id"])
    for token in ("-eve", "-bad", "-report"):
        no_copy(world, "ann@opendmarc.example", kind + token)
    loops = [e for e in world.events("refused") if e.get("stage") == "loop" and e.get("list") == address(kind)]
    check("%s: a forward that comes back is stopped" % kind, bool(loops) and all(e["code"] == "554" for e in loops), loops)
    no_copy(world, "dave@plain.example", kind + "-circle")
    reports = [e for e in world.events("discarded") if e.get("list") == address(kind) and "mail to a bounce address: it has no key" in e.get("reason", "")]
    check("%s: the report about it is dropped" % kind, len(reports) >= 1, reports)


def try_rate(world, kind, alias):
    replies = [post(world, message("Bob <bob@plain.example>", alias, "%s-many-%d" % (kind, i)), "bob@plain.example", alias) for i in range(4)]
    late = [r for r in replies if r.startswith("451 4.7.1")]
    check("%s: too many are put off" % kind, len(late) >= 1 and all(r.startswith("250") for r in replies[:2]) and replies[-1] in late, replies)


@step
def aliases(world):
    made = {kind: try_aliases(world, kind) for kind in ("keyed", "readable")}
    for kind, (alias, _) in made.items():
        try_rate(world, kind, alias)

    def judge():
        for kind, (alias, dave) in made.items():
            judge_aliases(world, kind, alias, dave)
    return judge


# 2. the people behind a list

@step
def owners(world):
    make_list(world, "owned", ["bob@plain.example"], strategy="refuse", reply="list", footer=FOOTER, subject_tag="[owned]")
    for suffix in ("-owner", "-request", "-help", "-join", "-leave"):
        rcpt = "owned%s@%s" % (suffix, LIST_DOMAIN)
        answer = post(world, message("Ann <ann@strict.example>", rcpt, "to" + suffix), "ann@strict.example", rcpt)
        check("mail to %s is taken" % rcpt, answer.startswith("250"), answer)
    answer = post(world, message("Ann <ann@strict.example>", address("owned"), "owned-post"), "ann@strict.example", address("owned"))
    check("strategy refuse refuses posts of strict authors", answer.startswith("550 5.7.1"), answer)
    answer = post(world, message("Ann <ann@strict.example>", "x-owner@" + LIST_DOMAIN, "no-owner"), "ann@strict.example", "x-owner@" + LIST_DOMAIN)
    check("an owner of no list is unknown", answer.startswith("550 5.1.1"), answer)

    def judge():
        for suffix in ("-owner", "-request", "-help", "-join", "-leave"):
            mail = only_copy(world, "owner@plain.example", "to" + suffix)
            if mail is None:
                continue
            check("%s: plain, and answers go to its author" % suffix, FOOTER not in mail.get_content() and mail["List-Id"] is None and mail["Subject"] == "to" + suffix
                  and ("ann@strict.example" in str(mail["Reply-To"]) or from_addresses(mail) == ["ann@strict.example"]), (mail["Subject"], mail["From"], mail["Reply-To"]))
            no_copy(world, "bob@plain.example", "to" + suffix)
    return judge


# 3. moderation

def held(world, subject):
    return [row for row in rows(world, "held", "list") if row["subject"] == subject]


def hold_of(world, subject, reason):
    found = held(world, subject)
    check("%s: held, and told why" % subject, len(found) == 1 and reason in found[0]["reason"], found or rows(world, "held", "list"))
    return found[0]["id"] if found else "none"


def wait_held(world, subjects):
    try:
        wait_for("holds", lambda: subjects <= {r["subject"] for r in rows(world, "held", "list")}, 20)
    except RuntimeError as e:
        check("posts are held", False, e)


def reject_posts(world):
    """A moderator's no: the author is told when nobody else can be hit."""
    for token, reason, to in (("mod-reject", (), "ann@opendmarc.example"), ("mod-reject-why", ("--reason", "Herons only, please: v\u00f6gel"), "ann@opendmarc.example"),
                              ("reject-forged", ("--reason", "no"), None), ("reject-program", (), None)):
        told = json.loads(world.listctl("--json", "held", "reject", next(h["id"] for h in held(world, token) if h["subject"] == token), *reason).stdout)
        check("held reject %s: %s" % (token, to), told["to"] == to and told["told"], told)
    unknown = world.listctl("held", "reject", "nonsense", check=False)
    check("held reject of what is not there", unknown.returncode != 0 and "no held post nonsense" in unknown.stderr, unknown)


def judge_rejected(world):
    notices = [parsed(m) for m in world.mailbox("ann@opendmarc.example") if b"your message was not sent to the list" in m]
    check("two authors' notices, and no more", len(notices) == 2 and not any("reject-forged" in str(n) for n in notices), [str(n["Subject"]) for n in notices])
    text = "".join(n.get_content() for n in notices)
    check("they tell the subject, and the moderators' words", "mod-reject\n" in text.replace("\r", "") and "Herons only, please: v\u00f6gel" in text and "moderated-owner@" in text, text)
    for notice in notices:
        check("a notice asks for no answer", notice["Auto-Submitted"] == "auto-generated" and notice["Return-Path"] in ("<>", "<MAILER-DAEMON>"), notice.items())
    check("the log tells of them", len(world.events("rejected")) == 4, world.events("rejected"))


@step
def moderation(world):
    readers = ["bob@plain.example", "carol@opendmarc.example"]
    make_list(world, "moderated", readers + ["ann@strict.example"], post="moderated", moderators="moderator@plain.example")
    make_list(world, "members", readers + ["mia@bare.example"])
    make_list(world, "closed", readers, on_nonmember="refuse")
    world.listctl("member", "set", address("members"), "mia@bare.example", "moderated", "yes")
    strict, bare, forged = ("Ann <ann@strict.example>", "ann@strict.example"), ("Eve <eve@bare.example>", "eve@bare.example"), ("Quentin Q <q@quarantine.example>", "q@quarantine.example")
    ann = ("Ann <ann@opendmarc.example>", "ann@opendmarc.example")  # who has a mailbox, and whom SPF shows to be right
    for author, name, token in ((strict, "moderated", "mod-accept"), (strict, "moderated", "mod-discard"), (ann, "moderated", "mod-reject"), (ann, "moderated", "mod-reject-why"), (bare, "members", "nonmember"),
                                (("Mia <mia@bare.example>", "mia@bare.example"), "members", "mia-moderated")):
        answer = post(world, message(author[0], address(name), token), author[1], address(name))
        check("%s: taken, with word that it is held" % token, answer.startswith("250") and "held" in answer, answer)
    answer = post(world, message(forged[0], address("members"), "forged-q"), forged[1], address("members"), client="127.0.0.66")
    check("forged-q: taken, with word that it is held", answer.startswith("250") and "held" in answer, answer)
    for token, more in (("reject-forged", {"client": "127.0.0.66"}), ("reject-program", {})):
        octets = message(ann[0] if more == {} else forged[0], address("moderated"), token, head="Auto-Submitted: auto-generated" if more == {} else "")
        answer = post(world, octets, ann[1] if more == {} else forged[1], address("moderated"), **more)
        check("%s: held" % token, answer.startswith("250") and "held" in answer, answer)
    answer = post(world, message(*(bare[0], address("closed"), "closed-nonmember")), bare[1], address("closed"))
    check("on-nonmember = refuse refuses", answer.startswith("550 5.7.2"), answer)
    answer = post(world, message("Mod <moderator@plain.example>", address("moderated"), "by-moderator"), "moderator@plain.example", address("moderated"))
    check("a moderator's own post is not held", answer.startswith("250") and "held" not in answer, answer)
    wait_held(world, {"mod-accept", "mod-discard", "mod-reject", "mod-reject-why", "reject-forged", "reject-program", "nonmember", "forged-q", "mia-moderated"})
    ids = {"mod-accept": hold_of(world, "mod-accept", "moderator"), "mod-discard": hold_of(world, "mod-discard", "moderator"),
           "nonmember": hold_of(world, "nonmember", "not a member"), "forged-q": hold_of(world, "forged-q", "quarantine.example"),
           "mia-moderated": hold_of(world, "mia-moderated", "moderator")}
    shown = world.listctl("held", "show", ids["forged-q"]).stdout
    check("held show shows it", "Quentin Q" in shown and "heron" in shown and "\nSubject: forged-q\n" in shown and re.search(r"since: +20\d\d-", shown), shown)
    check("held list LIST shows the list's own", {r["subject"] for r in rows(world, "held", "list", address("moderated"))} == {"mod-accept", "mod-discard", "mod-reject", "mod-reject-why", "reject-forged", "reject-program"})
    for token in ("mod-accept", "nonmember", "forged-q", "mia-moderated"):
        world.listctl("held", "accept", ids[token])
    world.listctl("held", "discard", ids["mod-discard"])
    reject_posts(world)
    again = world.listctl("held", "accept", ids["mod-discard"], check=False)
    check("what was discarded cannot be accepted", again.returncode != 0, again.stdout)

    def judge():
        check("nothing is held any more", not held(world, "mod-accept") and not held(world, "mod-discard") and not held(world, "forged-q"))
        for reader in readers:
            for token in ("mod-accept", "nonmember", "by-moderator", "mia-moderated"):
                only_copy(world, reader, token)
            for token in ("mod-discard", "mod-reject", "mod-reject-why", "reject-forged", "reject-program"):
                no_copy(world, reader, token)
            judge_vouched(world, reader)
        judge_rejected(world)
    return judge


def judge_vouched(world, reader):
    """A released post that is not authentic: only wrapped, under the list's name alone."""
    mail = only_copy(world, reader, "forged-q")
    if mail is None:
        return
    check("released forgery at %s: From is the list" % reader, from_addresses(mail) == [address("members")], mail["From"])
    outer = "".join("%s: %s\n" % (k, v) for k, v in mail.items() if k.lower() not in ("authentication-results", "arc-authentication-results"))
    check("released forgery at %s: not under the author's name" % reader, "Quentin" not in str(mail["From"]) and "Quentin" not in str(mail["Sender"]), outer)
    inner = [p for p in mail.walk() if p.get_content_type() == "message/rfc822"]
    check("released forgery at %s: wrapped" % reader, len(inner) == 1 and "q@quarantine.example" in str(inner[0].get_content()["From"]), mail.get_content_type())


# 4. loops, duplicates, rules, sizes

@step
def intake(world):
    make_list(world, "intake", ["bob@plain.example"], post="anyone", max_received="5", max_size="64K", deny="evil.example bad@bare.example *@pattern.example",
              header_rules='hold Subject /\\bhold-me\\b/i\nrefuse X-Spam /^yes/\ndiscard Subject /\\bdiscard-me\\b/')
    make_list(world, "announce", ["bob@plain.example", "bob@bare.example"], post="owners", moderators="moderator@plain.example")
    to = address("intake")

    def answer(token, author="Joe <joe@bare.example>", rcpt=to, octets=None, **more):
        return post(world, octets or message(author, rcpt, token, **more), author.rpartition("<")[2].rstrip(">"), rcpt)

    first = message("Joe <joe@bare.example>", to, "twice")
    check("a post is taken", answer("twice", octets=first).startswith("250"))
    settle(world)
    second = answer("twice", octets=first)
    check("the same Message-ID again is dropped", second.startswith("250") and "discarded" in second, second)
    for name, want, got in (
            ("own List-Id", "554 5.4.6", answer("own-list-id", head="List-Id: Birds <intake.%s>" % LIST_DOMAIN)),
            ("another's List-Id", "250", answer("foreign-list-id", head="List-Id: <intake.other.example>")),
            ("own envelope", "554 5.4.6", post(world, message("Joe <joe@bare.example>", to, "own-envelope"), "intake-bounces@" + LIST_DOMAIN, to)),
            ("5 Received fields", "250", answer("received-5", head="\n".join(["Received: by x; Sun, 22 Nov 2026 10:00:00 +0000"] * 5))),
            ("6 Received fields", "554 5.4.6", answer("received-6", head="\n".join(["Received: by x; Sun, 22 Nov 2026 10:00:00 +0000"] * 6))),
            ("denied domain", "550 5.7.2", answer("denied", author="E <x@evil.example>")),
            ("denied address", "550 5.7.2", answer("denied-2", author="B <Bad@bare.example>")),
            ("denied pattern", "550 5.7.2", answer("denied-3", author="B <any@pattern.example>")),
            ("header rule refuse", "550 5.7.1", answer("spammy", head="X-Spam: yes, much")),
            ("header rule refuse does not match", "250", answer("not-spammy", head="X-Spam: no, yes")),
            ("header rule discard", "250 2.0.0 discarded", answer("discard-me")),
            ("header rule hold", "250 2.6.0 held", answer("=?utf-8?q?HOLD=2Dme?=")),
            ("post = owners, a member", "550 5.7.2", answer("ann-member", author="Bob <bob@bare.example>", rcpt=address("announce"))),
            ("post = owners, the owner", "250", answer("ann-owner", author="Owner <owner@plain.example>", rcpt=address("announce"))),
            ("post = owners, a moderator", "250", answer("ann-moderator", author="Mod <moderator@plain.example>", rcpt=address("announce"))),
            ("a post over the list's max-size", "552 5.3.4", answer("too-big", body="x" * 998 + "\r\n" + ("y" * 998 + "\r\n") * 70)),
            ("a post below the list's max-size", "250", answer("big", body=("y" * 998 + "\r\n") * 60)),
            ("an unknown list", "550 5.1.1", answer("nobody", rcpt=address("nobody"))),
            ("an unknown domain", "550 5.1.1", answer("nobody", rcpt="intake@elsewhere.example")),
            ("two From fields", "550 5.6.0", answer("two-froms", head="From: Jill <jill@bare.example>")),
            ("the list's own name from outside", "550 5.6.0", answer("own-name", author="Birds <%s>" % to)),
            ("the list's address in other letter case, with a suffix", "550 5.6.0", answer("own-name-2", author="Birds <InTake-Owner@LISTS.example.org>"))):
        check("%s: %s" % (name, want), got.startswith(want), got)
    with Lmtp(world) as lmtp:
        got = lmtp.say("MAIL FROM:<joe@bare.example> SIZE=%d" % (11 << 20))
        check("a size over the site's at MAIL", got.startswith("552 5.3.4"), got)
        lmtp.begin("joe@bare.example", [to])
        got = lmtp.data(stuffed(message("Joe <joe@bare.example>", to, "huge", body=("z" * 998 + "\r\n") * 11000)), 1)[0]
        check("a size over the site's after the data", got.startswith("552 5.3.4"), got)
        check("and the session goes on", lmtp.say("NOOP").startswith("250"))

    def judge():
        for token in ("twice", "foreign-list-id", "received-5", "not-spammy", "ann-owner", "ann-moderator", "big"):
            only_copy(world, "bob@plain.example", token)
        for token in ("own-list-id", "received-6", "denied", "spammy", "discard-me", "ann-member", "too-big", "huge", "two-froms"):
            no_copy(world, "bob@plain.example", token)
        check("header rule hold holds", any("header rule" in r["reason"] for r in rows(world, "held", "list", to)), rows(world, "held", "list"))
    return judge


# 5. what members want

@step
def members_options(world):
    make_list(world, "options", ["bob@plain.example", "carol@plain.example", "erin@plain.example", "off@plain.example"], post="anyone")
    world.listctl("member", "set", address("options"), "carol@plain.example", "skip-addressed", "yes")
    world.listctl("member", "set", address("options"), "erin@plain.example", "not-own-posts", "yes")
    world.listctl("member", "set", address("options"), "off@plain.example", "delivery", "off")
    to = address("options")
    post(world, message("Joe <joe@bare.example>", to, "opt-cc", head="Cc: Carol <CAROL@Plain.example>, x@bare.example"), "joe@bare.example", to)
    post(world, message("Erin <erin@plain.example>", to, "opt-erin"), "erin@plain.example", to)
    make_list(world, "skipping", [], post="anyone")
    world.listctl("list", "set", address("skipping"), "skip-addressed", "yes")
    world.listctl("members", "add", address("skipping"), "bob@plain.example", "erin@plain.example")
    post(world, message("Joe <joe@bare.example>", address("skipping"), "opt-skip", head="Cc: bob@plain.example"), "joe@bare.example", address("skipping"))

    def judge():
        only_copy(world, "bob@plain.example", "opt-cc")
        no_copy(world, "carol@plain.example", "opt-cc", "skip-addressed")
        only_copy(world, "carol@plain.example", "opt-erin")
        no_copy(world, "erin@plain.example", "opt-erin", "not-own-posts")
        only_copy(world, "erin@plain.example", "opt-cc")
        no_copy(world, "off@plain.example", "opt-cc", "delivery off")
        no_copy(world, "bob@plain.example", "opt-skip", "a list whose members skip")
        only_copy(world, "erin@plain.example", "opt-skip")
    return judge


# 6. VERP

def return_path(world, mailbox, token):
    mail = only_copy(world, mailbox, token)
    return str(mail["Return-Path"]).strip("<>") if mail else ""


@step
def verp(world):
    make_list(world, "verp", ["bob@plain.example", "carol@plain.example", "ghost@plain.example"], post="anyone")
    forms = {"auto": r"verp-bounces\+p\w{36}\+%s=plain\.example@", "transaction": r"verp-bounces\+r\w{36}\+%s=plain\.example@", "off": r"verp-bounces\+p\w{36}@"}
    for mode in forms:
        world.set_listd('retry-min = "1s"\nverp = %s\n' % mode)
        world.listctl("reload")
        token = "verp-" + mode
        post(world, message("Joe <joe@bare.example>", address("verp"), token), "joe@bare.example", address("verp"))
        settle(world)
    world.set_listd('retry-min = "1s"\n')
    world.listctl("reload")

    def judge():
        for mode, pattern in forms.items():
            paths = [return_path(world, "%s@plain.example" % user, "verp-" + mode) for user in ("bob", "carol")]
            right = all(re.match((pattern % user if "%s" in pattern else pattern) + re.escape(LIST_DOMAIN) + "$", path) for user, path in zip(("bob", "carol"), paths))
            check("verp = %s: envelope senders" % mode, right, paths)
        reports = [e for e in world.events("bounce") if e.get("list") == address("verp") and e.get("to") == "ghost@plain.example" and e.get("class") == "dead-mailbox"]
        refused = [e for e in world.events("recipient-refused") if e.get("to") == "ghost@plain.example"]
        check("the reports about a member who is gone come back to the list", len(reports) + len(refused) == 3, (reports, refused))
        no_copy(world, "owner@plain.example", "verp-auto")
    return judge


# 7. decorations

PARTS = {
    "text": ("", "A heron.\r\n"),
    "no-final-line-end": ("Content-Type: text/plain\nMIME-Version: 1.0", "A heron."),
    "quoted-printable": ("MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable", "gr=C3=BC=C3=9Fend =3D soft=\r\n break\r\n"),
    "quoted-latin1": ("MIME-Version: 1.0\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable", "gr=FC=DFend\r\n"),
    "8bit": ("MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit", "gr\u00fc\u00dfend\r\n"),
    "base64": ("MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64", base64.encodebytes("gr\u00fc\u00dfend ".encode() * 12).decode().replace("\n", "\r\n")),
    "html": ("MIME-Version: 1.0\nContent-Type: text/html", "<p>A heron.</p>\r\n"),
    "mixed": ('MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="m1"', "preamble\r\n--m1\r\nContent-Type: text/plain\r\n\r\nheron\r\n--m1\r\nContent-Type: image/png\r\n"
              "Content-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n--m1--\r\nepilogue\r\n"),
    "alternative": ('MIME-Version: 1.0\nContent-Type: multipart/alternative; boundary="a1"', "--a1\r\nContent-Type: text/plain\r\n\r\nheron\r\n--a1\r\nContent-Type: text/html\r\n\r\n<p>heron</p>\r\n--a1--\r\n"),
    "signed": ('MIME-Version: 1.0\nContent-Type: multipart/signed; boundary="s1"; micalg=pgp-sha256; protocol="application/pgp-signature"',
               "--s1\r\nContent-Type: text/plain\r\n\r\nheron, signed  \r\n--s1\r\nContent-Type: application/pgp-signature\r\n\r\n-----BEGIN PGP SIGNATURE-----\r\n\r\niQ==\r\n-----END PGP SIGNATURE-----\r\n--s1--\r\n"),
}
APPENDED = {"text", "no-final-line-end", "quoted-printable", "8bit"}  # where the footer may stand in the text itself


def texts_of(mail):
    return [p.get_content() for p in mail.walk() if p.get_content_type() == "text/plain" and not p.is_multipart()]


def judge_decorated(world, name, footer, kind, body):
    mail = only_copy(world, "bob@plain.example", kind)
    if mail is None:
        return
    check("%s: tagged" % kind, mail["Subject"] == "[%s] %s" % (name, kind), mail["Subject"])
    texts = texts_of(mail)
    check("%s: the footer stands there once, as readers see it" % kind, sum(t.count(footer) for t in texts) == 1 and texts[-1].rstrip().endswith(footer), texts)
    raw = copies(world, "bob@plain.example", kind)[0]
    original = body.encode().replace(b"\r\n", b"\n")
    core = original[original.find(b"--"):].rstrip(b"\n")
    if kind.split("-", 1)[1] == "mixed":
        core = core[:core.index(b"--m1--")]
    check("%s: the original's octets are there" % kind, core in raw, raw[-900:])
    check("%s: no defect" % kind, not mail.defects and not any(p.defects for p in mail.walk()), [p.defects for p in mail.walk()])
    leaves = [p for p in mail.walk() if not p.is_multipart()]
    before = [p for p in parsed(b"MIME-Version: 1.0\n" + PARTS[kind.split("-", 1)[1]][0].replace("MIME-Version: 1.0\n", "").encode() + b"\n\n" + original).walk() if not p.is_multipart()]
    check("%s: the parts are the original's and at most the footer" % kind, [p.get_content_type() for p in leaves][:len(before)] == [p.get_content_type() for p in before]
          and len(leaves) - len(before) in (0, 1), [p.get_content_type() for p in leaves])


@step
def decorations(world):
    lists = {"ascii": FOOTER, "utf8": UTF8_FOOTER}
    for name, footer in lists.items():
        make_list(world, name, ["bob@plain.example"], post="anyone", subject_tag="[%s]" % name, footer=footer, decorate="always")
        for kind, (head, body) in PARTS.items():
            answer = post(world, message("Joe <joe@bare.example>", address(name), "%s-%s" % (name, kind), head=head, body=body), "joe@bare.example", address(name), options=" BODY=8BITMIME")
            check("%s-%s is taken" % (name, kind), answer.startswith("250"), answer)
    post(world, message("Joe <joe@bare.example>", address("ascii"), "Re: [ascii] tagged"), "joe@bare.example", address("ascii"))

    def judge():
        for name, footer in lists.items():
            for kind, (_, body) in PARTS.items():
                judge_decorated(world, name, footer, "%s-%s" % (name, kind), body)
        mail = only_copy(world, "bob@plain.example", "tagged")
        check("a tag is not put twice", mail is not None and mail["Subject"] == "Re: [ascii] tagged", mail and mail["Subject"])
    return judge


# 8. where replies go

@step
def replies(world):
    make_list(world, "replying", ["bob@plain.example", "carol@opendmarc.example"], post="anyone", reply="list")
    to = address("replying")
    post(world, message("Joe <joe@bare.example>", to, "reply-bare", head="Reply-To: elsewhere@bare.example"), "joe@bare.example", to)
    post(world, message("Ann <ann@strict.example>", to, "reply-strict"), "ann@strict.example", to)

    def judge():
        for mailbox in ("bob@plain.example", "carol@opendmarc.example"):
            for token in ("reply-bare", "reply-strict"):
                mail = only_copy(world, mailbox, token)
                check("reply = list: Reply-To of %s at %s" % (token, mailbox), mail is not None and [a.addr_spec for a in mail["Reply-To"].addresses] == [to], mail and mail["Reply-To"])
        mail = only_copy(world, "carol@opendmarc.example", "reply-strict")
        check("reply = list: a rewritten copy has the author in Cc", mail is not None and from_addresses(mail) == [to] and "ann@strict.example" in str(mail["Cc"]), mail and mail["Cc"])
    return judge


# 9. strategies and rules

@step
def strategies(world):
    everyone = ["bob@plain.example", "carol@opendmarc.example", "dave@arc.example", "erin@allowing.example"]
    make_list(world, "wrapping", everyone, post="anyone", strategy="wrap")
    make_list(world, "resealing", everyone, post="anyone", strategy="reseal", subject_tag="[seal]")
    make_list(world, "ruled", everyone, post="anyone", rules="exempt from strict.example to plain\nwrap from strict.example to @opendmarc.example\nrewrite from other.example")
    make_list(world, "automatic", everyone, post="anyone", subject_tag="[auto]", decorate="always")
    for name in ("wrapping", "resealing", "ruled", "automatic"):
        for author in ("ann@strict.example", "joe@bare.example", "jim@other.example"):
            answer = post(world, message("A Name <%s>" % author, address(name), "%s-%s" % (name, author.split("@")[1].split(".")[0])), author, address(name))
            check("%s takes a post of %s" % (name, author), answer.startswith("250"), answer)

    def seen(name, mailbox, author):
        mail = only_copy(world, mailbox, "%s-%s" % (name, author.split("@")[1].split(".")[0]))
        if mail is None:
            return "nothing"
        if any(p.get_content_type() == "message/rfc822" for p in mail.walk()):
            return "wrap" if from_addresses(mail) == [address(name)] else "wrap of another"
        return "own" if from_addresses(mail) == [author] else "rewrite" if from_addresses(mail) == [address(name)] else str(mail["From"])

    def judge():
        plain, dmarc, arc, allowing = everyone
        for name, author, wanted in (
                ("wrapping", "ann@strict.example", {plain: "wrap", dmarc: "wrap", arc: "wrap", allowing: "wrap"}),
                ("wrapping", "joe@bare.example", {m: "own" for m in everyone}),
                ("resealing", "ann@strict.example", {plain: "own", arc: "own"}),
                ("resealing", "joe@bare.example", {plain: "own", dmarc: "own", arc: "own", allowing: "own"}),
                ("ruled", "ann@strict.example", {plain: "own", dmarc: "wrap", arc: "own", allowing: "own"}),
                ("ruled", "jim@other.example", {m: "rewrite" for m in everyone}),
                ("ruled", "joe@bare.example", {m: "own" for m in everyone}),
                ("automatic", "ann@strict.example", {plain: "own", dmarc: "rewrite", arc: "own", allowing: "own"}),
                ("automatic", "joe@bare.example", {m: "own" for m in everyone})):
            got = {mailbox: seen(name, mailbox, author) for mailbox in wanted}
            check("%s: copies of %s" % (name, author), got == wanted, got)
        sealed = copies(world, arc, "resealing-strict")
        check("a resealed copy holds an ARC set", bool(sealed) and all(f in sealed[0].lower() for f in (b"\narc-seal:", b"\narc-message-signature:", b"\narc-authentication-results:")))
    return judge


# 10. several lists in one transaction

@step
def several(world):
    for name in ("one", "two", "three"):
        make_list(world, name, ["bob@plain.example"], post="anyone" if name != "three" else "members", on_nonmember="refuse")
    make_list(world, "four", ["bob@plain.example"], post="owners")
    answers = post(world, message("Joe <joe@bare.example>", ", ".join(map(address, ("one", "two", "three"))), "several"), "joe@bare.example", *map(address, ("one", "two", "three")))
    check("a reply for each list", [a[:3] for a in answers] == ["250", "250", "550"], answers)
    with Lmtp(world) as lmtp:
        got = lmtp.begin("joe@bare.example", [address("one"), address("nobody"), address("four"), address("one")])
        check("an unknown list, and one that only owners post to, are refused alone", len(got) == 2, got)

    def judge():
        found = copies(world, "bob@plain.example", "several")
        check("a copy by each list", sorted(str(parsed(m)["List-Id"]) for m in found) == ["one <one.%s>" % LIST_DOMAIN, "two <two.%s>" % LIST_DOMAIN], [parsed(m)["List-Id"] for m in found])
    return judge


# 11. international addresses

def send_utf8(world, octets, sender, rcpt):
    with smtplib.SMTP("127.0.0.1", world.mta_port, source_address=("127.0.0.10", 0), timeout=30) as smtp:
        smtp.ehlo()
        smtp.command_encoding = "utf-8"
        codes = [smtp.mail(sender, ["SMTPUTF8", "BODY=8BITMIME"])[0], smtp.rcpt(rcpt)[0], smtp.data(octets)[0]]
    return codes


@step
def international(world):
    make_list(world, "welt", ["bob@plain.example", "carol@opendmarc.example"], post="anyone", footer=UTF8_FOOTER, subject_tag="[welt]", display_name="V\u00f6gel")
    to = address("welt")
    for author, token in (("J\u00f6rg M\u00fcller <j\u00f6rg@bare.example>", "utf8-local"), ("Jens <jens@m\u00fcnchen.example>", "utf8-domain"), ("\u9ce5\u985e <bird@bare.example>", "utf8-name"),
                          ("J\u00f6rg <j\u00f6rg@m\u00fcnchen.example>", "utf8-strict")):
        sender = author.partition("<")[2].rstrip(">")
        codes = send_utf8(world, message(author, to, token, body="Ein Reiher.\r\n"), sender, to)
        check("%s: taken by the mail server" % token, codes == [250, 250, 250], codes)

    def judge():
        for mailbox in ("bob@plain.example", "carol@opendmarc.example"):
            for token, part in (("utf8-local", "j\u00f6rg@bare.example"), ("utf8-domain", "jens@"), ("utf8-name", "\u9ce5\u985e"), ("utf8-strict", "J\u00f6rg")):
                mail = only_copy(world, mailbox, token)
                if mail is None:
                    continue
                people = " ".join(str(v) for f in ("From", "Reply-To", "Cc") for v in mail.get_all(f, []))
                check("%s at %s: the author is shown" % (token, mailbox), part in people, people)
                check("%s at %s: one From address" % (token, mailbox), len(mail["From"].addresses) == 1, mail["From"])
                check("%s at %s: the footer can be read" % (token, mailbox), sum(t.count(UTF8_FOOTER) for t in texts_of(mail)) == 1, mail.as_string()[-500:])
    return judge


# 12. several authors

@step
def authors(world):
    make_list(world, "authors", ["bob@plain.example", "carol@opendmarc.example"], post="anyone")
    to = address("authors")
    two = "Ann <ann@strict.example>, Ben <ben@strict.example>"
    signed = world.sign(message(two.replace(">, ", ">, "), to, "authors-signed", head="Sender: ann@strict.example"), "strict.example", SIGNED)
    answer = post(world, signed, "x@other.example", to)
    check("two authors of a strict domain, signed: taken", answer.startswith("250"), answer)
    answer = post(world, message(two, to, "authors-spf", head="Sender: ann@strict.example"), "ann@strict.example", to)
    check("two authors of a strict domain, by SPF: taken", answer.startswith("250"), answer)
    answer = post(world, message("Joe <joe@bare.example>, Ann <ann@strict.example>", to, "authors-forged", head="Sender: joe@bare.example"), "joe@bare.example", to)
    check("a strict author beside the sender, not shown to be one: refused", answer.startswith("550 5.7.1"), answer)

    def judge():
        for mailbox in ("bob@plain.example", "carol@opendmarc.example"):
            only_copy(world, mailbox, "authors-signed")
            mail = only_copy(world, mailbox, "authors-spf")
            if mail is not None and mailbox.startswith("carol"):
                check("two authors: one From, both reached by a reply", from_addresses(mail) == [to] and all(a in str(mail["Reply-To"]) for a in ("ann@strict", "ben@strict")),
                      (mail["From"], mail["Reply-To"]))
            no_copy(world, mailbox, "authors-forged")
    return judge


# 13. the archive

@step
def archive(world):
    make_list(world, "archived", ["bob@plain.example"], post="anyone", subject_tag="[a]", footer=FOOTER)
    make_list(world, "unarchived", ["bob@plain.example"], post="anyone", archive="no")
    kept = []
    for kind, (head, body) in PARTS.items():
        octets = message("Joe <joe@bare.example>", address("archived"), "arch-" + kind, head=head + "\nX-Odd:   blanks  kept \t ", body=body + ("" if body.endswith("\r\n") else "\r\n") + "..dots\r\n.\r\n")
        kept.append(octets)
        post(world, octets, "joe@bare.example", address("archived"), options=" BODY=8BITMIME")
    post(world, message("Joe <joe@bare.example>", address("archived"), "arch-refused", head="From: x@bare.example"), "joe@bare.example", address("archived"))
    post(world, message("Joe <joe@bare.example>", address("unarchived"), "arch-not"), "joe@bare.example", address("unarchived"))

    def judge():
        folder = world.path("var/archive", address("archived"), "new")
        found = sorted(open(os.path.join(folder, n), "rb").read() for n in os.listdir(folder)) if os.path.isdir(folder) else []
        check("the archive holds each accepted post byte for byte", found == sorted(kept), "%d files, %d posts" % (len(found), len(kept)))
        check("archive = no keeps nothing", not os.path.isdir(world.path("var/archive", address("unarchived"), "new")))
    return judge


# 14. whose word is taken

@step
def authentication_results(world):
    make_list(world, "word", ["bob@plain.example", "carol@opendmarc.example"], post="anyone")
    to = address("word")
    results = "Authentication-Results: %s; spf=pass smtp.mailfrom=ann@strict.example"

    def unknown_client(token, head):
        return post(world, message("Ann <ann@strict.example>", to, token, head=head), "ann@strict.example", to, client=None)

    got = unknown_client("word-before", results % "border.example")
    check("no server is trusted: refused", got.startswith("550 5.7.1"), got)
    world.set_listd('retry-min = "1s"\ntrusted-authserv-ids = { "border.example" }\n')
    reloads = len(world.events("reloaded"))
    os.kill(world.processes["listd"].pid, signal.SIGHUP)
    wait_for("the reload", lambda: len(world.events("reloaded")) > reloads, 10)
    got = unknown_client("word-trusted", results % "border.example")
    check("a trusted server says SPF passed: taken", got.startswith("250"), got)
    got = unknown_client("word-untrusted", results % "border.evil.example")
    check("another says so: refused", got.startswith("550 5.7.1"), got)
    got = unknown_client("word-own", results % LIST_DOMAIN)
    check("one says so under our own name: refused", got.startswith("550 5.7.1"), got)
    got = unknown_client("word-other", results.replace("ann@strict.example", "x@bare.example") % "border.example")
    check("a trusted server says so of another domain: refused", got.startswith("550 5.7.1"), got)
    got = post(world, message("Joe <joe@bare.example>", to, "word-forged", head="Authentication-Results: %s; dkim=pass header.d=bank.example\nauthentication-results: (x) %s 1 ; dmarc=pass\n"
               "Authentication-Results: border.evil.example; spf=pass" % (LIST_DOMAIN, LIST_DOMAIN.upper())), "joe@bare.example", to)
    check("a post with our own name in it: taken", got.startswith("250"), got)

    def judge():
        only_copy(world, "carol@opendmarc.example", "word-trusted")
        for mailbox in ("bob@plain.example", "carol@opendmarc.example"):
            mail = only_copy(world, mailbox, "word-forged")
            fields = [] if mail is None else [v for v in mail.get_all("Authentication-Results", []) if LIST_DOMAIN in v.lower().split(";")[0]]
            check("forged results under our name are gone at %s" % mailbox, len(fields) == 1 and "bank.example" not in str(fields) and "dmarc=pass" not in str(fields), fields)
    return judge


# 15. lists that are members of each other, and programs that answer

@step
def circles(world):
    pairs = [("wrap", "wrap"), ("wrap", "rewrite"), ("rewrite", "rewrite")]
    for one, other in pairs:
        here, there = "here-%s-%s" % (one, other), "there-%s-%s" % (one, other)
        make_list(world, here, [address(there), "bob@plain.example"], post="anyone", rules=one)
        make_list(world, there, [address(here), "carol@plain.example"], post="anyone", rules=other)
        octets = message("Joe <joe@bare.example>", address(here), here + "-id")
        post(world, octets, "joe@bare.example", address(here))
        post(world, octets.replace(b"-id", b"-bare").replace(b"Message-ID:", b"X-No-ID:"), "joe@bare.example", address(here))
    absent = post(world, message("Bob <bob@plain.example>", address("here-wrap-wrap"), "absent", head="Auto-Submitted: auto-replied"), "bob@plain.example", address("here-wrap-wrap"))
    report = post(world, message("Mailer <mailer-daemon@plain.example>", address("here-wrap-wrap"), "circle-report"), "", address("here-wrap-wrap"))
    check("answers of programs are taken and dropped", all(a.startswith("250 2.0.0 discarded") for a in (absent, report)), (absent, report))

    def judge():
        for one, other in pairs:
            for token in ("here-%s-%s-%s" % (one, other, kind) for kind in ("id", "bare")):
                only_copy(world, "bob@plain.example", token)
                only_copy(world, "carol@plain.example", token)
        for token in ("absent", "circle-report"):
            no_copy(world, "bob@plain.example", token)
    return judge


# 16. a list that gets another address

@step
def renamed(world):
    make_list(world, "old-name", ["bob@plain.example", "erin@opendmarc.example", "carol@strict.example"], alias="keyed", reply="list", on_nonmember="hold")
    post(world, message("Carol <carol@strict.example>", address("old-name"), "renamed-before"), "carol@strict.example", address("old-name"))
    post(world, message("Joe <joe@bare.example>", address("old-name"), "renamed-held"), "joe@bare.example", address("old-name"))
    wait_held(world, {"renamed-held"})
    settle(world)
    alias = alias_of(world, "erin@opendmarc.example", "renamed-before")
    world.listctl("list", "rename", address("old-name"), address("new-name"))
    world.listctl("held", "accept", held(world, "renamed-held")[0]["id"])
    for rcpt, token in ((address("old-name"), "renamed-after"), (address("new-name"), "renamed-new")):
        answer = post(world, message("Bob <bob@plain.example>", rcpt, token), "bob@plain.example", rcpt)
        check("%s: taken" % token, answer.startswith("250"), answer)
    answer = post(world, message("Bob <bob@plain.example>", alias, "renamed-alias"), "bob@plain.example", alias)
    check("an alias in an old copy still leads to the author", answer.startswith("250"), answer)
    make_list(world, "short-lived", [], on_nonmember="hold")
    post(world, message("Joe <joe@bare.example>", address("short-lived"), "deleted-held"), "joe@bare.example", address("short-lived"))
    wait_held(world, {"deleted-held"})
    name = held(world, "deleted-held")[0]["id"]
    world.listctl("list", "delete", address("short-lived"), "--yes")
    check("a deleted list leaves no held post behind", not held(world, "deleted-held") and not os.path.exists(world.path("spool/held", name)), name)

    def judge():
        for token in ("renamed-held", "renamed-after", "renamed-new"):
            mail = only_copy(world, "erin@opendmarc.example", token)
            check("%s: goes out as the list that it is now" % token, mail is not None and "new-name." in str(mail["List-Id"]), mail and mail["List-Id"])
        check("the forward went out", any(e.get("list") == address("new-name") for e in world.events("forwarded")), world.events("forwarded")[-2:])
    return judge


def main():
    world = build_world(os.path.join(sys.argv[1], "list"), sys.argv[2])
    only = os.environ.get("LISTD_STEPS", "").split()
    try:
        start(world)
        judges = []
        for function in STEPS:
            if not only or function.__name__ in only:
                began = time.monotonic()
                judges.append(function(world))
                print("# %s: %.1f s" % (function.__name__, time.monotonic() - began), flush=True)
        settle(world)
        for judge in judges:
            judge()
        end_listd(world)
    finally:
        world.stop_all()
    return 1 if FAILED else 0


sys.exit(main())
