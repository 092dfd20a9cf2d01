/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * view_index.c: from id to slot, from (parent, tag) to child, from parent to children.
 */
#include "chain/view_private.h"

enum { TABLE_FIRST = 1024 /* cells */, MEMBERS_FIRST = 4 };

void ate__view_retire(struct ate__view *v, void *block)
{
    if (!block)
        return;
    /* Room was made by whoever replaced the block: see reserve_retired(). */
    ate__assert(v->retired_count < v->retired_capacity);
    v->retired[v->retired_count++] = block;
}

static int reserve_retired(struct ate__view *v)
{
    return ate__grow(&v->retired, &v->retired_capacity, v->retired_count + 1, sizeof *v->retired);
}

static uint64_t hash_id(const struct ate__view *v, const struct ate_id *id)
{
    return ate__siphash(v->seed, id, sizeof *id);
}

static uint64_t hash_tag(const struct ate__view *v, uint32_t parent,
                         const uint8_t tag[ATE__NAME_TAG])
{
    uint8_t key[4 + ATE__NAME_TAG];
    memcpy(key, &parent, 4);
    memcpy(key + 4, tag, ATE__NAME_TAG);
    return ate__siphash(v->seed, key, sizeof key);
}

static void put_cell(struct ate__table *t, uint64_t hash, uint32_t value)
{
    for (uint64_t i = hash & t->mask;; i = (i + 1) & t->mask) {
        uint32_t cell = atomic_load_explicit(&t->cell[i], memory_order_relaxed);
        if (cell == value)
            return;
        if (cell == ATE__NONE) {
            atomic_store_explicit(&t->cell[i], value, memory_order_release);
            return;
        }
    }
}

static struct ate__table *new_table(uint64_t cells)
{
    struct ate__table *t = ate__alloc(sizeof *t + cells * sizeof t->cell[0]);
    if (t)
        t->mask = cells - 1;
    return t;
}

bool ate__view_find_slot(const struct ate__view *v, const struct ate_id *id, uint32_t *ret_slot)
{
    const struct ate__table *t = atomic_load_explicit(&v->ids, memory_order_acquire);
    if (!t)
        return false;
    for (uint64_t i = hash_id(v, id) & t->mask;; i = (i + 1) & t->mask) {
        uint32_t cell = atomic_load_explicit(&t->cell[i], memory_order_acquire);
        if (cell == ATE__NONE)
            return false;
        if (ate__id_equal(&ate__slot_at(v, cell - 1)->id, id)) {
            *ret_slot = cell - 1;
            return true;
        }
    }
}

/* At most two thirds full. */
static bool has_room(const struct ate__table *t, uint64_t used)
{
    return t && (used + 1) * 3 <= (t->mask + 1) * 2;
}

static int grow_ids(struct ate__view *v)
{
    struct ate__table *old = atomic_load_explicit(&v->ids, memory_order_relaxed);
    int rc = reserve_retired(v);
    if (rc)
        return rc;
    struct ate__table *t = new_table(old ? (old->mask + 1) * 2 : TABLE_FIRST);
    if (!t)
        return ate__no_memory();
    for (uint32_t s = 0; s < v->slots.count; s++)
        put_cell(t, hash_id(v, &ate__slot_at(v, s)->id), s + 1);
    atomic_store_explicit(&v->ids, t, memory_order_release);
    ate__view_retire(v, old);
    return 0;
}

int ate__view_make_slot(struct ate__view *v, const struct ate_id *id, uint32_t *ret_slot)
{
    if (ate__view_find_slot(v, id, ret_slot))
        return 0;
    uint32_t slot;
    int rc = 0;
    if (!has_room(atomic_load_explicit(&v->ids, memory_order_relaxed), v->id_count))
        rc = grow_ids(v);
    if (!rc)
        rc = ate__pages_add(&v->slots, &slot);
    if (rc)
        return rc;
    ate__slot_at(v, slot)->id = *id;
    put_cell(atomic_load_explicit(&v->ids, memory_order_relaxed), hash_id(v, id), slot + 1);
    v->id_count++;
    *ret_slot = slot;
    return 0;
}

int ate__view_extra(struct ate__view *v, uint32_t slot, struct ate__extra **ret_extra)
{
    struct ate__slot *s = ate__slot_at(v, slot);
    struct ate__extra *extra = atomic_load_explicit(&s->extra, memory_order_relaxed);
    if (!extra) {
        extra = ate__alloc(sizeof *extra);
        if (!extra)
            return ate__no_memory();
        atomic_store_explicit(&s->extra, extra, memory_order_release);
    }
    *ret_extra = extra;
    return 0;
}

/* ---- tags ---- */

static void index_version_tags(struct ate__view *v, struct ate__table *t, uint32_t slot,
                               const struct ate__version *version, uint64_t *used)
{
    if (version->flags & ATE__VERSION_TAGGED) {
        put_cell(t, hash_tag(v, version->parent, version->tag), slot + 1);
        ++*used;
    }
    if (version->flags & ATE__VERSION_TWO_TAGS) {
        put_cell(t, hash_tag(v, version->parent, ate__version_second_tag(v, version)), slot + 1);
        ++*used;
    }
}

/* Cells that a table needs for what versions still back; counts doubles within one slot twice,
 * which is harmless. */
static uint64_t backed_tags(const struct ate__view *v)
{
    uint64_t n = 0;
    for (uint32_t s = 0; s < v->slots.count; s++)
        for (uint32_t i = atomic_load(&ate__slot_at(v, s)->body); i != ATE__NONE;) {
            const struct ate__version *version = ate__version_at(v, i);
            n += (version->flags & ATE__VERSION_TAGGED ? 1u : 0u) +
                 (version->flags & ATE__VERSION_TWO_TAGS ? 1u : 0u);
            i = atomic_load(&version->older);
        }
    return n;
}

static int grow_tags(struct ate__view *v)
{
    struct ate__table *old = atomic_load_explicit(&v->tags, memory_order_relaxed);
    int rc = reserve_retired(v);
    if (rc)
        return rc;
    uint64_t cells = TABLE_FIRST;
    while (cells < 3 * (backed_tags(v) + 1))
        cells *= 2;
    struct ate__table *t = new_table(cells);
    if (!t)
        return ate__no_memory();
    uint64_t used = 0;
    for (uint32_t s = 0; s < v->slots.count; s++)
        for (uint32_t i = atomic_load(&ate__slot_at(v, s)->body); i != ATE__NONE;) {
            const struct ate__version *version = ate__version_at(v, i);
            index_version_tags(v, t, s, version, &used);
            i = atomic_load(&version->older);
        }
    v->tag_count = used;
    atomic_store_explicit(&v->tags, t, memory_order_release);
    ate__view_retire(v, old);
    return 0;
}

int ate__view_index_tag(struct ate__view *v, uint32_t child, uint32_t parent,
                        const uint8_t tag[ATE__NAME_TAG])
{
    if (!has_room(atomic_load_explicit(&v->tags, memory_order_relaxed), v->tag_count)) {
        int rc = grow_tags(v);
        if (rc)
            return rc;
    }
    put_cell(atomic_load_explicit(&v->tags, memory_order_relaxed), hash_tag(v, parent, tag),
             child + 1);
    v->tag_count++;
    return 0;
}

static bool version_has_tag(const struct ate__view *v, const struct ate__version *version,
                            uint32_t parent, const uint8_t *tag)
{
    if (version->parent != parent || version->flags & ATE__VERSION_DELETED)
        return false;
    if (version->flags & ATE__VERSION_TAGGED && !memcmp(version->tag, tag, ATE__NAME_TAG))
        return true;
    return version->flags & ATE__VERSION_TWO_TAGS &&
           !memcmp(ate__version_second_tag(v, version), tag, ATE__NAME_TAG);
}

bool ate__view_find_tag(const struct ate__view *v, uint32_t parent,
                        const uint8_t tag[ATE__NAME_TAG], uint64_t size, uint32_t *ret_child)
{
    const struct ate__table *t = atomic_load_explicit(&v->tags, memory_order_acquire);
    if (!t)
        return false;
    for (uint64_t i = hash_tag(v, parent, tag) & t->mask;; i = (i + 1) & t->mask) {
        uint32_t cell = atomic_load_explicit(&t->cell[i], memory_order_acquire);
        if (cell == ATE__NONE)
            return false;
        const struct ate__version *version = ate__slot_version(v, ate__slot_at(v, cell - 1), size);
        if (version && version_has_tag(v, version, parent, tag)) {
            *ret_child = cell - 1;
            return true;
        }
    }
}

/* ---- children ---- */

static bool member_backed(const struct ate__view *v, uint32_t parent, struct ate__member m)
{
    for (uint32_t i = atomic_load(&ate__slot_at(v, m.child)->body); i != ATE__NONE;) {
        const struct ate__version *version = ate__version_at(v, i);
        if (version->parent == parent && version->serial == m.serial)
            return true;
        i = atomic_load(&version->older);
    }
    return false;
}

static int grow_members(struct ate__view *v, uint32_t parent, struct ate__extra *extra)
{
    struct ate__members *old = atomic_load_explicit(&extra->members, memory_order_relaxed);
    uint32_t old_count = old ? atomic_load_explicit(&old->count, memory_order_relaxed) : 0,
             kept = 0;
    int rc = reserve_retired(v);
    if (rc)
        return rc;
    for (uint32_t i = 0; i < old_count; i++)
        kept += member_backed(v, parent, old->item[i]);
    uint32_t capacity = old ? old->capacity : MEMBERS_FIRST / 2;
    if (kept >= capacity / 4 * 3)
        capacity *= 2;
    struct ate__members *m = ate__alloc(sizeof *m + (size_t)capacity * sizeof m->item[0]);
    if (!m)
        return ate__no_memory();
    m->capacity = capacity;
    uint32_t n = 0;
    for (uint32_t i = 0; i < old_count; i++)
        if (member_backed(v, parent, old->item[i]))
            m->item[n++] = old->item[i];
    atomic_store_explicit(&m->count, n, memory_order_relaxed);
    atomic_store_explicit(&extra->members, m, memory_order_release);
    ate__view_retire(v, old);
    return 0;
}

int ate__view_add_member(struct ate__view *v, uint32_t parent, uint32_t child, uint32_t *ret_serial)
{
    struct ate__extra *extra;
    int rc = ate__view_extra(v, parent, &extra);
    if (rc)
        return rc;
    struct ate__members *m = atomic_load_explicit(&extra->members, memory_order_relaxed);
    if (!m || atomic_load_explicit(&m->count, memory_order_relaxed) == m->capacity) {
        rc = grow_members(v, parent, extra);
        if (rc)
            return rc;
        m = atomic_load_explicit(&extra->members, memory_order_relaxed);
    }
    uint32_t n = atomic_load_explicit(&m->count, memory_order_relaxed);
    m->item[n] = (struct ate__member){child, ++extra->next_serial};
    atomic_store_explicit(&m->count, n + 1, memory_order_release);
    *ret_serial = extra->next_serial;
    return 0;
}
