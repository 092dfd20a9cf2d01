/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * judge.c: the nodes of one acceptance, and its refusals.
 */
#include "trust/judge.h"
#include "trust/ways.h"
#include "base/alloc.h"
#include "base/assert.h"
#include <stdarg.h>
#include <stdio.h>

int ate__judge_init(struct ate__judge *j, const struct ate__trust *t,
                    const struct ate__facts *facts, const struct ate__tx *tx, uint64_t sequence,
                    struct ate__verdict *verdict)
{
    size_t capacity = 1 + 2 * (size_t)tx->event_count;
    j->t = t;
    j->facts = facts;
    j->tx = tx;
    j->sequence = sequence;
    j->root_time_us = 0;
    j->kept = false;
    j->verdict = verdict;
    verdict->result = 0;
    verdict->conflict_count = 0;
    j->result = 0;
    j->node_count = 0;
    j->node_capacity = ATE__NODES_SMALL;
    j->nodes = j->small;
    j->ways = NULL;
    j->needs = NULL;
    j->attested = tx->attested;
    ate__map_init(&j->index, sizeof(struct ate_id), ate__trust_seed(t));
    for (uint32_t i = 0; i < tx->signature_count; i++)
        j->fingerprints[i] = tx->signatures[i].fingerprint;
    j->signers = (struct ate__signers){t, j->fingerprints, tx->signature_count};
    if (capacity > ATE__NODES_SMALL) {
        /* Each is cleared when it is made. */
        j->nodes = ate__resize(NULL, capacity * sizeof *j->nodes);
        if (!j->nodes)
            return ate__no_memory();
        j->node_capacity = capacity;
    }
    struct ate__node *top;
    return ate__node_of(j, &ate__top_id, &top);
}

void ate__judge_deinit(struct ate__judge *j)
{
    if (j->nodes != j->small)
        ate__free(j->nodes);
    ate__ways_free(j->ways);
    ate__map_deinit(&j->index);
}

/* ---- refusals ---- */

static void name_conflict(struct ate__verdict *v, int why, const struct ate_id *id,
                          uint64_t sequence)
{
    for (uint32_t i = 0; i < v->conflict_count; i++)
        if (ate__id_equal(&v->conflicts[i].id, id))
            return;
    if (v->conflict_count < ATE__CONFLICTS_MAX)
        v->conflicts[v->conflict_count++] = (struct ate__conflict){*id, why, sequence};
}

void ate__refuse(struct ate__judge *j, int result, const struct ate_id *id, uint64_t sequence,
                 const char *format, ...)
{
    if (id)
        name_conflict(j->verdict, result, id, sequence);
    if (j->result)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(j->text, sizeof j->text, format, args);
    va_end(args);
    j->result = result;
}

/* ---- signers ---- */

uint32_t ate__judge_named(const struct ate__judge *j, const struct ate_hash *fingerprint)
{
    for (size_t i = 0; i < j->signers.count; i++)
        if (ate__hash_equal(&j->signers.fingerprints[i], fingerprint))
            return UINT32_C(1) << i;
    return 0;
}

bool ate__judge_signed_by(const struct ate__judge *j, const struct ate_hash *fingerprint)
{
    return !j->attested && ate__judge_named(j, fingerprint);
}

bool ate__judge_root_signs(const struct ate__judge *j)
{
    for (size_t i = 0; i < j->signers.count && !j->attested; i++)
        if (ate__trust_is_root(j->t, &j->signers.fingerprints[i]))
            return true;
    return false;
}

int ate__judge_need(struct ate__judge *j, uint32_t signers)
{
    struct ate__needs *n = j->needs;
    signers &= ~(uint32_t)ATE__NO;
    if (!n || signers & ATE__ANYBODY || signers == n->last)
        return 0;
    n->last = signers;
    return ate__buf_append(&n->of, ate__bytes(&signers, sizeof signers));
}

static bool meets(const struct ate__needs *n, uint32_t signers)
{
    for (size_t at = 0; at < n->of.size; at += sizeof signers) {
        uint32_t need;
        memcpy(&need, n->of.data + at, sizeof need);
        if (!(need & signers))
            return false;
    }
    return true;
}

/* What is enough is so with more as well: who cannot be spared once never can. */
uint32_t ate__needs_fewest(const struct ate__needs *n, size_t count)
{
    uint32_t fewest = (UINT32_C(1) << count) - 1;
    for (size_t i = count; i--;)
        if (meets(n, fewest & ~(UINT32_C(1) << i)))
            fewest &= ~(UINT32_C(1) << i);
    return fewest;
}

/* ---- nodes ---- */

static bool is_small(const struct ate__judge *j)
{
    return j->nodes == j->small;
}

struct ate__node *ate__node_find(struct ate__judge *j, const struct ate_id *id)
{
    uint64_t at;
    if (j->node_count && ate__id_equal(id, &ate__top_id))
        return ate__node_top(j);
    if (!is_small(j))
        return ate__map_get(&j->index, id, &at) ? &j->nodes[at] : NULL;
    for (size_t i = 0; i < j->node_count; i++)
        if (ate__id_equal(&j->nodes[i].id, id))
            return &j->nodes[i];
    return NULL;
}

int ate__node_of(struct ate__judge *j, const struct ate_id *id, struct ate__node **ret_node)
{
    struct ate__node *n = ate__node_find(j, id);
    if (!n) {
        ate__assert(j->node_count < j->node_capacity);
        int rc = is_small(j) ? 0 : ate__map_put(&j->index, id, j->node_count);
        if (rc)
            return rc;
        n = &j->nodes[j->node_count++];
        *n = (struct ate__node){.id = *id, .body = ATE__NO_EVENT, .control = ATE__NO_EVENT};
    }
    *ret_node = n;
    return 0;
}

int ate__node_load(struct ate__judge *j, struct ate__node *n)
{
    if (n->loaded)
        return 0;
    int rc = ate__facts_object(j->facts, &n->id, &n->before);
    if (!rc)
        n->loaded = true;
    return rc;
}
