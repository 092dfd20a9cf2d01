/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * view.c: the writer's side of the view.
 */
#include "chain/rcu.h"
#include "chain/view_private.h"

enum { /* what is retired until one grace period is due for all of it */
       RECLAIM_AT = 512,          /* versions or blocks */
       RECLAIM_AT_BYTES = 1 << 20 /* of blocks */
};

static void push(struct ate__view *v, struct ate__versions *list, uint32_t version)
{
    ate__version_at(v, version)->next = ATE__NONE;
    if (list->last)
        ate__version_at(v, list->last)->next = version;
    else
        list->first = version;
    list->last = version;
    list->count++;
}

static uint32_t pop(struct ate__view *v, struct ate__versions *list)
{
    uint32_t version = list->first;
    list->first = ate__version_at(v, version)->next;
    if (!list->first)
        list->last = ATE__NONE;
    list->count--;
    return version;
}

int ate__view_new(const struct ate__env *env, struct ate__view **ret_view)
{
    struct ate__view *v = ate__alloc(sizeof *v);
    if (!v)
        return ate__no_memory();
    v->env = env;
    v->old_bytes_max = ATE__VIEW_OLD_BYTES_MAX;
    v->limit = UINT64_MAX;
    v->slots.item_size = sizeof(struct ate__slot);
    v->versions.item_size = sizeof(struct ate__version);
    v->more.item_size = sizeof(struct ate__more);
    v->extras.item_size = sizeof(struct ate__extra);
    ate__random(env, v->seed, sizeof v->seed);
    uint32_t top;
    int rc = ate__readers_new(&v->readers);
    if (!rc)
        rc = ate__view_widen_touched(v);
    if (!rc)
        rc = ate__view_make_slot(v, &(struct ate_id){{0}}, &top);
    if (rc) {
        ate__view_free(v);
        return rc;
    }
    *ret_view = v;
    return 0;
}

void ate__view_succeed(struct ate__view *v, const struct ate__view *old)
{
    struct ate__touched *t = atomic_load(&v->touched);
    uint64_t seen = ate__view_published(old);
    v->era = old->era + 1;
    ate__view_limit(v, old->limit);
    for (uint64_t i = 0; i <= t->mask; i++)
        if (atomic_load_explicit(&t->below[i], memory_order_relaxed) <= seen)
            atomic_store_explicit(&t->below[i], seen + 1, memory_order_relaxed);
}

static void free_retired_blocks(struct ate__view *v)
{
    for (size_t i = 0; i < v->retired_count; i++)
        ate__free(v->retired[i]);
    v->retired_count = v->retired_bytes = 0;
}

void ate__view_free(struct ate__view *v)
{
    if (!v)
        return;
    for (uint32_t i = 0; i < v->extras.count; i++) {
        struct ate__extra *extra = ate__pages_at(&v->extras, i);
        ate__control_unref(atomic_load(&extra->control));
        ate__view_free_lists(extra);
    }
    free_retired_blocks(v);
    ate__free(v->retired);
    ate__free(v->pending);
    ate__free(atomic_load(&v->ids));
    ate__free(atomic_load(&v->tags));
    for (struct ate__touched *t = atomic_load(&v->touched), *smaller; t; t = smaller) {
        smaller = t->smaller;
        ate__free(t);
    }
    ate__pages_deinit(&v->slots);
    ate__pages_deinit(&v->versions);
    ate__pages_deinit(&v->more);
    ate__pages_deinit(&v->extras);
    ate__readers_free(v->readers);
    ate__free(v);
}

/* ---- installing ---- */

static int add_pending(struct ate__view *v, struct ate__pending p)
{
    int rc = ate__grow(&v->pending, &v->pending_capacity, v->pending_count + 1, sizeof *v->pending);
    if (!rc)
        v->pending[v->pending_count++] = p;
    return rc;
}

/* A version ready to be filled in, on no list. */
static int take_version(struct ate__view *v, uint32_t *ret_version)
{
    uint32_t index;
    if (v->free_versions.count) {
        *ret_version = pop(v, &v->free_versions);
    } else {
        int rc = ate__pages_add(&v->versions, &index);
        if (rc)
            return rc;
        *ret_version = index + 1;
    }
    struct ate__version *version = ate__version_at(v, *ret_version);
    uint32_t more = version->more;
    memset(version, 0, sizeof *version);
    version->more = more;
    return 0;
}

/* Makes `version` the newest of its slot; readers below its sequence walk past it. On failure it
 * goes back. */
static int link_version(struct ate__view *v, uint32_t slot, uint32_t version)
{
    struct ate__slot *s = ate__slot_at(v, slot);
    struct ate__version *ver = ate__version_at(v, version);
    int rc = add_pending(v, (struct ate__pending){slot, version, NULL, ver->sequence});
    if (rc) {
        push(v, &v->free_versions, version);
        return rc;
    }
    atomic_store_explicit(&ver->older, atomic_load_explicit(&s->body, memory_order_relaxed),
                          memory_order_relaxed);
    atomic_store_explicit(&s->body, version, memory_order_release);
    ate__view_touch(v, &s->id, ver->sequence);
    return 0;
}

/* What is in force only where something of it differs from what goes without saying. */
static int set_more(struct ate__view *v, struct ate__version *version, const struct ate__header *h,
                    const struct ate__version *old)
{
    uint32_t index;
    bool two_tags = h->tag_count > 1;
    if (!old && !h->collection && !two_tags)
        return 0;
    if (!version->more) {
        int rc = ate__pages_add(&v->more, &index);
        if (rc)
            return rc;
        version->more = index + 1;
    }
    version->flags |= ATE__VERSION_MORE;
    struct ate__more *more = ate__version_more(v, version);
    more->created_sequence = old ? ate__version_created(v, old) : version->sequence;
    more->created_us = 0;
    more->collection = h->collection;
    if (two_tags) {
        memcpy(more->second_tag, h->tags + ATE__NAME_TAG, ATE__NAME_TAG);
        version->flags |= ATE__VERSION_TWO_TAGS;
    }
    return 0;
}

static uint32_t offset_of(const struct ate__tx *tx, const struct ate__event *e)
{
    return (uint32_t)((const uint8_t *)e->whole.data - (const uint8_t *)tx->encoded.data);
}

static void fill_in(struct ate__version *version, const struct ate__tx *tx,
                    const struct ate__event *e, uint64_t sequence, uint32_t parent)
{
    version->sequence = sequence;
    atomic_store_explicit(&version->offset, offset_of(tx, e), memory_order_relaxed);
    version->size = (uint32_t)e->whole.size & 0xffffff;
    version->hash = e->hash;
    version->parent = parent;
    if (e->header.tag_count > 0) {
        memcpy(version->tag, e->header.tags, ATE__NAME_TAG);
        version->flags |= ATE__VERSION_TAGGED;
    }
}

static int install_body(struct ate__view *v, const struct ate__tx *tx, const struct ate__event *e,
                        uint64_t sequence)
{
    uint32_t slot, parent, index;
    int rc = ate__view_make_slot(v, &e->header.object, &slot);
    if (!rc)
        rc = ate__view_make_slot(v, &e->header.parent, &parent);
    if (!rc)
        rc = take_version(v, &index);
    if (rc)
        return rc;
    struct ate__version *version = ate__version_at(v, index);
    const struct ate__version *old = ate__slot_version(v, ate__slot_at(v, slot), UINT64_MAX);
    if (old && old->flags & ATE__VERSION_DELETED)
        old = NULL;
    fill_in(version, tx, e, sequence, parent);
    rc = set_more(v, version, &e->header, old);
    uint32_t collection = e->header.collection;
    if (!rc && old && old->parent == parent && ate__version_collection(v, old) == collection)
        version->serial = old->serial;
    else if (!rc)
        rc = ate__view_add_member(v, parent, slot, collection, &version->serial);
    if (rc) {
        push(v, &v->free_versions, index);
        return rc;
    }
    rc = link_version(v, slot, index);
    return rc ? rc : ate__view_index_tags(v, slot, version);
}

static int install_control(struct ate__view *v, const struct ate__event *e, uint64_t sequence)
{
    uint32_t slot;
    struct ate__extra *extra;
    struct ate__control *control;
    int rc = ate__view_make_slot(v, &e->header.object, &slot);
    if (!rc)
        rc = ate__view_extra(v, slot, &extra);
    if (rc)
        return rc;
    struct ate__control *older = atomic_load_explicit(&extra->control, memory_order_relaxed);
    rc = ate__control_new(e, sequence, older, &control);
    if (rc)
        return rc;
    rc = add_pending(v, (struct ate__pending){slot, ATE__NONE, control, sequence});
    if (rc) {
        ate__control_unref(control);
        return rc;
    }
    atomic_store_explicit(&extra->control, control, memory_order_release);
    ate__control_unref(older); /* the new one holds it */
    return 0;
}

static int delete_slot(struct ate__view *v, uint32_t slot, uint64_t sequence,
                       const struct ate_hash *hash)
{
    uint32_t index;
    int rc = take_version(v, &index);
    if (rc)
        return rc;
    struct ate__version *version = ate__version_at(v, index);
    const struct ate__version *last = ate__slot_version(v, ate__slot_at(v, slot), UINT64_MAX);
    version->parent = last ? last->parent : 0; /* a watch still asks where it lay */
    version->sequence = sequence;
    version->flags = ATE__VERSION_DELETED;
    version->hash = *hash;
    return link_version(v, slot, index);
}

/* Adds the live children of a slot to the list of slots. */
static int add_children(struct ate__view *v, uint32_t slot, uint32_t **list, size_t *count,
                        size_t *capacity)
{
    struct ate__extra *extra = ate__slot_extra(v, ate__slot_at(v, slot));
    struct ate__view_members *m =
        extra ? atomic_load_explicit(&extra->all.members, memory_order_relaxed) : NULL;
    for (uint32_t i = 0; m && i < atomic_load_explicit(&m->count, memory_order_relaxed); i++) {
        const struct ate__version *c =
            ate__slot_version(v, ate__slot_at(v, m->item[i].child), UINT64_MAX);
        if (!c || c->flags & ATE__VERSION_DELETED || c->parent != slot ||
            c->serial != m->item[i].serial)
            continue;
        int rc = ate__grow(list, capacity, *count + 1, sizeof **list);
        if (rc)
            return rc;
        (*list)[(*count)++] = m->item[i].child;
    }
    return 0;
}

static int delete_object(struct ate__view *v, const struct ate_id *id, bool subtree,
                         uint64_t sequence, const struct ate_hash *hash)
{
    ate__cleanup(ate__freep) uint32_t *list = NULL;
    size_t count = 0, capacity = 0;
    uint32_t slot;
    if (!ate__view_find_slot(v, id, &slot))
        return ate__fail(ATE_E_BUG,
                         "view: a tombstone of an object that is not there was accepted");
    int rc = delete_slot(v, slot, sequence, hash);
    if (!rc && subtree)
        rc = add_children(v, slot, &list, &count, &capacity);
    for (size_t i = 0; !rc && i < count; i++) {
        rc = delete_slot(v, list[i], sequence, hash);
        if (!rc)
            rc = add_children(v, list[i], &list, &count, &capacity);
    }
    return rc;
}

static int install_tombstone(struct ate__view *v, const struct ate__event *e, uint64_t sequence)
{
    return delete_object(v, &e->header.object, e->header.tombstone == 1, sequence, &e->hash);
}

int ate__view_forget(struct ate__view *v, const struct ate_id *id, uint64_t sequence)
{
    return delete_object(v, id, true, sequence, &(struct ate_hash){{0}});
}

static void unlink_body(struct ate__view *v, const struct ate__pending *p)
{
    struct ate__version *version = ate__version_at(v, p->version);
    uint32_t older = atomic_load(&version->older);
    atomic_store_explicit(&ate__slot_at(v, p->slot)->body, older, memory_order_release);
    ate__view_left(v, version, older ? ate__version_at(v, older) : NULL);
    push(v, &v->retired_versions, p->version);
}

static void unlink_control(struct ate__view *v, const struct ate__pending *p)
{
    struct ate__extra *extra = ate__slot_extra(v, ate__slot_at(v, p->slot));
    atomic_store_explicit(&extra->control, ate__control_ref(p->control->older),
                          memory_order_release);
}

static void rollback_to(struct ate__view *v, size_t pending_count)
{
    size_t controls = 0;
    for (size_t i = v->pending_count; i-- > pending_count;) {
        if (v->pending[i].version)
            unlink_body(v, &v->pending[i]);
        else
            unlink_control(v, &v->pending[i]), controls++;
    }
    if (controls) /* a reader may just be walking past them */
        ate__rcu_wait();
    for (size_t i = v->pending_count; controls && i-- > pending_count;)
        ate__control_unref(v->pending[i].control);
    v->pending_count = pending_count;
    if (v->placed > v->pending_count)
        v->placed = v->pending_count;
}

int ate__view_install(struct ate__view *v, const struct ate__tx *tx, uint64_t sequence)
{
    size_t before = v->pending_count;
    int rc = 0;
    for (uint32_t i = 0; !rc && i < tx->event_count; i++) {
        const struct ate__event *e = &tx->events[i];
        if (e->form == ATE__DROPPED)
            continue;
        if (e->kind == ATE__EVENT_BODY && !ate__header_has(&e->header, ATE__TAG_TOMBSTONE))
            rc = install_body(v, tx, e, sequence);
        else if (e->kind == ATE__EVENT_CONTROL)
            rc = install_control(v, e, sequence);
    }
    /* Deletions last, so that what the transaction moves out of a deleted subtree survives. */
    for (uint32_t i = 0; !rc && i < tx->event_count; i++) {
        const struct ate__event *e = &tx->events[i];
        if (e->form != ATE__DROPPED && e->kind == ATE__EVENT_BODY &&
            ate__header_has(&e->header, ATE__TAG_TOMBSTONE))
            rc = install_tombstone(v, e, sequence);
    }
    if (rc)
        rollback_to(v, before);
    return rc;
}

static void set_place(struct ate__version *version, const struct ate__position *position)
{
    atomic_store_explicit(&version->place, position->place, memory_order_relaxed);
    atomic_store_explicit(&version->record_size, position->size, memory_order_relaxed);
}

static void set_time(struct ate__view *v, const struct ate__pending *p, uint64_t root_time_us)
{
    struct ate__version *version = ate__version_at(v, p->version);
    uint32_t older = atomic_load_explicit(&version->older, memory_order_relaxed);
    struct ate__more *more = ate__version_more(v, version);
    version->updated_us = root_time_us;
    if (more)
        more->created_us = older && more->created_sequence < p->sequence
                               ? ate__version_created_us(v, ate__version_at(v, older))
                               : root_time_us;
}

void ate__view_place(struct ate__view *v, uint64_t sequence, const struct ate__position *position,
                     uint64_t root_time_us)
{
    for (; v->placed < v->pending_count && v->pending[v->placed].sequence == sequence;
         v->placed++) {
        const struct ate__pending *p = &v->pending[v->placed];
        if (!p->version)
            continue;
        set_place(ate__version_at(v, p->version), position);
        set_time(v, p, root_time_us);
    }
}

void ate__view_date(struct ate__view *v, uint64_t sequence, uint64_t root_time_us)
{
    size_t first = v->pending_count;
    while (first && v->pending[first - 1].sequence == sequence)
        first--;
    for (size_t i = first; i < v->pending_count; i++)
        if (v->pending[i].version)
            set_time(v, &v->pending[i], root_time_us);
}

void ate__view_move(struct ate__view *v, const struct ate__tx *tx, uint64_t sequence,
                    const struct ate__position *position)
{
    for (uint32_t i = 0; i < tx->event_count; i++) {
        const struct ate__event *e = &tx->events[i];
        uint32_t slot;
        if (e->form == ATE__DROPPED || e->kind != ATE__EVENT_BODY ||
            !ate__view_find_slot(v, &e->header.object, &slot))
            continue;
        struct ate__version *version = ate__slot_version(v, ate__slot_at(v, slot), sequence + 1);
        if (!version || !ate__hash_equal(&version->hash, &e->hash))
            continue;
        set_place(version, position);
        atomic_store_explicit(&version->offset, offset_of(tx, e), memory_order_relaxed);
    }
}

void ate__view_publish(struct ate__view *v, uint64_t size)
{
    size_t n = 0;
    for (; n < v->pending_count && v->pending[n].sequence < size; n++) {
        if (!v->pending[n].version)
            continue;
        struct ate__version *version = ate__version_at(v, v->pending[n].version);
        if (atomic_load_explicit(&version->older, memory_order_relaxed))
            push(v, &v->superseding, v->pending[n].version);
    }
    ate__assert(n <= v->placed || !n);
    if (n)
        memmove(v->pending, v->pending + n, (v->pending_count - n) * sizeof *v->pending);
    v->pending_count -= n;
    v->placed -= n;
    v->written = size;
    ate__view_show(v);
}

void ate__view_limit(struct ate__view *v, uint64_t size)
{
    v->limit = size;
    ate__view_show(v);
}

void ate__view_rollback(struct ate__view *v)
{
    rollback_to(v, 0);
}

/* Cuts off what no reader can see any more. */
static void cut(struct ate__view *v)
{
    uint64_t oldest = ate__readers_oldest(v->readers), published = ate__view_published(v);
    if (oldest > published)
        oldest = published;
    while (v->superseding.count && ate__version_at(v, v->superseding.first)->sequence < oldest) {
        struct ate__version *version = ate__version_at(v, pop(v, &v->superseding));
        uint32_t older = atomic_load_explicit(&version->older, memory_order_relaxed);
        atomic_store_explicit(&version->older, ATE__NONE, memory_order_release);
        ate__view_left(v, ate__version_at(v, older), version);
        push(v, &v->retired_versions, older);
    }
}

void ate__view_reclaim(struct ate__view *v, uint64_t now_ms)
{
    if (now_ms > ATE__VIEW_AGE_MAX)
        ate__readers_expel(v->readers, now_ms - ATE__VIEW_AGE_MAX, 0);
    cut(v);
    while (v->superseding.count * sizeof(struct ate__version) > v->old_bytes_max &&
           ate__readers_expel(v->readers, 0, ate__readers_oldest(v->readers)))
        cut(v);
    if (v->retired_versions.count < RECLAIM_AT && v->retired_count < RECLAIM_AT &&
        v->retired_bytes < RECLAIM_AT_BYTES)
        return;
    ate__rcu_wait();
    free_retired_blocks(v);
    while (v->retired_versions.count)
        push(v, &v->free_versions, pop(v, &v->retired_versions));
}

uint64_t ate__view_published(const struct ate__view *v)
{
    return atomic_load(&v->published);
}
