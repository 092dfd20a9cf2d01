/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * watch.c: events of a chain, in its order: a cursor over the history, woken by the chain's
 * listener.
 *
 * A watch holds no queue: it reads the log at its own pace. An object counts as below the watched
 * one by the parent that its event names; a deleted one by the parent that it had.
 *
 * Where a mirror takes over what a compaction has left, objects may be gone without a record. They
 * are found by a walk over the state that was there before, which the chain keeps for the watch
 * (chain/replace.h); what was compacted behind what was told, and not what had gone before, is told
 * out of the new log then.
 */
#include "ate/watch.h"
#include "api/api.h"
#include "api/records.h"
#include "chain/replace.h"
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct level { /* of the walk: an object whose children are looked at */
    struct ate_id id;
    uint64_t at;
};
struct ate_watch {
    struct ate__listener listener;
    struct ate__records records;
    struct ate_id parent;
    bool tree, listening;
    int fd;                     /* readable: there may be more */
    uint32_t event;             /* the next of the present transaction to look at */
    struct ate_event found;     /* looked up ahead, so that `last` can be told */
    bool has_found;
    struct ate__view_snapshot left; /* the state before another one came; view NULL: none */
    struct level *walk;             /* in it; ATE__PARENTS_MAX + 1 */
    unsigned depth;
};

static struct ate__chain *held(struct ate_watch *w)
{
    return w->records.chain->pipe->v->chain(w->records.chain->pipe);
}

static void wake(struct ate__listener *l, uint64_t size)
{
    const struct ate_watch *w = l->user;
    uint64_t one = 1;
    (void)size;
    (void)!write(w->fd, &one, sizeof one); /* full means readable already */
}

int ate_watch_start(struct ate_chain *chain, struct ate_session *session, struct ate_id parent,
                    unsigned flags, uint64_t from_sequence, struct ate_watch **ret_watch)
{
    if (flags & ~(unsigned)ATE_TREE)
        return ate__fail(ATE_MISUSE, "watch: unknown flags %#x", flags);
    struct ate_watch *w = ate__alloc(sizeof *w);
    if (!w)
        return ate__no_memory();
    if (from_sequence == ATE_NOW)
        from_sequence = ate_chain_head(chain).size;
    w->parent = parent;
    w->tree = flags & ATE_TREE;
    w->fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK); /* 1: what is there already */
    w->listener = (struct ate__listener){.published = wake, .user = w};
    int rc = w->fd < 0 ? ate__fail_errno(errno, "watch: eventfd") : 0;
    if (!rc)
        rc = ate__records_init(&w->records, chain, session, from_sequence);
    if (!rc)
        rc = chain->pipe->v->listen(chain->pipe, &w->listener);
    if (rc) {
        ate_watch_end(w);
        return rc;
    }
    w->listening = true;
    *ret_watch = w;
    return 0;
}

void ate_watch_end(struct ate_watch *w)
{
    if (!w)
        return;
    if (w->left.view)
        ate__chain_view_end(held(w), &w->left);
    ate__free(w->walk);
    if (w->listening)
        w->records.chain->pipe->v->unlisten(w->records.chain->pipe, &w->listener);
    if (w->records.chain)
        ate__records_deinit(&w->records);
    if (w->fd >= 0)
        close(w->fd);
    ate__free(w);
}

int ate_watch_fd(const struct ate_watch *w)
{
    return w->fd;
}

static int is_below(struct ate_watch *w, struct ate_id at, bool *ret_below)
{
    const struct ate__facts *facts = w->records.chain->pipe->v->facts(w->records.snapshot);
    *ret_below = ate__id_equal(&at, &w->parent);
    for (unsigned depth = 0;
         w->tree && !*ret_below && !ate__is_top(&at) && depth < ATE__PARENTS_MAX; depth++) {
        struct ate__object_facts object;
        int rc = facts->v->object(facts, &at, &object);
        if (rc)
            return rc;
        if (!object.live && !object.deleted)
            return 0;
        at = object.parent;
        *ret_below = ate__id_equal(&at, &w->parent);
    }
    return 0;
}

/* The next event of the present transaction that concerns the watch. ATE_END: none. */
static int next_here(struct ate_watch *w, struct ate_event *ret)
{
    struct ate__records *r = &w->records;
    const struct ate__facts *facts = r->chain->pipe->v->facts(r->snapshot);
    while (r->present && w->event < r->tx.event_count) {
        const struct ate__opened *o = &r->events[w->event++];
        const struct ate__header *h = &o->event->header;
        struct ate__object_facts object;
        bool below;
        if (o->event->form == ATE__DROPPED || o->event->kind != ATE__EVENT_BODY)
            continue;
        bool deleted = ate__header_has(h, ATE__TAG_TOMBSTONE);
        struct ate_id parent = h->parent;
        int rc = deleted ? facts->v->object(facts, &h->object, &object) : 0;
        if (!rc && deleted)
            parent = object.parent;
        if (!rc)
            rc = is_below(w, parent, &below);
        if (rc) {
            w->event--; /* it is asked again */
            return rc;
        }
        if (!below)
            continue;
        *ret = (struct ate_event){
            .change = deleted                             ? ATE_DELETED
                      : ate__header_has(h, ATE__TAG_PREV) ? ATE_UPDATED
                                                          : ATE_CREATED,
            .id = h->object,
            .parent = parent,
            .type = o->type,
            .name = o->name,
            .sequence = r->sequence,
            .time_ns = ate__ns_of(r->root_time_us),
        };
        return 0;
    }
    return ATE_END;
}

/* Whether nothing more will come, of a chain at a server: it is destroyed, not believed any more,
 * or older than the program allows. */
static int check_ended(const struct ate_watch *w)
{
    struct ate__pipe *p = w->records.chain->pipe;
    int rc = p->v->far ? p->v->far->ended(p) : 0;
    return rc ? rc : ate__aging_check(w->records.chain);
}

/* ---- what has gone without a record ---- */

/* The chain has another state than the one of what was told last: 0. NOT_FOUND: it has not. */
static int look_back(struct ate_watch *w)
{
    if (!w->walk)
        w->walk = ate__alloc_array(ATE__PARENTS_MAX + 1, sizeof *w->walk);
    if (!w->walk)
        return ate__no_memory();
    int rc = ate__chain_left(held(w), &w->listener, &w->left);
    if (rc)
        return rc;
    w->walk[0] = (struct level){w->parent, 0};
    w->depth = 1;
    return ate__records_again(&w->records);
}

/* It was told of, lives no more, and no record that is still to come says so. */
static int is_gone(struct ate_watch *w, const struct ate_id *id, struct ate__object_facts *before,
                   bool *ret_gone)
{
    const struct ate__facts *facts = w->records.chain->pipe->v->facts(w->records.snapshot);
    struct ate__object_facts now;
    int rc = ate__view_object(&w->left, id, before);
    if (!rc)
        rc = facts->v->object(facts, id, &now);
    if (rc)
        return rc;
    bool same = now.live && now.created_sequence == before->created_sequence;
    bool comes = now.deleted && now.sequence >= w->records.next;
    *ret_gone = before->created_sequence < w->records.next && !same && !comes;
    return 0;
}

/* ATE_END: no more, and the state of before is let go. */
static int next_gone(struct ate_watch *w, struct ate_event *ret)
{
    while (w->depth) {
        struct level *l = &w->walk[w->depth - 1];
        struct ate__object_facts before;
        struct ate_id id;
        bool gone;
        int rc =
            ate__view_next_child(&w->left, &(struct ate__listing){.parent = l->id}, &l->at, &id);
        if (rc == ATE_END) {
            w->depth--;
            continue;
        }
        if (!rc)
            rc = is_gone(w, &id, &before, &gone);
        if (rc)
            return rc;
        if (w->tree && w->depth <= ATE__PARENTS_MAX)
            w->walk[w->depth++] = (struct level){id, 0};
        if (!gone)
            continue;
        *ret = (struct ate_event){
            .change = ATE_DELETED,
            .id = id,
            .parent = before.parent,
            .sequence = w->records.next - 1,
        };
        return 0;
    }
    ate__chain_view_end(held(w), &w->left);
    w->left.view = NULL;
    return ATE_END;
}

static int next_now(struct ate_watch *w, struct ate_event *ret)
{
    return w->left.view ? next_gone(w, ret) : next_here(w, ret);
}

/* Borrowed views of a transaction end when the next one is read, so an event is looked up ahead
 * only within its own. What was read of a log that another one has taken the place of is read
 * anew. */
static int find(struct ate_watch *w)
{
    int rc;
    while ((rc = next_now(w, &w->found)) == ATE_END) {
        rc = ate__records_next(&w->records);
        int left_rc = look_back(w);
        if (left_rc && left_rc != ATE_NOT_FOUND)
            return left_rc;
        if (left_rc && rc)
            return rc;
        w->event = 0;
    }
    return rc;
}

static int give(struct ate_watch *w, struct ate_event *ret_event)
{
    struct ate_event ahead;
    int rc = w->has_found ? 0 : find(w);
    if (rc)
        return rc;
    w->has_found = true;
    rc = next_now(w, &ahead);
    if (rc && rc != ATE_END)
        return rc;
    *ret_event = w->found;
    ret_event->last = rc == ATE_END;
    w->has_found = rc == 0;
    w->found = ahead;
    return 0;
}

static int wait_for_more(struct ate_watch *w, int timeout_ms)
{
    struct pollfd p = {.fd = w->fd, .events = POLLIN};
    uint64_t left_ms = ate__aging_left_ms(w->records.chain); /* then it is looked at again */
    bool ages = left_ms <= INT_MAX && (timeout_ms < 0 || left_ms < (uint64_t)timeout_ms);
    int n;
    do
        n = poll(&p, 1, ages ? (int)left_ms : timeout_ms);
    while (n < 0 && errno == EINTR && timeout_ms < 0);
    return n > 0 || (n == 0 && ages)
               ? 0
               : ate__fail(ATE_TIMEOUT, "watch: nothing happened within the time");
}

int ate_watch_next(struct ate_watch *w, int timeout_ms, struct ate_event *ret_event)
{
    int rc = timeout_ms ? ate__check_may_wait() : 0;
    uint64_t until =
        ate__monotonic_ms(&ate__env_real) + (timeout_ms > 0 ? (uint64_t)timeout_ms : 0);
    while (!rc) {
        uint64_t count;
        (void)!read(w->fd, &count, sizeof count); /* before looking, so that nothing is missed */
        int ended = check_ended(w); /* and this before, so that what came with the end is shown */
        char why[ATE__ERROR_SIZE];
        snprintf(why, sizeof why, "%s", ended ? ate__error_text() : "");
        rc = give(w, ret_event);
        if (rc == ATE_END && ended)
            rc = ate__fail(ended, "%s", why);
        if (rc != ATE_END) {
            uint64_t one = 1;
            (void)!write(w->fd, &one, sizeof one); /* there may be more, or it is tried again */
            return rc;
        }
        uint64_t now = ate__monotonic_ms(&ate__env_real);
        rc = wait_for_more(w, timeout_ms <= 0 ? timeout_ms : now < until ? (int)(until - now) : 0);
    }
    return rc;
}
