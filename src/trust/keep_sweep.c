/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * keep_sweep.c: which lives are kept: from those that are for their own sake to the parents that
 * they ever had. The others go, and the rest moves together.
 *
 * A SUBTREE tombstone is noted at the object that it names; what lies below ends with it, and that
 * is found out here, by walking up. A life never outlives the one that it lies below.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "trust/keep_private.h"

/* ---- which have ended ---- */

/* Walks up to the nearest whose end or life is known, and back with the answer. */
static void settle(struct ate__keep *k, uint32_t index)
{
    const uint8_t known = ATE__LIFE_ENDED | ATE__LIFE_ALIVE;
    uint32_t i = index;
    while (!(k->lives[i].flags & known))
        i = k->lives[i].parent;
    const uint8_t found = k->lives[i].flags & known;
    const uint64_t end = k->lives[i].end;
    for (uint32_t at = index; at != i; at = k->lives[at].parent) {
        k->lives[at].flags |= found;
        k->lives[at].end = end;
    }
}

/* ---- which are kept ---- */

struct marking {
    struct ate__keep *k;
    uint32_t *due; /* marked, their parents not yet; each is in it at most once, ever */
    size_t count;
};

static void mark(struct marking *m, uint32_t index)
{
    if (m->k->lives[index].flags & ATE__LIFE_MARKED)
        return;
    m->k->lives[index].flags |= ATE__LIFE_MARKED;
    m->due[m->count++] = index;
}

static void mark_all(struct marking *m)
{
    struct ate__keep *k = m->k;
    for (uint32_t i = 0; i < k->count; i++) {
        const struct ate__life *l = &k->lives[i];
        if (!ate__life_ended(l) || l->flags & ATE__LIFE_PINNED || l->end >= k->window_from)
            mark(m, i);
    }
    while (m->count) {
        const struct ate__life *l = &k->lives[m->due[--m->count]];
        mark(m, l->parent);
        for (uint32_t i = l->places; i; i = k->places[i - 1].older)
            mark(m, k->places[i - 1].parent);
    }
}

/* ---- letting go ---- */

/* New indices in `to`; the newest of an id that stays is the newest. */
static int move_lives(struct ate__keep *k, uint32_t *to)
{
    size_t kept = 0;
    for (size_t i = 0; i < k->count; i++)
        to[i] = k->lives[i].flags & ATE__LIFE_MARKED ? (uint32_t)kept++ : ATE__LIFE_NONE;
    ate__map_clear(&k->newest);
    for (size_t i = 0; i < k->count; i++) {
        struct ate__life *l = &k->lives[i];
        while (l->older != ATE__LIFE_NONE && to[l->older] == ATE__LIFE_NONE)
            l->older = k->lives[l->older].older;
    }
    for (size_t i = 0; i < k->count; i++) {
        struct ate__life *l = &k->lives[i];
        if (to[i] == ATE__LIFE_NONE)
            continue;
        l->parent = to[l->parent];
        if (l->older != ATE__LIFE_NONE)
            l->older = to[l->older];
        l->flags &= (uint8_t)~(ATE__LIFE_MARKED | ATE__LIFE_ALIVE);
    }
    for (size_t i = 0; i < k->count; i++)
        if (to[i] != ATE__LIFE_NONE)
            k->lives[to[i]] = k->lives[i];
    k->count = kept;
    for (size_t i = 0; i < kept; i++) {
        int rc = ate__map_put(&k->newest, &k->lives[i].id, i); /* ascending: the newest stays */
        if (rc)
            return rc;
    }
    return 0;
}

static void move_places(struct ate__keep *k, const uint32_t *to, struct ate__life_place *places)
{
    size_t count = 0;
    for (size_t i = 0; i < k->count; i++) {
        uint32_t *link = &k->lives[i].places;
        for (uint32_t old = *link; old; old = k->places[old - 1].older) {
            const struct ate__life_place *p = &k->places[old - 1];
            places[count++] = (struct ate__life_place){p->placed, to[p->parent], 0};
            *link = (uint32_t)count;
            link = &places[count - 1].older;
        }
    }
    k->place_count = count;
    if (count)
        memcpy(k->places, places, count * sizeof *places);
}

int ate__keep_sweep(struct ate__keep *k)
{
    ate__cleanup(ate__freep) uint32_t *scratch = ate__alloc_array(k->count, sizeof *scratch);
    ate__cleanup(ate__freep) struct ate__life_place *places =
        ate__alloc_array(k->place_count, sizeof *places);
    if (!scratch || !places)
        return ate__no_memory();
    k->lives[ATE__LIFE_TOP].flags |= ATE__LIFE_ALIVE;
    for (uint32_t i = 0; i < k->count; i++)
        settle(k, i);
    struct marking m = {k, scratch, 0};
    mark_all(&m);
    int rc = move_lives(k, scratch);
    if (rc)
        return rc;
    move_places(k, scratch, places);
    return 0;
}
