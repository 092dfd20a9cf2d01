/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * proof_fork.h: evidence against a server that shows another history than before. The newest
 * checkpoint that a server gave is kept beside the remembered head; where the server contradicts
 * what is remembered, it is asked what it signs now, and both notes are kept.
 */
#pragma once
#include "api/api.h"
#include "mesh/client.h"

/* A note that was verified, of the chain at a server that m remembers. What cannot be written is
 * left out: it protects nothing, it only tells. */
void ate__fork_keep_note(const struct ate__memory *m, struct ate_bytes note);
/* rc, FORKED or ROLLED_BACK, is what an open with this conf came to, its sentence set: asks the
 * server, and where it signs what contradicts the note that was kept, writes both into one file,
 * which the sentence then names. Gives rc. */
int ate__fork_evidence(const struct ate__memory *m, const struct ate__remote_conf *conf, int rc)
    ATE__CHECK;
