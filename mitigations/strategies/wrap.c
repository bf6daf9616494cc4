/* SPDX-License-Identifier: BSD-2-Clause */
#include "mitigations/strategies/strategies_int.h"

const struct strategy strategy_wrap = {
	.name = "wrap",
	.summary = "a message from the list with the original inside as message/rfc822",
	.source = "RFC 7960 4.1.3.3",
	.keeps_author_from = false,
	.in_auto = true,
};
