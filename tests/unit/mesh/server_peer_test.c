/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Those who break the rules: each pays for itself, and nobody else notices.
 */
#include "kit.h"
#include "lib/heap.h"
#include "lib/rnd.h"
#include "lib/tmpdir.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

/* A server with two chains, and somebody who works all the while. */
struct world {
    struct ate__server *server;
    struct kit_chain chain, other;
    struct ate__head head;
    pthread_t honest;
    atomic_bool stop;
    atomic_uint commits;
    uint64_t slowest_ms;
};

static uint64_t now_ms(void)
{
    return ate__monotonic_ms(&ate__env_real);
}

static void *work(void *arg)
{
    struct world *w = arg;
    struct kit_client *c = kit_connect(w->server);
    struct ate__head known = kit_open(c, 1, &w->other);
    while (!atomic_load(&w->stop)) {
        uint64_t start = now_ms();
        kit_put_object(c, 1, &w->other, &known, atomic_fetch_add(&w->commits, 1));
        uint64_t took = now_ms() - start;
        if (took > w->slowest_ms)
            w->slowest_ms = took;
    }
    kit_close(c);
    return NULL;
}

static void world_start(struct world *w, const struct ate__server_conf *conf)
{
    *w = (struct world){.chain = kit_chain_new("/w", true), .other = kit_chain_new("/o", true)};
    w->server = kit_start(conf);
    struct kit_client *c = kit_connect(w->server);
    w->head = kit_create(c, 1, &w->chain);
    kit_create(c, 2, &w->other);
    kit_close(c);
    assert_int_equal(pthread_create(&w->honest, NULL, work, w), 0);
}

static void world_end(struct world *w)
{
    unsigned done = atomic_load(&w->commits);
    while (atomic_load(&w->commits) < done + 10) /* it still can */
        usleep(1000);
    atomic_store(&w->stop, true);
    pthread_join(w->honest, NULL);
    assert_true(w->slowest_ms < 2000);
    ate__server_end(w->server);
    kit_chain_free(&w->chain);
    kit_chain_free(&w->other);
}

static struct ate__server_conf plain_conf(void)
{
    return kit_conf(tmpdir_new());
}

static void expect_end(struct kit_client *c, int result)
{
    struct kit_frame f;
    do {
        f = kit_receive(c);
        kit_frame_free(&f);
    } while (f.type);
    assert_int_equal(kit_result(c), result);
    kit_close(c);
}

static int expect_error(struct kit_client *c, uint32_t stream)
{
    struct kit_frame f = kit_receive(c);
    assert_int_equal(f.type, ATE__NET_ERROR);
    assert_int_equal(f.stream, stream);
    assert_int_equal(ate__net_error_decode(ate__buf_bytes(&f.body), &kit_error, kit_error_text), 0);
    kit_frame_free(&f);
    return kit_error;
}

/* What no client sends ends the connection. */
static void test_connection(void **state)
{
    (void)state;
    struct ate__server_conf conf = plain_conf();
    struct world w;
    world_start(&w, &conf);
    static const unsigned types[] = {
        ATE__MSG_OPENED,
        ATE__MSG_EXISTS,
        ATE__MSG_SUBSCRIBED,
        ATE__MSG_GROUP,
        ATE__MSG_COMMITTED,
        ATE__MSG_REJECTED,
        ATE__MSG_GOT,
        ATE__MSG_RESYNC,
        ATE__MSG_REDIRECT,
        ATE__MSG_LOAD,
        ATE__MSG_PROVEN,
        ATE__MSG_SIGNED,
        37,
        1000,
        UINT16_MAX,
    };
    for (size_t i = 0; i < ATE__COUNT_OF(types); i++) {
        struct kit_client *c = kit_connect(w.server);
        kit_open(c, 1, &w.chain);
        kit_send(c, (uint16_t)types[i], 1, ate__text_bytes("x"));
        expect_end(c, ATE_BAD_PEER);
    }
    struct kit_client *c = kit_connect(w.server);
    kit_send(c, ATE__MSG_OPEN, 0, ate__text_bytes("x"));
    expect_end(c, ATE_BAD_PEER);
    world_end(&w);
}

/* What is wrong on one stream ends that stream. */
static void test_stream(void **state)
{
    (void)state;
    struct ate__server_conf conf = plain_conf();
    struct world w;
    world_start(&w, &conf);
    struct kit_client *c = kit_connect(w.server);
    kit_open(c, 1, &w.chain);
    static const unsigned types[] = {ATE__MSG_SUBSCRIBE, ATE__MSG_COMMIT, ATE__MSG_OUTCOME,
                                     ATE__MSG_GET,       ATE__MSG_OPEN,   ATE__MSG_CREATE};
    for (size_t i = 0; i < ATE__COUNT_OF(types); i++) {
        bool begins = types[i] == ATE__MSG_OPEN || types[i] == ATE__MSG_CREATE;
        kit_send(c, (uint16_t)types[i], 77, ate__text_bytes("garbage"));
        assert_int_equal(expect_error(c, 77), begins ? ATE_MALFORMED : ATE_BAD_PEER);
        if (begins)
            continue;
        kit_open(c, 5, &w.chain);
        kit_send(c, (uint16_t)types[i], 5, ate__text_bytes("garbage"));
        assert_int_equal(expect_error(c, 5), ATE_MALFORMED);
    }
    kit_open(c, 5, &w.chain);
    kit_send(c, ATE__MSG_CLOSE, 5, ate__text_bytes("x"));
    assert_int_equal(expect_error(c, 5), ATE_MALFORMED);
    kit_send(c, ATE__MSG_CLOSE, 5, ate__bytes(NULL, 0)); /* nobody's: nothing */
    /* Opened twice: it ends. */
    kit_open(c, 5, &w.chain);
    assert_int_equal(kit_open(c, 5, &w.chain).size, 0);
    assert_int_equal(kit_error, ATE_BAD_PEER);
    assert_int_equal(kit_open(c, UINT32_MAX, &w.chain).size, 1);
    /* And all the while the first one lives. */
    struct ate__head known = w.head;
    kit_put_object(c, 1, &w.chain, &known, 1);
    kit_close(c);
    world_end(&w);
}

static void test_many_streams(void **state)
{
    (void)state;
    struct ate__server_conf conf = plain_conf();
    struct world w;
    conf.server_limits.streams = 10;
    world_start(&w, &conf);
    struct kit_client *c = kit_connect(w.server);
    for (uint32_t i = 1; i <= 10; i++)
        assert_int_equal(kit_open(c, i, &w.chain).size, 1);
    assert_int_equal(kit_open(c, 11, &w.chain).size, 0);
    assert_int_equal(kit_error, ATE_BUSY);
    assert_non_null(strstr(kit_error_text, "(streams)"));
    kit_send(c, ATE__MSG_CLOSE, 3, ate__bytes(NULL, 0));
    assert_int_equal(kit_open(c, 11, &w.chain).size, 1);
    kit_close(c);
    world_end(&w);
}

/* Who does not read answers is not read: its queue is bounded, and it gets every answer later. */
static void test_does_not_read(void **state)
{
    (void)state;
    enum { COMMITS = 300, GETS = 30 };
    struct ate__server_conf conf = plain_conf();
    struct world w;
    conf.server_limits.commits = 16;
    conf.server_limits.requests = 16;
    world_start(&w, &conf);
    struct kit_client *c = kit_connect(w.server);
    struct ate__head head = kit_open(c, 1, &w.chain), known = head;
    struct ate__buf tx[COMMITS], body = ATE__BUF_NULL;
    for (uint32_t i = 0; i < COMMITS; i++) {
        struct kit_put put = {.object = kit_id(i), .payload_size = 5000};
        tx[i] = kit_put(&w.chain, &head, &put, NULL);
        kit_commit(c, 1, 1 + i, &head, ate__buf_bytes(&tx[i]));
    }
    for (uint32_t i = 0; i < COMMITS; i++)
        kit_committed_any(c, tx, COMMITS, &known);
    /* Requests of a few bytes with large answers. */
    struct ate__wr wr = ate__wr_of(&body);
    struct ate__msg_get m = {.request = 1, .known = known, .kind = ATE__GET_CHILDREN};
    ate__msg_get_encode(&wr, &m);
    unsigned got = 0, sent = 0;
    for (; sent < GETS; sent++)
        kit_send(c, ATE__MSG_GET, 1, ate__buf_bytes(&body));
    kit_flush(c);
    for (; got < GETS; got++) {
        struct kit_frame f = kit_receive(c);
        assert_int_equal(f.type, ATE__MSG_GOT);
        kit_frame_free(&f);
    }
    for (uint32_t i = 0; i < COMMITS; i++)
        ate__buf_deinit(&tx[i]);
    ate__buf_deinit(&body);
    kit_close(c);
    world_end(&w);
}

/* Who asks for much and reads none of it has two large answers made, not one for each request: one
 * that is on its way, one that waits. */
static void test_asks_and_does_not_read(void **state)
{
    (void)state;
    enum { OBJECTS = 4, PAYLOAD = 2 << 20, GETS = 24 };
    struct ate__server_conf conf = plain_conf();
    struct world w;
    heap_start();
    world_start(&w, &conf);
    struct kit_client *c = kit_connect(w.server), *reader = kit_connect(w.server);
    struct ate__head head = kit_open(c, 1, &w.chain);
    for (uint32_t i = 0; i < OBJECTS; i++) {
        struct kit_put put = {.object = kit_id(i), .payload_size = PAYLOAD};
        struct ate__buf tx = kit_put(&w.chain, &head, &put, NULL);
        kit_commit(c, 1, 1, &head, ate__buf_bytes(&tx));
        kit_committed(c, 1, ate__buf_bytes(&tx), &head);
        ate__buf_deinit(&tx);
    }
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr wr = ate__wr_of(&body);
    struct ate__msg_get m = {.request = 1, .known = head, .kind = ATE__GET_CHILDREN};
    ate__msg_get_encode(&wr, &m);
    size_t before = heap_bytes();
    for (unsigned i = 0; i < GETS; i++)
        kit_send(c, ATE__MSG_GET, 1, ate__buf_bytes(&body));
    kit_flush(c);
    /* As many are answered to somebody who does read, in the same time. */
    kit_open(reader, 1, &w.chain);
    for (unsigned i = 0; i < GETS; i++) {
        kit_send(reader, ATE__MSG_GET, 1, ate__buf_bytes(&body));
        struct kit_frame f = kit_receive(reader);
        assert_int_equal(f.type, ATE__MSG_GOT);
        assert_true(f.body.size > PAYLOAD);
        kit_frame_free(&f);
    }
    assert_in_range(heap_bytes() - before, 0, GETS * PAYLOAD / 2);
    /* Each of them is answered when it is read. */
    for (unsigned i = 0; i < GETS; i++) {
        struct kit_frame f = kit_receive(c);
        assert_int_equal(f.type, ATE__MSG_GOT);
        kit_frame_free(&f);
    }
    ate__buf_deinit(&body);
    kit_close(c);
    kit_close(reader);
    world_end(&w);
    heap_stop();
}

/* Random frames, of real types and others, with bodies that are garbage or almost right. */
static void test_garbage(void **state)
{
    (void)state;
    enum { CLIENTS = 60, FRAMES = 100 };
    struct ate__server_conf conf = plain_conf();
    struct world w;
    struct rnd r = rnd_of(rnd_seed(7));
    world_start(&w, &conf);
    for (unsigned n = 0; n < CLIENTS; n++) {
        struct kit_client *c = kit_connect(w.server);
        struct ate__head head = kit_open(c, 1, &w.chain);
        for (unsigned i = 0; i < FRAMES; i++) {
            struct kit_put put = {.object = kit_id(rnd_below(&r, 4)), .payload_size = 50};
            struct ate__buf tx = kit_put(&w.chain, &head, &put, NULL), body = ATE__BUF_NULL;
            struct ate__wr wr = ate__wr_of(&body);
            ate__msg_commit_encode(&wr, &(struct ate__msg_commit){1, head, ate__buf_bytes(&tx)});
            uint16_t type = (uint16_t)(ATE__MSG_OPEN + rnd_below(&r, 14));
            if (rnd_below(&r, 3)) { /* one that a client sends */
                static const uint16_t ours[] = {
                    ATE__MSG_OPEN,    ATE__MSG_CREATE, ATE__MSG_SUBSCRIBE, ATE__MSG_COMMIT,
                    ATE__MSG_OUTCOME, ATE__MSG_GET,    ATE__MSG_CLOSE};
                type = ours[rnd_below(&r, ATE__COUNT_OF(ours))];
            }
            size_t size = rnd_below(&r, body.size + 1);
            if (rnd_below(&r, 4))
                body.data[rnd_below(&r, body.size)] ^= (uint8_t)rnd_u64(&r);
            kit_send(c, type, (uint32_t)rnd_below(&r, 4),
                     ate__bytes(body.data, rnd_below(&r, 2) ? body.size : size));
            ate__buf_deinit(&tx);
            ate__buf_deinit(&body);
        }
        if (rnd_below(&r, 2))
            kit_kill(c);
        else
            kit_close(c);
    }
    world_end(&w);
}

/* Connections that open, ask, and are gone before the answer. */
static void test_gone(void **state)
{
    (void)state;
    struct ate__server_conf conf = plain_conf();
    struct world w;
    world_start(&w, &conf);
    for (unsigned n = 0; n < 100; n++) {
        struct kit_client *c = kit_connect(w.server);
        struct ate__head head = kit_open(c, 1, &w.chain);
        for (unsigned i = 0; i < n % 10; i++) {
            struct kit_put put = {.object = kit_id(1000 * n + i), .payload_size = 50};
            struct ate__buf tx = kit_put(&w.chain, &head, &put, NULL), body = ATE__BUF_NULL;
            struct ate__wr wr = ate__wr_of(&body);
            kit_commit(c, 1, 1 + i, &head, ate__buf_bytes(&tx));
            ate__msg_get_encode(&wr, &(struct ate__msg_get){
                                         .request = 1, .known = head, .kind = ATE__GET_CHILDREN});
            kit_send(c, ATE__MSG_GET, 1, ate__buf_bytes(&body));
            ate__buf_deinit(&tx);
            ate__buf_deinit(&body);
        }
        if (n % 3 == 0) {
            kit_subscribe(c, 1, &(struct ate__head){.size = 0});
            kit_flush(c);
        }
        kit_kill(c);
    }
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connection),
        cmocka_unit_test(test_stream),
        cmocka_unit_test(test_many_streams),
        cmocka_unit_test(test_does_not_read),
        cmocka_unit_test(test_asks_and_does_not_read),
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
