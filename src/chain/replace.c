/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "chain/replace.h"
#include "base/alloc.h"
#include "base/err.h"
#include "chain/believe.h"
#include "chain/chain_private.h"
#include "chain/rcu.h"
#include <stdio.h>

/* ---- the view of the moment ---- */

uint64_t ate__chain_published(struct ate__chain *c)
{
    ate__rcu_enter();
    uint64_t size = ate__view_published(c->view);
    ate__rcu_leave();
    return size;
}

int ate__chain_view_begin(struct ate__chain *c, struct ate__view_snapshot *ret)
{
    ate__rcu_enter();
    int rc = ate__view_begin(c->view, ate__monotonic_ms(c->conf.env), ret);
    ate__rcu_leave();
    return rc;
}

/* Under the mutex; the grace period of who began a snapshot when they left is over. */
static void sweep(struct ate__chain *c)
{
    size_t kept = 0;
    for (size_t i = 0; i < c->old_view_count; i++) {
        if (ate__view_in_use(c->old_views[i]))
            c->old_views[kept++] = c->old_views[i];
        else
            ate__view_free(c->old_views[i]);
    }
    c->old_view_count = kept;
}

void ate__chain_view_end(struct ate__chain *c, struct ate__view_snapshot *s)
{
    bool old = s->view != c->view;
    ate__view_end(s);
    if (!old)
        return;
    pthread_mutex_lock(&c->mutex);
    sweep(c);
    pthread_mutex_unlock(&c->mutex);
}

void ate__chain_end_views(struct ate__chain *c)
{
    for (size_t i = 0; i < c->old_view_count; i++)
        ate__view_free(c->old_views[i]);
    ate__free(c->old_views);
}

/* ---- what listeners are left with ---- */

/* The oldest one stays: what was told is of it. */
static void leave_listeners(struct ate__chain *c, struct ate__view *old)
{
    pthread_mutex_lock(&c->listeners_mutex);
    for (struct ate__listener *l = c->listeners; l; l = l->next) {
        struct ate__view_snapshot s;
        if (l->left_view || l->left_nothing)
            continue;
        l->left_nothing = ate__view_begin(old, ate__monotonic_ms(c->conf.env), &s) != 0;
        if (l->left_nothing)
            continue;
        l->left_view = s.view;
        l->left_reader = s.reader;
        l->left_size = s.size;
    }
    pthread_mutex_unlock(&c->listeners_mutex);
}

int ate__chain_left(struct ate__chain *c, struct ate__listener *l,
                    struct ate__view_snapshot *ret_left)
{
    pthread_mutex_lock(&c->listeners_mutex);
    struct ate__view_snapshot left = {l->left_view, l->left_reader, l->left_size};
    bool nothing = l->left_nothing;
    l->left_view = NULL;
    l->left_nothing = false;
    pthread_mutex_unlock(&c->listeners_mutex);
    if (nothing)
        return ate__fail(ATE_COMPACTED, "what vanished when another state of the chain came is not "
                                        "known: memory was short");
    if (!left.view)
        return ATE_NOT_FOUND;
    *ret_left = left;
    return 0;
}

/* ---- the change ---- */

static int check(struct ate__chain *c, const struct ate__chain *other)
{
    if (c->read_only)
        return ate__fail(ATE_READ_ONLY, "the chain is open for reading only");
    ate__assert(!other->read_only && !other->firm && other->trust && !other->image);
    ate__assert(!c->ordered.first && !c->leading && !c->firm);
    return ate__grow(&c->old_views, &c->old_view_capacity, c->old_view_count + 1,
                     sizeof *c->old_views);
}

static void take_state(struct ate__chain *c, struct ate__chain *other)
{
    c->tree = other->tree;
    c->root = other->root;
    c->root_time_us = other->root_time_us;
    c->judged_us = other->judged_us;
    c->next_sequence = other->next_sequence;
    c->kept_size = other->kept_size;
    c->kept_root = other->kept_root;
    struct ate__storage_state state;
    c->storage->v->state(c->storage, &state);
    c->generation = state.generation;
    atomic_store(&c->certified_by_key, other->certified_by_key);
    atomic_store(&c->believed_from, other->believed_from);
    atomic_store(&c->believed_cut_off, other->believed_cut_off);
    if (c->trust)
        ate__trust_swap(c->trust, other->trust);
    else
        c->trust = ate__steal(&other->trust);
}

/* The old one is left to its snapshots. Before any reader has the new one it says all that the old
 * one cannot say of it. */
static void take_view(struct ate__chain *c, struct ate__chain *other)
{
    struct ate__view *old = c->view, *view = other->view;
    ate__view_succeed(view, old);
    ate__believe_replaced(c, view, other);
    leave_listeners(c, old);
    atomic_store(&other->view, NULL);
    ate__heads_begin(c, view, c->tree.size, &c->root);
    c->old_views[c->old_view_count++] = old;
    ate__rcu_wait(); /* then nobody begins a snapshot of the old one */
    sweep(c);
}

static int replace(struct ate__chain *c, struct ate__chain *other, uint64_t same)
{
    int rc = check(c, other);
    if (rc)
        return rc;
    atomic_store(&c->replacing, true);
    rc = c->storage->v->replace(c->storage, other->storage, same);
    if (!rc) {
        take_state(c, other);
        take_view(c, other);
    }
    atomic_store(&c->replacing, false);
    return rc;
}

int ate__chain_replace(struct ate__chain *c, struct ate__chain *take_other, uint64_t same)
{
    int rc = atomic_exchange(&c->compacting, true)
                 ? ate__fail(ATE_BUSY, "the chain is being compacted")
                 : 0;
    if (!rc) {
        pthread_mutex_lock(&c->mutex);
        rc = replace(c, take_other, same);
        pthread_mutex_unlock(&c->mutex);
        atomic_store(&c->compacting, false);
    }
    char text[ATE__ERROR_SIZE];
    snprintf(text, sizeof text, "%s", ate__error_text());
    ate__chain_close(take_other);
    if (rc) {
        ate__error_set(text);
        return rc;
    }
    ate__chain_tell(c);
    return 0;
}
