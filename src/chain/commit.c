/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * commit.c: offers: check, order, and the submitter that waits. commit_inbox.c has those that do
 * not, group.c writes what was ordered.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "chain/attest.h"
#include "chain/chain_private.h"
#include "chain/kept.h"
#include "chain/snapshot.h"
#include "trust/plugin.h"

/* ---- before it is ordered, without the mutex ---- */

int ate__work_accept(struct ate__chain *c, const struct ate__facts *facts, struct ate__work *w,
                     uint64_t sequence, uint64_t root_time_us, struct ate__verdict *verdict)
{
    if (w->attests)
        return ate__attest(c, facts, w, sequence, root_time_us, verdict);
    int rc = ate__accept(c->trust, facts, &w->tx, sequence, root_time_us, verdict);
    if (!rc && w->offer->from_afar)
        verdict->result = rc = ate__accept_purpose(c->trust, facts, &w->tx);
    return rc;
}

static bool validates(const struct ate__chain *c)
{
    return c->conf.plugins && c->conf.plugins->validate;
}

/* Whether the published state speaks against it: a forecast, for it may build on what is ordered
 * and not published yet. Who sends what is refused anyway shall not have a signature verified for
 * it, and plug-ins are not asked about it. */
static bool has_no_prospect(struct ate__chain *c, struct ate__work *w)
{
    struct ate__verdict verdict;
    struct ate__moment now;
    if (ate__moment_begin(c, &now))
        return false;
    int rc = ate__work_accept(c, &now.facts, w, now.view.size, UINT64_MAX, &verdict);
    ate__moment_end(&now);
    return rc > 0;
}

static int read_work(struct ate__chain *c, struct ate__work *w)
{
    const struct ate__own *own = w->offer->own;
    int rc;
    if (c->read_only)
        return ate__fail(ATE_READ_ONLY, "commit: the chain is open for reading only");
    if (!c->trust)
        return ate__fail(ATE_READ_ONLY, "commit: this mirror holds no chain yet");
    if (own)
        rc = ate__tx_decode_own(w->bytes, own->events, own->event_count, &own->hash, &w->tx);
    else
        rc = ate__tx_decode(w->bytes, ate__trust_alg(c->trust), &w->tx);
    if (rc)
        return rc;
    w->decoded = true;
    if (!ate__tx_is_whole(&w->tx))
        return ate__fail(ATE_OMITTED, "commit: an event or a payload was left out");
    rc = ate__attest_check(c, w);
    w->unfit = rc != 0;
    if (rc)
        return rc;
    w->unverified = !own && !w->attests && w->tx.signature_count;
    bool foretold = w->unverified || (w->attests && validates(c));
    w->hopeless = foretold && has_no_prospect(c, w);
    return 0;
}

static void found(struct ate__work *w, int rc)
{
    w->checked = rc;
    if (rc)
        ate__work_fail(w, rc);
}

void ate__work_read(struct ate__chain *c, struct ate__work *w)
{
    found(w, read_work(c, w));
}

const struct ate__tx *ate__work_signed(const struct ate__work *w)
{
    return w->unverified && !w->hopeless ? &w->tx : NULL;
}

static void verify(struct ate__chain *c, struct ate__work *w)
{
    w->unverified = false;
    found(w, ate__trust_verify(c->trust, &w->tx));
}

/* What holds and has a prospect. A repeat of what is in the chain already is asked about too, and
 * answered as it was all the same (ate__work_order()). */
static void ask_plugins(struct ate__chain *c, struct ate__work *w)
{
    const struct ate__plugins *p = c->conf.plugins;
    if (!validates(c) || w->checked || w->unverified)
        return;
    w->shown = w->named;
    w->shows++;
    w->objection = p->validate(p->arg, c->trust, &w->tx);
    if (w->objection)
        ate__work_fail(w, w->objection);
}

void ate__work_verify(struct ate__chain *c, struct ate__work *w)
{
    if (ate__work_signed(w))
        verify(c, w);
    if (!w->attests || !w->hopeless)
        ask_plugins(c, w);
}

/* ---- ordering, under the mutex ---- */

static struct ate__work *in_flight(struct ate__chain *c, uint64_t sequence)
{
    const struct ate__works *lists[] = {&c->writing, &c->ordered};
    for (unsigned i = 0; i < ATE__COUNT_OF(lists); i++)
        for (struct ate__work *w = lists[i]->first; w; w = w->next)
            if (w->sequence == sequence)
                return w;
    return NULL;
}

static int other_bytes(const struct ate__work *w)
{
    return ate__fail(ATE_MALFORMED,
                     "commit: origin used twice: number %llu of this origin was another "
                     "transaction",
                     (unsigned long long)w->tx.id.number);
}

/* (origin, number) was ordered before. Where that is not decided yet, its answer is this one's. */
static int order_repeat(struct ate__chain *c, struct ate__work *w, uint64_t sequence)
{
    struct ate__work *original = in_flight(c, sequence);
    if (original && !ate__hash_equal(&original->tx.hash, &w->tx.hash))
        return other_bytes(w);
    w->sequence = sequence;
    w->offer->repeat = true;
    w->repeat = !original;
    if (original) {
        w->next = original->twins;
        original->twins = w;
        if (w->counted)
            ate__chain_wait_less(c, 1, w->bytes.size);
        w->counted = false;
    }
    return 0;
}

/* The state takes it against all forecasts: its signatures are due after all, without the mutex. */
static void verify_late(struct ate__chain *c, struct ate__work *w)
{
    pthread_mutex_unlock(&c->mutex);
    verify(c, w);
    ask_plugins(c, w);
    pthread_mutex_lock(&c->mutex);
}

/* Who made it, as it turns out at its place, is not what plug-ins were shown. */
static bool is_to_be_shown(const struct ate__chain *c, const struct ate__work *w)
{
    return w->attests && validates(c) && !w->checked && (!w->shows || w->shown != w->named);
}

static int show_late(struct ate__chain *c, struct ate__work *w)
{
    if (w->shows == ATE__SHOWN_MAX)
        return ate__fail(ATE_BUSY, "commit: the rights that it takes keep changing");
    pthread_mutex_unlock(&c->mutex);
    ask_plugins(c, w);
    pthread_mutex_lock(&c->mutex);
    return 0;
}

/* Signatures were checked before the mutex was taken. The keys that the chain holds may have
 * changed since: one came with a transaction that was ordered meanwhile, or went with a group that
 * failed. What was verified is remembered, so asking again costs little; it is not asked again
 * where the signature itself is wrong. */
static int check_keys(struct ate__chain *c, const struct ate__work *w)
{
    bool all_held = true;
    for (uint32_t i = 0; i < w->tx.signature_count; i++)
        all_held &= ate__trust_has_key(c->trust, &w->tx.signatures[i].fingerprint);
    bool again = all_held ? w->checked == ATE_DENIED : !w->checked;
    return again ? ate__trust_verify(c->trust, &w->tx) : w->checked;
}

/* That it is no repeat is known. */
static int judge(struct ate__chain *c, struct ate__work *w)
{
    struct ate__verdict verdict;
    int rc = ate__work_accept(c, &c->latest, w, c->next_sequence, ate__chain_time(c), &verdict);
    if (rc)
        w->offer->verdict = verdict;
    return rc;
}

int ate__work_order(struct ate__chain *c, struct ate__work *w)
{
    uint64_t first;
    if (c->broken && !ate__chain_mend(c))
        return ate__fail(ATE_E_IO, "commit: the log failed and is not recovered yet: %s",
                         c->broken_text);
    if (w->decoded)
        ate__view_expect(c->view, &w->tx);
    if (w->decoded && c->next_sequence && !ate__trust_origin(c->trust, &w->tx.id, &first))
        return order_repeat(c, w, first);
    bool judged = w->decoded && !w->unfit && w->checked != ATE_OMITTED;
    int rc = judged ? judge(c, w) : 0;
    if (rc)
        return rc;
    if (w->unverified) {
        verify_late(c, w);
        return ate__work_order(c, w); /* the state may have moved on; once: it is verified now */
    }
    if (is_to_be_shown(c, w)) {
        rc = show_late(c, w);
        return rc ? rc : ate__work_order(c, w); /* as above; ATE__SHOWN_MAX times at most */
    }
    rc = judged ? check_keys(c, w) : w->checked;
    bool objected = !rc && w->objection;
    if (objected)
        rc = w->objection;
    if (rc && (objected || rc == w->checked))
        ate__error_set(w->text.data ? (const char *)w->text.data : ate__result_text(rc));
    if (!rc)
        rc = ate__attest_write(c, w);
    if (!rc)
        rc = ate__chain_check_room(c, &w->tx);
    if (!rc)
        rc = ate__chain_take(c, &w->tx, c->next_sequence);
    if (rc)
        return rc;
    w->sequence = c->next_sequence++;
    ate__works_push(&c->ordered, w);
    if (!w->counted)
        ate__chain_wait_more(c, w->bytes.size);
    w->counted = true;
    return 0;
}

/* ---- repeats of what is in the log ---- */

struct first_answer {
    struct ate__chain *c;
    bool found; /* or compacted away */
    struct ate_hash hash;
    uint64_t root_time_us;
};

static int read_first(void *arg, const struct ate__record_out *record)
{
    struct first_answer *first = arg;
    struct ate__identity identity;
    int rc = ate__identity_of_record(record, ate__trust_alg(first->c->trust), &identity);
    if (rc)
        return rc;
    first->found = true;
    first->hash = identity.hash;
    first->root_time_us = record->root_time_us;
    return 0;
}

enum ate__stage ate__chain_stage(struct ate__chain *c, uint64_t sequence)
{
    struct ate__storage_state state;
    if (c->conf.sync == ATE__SYNC_ALWAYS)
        return ATE__DURABLE;
    c->storage->v->state(c->storage, &state);
    return sequence < state.floor ? ATE__DURABLE : ATE__QUEUED;
}

int ate__work_repeat(struct ate__chain *c, struct ate__work *w)
{
    struct first_answer first = {.c = c};
    int rc = c->storage->v->scan(c->storage, w->sequence, w->sequence + 1,
                                 &(struct ate__scan){NULL, read_first, &first});
    if (!rc && !first.found)
        rc = ate__fail(ATE_STALE,
                       "number %llu of its origin was committed as %llu, which was compacted away",
                       (unsigned long long)w->tx.id.number, (unsigned long long)w->sequence);
    if (!rc && !ate__hash_equal(&first.hash, &w->tx.hash))
        rc = other_bytes(w);
    if (rc)
        return rc;
    w->result = 0; /* whatever was found before it was known to be one */
    w->receipt = (struct ate__receipt){
        .sequence = w->sequence,
        .root_time_us = first.root_time_us,
        .stage = ate__chain_stage(c, w->sequence),
    };
    ate__chain_head(c, &w->receipt.size, &w->receipt.head);
    return 0;
}

/* ---- a submitter that waits: everything happens on its own thread ---- */

bool ate__chain_lead_or_wait(struct ate__chain *c, pthread_cond_t *cond,
                             const struct timespec *until)
{
    if (!c->leading && c->ordered.first)
        ate__chain_lead(c);
    else if (!until)
        pthread_cond_wait(cond, &c->mutex);
    else
        return !pthread_cond_timedwait(cond, &c->mutex, until);
    return true;
}

static int wait_room(struct ate__chain *c, size_t size, const struct timespec *until)
{
    while (!ate__chain_has_room(c, size))
        if (!ate__chain_lead_or_wait(c, &c->room, until) && !ate__chain_has_room(c, size))
            return ate__fail(ATE_TIMEOUT,
                             "commit: no place in the queue of %d commits or %d bytes within the "
                             "time",
                             ATE__WAITING_MAX, ATE__WAITING_BYTES_MAX);
    return 0;
}

/* Until the work is done, leading whenever the log is idle; lets the mutex go. False: the time is
 * over, and the work belongs to whoever finishes it. */
static bool wait_done(struct ate__chain *c, struct ate__work *w, const struct timespec *until)
{
    enum ate__woken woken = ATE__WOKEN_TO_LEAD;
    while (!w->done) {
        if (woken == ATE__WOKEN_LATE) {
            w->offer = NULL;
            ate__chain_pass_on(c);
            pthread_mutex_unlock(&c->mutex);
            return false;
        }
        if (!c->leading && c->ordered.first) {
            ate__chain_lead(c);
            continue;
        }
        pthread_mutex_unlock(&c->mutex);
        woken = ate__work_sleep(w, until);
        if (woken == ATE__WOKEN_DONE)
            return true;
        pthread_mutex_lock(&c->mutex);
    }
    pthread_mutex_unlock(&c->mutex);
    while (ate__work_sleep(w, NULL) != ATE__WOKEN_DONE)
        ;
    return true;
}

/* Answered without the work, which is still on its way: whoever finishes it frees it. */
static void answer_early(struct ate__offer *offer, int result, const char *text)
{
    ate__offer_answer(offer, result, text);
    if (offer->done)
        offer->done(offer);
}

void ate__chain_wait(struct ate__chain *c, struct ate__offer *offer)
{
    struct timespec time_limit, *until = NULL;
    struct ate__work *w;
    if (offer->timeout_ms >= 0) {
        time_limit = ate__deadline(c->conf.env, (uint64_t)offer->timeout_ms);
        until = &time_limit;
    }
    int rc = ate__work_new(c, offer, &w);
    if (rc) {
        answer_early(offer, rc, ate__error_text());
        return;
    }
    ate__work_read(c, w);
    ate__work_verify(c, w);
    pthread_mutex_lock(&c->mutex);
    rc = wait_room(c, w->bytes.size, until);
    if (!rc)
        rc = ate__work_order(c, w);
    bool decided = rc || w->repeat;
    if (decided)
        pthread_mutex_unlock(&c->mutex);
    if (!decided && !wait_done(c, w, until)) {
        answer_early(offer, ATE_UNKNOWN,
                     "commit: not synced within the time; it may still be applied");
        return;
    }
    if (!rc && w->repeat)
        rc = ate__work_repeat(c, w);
    if (rc)
        ate__work_fail(w, rc);
    ate__work_complete(w);
}
