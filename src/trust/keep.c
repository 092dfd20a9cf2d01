/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * keep.c: noting the lives of a history, and counting the votes.
 */
#include "trust/keep.h"
#include "base/alloc.h"
#include "base/err.h"
#include "trust/keep_private.h"

enum { SWEEP_MIN = 4096 }; /* lives before the first sweep */

static const struct {
    struct ate__ballot (*vote)(const struct ate__keep *k, const struct ate__keep_event *e);
    const char *name;
} rules[] = {
    {ate__keep_system, "system"},   {ate__keep_current, "current"},     {ate__keep_place, "place"},
    {ate__keep_control, "control"}, {ate__keep_tombstone, "tombstone"},
};

/* ---- lives ---- */

static struct ate__life *newest_of(const struct ate__keep *k, const struct ate_id *id)
{
    uint64_t at;
    return ate__map_get(&k->newest, id, &at) ? &k->lives[at] : NULL;
}

const struct ate__life *ate__life_at(const struct ate__keep *k, const struct ate_id *id,
                                     uint64_t sequence)
{
    const struct ate__life *l = newest_of(k, id);
    while (l && l->birth > sequence)
        l = l->older == ATE__LIFE_NONE ? NULL : &k->lives[l->older];
    return l && (!ate__life_ended(l) || l->end >= sequence) ? l : NULL;
}

static int begin_life(struct ate__keep *k, const struct ate_id *id, uint64_t sequence)
{
    uint64_t older = ATE__LIFE_NONE;
    if (k->count == ATE__LIFE_NONE)
        return ate__fail(ATE_TOO_BIG, "keep: more lives of objects than can be counted");
    int rc = ate__grow(&k->lives, &k->capacity, k->count + 1, sizeof *k->lives);
    if (rc)
        return rc;
    (void)ate__map_get(&k->newest, id, &older);
    rc = ate__map_put(&k->newest, id, k->count);
    if (rc)
        return rc;
    k->lives[k->count++] = (struct ate__life){
        .id = *id,
        .birth = sequence,
        .placed = sequence,
        .body = sequence,
        .parent = ATE__LIFE_NONE,
        .older = (uint32_t)older,
    };
    return 0;
}

int ate__keep_new(const uint64_t seed[2], uint64_t size, uint64_t window,
                  const struct ate__keep_plugin *plugin, struct ate__keep **ret_keep)
{
    static const struct ate_id top;
    ate__cleanup(ate__keep_freep) struct ate__keep *k = ate__alloc(sizeof *k);
    if (!k)
        return ate__no_memory();
    k->size = size;
    k->window_from = size > window ? size - window : 0;
    k->plugin = plugin;
    k->sweep_at = SWEEP_MIN;
    ate__map_init(&k->newest, sizeof top, seed);
    int rc = begin_life(k, &top, 0);
    if (rc)
        return rc;
    k->lives[ATE__LIFE_TOP].parent = ATE__LIFE_TOP;
    k->lives[ATE__LIFE_TOP].flags = ATE__LIFE_PINNED;
    *ret_keep = ate__steal(&k);
    return 0;
}

void ate__keep_free(struct ate__keep *k)
{
    if (!k)
        return;
    ate__map_deinit(&k->newest);
    ate__free(k->lives);
    ate__free(k->places);
    ate__free(k);
}

/* ---- the first pass ---- */

static bool is_body(const struct ate__event *e)
{
    return e->form != ATE__DROPPED && e->kind == ATE__EVENT_BODY;
}

/* Where it was goes to its places before. */
static int leave(struct ate__keep *k, struct ate__life *l)
{
    int rc = ate__grow(&k->places, &k->place_capacity, k->place_count + 1, sizeof *k->places);
    if (rc)
        return rc;
    k->places[k->place_count++] = (struct ate__life_place){l->placed, l->parent, l->places};
    l->places = (uint32_t)k->place_count;
    return 0;
}

static void end_life(struct ate__life *l, uint64_t sequence)
{
    l->flags |= ATE__LIFE_ENDED;
    l->end = sequence;
    if (l->parent == ATE__LIFE_NONE)
        l->parent = ATE__LIFE_TOP;
}

/* Lives that begin in the transaction have begun: one may lie below another that comes behind. */
static int note_body(struct ate__keep *k, const struct ate__header *h, uint64_t sequence)
{
    struct ate__life *l = newest_of(k, &h->object), *above = newest_of(k, &h->parent);
    if (!l || ate__life_ended(l))
        return 0;
    if (!above || ate__life_ended(above)) {
        end_life(l, sequence);
        return 0;
    }
    uint32_t parent = (uint32_t)(above - k->lives);
    bool first = l->parent == ATE__LIFE_NONE;
    bool moves = !first && (l->parent != parent || l->collection != h->collection);
    int rc = moves ? leave(k, l) : 0;
    if (rc)
        return rc;
    l->body = sequence;
    l->parent = parent;
    l->collection = h->collection;
    if (moves)
        l->placed = sequence;
    return 0;
}

static void note_tombstone(struct ate__keep *k, const struct ate_id *id, uint64_t sequence)
{
    struct ate__life *l = newest_of(k, id);
    if (l && !ate__life_ended(l))
        end_life(l, sequence);
}

static enum ate__vote plugin_vote(const struct ate__keep *k, const struct ate__keep_event *e)
{
    return k->plugin ? k->plugin->vote(k->plugin->arg, e).vote : ATE__ABSTAIN;
}

/* A life of which a plug-in keeps something is kept. */
static void note_wish(struct ate__keep *k, const struct ate__event *e, uint64_t sequence)
{
    struct ate__keep_event event = {sequence, e};
    enum ate__vote vote = plugin_vote(k, &event);
    struct ate__life *l = newest_of(k, &e->header.object);
    if (l && (vote == ATE__KEEP || vote == ATE__FORCE_KEEP))
        l->flags |= ATE__LIFE_PINNED;
}

static int note_event(struct ate__keep *k, const struct ate__event *e, uint64_t sequence)
{
    int rc = 0;
    if (e->form == ATE__DROPPED || (e->kind != ATE__EVENT_BODY && e->kind != ATE__EVENT_CONTROL))
        return 0;
    if (is_body(e) && !ate__keep_is_tombstone(e))
        rc = note_body(k, &e->header, sequence);
    if (!rc)
        note_wish(k, e, sequence);
    return rc;
}

int ate__keep_see(struct ate__keep *k, const struct ate__tx *tx, uint64_t sequence)
{
    int rc = 0;
    if (sequence >= k->size)
        return 0;
    if (k->count >= k->sweep_at) {
        rc = ate__keep_sweep(k);
        k->sweep_at = 2 * k->count > SWEEP_MIN ? 2 * k->count : SWEEP_MIN;
    }
    for (uint32_t i = 0; !rc && i < tx->event_count; i++) {
        const struct ate__event *e = &tx->events[i];
        if (is_body(e) && !ate__header_has(&e->header, ATE__TAG_PREV))
            rc = begin_life(k, &e->header.object, sequence);
    }
    for (uint32_t i = 0; !rc && i < tx->event_count; i++)
        rc = note_event(k, &tx->events[i], sequence);
    for (uint32_t i = 0; i < tx->event_count && !rc; i++) {
        const struct ate__event *e = &tx->events[i];
        if (is_body(e) && ate__keep_is_tombstone(e))
            note_tombstone(k, &e->header.object, sequence);
    }
    return rc;
}

int ate__keep_end(struct ate__keep *k)
{
    return ate__keep_sweep(k);
}

/* ---- the second pass ---- */

/* The strongest vote so far; for the payload it is counted apart. */
struct count {
    enum ate__vote event, payload;
    const char *rule;
};

static void count_ballot(struct count *c, struct ate__ballot ballot, const char *rule)
{
    bool keeps = ballot.vote == ATE__KEEP || ballot.vote == ATE__FORCE_KEEP;
    if (ballot.vote > c->event) {
        c->event = ballot.vote;
        c->rule = rule;
    }
    if (ballot.vote > c->payload && !(keeps && ballot.header_only))
        c->payload = ballot.vote;
}

static bool is_for(enum ate__vote vote)
{
    return vote == ATE__KEEP || vote == ATE__FORCE_KEEP;
}

enum ate__fate ate__keep_fate(const struct ate__keep *k, const struct ate__event *event,
                              uint64_t sequence, const char **ret_rule)
{
    struct ate__keep_event e = {sequence, event};
    struct count c = {ATE__ABSTAIN, ATE__ABSTAIN, NULL};
    for (size_t i = 0; i < ATE__COUNT_OF(rules); i++)
        count_ballot(&c, rules[i].vote(k, &e), rules[i].name);
    if (k->plugin && ate__life_at(k, &event->header.object, sequence))
        count_ballot(&c, k->plugin->vote(k->plugin->arg, &e), "plug-in");
    if (ret_rule)
        *ret_rule = c.rule;
    if (!is_for(c.event))
        return ATE__FATE_GONE;
    return is_for(c.payload) ? ATE__FATE_WHOLE : ATE__FATE_HEADER;
}

bool ate__keep_identity(const struct ate__keep *k, uint64_t sequence)
{
    return sequence >= k->window_from && sequence < k->size;
}
