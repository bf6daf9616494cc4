/* SPDX-License-Identifier: BSD-2-Clause */
/* Shapes of posts: each is one kind of message that lists see every day and that one mitigation or another has trouble with. */
#include "mitigations/compare/described.h"

#define LINE_250 \
	"a long line that some program wrote without a break, and then some more of it, since it never ends: a long line that some program wrote without a break, and then some " \
	"more of it, since it never ends: a long line that some program wrote. "
#define SIGNED_PART "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\nThe owls are back.=20\n"

const struct shape shapes[] = {
	{ "plain", "plain text in ASCII", "MIME-Version: 1.0\nContent-Type: text/plain; charset=us-ascii\n", "The owls are back.\n\n-- \nAnn\n", NULL },
	{ "no-mime", "a body without any MIME field", "", "The owls are back.\n", NULL },
	{ "8bit", "text in UTF-8 as it is", "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n",
		"Die Eulen sind zur\xc3\xbc" "ck.\n", NULL },
	{ "quoted-printable", "text in quoted-printable", "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n",
		"Die Eulen sind zur=C3=BCck.\n", NULL },
	{ "base64", "text in base64", "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n", "RGllIEV1bGVuIHNpbmQgenVyw7xjay4K\n", NULL },
	{ "html", "HTML alone", "MIME-Version: 1.0\nContent-Type: text/html; charset=us-ascii\n", "<html><body><p>The owls are back.</p></body></html>\n", NULL },
	{ "alternative", "text and HTML", "MIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=\"b1\"\n",
		"--b1\nContent-Type: text/plain\n\nThe owls are back.\n--b1\nContent-Type: text/html\n\n<p>The owls are back.</p>\n--b1--\n", NULL },
	{ "attachment", "text and a picture", "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"b1\"\n",
		"--b1\nContent-Type: text/plain\n\nAn owl.\n--b1\nContent-Type: image/png; name=owl.png\nContent-Disposition: attachment; filename=owl.png\n"
		"Content-Transfer-Encoding: base64\n\niVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==\n--b1--\n", NULL },
	{ "long-lines", "a line beyond the 998 octets of RFC 5321", "MIME-Version: 1.0\nContent-Type: text/plain; charset=us-ascii\n",
		LINE_250 LINE_250 LINE_250 LINE_250 LINE_250 "\n", NULL },
	{ "smime", "signed with S/MIME", "MIME-Version: 1.0\nContent-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; micalg=sha-256; boundary=\"b1\"\n",
		"--b1\n" SIGNED_PART "\n--b1\nContent-Type: application/pkcs7-signature; name=smime.p7s\nContent-Transfer-Encoding: base64\n\nMIIBAAYJKoZIhvcNAQcCoIHyMIHvAgEBMQ==\n--b1--\n",
		NULL },
	{ "pgp", "signed with PGP/MIME", "MIME-Version: 1.0\nContent-Type: multipart/signed; protocol=\"application/pgp-signature\"; micalg=pgp-sha256; boundary=\"b1\"\n",
		"--b1\n" SIGNED_PART "\n--b1\nContent-Type: application/pgp-signature\n\n-----BEGIN PGP SIGNATURE-----\n\niHUEARYIAB0WIQQ=\n-----END PGP SIGNATURE-----\n--b1--\n", NULL },
	{ "non-ascii-name", "an author whose name is not ASCII", "MIME-Version: 1.0\nContent-Type: text/plain; charset=us-ascii\n", "The owls are back.\n",
		"\xc3\x84nne L\xc3\xa9" "e <anne@bank.example>" },
	{ "address-as-name", "an author whose name is an address", "MIME-Version: 1.0\nContent-Type: text/plain; charset=us-ascii\n", "The owls are back.\n",
		"\"ann@bank.example\" <ann@bank.example>" },
};
const size_t shape_count = sizeof(shapes) / sizeof(shapes[0]);

const struct shape *shape_find(struct span name)
{
	for (size_t i = 0; i < shape_count; i++)
		if (span_eq_text(name, shapes[i].name))
			return &shapes[i];
	return NULL;
}
