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
        .chain.env = &w->sim.env, .memory = w->memory, .options = w->options};
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
