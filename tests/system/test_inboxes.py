# SPDX-License-Identifier: BSD-2-Clause
"""The main job, as a matrix: legitimate posts of all kinds of author domains, authentication and contents (posts.py) to five lists, whose subscribers live at all kinds of
receivers (kinds.py). Every one must be in every inbox; nothing forged may come to a receiver that enforces; and From is the author's own wherever the post that a bare
forwarder passes on, unmodified, gets through. LISTD_INBOXES=all posts every combination to every list, without SpamAssassin, which
would take an hour; without it, every pair of the three kinds is posted."""
import collections
import email
import email.policy
import os
import re
import smtplib
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import helper  # noqa: E402
import posts  # noqa: E402
from helper import FAILED, LIST_DOMAIN, check  # noqa: E402
from posts import AUTHORS, FORGERIES, NAME_TRICKS, WAYS, Post  # noqa: E402
from world import KINDS, Receiver, World, wait_for  # noqa: E402

# No loopback address, which SpamAssassin would trust, and none of those for examples, which it takes for forged: one of the addresses that are not in use any more (RFC 7526).
HOST_ADDRESS = "192.88.99.25"
HOST_NAME = "25.99.88.192.in-addr.arpa"
FORWARDER = "forwards@forwarder.example"
# name; settings; is it decorated
LISTS = [("plain", {}, False), ("tagged", {"subject_tag": "[tagged]", "footer": "tagged: birds since 1899"}, True),
         ("always", {"subject_tag": "[always]", "footer": "always: birds since 1899", "decorate": "always"}, True),
         ("aliases", {"subject_tag": "[aliases]", "alias": "keyed", "reply": "list"}, True), ("wrapped", {"strategy": "wrap"}, True)]
SUBSCRIBER, FORWARDED = "bob", "carol"  # mailboxes of copies, and of what the bare forwarder passes on
IS_WHOLE = os.environ.get("LISTD_INBOXES") == "all"
# SpamAssassin takes as much of the processor as all the others together: it gets the copies, and of what is forwarded these contents.
FORWARDED_TO_SLOW = ("plain", "base64", "attachment")
WHERE = ("inbox", "junk", "nowhere")


def build_world(directory, prefix):
    world = World(directory, prefix, base_port=5500, host_address=HOST_ADDRESS)
    base = world.base
    world.receivers = [
        Receiver("opendmarc.example", "opendmarc", base + 101), Receiver("holding.example", "opendmarc", base + 102, {"holds": True}),
        Receiver("rspamd.example", "rspamd", base + 103), Receiver("spamassassin.example", "spamassassin", base + 104), Receiver("exim.example", "exim", base + 105),
        Receiver("maildmarc.example", "maildmarc", base + 106), Receiver("treewalk.example", "treewalk", base + 107), Receiver("dkimpy.example", "dkimpy", base + 108),
        Receiver("arc.example", "dkimpy", base + 109, {"trusted_sealers": [LIST_DOMAIN], "receivers.conf": "  enforces yes\n  trusts-arc yes\n"}),
        Receiver("allowing.example", "dkimpy", base + 110, {"allow": [LIST_DOMAIN], "receivers.conf": "  enforces yes\n  allowlists-us yes\n"}),
        Receiver("plain.example", "plain", base + 111, "  enforces no\n"),
    ]
    if IS_WHOLE:
        world.receivers = [r for r in world.receivers if r.kind != "spamassassin"]
    helper.add_list_domain(world)
    helper.add_receiver_domains(world)
    world.domain("forwarder.example", spf="v=spf1 ip4:%s -all" % HOST_ADDRESS)
    spf = "v=spf1 ip4:%s -all" % posts.AUTHOR_ADDRESS
    published = {"elsewhere.example": None}
    for author in AUTHORS:
        published.update(author.records)
    for name, records in published.items():
        first, *others = records if isinstance(records, tuple) else (records,)
        world.domain(name, dmarc=first, spf=spf if name != "elsewhere.example" else "v=spf1 ip4:%s -all" % posts.STRANGER_ADDRESS)
        for other in others:
            world.add_record('_dmarc.%s. TXT "%s"' % (name, other))
    world.add_record("%s. PTR mx.%s." % (HOST_NAME, LIST_DOMAIN))
    world.author_key("elsewhere.example")
    for author in AUTHORS:
        if author.signer not in published:
            world.domain(author.signer, spf=spf)
        world.author_key(author.signer, pem=world.keys["elsewhere.example"][1])
    return world


def enforcing(world):
    return [r for r in world.receivers if r.kind != "plain"]


def start(world):
    world.use_address()
    world.start_dns()
    world.start_receivers()
    world.start_listd()
    world.start_mta()
    world.make_list_key(LIST_DOMAIN)
    for name, settings, _ in LISTS:
        helper.make_list(world, name, ["%s@%s" % (SUBSCRIBER, r.domain) for r in world.receivers], post="anyone", **settings)


def is_forwarded(post, receiver):
    """Does the bare forwarder pass it on there?"""
    return receiver.kind != "spamassassin" or post.content.name in FORWARDED_TO_SLOW


class Mta:
    """Sessions with the lists' mail server, one for each address that clients come from."""

    def __init__(self, world):
        self.world, self.sessions = world, {}

    def send(self, octets, sender, recipients, client, options=()):
        if client not in self.sessions:
            self.sessions[client] = smtplib.SMTP("127.0.0.1", self.world.mta_port, local_hostname="client.example", source_address=(client, 0), timeout=60)
            self.sessions[client].ehlo()
        refused = self.sessions[client].sendmail(sender, recipients, octets, list(options))
        if refused:
            raise RuntimeError("refused by the lists' mail server: %s" % refused)

    def close(self):
        for session in self.sessions.values():
            session.quit()


def is_chosen(list_number, a, c):
    """To the plain list every author domain posts every content, each way of authentication is with every one of both; a tenth of that goes to each of the others."""
    return IS_WHOLE or list_number == 0 or (a + 3 * c) % 10 == list_number


def ways(a, c, content):
    """Ways of authentication of this pair."""
    possible = [w for w in WAYS if w != "SPF" or content.more is None]
    return possible if IS_WHOLE else [possible[(a + c) % len(possible)]]


def good_posts(world, smime):
    found = []
    for n, (name, _, _) in enumerate(LISTS):
        for a, author in enumerate(AUTHORS):
            for c, content in enumerate(posts.contents(smime)):
                for way in ways(a, c, content) if is_chosen(n, a, c) else []:
                    token = "good%d-%d-%d-%s" % (n, a, c, way)
                    found.append(posts.good_post(world, token, helper.address(name), author, way, content))
    return found


def forged_posts(world):
    found = []
    for a, author in enumerate(AUTHORS):
        for f, (what, make) in enumerate(FORGERIES.items()):
            if not author.is_strict or (what == "subdomain" and author.name == "own record"):  # whose parent asks for nothing
                continue
            name = LISTS[(a + f) % len(LISTS)][0]
            token = "forged-%d-%d" % (a, f)
            octets = make(world, helper.address(name), token, author.address, author.signer)
            found.append(Post(token, author, what, None, octets, posts.STRANGER_ADDRESS, posts.STRANGER, ("SMTPUTF8",) if re.search(rb"[\x80-\xff]", octets) else ()))
    return found


def name_trick_posts():
    return [Post("trick-%d-%d" % (n, t), None, what, None, posts.message(value, helper.address(name), "trick-%d-%d" % (n, t), posts.TEXT % ("us-ascii", "7bit"), posts.SENTENCE),
                 posts.STRANGER_ADDRESS, posts.STRANGER, ())
            for n, (name, _, _) in enumerate(LISTS) for t, (what, value) in enumerate(NAME_TRICKS.items())]


def list_of(post):
    return re.search(rb"(?m)^To: (\S+)", post.octets).group(1).decode()


def send_all(world, good, others):
    """Everything goes in at once; the first list's good posts go past the bare forwarder too."""
    mta = Mta(world)
    for post in good + others:
        mta.send(post.octets, post.sender, [list_of(post)], post.client, post.options)
        if list_of(post) == helper.address(LISTS[0][0]) and post.content is not None:
            mta.send(post.octets, FORWARDER, ["%s@%s" % (FORWARDED, r.domain) for r in world.receivers if is_forwarded(post, r)], "127.0.0.1", post.options)
    mta.close()


def settle(world, seconds):
    def exim_is_idle():
        return not any(files for _, _, files in os.walk(world.path("exim/input")))
    helper.settle(world, seconds)
    wait_for("Exim to have delivered", exim_is_idle, 20)


TOKEN = re.compile(rb"(?:good|forged|trick)\d*-[\w-]+")


def token_of(octets):
    head = octets.replace(b"\r\n", b"\n").split(b"\n\n", 1)[0]
    subject = re.search(rb"(?im)^subject:(.*(?:\n[ \t].*)*)", head)
    found = TOKEN.search(subject.group(1)) if subject else None
    return found.group(0).decode() if found else "?"


def held_tokens(world, user):
    """Tokens of mail that the receivers' Postfix holds, by the receiver's domain."""
    found = collections.defaultdict(set)
    hold = world.path("rx/queue/hold")
    for name in os.listdir(hold):
        octets = open(os.path.join(hold, name), "rb").read()
        subject = re.search(rb"Subject: [^\0]*?(" + TOKEN.pattern + rb")", octets)
        recipient = re.search(rb"%s@([\w.-]+)" % user.encode(), octets)
        if subject and recipient:
            found[recipient.group(1).decode()].add(subject.group(1).decode())
    return found


def read_mailboxes(world, user):
    """{receiver's domain: {token: [(where, octets)]}}."""
    held, found = held_tokens(world, user), {}
    for r in world.receivers:
        mails = collections.defaultdict(list)
        inbox, junk = world.inbox_and_junk("%s@%s" % (user, r.domain))
        for where, messages in (("inbox", inbox), ("junk", junk)):
            for m in messages:
                mails[token_of(m)].append((where, m))
        for token in held[r.domain]:
            mails[token].append(("junk", None))
        found[r.domain] = mails
    return found


def where(mails, token):
    return mails[token][0][0] if token in mails else "nowhere"


def describe(post):
    return "%s, %s%s" % (post.author.name, post.way, ", " + post.content.name if post.content else "")


def parsed_head(octets):
    head = octets.replace(b"\r\n", b"\n").split(b"\n\n", 1)[0] + b"\n\n"
    return email.message_from_string(head.decode("utf-8", "replace"), policy=email.policy.default)


def is_authors(sender, author):
    """Is the author's own address in From?"""
    local, _, domain = author.address.partition("@")
    return any(a.addr_spec.lower() in (author.address, local + "@" + domain.encode("idna").decode()) for a in sender.addresses)


def judge_good(world, good, copies, forwarded):
    """One result for each receiver and list, with the posts that are wrong, and the counts of the table."""
    table = collections.OrderedDict()
    for r in world.receivers:
        row = table[r.domain] = collections.Counter()
        for name, _, is_decorated in LISTS:
            lost, doubled, borrowed, nameless = [], [], [], []
            for post in (p for p in good if list_of(p) == helper.address(name)):
                mails = copies[r.domain][post.token] if post.token in copies[r.domain] else []
                place = where(copies[r.domain], post.token)
                row[place] += 1
                if place != "inbox":
                    lost.append("%s (%s)" % (describe(post), place))
                    continue
                if len(mails) != 1:
                    doubled.append(describe(post))
                sender = parsed_head(mails[0][1])["From"]
                is_kept = is_authors(sender, post.author)
                row["kept"] += is_kept
                if not any(post.content.seen in a.display_name for a in sender.addresses):
                    nameless.append("%s: %s" % (describe(post), sender))
                if is_decorated:
                    continue
                forward = where(forwarded[r.domain], post.token)
                row["forwarded"] += forward == "inbox"
                row["kept, plain"] += is_kept
                # a broken copy of a strict domain comes through where the receiver's reading is milder, which nobody can know
                is_lucky = (post.author.is_strict or post.author.is_contested) and (post.way == "SPF" or posts.is_fragile(post))
                if forward == "inbox" and not is_kept and not is_lucky:
                    borrowed.append(describe(post))
            at = "%s at %s" % (name, r.domain)
            check("every good post in the inbox: " + at, not lost, lost)
            check("none twice: " + at, not doubled, doubled)
            check("the author's name is shown: " + at, not nameless, nameless)
            check("From is the author's wherever a bare forward passes: " + at, not borrowed, borrowed)
    return table


def judge_forged(world, forged, tricks, copies, table):
    for what in FORGERIES:
        taken = ["%s at %s" % (describe(p), r.domain) for p in forged if p.way == what for r in enforcing(world) if p.token in copies[r.domain]]
        check("forged, kept from receivers that enforce: " + what, not taken, taken)
    for r in world.receivers:
        table[r.domain]["forged"] = sum(p.token in copies[r.domain] for p in forged)
    for post in tricks:
        wrong = []
        for r in world.receivers:
            for _, octets in copies[r.domain].get(post.token, []):
                sender = parsed_head(octets)["From"]
                if [a.addr_spec for a in sender.addresses] != [posts.STRANGER] and ("reject.example" in str(sender) or posts.STRANGER in str(sender)):
                    wrong.append("%s: %s" % (r.domain, sender))
        check("no name that lies under the list's address: %s, %s" % (post.way, post.token), not wrong, wrong)


def judge_receivers(world, good, forwarded):
    """That the receivers are what they are said to be: what a bare forwarder breaks is refused or junk, what it does not is taken."""
    for r in enforcing(world):
        strict = ("reject", "sp", "strict alignment", "IDN", "subdomain") + (("quarantine",) if r.kind != "opendmarc" or r.setting("holds") else ())
        forwards = [p for p in good if list_of(p) == helper.address("plain") and is_forwarded(p, r)]
        broken = [p for p in forwards if p.author.name in strict and p.way == "SPF"]
        taken = [describe(p) for p in broken if where(forwarded[r.domain], p.token) == "inbox"]
        check("a real receiver enforces: " + r.domain, broken and not taken, taken)
        whole = [p for p in forwards if p.way != "SPF" and p.content.name in ("plain", "base64", "attachment") and not posts.is_fragile(p)]
        lost = ["%s (%s)" % (describe(p), where(forwarded[r.domain], p.token)) for p in whole if where(forwarded[r.domain], p.token) != "inbox"]
        check("a real receiver takes what is whole: " + r.domain, whole and not lost, lost)


def judge_smime(world, good, copies, smime):
    signed = [p for p in good if p.content.name == "S/MIME"]
    broken = ["%s at %s" % (describe(p), r.domain) for p in signed for r in world.receivers[:1] for _, m in copies[r.domain].get(p.token, [])
              if not smime.verifies(m.replace(b"\r\n", b"\n"))]
    check("S/MIME signatures hold", signed and not broken, broken)


def judge_refusals(world):
    """No copy was refused: one that is would come again in a stronger form, and hide that."""
    with open(world.path("mta/log"), errors="replace") as f:
        refused = [line.strip() for line in f if "status=bounced" in line and "to=<%s@" % SUBSCRIBER in line]
    check("no copy was refused", not refused, refused[:5])
    check("nothing came back to be sent in another form", not world.events("second-form"), world.events("second-form")[:3])


def show(world, table, good, forged):
    print("\n%d good posts to five lists, %d forged ones; kept: From is the author's; of the plain list: kept, beside what came through a bare forwarder"
          % (len(good), len(forged)))
    print("%-22s %6s %5s %8s %7s %6s %12s %10s  %s" % ("receiver", "inbox", "junk", "nowhere", "forged", "kept", "kept, plain", "forwarded", "what it is"))
    for r in world.receivers:
        row = table[r.domain]
        counts = [row[k] for k in WHERE + ("forged", "kept", "kept, plain", "forwarded")]
        print("%-22s %6d %5d %8d %7d %6d %12d %10d  %s" % (r.domain, *counts, KINDS[r.kind].what))


def main():
    world = build_world(os.path.join(sys.argv[1], "inboxes"), sys.argv[2])
    begin = time.monotonic()
    try:
        check("every kind of receiver is here", IS_WHOLE or {r.kind for r in world.receivers} == set(KINDS))
        smime = posts.Smime(world)
        start(world)
        good, forged, tricks = good_posts(world, smime), forged_posts(world), name_trick_posts()
        print("started after %.0f s" % (time.monotonic() - begin))
        send_all(world, good, forged + tricks)
        print("sent after %.0f s" % (time.monotonic() - begin))
        settle(world, 1800 if IS_WHOLE else 600)
        print("delivered after %.0f s" % (time.monotonic() - begin))
        copies, forwarded = read_mailboxes(world, SUBSCRIBER), read_mailboxes(world, FORWARDED)
        judge_receivers(world, good, forwarded)
        table = judge_good(world, good, copies, forwarded)
        judge_forged(world, forged, tricks, copies, table)
        judge_smime(world, good, copies, smime)
        judge_refusals(world)
        show(world, table, good, forged)
        helper.end_listd(world)
    finally:
        world.stop_all()
    print("%.0f s" % (time.monotonic() - begin))
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main())
