/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * chain_private.h: the inside of a chain, shared by the files of this folder that are not the
 * view's.
 */
#pragma once
#include "base/assert.h"
#include "base/endian.h"
#include "chain/chain.h"
#include "chain/limits.h"
#include <pthread.h>

/* An offer on its way through the chain. Owns a copy of its bytes, so that a submitter may stop
 * waiting.
 *
 *   inbox ---> ordered ---> writing ---> done        a submitter that does not wait
 *   (checked)  ordered ---> writing ---> done        one that waits: it checks and orders itself
 *
 * It is in one of these lists, or among the twins of one that is. */
struct ate__work {
    struct ate__offer *offer; /* NULL: the submitter stopped waiting */
    struct ate__work *next;
    struct ate__work *twins; /* repeats of it that came before it was decided; through `next` */
    bool decoded;            /* tx is one */
    bool unverified;         /* its signatures are not checked yet */
    bool hopeless;           /* a forecast speaks against it: they are checked only if it errs */
    bool unfit;              /* it is not judged: this is no place for what it is; checked */
    bool attests;            /* who made it is found when it is ordered: attest.h */
    uint32_t named;          /* they are: of the offer's `proved`, a bit each */
    uint32_t shown, shows;   /* to plug-ins that validate, `shows` times; 0: not yet */
    int checked;             /* result of the checks that need no state; its sentence: text */
    int objection;           /* what a plug-in says of one that is checked; its sentence: text */
    bool repeat;             /* it was committed before, as `sequence` */
    bool waits, done;        /* done: under the chain's mutex */
    bool counted;            /* in the chain's waiting_count */
    uint64_t sequence;
    uint64_t due_ms; /* one that does not wait: not ordered after this; UINT64_MAX */
    int result;
    struct ate__buf text; /* with NUL; of `checked` or `objection`, then of `result` */
    struct ate__receipt receipt;
    /* Only where `waits`. A mutex of its own, so that those who are woken do not queue up for the
     * chain's. Taken under the chain's, never the other way round. */
    pthread_mutex_t wake_mutex; /* protects the next two */
    bool told, turn; /* done, and the waiting thread's alone; time to lead */
    pthread_cond_t wake;
    struct ate_bytes bytes;
    struct ate__tx tx; /* views into bytes */
    uint8_t copy[];
};
struct ate__works {
    struct ate__work *first, *last;
    size_t count, bytes;
};

struct ate__head_at {
    uint64_t size;
    struct ate_hash root;
};
struct ate__believing { /* believe.c */
    bool limited; /* of a centralized chain: `mark` is all that readers see */
    struct ate__head_at mark; /* with `limited` under heads_mutex; set under the mutex too */
    struct ate__note_at { /* the largest one that was verified here; size 0: none */
        uint64_t size;
        struct ate_hash log_key;
    } noted; /* under heads_mutex */
    bool seals; /* constant once it has begun: groups are sealed with host_key */
    struct ate__host_key *host_key;
    struct ate__buf note; /* of `mark`, and not kept yet; of who believes */
    uint64_t kept_ms;
};
struct ate__group_space { /* arrays of as many as the capacity, or NULL */
    struct ate_bytes *records;
    struct ate_hash *leaves;
    struct ate__position *positions;
    size_t capacity;
};
struct ate__chain {
    struct ate__chain_conf conf;
    struct ate__storage *storage;
    struct ate__trust *trust;
    /* Another one takes its place under the mutex alone (replace.c); whoever has neither that nor a
     * snapshot of it reads it inside of an RCU section. */
    _Atomic(struct ate__view *) view;
    atomic_bool replacing; /* its log is that of another one already */
    struct ate__facts latest; /* facts of the latest state, for acceptance; under the mutex */
    /* The commit mutex: protects what follows, and the writer's side of view and trust. */
    pthread_mutex_t mutex;
    pthread_cond_t room; /* ate__chain_moved() */
    uint64_t inbox_out; /* of `inbox_in`: were ordered or refused */
    struct ate__works ordered; /* with a sequence, not written yet */
    struct ate__works writing; /* in the leader's group */
    struct ate__frontier tree; /* of what is written and published */
    struct ate_hash root; /* of `tree` */
    uint64_t root_time_us; /* of the last group */
    uint64_t judged_us; /* the latest that something was judged at */
    uint64_t next_sequence; /* of the next one to be ordered */
    struct ate__ask *asks; /* syncs that nobody waits for, before all is written */
    size_t asking; /* asks that nobody waits for, these too, before done() has returned */
    uint64_t losses; /* how often something that was ordered did not come to stand */
    bool leading; /* somebody appends, or marks the log as idle */
    bool ticking; /* the task of that name is submitted or running */
    bool lead_due; /* so is lead, or check does its work */
    bool rest_due; /* ticking: in a while, to let the log rest */
    uint32_t rest_ms; /* ATE__REST_MS, or what a test says */
    bool closing;
    bool wrote; /* since the last tick */
    bool full; /* so was the log, when it was asked last */
    bool broken; /* the log failed, and its recovery did too */
    uint64_t retry_ms; /* when recovery may be tried again */
    char broken_text[256]; /* why */
    struct ate__view **old_views; /* that were in its place, and have snapshots still */
    size_t old_view_count, old_view_capacity;
    atomic_bool compacting; /* no mutex */
    uint64_t generation; /* of the log when it was opened; constant */
    /* What was deeply compacted is believed from this size on: it has the certificate. Set in front
     * of the other: up to which cut-off that is so. */
    _Atomic uint64_t believed_from, believed_cut_off;
    atomic_bool certified_by_key; /* as set in front of these: a key signs the certificate */
    /* The state behind the transactions below the cut-off, as it was certified; 0: there is none.
     * By who opens, then by who compacts. */
    uint64_t kept_size;
    struct ate_hash kept_root;
    /* Taken alone or under the commit mutex, and under it nothing that waits: the disk may be asked
     * under the commit mutex, and who offers on a loop's thread does not wait for the disk. */
    pthread_mutex_t inbox_mutex; /* protects what follows */
    struct ate__works inbox; /* offers without a waiting thread, not checked yet */
    uint64_t inbox_in; /* all that came into it */
    struct ate__offer *refused; /* for want of room or memory; done() is due */
    bool checking; /* the task `check` is submitted or running */
    size_t waiting_count, waiting_bytes; /* in `inbox`, off it and being checked, or in `ordered` */
    /* Until begin(): the tree of what stays where it is; NULL: all does. What follows it waits in
     * the view, without a position. */
    struct ate__frontier *firm;
    bool part; /* see ate__chain_open_part() */
    bool unbelieved; /* damage was found before what stands for all that is missing */
    /* Constant once it has begun. */
    bool read_only; /* damage was found, or opened for reading; or it has not begun */
    struct ate__storage_damage damage;
    /* Ring of the newest heads; any thread asks. */
    pthread_mutex_t heads_mutex; /* protects these two */
    struct ate__head_at heads[ATE__HEADS_KEPT];
    uint64_t head_count;
    uint64_t leaves_retry_ms; /* the leader's, or the feeder's */
    struct ate__group_space group_space; /* the leader's */
    pthread_mutex_t listeners_mutex; /* protects the list, and is held while they are told */
    struct ate__listener *listeners;
    struct ate__task check, lead, tick, imaging; /* of conf.workers */
    struct ate__auto *compacts; /* NULL: not by itself */
    struct ate__believing believing;
    struct ate__image *image; /* NULL: none is read or written */
    uint64_t image_log_min; /* ATE__IMAGE_LOG_MIN, or what a test says */
};

/* heads.c */
void ate__heads_add(struct ate__chain *c, uint64_t size, const struct ate_hash *root);
bool ate__heads_has(struct ate__chain *c, uint64_t size); /* in memory */
/* Another view takes the place of the present one, with this head. */
void ate__heads_begin(struct ate__chain *c, struct ate__view *view, uint64_t size,
                      const struct ate_hash *root);
int ate__chain_facts_root_at(const struct ate__facts *f, uint64_t size, struct ate_hash *ret_root)
    ATE__CHECK;
/* The leaves of a group that was appended just now, for the tiles. They are not synced, and rebuilt
 * at open: a failure loses nothing that is believed, and no commit fails for it; until they are
 * there proofs that need them fail with E_IO. What an earlier failure left out is read from the log
 * again, by the next group or tick (count 0). By the leader or feeder. */
void ate__chain_add_leaves(struct ate__chain *c, uint64_t first, const struct ate_hash *leaves,
                           size_t count);
/* For tiles_hold(): those of one tile, from the records. arg: the chain. */
int ate__chain_tile_leaves(void *arg, uint64_t first, struct ate_hash *ret_leaves) ATE__CHECK;
bool ate__chain_lacks_leaves(struct ate__chain *c); /* of what is published */
/* chain.c: opens a log of which the end is not given, so that what certifies its cut-off may be
 * missing; it is for who has that chain open, and knows. */
int ate__chain_open_part(const struct ate__chain_conf *conf, struct ate__storage *take_storage,
                         struct ate__chain **ret_chain) ATE__CHECK;
int ate__chain_leaf_of(struct ate__chain *c, const struct ate__record_out *record,
                       struct ate_hash *ret_leaf) ATE__CHECK;
/* open.c: takes in what the storage holds from there on, and publishes what does not move before
 * begin(); of a group that breaks a rule, nothing. Before the chain is shared, or under the mutex.
 */
int ate__chain_replay(struct ate__chain *c, uint64_t from) ATE__CHECK;
/* Reads what begin() of the storage has moved, and publishes it, where it is what was verified.
 * Errors: E_* */
int ate__chain_place_moved(struct ate__chain *c) ATE__CHECK;

/* replace.c: what is left of views that were in the present one's place; by close(). */
void ate__chain_end_views(struct ate__chain *c);

/* ---- all below: under the mutex, unless stated ---- */

/* commit_take.c. judge: as ate__accept(), with the repeat of (origin, number) before it, which is
 * MALFORMED. take: into view and trust; all or nothing. untake: everything from there on. Also
 * before the chain is shared. */
int ate__chain_judge(struct ate__chain *c, const struct ate__tx *tx, uint64_t sequence,
                     uint64_t root_time_us, struct ate__verdict *verdict) ATE__CHECK;
/* The root's time: what it judges at now, and what no group written from now on is before. */
uint64_t ate__chain_time(struct ate__chain *c);
int ate__chain_take(struct ate__chain *c, const struct ate__tx *tx, uint64_t sequence) ATE__CHECK;
void ate__chain_untake(struct ate__chain *c, uint64_t sequence);

/* commit_work.c */
int ate__work_new(struct ate__chain *c, struct ate__offer *offer, struct ate__work **ret_work)
    ATE__CHECK; /* any thread */
void ate__work_free(struct ate__work *w); /* any thread */
/* Result and sentence, this thread's present one. */
void ate__work_fail(struct ate__work *w, int result);
/* The offer gets its answer, done() is called, the work is freed. No lock held. */
void ate__work_complete(struct ate__work *w);
void ate__offer_answer(struct ate__offer *offer, int result, const char *text);
void ate__works_push(struct ate__works *list, struct ate__work *w);
struct ate__work *ate__works_pop(struct ate__works *list); /* NULL: it is empty */
void ate__works_move(struct ate__works *to, struct ate__works *from);
/* What a waiting thread was woken for. */
enum ate__woken { ATE__WOKEN_DONE, ATE__WOKEN_TO_LEAD, ATE__WOKEN_LATE };
/* The thread that waits for it sleeps until `until` (NULL: without end). No lock held. DONE: it is
 * that thread's alone. */
enum ate__woken ate__work_sleep(struct ate__work *w, const struct timespec *until);
void ate__work_give_turn(struct ate__work *w);
/* Finished works, with their twins. Somebody else leads what is left; then, without the mutex,
 * those that a thread waits for, which completes them, are told, and the others completed. */
void ate__works_finish(struct ate__chain *c, struct ate__works *done);

/* commit.c. read, verify: what needs no state; any thread, no lock held. signed: what verify will
 * verify; NULL: nothing. order lets the mutex go where it has to verify after all; 0: it is
 * ordered, a twin, or a `repeat`, which ate__work_repeat() answers without a lock. Else it is
 * refused, and the offer's verdict written. */
void ate__work_read(struct ate__chain *c, struct ate__work *w);
const struct ate__tx *ate__work_signed(const struct ate__work *w);
void ate__work_verify(struct ate__chain *c, struct ate__work *w);
/* As ate__accept(), and what is asked of those who send besides. */
int ate__work_accept(struct ate__chain *c, const struct ate__facts *facts, struct ate__work *w,
                     uint64_t sequence, uint64_t root_time_us, struct ate__verdict *verdict)
    ATE__CHECK;
int ate__work_order(struct ate__chain *c, struct ate__work *w) ATE__CHECK;
int ate__work_repeat(struct ate__chain *c, struct ate__work *w) ATE__CHECK;
/* Writes a group if nobody does, else waits once. False: the time is over (NULL: none). */
bool ate__chain_lead_or_wait(struct ate__chain *c, pthread_cond_t *cond,
                             const struct timespec *until);
/* Of the answer to a transaction that is in the log. Any thread. */
enum ate__stage ate__chain_stage(struct ate__chain *c, uint64_t sequence);

/* commit_inbox.c */
/* Whether one more commit may wait; one more does, or so many less. Also without the mutex. */
bool ate__chain_has_room(struct ate__chain *c, size_t size);
void ate__chain_wait_more(struct ate__chain *c, size_t size);
void ate__chain_wait_longer(struct ate__chain *c, size_t bytes); /* one of them has so many more */
void ate__chain_wait_less(struct ate__chain *c, size_t count, size_t bytes);
void ate__chain_check_run(struct ate__task *task);
/* All of it; lets the mutex go meanwhile. What comes then is another's to check. */
void ate__chain_check_inbox(struct ate__chain *c);

/* ask.c */
/* Until all that was offered before the call is written, or refused; writes it where nobody else
 * does. Lets the mutex go meanwhile. s->lost: some of it was accepted, and is lost. */
void ate__chain_settle(struct ate__chain *c, struct ate__settling *s);
/* Fewer commits wait, `writing` has become shorter, or the log has recovered: wakes those who
 * wait for room or for a sync. */
void ate__chain_moved(struct ate__chain *c);

/* group.c */
void ate__group_space_deinit(struct ate__group_space *s);
/* Writes one group and finishes its works. Lets the mutex go meanwhile. Somebody ordered, and
 * nobody leads. */
void ate__chain_lead(struct ate__chain *c);
void ate__chain_lead_all(struct ate__chain *c); /* under the mutex, as lead() */
void ate__chain_lead_run(struct ate__task *task);
void ate__chain_pass_on(struct ate__chain *c); /* somebody else leads what is left */
/* The log failed, and nobody leads: what is in flight is not known to stand, and goes to `done`;
 * then recovery. The sentence is this thread's present one. */
void ate__chain_failed(struct ate__chain *c, struct ate__works *done);
/* Tries recovery again, where it failed and that is some time ago. False: still broken. */
bool ate__chain_mend(struct ate__chain *c);
/* open.c */
int ate__chain_check_wanted(const struct ate__chain *c) ATE__CHECK; /* CANCELED: conf.cancel */
/* room.c */
bool ate__tx_frees(const struct ate__tx *tx); /* it makes room: deletions, certificates */
/* Whether it may be ordered, for all that the disk has. Errors: E_NO_SPACE */
int ate__chain_check_room(struct ate__chain *c, const struct ate__tx *tx) ATE__CHECK;
void ate__chain_ask_room(struct ate__chain *c); /* also before the chain is shared */
int ate__chain_no_room(const char *cause) ATE__CHECK; /* E_NO_SPACE; cause: NULL: none */
/* group_tick.c */
void ate__chain_tick_due(struct ate__chain *c);
void ate__chain_tick_run(struct ate__task *task);
