/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as a post through every strategy: the edits can be rendered, and a copy that does not keep the author's From has one From, the list's. */
#include "mitigations/strategy.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct list_identity list = {
	.address = "birds@lists.example.org", .domain = "lists.example.org", .name = "\xc3\x89, \"birds\"", .list_id = "birds.lists.example.org",
	.bounce_domain = "lists.example.org", .authserv_id = "lists.example.org", .via_template = "{name} via {list}", .wrap_text = "Attached:\n",
};

static void check_copy(const struct strategy *strategy, const struct form *form)
{
	struct rendering rendering;
	struct message copy;
	struct address_list from;
	struct fail why;

	assert(form_render(form, form->arena, &rendering, &why) == 0);
	if (strategy->keeps_author_from || message_parse_slices(form->arena, rendering.slices, rendering.count, &copy, &why) != 0)
		return;
	assert(message_field_count(&copy, "From") == 1);
	address_list_parse(form->arena, message_field(&copy, "From")->value, &from);
	assert(from.count == 1 && !from.damaged && from.group_count == 0 && span_eq_text(from.items[0].spec, list.address));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strategy_input in = { .arena = arena_new(ARENA_MESSAGE_MAX_BYTES), .list = &list, .dns = resolver_zone_new(), .id = "p1", .clock = NULL };
	struct list_identity replies_to_list = list;
	struct session session = { .client_ip = NULL };
	struct facts_options options = { .own_authserv_id = "lists.example.org" };
	struct message message;
	struct facts facts;
	struct form shaped, form;
	struct fail why;

	replies_to_list.reply = REPLY_LIST;
	in.list = size % 2 == 0 ? &list : &replies_to_list;
	if (message_parse(in.arena, (struct span){ (const char *)data, size }, &message, &why) == 0) {
		facts_gather(in.arena, in.dns, NULL, &message, &session, &options, &facts);
		form_init(&shaped, in.arena, &message);
		form_field_top(&shaped, EDIT_LIST_FIELD, "shape", SPAN_LIT("List-Id: <birds.lists.example.org>"));
		form_splice(&shaped, EDIT_DECORATION, "shape", message.total_bytes, 0, SPAN_LIT("-- \r\nbirds\r\n"));
		in.message = &message;
		in.facts = &facts;
		in.shaped = &shaped;
		for (size_t i = 0; i < strategy_count; i++)
			if (strategies[i]->propose != NULL && strategies[i]->propose(&in, &form, &why) == 0)
				check_copy(strategies[i], &form);
	}
	resolver_free(in.dns);
	arena_free(in.arena);
	return 0;
}
