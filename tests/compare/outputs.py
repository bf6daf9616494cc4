# SPDX-License-Identifier: BSD-2-Clause
"""What listctl compare writes, read by other programs: whatever stands in a message, JSON is JSON, XML is XML, and the page runs nothing and loads nothing. The same bytes
come out whatever the number of threads; exit codes say what they should."""
import html.parser
import json
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
FAILED = []
HOSTILE = ("From: \"</title><script>alert(1)</script>\" <ann@bank.example>\r\nTo: birds@lists.example.org\r\nSubject: <img src=x onerror=\"alert(1)\"> ]]> &amp; \x1b[31m\x07\r\n"
           "Date: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@bank.example>\r\nX-Odd: \xff\xfe\r\n\r\n<script src=\"http://evil.example/x.js\"></script>\r\n").encode("latin-1")
POSTS = "post plain\n  policy reject\n  auth dkim\npost forged\n  policy reject\n  auth broken\n"


def check(name, right, more=""):
    print("%s %s%s" % ("ok" if right else "not ok", name, "" if right else ": " + str(more)[:500]))
    if not right:
        FAILED.append(name)


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.links, self.open, self.text = set(), [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.links += [v for k, v in attrs if k in ("src", "href", "action", "data", "poster")] + [k for k, _ in attrs if k.startswith("on")]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        check_nesting = self.open.pop() if self.open else None
        if check_nesting != tag:
            FAILED.append("nesting")
            print("not ok nesting: </%s> closes <%s>" % (tag, check_nesting))

    def handle_data(self, data):
        self.text.append(data)


class Runner:
    def __init__(self, listctl, directory):
        self.listctl, self.dir = listctl, directory

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, octets):
        with open(self.path(name), "wb") as f:
            f.write(octets)
        return self.path(name)

    def run(self, *args):
        command = [self.listctl, "compare", *args, "--models", os.path.join(TOP, "conf/compare.receivers"), "--receivers", os.path.join(TOP, "conf/receivers.conf"),
                   "--patterns", os.path.join(TOP, "conf/bounce.patterns"), "--zone", self.path("zone")]
        return subprocess.run(command, capture_output=True)


def test_formats(r, inputs):
    result = r.run(*inputs, "--html", r.path("page"), "--junit", r.path("junit"), "--json")
    check("a run with a hostile message", result.returncode == 0, result.stderr)
    told = json.loads(result.stdout)
    check("JSON has a version and all posts", told["version"] == 1 and len(told["posts"]) == 3, told.keys())
    strategies = told["strategies"]
    check("every post has every strategy at every receiver", all(set(p["results"]) == set(strategies) and all(len(row) == len(told["receivers"]) for row in p["results"].values())
                                                                 for p in told["posts"]))
    suite = xml.etree.ElementTree.parse(r.path("junit")).getroot().find("testsuite")
    check("JUnit counts its tests", int(suite.get("tests")) == len(suite.findall("testcase")) == 3 * len(strategies), suite.attrib)
    check("JUnit counts its failures", int(suite.get("failures")) == len(suite.findall("testcase/failure")), suite.attrib)
    with open(r.path("page"), encoding="utf-8", errors="replace") as f:
        text = f.read()
    page = Page()
    page.feed(text)
    check("the page runs nothing", not page.tags & {"script", "iframe", "img", "object", "embed", "link", "form"}, page.tags)
    check("the page loads nothing", set(page.links) <= {"#all"}, page.links)
    check("the page is closed", not page.open, page.open)
    check("the page shows what was sent, as text", "<script>alert(1)</script>" in "".join(page.text))
    check("the page has no control characters", not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text))


def test_tap(r, inputs):
    lines = r.run(*inputs, "--tap").stdout.decode("utf-8", "replace").splitlines()
    tests = [line for line in lines if re.match(r"(not )?ok \d+ - ", line)]
    check("TAP has its plan", lines[0] == "TAP version 13" and lines[-1] == "1..%d" % len(tests), lines[-1:])
    check("TAP has nothing but tests and comments", all(re.match(r"(not )?ok \d+ - |# |1\.\.|TAP", line) for line in lines), lines)
    table = r.run(*inputs, "--wide").stdout
    check("the table obeys nobody's escapes", b"\x1b" not in table and b"\x07" not in table)


def test_repeats(r, inputs):
    outputs = {r.run(*inputs, "--json", "--jobs", jobs, "--html", r.path("page-" + jobs)).stdout for jobs in ("1", "2", "7")}
    check("the same JSON from any number of threads", len(outputs) == 1)
    pages = {open(r.path("page-" + jobs), "rb").read() for jobs in ("1", "2", "7")}
    check("the same page from any number of threads", len(pages) == 1)


def test_expect(r, inputs):
    stored = r.path("stored")
    check("a run is stored", r.run(*inputs, "--expect", stored, "--update").returncode == 0 and os.path.exists(stored))
    check("the same again is what is expected", r.run(*inputs, "--expect", stored).returncode == 0)
    with open(stored, encoding="utf-8") as f:
        text = f.read()
    r.write("stored", text.replace("at rewrite *=inbox", "at rewrite *=junk").encode())
    result = r.run(*inputs, "--expect", stored)
    check("another result is exit code 1, and told", result.returncode == 1 and b"better: plain: rewrite at *: junk -> inbox" in result.stdout, result.stdout[-300:])
    junit = r.run(*inputs, "--expect", stored, "--junit", r.path("junit"))
    failures = xml.etree.ElementTree.parse(r.path("junit")).getroot().findall("testsuite/testcase/failure")
    check("... and fails in JUnit", junit.returncode == 1 and any("junk -> inbox" in f.get("message") for f in failures))
    check("part of a run can be held, too", r.run(*inputs, "--expect", stored, "--strategy", "wrap", "--receiver", "google").returncode == 0)


def test_codes(r, inputs):
    rows = [("no input", [], 64), ("no such option", ["--nothing"], 64), ("no such strategy", [*inputs, "--strategy", "prayer"], 64),
            ("no such receiver", [*inputs, "--receiver", "nobody"], 64), ("no such policy", [*inputs, "--policy", "strict"], 64), ("jobs", [*inputs, "--jobs", "0"], 64),
            ("update alone", [*inputs, "--update"], 64), ("no such file", [r.path("nothing")], 65), ("a stored run that is none", [*inputs, "--expect", inputs[0]], 65),
            ("a directory without messages", [r.path("empty")], 65)]
    os.mkdir(r.path("empty"))
    for name, args, code in rows:
        check("exit code %d: %s" % (code, name), r.run(*args).returncode == code, r.run(*args))
    forged = r.write("forged.posts", b"post forged\n  policy reject\n  auth broken\n")
    check("nothing is laundered: 0", r.run(forged).returncode == 0)
    check("who does not look launders, as was asked to be shown: 0", r.run(forged, "--unguarded").returncode == 0)


def main():
    with tempfile.TemporaryDirectory() as directory:
        r = Runner(sys.argv[1], directory)
        r.write("zone", b"bank.example A 192.0.2.10\n")
        inputs = [r.write("odd <name>'\".eml", HOSTILE), r.write("described", POSTS.encode())]
        for test in (test_formats, test_tap, test_repeats, test_expect, test_codes):
            test(r, inputs)
    return 1 if FAILED else 0


sys.exit(main())
