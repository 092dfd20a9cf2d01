/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * world.c: a chain with some sessions.
 */
#include "world.h"

static struct ate_session *session_of(unsigned n)
{
    struct ate_session *s;
    struct ate__key32 seed = {{0}};
    struct ate__key *key;
    memset(&seed, 0x61 + (int)n, sizeof seed);
    ok(ate__session_new(&s));
    ok(ate__key_of_seed(&seed, NULL, &key));
    ok(ate__session_add(s, key));
    return s;
}

static void open_chain(struct world *w, unsigned flags)
{
    struct ate__local_conf conf = {
        .chain.env = &w->sim.env, .memory = w->memory, .genesis.options = w->options};
    struct ate__pipe *pipe;
    ok(ate__local_open(&conf, "/c/notes", w->session[0], flags, &pipe));
    ok(ate__dio_new(pipe, w->session[0], -1, 1 << 20, &w->dio));
}

void world_init(struct world *w, bool memory)
{
    world_init_of(w, memory, (struct ate_bytes){0});
}

void world_init_of(struct world *w, bool memory, struct ate_bytes options)
{
    *w = (struct world){.disk = simdisk_new(1), .memory = memory, .options = options};
    simdisk_mkdir(w->disk, "/c");
    simenv_init(&w->sim, 1, simdisk_vfs(w->disk));
    for (unsigned i = 0; i < WORLD_SESSIONS; i++)
        w->session[i] = session_of(i);
    /* Each knows the others' public keys, so that it can let them in. */
    for (unsigned i = 0; i < WORLD_SESSIONS; i++)
        for (unsigned n = 0; n < WORLD_SESSIONS; n++)
            if (i && n != i)
                ok(ate__session_add_public(
                    w->session[i],
                    ate__buf_bytes(&ate__session_key(w->session[n], 0)->public_key)));
    ok(ate__session_new(&w->none));
    open_chain(w, ATE__STORAGE_CREATE);
    for (unsigned n = 1; n < WORLD_SESSIONS; n++) /* later, or they would be readers of the top */
        ok(ate__session_add_public(
            w->session[0], ate__buf_bytes(&ate__session_key(w->session[n], 0)->public_key)));
}

void world_reopen(struct world *w)
{
    ate__dio_unref(w->dio);
    open_chain(w, 0);
}

void world_deinit(struct world *w)
{
    ate__dio_unref(w->dio);
    for (unsigned i = 0; i < WORLD_SESSIONS; i++)
        ate__session_unref(w->session[i]);
    ate__session_unref(w->none);
    simenv_deinit(&w->sim);
    simdisk_free(w->disk);
}

struct ate_txn *world_begin(struct world *w)
{
    struct ate_txn *t;
    ok(ate__txn_begin(w->dio, NULL, 0, &t));
    return t;
}

struct ate_txn *world_begin_as(struct world *w, unsigned session)
{
    struct ate_txn *t;
    ok(ate__txn_begin(w->dio, w->session[session], 0, &t));
    return t;
}

struct ate_hash world_key(struct world *w, unsigned session)
{
    return ate__session_key(w->session[session], 0)->fingerprint;
}

struct ate__chain *world_chain(struct world *w)
{
    return ate__local_chain(w->dio->pipe);
}

uint64_t world_size(struct world *w)
{
    return ate__view_published(ate__chain_view(world_chain(w)));
}

struct ate_rule world_rule(struct world *w, unsigned mask)
{
    static struct ate_hash keys[WORLD_SESSIONS];
    size_t n = 0;
    for (unsigned i = 0; i < WORLD_SESSIONS; i++)
        if (mask >> i & 1)
            keys[n++] = world_key(w, i);
    return (struct ate_rule){ATE_KEYS, keys, n};
}

unsigned count_children(struct ate_txn *t, struct ate_id parent)
{
    struct ate_cursor *c;
    struct ate_object o;
    unsigned n = 0;
    int rc;
    ok(ate_children(t, parent, &c));
    while (!(rc = ate_next_raw(c, ATE_NO_PAYLOAD, &o)))
        n++;
    expect(rc, ATE_END);
    ate_cursor_end(c);
    return n;
}

static void offer_done(struct ate__offer *offer)
{
    (void)offer;
}

void world_revoke(struct world *w, unsigned session)
{
    struct ate_hash key = world_key(w, session);
    struct ate__buf header = ATE__BUF_NULL, encoded = ATE__BUF_NULL, bytes = ATE__BUF_NULL;
    struct ate__header_wr wr = ate__header_wr_of(&header);
    struct ate__pipe *p = w->dio->pipe;
    struct ate_txn *t = world_begin(w);
    struct ate__signature signature;
    struct ate_hash hash;
    ok(ate__txn_read(t));
    ate__header_item(&wr, ATE__TAG_REVOKE, ate__bytes(&key, sizeof key));
    ok(ate__header_end(&wr));
    struct ate__event_in event = {.form = ATE__BARE, .header = ate__buf_bytes(&header)};
    struct ate__tx_in in = {.chain_id = w->dio->seal.chain_id,
                            .id = t->id,
                            .time_us = ate__wall_us(p->env),
                            .events = &event,
                            .event_count = 1};
    p->v->head(t->snapshot, &in.base_size, &in.base_root);
    ok(ate__tx_encode(&in, ATE__SHA256, &encoded, &hash));
    ok(ate__trust_sign(p->v->trust(p), ate__session_key(w->session[0], 0), ATE__SHA256, &hash,
                       &bytes, &signature));
    ok(ate__tx_encode_signatures(&signature, 1, &encoded));
    struct ate__offer offer = {
        .encoded = ate__buf_bytes(&encoded), .waits = true, .timeout_ms = -1, .done = offer_done};
    p->v->offer(p, &offer);
    p->v->wait(p, &offer);
    assert_int_equal(offer.result, 0);
    ate_txn_end(t);
    ate__buf_deinit(&header);
    ate__buf_deinit(&encoded);
    ate__buf_deinit(&bytes);
}
