/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * accept_after.c: check 7: the state after the transaction holds together: what was written has
 * living parents up to the top, nothing survives below what was deleted, and no two children of one
 * parent have the same name tag.
 */
#include "base/text.h"
#include "trust/judge.h"

/* ---- places ---- */

static void check_place(struct ate__judge *j, const struct ate__node *n)
{
    char object[ATE__ID_TEXT], lost[ATE__ID_TEXT];
    if (n->place == ATE__PLACE_GOOD)
        return;
    ate__id_text(&n->id, object);
    switch ((enum ate__place)n->place) {
    case ATE__PLACE_LOST:
        ate__id_text(&n->lost, lost);
        if (n->lost_sequence)
            ate__refuse(j, ATE_CONFLICT, &n->lost, n->lost_sequence,
                        "object %s: %s, above it, was deleted at %llu", object, lost,
                        (unsigned long long)n->lost_sequence);
        else
            ate__refuse(j, ATE_CONFLICT, &n->lost, 0,
                        "object %s: %s, above it, does not exist or goes in this transaction",
                        object, lost);
        break;
    case ATE__PLACE_CYCLE:
        ate__refuse(j, ATE_CONFLICT, &n->id, n->before.sequence,
                    "object %s: it would lie below itself", object);
        break;
    case ATE__PLACE_DEEP:
        ate__refuse(j, ATE_TOO_BIG, &n->id, 0, "object %s: more than %d parents lie above it",
                    object, ATE__PARENTS_MAX);
        break;
    default: break;
    }
}

/* ---- children of what is deleted ---- */

/* Whether the transaction writes it. Then it goes too, or moves away, or finds its parent gone,
 * check_place(). */
static bool is_written(struct ate__judge *j, const struct ate_id *child)
{
    const struct ate__node *n = ate__node_find(j, child);
    return n && ate__node_body(j, n);
}

/* Without SUBTREE nothing may be left below. The walk ends once the verdict cannot name more. */
static int check_no_child(struct ate__judge *j, const struct ate__node *n)
{
    const struct ate__listing below = {.parent = n->id};
    uint64_t at = 0;
    int rc = 0;
    while (!rc && j->verdict->conflict_count < ATE__CONFLICTS_MAX) {
        struct ate__object_facts f;
        struct ate_id child;
        char object[ATE__ID_TEXT], text[ATE__ID_TEXT];
        rc = j->facts->v->next_child(j->facts, &below, &at, &child);
        if (rc || is_written(j, &child))
            continue;
        rc = ate__facts_object(j->facts, &child, &f);
        if (!rc)
            ate__refuse(j, ATE_CONFLICT, &child, f.sequence,
                        "object %s: deleted, but %s lies below it", ate__id_text(&n->id, object),
                        ate__id_text(&child, text));
    }
    return rc == ATE_END ? 0 : rc;
}

/* ---- name tags ---- */

static bool has_tag(unsigned count, const uint8_t *tags, const uint8_t tag[ATE__NAME_TAG])
{
    for (unsigned i = 0; i < count; i++)
        if (!memcmp(tags + ATE__NAME_TAG * (size_t)i, tag, ATE__NAME_TAG))
            return true;
    return false;
}

/* Whether an object that this transaction does not create had the tag below the same parent. */
static bool had_tag(const struct ate__judge *j, const struct ate__node *n,
                    const uint8_t tag[ATE__NAME_TAG])
{
    return !ate__node_created(j, n) &&
           ate__id_equal(&ate__node_body(j, n)->header.parent, &n->before.parent) &&
           has_tag(n->before.tag_count, n->before.tags, tag);
}

/* The tags that the transaction gives: (parent, tag) -> node. Few are looked through. */
struct claims {
    struct ate__judge *j;
    struct ate__map map; /* where the nodes are many */
    bool small;
};

/* An earlier event that gives the same tag below the same parent; NULL: none. */
static const struct ate__node *claim(struct claims *c, uint32_t event,
                                     const uint8_t tag[ATE__NAME_TAG], int *ret_rc)
{
    struct ate__judge *j = c->j;
    const struct ate__header *h = &j->tx->events[event].header;
    uint8_t key[sizeof(struct ate_id) + ATE__NAME_TAG];
    uint64_t other;
    *ret_rc = 0;
    for (uint32_t i = 0; c->small && i < event; i++) {
        const struct ate__event *e = &j->tx->events[i];
        if (e->kind == ATE__EVENT_BODY && !ate__is_tombstone(e) &&
            ate__id_equal(&e->header.parent, &h->parent) &&
            has_tag(e->header.tag_count, e->header.tags, tag))
            return ate__node_find(j, &e->header.object);
    }
    if (c->small)
        return NULL;
    memcpy(key, &h->parent, sizeof h->parent);
    memcpy(key + sizeof h->parent, tag, ATE__NAME_TAG);
    if (ate__map_get(&c->map, key, &other))
        return ate__node_find(j, &j->tx->events[other].header.object);
    *ret_rc = ate__map_put(&c->map, key, event);
    return NULL;
}

/* The holder by the state before, unless it lets go of the tag; a tombstone has none. It is not
 * `n`: had_tag(). */
static int check_holder(struct ate__judge *j, const struct ate__node *n,
                        const struct ate_id *parent, const uint8_t tag[ATE__NAME_TAG])
{
    struct ate__object_facts f;
    struct ate_id id;
    char object[ATE__ID_TEXT], at[ATE__ID_TEXT], text[ATE__ID_TEXT];
    int rc = j->facts->v->tag_holder(j->facts, parent, tag, &id);
    if (rc)
        return rc == ATE_NOT_FOUND ? 0 : rc;
    const struct ate__node *holder = ate__node_find(j, &id);
    const struct ate__event *e = holder ? ate__node_body(j, holder) : NULL;
    if (e && (!ate__id_equal(&e->header.parent, parent) ||
              !has_tag(e->header.tag_count, e->header.tags, tag)))
        return 0;
    rc = ate__facts_object(j->facts, &id, &f);
    if (!rc)
        ate__refuse(j, ATE_CONFLICT, &id, f.sequence,
                    "object %s: its name below %s is that of %s, since %llu",
                    ate__id_text(&n->id, object), ate__id_text(parent, at), ate__id_text(&id, text),
                    (unsigned long long)f.sequence);
    return rc;
}

static int check_tags(struct claims *c, uint32_t event, const struct ate__node *n)
{
    const struct ate__header *h = &c->j->tx->events[event].header;
    for (unsigned i = 0; i < h->tag_count; i++) {
        const uint8_t *tag = h->tags + ATE__NAME_TAG * (size_t)i;
        char object[ATE__ID_TEXT], text[ATE__ID_TEXT];
        int rc;
        const struct ate__node *other = claim(c, event, tag, &rc);
        if (other)
            ate__refuse(c->j, ATE_CONFLICT, &n->id, 0,
                        "object %s: %s gets the same name in this transaction",
                        ate__id_text(&n->id, object), ate__id_text(&other->id, text));
        else if (!rc && !had_tag(c->j, n, tag))
            rc = check_holder(c->j, n, &h->parent, tag);
        if (rc)
            return rc;
    }
    return 0;
}

/* ---- events ---- */

static int check_event(struct claims *c, uint32_t event)
{
    struct ate__judge *j = c->j;
    const struct ate__event *e = &j->tx->events[event];
    struct ate__node *n = ate__node_find(j, &e->header.object);
    if (e->kind == ATE__EVENT_BODY && ate__is_tombstone(e))
        return e->header.tombstone ? 0 : check_no_child(j, n);
    int rc = ate__place_of(j, n);
    if (rc)
        return rc;
    check_place(j, n);
    return e->kind == ATE__EVENT_BODY ? check_tags(c, event, n) : 0;
}

int ate__check_places(struct ate__judge *j)
{
    int rc = 0;
    for (uint32_t i = 0; !rc && i < j->tx->event_count; i++) {
        const struct ate__event *e = &j->tx->events[i];
        if (!ate__event_of_object(e) || (e->kind == ATE__EVENT_BODY && ate__is_tombstone(e)))
            continue;
        struct ate__node *n = ate__node_find(j, &e->header.object);
        rc = ate__place_of(j, n);
        if (!rc)
            check_place(j, n);
    }
    return rc;
}

int ate__check_after(struct ate__judge *j)
{
    struct claims c = {.j = j, .small = j->node_capacity == ATE__NODES_SMALL};
    int rc = 0;
    ate__map_init(&c.map, sizeof(struct ate_id) + ATE__NAME_TAG, ate__trust_seed(j->t));
    for (uint32_t i = 0; !rc && i < j->tx->event_count; i++) {
        if (ate__event_of_object(&j->tx->events[i]))
            rc = check_event(&c, i);
    }
    ate__map_deinit(&c.map);
    return rc;
}
