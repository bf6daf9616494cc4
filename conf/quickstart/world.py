# SPDX-License-Identifier: BSD-2-Clause
"""A small internet on loopback: name server, a mail server for the lists, receivers of several kinds, and listd.

Used by quickstart.sh and by the system tests. It must run as root inside a mount namespace of its own (quickstart.sh and tests/run.sh see to that), where
/etc/resolv.conf is bound to the private name server. Every process is started here, listens on a loopback address, and is stopped by its pid.
"""
import base64
import json
import os
import pwd
import re
import shutil
import signal
import smtplib
import subprocess
import time

from kinds import JUNK_MARKS, KINDS, PUBLIC_SUFFIXES, Receiver, start_opendmarc_as  # noqa: F401: for those who build a world
from wait import is_listening, wait_for

LIST_HOST_ADDRESS = "127.0.0.25"  # the lists' mail server speaks to the world from here


class World:
    def __init__(self, directory, prefix, base_port=2500, dns_address="127.0.0.9", list_domains=("lists.example.org",), host_address=LIST_HOST_ADDRESS):
        """Worlds that run at the same time have base_port and dns_address for themselves: the name server's port is the same in all.
        host_address: where the lists' mail server speaks from; one that is no loopback address needs use_address()."""
        self.dir, self.prefix, self.base = directory, prefix, base_port
        self.dns_address, self.list_domains, self.host_address = dns_address, list_domains, host_address
        self.mta_port, self.lmtp_port = base_port + 25, base_port + 24
        self.records, self.processes, self.receivers = [], {}, []
        self.keys = {}
        self.users = ["ann", "bob", "carol", "dave", "erin", "owner"]  # mailboxes at every receiver that is a Postfix
        self.forwards = {}  # mailboxes of theirs that pass their mail on: address -> address
        os.makedirs(directory, exist_ok=True)
        os.chmod(directory, 0o755)

    # files and processes

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def write(self, name, text, mode=0o644):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w") as f:
            f.write(text)
        os.chmod(self.path(name), mode)
        return self.path(name)

    def start(self, name, command, **more):
        os.makedirs(self.path("log"), exist_ok=True)
        log = open(self.path("log", name), "ab")
        self.processes[name] = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, **more)
        log.close()
        self.save_pids()

    def save_pids(self):
        self.write("pids", "".join("%d %s\n" % (p.pid, name) for name, p in self.processes.items()))

    def stop(self, name, how=signal.SIGTERM, seconds=25):
        """Its exit status, or None when it does not run."""
        process = self.processes.pop(name, None)
        if process is None:
            return None
        if process.poll() is None:
            process.send_signal(how)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        return process.returncode

    def postfix(self, name, command):
        subprocess.run(["postfix", "-c", self.path(name), command], check=command != "stop", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stop_all(self):
        for name in reversed(list(self.processes)):
            self.stop(name)
        for instance in ("mta", "rx"):
            if os.path.exists(self.path(instance, "main.cf")):
                self.postfix(instance, "stop")

    # DNS

    def add_record(self, text):
        self.records.append(text)

    def domain(self, name, dmarc=None, spf=None, address=None, mx=None):
        """A domain that exists, with what it publishes."""
        self.add_record('%s. A %s' % (name, address or "127.0.0.10"))
        if mx:
            self.add_record('%s. MX 10 %s.' % (name, mx))
        if spf:
            self.add_record('%s. TXT "%s"' % (name, spf))
        if dmarc:
            self.add_record('_dmarc.%s. TXT "%s"' % (name, dmarc))

    def author_key(self, domain, selector="s1", pem=None):
        """A DKIM key of an author domain, made with openssl or given, and published."""
        pem = pem or subprocess.run(["openssl", "genrsa", "2048"], check=True, capture_output=True).stdout
        public = subprocess.run(["openssl", "rsa", "-pubout", "-outform", "DER"], input=pem, check=True, capture_output=True).stdout
        self.keys[domain] = (selector, pem)
        self.add_record('%s._domainkey.%s. TXT %s' % (selector, domain, quoted("v=DKIM1; k=rsa; p=" + base64.b64encode(public).decode())))

    def write_zone(self):
        head = ". 3600 SOA ns.invalid. root.invalid. %d 3600 600 86400 1\n. NS ns.invalid.\nns.invalid. A %s\n" % (time.time(), self.dns_address)
        return self.write("dns/zone", "$TTL 1\n" + head + "\n".join(self.records) + "\n")

    def use_own_resolver(self):
        """/etc/resolv.conf of this mount namespace names the private name server."""
        if is_machines("mnt"):
            raise RuntimeError("this must run in a mount namespace of its own (unshare -m)")
        own = self.write("dns/resolv.conf", "nameserver %s\n" % self.dns_address)
        subprocess.run(["mount", "--bind", own, "/etc/resolv.conf"], check=True)

    def use_address(self):
        """The lists' mail server gets its address: the loopback interface of this network namespace has it from now on."""
        if is_machines("net"):
            raise RuntimeError("this must run in a network namespace of its own (unshare -n)")
        subprocess.run(["ip", "address", "replace", self.host_address + "/32", "dev", "lo"], check=True)

    def start_dns(self):
        self.use_own_resolver()
        self.write_zone()
        self.write("dns/nsd.conf", """server:
  ip-address: %s@53
  username: ""
  chroot: ""
  database: ""
  pidfile: "%s"
  zonesdir: "%s"
  xfrdfile: "%s"
  zonelistfile: "%s"
  xfrdir: "%s"
  hide-version: yes
remote-control:
  control-enable: no
zone:
  name: "."
  zonefile: "zone"
""" % (self.dns_address, self.path("dns/pid"), self.path("dns"), self.path("dns/xfrd"), self.path("dns/zonelist"), self.path("dns")))
        self.start_dns_again()

    def start_dns_again(self):
        self.start("nsd", ["/usr/sbin/nsd", "-d", "-c", self.path("dns/nsd.conf")])
        wait_for("the name server", lambda: is_listening(self.dns_address, 53))

    def reload_dns(self):
        self.write_zone()
        self.processes["nsd"].send_signal(signal.SIGHUP)
        time.sleep(1.0)

    # the lists' mail server and the receivers', both Postfix

    def start_postfix(self, name, main, services, maps=()):
        for file, text in maps:
            self.write("%s/%s" % (name, file), text)
        os.makedirs(self.path(name, "queue"), exist_ok=True)
        os.makedirs(self.path(name, "data"), exist_ok=True)
        shutil.chown(self.path(name, "data"), "postfix")
        self.write(name + "/main.cf", POSTFIX_MAIN % {"dir": self.path(name)} + main)
        self.write(name + "/master.cf", services + POSTFIX_MASTER)
        self.postfix(name, "start")

    def start_mta(self, xforward=True, milter=False, settings=""):
        """milter: it asks listd-milter about what comes in by SMTP; not about the copies that listd sends."""
        if milter:
            settings += ("smtpd_milters = unix:%s\nsmtpd_milter_maps = inline:{127.0.0.1=DISABLE}\nmilter_default_action = tempfail\nmilter_protocol = 6\n"
                         % self.path("milter/socket"))
        transport = "".join("%s lmtp:[127.0.0.1]:%d\n" % (d, self.lmtp_port) for d in self.list_domains)
        transport += "".join("%s smtp:[127.0.0.1]:%d\n" % (r.domain, r.port) for r in self.receivers)
        transport += "* discard:\n"  # reports to authors, who have no mailboxes here
        self.start_postfix("mta", """myhostname = mx.%s
mynetworks = 127.0.0.1/32
relay_domains = %s
transport_maps = texthash:%s
smtp_bind_address = %s
lmtp_send_xforward_command = %s
smtpd_authorized_verp_clients = 127.0.0.1
lmtp_line_length_limit = 0
smtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination
%s""" % (self.list_domains[0], " ".join(self.list_domains), self.path("mta/transport"), self.host_address, "yes" if xforward else "no", settings),
            "127.0.0.1:%d inet n - n - - smtpd\n" % self.mta_port, [("transport", transport)])
        wait_for("the lists' mail server", lambda: is_listening("127.0.0.1", self.mta_port))

    def use_public_suffixes(self):
        """The receivers' Public Suffix Lists hold this world's top level too."""
        for n, name in enumerate(p for p in PUBLIC_SUFFIXES if os.path.exists(p)):
            with open(name) as f:
                own = self.write("dns/suffixes-%d" % n, "example\n" + f.read())
            subprocess.run(["mount", "--bind", own, name], check=True)

    def start_receivers(self):
        self.use_public_suffixes()
        services, domains = "", []
        for r in self.receivers:
            milters = KINDS[r.kind].start(self, r)
            if milters is None:
                continue
            services += "127.0.0.1:%d inet n - n - - smtpd%s\n" % (r.port, " -o smtpd_milters=" + ",".join(milters) if milters else "")
            domains.append(r.domain)
        user = pwd.getpwnam("nobody")
        os.makedirs(self.path("mail"), exist_ok=True)
        os.chown(self.path("mail"), user.pw_uid, user.pw_gid)
        self.start_postfix("rx", """myhostname = mx.receivers.example
mynetworks = 127.0.0.2/32
virtual_mailbox_domains = %s
virtual_mailbox_base = %s
virtual_mailbox_maps = texthash:%s
virtual_alias_maps = texthash:%s
transport_maps = texthash:%s
smtp_bind_address = 127.0.0.11
virtual_uid_maps = static:%d
virtual_gid_maps = static:%d
virtual_minimum_uid = 100
milter_default_action = tempfail
smtpd_recipient_restrictions = reject_unauth_destination
""" % (" ".join(domains), self.path("mail"), self.path("rx/mailboxes"), self.path("rx/forwards"), self.path("rx/transport"), user.pw_uid, user.pw_gid), services,
            [("mailboxes", "".join("%s@%s %s/%s/\n" % (u, d, d, u) for d in domains for u in self.users)), ("forwards", self.forwards_map()),
             ("transport", "".join("%s smtp:[127.0.0.1]:%d\n" % (d, self.mta_port) for d in self.list_domains) + "".join("%s virtual:\n" % d for d in domains) + "* discard:\n")])
        for r in self.receivers:
            wait_for("receiver " + r.domain, lambda: is_listening("127.0.0.1", r.port))

    def forwards_map(self):
        return "".join("%s %s\n" % pair for pair in self.forwards.items())

    def forward(self, address, target):
        """A mailbox of a Postfix receiver passes its mail on, from now on."""
        self.forwards[address] = target
        self.write("rx/forwards", self.forwards_map())
        self.postfix("rx", "reload")

    def enforce(self, domain, enforces):
        """A receiver with OpenDMARC refuses what fails DMARC from now on, or does not."""
        for r in self.receivers:
            if r.domain == domain:
                start_opendmarc_as(self, r, enforces)

    # listd

    def start_listd(self, settings=""):
        os.makedirs(self.path("etc/keys"), exist_ok=True)
        extra = "".join("operator %s\n  domain %s\n%s\n" % (r.domain.split(".")[0], r.domain, r.told()) for r in self.receivers)
        self.write("etc/local-receivers.conf", extra)
        self.write("etc/listd.conf", LISTD_CONF % {"dir": self.dir, "lmtp": self.lmtp_port, "relay": self.mta_port, "prefix": self.prefix} + SETTINGS_MARK + settings)
        shutil.chown(self.path("etc/keys"), "listd", "listd")
        for name in ("var", "run", "spool"):
            os.makedirs(self.path(name), exist_ok=True)
            shutil.chown(self.path(name), "listd", "listd")
        self.start_listd_again()

    def set_listd(self, settings):
        """Write the settings anew; they are in force after a reload or start."""
        text = open(self.path("etc/listd.conf")).read().split(SETTINGS_MARK)[0]
        self.write("etc/listd.conf", text + SETTINGS_MARK + settings)

    def start_listd_again(self):
        self.start("listd", [os.path.join(self.prefix, "sbin/listd"), "-c", self.path("etc/listd.conf")])
        wait_for("listd (see %s)" % self.path("log/listd"), lambda: is_listening("127.0.0.1", self.lmtp_port) or self.processes["listd"].poll() is not None)
        if self.processes["listd"].poll() is not None:
            raise RuntimeError("listd did not start: " + open(self.path("log/listd")).read()[-2000:])

    def start_milter(self):
        self.start("milter", [os.path.join(self.prefix, "sbin/listd-milter"), "-c", self.path("etc/listd.conf")])
        wait_for("listd-milter (see %s)" % self.path("log/milter"), lambda: os.path.exists(self.path("milter/socket")) or self.processes["milter"].poll() is not None)
        if self.processes["milter"].poll() is not None:
            raise RuntimeError("listd-milter did not start: " + open(self.path("log/milter")).read()[-2000:])

    def listctl(self, *args, check=True, text=None):
        command = [os.path.join(self.prefix, "bin/listctl"), "--socket", self.path("run/control")] + list(args)
        result = subprocess.run(command, input=text, capture_output=True, text=True)
        if check and result.returncode != 0:
            raise RuntimeError("%s: exit %d: %s%s" % (" ".join(command), result.returncode, result.stdout, result.stderr))
        return result

    def make_list_key(self, domain, selector="listd1"):
        """A signing key for a list domain, published in the zone."""
        if not json.loads(self.listctl("--json", "key", "list").stdout):
            self.listctl("key", "make", domain, selector)
        rows = json.loads(self.listctl("--json", "key", "list").stdout)
        for row in rows:
            self.add_record("%s. TXT %s" % (row["name"], quoted(row["txt"])))
        self.reload_dns()

    def events(self, name=None, program="listd"):
        """Log lines of listd, or of the milter, as dictionaries."""
        found = []
        with open(self.path("log", program), errors="replace") as f:
            for line in f:
                pairs = dict((k, v1 or v2) for k, v1, v2 in re.findall(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|(\S*))', line))
                if "event" in pairs and (name is None or pairs["event"] == name):
                    found.append(pairs)
        return found

    # posting and reading

    def sign(self, message, domain, headers=(b"from", b"to", b"subject", b"date", b"message-id"), **more):
        import dkim
        selector, pem = self.keys[domain]
        more.setdefault("canonicalize", (b"relaxed", b"relaxed"))
        return dkim.sign(message, selector.encode(), domain.encode(), pem, include_headers=list(headers), **more) + message

    def send(self, message, sender, recipient, client="127.0.0.10", helo=None, options=()):
        """Hand a message in as a client of that address; the reply to DATA as (code, text)."""
        with smtplib.SMTP("127.0.0.1", self.mta_port, local_hostname=helo or "client.example", source_address=(client, 0), timeout=30) as smtp:
            smtp.ehlo_or_helo_if_needed()
            code, text = smtp.mail(sender, list(options))
            if code == 250:
                code, text = smtp.rcpt(recipient)
            if code == 250:
                code, text = smtp.data(message)
            return code, text.decode(errors="replace")

    def mailbox(self, address, folder="."):
        """Messages in a subscriber's mailbox, or in a folder of it, as bytes."""
        local, domain = address.split("@")
        new = self.path("mail", domain, local, folder, "new")
        return [open(os.path.join(new, n), "rb").read() for n in sorted(os.listdir(new))] if os.path.isdir(new) else []

    def inbox_and_junk(self, address):
        """The messages in a mailbox in two lists, wherever its receiver puts junk."""
        inbox, junk = [], self.mailbox(address, ".Junk")
        for message in self.mailbox(address):
            head = message.replace(b"\r\n", b"\n").split(b"\n\n", 1)[0].split(b"\n")
            (junk if any(line.rstrip() in JUNK_MARKS for line in head) else inbox).append(message)
        return inbox, junk

    def mta_is_idle(self):
        """Both Postfix instances have delivered what they have."""
        return all(not files for name in ("mta", "rx") for d in ("incoming", "active", "deferred", "maildrop")
                   for _, _, files in os.walk(self.path(name, "queue", d)))


def is_machines(namespace):
    """Is this process in the machine's own namespace? In a container, whose first process cannot be looked at, it is not."""
    try:
        return os.stat("/proc/self/ns/" + namespace).st_ino == os.stat("/proc/1/ns/" + namespace).st_ino
    except PermissionError:
        return False


def quoted(text):
    """A TXT value as strings of 255 octets at most."""
    return " ".join('"%s"' % text[i:i + 250] for i in range(0, len(text), 250))


POSTFIX_MAIN = """compatibility_level = 3.6
queue_directory = %(dir)s/queue
data_directory = %(dir)s/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = %(dir)s/log
maillog_file_prefixes = /
inet_interfaces = all
inet_protocols = ipv4
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
disable_dns_lookups = yes
smtputf8_enable = yes
message_size_limit = 104857600
mailbox_size_limit = 0
virtual_mailbox_limit = 0
minimal_backoff_time = 5s
queue_run_delay = 5s
maximal_backoff_time = 10s
smtp_tls_security_level =
"""

POSTFIX_MASTER = """pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""

SETTINGS_MARK = "\n# of the test:\n"

LISTD_CONF = """host-name = "mx.lists.example.org"
authserv-id = "lists.example.org"
spool-dir = "%(dir)s/spool"
store-dir = "%(dir)s/var/store"
archive-dir = "%(dir)s/var/archive"
keys-dir = "%(dir)s/etc/keys"
receivers-files = { "%(dir)s/etc/local-receivers.conf" }
control-socket = "%(dir)s/run/control"
milter-socket = "%(dir)s/run/milter"
milter-listen = "unix:%(dir)s/milter/socket"
milter-group = "postfix"
milter-dir = "%(dir)s/var/milter"
lmtp-listen = "inet:127.0.0.1:%(lmtp)d"
relay = "127.0.0.1:%(relay)d"
"""
