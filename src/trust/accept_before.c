/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * accept_before.c: checks 2 to 4: the chain, the base, and what the transaction takes for granted
 * about the state before it: PREV and preconditions.
 */
#include "base/text.h"
#include "trust/judge.h"
#include <stdio.h>

/* ---- 2 and 3 ---- */

static int check_genesis_id(struct ate__judge *j)
{
    for (uint32_t i = 0; !j->sequence && i < j->tx->event_count; i++) {
        struct ate_hash id;
        if (!ate__header_has(&j->tx->events[i].header, ATE__TAG_GENESIS))
            continue;
        int rc = ate__chain_id(ate__trust_alg(j->t), j->tx->events[i].header.genesis, &id);
        if (rc)
            return rc;
        if (!ate__hash_equal(&id, ate__trust_chain_id(j->t)))
            ate__refuse(j, ATE_WRONG_CHAIN, NULL, 0, "the genesis of another chain");
    }
    return 0;
}

int ate__check_chain_id(struct ate__judge *j)
{
    char text[ATE__HASH_TEXT], other[ATE__HASH_TEXT];
    if (!ate__hash_equal(&j->tx->chain_id, ate__trust_chain_id(j->t))) {
        ate__refuse(j, ATE_WRONG_CHAIN, NULL, 0, "made for the chain %s, and this is %s",
                    ate__hash_text(&j->tx->chain_id, text),
                    ate__hash_text(ate__trust_chain_id(j->t), other));
        return 0;
    }
    return check_genesis_id(j);
}

int ate__check_base(struct ate__judge *j)
{
    char text[ATE__HASH_TEXT], other[ATE__HASH_TEXT];
    uint64_t window = ate__trust_genesis(j->t)->window, size = j->tx->base_size;
    struct ate_hash root;
    int rc = ate__check_chain_id(j);
    if (rc || j->result)
        return rc;
    if (size <= j->sequence && j->sequence - size > window) {
        ate__refuse(j, ATE_STALE, NULL, 0,
                    "its base has %llu transactions and there are %llu: %llu between them are the "
                    "most",
                    (unsigned long long)size, (unsigned long long)j->sequence,
                    (unsigned long long)window);
        return 0;
    }
    rc = size > j->sequence ? ATE_NOT_FOUND : j->facts->v->root_at(j->facts, size, &root);
    if (rc == ATE_NOT_FOUND)
        ate__refuse(j, ATE_MALFORMED, NULL, 0,
                    "its base has %llu transactions, more than come before it, %llu",
                    (unsigned long long)size, (unsigned long long)j->sequence);
    else if (!rc && !ate__hash_equal(&root, &j->tx->base_root))
        ate__refuse(j, ATE_FORKED, NULL, 0,
                    "its base is another history: of %llu transactions it has the root %s, this "
                    "chain %s",
                    (unsigned long long)size, ate__hash_text(&j->tx->base_root, text),
                    ate__hash_text(&root, other));
    return rc == ATE_NOT_FOUND ? 0 : rc;
}

/* ---- 4 ---- */

static const char *state_text(const struct ate__object_facts *f, char text[64])
{
    if (f->live)
        snprintf(text, 64, "changed at %llu", (unsigned long long)f->sequence);
    else if (f->deleted)
        snprintf(text, 64, "deleted at %llu", (unsigned long long)f->sequence);
    else
        snprintf(text, 64, "not there");
    return text;
}

/* A body event without PREV: an id that was deleted within the window is not used again. */
static void check_new(struct ate__judge *j, const struct ate__node *n)
{
    const struct ate__object_facts *f = &n->before;
    char text[ATE__ID_TEXT];
    if (f->live)
        ate__refuse(j, ATE_CONFLICT, &n->id, f->sequence,
                    "object %s: created, but it is there since %llu", ate__id_text(&n->id, text),
                    (unsigned long long)f->sequence);
    else if (f->deleted && j->sequence - f->sequence <= ate__trust_genesis(j->t)->window)
        ate__refuse(j, ATE_CONFLICT, &n->id, f->sequence,
                    "object %s: created, but its id was deleted at %llu and is not used again",
                    ate__id_text(&n->id, text), (unsigned long long)f->sequence);
}

static void check_body_prev(struct ate__judge *j, const struct ate__node *n,
                            const struct ate__event *e)
{
    const struct ate__object_facts *f = &n->before;
    char text[ATE__ID_TEXT], state[64];
    if (ate__node_created(j, n))
        check_new(j, n);
    else if (!f->live || !ate__hash_equal(&f->body, &e->header.prev))
        ate__refuse(j, ATE_CONFLICT, &n->id, f->sequence,
                    "object %s: it replaces a version that is not the current one: %s",
                    ate__id_text(&n->id, text), state_text(f, state));
}

static void check_control_prev(struct ate__judge *j, const struct ate__node *n,
                               const struct ate__event *e)
{
    const struct ate__control *now = ate__node_rules(n);
    bool has_prev = ate__header_has(&e->header, ATE__TAG_PREV);
    char text[ATE__OBJECT_TEXT], state[64];
    if (!n->before.live && !ate__node_created(j, n))
        ate__refuse(j, ATE_CONFLICT, &n->id, n->before.sequence,
                    "%s: a control event of what does not live: %s", ate__object_text(&n->id, text),
                    state_text(&n->before, state));
    else if (has_prev != !!now || (now && !ate__hash_equal(&now->hash, &e->header.prev)))
        ate__refuse(j, ATE_CONFLICT, &n->id, now ? now->sequence : 0,
                    "%s: it replaces a control event that is not in force; %s",
                    ate__object_text(&n->id, text), now ? "another one is" : "none is");
}

/* Facts about an object that may be a node or not. */
static int facts_of(struct ate__judge *j, const struct ate_id *id, struct ate__object_facts *ret)
{
    const struct ate__node *n = ate__node_find(j, id);
    if (!n || !n->loaded)
        return ate__facts_object(j->facts, id, ret);
    *ret = n->before;
    return 0;
}

static int check_tag_free(struct ate__judge *j, const struct ate__precondition *p)
{
    struct ate_id holder;
    struct ate__object_facts f;
    char text[ATE__ID_TEXT], parent[ATE__ID_TEXT];
    int rc = j->facts->v->tag_holder(j->facts, &p->id, p->hash.b, &holder);
    if (!rc)
        rc = facts_of(j, &holder, &f);
    if (!rc)
        ate__refuse(j, ATE_CONFLICT, &holder, f.sequence,
                    "object %s has the name that was to be free below %s, since %llu",
                    ate__id_text(&holder, text), ate__id_text(&p->id, parent),
                    (unsigned long long)f.sequence);
    return rc == ATE_NOT_FOUND ? 0 : rc;
}

static int check_precondition(struct ate__judge *j, const struct ate__precondition *p)
{
    struct ate__object_facts f;
    char text[ATE__ID_TEXT], state[64];
    if (p->kind == ATE__TAG_FREE)
        return check_tag_free(j, p);
    int rc = facts_of(j, &p->id, &f);
    if (rc)
        return rc;
    if (p->kind == ATE__IS_ABSENT && f.live)
        ate__refuse(j, ATE_CONFLICT, &p->id, f.sequence,
                    "object %s was to be absent, and is there since %llu",
                    ate__id_text(&p->id, text), (unsigned long long)f.sequence);
    if (p->kind == ATE__IS_CURRENT && (!f.live || !ate__hash_equal(&f.body, &p->hash)))
        ate__refuse(j, ATE_CONFLICT, &p->id, f.sequence, "object %s was to be as it was seen: %s",
                    ate__id_text(&p->id, text), state_text(&f, state));
    return 0;
}

int ate__check_before(struct ate__judge *j)
{
    for (size_t i = 0; i < j->node_count; i++) {
        struct ate__node *n = &j->nodes[i];
        const struct ate__event *body = ate__node_body(j, n), *control = ate__node_control(j, n);
        int rc = ate__node_load(j, n);
        if (rc)
            return rc;
        if (body)
            check_body_prev(j, n, body);
        if (control)
            check_control_prev(j, n, control);
    }
    for (uint32_t i = 0; i < j->tx->precondition_count; i++) {
        struct ate__precondition p = ate__tx_precondition(j->tx, i);
        int rc = check_precondition(j, &p);
        if (rc)
            return rc;
    }
    return 0;
}

/* ---- 4, of what compaction left ---- */

/* What it writes must have been there, or not, by what was kept: then the rest of it can be judged.
 * Which version it replaced is not asked. */
static void check_was_kept(struct ate__judge *j, const struct ate__node *n)
{
    char text[ATE__ID_TEXT];
    const char *missing = NULL;
    if (ate__node_created(j, n))
        missing = n->before.live ? "created again, but its deletion" : NULL;
    else if (!n->before.live)
        missing = "written, but what created it";
    if (missing)
        ate__refuse(j, ATE_OMITTED, &n->id, n->before.sequence, "object %s: %s was left out",
                    ate__id_text(&n->id, text), missing);
}

int ate__check_kept(struct ate__judge *j)
{
    if (ate__judge_archive(j))
        ate__refuse(j, ATE_OMITTED, NULL, 0, "nothing is left out of an archive");
    for (size_t i = 0; i < j->node_count && !j->result; i++) {
        struct ate__node *n = &j->nodes[i];
        int rc = ate__node_load(j, n);
        if (rc)
            return rc;
        if (ate__node_body(j, n) || ate__node_control(j, n))
            check_was_kept(j, n);
    }
    return 0;
}
