/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands about the site that do more than send and show; and the question of the commands on files that only a daemon answers. */
#include "listd/control/control.h"
#include "listd/listctl/listctl.h"
#include "listd/listctl/offline.h"
#include "listd/post/explain_call.h"
#include "mail/transfer.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

/* Base64 goes in lines of this many octets of the message (a multiple of 3, so that the pieces make one whole). */
#define PIECE_BYTES ((size_t)3 << 14)
#define MESSAGE_MAX_BYTES ((size_t)100 << 20)

static void show_record(void *context, json_t *row)
{
	const char *record = json_string_value(json_object_get(row, "record"));

	(void)context;
	listctl_print(record == NULL ? "" : record, true);
	putchar('\n');
}

/* The records to publish, as lines for a zone file. */
int listctl_key_show(struct listctl *ctl, const struct listctl_command *command, struct listctl_request *request)
{
	json_t *result = NULL;
	int code = listctl_ask(ctl, command, request, show_record, NULL, &result);

	if (code == 0 && ctl->json)
		listctl_json_end(ctl);
	json_decref(result);
	return code;
}

static void ignore_row(void *context, json_t *row)
{
	(void)context;
	(void)row;
}

static void put_message(struct arena *a, struct span bytes, struct buf *data)
{
	for (size_t at = 0; at < bytes.len; at += PIECE_BYTES) {
		buf_put(data, transfer_base64_line(a, span_sub(bytes, at, PIECE_BYTES)));
		buf_put_byte(data, '\n');
	}
}

static json_t *explain_args(const struct explain_request *request)
{
	/* "s?" leaves null for what is not given, which the daemon takes for not given. */
	return json_pack("{s:s, s:s?, s:s?, s:s?, s:s?, s:b, s:b}", "list", request->rcpt, "for", request->for_address, "ip", request->session.client_ip, "helo", request->session.helo,
		"mail_from", request->session.mail_from, "submission", request->session.is_submission, "smtputf8", request->session.smtputf8);
}

static int print_rendered(struct offline *o, const char *base64)
{
	struct span bytes = transfer_base64_decode(o->arena, span_of(base64), true);

	if (bytes.ptr == NULL)
		return offline_fail(EX_UNAVAILABLE, "the daemon's answer is not understood");
	return fwrite(bytes.ptr, 1, bytes.len, stdout) != bytes.len || fflush(stdout) != 0 ? EX_IOERR : 0;
}

int offline_ask_daemon(struct offline *o, const struct explain_request *request)
{
	struct listctl ctl = { .socket = o->socket, .config = o->config, .arena = o->arena, .json = o->json };
	struct listctl_request sent = { .args = explain_args(request), .has_data = true };
	struct listctl_answer answer = { .row = ignore_row };
	json_t *result = NULL;
	const char *message;
	struct fail why;
	int code;

	if (sent.args == NULL)
		return offline_fail(EX_USAGE, "an argument is not UTF-8 text");
	buf_init(&sent.data, 2 * MESSAGE_MAX_BYTES);
	put_message(o->arena, request->bytes, &sent.data);
	if (listctl_call(&ctl, "explain", &sent, &answer, &result, &why) != 0)
		code = offline_fail(control_exit(&why), "%s", why.text);
	else if ((message = json_string_value(json_object_get(result, "message"))) != NULL)
		code = print_rendered(o, message);
	else
		code = offline_print_explanation(json_incref(json_object_get(result, "explanation")), o->json);
	json_decref(result);
	listctl_request_done(&sent);
	return code;
}
