/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * memory.h: what this user's programs remember of each chain that they opened: its id and the
 * newest verified head, when that was, and which root keys were in force there
 * (docs/format/keys.md, "Remembered heads"). Whatever is opened there later must be the same chain
 * and extend that head, or show a RESET that allows it not to (chain/reset.h).
 *
 * One small file a place, in the state directory, replaced at once and synced. A chain in a
 * directory is remembered by its real path, a remote one by host, port and path as they were asked
 * for.
 */
#pragma once
#include "base/buf.h"
#include "event/limits.h"
#include <pthread.h>

struct ate__chain;

struct ate__memory {
    char *file;            /* NULL: nothing is remembered (no home) */
    char *place;           /* what is remembered, for sentences */
    uint64_t written;      /* size in the file; 0: of no file, or of another chain */
    pthread_mutex_t mutex; /* protects the rest */
    bool known;
    struct ate_hash chain_id, root;
    uint64_t size;
    uint64_t time_us; /* root time at that size, or later; UINT64_MAX: not known */
    struct ate_hash keys[ATE__ROOT_KEYS_MAX]; /* root keys in force there */
    size_t key_count; /* 0: not known */
    uint64_t reset_us; /* when the RESET was signed that was followed last; 0: none was */
    struct ate__buf note; /* proof_fork.h: the newest that was seen; `due`: and not written */
    bool note_due;
    uint64_t note_ms; /* when one was written */
};
/* Reads what is remembered of `place`. state_dir NULL: $XDG_STATE_HOME/ate. MALFORMED: a file that
 * is not ours; E_*. */
int ate__memory_open(struct ate__memory *m, const char *state_dir, const char *place) ATE__CHECK;
void ate__memory_close(struct ate__memory *m); /* writes what is newer */
/* WRONG_CHAIN, if another chain is remembered there. */
int ate__memory_check_chain(struct ate__memory *m, const struct ate_hash *chain_id) ATE__CHECK;
/* That it is the chain that is remembered, and extends what was seen of it. Errors: WRONG_CHAIN
 * ROLLED_BACK FORKED E_*. */
int ate__memory_check(struct ate__memory *m, struct ate__chain *c) ATE__CHECK;
void ate__memory_forget(struct ate__memory *m); /* a new chain takes the place */
void ate__memory_remove(struct ate__memory *m); /* its owner destroyed the chain: the file, too */
/* A newer verified head; any thread, no call to the disk. */
void ate__memory_advance(struct ate__memory *m, const struct ate_hash *chain_id, uint64_t size,
                         const struct ate_hash *root);
uint64_t ate__memory_size(struct ate__memory *m); /* of the newest head; 0: none is known */
/* When the newest head was, and which root keys are in force there (none: not known); before keep()
 * and close(). The time never falls. */
void ate__memory_note(struct ate__memory *m, uint64_t time_us, const struct ate_hash *keys,
                      size_t key_count);
/* Writes the head of a place that had none; what comes later is written when the chain is closed.
 */
void ate__memory_keep(struct ate__memory *m);
