# SPDX-License-Identifier: BSD-2-Clause
"""The posts of test_inboxes.py: kinds of author domains, of authentication, of contents, and what forgers try. All are rows."""
import base64
import collections
import email.utils
import quopri
import re
import subprocess

# name; address; domain that signs, and whose address is in the envelope of what passes SPF alone; what is published; must a post that fails be kept from receivers that enforce;
# or do some of them take it for strict, against the RFCs
Author = collections.namedtuple("Author", "name address signer records is_strict is_contested", defaults=(False,))
AUTHORS = [
    Author("reject", "ann@reject.example", "reject.example", {"reject.example": "v=DMARC1; p=reject"}, True),
    Author("quarantine", "ann@quarantine.example", "quarantine.example", {"quarantine.example": "v=DMARC1; p=quarantine"}, True),
    Author("none", "ann@none.example", "none.example", {"none.example": "v=DMARC1; p=none"}, False),
    Author("absent", "ann@absent.example", "absent.example", {"absent.example": None}, False),
    Author("sp", "ann@news.sp.example", "sp.example", {"sp.example": "v=DMARC1; p=none; sp=reject", "news.sp.example": None}, True),
    Author("sp=none", "ann@news.spnone.example", "spnone.example", {"spnone.example": "v=DMARC1; p=reject; sp=none", "news.spnone.example": None}, False),
    Author("np", "ann@ghost.np.example", "np.example", {"np.example": "v=DMARC1; p=none; np=reject"}, True),
    Author("t=y", "ann@testing.example", "testing.example", {"testing.example": "v=DMARC1; p=reject; t=y"}, True),
    Author("quarantine t=y", "ann@lightly.example", "lightly.example", {"lightly.example": "v=DMARC1; p=quarantine; t=y"}, True),
    Author("strict alignment", "ann@strictly.example", "strictly.example", {"strictly.example": "v=DMARC1; p=reject; adkim=s; aspf=s"}, True),
    Author("IDN", "ann@xn--bcher-kva.example", "xn--bcher-kva.example", {"xn--bcher-kva.example": "v=DMARC1; p=reject"}, True),
    Author("IDN in UTF-8", "ann@b\u00e4ume.example", "xn--bume-loa.example", {"xn--bume-loa.example": "v=DMARC1; p=reject"}, True),
    Author("subdomain", "ann@a.mail.deep.example", "deep.example", {"deep.example": "v=DMARC1; p=reject", "a.mail.deep.example": None}, True),
    Author("own record", "ann@team.lax.example", "team.lax.example", {"team.lax.example": "v=DMARC1; p=reject", "lax.example": "v=DMARC1; p=none"}, True),
    Author("record between", "ann@a.mid.walk.example", "a.mid.walk.example", {"a.mid.walk.example": None, "mid.walk.example": "v=DMARC1; p=reject"}, True),
    Author("two records", "ann@two.example", "two.example", {"two.example": ("v=DMARC1; p=reject", "v=DMARC1; p=none")}, False, True),
    Author("two records, above", "ann@mail.twice.example", "mail.twice.example",
           {"mail.twice.example": ("v=DMARC1; p=none", "v=DMARC1; p=quarantine"), "twice.example": "v=DMARC1; p=reject"}, True),
]
AUTHOR_ADDRESS = "127.0.0.10"
STRANGER_ADDRESS, STRANGER = "127.0.0.66", "mallory@elsewhere.example"
WAYS = ("signed", "SPF", "both")

TEXT = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=%s\r\nContent-Transfer-Encoding: %s\r\n"
SENTENCE = "A heron stood by the lake this morning, and did not mind us at all. We watched it for an hour before it flew off to the other shore.\r\n"
GERMAN = "Ein Reiher stand heute fr\u00fch am See und lie\u00df sich nicht st\u00f6ren. \u00dcber eine Stunde haben wir ihm zugesehen.\r\n"
OVERSIGNED = ("from", "to", "subject", "date", "message-id", "from", "subject", "to", "list-id", "list-post", "list-unsubscribe", "reply-to", "cc", "sender")
SIGNED = ("from", "to", "subject", "date", "message-id")


def wrapped(octets):
    return re.sub("(.{1,72})", "\\1\r\n", base64.b64encode(octets).decode())


def alternative():
    return ('MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="b1"\r\n',
            "--b1\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n%s\r\n--b1\r\nContent-Type: text/html; charset=us-ascii\r\n\r\n"
            "<html><body><p>%s</p></body></html>\r\n--b1--\r\n" % (SENTENCE, SENTENCE))


def mixed():
    return ('MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b2"\r\n',
            'This is a message in parts.\r\n--b2\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n%s\r\n--b2\r\nContent-Type: application/pdf; name="heron.pdf"\r\n'
            'Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename="heron.pdf"\r\n\r\n%s--b2--\r\n' % (SENTENCE, wrapped(b"%PDF-1.4 heron" * 40)))


def pgp():
    return ('MIME-Version: 1.0\r\nContent-Type: multipart/signed; micalg=pgp-sha256; protocol="application/pgp-signature"; boundary="b3"\r\n',
            "--b3\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n%s\r\n--b3\r\nContent-Type: application/pgp-signature; name=\"signature.asc\"\r\n\r\n"
            "-----BEGIN PGP SIGNATURE-----\r\n\r\n%s=abcd\r\n-----END PGP SIGNATURE-----\r\n\r\n--b3--\r\n" % (SENTENCE, wrapped(bytes(range(160)))))


class Smime:
    """Posts that openssl signs and verifies, with a certificate of their own."""

    def __init__(self, world):
        self.key, self.certificate = world.path("smime.key"), world.path("smime.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", self.key, "-out", self.certificate, "-subj", "/CN=Ann Author",
                        "-days", "30"], check=True, capture_output=True)

    def sign(self):
        part = ("Content-Type: text/plain; charset=us-ascii\r\n\r\n" + SENTENCE).encode()
        made = subprocess.run(["openssl", "smime", "-sign", "-signer", self.certificate, "-inkey", self.key, "-binary", "-crlfeol"], input=part, check=True, capture_output=True).stdout
        head, body = made.decode().replace("\r\n", "\n").replace("\n", "\r\n").split("\r\n\r\n", 1)
        return head + "\r\n", body

    def verifies(self, message):
        """Does the first signed part of a copy (LF line ends) hold?"""
        at = re.search(rb'(?i)content-type: multipart/signed[^\n]*\n(?:[ \t][^\n]*\n)*', message)
        return at is not None and subprocess.run(["openssl", "smime", "-verify", "-noverify", "-CAfile", self.certificate, "-out", "/dev/null"],
                                                 input=b"MIME-Version: 1.0\n" + message[at.start():], capture_output=True).returncode == 0


# name; header fields and body; name of the author in From, as it stands there and as it is read; fields to sign; more for the signer, which only signed posts can have;
# is UTF-8 in the header handed in as it should be
Content = collections.namedtuple("Content", "name made display seen fields more smtputf8", defaults=("Ann Author", "Ann Author", SIGNED, None, True))


def contents(smime):
    quoted_printable = quopri.encodestring(GERMAN.encode()).decode().replace("\r\n", "\n").replace("\n", "\r\n")
    return [
        Content("plain", (TEXT % ("us-ascii", "7bit"), SENTENCE)),
        Content("8bit", (TEXT % ("utf-8", "8bit"), GERMAN)),
        Content("base64", (TEXT % ("utf-8", "base64"), wrapped(GERMAN.encode()))),
        Content("quoted-printable", (TEXT % ("utf-8", "quoted-printable"), quoted_printable)),
        Content("alternative", alternative()),
        Content("attachment", mixed()),
        Content("S/MIME", smime.sign()),
        Content("PGP", pgp()),
        Content("l= of all", (TEXT % ("us-ascii", "7bit"), SENTENCE), more={"length": True}),
        Content("simple/simple", (TEXT % ("us-ascii", "7bit"), SENTENCE), more={"canonicalize": (b"simple", b"simple")}),
        Content("oversigned Subject", (TEXT % ("us-ascii", "7bit"), SENTENCE), fields=SIGNED + ("subject", "from")),
        Content("oversigned List-*", (TEXT % ("us-ascii", "7bit"), SENTENCE), fields=OVERSIGNED),
        Content("encoded name", (TEXT % ("us-ascii", "7bit"), SENTENCE), "=?utf-8?Q?Zo=C3=AB_=C3=85str=C3=B6m?=", "Zo\u00eb \u00c5str\u00f6m"),
        Content("name in UTF-8", (TEXT % ("utf-8", "8bit"), GERMAN), "Zo\u00eb \u00c5str\u00f6m", "Zo\u00eb \u00c5str\u00f6m"),
        Content("name in UTF-8 without SMTPUTF8", (TEXT % ("utf-8", "8bit"), GERMAN), "Zo\u00eb \u00c5str\u00f6m", "Zo\u00eb \u00c5str\u00f6m", smtputf8=False),
        Content("name with quotes", (TEXT % ("us-ascii", "7bit"), SENTENCE), '"Author, Ann (\\"Birdie\\")"', 'Author, Ann ("Birdie")'),
        Content("long lines", (TEXT % ("us-ascii", "7bit"), SENTENCE.strip() + " heron" * 400 + "\r\nend\r\n")),
        Content("dots and From", (TEXT % ("us-ascii", "7bit"), "From the lake\r\n.\r\n..\r\n.heron\r\n\r\n" + SENTENCE)),
    ]


# One post: who, how, what; sent in as a session says, and found again by its token.
Post = collections.namedtuple("Post", "token author way content octets client sender options")


def is_fragile(post):
    """Relays or receivers break it: lines over 998 octets are cut, and a domain in UTF-8 is not the same to all."""
    return post.content.name == "long lines" or not post.author.address.isascii()


def message(author, to, token, head, body):
    """As octets with CRLF; the token is the Subject's last word."""
    domain = re.search("@([^>\\s]+)", author).group(1).encode("idna").decode()
    return ("From: %s\r\nTo: %s\r\nSubject: Herons %s\r\nDate: %s\r\nMessage-ID: <%s@%s>\r\n%s\r\n%s"
            % (author, to, token, email.utils.formatdate(), token, domain, head, body)).encode()


def good_post(world, token, to, author, way, content):
    octets = message("%s <%s>" % (content.display, author.address), to, token, *content.made)
    options = ["BODY=8BITMIME"] if re.search(rb"[\x80-\xff]", octets) else []
    if re.search(rb"[\x80-\xff]", octets.split(b"\r\n\r\n", 1)[0]) and (content.smtputf8 or not author.address.isascii()):
        options.append("SMTPUTF8")
    if way != "SPF":
        octets = world.sign(octets, author.signer, [f.encode() for f in content.fields], **(content.more or {}))
    passes_spf = way != "signed"
    # with strict alignment the envelope must have the author's own domain, and has it
    sender = "bounce@" + author.signer if passes_spf else "bounce@elsewhere.example"
    return Post(token, author, way, content, octets, AUTHOR_ADDRESS if passes_spf else STRANGER_ADDRESS, sender, tuple(options))


# What forgers try under the name of an author domain. how(world, to, token, address, signer) gives the octets, which come from a stranger's address under a stranger's envelope.
def simple_forgery(from_value):
    return lambda world, to, token, address, _signer: message(from_value % {"author": address, "domain": address.split("@")[1]}, to, token, TEXT % ("us-ascii", "7bit"), SENTENCE)


def genuine(world, to, token, address, signer, **more):
    return world.sign(message("Ann Author <%s>" % address, to, token, TEXT % ("us-ascii", "7bit"), SENTENCE), signer, **more)


def with_more_body(world, to, token, address, signer):
    """What is below the signed length is the forger's."""
    return genuine(world, to, token, address, signer, length=True) + b"Please send money to the account below.\r\n"


def with_second_from(world, to, token, address, signer):
    return b"From: Ann Author <%s>\r\n" % STRANGER.encode() + genuine(world, to, token, address, signer)


def with_second_subject(world, to, token, address, signer):
    return b"Subject: Send money %s\r\n" % token.encode() + genuine(world, to, token, address, signer)


def with_other_body(world, to, token, address, signer):
    return genuine(world, to, token, address, signer).replace(b"stood by the lake", b"wants your money")


def signed_by_stranger(world, to, token, address, _signer):
    return world.sign(message("Ann Author <%s>" % address, to, token, TEXT % ("us-ascii", "7bit"), SENTENCE), "elsewhere.example")


FORGERIES = {
    "unsigned": simple_forgery("Ann Author <%(author)s>"),
    "without a name": simple_forgery("%(author)s"),
    "stranger's signature": signed_by_stranger,
    "other body": with_other_body,
    "more body below l=": with_more_body,
    "second From": with_second_from,
    "second Subject": with_second_subject,
    "two authors": simple_forgery("Ann Author <%(author)s>, Mallory <" + STRANGER + ">"),
    "two authors, stranger first": simple_forgery("Mallory <" + STRANGER + ">, Ann Author <%(author)s>"),
    "subdomain": simple_forgery("Ann Author <ann@accounts.%(domain)s>"),
    "upper case": simple_forgery("Ann Author <ANN@%(domain)s.>"),
    "route": simple_forgery("Ann Author <@elsewhere.example:%(author)s>"),
    "group": simple_forgery("Friends: Ann Author <%(author)s>;"),
    "address as name": simple_forgery("%(author)s <%(author)s>"),
    "stranger's address as name": simple_forgery('"' + STRANGER + '" <%(author)s>'),
    "comment": simple_forgery("Ann Author (" + STRANGER + ") <%(author)s>"),
}
# The author domain is the stranger's own, which passes; only the name lies.
NAME_TRICKS = {
    "address as name": '"ann@reject.example" <%s>' % STRANGER,
    "name and address": '"Ann Author <ann@reject.example>" <%s>' % STRANGER,
    "encoded address": "=?utf-8?Q?ann=40reject=2Eexample?= <%s>" % STRANGER,
    "comment": "(ann@reject.example) <%s>" % STRANGER,
}
