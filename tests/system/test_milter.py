# SPDX-License-Identifier: BSD-2-Clause
"""The milter: spoken to by hand through every stage and out of order, and behind a real Postfix: what is refused at the door, what passes, and what stays as it was."""
import os
import signal
import smtplib
import socket
import struct
import subprocess
import sys
import threading
import time

from helper import LIST_DOMAIN, add_list_domain, add_receiver_domains, address, check, copies, end_listd, make_list, message, no_copy, only_copy, settle
from milter_client import ACCEPT, CONTINUE, HDR_LEADSPC, REPLYCODE, MilterClient, code, deliver
from world import Receiver, World, wait_for

BIRDS = address("birds")
SETTINGS = 'submission-networks = { "127.0.0.5" }\nauthor-per-hour = 0\nclient-per-hour = 0\n'
GOOD, BAD = "127.0.0.10", "127.0.0.66"  # the clients: of the authors' domains, and of nobody
OWN = "127.0.0.7"  # ... that Postfix relays for


def build_world(directory, prefix):
    world = World(directory, prefix)
    world.receivers = [Receiver("plain.example", "plain", world.base + 104, "  enforces no\n")]
    add_list_domain(world)
    add_receiver_domains(world)
    for domain, dmarc in (("bank.example", "v=DMARC1; p=reject"), ("signed.example", "v=DMARC1; p=reject; adkim=s"), ("quarantine.example", "v=DMARC1; p=quarantine"),
                          ("lenient.example", "v=DMARC1; p=none"), ("silent.example", None), ("users.example", "v=DMARC1; p=reject"), ("announcer.example", None)):
        world.domain(domain, dmarc=dmarc, spf="v=spf1 ip4:%s -all" % GOOD)
    world.author_key("signed.example")
    world.author_key("gnu.example")
    world.add_record("gnu.example. A 127.0.0.10")
    return world


def start(world, settings="", mta=""):
    world.start_dns()
    world.start_receivers()
    world.start_listd(settings)
    world.start_milter()
    world.start_mta(xforward=False, milter=True, settings=mta)
    world.make_list_key(LIST_DOMAIN)
    members = ["ann@%s" % d for d in ("bank.example", "signed.example", "quarantine.example", "lenient.example", "silent.example", "users.example")]
    make_list(world, "birds", members + ["bob@plain.example"], on_nonmember="refuse", header_rules="refuse X-Bad /./", deny="*@denied.example", max_size="100K")
    make_list(world, "holding", members + ["carol@plain.example"], on_reject="hold")
    make_list(world, "news", ["dave@plain.example"], post="owners")
    world.listctl("list", "set", address("news"), "owners", "chief@announcer.example")
    wait_for("the milter to know the lists", lambda: "news@" in open(world.path("var/milter/addresses")).read(), 15)


def socket_of(world):
    return world.path("milter/socket")


def body_of(octets):
    return octets.partition(b"\n\n")[2]


def check_quietly(name, right):
    """For what is done a hundred times."""
    if not right:
        check(name, False)


# --- by hand ---

def test_by_hand(world):
    """Each stage, its answers and what is changed at the end."""
    path = socket_of(world)
    post = message("ann@bank.example", BIRDS, "by-hand", head="Authentication-Results: %s; spf=pass smtp.mailfrom=forged.example\nAuthentication-Results: other.example; dkim=pass\n"
                   "Authentication-Results: %s; x-listd=pass policy.time=1 policy.ip=1.2.3.4 policy.code=aaaaaaaaaaaaaaaaaaaaaaaaaa" % (LIST_DOMAIN, LIST_DOMAIN))
    with MilterClient(path) as m:
        check("it wants header values as they are", m.steps & HDR_LEADSPC, hex(m.steps))
        check("it asks for no more than it uses", m.actions == 0x1 | 0x10 | 0x8 | 0x100, hex(m.actions))
        m.connect(GOOD)
        m.helo()
        check("MAIL", m.mail("ann@bank.example") == (CONTINUE, b""))
        check("RCPT of a list", m.rcpt(BIRDS)[0] == CONTINUE)
        answer = m.rcpt(address("nobody"), "lmtp", "[127.0.0.1]:%d" % world.lmtp_port)
        check("RCPT of no list, where mail goes to listd", code(answer) == 550 and b"5.1.1" in answer[1], answer)
        check("RCPT of no list, where it goes elsewhere", m.rcpt(address("nobody"), "local", "")[0] == CONTINUE)
        check("RCPT of a command address", m.rcpt(address("birds-owner"))[0] == CONTINUE)
        check("DATA", m.data()[0] == CONTINUE)
        m.message(post)
        answer, changes = m.end()
        check("the end", answer[0] == ACCEPT, answer)
        check("forged fields go, from the last to the first", [c for c in changes if c[0] == "m"] == [("m", 3, b"Authentication-Results", b""), ("m", 1, b"Authentication-Results", b"")], changes)
        added = [c for c in changes if c[0] == "i"]
        check("one field on top", len(added) == 1 and added[0][1] == 0 and added[0][2] == b"Authentication-Results", changes)
        value = added[0][3] if added else b""
        check("the field: results, session, code", value.startswith(b" %s;" % LIST_DOMAIN.encode()) and b"spf=pass" in value and b"policy.ip=127.0.0.10" in value and b"policy.code=" in value, value)
        check("the field is folded with LF alone", b"\r" not in value and max(len(x) for x in value.split(b"\n")) < 120, value)
        m.mail("ann@bank.example")
        m.rcpt("ann@elsewhere.example")
        check("a second message, for nobody of ours, ends at DATA", m.data()[0] == ACCEPT)
        m.quit()
    answer = deliver(path, message("ann@bank.example", BIRDS, "forged-by-hand"), "ann@bank.example", [BIRDS], ip=BAD)
    check("a forgery", answer[0] == 550 and b"5.7.1" in answer[1] and b"Email rejected per DMARC policy for bank.example" in answer[1] and b"p=reject" in answer[1], answer)
    answer = deliver(path, message("ann@bank.example", BIRDS, "v6"), "ann@bank.example", [BIRDS], ip="2001:db8::1")
    check("a client with an IPv6 address", answer[0] == 550, answer)
    answer = deliver(path, message("ann@bank.example", BIRDS, "no-ip"), "ann@bank.example", [BIRDS], ip=None)
    check("a client without address", answer[0] == 550, answer)
    answer = deliver(path, message("ann@users.example", BIRDS, "login"), "ann@users.example", [BIRDS], ip=BAD, login="ann@users.example")
    check("a user who has logged in", answer[0] == 250 and b"policy.submission=yes" in answer[2][-1][3] and b"ann@users" not in answer[2][-1][3].partition(b"x-listd")[2].partition(b"mailfrom")[0], answer)
    answer = deliver(path, message("ann@bank.example", BIRDS, "old-steps"), "ann@bank.example", [BIRDS], ip=GOOD, steps=0)
    check("an MTA that knows no newer steps", answer[0] == 250 and any(c[0] == "i" and not c[3].startswith(b" ") for c in answer[2]), answer)


def test_recipients(world):
    path, routed = socket_of(world), {"mailer": "lmtp", "host": "[127.0.0.1]:%d" % world.lmtp_port}

    def rcpt(name, to, sender, expected, text=b"", ip=GOOD, login=None):
        answer = deliver(path, message("ann@bank.example", to, "rcpt"), sender, [to], ip, login=login, **routed)
        check("RCPT: " + name, answer[0] == expected and text in answer[1], answer)
    rcpt("denied envelope sender", BIRDS, "eve@denied.example", 550, b"5.7.2 eve@denied.example may not post")
    rcpt("closed list, stranger", address("news"), "ann@bank.example", 550, b"5.7.2")
    rcpt("closed list, null sender", address("news"), "", 550, b"5.7.2")
    rcpt("closed list, its owner's domain", address("news"), "other@announcer.example", 550, b"Email rejected")  # at the end: the author is somebody else
    rcpt("made-up return address", address("birds-bounces+raaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbb+ann=bank.example"), "", 550, b"5.1.1")
    rcpt("made-up alias", address("birds-author-abcdefghijklmnop"), "ann@bank.example", 550, b"5.1.1")
    rcpt("unknown list", address("dogs"), "ann@bank.example", 550, b"5.1.1 no list dogs@")
    rcpt("a quoted local part", '"birds bees"@' + LIST_DOMAIN, "ann@bank.example", 550, b"5.1.1")
    rcpt("percent signs come through", "a%n%s%d@" + LIST_DOMAIN, "ann@bank.example", 550, b"a%%n%%s%%d@")
    world.listctl("list", "set", address("news"), "early-refusal", "no")
    answer = deliver(path, message("chief@announcer.example", address("news"), "late"), "bounce@esp.example", [address("news")], GOOD)
    check("without early refusal the owner's service gets to the end", answer[0] == 250, answer)
    with MilterClient(path) as m:
        m.connect(GOOD)
        m.helo()
        m.mail("ann@bank.example")
        answers = [m.rcpt(to)[0] for to in (BIRDS, address("news"), address("holding"), "x@y.example")]
        check("replies are for each recipient", answers == [CONTINUE, CONTINUE, CONTINUE, CONTINUE], answers)
    world.listctl("list", "set", address("news"), "early-refusal", "yes")


def test_limits(world):
    """Rates: the settings are read again while sessions go on."""
    path = socket_of(world)
    with MilterClient(path) as m:
        m.connect("192.0.2.80")
        m.helo()
        world.set_listd(SETTINGS.replace("author-per-hour = 0\nclient-per-hour = 0", "client-per-hour = 3\nauthor-per-hour = 5"))
        world.processes["milter"].send_signal(signal.SIGHUP)
        world.listctl("reload")
        time.sleep(1)
        check("a session goes on over a reload", m.mail("ann@lenient.example")[0] == CONTINUE)
        m.abort()
        codes = []
        for i in range(5):
            m.mail("sender-%d@lenient.example" % i)
            codes.append(code(m.rcpt(BIRDS)))
            m.abort()
        check("a client is stopped at its limit", codes == [250, 250, 250, 451, 451], codes)
    codes = [deliver(path, message("ann@lenient.example", BIRDS, "author-%d" % i), "s%d@lenient.example" % i, [BIRDS], "192.0.2.%d" % (100 + i))[0] for i in range(8)]
    check("an author is stopped at his", codes == [250] * 5 + [451] * 3, codes)
    answer = deliver(path, message("ann@lenient.example", BIRDS, "author-himself"), "ann@lenient.example", [BIRDS], GOOD)
    check("what strangers send in his name does not use up his hour", answer[0] == 250, answer)
    codes = [deliver(path, message("ann@lenient.example", BIRDS, "sender-%d" % i).replace(b"From: ", b"X-From: "), "ann@silent.example", [BIRDS], "192.0.2.%d" % (140 + i))[0] for i in range(6)]
    codes.append(deliver(path, message("ann@silent.example", BIRDS, "sender-himself"), "ann@silent.example", [BIRDS], GOOD)[0])
    check("nor does his address as the envelope sender of others", codes == [550] * 6 + [250], codes)
    codes = [deliver(path, message("ann@silent.example", BIRDS, "v6-%d" % i), "v6-%d@silent.example" % i, [BIRDS], "2001:db8:5::%d" % i)[0] for i in range(1, 6)]
    check("an IPv6 client is its /64", codes == [250] * 3 + [451] * 2, codes)
    codes = [deliver(path, message("ann@silent.example", BIRDS, "own-%d" % i), "own%d@silent.example" % i, [BIRDS], "127.0.0.5")[0] for i in range(5)]
    check("submissions do not count for a client, but for their author", codes == [250] * 4 + [451], codes)
    world.set_listd(SETTINGS)
    world.processes["milter"].send_signal(signal.SIGHUP)
    world.listctl("reload")
    time.sleep(1)


def test_content(world):
    path = socket_of(world)

    def post(name, octets, expected, text=b"", rcpts=(BIRDS,), sender="ann@lenient.example"):
        answer = deliver(path, octets, sender, list(rcpts), GOOD)
        check("content: " + name, answer[0] == expected and text in answer[1], (answer[0], answer[1][:300]))
        return answer
    post("header rule", message("ann@lenient.example", BIRDS, "rule", head="X-Bad: yes"), 550, b"5.7.1 a rule of the list")
    post("size", message("ann@lenient.example", BIRDS, "size", body="x" * 70 + "\r\n" + ("y" * 78 + "\r\n") * 1500), 552, b"5.3.4")
    post("loop", message("ann@lenient.example", BIRDS, "loop", head="List-Id: <birds.%s>" % LIST_DOMAIN), 554, b"5.4.6")
    post("hops", message("ann@lenient.example", BIRDS, "hops", head="Received: from a by b; x\n" * 60), 554, b"5.4.6")
    post("not a member", message("eve@silent.example", BIRDS, "stranger"), 550, b"5.7.2 only members")
    post("denied author under another envelope", message("eve@denied.example", BIRDS, "denied"), 550, b"5.7.2")
    post("no From", message("ann@lenient.example", BIRDS, "nofrom").replace(b"From: ", b"X-From: "), 550, b"5.6.0")
    post("two From", message("ann@lenient.example", BIRDS, "twofrom", head="From: eve@evil.example"), 550, b"5.6.0")
    post("a huge header", message("ann@lenient.example", BIRDS, "huge", head="X-Long: y\n" + "\n".join("X-%d: %s" % (i, "z" * 900) for i in range(600))), 550, b"5.6.0")
    post("too many fields", message("ann@lenient.example", BIRDS, "fields", head="X: y\n" * 1500), 550, b"5.6.0")
    post("a field of 300 KB", message("ann@lenient.example", BIRDS, "field", head="X: " + "y" * 300000), 550, b"5.6.0")
    forged = "\n".join(["Authentication-Results: %s; spf=pass" % LIST_DOMAIN] * 3000)
    post("a swarm of forged fields, for others, too", message("ann@lenient.example", BIRDS, "swarm", head=forged), 550, b"5.6.0 there are more than 100", rcpts=(BIRDS, "someone@else.example"))
    post("no body", message("ann@lenient.example", BIRDS, "nobody", body=""), 250)
    post("quarantine: held", message("ann@quarantine.example", BIRDS, "quarantined"), 250, sender="x@evil.example")
    post("p=reject, held by the list's wish", message("ann@bank.example", address("holding"), "held"), 250, sender="x@evil.example", rcpts=[address("holding")])
    world.listctl("list", "set", BIRDS, "max-size", "10M")
    big = message("ann@lenient.example", BIRDS, "big", body=("b" * 76 + "\r\n") * 30000)
    answer = post("2.3 MB, through a file", big, 250)
    check("it has its field", any(c[0] == "i" for c in answer[2]))
    check("no file is left", sorted(os.listdir(world.path("var/milter"))) == ["addresses"], os.listdir(world.path("var/milter")))
    post("12 MB", message("ann@lenient.example", BIRDS, "larger", body=("c" * 76 + "\r\n") * 160000), 552, b"5.3.4")
    world.listctl("list", "set", BIRDS, "max-size", "100K")


def test_mixed(world):
    """Some recipients refuse, others do not."""
    path = socket_of(world)
    forged = message("ann@bank.example", BIRDS, "mixed")
    answer = deliver(path, forged, "eve@evil.example", [BIRDS, "someone@else.example"], BAD)
    check("a forgery for a list and another: the other gets it, the list does not", answer[0] == 250 and ("-", b"<%s>" % BIRDS.encode()) in answer[2], answer)
    answer = deliver(path, forged, "eve@evil.example", [BIRDS, address("holding")], BAD)
    check("one list refuses, one holds", answer[0] == 250 and ("-", b"<%s>" % BIRDS.encode()) in answer[2], answer)
    answer = deliver(path, message("eve@silent.example", BIRDS, "mixed-shown"), "eve@silent.example", [BIRDS, "someone@else.example"], GOOD)
    check("a sender who is shown gets a report: the list stays", answer[0] == 250 and not [c for c in answer[2] if c[0] == "-"], answer)
    answer = deliver(path, message("eve@denied.example", BIRDS, "both"), "eve@evil.example", [BIRDS, address("birds")], BAD)
    check("all lists refuse", answer[0] == 550, answer)
    names = [e["list"] for e in world.events("recipient-dropped", "milter")]
    check("what was dropped is in the log", names == [BIRDS, BIRDS], names)


def test_malformed(world):
    """Whatever is said, in whatever order: nothing of it ends the process, or another session."""
    path, pid = socket_of(world), world.processes["milter"].pid
    children = open("/proc/%d/task/%d/children" % (pid, pid)).read().split()
    with MilterClient(path) as witness:
        witness.connect(GOOD)
        witness.helo()
        witness.mail("ann@bank.example")
        orders = ["", "E", "B", "NLE", "RRR", "MMM", "TTT", "MTBE", "MRLE", "MRTLNBE", "MRTE", "QQ", "AAA", "MRAMRTE", "CHMRTLLNBBE", "KCMRTE", "MRTLNBEMRTLNBE", "MRTLNBE" * 5, "UMRTE", "MKM", "CHMRAKCHMRTLNBEK", "KKK", "OMRTE"]
        contents = {"C": b"x\0U", "H": b"h\0", "M": b"<a@b.example>\0", "R": b"<%s>\0" % BIRDS.encode(), "L": b"From\0 a@b.example\0", "B": b"x\r\n" * 10, "U": b"VRFY\0"}
        for order in orders:
            for with_contents in (True, False):
                try:
                    with MilterClient(path, timeout=3) as m:
                        for command in order:
                            m.send(command, contents.get(command, b"") if with_contents else b"")
                        m.send("Q")
                        while m.socket.recv(65536):
                            pass
                except (OSError, EOFError, AssertionError):
                    pass
        packets = [b"", b"\0", b"\0\0\0\0", b"\xff\xff\xff\xff", struct.pack(">I", 1) + b"Z", struct.pack(">I", 5) + b"M<a@", struct.pack(">I", 0x7fffffff) + b"B" + b"x" * 1000,
                   struct.pack(">I", 10) + b"C" + b"\xff" * 9, struct.pack(">I", 3) + b"L\0\0", struct.pack(">I", 2) + b"D\xff", struct.pack(">I", 13) + b"O" + b"\xff" * 12, b"GET / HTTP/1.0\r\n\r\n"]
        for negotiate in (True, False):
            for packet in packets:
                try:
                    with MilterClient(path, negotiate=negotiate, timeout=1) as m:
                        m.raw(packet)
                        m.socket.shutdown(1)
                        m.socket.recv(1000)
                except (OSError, EOFError, AssertionError):
                    pass
        for cut in range(1, 12):  # sessions that end in the middle of things
            m = MilterClient(path)
            for step in (lambda: m.connect(GOOD), m.helo, lambda: m.mail("ann@bank.example"), lambda: m.rcpt(BIRDS), m.data, lambda: m.header(b"From", b" x"), lambda: m.header(b"To", b" y"),
                         m.end_of_header, lambda: m.body(b"x" * 60000), lambda: m.body(b"y" * 60000 * 5), lambda: m.send("E"))[:cut]:
                step()
            m.close()
        for value in (b"", b" ", b"\n", b"\n\n\n", b" \xff\xfe", b" a\r\n b", b" a\rb", b" a\n\tb\n\n c", b" " + b"(" * 5000, b" %s; " % LIST_DOMAIN.encode() + b"a=b;" * 5000):
            with MilterClient(path) as m:
                m.connect(GOOD)
                m.mail("ann@lenient.example")
                m.rcpt(BIRDS)
                m.data()
                for name in (b"From", b"Authentication-Results", b"DKIM-Signature", b"ARC-Seal", b"Content-Type", b"X"):
                    m.header(name, value)
                m.end_of_header()
                answer, _ = m.end()
                check("odd header values are judged: %r" % value[:12], answer[0] in (ACCEPT, REPLYCODE), answer)
        check("a session beside all that goes on", witness.rcpt(BIRDS)[0] == CONTINUE)
    check("the process is the same", open("/proc/%d/task/%d/children" % (pid, pid)).read().split() == children)
    answer = deliver(path, message("ann@bank.example", BIRDS, "after"), "ann@bank.example", [BIRDS], GOOD)
    check("it works as before", answer[0] == 250, answer)


def test_many(world):
    """200 sessions at once, each with a message under way."""
    path, sessions, codes = socket_of(world), [], []
    for i in range(200):
        m = MilterClient(path)
        m.connect(GOOD)
        m.helo()
        m.mail("ann@bank.example")
        check_quietly("RCPT in session %d" % i, m.rcpt(BIRDS)[0] == CONTINUE)
        m.data()
        sessions.append(m)

    def finish(some, number):
        for k, m in enumerate(some):
            m.message(message("ann@bank.example", BIRDS, "many-%d-%d" % (number, k)))
            codes.append(code(m.end()[0]))
            m.quit()
            m.close()
    threads = [threading.Thread(target=finish, args=(sessions[n::20], n)) for n in range(20)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    check("200 sessions at once", codes == [250] * 200, "%d answers, %s" % (len(codes), sorted(set(codes))))


# --- behind Postfix ---

def login(world, octets, sender, rcpts, user, client=BAD):
    """A client that has logged in, as Postfix has it from XCLIENT."""
    with smtplib.SMTP("127.0.0.1", world.mta_port, local_hostname="client.example", source_address=(OWN, 0), timeout=30) as smtp:
        smtp.ehlo()
        smtp.docmd("XCLIENT", "ADDR=%s NAME=client.example HELO=client.example LOGIN=%s" % (client, user))
        smtp.ehlo()
        smtp.mail(sender)
        for rcpt in rcpts:
            smtp.rcpt(rcpt)
        return smtp.data(octets)


def test_postfix(world):
    reply = world.send(message("ann@bank.example", BIRDS, "p-forged"), "ann@bank.example", BIRDS, client=BAD)
    check("Postfix: a forgery is refused in the session", reply[0] == 550 and "Email rejected per DMARC policy for bank.example (v=DMARC1; p=reject)" in reply[1], reply)
    reply = world.send(message("ann@bank.example", BIRDS, "p-spoofed-envelope"), "ann@silent.example", BIRDS, client=GOOD)
    check("Postfix: another's passing envelope does not help", reply[0] == 550, reply)
    reply = world.send(message("eve@bank.example", BIRDS, "p-nonmember"), "eve@bank.example", BIRDS, client=GOOD)
    check("Postfix: who is no member is refused", reply[0] == 550 and "5.7.2" in reply[1], reply)
    check("Postfix: an unknown list", world.send(b"", "ann@bank.example", address("dogs"))[0] == 550)
    reply = world.send(message("ann@bank.example", BIRDS, "p-spf"), "ann@bank.example", BIRDS, client=GOOD)
    check("Postfix: SPF alone, p=reject", reply[0] == 250, reply)
    reply = world.send(world.sign(message("ann@signed.example", BIRDS, "p-dkim"), "signed.example"), "other@elsewhere.example", BIRDS, client=BAD)
    check("Postfix: DKIM alone, p=reject", reply[0] == 250, reply)
    reply = world.send(world.sign(message("ann@signed.example", BIRDS, "p-simple"), "signed.example", canonicalize=(b"simple", b"simple")), "x@elsewhere.example", BIRDS, client=BAD)
    check("Postfix: simple canonicalization", reply[0] == 250, reply)
    long_lines = message("ann@signed.example", BIRDS, "p-long", body="a" * 990 + "\r\n" + ".\r\n..\r\nb" * 20 + "\r\n")
    reply = world.send(world.sign(long_lines, "signed.example"), "x@elsewhere.example", BIRDS, client=BAD)
    check("Postfix: dots and long lines", reply[0] == 250, reply)
    reply = login(world, message("ann@users.example", BIRDS, "p-login"), "ann@users.example", [BIRDS], "ann")
    check("Postfix: a user who has logged in", reply[0] == 250, reply)
    reply = world.send(message("ann@users.example", BIRDS, "p-mynetworks"), "ann@users.example", BIRDS, client="127.0.0.5")
    check("Postfix: a client of submission-networks", reply[0] == 250, reply)
    reply = login(world, message("ann@bank.example", BIRDS, "p-login-forged"), "ann@users.example", [BIRDS], "ann")
    check("Postfix: a user who has logged in is not somebody else", reply[0] == 550, reply)
    settle(world)
    for token in ("p-spf", "p-dkim", "p-simple", "p-long", "p-login", "p-mynetworks"):
        mail = only_copy(world, "bob@plain.example", token)
        fields = mail.get_all("Authentication-Results", []) if mail else []
        check("%s: the keyed field is gone from the copy" % token, not [f for f in fields if "policy.code" in f], fields)
    for token in ("p-forged", "p-spoofed-envelope", "p-nonmember", "p-login-forged"):
        no_copy(world, "bob@plain.example", token)
    check("no report was made by the list's mail server", not [1 for line in open(world.path("mta/log")) if "sender non-delivery notification" in line])


def test_unchanged(world):
    """Mail for others: byte by byte what it is without a milter, but for the field."""
    odd = [("u-plain", b""), ("u-odd", b"X-Odd:no blank\r\nX-Fold: a\r\n\t b\r\n   c\r\nX-Empty:\r\nX-8bit: \xc3\xa4\xff\r\nAuthentication-Results: %s; spf=pass\r\n" % LIST_DOMAIN.encode())]
    rest = "line\r\n.\r\n..dots\r\n" + "y" * 900 + "\r\n\r\n\r\n"

    def send_all(suffix, rcpts):
        for token, head in odd:
            octets = message("ann@silent.example", "erin@plain.example", "%s-%s" % (token, suffix), body=rest).replace(b"\r\n\r\n", b"\r\n" + head + b"\r\n", 1)
            with smtplib.SMTP("127.0.0.1", world.mta_port, local_hostname="client.example", source_address=(OWN, 0), timeout=30) as smtp:
                smtp.ehlo()
                smtp.mail("ann@silent.example")
                for rcpt in rcpts:
                    smtp.rcpt(rcpt)
                check("%s-%s is taken" % (token, suffix), smtp.data(octets)[0] == 250)

    def seen(token, suffix):
        """Below the trace fields, without what names the message."""
        found = copies(world, "erin@plain.example", "%s-%s" % (token, suffix))
        text = found[0][found[0].index(b"\nFrom: ") + 1:] if found else b""
        head = found[0][:found[0].index(b"\nFrom: ")] if found else b""
        return text.replace(suffix.encode(), b"SUFFIX"), head

    def normal(text):
        return b"\n".join(line for line in text.split(b"\n") if not line.startswith(b"Date: ") and not line.startswith(b"Message-ID: "))
    send_all("with", ["erin@plain.example"])
    send_all("mixed", ["erin@plain.example", BIRDS])
    settle(world)
    set_postfix(world, "smtpd_milters=")
    send_all("without", ["erin@plain.example"])
    set_postfix(world, "smtpd_milters=unix:" + socket_of(world))
    settle(world)
    for token, _ in odd:
        plain = normal(seen(token, "without")[0])
        check("%s: there without milter" % token, plain != b"")
        check("%s: the same with it" % token, normal(seen(token, "with")[0]) == plain, (normal(seen(token, "with")[0])[:300], plain[:300]))
        check("%s: no field for mail that is not a list's" % token, b"policy.code" not in seen(token, "with")[1])
        mixed = normal(seen(token, "mixed")[0]).replace(b"Authentication-Results: %s; spf=pass\n" % LIST_DOMAIN.encode(), b"")
        check("%s: the same beside a list, but for the fields" % token, mixed == plain.replace(b"Authentication-Results: %s; spf=pass\n" % LIST_DOMAIN.encode(), b""))
        check("%s: the field is there beside a list" % token, b"policy.code" in seen(token, "mixed")[1])


def set_postfix(world, *settings):
    subprocess.run(["postconf", "-c", world.path("mta"), "-e"] + list(settings), check=True)
    world.postfix("mta", "reload")
    time.sleep(1)


def test_restart_and_away(world):
    world.stop("listd")
    reply = world.send(message("ann@bank.example", BIRDS, "away"), "ann@bank.example", BIRDS, client=GOOD)
    check("listd is away: list mail waits", reply[0] == 451 and "4.3.2" in reply[1], reply)
    reply = world.send(message("ann@bank.example", "erin@plain.example", "away-other"), "ann@bank.example", "erin@plain.example", client=OWN)
    check("listd is away: other mail goes on", reply[0] == 250, reply)
    world.stop("milter")
    reply = world.send(message("ann@bank.example", "erin@plain.example", "down"), "ann@bank.example", "erin@plain.example", client=OWN)
    check("the milter is down: 451", reply[0] == 451, reply)
    world.start_milter()
    reply = world.send(message("ann@bank.example", "erin@plain.example", "started-away"), "ann@bank.example", "erin@plain.example", client=OWN)
    check("started while listd is away: other mail flows at once", reply[0] == 250, reply)
    reply = world.send(message("ann@bank.example", BIRDS, "started-away-list"), "ann@bank.example", BIRDS, client=GOOD)
    check("started while listd is away: list mail waits", reply[0] == 451, reply)
    world.start_listd_again()
    reply = world.send(message("ann@bank.example", BIRDS, "back"), "ann@bank.example", BIRDS, client=GOOD)
    check("listd is back: list mail flows at once", reply[0] == 250, reply)
    with MilterClient(socket_of(world)) as m:
        m.connect(GOOD)
        m.helo()
        m.mail("ann@bank.example")
        m.rcpt(BIRDS)
        m.data()
        world.processes["milter"].send_signal(signal.SIGTERM)
        time.sleep(0.3)
        check("told to stop: the socket is closed at once", not os.path.exists(socket_of(world)))
        check("told to stop: it waits for a message under way", world.processes["milter"].poll() is None)
        m.message(message("ann@bank.example", BIRDS, "drained"))
        check("told to stop: the message is finished", m.end()[0][0] == ACCEPT)
    began = time.monotonic()
    check("it ends in good order", world.stop("milter") == 0)
    check("and soon", time.monotonic() - began < 2, time.monotonic() - began)
    world.start_milter()
    reply = world.send(message("ann@bank.example", BIRDS, "again"), "ann@bank.example", BIRDS, client=GOOD)
    check("a restart: mail flows at once", reply[0] == 250, reply)
    os.kill(world.processes["milter"].pid, signal.SIGHUP)
    time.sleep(0.5)
    check("HUP is no end", world.processes["milter"].poll() is None and world.events("reloaded", "milter"))
    settle(world)
    for token in ("back", "again"):
        only_copy(world, "bob@plain.example", token)


def flood(world, rcpt):
    """1,000 messages of 10 KB in 20 sessions; messages a second."""
    began = time.monotonic()
    subprocess.run(["/usr/sbin/smtp-source", "-s", "20", "-m", "1000", "-l", "10240", "-f", "ann@silent.example", "-t", rcpt, "127.0.0.1:%d" % world.mta_port], check=True, timeout=240)
    return 1000 / (time.monotonic() - began)


def test_throughput(world):
    """The same Postfix with and without the milter. The figures are for reading: how busy the machine is at this moment does not make a test fail."""
    make_list(world, "bench", ["ann@silent.example"], archive="no")
    world.listctl("member", "set", address("bench"), "ann@silent.example", "delivery", "off")
    for what, rcpt in (("lists", address("bench")), ("others", "erin@elsewhere.example")):
        rates = {}
        for milter in ("", "unix:" + socket_of(world)) * 2:
            set_postfix(world, "smtpd_milters=" + milter, "smtpd_milter_maps=")
            rates[milter] = max(rates.get(milter, 0), flood(world, rcpt))
            settle(world, 120)
        rate, bare = rates["unix:" + socket_of(world)], rates[""]
        check("1,000 messages for %s in 20 sessions" % what, rate > 0)
        print("# throughput, mail for %s: %.0f messages a second without milter, %.0f with it: %.0f %%" % (what, bare, rate, 100 * rate / bare), flush=True)
    set_postfix(world, "smtpd_milter_maps=inline:{127.0.0.1=DISABLE}")


def cpu_secs(world):
    """Of the process that libmilter runs in."""
    pid = world.processes["milter"].pid
    child = open("/proc/%d/task/%d/children" % (pid, pid)).read().split()[0]
    fields = open("/proc/%s/stat" % child).read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_cost(world):
    """What mail for others costs: its envelope."""
    before = cpu_secs(world)
    for _ in range(5):
        with MilterClient(socket_of(world)) as m:
            m.connect(GOOD)
            m.helo()
            for _ in range(200):
                m.mail("ann@bank.example")
                m.rcpt("someone@else.example")
                m.data()
    print("# CPU for a message that is not for a list: %.2f ms" % ((cpu_secs(world) - before) * 1000 / 1000), flush=True)


def second_milter(world, name, **settings):
    """Another one, beside the first, with settings of its own (_ for -)."""
    directory = world.path(name)
    os.makedirs(directory, exist_ok=True)
    settings = dict({"milter_dir": directory, "milter_group": ""}, **settings)
    command = [os.path.join(world.prefix, "sbin/listd-milter"), "-c", world.path("etc/listd.conf")]
    for key, value in settings.items():
        command += ["-o", "%s=%s" % (key.replace("_", "-"), value)]
    world.start(name, command)
    wait_for(name, lambda: "event=started" in open(world.path("log", name)).read(), 20)


def test_tcp(world):
    """Over TCP no step waits for a delayed acknowledgement, which takes 40 ms."""
    port = world.base + 27
    second_milter(world, "milter-tcp", milter_listen="inet:127.0.0.1:%d" % port)
    began = time.monotonic()
    with MilterClient(("127.0.0.1", port)) as m:
        m.connect(GOOD)
        m.helo()
        for i in range(50):
            m.mail("ann@bank.example")
            check_quietly("TCP: RCPT", m.rcpt(BIRDS)[0] == CONTINUE)
            m.data()
            m.message(message("ann@bank.example", BIRDS, "tcp-%d" % i))
            check_quietly("TCP: the end", m.end()[0][0] == ACCEPT)
    seconds = time.monotonic() - began
    check("50 messages in one session over TCP", seconds < 50 * 0.04, "%.2f s" % seconds)
    check("TCP: it ends in good order", world.stop("milter-tcp") == 0)


def test_silent_dns(world):
    """A name server that never answers: nobody waits for the sum of all questions, and others do not wait at all."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        path = world.path("silent/socket")
        second_milter(world, "silent", milter_listen="unix:" + path, dns_server="127.0.0.1@%d" % silent.getsockname()[1], dns_timeout="2s")
        signatures = "".join("DKIM-Signature: v=1; a=rsa-sha256; d=d%d.bank.example; s=s; h=from; bh=FRrh7BMNKSUlGZeCBL0n/WIYRDTuH65PXaaD3BFXdMQ=; b=AAAA\n" % i for i in range(16))
        octets = message("ann@bank.example", BIRDS, "silent", head=signatures)
        seconds = []

        def one():
            began = time.monotonic()
            answer = deliver(path, octets, "ann@many.bank.example", [BIRDS], GOOD)
            check_quietly("silent DNS: 451", answer[0] == 451 and b"4.7.0" in answer[1])
            seconds.append(time.monotonic() - began)
        threads = [threading.Thread(target=one) for _ in range(10)]
        for t in threads:
            t.start()
        time.sleep(0.5)
        began = time.monotonic()
        answer = deliver(path, b"", "ann@bank.example", ["someone@else.example"], GOOD)
        check("silent DNS: other mail does not wait", answer[0] == 250 and time.monotonic() - began < 0.5, answer)
        for t in threads:
            t.join()
        check("silent DNS: list mail is told to come again, within its deadline", len(seconds) == 10 and max(seconds) < 24, seconds)
        print("# with a silent name server: %.1f s at most" % max(seconds), flush=True)
        check("silent DNS: it ends in good order", world.stop("silent") == 0)


def test_receiver_beside_lists(world):
    """A site that enforces DMARC for all its mail, lists and listd's own copies among it."""
    path = world.path("receiver/socket")
    second_milter(world, "receiver", milter_listen="unix:" + path, receiver="yes")
    forged = message("ann@bank.example", "someone@else.example", "site")
    copy = address("birds-bounces+paaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbb")
    check("site: a forgery for a mailbox", deliver(path, forged, "eve@evil.example", ["someone@else.example"], BAD)[0] == 550)
    check("site: a forgery for a mailbox and a list that would hold it", deliver(path, forged, "eve@evil.example", ["someone@else.example", address("holding")], BAD)[0] == 550)
    check("site: a forgery for a list that holds it", deliver(path, forged, "eve@evil.example", [address("holding")], BAD)[0] == 250)
    answer = deliver(path, forged, copy, ["someone@else.example"], "127.0.0.1")
    check("site: a copy that listd hands in", answer[:2] == (250, b"accepted at DATA"), answer)
    check("site: its envelope from elsewhere", deliver(path, forged, copy, ["someone@else.example"], "192.0.2.66")[0] == 550)
    check("site: another envelope from here", deliver(path, forged, BIRDS, ["someone@else.example"], "127.0.0.1")[0] == 550)
    check("site: it ends in good order", world.stop("receiver") == 0)


def test_hanging_listd(world):
    """A daemon that hangs is as one that is away, after some seconds."""
    world.processes["listd"].send_signal(signal.SIGSTOP)
    answers, began = [], time.monotonic()
    threads = [threading.Thread(target=lambda: answers.append(deliver(socket_of(world), b"", "ann@bank.example", [BIRDS], GOOD)[:2])) for _ in range(20)]
    for t in threads:
        t.start()
    time.sleep(0.3)
    other = time.monotonic()
    answer = deliver(socket_of(world), b"", "ann@bank.example", ["someone@else.example"], GOOD)
    check("listd hangs: other mail does not wait", answer[0] == 250 and time.monotonic() - other < 0.5, answer)
    for t in threads:
        t.join()
    world.processes["listd"].send_signal(signal.SIGCONT)
    # before Postfix's milter_command_timeout; some wait twice where the kernel lets few connections wait
    check("listd hangs: list mail is answered 451", {a[0] for a in answers} == {451} and len(answers) == 20 and time.monotonic() - began < 28, (answers[:2], time.monotonic() - began))
    wait_for("listd to go on", lambda: deliver(socket_of(world), message("ann@bank.example", BIRDS, "goes-on"), "ann@bank.example", [BIRDS], GOOD)[0] == 250, 20)


def sanitizer_reports(world):
    return [line for name in ("milter", "milter-tcp", "silent", "receiver") for line in open(world.path("log", name), errors="replace") if "Sanitizer" in line or "runtime error" in line]


TESTS = (test_by_hand, test_recipients, test_content, test_mixed, test_malformed, test_many, test_postfix, test_unchanged, test_tcp,
         test_silent_dns, test_receiver_beside_lists, test_hanging_listd, test_cost, test_throughput, test_restart_and_away, test_limits)


def main():
    world = build_world(os.path.join(sys.argv[1], "milter"), sys.argv[2])
    try:
        start(world, SETTINGS, "smtpd_authorized_xclient_hosts = %s\nmynetworks = 127.0.0.1/32 %s/32\n" % (OWN, OWN))
        for test in TESTS:
            began = time.monotonic()
            test(world)
            print("# %s: %.1f s" % (test.__name__, time.monotonic() - began), flush=True)
        check("no sanitizer report of the milter", not sanitizer_reports(world), sanitizer_reports(world)[:5])
        check("no fault of the milter", not world.events("fault", "milter"), world.events("fault", "milter")[:3])
        check("it ends in good order at the end", world.stop("milter") == 0)
        end_listd(world)
    finally:
        world.stop_all()


main()
