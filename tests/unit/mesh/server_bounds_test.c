/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * What peers who ask and do not read cost a server: its memory, its time to end, its log.
 */
#include "kit.h"
#include "lib/heap.h"
#include "lib/tmpdir.h"
#include "lines.h"
#include <unistd.h>

enum { OBJECTS = 4, PAYLOAD = 1 << 20, ANSWER = OBJECTS * PAYLOAD };

/* --- a server whose one chain has large objects --- */

struct world {
    struct ate__server *server;
    struct kit_chain chain;
    struct kit_client *c; /* who reads */
    struct ate__head known;
    uint64_t objects;
};

static void put(struct world *w, size_t payload)
{
    struct kit_put put = {.object = kit_id(++w->objects), .payload_size = payload};
    struct ate__buf tx = kit_put(&w->chain, &w->known, &put, NULL);
    kit_commit(w->c, 1, 1, &w->known, ate__buf_bytes(&tx));
    kit_committed(w->c, 1, ate__buf_bytes(&tx), &w->known);
    ate__buf_deinit(&tx);
}

static struct world world_new(const struct ate__server_conf *conf)
{
    struct world w = {.chain = kit_chain_new("/w", true)};
    w.server = kit_start(conf);
    w.c = kit_connect(w.server);
    w.known = kit_create(w.c, 1, &w.chain);
    for (unsigned i = 0; i < OBJECTS; i++)
        put(&w, PAYLOAD);
    return w;
}

static void ask_for(struct kit_client *c, uint8_t kind, const struct ate__head *known,
                    unsigned times)
{
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr wr = ate__wr_of(&body);
    ate__msg_get_encode(&wr, &(struct ate__msg_get){.request = 1, .known = *known, .kind = kind});
    for (unsigned i = 0; i < times; i++)
        kit_send(c, ATE__MSG_GET, 1, ate__buf_bytes(&body));
    kit_flush(c);
    ate__buf_deinit(&body);
}

static void ask(struct kit_client *c, const struct ate__head *known, unsigned times)
{
    ask_for(c, ATE__GET_CHILDREN, known, times);
}

/* The number of answers until the connection ends, or as many as are asked for. */
static unsigned read_answers(struct kit_client *c, unsigned most)
{
    unsigned count = 0;
    for (uint16_t type = 1; type && count < most;) {
        struct kit_frame f = kit_receive(c);
        type = f.type;
        count += f.type == ATE__MSG_GOT;
        kit_frame_free(&f);
    }
    return count;
}

/* Asks for so many large answers, and reads none. Answers that the reader then gets are made after
 * those of the hog that there is room for. */
static struct kit_client *hog(struct world *w, unsigned gets)
{
    struct kit_client *c = kit_connect(w->server);
    kit_open(c, 1, &w->chain);
    ask(c, &w->known, gets);
    for (unsigned i = 0; i < 2; i++) {
        ask(w->c, &w->known, 1);
        assert_int_equal(read_answers(w->c, 1), 1);
    }
    return c;
}

static uint64_t now_ms(void)
{
    return ate__monotonic_ms(&ate__env_real);
}

/* --- its end --- */

static void *end(void *arg)
{
    static uint64_t took;
    uint64_t start = now_ms();
    ate__server_end(arg);
    took = now_ms() - start;
    return &took;
}

/* Who does not read, whether asked for or followed, holds the end up for about a second at most;
 * what others have in flight is answered. */
static void test_end_beside_hogs(void **state)
{
    (void)state;
    enum { COMMITS = 50 };
    struct ate__server_conf conf = kit_conf(tmpdir_new());
    conf.limits.dead_ms = 600000;
    struct world w = world_new(&conf);
    struct kit_client *asks = hog(&w, 20), *follows = kit_connect(w.server);
    kit_open(follows, 1, &w.chain);
    kit_subscribe(follows, 1, &(struct ate__head){.size = 0});
    kit_flush(follows);
    struct ate__buf tx[COMMITS];
    for (uint32_t i = 0; i < COMMITS; i++) {
        struct kit_put put = {.object = kit_id(1000 + i), .payload_size = 1000};
        tx[i] = kit_put(&w.chain, &w.known, &put, NULL);
        kit_commit(w.c, 1, 1 + i, &w.known, ate__buf_bytes(&tx[i]));
    }
    kit_flush(w.c);
    kit_committed_any(w.c, tx, COMMITS, &w.known);
    pthread_t thread;
    void *took;
    assert_int_equal(pthread_create(&thread, NULL, end, w.server), 0);
    unsigned answers = 1;
    for (uint16_t type = 1; type;) {
        struct kit_frame f = kit_receive(w.c);
        type = f.type;
        answers += f.type == ATE__MSG_COMMITTED || f.type == ATE__MSG_REJECTED;
        kit_frame_free(&f);
    }
    assert_int_equal(answers, COMMITS);
    assert_int_equal(kit_result(w.c), ATE_OFFLINE);
    kit_close(w.c);
    pthread_join(thread, &took);
    printf("# it ended within %u ms\n", (unsigned)*(uint64_t *)took);
    assert_true(*(uint64_t *)took < 3000);
    for (uint32_t i = 0; i < COMMITS; i++)
        ate__buf_deinit(&tx[i]);
    kit_kill(asks);
    kit_kill(follows);
    kit_chain_free(&w.chain);
}

/* --- its memory --- */

/* All together they have one bound; who holds most goes first, and nobody else. */
static void test_unread(void **state)
{
    (void)state;
    enum { HOGS = 8, GETS = 4, LIMIT = 4 * ANSWER };
    struct ate__server_conf conf = kit_conf(tmpdir_new());
    struct kit_client *hogs[HOGS];
    lines_begin(&conf);
    conf.limits.dead_ms = 600000; /* for a slow machine: clients here are silent meanwhile */
    assert_int_equal(ate__server_limit_set(&conf, "unread", LIMIT), 0);
    heap_start();
    struct world w = world_new(&conf);
    struct kit_client *idle = kit_connect(w.server), *small = kit_connect(w.server);
    kit_open(idle, 1, &w.chain);
    kit_open(small, 1, &w.chain);
    ask_for(small, ATE__GET_HEAD, &w.known, 1); /* which the system's buffers take */
    size_t before = heap_bytes();
    for (unsigned i = 0; i < HOGS; i++) {
        hogs[i] = hog(&w, GETS);
        assert_in_range(heap_bytes() - ate__min(before, heap_bytes()), 0,
                        LIMIT + 4 * ANSWER); /* answers that are being made, and read */
    }
    lines_wait("(unread)", 1);
    unsigned dropped = 0;
    for (unsigned i = 0; i < HOGS; i++) {
        unsigned answers = read_answers(hogs[i], GETS);
        assert_true(answers == GETS || kit_result(hogs[i]) == ATE_OFFLINE);
        dropped += answers < GETS;
        kit_kill(hogs[i]);
    }
    printf("# %u of %d hogs were dropped\n", dropped, HOGS);
    assert_int_equal(lines_count("(unread)"), dropped);
    assert_in_range(dropped, HOGS / 2, HOGS - 1);
    ask(idle, &w.known, 1);
    assert_int_equal(read_answers(idle, 1), 1);
    assert_int_equal(read_answers(small, 1), 1);
    put(&w, 10);
    kit_close(idle);
    kit_close(small);
    kit_close(w.c);
    ate__server_end(w.server);
    kit_chain_free(&w.chain);
    heap_stop();
}

/* --- its log --- */

/* Lines that peers can cause as they like are counted once there were many in a minute. */
static void test_log_lines(void **state)
{
    (void)state;
    enum { LINES = 5, RUDE = 20 };
    struct ate__server_conf conf = kit_conf(tmpdir_new());
    lines_begin(&conf);
    assert_int_equal(ate__server_limit_set(&conf, "log-lines", LINES), 0);
    struct world w = world_new(&conf);
    for (unsigned i = 0; i < RUDE; i++) {
        struct kit_client *c = kit_connect(w.server);
        kit_send(c, 999, 1, ate__text_bytes("x"));
        struct kit_frame f = kit_receive(c);
        assert_int_equal(f.type, 0);
        assert_int_equal(kit_result(c), ATE_BAD_PEER);
        kit_frame_free(&f);
        kit_close(c);
    }
    kit_close(w.c);
    ate__server_end(w.server);
    assert_int_equal(lines_count("closed: BAD_PEER"), LINES);
    char part[64];
    snprintf(part, sizeof part, "2 %d lines", RUDE - LINES);
    assert_int_equal(lines_count(part), 1);
    assert_int_equal(lines_count("(log-lines)"), 1);
    kit_chain_free(&w.chain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_end_beside_hogs),
        cmocka_unit_test(test_unread),
        cmocka_unit_test(test_log_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
