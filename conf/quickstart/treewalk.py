# SPDX-License-Identifier: BSD-2-Clause
"""DMARC as RFC 9989 has it, with its tree walk, on dnspython and pyspf: what a receiver of the new reading finds and does. Nothing here is shared with listd, so that
both can be wrong in different ways only."""
import collections

import dns.resolver
import spf

QUERIES_MAX = 8  # RFC 9989 4.10

Found = collections.namedtuple("Found", "name tags")  # a record, and where it stands


class Dns:
    def __init__(self, address):
        self.resolver = dns.resolver.Resolver(configure=False)
        self.resolver.nameservers = [address]
        self.resolver.lifetime = 5

    def texts(self, name):
        try:
            return [b"".join(rr.strings).decode("utf-8", "replace") for rr in self.resolver.resolve(name + ".", "TXT")]
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []

    def exists(self, name):
        try:
            self.resolver.resolve(name + ".", "A", raise_on_no_answer=False)
            return True
        except dns.resolver.NXDOMAIN:
            return False


def tags_of(text):
    """A record's tags in lower case; None when it is no DMARC record (4.7: the version comes first)."""
    pairs = [tuple(x.strip() for x in part.split("=", 1)) for part in text.split(";") if "=" in part]
    if not pairs or pairs[0][0].lower() != "v" or pairs[0][1] != "DMARC1":
        return None
    return {name.lower(): value.lower() for name, value in pairs}


def record_at(dns_, name):
    """The one record at a name; where there are more, there is none."""
    found = [tags for tags in map(tags_of, dns_.texts("_dmarc." + name)) if tags is not None]
    return Found(name, found[0]) if len(found) == 1 else None


def walk(dns_, name):
    """4.10: the records found from a name upwards."""
    labels, found = name.split("."), []
    for query in range(QUERIES_MAX):
        record = record_at(dns_, ".".join(labels))
        if record is not None:
            found.append(record)
            if record.tags.get("psd") in ("y", "n"):
                break
        labels = labels[len(labels) - 7:] if query == 0 and len(labels) > QUERIES_MAX else labels[1:]
        if not labels:
            break
    return found


def organization(dns_, name):
    """4.10.2."""
    found = walk(dns_, name)
    for record in found:
        if record.tags.get("psd") == "n":
            return record.name
        if record.tags.get("psd") == "y" and record.name != name:
            return ".".join(name.split(".")[-record.name.count(".") - 2:])
    return found[-1].name if found else name


def policy_of(dns_, author):
    """4.10.1 and 4.7: the record that governs an author domain, and what it asks for; (None, "none") without one."""
    own = record_at(dns_, author)
    if own is not None:
        return own, lowered(own, own.tags.get("p", "none"))
    above = walk(dns_, author)
    org = organization(dns_, author)
    record = next((r for r in above if r.name == org), next((r for r in above if r.tags.get("psd") == "y"), None))
    if record is None:
        return None, "none"
    names = ("sp", "p") if dns_.exists(author) else ("np", "sp", "p")
    return record, lowered(record, next((record.tags[n] for n in names if n in record.tags), "none"))


def lowered(record, policy):
    """4.7: t=y asks for one step less."""
    return {"reject": "quarantine", "quarantine": "none"}.get(policy, policy) if record.tags.get("t") == "y" else policy


def is_aligned(dns_, record, mode, domain, author):
    if domain == author:
        return True
    return record.tags.get(mode, "r") != "s" and organization(dns_, domain) == organization(dns_, author)


def judge(dns_, author, signers, ip, helo, sender):
    """("inbox", "junk" or "refused", reason). author: in A-labels."""
    record, policy = policy_of(dns_, author)
    if record is None:
        return "inbox", "dmarc=none"
    if any(is_aligned(dns_, record, "adkim", d.lower(), author) for d in signers):
        return "inbox", "dmarc=pass by DKIM"
    if sender and spf.check2(i=ip, s=sender, h=helo)[0] == "pass" and is_aligned(dns_, record, "aspf", sender.rpartition("@")[2].lower(), author):
        return "inbox", "dmarc=pass by SPF"
    return {"reject": "refused", "quarantine": "junk"}.get(policy, "inbox"), "dmarc=fail p=%s of %s" % (policy, record.name)
