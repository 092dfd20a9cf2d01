/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * thin_check.c: an answer to a GET, from bytes to verified objects.
 *
 *   1 transactions   decoded, each in the tree of the head             thin_txs.c
 *   2 signatures     keys learned, then all verified side by side      thin_txs.c
 *   3 events         bodies and control events, sorted by object; root keys
 *   4 objects        those asked for, and every ancestor, put together from 3
 *   5 places         each lies below the top
 *   6 rights         of each object that is new                        thin_rights.c
 *   7 kept           what holds is known from now on; then the answer itself: what was asked for
 */
#include "mesh/thin_check.h"
#include "base/alloc.h"
#include "base/text.h"
#include "mesh/thin_private.h"
#include <stdlib.h>

enum { OBJECT_SIZE = sizeof(struct ate_id) + 1 };

/* ---- what is known ---- */

struct ate__thin_object *ate__thin_find(const struct ate__thin_answer *a, const struct ate_id *id)
{
    struct ate__thin_object *o;
    uint64_t index;
    if (ate__map_get(&a->fresh_index, id, &index))
        return a->fresh[index].object;
    return ate__thin_known_find(a->known, id, &o) ? o : NULL;
}

/* ---- 3: events ---- */

static int add_ref(struct ate__thin_ref **refs, size_t *count, size_t *capacity,
                   struct ate__thin_ref ref)
{
    int rc = ate__grow(refs, capacity, *count + 1, sizeof **refs);
    if (!rc)
        (*refs)[(*count)++] = ref;
    return rc;
}

static int compare_refs(const void *va, const void *vb)
{
    const struct ate__thin_ref *a = va, *b = vb;
    int order = memcmp(&a->id, &b->id, sizeof a->id);
    if (order)
        return order;
    return a->tx != b->tx ? (a->tx < b->tx ? -1 : 1)
                          : (a->event > b->event) - (a->event < b->event);
}

static int sort_events(struct ate__thin_answer *a)
{
    int rc = 0;
    for (uint32_t i = 0; !rc && i < a->tx_count; i++) {
        const struct ate__tx *tx = a->txs[i].tx;
        for (uint32_t n = 0; !rc && n < tx->event_count; n++) {
            const struct ate__event *e = &tx->events[n];
            struct ate__thin_ref ref = {e->header.object, i, n};
            if (e->form == ATE__DROPPED)
                continue;
            if (e->kind == ATE__EVENT_BODY)
                rc = add_ref(&a->bodies, &a->body_count, &a->body_capacity, ref);
            else if (e->kind == ATE__EVENT_CONTROL)
                rc = add_ref(&a->controls, &a->control_count, &a->control_capacity, ref);
            else if (e->kind == ATE__EVENT_ROOT)
                rc = ate__thin_take_root(a, &a->txs[i], e);
        }
    }
    if (a->body_count > 1)
        qsort(a->bodies, a->body_count, sizeof *a->bodies, compare_refs);
    if (a->control_count > 1)
        qsort(a->controls, a->control_count, sizeof *a->controls, compare_refs);
    return rc;
}

/* Those of one object, a range. */
struct range {
    const struct ate__thin_ref *first;
    size_t count;
};

static struct range refs_of(const struct ate__thin_ref *refs, size_t count, const struct ate_id *id)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memcmp(&refs[middle].id, id, sizeof *id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    struct range range = {count ? refs + low : refs, 0};
    while (low + range.count < count && ate__id_equal(&refs[low + range.count].id, id))
        range.count++;
    return range;
}

static const struct ate__event *event_of(const struct ate__thin_answer *a,
                                         const struct ate__thin_ref *ref)
{
    return &a->txs[ref->tx].tx->events[ref->event];
}

/* ---- 4: objects ---- */

static int not_shown(const struct ate_id *id, const char *what)
{
    char text[ATE__ID_TEXT];
    return ate__fail(ATE_BAD_PEER, "object %s: %s is not shown", ate__id_text(id, text), what);
}

static int fail_line(const struct ate_id *id, uint64_t sequence, const char *what)
{
    char text[ATE__ID_TEXT];
    return ate__fail(ATE_TAMPERED, "object %s: transaction %llu %s", ate__id_text(id, text),
                     (unsigned long long)sequence, what);
}

static int copy_authors(struct ate__thin_object *o, const struct ate__tx *tx)
{
    o->author_count = tx->signature_count;
    o->authors = ate__alloc_array(tx->signature_count, sizeof *o->authors);
    if (!o->authors)
        return ate__no_memory();
    for (uint32_t i = 0; i < tx->signature_count; i++)
        o->authors[i] = tx->signatures[i].fingerprint;
    return 0;
}

/* The newest body that is shown is the current one. */
static int take_body(const struct ate__thin_answer *a, struct ate__thin_fresh *f)
{
    struct ate__thin_object *o = f->object;
    struct range bodies = refs_of(a->bodies, a->body_count, &o->id);
    if (ate__is_top(&o->id))
        return 0;
    if (!bodies.count)
        return not_shown(&o->id, "its body");
    const struct ate__thin_ref *newest = &bodies.first[bodies.count - 1];
    const struct ate__thin_tx *t = &a->txs[newest->tx];
    const struct ate__event *e = event_of(a, newest);
    if (bodies.count > 1 && newest[-1].tx == newest->tx)
        return fail_line(&o->id, t->sequence, "has two bodies for it");
    if (ate__header_has(&e->header, ATE__TAG_TOMBSTONE))
        return fail_line(&o->id, t->sequence, "deleted what is shown as living");
    f->body = t->tx;
    o->sequence = t->sequence;
    o->root_time_us = t->root_time_us;
    o->hash = e->hash;
    o->has_prev = ate__header_has(&e->header, ATE__TAG_PREV);
    o->stripped = e->form == ATE__STRIPPED;
    o->parent = e->header.parent;
    o->collection = e->header.collection;
    o->tag_count = e->header.tag_count;
    if (o->tag_count)
        memcpy(o->tags, e->header.tags, o->tag_count * (size_t)ATE__NAME_TAG);
    int rc = ate__buf_append(&o->whole, e->whole);
    return rc ? rc : copy_authors(o, t->tx);
}

/* Whether a control event follows on those before it. One without PREV begins the line; it may
 * begin again where the id was used anew, which is not before the window is over. */
static int check_line(const struct ate__thin_answer *a, struct ate__thin_fresh *f,
                      const struct ate__thin_tx *t, const struct ate__event *e)
{
    struct ate__thin_object *o = f->object;
    const struct ate__control *last = o->control_count ? o->controls[o->control_count - 1] : NULL;
    if (last && last->sequence == t->sequence)
        return fail_line(&o->id, t->sequence, "has two control events for it");
    if (ate__header_has(&e->header, ATE__TAG_PREV)) {
        if (!last)
            return not_shown(&o->id, "the first of its control events");
        if (!ate__hash_equal(&last->hash, &e->header.prev))
            return fail_line(&o->id, t->sequence,
                             "has a control event that does not replace the one before it");
        return 0;
    }
    if (!last)
        return 0;
    if (t->sequence - last->sequence <= ate__trust_genesis(a->chain->trust)->window)
        return fail_line(&o->id, t->sequence, "has a second first control event");
    while (o->control_count)
        ate__control_unref(o->controls[--o->control_count]);
    return 0;
}

static int take_control(const struct ate__thin_answer *a, struct ate__thin_fresh *f,
                        const struct ate__thin_ref *ref)
{
    struct ate__thin_object *o = f->object;
    const struct ate__thin_tx *t = &a->txs[ref->tx];
    const struct ate__event *e = event_of(a, ref);
    int rc = check_line(a, f, t, e);
    if (!rc)
        rc = ate__grow(&o->controls, &o->control_capacity, o->control_count + 1,
                       sizeof(struct ate__control *));
    if (!rc)
        rc = ate__grow(&f->control, &f->control_capacity, o->control_count + 1,
                       sizeof(const struct ate__tx *));
    if (rc)
        return rc;
    f->control[o->control_count] = t->tx;
    rc = ate__control_new(e, t->sequence,
                          o->control_count ? o->controls[o->control_count - 1] : NULL,
                          &o->controls[o->control_count]);
    o->control_count += rc == 0;
    return rc;
}

/* What is known already must be shown as it was; a payload that was missing may come now. */
static int check_same(const struct ate__thin_answer *a, struct ate__thin_object *o)
{
    struct range bodies = refs_of(a->bodies, a->body_count, &o->id);
    struct range controls = refs_of(a->controls, a->control_count, &o->id);
    const struct ate__control *last = o->control_count ? o->controls[o->control_count - 1] : NULL;
    char text[ATE__ID_TEXT];
    bool same = true;
    if (bodies.count) {
        const struct ate__event *e = event_of(a, &bodies.first[bodies.count - 1]);
        same = ate__is_top(&o->id) || ate__hash_equal(&e->hash, &o->hash);
        if (same && o->stripped && e->form != ATE__STRIPPED)
            return ate__thin_known_fill(a->known, o, e->whole);
    }
    if (controls.count)
        same =
            same && last &&
            ate__hash_equal(&event_of(a, &controls.first[controls.count - 1])->hash, &last->hash);
    if (same)
        return 0;
    return ate__fail(ATE_BAD_PEER, "object %s: it is shown otherwise than before, at the same size",
                     ate__id_text(&o->id, text));
}

static struct ate__thin_fresh *add_fresh(struct ate__thin_answer *a, const struct ate_id *id)
{
    if (ate__grow(&a->fresh, &a->fresh_capacity, a->fresh_count + 1, sizeof *a->fresh) ||
        ate__map_put(&a->fresh_index, id, a->fresh_count))
        return NULL;
    struct ate__thin_fresh *f = &a->fresh[a->fresh_count];
    *f = (struct ate__thin_fresh){.object = ate__alloc(sizeof *f->object)};
    a->fresh_count++; /* counted also when it lacks its object: it is let go with the others */
    return f->object ? f : NULL;
}

/* An object that has to be there: known, or put together from what is shown. */
static int need(struct ate__thin_answer *a, const struct ate_id *id)
{
    struct ate__thin_object *o;
    char text[ATE__ID_TEXT];
    if (ate__map_get(&a->fresh_index, id, NULL))
        return 0;
    if (ate__thin_known_find(a->known, id, &o)) {
        if (o)
            return check_same(a, o);
        return ate__fail(ATE_BAD_PEER, "object %s: it is shown, and was called absent before",
                         ate__id_text(id, text));
    }
    struct ate__thin_fresh *f = add_fresh(a, id);
    if (!f)
        return ate__no_memory();
    f->object->id = *id;
    int rc = take_body(a, f);
    struct range controls = refs_of(a->controls, a->control_count, id);
    for (size_t i = 0; !rc && i < controls.count; i++)
        rc = take_control(a, f, &controls.first[i]);
    return rc;
}

static struct ate_id id_at(const uint8_t *ids, size_t size, uint32_t index)
{
    struct ate_id id;
    memcpy(&id, ids + index * size, sizeof id);
    return id;
}

static bool is_live(const struct ate__thin_answer *a, uint32_t index)
{
    return a->got->objects[(size_t)index * OBJECT_SIZE + sizeof(struct ate_id)];
}

static int need_all(struct ate__thin_answer *a)
{
    int rc = 0;
    for (uint32_t i = 0; !rc && i < a->got->object_count; i++) {
        struct ate_id id = id_at(a->got->objects, OBJECT_SIZE, i);
        if (is_live(a, i))
            rc = need(a, &id);
    }
    bool has_parent = a->get->kind == ATE__GET_NAME || a->get->kind == ATE__GET_CHILDREN;
    if (!rc && has_parent && refs_of(a->bodies, a->body_count, &a->get->parent).count)
        rc = need(a, &a->get->parent);
    for (size_t i = 0; !rc && i < a->fresh_count; i++) { /* it grows on the way up */
        struct ate_id parent = a->fresh[i].object->parent;
        if (!ate__is_top(&a->fresh[i].object->id))
            rc = need(a, &parent);
    }
    return rc;
}

/* ---- 5: places ---- */

static int nowhere(const struct ate__thin_object *o)
{
    char text[ATE__ID_TEXT];
    return ate__fail(ATE_TAMPERED, "object %s: it does not lie below the top within %d parents",
                     ate__id_text(&o->id, text), ATE__PARENTS_MAX);
}

/* How deep an object lies: up to one whose depth is known, and back down. A cycle would lead
 * through more objects than there are new ones. */
static int settle_depth(struct ate__thin_answer *a, struct ate__thin_object *o)
{
    size_t count = 0;
    for (; !o->depth && !ate__is_top(&o->id); o = o->above) {
        if (count == a->fresh_count)
            return nowhere(o);
        a->way[count++] = o;
        o->above = ate__thin_find(a, &o->parent);
    }
    for (uint32_t depth = o->depth + 1; count; depth++) {
        o = a->way[--count];
        if (depth > ATE__PARENTS_MAX)
            return nowhere(o);
        o->depth = depth;
    }
    return 0;
}

static int settle_places(struct ate__thin_answer *a)
{
    int rc = 0;
    a->way = ate__alloc_array(a->fresh_count, sizeof(struct ate__thin_object *));
    if (!a->way)
        return ate__no_memory();
    for (size_t i = 0; !rc && i < a->fresh_count; i++)
        rc = settle_depth(a, a->fresh[i].object);
    return rc;
}

/* ---- 7: keeping it; the answer itself ---- */

/* All of them or none, so that no object is known without its ancestors. */
static int keep(struct ate__thin_answer *a)
{
    size_t kept = 0;
    int rc = 0;
    for (; !rc && kept < a->fresh_count; kept += rc == 0)
        rc = ate__thin_known_add(a->known, a->fresh[kept].object);
    for (size_t i = 0; i < kept; i++)
        if (rc)
            ate__thin_known_take_back(a->known, a->fresh[i].object);
        else
            a->fresh[i].object = NULL; /* it is theirs */
    ate__map_clear(&a->fresh_index);
    return rc;
}

static int foreign(const char *what)
{
    return ate__fail(ATE_BAD_PEER, "GOT: %s", what);
}

static int take_asked(struct ate__thin_answer *a)
{
    int rc = 0;
    if (!a->got->object_count || a->got->object_count > a->get->id_count)
        return foreign("another number of objects than was asked for");
    for (uint32_t i = 0; !rc && i < a->got->object_count; i++) {
        struct ate__thin_object *o;
        struct ate_id id = id_at(a->got->objects, OBJECT_SIZE, i);
        struct ate_id asked = id_at(a->get->ids, sizeof id, i);
        if (!ate__id_equal(&id, &asked))
            return foreign("another object than was asked for");
        if (is_live(a, i))
            continue;
        if (!ate__thin_known_find(a->known, &id, &o))
            rc = ate__is_top(&id) ? foreign("the top is called absent")
                                  : ate__thin_known_absent(a->known, &id);
        else if (o)
            rc = foreign("an object is called absent that was shown before");
    }
    return rc;
}

static bool has_tag(const struct ate__thin_object *o, const uint8_t *tag)
{
    for (unsigned i = 0; i < o->tag_count; i++)
        if (!memcmp(o->tags + (size_t)i * ATE__NAME_TAG, tag, ATE__NAME_TAG))
            return true;
    return false;
}

static int wrong_place(const struct ate__thin_object *o, const char *what)
{
    char text[ATE__ID_TEXT];
    return ate__fail(ATE_TAMPERED, "object %s: by transaction %llu it %s",
                     ate__id_text(&o->id, text), (unsigned long long)o->sequence, what);
}

/* Objects in the list that are to be children of the parent that was asked about. */
static int check_child(struct ate__thin_answer *a, uint32_t index, const struct ate__listing *l)
{
    struct ate_id id = id_at(a->got->objects, OBJECT_SIZE, index);
    if (!is_live(a, index) || ate__is_top(&id))
        return foreign("a child that is absent");
    const struct ate__thin_object *o = ate__thin_find(a, &id);
    if (!ate__id_equal(&o->parent, &l->parent) || (l->one && o->collection != l->collection))
        return wrong_place(o, "lies elsewhere than where it was asked for");
    return 0;
}

static int take_named(struct ate__thin_answer *a)
{
    const struct ate__msg_get *get = a->get;
    int rc = 0;
    if (a->got->object_count > 1)
        return foreign("more than one object of a name");
    if (a->got->object_count) {
        rc = check_child(a, 0, &(struct ate__listing){.parent = get->parent});
        if (rc)
            return rc;
        struct ate_id id = id_at(a->got->objects, OBJECT_SIZE, 0);
        const struct ate__thin_object *o = ate__thin_find(a, &id);
        bool has =
            has_tag(o, get->tags) || (get->tag_count > 1 && has_tag(o, get->tags + ATE__NAME_TAG));
        return has ? 0 : wrong_place(o, "has another name than was asked for");
    }
    for (unsigned i = 0; !rc && i < get->tag_count; i++) {
        struct ate__thin_object *holder;
        const uint8_t *tag = get->tags + (size_t)i * ATE__NAME_TAG;
        if (ate__thin_known_name(a->known, &get->parent, tag, &holder) && holder)
            return foreign("a name is called free that an object has");
        rc = ate__thin_known_no_name(a->known, &get->parent, tag);
    }
    return rc;
}

static int take_children(struct ate__thin_answer *a)
{
    const struct ate__listing *l = &a->get->listing;
    uint64_t before = a->get->cursor, cursor = a->got->cursor;
    bool goes_on = l->reverse ? !before || cursor < before : cursor > before;
    int rc = 0;
    if (a->got->object_count > ATE__GET_PAGE_MAX)
        return foreign("a page of too many children");
    if (cursor && (!a->got->object_count || !goes_on))
        return foreign("a list of children that does not go on");
    for (uint32_t i = 0; !rc && i < a->got->object_count; i++)
        rc = check_child(a, i, l);
    return rc;
}

static int take_answer(struct ate__thin_answer *a)
{
    switch (a->get->kind) {
    case ATE__GET_OBJECTS: return take_asked(a);
    case ATE__GET_NAME: return take_named(a);
    case ATE__GET_CHILDREN: return take_children(a);
    default: return a->got->object_count ? foreign("objects that nobody asked for") : 0;
    }
}

static int check(struct ate__thin_answer *a)
{
    int rc = ate__thin_read_txs(a);
    if (!rc)
        rc = ate__thin_verify_txs(a);
    if (!rc)
        rc = sort_events(a);
    if (!rc)
        rc = need_all(a);
    if (!rc)
        rc = settle_places(a);
    for (size_t i = 0; !rc && i < a->fresh_count; i++)
        rc = ate__thin_judge(a, &a->fresh[i]);
    if (!rc)
        rc = keep(a);
    return rc ? rc : take_answer(a);
}

int ate__thin_check(struct ate__thin_chain *c, const struct ate__head *head,
                    const struct ate__msg_get *get, const struct ate__msg_got *got,
                    struct ate__thin_known *known)
{
    struct ate__thin_answer a = {.chain = c, .head = head, .get = get, .got = got, .known = known};
    ate__map_init(&a.fresh_index, sizeof(struct ate_id), known->objects.seed);
    int rc = ate__thin_known_trim(known);
    if (!rc)
        rc = check(&a);
    for (size_t i = 1; i < a.tx_count; i++) {
        ate__tx_deinit(&a.txs[i].own);
        ate__free(a.txs[i].text);
    }
    for (size_t i = 0; i < a.fresh_count; i++) {
        ate__thin_object_free(a.fresh[i].object);
        ate__free(a.fresh[i].control);
    }
    ate__free(a.txs);
    ate__free(a.bodies);
    ate__free(a.controls);
    ate__free(a.fresh);
    ate__free(a.way);
    ate__map_deinit(&a.fresh_index);
    return rc;
}
