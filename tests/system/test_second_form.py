# SPDX-License-Identifier: BSD-2-Clause
"""A receiver that changes its mind: OpenDMARC that begins to refuse in the middle of the run. Each subscriber gets each post once, refused copies follow in a stronger form, the
receiver is known from then on; whether the refusal comes as a report (Postfix in between, with XVERP and without) or as the relay's own reply, and though listd is killed
meanwhile. And the site's allowlist, with what it prints for receivers held against their own tools."""
import re
import signal
import subprocess
import sys
import time

from helper import (FAILED, LIST_DOMAIN, add_list_domain, add_receiver_domains, address, check, copies, end_listd, from_addresses, make_list, message, parsed, post, rows, settle)
from world import LIST_HOST_ADDRESS, Receiver, World, wait_for

STRICT = "v=DMARC1; p=reject"
SPF = "v=spf1 ip4:127.0.0.10 -all"
USERS = ["ann", "bob", "carol", "dave", "erin"]
SETTINGS = 'retry-min = "1s"\nrelay-sessions = 3\n'


def build_world(directory, prefix):
    world = World(directory, prefix, base_port=5700, dns_address="127.0.0.23")
    lenient = {"enforces": False, "receivers.conf": "  enforces no\n"}
    world.receivers = [
        Receiver("turncoat.example", "opendmarc", 5801, dict(lenient)),
        Receiver("second.example", "opendmarc", 5802, dict(lenient)),
        Receiver("third.example", "opendmarc", 5803, dict(lenient)),
        Receiver("plain.example", "plain", 5804, "  enforces no\n"),
    ]
    add_list_domain(world)
    add_receiver_domains(world)
    world.domain("strict.example", dmarc=STRICT, spf=SPF)
    world.author_key("strict.example")
    return world


def submit(world, name, token):
    text = world.sign(message("Joe <joe@strict.example>", address(name), token), "strict.example")
    reply = post(world, text, "joe@strict.example", address(name))
    check("%s is taken" % token, reply.startswith("250"), reply)


def await_copies(world, token, domain, seconds=45):
    """Every subscriber there has a copy."""
    try:
        wait_for("copies of %s" % token, lambda: all(copies(world, "%s@%s" % (u, domain), token) for u in USERS), seconds)
    except RuntimeError as e:
        check("%s: all subscribers at %s get it" % (token, domain), False, e)


def await_delivered(world, token, domain):
    await_copies(world, token, domain)
    settle(world)


def judge(world, token, domain, rewritten):
    """One copy each, all rewritten or none."""
    for user in USERS:
        found = copies(world, "%s@%s" % (user, domain), token)
        senders = [from_addresses(parsed(raw))[0] for raw in found]
        want = "birds" if rewritten else "joe@strict.example"
        check("%s: one copy, %s, at %s@%s" % (token, "rewritten" if rewritten else "as it is", user, domain), len(senders) == 1 and (want in senders[0] or senders[0].endswith(LIST_DOMAIN) == rewritten),
              senders)


def refusals(world, domain):
    with open(world.path("rx/log"), errors="replace") as f:
        return len(re.findall(r"milter-reject: END-OF-MESSAGE .* to=<\w+@%s>" % re.escape(domain), f.read()))


def by_reports(world, name, domain, settings):
    """Postfix takes the copies and reports what the receiver refused."""
    world.set_listd(SETTINGS + settings)
    world.listctl("reload")
    make_list(world, name, ["%s@%s" % (u, domain) for u in USERS] + ["%s@plain.example" % u for u in USERS], subject_tag="[%s]" % name, decorate="always", post="anyone")
    submit(world, name, name + "-before")
    await_delivered(world, name + "-before", domain)
    judge(world, name + "-before", domain, False)
    world.enforce(domain, True)
    submit(world, name, name + "-turn")
    await_delivered(world, name + "-turn", domain)
    judge(world, name + "-turn", domain, True)
    judge(world, name + "-turn", "plain.example", False)
    submit(world, name, name + "-after")
    await_delivered(world, name + "-after", domain)
    judge(world, name + "-after", domain, True)
    check("%s: each subscriber had one copy refused, of one post" % name, refusals(world, domain) == len(USERS), refusals(world, domain))
    known = [r for r in rows(world, "receivers") if r["name"] == domain.split(".")[0]]
    check("%s: the receiver is known to enforce, and from what" % name, bool(known) and known[0]["enforces"] and known[0]["source"].startswith("learnt") and "5.7.1" in known[0]["source"], known)
    path = world.write("explained.eml", world.sign(message("Joe <joe@strict.example>", address(name), "explained"), "strict.example").decode())
    check("%s: explain says what it was learnt from" % name, re.search(r"learnt \d{4}-\d\d-\d\d from 550 5\.7\.1", world.listctl("explain", name, path, "--ip", "127.0.0.10").stdout))
    members = world.listctl("members", "export", address(name), "--format", "csv").stdout
    check("%s: all are still members who get mail" % name, all(re.search(r"(?m)^%s@%s,.*\bon\b" % (user, re.escape(domain)), members) for user in USERS), members)


def killed_meanwhile(world, name, domain):
    """The receiver turns, and listd is killed again and again until every subscriber has it."""
    world.enforce(domain, False)
    world.listctl("receivers", "forget", domain.split(".")[0])
    submit(world, name, name + "-lenient")
    await_delivered(world, name + "-lenient", domain)
    judge(world, name + "-lenient", domain, False)
    world.enforce(domain, True)
    submit(world, name, name + "-killed")
    for pause in (0.3, 0.7, 1.5, 2.2, 2.6):
        time.sleep(pause)
        world.stop("listd", signal.SIGKILL)
        world.start_listd_again()
    await_delivered(world, name + "-killed", domain)
    judge(world, name + "-killed", domain, True)


def by_reply(world, name, domain):
    """The receiver is the relay: it says so in the session."""
    world.set_listd(SETTINGS + 'relay = "127.0.0.1:%d"\n' % [r.port for r in world.receivers if r.domain == domain][0])
    world.listctl("reload")
    make_list(world, name, ["%s@%s" % (u, domain) for u in USERS], subject_tag="[%s]" % name, decorate="always", post="anyone")
    submit(world, name, name + "-before")
    await_delivered(world, name + "-before", domain)
    judge(world, name + "-before", domain, False)
    world.enforce(domain, True)
    submit(world, name, name + "-turn")
    await_delivered(world, name + "-turn", domain)
    judge(world, name + "-turn", domain, True)
    submit(world, name, name + "-after")
    await_delivered(world, name + "-after", domain)
    judge(world, name + "-after", domain, True)
    check("%s: each subscriber had one copy refused" % name, refusals(world, domain) == len(USERS), refusals(world, domain))
    world.set_listd(SETTINGS)
    world.listctl("reload")


def run(world, name, *command):
    result = subprocess.run(command, capture_output=True, text=True)
    check(name, result.returncode == 0, result.stdout[-300:] + result.stderr[-300:])
    return result.stdout


def part(kit, start, end):
    """The lines of a kit from the one that begins with start to the one before that begins with end."""
    lines = kit.split("\n")
    at = [i for i, line in enumerate(lines) if line.startswith(start)][0]
    until = [i for i, line in enumerate(lines) if i > at and line.startswith(end)]
    return "\n".join(lines[at + 1:until[0] if until else None]) + "\n"


def kit(world):
    """What is printed for receivers is what their software reads."""
    text = world.listctl("allowlist", "kit").stdout
    check("kit: addresses and keys", LIST_HOST_ADDRESS in text and "listd1._domainkey." + LIST_DOMAIN in text, text[:700])
    opendmarc = part(text, "# ---- OpenDMARC", "# /etc/opendmarc/ignore").replace("/etc/opendmarc/ignore.hosts", world.path("kit/ignore.hosts"))
    world.write("kit/ignore.hosts", part(text, "# /etc/opendmarc/ignore", "# ----"))
    run(world, "kit: opendmarc reads it", "/usr/sbin/opendmarc", "-n", "-c", world.write("kit/opendmarc.conf", opendmarc))
    for name, head in (("arc.conf", "# /etc/rspamd/local.d/arc"), ("whitelist.conf", "# /etc/rspamd/local.d/whitelist"), ("settings.conf", "# /etc/rspamd/local.d/settings")):
        world.write("kit/rspamd/local.d/" + name, part(text, head, "# /etc" if name != "settings.conf" else "# ----"))
    run(world, "kit: rspamd reads it", "/usr/bin/rspamadm", "--var=LOCAL_CONFDIR=" + world.path("kit/rspamd"), "configtest")
    dump = run(world, "kit: rspamd knows the names", "/usr/bin/rspamadm", "--var=LOCAL_CONFDIR=" + world.path("kit/rspamd"), "configdump")
    check("kit: rspamd has taken it up", all(word in dump for word in ("whitelisted_signers_map", "LISTD_SIGNED", "DMARC_CHECK")) and LIST_DOMAIN in dump)
    for name in ("clients", "milters", "postscreen"):
        table = world.write("kit/" + name, part(text, "# /etc/postfix/listd-" + name, "# /etc" if name != "postscreen" else "# ----"))
        got = run(world, "kit: postfix finds the address in listd-" + name, "/usr/sbin/postmap", "-q", LIST_HOST_ADDRESS, "cidr:" + table).strip()
        check("kit: what listd-%s says" % name, got == {"clients": "OK", "milters": "DISABLE", "postscreen": "permit"}[name], got)


def allowlist(world, name, domain):
    """A receiver that agrees is believed at once, and no longer when it refuses."""
    world.listctl("allowlist", "add", "receiver", "@" + domain, "agreed")
    submit(world, name, name + "-agreed")
    await_delivered(world, name + "-agreed", domain)
    judge(world, name + "-agreed", domain, True)
    chosen = [e for e in world.events("chosen") if e.get("strategy") == "allowlist"]
    check("allowlist: it was believed", bool(chosen), world.events("chosen")[-3:])
    known = [r for r in rows(world, "receivers") if r["name"] in ("@" + domain, domain.split(".")[0])]
    check("allowlist: and not any more when it refuses", known and not [r for r in known if r["allowlists_us"] and r["name"] != "@" + domain], known)


def main():
    world = build_world(sys.argv[1] + "/second-form", sys.argv[2])
    try:
        world.start_dns()
        world.start_receivers()
        world.start_mta()
        world.start_listd(SETTINGS)
        world.make_list_key(LIST_DOMAIN)
        by_reports(world, "xverp", "turncoat.example", "")
        by_reports(world, "verp", "second.example", "verp = transaction\n")
        killed_meanwhile(world, "verp", "second.example")
        by_reply(world, "reply", "third.example")
        allowlist(world, "reply", "third.example")
        kit(world)
        check("no second copy was made but for those refused", not [e for e in world.events("second-none") if "own name" not in str(e)], world.events("second-none")[:3])
        end_listd(world)
    finally:
        world.stop_all()
    print("%d failed" % len(FAILED))
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main())
