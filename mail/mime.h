/* SPDX-License-Identifier: BSD-2-Clause */
/* MIME structure with byte offsets (RFC 2045, 2046): what parts a message has, and where. Nothing is decoded or changed. Damaged mail
 * gets the reading that Python's and most other readers agree on; "defects" tells that there was a choice. */
#ifndef MAIL_MIME_H
#define MAIL_MIME_H

#include "mail/message.h"

/* 32 levels: real mail stays below 10; a part below that has no children. 2000 parts: a digest of a busy month; the last one allowed is
 * application/octet-stream and takes all the rest of the message, so that nothing goes unseen. */
#define MIME_DEPTH_MAX 32
#define MIME_PARTS_MAX 2000
#define MIME_BOUNDARY_MAX_BYTES 200 /* RFC 2046 says 70; longer ones exist */

enum mime_encoding { MIME_7BIT, MIME_8BIT, MIME_BINARY, MIME_BASE64, MIME_QUOTED_PRINTABLE, MIME_OTHER };

struct mime_part {
	const char *type;        /* "text/plain", lower case; the default of its place where none or a bad one is given */
	struct span charset;     /* or empty */
	struct span boundary;    /* of a multipart */
	enum mime_encoding encoding;
	struct span encoding_text;
	size_t header_offset;    /* of the part's header in the message's bytes */
	size_t body_offset;      /* of its body */
	size_t body_bytes;       /* without the line end before the boundary line that ends it */
	struct field *fields;    /* the part's own header fields */
	size_t field_count;
	bool has_disposition_attachment;
	struct span file_name;   /* from Content-Disposition or Content-Type, as written after RFC 2231 decoding; or empty */
	/* message/rfc822 and message/global have one child, the message within, whose header begins where their body does; other
	 * message/ types (delivery-status) have none */
	struct mime_part *parent, *first_child, *next;
	size_t close_offset;     /* multipart: of the closing boundary line "--b--" (its dashes), or SIZE_MAX where it is missing */
	unsigned number;         /* in order of appearance, the root is 0 */
};

struct mime {
	struct mime_part *root;
	size_t part_count;
	bool defects;  /* missing boundary, no close line, a part's header without its empty line, beyond a limit, ... */
	bool is_signed_or_encrypted; /* multipart/signed, multipart/encrypted, application/pkcs7-mime at the root */
};

/* Structure of a message that is one run of bytes. -1 only beyond limits of message_parse for a part's header. */
int mime_parse(struct arena *a, const struct message *m, struct mime *mime_r, struct fail *why);
/* A field of a part, or NULL. */
const struct field *mime_field(const struct mime_part *part, const char *name);
const char *mime_encoding_name(enum mime_encoding encoding);
/* The next part in order of appearance (depth first), or NULL. */
struct mime_part *mime_next(const struct mime_part *part);

#endif
