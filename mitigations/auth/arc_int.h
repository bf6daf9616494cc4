/* SPDX-License-Identifier: BSD-2-Clause */
/* What validating and sealing share. */
#ifndef MITIGATIONS_AUTH_ARC_INT_H
#define MITIGATIONS_AUTH_ARC_INT_H

#include "mitigations/auth/arc.h"
#include "mitigations/auth/canon.h"

enum arc_part { ARC_PART_RESULTS, ARC_PART_MESSAGE_SIGNATURE, ARC_PART_SEAL, ARC_PARTS };
extern const char *const arc_part_names[ARC_PARTS];

/* Is this one of the three fields of a set? */
bool arc_part_of(const struct field *f, enum arc_part *part_r);
/* i= of such a field, 0 when it has none that can be read. */
unsigned arc_part_instance(struct arena *a, const struct field *f, enum arc_part part);
/* Add a set's fields to out in the order in which seals cover them (RFC 8617 5.1.1), the seal in full. */
void arc_canon_set(struct buf *out, const struct arc_set *set);

#endif
