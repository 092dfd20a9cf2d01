/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * view_read.c: the readers' side of the view.
 */
#include "chain/view_private.h"
#include <urcu/urcu-bp.h>

int ate__view_begin(struct ate__view *v, uint64_t now_ms, struct ate__view_snapshot *ret)
{
    struct ate__view_snapshot s = {.view = v};
    int rc = ate__readers_begin(v->readers, &v->published, now_ms, &s.reader, &s.size);
    if (!rc)
        *ret = s;
    return rc;
}

void ate__view_renew(struct ate__view_snapshot *s, uint64_t now_ms)
{
    s->size = ate__reader_renew(s->reader, &s->view->published, now_ms);
}

void ate__view_end(struct ate__view_snapshot *s)
{
    if (s->reader)
        ate__reader_end(s->reader);
    s->reader = NULL;
}

/* Every read: inside an RCU section, after which a snapshot that was expelled before it is refused.
 * An expulsion during the section changes nothing for it: what it may see is freed only after a
 * grace period. */
static int enter(const struct ate__view_snapshot *s)
{
    urcu_bp_read_lock();
    if (!s->reader || !ate__reader_stale(s->reader))
        return 0;
    urcu_bp_read_unlock();
    return ate__fail(
        ATE_STALE,
        "the transaction was begun too long ago or holds back too many old versions: begin or refresh it");
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
    int rc = enter(s);
    if (rc)
        return rc;
    struct ate__slot *slot;
    const struct ate__version *v = find(s, id, &slot);
    if (v && !(v->flags & ATE__VERSION_DELETED))
        *ret = (struct ate__view_body){
            v->sequence, v->created_us, v->updated_us, {v->place, v->record_size},
            v->offset,   v->size,       v->hash,
        };
    else
        rc = ATE_NOT_FOUND;
    urcu_bp_read_unlock();
    return rc;
}

static const struct ate__control *control_at(const struct ate__slot *slot, uint64_t size)
{
    struct ate__extra *extra = atomic_load_explicit(&slot->extra, memory_order_acquire);
    if (!extra)
        return NULL;
    const struct ate__control *c = atomic_load_explicit(&extra->control, memory_order_acquire);
    uint64_t floor = atomic_load_explicit(&extra->control_floor, memory_order_relaxed);
    while (c && c->sequence >= size)
        c = c->older;
    return c && floor < size && c->sequence < floor ? NULL : c;
}

int ate__view_object(const struct ate__view_snapshot *s, const struct ate_id *id,
                     struct ate__object_facts *ret)
{
    *ret = (struct ate__object_facts){0};
    int rc = enter(s);
    if (rc)
        return rc;
    struct ate__slot *slot = NULL;
    const struct ate__version *v = find(s, id, &slot);
    if (slot && !(v && v->flags & ATE__VERSION_DELETED))
        ret->control = control_at(slot, s->size);
    if (slot == ate__slot_at(s->view, 0)) {
        ret->live = true;
    } else if (v) {
        ret->deleted = v->flags & ATE__VERSION_DELETED;
        ret->live = !ret->deleted;
        ret->sequence = v->sequence;
        ret->created_sequence = v->created_sequence;
        ret->created_us = v->created_us;
        ret->updated_us = v->updated_us;
        ret->body = v->hash;
        ret->parent = ate__slot_at(s->view, v->parent)->id;
        ret->collection = v->collection;
        if (v->flags & ATE__VERSION_TAGGED)
            memcpy(ret->tags, v->tag, ATE__NAME_TAG), ret->tag_count = 1;
        if (v->flags & ATE__VERSION_TWO_TAGS)
            memcpy(ret->tags + ATE__NAME_TAG, ate__version_second_tag(s->view, v), ATE__NAME_TAG),
                ret->tag_count = 2;
    }
    urcu_bp_read_unlock();
    return 0;
}

int ate__view_tag_holder(const struct ate__view_snapshot *s, const struct ate_id *parent,
                         const uint8_t tag[ATE__NAME_TAG], struct ate_id *ret_id)
{
    int rc = enter(s);
    if (rc)
        return rc;
    uint32_t slot, child;
    if (ate__view_find_slot(s->view, parent, &slot) &&
        ate__view_find_tag(s->view, slot, tag, s->size, &child))
        *ret_id = ate__slot_at(s->view, child)->id;
    else
        rc = ATE_NOT_FOUND;
    urcu_bp_read_unlock();
    return rc;
}

/* The first entry with a serial above `after`. Serials ascend along the list, so a cursor survives
 * its replacement. */
static uint32_t first_after(const struct ate__members *m, uint32_t count, uint64_t after)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (m->item[middle].serial <= after)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int ate__view_next_child(const struct ate__view_snapshot *s, const struct ate_id *parent,
                         uint64_t *at, struct ate_id *ret_child)
{
    int rc = enter(s);
    if (rc)
        return rc;
    uint32_t slot;
    rc = ATE_END;
    struct ate__extra *extra = NULL;
    if (ate__view_find_slot(s->view, parent, &slot))
        extra = atomic_load_explicit(&ate__slot_at(s->view, slot)->extra, memory_order_acquire);
    const struct ate__members *m =
        extra ? atomic_load_explicit(&extra->members, memory_order_acquire) : NULL;
    uint32_t count = m ? atomic_load_explicit(&m->count, memory_order_acquire) : 0;
    for (uint32_t i = m ? first_after(m, count, *at) : 0; i < count; i++) {
        const struct ate__slot *child = ate__slot_at(s->view, m->item[i].child);
        const struct ate__version *v = ate__slot_version(s->view, child, s->size);
        if (v && !(v->flags & ATE__VERSION_DELETED) && v->parent == slot &&
            v->serial == m->item[i].serial) {
            *at = m->item[i].serial;
            *ret_child = child->id;
            rc = 0;
            break;
        }
    }
    urcu_bp_read_unlock();
    return rc;
}
