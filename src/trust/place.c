/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * place.c: where an object lies in the state after the transaction: how deep, in which scope, and
 * whether at all.
 *
 * The walk goes up from a node, over objects that are no nodes, to the next node, and so on until
 * one whose place is known; the top's always is. Then it goes back down and every node on the way
 * learns its place, so that each stretch is walked once, however many objects lie below it. The way
 * from one node to the next leads through stored parents that the transaction does not change,
 * which form no cycle; its length is bounded all the same.
 */
#include "trust/judge.h"
#include "trust/ways.h"

/* The control of a node after the transaction, if it sets read. */
static struct ate__read_scope read_set_at(const struct ate__judge *j, const struct ate__node *n)
{
    const struct ate__event *e = ate__node_control(j, n);
    const struct ate__control *before = ate__node_rules(n);
    if (e && ate__auth_rule(&e->header.auth, ATE__RIGHT_READ))
        return (struct ate__read_scope){&e->header, 0};
    if (!e && ate__control_rule(before, ATE__RIGHT_READ))
        return (struct ate__read_scope){&before->header, before->sequence};
    return (struct ate__read_scope){NULL, 0};
}

static bool lives(const struct ate__judge *j, const struct ate__node *n)
{
    const struct ate__event *e = ate__node_body(j, n);
    return e ? !ate__is_tombstone(e) : n->before.live;
}

static const struct ate_id *parent_of(const struct ate__judge *j, const struct ate__node *n)
{
    const struct ate__event *e = ate__node_body(j, n);
    return e ? &e->header.parent : &n->before.parent;
}

/* What the walk ended with, for all nodes on its way. */
struct end {
    enum ate__place place;
    struct ate_id lost;
    uint64_t lost_sequence;
};

static struct end end_lost(const struct ate_id *id, const struct ate__object_facts *before)
{
    return (struct end){ATE__PLACE_LOST, *id, before->deleted ? before->sequence : 0};
}

/* From a node to the next one above. ret_next NULL: there is none, and *end says why. */
static int climb(struct ate__judge *j, struct ate__node *n, struct ate__node **ret_next,
                 struct end *end)
{
    struct ate__object_facts before;
    struct ate_id lost;
    bool is_lost;
    n->steps = 1;
    n->passed = read_set_at(j, n);
    int rc = ate__way_climb(j, n, parent_of(j, n), ret_next, &is_lost, &lost, &before);
    if (rc || *ret_next)
        return rc ? rc : ate__node_load(j, *ret_next);
    if (is_lost)
        *end = end_lost(&lost, &before);
    else
        end->place = ATE__PLACE_DEEP;
    return 0;
}

/* Back down from `above` (a known place; NULL: there is none) to where the walk began. */
static void settle(struct ate__node *last, const struct ate__node *above, const struct end *end)
{
    for (struct ate__node *n = last; n; above = n, n = n->below) {
        n->place = (uint8_t)(above ? above->place : end->place);
        n->lost = above ? above->lost : end->lost;
        n->lost_sequence = above ? above->lost_sequence : end->lost_sequence;
        if (n->place != ATE__PLACE_GOOD)
            continue;
        n->depth = above->depth + n->steps;
        n->scope = n->passed.header ? n->passed : above->scope;
        if (n->depth > ATE__PARENTS_MAX)
            n->place = ATE__PLACE_DEEP;
    }
}

/* A node whose place needs no walk. */
static bool is_end(const struct ate__judge *j, struct ate__node *n)
{
    if (n->place == ATE__PLACE_UNKNOWN && ate__is_top(&n->id)) {
        n->place = ATE__PLACE_GOOD;
        n->depth = 0;
        n->scope = read_set_at(j, n);
    } else if (n->place == ATE__PLACE_UNKNOWN && !lives(j, n)) {
        struct end end = end_lost(&n->id, &n->before);
        n->place = ATE__PLACE_LOST;
        n->lost = end.lost;
        n->lost_sequence = end.lost_sequence;
    }
    return n->place != ATE__PLACE_UNKNOWN && n->place != ATE__PLACE_WALKING;
}

int ate__place_of(struct ate__judge *j, struct ate__node *n)
{
    struct ate__node *last = NULL;
    struct end end = {.place = ATE__PLACE_CYCLE};
    int rc = ate__node_load(j, n);
    while (!rc && n && !is_end(j, n)) {
        if (n->place == ATE__PLACE_WALKING) {
            n = NULL; /* the way came back to itself */
            break;
        }
        n->place = ATE__PLACE_WALKING;
        n->below = last;
        last = n;
        rc = climb(j, last, &n, &end);
    }
    if (!rc)
        settle(last, n, &end);
    return rc;
}
