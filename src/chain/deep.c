/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * deep.c: the cut-off of a deep compaction: chosen, verified, certified.
 */
#include "chain/deep.h"
#include "base/alloc.h"
#include "base/err.h"
#include "chain/chain_private.h"
#include "chain/kept.h"
#include "chain/statement.h"
#include "trust/session.h"

#define DAY_US (UINT64_C(86400) * 1000000)
#define HOUR_US (UINT64_C(3600) * 1000000)
enum { AGE_DAYS = 7, ABOVE_FACTOR = 4 /* times what lives */ };

/* ---- reading, at its pace ---- */

struct pass {
    struct ate__deep *d;
    const struct ate__scan *scan;
};

static int pass_group(void *arg, const struct ate__group_out *group)
{
    const struct pass *p = arg;
    return p->scan->group(p->scan->arg, group);
}

static int pass_record(void *arg, const struct ate__record_out *record)
{
    const struct pass *p = arg;
    ate__pace(p->d->pace, record->body.size);
    if (ate__pace_canceled(p->d->pace))
        return ate__fail(ATE_CANCELED, "the compaction was stopped; nothing has changed");
    return p->scan->record(p->scan->arg, record);
}

static int scan_paced(struct ate__deep *d, uint64_t from, uint64_t to, const struct ate__scan *out)
{
    struct ate__storage *s = d->c->storage;
    struct pass p = {d, out};
    struct ate__scan inner = {out->group ? pass_group : NULL, pass_record, &p};
    return s->v->scan(s, from, to, &inner);
}

static int scan(struct ate__deep *d, uint64_t from, uint64_t to,
                int (*record)(void *arg, const struct ate__record_out *record), void *arg)
{
    return scan_paced(d, from, to, &(struct ate__scan){NULL, record, arg});
}

/* ---- where ---- */

struct choosing {
    struct ate__deep *d;
    uint64_t week_us, hour_us;     /* those times before what is newest */
    uint64_t bytes, live;
    uint64_t week, hour, nearest;  /* ends of groups */
    uint64_t week_bytes;           /* below `week` */
};

static int note_age(void *arg, const struct ate__record_out *record)
{
    struct choosing *x = arg;
    x->bytes += record->body.size;
    if (record->last_in_group && record->root_time_us <= x->week_us) {
        x->week = record->sequence + 1;
        x->week_bytes = x->bytes;
    }
    if (record->last_in_group && record->root_time_us <= x->hour_us)
        x->hour = record->sequence + 1;
    return 0;
}

static int note_live(void *arg, const struct ate__record_out *record)
{
    struct choosing *x = arg;
    struct ate__chain *c = x->d->c;
    struct ate__tx tx;
    if (record->identity)
        return 0;
    int rc = ate__tx_decode(record->body, ate__trust_alg(c->trust), &tx);
    if (rc)
        return rc;
    for (uint32_t i = 0; i < tx.event_count; i++) {
        const struct ate__event *e = &tx.events[i];
        if (e->form != ATE__DROPPED && e->kind == ATE__EVENT_BODY &&
            ate__view_holds(c->view, &e->header.object, &e->hash))
            x->live += e->whole.size;
    }
    ate__tx_deinit(&tx);
    return 0;
}

/* The first end of a group above which not too much is left. */
static int note_nearest(void *arg, const struct ate__record_out *record)
{
    struct choosing *x = arg;
    x->bytes -= record->body.size;
    if (!record->last_in_group || x->bytes > ABOVE_FACTOR * x->live)
        return 0;
    x->nearest = record->sequence + 1;
    return ATE_END;
}

struct newest {
    const struct ate__deep *d;
    uint64_t time_us;
};

static int note_time(void *arg, const struct ate__record_out *record)
{
    struct newest *n = arg;
    struct ate__tx tx;
    if (record->identity)
        return 0;
    int rc = ate__tx_decode(record->body, ate__trust_alg(n->d->c->trust), &tx);
    if (rc)
        return rc;
    bool certificate = tx.event_count == 1 && tx.events[0].kind == ATE__EVENT_SNAPSHOT;
    ate__tx_deinit(&tx);
    if (certificate)
        return 0;
    n->time_us = record->root_time_us;
    return ATE_END;
}

/* What is newest is as old as the chain says, not this machine's clock: where that was set
 * forward, all would be old. Nor does it become old by a certificate, which is stamped by that
 * clock. A clock that stands behind makes nothing older. */
static int newest_time(struct ate__deep *d, uint64_t cut_off, uint64_t size, uint64_t *ret_time_us)
{
    uint64_t now_us = ate__wall_us(d->c->conf.env);
    struct newest n = {d, 0};
    int rc = 0;
    for (uint64_t at = size; !rc && at > cut_off; at--)
        rc = scan(d, at - 1, at, note_time, &n);
    if (rc && rc != ATE_END)
        return rc;
    *ret_time_us = ate__min(n.time_us, now_us);
    return 0;
}

static int choose_by_age(struct ate__deep *d, uint64_t cut_off, uint64_t size, uint64_t *ret_size)
{
    uint64_t now_us = 0;
    int rc = newest_time(d, cut_off, size, &now_us);
    struct choosing x = {.d = d,
                         .week_us = now_us - ate__min(now_us, AGE_DAYS * DAY_US),
                         .hour_us = now_us - ate__min(now_us, HOUR_US)};
    if (!rc)
        rc = scan(d, 0, size, note_age, &x);
    *ret_size = x.week;
    if (rc || x.hour <= x.week)
        return rc;
    rc = scan(d, 0, size, note_live, &x);
    x.bytes -= x.week_bytes;
    if (rc || x.bytes <= ABOVE_FACTOR * x.live)
        return rc;
    rc = scan(d, x.week, x.hour, note_nearest, &x);
    *ret_size = rc == ATE_END ? x.nearest : x.hour;
    return rc == ATE_END ? 0 : rc;
}

static int choose(struct ate__deep *d)
{
    struct ate__storage_state state;
    struct ate_hash root;
    uint64_t size, asked = d->conf->cut_off;
    ate__chain_head(d->c, &size, &root);
    d->c->storage->v->state(d->c->storage, &state);
    int rc = asked ? 0 : choose_by_age(d, state.cut_off, size, &asked);
    if (rc)
        return rc;
    asked = asked < size ? asked : size;
    d->size = asked > state.cut_off ? asked : state.cut_off;
    uint64_t full = ate__min(d->size, d->c->storage->v->tiles_size(d->c->storage));
    d->gaps_below = full - full % ATE__TILE_LEAVES;
    return 0;
}

/* ---- the history up to there, once more ---- */

struct part { /* of a storage */
    struct ate__storage base;
    struct ate__storage *of;
    struct ate__deep *d;
    uint64_t size, leaves;
};

static struct ate__storage *whole_of(struct ate__storage *s)
{
    return ATE__CONTAINER(s, struct part, base)->of;
}

static void part_close(struct ate__storage *s)
{
    ate__free(ATE__CONTAINER(s, struct part, base));
}

static void part_state(struct ate__storage *s, struct ate__storage_state *ret_state)
{
    struct part *p = ATE__CONTAINER(s, struct part, base);
    p->of->v->state(p->of, ret_state);
    ret_state->size = ret_state->moves = p->size;
    ret_state->writable = false;
}

static void part_damage(struct ate__storage *s, struct ate__storage_damage *ret_damage)
{
    (void)s;
    *ret_damage = (struct ate__storage_damage){.what = ATE_OK};
}

static int part_scan(struct ate__storage *s, uint64_t from, uint64_t to,
                     const struct ate__scan *scan_out)
{
    struct part *p = ATE__CONTAINER(s, struct part, base);
    return scan_paced(p->d, from, ate__min(to, p->size), scan_out);
}

/* The leaves are compared with what the whole one has, which was verified when it was opened. */
static int part_append(struct ate__storage *s, const struct ate_hash *leaves, size_t count)
{
    struct part *p = ATE__CONTAINER(s, struct part, base);
    for (size_t i = 0; i < count; i++) {
        struct ate_hash leaf;
        int rc = p->of->v->tiles_node(p->of, 0, p->leaves, &leaf);
        if (!rc && !ate__hash_equal(&leaf, &leaves[i]))
            rc = ate__fail(ATE_TAMPERED, "transaction %llu was changed since the chain was opened",
                           (unsigned long long)p->leaves);
        if (rc)
            return rc;
        p->leaves++;
    }
    return 0;
}

static uint64_t part_leaves(struct ate__storage *s)
{
    return ATE__CONTAINER(s, struct part, base)->leaves;
}

static int part_truncate(struct ate__storage *s, uint64_t size)
{
    ATE__CONTAINER(s, struct part, base)->leaves = size;
    return 0;
}

static int part_node(struct ate__storage *s, unsigned level, uint64_t index,
                     struct ate_hash *ret_hash)
{
    return whole_of(s)->v->tiles_node(whole_of(s), level, index, ret_hash);
}

static void part_hold(struct ate__storage *s,
                      int (*leaves)(void *arg, uint64_t first, struct ate_hash *ret_leaves),
                      void *arg)
{
    (void)s;
    (void)leaves;
    (void)arg;
}

static int part_release(struct ate__storage *s)
{
    (void)s;
    return 0;
}

static int part_stored(struct ate__storage *s, uint64_t first, struct ate_hash *ret_leaves)
{
    return whole_of(s)->v->tiles_stored(whole_of(s), first, ret_leaves);
}

/* What a chain asks of a storage that it does not write to. */
static const struct ate__storage_vtable part_vtable = {
    .close = part_close,
    .state = part_state,
    .damage = part_damage,
    .scan = part_scan,
    .tiles_append = part_append,
    .tiles_size = part_leaves,
    .tiles_truncate = part_truncate,
    .tiles_node = part_node,
    .tiles_hold = part_hold,
    .tiles_release = part_release,
    .tiles_stored = part_stored,
};

static int open_part(struct ate__deep *d, struct ate__chain **ret_chain)
{
    struct part *p = ate__alloc(sizeof *p);
    if (!p)
        return ate__no_memory();
    *p = (struct part){{&part_vtable}, d->c->storage, d, d->size, 0};
    struct ate__chain_conf conf = {
        .env = d->c->conf.env, .workers = d->c->conf.workers, .unseen = true};
    return ate__chain_open_part(&conf, &p->base, ret_chain);
}

/* Where the chain was cut off before, its certificate may lie behind S, and leaves say nothing of
 * which events are left: the state there is compared with the one that was believed. */
static int check_kept(const struct ate__deep *d, const struct ate__chain *part)
{
    const struct ate__chain *c = d->c;
    if (part->kept_size == c->kept_size && ate__hash_equal(&part->kept_root, &c->kept_root))
        return 0;
    return ate__fail(ATE_TAMPERED,
                     "what is left of the transactions below %llu was changed since the chain was "
                     "opened",
                     (unsigned long long)part->kept_size);
}

static int verify(struct ate__deep *d)
{
    struct ate__chain *c;
    int rc = open_part(d, &c);
    if (rc)
        return rc;
    ate__assert(c->tree.size == d->size);
    d->root = c->root;
    rc = check_kept(d, c);
    if (!rc)
        rc = ate__chain_state_root(c, d->size, &d->state_root);
    ate__chain_close(c);
    return rc;
}

/* ---- what is kept ---- */

/* What a reader that began earlier may still ask for stays, whoever wishes that it went. */
static struct ate__ballot vote(void *arg, const struct ate__keep_event *e)
{
    const struct ate__deep *d = arg;
    const struct ate__header *h = &e->event->header;
    bool held = e->event->kind == ATE__EVENT_BODY && !ate__header_has(h, ATE__TAG_TOMBSTONE) &&
                ate__view_holds(d->c->view, &h->object, &e->event->hash);
    const struct ate__keep_plugin *plugin = d->conf->plugin;
    if (held)
        return (struct ate__ballot){ATE__FORCE_KEEP, false};
    return plugin ? plugin->vote(plugin->arg, e) : (struct ate__ballot){ATE__ABSTAIN, false};
}

static int note(void *arg, const struct ate__record_out *record)
{
    struct ate__deep *d = arg;
    struct ate__tx tx;
    if (record->identity)
        return 0;
    int rc = ate__tx_decode(record->body, ate__trust_alg(d->c->trust), &tx);
    if (rc)
        return rc;
    rc = ate__keep_see(d->keep, &tx, record->sequence);
    ate__tx_deinit(&tx);
    return rc;
}

static int note_all(struct ate__deep *d)
{
    uint64_t seed[2], window = ate__trust_genesis(d->c->trust)->window;
    ate__random(d->c->conf.env, seed, sizeof seed);
    d->plugin = (struct ate__keep_plugin){vote, d};
    int rc = ate__keep_new(seed, d->size, window, &d->plugin, &d->keep);
    if (!rc)
        rc = scan(d, 0, d->size, note, d);
    return rc ? rc : ate__keep_end(d->keep);
}

int ate__deep_begin(struct ate__deep *d, struct ate__chain *c, const struct ate__compact_conf *conf,
                    struct ate__pace *pace)
{
    *d = (struct ate__deep){.c = c, .conf = conf, .pace = pace};
    if (!c->trust)
        return 0; /* a mirror to which nothing came yet */
    if (ate__trust_genesis(c->trust)->archive)
        return ate__fail(ATE_DENIED, "nothing is left out of an archive");
    int rc = choose(d);
    if (rc || !d->size)
        return rc;
    rc = verify(d);
    return rc ? rc : note_all(d);
}

void ate__deep_end(struct ate__deep *d)
{
    ate__keep_free(d->keep);
    d->keep = NULL;
}

/* ---- the certificate ---- */

static int find_snapshot(void *arg, const struct ate__record_out *record)
{
    struct ate__deep *d = arg;
    struct ate__tx tx;
    if (record->identity)
        return 0;
    int rc = ate__tx_decode(record->body, ate__trust_alg(d->c->trust), &tx);
    if (rc)
        return rc;
    for (uint32_t i = 0; i < tx.event_count && !rc; i++) {
        const struct ate__event *e = &tx.events[i];
        const struct ate__snapshot_item *s = &e->header.snapshot;
        if (e->form != ATE__DROPPED && e->kind == ATE__EVENT_SNAPSHOT && s->size == d->size &&
            ate__hash_equal(&s->root, &d->root) && ate__hash_equal(&s->state_root, &d->state_root))
            rc = ATE_END;
    }
    d->signed_by_key = tx.signature_count > 0;
    ate__tx_deinit(&tx);
    d->certified_at = record->sequence;
    return rc;
}

/* NULL: it has none that may sign. */
static const struct ate__key *signer(const struct ate__chain *c, const struct ate_session *session)
{
    const struct ate__trust *t = c->trust;
    size_t count = session ? ate__session_key_count(session) : 0;
    for (size_t i = 0; i < count; i++) {
        const struct ate__key *key = ate__session_key(session, i);
        if (key->sign_key && (ate__trust_has_office(t, ATE__ROOT_KEY, &key->fingerprint) ||
                              ate__trust_has_office(t, ATE__COMPACTOR_KEY, &key->fingerprint)))
            return key;
    }
    return NULL;
}

/* Its log key signs the order, and so what the order says of what may be left out. */
static bool is_centralized(const struct ate__chain *c)
{
    return ate__trust_genesis(c->trust)->mode == ATE__CENTRALIZED;
}

bool ate__deep_may_certify(const struct ate__chain *c, const struct ate_session *session)
{
    return is_centralized(c) || signer(c, session);
}

static int commit_snapshot(struct ate__deep *d)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf header = ATE__BUF_NULL;
    struct ate__header_wr w = ate__header_wr_of(&header);
    struct ate__storage_state state;
    struct ate__receipt receipt;
    const struct ate__key *key = signer(d->c, d->conf->session);
    d->c->storage->v->state(d->c->storage, &state);
    if (state.role != ATE__ROLE_ROOT)
        return ate__fail(ATE_NO_KEY,
                         "this is a mirror, and the chain has no certificate for its "
                         "first %llu transactions",
                         (unsigned long long)d->size);
    if (!key && !is_centralized(d->c))
        return ate__fail(ATE_NO_KEY, "only a root key or a compactor key signs what may be left "
                                     "out, and there is none of them here");
    ate__header_snapshot(&w, &(struct ate__snapshot_item){d->size, d->root, d->state_root});
    int rc = ate__header_end(&w);
    if (!rc)
        rc = ate__chain_state(d->c, key, ate__buf_bytes(&header), &receipt);
    if (!rc) {
        d->certified_at = receipt.sequence;
        d->signed_by_key = key != NULL;
    }
    return rc;
}

int ate__deep_certify(struct ate__deep *d)
{
    struct ate__receipt ignored;
    uint64_t published = ate__view_published(d->c->view);
    int rc = scan(d, d->size, published, find_snapshot, d);
    if (rc != ATE_END)
        rc = rc ? rc : commit_snapshot(d);
    else
        rc = 0;
    if (!rc)
        rc = ate__chain_sync(d->c, &ignored);
    if (rc)
        return rc;
    atomic_store(&d->c->certified_by_key, d->signed_by_key);
    atomic_store(&d->c->believed_from, d->certified_at + 1);
    atomic_store(&d->c->believed_cut_off, d->size);
    return 0;
}
