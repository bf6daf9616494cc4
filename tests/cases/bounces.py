# SPDX-License-Identifier: BSD-2-Clause
"""Holds the commands bounce and reply to the expectations of tests/data (or of the folder given): recipients, what happened to each, status, whether it counts, whether DMARC or our
authentication is the reason; for each mail as it is and with its line ends made LF, CRLF and CR. usage: bounces.py LISTCTL PATTERNS [DATA]"""
import json
import os
import subprocess
import sys
import tempfile

LISTCTL, PATTERNS = sys.argv[1], sys.argv[2]
DATA = sys.argv[3] if len(sys.argv) > 3 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data")
FIGURES = {}
BAD = []


def check(what, name, right, more=""):
    ok, of = FIGURES.get(what, (0, 0))
    FIGURES[what] = (ok + bool(right), of + 1)
    if not right:
        BAD.append(name)
        print("not ok %s: %s: %s" % (name, what, str(more)[:300]))


def listctl(*args, stdin=None):
    return subprocess.run([LISTCTL, *args, "--json"], capture_output=True, input=stdin)


def bounces(paths):
    """The verdict on each file."""
    out = []
    for at in range(0, len(paths), 200):
        result = listctl("bounce", "--patterns", PATTERNS, *paths[at:at + 200])
        if result.returncode != 0:
            sys.exit("listctl bounce: exit %d: %s" % (result.returncode, result.stderr.decode(errors="replace")))
        answer = json.loads(result.stdout)
        out += answer if isinstance(answer, list) else [answer]
    return out


def rows(path):
    with open(os.path.join(DATA, path), encoding="utf-8", newline="\n") as f:
        lines = [line.rstrip("\n") for line in f]
    head = [line for line in lines if line.startswith("#")][-1].lstrip("#").split("\t")
    return [dict(zip(head, line.split("\t"))) for line in lines if line and not line.startswith("#")]


def reason(judged):
    return {"policy-dmarc": "policy", "policy-auth": "auth"}.get(judged["class"], "no")


def hold(name, expected, got):
    wanted = {row["recipient"].lower(): row for row in expected if row["recipient"] != "-"}
    found = {r["recipient"].lower(): r for r in got["recipients"] if r["recipient"]}
    if not wanted:
        check("nothing counts", name, not any(r["count"] for r in got["recipients"]), got["recipients"])
        return
    check("recipients", name, set(wanted) == set(found), (sorted(found), sorted(wanted)))
    for address, row in wanted.items():
        r = found.get(address)
        if r is None:
            continue
        check("action", name, row["action"] == (r["action"] or "-"), (row["action"], r))
        if row["status"] != "-":
            check("status", name, r["status"] in row["status"].split("|"), (row["status"], r))
        if row["reply"] != "-":
            check("reply", name, row["reply"] in r["reply"], (row["reply"], r))
        if row["count"] != "any":
            check("count", name, r["count"] == (row["count"] == "yes"), (row["count"], r))
        policy = row["dmarc"].replace("implicit", "policy")
        check("dmarc", name, reason(r) == policy or (policy == "no" and reason(r) != "policy"), (row["dmarc"], r))


def mails():
    expected = {}
    for row in rows("bounces/expected.tsv"):
        expected.setdefault("%s/%s" % (row["set"], row["file"]), []).append(row)
    names = list(expected)
    paths = [os.path.join(DATA, "bounces", name) for name in names]
    plain = bounces(paths)
    for name, got in zip(names, plain):
        hold(name, expected[name], got)
    with tempfile.TemporaryDirectory() as work:
        for ends in (b"\n", b"\r\n", b"\r"):
            copies = []
            for i, path in enumerate(paths):
                copies.append(os.path.join(work, "%d" % i))
                with open(path, "rb") as mail, open(copies[-1], "wb") as copy:
                    copy.write(mail.read().replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", ends))
            for name, one, other in zip(names, plain, bounces(copies)):
                check("same with other line ends", name, dict(one, file="") == dict(other, file=""), (ends, one, other))


def complaints():
    expected = rows("arf/expected.tsv")
    for row, got in zip(expected, bounces([os.path.join(DATA, "arf", row["file"]) for row in expected])):
        check("complaint", row["file"], got["kind"] == "complaint" and got["feedback_type"] == row["feedback_type"] and not any(r["count"] for r in got["recipients"]), got)
        if row["original_rcpt_to"] != "-":
            check("complaint", row["file"], [r["recipient"] for r in got["recipients"]] == [row["original_rcpt_to"].strip("<>")], got)


def replies():
    for row in rows("bounces/replies.tsv"):
        got = json.loads(listctl("reply", row["reply"], "--patterns", PATTERNS).stdout)
        check("reply's reason", row["reply"], reason(got) == row["class"].replace("implicit", "policy"), (row["class"], got))


def command_line():
    """Exit codes and forms."""
    mail = os.path.join(DATA, "bounces", rows("bounces/expected.tsv")[0]["set"], rows("bounces/expected.tsv")[0]["file"])
    one = listctl("bounce", mail, "--patterns", PATTERNS)
    two = listctl("bounce", mail, "/nonexistent", "--patterns", PATTERNS)
    check("command line", "one file", one.returncode == 0 and "recipients" in json.loads(one.stdout))
    check("command line", "several files", two.returncode == 65 and [sorted(o)[0] for o in json.loads(two.stdout)] == ["cut", "error"], two)
    with open(mail, "rb") as f:
        check("command line", "standard input", dict(json.loads(listctl("bounce", "-", "--patterns", PATTERNS, stdin=f.read()).stdout), file="") == dict(json.loads(one.stdout), file=""))
    check("command line", "no file", listctl("bounce").returncode == 64)
    check("command line", "unknown option", listctl("bounce", "--nonsense", mail).returncode == 64)
    check("command line", "patterns that are none", listctl("bounce", mail, "--patterns", mail).returncode == 65)
    host = [json.loads(listctl("reply", "554 5.7.9 Rejected", "--patterns", PATTERNS, *more).stdout)["class"] for more in ((), ("--host", "mta5.am0.yahoodns.net"))]
    check("command line", "--host", host == ["unknown", "policy-dmarc"], host)
    text = subprocess.run([LISTCTL, "bounce", mail, "--patterns", PATTERNS], capture_output=True).stdout.decode()
    check("command line", "words", "class      " in text and "counts" in text, text)


mails()
complaints()
replies()
command_line()
print(", ".join("%s %d of %d" % (what, ok, of) for what, (ok, of) in FIGURES.items()))
sys.exit(1 if BAD else 0)
