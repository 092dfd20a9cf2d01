/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * compact.c: shallow compaction.
 *
 *   1. every full segment is read, and what would go of it is added up
 *   2. those that are worth it, the emptiest first, are written anew
 *   3. the view is told where the records of a new segment lie
 */
#include "chain/compact.h"
#include "base/alloc.h"
#include "base/err.h"
#include "chain/chain_private.h"
#include <stdlib.h>

enum { GAIN_PERCENT = 10, PAUSE_MS_MIN = 5, BLOCK_BYTES = 1 << 20 };

struct plan { /* of one segment */
    uint64_t first, end, bytes, goes;
};
struct compacting {
    struct ate__chain *c;
    const struct ate__compact_conf *conf;
    struct plan *plans;
    size_t count, capacity;
    struct plan *plan; /* the segment that is looked at */
    const struct ate__tx *tx; /* the transaction that is made shorter */
    uint64_t done, total; /* bytes, for progress */
    uint64_t since_pause;
    struct ate__compacted result;
};

/* ---- what goes ---- */

/* The payload of this event can be asked for by nobody. */
static bool goes(const struct ate__chain *c, const struct ate__event *e)
{
    return (e->form == ATE__CLEAR || e->form == ATE__CIPHER) && e->kind == ATE__EVENT_BODY &&
           !ate__view_holds(c->view, &e->header.object, &e->hash);
}

static enum ate__part part_of(void *arg, uint32_t event)
{
    struct compacting *x = arg;
    return goes(x->c, &x->tx->events[event]) ? ATE__PART_HEADER : ATE__PART_WHOLE;
}

/* ---- pauses ---- */

/* So many bytes were read or written. */
static void pause_after(void *arg, uint64_t bytes)
{
    struct compacting *x = arg;
    const struct ate__compact_conf *conf = x->conf;
    x->done += bytes;
    if (conf->progress)
        conf->progress(conf->arg, ate__min(x->done, x->total), x->total);
    x->since_pause += bytes;
    if (!conf->bytes_per_second || x->since_pause < BLOCK_BYTES / 8)
        return;
    uint64_t due_ms = x->since_pause * 1000 / conf->bytes_per_second;
    if (due_ms < PAUSE_MS_MIN)
        return;
    x->since_pause = 0;
    ate__sleep_ms(x->c->conf.env, (uint32_t)ate__min(due_ms, 1000));
}

static int check_canceled(struct compacting *x)
{
    return x->conf->cancel && x->conf->cancel(x->conf->arg)
               ? ate__fail(ATE_CANCELED, "the compaction was stopped; what it did stands")
               : 0;
}

/* ---- 1 ---- */

static int note_segment(void *arg, const struct ate__segment_out *s)
{
    struct compacting *x = arg;
    if (x->conf->below && s->end > x->conf->below)
        return ATE_END;
    int rc = ate__grow(&x->plans, &x->capacity, x->count + 1, sizeof *x->plans);
    if (!rc)
        x->plans[x->count++] = (struct plan){s->first, s->end, s->bytes, 0};
    x->total += s->bytes;
    return rc;
}

static int decode(const struct compacting *x, const struct ate__record_out *record,
                  struct ate__tx *ret_tx)
{
    return ate__tx_decode(record->body, ate__trust_alg(x->c->trust), ret_tx);
}

static int weigh_record(void *arg, const struct ate__record_out *record)
{
    struct compacting *x = arg;
    struct ate__tx tx;
    int rc = check_canceled(x);
    pause_after(x, record->body.size);
    if (rc || record->identity)
        return rc;
    rc = decode(x, record, &tx);
    if (rc)
        return rc;
    for (uint32_t i = 0; i < tx.event_count; i++)
        if (goes(x->c, &tx.events[i]))
            x->plan->goes += tx.events[i].payload_size;
    ate__tx_deinit(&tx);
    return 0;
}

static int weigh(struct compacting *x)
{
    struct ate__storage *s = x->c->storage;
    int rc = s->v->segments(s, note_segment, x);
    rc = rc == ATE_END ? 0 : rc;
    for (size_t i = 0; i < x->count && !rc; i++) {
        x->plan = &x->plans[i];
        rc =
            s->v->scan(s, x->plan->first, x->plan->end, &(struct ate__scan){NULL, weigh_record, x});
    }
    x->result.segments = x->count;
    return rc;
}

static int by_share(const void *a, const void *b)
{
    const struct plan *x = a, *y = b;
    double share_x = (double)x->goes / (double)x->bytes,
           share_y = (double)y->goes / (double)y->bytes;
    return share_x > share_y ? -1 : share_x < share_y;
}

static bool is_worth(const struct compacting *x, const struct plan *p)
{
    uint64_t percent = x->conf->gain_percent ? x->conf->gain_percent : GAIN_PERCENT;
    return p->goes && p->goes * 100 >= p->bytes * percent;
}

/* ---- 2 ---- */

static int shorten(void *arg, const struct ate__record_out *record, struct ate__buf *body,
                   enum ate__remains *ret_remains)
{
    struct compacting *x = arg;
    struct ate__tx tx;
    int rc = check_canceled(x);
    if (rc || record->identity)
        return rc;
    rc = decode(x, record, &tx);
    if (rc)
        return rc;
    uint64_t payloads = 0;
    for (uint32_t i = 0; i < tx.event_count; i++)
        payloads += goes(x->c, &tx.events[i]);
    x->tx = &tx;
    if (payloads)
        rc = ate__tx_reduce_parts(&tx, part_of, x, body);
    ate__tx_deinit(&tx);
    *ret_remains = payloads ? ATE__REMAINS_SHORTER : ATE__REMAINS_ALL;
    x->result.payloads += payloads;
    return rc;
}

/* ---- 3 ---- */

static int move_record(void *arg, const struct ate__record_out *record)
{
    struct compacting *x = arg;
    struct ate__tx tx;
    int rc = record->identity ? ATE_END : decode(x, record, &tx);
    if (rc)
        return rc == ATE_END ? 0 : rc;
    pthread_mutex_lock(&x->c->mutex);
    ate__view_move(x->c->view, &tx, record->sequence, &record->position);
    pthread_mutex_unlock(&x->c->mutex);
    ate__tx_deinit(&tx);
    return 0;
}

static int rewrite(struct compacting *x, const struct plan *p)
{
    struct ate__storage *s = x->c->storage;
    struct ate__rewritten done;
    struct ate__rewrite w = {
        .from = p->first, .to = p->end, .record = shorten, .pause = pause_after, .arg = x};
    uint64_t payloads = x->result.payloads;
    int rc = s->v->rewrite(s, &w, &done);
    if (rc) {
        x->result.payloads = payloads;
        return rc;
    }
    x->result.rewritten++;
    return s->v->scan(s, p->first, p->end, &(struct ate__scan){NULL, move_record, x});
}

static int run(struct compacting *x)
{
    struct ate__storage_state state;
    struct ate__storage *s = x->c->storage;
    s->v->state(s, &state);
    x->result.bytes_before = state.bytes;
    int rc = weigh(x);
    qsort(x->plans, x->count, sizeof *x->plans, by_share);
    for (size_t i = 0; i < x->count && !rc; i++)
        x->total += is_worth(x, &x->plans[i]) ? x->plans[i].bytes : 0;
    for (size_t i = 0; i < x->count && !rc && is_worth(x, &x->plans[i]); i++)
        rc = rewrite(x, &x->plans[i]);
    s->v->state(s, &state);
    x->result.bytes_after = state.bytes;
    return rc;
}

int ate__chain_compact(struct ate__chain *c, const struct ate__compact_conf *conf,
                       struct ate__compacted *ret_compacted)
{
    struct compacting x = {.c = c, .conf = conf};
    struct ate__storage_state state;
    c->storage->v->state(c->storage, &state);
    if (c->read_only || !state.writable)
        return ate__fail(ATE_READ_ONLY, "the chain was opened for reading");
    if (atomic_exchange(&c->compacting, true))
        return ate__fail(ATE_BUSY, "the chain is being compacted already");
    int rc = run(&x);
    atomic_store(&c->compacting, false);
    ate__free(x.plans);
    if (!rc)
        *ret_compacted = x.result;
    return rc;
}
