/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * kept.c: opening what a deep compaction left.
 */
#include "chain/kept.h"
#include "base/alloc.h"
#include "base/err.h"
#include "chain/chain_private.h"
#include "trust/state_root.h"
#include <stdlib.h>

/* ---- identities ---- */

int ate__identity_read(struct ate_bytes bytes, struct ate__identity *ret_identity)
{
    struct ate__identity i;
    struct ate__rd r = ate__rd_of(bytes);
    struct ate_bytes origin = ate__rd_bytes(&r, sizeof i.id.origin);
    i.id.number = ate__rd_u64(&r);
    i.hash = ate__rd_hash(&r);
    i.signatures_hash = ate__rd_hash(&r);
    if (!ate__rd_end(&r))
        return ate__fail(ATE_MALFORMED, "an identity of %zu bytes", bytes.size);
    memcpy(i.id.origin, origin.data, sizeof i.id.origin);
    *ret_identity = i;
    return 0;
}

int ate__identity_write(struct ate__buf *buf, const struct ate__identity *identity)
{
    struct ate__wr w = ate__wr_of(buf);
    ate__wr_bytes(&w, ate__bytes(identity->id.origin, sizeof identity->id.origin));
    ate__wr_u64(&w, identity->id.number);
    ate__wr_hash(&w, &identity->hash);
    ate__wr_hash(&w, &identity->signatures_hash);
    return ate__wr_end(&w);
}

int ate__identity_of(const struct ate__tx *tx, enum ate__hash_alg alg,
                     struct ate__identity *ret_identity)
{
    struct ate__identity i = {.id = tx->id, .hash = tx->hash};
    int rc = ate__tx_signatures_hash(tx, alg, &i.signatures_hash);
    if (!rc)
        *ret_identity = i;
    return rc;
}

int ate__identity_of_record(const struct ate__record_out *record, enum ate__hash_alg alg,
                            struct ate__identity *ret_identity)
{
    struct ate__tx tx;
    if (record->identity)
        return ate__identity_read(record->body, ret_identity);
    int rc = ate__tx_decode(record->body, alg, &tx);
    if (rc)
        return rc;
    rc = ate__identity_of(&tx, alg, ret_identity);
    ate__tx_deinit(&tx);
    return rc;
}

/* ---- the state ---- */

enum { TXNS_AT_ONCE = 512 };

struct rows {
    struct ate__chain *c;
    uint64_t size;
    struct ate__state_txn txns[TXNS_AT_ONCE];
    size_t count;
};

static int next_object(void *arg, uint64_t *at, struct ate__state_object *ret_object)
{
    const struct rows *r = arg;
    struct ate__view_snapshot s = {r->c->view, NULL, UINT64_MAX};
    struct ate__object_facts f;
    struct ate__state_object o = {.live = false};
    do {
        int rc = ate__chain_check_wanted(r->c);
        if (!rc)
            rc = ate__view_next_object(&s, at, &o.id, &f);
        if (rc)
            return rc;
    } while (!f.deleted && !(f.live && (!ate__is_top(&o.id) || f.control)));
    o.live = f.live;
    o.sequence = f.sequence;
    if (f.live && !ate__is_top(&o.id))
        o.body = f.body;
    if (f.live && f.control)
        o.control = f.control->hash;
    *ret_object = o;
    return 0;
}

static int note_txn(void *arg, const struct ate__record_out *record)
{
    struct rows *r = arg;
    struct ate__identity identity;
    int rc = ate__identity_of_record(record, ate__trust_alg(r->c->trust), &identity);
    if (rc)
        return rc;
    r->txns[r->count] = (struct ate__state_txn){
        .sequence = record->sequence, .id = identity.id, .hash = identity.hash};
    return ++r->count == TXNS_AT_ONCE ? ATE_END : 0;
}

static int read_txns(struct rows *r, uint64_t from)
{
    struct ate__storage *s = r->c->storage;
    uint64_t to = ate__min(from + TXNS_AT_ONCE, r->size);
    r->count = 0;
    int rc = s->v->scan(s, from, to, &(struct ate__scan){NULL, note_txn, r});
    return rc == ATE_END ? 0 : rc;
}

/* *at: how many were given. What is missing shows in the sequence of the one behind it. */
static int next_txn(void *arg, uint64_t *at, struct ate__state_txn *ret_txn)
{
    struct rows *r = arg;
    uint64_t window = ate__trust_genesis(r->c->trust)->window;
    uint64_t from = (r->size > window ? r->size - window : 0) + *at;
    size_t place = *at % TXNS_AT_ONCE;
    if (from >= r->size)
        return ATE_END;
    int rc = place ? 0 : read_txns(r, from);
    if (rc)
        return rc;
    if (place >= r->count)
        return ATE_END;
    ++*at;
    *ret_txn = r->txns[place];
    return 0;
}

int ate__chain_state_root(struct ate__chain *c, uint64_t size, struct ate_hash *ret_root)
{
    ate__cleanup(ate__freep) struct rows *r = ate__alloc(sizeof *r);
    if (!r)
        return ate__no_memory();
    r->c = c;
    r->size = size;
    struct ate__state_source source = {next_object, next_txn, r};
    return ate__state_root(c->trust, size, &source, ret_root);
}

/* ---- leaves ---- */

/* No leaf has this hash, and the holes of a sparse file have it everywhere: whoever makes a log in
 * which terabytes of leaves are missing has to make the leaves. */
static const struct ate_hash hole;

void ate__kept_begin(struct ate__kept *k, struct ate__chain *c, uint64_t cut_off)
{
    *k = (struct ate__kept){
        .c = c, .cut_off = cut_off, .gaps_below = cut_off - cut_off % ATE__TILE_LEAVES};
}

void ate__kept_deinit(struct ate__kept *k)
{
    ate__free(k->tile);
    k->tile = NULL;
}

bool ate__kept_open(const struct ate__kept *k)
{
    return k->cut_off && !k->certified;
}

static int need_tile(struct ate__kept *k, uint64_t sequence)
{
    struct ate__storage *s = k->c->storage;
    uint64_t first = sequence - sequence % ATE__TILE_LEAVES;
    if (k->tile && first == k->tile_first)
        return 0;
    if (!k->tile)
        k->tile = ate__alloc_array(ATE__TILE_LEAVES, sizeof *k->tile);
    if (!k->tile)
        return ate__no_memory();
    k->tile_first = UINT64_MAX;
    int rc = s->v->tiles_stored(s, first, k->tile);
    if (rc == ATE_NOT_FOUND)
        return ate__context(ATE_TAMPERED, "leaves of a chain that was compacted");
    if (!rc)
        k->tile_first = first;
    return rc;
}

int ate__kept_leaf(struct ate__kept *k, uint64_t sequence, struct ate_hash *ret_leaf)
{
    if (sequence >= k->gaps_below)
        return ate__fail(ATE_TAMPERED,
                         "transaction %llu is missing, and it was not compacted away: the log is "
                         "cut off at %llu",
                         (unsigned long long)sequence, (unsigned long long)k->cut_off);
    int rc = need_tile(k, sequence);
    if (rc)
        return rc;
    const struct ate_hash *leaf = &k->tile[sequence - k->tile_first];
    if (ate__hash_equal(leaf, &hole))
        return ate__fail(ATE_TAMPERED, "transaction %llu is missing, and so is its leaf",
                         (unsigned long long)sequence);
    *ret_leaf = *leaf;
    return 0;
}

int ate__kept_compare(struct ate__kept *k, uint64_t sequence, const struct ate_hash *leaf)
{
    if (sequence >= k->gaps_below)
        return 0;
    int rc = need_tile(k, sequence);
    if (!rc && !ate__hash_equal(leaf, &k->tile[sequence - k->tile_first]))
        rc = ate__fail(ATE_TAMPERED, "it is not the one whose hash is in the tiles");
    return rc;
}

/* ---- what is passed over ---- */

struct made { /* by a transaction */
    struct ate_id id;
    uint32_t event;
};
struct pruning {
    struct ate__kept *k;
    struct ate__tx *tx;
    struct made *made; /* ascending ids; their events tell whether they are passed over */
    size_t made_count;
    struct ate_id *gone; /* these went below what does not live */
    size_t gone_count, gone_capacity;
};

static void pruning_deinit(struct pruning *p)
{
    ate__free(p->made);
    ate__free(p->gone);
}

static int by_id(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct ate_id));
}

static bool makes(const struct ate__event *e)
{
    return e->form != ATE__DROPPED && e->kind == ATE__EVENT_BODY &&
           !ate__header_has(&e->header, ATE__TAG_PREV);
}

static int list_made(struct pruning *p)
{
    p->made = ate__alloc_array(p->tx->event_count, sizeof *p->made);
    if (!p->made)
        return ate__no_memory();
    for (uint32_t i = 0; i < p->tx->event_count; i++)
        if (makes(&p->tx->events[i]))
            p->made[p->made_count++] = (struct made){p->tx->events[i].header.object, i};
    qsort(p->made, p->made_count, sizeof *p->made, by_id);
    return 0;
}

static int lives(const struct pruning *p, const struct ate_id *id, bool *ret_lives)
{
    struct ate__object_facts f;
    int rc = ate__facts_object(&p->k->c->latest, id, &f);
    if (rc)
        return rc;
    *ret_lives = f.live;
    if (f.live || !p->made_count)
        return 0;
    const struct made *made = bsearch(id, p->made, p->made_count, sizeof *made, by_id);
    *ret_lives = made && p->tx->events[made->event].form != ATE__DROPPED;
    return 0;
}

static int note_gone(struct pruning *p, const struct ate_id *id)
{
    int rc = ate__grow(&p->gone, &p->gone_capacity, p->gone_count + 1, sizeof *p->gone);
    if (!rc)
        p->gone[p->gone_count++] = *id;
    return rc;
}

static int prune_event(struct pruning *p, struct ate__event *e, bool *changed)
{
    const struct ate__header *h = &e->header;
    bool body = e->kind == ATE__EVENT_BODY, made = makes(e), object = true, parent = true;
    if (e->form == ATE__DROPPED || (!body && e->kind != ATE__EVENT_CONTROL))
        return 0;
    int rc = made ? 0 : lives(p, &h->object, &object);
    if (!rc && object && body && !ate__header_has(h, ATE__TAG_TOMBSTONE))
        rc = lives(p, &h->parent, &parent);
    if (rc || (object && parent))
        return rc;
    if (!made && !parent)
        rc = note_gone(p, &h->object);
    e->form = ATE__DROPPED;
    *changed |= made;
    return rc;
}

/* Again while something that the transaction made is passed over, for others may lie below it. */
static int prune(struct pruning *p)
{
    bool changed = true;
    int rc = list_made(p);
    while (!rc && changed) {
        changed = false;
        for (uint32_t i = 0; !rc && i < p->tx->event_count; i++)
            rc = prune_event(p, &p->tx->events[i], &changed);
    }
    return rc;
}

int ate__kept_take(struct ate__kept *k, struct ate__tx *tx, uint64_t sequence)
{
    ate__cleanup(pruning_deinit) struct pruning p = {.k = k, .tx = tx};
    struct ate__verdict verdict = {0};
    struct ate__chain *c = k->c;
    int rc = sequence ? prune(&p) : 0;
    if (!rc)
        rc = ate__accept_kept(c->trust, &c->latest, tx, sequence, &verdict);
    if (!rc)
        rc = ate__chain_take(c, tx, sequence);
    for (size_t i = 0; i < p.gone_count && !rc; i++)
        rc = ate__view_forget(c->view, &p.gone[i], sequence);
    return rc;
}

/* ---- the certificate ---- */

int ate__kept_reach(struct ate__kept *k)
{
    k->reached = true;
    int rc = ate__chain_state_root(k->c, k->cut_off, &k->state_root);
    if (rc)
        return rc;
    k->c->kept_size = k->cut_off;
    k->c->kept_root = k->state_root;
    return 0;
}

void ate__kept_look(struct ate__kept *k, const struct ate__tx *tx, uint64_t sequence)
{
    for (uint32_t i = 0; i < tx->event_count && k->reached && !k->certified; i++) {
        const struct ate__event *e = &tx->events[i];
        if (e->form == ATE__DROPPED || e->kind != ATE__EVENT_SNAPSHOT ||
            e->header.snapshot.size != k->cut_off)
            continue;
        k->certified = ate__hash_equal(&e->header.snapshot.state_root, &k->state_root);
        k->contradicted |= !k->certified;
        if (!k->certified)
            continue;
        atomic_store(&k->c->certified_by_key, tx->signature_count > 0);
        atomic_store(&k->c->believed_from, sequence + 1);
        atomic_store(&k->c->believed_cut_off, k->cut_off);
    }
}

int ate__kept_end(const struct ate__kept *k)
{
    if (!ate__kept_open(k))
        return 0;
    if (k->contradicted)
        return ate__fail(ATE_OMITTED,
                         "what is left of the transactions below %llu is not the state that was "
                         "signed: something was left out that must not be",
                         (unsigned long long)k->cut_off);
    return ate__fail(ATE_OMITTED,
                     "the log is cut off at transaction %llu, and nobody has signed what may be "
                     "missing there",
                     (unsigned long long)k->cut_off);
}
