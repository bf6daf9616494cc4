/* SPDX-License-Identifier: BSD-2-Clause */
#include "mitigations/strategies/strategies_int.h"

const struct strategy strategy_rewrite = {
	.name = "rewrite",
	.summary = "From is the list or an alias of the author; Reply-To, Author and X-Original-From keep the author",
	.source = "RFC 7960 4.1.3.3; RFC 9989 7.4; RFC 9057",
	.keeps_author_from = false,
	.in_auto = true,
};
