/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * compact.c: compaction, shallow and deep.
 *
 *   1. every full segment is read, and what would go of it is added up
 *   2. those that are worth it are written anew: the emptiest first, or, deep, from the first one
 *      on all of which something is left out
 *   3. the view is told where the records of a new segment lie
 */
#include "chain/compact.h"
#include "base/alloc.h"
#include "base/err.h"
#include "chain/chain_private.h"
#include "chain/deep.h"
#include "chain/kept.h"
#include <stdlib.h>

enum { GAIN_PERCENT = 10 };

struct plan { /* of one segment */
    uint64_t first, end, bytes, goes;
    bool drops; /* events go */
};
struct compacting {
    struct ate__chain *c;
    const struct ate__compact_conf *conf;
    struct plan *plans;
    size_t count, capacity;
    struct plan *plan; /* the segment that is looked at */
    struct ate__deep deep; /* size 0: shallow */
    enum ate__part *parts;    /* what stays of each event of the transaction that is looked at */
    size_t parts_capacity;
    uint64_t done, total; /* bytes, for progress */
    struct ate__pace pace;
    struct ate__compacted result;
};

/* ---- what goes ---- */

static bool is_wished_for(const struct compacting *x, const struct ate__event *e, uint64_t sequence)
{
    const struct ate__keep_plugin *plugin = x->conf->plugin;
    if (!plugin)
        return false;
    struct ate__ballot b = plugin->vote(plugin->arg, &(struct ate__keep_event){sequence, e});
    return (b.vote == ATE__KEEP || b.vote == ATE__FORCE_KEEP) && !b.header_only;
}

/* The payload of this event can be asked for by nobody, and nobody wishes it to stay. */
static bool goes(const struct compacting *x, const struct ate__event *e, uint64_t sequence)
{
    return ate__event_has_payload(e) && e->kind == ATE__EVENT_BODY &&
           !ate__view_holds(x->c->view, &e->header.object, &e->hash) &&
           !is_wished_for(x, e, sequence);
}

static bool is_deep(const struct compacting *x, uint64_t sequence)
{
    return sequence < x->deep.size;
}

static enum ate__part part_of(const struct compacting *x, const struct ate__event *e,
                              uint64_t sequence)
{
    if (e->form == ATE__DROPPED)
        return ATE__PART_HASH;
    enum ate__fate fate =
        is_deep(x, sequence) ? ate__keep_fate(x->deep.keep, e, sequence, NULL) : ATE__FATE_WHOLE;
    if (fate == ATE__FATE_GONE)
        return ATE__PART_HASH;
    return fate == ATE__FATE_HEADER || goes(x, e, sequence) ? ATE__PART_HEADER : ATE__PART_WHOLE;
}

/* An event that is no longer than its hash stays with the transaction. */
static bool is_shorter_gone(const struct ate__event *e)
{
    return e->whole.size > 1 + sizeof e->hash;
}

static enum ate__part part_left(void *arg, uint32_t event)
{
    const struct compacting *x = arg;
    return x->parts[event];
}

struct loss { /* of a transaction */
    uint64_t gone, events, payloads, bytes; /* events: of those that are gone, by which it gets
                                               shorter */
    enum ate__remains remains;
};

/* Of one that keeps no event. */
static void lose_all(const struct compacting *x, const struct ate__tx *tx, uint64_t sequence,
                     struct loss *loss)
{
    if (sequence >= x->deep.gaps_below)
        return;
    bool known = ate__keep_identity(x->deep.keep, sequence);
    loss->remains = known ? ATE__REMAINS_IDENTITY : ATE__REMAINS_NOTHING;
    loss->bytes = tx->encoded.size - (known ? ATE__IDENTITY_BYTES : 0);
    loss->events = loss->gone;
}

/* The parts, and what they leave out. */
static int weigh_tx(struct compacting *x, const struct ate__tx *tx, uint64_t sequence,
                    struct loss *ret_loss)
{
    struct loss loss = {0};
    uint32_t left = 0;
    int rc = ate__grow(&x->parts, &x->parts_capacity, tx->event_count, sizeof *x->parts);
    if (rc)
        return rc;
    for (uint32_t i = 0; i < tx->event_count; i++) {
        const struct ate__event *e = &tx->events[i];
        enum ate__part stays = part_of(x, e, sequence);
        bool goes_now = stays == ATE__PART_HASH && e->form != ATE__DROPPED;
        bool shorter = goes_now && is_shorter_gone(e);
        x->parts[i] = goes_now && !shorter ? ATE__PART_WHOLE : stays;
        left += stays != ATE__PART_HASH;
        loss.gone += goes_now;
        if (shorter) {
            loss.events++;
            loss.bytes += e->whole.size - 1 - sizeof e->hash;
        } else if (stays == ATE__PART_HEADER && ate__event_has_payload(e)) {
            loss.payloads++;
            loss.bytes += e->payload_size;
        }
    }
    loss.remains = loss.events || loss.payloads ? ATE__REMAINS_SHORTER : ATE__REMAINS_ALL;
    if (!left && is_deep(x, sequence))
        lose_all(x, tx, sequence, &loss);
    *ret_loss = loss;
    return 0;
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
    ate__pace(&x->pace, bytes);
}

static int check_canceled(struct compacting *x)
{
    return ate__pace_canceled(&x->pace)
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
        x->plans[x->count++] = (struct plan){s->first, s->end, s->bytes, 0, false};
    x->total += s->bytes;
    return rc;
}

static int decode(const struct compacting *x, const struct ate__record_out *record,
                  struct ate__tx *ret_tx)
{
    return ate__tx_decode(record->body, ate__trust_alg(x->c->trust), ret_tx);
}

/* It is known for as long as the transaction may be sent again. */
static bool identity_goes(const struct compacting *x, uint64_t sequence)
{
    return sequence < x->deep.gaps_below && !ate__keep_identity(x->deep.keep, sequence);
}

static int weigh_record(void *arg, const struct ate__record_out *record)
{
    struct compacting *x = arg;
    struct ate__tx tx;
    int rc = check_canceled(x);
    pause_after(x, record->body.size);
    if (rc)
        return rc;
    if (record->identity) {
        x->plan->goes += identity_goes(x, record->sequence) ? record->body.size : 0;
        return 0;
    }
    rc = decode(x, record, &tx);
    if (rc)
        return rc;
    struct loss loss = {0};
    rc = weigh_tx(x, &tx, record->sequence, &loss);
    x->plan->goes += loss.bytes;
    x->plan->drops |= loss.events != 0;
    ate__tx_deinit(&tx);
    return rc;
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

static int write_identity(const struct compacting *x, const struct ate__tx *tx,
                          struct ate__buf *body)
{
    struct ate__identity identity;
    int rc = ate__identity_of(tx, ate__trust_alg(x->c->trust), &identity);
    return rc ? rc : ate__identity_write(body, &identity);
}

static int shorten(void *arg, const struct ate__record_out *record, struct ate__buf *body,
                   enum ate__remains *ret_remains)
{
    struct compacting *x = arg;
    struct ate__tx tx;
    int rc = check_canceled(x);
    if (rc)
        return rc;
    if (record->identity) {
        *ret_remains = identity_goes(x, record->sequence) ? ATE__REMAINS_NOTHING : ATE__REMAINS_ALL;
        return 0;
    }
    rc = decode(x, record, &tx);
    if (rc)
        return rc;
    struct loss loss = {0};
    rc = weigh_tx(x, &tx, record->sequence, &loss);
    if (!rc && loss.remains == ATE__REMAINS_SHORTER)
        rc = ate__tx_reduce_parts(&tx, part_left, x, body);
    else if (!rc && loss.remains == ATE__REMAINS_IDENTITY)
        rc = write_identity(x, &tx, body);
    ate__tx_deinit(&tx);
    if (rc)
        return rc;
    *ret_remains = loss.remains;
    x->result.payloads += loss.payloads;
    x->result.events += loss.events;
    x->result.transactions +=
        loss.remains == ATE__REMAINS_IDENTITY || loss.remains == ATE__REMAINS_NOTHING;
    return 0;
}

/* What supersedes a value that goes is not lost before it. */
static int sync_first(void *arg)
{
    struct compacting *x = arg;
    struct ate__receipt ignored;
    return ate__chain_sync(x->c, &ignored);
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

/* The segments from `from` to `to`, as many of them as become one. */
static int rewrite(struct compacting *x, uint64_t from, uint64_t to, uint64_t *ret_end)
{
    struct ate__storage *s = x->c->storage;
    struct ate__rewritten done;
    struct ate__compacted before = x->result;
    struct ate__rewrite w = {.from = from,
                             .to = to,
                             .cut_off = x->deep.size,
                             .record = shorten,
                             .ready = sync_first,
                             .pause = pause_after,
                             .arg = x};
    int rc = s->v->rewrite(s, &w, &done);
    if (rc == ATE_E_NO_SPACE) { /* the log has given up for it what it keeps: once more */
        x->result = before;
        rc = s->v->rewrite(s, &w, &done);
    }
    if (rc) {
        x->result = before;
        return rc;
    }
    *ret_end = done.end;
    if (x->deep.size) {
        x->c->kept_size = x->deep.size;
        x->c->kept_root = x->deep.state_root;
    }
    x->result.bytes_freed += done.bytes_before - ate__min(done.bytes_before, done.bytes_after);
    for (size_t i = 0; i < x->count; i++)
        x->result.rewritten += x->plans[i].first >= from && x->plans[i].first < done.end;
    return s->v->scan(s, from, done.end, &(struct ate__scan){NULL, move_record, x});
}

static int rewrite_emptiest(struct compacting *x)
{
    uint64_t ignored;
    int rc = 0;
    if (x->count)
        qsort(x->plans, x->count, sizeof *x->plans, by_share);
    for (size_t i = 0; i < x->count && !rc; i++)
        x->total += is_worth(x, &x->plans[i]) ? x->plans[i].bytes : 0;
    for (size_t i = 0; i < x->count && !rc && is_worth(x, &x->plans[i]); i++)
        rc = rewrite(x, x->plans[i].first, x->plans[i].end, &ignored);
    return rc;
}

/* Up to the last one that is worth it; between them those may stay of which no event goes. */
static size_t count_due(const struct compacting *x)
{
    size_t count = x->count;
    while (count && !is_worth(x, &x->plans[count - 1]))
        count--;
    return count;
}

static bool is_due(const struct compacting *x, const struct plan *p)
{
    return p->drops || is_worth(x, p);
}

static int rewrite_deep(struct compacting *x)
{
    size_t count = count_due(x), next;
    for (size_t i = 0; i < count; i++)
        x->total += is_due(x, &x->plans[i]) ? x->plans[i].bytes : 0;
    int rc = count ? ate__deep_certify(&x->deep) : 0;
    for (size_t i = 0; i < count && !rc; i = next) {
        uint64_t end = 0;
        for (next = i; next < count && is_due(x, &x->plans[next]); next++)
            ;
        if (next == i) {
            next++;
            continue;
        }
        rc = rewrite(x, x->plans[i].first, x->plans[next - 1].end, &end);
        for (next = i + 1; next < count && x->plans[next].first < end; next++)
            ;
    }
    return rc;
}

static int run(struct compacting *x)
{
    struct ate__storage_state state;
    struct ate__storage *s = x->c->storage;
    s->v->state(s, &state);
    x->result.bytes_before = state.bytes;
    int rc = x->conf->deep ? ate__deep_begin(&x->deep, x->c, x->conf, &x->pace) : 0;
    if (!rc)
        rc = weigh(x);
    if (!rc)
        rc = x->deep.size ? rewrite_deep(x) : rewrite_emptiest(x);
    ate__deep_end(&x->deep);
    s->v->state(s, &state);
    x->result.bytes_after = state.bytes;
    x->result.cut_off = state.cut_off;
    return rc;
}

int ate__chain_compact(struct ate__chain *c, const struct ate__compact_conf *conf,
                       struct ate__compacted *ret_compacted)
{
    struct compacting x = {
        .c = c,
        .conf = conf,
        .pace = {c->conf.env, conf->bytes_per_second, conf->cancel, conf->arg, 0},
    };
    struct ate__storage_state state;
    c->storage->v->state(c->storage, &state);
    if (c->read_only || !state.writable)
        return ate__fail(ATE_READ_ONLY, "the chain was opened for reading");
    if (atomic_exchange(&c->compacting, true))
        return ate__fail(ATE_BUSY, "the chain is being compacted already");
    int rc = run(&x);
    atomic_store(&c->compacting, false);
    ate__free(x.plans);
    ate__free(x.parts);
    if (!rc)
        *ret_compacted = x.result;
    return rc;
}
