/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * chain_private.h: the inside of a chain, shared by open.c, commit.c, group.c, feed.c, heads.c and
 * chain.c.
 */
#pragma once
#include "base/assert.h"
#include "base/endian.h"
#include "chain/chain.h"
#include "chain/limits.h"
#include <pthread.h>

/* An offer on its way through the chain. Owns a copy of its bytes, so that a submitter may stop
 * waiting. */
struct ate__work {
    struct ate__offer *offer;    /* NULL: the submitter stopped waiting */
    struct ate__work *next;
    struct ate__work *twins; /* repeats of it that came before it was decided; through `next` */
    struct ate__tx tx; /* views into bytes */
    struct ate_hash leaf;
    uint64_t sequence;
    struct ate__buf error; /* sentence of a failed check */
    int checked; /* result of the signature check */
    bool decoded, done, waits;
    int result;
    struct ate__receipt receipt;
    struct ate__verdict verdict;
    pthread_cond_t turn; /* done, or time to lead; only where `waits` */
    struct ate_bytes bytes;
    uint8_t copy[];
};
struct ate__works {
    struct ate__work *first, *last;
    size_t count, bytes;
};
void ate__works_push(struct ate__works *list, struct ate__work *w);
struct ate__work *ate__works_pop(struct ate__works *list);

struct ate__head_at {
    uint64_t size;
    struct ate_hash root;
};
struct ate__chain {
    struct ate__chain_conf conf;
    struct ate__storage *storage;
    struct ate__trust *trust;
    struct ate__view *view;
    struct ate__facts latest; /* facts of the latest state, for acceptance; under the mutex */
    pthread_mutex_t mutex; /* the commit mutex: protects what follows, and the writer's side of view
                              and trust */
    pthread_cond_t room; /* a group was taken off `ordered`, or the leader stopped */
    struct ate__works inbox; /* offers without a waiting thread, not checked yet */
    struct ate__works ordered; /* with a sequence, not written yet */
    struct ate__works writing; /* in the leader's group */
    struct ate__frontier tree; /* of what is written */
    struct ate_hash root; /* of `tree` */
    uint64_t root_time_us; /* of the last group */
    uint64_t next_sequence;
    bool leading, draining, ticking, closing;
    bool read_only; /* damage was found, or opened for reading */
    bool broken; /* an append failed; recovery is due before anything is ordered */
    struct ate__storage_damage damage;
    struct ate__head_at
        heads[ATE__HEADS_KEPT]; /* ring of the newest heads; its own lock, as any thread asks */
    uint64_t head_count;
    pthread_mutex_t heads_mutex;
    pthread_mutex_t listeners_mutex;
    struct ate__listener *listeners;
    struct ate__task drain, tick; /* of conf.workers */
    bool wrote; /* since the last tick */
};

/* heads.c */
void ate__heads_add(struct ate__chain *c, uint64_t size, const struct ate_hash *root);
int ate__chain_facts_root_at(const struct ate__facts *f, uint64_t size, struct ate_hash *ret_root)
    ATE__CHECK;
/* open.c */
int ate__chain_replay(struct ate__chain *c, uint64_t from)
    ATE__CHECK; /* takes in what the storage holds from there on, and publishes it */
/* take.c: one accepted transaction; under the mutex or before the chain is shared */
int ate__chain_judge(struct ate__chain *c, const struct ate__tx *tx, uint64_t sequence,
                     struct ate__verdict *verdict) ATE__CHECK;
int ate__chain_take(struct ate__chain *c, const struct ate__tx *tx, uint64_t sequence)
    ATE__CHECK; /* view and trust; all or nothing */
void ate__chain_untake(struct ate__chain *c, uint64_t sequence); /* everything from there on */
/* group.c */
void ate__chain_lead(
    struct ate__chain *c,
    struct ate__works *ret_done); /* under the mutex, which it lets go while it writes */
void ate__chain_pass_on(
    struct ate__chain *c); /* under the mutex: somebody else leads what is left */
void ate__chain_tell(struct ate__chain *c, uint64_t size); /* listeners; no lock held */
void ate__works_complete(struct ate__works *done); /* no lock held: calls done() and frees */
void ate__chain_tick_due(struct ate__chain *c); /* under the mutex */
void ate__chain_tick(struct ate__task *task);
/* commit.c */
void ate__chain_drain(struct ate__task *task);
