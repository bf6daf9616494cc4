# SPDX-License-Identifier: BSD-2-Clause
"""Predictions against reality: the same posts go through listd with each strategy fixed, and with auto, to real receivers (OpenDMARC, rspamd, one on dkimpy that may trust
seals or allow list servers, and one that takes everything), and through "listctl compare" with models of them. Every verdict must be the same, and what is on the copies too."""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import helper  # noqa: E402
from helper import FAILED, LIST_DOMAIN, check, settle  # noqa: E402
from world import LIST_HOST_ADDRESS, Receiver, World  # noqa: E402

DOMAINS = {"reject.example": "v=DMARC1; p=reject", "quarantine.example": "v=DMARC1; p=quarantine", "none.example": "v=DMARC1; p=none", "absent.example": None,
           "strictly.example": "v=DMARC1; p=reject; adkim=s; aspf=s"}
TEXT = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=%s\r\nContent-Transfer-Encoding: %s\r\n"
SHAPES = {
    "plain": (TEXT % ("us-ascii", "7bit"), "A heron stood by the lake.\r\n"),
    "base64": (TEXT % ("utf-8", "base64"), "RWluIFJlaWhlciBhbSBTZWUuCg==\r\n"),
    "alternative": ('MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="b1"\r\n',
                    "--b1\r\nContent-Type: text/plain\r\n\r\nheron\r\n--b1\r\nContent-Type: text/html\r\n\r\n<p>heron</p>\r\n--b1--\r\n"),
    "long-lines": (TEXT % ("us-ascii", "7bit"), "heron " * 400 + "\r\nend\r\n"),
}
OVERSIGNED = (b"from", b"to", b"subject", b"date", b"message-id", b"from", b"subject", b"list-id", b"list-post", b"list-unsubscribe", b"precedence")
# Author domain, how it is authenticated, shape. "broken": signed, and changed on the way; it is forged for all that anybody can tell.
CASES = [("reject.example", "dkim", "plain"), ("reject.example", "spf", "plain"), ("reject.example", "oversigned", "plain"), ("reject.example", "dkim", "base64"),
         ("reject.example", "spf", "alternative"), ("reject.example", "dkim", "long-lines"), ("reject.example", "broken", "plain"), ("quarantine.example", "dkim", "plain"),
         ("quarantine.example", "spf", "plain"), ("none.example", "dkim", "plain"), ("none.example", "broken", "plain"), ("absent.example", "spf", "plain"),
         ("strictly.example", "dkim", "plain"), ("strictly.example", "spf", "plain")]
# What the receivers of this world do, in the words of compare.receivers; "told" is what auto may know.
MODELS = """
receiver opendmarc
  reads 7489
  on-quarantine mark
  domain opendmarc.example
receiver rspamd
  reads 7489
  domain rspamd.example
receiver dkimpy
  on-quarantine refuse
  domain dkimpy.example
receiver arc
  on-quarantine refuse
  trusts-seals-of (list)
  domain arc.example
receiver allowing
  on-quarantine refuse
  takes (list)
  domain allowing.example
receiver plain
  reads none
  domain plain.example
"""
KNOWN = {"opendmarc": "  enforces yes\n", "rspamd": "  enforces yes\n", "dkimpy": "  enforces yes\n", "arc": "  enforces yes\n  trusts-arc yes\n",
         "allowing": "  enforces yes\n  allowlists-us yes\n", "plain": "  enforces no\n"}
# A report about a refused copy would bring the post again in a stronger form: here what is refused is to stay so.
NO_REPORTS = "transport_maps = regexp:%s, texthash:%s\n"


def build_world(directory, prefix):
    world = World(directory, prefix, base_port=4500)
    base = world.base
    world.receivers = [
        Receiver("opendmarc.example", "opendmarc", base + 101), Receiver("rspamd.example", "rspamd", base + 102), Receiver("dkimpy.example", "dkimpy", base + 103, {}),
        Receiver("arc.example", "dkimpy", base + 104, {"trusted_sealers": [LIST_DOMAIN]}), Receiver("allowing.example", "dkimpy", base + 105, {"allow": [LIST_DOMAIN]}),
        Receiver("plain.example", "plain", base + 106),
    ]
    helper.add_list_domain(world)
    for name, dmarc in DOMAINS.items():
        world.domain(name, dmarc=dmarc, spf="v=spf1 ip4:127.0.0.10 -all", mx="mx." + name)
        world.domain("mx." + name)
        world.author_key(name)
    helper.add_receiver_domains(world)
    return world


def name_of(receiver):
    return receiver.domain.split(".")[0]


def write_receivers(world, insisting):
    """What listd is told of the receivers: the truth, or, so that it sends what is fixed whatever its proof says, that nobody enforces."""
    world.write("etc/local-receivers.conf", "".join("operator %s\n  domain %s\n%s" % (name_of(r), r.domain, "  enforces no\n" if insisting else KNOWN[name_of(r)])
                                                    for r in world.receivers))


def strategies(world):
    """All there are but auto: a new one is tried here without a word."""
    world.write("models", MODELS)
    any_post = world.write("any.posts", "post any\n")
    return json.loads(world.listctl("compare", any_post, "--models", world.path("models"), "--json").stdout)["strategies"][:-1]


def start(world):
    world.start_dns()
    world.start_receivers()
    patterns = world.write("mta/no-reports", "/^[a-z]*-bounces/ discard:\n")
    world.start_mta(settings=NO_REPORTS % (patterns, world.path("mta/transport")))
    world.start_listd()
    write_receivers(world, True)
    world.listctl("reload")
    world.make_list_key(LIST_DOMAIN)
    for strategy in strategies(world) + ["auto"]:
        helper.make_list(world, strategy, ["bob@" + r.domain for r in world.receivers], post="anyone", subject_tag="[birds]", footer="birds since 1899", strategy=strategy)


def compose(world, strategy, number):
    domain, how, shape = CASES[number]
    head, body = SHAPES[shape]
    message = helper.message("Ann Author <ann@%s>" % domain, helper.address(strategy), "%s-%d" % (strategy, number), head, body)
    if how in ("dkim", "broken"):
        message = world.sign(message, domain)
    elif how == "oversigned":
        message = world.sign(message, domain, OVERSIGNED)
    return message + b"changed\r\n" if how == "broken" else message


def session(number):
    domain, how, _ = CASES[number]
    return ("127.0.0.10", "ann@" + domain) if how == "spf" else ("127.0.0.66", "bounce@elsewhere.example")


def write_post(world, strategy, number, octets):
    os.makedirs(world.path("posts", strategy), exist_ok=True)
    with open(post_path(world, strategy, number), "wb") as f:
        f.write(octets)


def post_path(world, strategy, number):
    return world.path("posts", strategy, "%02d.eml" % number)


def send_all(world, strategy):
    """Which posts the list took to send on: refused ones are told at once, held ones wait for a moderator."""
    taken = {}
    for number in range(len(CASES)):
        message = compose(world, strategy, number)
        write_post(world, strategy, number, message)
        client, sender = session(number)
        taken[number] = helper.post(world, message, sender, helper.address(strategy), client=client, options=" BODY=8BITMIME").startswith("250")
    return taken


def predict(world, strategy):
    """Verdicts and forms of "listctl compare" with the list's own settings, once for each session that posts came by."""
    found = {}
    world.write("posts.zone", "\n".join(world.records) + "\n")
    for client, sender in sorted({session(n) for n in range(len(CASES))}):
        numbers = [n for n in range(len(CASES)) if session(n) == (client, sender)]
        result = world.listctl("compare", *[post_path(world, strategy, n) for n in numbers], "--list", helper.address(strategy), "--strategy", strategy,
                               "--zone", world.path("posts.zone"), "--models", world.path("models"), "--receivers", world.path("etc/local-receivers.conf"),
                               "--keys", world.path("etc/keys"), "--server-ip", LIST_HOST_ADDRESS, "--ip", client, "--helo", "client.example", "--mail-from", sender,
                               "--site", world.path("etc/listd.conf"), "--json")
        posts = json.loads(result.stdout)["posts"]
        for number, post in zip(numbers, posts):
            found[number] = post
    return found


def real_verdict(world, strategy, number, receiver, sent):
    if not sent:
        return "not-sent", None
    mails = helper.copies(world, "bob@" + receiver.domain, "%s-%d" % (strategy, number))
    if not mails:
        return "refused", None
    mail = helper.parsed(mails[0])
    return "junk" if mail["X-Spam"] is not None else "inbox", mail


def compare_copy(name, form, mail):
    """What readers have of it, as was foretold."""
    sender = str(mail["From"])
    check("From is the author's as predicted: " + name, form["from_is_author"] == ("ann@" in sender and LIST_DOMAIN not in sender), (form["from"], sender))
    check("name shown as predicted: " + name, form["name_visible"] == ("Ann Author" in sender), (form["from"], sender))
    check("tag as predicted: " + name, form["tag"] == str(mail["Subject"]).startswith("[birds]"), (form["tag"], mail["Subject"]))
    fields = {key.lower() for key in mail.keys() if key.lower().startswith("list-")}
    check("List-* as predicted: " + name, form["list_fields"]["there"] == len(fields), (form["list_fields"], fields))
    check("ARC as predicted: " + name, form["arc"] == ("ARC-Seal" in mail), form["arc"])
    reply = str(mail["Reply-To"] or mail["From"])
    check("reply goes where predicted: " + name, ("author" in form["reply"].split("+")) == ("ann@" in reply), (form["reply"], reply))


def is_held(world, strategy, number):
    return any(row["subject"].split()[-1:] == ["%s-%d" % (strategy, number)] for row in helper.rows(world, "held", "list"))


def judge(world, strategy, taken):
    predicted = predict(world, strategy)
    for number in range(len(CASES)):
        post = predicted[number]
        check("known: %s %d" % (strategy, number), post["arrival"]["unknown"] is None, post["arrival"])
        sent = taken[number] and not is_held(world, strategy, number)
        for receiver in world.receivers:
            name = "%s: %s at %s" % (strategy, " ".join(CASES[number]), name_of(receiver))
            cell = post["results"][strategy][name_of(receiver)]
            verdict, mail = real_verdict(world, strategy, number, receiver, sent)
            check("verdict as predicted: " + name, cell["verdict"] == verdict, "predicted %s, it is %s; %s" % (cell["verdict"], verdict, cell["reason"]))
            if mail is not None and cell["form"] is not None:
                compare_copy(name, next(f for f in post["forms"] if f["strategy"] == cell["form"]), mail)


def whatif(world, taken):
    """The daemon hands over the archive and the members."""
    result = world.listctl("whatif", helper.address("auto"), "--zone", world.path("posts.zone"), "--models", world.path("models"), "--receivers", world.path("etc/local-receivers.conf"),
                           "--keys", world.path("etc/keys"), "--server-ip", LIST_HOST_ADDRESS, "--json")
    told = json.loads(result.stdout)
    check("whatif: all posts and members", told["posts"] == taken and told["members"] == len(world.receivers), told)
    check("whatif: who is strict today", {a["domain"] for a in told["authors"] if a["strict"]} == {"reject.example", "quarantine.example", "strictly.example"}, told["authors"])
    check("whatif: what is known of receivers", {r["name"]: r["enforces"] for r in told["receivers"]} == {name_of(r): name_of(r) != "plain" for r in world.receivers}, told["receivers"])
    copies = {name: cost["copies"] for name, cost in told["strategies"].items()}
    check("whatif: every copy is accounted for", all(sum(c.values()) == taken * len(world.receivers) for c in copies.values()), copies)
    check("whatif: auto costs nothing, doing nothing does", copies["auto"]["refused"] == 0 and copies["none"]["refused"] > 0 and copies["rewrite"]["refused"] == 0, copies)
    check("whatif: nobody is counted here who would be elsewhere", told["strategies"]["none"]["bounces_counted"] == 0 and told["strategies"]["none"]["bounces_counted_elsewhere"] > 0,
          told["strategies"]["none"])


def recorded(world):
    """A run that asks DNS and writes down the answers, and one that reads them, are the same."""
    arguments = ["compare", world.path("posts", "none"), "--list", helper.address("none"), "--models", world.path("models"), "--receivers", world.path("etc/local-receivers.conf"),
                 "--keys", world.path("etc/keys"), "--server-ip", LIST_HOST_ADDRESS, "--ip", "127.0.0.10", "--mail-from", "ann@reject.example", "--json"]
    live = world.listctl(*arguments, "--record", world.path("recorded.zone"))
    with open(world.path("recorded.zone")) as f:
        zone = f.read()
    check("what DNS said is written down", "_dmarc.reject.example. " in zone and "! NXDOMAIN" in zone, zone[:300])
    check("the same run from what was written down", world.listctl(*arguments, "--zone", world.path("recorded.zone")).stdout == live.stdout)


def main():
    world = build_world(os.path.join(sys.argv[1], "compare"), sys.argv[2])
    try:
        start(world)
        taken = {strategy: send_all(world, strategy) for strategy in strategies(world)}
        settle(world, 120)
        for strategy in taken:
            judge(world, strategy, taken[strategy])
        write_receivers(world, False)
        world.listctl("reload")
        taken = send_all(world, "auto")
        settle(world, 60)
        judge(world, "auto", taken)
        whatif(world, sum(taken.values()))
        recorded(world)
        helper.end_listd(world)
    finally:
        world.stop_all()
    return 1 if FAILED else 0


sys.exit(main())
