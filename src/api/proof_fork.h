/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * proof_fork.h: evidence against a server that shows another history than before.
 *
 * The newest checkpoint that a server gave, asked or by itself, is kept beside the remembered head,
 * in HEAD.checkpoint. Where the server contradicts itself, both notes are kept in HEAD.fork, and no
 * later ones take their place:
 *
 *     it signs by itself what is not in the history that was seen: the note that came;
 *     an open, or a chain that is open, fails as forked: what it signs when it is asked.
 *
 *  1. Evidence is synced before anybody is told of it.
 *  2. What cannot be written is left out, and the sentence says so: it protects nothing, it only
 *     tells.
 */
#pragma once
#include "api/api.h"
#include "mesh/client.h"

/* A note that was verified, of the chain at a server that m remembers: it is kept at once. */
void ate__fork_keep_note(struct ate__memory *m, struct ate_bytes note);
/* The same: it is kept now or within the next, or when the chain is closed. */
void ate__fork_saw_note(struct ate__memory *m, struct ate_bytes note, uint64_t now_ms);
bool ate__fork_has_note(const struct ate__memory *m); /* one is kept */
void ate__fork_close(struct ate__memory *m); /* before ate__memory_close() */
/* The chain went back, and said so: what was signed before is no evidence any more. */
void ate__fork_forget_note(struct ate__memory *m);
/* rc, FORKED or ROLLED_BACK, is what an open with this conf came to, its sentence set: asks the
 * server, and where it signs what contradicts the note that was kept, keeps both in one file, which
 * the sentence then names. Gives rc. */
int ate__fork_evidence(struct ate__memory *m, const struct ate__remote_conf *conf, int rc)
    ATE__CHECK;
/* For struct ate__remote_conf, of a chain that is open; arg: the handle. */
int ate__fork_noted(void *arg, int result, struct ate_bytes note,
                    const struct ate__checkpoint *checkpoint);
void ate__fork_believed(void *arg, struct ate_bytes note);
int ate__fork_shown(void *arg, int result);
/* How conf reaches its chain: as whoever has neither seen nor keeps anything of it. */
struct ate__remote_conf ate__fork_fresh_conf(const struct ate__remote_conf *conf);
/* Of what conf says how to ask, for ate__fork_shown(); NULL: no memory. */
struct ate__remote_conf *ate__fork_conf(struct ate_chain *c, const struct ate__remote_conf *conf);
