# SPDX-License-Identifier: BSD-2-Clause
"""Runs the case files of this folder through the same code as "listctl explain" and "listctl render". Adding a case needs no code: one file, NAME.case, with sections:

== about            what the case shows
== list             settings of the list, as listctl list dump prints them
== zone             DNS records, one a line; the author keys of "sign" are added
== receivers        the receivers table (optional)
== options          options of listctl explain, e.g. --ip 192.0.2.7 --mail-from ann@example.com
== message          the message; lines end with CRLF when it is run
== sign             lines "domain [h=a:b:c] [c=simple/relaxed] [l=1]": sign the message for that domain (dkimpy), from the first line to the last
== above            fields put above the signed message, == below: text put below it, as somebody would who sends it on
== site             settings of the site (optional)
== expect           lines "path = value" on the explanation: outcome, stage, reply.code, facts.authentic, facts.policy, class NAME.strategy, class NAME.reason...
                    "path ~ text": the value contains the text; "path !~ text": it does not
== render ADDRESS   lines about that subscriber's bytes: "text" must be found in the unfolded header or body, "!text" must not

The clock stands at 1795305600 (22 Nov 2026) and keys are fixed, so that a run repeats.
"""
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile

import dkim

HERE = os.path.dirname(os.path.abspath(__file__))
NOW = "1795305600"


def read(name, mode="r"):
    with open(os.path.join(HERE, name), mode) as f:
        return f.read()


KEY, TXT = read("author.pem", "rb"), read("author.txt").strip()


def sections(path):
    found = []
    with open(path, encoding="utf-8", newline="\n") as f:
        for line in f:
            if line.startswith("== "):
                found.append((line[3:].strip(), []))
            elif found:
                found[-1][1].append(line)
    return [(name, "".join(lines)) for name, lines in found]


def sign(message, line):
    words = line.split()
    options = dict(w.split("=", 1) for w in words[1:])
    canon = tuple(c.encode() for c in options.get("c", "relaxed/relaxed").split("/"))
    headers = [h.encode() for h in options.get("h", "from:to:subject:date:message-id").split(":")]
    old, dkim.time.time = dkim.time.time, lambda: int(NOW) - 60
    try:
        return dkim.sign(message, b"s1", words[0].encode(), KEY, canonicalize=canon, include_headers=headers, length="l" in options) + message
    finally:
        dkim.time.time = old


def as_text(value):
    return {True: "yes", False: "no", None: "null"}.get(value, str(value)) if not isinstance(value, (dict, list)) else str(value)


class Case:
    def __init__(self, path, listctl, directory):
        self.name, self.listctl, self.dir = os.path.basename(path)[:-5], listctl, directory
        self.sections = sections(path)
        self.parts = dict(self.sections)
        self.wrong = []

    def file(self, name, content):
        path = os.path.join(self.dir, name)
        with open(path, "wb") as f:
            f.write(content if isinstance(content, bytes) else content.encode())
        return path

    def run(self, verb, name, *more):
        command = [self.listctl, verb, name, self.message, "--list-file", self.list, "--zone", self.zone, "--now", NOW, "--keys", self.keys, "--site", self.site,
                   "--receivers", self.receivers] + shlex.split(self.parts.get("options", "").replace("\n", " ")) + list(more)
        return subprocess.run(command, capture_output=True)

    def crlf(self, part):
        return self.parts.get(part, "").replace("\n", "\r\n").encode()

    def prepare(self):
        message = self.crlf("message")
        zone = self.parts.get("zone", "") + read("keys.zone")
        for line in self.parts.get("sign", "").splitlines():
            if line.strip():
                message = sign(message, line)
                zone += "\ns1._domainkey.%s. TXT %s\n" % (line.split()[0], TXT)
        message = self.crlf("above") + message + self.crlf("below")
        self.address = re.search(r'address\s*=\s*"([^"]+)"', self.parts["list"]).group(1)
        self.keys = os.path.join(self.dir, "keys")
        os.makedirs(os.path.join(self.keys, "lists.example.org"))
        os.chmod(self.file("keys/lists.example.org/case.pem", read("list.pem")), 0o600)
        # The templates of the sources, since this may be a build that is not installed.
        self.site = self.file("site", 'host-name = "mx.lists.example.org"\ntemplate-dir = "%s"\n' % os.path.join(os.path.dirname(os.path.dirname(HERE)), "conf", "templates"))
        self.message = self.file("message", message)
        self.list = self.file("list", self.parts["list"])
        self.zone = self.file("zone", zone)
        if "site" in self.parts:
            self.parts["options"] = self.parts.get("options", "") + " --site " + self.file("site", self.parts["site"])
        self.receivers = self.file("receivers", self.parts.get("receivers", "operator google\n  domain gmail.com\n"))

    def check(self, path, how, value, explanation):
        here = explanation
        if path.startswith("class "):
            name, path = path[6:].split(".", 1)
            here = next((c for c in explanation["classes"] if c["receiver"] == name), None)
        for step in path.split("."):
            here = here[int(step)] if isinstance(here, list) else (here or {}).get(step)
        text = as_text(here)
        if not {"=": text == value, "~": value in text, "!~": value not in text}[how]:
            self.wrong.append("%s %s %s, but it is: %s" % (path, how, value, text[:400]))

    def judge(self):
        self.prepare()
        result = self.run("explain", self.address.split("@")[0], "--json")
        if result.returncode != 0:
            self.wrong.append("exit %d: %s" % (result.returncode, result.stderr.decode(errors="replace")))
            return
        explanation = json.loads(result.stdout)
        for line in self.parts.get("expect", "").splitlines():
            if line.strip() and not line.startswith("#"):
                path, how, value = re.match(r"(.+?)\s+(=|!~|~)\s+(.*)", line).groups()
                self.check(path, how, value.strip(), explanation)
        if self.wrong:
            self.wrong.append(json.dumps(explanation["classes"], indent=1)[:6000])
        for name, text in self.sections:
            if name.startswith("render "):
                self.judge_rendering(name.split()[1], text)

    def judge_rendering(self, address, text):
        result = self.run("render", self.address, "--for", address)
        if result.returncode != 0:
            self.wrong.append("render: exit %d: %s" % (result.returncode, result.stderr.decode(errors="replace")))
            return
        flat = re.sub(rb"\r\n[ \t]+", b" ", result.stdout).decode("utf-8", "replace")
        for line in text.splitlines():
            wanted = not line.startswith("!")
            if line.strip() and (line.lstrip("!") in flat) != wanted:
                self.wrong.append("render %s: %s %r in\n%s" % (address, "no" if wanted else "there is", line, flat[:3000]))


def main():
    listctl, failed, count = sys.argv[1], 0, 0
    for name in sys.argv[2:] or sorted(n for n in os.listdir(HERE) if n.endswith(".case")):
        name = os.path.basename(name).removesuffix(".case") + ".case"
        with tempfile.TemporaryDirectory() as directory:
            case = Case(os.path.join(HERE, name), listctl, directory)
            case.judge()
        count += 1
        failed += bool(case.wrong)
        print("%s %s" % ("not ok" if case.wrong else "ok", case.name))
        for wrong in case.wrong:
            print("    " + wrong)
    # The words that the unit programs use, so that the totals count cases too.
    print("[  PASSED  ] %d test(s)." % (count - failed))
    if failed:
        print("[  FAILED  ] %d test(s)." % failed)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
