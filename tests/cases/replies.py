# SPDX-License-Identifier: BSD-2-Clause
"""Where "reply" and "reply to all" go from a rewritten copy, beside the copy of the same post that nobody had to rewrite: both must reach whom they would have reached, and an
answer to the author alone must not become public. Copies come from "listctl render"; mail programs are modelled by what they do with From, Reply-To, To, Cc, List-Post and
Mail-Followup-To. usage: replies.py LISTCTL"""
import collections
import email
import email.policy
import email.utils
import itertools
import os
import re
import subprocess
import sys
import tempfile

from run import NOW, read

LISTCTL = sys.argv[1]
LIST, AUTHOR, ELSEWHERE, OTHER = "birds@lists.example.org", "ann@bank.example", "office@home.example", "bob@home.example"
ALIAS = re.compile(r"birds-author-[^@]+@lists\.example\.org")

# Mail programs. reply and to_all take the fields of a copy and give addresses.
Copy = collections.namedtuple("Copy", "sender reply_to to cc list_post followup_to")


def answer_to(copy):
    """RFC 5322 3.6.2: Reply-To, where there is one, else From."""
    return copy.reply_to or copy.sender


def passing_over_the_lists(copy):
    """A Reply-To that is the list's own is taken for the list's doing, and passed over."""
    return copy.sender if copy.reply_to and set(copy.reply_to) <= set(copy.list_post) else answer_to(copy)


def everybody(answer, copy):
    """RFC 5322 3.6.3."""
    return answer(copy) + copy.to + copy.cc


def all_with_from(copy):
    return answer_to(copy) + copy.sender + copy.to + copy.cc


def followup(copy):
    return copy.followup_to or everybody(answer_to, copy)


CLIENTS = {
    "RFC 5322, Gmail, Apple Mail, Outlook": (answer_to, lambda copy: everybody(answer_to, copy)),
    "those that keep From in answers to all": (answer_to, all_with_from),
    "Thunderbird, mutt with ignore_list_reply_to": (passing_over_the_lists, lambda copy: everybody(passing_over_the_lists, copy)),
    "mutt": (answer_to, followup),
}

# What is posted: all combinations.
OWN_REPLY_TO = {"no Reply-To": "", "own Reply-To": "Reply-To: Office <%s>\n" % ELSEWHERE, "the author as Reply-To": "Reply-To: %s\n" % AUTHOR,
                "Reply-To of two": "Reply-To: %s, Office <%s>\n" % (AUTHOR, ELSEWHERE), "the list as Reply-To": "Reply-To: %s\n" % LIST}
TO = {"to the list": "To: %s\n" % LIST, "to the list and the author": "To: %s, Ann <%s>\n" % (LIST, AUTHOR),
      "to somebody, list in Cc": "To: Bob <%s>\nCc: Birds <%s>\n" % (OTHER, LIST),
      "author in Cc": "To: %s\nCc: Ann Author <%s>, Bob <%s>\n" % (LIST, AUTHOR, OTHER), "list not named": "To: Bob <%s>\n" % OTHER}
MORE = {"": "", "Mail-Followup-To": "Mail-Followup-To: %s, %s\n" % (LIST, OTHER)}
# How the copy is rewritten: settings of the list, and whether From is the author's alias.
REWRITTEN = {"list's address": ("", False), "keyed alias": ('alias = "keyed"\n', True), "readable alias": ('alias = "readable"\n', True), "wrapped": ('strategy = "wrap"\n', False)}
POLICIES = ("author", "list")

ZONE = '_dmarc.bank.example. TXT "v=DMARC1; p=reject"\nbank.example. TXT "v=spf1 ip4:192.0.2.10 -all"\nbank.example. A 192.0.2.10\nhome.example. A 192.0.2.11\n'
RECEIVERS = "operator lenient\n  domain lenient.example\n  enforces no\n"
TEXT = "From: Ann Author <%s>\n%sSubject: heron\nDate: Sun, 22 Nov 2026 10:00:00 +0000\nMessage-ID: <1@bank.example>\n\nIt stood there.\n"


def write(directory, name, text, mode=0o644):
    path = os.path.join(directory, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", newline="") as f:
        f.write(text)
    os.chmod(path, mode)
    return path


def prepare(directory):
    templates = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "conf", "templates")
    write(directory, "keys/lists.example.org/case.pem", read("list.pem"), 0o600)
    write(directory, "zone", ZONE + read("keys.zone"))
    write(directory, "receivers", RECEIVERS)
    write(directory, "site", 'host-name = "mx.lists.example.org"\ntemplate-dir = "%s"\n' % templates)


def addresses(message, name):
    return [a.lower() for _, a in email.utils.getaddresses(message.get_all(name, [])) if a]


def render(directory, settings, subscriber):
    """The fields of a subscriber's copy of a list with these settings; is From an alias? An alias leads to the author."""
    write(directory, "list", 'address = "%s"\nowners = { "owner@lists.example.org" }\n%s' % (LIST, settings))
    named = {"--" + name: os.path.join(directory, name) for name in ("zone", "keys", "site", "receivers")}
    command = [LISTCTL, "render", LIST, os.path.join(directory, "post"), "--for", subscriber, "--list-file", os.path.join(directory, "list"), "--now", NOW,
               "--ip", "192.0.2.10", "--helo", "mx.bank.example", "--mail-from", AUTHOR] + [x for pair in named.items() for x in pair]
    result = subprocess.run(command, capture_output=True)
    if result.returncode != 0:
        sys.exit("%s: %s" % (" ".join(command), result.stderr.decode(errors="replace")))
    message = email.message_from_bytes(result.stdout.split(b"\r\n\r\n", 1)[0] + b"\r\n\r\n", policy=email.policy.compat32)
    fields = [addresses(message, name) for name in ("From", "Reply-To", "To", "Cc")]
    list_post = re.findall(r"mailto:([^>?]+)", message.get("List-Post", ""))
    copy = Copy(*fields, list_post, addresses(message, "Mail-Followup-To"))
    return copy._replace(sender=[AUTHOR if ALIAS.fullmatch(a) else a for a in copy.sender]), any(ALIAS.fullmatch(a) for a in copy.sender)


def reached(to, author_is_subscribed):
    """Whose eyes an answer comes to."""
    found = set(to)
    if author_is_subscribed and LIST in found:
        found.add(AUTHOR)
    return found


def is_lists_own_reply(copy, rewritten):
    """Where a program passes over the list's Reply-To, it looks at From, and that is the list where the author has no alias: a plain answer goes where the list's Reply-To says."""
    return set(copy.reply_to) <= set(copy.list_post) and rewritten.sender == [LIST]


def compare(name, plain, rewritten):
    """What is wrong with the answers to a rewritten copy."""
    wrong = []
    for client, (reply, to_all) in CLIENTS.items():
        for is_subscribed in (True, False):
            at = "%s: %s, author %ssubscribed" % (name, client, "" if is_subscribed else "not ")
            lost = reached(reply(plain), is_subscribed) - reached(reply(rewritten), is_subscribed)
            public = LIST in reply(rewritten) and LIST not in reply(plain)
            if (lost or public) and not (reply is passing_over_the_lists and is_lists_own_reply(plain, rewritten)):
                wrong.append("%s: reply %s%s" % (at, "loses %s " % sorted(lost) if lost else "", "becomes public" if public else ""))
            lost = (reached(to_all(plain), is_subscribed) | {AUTHOR}) - reached(to_all(rewritten), is_subscribed)
            if lost and not (to_all is followup and rewritten.followup_to):  # where the author says himself who is to be in it
                wrong.append("%s: reply to all loses %s" % (at, sorted(lost)))
    return wrong


def main():
    count, failed = 0, 0
    with tempfile.TemporaryDirectory() as directory:
        prepare(directory)
        for own, to, more in itertools.product(OWN_REPLY_TO, TO, MORE):
            write(directory, "post", (TEXT % (AUTHOR, OWN_REPLY_TO[own] + TO[to] + MORE[more])).replace("\n", "\r\n"))
            plain = {policy: render(directory, 'reply = "%s"\n' % policy, "carol@lenient.example")[0] for policy in POLICIES}
            for policy, how in itertools.product(POLICIES, REWRITTEN):
                settings, has_alias = REWRITTEN[how]
                name = "reply = %s, %s, %s, %s %s" % (policy, how, own, to, more)
                rewritten, is_alias = render(directory, 'reply = "%s"\n%s' % (policy, settings), "dave@enforcing.example")
                wrong = compare(name, plain[policy], rewritten)
                if plain[policy].sender != [AUTHOR]:
                    wrong.append("%s: the copy that nobody had to rewrite is: %s" % (name, plain[policy]))
                if is_alias != has_alias or (not has_alias and rewritten.sender != [LIST]):
                    wrong.append("%s: it is not rewritten so: %s" % (name, rewritten))
                count, failed = count + 1, failed + bool(wrong)
                for line in wrong:
                    print("not ok " + line)
    # The words that the unit programs use, so that the totals count these too.
    print("[  PASSED  ] %d test(s)." % (count - failed))
    if failed:
        print("[  FAILED  ] %d test(s)." % failed)
    return 1 if failed else 0


sys.exit(main())
