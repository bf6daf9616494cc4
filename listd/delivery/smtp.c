/* SPDX-License-Identifier: BSD-2-Clause */
/* From the greeting to a session that takes mail. */
#include "listd/delivery/smtp_int.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* User and password together; RFC 4616 knows 255 octets each. */
#define SECRET_MAX_BYTES 600

struct smtp *smtp_new(const struct delivery_options *options)
{
	struct smtp *s = calloc(1, sizeof(*s));

	if (s == NULL)
		fail_environment("out of memory");
	s->options = options;
	atomic_init(&s->fd, -1);
	atomic_init(&s->interrupted, false);
	return s;
}

unsigned smtp_features(const struct smtp *s)
{
	return s->features;
}

static int fail_reply(const struct smtp *s, const char *what, const struct smtp_reply *reply, struct fail *why)
{
	char text[400];

	smtp_reply_text(reply, text, sizeof(text));
	return fail_temporary(why, "the relay %s answers %s with %s", s->options->relay, what, text);
}

/* Send a line, read its reply. */
static int ask(struct smtp *s, const char *line, size_t len, struct smtp_reply *reply_r, struct fail *why)
{
	struct iovec iov[2] = { { (void *)(uintptr_t)line, len }, { (void *)(uintptr_t)"\r\n", 2 } };

	return smtp_send(s, iov, 2, why) == 0 ? smtp_read(s, reply_r, why) : -1;
}

static int greet(struct smtp *s, struct fail *why)
{
	char line[300];
	struct smtp_reply reply;
	int len = snprintf(line, sizeof(line), "EHLO %.250s", s->options->helo);

	if (ask(s, line, (size_t)len, &reply, why) != 0)
		return -1;
	if (reply.code == 250) {
		s->features = smtp_features_parse(&reply, &s->size_limit);
		return 0;
	}
	/* RFC 5321 3.2: one that knows no extensions. */
	memcpy(line, "HELO", 4);
	if (reply.code / 100 == 5 && ask(s, line, (size_t)len, &reply, why) != 0)
		return -1;
	s->features = 0;
	return reply.code == 250 ? 0 : fail_reply(s, "HELO", &reply, why);
}

static int secure(struct smtp *s, struct fail *why)
{
	struct smtp_reply reply;
	enum relay_tls mode = s->options->tls;

	if (mode == RELAY_TLS_NEVER)
		return 0;
	if ((s->features & SMTP_STARTTLS) == 0)
		return mode == RELAY_TLS_MAY ? 0 : fail_temporary(why, "the relay %s does not offer STARTTLS, which the setting relay-tls asks for", s->options->relay);
	if (ask(s, "STARTTLS", 8, &reply, why) != 0)
		return -1;
	if (reply.code != 220)
		return mode == RELAY_TLS_MAY ? 0 : fail_reply(s, "STARTTLS", &reply, why);
	/* RFC 3207 4.2: what was learnt before does not count. */
	return smtp_start_tls(s, why) == 0 ? greet(s, why) : -1;
}

/* base64 of bytes, sent as one line after prefix; the reply's code is wanted. */
static int ask_secret(struct smtp *s, const char *prefix, const char *bytes, size_t len, int want, struct fail *why)
{
	char line[2 * SECRET_MAX_BYTES];
	struct smtp_reply reply;
	size_t at = strlen(prefix);
	int result;

	memcpy(line, prefix, at);
	at += (size_t)EVP_EncodeBlock((unsigned char *)line + at, (const unsigned char *)bytes, (int)len);
	result = ask(s, line, at, &reply, why);
	OPENSSL_cleanse(line, sizeof(line));
	if (result == 0 && reply.code != want)
		result = fail_reply(s, "AUTH", &reply, why);
	return result;
}

static int auth_plain(struct smtp *s, struct fail *why)
{
	const char *user = s->options->user, *password = s->options->password;
	char secret[SECRET_MAX_BYTES];
	size_t user_len = strlen(user), password_len = strlen(password), len = user_len + password_len + 2;
	int result;

	secret[0] = '\0';
	memcpy(secret + 1, user, user_len + 1);
	memcpy(secret + user_len + 2, password, password_len);
	result = ask_secret(s, "AUTH PLAIN ", secret, len, 235, why);
	OPENSSL_cleanse(secret, sizeof(secret));
	return result;
}

static int auth_login(struct smtp *s, struct fail *why)
{
	struct smtp_reply reply;

	if (ask(s, "AUTH LOGIN", 10, &reply, why) != 0)
		return -1;
	if (reply.code != 334)
		return fail_reply(s, "AUTH", &reply, why);
	if (ask_secret(s, "", s->options->user, strlen(s->options->user), 334, why) != 0)
		return -1;
	return ask_secret(s, "", s->options->password, strlen(s->options->password), 235, why);
}

static int authenticate(struct smtp *s, struct fail *why)
{
	const struct delivery_options *o = s->options;

	if (o->user == NULL || o->user[0] == '\0')
		return 0;
	if (o->password == NULL || strlen(o->user) + strlen(o->password) > SECRET_MAX_BYTES - 2)
		return fail_temporary(why, "there is no usable password for the relay user %s", o->user);
	if (s->tls == NULL && !s->is_loopback)
		return fail_temporary(why, "the password for the relay %s is not sent in plain text: set relay-tls to must", o->relay);
	if ((s->features & SMTP_AUTH_PLAIN) != 0)
		return auth_plain(s, why);
	if ((s->features & SMTP_AUTH_LOGIN) != 0)
		return auth_login(s, why);
	return fail_temporary(why, "the relay %s offers neither AUTH PLAIN nor LOGIN", o->relay);
}

int smtp_connect(struct smtp *s, struct fail *why)
{
	struct smtp_reply reply;

	if (smtp_dial(s, why) != 0 || smtp_read(s, &reply, why) != 0)
		return -1;
	if (reply.code != 220)
		return fail_reply(s, "the connection", &reply, why);
	return greet(s, why) == 0 && secure(s, why) == 0 ? authenticate(s, why) : -1;
}

void smtp_interrupt(struct smtp *s)
{
	int fd = atomic_load(&s->fd);

	atomic_store(&s->interrupted, true);
	if (fd >= 0)
		shutdown(fd, SHUT_RDWR);
}

void smtp_free(struct smtp *s, bool polite)
{
	int fd;

	if (s == NULL)
		return;
	fd = atomic_load(&s->fd);
	if (fd >= 0 && polite)
		smtp_try_send(s, "QUIT\r\n");
	SSL_free(s->tls);
	SSL_CTX_free(s->tls_context);
	if (fd >= 0)
		close(fd);
	free(s->in);
	free(s);
}
