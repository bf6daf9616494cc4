# SPDX-License-Identifier: BSD-2-Clause
"""A mail server's end of the milter protocol (version 6), octet by octet, so that it can also be spoken wrongly."""
import socket
import struct

# What the MTA offers: all actions, all steps that can be left out, header values with their leading blank.
ACTIONS = 0x1ff
STEPS = 0x1fffff
HDR_LEADSPC, NR_CONN, NR_HELO, NR_HDR, NR_EOH, NR_BODY = 0x100000, 0x1000, 0x2000, 0x80, 0x40000, 0x80000

CONTINUE, ACCEPT, REJECT, TEMPFAIL, REPLYCODE, DISCARD = "c", "a", "r", "t", "y", "d"


class MilterClient:
    """One SMTP client's session, as the mail server tells it to the filter."""

    def __init__(self, path, steps=STEPS, negotiate=True, timeout=30):
        self.socket = socket.socket(socket.AF_UNIX) if isinstance(path, str) else socket.socket()
        self.socket.settimeout(timeout)
        self.socket.connect(path)
        if not isinstance(path, str):
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.steps, self.actions, self.macros = 0, 0, {}
        if negotiate:
            self.negotiate(steps)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    # packets

    def send(self, command, data=b""):
        self.raw(struct.pack(">I", len(data) + 1) + command.encode() + data)

    def raw(self, octets):
        self.socket.sendall(octets)

    def read(self, count):
        while len(self.buffer) < count:
            piece = self.socket.recv(65536)
            if not piece:
                raise EOFError("the filter closed the connection")
            self.buffer += piece
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def packet(self):
        (size,) = struct.unpack(">I", self.read(4))
        data = self.read(size)
        return data[:1].decode(), data[1:]

    def answer(self):
        """The reply to a step: ("c", b"") or ("y", b"550 5.1.1 text")."""
        kind, data = self.packet()
        return kind, data.rstrip(b"\0")

    # the steps of a session

    def negotiate(self, steps=STEPS, version=6):
        self.send("O", struct.pack(">III", version, ACTIONS, steps))
        kind, data = self.packet()
        assert kind == "O", kind
        _, self.actions, self.steps = struct.unpack(">III", data[:12])

    def macro(self, command, **pairs):
        data = command.encode()
        for name, value in pairs.items():
            data += b"{%s}\0%s\0" % (name.encode(), value.encode()) if len(name) > 1 else b"%s\0%s\0" % (name.encode(), value.encode())
        self.send("D", data)

    def step(self, command, data=b"", no_reply=0):
        self.send(command, data)
        return (CONTINUE, b"") if self.steps & no_reply else self.answer()

    def connect(self, ip="192.0.2.1", name="client.example", port=25):
        family = b"U" if ip is None else b"6" if ":" in ip else b"4"
        where = b"" if ip is None else struct.pack(">H", port) + ip.encode() + b"\0"
        return self.step("C", name.encode() + b"\0" + family + where, NR_CONN)

    def helo(self, name="client.example"):
        return self.step("H", name.encode() + b"\0", NR_HELO)

    def mail(self, sender, login=None, *more):
        if login is not None:
            self.macro("M", auth_authen=login, auth_type="PLAIN")
        return self.step("M", b"\0".join(x.encode() for x in ("<%s>" % sender,) + more) + b"\0")

    def rcpt(self, address, mailer=None, host=None):
        if mailer is not None:
            self.macro("R", rcpt_mailer=mailer, rcpt_host=host or "")
        return self.step("R", b"<%s>\0" % address.encode())

    def data(self):
        return self.step("T")

    def header(self, name, value):
        return self.step("L", name + b"\0" + value + b"\0", NR_HDR)

    def end_of_header(self):
        return self.step("N", b"", NR_EOH)

    def body(self, octets):
        return self.step("B", octets, NR_BODY)

    def end(self, queue_id="QUEUEID1"):
        """The verdict and the changes: [("i", index, name, value), ("m", index, name, value), ("-", address)]."""
        self.macro("E", i=queue_id)
        self.send("E")
        changes = []
        while True:
            kind, data = self.packet()
            if kind in "im":
                name, value = data[4:].split(b"\0")[:2]
                changes.append((kind, struct.unpack(">I", data[:4])[0], name, value))
            elif kind in "-+h":
                changes.append((kind, data.rstrip(b"\0")))
            elif kind != "p":
                return (kind, data.rstrip(b"\0")), changes

    def abort(self):
        self.send("A")

    def quit(self):
        self.send("Q")

    # whole messages

    def message(self, octets):
        """Header and body as a mail server gives them: folds with LF, the body in pieces with CRLF."""
        head, _, body = octets.partition(b"\r\n\r\n")
        fields = []
        for line in head.split(b"\r\n"):
            if line[:1] in b" \t" and fields:
                fields[-1] += b"\n" + line
            else:
                fields.append(line)
        for field in fields:
            name, _, value = field.partition(b":")
            self.header(name, value if self.steps & HDR_LEADSPC else value.lstrip(b" "))
        self.end_of_header()
        for at in range(0, len(body), 65535):
            self.body(body[at:at + 65535])


def code(answer):
    """The SMTP reply code that an answer leads to."""
    kind, data = answer
    return int(data[:3]) if kind == REPLYCODE else {CONTINUE: 250, ACCEPT: 250, TEMPFAIL: 451, REJECT: 550, DISCARD: 250}[kind]


def deliver(path, octets, sender, rcpts, ip="192.0.2.1", helo="client.example", login=None, steps=STEPS, mailer=None, host=None):
    """A whole message: the code, the text, the changes, and the recipients that were refused."""
    with MilterClient(path, steps) as m:
        m.connect(ip)
        m.helo(helo)
        answer = m.mail(sender, login)
        if code(answer) != 250:
            return code(answer), answer[1], [], []
        refused = [(rcpt, a[1]) for rcpt in rcpts for a in [m.rcpt(rcpt, mailer, host)] if code(a) != 250]
        if len(refused) == len(rcpts):
            return code((REPLYCODE, refused[0][1])), refused[0][1], [], refused
        answer = m.data()
        if answer[0] == ACCEPT:
            return 250, b"accepted at DATA", [], refused
        m.message(octets)
        answer, changes = m.end()
        m.quit()
        return code(answer), answer[1], changes, refused
