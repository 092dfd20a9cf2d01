/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * reset.h: a chain that went back, for who opens it and for who takes it back. What decides is
 * chain/reset.h.
 *
 * A chain in a directory is all here when it is opened, and its RESETs are looked at. Of one at a
 * server all that it shows is fetched first, into a mirror aside, and verified in full; only then
 * does it take the place of the mirror that was there, which is kept: `,before-reset-N` in the
 * mirror's directory, N being the sequence of the RESET. So a thin client reads all of the chain
 * once, for what it asks a server for can never show that no key was revoked; no more than
 * ATE__SHOWN_BYTES_MAX of it, since whoever shows it is not believed yet.
 */
#pragma once
#include "api/api.h"
#include "chain/reset.h"
#include "mesh/client.h"

/* rc: what the memory of c said of the chain `shown`, its sentence set. 0: a RESET of it allows to
 * forget what was seen, and that is done; else rc. */
int ate__reset_forgives(struct ate_chain *c, const struct ate__anchor *anchor,
                        struct ate__chain *shown, int rc) ATE__CHECK;
/* rc: what an open with this conf came to, its sentence set. 0: the chain went back, and was opened
 * again. Else rc, with what is to be said of it; ret_is_reset: it shows a RESET behind what was
 * seen, so that it is no fork, whoever may follow it. */
int ate__reset_follow(struct ate_chain *c, const struct ate__anchor *anchor,
                      const struct ate__remote_conf *conf, int rc, struct ate__pipe **ret_pipe,
                      bool *ret_is_reset) ATE__CHECK;

/* Whether a RESET within the first `size` transactions of the chain allows to forget what m
 * remembers: as it allows who opens it. session: the keys that count where none are remembered. */
bool ate__reset_excuses(const struct ate__memory *m, struct ate_session *session,
                        struct ate__chain *chain, uint64_t size, struct ate__reset *ret_reset);

void ate__reset_forget(struct ate__memory *m, const struct ate__reset *reset); /* then */

/* Whether an attempt before this one has written it: the last transaction of the chain in `path`
 * says that it went back to the head `to`, which it has, and why: `text`; NULL: for any reason.
 * *ret_head: the chain's, where it was. Errors: E_*. */
int ate__reset_was_written(const char *path, const struct ate_head *to, const char *text,
                           bool *ret_was, struct ate_head *ret_head) ATE__CHECK;
/* Into the chain in the directory `path`, behind all that it has; what m remembers, if anything,
 * becomes that. Errors: as of ate__local_open() and ate__chain_reset(). */
int ate__reset_write(const char *path, const struct ate__reset_conf *conf, struct ate__memory *m,
                     struct ate_head *ret_head) ATE__CHECK;
