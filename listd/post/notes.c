/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/post/notes.h"

#include "listd/json_text.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* Classes are operators, and domains that rules name: more are not noted, so that a note stays small. */
#define CLASSES_MAX 1000

static json_t *classes_json(const struct post *post)
{
	json_t *classes = json_array();

	for (size_t i = 0; i < post->class_count && i < CLASSES_MAX; i++) {
		const struct post_class *class = &post->classes[i];
		const struct made_form *form = class->choice.form;

		if (form != NULL)
			json_array_append_new(classes, json_pack("[s, s, I, b, b]", class->receiver->name, form->strategy->name, (json_int_t)class->rcpt_count, form->proof.holds,
				class->choice.rule != NULL && class->choice.rule->action == RULE_FORCE));
	}
	return classes;
}

const char *notes_write(struct post *post)
{
	const struct facts *facts = &post->facts;
	json_t *json = json_pack("{s:o, s:b, s:b, s:b, s:b, s:s, s:o}", "author", json_optional(facts->strictest == NULL ? NULL : facts->strictest->author_domain),
		"strict", dmarc_is_strict(facts->policy), "disowned", facts->disowned, "named", facts_may_name_author(facts), "vouched", post->chooser.vouched,
		"of", post->source_job == NULL ? "" : post->source_job, "classes", classes_json(post));
	char *text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT);
	const char *kept = text == NULL ? "" : arena_text(post->arena, span_of(text));

	free(text);
	json_decref(json);
	return kept;
}

static const char *get_text(struct arena *a, const json_t *json, const char *name)
{
	const char *text = json_string_value(json_object_get(json, name));

	return text == NULL ? "" : arena_text(a, span_of(text));
}

static void read_classes(struct arena *a, const json_t *classes, struct notes *notes)
{
	notes->classes = arena_array(a, json_array_size(classes), sizeof(*notes->classes));
	for (size_t i = 0; i < json_array_size(classes); i++) {
		const json_t *class = json_array_get(classes, i);
		const char *receiver = json_string_value(json_array_get(class, 0)), *form = json_string_value(json_array_get(class, 1));

		if (receiver != NULL && form != NULL)
			notes->classes[notes->class_count++] = (struct notes_class){
				.receiver = arena_text(a, span_of(receiver)), .form = arena_text(a, span_of(form)),
				.rcpt_count = (size_t)json_integer_value(json_array_get(class, 2)), .proved = json_is_true(json_array_get(class, 3)),
				.forced = json_is_true(json_array_get(class, 4)),
			};
	}
}

bool notes_read(struct arena *a, const char *text, struct notes *notes_r)
{
	json_t *json = *text == '\0' ? NULL : json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	*notes_r = (struct notes){ .author_domain = "", .of = "" };
	if (!json_is_object(json)) {
		json_decref(json);
		return false;
	}
	notes_r->author_domain = get_text(a, json, "author");
	notes_r->of = get_text(a, json, "of");
	notes_r->is_strict = json_is_true(json_object_get(json, "strict"));
	notes_r->disowned = json_is_true(json_object_get(json, "disowned"));
	notes_r->named = json_is_true(json_object_get(json, "named"));
	notes_r->vouched = json_is_true(json_object_get(json, "vouched"));
	read_classes(a, json_object_get(json, "classes"), notes_r);
	json_decref(json);
	return true;
}

static const struct notes_class *find(const struct notes *notes, const char *form)
{
	for (size_t i = 0; i < notes->class_count; i++)
		if (strcmp(notes->classes[i].form, form) == 0)
			return &notes->classes[i];
	return NULL;
}

bool notes_is_proved(const struct notes *notes, const char *form)
{
	const struct notes_class *class = find(notes, form);

	return class != NULL && class->proved;
}

bool notes_is_forced(const struct notes *notes, const char *form)
{
	const struct notes_class *class = find(notes, form);

	return class != NULL && class->forced;
}
