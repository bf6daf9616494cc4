/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/control/verbs_site.h"

#include "listd/json_text.h"
#include "mail/file.h"
#include "mail/idna.h"

#include <string.h>
#include <sys/stat.h>

#define PEM_MAX_BYTES 65536

static json_t *key_json(struct control_call *call, const struct key *key)
{
	return json_pack("{s:s, s:s, s:s, s:i, s:s, s:s, s:s, s:s}", "domain", key->domain, "selector", key->selector, "algorithm", key_algorithm_name(key->algorithm),
		"bits", (int)key->bits, "name", key_name(call->arena, key), "txt", key_txt(call->arena, key), "record", key_record(call->arena, key),
		"dns", key_published_name(key_check_dns(key, call->daemon->dns)));
}

static const char *text_arg(const struct control_call *call, const char *name)
{
	return json_string_value(json_object_get(call->args, name));
}

int verb_key_list(struct control_call *call, json_t **result_r, struct fail *why)
{
	struct site *site = daemon_hold_site(call->daemon);
	const char *domain = text_arg(call, "domain");

	(void)result_r;
	(void)why;
	for (size_t i = 0; i < site->keyring.count; i++)
		if (domain == NULL || span_eq_text_nocase(span_of(site->keyring.items[i].domain), domain))
			control_row(call, key_json(call, &site->keyring.items[i]));
	daemon_release_site(site);
	return 0;
}

/* A selector becomes a file name and a DNS label: letters, digits and "-". */
static bool is_selector(const char *text)
{
	size_t length = text == NULL ? 0 : strlen(text);

	if (length == 0 || length > DOMAIN_LABEL_MAX_BYTES)
		return false;
	for (; *text != '\0'; text++)
		if (!(*text >= 'a' && *text <= 'z') && !(*text >= '0' && *text <= '9') && *text != '-')
			return false;
	return true;
}

static int names(struct control_call *call, const char **domain_r, const char **selector_r, struct fail *why)
{
	const char *domain = text_arg(call, "domain"), *selector = text_arg(call, "selector");

	*domain_r = domain == NULL ? NULL : idna_to_ascii(call->arena, span_of(domain));
	*selector_r = selector;
	if (*domain_r == NULL || strchr(*domain_r, '/') != NULL)
		return fail_permanent(why, "not a domain: %s", domain == NULL ? "(none)" : domain);
	if (!is_selector(selector))
		return fail_permanent(why, "not a selector: %s; use small letters, digits and \"-\"", selector == NULL ? "(none)" : selector);
	return 0;
}

/* Written beside the others, taken into use by a reload. */
static int keep(struct control_call *call, const struct key *key, json_t **result_r, struct fail *why)
{
	struct site *site = daemon_hold_site(call->daemon);
	const char *dir = arena_printf(call->arena, "%s/%s", site->settings->keys_dir, key->domain);
	const char *path = arena_printf(call->arena, "%s/%s.pem", dir, key->selector);
	struct stat st;
	struct span pem;
	int result = -1;

	daemon_release_site(site);
	if (stat(path, &st) == 0)
		fail_permanent(why, "there is a key %s already; take another selector", path);
	else if (key_to_pem(call->arena, key, &pem, why) == 0 && file_make_dir(dir, 0750, why) == 0 && file_replace(path, pem, 0600, why) == 0)
		result = daemon_reload(call->daemon, why);
	if (result == 0)
		*result_r = key_json(call, key);
	return result;
}

int verbs_key_ensure(struct control_call *call, const char *domain, json_t **key_r, struct fail *why)
{
	struct site *site = daemon_hold_site(call->daemon);
	bool wanted = site->settings->sign && keyring_find(&site->keyring, domain, KEY_RSA) == NULL && keyring_find(&site->keyring, domain, KEY_ED25519) == NULL;
	struct key key = { 0 };
	int result = 0;

	daemon_release_site(site);
	if (!wanted)
		return 0;
	result = key_generate(KEY_RSA, 2048, domain, "listd1", &key, why);
	if (result == 0)
		result = keep(call, &key, key_r, why);
	key_done(&key);
	return result;
}

int verb_key_make(struct control_call *call, json_t **result_r, struct fail *why)
{
	const char *algorithm = text_arg(call, "algorithm");
	json_int_t bits = json_integer_value(json_object_get(call->args, "bits"));
	const char *domain, *selector;
	struct key key = { 0 };
	int result;

	if (names(call, &domain, &selector, why) != 0)
		return -1;
	if (algorithm != NULL && strcmp(algorithm, "rsa") != 0 && strcmp(algorithm, "ed25519") != 0)
		return fail_permanent(why, "unknown algorithm %s: expected rsa or ed25519", algorithm);
	if (bits != 0 && (bits < 2048 || bits > 4096))
		return fail_permanent(why, "an RSA key has 2048 to 4096 bits here");
	result = key_generate(algorithm != NULL && strcmp(algorithm, "ed25519") == 0 ? KEY_ED25519 : KEY_RSA, bits == 0 ? 2048 : (unsigned)bits, domain, selector, &key, why);
	if (result == 0)
		result = keep(call, &key, result_r, why);
	key_done(&key);
	return result;
}

int verb_key_import(struct control_call *call, json_t **result_r, struct fail *why)
{
	const char *domain, *selector, *line;
	struct key key = { 0 };
	struct buf pem;
	int result = names(call, &domain, &selector, why);

	buf_init(&pem, PEM_MAX_BYTES);
	while ((line = control_line(call)) != NULL)
		buf_printf(&pem, "%s\n", line);
	if (result == 0)
		result = control_need_complete(call, why);
	if (result == 0)
		result = key_from_pem(buf_span(&pem), domain, selector, &key, why);
	if (result == 0)
		result = keep(call, &key, result_r, why);
	if (pem.ptr != NULL)
		memset(pem.ptr, 0, pem.len);
	buf_done(&pem);
	key_done(&key);
	return result;
}
