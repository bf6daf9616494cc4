# SPDX-License-Identifier: BSD-2-Clause
"""DMARC from end to end: message, client address, envelope sender and zone go into listd-milter, the result comes out as field and reply. First the vectors of tests/data/dmarc, by the
reading of RFC 9989; then the kinds of messages that receivers' own test suites have; then what a receiving site makes of failures."""
import base64
import json
import os
import re
import signal
import subprocess
import sys

from helper import check, message
from milter_client import deliver
from world import wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
RIGHT, WRONG = "192.0.2.1", "192.0.2.66"  # clients: in every SPF record here, and in none
MAILBOX = "bob@receiver.example"

PEM = subprocess.run(["openssl", "genrsa", "2048"], check=True, capture_output=True).stdout
PUBLIC = base64.b64encode(subprocess.run(["openssl", "rsa", "-pubout", "-outform", "DER"], input=PEM, check=True, capture_output=True).stdout).decode()


class Filter:
    """A listd-milter without listd, with a zone of its own."""

    def __init__(self, directory, prefix, zone, settings=""):
        self.path, self.dir = os.path.join(directory, "socket"), directory
        os.makedirs(directory, exist_ok=True)
        os.chmod(directory, 0o755)
        with open(os.path.join(directory, "zone"), "w") as f:
            f.write("\n".join(zone) + "\n")
        with open(os.path.join(directory, "conf"), "w") as f:
            f.write('host-name = "mx.receiver.example"\nauthserv-id = "receiver.example"\nmilter-listen = "unix:%s"\nmilter-dir = "%s/state"\nmilter-socket = "%s/none"\n'
                    'dns-zone-file = "%s/zone"\nauthenticate = all\nreceiver = yes\n%s' % (self.path, directory, directory, directory, settings))
        self.log = open(os.path.join(directory, "log"), "ab")
        self.process = subprocess.Popen([os.path.join(prefix, "sbin/listd-milter"), "-c", os.path.join(directory, "conf")], stderr=self.log, stdin=subprocess.DEVNULL)
        wait_for("listd-milter", lambda: os.path.exists(self.path) or self.process.poll() is not None, 20)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(30)
        self.log.close()
        with open(os.path.join(self.dir, "log"), errors="replace") as f:
            text = f.read()
        if code != 0 or "Sanitizer" in text or "runtime error" in text:
            check("listd-milter ends in good order", False, "%d %s" % (code, text[-500:]))


def txt(name, value):
    return '%s. TXT %s' % (name, " ".join('"%s"' % value[i:i + 200].replace('"', '\\"') for i in range(0, len(value), 200) or [0]))


def key(domain):
    return txt("s1._domainkey." + domain, "v=DKIM1; k=rsa; p=" + PUBLIC)


def spf(domain):
    return txt(domain, "v=spf1 ip4:%s -all" % RIGHT)


def signed(octets, *domains):
    import dkim
    for domain in domains:
        octets = dkim.sign(octets, b"s1", domain.encode(), PEM, canonicalize=(b"relaxed", b"relaxed"), include_headers=[b"from", b"to", b"subject", b"date", b"message-id"]) + octets
    return octets


class Outcome:
    """What became of a message."""

    def __init__(self, answer):
        self.code, self.text, changes, _ = answer
        values = [c[3].decode() for c in changes if c[0] == "i" and c[2] == b"Authentication-Results"]
        self.field = " ".join(values[0].split()) if values else ""
        found = re.search(r"; dmarc=(\w+)(?: header\.from=(\S+))?(?: policy\.dmarc=(\w+))?", self.field.replace(";", " ;").replace(" ;", ";"))
        self.dmarc, self.policy = (found.group(1), (found.group(3) or "").rstrip(";")) if found else (None, None)
        self.junk = any(c[2] == b"X-Spam-Flag" for c in changes if c[0] == "i")
        self.action = "refuse" if self.code == 550 else "later" if self.code == 451 else "junk" if self.junk else "accept"

    def __str__(self):
        return "%d %s dmarc=%s policy=%s junk=%s: %s" % (self.code, self.text[:150], self.dmarc, self.policy, self.junk, self.field)


def send(f, octets, client, sender):
    return Outcome(deliver(f.path, octets, sender, [MAILBOX], client))


# --- the vectors ---

def zone_of_vector(vector):
    lines = []
    for r in vector["zone"]:
        if "rcode" in r:
            lines.append("%s. %s ! %s" % (r["name"], r["type"], r["rcode"]) if r.get("type") else "%s. ! %s" % (r["name"], r["rcode"]))
        else:
            values = r["value"] if isinstance(r["value"], list) else [r["value"]]
            lines += [txt(r["name"], v) for v in values] if r["type"] == "TXT" else ["%s. %s %s" % (r["name"], r["type"], " ".join(str(v) for v in values))]
    evidence = vector["spf"]
    if evidence is not None and evidence["result"] == "pass":
        lines.append(spf(evidence["domain"]))
    return lines + [key(d) for d in sorted({k["domain"] for k in vector["dkim"] if k["result"] == "pass"})]


def expected_action(expect):
    if expect["result"] == "temperror":
        return "later"
    if expect["result"] != "fail":
        return "accept"
    return {"reject": "refuse", "quarantine": "junk"}.get(expect.get("applied", expect["policy"]), "accept")


def test_vectors(directory, prefix, settings):
    with open(os.path.join(HERE, "..", "data", "dmarc", "vectors.json")) as f:
        vectors = json.load(f)
    count = 0
    for vector in vectors:
        expect = vector["expect"]
        if "result" not in expect:
            continue
        count += 1
        evidence = vector["spf"] or {"domain": "elsewhere.example", "result": "none"}
        octets = signed(message("ann@" + vector["author_domain"], MAILBOX, "vector"), *[k["domain"] for k in vector["dkim"] if k["result"] == "pass"])
        with Filter(os.path.join(directory, "v-" + vector["id"]), prefix, zone_of_vector(vector), settings) as f:
            outcome = send(f, octets, RIGHT if evidence["result"] == "pass" else WRONG, "ann@" + evidence["domain"])
        check("vector %s: %s" % (vector["id"], expected_action(expect)), outcome.action == expected_action(expect), "%s expect %s" % (outcome, expect))
    check("the vectors were there", count >= 40, count)


# --- messages, as receivers' own suites have them ---

R, Q, N = "v=DMARC1; p=reject", "v=DMARC1; p=quarantine", "v=DMARC1; p=none"
# name, From domain, records of _dmarc, signers, client, envelope domain, dmarc=, policy.dmarc=, what becomes of it
ROWS = [
    ("none, passes by DKIM", "a.example", [("a.example", N)], ["a.example"], WRONG, "x.example", "pass", "none", "accept"),
    ("none, passes by SPF", "a.example", [("a.example", N)], [], RIGHT, "a.example", "pass", "none", "accept"),
    ("none, passes by both", "a.example", [("a.example", N)], ["a.example"], RIGHT, "a.example", "pass", "none", "accept"),
    ("none, fails", "a.example", [("a.example", N)], [], WRONG, "a.example", "fail", "none", "accept"),
    ("quarantine, fails", "a.example", [("a.example", Q)], [], WRONG, "a.example", "fail", "quarantine", "junk"),
    ("quarantine, passes by SPF", "a.example", [("a.example", Q)], [], RIGHT, "a.example", "pass", "quarantine", "accept"),
    ("reject, fails", "a.example", [("a.example", R)], [], WRONG, "a.example", "fail", "reject", "refuse"),
    ("reject, passes by SPF", "a.example", [("a.example", R)], [], RIGHT, "a.example", "pass", "reject", "accept"),
    ("reject, passes by DKIM", "a.example", [("a.example", R)], ["a.example"], WRONG, "x.example", "pass", "reject", "accept"),
    ("reject, signed by another", "a.example", [("a.example", R)], ["b.example"], WRONG, "x.example", "fail", "reject", "refuse"),
    ("reject, SPF of another", "a.example", [("a.example", R)], [], RIGHT, "b.example", "fail", "reject", "refuse"),
    ("reject, one of two signatures", "a.example", [("a.example", R)], ["b.example", "a.example"], WRONG, "x.example", "pass", "reject", "accept"),
    ("reject, null sender, HELO counts", "a.example", [("a.example", R)], [], RIGHT, "", "fail", "reject", "refuse"),
    # alignment
    ("relaxed DKIM, signed above", "m.a.example", [("a.example", R)], ["a.example"], WRONG, "x.example", "pass", "reject", "accept"),
    ("relaxed DKIM, signed below", "a.example", [("a.example", R)], ["m.a.example"], WRONG, "x.example", "pass", "reject", "accept"),
    ("strict DKIM, signed above", "m.a.example", [("a.example", R + "; adkim=s")], ["a.example"], WRONG, "x.example", "fail", "reject", "refuse"),
    ("strict DKIM, signed by itself", "m.a.example", [("a.example", R + "; adkim=s")], ["m.a.example"], WRONG, "x.example", "pass", "reject", "accept"),
    ("strict DKIM, SPF relaxed passes", "m.a.example", [("a.example", R + "; adkim=s")], ["a.example"], RIGHT, "a.example", "pass", "reject", "accept"),
    ("relaxed SPF, envelope above", "m.a.example", [("a.example", R)], [], RIGHT, "a.example", "pass", "reject", "accept"),
    ("relaxed SPF, envelope below", "a.example", [("a.example", R)], [], RIGHT, "b.a.example", "pass", "reject", "accept"),
    ("strict SPF, envelope below", "a.example", [("a.example", R + "; aspf=s")], [], RIGHT, "b.a.example", "fail", "reject", "refuse"),
    ("strict SPF, its own envelope", "a.example", [("a.example", R + "; aspf=s")], [], RIGHT, "a.example", "pass", "reject", "accept"),
    ("siblings align relaxed", "m.a.example", [("a.example", R)], ["n.a.example"], WRONG, "x.example", "pass", "reject", "accept"),
    ("siblings do not align strict", "m.a.example", [("a.example", R + "; adkim=s; aspf=s")], ["n.a.example"], RIGHT, "n.a.example", "fail", "reject", "refuse"),
    # subdomains
    ("sp=none", "m.a.example", [("a.example", R + "; sp=none")], [], WRONG, "m.a.example", "fail", "none", "accept"),
    ("sp=quarantine", "m.a.example", [("a.example", R + "; sp=quarantine")], [], WRONG, "m.a.example", "fail", "quarantine", "junk"),
    ("sp=reject over p=none", "m.a.example", [("a.example", N + "; sp=reject")], [], WRONG, "m.a.example", "fail", "reject", "refuse"),
    ("sp is not for the domain itself", "a.example", [("a.example", N + "; sp=reject")], [], WRONG, "a.example", "fail", "none", "accept"),
    ("a subdomain's own record", "m.a.example", [("a.example", R), ("m.a.example", N)], [], WRONG, "m.a.example", "fail", "none", "accept"),
    ("np for a name that is not there", "nx.a.example", [("a.example", N + "; sp=none; np=reject")], [], WRONG, "x.example", "fail", "reject", "refuse"),
    # records
    ("no record", "a.example", [], [], WRONG, "a.example", "none", "", "accept"),
    ("no record, signed", "a.example", [], ["a.example"], RIGHT, "a.example", "none", "", "accept"),
    ("a broken record", "a.example", [("a.example", "v=DMARC1; p=rejct")], [], WRONG, "a.example", "none", "", "accept"),
    ("a broken record with rua", "a.example", [("a.example", "v=DMARC1; p=rejct; rua=mailto:d@a.example")], [], WRONG, "a.example", "fail", "none", "accept"),
    ("no p, with rua", "a.example", [("a.example", "v=DMARC1; rua=mailto:d@a.example")], [], WRONG, "a.example", "fail", "none", "accept"),
    ("not the version", "a.example", [("a.example", "v=DMARC2; p=reject")], [], WRONG, "a.example", "none", "", "accept"),
    ("version in lower case", "a.example", [("a.example", "v=dmarc1; p=reject")], [], WRONG, "a.example", "none", "", "accept"),
    ("version not first", "a.example", [("a.example", "p=reject; v=DMARC1")], [], WRONG, "a.example", "none", "", "accept"),
    ("two records", "a.example", [("a.example", R), ("a.example", N)], [], WRONG, "a.example", "none", "", "accept"),
    ("another TXT beside it", "a.example", [("a.example", "hello"), ("a.example", R)], [], WRONG, "a.example", "fail", "reject", "refuse"),
    ("odd blanks and case", "a.example", [("a.example", "v = DMARC1 ;  P = Reject ;")], [], WRONG, "a.example", "fail", "reject", "refuse"),
    ("no blanks", "a.example", [("a.example", "v=DMARC1;p=reject;")], [], WRONG, "a.example", "fail", "reject", "refuse"),
    ("unknown tags", "a.example", [("a.example", R + "; x-foo=bar; fo=zz; ri=x; adkim=q")], [], WRONG, "a.example", "fail", "reject", "refuse"),
    ("pct=0 is no matter", "a.example", [("a.example", R + "; pct=0")], [], WRONG, "a.example", "fail", "reject", "refuse"),
    ("t=y: one level lower", "a.example", [("a.example", R + "; t=y")], [], WRONG, "a.example", "fail", "reject", "junk"),
    ("t=y and quarantine", "a.example", [("a.example", Q + "; t=y")], [], WRONG, "a.example", "fail", "quarantine", "accept"),
    ("a record above, by the walk", "a.b.c.example", [("b.c.example", R)], [], WRONG, "x.example", "fail", "reject", "refuse"),
    # DNS that does not tell
    ("DNS fails", "a.example", [("a.example", "! SERVFAIL")], [], WRONG, "a.example", "temperror", "", "later"),
    ("DNS is silent", "a.example", [("a.example", "! TIMEOUT")], [], WRONG, "a.example", "temperror", "", "later"),
    ("DNS fails above", "m.a.example", [("a.example", "! SERVFAIL")], [], WRONG, "x.example", "temperror", "", "later"),
    # From
    ("case of the domain", "A.EXAMPLE", [("a.example", R)], [], WRONG, "x.example", "fail", "reject", "refuse"),
    ("an international name", "b\u00fccher.example", [("xn--bcher-kva.example", R)], [], WRONG, "x.example", "fail", "reject", "refuse"),
    ("an international name, signed", "b\u00fccher.example", [("xn--bcher-kva.example", R)], ["xn--bcher-kva.example"], WRONG, "x.example", "pass", "reject", "accept"),
]


def zone_of_row(author, records, signers):
    author = author.lower().encode("idna").decode()
    lines = [spf(d) for d in ("a.example", "b.example", "b.a.example", "m.a.example", "n.a.example")]
    if author.startswith("a.b.c"):
        lines.append("a.b.c.example. A 192.0.2.9")
    for domain, value in records:
        name = "_dmarc." + domain
        lines.append("%s. %s" % (name, value) if value.startswith("!") else txt(name, value))
    return lines + [key(d) for d in signers]


def test_rows(directory, prefix, settings):
    for number, (name, author, records, signers, client, envelope, dmarc, policy, action) in enumerate(ROWS):
        octets = signed(message("ann@" + author, MAILBOX, "row"), *signers)
        with Filter(os.path.join(directory, "r-%d" % number), prefix, zone_of_row(author, records, signers), settings) as f:
            outcome = send(f, octets, client, "ann@" + envelope if envelope else "")
        check("message: " + name, outcome.action == action, outcome)
        if action in ("accept", "junk"):
            check("message: %s: dmarc=%s" % (name, dmarc), (outcome.dmarc, outcome.policy) == (dmarc, policy), outcome)


# --- a receiving site ---

def test_receiver(directory, prefix):
    zone = [txt("_dmarc.reject.example", R), txt("_dmarc.quarantine.example", Q), txt("_dmarc.sampled.example", R + "; pct=0"), txt("_dmarc.psl.example", R), key("gnu.example"), spf("a.example"),
            key("sealer.example"), key("reject.example")]
    known = ('receiver-known-lists = "gnu dkim=gnu.example list-id=*.gnu.example\\nbirds network=192.0.2.77\\n"\ntrusted-sealers = { "sealer.example" }\n'
             'submission-networks = { "192.0.2.99" }\n')

    def post(head="", author="ann@reject.example"):
        return message(author, MAILBOX, "site", head=head)

    def listed(octets):
        import dkim
        return dkim.sign(octets, b"s1", b"gnu.example", PEM, include_headers=[b"from", b"to", b"subject", b"date", b"message-id", b"list-id"]) + octets
    with Filter(os.path.join(directory, "s-1"), prefix, zone, known) as f:
        outcome = send(f, post(), WRONG, "x@a.example")
        check("site: reject is refused, in the words of RFC 9989 7.2 with a code of RFC 7372",
              outcome.code == 550 and b"5.7.26 Email rejected per DMARC policy for reject.example (v=DMARC1; p=reject)" in outcome.text, outcome)
        outcome = send(f, listed(post("List-Id: Emacs <emacs.gnu.example>")), WRONG, "list@gnu.example")
        check("site: a known list by its signature", outcome.action == "accept" and "policy.override=mailing_list policy.by=gnu" in outcome.field and "dmarc=fail" in outcome.field, outcome)
        outcome = send(f, listed(post("List-Id: Emacs <emacs.other.example>")), WRONG, "list@gnu.example")
        check("site: the list's signature over another list's mail", outcome.action == "refuse", outcome)
        outcome = send(f, post("List-Id: Emacs <emacs.gnu.example>"), WRONG, "list@gnu.example")
        check("site: the list's name alone", outcome.action == "refuse", outcome)
        outcome = send(f, post(), "192.0.2.77", "list@birds.example")
        check("site: a known list by its network", outcome.action == "accept" and "policy.by=birds" in outcome.field, outcome)
        outcome = send(f, post(author="ann@quarantine.example"), WRONG, "x@a.example")
        check("site: quarantine is junk", outcome.action == "junk" and "x-listd-action=junk" in outcome.field, outcome)
        outcome = send(f, post(), "192.0.2.99", "ann@reject.example")
        check("site: our own users' mail is not judged, and gets no field", outcome.action == "accept" and outcome.field == "", outcome)
        outcome = send(f, post(author="ann@a.example, eve@reject.example"), WRONG, "x@a.example")
        check("site: two authors, one of them fails", outcome.action == "refuse", outcome)
        outcome = send(f, post().replace(b"From: ", b"X-From: "), WRONG, "x@a.example")
        check("site: no author", outcome.action == "refuse", outcome)
        outcome = send(f, post("X: y\n" * 1500), WRONG, "x@a.example")
        check("site: what cannot be read is not let through on that ground", outcome.code == 550 and b"5.6.0" in outcome.text, outcome)
        forged = post("Authentication-Results: receiver.example; dmarc=pass header.from=reject.example", "ann@a.example")
        _, _, changes, _ = deliver(f.path, forged, "ann@a.example", [MAILBOX], RIGHT)
        check("site: forged results are taken out", ("m", 1, b"Authentication-Results", b"") in changes, changes)
    with Filter(os.path.join(directory, "s-2"), prefix, zone, known + "receiver-on-reject = junk\nreceiver-on-quarantine = mark\n") as f:
        check("site: reject as junk, for people to decide", send(f, post(), WRONG, "x@a.example").action == "junk")
        outcome = send(f, post(author="ann@quarantine.example"), WRONG, "x@a.example")
        check("site: quarantine marked alone", outcome.action == "accept" and "x-listd-action=mark" in outcome.field and "dmarc=fail" in outcome.field, outcome)
    with Filter(os.path.join(directory, "s-3"), prefix, zone, known + "receiver-reading = 7489\nreceiver-obeys-pct = yes\nreceiver-junk-field = \"X-Spam-Flag: YES\"\n") as f:
        outcome = send(f, post(author="ann@sampled.example"), WRONG, "x@a.example")
        check("site: pct=0 by RFC 7489", outcome.action == "junk" and "policy.override=sampled_out" in outcome.field, outcome)
    with Filter(os.path.join(directory, "s-4"), prefix, zone, known + "receiver = no\n") as f:
        outcome = send(f, post(), WRONG, "x@a.example")
        check("site: authenticate = all alone refuses nothing", outcome.action == "accept" and outcome.dmarc == "fail" and "policy.code" not in outcome.field, outcome)


def main():
    directory, prefix = os.path.join(sys.argv[1], "milter-dmarc"), sys.argv[2]
    os.makedirs(directory, exist_ok=True)
    by_9989 = "receiver-reading = 9989\n"
    test_vectors(directory, prefix, by_9989)
    test_rows(directory, prefix, by_9989)
    test_receiver(directory, prefix)


main()
