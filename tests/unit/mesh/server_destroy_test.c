/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * DESTROY: who may, what is refused, what others are told, and commits that are under way.
 */
#include "hooked.h"
#include "kit.h"
#include "lib/tmpdir.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct world {
    struct ate__server_conf conf;
    struct ate__server *server;
    struct kit_chain chain;
    struct kit_client *c;
    struct ate__head known;
    uint32_t request;
};

static struct world world_on(const struct ate__env *env)
{
    struct world w = {.conf = kit_conf(tmpdir_new()), .chain = kit_chain_new("/w/notes", false)};
    w.conf.env = env;
    w.conf.allow_destroy = true;
    w.server = kit_start(&w.conf);
    w.c = kit_connect(w.server);
    w.known = kit_create(w.c, 1, &w.chain);
    assert_int_equal(w.known.size, 1);
    kit_put_object(w.c, 1, &w.chain, &w.known, 1);
    return w;
}

static struct world world_new(void)
{
    return world_on(&ate__env_real);
}

static void world_free(struct world *w)
{
    kit_close(w->c);
    ate__server_end(w->server);
    kit_chain_free(&w->chain);
}

static bool exists(const struct world *w, const char *name)
{
    char path[600];
    snprintf(path, sizeof path, "%s/w/notes/%s", w->conf.logs, name);
    return access(path, F_OK) == 0;
}

static void send_destroy(struct kit_client *c, uint32_t request, struct ate_bytes statement)
{
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr b = ate__wr_of(&body);
    ate__msg_destroy_encode(&b, &(struct ate__msg_destroy){request, statement});
    assert_int_equal(ate__wr_end(&b), 0);
    kit_send(c, ATE__MSG_DESTROY, 1, ate__buf_bytes(&body));
    kit_flush(c);
    ate__buf_deinit(&body);
}

/* What there is to be signed, but for what only the test knows. */
static struct ate__destruction ask(struct world *w, struct kit_client *c)
{
    struct ate__msg_destroyed m;
    send_destroy(c, ++w->request, ate__bytes(NULL, 0));
    struct kit_frame f = kit_receive(c);
    assert_int_equal(f.type, ATE__MSG_DESTROYED);
    assert_int_equal(ate__msg_destroyed_decode(ate__buf_bytes(&f.body), &m), 0);
    assert_int_equal(m.request, w->request);
    struct ate_hash pin = ate__server_pin(w->server);
    assert_true(ate__hash_equal(&m.pin, &pin));
    kit_frame_free(&f);
    return (struct ate__destruction){
        .chain_id = w->chain.id,
        .size = w->known.size,
        .root = w->known.root,
        .time_us = 77,
        .name = ate__text_bytes(w->chain.path),
        .genesis = ate__buf_bytes(&w->chain.genesis),
        .pin = m.pin,
        .nonce = m.nonce,
    };
}

static struct ate__buf sign(const struct ate__destruction *d, const struct ate__key *key)
{
    struct ate__buf bytes = ATE__BUF_NULL;
    assert_int_equal(ate__destruction_make(d, key, &bytes), 0);
    return bytes;
}

static void order(struct world *w, struct kit_client *c, const struct ate__buf *statement)
{
    send_destroy(c, ++w->request, ate__buf_bytes(statement));
}

/* The next frame of that stream is DESTROYED, of what is. */
static void expect_destroyed(struct kit_client *c, uint32_t stream,
                             const struct ate__buf *statement)
{
    struct kit_frame f = kit_receive(c);
    struct ate__msg_destroyed m;
    if (f.type == ATE__MSG_OPENED) { /* a moment before it was told */
        kit_frame_free(&f);
        f = kit_receive(c);
    }
    assert_int_equal(f.type, ATE__MSG_DESTROYED);
    assert_int_equal(f.stream, stream);
    assert_int_equal(ate__msg_destroyed_decode(ate__buf_bytes(&f.body), &m), 0);
    assert_int_equal(m.request, 0);
    assert_true(ate__bytes_equal(m.statement, ate__buf_bytes(statement)));
    kit_frame_free(&f);
}

static void send_path(struct kit_client *c, const struct kit_chain *chain, uint16_t type,
                      uint32_t stream)
{
    struct ate_bytes path = ate__text_bytes(chain->path);
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr b = ate__wr_of(&body);
    if (type == ATE__MSG_OPEN)
        ate__msg_open_encode(&b, &(struct ate__msg_open){path});
    else
        ate__msg_create_encode(&b,
                               &(struct ate__msg_create){path, ate__buf_bytes(&chain->genesis)});
    assert_int_equal(ate__wr_end(&b), 0);
    kit_send(c, type, stream, ate__buf_bytes(&body));
    kit_flush(c);
    ate__buf_deinit(&body);
}

/* --- tests --- */

static void expect_place_kept(struct world *w, const struct ate__buf *statement)
{
    struct kit_chain another = kit_chain_new(w->chain.path, false);
    struct kit_client *c = kit_connect(w->server);
    send_path(c, &w->chain, ATE__MSG_OPEN, 1);
    expect_destroyed(c, 1, statement);
    send_path(c, &another, ATE__MSG_CREATE, 1); /* the id is free again */
    expect_destroyed(c, 1, statement);
    assert_true(exists(w, ",destroyed") && !exists(w, ",chain") && !exists(w, ",destroying"));
    kit_close(c);
    kit_chain_free(&another);
}

/* Everybody who has it open is told, and everybody who opens it from then on. */
static void test_owner(void **state)
{
    (void)state;
    struct world w = world_new();
    struct kit_client *follower = kit_connect(w.server), *other = kit_connect(w.server);
    struct kit_follow f;
    assert_int_equal(kit_open(follower, 7, &w.chain).size, 2);
    kit_subscribe(follower, 7, &(struct ate__head){0});
    assert_int_equal(kit_subscribed(follower).size, 2);
    kit_follow_init(&f);
    kit_follow_to(follower, &f, 2);
    assert_int_equal(kit_open(other, 3, &w.chain).size, 2);
    struct ate__destruction d = ask(&w, w.c);
    struct ate__buf statement = sign(&d, w.chain.key);
    order(&w, w.c, &statement);
    expect_destroyed(w.c, 1, &statement);
    expect_destroyed(follower, 7, &statement);
    expect_destroyed(other, 3, &statement);
    kit_close(follower);
    kit_close(other);
    expect_place_kept(&w, &statement);
    kit_close(w.c);
    /* Power was lost behind the rename: what is left goes when it is asked for. */
    char path[600];
    ate__server_end(w.server);
    snprintf(path, sizeof path, "%s/w/notes/,destroying", w.conf.logs);
    assert_int_equal(mkdir(path, 0700), 0);
    w.conf.allow_destroy = false;
    w.server = kit_start(&w.conf);
    expect_place_kept(&w, &statement);
    /* What somebody put there since is neither served nor removed. */
    snprintf(path, sizeof path, "%s/w/notes/,chain", w.conf.logs);
    assert_int_equal(mkdir(path, 0700), 0);
    w.c = kit_connect(w.server);
    for (unsigned i = 0; i < 2; i++) {
        send_path(w.c, &w.chain, ATE__MSG_OPEN, 1);
        expect_destroyed(w.c, 1, &statement);
        assert_true(exists(&w, ",chain"));
    }
    ate__buf_deinit(&statement);
    world_free(&w);
}

static void expect_refused(struct world *w, struct kit_client *c, const struct ate__buf *statement,
                           int result)
{
    order(w, c, statement);
    assert_int_equal(kit_rejected(c, w->request), result);
    assert_true(exists(w, ",chain") && !exists(w, ",destroyed"));
}

static void refuse_changed(struct world *w, struct ate__destruction d, int result)
{
    struct ate__buf statement = sign(&d, w->chain.key);
    expect_refused(w, w->c, &statement, result);
    ate__buf_deinit(&statement);
}

/* Signed by whom it may, for another place, or time, or state. */
static void test_other_statements(void **state)
{
    (void)state;
    struct world w = world_new();
    struct ate__destruction d = ask(&w, w.c);
    d.pin.b[0] ^= 1;
    refuse_changed(&w, d, ATE_DENIED);
    d = ask(&w, w.c);
    d.nonce.b[31] ^= 1;
    refuse_changed(&w, d, ATE_STALE);
    d = ask(&w, w.c);
    d.chain_id.b[3] ^= 1;
    refuse_changed(&w, d, ATE_DENIED);
    d = ask(&w, w.c);
    d.name = ate__text_bytes("/w/note");
    refuse_changed(&w, d, ATE_DENIED);
    d = ask(&w, w.c);
    d.genesis.size = 0; /* one for a directory */
    refuse_changed(&w, d, ATE_DENIED);
    d = ask(&w, w.c);
    d.size--;
    refuse_changed(&w, d, ATE_STALE);
    d = ask(&w, w.c);
    d.root.b[9] ^= 1;
    refuse_changed(&w, d, ATE_STALE);
    world_free(&w);
}

static void test_not_the_owner(void **state)
{
    (void)state;
    struct world w = world_new();
    struct kit_chain eve = kit_chain_new("/eve", false);
    struct ate__destruction d = ask(&w, w.c);
    struct ate__buf statement = sign(&d, eve.key);
    expect_refused(&w, w.c, &statement, ATE_DENIED);
    ate__buf_deinit(&statement);
    d = ask(&w, w.c);
    statement = sign(&d, w.chain.key);
    statement.data[statement.size - 1] ^= 1;
    expect_refused(&w, w.c, &statement, ATE_TAMPERED);
    ate__buf_clear(&statement);
    assert_int_equal(ate__buf_append(&statement, ate__text_bytes("no statement")), 0);
    ask(&w, w.c);
    expect_refused(&w, w.c, &statement, ATE_MALFORMED);
    ate__buf_deinit(&statement);
    kit_put_object(w.c, 1, &w.chain, &w.known, 2);
    kit_chain_free(&eve);
    world_free(&w);
}

/* Whoever else orders it meanwhile keeps the owner from nothing. */
static void test_strangers(void **state)
{
    enum { STRANGERS = 12 };
    (void)state;
    struct world w = world_new();
    struct kit_chain eve = kit_chain_new("/eve", false);
    struct kit_client *c[STRANGERS];
    struct ate__buf theirs[STRANGERS];
    for (unsigned i = 0; i < STRANGERS; i++) {
        c[i] = kit_connect(w.server);
        assert_int_equal(kit_open(c[i], 1, &w.chain).size, 2);
        struct ate__destruction d = ask(&w, c[i]);
        theirs[i] = sign(&d, eve.key);
    }
    struct ate__destruction d = ask(&w, w.c);
    struct ate__buf statement = sign(&d, w.chain.key);
    for (unsigned i = 0; i < STRANGERS; i++)
        order(&w, c[i], &theirs[i]);
    order(&w, w.c, &statement);
    expect_destroyed(w.c, 1, &statement);
    for (unsigned i = 0; i < STRANGERS; i++) {
        kit_close(c[i]);
        ate__buf_deinit(&theirs[i]);
    }
    ate__buf_deinit(&statement);
    kit_chain_free(&eve);
    world_free(&w);
}

/* One who goes on ordering is let go of. */
static void test_stubborn(void **state)
{
    (void)state;
    struct world w = world_new();
    struct kit_chain eve = kit_chain_new("/eve", false);
    struct kit_client *c = kit_connect(w.server);
    struct kit_frame f;
    assert_int_equal(kit_open(c, 1, &w.chain).size, 2);
    for (unsigned i = 0; i < ATE__FAILED_SIGNATURES_MAX; i++) {
        struct ate__destruction d = ask(&w, c);
        struct ate__buf statement = sign(&d, eve.key);
        order(&w, c, &statement);
        ate__buf_deinit(&statement);
        if (i + 1 < ATE__FAILED_SIGNATURES_MAX)
            assert_int_equal(kit_rejected(c, w.request), ATE_DENIED);
    }
    do {
        f = kit_receive(c);
        kit_frame_free(&f);
    } while (f.type);
    assert_int_equal(kit_result(c), ATE_BAD_PEER);
    kit_put_object(w.c, 1, &w.chain, &w.known, 2);
    kit_close(c);
    kit_chain_free(&eve);
    world_free(&w);
}

/* What was signed is good once, on the stream that asked. */
static void test_replayed(void **state)
{
    (void)state;
    struct world w = world_new();
    struct kit_client *other = kit_connect(w.server);
    assert_int_equal(kit_open(other, 1, &w.chain).size, 2);
    struct ate__destruction d = ask(&w, w.c);
    struct ate__buf statement = sign(&d, w.chain.key);
    expect_refused(&w, other, &statement, ATE_STALE); /* it has asked for nothing */
    ask(&w, other);
    expect_refused(&w, other, &statement, ATE_STALE);
    struct ate__destruction newer = ask(&w, w.c);
    assert_false(ate__hash_equal(&newer.nonce, &d.nonce));
    expect_refused(&w, w.c, &statement, ATE_STALE);
    expect_refused(&w, w.c, &statement, ATE_STALE); /* one try */
    ate__buf_deinit(&statement);
    kit_close(other);
    world_free(&w);
}

static void test_not_allowed(void **state)
{
    (void)state;
    struct world w = world_new();
    struct ate__destruction d = ask(&w, w.c);
    struct ate__buf statement = sign(&d, w.chain.key);
    kit_close(w.c);
    ate__server_end(w.server);
    w.conf.allow_destroy = false;
    w.server = kit_start(&w.conf);
    w.c = kit_connect(w.server);
    assert_int_equal(kit_open(w.c, 1, &w.chain).size, 2);
    send_destroy(w.c, ++w.request, ate__bytes(NULL, 0));
    assert_int_equal(kit_rejected(w.c, w.request), ATE_DENIED);
    expect_refused(&w, w.c, &statement, ATE_DENIED);
    kit_put_object(w.c, 1, &w.chain, &w.known, 2);
    ate__buf_deinit(&statement);
    world_free(&w);
}

/* Each commit that came before has its answer, COMMITTED or not, when the stream ends. */
static void test_under_way(void **state)
{
    (void)state;
    enum { COMMITS = 40 };
    struct world w = world_new();
    struct kit_client *writer = kit_connect(w.server);
    struct ate__head known = kit_open(writer, 5, &w.chain);
    struct ate__buf statement = ATE__BUF_NULL, tx[COMMITS];
    unsigned answers = 0, committed = 0;
    struct kit_frame f;
    for (unsigned i = 0; i < COMMITS; i++) {
        struct kit_put put = {.object = kit_id(100 + i)};
        tx[i] = kit_put(&w.chain, &known, &put, NULL);
        kit_commit(writer, 5, i + 1, &known, ate__buf_bytes(&tx[i]));
    }
    kit_flush(writer);
    /* The chain grows under the owner's hands; then it holds still for him. */
    for (unsigned tries = 0;; tries++) {
        assert_true(tries < 100);
        w.known = kit_open(w.c, 2 + tries, &w.chain);
        struct ate__destruction d = ask(&w, w.c);
        ate__buf_deinit(&statement);
        statement = sign(&d, w.chain.key);
        order(&w, w.c, &statement);
        f = kit_receive(w.c);
        bool done = f.type == ATE__MSG_DESTROYED;
        assert_true(done || f.type == ATE__MSG_REJECTED);
        kit_frame_free(&f);
        if (done)
            break;
    }
    for (;; answers++) {
        f = kit_receive(writer);
        if (f.type == ATE__MSG_DESTROYED)
            break;
        committed += f.type == ATE__MSG_COMMITTED;
        assert_true(f.type == ATE__MSG_COMMITTED || f.type == ATE__MSG_REJECTED);
        kit_frame_free(&f);
    }
    kit_frame_free(&f);
    assert_int_equal(answers, COMMITS);
    assert_int_equal(w.known.size, 2 + committed); /* what was signed has them all */
    for (unsigned i = 0; i < COMMITS; i++)
        ate__buf_deinit(&tx[i]);
    ate__buf_deinit(&statement);
    kit_close(writer);
    world_free(&w);
}

/* Where the chain has grown since the owner looked, nobody commits until he has signed again. */
static void test_held(void **state)
{
    (void)state;
    struct world w = world_new();
    struct kit_client *writer = kit_connect(w.server);
    struct ate__head known = kit_open(writer, 1, &w.chain), before = w.known;
    kit_put_object(writer, 1, &w.chain, &known, 2);
    struct ate__destruction d = ask(&w, w.c);
    d.size = before.size;
    refuse_changed(&w, d, ATE_STALE);
    struct kit_put put = {.object = kit_id(3)};
    struct ate__buf tx = kit_put(&w.chain, &known, &put, NULL);
    kit_commit(writer, 1, 9, &known, ate__buf_bytes(&tx));
    assert_int_equal(kit_rejected(writer, 9), ATE_BUSY);
    w.known = known;
    d = ask(&w, w.c);
    struct ate__buf statement = sign(&d, w.chain.key);
    order(&w, w.c, &statement);
    expect_destroyed(w.c, 1, &statement);
    expect_destroyed(writer, 1, &statement);
    ate__buf_deinit(&statement);
    ate__buf_deinit(&tx);
    kit_close(writer);
    world_free(&w);
}

/* Who wants it is gone when it is done. */
static void test_gone_meanwhile(void **state)
{
    (void)state;
    struct world w = world_new();
    struct ate__destruction d = ask(&w, w.c);
    struct ate__buf statement = sign(&d, w.chain.key);
    order(&w, w.c, &statement);
    kit_close(w.c);
    w.c = kit_connect(w.server);
    for (unsigned i = 0; !exists(&w, ",destroyed"); i++) {
        assert_true(i < 20000);
        usleep(1000);
    }
    send_path(w.c, &w.chain, ATE__MSG_OPEN, 1);
    expect_destroyed(w.c, 1, &statement);
    ate__buf_deinit(&statement);
    world_free(&w);
}

static atomic_int renames_left; /* that succeed; negative: all */

static int refuse_rename(const char *call)
{
    if (strcmp(call, "rename") || atomic_load(&renames_left) < 0)
        return 0;
    if (!atomic_load(&renames_left))
        return ate__fail(ATE_E_IO, "the disk has failed");
    atomic_fetch_sub(&renames_left, 1);
    return 0;
}

/* What was cut short behind the writing of `,destroyed` is ended when somebody asks, by the server
 * as it is or by the next one; a chain that somebody has put there is not. */
static void test_cut_short(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct world w = world_on(&hooked_env);
        struct ate__destruction d = ask(&w, w.c);
        struct ate__buf statement = sign(&d, w.chain.key);
        atomic_store(&renames_left, 1);
        hooked_set(refuse_rename);
        order(&w, w.c, &statement);
        struct kit_frame f = kit_receive(w.c);
        assert_int_equal(f.type, ATE__NET_ERROR);
        kit_frame_free(&f);
        kit_close(w.c);
        ate__server_end(w.server);
        assert_true(exists(&w, ",destroyed") && exists(&w, ",chain"));
        w.server = kit_start(&w.conf);
        if (!i) { /* which cannot either, and says what is so */
            w.c = kit_connect(w.server);
            send_path(w.c, &w.chain, ATE__MSG_OPEN, 1);
            expect_destroyed(w.c, 1, &statement);
            assert_true(exists(&w, ",chain"));
            kit_close(w.c);
        }
        atomic_store(&renames_left, -1);
        w.c = kit_connect(w.server);
        send_path(w.c, &w.chain, ATE__MSG_OPEN, 1);
        expect_destroyed(w.c, 1, &statement);
        expect_place_kept(&w, &statement);
        hooked_set(NULL);
        ate__buf_deinit(&statement);
        world_free(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_owner),         cmocka_unit_test(test_other_statements),
        cmocka_unit_test(test_not_the_owner), cmocka_unit_test(test_replayed),
        cmocka_unit_test(test_not_allowed),   cmocka_unit_test(test_under_way),
        cmocka_unit_test(test_strangers),     cmocka_unit_test(test_stubborn),
        cmocka_unit_test(test_held),          cmocka_unit_test(test_gone_meanwhile),
        cmocka_unit_test(test_cut_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
