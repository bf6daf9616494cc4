# SPDX-License-Identifier: BSD-2-Clause
"""The kinds of receivers: which software judges the mail, how it is started, and what it does with mail that fails DMARC. A kind is a row of KINDS.

A starter gives the milters that a listener of the receivers' Postfix asks, or None when the receiver has an SMTP server of its own. What is junk is put in the Maildir
folder .Junk by those that deliver themselves, is on hold in Postfix's queue, or is marked in the header (JUNK_MARKS).
"""
import collections
import json
import os
import shutil
import signal

from wait import is_listening, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
# Exim's package cannot be installed beside Postfix's: install-packages.sh unpacks it here.
EXIM = os.path.join(os.environ.get("LISTD_EXIM_DIR", "/var/lib/listd-tests/exim"), "usr/sbin/exim4")
# Header fields of spam filters that a delivery rule would look at.
JUNK_MARKS = (b"X-Spam: Yes", b"X-Spam-Flag: YES")
# The Public Suffix List as the receivers' software has it. None knows .example; in this world all do.
PUBLIC_SUFFIXES = ("/usr/share/publicsuffix/public_suffix_list.dat", "/usr/share/rspamd/effective_tld_names.dat", "/usr/share/perl5/auto/share/dist/Mail-DMARC/public_suffix_list")
SPAMD_CHILDREN = 6  # each waits for DNS most of the time

Kind = collections.namedtuple("Kind", "start what")


class Receiver:
    """Who runs a mailbox domain. settings: a dictionary for the kind's starter and, in "receivers.conf", what listd is told of it; or the latter alone."""

    def __init__(self, domain, kind, port, settings=""):
        self.domain, self.kind, self.port, self.settings = domain, kind, port, settings

    def setting(self, name, default=None):
        return self.settings.get(name, default) if isinstance(self.settings, dict) else default

    def told(self):
        """Its lines of receivers.conf: what is not known is taken to enforce."""
        return self.setting("receivers.conf", "  enforces yes\n") if isinstance(self.settings, dict) else self.settings or "  enforces yes\n"


def start_plain(_world, _r):
    return []


def start_opendmarc(world, r):
    """settings: enforces (default true), holds (default false: what a domain wants quarantined is delivered)."""
    dkim_port, dmarc_port = r.port + 100, r.port + 200
    world.write("conf/opendkim-%d" % r.port, "Mode v\nSocket inet:%d@127.0.0.1\nBackground no\nUMask 022\nAlwaysAddARHeader yes\nAuthservID %s\nNameservers %s\nPidFile %s\n"
                % (dkim_port, r.domain, world.dns_address, world.path("opendkim-%d.pid" % r.port)))
    world.start("opendkim-%d" % r.port, ["/usr/sbin/opendkim", "-f", "-x", world.path("conf/opendkim-%d" % r.port)])
    wait_for("OpenDKIM", lambda: is_listening("127.0.0.1", dkim_port))
    start_opendmarc_as(world, r, r.setting("enforces", True))
    return ["inet:127.0.0.1:%d" % dkim_port, "inet:127.0.0.1:%d" % dmarc_port]


def start_opendmarc_as(world, r, enforces):
    """Also in place of the one that runs."""
    port = r.port + 200
    world.stop("opendmarc-%d" % r.port, signal.SIGKILL)  # it would wait for its connections
    world.write("conf/ignore-hosts", "192.0.2.255\n")
    world.write("conf/opendmarc-%d" % r.port, "Socket inet:%d@127.0.0.1\nAuthservID %s\nTrustedAuthservIDs %s\nRejectFailures %s\nHoldQuarantinedMessages %s\n"
                "SPFSelfValidate true\nSPFIgnoreResults true\nPublicSuffixList %s\nIgnoreHosts %s\nPidFile %s\nSyslog false\n"
                % (port, r.domain, r.domain, "true" if enforces else "false", "true" if r.setting("holds") else "false", PUBLIC_SUFFIXES[0],
                   world.path("conf/ignore-hosts"), world.path("opendmarc-%d.pid" % r.port)))
    world.start("opendmarc-%d" % r.port, ["/usr/sbin/opendmarc", "-f", "-c", world.path("conf/opendmarc-%d" % r.port)])
    wait_for("OpenDMARC", lambda: is_listening("127.0.0.1", port))


def start_rspamd(world, r):
    port = r.port + 100
    for name, text in {
        "options.inc": 'dns { nameserver = ["%s:53:1"]; timeout = 2s; }\ncheck_local = true;\n' % world.dns_address,
        "spf.conf": "check_local = true;\n", "dkim.conf": "check_local = true;\n", "arc.conf": "check_local = true;\n",
        "dmarc.conf": 'check_local = true; actions = { quarantine = "add_header"; reject = "reject"; }\n',
        "logging.inc": 'type = "file"; filename = "%s"; level = "notice";\n' % world.path("log/rspamd-scan"),
        "worker-normal.inc": "enabled = false;\n", "worker-controller.inc": "enabled = false;\n", "worker-fuzzy.inc": "enabled = false;\n",
        "worker-proxy.inc": 'bind_socket = "127.0.0.1:%d"; milter = yes; timeout = 60s; count = 1; upstream "local" { default = yes; self_scan = yes; }\n' % port,
        "milter_headers.conf": 'use = ["authentication-results", "x-spam-status", "spam-header"]; authenticated_headers = [];\n',
    }.items():
        world.write("rspamd/local.d/" + name, text)
    for module in ("rbl", "phishing", "fuzzy_check", "surbl", "asn", "mx_check", "greylist", "hfilter", "once_received", "mid", "url_redirector", "neural", "bayes_expiry",
                   "multimap"):
        world.write("rspamd/local.d/%s.conf" % module, "enabled = false;\n")
    for d in ("rspamd/db", "rspamd/run"):
        os.makedirs(world.path(d), exist_ok=True)
        shutil.chown(world.path(d), "_rspamd", "_rspamd")
    shutil.chown(world.path("log"), "_rspamd")
    variables = ["--var=LOCAL_CONFDIR=" + world.path("rspamd"), "--var=DBDIR=" + world.path("rspamd/db"), "--var=RUNDIR=" + world.path("rspamd/run"),
                 "--var=LOGDIR=" + world.path("log")]
    world.start("rspamd", ["/usr/bin/rspamd", "-f", "-u", "_rspamd", "-g", "_rspamd", "-c", "/etc/rspamd/rspamd.conf"] + variables)
    wait_for("rspamd", lambda: is_listening("127.0.0.1", port), 60)
    return ["inet:127.0.0.1:%d" % port]


def start_spamassassin(world, r):
    """SpamAssassin takes every loopback address for a trusted relay of its own and judges nothing that comes from one: the lists' mail server needs another (World.use_address)."""
    port, milter_port = r.port + 100, r.port + 200
    shutil.copytree("/etc/spamassassin", world.path("spamassassin"), dirs_exist_ok=True, ignore=lambda _, names: [n for n in names if not n.endswith(".pre")])
    world.write("spamassassin/local.cf", "dns_server %s\ndns_available yes\nrequired_score 5\nuse_bayes 0\nskip_rbl_checks 1\nskip_uribl_checks 1\n"
                "score DMARC_REJECT 10\nscore DMARC_QUAR 6\n" % world.dns_address)
    os.makedirs(world.path("spamassassin/home"), exist_ok=True)
    shutil.chown(world.path("spamassassin/home"), "debian-spamd")
    world.start("spamd", ["/usr/sbin/spamd", "--siteconfigpath=" + world.path("spamassassin"), "--listen=127.0.0.1:%d" % port, "--username=debian-spamd", "--nouser-config",
                          "--helper-home-dir=" + world.path("spamassassin/home"), "--min-children=%d" % SPAMD_CHILDREN, "--max-children=%d" % SPAMD_CHILDREN,
                          "--max-conn-per-child=100000", "--syslog=stderr"])
    wait_for("spamd", lambda: is_listening("127.0.0.1", port), 60)
    world.start("spamass-milter", ["/usr/sbin/spamass-milter", "-m", "-p", "inet:%d@127.0.0.1" % milter_port, "--", "-d", "127.0.0.1", "-p", str(port)])
    wait_for("spamass-milter", lambda: is_listening("127.0.0.1", milter_port))
    return ["inet:127.0.0.1:%d" % milter_port]


def start_exim(world, r):
    """A mail server of its own: its access control list reads the author's record and asks for aligned SPF or DKIM."""
    for name in ("exim", "mail/" + r.domain):
        os.makedirs(world.path(name), exist_ok=True)
        shutil.chown(world.path(name), "Debian-exim")
    with open(os.path.join(HERE, "exim.conf")) as f:
        text = f.read()
    for key, value in {"DIRECTORY": world.path("exim"), "MAIL": world.path("mail"), "DOMAIN": r.domain, "PORT": str(r.port), "USERS": ":".join(world.users)}.items():
        text = text.replace("@%s@" % key, value)
    world.start("exim", [EXIM, "-bdf", "-C", world.write("conf/exim", text)])


def start_own(world, r):
    """settings: what receiver.py takes."""
    settings = {"port": r.port, "domain": r.domain, "mail": world.path("mail"), "zone": world.path("dns/zone"), "judge": r.kind, "dns": world.dns_address}
    settings.update(r.settings if isinstance(r.settings, dict) else {})
    world.start("receiver-%d" % r.port, ["/usr/bin/python3", "-B", os.path.join(HERE, "receiver.py"), world.write("conf/receiver-%d.json" % r.port, json.dumps(settings))])


KINDS = {
    "plain": Kind(start_plain, "Postfix, takes everything"),
    "opendmarc": Kind(start_opendmarc, "Postfix with OpenDKIM and OpenDMARC: refuses, and may hold for quarantine"),
    "rspamd": Kind(start_rspamd, "Postfix with rspamd: refuses, marks for quarantine"),
    "spamassassin": Kind(start_spamassassin, "Postfix with SpamAssassin: marks by score"),
    "exim": Kind(start_exim, "Exim with its own SPF and DKIM, DMARC in its ACL: refuses, junk folder for quarantine"),
    "dkimpy": Kind(start_own, "dkimpy: refuses reject and quarantine, may trust ARC seals or allow list servers"),
    "maildmarc": Kind(start_own, "Mail::DMARC, RFC 7489: refuses, junk folder for quarantine"),
    "treewalk": Kind(start_own, "RFC 9989 with its tree walk: refuses, junk folder for quarantine"),
}
