/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * bundle.c: what a thin client is shown.
 */
#include "mesh/bundle.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/map.h"
#include "base/text.h"
#include <stdlib.h>

enum {
    ENOUGH_BYTES = 4 << 20, /* an answer that has so many ends */
    READ_BYTES = 64 << 20,  /* of the log, for one answer; then it ends */
    PROOF_BYTES = 64 * 32 + 256, /* about what a transaction costs beside its record */
    DROPPED_BYTES = 1 + 32  /* an event that is left out */
};

enum want { WANT_BODY, WANT_CONTROL, WANT_KEY, WANT_ROOT };

/* A transaction that is shown. */
struct shown {
    uint64_t sequence;
    struct ate__recent_tx *read; /* a reference */
    bool whole;    /* holds the body of an object that was asked for: with its payload */
    uint8_t *keep; /* a flag an event */
};
struct mark { /* an event that was marked */
    struct shown *shown;
    uint32_t event;
};
struct making {
    struct ate__chain *chain;
    struct ate__recent *recent;
    const struct ate__view_snapshot *snapshot;
    const struct ate__msg_get *get;
    size_t bytes_max;
    struct ate__map by_sequence; /* sequence -> struct shown */
    struct ate__map visited;     /* ids whose own events and ancestors are there */
    struct shown **shown;
    size_t shown_count, shown_capacity, keys_done;
    struct mark *marks;
    size_t mark_count, mark_capacity;
    size_t bytes, read_bytes; /* of the answer, about; read from the log */
    struct ate__map node_index; /* struct node_key -> place in nodes */
    struct ate_hash *nodes;     /* of the tree, so that the proofs of many share their work */
    size_t node_count, node_capacity;
    struct ate__bundle out;
};

/* Then nothing more is read: what is there is taken back, or the answer fails. */
static bool too_big(const struct making *m)
{
    return m->bytes > m->bytes_max || m->shown_count > ATE__GOT_TXS_MAX;
}

static void shown_free(struct shown *t)
{
    if (!t)
        return;
    ate__recent_tx_unref(t->read);
    ate__free(t->keep);
    ate__free(t);
}

/* --- transactions --- */

static int read_tx(struct making *m, struct shown *t)
{
    int rc = ate__recent_get(m->recent, t->sequence, &t->read);
    if (!rc && !(t->keep = ate__alloc(t->read->tx.event_count)))
        rc = ate__no_memory();
    return rc;
}

static int show(struct making *m, uint64_t sequence, struct shown **ret_shown)
{
    uint64_t there;
    if (ate__map_get(&m->by_sequence, &sequence, &there)) {
        *ret_shown = ate__map_pointer(there);
        return 0;
    }
    struct shown *t = ate__alloc(sizeof *t);
    if (!t)
        return ate__no_memory();
    t->sequence = sequence;
    int rc = read_tx(m, t);
    if (!rc)
        rc = ate__grow(&m->shown, &m->shown_capacity, m->shown_count + 1, sizeof(struct shown *));
    if (!rc)
        rc = ate__map_put(&m->by_sequence, &sequence, ate__map_of_pointer(t));
    if (rc) {
        shown_free(t);
        return rc;
    }
    m->shown[m->shown_count++] = t;
    m->read_bytes += t->read->record.size;
    m->bytes += PROOF_BYTES + t->read->tx.preconditions.size + t->read->tx.signature_section.size +
                (size_t)t->read->tx.event_count * DROPPED_BYTES;
    *ret_shown = t;
    return 0;
}

static int is_key(const struct ate__event *e, const struct ate_hash *fingerprint, bool *ret_is)
{
    struct ate_hash hash;
    struct ate__root_change change;
    int rc = 0;
    *ret_is = false;
    if (e->kind == ATE__EVENT_PUBLIC_KEY) {
        rc = ate__fingerprint(e->header.public_key, &hash);
        *ret_is = !rc && ate__hash_equal(&hash, fingerprint);
    }
    struct ate_bytes list = e->kind == ATE__EVENT_ROOT ? e->header.root : e->header.compactor_keys;
    for (size_t at = 0; !rc && !*ret_is && ate__root_next(list, &at, &change);) {
        if (change.op != ATE__ROOT_ADD)
            continue;
        rc = ate__fingerprint(change.key, &hash);
        *ret_is = !rc && ate__hash_equal(&hash, fingerprint);
    }
    return rc;
}

static int is_wanted(const struct ate__event *e, enum want want, const void *key, bool *ret_is)
{
    if (e->form == ATE__DROPPED) {
        *ret_is = false;
        return 0;
    }
    if (want == WANT_KEY || (want == WANT_ROOT && e->kind == ATE__EVENT_ROOT))
        return is_key(e, key, ret_is);
    if (want == WANT_ROOT) {
        *ret_is = false;
        return 0;
    }
    *ret_is = e->kind == (want == WANT_BODY ? ATE__EVENT_BODY : ATE__EVENT_CONTROL) &&
              ate__id_equal(&e->header.object, key);
    return 0;
}

static int mark(struct making *m, struct shown *t, uint32_t event)
{
    if (t->keep[event])
        return 0;
    int rc = ate__grow(&m->marks, &m->mark_capacity, m->mark_count + 1, sizeof *m->marks);
    if (rc)
        return rc;
    t->keep[event] = 1;
    m->bytes += t->read->tx.events[event].whole.size;
    m->marks[m->mark_count++] = (struct mark){t, event};
    return 0;
}

/* Marks the event of a transaction that is wanted: key is an object's id or a fingerprint. The
 * genesis transaction is known. */
static int want(struct making *m, uint64_t sequence, enum want what, const void *key, bool whole)
{
    struct shown *t = NULL;
    bool is = false;
    uint32_t i = 0;
    if (!sequence)
        return 0;
    int rc = show(m, sequence, &t);
    for (; !rc && !is && i < t->read->tx.event_count; i++)
        rc = is_wanted(&t->read->tx.events[i], what, key, &is);
    if (!rc && !is)
        rc = ate__fail(ATE_TAMPERED, "transaction %llu lacks an event that the view has of it",
                       (unsigned long long)sequence);
    if (rc)
        return rc;
    t->whole = t->whole || whole;
    return mark(m, t, i - 1);
}

/* Its public key, where a signature is verified with it, and what made it a root key before that
 * transaction. */
static int want_key(struct making *m, const struct ate_hash *fingerprint, uint64_t before,
                    bool attested)
{
    const struct ate__trust *trust = ate__chain_trust(m->chain);
    uint64_t sequence;
    size_t at = 0;
    int rc = attested ? 0 : ate__trust_key_sequence(trust, fingerprint, &sequence);
    if (!rc && !attested)
        rc = want(m, sequence, WANT_KEY, fingerprint, false);
    while (!rc && ate__trust_next_start(trust, ATE__ROOT_KEY, fingerprint, before, &at, &sequence))
        rc = want(m, sequence, WANT_ROOT, fingerprint, false);
    return rc;
}

/* The keys of all who signed what is shown, and of those who signed what brought these. */
static int want_keys(struct making *m)
{
    int rc = 0;
    for (; !rc && !too_big(m) && m->keys_done < m->shown_count; m->keys_done++) {
        const struct shown *s = m->shown[m->keys_done];
        const struct ate__tx *tx = &s->read->tx;
        for (uint32_t i = 0; !rc && i < tx->signature_count; i++)
            rc = want_key(m, &tx->signatures[i].fingerprint, s->sequence, tx->attested);
    }
    return rc;
}

/* --- objects --- */

/* An object that is live, its control events, and the same of all above it. */
static int want_object(struct making *m, const struct ate_id *id, bool whole)
{
    struct ate_id at = *id;
    int rc = 0;
    for (bool first = true; !rc && !too_big(m); first = false) {
        struct ate__object_facts facts;
        bool visited = ate__map_get(&m->visited, &at, NULL);
        if (visited && !first)
            return 0;
        rc = ate__view_object(m->snapshot, &at, &facts);
        if (!rc && !facts.live)
            rc = ate__fail(ATE_TAMPERED, "the view has an object without its parent");
        if (!rc && !ate__is_top(&at))
            rc = want(m, facts.sequence, WANT_BODY, &at, whole && first);
        if (visited)
            return rc;
        for (const struct ate__control *c = facts.control; !rc && c && !too_big(m); c = c->older)
            rc = want(m, c->sequence, WANT_CONTROL, &at, false);
        if (!rc)
            rc = ate__map_put(&m->visited, &at, 1);
        if (ate__is_top(&at))
            break;
        at = facts.parent;
    }
    return rc;
}

static int fail_too_big(const struct making *m, const struct ate_id *id)
{
    char text[ATE__ID_TEXT];
    return ate__fail(ATE_TOO_BIG,
                     "object %s and what proves it do not fit into one answer of %zu bytes",
                     ate__id_text(id, text), m->bytes_max);
}

static bool enough(const struct making *m)
{
    return m->bytes > ENOUGH_BYTES || m->read_bytes > READ_BYTES ||
           m->shown_count > ATE__GOT_TXS_MAX / 2;
}

static void take_back(struct making *m, size_t mark_count, size_t shown_count)
{
    while (m->mark_count > mark_count) {
        const struct mark *mark = &m->marks[--m->mark_count];
        mark->shown->keep[mark->event] = 0;
    }
    while (m->shown_count > shown_count)
        shown_free(m->shown[--m->shown_count]);
}

/* Adds an object to the answer. *ret_room false: the answer ends before it. */
static int add(struct making *m, const struct ate_id *id, bool *ret_room)
{
    size_t marks = m->mark_count, shown = m->shown_count, bytes = m->bytes;
    struct ate__object_facts facts;
    int rc = ate__view_object(m->snapshot, id, &facts);
    if (!rc && facts.live)
        rc = want_object(m, id, true);
    if (!rc)
        rc = want_keys(m);
    if (rc)
        return rc;
    if (too_big(m)) {
        if (!m->out.object_count)
            return fail_too_big(m, id);
        take_back(m, marks, shown);
        m->bytes = bytes;
        *ret_room = false;
        return 0;
    }
    struct ate__wr w = ate__wr_of(&m->out.objects);
    ate__wr_id(&w, id);
    ate__wr_u8(&w, facts.live);
    m->out.object_count++;
    m->bytes += sizeof *id + 1;
    *ret_room = !enough(m);
    return ate__wr_end(&w);
}

static int add_asked(struct making *m)
{
    const struct ate__msg_get *get = m->get;
    bool room = true;
    int rc = 0;
    for (uint32_t i = 0; !rc && room && i < get->id_count; i++) {
        struct ate_id id;
        memcpy(id.b, get->ids + i * sizeof id.b, sizeof id.b);
        rc = add(m, &id, &room);
    }
    return rc;
}

static int add_named(struct making *m)
{
    struct ate_id id;
    bool room;
    int rc = ATE_NOT_FOUND;
    for (unsigned i = 0; rc == ATE_NOT_FOUND && i < m->get->tag_count; i++)
        rc = ate__view_tag_holder(m->snapshot, &m->get->parent,
                                  m->get->tags + (size_t)i * ATE__NAME_TAG, &id);
    if (rc == ATE_NOT_FOUND)
        return 0;
    return rc ? rc : add(m, &id, &room);
}

static int add_children(struct making *m)
{
    uint64_t at = m->get->cursor;
    struct ate_id id;
    bool room = true;
    int rc = 0;
    while (!rc && room && m->out.object_count < ATE__GET_PAGE_MAX) {
        uint64_t before = at;
        uint32_t count = m->out.object_count;
        rc = ate__view_next_child(m->snapshot, &m->get->listing, &at, &id);
        if (!rc)
            rc = add(m, &id, &room);
        if (!rc && m->out.object_count == count)
            at = before; /* it comes with the next page */
    }
    uint64_t more = at;
    if (!rc)
        rc = ate__view_next_child(m->snapshot, &m->get->listing, &more, &id);
    if (!rc)
        m->out.cursor = at;
    return rc == ATE_END ? 0 : rc;
}

/* The parent that was asked about is shown as well, if it is there. */
static int want_parent(struct making *m, const struct ate_id *parent)
{
    struct ate__object_facts facts;
    int rc = ate__view_object(m->snapshot, parent, &facts);
    if (!rc && facts.live)
        rc = want_object(m, parent, false);
    return rc ? rc : want_keys(m);
}

/* --- log keys --- */

/* All events of a transaction that may say something of them. */
static int want_change(struct making *m, uint64_t sequence)
{
    struct shown *t;
    int rc = show(m, sequence, &t);
    for (uint32_t i = 0; !rc && i < t->read->tx.event_count; i++) {
        const struct ate__event *e = &t->read->tx.events[i];
        if (e->form != ATE__DROPPED && (e->kind == ATE__EVENT_REVOKE ||
                                        (e->kind == ATE__EVENT_CHAIN && e->header.log_keys.size)))
            rc = mark(m, t, i);
    }
    return rc;
}

static int want_log_keys(struct making *m)
{
    const struct ate__trust *trust = ate__chain_trust(m->chain);
    uint64_t sequence;
    int rc = 0;
    for (size_t at = 0;
         !rc && !too_big(m) &&
         ate__trust_next_change(trust, ATE__LOG_KEY, m->snapshot->size, &at, &sequence);)
        rc = want_change(m, sequence);
    return rc ? rc : want_keys(m);
}

static int collect(struct making *m)
{
    int rc;
    switch (m->get->kind) {
    case ATE__GET_OBJECTS: return add_asked(m);
    case ATE__GET_NAME: rc = want_parent(m, &m->get->parent); return rc ? rc : add_named(m);
    case ATE__GET_CHILDREN:
        rc = want_parent(m, &m->get->listing.parent);
        return rc ? rc : add_children(m);
    case ATE__GET_LOG_KEYS: return want_log_keys(m);
    default: return 0;
    }
}

/* --- proofs --- */

struct node_key {
    uint64_t level, index;
};

static int node(void *arg, unsigned level, uint64_t index, struct ate_hash *ret_hash)
{
    enum { TILE_LEVELS = 8 }; /* the levels that the storage keeps are apart by so many */
    struct making *m = arg;
    struct ate__storage *storage = ate__chain_storage(m->chain);
    struct node_key key = {level, index};
    struct ate_hash left, right, hash;
    uint64_t place;
    if (ate__map_get(&m->node_index, &key, &place)) {
        *ret_hash = m->nodes[place];
        return 0;
    }
    int rc;
    if (level % TILE_LEVELS == 0) {
        rc = storage->v->tiles_node(storage, level, index, &hash);
    } else {
        rc = node(m, level - 1, 2 * index, &left);
        if (!rc)
            rc = node(m, level - 1, 2 * index + 1, &right);
        if (!rc)
            rc = ate__node_hash(&left, &right, &hash);
    }
    if (!rc)
        rc = ate__grow(&m->nodes, &m->node_capacity, m->node_count + 1, sizeof *m->nodes);
    if (!rc)
        rc = ate__map_put(&m->node_index, &key, m->node_count);
    if (rc)
        return rc;
    m->nodes[m->node_count++] = hash;
    *ret_hash = hash;
    return 0;
}

/* --- writing --- */

static int by_sequence(const void *a, const void *b)
{
    const struct shown *const *x = a, *const *y = b;
    return (*x)->sequence<(*y)->sequence ? -1 : (*x)->sequence>(*y)->sequence;
}

static bool keep(void *arg, uint32_t event)
{
    return ((const struct shown *)arg)->keep[event];
}

static int write_tx(struct making *m, struct shown *t, struct ate__wr *w)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf record = ATE__BUF_NULL;
    struct ate__shown_tx shown = {.sequence = t->sequence, .root_time_us = t->read->root_time_us};
    bool payload = t->whole && !(m->get->flags & ATE__GET_NO_PAYLOAD);
    int rc =
        ate__tx_reduce(&t->read->tx, keep, t, payload ? UINT64_MAX : ATE__GET_PAYLOAD_MAX, &record);
    if (!rc)
        rc = ate__merkle_inclusion(node, m, t->sequence, m->snapshot->size, &shown.inclusion);
    if (rc)
        return rc;
    shown.record = ate__buf_bytes(&record);
    ate__msg_got_add(w, &shown);
    return ate__wr_end(w);
}

static int write_all(struct making *m)
{
    struct ate__wr w = ate__wr_of(&m->out.txs);
    int rc = 0;
    if (m->shown_count > 1)
        qsort(m->shown, m->shown_count, sizeof(struct shown *), by_sequence);
    for (size_t i = 0; !rc && i < m->shown_count; i++)
        rc = write_tx(m, m->shown[i], &w);
    m->out.tx_count = (uint32_t)m->shown_count;
    return rc;
}

int ate__bundle_make(const struct ate__env *env, struct ate__chain *c, struct ate__recent *recent,
                     const struct ate__view_snapshot *snapshot, const struct ate__msg_get *get,
                     size_t bytes_max, struct ate__bundle *ret_bundle)
{
    uint64_t seed[2];
    struct making m = {
        .chain = c, .recent = recent, .snapshot = snapshot, .get = get, .bytes_max = bytes_max};
    ate__random(env, seed, sizeof seed);
    ate__map_init(&m.by_sequence, sizeof(uint64_t), seed);
    ate__map_init(&m.visited, sizeof(struct ate_id), seed);
    ate__map_init(&m.node_index, sizeof(struct node_key), seed);
    int rc = collect(&m);
    if (!rc && too_big(&m))
        rc = fail_too_big(&m, &get->parent);
    if (!rc)
        rc = write_all(&m);
    take_back(&m, 0, 0);
    ate__free(m.shown);
    ate__free(m.marks);
    ate__free(m.nodes);
    ate__map_deinit(&m.node_index);
    ate__map_deinit(&m.by_sequence);
    ate__map_deinit(&m.visited);
    if (rc)
        ate__bundle_deinit(&m.out);
    else
        *ret_bundle = m.out;
    return rc;
}

void ate__bundle_deinit(struct ate__bundle *b)
{
    ate__buf_deinit(&b->objects);
    ate__buf_deinit(&b->txs);
    *b = (struct ate__bundle){.cursor = 0};
}
