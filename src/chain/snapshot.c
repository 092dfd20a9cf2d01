/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "chain/snapshot.h"
#include "base/alloc.h"
#include "base/err.h"

struct snapshot {
    struct ate__snapshot base;
    struct ate__moment moment;
    struct ate_hash root; /* at its size */
    struct ate__view_snapshot *older; /* of states that another one took the place of: pinned */
    size_t older_count, older_capacity;
};

static const struct ate__view_snapshot *view_of(const struct ate__facts *f)
{
    return &ATE__CONTAINER(f, struct ate__moment, facts)->view;
}

static int object(const struct ate__facts *f, const struct ate_id *id,
                  struct ate__object_facts *ret)
{
    return ate__view_object(view_of(f), id, ret);
}

static int tag_holder(const struct ate__facts *f, const struct ate_id *parent,
                      const uint8_t tag[ATE__NAME_TAG], struct ate_id *ret_id)
{
    return ate__view_tag_holder(view_of(f), parent, tag, ret_id);
}

static int next_child(const struct ate__facts *f, const struct ate__listing *l, uint64_t *at,
                      struct ate_id *ret_child)
{
    return ate__view_next_child(view_of(f), l, at, ret_child);
}

static int root_at(const struct ate__facts *f, uint64_t size, struct ate_hash *ret_root)
{
    return ate__chain_root_at(ATE__CONTAINER(f, struct ate__moment, facts)->chain, size, ret_root);
}

static const struct ate__facts_vtable moment_facts = {object, tag_holder, next_child, root_at};

int ate__moment_begin(struct ate__chain *c, struct ate__moment *ret)
{
    ret->facts.v = &moment_facts;
    ret->chain = c;
    return ate__chain_view_begin(c, &ret->view);
}

void ate__moment_end(struct ate__moment *m)
{
    ate__chain_view_end(m->chain, &m->view);
}

/* With its root. */
static int begin_with_root(struct ate__chain *c, struct ate__moment *ret, struct ate_hash *ret_root)
{
    int rc;
    while (!(rc = ate__moment_begin(c, ret)) && !ate__heads_of(c, &ret->view, ret_root))
        ate__moment_end(ret);
    return rc;
}

int ate__chain_snapshot_begin(struct ate__chain *c, struct ate__pipe *pipe,
                              struct ate__snapshot **ret_snapshot)
{
    struct snapshot *s = ate__alloc(sizeof *s);
    if (!s)
        return ate__no_memory();
    int rc = begin_with_root(c, &s->moment, &s->root);
    if (rc) {
        ate__free(s);
        return rc;
    }
    s->base.pipe = pipe->v->ref(pipe);
    *ret_snapshot = &s->base;
    return 0;
}

/* What was lent of a state that is gone stays until the snapshot ends. */
static int leave_moment(struct snapshot *s, const struct ate__moment *newer)
{
    if (s->moment.view.view == newer->view.view) {
        ate__moment_end(&s->moment);
        return 0;
    }
    int rc = ate__grow(&s->older, &s->older_capacity, s->older_count + 1, sizeof *s->older);
    if (rc)
        return rc;
    ate__view_pin(&s->moment.view);
    s->older[s->older_count++] = s->moment.view;
    return 0;
}

int ate__chain_snapshot_refresh(struct ate__snapshot *base)
{
    struct snapshot *s = (struct snapshot *)base;
    struct ate__moment newer;
    struct ate_hash root;
    int rc = begin_with_root(s->moment.chain, &newer, &root);
    if (rc)
        return rc;
    rc = leave_moment(s, &newer);
    if (rc) {
        ate__moment_end(&newer);
        return rc;
    }
    s->moment = newer;
    s->root = root;
    return 0;
}

void ate__chain_snapshot_end(struct ate__snapshot *base)
{
    struct snapshot *s = (struct snapshot *)base;
    if (!s)
        return;
    ate__moment_end(&s->moment);
    for (size_t i = 0; i < s->older_count; i++)
        ate__chain_view_end(s->moment.chain, &s->older[i]);
    ate__free(s->older);
    base->pipe->v->unref(base->pipe);
    ate__free(s);
}

void ate__chain_snapshot_head(const struct ate__snapshot *base, uint64_t *ret_size,
                              struct ate_hash *ret_root)
{
    const struct snapshot *s = (const struct snapshot *)base;
    *ret_size = s->moment.view.size;
    *ret_root = s->root;
}

const struct ate__facts *ate__chain_snapshot_facts(struct ate__snapshot *base)
{
    return &((struct snapshot *)base)->moment.facts;
}

int ate__chain_snapshot_event(struct ate__snapshot *base, const struct ate_id *id,
                              struct ate__buf *buf, struct ate__event *ret_event,
                              struct ate__authors *ret_authors)
{
    const struct snapshot *s = (const struct snapshot *)base;
    return ate__chain_event(s->moment.chain, &s->moment.view, id, buf, ret_event, ret_authors);
}

int ate__chain_snapshot_still(struct ate__snapshot *base, const struct ate_id *id,
                              uint64_t sequence, uint64_t seen)
{
    return ate__view_still(&((const struct snapshot *)base)->moment.view, id, sequence, seen);
}
