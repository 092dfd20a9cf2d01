/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * view_lists.c: from parent to children: all of them, or those of one collection.
 *
 * Most objects have children in one collection, and one list. Where there are two, each child
 * stands in the list of all and in that of its collection, under the same serial. An object may get
 * so many collections that the later ones have no list: their children are found among all.
 */
#include "chain/view_private.h"

enum { MEMBERS_FIRST = 4, DEAD_MIN = 32 };

static bool member_backed(const struct ate__view *v, uint32_t parent, struct ate__view_member m)
{
    for (uint32_t i = atomic_load(&ate__slot_at(v, m.child)->body); i != ATE__NONE;) {
        const struct ate__version *version = ate__version_at(v, i);
        if (ate__view_is_member(version, parent, m.serial))
            return true;
        i = atomic_load(&version->older);
    }
    return false;
}

static size_t members_size(uint32_t capacity)
{
    return sizeof(struct ate__view_members) + capacity * sizeof(struct ate__view_member);
}

/* A list of what is backed, with room for more; a few that are not come along, because asking each
 * costs more than they do. */
static int renew(struct ate__view *v, uint32_t parent, struct ate__view_list *l)
{
    struct ate__view_members *old = atomic_load_explicit(&l->members, memory_order_relaxed);
    uint32_t old_count = old ? atomic_load_explicit(&old->count, memory_order_relaxed) : 0;
    uint32_t kept = 0, capacity = MEMBERS_FIRST;
    bool sift = l->dead > old_count / 8;
    int rc = ate__view_may_retire(v);
    if (rc)
        return rc;
    for (uint32_t i = 0; i < old_count; i++)
        kept += !sift || member_backed(v, parent, old->item[i]);
    if (kept > capacity / 2)
        capacity = kept + kept / 8 + MEMBERS_FIRST;
    struct ate__view_members *m = ate__resize(NULL, members_size(capacity));
    if (!m)
        return ate__no_memory();
    m->capacity = capacity;
    uint32_t n = 0;
    for (uint32_t i = 0; i < old_count; i++)
        if (!sift || member_backed(v, parent, old->item[i]))
            m->item[n++] = old->item[i];
    atomic_init(&m->count, n);
    atomic_store_explicit(&l->members, m, memory_order_release);
    ate__view_retire(v, old, old ? members_size(old->capacity) : 0);
    if (sift)
        l->dead = 0;
    return 0;
}

/* ---- lists of collections ---- */

static struct ate__view_list *find(struct ate__view_lists *lists, uint32_t collection)
{
    for (uint32_t i = 0; lists && i < lists->count; i++)
        if (atomic_load_explicit(&lists->list[i].collection, memory_order_relaxed) == collection)
            return &lists->list[i];
    return NULL;
}

static size_t lists_size(uint32_t count)
{
    return sizeof(struct ate__view_lists) + count * sizeof(struct ate__view_list);
}

/* A list more, of these members, takes its place behind those that are there. */
static int add_list(struct ate__view *v, struct ate__extra *extra, uint32_t collection,
                    struct ate__view_members *members, uint32_t dead)
{
    struct ate__view_lists *old = atomic_load_explicit(&extra->lists, memory_order_relaxed);
    uint32_t count = old ? old->count : 0;
    int rc = ate__view_may_retire(v);
    if (rc)
        return rc;
    struct ate__view_lists *lists = ate__alloc(lists_size(count + 1));
    if (!lists)
        return ate__no_memory();
    for (uint32_t i = 0; i < count; i++) {
        const struct ate__view_list *l = &old->list[i];
        atomic_init(&lists->list[i].members, atomic_load(&l->members));
        atomic_init(&lists->list[i].collection, atomic_load(&l->collection));
        lists->list[i].dead = l->dead;
    }
    atomic_init(&lists->list[count].members, members);
    atomic_init(&lists->list[count].collection, collection);
    lists->list[count].dead = dead;
    lists->count = count + 1;
    atomic_store_explicit(&extra->lists, lists, memory_order_release);
    ate__view_retire(v, old, old ? lists_size(count) : 0);
    return 0;
}

/* A second collection comes: the first one gets a list of its own, of what all are so far. */
static int split(struct ate__view *v, struct ate__extra *extra)
{
    const struct ate__view_members *all = atomic_load(&extra->all.members);
    uint32_t count = atomic_load(&all->count);
    struct ate__view_members *m = ate__resize(NULL, members_size(count));
    if (!m)
        return ate__no_memory();
    m->capacity = count;
    atomic_init(&m->count, count);
    memcpy(m->item, all->item, count * sizeof all->item[0]);
    int rc = add_list(v, extra, atomic_load(&extra->all.collection), m, extra->all.dead);
    if (rc)
        ate__free(m);
    return rc;
}

/* Where a child of that collection is entered besides; NULL: nowhere. */
static int own_list(struct ate__view *v, struct ate__extra *extra, uint32_t collection,
                    struct ate__view_list **ret_list)
{
    const struct ate__view_members *all =
        atomic_load_explicit(&extra->all.members, memory_order_relaxed);
    struct ate__view_lists *lists = atomic_load_explicit(&extra->lists, memory_order_relaxed);
    int rc = 0;
    *ret_list = NULL;
    if (!lists && (!all || !atomic_load_explicit(&all->count, memory_order_relaxed)))
        atomic_store_explicit(&extra->all.collection, collection, memory_order_relaxed);
    if (!lists && atomic_load(&extra->all.collection) == collection)
        return 0;
    if (!lists)
        rc = split(v, extra);
    lists = atomic_load_explicit(&extra->lists, memory_order_relaxed);
    if (!rc && !find(lists, collection) && lists->count < ATE__VIEW_LISTS_MAX)
        rc = add_list(v, extra, collection, NULL, 0);
    if (!rc)
        *ret_list = find(atomic_load_explicit(&extra->lists, memory_order_relaxed), collection);
    return rc;
}

const struct ate__view_members *ate__view_members_of(const struct ate__extra *extra,
                                                     const struct ate__listing *l, bool *ret_sift)
{
    struct ate__view_lists *lists = atomic_load_explicit(&extra->lists, memory_order_acquire);
    const struct ate__view_members *all =
        atomic_load_explicit(&extra->all.members, memory_order_acquire);
    *ret_sift = false;
    if (!l->one || !all)
        return all;
    if (!lists)
        return atomic_load_explicit(&extra->all.collection, memory_order_relaxed) == l->collection
                   ? all
                   : NULL;
    struct ate__view_list *list = find(lists, l->collection);
    if (list)
        return atomic_load_explicit(&list->members, memory_order_acquire);
    *ret_sift = lists->count == ATE__VIEW_LISTS_MAX;
    return *ret_sift ? all : NULL;
}

void ate__view_free_lists(struct ate__extra *extra)
{
    struct ate__view_lists *lists = atomic_load(&extra->lists);
    for (uint32_t i = 0; lists && i < lists->count; i++)
        ate__free(atomic_load(&lists->list[i].members));
    ate__free(lists);
    ate__free(atomic_load(&extra->all.members));
}

/* ---- members ---- */

static int make_room(struct ate__view *v, uint32_t parent, struct ate__view_list *l)
{
    const struct ate__view_members *m = atomic_load_explicit(&l->members, memory_order_relaxed);
    bool full = !m || atomic_load_explicit(&m->count, memory_order_relaxed) == m->capacity;
    return full ? renew(v, parent, l) : 0;
}

static void enter(struct ate__view_list *l, struct ate__view_member member)
{
    struct ate__view_members *m = atomic_load_explicit(&l->members, memory_order_relaxed);
    uint32_t n = atomic_load_explicit(&m->count, memory_order_relaxed);
    m->item[n] = member;
    atomic_store_explicit(&m->count, n + 1, memory_order_release);
}

int ate__view_enter(struct ate__view *v, uint32_t parent, struct ate__extra *extra,
                    uint32_t collection, struct ate__view_member member)
{
    struct ate__view_list *own;
    int rc = own_list(v, extra, collection, &own);
    if (!rc && own)
        rc = make_room(v, parent, own);
    if (rc)
        return rc;
    if (own)
        enter(own, member);
    enter(&extra->all, member);
    return 0;
}

int ate__view_add_member(struct ate__view *v, uint32_t parent, uint32_t child, uint32_t collection,
                         uint32_t *ret_serial)
{
    struct ate__extra *extra;
    int rc = ate__view_extra(v, parent, &extra);
    if (rc)
        return rc;
    if (extra->next_serial == UINT32_MAX)
        return ate__fail(ATE_BUSY, "view: more than %u children were put under one object",
                         UINT32_MAX - 1);
    struct ate__view_member member = {child, extra->next_serial + 1};
    rc = make_room(v, parent, &extra->all);
    if (!rc)
        rc = ate__view_enter(v, parent, extra, collection, member);
    if (rc)
        return rc;
    *ret_serial = extra->next_serial = member.serial;
    return 0;
}

static void died(struct ate__view *v, uint32_t parent, struct ate__view_list *l)
{
    const struct ate__view_members *m = atomic_load(&l->members);
    if (++l->dead < DEAD_MIN || l->dead <= atomic_load(&m->count) / 2)
        return;
    /* Without memory the list stays as it is until it is tried again. */
    int rc = renew(v, parent, l);
    (void)rc;
}

void ate__view_left(struct ate__view *v, const struct ate__version *gone,
                    const struct ate__version *stays)
{
    ate__view_untag(v, gone);
    if (gone->flags & ATE__VERSION_DELETED ||
        (stays && ate__view_is_member(stays, gone->parent, gone->serial)))
        return;
    struct ate__extra *extra = ate__slot_extra(v, ate__slot_at(v, gone->parent));
    struct ate__view_list *own = find(atomic_load(&extra->lists), ate__version_collection(v, gone));
    died(v, gone->parent, &extra->all);
    if (own)
        died(v, gone->parent, own);
}
