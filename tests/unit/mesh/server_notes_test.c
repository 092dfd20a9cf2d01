/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * NOTES: checkpoints that come by themselves. The server's clock stands still until a test moves
 * it, and a test looks in the place of the timer.
 */
#include "kit.h"
#include "chain/signed.h"
#include "event/header.h"
#include "lib/tmpdir.h"
#include "lines.h"
#include "mesh/server_private.h"
#include "trust/checkpoint.h"
#include <sched.h>

enum { PERIOD = 5000, LONG = 40000, CHAINS = 3 };

static atomic_uint_least64_t clock_ms = 1000;

static uint64_t read_clock(void *user)
{
    (void)user;
    return atomic_load(&clock_ms);
}

static struct ate__env env;

struct world {
    struct ate__server *server;
    struct kit_chain chain;
    struct kit_client *c;
    struct ate__head known;
    uint32_t request;
};

static struct world world_new(enum ate__sync sync)
{
    env = ate__env_real;
    env.monotonic_ms = read_clock;
    struct ate__server_conf conf = kit_conf(tmpdir_new());
    struct world w = {.chain = kit_chain_new("/w", false)};
    conf.env = &env;
    conf.sync = sync;
    conf.sync_interval_ms = 10;
    conf.server_limits.checkpoint_ms = PERIOD;
    lines_begin(&conf);
    w.server = kit_start(&conf);
    w.c = kit_connect(w.server);
    w.known = kit_create(w.c, 1, &w.chain);
    assert_int_equal(w.known.size, 1);
    return w;
}

static void world_free(struct world *w)
{
    kit_close(w->c);
    ate__server_end(w->server);
    kit_chain_free(&w->chain);
}

static void put(struct world *w, uint64_t n)
{
    kit_put_object(w->c, 1, &w->chain, &w->known, n);
}

static struct ate_bytes log_key(const struct world *w)
{
    return ate__log_key_public(w->server->log_key);
}

static void name_log_key_of(struct world *w, struct kit_client *c, struct kit_chain *chain,
                            struct ate__head *known, bool adds)
{
    struct ate__buf header = ATE__BUF_NULL;
    struct ate__header_wr h = ate__header_wr_of(&header);
    struct ate_hash fingerprint;
    assert_int_equal(ate__fingerprint(log_key(w), &fingerprint), 0);
    struct ate__root_change change = {adds ? ATE__ROOT_ADD : ATE__ROOT_REMOVE,
                                      adds ? log_key(w)
                                           : ate__bytes(&fingerprint, sizeof fingerprint)};
    ate__header_keys(&h, ATE__TAG_LOG_KEYS, &change, 1);
    assert_int_equal(ate__header_end(&h), 0);
    struct ate__event_in event = {.form = ATE__BARE, .header = ate__buf_bytes(&header)};
    struct ate__buf tx = kit_tx(chain, known, &event, 1, chain->key);
    kit_commit(c, 1, 5000, known, ate__buf_bytes(&tx));
    kit_committed(c, 5000, ate__buf_bytes(&tx), known);
    ate__buf_deinit(&tx);
    ate__buf_deinit(&header);
}

static void name_log_key(struct world *w, bool adds)
{
    name_log_key_of(w, w->c, &w->chain, &w->known, adds);
}

static int look_here(void *arg)
{
    ate__notes_look(arg);
    return 0;
}

static void look(struct world *w)
{
    assert_int_equal(ate__loop_call(w->server->loop, look_here, w->server), 0);
}

struct idle {
    struct ate__server *server;
    bool is;
};

static int idle_here(void *arg)
{
    struct idle *idle = arg;
    idle->is = !idle->server->signs_for;
    return 0;
}

/* Nothing is being signed. */
static void settle(struct world *w)
{
    for (struct idle idle = {w->server, false}; !idle.is; sched_yield())
        assert_int_equal(ate__loop_call(w->server->loop, idle_here, &idle), 0);
}

static void pass(struct world *w, uint64_t ms)
{
    atomic_fetch_add(&clock_ms, ms);
    look(w);
    settle(w);
}

static void ask_notes(struct kit_client *c, uint32_t least_ms)
{
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr b = ate__wr_of(&body);
    ate__msg_notes_encode(&b, &(struct ate__msg_notes){least_ms});
    assert_int_equal(ate__wr_end(&b), 0);
    kit_send(c, ATE__MSG_NOTES, 1, ate__buf_bytes(&body));
    kit_flush(c);
    ate__buf_deinit(&body);
}

static struct ate__checkpoint check_note(struct world *w, const struct kit_frame *f)
{
    struct ate_bytes key = log_key(w);
    struct ate__checkpoint c;
    struct ate__msg_note m;
    assert_int_equal(f->type, ATE__MSG_NOTE);
    assert_int_equal(ate__msg_note_decode(ate__buf_bytes(&f->body), &m), 0);
    assert_int_equal(ate__checkpoint_verify(m.note, &key, 1, &c), 0);
    return c;
}

/* The next frame is a note of that head. */
static void expect_note(struct world *w, struct kit_client *c, const struct kit_chain *chain,
                        const struct ate__head *head)
{
    struct kit_frame f = kit_receive(c);
    struct ate__checkpoint checkpoint = check_note(w, &f);
    assert_int_equal(checkpoint.size, head->size);
    assert_memory_equal(&checkpoint.root, &head->root, sizeof head->root);
    assert_memory_equal(&checkpoint.chain_id, &chain->id, sizeof chain->id);
    kit_frame_free(&f);
}

/* Nothing was under way: the answer to this comes next. */
static void expect_nothing(struct world *w, struct kit_client *c)
{
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr b = ate__wr_of(&body);
    ate__msg_prove_encode(
        &b, &(struct ate__msg_prove){++w->request, ATE__PROVE_CONSISTENCY, 1, w->known.size});
    assert_int_equal(ate__wr_end(&b), 0);
    kit_send(c, ATE__MSG_PROVE, 1, ate__buf_bytes(&body));
    kit_flush(c);
    struct kit_frame f = kit_receive(c);
    assert_int_equal(f.type, ATE__MSG_PROVEN);
    kit_frame_free(&f);
    ate__buf_deinit(&body);
}

/* --- when --- */

static void test_when(void **state)
{
    (void)state;
    struct world w = world_new(ATE__SYNC_ALWAYS);
    name_log_key(&w, true);
    ask_notes(w.c, 0);
    expect_note(&w, w.c, &w.chain, &w.known); /* at once */
    put(&w, 1);
    pass(&w, PERIOD - 1);
    expect_nothing(&w, w.c); /* it has grown, but not long enough ago */
    put(&w, 2);
    pass(&w, 1);
    expect_note(&w, w.c, &w.chain, &w.known);
    pass(&w, PERIOD);
    expect_nothing(&w, w.c); /* long enough ago, but it has not grown */
    pass(&w, ATE__SIGNED_FRESH_MS - PERIOD);
    expect_note(&w, w.c, &w.chain, &w.known); /* so it is said */
    for (uint64_t n = 3; n < 8; n++) {
        put(&w, n);
        pass(&w, PERIOD);
        expect_note(&w, w.c, &w.chain, &w.known);
    }
    world_free(&w);
}

/* Who asks again and again makes the server look at nothing: all streams of all chains wait for the
 * timer's look. */
static void test_asked_again(void **state)
{
    (void)state;
    struct world w = world_new(ATE__SYNC_ALWAYS);
    name_log_key(&w, true);
    ask_notes(w.c, 0);
    expect_note(&w, w.c, &w.chain, &w.known);
    put(&w, 1);
    atomic_fetch_add(&clock_ms, PERIOD);
    for (unsigned i = 0; i < 100; i++)
        ask_notes(w.c, i % 2 ? LONG : 0);
    expect_nothing(&w, w.c);
    settle(&w);
    expect_nothing(&w, w.c);
    ask_notes(w.c, 0);
    expect_nothing(&w, w.c);
    pass(&w, 0);
    expect_note(&w, w.c, &w.chain, &w.known);
    world_free(&w);
}

/* A server that may not sign is silent, and begins where it may. */
static void test_key(void **state)
{
    (void)state;
    struct world w = world_new(ATE__SYNC_ALWAYS);
    ask_notes(w.c, 0);
    expect_nothing(&w, w.c);
    settle(&w);
    pass(&w, LONG);
    name_log_key(&w, true); /* the next frame is its answer */
    pass(&w, LONG);
    expect_note(&w, w.c, &w.chain, &w.known);
    name_log_key(&w, false);
    pass(&w, LONG);
    pass(&w, LONG);
    expect_nothing(&w, w.c);
    world_free(&w);
}

/* --- who --- */

/* Signed once for all of them, each at its own pace. */
static void test_many_streams(void **state)
{
    (void)state;
    enum { CLIENTS = 5 };
    struct world w = world_new(ATE__SYNC_ALWAYS);
    struct kit_client *c[CLIENTS];
    name_log_key(&w, true);
    for (unsigned i = 0; i < CLIENTS; i++) {
        c[i] = kit_connect(w.server);
        assert_int_equal(kit_open(c[i], 1, &w.chain).size, w.known.size);
        ask_notes(c[i], i ? 0 : LONG);
        expect_note(&w, c[i], &w.chain, &w.known);
    }
    put(&w, 1);
    pass(&w, PERIOD);
    struct kit_frame first = kit_receive(c[1]);
    assert_int_equal(check_note(&w, &first).size, w.known.size);
    for (unsigned i = 2; i < CLIENTS; i++) {
        struct kit_frame f = kit_receive(c[i]);
        assert_int_equal(f.body.size, first.body.size);
        assert_memory_equal(f.body.data, first.body.data, f.body.size);
        kit_frame_free(&f);
    }
    kit_frame_free(&first);
    expect_nothing(&w, c[0]);
    pass(&w, LONG);
    expect_note(&w, c[0], &w.chain, &w.known);
    for (unsigned i = 0; i < CLIENTS; i++)
        i % 2 ? kit_kill(c[i]) : kit_close(c[i]);
    world_free(&w);
}

static void test_chains(void **state)
{
    (void)state;
    struct world w = world_new(ATE__SYNC_ALWAYS);
    struct kit_client *c[CHAINS];
    struct kit_chain chain[CHAINS];
    struct ate__head known[CHAINS];
    for (unsigned i = 0; i < CHAINS; i++) {
        char path[8];
        snprintf(path, sizeof path, "/x%u", i);
        c[i] = kit_connect(w.server);
        chain[i] = kit_chain_new(path, false);
        known[i] = kit_create(c[i], 1, &chain[i]);
        name_log_key_of(&w, c[i], &chain[i], &known[i], true);
        ask_notes(c[i], 0);
        expect_note(&w, c[i], &chain[i], &known[i]);
    }
    for (unsigned round = 1; round < 10; round++) {
        for (unsigned i = 0; i < CHAINS; i++)
            kit_put_object(c[i], 1, &chain[i], &known[i], round);
        pass(&w, PERIOD);
        for (unsigned i = 0; i < CHAINS; i++)
            expect_note(&w, c[i], &chain[i], &known[i]);
    }
    for (unsigned i = 0; i < CHAINS; i++) {
        kit_close(c[i]);
        kit_chain_free(&chain[i]);
    }
    world_free(&w);
}

/* --- a stream that follows --- */

/* It never gets a note of what it has not been sent. */
static void test_follower(void **state)
{
    (void)state;
    struct world w = world_new(ATE__SYNC_ALWAYS);
    struct kit_client *c = kit_connect(w.server);
    struct kit_follow follow;
    unsigned notes = 0;
    name_log_key(&w, true);
    kit_follow_init(&follow);
    assert_int_equal(kit_open(c, 1, &w.chain).size, w.known.size);
    kit_subscribe(c, 1, &(struct ate__head){0});
    kit_subscribed(c);
    ask_notes(c, 0);
    for (uint64_t n = 1; n <= 30 || notes < 5; n++) {
        put(&w, n);
        pass(&w, PERIOD);
        for (bool more = true; more;) {
            struct kit_frame f = kit_receive(c);
            if (f.type == ATE__MSG_GROUP) {
                kit_follow_group(&follow, &f);
                more = follow.tree.size < w.known.size;
            } else {
                struct ate__checkpoint checkpoint = check_note(&w, &f);
                assert_true(checkpoint.size <= follow.tree.size);
                if (checkpoint.size == follow.tree.size)
                    assert_memory_equal(&checkpoint.root, &follow.root, sizeof follow.root);
                notes++;
            }
            kit_frame_free(&f);
        }
    }
    kit_close(c);
    world_free(&w);
}

/* --- what is synced --- */

static void test_weak_sync(void **state)
{
    (void)state;
    struct world w = world_new(ATE__SYNC_INTERVAL);
    struct ate__checkpoint checkpoint = {.size = 0};
    name_log_key(&w, true);
    put(&w, 1);
    ask_notes(w.c, 0);
    while (checkpoint.size < w.known.size) { /* once the log is synced as far */
        if (kit_quiet(w.c, 20)) {
            pass(&w, PERIOD);
            continue;
        }
        struct kit_frame f = kit_receive(w.c);
        checkpoint = check_note(&w, &f);
        assert_true(checkpoint.size <= w.known.size);
        kit_frame_free(&f);
    }
    world_free(&w);
}

/* --- what was signed here last is another history --- */

static void test_refused(void **state)
{
    (void)state;
    struct world w = world_new(ATE__SYNC_ALWAYS);
    struct ate__checkpoint other = {.chain_id = w.chain.id, .size = 2};
    struct ate__buf note = ATE__BUF_NULL;
    struct ate__dir *dir, *log;
    name_log_key(&w, true);
    assert_int_equal(ate__checkpoint_make(&other, w.server->log_key, &note), 0);
    assert_int_equal(ate__home_dir(&w.server->home, "/w", false, &dir), 0);
    assert_int_equal(env.vfs->open_dir(dir, ",chain", false, &log), 0);
    struct ate__file *file;
    unsigned flags = ATE__OPEN_WRITE | ATE__OPEN_CREATE;
    assert_int_equal(env.vfs->open(log, "checkpoint", flags, &file), 0);
    assert_int_equal(env.vfs->write(file, 0, note.data, note.size), 0);
    env.vfs->close(file);
    env.vfs->close_dir(log);
    env.vfs->close_dir(dir);
    ask_notes(w.c, 0);
    for (uint64_t n = 1; n < 6; n++) {
        put(&w, n);
        pass(&w, LONG);
    }
    expect_nothing(&w, w.c);
    ate__buf_deinit(&note);
    world_free(&w);
    assert_int_equal(lines_count("nothing is signed"), 1); /* told once */
}

/* --- forms and ends --- */

static void expect_end(struct world *w, struct ate_bytes body)
{
    kit_send(w->c, ATE__MSG_NOTES, 1, body);
    kit_flush(w->c);
    struct kit_frame f = kit_receive(w->c);
    assert_int_equal(f.type, ATE__NET_ERROR);
    assert_int_equal(ate__net_error_decode(ate__buf_bytes(&f.body), &kit_error, kit_error_text), 0);
    assert_int_equal(kit_error, ATE_MALFORMED);
    kit_frame_free(&f);
    assert_int_equal(kit_open(w->c, 1, &w->chain).size, w->known.size);
}

static void test_malformed(void **state)
{
    (void)state;
    struct world w = world_new(ATE__SYNC_ALWAYS);
    expect_end(&w, ate__bytes("\0\0\0", 3));
    expect_end(&w, ate__bytes("\0\0\0\0\0", 5));
    world_free(&w);
}

/* Asked again and again, and gone at any moment; the end of the server as well. */
static void test_ends(void **state)
{
    (void)state;
    struct world w = world_new(ATE__SYNC_ALWAYS);
    name_log_key(&w, true);
    for (unsigned i = 0; i < 40; i++) {
        struct kit_client *c = kit_connect(w.server);
        assert_int_equal(kit_open(c, 1, &w.chain).size, w.known.size);
        ask_notes(c, 0);
        ask_notes(c, i);
        pass(&w, PERIOD);
        if (i % 3 == 0) {
            kit_send(c, ATE__MSG_CLOSE, 1, ate__bytes(NULL, 0));
            kit_flush(c);
        }
        i % 2 ? kit_kill(c) : kit_close(c);
    }
    struct kit_client *last = kit_connect(w.server);
    assert_int_equal(kit_open(last, 1, &w.chain).size, w.known.size);
    ask_notes(last, 0);
    ate__server_end(w.server);
    kit_kill(last);
    kit_kill(w.c);
    kit_chain_free(&w.chain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_when),         cmocka_unit_test(test_key),
        cmocka_unit_test(test_asked_again),  cmocka_unit_test(test_chains),
        cmocka_unit_test(test_many_streams), cmocka_unit_test(test_follower),
        cmocka_unit_test(test_weak_sync),    cmocka_unit_test(test_refused),
        cmocka_unit_test(test_malformed),    cmocka_unit_test(test_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
