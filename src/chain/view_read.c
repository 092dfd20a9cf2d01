/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * view_read.c: the readers' side of the view.
 */
#include "chain/rcu.h"
#include "chain/view_private.h"

int ate__view_begin(struct ate__view *v, uint64_t now_ms, struct ate__view_snapshot *ret)
{
    struct ate__view_snapshot s = {.view = v};
    int rc = ate__readers_begin(v->readers, &v->published, now_ms, &s.reader, &s.size);
    if (!rc)
        *ret = s;
    return rc;
}

void ate__view_end(struct ate__view_snapshot *s)
{
    if (s->reader)
        ate__reader_end(s->reader);
    s->reader = NULL;
}

void ate__view_pin(struct ate__view_snapshot *s)
{
    ate__reader_pin(s->reader);
}

bool ate__view_in_use(const struct ate__view *v)
{
    return ate__readers_any(v->readers);
}

static int stale(void)
{
    return ate__fail(ATE_STALE, "the transaction was begun too long ago or holds back too many old "
                                "versions: begin or refresh it");
}

/* Every read is inside an RCU section. A snapshot that was expelled meanwhile may have missed what
 * was cut off at once: so it is asked at the end, and nothing of such a read is believed. */
static int leave(const struct ate__view_snapshot *s, int rc)
{
    bool expelled = s->reader && ate__reader_stale(s->reader);
    ate__rcu_leave();
    return expelled ? stale() : rc;
}

int ate__view_still(const struct ate__view_snapshot *s, const struct ate_id *id, uint64_t sequence,
                    uint64_t seen)
{
    struct ate__touched *t = atomic_load_explicit(&s->view->touched, memory_order_acquire);
    uint64_t below = atomic_load_explicit(ate__touched_at(s->view, t, id), memory_order_relaxed);
    if (s->reader && ate__reader_stale(s->reader))
        return stale();
    return sequence < s->size && (s->size <= seen || below <= seen) ? 0 : ATE_NOT_FOUND;
}

static struct ate__version *find(const struct ate__view_snapshot *s, const struct ate_id *id,
                                 struct ate__slot **ret_slot)
{
    uint32_t slot;
    if (!ate__view_find_slot(s->view, id, &slot))
        return NULL;
    *ret_slot = ate__slot_at(s->view, slot);
    return ate__slot_version(s->view, *ret_slot, s->size);
}

int ate__view_body(const struct ate__view_snapshot *s, const struct ate_id *id,
                   struct ate__view_body *ret)
{
    struct ate__view_body body = {0};
    struct ate__slot *slot;
    ate__rcu_enter();
    const struct ate__version *v = find(s, id, &slot);
    bool live = v && !(v->flags & ATE__VERSION_DELETED);
    if (live)
        body = (struct ate__view_body){
            .sequence = v->sequence,
            .created_us = ate__version_created_us(s->view, v),
            .updated_us = v->updated_us,
            .position = {atomic_load_explicit(&v->place, memory_order_relaxed),
                         atomic_load_explicit(&v->record_size, memory_order_relaxed)},
            .offset = atomic_load_explicit(&v->offset, memory_order_relaxed),
            .size = v->size,
            .hash = v->hash,
        };
    int rc = leave(s, live ? 0 : ATE_NOT_FOUND);
    if (!rc)
        *ret = body;
    return rc;
}

/* The control event in force, of those that came after the object was created. */
static const struct ate__control *control_at(const struct ate__view *v,
                                             const struct ate__slot *slot, uint64_t size,
                                             uint64_t since)
{
    struct ate__extra *extra = ate__slot_extra(v, slot);
    const struct ate__control *c =
        extra ? atomic_load_explicit(&extra->control, memory_order_acquire) : NULL;
    while (c && c->sequence >= size)
        c = c->older;
    return c && c->sequence >= since ? c : NULL;
}

static void facts_of(const struct ate__view *view, const struct ate__version *v,
                     struct ate__object_facts *f)
{
    const struct ate__more *more = ate__version_more(view, v);
    f->deleted = v->flags & ATE__VERSION_DELETED;
    f->live = !f->deleted;
    f->sequence = v->sequence;
    f->parent = ate__slot_at(view, v->parent)->id;
    if (f->deleted)
        return;
    f->created_sequence = ate__version_created(view, v);
    f->created_us = ate__version_created_us(view, v);
    f->updated_us = v->updated_us;
    f->body = v->hash;
    f->collection = more ? more->collection : 0;
    if (v->flags & ATE__VERSION_TAGGED) {
        memcpy(f->tags, v->tag, ATE__NAME_TAG);
        f->tag_count = 1;
    }
    if (v->flags & ATE__VERSION_TWO_TAGS)
        memcpy(f->tags + f->tag_count++ * ATE__NAME_TAG, more->second_tag, ATE__NAME_TAG);
}

static void object_of(const struct ate__view_snapshot *s, const struct ate__slot *slot,
                      const struct ate__version *v, struct ate__object_facts *f)
{
    if (v)
        facts_of(s->view, v, f);
    if (slot == ate__slot_at(s->view, 0))
        f->live = true;
    if (f->live)
        f->control = control_at(s->view, slot, s->size, f->created_sequence);
    else if (f->deleted)
        f->ended = control_at(s->view, slot, s->size, 0);
}

int ate__view_next_object(const struct ate__view_snapshot *s, uint64_t *at, struct ate_id *ret_id,
                          struct ate__object_facts *ret)
{
    struct ate__object_facts f = {.live = false};
    if (*at >= s->view->slots.count)
        return ATE_END;
    const struct ate__slot *slot = ate__slot_at(s->view, (uint32_t)(*at)++);
    object_of(s, slot, ate__slot_version(s->view, slot, s->size), &f);
    *ret_id = slot->id;
    *ret = f;
    return 0;
}

int ate__view_object(const struct ate__view_snapshot *s, const struct ate_id *id,
                     struct ate__object_facts *ret)
{
    struct ate__object_facts f = {.live = false};
    struct ate__slot *slot = NULL;
    ate__rcu_enter();
    const struct ate__version *v = find(s, id, &slot);
    object_of(s, slot, v, &f);
    int rc = leave(s, 0);
    if (!rc)
        *ret = f;
    return rc;
}

int ate__view_newest(const struct ate__view_snapshot *s, const struct ate_id *id,
                     struct ate__view_newest *ret)
{
    struct ate__view_newest newest = {.deleted = false};
    struct ate__slot *slot;
    ate__rcu_enter();
    const struct ate__version *v = find(s, id, &slot);
    if (v) {
        newest.deleted = v->flags & ATE__VERSION_DELETED;
        newest.sequence = v->sequence;
        newest.hash = v->hash;
    }
    if (v && !newest.deleted) {
        newest.created_sequence = ate__version_created(s->view, v);
        newest.created_us = ate__version_created_us(s->view, v);
    }
    int rc = leave(s, v ? 0 : ATE_NOT_FOUND);
    if (!rc)
        *ret = newest;
    return rc;
}

const struct ate__control *ate__view_control(const struct ate__view_snapshot *s,
                                             const struct ate_id *id, uint64_t since)
{
    const struct ate__control *control = NULL;
    uint32_t slot;
    ate__rcu_enter();
    if (ate__view_find_slot(s->view, id, &slot))
        control = control_at(s->view, ate__slot_at(s->view, slot), s->size, since);
    ate__rcu_leave();
    return control;
}

int ate__view_tag_holder(const struct ate__view_snapshot *s, const struct ate_id *parent,
                         const uint8_t tag[ATE__NAME_TAG], struct ate_id *ret_id)
{
    uint32_t slot, child = 0;
    ate__rcu_enter();
    bool found = ate__view_find_slot(s->view, parent, &slot) &&
                 ate__view_find_tag(s->view, slot, tag, s->size, &child);
    int rc = leave(s, found ? 0 : ATE_NOT_FOUND);
    if (!rc)
        *ret_id = ate__slot_at(s->view, child)->id;
    return rc;
}

/* Whether an entry of the list is valid at the snapshot, and of what was asked for. */
static bool is_listed(const struct ate__view_snapshot *s, uint32_t parent,
                      const struct ate__listing *l, bool sift, struct ate__view_member m)
{
    const struct ate__version *v =
        ate__slot_version(s->view, ate__slot_at(s->view, m.child), s->size);
    return v && ate__view_is_member(v, parent, m.serial) &&
           (!sift || ate__version_collection(s->view, v) == l->collection);
}

/* The next entry of a list behind the one with that serial; 0: from its end on. */
static const struct ate__view_member *next_member(const struct ate__view_snapshot *s,
                                                  uint32_t parent, const struct ate__listing *l,
                                                  uint32_t after)
{
    bool sift = false;
    const struct ate__extra *extra = ate__slot_extra(s->view, ate__slot_at(s->view, parent));
    const struct ate__view_members *m = extra ? ate__view_members_of(extra, l, &sift) : NULL;
    uint32_t count = m ? atomic_load_explicit(&m->count, memory_order_acquire) : 0;
    if (!m)
        return NULL;
    if (l->reverse) {
        for (uint32_t i = after ? ate__view_first_after(m, count, after - 1) : count; i-- > 0;)
            if (is_listed(s, parent, l, sift, m->item[i]))
                return &m->item[i];
        return NULL;
    }
    for (uint32_t i = ate__view_first_after(m, count, after); i < count; i++)
        if (is_listed(s, parent, l, sift, m->item[i]))
            return &m->item[i];
    return NULL;
}

/* Where a listing begins: 0, or the serial of the child that it begins behind. NOT_FOUND */
static int start_of(const struct ate__view_snapshot *s, uint32_t parent,
                    const struct ate__listing *l, uint32_t *ret_after)
{
    struct ate__slot *slot;
    *ret_after = 0;
    if (!l->has_from)
        return 0;
    const struct ate__version *v = find(s, &l->from, &slot);
    if (!v || !ate__view_is_member(v, parent, v->serial) ||
        (l->one && ate__version_collection(s->view, v) != l->collection))
        return ATE_NOT_FOUND;
    *ret_after = v->serial;
    return 0;
}

int ate__view_next_child(const struct ate__view_snapshot *s, const struct ate__listing *l,
                         uint64_t *at, struct ate_id *ret_child)
{
    struct ate__view_member found = {0, 0};
    const struct ate__view_member *m = NULL;
    uint64_t era = (uint64_t)s->view->era << 32; /* above the serial */
    uint32_t parent, after = *at & UINT32_MAX;
    if (*at && (*at ^ era) >> 32)
        return ate__fail(ATE_STALE, "the listing was begun before another state of the chain took "
                                    "the place of that one: begin it anew");
    ate__rcu_enter();
    int rc = ate__view_find_slot(s->view, &l->parent, &parent) ? 0
             : l->has_from                                     ? ATE_NOT_FOUND
                                                               : ATE_END;
    if (!rc && !*at)
        rc = start_of(s, parent, l, &after);
    if (!rc)
        m = next_member(s, parent, l, after);
    if (m)
        found = *m;
    rc = leave(s, rc || m ? rc : ATE_END);
    if (!rc) {
        *at = era | found.serial;
        *ret_child = ate__slot_at(s->view, found.child)->id;
    }
    return rc == ATE_NOT_FOUND
               ? ate__fail(ATE_NOT_FOUND, "the listing is to begin behind what is no child there")
               : rc;
}

bool ate__view_holds(const struct ate__view *v, const struct ate_id *id,
                     const struct ate_hash *hash)
{
    uint32_t slot;
    bool holds = false;
    ate__rcu_enter();
    uint32_t i = ate__view_find_slot(v, id, &slot)
                     ? atomic_load_explicit(&ate__slot_at(v, slot)->body, memory_order_acquire)
                     : ATE__NONE;
    while (i != ATE__NONE && !holds) {
        const struct ate__version *version = ate__version_at(v, i);
        holds = ate__hash_equal(&version->hash, hash);
        i = atomic_load_explicit(&version->older, memory_order_acquire);
    }
    ate__rcu_leave();
    return holds;
}
