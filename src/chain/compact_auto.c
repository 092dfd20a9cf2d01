/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * compact_auto.c: looks when it may be due, runs when it is.
 *
 *     state     becomes   when
 *     IDLE      SOON      something was published
 *     SOON FAR  LOOKING   its time has come
 *     FAR       SOON      something was published, and growth counts
 *     LOOKING   SOON      something was published meanwhile
 *     LOOKING   FAR       there is a time at which it may be due
 *     LOOKING   IDLE      it is due when the log has grown
 */
#include "chain/compact_auto.h"
#include "base/alloc.h"
#include "chain/chain_private.h"
#include "chain/compact.h"
#include "chain/deep.h"
#include "trust/session.h"

enum {
    LOOK_MS = 1000, /* after something was published: many commits, one look */
    FAR_MS = 24 * 3600 * 1000,
    DEEP_REST_MS = 24 * 3600 * 1000
};
#define BYTES_PER_SECOND (UINT64_C(16) << 20)

enum state { IDLE, SOON, FAR, LOOKING };

struct ate__auto {
    struct ate__chain *c;
    const struct ate__auto_conf *conf; /* c's */
    struct ate__listener listener;
    struct ate__task task;
    pthread_mutex_t mutex; /* guards the next two */
    enum state state;
    bool moved; /* while it was LOOKING */
    atomic_bool ending;
    /* of the task alone */
    struct ate__compact_watch watch;
    bool due; /* and held */
    bool went_deep;
    uint64_t deep_ms; /* when; if it did */
};

static bool is_ending(void *arg)
{
    struct ate__auto *a = arg;
    return atomic_load(&a->ending);
}

/* ---- what is seen ---- */

struct sum {
    uint64_t bytes, compacted; /* of all; up to the last one that a compaction made */
};

static int add_segment(void *arg, const struct ate__segment_out *segment)
{
    struct sum *sum = arg;
    sum->bytes += segment->bytes;
    if (segment->compacted)
        sum->compacted = sum->bytes;
    return 0;
}

static struct sum sum_of(const struct ate__chain *c)
{
    struct sum sum = {0, 0};
    int rc = c->storage->v->segments(c->storage, add_segment, &sum);
    ate__assert(rc == 0); /* of add_segment() alone */
    return sum;
}

static struct ate__compact_seen see(const struct ate__auto *a)
{
    return (struct ate__compact_seen){
        .now_ms = ate__monotonic_ms(a->c->conf.env),
        .bytes = sum_of(a->c).bytes,
        .size = ate__chain_published(a->c),
    };
}

/* ---- a run ---- */

/* Deep: all of the history is verified once more, so not each time. */
static bool goes_deep(const struct ate__auto *a, uint64_t now_ms)
{
    if (!a->conf->deep || ate__trust_genesis(a->c->trust)->archive ||
        !ate__deep_may_certify(a->c, a->conf->session))
        return false;
    return !a->went_deep || now_ms < a->deep_ms || now_ms - a->deep_ms >= DEEP_REST_MS;
}

static int compact(struct ate__auto *a, bool deep, struct ate__compacted *ret_done)
{
    uint64_t rate = a->conf->bytes_per_second;
    struct ate__compact_conf conf = {
        .deep = deep,
        .session = deep ? a->conf->session : NULL,
        .plugin = a->conf->plugin.vote ? &a->conf->plugin : NULL,
        .bytes_per_second = rate ? rate : BYTES_PER_SECOND,
        .cancel = is_ending,
        .arg = a,
    };
    return ate__chain_compact(a->c, &conf, ret_done);
}

static void run(struct ate__auto *a, const struct ate__compact_seen *before)
{
    struct ate__compacted done = {0};
    bool deep = goes_deep(a, before->now_ms);
    int rc = compact(a, deep, &done);
    if (deep && rc == ATE_NO_KEY) { /* its office ended meanwhile */
        deep = false;
        rc = compact(a, deep, &done);
    }
    if (is_ending(a) && rc == ATE_CANCELED)
        return;
    struct ate__compact_seen after = see(a);
    ate__compact_ran(&a->watch, rc == 0, before->size, &after);
    if (deep && !rc) {
        a->went_deep = true;
        a->deep_ms = after.now_ms;
    }
    if (rc == ATE_UNSUPPORTED) /* and never will be */
        a->watch.rule.mode = ATE__COMPACT_NEVER;
    if (a->conf->done && rc != ATE_BUSY)
        a->conf->done(a->conf->arg, rc, rc ? ate__error_text() : "", &done);
}

/* ---- when ---- */

/* 0: now. Whoever holds it is asked when it is due, and not before. */
static uint64_t wait_of(struct ate__auto *a, const struct ate__compact_seen *seen)
{
    struct ate__storage_state state;
    uint64_t wait_ms = a->due ? 0 : ate__compact_look(&a->watch, seen);
    a->due = !wait_ms;
    a->c->storage->v->state(a->c->storage, &state);
    return a->due && a->conf->held_ms && !state.full ? a->conf->held_ms(a->conf->arg) : wait_ms;
}

static uint64_t look_ms(const struct ate__auto *a)
{
    return a->conf->look_ms ? a->conf->look_ms : LOOK_MS;
}

/* Under the mutex. */
static void submit(struct ate__auto *a, enum state state, uint64_t delay_ms)
{
    a->state = state;
    ate__workers_submit(a->conf->workers, &a->task, (uint32_t)delay_ms);
}

static void published(struct ate__listener *l, uint64_t size)
{
    struct ate__auto *a = l->user;
    (void)size;
    pthread_mutex_lock(&a->mutex);
    if (is_ending(a))
        ;
    else if (a->state == LOOKING)
        a->moved = true;
    else if (a->state == IDLE || (a->state == FAR && ate__compact_by_growth(&a->watch)))
        submit(a, SOON, look_ms(a));
    pthread_mutex_unlock(&a->mutex);
}

static void look(struct ate__task *task)
{
    struct ate__auto *a = task->user;
    pthread_mutex_lock(&a->mutex);
    bool looking = a->state == LOOKING; /* it was moved while it was about to run */
    a->moved = looking;
    a->state = LOOKING;
    pthread_mutex_unlock(&a->mutex);
    if (looking)
        return;
    struct ate__compact_seen seen = see(a);
    uint64_t wait_ms = wait_of(a, &seen);
    if (!wait_ms && !is_ending(a)) {
        a->due = false;
        run(a, &seen);
        seen = see(a);
        wait_ms = ate__compact_look(&a->watch, &seen);
    }
    pthread_mutex_lock(&a->mutex);
    bool waits = wait_ms == ATE__COMPACT_WAITS;
    a->state = IDLE;
    if (is_ending(a))
        ;
    else if (a->moved && (waits || ate__compact_by_growth(&a->watch)))
        submit(a, SOON, ate__min(wait_ms, look_ms(a)));
    else if (!waits)
        submit(a, FAR, ate__min(wait_ms, FAR_MS));
    pthread_mutex_unlock(&a->mutex);
}

/* ---- life ---- */

int ate__auto_begin(struct ate__chain *c, struct ate__auto **ret_auto)
{
    const struct ate__auto_conf *conf = &c->conf.compact;
    int rc = ate__compact_rule_check(&conf->rule);
    *ret_auto = NULL;
    if (rc || conf->rule.mode == ATE__COMPACT_NEVER || c->read_only)
        return rc;
    struct ate__auto *a = ate__alloc(sizeof *a);
    if (!a)
        return ate__no_memory();
    a->c = c;
    a->conf = conf;
    a->listener = (struct ate__listener){.published = published, .user = a};
    a->task = (struct ate__task){.run = look, .user = a};
    pthread_mutex_init(&a->mutex, NULL);
    ate__workers_ref(conf->workers);
    if (conf->session)
        ate__session_ref(conf->session);
    uint64_t since_ms = conf->since_ms ? conf->since_ms : ate__monotonic_ms(c->conf.env);
    ate__compact_watch_init(&a->watch, &conf->rule, since_ms, sum_of(c).compacted);
    ate__chain_listen(c, &a->listener);
    pthread_mutex_lock(&a->mutex);
    if (a->state == IDLE)
        submit(a, SOON, 0);
    pthread_mutex_unlock(&a->mutex);
    *ret_auto = a;
    return 0;
}

void ate__auto_end(struct ate__auto *a)
{
    if (!a)
        return;
    pthread_mutex_lock(&a->mutex);
    atomic_store(&a->ending, true);
    pthread_mutex_unlock(&a->mutex);
    ate__chain_unlisten(a->c, &a->listener);
    while (ate__workers_cancel(a->conf->workers, &a->task))
        ;
    ate__workers_unref(a->conf->workers);
    ate__session_unref(a->conf->session);
    pthread_mutex_destroy(&a->mutex);
    ate__free(a);
}
