/* SPDX-License-Identifier: BSD-2-Clause */
/* A zone with keys for the targets that verify: good ones, a failing one, a long one. Made once, kept until the end. */
#ifndef TESTS_FUZZ_FUZZ_ZONE_FIXED_H
#define TESTS_FUZZ_FUZZ_ZONE_FIXED_H

#include "mail/dns.h"

static struct resolver *fixed_zone(void)
{
	static const char text[] =
		"dummy._domainkey.example.org. TXT \"v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/"
		"J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8u\" \"BsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB\"\n"
		"brisbane._domainkey.football.example.com. TXT \"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"\n"
		"test._domainkey.football.example.com. TXT \"v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/"
		"J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8u\" \"BsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB\"\n"
		"s._domainkey.d. TXT \"v=DKIM1; k=ed25519; t=y:s; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"\n"
		"t._domainkey.d. ! TIMEOUT\n";
	static struct resolver *zone;
	struct fail why;

	if (zone == NULL && resolver_zone((struct span){ text, sizeof(text) - 1 }, &zone, &why) != 0)
		fail_environment(why.text);
	return zone;
}

#endif
