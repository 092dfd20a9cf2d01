/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * home.h: the directory of a server's chains (LOGS).
 *
 *     LOGS/,server/key       private key of the server: PEM, 0600, made at the first start
 *     LOGS/,server/log-key   key file, 0600, made at the first start: its log key signs checkpoints
 *     LOGS/,server/certificate   PEM, if its owner put it there: of that key, from an authority
 *     LOGS/,server/lock      held by the server that serves LOGS
 *     LOGS/,server/sources   what each source address created and stored (sources.h), 0600
 *     LOGS/example.com/joe/notes/,chain    the chain /example.com/joe/notes
 *
 * Names are walked component by component, and no link is followed below LOGS itself. `,` is not
 * legal in the name of a chain, so no chain lies in `,server` or in another's `,chain`.
 */
#pragma once
#include "base/env.h"
#include "crypto/log_key.h"
#include "crypto/tls.h"

struct ate__home {
    const struct ate__vfs *vfs;
    struct ate__dir *logs, *own; /* LOGS, LOGS/,server */
    struct ate__file *lock;      /* NULL: not taken */
    char *place;                 /* LOGS, for sentences */
};
/* LOGS, with all directories above it, and `,server` are made where they are missing. lock: takes
 * the lock. On failure nothing is held. Errors: IN_USE: another server serves LOGS; E_*. */
int ate__home_open(const struct ate__env *env, const char *logs, bool lock,
                   struct ate__home *ret_home) ATE__CHECK;
void ate__home_close(struct ate__home *h); /* takes one of zeros */
/* The server's key, with its certificate if there is one, made where it is missing: by the holder
 * of the lock alone. Errors: NOT_FOUND: it is missing, and the lock was not taken; DENIED: others
 * may read or change it; MALFORMED UNSUPPORTED TOO_BIG: the file holds something else; E_*. */
int ate__home_key(struct ate__home *h, struct ate__tls_server_key **ret_key) ATE__CHECK;
/* Its log key, in the same way. */
int ate__home_log_key(struct ate__home *h, const struct ate__env *env,
                      struct ate__log_key **ret_key) ATE__CHECK;
/* The directory of a chain; its name was checked. create: made with all above it.
 * Errors: NOT_FOUND E_*. */
int ate__home_dir(struct ate__home *h, const char *chain, bool create, struct ate__dir **ret_dir)
    ATE__CHECK;
/* How many chains there are; it stops at `most`. Errors: E_*. */
int ate__home_count(struct ate__home *h, size_t most, size_t *ret_count) ATE__CHECK;

/* Small files of `,server`. read: Errors: NOT_FOUND TOO_BIG E_*. write: in place of what is there,
 * at once, synced; private_: 0600. alone: whether nobody else may get at it; Errors: NOT_FOUND E_*.
 */
int ate__home_alone(struct ate__home *h, const char *name, bool *ret_alone) ATE__CHECK;
int ate__home_read(struct ate__home *h, const char *name, size_t size_max,
                   struct ate__buf *ret_bytes) ATE__CHECK;
int ate__home_write(struct ate__home *h, const char *name, struct ate_bytes bytes, bool private_)
    ATE__CHECK;
