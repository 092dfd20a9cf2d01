/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * world.h: a chain with some sessions, on a simulated disk or in memory, and a small type to put
 * into it.
 */
#pragma once
#include "ate/type.h"
#include "base/err.h"
#include "chain/local.h"
#include "dio/txn.h"
#include "lib/check.h"
#include "lib/simdisk.h"
#include "lib/simenv.h"

struct note {
    const char *text;
    int64_t n;
};
ATE_TYPE(note, ATE_FIELD(text), ATE_FIELD(n));

enum { WORLD_SESSIONS = 3 };
struct world {
    struct simdisk *disk;
    struct simenv sim;
    bool memory;
    struct ate_bytes options; /* of the genesis; borrowed */
    struct ate_session *session[WORLD_SESSIONS]; /* 0 owns the chain; the others have a key each */
    struct ate_session *none; /* without keys */
    struct ate__dio *dio; /* of session 0 */
};

/* The chain "/c/notes", made by session 0: private to its key from the top down. */
void world_init(struct world *w, bool memory);
void world_init_of(struct world *w, bool memory, struct ate_bytes options);
void world_deinit(struct world *w);
void world_reopen(struct world *w); /* not in memory */
struct ate_txn *world_begin(struct world *w); /* of the chain's session */
struct ate_txn *world_begin_as(struct world *w, unsigned session);
struct ate_hash world_key(struct world *w, unsigned session); /* fingerprint */
struct ate__chain *world_chain(struct world *w);
uint64_t world_size(struct world *w);

/* REVOKE of that session's key, signed by session 0. */
void world_revoke(struct world *w, unsigned session);

/* Every reader and writer that the sessions in the mask are; lent until the next call. */
struct ate_rule world_rule(struct world *w, unsigned mask);

static inline void expect_at(int rc, int expected, const char *call, int line)
{
    if (rc != expected)
        fail_msg("line %d: %s: %s instead of %s: %s", line, call, ate__result_name(rc),
                 ate__result_name(expected), ate__error_text());
}
#define expect(call, expected) expect_at(call, expected, #call, __LINE__)
#define ok(call) expect_at(call, 0, #call, __LINE__)

#define NOTE(text, n) (&(struct note){text, n})

/* The number of a note, or minus its result. */
static inline int64_t note_at(struct ate_txn *t, struct ate_id id)
{
    const struct note *n;
    int rc = ate_load(t, note, id, &n);
    return rc ? -rc : n->n;
}
static inline int64_t note_named(struct ate_txn *t, struct ate_id parent, const char *name)
{
    const struct note *n;
    struct ate_id id;
    int rc = ate_find(t, note, parent, name, &id, &n);
    return rc ? -rc : n->n;
}
unsigned count_children(struct ate_txn *t, struct ate_id parent);
