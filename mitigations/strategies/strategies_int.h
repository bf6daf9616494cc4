/* SPDX-License-Identifier: BSD-2-Clause */
/* For the files of this folder: the rows of table.c. */
#ifndef MITIGATIONS_STRATEGIES_INT_H
#define MITIGATIONS_STRATEGIES_INT_H

#include "mitigations/strategy.h"

extern const struct strategy strategy_none, strategy_allowlist, strategy_reseal, strategy_passthrough, strategy_rewrite, strategy_wrap, strategy_refuse;

#endif
