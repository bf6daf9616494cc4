/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/post/explain.h"

#include <string.h>

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text == NULL ? "-" : text;
}

static bool is_true(const json_t *object, const char *name)
{
	return json_is_true(json_object_get(object, name));
}

static void put_dkim(const json_t *facts, struct buf *out)
{
	json_t *signature;
	size_t i;

	json_array_foreach(json_object_get(facts, "dkim"), i, signature)
		buf_printf(out, "  DKIM   %-9s d=%s s=%s  %s\n", text_of(signature, "result"), text_of(signature, "domain"), text_of(signature, "selector"), text_of(signature, "reason"));
	if (i == 0)
		buf_put_text(out, "  DKIM   none\n");
}

static void put_dmarc(const json_t *facts, struct buf *out)
{
	json_t *author;
	size_t i;

	json_array_foreach(json_object_get(facts, "authors"), i, author) {
		static const char *const readings[] = { "rfc9989", "rfc7489" };

		buf_printf(out, "  DMARC  %s: effective policy %s\n", text_of(author, "author_domain"), text_of(author, "effective"));
		if (strcmp(text_of(author, "of_any"), text_of(author, "effective")) != 0)
			buf_printf(out, "         several records at one name, which are none; a receiver that takes one of them may find %s\n", text_of(author, "of_any"));
		for (size_t r = 0; r < 2; r++) {
			const json_t *reading = json_object_get(author, readings[r]);

			buf_printf(out, "         %s: %s, policy %s at %s, SPF %saligned, DKIM %saligned, record %s\n", readings[r], text_of(reading, "result"), text_of(reading, "policy"),
				text_of(reading, "policy_domain"), is_true(reading, "spf_aligned") ? "" : "not ", is_true(reading, "dkim_aligned") ? "" : "not ", text_of(reading, "record"));
		}
	}
}

void explain_facts_text(const json_t *facts, struct buf *out)
{
	const json_t *spf = json_object_get(facts, "spf"), *arc = json_object_get(facts, "arc");

	buf_put_text(out, "Facts\n");
	buf_printf(out, "  SPF    %-9s %s  %s\n", text_of(spf, "result"), text_of(spf, "domain"), text_of(spf, "reason"));
	put_dkim(facts, out);
	buf_printf(out, "  ARC    %-9s %s\n", text_of(arc, "result"), text_of(arc, "reason"));
	put_dmarc(facts, out);
	buf_printf(out, "  %s: %s\n", is_true(facts, "authentic") ? "authentic" : "not authentic", text_of(facts, "authentic_by"));
}

static void put_indented(const char *text, struct buf *out)
{
	struct span rest = span_of(text), line;

	while (span_next(&rest, '\n', &line))
		if (line.len > 0 || rest.ptr != NULL)
			buf_printf(out, "      %.*s\n", (int)line.len, line.ptr);
}

static void put_class(const json_t *class, struct buf *out)
{
	const json_t *proof = json_object_get(class, "proof");
	json_t *attempt;
	size_t i;

	buf_printf(out, "\nReceiver %s (%s, %s): %lld recipients, strategy %s\n", text_of(class, "receiver"), is_true(class, "enforces") ? "enforces DMARC" : "does not enforce DMARC",
		text_of(class, "known_from"), (long long)json_integer_value(json_object_get(class, "recipients")), text_of(class, "strategy"));
	json_array_foreach(json_object_get(class, "attempts"), i, attempt)
		buf_printf(out, "  %-12s %-6s %s\n", text_of(attempt, "strategy"), is_true(attempt, "taken") ? "taken" : "no", text_of(attempt, "reason"));
	if (proof == NULL)
		return;
	buf_printf(out, "  proof: %s; %s\n", is_true(proof, "holds") ? "holds" : "does not hold", text_of(proof, "reason"));
	if (json_is_string(json_object_get(proof, "assumes")))
		buf_printf(out, "  assumes: %s\n", text_of(proof, "assumes"));
	buf_put_text(out, "  edits:\n");
	put_indented(text_of(class, "edits"), out);
}

void explain_text(const json_t *e, struct buf *out)
{
	const json_t *reply = json_object_get(e, "reply");
	json_t *item;
	size_t i;

	buf_printf(out, "Message %s for %s (%s): %s\n", text_of(e, "id"), text_of(e, "list"), text_of(e, "purpose"), text_of(e, "outcome"));
	if (reply != NULL)
		buf_printf(out, "  reply: %lld %s %s\n", (long long)json_integer_value(json_object_get(reply, "code")), text_of(reply, "enhanced"), text_of(reply, "text"));
	else if (*text_of(e, "reason") != '\0')
		buf_printf(out, "  reason: %s\n", text_of(e, "reason"));
	buf_put_text(out, "Stages\n");
	json_array_foreach(json_object_get(e, "stages"), i, item)
		buf_printf(out, "  %-13s %-8s %s\n", text_of(item, "stage"), text_of(item, "outcome"), text_of(item, "summary"));
	explain_facts_text(json_object_get(e, "facts"), out);
	json_array_foreach(json_object_get(e, "classes"), i, item)
		put_class(item, out);
}
