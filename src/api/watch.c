/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * watch.c: events of a chain, in its order: a cursor over the history, woken by the chain's
 * listener.
 *
 * A watch holds no queue: it reads the log at its own pace. An object counts as below the watched
 * one by the parent that its event names; a deleted one by the parent that it had.
 */
#include "ate/watch.h"
#include "api/api.h"
#include "api/records.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct ate_watch {
    struct ate__listener listener;
    struct ate__records records;
    struct ate_id parent;
    bool tree, listening;
    int fd;                     /* readable: there may be more */
    uint32_t event;             /* the next of the present transaction to look at */
    struct ate_event found;     /* looked up ahead, so that `last` can be told */
    bool has_found;
};

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
            .time_ns = (int64_t)r->root_time_us * 1000,
        };
        return 0;
    }
    return ATE_END;
}

/* Whether nothing more will come: of a chain at a server that is destroyed, or not believed any
 * more. */
static int check_ended(const struct ate_watch *w)
{
    struct ate__pipe *p = w->records.chain->pipe;
    return p->v->far ? p->v->far->ended(p) : 0;
}

/* Borrowed views of a transaction end when the next one is read, so an event is looked up ahead
 * only within its own. */
static int find(struct ate_watch *w)
{
    int rc;
    while ((rc = next_here(w, &w->found)) == ATE_END) {
        rc = ate__records_next(&w->records);
        if (rc)
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
    rc = next_here(w, &ahead);
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
    int n;
    do
        n = poll(&p, 1, timeout_ms);
    while (n < 0 && errno == EINTR && timeout_ms < 0);
    return n > 0 ? 0 : ate__fail(ATE_TIMEOUT, "watch: nothing happened within the time");
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
