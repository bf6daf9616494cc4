# SPDX-License-Identifier: BSD-2-Clause
"""Bad input and bad days: each with its reply and its log line, nothing lost, nothing half done, and mail flows by itself when it is over. Real Postfix before and behind
listd, a real name server, file systems that are really full."""
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

from helper import (FAILED, Lmtp, add_list_domain, add_receiver_domains, address, check, copies, end_listd, listd_log, make_list, message, only_copy, post, rows, settle, status,
                    stuffed)
from world import Receiver, World, is_listening, wait_for

SETTINGS = 'retry-min = "1s"\ndns-timeout = "2s"\nmax-size = "2M"\nstore-cache = "1M"\n'
READER = "bob@plain.example"
BIRDS = address("birds")
JOE = "Joe <joe@bare.example>"
# Of file systems of their own, in MB: what a post of some hundred KB can fill.
SPOOL_MB, STORE_MB = 48, 48


class Proxy(threading.Thread):
    """A relay that drops its connections: it passes on to the mail server, and cuts the next connection after so many octets from one side."""

    def __init__(self, port, target):
        super().__init__(daemon=True)
        self.target, self.cut_at, self.cut_side, self.cuts, self.is_away = target, None, None, 0, False
        self.lock = threading.Lock()
        self.socket = socket.create_server(("127.0.0.1", port))

    def run(self):
        while True:
            client, _ = self.socket.accept()
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        if self.is_away:
            client.close()
            return
        try:
            server = socket.create_connection(("127.0.0.1", self.target))
        except OSError:
            client.close()
            return
        with self.lock:
            cut, side, self.cut_at = self.cut_at, self.cut_side, None
        for source, sink, name in ((client, server, "client"), (server, client, "server")):
            threading.Thread(target=self.pass_on, args=(source, sink, cut if side == name else None), daemon=True).start()

    def pass_on(self, source, sink, left):
        try:
            while True:
                data = source.recv(65536)
                if not data:
                    break
                if left is not None and len(data) >= left:
                    sink.sendall(data[:left])
                    with self.lock:
                        self.cuts += 1
                    break
                left = None if left is None else left - len(data)
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def build_world(directory, prefix):
    world = World(directory, prefix, base_port=7500, dns_address="127.0.0.29")
    world.receivers = [Receiver("plain.example", "plain", 7602, "  enforces no\n")]
    world.proxy_port = 7590
    add_list_domain(world)
    add_receiver_domains(world)
    world.domain("bare.example")
    world.domain("strict.example", dmarc="v=DMARC1; p=reject")
    world.author_key("strict.example")
    world.domain("other.example", dmarc="v=DMARC1; p=reject")  # which nobody has asked DNS about before
    world.author_key("other.example")
    return world


def mount(world, name, megabytes):
    os.makedirs(world.path(name), exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%dm,mode=0755" % megabytes, "tmpfs", world.path(name)], check=True)


def start(world):
    mount(world, "spool", SPOOL_MB)
    mount(world, "var", STORE_MB)
    world.start_dns()
    world.start_receivers()
    world.start_mta()
    subprocess.run(["postconf", "-c", world.path("mta"), "-e", "queue_run_delay=2s", "minimal_backoff_time=2s", "maximal_backoff_time=3s"], check=True)
    world.postfix("mta", "reload")
    world.proxy = Proxy(world.proxy_port, world.mta_port)
    world.proxy.start()
    world.start_listd(SETTINGS + 'relay = "127.0.0.1:%d"\n' % world.proxy_port)
    make_list(world, "birds", [READER], post="anyone")
    make_list(world, "small", [READER], post="anyone", max_size="64K")


def arrives(world, token, seconds=40):
    """The copy comes, without anybody doing anything about it."""
    try:
        wait_for(token, lambda: copies(world, READER, token), seconds)
    except RuntimeError:
        pass
    check("%s arrives" % token, len(copies(world, READER, token)) == 1, "%d copies\n%s" % (len(copies(world, READER, token)), listd_log(world)[-600:]))


def logged(world, event, **wanted):
    return [e for e in world.events(event) if all(value in e.get(key, "") for key, value in wanted.items())]


def wait_logged(world, event, seconds=30, **wanted):
    try:
        wait_for(event, lambda: logged(world, event, **wanted), seconds)
    except RuntimeError:
        pass
    check("the log tells %s %s" % (event, wanted or ""), logged(world, event, **wanted), listd_log(world)[-600:])


def give(world, token, to=BIRDS, author=JOE, **more):
    answer = post(world, message(author, to, token, **more), author.rpartition("<")[2].rstrip(">"), to)
    check("%s is taken" % token, answer.startswith("250 2.6.0"), answer)


# 1. what may not come in

def bad_octets():
    good = message(JOE, BIRDS, "bad")
    head, body = good.split(b"\r\n\r\n", 1)
    return (
        ("a bare CR", head + b"\r\n\r\none\rtwo\r\n", "550 5.6.0 bare CR at octet %d of the message; send it again from a mail program that keeps to RFC 5322" % (len(head) + 7)),
        ("a bare LF", head + b"\r\n\r\none\ntwo\r\n", "550 5.6.0 bare LF at octet %d of the message; send it again from a mail program that keeps to RFC 5322" % (len(head) + 7)),
        ("a NUL", head + b"\r\n\r\none\0two\r\n", "550 5.6.0 NUL octet at octet %d of the message; send it again from a mail program that keeps to RFC 5322" % (len(head) + 7)),
        ("a NUL in the header", head + b"\r\nX-Nul: a\0b\r\n\r\n" + body, "550 5.6.0 NUL octet at octet %d of the message" % (len(head) + 10)),
        ("a line over 64 KB", head + b"\r\n\r\n" + b"x" * 65537 + b"\r\n", "550 5.6.0 line too long at octet"),
        ("a smuggled end of data", head + b"\r\n\r\none\r\n.\nMAIL FROM:<eve@bare.example>\r\n", "550 5.6.0 bare LF at octet"),
        ("a field over 64 KB", head + b"\r\nX-Long: " + b"\r\n ".join([b"y" * 900] * 75) + b"\r\n\r\n" + body, "550 5.6.0 "),
        ("a header over 256 KB", head + b"".join(b"\r\nX-%d: " % i + b"z" * 900 for i in range(300)) + b"\r\n\r\n" + body, "550 5.6.0 "),
        ("over 1000 fields", head + b"".join(b"\r\nX-%d: x" % i for i in range(1000)) + b"\r\n\r\n" + body, "550 5.6.0 "),
        ("no From", re.sub(rb"^From: [^\r]*\r\n", b"", good), "550 5.6.0 the From field is missing; a list needs exactly one that names its author"),
        ("two From fields", b"From: Jill <jill@bare.example>\r\n" + good, "550 5.6.0 the From field is there more than once"),
        ("a From without an address", good.replace(b"From: Joe <joe@bare.example>", b"From: nobody at all"), "550 5.6.0 the From field holds no address"),
    )


def bad_input(world):
    with Lmtp(world) as lmtp:
        for name, octets, want in bad_octets():
            before = len(logged(world, "refused"))
            lmtp.begin("joe@bare.example", [BIRDS])
            got = lmtp.data(stuffed(octets) if b"\r\n.\n" not in octets else octets + b".\r\n", 1)[0]
            check("%s: %s" % (name, want), got.startswith(want), got)
            new = logged(world, "refused")[before:]
            check("%s: one line in the log" % name, len(new) == 1 and got.replace("\n", " ")[10:40] in str(new), new or listd_log(world)[-300:])
            check("%s: the session goes on" % name, lmtp.say("NOOP").startswith("250"))
        got = lmtp.say("MAIL FROM:<joe@bare.example> SIZE=%d" % (3 << 20))
        check("too big at MAIL", got.startswith("552 5.3.4 the message is larger than the 2097152 bytes that "), got)
        check("and logged", logged(world, "refused", code="552"), listd_log(world)[-300:])
        for name, to, count, want in (("for the site", BIRDS, 2200, "552 5.3.4 the message is larger than the 2097152 bytes that "),
                                      ("for the list", address("small"), 80, "552 5.3.4 the message is larger than the 65536 bytes that %s takes" % address("small"))):
            before = len(logged(world, "refused", code="552"))
            lmtp.begin("joe@bare.example", [to])
            got = lmtp.data(stuffed(message(JOE, to, "big", body=("b" * 998 + "\r\n") * count)), 1)[0]
            check("too big %s after DATA" % name, got.startswith(want), got)
            check("too big %s: one line in the log" % name, len(logged(world, "refused", code="552")) == before + 1, listd_log(world)[-300:])
        got = lmtp.say("MAIL FROM:<joe@bare.example>")
        got = lmtp.say("RCPT TO:<%s>" % address("nobody"))
        check("an unknown list", got == "550 5.1.1 no list %s here; check the address" % address("nobody"), got)
        check("and logged", logged(world, "refused", text="no list " + address("nobody")), listd_log(world)[-300:])
        lmtp.say("RSET")
    give(world, "after-bad-input", body="l" * 5000 + "\r\n")
    arrives(world, "after-bad-input")


# 2. no space

def fill(directory, leave=0):
    """Take all that is left but so many octets; the file's name."""
    path = os.path.join(directory, "filler")
    space = os.statvfs(directory)
    with open(path, "wb") as f:
        os.posix_fallocate(f.fileno(), 0, space.f_bavail * space.f_frsize - leave)
    return path


def spool_full(world):
    settle(world)
    filler = fill(world.path("spool"))
    answer = post(world, message(JOE, BIRDS, "no-space"), "joe@bare.example", BIRDS)
    check("disk full: 452 4.3.1", answer == "452 4.3.1 no space left for mail; try again later", answer)
    wait_logged(world, "disk-full")
    world.send(message(JOE, BIRDS, "kept-by-postfix"), "joe@bare.example", BIRDS)
    time.sleep(3)
    check("disk full: the mail server keeps it", not copies(world, READER, "kept-by-postfix") and not world.mta_is_idle())
    check("disk full: listctl answers", status(world)["delivery"] is not None)
    os.unlink(filler)
    arrives(world, "kept-by-postfix")
    wait_logged(world, "disk-back")
    give(world, "after-space")
    arrives(world, "after-space")


def store_full(world):
    settle(world)
    filler = fill(world.path("var"), 1 << 20)
    result = world.listctl("members", "add", BIRDS, "late@plain.example", check=False)
    check("store full: a change is refused, and says why", result.returncode == 75 and "space" in result.stderr, result)
    before = len(rows(world, "members", "list", BIRDS))
    answer = post(world, message(JOE, BIRDS, "full-store"), "joe@bare.example", BIRDS)
    check("store full: a post is taken or put off", answer.startswith(("250", "451 4.3", "452 4.3.1")), answer)
    time.sleep(2)
    os.unlink(filler)
    if not answer.startswith("250"):
        give(world, "full-store")
    arrives(world, "full-store")
    check("store full: nothing half done", len(rows(world, "members", "list", BIRDS)) == before)
    result = world.listctl("members", "add", BIRDS, "late@bare.example", check=False)
    check("store full: changes are taken again", result.returncode == 0, result)
    world.listctl("members", "remove", BIRDS, "late@bare.example")


# 3. the relay

def relay_away(world):
    world.postfix("mta", "stop")
    world.proxy.is_away = True
    give(world, "relay-away")
    wait_logged(world, "relay-away")
    told = status(world)
    check("status tells that the relay is away", told["delivery"]["relay_away"] is True and told["delivery"]["relay_reply"], told["delivery"])
    waiting = rows(world, "queue", "list")
    check("the queue shows the post", len(waiting) == 1 and waiting[0]["list"] == BIRDS and waiting[0]["todo"] == 1, waiting)
    world.stop("listd")
    world.start_listd_again()
    check("it is there after a restart", len(rows(world, "queue", "list")) == 1)
    world.postfix("mta", "start")
    wait_for("Postfix", lambda: is_listening("127.0.0.1", world.mta_port))
    world.proxy.is_away = False
    arrives(world, "relay-away")
    wait_logged(world, "relay-back")
    check("status tells that it is back", status(world)["delivery"]["relay_away"] is False, status(world)["delivery"])


def dropped_connections(world):
    """The connection is cut in every part of the dialogue, on either side."""
    places = [("server", at) for at in (1, 40, 150, 330, 345, 360, 380, 400, 430)] + [("client", at) for at in (3, 30, 60, 140, 200, 220, 300, 700, 1200)]
    tokens = []
    for number, (side, at) in enumerate(places):
        token = "cut-%s-%d" % (side, at)
        settle(world)
        world.listctl("reload")  # ends the sessions, so that a new connection is made
        time.sleep(0.2)
        cuts = world.proxy.cuts
        with world.proxy.lock:
            world.proxy.cut_at, world.proxy.cut_side = at, side
        give(world, token)
        tokens.append(token)
        try:
            wait_for("a cut", lambda: world.proxy.cuts > cuts or copies(world, READER, token), 5)
        except RuntimeError as e:
            check(token, False, e)
        world.listctl("queue", "flush")
        if number == 0:
            arrives(world, token)  # without a flush it takes a second or two longer
    settle(world)
    check("some were cut", world.proxy.cuts > len(places) // 2, world.proxy.cuts)
    for token in tokens:
        count = len(copies(world, READER, token))
        # A copy is doubled only where the answer to its end was lost.
        check("%s arrives" % token, 1 <= count <= 2, count)
    doubled = sum(len(copies(world, READER, token)) == 2 for token in tokens)
    check("few are doubled", doubled <= 3, doubled)


# 4. DNS

def dns_away(world):
    settle(world)
    world.stop("nsd")
    signed = world.sign(message("Ann <ann@strict.example>", BIRDS, "dns-away"), "strict.example")
    answer = post(world, signed, "ann@strict.example", BIRDS)
    check("DNS away: accepted", answer.startswith("250"), answer)
    forged = message("Ann <ann@strict.example>", BIRDS, "dns-forged")
    answer = post(world, forged, "ann@strict.example", BIRDS)
    check("DNS away: a forgery is accepted, too", answer.startswith("250"), answer)
    time.sleep(2)
    check("DNS away: nothing is sent on trust", not copies(world, READER, "dns-away") and not copies(world, READER, "dns-forged"))
    check("DNS away: status shows that it is worked on", status(world)["delivery"]["working_on"] == 2, status(world)["delivery"])
    world.start_dns_again()
    arrives(world, "dns-away", 60)
    try:
        wait_for("the forgery to be held", lambda: any(r["subject"] == "dns-forged" for r in rows(world, "held", "list", BIRDS)), 60)
    except RuntimeError:
        pass
    held = rows(world, "held", "list", BIRDS)
    check("DNS back: the forgery is held, with the reason", len(held) == 1 and "strict.example" in held[0]["reason"], held)
    check("DNS back: the forgery went to nobody", not copies(world, READER, "dns-forged"))


# 5. settings

def wrong_settings(world):
    def reload_with(text):
        world.set_listd(SETTINGS + 'relay = "127.0.0.1:%d"\n' % world.proxy_port + text)
        return world.listctl("reload", check=False)

    path = world.path("etc/listd.conf")
    for name, text, want in (("an unknown setting", "retry-mix = 5\n", "%s:%d: retry-mix: no such setting; did you mean retry-min?"),
                             ("a bad number", "workers = many\n", "%s:%d: workers: expected a number"),
                             ("a bad size", 'max-size = "1 parsec"\n', "%s:%d: max-size: expected"),
                             ("a bad choice", "verp = sometimes\n", "%s:%d: verp: expected")):
        result = reload_with(text)
        line = open(path).read().count("\n")
        said = result.stdout + result.stderr
        check("%s: told with file, line, name and what is expected" % name, result.returncode in (65, 78) and want % (path, line) in said, said)
        check("%s: to the log" % name, logged(world, "reload-failed", text=want.split(": ", 1)[1][:20]), listd_log(world)[-300:])
        test = subprocess.run([os.path.join(world.prefix, "sbin/listd"), "-c", path, "-t"], capture_output=True, text=True)
        check("%s: listd -t says the same" % name, test.returncode == 78 and want % (path, line) in test.stderr, test)
    failures = len(logged(world, "reload-failed"))
    world.processes["listd"].send_signal(signal.SIGHUP)
    try:
        wait_for("the reload", lambda: len(logged(world, "reload-failed")) > failures, 10)
    except RuntimeError:
        check("HUP: to the log", False)
    running = {r["name"]: r["value"] for r in rows(world, "settings", "running")}
    check("the old settings stay", running["retry-min"] in ("1", "1s") and running["verp"] == "auto", running)
    give(world, "after-wrong-settings")
    arrives(world, "after-wrong-settings")
    check("right ones are taken", reload_with("").returncode == 0)


def moved_log(world):
    """A log that goes elsewhere by a reload, is rotated there, cannot be opened, and comes back."""
    def reload_to(path):
        world.set_listd(SETTINGS + 'relay = "127.0.0.1:%d"\nlog-sink = file\nlog-file = "%s"\n' % (world.proxy_port, path))
        return world.listctl("reload", check=False)

    def lines(path):
        return open(path).read().count("event=reloaded") if os.path.exists(path) else 0
    os.makedirs(world.path("log/own"))
    shutil.chown(world.path("log/own"), "listd")
    there, failures = world.path("log/own/listd"), len(logged(world, "reload-failed"))
    result = reload_to(world.path("log/nowhere/listd"))
    check("a log that cannot be opened: told", result.returncode != 0 and "nowhere/listd" in result.stdout + result.stderr, result)
    check("a log that cannot be opened: to the old one", len(logged(world, "reload-failed")) == failures + 1)
    check("a log goes elsewhere by a reload", reload_to(there).returncode == 0 and lines(there) == 1)
    os.rename(there, there + ".1")
    world.processes["listd"].send_signal(signal.SIGHUP)
    wait_for("a new log", lambda: lines(there) == 1, 10)
    check("a log that was rotated is opened anew", lines(there + ".1") == 1)
    world.set_listd(SETTINGS + 'relay = "127.0.0.1:%d"\n' % world.proxy_port)
    before = len(logged(world, "reloaded"))
    check("and comes back", world.listctl("reload", check=False).returncode == 0 and len(logged(world, "reloaded")) == before + 1)


def second_daemon(world):
    text = open(world.path("etc/listd.conf")).read()
    other = world.write("etc/second.conf", re.sub(r'(?m)^(spool-dir|control-socket|lmtp-listen) = .*$', "", text)
                        + 'spool-dir = "%s"\ncontrol-socket = "%s"\nlmtp-listen = "inet:127.0.0.1:%d"\n' % (world.path("second/spool"), world.path("second/control"), world.proxy_port + 1))
    result = subprocess.run([os.path.join(world.prefix, "sbin/listd"), "-c", other], capture_output=True, text=True, timeout=30)
    check("a second listd is refused", result.returncode == 69, result)
    check("and says which process has the store", str(world.processes["listd"].pid) in result.stderr, result.stderr)
    give(world, "after-second")
    arrives(world, "after-second")


# 6. damage

def flip(path, at):
    with open(path, "r+b") as f:
        f.seek(at, os.SEEK_END if at < 0 else os.SEEK_SET)
        octet = f.read(1)
        f.seek(at, os.SEEK_END if at < 0 else os.SEEK_SET)
        f.write(bytes([octet[0] ^ 1]))


def names(world, part):
    return sorted(os.listdir(world.path("spool", part)))


def jobs_of(world):
    return [name for name in names(world, "out") if "." not in name]


def damaged_files(world):
    """One message of in/, one job of out/; others beside them are not harmed."""
    settle(world)
    world.proxy.is_away = True
    world.postfix("mta", "stop")
    for token in ("damaged-job", "whole-job"):
        give(world, token)
    wait_for("the jobs", lambda: len(jobs_of(world)) == 2)
    world.stop("nsd")
    for token in ("damaged-post", "whole-post"):
        signed = world.sign(message("Ann <ann@other.example>", BIRDS, token), "other.example")
        check("%s is taken" % token, post(world, signed, "ann@other.example", BIRDS).startswith("250"))
    world.stop("listd")
    jobs = {token: name for name in jobs_of(world) for token in ("damaged-job", "whole-job") if token.encode() in open(world.path("spool/out", name), "rb").read()}
    posts = {token: name for name in names(world, "in") for token in ("damaged-post", "whole-post") if token.encode() in open(world.path("spool/in", name), "rb").read()}
    check("two jobs and two posts wait", len(jobs) == 2 and len(posts) == 2, (jobs, posts))
    flip(world.path("spool/out", jobs["damaged-job"]), -40)
    flip(world.path("spool/in", posts["damaged-post"]), 300)
    world.start_dns_again()
    world.postfix("mta", "start")
    wait_for("Postfix", lambda: is_listening("127.0.0.1", world.mta_port))
    world.proxy.is_away = False
    world.start_listd_again()
    arrives(world, "whole-job")
    arrives(world, "whole-post", 60)
    for token, name in (("damaged-job", jobs["damaged-job"]), ("damaged-post", posts["damaged-post"])):
        check("%s is put aside" % token, any(n.startswith(name) for n in names(world, "bad")), names(world, "bad"))
        wait_logged(world, "spool-damaged", file=name)
        check("%s is sent to nobody" % token, not copies(world, READER, token))
    give(world, "after-damage")
    arrives(world, "after-damage")


def main():
    world = build_world(os.path.join(sys.argv[1], "bad-days"), sys.argv[2])
    only = os.environ.get("LISTD_STEPS", "").split()
    try:
        start(world)
        for step in (bad_input, spool_full, store_full, relay_away, dropped_connections, dns_away, wrong_settings, moved_log, second_daemon, damaged_files):
            if only and step.__name__ not in only:
                continue
            began = time.monotonic()
            step(world)
            print("# %s: %.1f s" % (step.__name__, time.monotonic() - began), flush=True)
        settle(world)
        end_listd(world, faults=("space", "second"))
    finally:
        world.stop_all()
    return 1 if FAILED else 0


sys.exit(main())
