/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * chain_world.c: a chain under a random load, and what must and may be in it after a power loss.
 */
#include "chain_world.h"
#include <stdlib.h>

enum {
    OBJECTS = 12,
    TOGETHER = 4 /* transactions in one group */
};
enum kind { PUT, MOVE, DELETE, PROTECT };
struct object {
    bool live, ruled;
    unsigned parent;
    uint32_t value;
};

/* ---- what the transactions make of the objects ---- */

static void erase(struct object *objects, unsigned n)
{
    objects[n].live = objects[n].ruled = false;
    for (unsigned i = 1; i <= OBJECTS; i++)
        if (objects[i].live && objects[i].parent == n)
            erase(objects, i);
}

static void apply(struct object *objects, const struct world_change *c)
{
    struct object *o = &objects[c->object];
    switch ((enum kind)c->kind) {
    case PUT:
    case MOVE: o->live = true, o->parent = c->parent, o->value = c->value; break;
    case DELETE: erase(objects, c->object); break;
    case PROTECT: o->ruled = true; break;
    }
}

static void objects_at(const struct world *w, uint64_t size, struct object objects[OBJECTS + 1])
{
    memset(objects, 0, (OBJECTS + 1) * sizeof *objects);
    objects[0].live = true;
    for (uint64_t s = 1; s < size; s++)
        for (unsigned i = 0; i < w->txs[s].count; i++)
            apply(objects, &w->txs[s].change[i]);
}

/* ---- checking ---- */

static int each_record(void *arg, const struct ate__history_record *r)
{
    const struct world *w = arg;
    struct ate__tx tx;
    if (!r->sequence)
        return 0;
    kit_ok(ate__tx_decode(r->body, ATE__SHA256, &tx));
    if (!ate__hash_equal(&tx.hash, &w->txs[r->sequence].hash))
        fail_msg("transaction %llu is another one", (unsigned long long)r->sequence);
    ate__tx_deinit(&tx);
    return 0;
}

static void check_objects(struct world *w, uint64_t size)
{
    struct object objects[OBJECTS + 1];
    objects_at(w, size, objects);
    for (unsigned n = 1; n <= OBJECTS; n++) {
        struct ate__object_facts f = kit_facts(&w->k, n);
        struct ate_id parent = id_of(objects[n].parent);
        if (f.live != objects[n].live || (f.control != NULL) != objects[n].ruled)
            fail_msg("object %u: live %d, ruled %d", n, f.live, f.control != NULL);
        if (!f.live)
            continue;
        assert_true(ate__id_equal(&f.parent, &parent));
        assert_int_equal(strtoul(kit_text(&w->k, n), NULL, 10), objects[n].value);
    }
}

/* Whether a group may end there. */
static bool ends_group(const struct world *w, uint64_t size)
{
    return size <= 1 || size == w->acked || size == w->acked + w->flight ||
           w->txs[size - 1].ends_group;
}

static void published(struct ate__listener *l, uint64_t size)
{
    ATE__CONTAINER(l, struct world, ear)->told = size;
}

/* The size that the open chain has is one that it may have; from now on it is what must be there.
 */
static void take_size(struct world *w, bool all_acked)
{
    uint64_t size = kit_size(&w->k), least = all_acked ? w->acked : w->synced;
    if (size < least || size > w->acked + w->flight || !ends_group(w, size))
        fail_msg("%llu transactions; %llu have to be there, %llu were acknowledged, %u more were "
                 "under way",
                 (unsigned long long)size, (unsigned long long)least, (unsigned long long)w->acked,
                 w->flight);
    if (w->k.sync == ATE__SYNC_ALWAYS && size < w->told)
        fail_msg("%llu transactions were told to listeners, %llu are there",
                 (unsigned long long)w->told, (unsigned long long)size);
    w->kept += w->flight && size > w->acked;
    w->shorter += size < w->acked;
    w->acked = w->synced = size;
    w->told = size;
    w->txs[size ? size - 1 : 0].ends_group = true;
    w->flight = 0;
}

/* And all of it is as it was written. */
void world_check(struct world *w, bool all_acked)
{
    take_size(w, all_acked);
    kit_ok(ate__chain_history(w->k.chain, 0, UINT64_MAX, each_record, w));
    check_objects(w, w->acked);
}

void world_listen(struct world *w)
{
    w->ear.published = published;
    ate__chain_listen(w->k.chain, &w->ear);
}

void world_leave(struct world *w)
{
    if (w->k.chain)
        ate__chain_unlisten(w->k.chain, &w->ear);
}

void world_open_again(struct world *w, bool all_acked)
{
    int rc = kit_open(&w->k, 0);
    if ((rc == ATE_NOT_FOUND || (!rc && !ate__chain_trust(w->k.chain))) && !w->created) {
        kit_close(&w->k);
        struct ate__chain_conf conf = kit_conf(&w->k);
        struct ate__storage *s;
        /* A creation that was not acknowledged. */
        rc = kit_storage(&w->k, ATE__STORAGE_CREATE | ATE__STORAGE_ANEW, &s);
        if (!rc)
            rc = ate__chain_create(&conf, s, ate__bytes(w->k.genesis, w->k.genesis_size),
                                   &w->k.chain);
    }
    if (rc)
        fail_msg("open: %s: %s", ate__result_name(rc), ate__error_text());
    if (!w->created) {
        w->created = true;
        w->acked = w->synced = 1;
    }
    assert_false(ate__chain_read_only(w->k.chain));
    world_check(w, all_acked);
    world_listen(w);
}

/* ---- the load ---- */

struct one {
    struct draft d;
    struct ate__offer offer;
};

static bool is_below(const struct object *objects, unsigned n, unsigned above)
{
    while (n && n != above)
        n = objects[n].parent;
    return n == above;
}

static bool any_touched_below(const struct object *objects, const bool *touched, unsigned n)
{
    for (unsigned i = 1; i <= OBJECTS; i++)
        if (touched[i] && is_below(objects, i, n))
            return true;
    return false;
}

static void draft_value(struct world *w, struct draft *d, unsigned object, unsigned parent,
                        const struct ate__object_facts *f, uint32_t value)
{
    static char text[8000];
    size_t size = rnd_below(&w->r, 8) ? rnd_below(&w->r, 60) : rnd_below(&w->r, sizeof text - 20);
    int n = snprintf(text, 16, "%u ", value);
    memset(text + n, 'x', size);
    draft_body(d, &(struct draft_body){.id = id_of(object),
                                       .parent = id_of(parent),
                                       .prev = f->live ? &f->body : NULL,
                                       .payload = ate__bytes(text, (size_t)n + size)});
}

/* One random change of an object that nobody else in the group touches; false: none came to
 * mind. */
static bool make_change(struct world *w, struct object *objects, bool *touched, struct draft *d,
                        struct world_change *c)
{
    unsigned n = 1 + (unsigned)rnd_below(&w->r, OBJECTS), p;
    struct ate__object_facts f = kit_facts(&w->k, n);
    if (touched[n] || (!objects[n].live && f.deleted)) /* an id is not used again */
        return false;
    *c = (struct world_change){PUT, (uint8_t)n, (uint8_t)objects[n].parent, ++w->values};
    switch (objects[n].live ? rnd_below(&w->r, 10) : 9) {
    case 0:
        if (any_touched_below(objects, touched, n))
            return false;
        c->kind = DELETE;
        draft_tombstone(d, id_of(n), f.body, true);
        for (unsigned i = 1; i <= OBJECTS; i++)
            touched[i] |= objects[i].live && is_below(objects, i, n);
        break;
    case 1:
    case 9:
        p = (unsigned)rnd_below(&w->r, OBJECTS + 1);
        if (!objects[p].live || touched[p] || is_below(objects, p, n))
            p = 0;
        c->kind = MOVE;
        c->parent = (uint8_t)p;
        touched[p] |= p != 0; /* it stays where it is */
        draft_value(w, d, n, p, &f, c->value);
        break;
    case 2: {
        struct ate__auth auth = auth_write(ATE__RULE_EVERYONE);
        c->kind = PROTECT;
        draft_control(d, id_of(n), f.control ? &f.control->hash : NULL, &auth);
        break;
    }
    default: draft_value(w, d, n, objects[n].parent, &f, c->value);
    }
    touched[n] = true;
    apply(objects, c);
    return true;
}

/* Ordered one after the other, then written as one group. */
static void commit_together(struct world *w, struct one *ones, unsigned count)
{
    struct ate__chain *c = w->k.chain;
    for (unsigned i = 0; i < count; i++) {
        struct ate__work *work;
        ones[i].offer = (struct ate__offer){
            .encoded = ate__buf_bytes(&ones[i].d.encoded), .timeout_ms = -1, .result = ATE_E_BUG};
        kit_ok(ate__work_new(c, &ones[i].offer, &work));
        ate__work_read(c, work);
        ate__work_verify(c, work);
        pthread_mutex_lock(&c->mutex);
        int rc = ate__work_order(c, work);
        pthread_mutex_unlock(&c->mutex);
        if (rc) {
            ate__work_fail(work, rc);
            ate__work_complete(work);
        }
    }
    pthread_mutex_lock(&c->mutex);
    while (c->ordered.first)
        ate__chain_lead(c);
    pthread_mutex_unlock(&c->mutex);
}

/* 0, or the result of the first that failed. */
int world_commit(struct world *w)
{
    struct object objects[OBJECTS + 1];
    bool touched[OBJECTS + 1] = {false};
    struct one ones[TOGETHER];
    unsigned count = 0, wanted = 1 + (unsigned)rnd_below(&w->r, TOGETHER);
    simenv_pass_ms(&w->k.sim, rnd_below(&w->r, 50));
    objects_at(w, w->acked, objects);
    for (unsigned tries = 0; count < wanted && tries < 20; tries++) {
        struct world_tx *tx = &w->txs[w->acked + count];
        struct draft *d = &ones[count].d;
        *tx = (struct world_tx){.count = 0};
        kit_begin(&w->k, d);
        for (unsigned i = 0; i < WORLD_CHANGES; i++)
            tx->count += make_change(w, objects, touched, d, &tx->change[tx->count]);
        if (tx->count) {
            draft_encode(d);
            tx->hash = d->hash;
            count++;
        } else {
            draft_deinit(d);
        }
    }
    assert_true(w->acked + count < WORLD_RECORDS);
    w->flight = count;
    commit_together(w, ones, count);
    int rc = 0;
    for (unsigned i = 0; i < count; i++) {
        int result = ones[i].offer.result;
        if (result && result != ATE_UNKNOWN && result != ATE_E_NO_SPACE && result != ATE_E_IO)
            fail_msg("commit: %s: %s", ate__result_name(result), ones[i].offer.text);
        if (!rc)
            rc = result;
        draft_deinit(&ones[i].d);
    }
    if (rc == ATE_E_NO_SPACE || rc == ATE_E_IO)
        w->flight = 0; /* nothing was written */
    if (rc)
        return rc;
    w->acked += count;
    w->txs[w->acked - 1].ends_group = true;
    w->flight = 0;
    if (w->k.sync == ATE__SYNC_ALWAYS)
        w->synced = w->acked;
    return 0;
}

static int sync_all(struct world *w)
{
    struct ate__receipt receipt;
    int rc = ate__chain_sync(w->k.chain, &receipt);
    if (!rc)
        w->synced = w->acked;
    return rc;
}

int world_step(struct world *w)
{
    struct ate__storage *s = ate__chain_storage(w->k.chain);
    switch (rnd_below(&w->r, 16)) {
    case 0: return s->v->idle(s);
    case 1:
    case 2: return s->v->prepare(s);
    case 3: return s->v->rest(s);
    case 4:
        world_leave(w);
        kit_close(&w->k);
        int rc = kit_open(&w->k, 0);
        if (!rc) {
            take_size(w, w->k.sync == ATE__SYNC_ALWAYS); /* close may not have come to sync */
            world_listen(w);
        }
        return rc;
    case 5:
    case 6: return sync_all(w);
    default: return world_commit(w);
    }
}

/* As far as it goes: the machine may stop meanwhile. */
void world_run(struct world *w, unsigned steps)
{
    for (unsigned i = 0; i < steps && w->k.chain; i++)
        if (world_step(w))
            break;
}

/* ---- life ---- */

void world_init(struct world *w, uint64_t seed)
{
    memset(w, 0, sizeof *w);
    kit_init(&w->k, seed);
    w->r = rnd_of(seed);
    w->k.sync = seed % 5 == 3   ? ATE__SYNC_NEVER
                : seed % 5 == 4 ? ATE__SYNC_INTERVAL
                                : ATE__SYNC_ALWAYS;
    w->k.sync_interval_ms = 60;
}

void world_begin(struct world *w)
{
    kit_create_ok(&w->k);
    w->created = true;
    w->acked = w->synced = 1;
    world_listen(w);
}

void world_fork(struct world *f, const struct world *w, struct simdisk *take_disk, uint64_t seed)
{
    *f = *w;
    kit_take(&f->k, &w->k, take_disk, seed);
    f->r = rnd_of(seed);
    f->kept = f->shorter = 0;
}

void world_deinit(struct world *w)
{
    world_leave(w);
    kit_deinit(&w->k);
}

void world_lose_power(struct world *w)
{
    world_leave(w);
    kit_crash(&w->k, rnd_u64(&w->r));
}

void world_kill(struct world *w)
{
    world_leave(w);
    kit_kill(&w->k);
}
