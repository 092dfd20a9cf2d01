/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * view_index.c: from id to slot, from (parent, tag) to child.
 */
#include "chain/view_private.h"

enum {
    TABLE_FIRST = 1024 /* cells */,
    TAGS_ASKED = 8,
    TOUCHED_FIRST = 1024,
    TOUCHED_MAX = 65536 /* cells, about one for 10 objects */
};

void ate__view_retire(struct ate__view *v, void *block, size_t size)
{
    if (!block)
        return;
    ate__assert(v->retired_count < v->retired_capacity);
    v->retired[v->retired_count++] = block;
    v->retired_bytes += size;
}

int ate__view_may_retire(struct ate__view *v)
{
    return ate__grow(&v->retired, &v->retired_capacity, v->retired_count + 1, sizeof *v->retired);
}

static uint32_t hash_id(const struct ate__view *v, const struct ate_id *id)
{
    return (uint32_t)ate__siphash(v->seed, id, sizeof *id);
}

static uint32_t hash_tag(const struct ate__view *v, uint32_t parent,
                         const uint8_t tag[ATE__NAME_TAG])
{
    uint8_t key[4 + ATE__NAME_TAG];
    memcpy(key, &parent, 4);
    memcpy(key + 4, tag, ATE__NAME_TAG);
    return (uint32_t)ate__siphash(v->seed, key, sizeof key);
}

/* ---- tables ---- */

static uint64_t cell_of(uint32_t hash, uint32_t value)
{
    return (uint64_t)hash << 32 | value;
}

static uint64_t place_of(const struct ate__table *t, uint32_t hash)
{
    return (uint64_t)hash * t->cells >> 32;
}

static uint64_t behind(const struct ate__table *t, uint64_t i)
{
    return i + 1 < t->cells ? i + 1 : 0;
}

/* The value of the next cell with that hash, from *at on; NONE: there is none. */
static uint32_t next_value(const struct ate__table *t, uint32_t hash, uint64_t *at)
{
    for (uint64_t i = *at;; i = behind(t, i)) {
        uint64_t cell = atomic_load_explicit(&t->cell[i], memory_order_acquire);
        if (cell && cell >> 32 != hash)
            continue;
        *at = behind(t, i);
        return (uint32_t)cell;
    }
}

/* Gives the cells that it took: 0 where the same is met on the way, and will be by who looks. */
static unsigned put_cell(struct ate__table *t, uint64_t added)
{
    for (uint64_t i = place_of(t, (uint32_t)(added >> 32));; i = behind(t, i)) {
        uint64_t cell = atomic_load_explicit(&t->cell[i], memory_order_relaxed);
        if (cell == added)
            return 0;
        if (!cell) {
            atomic_store_explicit(&t->cell[i], added, memory_order_release);
            return 1;
        }
    }
}

static uint64_t put_cells(const struct ate__table *old, struct ate__table *t)
{
    uint64_t n = 0;
    for (uint64_t i = 0; old && i < old->cells; i++) {
        uint64_t cell = atomic_load_explicit(&old->cell[i], memory_order_relaxed);
        n += cell ? put_cell(t, cell) : 0;
    }
    return n;
}

static size_t table_size(uint64_t cells)
{
    return sizeof(struct ate__table) + cells * sizeof(uint64_t);
}

static struct ate__table *new_table(uint64_t cells)
{
    struct ate__table *t = ate__alloc(table_size(cells));
    if (t)
        t->cells = cells;
    return t;
}

static void retire_table(struct ate__view *v, struct ate__table *t)
{
    ate__view_retire(v, t, t ? table_size(t->cells) : 0);
}

/* At most five sixths full, and three quarters once it has grown: memory is what decides here
 * (docs/decisions/0032-speed.md). */
static bool has_room(const struct ate__table *t, uint64_t used)
{
    return t && (used + 1) * 6 <= t->cells * 5;
}

static uint64_t cells_for(uint64_t used)
{
    uint64_t cells = used / 20 * 27;
    return cells < TABLE_FIRST ? TABLE_FIRST : cells;
}

static bool find_slot(const struct ate__view *v, const struct ate_id *id, uint32_t hash,
                      uint32_t *ret_slot)
{
    const struct ate__table *t = atomic_load_explicit(&v->ids, memory_order_acquire);
    if (!t)
        return false;
    uint32_t value;
    uint64_t at = place_of(t, hash);
    while ((value = next_value(t, hash, &at)) != ATE__NONE)
        if (ate__id_equal(&ate__slot_at(v, value - 1)->id, id)) {
            *ret_slot = value - 1;
            return true;
        }
    return false;
}

/* The top, which lies above everything, is asked for most. Its slot was made first. */
static bool find_top(const struct ate_id *id, uint32_t *ret_slot)
{
    static const struct ate_id top;
    if (!ate__id_equal(id, &top))
        return false;
    *ret_slot = 0;
    return true;
}

bool ate__view_find_slot(const struct ate__view *v, const struct ate_id *id, uint32_t *ret_slot)
{
    return find_top(id, ret_slot) || find_slot(v, id, hash_id(v, id), ret_slot);
}

void ate__view_expect(const struct ate__view *v, const struct ate__tx *tx)
{
    const struct ate__table *t = atomic_load_explicit(&v->ids, memory_order_relaxed);
    for (uint32_t i = 0; t && i < tx->event_count; i++)
        __builtin_prefetch(&t->cell[place_of(t, hash_id(v, &tx->events[i].header.object))]);
}

/* Cells that were asked for and not written yet: each is on its way from memory while those before
 * it are written. */
enum { CELLS_AHEAD = 16 };
struct ahead {
    struct ate__table *table;
    uint64_t cell[CELLS_AHEAD]; /* 0: none */
    uint64_t next, used;
};

static void put_ahead(struct ahead *a, uint64_t cell)
{
    uint64_t *due = &a->cell[a->next++ % CELLS_AHEAD];
    if (*due)
        a->used += put_cell(a->table, *due);
    if (cell)
        __builtin_prefetch(&a->table->cell[place_of(a->table, (uint32_t)(cell >> 32))], 1);
    *due = cell;
}

static uint64_t end_ahead(struct ahead *a)
{
    for (unsigned i = 0; i < CELLS_AHEAD; i++)
        put_ahead(a, 0);
    return a->used;
}

static int index_ids(struct ate__view *v)
{
    struct ahead a = {.table = new_table(cells_for(v->slots.count))};
    if (!a.table)
        return ate__no_memory();
    for (uint32_t s = 0; s < v->slots.count; s++)
        put_ahead(&a, cell_of(hash_id(v, &ate__slot_at(v, s)->id), s + 1));
    v->id_count = end_ahead(&a);
    ate__free(atomic_load(&v->ids));
    atomic_store(&v->ids, a.table);
    return 0;
}

/* ---- what was touched ---- */

int ate__view_widen_touched(struct ate__view *v)
{
    struct ate__touched *old = atomic_load_explicit(&v->touched, memory_order_relaxed);
    uint64_t cells = old ? 4 * (old->mask + 1) : TOUCHED_FIRST;
    if (old && (cells > TOUCHED_MAX || v->slots.count < 4 * cells))
        return 0;
    struct ate__touched *t = ate__alloc(sizeof *t + cells * sizeof t->below[0]);
    if (!t)
        return ate__no_memory();
    t->mask = cells - 1;
    t->smaller = old;
    for (uint64_t i = 0; old && i < cells; i++)
        atomic_store_explicit(&t->below[i], atomic_load(&old->below[i & old->mask]),
                              memory_order_relaxed);
    atomic_store_explicit(&v->touched, t, memory_order_release);
    return 0;
}

/* It never falls: a sequence that was rolled back is given again. */
void ate__view_touch(struct ate__view *v, const struct ate_id *id, uint64_t sequence)
{
    struct ate__touched *t = atomic_load_explicit(&v->touched, memory_order_relaxed);
    _Atomic uint64_t *below = ate__touched_at(v, t, id);
    if (atomic_load_explicit(below, memory_order_relaxed) <= sequence)
        atomic_store_explicit(below, sequence + 1, memory_order_relaxed);
}

/* ---- ids ---- */

static int grow_ids(struct ate__view *v)
{
    struct ate__table *old = atomic_load_explicit(&v->ids, memory_order_relaxed);
    int rc = ate__view_may_retire(v);
    if (!rc)
        rc = ate__view_widen_touched(v);
    if (rc)
        return rc;
    struct ate__table *t = new_table(cells_for(v->id_count));
    if (!t)
        return ate__no_memory();
    put_cells(old, t);
    atomic_store_explicit(&v->ids, t, memory_order_release);
    retire_table(v, old);
    return 0;
}

int ate__view_make_slot(struct ate__view *v, const struct ate_id *id, uint32_t *ret_slot)
{
    if (v->slots.count && find_top(id, ret_slot))
        return 0;
    uint32_t hash = hash_id(v, id);
    if (find_slot(v, id, hash, ret_slot))
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
    put_cell(atomic_load_explicit(&v->ids, memory_order_relaxed), cell_of(hash, slot + 1));
    v->id_count++;
    *ret_slot = slot;
    return 0;
}

int ate__view_extra(struct ate__view *v, uint32_t slot, struct ate__extra **ret_extra)
{
    struct ate__slot *s = ate__slot_at(v, slot);
    uint32_t index;
    if (!atomic_load_explicit(&s->extra, memory_order_relaxed)) {
        int rc = ate__pages_add(&v->extras, &index);
        if (rc)
            return rc;
        atomic_store_explicit(&s->extra, index + 1, memory_order_release);
    }
    *ret_extra = ate__slot_extra(v, s);
    return 0;
}

/* ---- tags ---- */

/* The tags that a version has; returns how many. */
static unsigned tags_of(const struct ate__view *v, const struct ate__version *version,
                        const uint8_t *ret_tags[2])
{
    unsigned n = 0;
    if (version->flags & ATE__VERSION_TAGGED)
        ret_tags[n++] = version->tag;
    if (version->flags & ATE__VERSION_TWO_TAGS)
        ret_tags[n++] = ate__version_more(v, version)->second_tag;
    return n;
}

/* A linked version has the tag that the cell stands for, or one with the same hash. */
static bool cell_backed(const struct ate__view *v, uint64_t cell)
{
    const uint8_t *tags[2];
    for (uint32_t i = atomic_load(&ate__slot_at(v, (uint32_t)cell - 1)->body); i != ATE__NONE;) {
        const struct ate__version *version = ate__version_at(v, i);
        for (unsigned k = tags_of(v, version, tags); k-- > 0;)
            if (hash_tag(v, version->parent, tags[k]) == cell >> 32)
                return true;
        i = atomic_load(&version->older);
    }
    return false;
}

/* Each gives the cells that it took. */
static uint64_t put_tags_of_slots(const struct ate__view *v, struct ate__table *t)
{
    const uint8_t *tags[2];
    uint64_t n = 0;
    for (uint32_t s = 0; s < v->slots.count; s++)
        for (uint32_t i = atomic_load(&ate__slot_at(v, s)->body); i != ATE__NONE;) {
            const struct ate__version *version = ate__version_at(v, i);
            for (unsigned k = tags_of(v, version, tags); k-- > 0;)
                n += put_cell(t, cell_of(hash_tag(v, version->parent, tags[k]), s + 1));
            i = atomic_load(&version->older);
        }
    return n;
}

static uint64_t put_backed_cells(const struct ate__view *v, const struct ate__table *old,
                                 struct ate__table *t)
{
    uint64_t n = 0;
    for (uint64_t i = 0; old && i < old->cells; i++) {
        uint64_t cell = atomic_load_explicit(&old->cell[i], memory_order_relaxed);
        if (cell && cell_backed(v, cell))
            n += put_cell(t, cell);
    }
    return n;
}

/* What nobody has to walk over may come along: a few cells that no version backs. */
static bool few_dead(const struct ate__view *v, const struct ate__table *old)
{
    return v->tag_count <= v->tags_linked && (!old || v->tags_walked <= old->cells);
}

/* A table with room for all tags of linked versions: of all cells where few are dead, else of what
 * is backed. To go through the slots in their order is faster, but not among many objects that were
 * deleted. */
static int renew_tags(struct ate__view *v)
{
    struct ate__table *old = atomic_load_explicit(&v->tags, memory_order_relaxed);
    int rc = ate__view_may_retire(v);
    if (rc)
        return rc;
    struct ate__table *t = new_table(cells_for(v->tags_linked));
    if (!t)
        return ate__no_memory();
    v->tag_count = few_dead(v, old)                       ? put_cells(old, t)
                   : v->slots.count / 2 <= v->tags_linked ? put_tags_of_slots(v, t)
                                                          : put_backed_cells(v, old, t);
    v->tags_walked = 0;
    atomic_store_explicit(&v->tags, t, memory_order_release);
    retire_table(v, old);
    return 0;
}

static uint64_t count_tags(const struct ate__view *v)
{
    const uint8_t *tags[2];
    uint64_t n = 0;
    for (uint32_t i = 1; i <= v->versions.count; i++)
        n += tags_of(v, ate__version_at(v, i), tags);
    return n;
}

static int index_tags(struct ate__view *v)
{
    const uint8_t *tags[2];
    v->tags_linked = count_tags(v);
    if (!v->tags_linked)
        return 0;
    struct ahead a = {.table = new_table(cells_for(v->tags_linked))};
    if (!a.table)
        return ate__no_memory();
    for (uint32_t s = 0; s < v->slots.count; s++) {
        uint32_t i = atomic_load_explicit(&ate__slot_at(v, s)->body, memory_order_relaxed);
        const struct ate__version *version = i ? ate__version_at(v, i) : NULL;
        for (unsigned k = version ? tags_of(v, version, tags) : 0; k-- > 0;)
            put_ahead(&a, cell_of(hash_tag(v, version->parent, tags[k]), s + 1));
    }
    v->tag_count = end_ahead(&a);
    ate__free(atomic_load(&v->tags));
    atomic_store(&v->tags, a.table);
    return 0;
}

int ate__view_index_all(struct ate__view *v)
{
    uint64_t cells;
    int rc = index_ids(v);
    if (!rc)
        rc = index_tags(v);
    do { /* until it does not become wider */
        cells = atomic_load(&v->touched)->mask;
        if (!rc)
            rc = ate__view_widen_touched(v);
    } while (!rc && cells != atomic_load(&v->touched)->mask);
    for (uint32_t s = 0; !rc && s < v->slots.count; s++) {
        const struct ate__slot *slot = ate__slot_at(v, s);
        uint32_t i = atomic_load_explicit(&slot->body, memory_order_relaxed);
        if (i)
            ate__view_touch(v, &slot->id, ate__version_at(v, i)->sequence);
    }
    return rc;
}

static int tags_have_room(struct ate__view *v)
{
    const struct ate__table *t = atomic_load_explicit(&v->tags, memory_order_relaxed);
    bool room = has_room(t, v->tag_count);
    if (room && v->tags_walked <= t->cells)
        return 0;
    int rc = renew_tags(v);
    return room ? 0 : rc; /* without memory it only stays slower */
}

/* The same name may get another object again and again. Of those that had it one that no version
 * backs gives its cell away: whoever walks over it looks for something else. The first few are
 * asked: where they are backed, a snapshot holds back most of them. */
static void put_tag(struct ate__view *v, uint64_t added)
{
    struct ate__table *t = atomic_load_explicit(&v->tags, memory_order_relaxed);
    _Atomic uint64_t *spare = NULL;
    uint64_t i = place_of(t, (uint32_t)(added >> 32)), cell;
    unsigned same = 0;
    for (; (cell = atomic_load_explicit(&t->cell[i], memory_order_relaxed)); i = behind(t, i)) {
        if (cell == added)
            return;
        if (cell >> 32 != added >> 32)
            continue;
        if (same++ < TAGS_ASKED && !spare && !cell_backed(v, cell))
            spare = &t->cell[i];
    }
    v->tags_walked += same;
    v->tag_count += !spare;
    atomic_store_explicit(spare ? spare : &t->cell[i], added, memory_order_release);
}

int ate__view_index_tags(struct ate__view *v, uint32_t slot, const struct ate__version *version)
{
    const uint8_t *tags[2];
    unsigned count = tags_of(v, version, tags);
    int rc = 0;
    v->tags_linked += count;
    while (!rc && count-- > 0) {
        rc = tags_have_room(v);
        if (!rc)
            put_tag(v, cell_of(hash_tag(v, version->parent, tags[count]), slot + 1));
    }
    return rc;
}

static bool version_has_tag(const struct ate__view *v, const struct ate__version *version,
                            uint32_t parent, const uint8_t *tag)
{
    const uint8_t *tags[2];
    if (version->parent != parent || version->flags & ATE__VERSION_DELETED)
        return false;
    for (unsigned k = tags_of(v, version, tags); k-- > 0;)
        if (!memcmp(tags[k], tag, ATE__NAME_TAG))
            return true;
    return false;
}

bool ate__view_find_tag(const struct ate__view *v, uint32_t parent,
                        const uint8_t tag[ATE__NAME_TAG], uint64_t size, uint32_t *ret_child)
{
    const struct ate__table *t = atomic_load_explicit(&v->tags, memory_order_acquire);
    if (!t)
        return false;
    uint32_t hash = hash_tag(v, parent, tag), value;
    uint64_t at = place_of(t, hash);
    while ((value = next_value(t, hash, &at)) != ATE__NONE) {
        const struct ate__version *version = ate__slot_version(v, ate__slot_at(v, value - 1), size);
        if (version && version_has_tag(v, version, parent, tag)) {
            *ret_child = value - 1;
            return true;
        }
    }
    return false;
}

void ate__view_untag(struct ate__view *v, const struct ate__version *gone)
{
    const uint8_t *tags[2];
    v->tags_linked -= tags_of(v, gone, tags);
}
