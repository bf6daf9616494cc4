# SPDX-License-Identifier: BSD-2-Clause
"""Holds the commands auth, dmarc, spf, parts, from and seal to the expectations of tests/data (or of the folder given), through the command line as a user would: zones
as files, JSON out. usage: data.py LISTCTL [DATA]"""
import csv
import json
import os
import re
import subprocess
import sys
import tempfile

LISTCTL = sys.argv[1]
DATA = sys.argv[2] if len(sys.argv) > 2 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data")
WORK = tempfile.mkdtemp()
COUNT = {"ok": 0, "bad": 0}


def check(name, right, more=""):
    COUNT["ok" if right else "bad"] += 1
    if not right:
        print("not ok %s: %s" % (name, str(more)[:300]))


def write(name, content):
    path = os.path.join(WORK, name)
    with open(path, "wb") as f:
        f.write(content if isinstance(content, bytes) else content.encode("utf-8", "surrogateescape"))
    return path


def run(*args, text=False):
    result = subprocess.run([LISTCTL, *args], capture_output=True)
    if text:
        return result
    try:
        return json.loads(result.stdout) if result.returncode == 0 else {"exit": result.returncode, "stderr": result.stderr.decode(errors="replace")}
    except ValueError:
        return {"exit": "no JSON", "stderr": result.stdout[:200]}


def quote(text):
    out = "".join(chr(b) if 32 <= b < 127 and chr(b) not in '"\\' else "\\%03d" % b for b in text.encode("utf-8", "surrogateescape"))
    parts, at = [], 0
    while at < len(out) or not parts:
        end = min(at + 200, len(out))
        while end < len(out) and "\\" in out[max(at, end - 3):end]:
            end -= 1
        parts.append('"%s"' % out[at:end])
        at = end
    return " ".join(parts)


def record(r):
    name = "".join(chr(b) if 33 <= b < 127 and chr(b) not in '";\\' else "\\%03d" % b for b in r["name"].rstrip(".").encode()) + "."
    if r.get("rcode") or r.get("timeout") or r["type"] == "TIMEOUT":
        return "%s%s ! %s" % (name, "" if r.get("type") in (None, "TIMEOUT") else " " + r["type"], r.get("rcode", "TIMEOUT"))
    value = r["value"]
    if r["type"] in ("TXT", "SPF"):
        strings = value if isinstance(value, list) else [value]
        return "%s TXT %s" % (name, " ".join(quote(s) for s in strings) or '""')
    if r["type"] == "MX":
        return "%s MX %d %s." % (name, value[0], value[1].rstrip("."))
    if r["type"] in ("CNAME", "NS", "PTR"):
        return "%s %s %s." % (name, r["type"], value.rstrip("."))
    return "%s %s %s" % (name, r["type"], value)


def rows(path):
    with open(os.path.join(DATA, path), encoding="utf-8", newline="\n") as f:
        lines = [line.rstrip("\n") for line in f]
    head = [line for line in lines if line.startswith("#")][-1].lstrip("#").split("\t")
    return [dict(zip(head, line.split("\t"))) for line in lines if line and not line.startswith("#")]


def spf():
    for s, scenario in enumerate(json.load(open(os.path.join(DATA, "spf/rfc7208-tests.json")))):
        zone = write("spf%d" % s, "\n".join(record(r) for r in scenario["zone"]) + "\n")
        for t in scenario["tests"]:
            got = run("spf", "--ip", t["ip"], "--helo", t["helo"], "--mail-from", t["mailfrom"], "--zone", zone, "--json")
            check("spf " + t["id"], got.get("result") in t["result"], (t["result"], got))


def dmarc():
    for v in json.load(open(os.path.join(DATA, "dmarc/vectors.json"))):
        zone = write("dmarc", "\n".join(record(r) for r in v["zone"]) + "\n")
        args = ["--spf", "%s=%s" % (v["spf"]["domain"], v["spf"]["result"])] if v["spf"] else []
        for d in v["dkim"]:
            args += ["--dkim", "%s=%s" % (d["domain"], d["result"])]
        got = run("dmarc", v["author_domain"], *args, "--zone", zone, "--json").get("rfc9989", {})
        for key, want in v["expect"].items():
            if key in ("result", "spf_aligned", "dkim_aligned") and not args:
                check("dmarc %s: %s is left out" % (v["id"], key), key not in got, got)
            else:
                check("dmarc %s: %s" % (v["id"], key), got.get(key) == want, (want, got.get(key), got))


def arc():
    validation = json.load(open(os.path.join(DATA, "arc/validation.json")))
    zones = {k: write("arc-%s" % re.sub(r"\W", "_", k), "\n".join("%s. TXT %s" % (n, quote(t)) for n, t in z.items()) + "\n") for k, z in validation["zones"].items()}
    for t in validation["tests"]:
        message = write("message", t["message"])
        got = run("auth", message, "--zone", zones[t["zone"]], "--json")
        check("arc " + t["id"], t["expect"] == "any" or got.get("arc", {}).get("result") == t["expect"], (t["expect"], got.get("arc", got)))
    signing = json.load(open(os.path.join(DATA, "arc/signing.json")))
    key, zone = write("key.pem", signing["private_key_pem"]), write("arc-zone", "\n".join("%s. TXT %s" % (n, quote(t)) for n, t in signing["zone"].items()) + "\n")
    for t in signing["tests"]:
        message = write("message", t["message"])
        result = run("seal", message, "--domain", t["domain"], "--selector", t["selector"], "--key", key, "--authserv-id", t["authserv_id"], "--headers", t["sign_headers"],
                     "--zone", zone, "--now", str(t["time"]), text=True)
        want, out = t["expect"], result.stdout.decode("utf-8", "surrogateescape")
        head = re.sub(r"\r?\n[ \t]+", " ", re.split(r"\r?\n\r?\n", out)[0])
        if not want["sealed"]:
            check("seal " + t["id"], out == t["message"], result.stderr)
            continue
        aar = re.search(r"(?im)^ARC-Authentication-Results:\s*(.*)$", head)
        ams, seal = re.search(r"(?im)^ARC-Message-Signature:(.*)$", head), re.search(r"(?im)^ARC-Seal:(.*)$", head)
        check("seal %s: set" % t["id"], aar and ams and seal, result.stderr)
        if aar and ams and seal:
            check("seal %s: i" % t["id"], re.search(r"\bi=%s\b" % want["i"], seal.group(1)), seal.group(1))
            check("seal %s: cv" % t["id"], re.search(r"cv=%s\b" % want["cv"], seal.group(1)), seal.group(1))
            check("seal %s: bh" % t["id"], want["bh"] in re.sub(r"\s", "", ams.group(1)), ams.group(1))
            check("seal %s: aar" % t["id"], " ".join(aar.group(1).split()) == want["aar"], (want["aar"], aar.group(1)))
            if want["cv"] != "fail":
                got = run("auth", write("sealed", result.stdout), "--zone", zone, "--now", str(t["time"]), "--json")
                check("seal %s: validates" % t["id"], got.get("arc", {}).get("result") == "pass", got.get("arc"))


def dkim():
    zones = {}
    for r in rows("dkim/zone.tsv"):
        zones.setdefault(r["zone"], []).append("%s. ! %s" % (r["name"], r["TXT"]) if r["TXT"] in ("TIMEOUT", "SERVFAIL") else
                                               "" if r["TXT"] == "NXDOMAIN" else "%s. TXT %s" % (r["name"], quote(r["TXT"])))
    for r in rows("dkim/expected.tsv"):
        path = os.path.join(DATA, "dkim/messages", r["file"])
        want, _, now = r["expect"].partition("@")
        zone = write("dkim", "\n".join(zones.get(r["zone"], [])) + "\n")
        got = run("auth", path, "--zone", zone, "--json", *(["--now", now] if now else []))
        name = "dkim %s %s" % (r["file"], r["signature"])
        found = got.get("dkim", [])
        result = found[int(r["signature"]) - 1]["result"] if r["signature"].isdigit() and int(r["signature"]) <= len(found) else "none"
        right = want == "any" or (result != "pass" if want == "not-pass" else not found if want == "none" else result == want)
        check(name, right and "exit" not in got, (r["expect"], result, got.get("exit"), got.get("stderr")))


def shape(part):
    inner = ",".join(shape(p) for p in part["parts"])
    return part["type"] + ("(%s)" % inner if inner or part["type"].startswith("multipart/") and part["parts"] else "")


def mime():
    for r in rows("mime/expected.tsv"):
        got = run("parts", os.path.join(DATA, "mime", r["file"]), "--json")
        if r["level"] == "strict":
            check("parts " + r["file"], "type" in got and shape(got) == r["structure"], (r["structure"], shape(got) if "type" in got else got))
        else:
            check("parts %s survives" % r["file"], "type" in got or got.get("exit") == 65, got)


def unescape(text):
    return re.sub(rb"\\(x..|.)", lambda m: {b"r": b"\r", b"n": b"\n", b"t": b"\t", b'"': b'"', b"\\": b"\\"}.get(m.group(1)) or bytes([int(m.group(1)[1:], 16)]), text.encode())


def authors():
    for r in rows("from/from-headers.tsv"):
        got = run("from", write("from", b"From: " + unescape(r["from_value"]) + b"\r\nSubject: x\r\n\r\nbody\r\n"), "--json")
        if "exit" in got:
            check("from " + r["id"], "any" in (r["authors"], r["dmarc_domains"]), got)
            continue
        for column, value in (("authors", got["authors"]), ("dmarc_domains", got["dmarc_domains"])):
            want = [] if r[column] == "-" else r[column].split("|")
            check("from %s: %s" % (r["id"], column), r[column] == "any" or sorted(value) == sorted(want), (want, value))
        if r["display_name"] != "any":
            check("from %s: name" % r["id"], got["display_name"] == ("" if r["display_name"] == "-" else r["display_name"]), got["display_name"])
    for r in rows("from/decision.tsv"):
        zone = []
        for part in r["zone"].split(" | "):
            name, eq, value = part.partition("=")
            words = part.split(" ", 2)
            zone.append("%s. TXT %s" % (name, quote(value)) if eq and " " not in name else "%s. ! %s" % (words[0], words[1]) if len(words) == 2 else
                        "%s. %s %s" % (words[0], words[1], words[2] + ("." if words[1] == "CNAME" else "")))
        got = [run("dmarc", a.strip().rpartition("@")[2], "--zone", write("decision", "\n".join(zone) + "\n"), "--json").get("effective") for a in r["from"].split(",")]
        act = any(g in ("quarantine", "reject", "unknown") for g in got)
        check("decision " + r["id"], r["mitigate"] == "any" or r["id"] == "own-action-none" or act == (r["mitigate"] == "yes"), (r["mitigate"], got))


def paths():
    """An envelope address may stand in angle brackets."""
    zone = write("paths", 'a.example. TXT "v=spf1 ip4:192.0.2.1 -all"\n')
    for path in ("b@a.example", "<b@a.example>", "<>", ""):
        got = run("spf", "--ip", "192.0.2.1", "--helo", "a.example", "--mail-from", path, "--zone", zone, "--json")
        check("spf for %s" % path, got.get("result") == "pass", got)


def files():
    """A message from a mailbox file, without a last line end, is taken for what an MTA would hand over."""
    settings = write("list", 'address = "birds@lists.example"\nowners = { "owner@lists.example" }\nstrategy = rewrite\n')
    zone, message = write("no-zone", ""), write("mbox", "From ann@a.example Sun Nov 22 10:00:00 2026\nFrom: ann@a.example\nSubject: x\n\nno end")
    got = run("render", "birds@lists.example", message, "--for", "bob@b.example", "--list-file", settings, "--zone", zone, "--submission", text=True).stdout
    check("render of a mailbox file", got.startswith(b"DKIM-Signature:") and got.endswith(b"\r\nno end\r\n") and b"2026\nFrom:" not in got, got)


def usage():
    """64 for wrong usage, 65 for input that cannot be read."""
    message = write("plain", b"From: a@b.example\r\n\r\n")
    for args, want in ((("auth",), 64), (("auth", message, "--ip", "192.0.2"), 64), (("spf", "--ip", "one", "--helo", "x.example"), 64), (("spf", "--ip", "192.0.2.1"), 64),
                       (("spf", "--ip"), 64), (("dmarc",), 64), (("dmarc", "a.example", "--now", "today"), 64), (("parts", message, message), 64), (("nonsense",), 64),
                       (("from", "--bogus", message), 64), (("seal", message), 64),
                       (("seal", message, "--domain", "a.example", "--selector", "s", "--key", message, "--authserv-id", "i", "--headers", "from:a\r\nb"), 64), (("parts", WORK + "/none"), 65), (("auth", WORK), 65), (("dmarc", "a.example", "--zone", message), 65)):
        got = run(*args, "--json")
        check("usage %s: %d" % (" ".join(args), want), got.get("exit") == want and "listctl" in got["stderr"], got)


for part in (spf, dmarc, arc, dkim, mime, authors, paths, files, usage):
    part()
# The words that the unit programs use, so that the totals count these too.
print("[  PASSED  ] %d test(s)." % COUNT["ok"])
if COUNT["bad"]:
    print("[  FAILED  ] %d test(s)." % COUNT["bad"])
sys.exit(1 if COUNT["bad"] else 0)
