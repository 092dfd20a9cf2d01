/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * commit_inbox.c: submitters that do not wait: a task of the workers takes their offers off the
 * inbox in order, many at once, while another one writes the group before. Where none does, and
 * the inbox is empty then, it writes them itself: a commit that is alone changes threads once less.
 */
#include "base/err.h"
#include "chain/chain_private.h"

enum { CHECK_AT_ONCE = 256 };

struct batch {
    struct ate__chain *c;
    struct ate__work *works[CHECK_AT_ONCE];
    size_t count;
};

static void check_nth(void *arg, size_t i)
{
    struct batch *b = arg;
    ate__work_check(b->c, b->works[i]);
}

static int order(struct ate__chain *c, struct ate__work *w, uint64_t now_ms)
{
    if (now_ms > w->due_ms)
        return ate__fail(ATE_TIMEOUT, "commit: its turn did not come within the time");
    return ate__work_order(c, w);
}

/* Refused ones and repeats have their answer already. */
static void answer_batch(struct batch *b)
{
    for (size_t i = 0; i < b->count; i++) {
        struct ate__work *w = b->works[i];
        if (!w)
            continue;
        int rc = w->repeat ? ate__work_repeat(b->c, w) : w->result;
        if (rc && w->repeat)
            ate__work_fail(w, rc);
        ate__work_complete(w);
    }
}

/* Checked side by side, ordered one by one. */
static void take_batch(struct ate__chain *c)
{
    struct batch b = {.c = c};
    while (b.count < CHECK_AT_ONCE && c->inbox.first) {
        struct ate__work *w = ate__works_pop(&c->inbox);
        b.works[b.count++] = w;
        c->checking_count++;
        c->checking_bytes += w->bytes.size;
    }
    pthread_mutex_unlock(&c->mutex);
    ate__workers_each(b.count > 1 ? c->conf.workers : NULL, b.count, check_nth, &b);
    uint64_t now_ms = ate__monotonic_ms(c->conf.env);
    pthread_mutex_lock(&c->mutex);
    c->checking_count = c->checking_bytes = 0; /* one batch at a time */
    for (size_t i = 0; i < b.count; i++) {
        int rc = order(c, b.works[i], now_ms);
        if (rc)
            ate__work_fail(b.works[i], rc);
        else if (!b.works[i]->repeat)
            b.works[i] = NULL; /* on its way */
    }
    c->inbox_out += b.count;
    ate__chain_moved(c);
    if (c->inbox.first)
        ate__chain_pass_on(c);
    pthread_mutex_unlock(&c->mutex);
    answer_batch(&b);
    pthread_mutex_lock(&c->mutex);
}

static void complete_refused(struct ate__chain *c)
{
    struct ate__offer *list = c->refused;
    c->refused = NULL;
    pthread_mutex_unlock(&c->mutex);
    for (struct ate__offer *next; list; list = next) {
        next = list->next;
        if (list->done)
            list->done(list);
    }
    pthread_mutex_lock(&c->mutex);
}

void ate__chain_check_inbox(struct ate__chain *c)
{
    while (c->inbox.first || c->refused) {
        if (c->refused)
            complete_refused(c);
        if (c->inbox.first)
            take_batch(c);
    }
    ate__chain_moved(c);
}

void ate__chain_check_run(struct ate__task *task)
{
    struct ate__chain *c = task->user;
    pthread_mutex_lock(&c->mutex);
    ate__chain_check_inbox(c);
    c->checking = false; /* what comes while this thread writes is another's */
    if (!c->lead_due)
        ate__chain_lead_all(c);
    pthread_mutex_unlock(&c->mutex);
}

static int put_into_inbox(struct ate__chain *c, struct ate__offer *offer)
{
    struct ate__work *w;
    int rc = ate__work_new(c, offer, &w);
    if (rc)
        return rc;
    pthread_mutex_lock(&c->mutex);
    if (ate__chain_has_room(c, w->bytes.size)) {
        ate__works_push(&c->inbox, w); /* a task may be under way, and the offer be done any time */
        c->inbox_in++;
    } else {
        rc = ate__fail(ATE_BUSY, "commit: %d commits or %d bytes are waiting already",
                       ATE__WAITING_MAX, ATE__WAITING_BYTES_MAX);
    }
    pthread_mutex_unlock(&c->mutex);
    if (rc)
        ate__work_free(w);
    return rc;
}

void ate__chain_offer(struct ate__chain *c, struct ate__offer *offer)
{
    if (offer->waits)
        return; /* ate__chain_wait() does it all */
    offer->at_once = 0;
    int rc = put_into_inbox(c, offer);
    pthread_mutex_lock(&c->mutex);
    if (rc) {
        offer->at_once = rc;
        ate__offer_answer(offer, rc, ate__error_text());
        offer->next = c->refused;
        c->refused = offer;
    }
    bool start = !c->checking;
    c->checking = true;
    pthread_mutex_unlock(&c->mutex);
    if (start && c->conf.workers)
        ate__workers_submit(c->conf.workers, &c->check, 0);
    else if (start)
        ate__chain_check_run(&c->check); /* everything happens here, done() included */
}
