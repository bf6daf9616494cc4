/* SPDX-License-Identifier: BSD-2-Clause */
#include "mitigations/compare/models.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct clock clock = { .is_fixed = true };
	const struct receiving_verdict verdict = { .author_domain = "bank.example" };
	struct receivers *receivers = receivers_new();
	struct models models = { .arena = arena_new(ARENA_SCRATCH_MAX_BYTES) };
	struct fail why = { .text = "" };

	if (models_parse((struct span){ (const char *)data, size }, "fuzz", &models, &why) != 0) {
		assert(why.text[0] != '\0');
	} else if (models_bind(&models, "lists.example", receivers, &clock, &why) == 0) {
		/* whatever was read: each is found by its name, refuses with a refusal, and believes nobody who is not named */
		for (size_t i = 0; i < models.count; i++) {
			const struct model *m = &models.items[i];

			assert(models_find(&models, span_of(m->name)) == m);
			assert(models_reply(models.arena, m, &verdict)[0] == '5');
			assert(m->sealer_set < models.sealer_set_count && models.sealer_sets[m->sealer_set] != NULL ? true : m->policy.trusted_sealers == NULL);
			for (size_t k = 0; k < m->policy.known_count; k++)
				assert(m->policy.known[k].dkim_domain != NULL || m->policy.known[k].network != NULL);
		}
	}
	receivers_free(receivers);
	arena_free(models.arena);
	return 0;
}
