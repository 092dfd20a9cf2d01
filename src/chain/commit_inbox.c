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

static void read_nth(void *arg, size_t i)
{
    struct batch *b = arg;
    ate__work_read(b->c, b->works[i]);
}

static const struct ate__tx *nth_signed(void *arg, size_t i)
{
    return ate__work_signed(((struct batch *)arg)->works[i]);
}

static void verify_nth(void *arg, size_t i)
{
    struct batch *b = arg;
    ate__work_verify(b->c, b->works[i]);
}

static void check(struct ate__chain *c, struct batch *b)
{
    struct ate__workers *workers = b->count > 1 ? c->conf.workers : NULL;
    ate__workers_each(workers, b->count, read_nth, b);
    if (c->trust)
        ate__trust_each(c->trust, workers, b->count,
                        &(struct ate__signed){nth_signed, verify_nth, b});
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

/* False: there is nothing, and whoever comes next starts another task. */
static bool take_out(struct ate__chain *c, struct batch *b, struct ate__offer **ret_refused)
{
    b->count = 0;
    pthread_mutex_lock(&c->inbox_mutex);
    while (b->count < CHECK_AT_ONCE && c->inbox.first)
        b->works[b->count++] = ate__works_pop(&c->inbox);
    *ret_refused = ate__steal(&c->refused);
    bool some = b->count || *ret_refused;
    if (!some)
        c->checking = false;
    pthread_mutex_unlock(&c->inbox_mutex);
    return some;
}

static bool has_more(struct ate__chain *c)
{
    pthread_mutex_lock(&c->inbox_mutex);
    bool more = c->inbox.first;
    pthread_mutex_unlock(&c->inbox_mutex);
    return more;
}

/* Checked side by side, ordered one by one. */
static void order_batch(struct ate__chain *c, struct batch *b)
{
    size_t decided = 0, decided_bytes = 0;
    pthread_mutex_unlock(&c->mutex);
    check(c, b);
    uint64_t now_ms = ate__monotonic_ms(c->conf.env);
    pthread_mutex_lock(&c->mutex);
    for (size_t i = 0; i < b->count; i++) {
        struct ate__work *w = b->works[i];
        int rc = order(c, w, now_ms);
        if (rc)
            ate__work_fail(w, rc);
        if (rc || w->repeat) {
            decided++;
            decided_bytes += w->bytes.size;
        } else {
            b->works[i] = NULL; /* on its way */
        }
    }
    ate__chain_wait_less(c, decided, decided_bytes);
    c->inbox_out += b->count;
    ate__chain_moved(c);
    if (has_more(c))
        ate__chain_pass_on(c);
    pthread_mutex_unlock(&c->mutex);
    answer_batch(b);
    pthread_mutex_lock(&c->mutex);
}

static void complete_refused(struct ate__chain *c, struct ate__offer *list)
{
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
    struct batch b = {.c = c};
    struct ate__offer *refused;
    while (take_out(c, &b, &refused)) {
        if (refused)
            complete_refused(c, refused);
        if (b.count)
            order_batch(c, &b);
    }
    ate__chain_moved(c);
}

void ate__chain_check_run(struct ate__task *task)
{
    struct ate__chain *c = task->user;
    pthread_mutex_lock(&c->mutex);
    ate__chain_check_inbox(c);
    if (!c->lead_due)
        ate__chain_lead_all(c);
    pthread_mutex_unlock(&c->mutex);
}

/* ---- offering: the inbox alone, see `inbox_mutex` ---- */

static bool has_room(const struct ate__chain *c, size_t size)
{
    return c->waiting_count < ATE__WAITING_MAX && c->waiting_bytes + size <= ATE__WAITING_BYTES_MAX;
}

bool ate__chain_has_room(struct ate__chain *c, size_t size)
{
    pthread_mutex_lock(&c->inbox_mutex);
    bool has = has_room(c, size);
    pthread_mutex_unlock(&c->inbox_mutex);
    return has;
}

void ate__chain_wait_more(struct ate__chain *c, size_t size)
{
    pthread_mutex_lock(&c->inbox_mutex);
    c->waiting_count++;
    c->waiting_bytes += size;
    pthread_mutex_unlock(&c->inbox_mutex);
}

void ate__chain_wait_longer(struct ate__chain *c, size_t bytes)
{
    pthread_mutex_lock(&c->inbox_mutex);
    c->waiting_bytes += bytes;
    pthread_mutex_unlock(&c->inbox_mutex);
}

void ate__chain_wait_less(struct ate__chain *c, size_t count, size_t bytes)
{
    pthread_mutex_lock(&c->inbox_mutex);
    ate__assert(count <= c->waiting_count && bytes <= c->waiting_bytes);
    c->waiting_count -= count;
    c->waiting_bytes -= bytes;
    pthread_mutex_unlock(&c->inbox_mutex);
}

/* Under inbox_mutex. 0: the work is the chain's. */
static int put_into_inbox(struct ate__chain *c, struct ate__work *w)
{
    if (!has_room(c, w->bytes.size))
        return ate__fail(ATE_BUSY, "commit: %d commits or %d bytes are waiting already",
                         ATE__WAITING_MAX, ATE__WAITING_BYTES_MAX);
    c->waiting_count++;
    c->waiting_bytes += w->bytes.size;
    c->inbox_in++;
    w->counted = true;
    ate__works_push(&c->inbox, w);
    return 0;
}

static void refuse(struct ate__chain *c, struct ate__offer *offer, int rc)
{
    offer->at_once = rc;
    ate__offer_answer(offer, rc, ate__error_text());
    offer->next = c->refused;
    c->refused = offer;
}

/* A task may be under way, and the offer be done as soon as inbox_mutex is free. */
void ate__chain_offer(struct ate__chain *c, struct ate__offer *offer)
{
    struct ate__work *w = NULL;
    if (offer->waits)
        return; /* ate__chain_wait() does it all */
    offer->at_once = 0;
    int rc = ate__work_new(c, offer, &w);
    pthread_mutex_lock(&c->inbox_mutex);
    if (!rc)
        rc = put_into_inbox(c, w);
    if (rc)
        refuse(c, offer, rc);
    bool start = !c->checking;
    c->checking = true;
    pthread_mutex_unlock(&c->inbox_mutex);
    if (rc && w)
        ate__work_free(w);
    if (start && c->conf.workers)
        ate__workers_submit(c->conf.workers, &c->check, 0);
    else if (start)
        ate__chain_check_run(&c->check); /* everything happens here, done() included */
}
