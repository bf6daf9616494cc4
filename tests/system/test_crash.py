# SPDX-License-Identifier: BSD-2-Clause
"""kill -9 of listd at random moments while posts come in: every post that was answered 250 reaches every subscriber; a copy is doubled only when its transaction was
in flight. LISTD_KILLS sets how often (default 20), LISTD_POSTS how many posts (default 300)."""
import collections
import os
import random
import re
import signal
import socket
import socketserver
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "conf", "quickstart"))
from world import World, is_listening, wait_for  # noqa: E402

LIST = "birds@lists.example.org"
KILLS = int(os.environ.get("LISTD_KILLS", "20"))
POSTS = int(os.environ.get("LISTD_POSTS", "300"))
MEMBERS = ["m%d@plain.example" % i for i in range(7)]
SENDERS = 4


class Sink(socketserver.StreamRequestHandler):
    """The relay: counts what it has acknowledged, by post and recipient."""

    def handle(self):
        copies, rcpts = self.server.copies, []
        self.wfile.write(b"220 sink\r\n")
        for line in self.rfile:
            verb = line[:4].upper()
            if verb == b"EHLO":
                self.wfile.write(b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES\r\n")
            elif verb == b"RCPT":
                rcpts.append(re.search(rb"<([^>]*)>", line).group(1).decode())
                self.wfile.write(b"250 ok\r\n")
            elif verb == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                number = None
                for body in self.rfile:
                    if body == b".\r\n":
                        break
                    if body.startswith(b"X-Number: "):
                        number = int(body[10:])
                else:
                    return
                with self.server.lock:
                    for rcpt in rcpts:
                        copies[number, rcpt] += 1
                rcpts = []
                self.wfile.write(b"250 taken\r\n")
            elif verb == b"QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            else:
                rcpts = [] if verb in (b"MAIL", b"RSET") else rcpts
                self.wfile.write(b"250 ok\r\n")


class Relay(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def lmtp_post(port, number):
    """True when the post was answered 250."""
    message = ("From: Joe <joe@bare.example>\r\nTo: %s\r\nSubject: post %d\r\nX-Number: %d\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <%d.crash@bare.example>\r\n\r\n%s\r\n.\r\n"
               % (LIST, number, number, number, "text\r\n" * 200)).encode()
    with socket.create_connection(("127.0.0.1", port), timeout=20) as s:
        f = s.makefile("rb")

        def reply():
            while True:
                line = f.readline()
                if not line:
                    raise OSError("closed")
                if line[3:4] == b" ":
                    return int(line[:3])
        reply()
        for command in ("LHLO test", "MAIL FROM:<joe@bare.example>", "RCPT TO:<%s>" % LIST, "DATA"):
            s.sendall(command.encode() + b"\r\n")
            if reply() >= 400:
                return False
        s.sendall(message)
        return reply() == 250


def sender(world, numbers, acked, lock, kills):
    """Posts come as long as the daemon is killed: the last of them wait for the last kill."""
    while True:
        with lock:
            if not numbers:
                return
            ahead = (POSTS - len(numbers)) * KILLS > kills[0] * POSTS
            number = None if ahead and kills[0] < KILLS else numbers.pop()
        if number is None:
            time.sleep(0.01)
            continue
        while True:
            try:
                if lmtp_post(world.lmtp_port, number):
                    with lock:
                        acked.add(number)
                    break
            except OSError:
                pass
            time.sleep(0.05)


def killer(world, stop, kills):
    for _ in range(KILLS):
        if stop.wait(random.uniform(0.05, 0.6)):
            return
        process = world.processes.pop("listd")
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills[0] += 1
        world.start_listd_again()


def main():
    world = World(os.path.join(sys.argv[1], "crash"), sys.argv[2], base_port=4500)
    relay = Relay(("127.0.0.1", world.mta_port), Sink)
    relay.copies, relay.lock = collections.Counter(), threading.Lock()
    threading.Thread(target=relay.serve_forever, daemon=True).start()
    world.domain("bare.example")
    world.domain("plain.example")
    acked, lock, stop, done = set(), threading.Lock(), threading.Event(), [0]
    numbers = list(range(1, POSTS + 1))
    failed = 0
    try:
        world.start_dns()
        world.start_listd('retry-min = "1s"\n')
        world.listctl("list", "create", LIST, "--owner", "owner@plain.example")
        world.listctl("list", "set", LIST, "post", "anyone")
        world.listctl("members", "add", LIST, *MEMBERS)
        threads = [threading.Thread(target=sender, args=(world, numbers, acked, lock, done)) for _ in range(SENDERS)]
        kills = threading.Thread(target=killer, args=(world, stop, done))
        for thread in threads + [kills]:
            thread.start()
        for thread in threads:
            thread.join()
        kills.join()
        wanted = {(n, m) for n in acked for m in MEMBERS}
        try:
            wait_for("all copies", lambda: not (wanted - set(relay.copies)), 90)
        except RuntimeError:
            pass
        missing = sorted(wanted - set(relay.copies))
        doubled = {k: v for k, v in relay.copies.items() if v > 1}
        # A killed daemon had at most its sessions' transactions in flight, each with at most this post's recipients.
        bound = KILLS * 8 * len(MEMBERS)
        for name, right, more in (("%d posts answered 250" % POSTS, len(acked) == POSTS, len(acked)), ("no copy lost in %d kills" % KILLS, not missing, missing[:10]),
                                  ("%d copies doubled" % len(doubled), sum(v - 1 for v in doubled.values()) <= bound, list(doubled.items())[:10])):
            print("%s %s%s" % ("ok" if right else "not ok", name, "" if right else ": %s" % more))
            failed += not right
    finally:
        stop.set()
        world.stop_all()
    return 1 if failed else 0


sys.exit(main())
