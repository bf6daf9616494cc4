# SPDX-License-Identifier: BSD-2-Clause
"""Runs listd from a build directory and measures it, in turns with the bare programs of tests/bench, so that a machine that is busy with other things is so for both.
Called by run.sh; docs/measuring.md tells what the figures mean."""
import argparse
import json
import os
import pwd
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

LIST_DOMAIN = "lists.example.org"
AUTHOR = "ann@author.example"
RCPT_DOMAINS = ["r%d.example" % i for i in range(10)]
SESSIONS = 4  # to the relay: the default of relay-sessions, and what the pump gets
PER_TRANSACTION = 50
SMALL_LIST = 10  # members of the list that posts are counted on
POST_BYTES = 10240
MB = 1 << 20

# way, the setting verp, recipients of a transaction
WAYS = [("verp by transaction", "transaction", 1), ("xverp", "auto", PER_TRANSACTION), ("no verp", "off", PER_TRANSACTION)]

FULL = {"members": [1000, 10000, 100000], "rounds": {1000: 9, 10000: 7, 100000: 5}, "posts": 600, "intake_rounds": 5, "sessions": [1, 4, 20], "import": 100000,
        "large": 50 * MB, "fsync_seconds": 1}
QUICK = {"members": [200], "rounds": {200: 2}, "posts": 30, "intake_rounds": 1, "sessions": [2], "import": 2000, "large": 4 * MB, "fsync_seconds": 1}

CONF = """host-name = "mx.lists.example.org"
user = "%(user)s"
spool-dir = "%(dir)s/spool"
store-dir = "%(dir)s/store"
archive-dir = "%(dir)s/archive"
keys-dir = "%(dir)s/keys"
control-socket = "%(dir)s/run/control"
lmtp-listen = "inet:127.0.0.1:%(lmtp)d"
relay = "127.0.0.1:%(relay)d"
relay-sessions = %(sessions)d
relay-rcpts-max = %(rcpts)d
max-size = 100M
dns-zone-file = "%(dir)s/zone"
log-sink = file
log-file = "%(dir)s/log/listd"
verp = %(verp)s
"""


def say(text):
    print(text, flush=True)


def wait_for(what, condition, seconds=300, step=0.005):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise SystemExit("waited %d s in vain for %s" % (seconds, what))
        time.sleep(step)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def is_listening(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


class Sink:
    """The server that takes everything, and the line over which it is asked what it has taken."""

    def __init__(self, build, log):
        self.port = free_port()
        self.process = subprocess.Popen([os.path.join(build, "tests/bench/sink"), str(self.port)], stdout=log, stderr=log)
        wait_for("the sink", lambda: is_listening(self.port))
        self.socket = socket.create_connection(("127.0.0.1", self.port))
        self.file = self.socket.makefile("rb")
        self.file.readline()

    def ask(self, command):
        self.socket.sendall(command + b"\r\n")
        return self.file.readline()[4:]

    def reset(self):
        self.ask(b"XRESET")

    def counts(self):
        return json.loads(self.ask(b"XCOUNT"))

    def wait(self, rcpts):
        """Until so many recipients have come; the counts."""
        wait_for("%d copies" % rcpts, lambda: self.counts()["rcpts"] >= rcpts)
        return self.counts()


class Daemon:
    """listd in directories of its own."""

    def __init__(self, directory, build, sink):
        self.dir, self.build, self.sink = directory, build, sink
        self.lmtp = free_port()
        self.user = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        for name in ("keys", "log"):
            os.makedirs(self.path(name), exist_ok=True)
        if os.geteuid() == 0:
            for name in ("keys", "log"):
                shutil.chown(self.path(name), self.user)
        self.process = None

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def write_conf(self, verp):
        with open(self.path("listd.conf"), "w") as f:
            f.write(CONF % {"user": self.user, "dir": self.dir, "lmtp": self.lmtp, "relay": self.sink.port, "sessions": SESSIONS, "rcpts": PER_TRANSACTION, "verp": verp})

    def start(self):
        self.process = subprocess.Popen([os.path.join(self.build, "listd/listd"), "-c", self.path("listd.conf")], stdin=subprocess.DEVNULL,
                                        stdout=open(self.path("log/output"), "ab"), stderr=subprocess.STDOUT)
        wait_for("listd (see %s)" % self.path("log"), lambda: self.process.poll() is not None or is_listening(self.lmtp), 60)
        if self.process.poll() is not None:
            raise SystemExit("listd did not start:\n" + open(self.path("log/output")).read()[-2000:])

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)

    def listctl(self, *args):
        command = [os.path.join(self.build, "listctl"), "--socket", self.path("run/control")] + list(args)
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode != 0:
            raise SystemExit("%s: exit %d: %s%s" % (" ".join(command), result.returncode, result.stdout, result.stderr))
        return result.stdout

    def settle(self):
        def idle():
            delivery = json.loads(self.listctl("--json", "status"))["delivery"]
            return delivery["working_on"] == 0 and delivery["queued_posts"] == 0
        wait_for("the queues to be empty", idle, step=0.05)

    def cpu(self):
        """Seconds of processor time that it has used."""
        fields = open("/proc/%d/stat" % self.process.pid).read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self, name):
        """VmRSS or VmHWM, in bytes."""
        for line in open("/proc/%d/status" % self.process.pid):
            if line.startswith(name + ":"):
                return int(line.split()[1]) << 10
        raise SystemExit("no %s in /proc" % name)

    def forget_peak(self):
        with open("/proc/%d/clear_refs" % self.process.pid, "w") as f:
            f.write("5")


class Bench:
    def __init__(self, options, directory, build):
        self.plan = QUICK if options.quick else FULL
        self.dir, self.build = directory, build
        self.log = open(os.path.join(directory, "programs.log"), "ab")
        self.sink = Sink(build, self.log)
        self.daemon = Daemon(directory, build, self.sink)
        self.serial = 0
        self.results = {}
        # Not on the file system that is measured, where a thousand files made and removed make every new one dearer.
        self.posts = tempfile.mkdtemp(prefix="listd-bench-", dir="/dev/shm" if os.path.isdir("/dev/shm") else directory)

    def run(self, program, *args, text=None):
        """A program of tests/bench that prints one line of JSON."""
        result = subprocess.run([os.path.join(self.build, "tests/bench", program)] + [str(a) for a in args], input=text, capture_output=True, text=True)
        if result.returncode != 0:
            raise SystemExit("%s: exit %d: %s" % (program, result.returncode, result.stderr))
        return json.loads(result.stdout)

    def list_address(self, name):
        return "%s@%s" % (name, LIST_DOMAIN)

    # posts

    def write_zone(self):
        make = subprocess.run([os.path.join(self.build, "tests/system/signtool"), "make", os.path.join(self.posts, "keys"), "author.example", "s1", "rsa"], check=True,
                              capture_output=True, text=True).stdout
        lines = ["author.example. A 192.0.2.1", 'author.example. TXT "v=spf1 ip4:192.0.2.1 -all"', '_dmarc.author.example. TXT "v=DMARC1; p=reject"', make.strip(),
                 LIST_DOMAIN + ". A 192.0.2.2"]
        for domain in RCPT_DOMAINS:
            lines += ["%s. A 192.0.2.3" % domain, "%s. MX 10 mx.%s." % (domain, domain), "mx.%s. A 192.0.2.3" % domain]
        with open(self.daemon.path("zone"), "w") as f:
            f.write("\n".join(lines) + "\n")

    def make_posts(self, name, count, size=POST_BYTES):
        """Signed posts of an author whose domain publishes p=reject; the names of their files."""
        pairs, names = [], []
        line = b"The heron stood by the lake until the fog came in from the sea, and then left.\r\n"
        for _ in range(count):
            self.serial += 1
            head = ("From: Ann Author <%s>\r\nTo: %s\r\nSubject: post %d\r\nDate: %s\r\nMessage-ID: <%d.%d@author.example>\r\nMIME-Version: 1.0\r\n"
                    "Content-Type: text/plain; charset=utf-8\r\n\r\n"
                    % (AUTHOR, self.list_address(name), self.serial, time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime()), self.serial, os.getpid())).encode()
            path = os.path.join(self.posts, str(self.serial))
            with open(path, "wb") as f:
                f.write(head + line * max(1, (size - len(head) - 600) // len(line)))
            pairs.append("%s %s.signed\n" % (path, path))
            names.append(path + ".signed")
        subprocess.run([os.path.join(self.build, "tests/system/signtool"), "sign", os.path.join(self.posts, "keys"), "author.example", str(int(time.time()))],
                       input="".join(pairs), check=True, text=True)
        return names

    def post(self, name, names, sessions=1):
        return self.run("poster", self.daemon.lmtp, sessions, AUTHOR, self.list_address(name), text="".join(n + "\n" for n in names))

    # lists

    def make_list(self, name, members):
        """The seconds that the import took."""
        address, path = self.list_address(name), self.daemon.path("members")
        with open(path, "w") as f:
            f.writelines("user%d@%s\n" % (i, RCPT_DOMAINS[i % len(RCPT_DOMAINS)]) for i in range(members))
        self.daemon.listctl("list", "create", address, "--owner", "owner@author.example", "post=anyone", "max-size=100M", "archive=no")
        began = time.monotonic()
        self.daemon.listctl("members", "import", address, path)
        return time.monotonic() - began

    # what is measured

    def measure_import(self):
        count = self.plan["import"]
        say("importing %d members ..." % count)
        self.results["import"] = {"members": count, "seconds": round(self.make_list("import", count), 3)}

    def measure_memory(self):
        """A daemon that has just been started anew, with as many members; then a large post on its way to a few of them."""
        daemon, size = self.daemon, self.plan["large"]
        self.make_list("few", SMALL_LIST)
        daemon.stop()
        daemon.start()
        self.post("few", self.make_posts("few", 1))
        daemon.settle()
        idle = daemon.memory("VmRSS")
        say("a post of %d MB ..." % (size // MB))
        names = self.make_posts("few", 1, size)
        daemon.forget_peak()
        self.sink.reset()
        self.post("few", names)
        self.sink.wait(SMALL_LIST)
        daemon.settle()
        peak = daemon.memory("VmHWM")
        self.results["memory"] = {"members": self.plan["import"], "idle_mb": round(idle / MB, 1), "post_mb": size // MB, "peak_mb": round(peak / MB, 1),
                                  "more_mb": round((peak - idle) / MB, 1), "after_mb": round(daemon.memory("VmRSS") / MB, 1)}

    def intake_round(self, sessions, row):
        count = self.plan["posts"]
        names = self.make_posts("few", count)
        self.sink.reset()
        cpu, began = self.daemon.cpu(), time.monotonic()
        row["posts"].append(self.post("few", names, sessions)["posts_per_s"])
        self.sink.wait(count * SMALL_LIST)
        row["whole"].append(count / (time.monotonic() - began))
        self.daemon.settle()
        row["cpu"].append((self.daemon.cpu() - cpu) * 1000 / count)
        row["fsync"].append(self.run("fsyncrate", self.dir, sessions, self.plan["fsync_seconds"])["plain_per_s"])
        row["ratio"].append(row["posts"][-1] / row["fsync"][-1])
        for name in names:
            os.unlink(name)
            os.unlink(name[:-len(".signed")])

    def measure_intake(self):
        self.results["intake"] = []
        for sessions in self.plan["sessions"]:
            say("posts over %d LMTP sessions ..." % sessions)
            row = {"posts": [], "whole": [], "cpu": [], "fsync": [], "ratio": []}
            for _ in range(self.plan["intake_rounds"]):
                self.intake_round(sessions, row)
            median = {key: statistics.median(values) for key, values in row.items()}
            self.results["intake"].append({"sessions": sessions, "members": SMALL_LIST, "posts_per_s": round(median["posts"]), "delivered_posts_per_s": round(median["whole"]),
                                           "fsync_files_per_s": round(median["fsync"]), "ratio": round(median["ratio"], 2), "cpu_ms_per_post": round(median["cpu"], 2)})

    def fan_out(self, name, members):
        """One post to all: seconds from the first copy to the last, seconds from the 250 to the last, processor time."""
        post = self.make_posts(name, 1)
        self.sink.reset()
        cpu = self.daemon.cpu()
        self.post(name, post)
        accepted = time.monotonic()
        counts = self.sink.wait(members)
        self.daemon.settle()
        return counts["last"] - counts["first"], counts["last"] - accepted, self.daemon.cpu() - cpu

    def pump(self, members, per_transaction):
        self.sink.reset()
        self.run("pump", self.sink.port, members, per_transaction, SESSIONS)
        counts = self.sink.counts()
        return counts["rcpts"] / (counts["last"] - counts["first"])

    def fan_out_row(self, members, way, per_transaction):
        sent, whole, cpu, pump, ratio = [], [], [], [], []
        self.fan_out("fan%d" % members, members)  # to warm up
        for _ in range(self.plan["rounds"][members]):
            sending, all_seconds, used = self.fan_out("fan%d" % members, members)
            sent.append(members / sending)
            whole.append(members / all_seconds)
            cpu.append(used * 1e6 / members)
            pump.append(self.pump(members, per_transaction))
            ratio.append(sent[-1] / pump[-1])
        return {"members": members, "way": way, "rcpts_per_transaction": per_transaction, "deliveries_per_s": round(statistics.median(sent)),
                "whole_per_s": round(statistics.median(whole)), "pump_per_s": round(statistics.median(pump)), "ratio": round(statistics.median(ratio), 2),
                "cpu_us_per_delivery": round(statistics.median(cpu), 2)}

    def measure_fan_out(self):
        self.results["fan_out"] = []
        for members in self.plan["members"]:
            self.make_list("fan%d" % members, members)
        for way, verp, per_transaction in WAYS:
            self.daemon.write_conf(verp)
            self.daemon.listctl("reload")
            for members in self.plan["members"]:
                say("one post to %d members, %s ..." % (members, way))
                self.results["fan_out"].append(self.fan_out_row(members, way, per_transaction))
        self.results["memory"]["end_mb"] = round(self.daemon.memory("VmRSS") / MB, 1)

    def end(self):
        self.daemon.stop()
        self.sink.process.kill()
        self.sink.process.wait()
        self.log.close()
        shutil.rmtree(self.posts, ignore_errors=True)

    def measure(self):
        self.write_zone()
        self.daemon.write_conf("auto")
        self.daemon.start()
        self.measure_import()
        self.measure_memory()
        self.measure_intake()
        self.measure_fan_out()


def machine():
    return {"cores": os.cpu_count(), "load": round(os.getloadavg()[0], 2), "kernel": os.uname().release}


def goals(results):
    """What listd is to reach: name, figure, wanted."""
    most = max(row["members"] for row in results["fan_out"])
    large = [row for row in results["fan_out"] if row["members"] == most]
    return [("share of the bare pump, one recipient a transaction", large[0]["ratio"], ">=", 0.8),
            ("share of the bare pump, %d recipients a transaction" % PER_TRANSACTION, min(row["ratio"] for row in large[1:]), ">=", 0.8),
            ("posts taken in, as a share of fsync'd files", min(row["ratio"] for row in results["intake"]), ">=", 0.5),
            ("processor time of a post (ms)", max(row["cpu_ms_per_post"] for row in results["intake"]), "<=", 2),
            ("memory at rest (MB)", results["memory"]["idle_mb"], "<=", 30),
            ("memory more while a post of %d MB passes (MB)" % results["memory"]["post_mb"], results["memory"]["more_mb"], "<=", 64),
            ("import of %d members (s)" % results["import"]["members"], results["import"]["seconds"], "<=", 2)]


def is_met(figure, relation, wanted):
    return figure >= wanted if relation == ">=" else figure <= wanted


def show_table(head, rows):
    rows = [head] + [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    for row in rows:
        say("  ".join(cell.ljust(width) if i == 0 else cell.rjust(width) for i, (cell, width) in enumerate(zip(row, widths))))
    say("")


def show(results):
    say("\nOne post of 10 KB to many (%d sessions to the sink; copies a second):" % SESSIONS)
    show_table(["way", "members", "a transaction", "sending", "bare pump", "ratio", "from the 250 on", "CPU us a copy"],
               [[r["way"], r["members"], r["rcpts_per_transaction"], r["deliveries_per_s"], r["pump_per_s"], r["ratio"], r["whole_per_s"], r["cpu_us_per_delivery"]]
                for r in results["fan_out"]])
    say("Signed posts of 10 KB to a list of %d (posts a second):" % SMALL_LIST)
    show_table(["LMTP sessions", "answered 250", "fsync'd files", "ratio", "delivered", "CPU ms a post"],
               [[r["sessions"], r["posts_per_s"], r["fsync_files_per_s"], r["ratio"], r["delivered_posts_per_s"], r["cpu_ms_per_post"]] for r in results["intake"]])
    say("Against what is to be reached:")
    show_table(["figure", "is", "wanted", ""], [[g["name"], g["is"], g["wanted"], "" if g["met"] else "missed"] for g in results["goals"]])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json")
    parser.add_argument("dir")
    parser.add_argument("build")
    options = parser.parse_args()
    directory = os.path.join(os.path.abspath(options.dir), "run")
    shutil.rmtree(directory, ignore_errors=True)
    os.makedirs(directory)
    os.chmod(directory, 0o755)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    bench = Bench(options, directory, os.path.abspath(options.build))
    try:
        bench.measure()
    finally:
        bench.end()
    shutil.rmtree(directory)  # now, and not when it is measured again: files that have just been deleted make new ones dearer
    bench.results["machine"] = machine()
    bench.results["quick"] = options.quick
    bench.results["goals"] = [{"name": name, "is": figure, "wanted": "%s %g" % (relation, wanted), "met": is_met(figure, relation, wanted)}
                              for name, figure, relation, wanted in goals(bench.results)]
    show(bench.results)
    if options.json:
        with open(options.json, "w") as f:
            json.dump(bench.results, f, indent=1)
            f.write("\n")
    return 0


sys.exit(main())
