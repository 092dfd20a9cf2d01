/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * proof_witness.h: checkpoints that witnesses have cosigned, by the policy of who asks.
 */
#pragma once
#include "trust/quorum.h"

/* Errors: as of ate__quorum_parse() and ate__quorum_check(). */
int ate__proof_witnessed(const char *policy, struct ate_bytes note,
                         struct ate__quorum_verdict *ret_verdict) ATE__CHECK;
