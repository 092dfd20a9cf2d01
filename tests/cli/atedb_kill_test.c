/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * atedb killed under load, again and again: whatever was acknowledged is there afterwards, at the
 * place that was acknowledged, and what a subscriber was sent before the kill, acknowledged or not,
 * is in the log of the server that comes back: it goes on from there, with the same head, without a
 * gap and without anything twice. Each kill comes while both writers have commits in flight, and
 * some of theirs were acknowledged since the kill before; every fifth restart is killed as well.
 *
 *     atedb_kill_test ATEDB [ROUNDS]
 */
#include "cli/process.h"
#include "lib/rnd.h"
#include "lib/tmpdir.h"
#include "unit/mesh/kit.h"
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    ROUNDS = 50,
    WRITERS = 2,
    WATCHERS = 2,
    IN_FLIGHT = 8,
    ANSWERS_MAX = 120,  /* of one writer, before a kill */
    LOAD_SECONDS = 60,  /* for them */
    RESTART_US_MAX = 20000
};

static unsigned rounds = ROUNDS;

/* What was acknowledged: that transaction, at that place. */
struct acknowledged {
    uint64_t sequence;
    struct ate_hash hash;
};
struct writer {
    struct kit_chain chain; /* an origin of its own */
    const struct server *server;
    uint64_t objects;
    struct acknowledged *done;
    size_t count, capacity;
    pthread_t thread;
};
struct history { /* tx hashes by sequence, as followed */
    struct ate_hash *hashes;
    size_t count, capacity;
    struct kit_follow follow;
};

/* One that dies somewhere on its way to being ready, or just after. */
static void start_in_vain(const char *logs, struct rnd *r)
{
    int out_fd;
    struct server s = {.pid = server_launch(logs, 0, &out_fd)};
    usleep((useconds_t)rnd_below(r, RESTART_US_MAX));
    server_kill(&s);
    close(out_fd);
}

/* --- load --- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* guards the writers' counts */
static pthread_cond_t answered = PTHREAD_COND_INITIALIZER;

/* Until each of them got as many answers. */
static void wait_answers(const struct writer *writers, size_t count)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += LOAD_SECONDS;
    pthread_mutex_lock(&mutex);
    for (unsigned i = 0; i < WRITERS; i++)
        while (writers[i].count < count)
            if (pthread_cond_timedwait(&answered, &mutex, &until)) {
                size_t got = writers[i].count;
                pthread_mutex_unlock(&mutex);
                fail_msg("writer %u got %zu of %zu answers within %d s", i, got, count,
                         LOAD_SECONDS);
            }
    pthread_mutex_unlock(&mutex);
}

static void acknowledge(struct writer *w, const struct kit_frame *f, const struct ate_hash *hashes)
{
    struct ate__msg_committed m;
    assert_int_equal(ate__msg_committed_decode(ate__buf_bytes(&f->body), &m), 0);
    pthread_mutex_lock(&mutex);
    if (w->count == w->capacity) {
        w->capacity = w->capacity ? 2 * w->capacity : 1024;
        w->done = realloc(w->done, w->capacity * sizeof *w->done);
        assert_non_null(w->done);
    }
    w->done[w->count++] = (struct acknowledged){m.receipt.sequence, hashes[m.request % IN_FLIGHT]};
    pthread_cond_signal(&answered);
    pthread_mutex_unlock(&mutex);
}

static struct ate_hash send_one(struct writer *w, struct kit_client *c, uint32_t request,
                                const struct ate__head *base)
{
    struct kit_put put = {.object = kit_id(++w->objects), .payload_size = w->objects % 3000};
    struct ate__buf buf = kit_put(&w->chain, base, &put, NULL);
    struct ate__tx tx;
    assert_int_equal(ate__tx_decode(ate__buf_bytes(&buf), ATE__SHA256, &tx), 0);
    struct ate_hash hash = tx.hash;
    ate__tx_deinit(&tx);
    kit_commit(c, 1, request, base, ate__buf_bytes(&buf));
    ate__buf_deinit(&buf);
    return hash;
}

/* Until the connection is gone. */
static void *write_on(void *arg)
{
    struct writer *w = arg;
    struct ate_hash hashes[IN_FLIGHT];
    struct kit_client *c = kit_connect_to(w->server->port, &w->server->pin);
    if (!c)
        return NULL;
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr wr = ate__wr_of(&body);
    struct ate__head base = {.size = 0};
    struct ate__msg_opened m;
    ate__msg_open_encode(&wr, &(struct ate__msg_open){ate__text_bytes(w->chain.path)});
    kit_send(c, ATE__MSG_OPEN, 1, ate__buf_bytes(&body));
    ate__buf_deinit(&body);
    struct kit_frame f = kit_receive(c);
    if (f.type == ATE__MSG_OPENED) {
        assert_int_equal(ate__msg_opened_decode(ate__buf_bytes(&f.body), &m), 0);
        base = m.head;
        for (uint32_t request = 1; request <= IN_FLIGHT; request++)
            hashes[request % IN_FLIGHT] = send_one(w, c, request, &base);
    }
    while (f.type) {
        struct ate__msg_committed committed;
        kit_frame_free(&f);
        f = kit_receive(c);
        if (f.type != ATE__MSG_COMMITTED)
            continue;
        acknowledge(w, &f, hashes);
        assert_int_equal(ate__msg_committed_decode(ate__buf_bytes(&f.body), &committed), 0);
        uint32_t next = committed.request + IN_FLIGHT;
        hashes[next % IN_FLIGHT] = send_one(w, c, next, &base);
    }
    kit_kill(c);
    return NULL;
}

/* --- subscribers --- */

static void add_group(struct history *h, const struct kit_frame *f)
{
    struct ate__msg_group m;
    struct ate_bytes record;
    kit_follow_group(&h->follow, f); /* it continues what was there */
    assert_int_equal(ate__msg_group_decode(ate__buf_bytes(&f->body), &m), 0);
    for (size_t at = 0; ate__msg_group_next(m.records, &at, &record);) {
        struct ate__tx tx;
        assert_int_equal(ate__tx_decode(record, ATE__SHA256, &tx), 0);
        if (h->count == h->capacity) {
            h->capacity = h->capacity ? 2 * h->capacity : 4096;
            h->hashes = realloc(h->hashes, h->capacity * sizeof *h->hashes);
            assert_non_null(h->hashes);
        }
        h->hashes[h->count++] = tx.hash;
        ate__tx_deinit(&tx);
    }
}

/* From what was seen before on. */
static struct kit_client *subscribe(const struct server *s, const struct kit_chain *chain,
                                    const struct history *h, struct ate__head *ret_head)
{
    struct kit_client *c = kit_connect_to(s->port, &s->pin);
    assert_non_null(c);
    struct ate__head seen = {h->follow.tree.size, h->follow.root};
    struct ate__head head = kit_open(c, 1, chain);
    assert_true(head.size >= seen.size);
    kit_subscribe(c, 1, seen.size ? &seen : &(struct ate__head){.size = 0});
    *ret_head = kit_subscribed(c);
    return c;
}

struct watcher { /* is sent what the writers commit, until the server is killed */
    const struct server *server;
    const struct kit_chain *chain;
    struct history history;
    size_t live; /* transactions that came before a kill */
    struct kit_client *client;
    pthread_t thread;
};

static void *watch_on(void *arg)
{
    struct watcher *w = arg;
    size_t before = w->history.count;
    struct kit_frame f = kit_receive(w->client);
    for (; f.type; f = kit_receive(w->client)) {
        assert_int_equal(f.type, ATE__MSG_GROUP);
        add_group(&w->history, &f);
        kit_frame_free(&f);
    }
    w->live += w->history.count - before;
    kit_kill(w->client);
    return NULL;
}

static void watch(struct watcher *w)
{
    struct ate__head head;
    w->client = subscribe(w->server, w->chain, &w->history, &head);
    assert_int_equal(pthread_create(&w->thread, NULL, watch_on, w), 0);
}

/* --- checks --- */

static void check_watcher(const struct watcher *w, const struct history *h)
{
    assert_true(w->history.count <= h->count);
    assert_memory_equal(w->history.hashes, h->hashes, w->history.count * sizeof *h->hashes);
}

static void check(const struct server *s, struct writer *writers, struct history *h)
{
    struct ate__head head;
    struct kit_client *c = subscribe(s, &writers[0].chain, h, &head);
    assert_true(head.size > 0);
    while (h->follow.tree.size < head.size) {
        struct kit_frame f = kit_receive(c);
        add_group(h, &f);
        kit_frame_free(&f);
    }
    assert_memory_equal(&h->follow.root, &head.root, sizeof head.root);
    for (unsigned i = 0; i < WRITERS; i++)
        for (size_t k = 0; k < writers[i].count; k++) {
            const struct acknowledged *a = &writers[i].done[k];
            assert_true(a->sequence < h->count);
            assert_memory_equal(&h->hashes[a->sequence], &a->hash, sizeof a->hash);
        }
    kit_close(c);
}

/* --- the test --- */

struct world {
    struct server server;
    struct writer writers[WRITERS];
    struct watcher watchers[WATCHERS];
    struct history history;
    struct kit_chain made; /* by some rounds, at the moment of the kill */
    size_t acknowledged;
};

static void world_init(struct world *w, const char *logs)
{
    struct kit_chain chain = kit_chain_new("/load", true);
    *w = (struct world){.made = kit_chain_new("/made/in/round", true)};
    w->server = server_start(logs, 0);
    kit_follow_init(&w->history.follow);
    struct kit_client *c = kit_connect_to(w->server.port, &w->server.pin);
    assert_int_equal(kit_create(c, 1, &chain).size, 1);
    kit_close(c);
    for (unsigned i = 0; i < WRITERS; i++) {
        w->writers[i] =
            (struct writer){.chain = chain, .server = &w->server, .objects = (uint64_t)i << 40};
        w->writers[i].chain.origin[0] ^= (uint8_t)(1 + i);
    }
    for (unsigned i = 0; i < WATCHERS; i++) {
        w->watchers[i] = (struct watcher){.server = &w->server, .chain = &w->writers[0].chain};
        kit_follow_init(&w->watchers[i].history.follow);
    }
}

static void world_deinit(struct world *w)
{
    server_end(&w->server);
    for (unsigned i = 0; i < WRITERS; i++)
        free(w->writers[i].done);
    for (unsigned i = 0; i < WATCHERS; i++)
        free(w->watchers[i].history.hashes);
    free(w->history.hashes);
    kit_chain_free(&w->writers[0].chain);
    kit_chain_free(&w->made);
}

/* Under load until so many answers came; made: with a chain that is made just before. */
static void load_and_kill(struct world *w, size_t answers, bool made)
{
    for (unsigned i = 0; i < WATCHERS; i++)
        watch(&w->watchers[i]);
    for (unsigned i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&w->writers[i].thread, NULL, write_on, &w->writers[i]), 0);
    wait_answers(w->writers, answers);
    if (made) {
        struct kit_client *c = kit_connect_to(w->server.port, &w->server.pin);
        struct ate__head head = kit_create(c, 1, &w->made);
        assert_true(head.size == 1 || kit_error == ATE_EXISTS);
        kit_kill(c);
    }
    server_kill(&w->server);
    for (unsigned i = 0; i < WRITERS; i++)
        pthread_join(w->writers[i].thread, NULL);
    for (unsigned i = 0; i < WATCHERS; i++)
        pthread_join(w->watchers[i].thread, NULL);
}

static void check_all(struct world *w, bool made)
{
    check(&w->server, w->writers, &w->history);
    for (unsigned i = 0; i < WATCHERS; i++)
        check_watcher(&w->watchers[i], &w->history);
    if (made) {
        struct kit_client *c = kit_connect_to(w->server.port, &w->server.pin);
        assert_int_equal(kit_open(c, 1, &w->made).size, 1);
        kit_close(c);
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        assert_true(w->writers[i].count > 0);
        w->acknowledged += w->writers[i].count;
        w->writers[i].count = 0; /* they were there, and what a follower saw stays */
    }
}

static void test_killed(void **state)
{
    (void)state;
    const char *logs = tmpdir_new();
    struct rnd r = rnd_of(rnd_seed(50));
    struct world w;
    size_t seen = 0;
    world_init(&w, logs);
    struct ate_hash pin = w.server.pin;
    for (unsigned n = 0; n < rounds; n++) {
        load_and_kill(&w, 1 + rnd_below(&r, ANSWERS_MAX), n % 10 == 5);
        if (n % 5 == 4)
            start_in_vain(logs, &r);
        w.server = server_start(logs, 0);
        assert_memory_equal(&w.server.pin, &pin, sizeof pin);
        check_all(&w, n % 10 == 5);
    }
    for (unsigned i = 0; i < WATCHERS; i++) {
        assert_true(w.watchers[i].live > 0);
        seen += w.watchers[i].live;
    }
    printf("# killed %u times; %zu of %zu transactions were acknowledged, %d subscribers were sent "
           "%zu before the kills, and all of these were there\n",
           rounds, w.acknowledged, w.history.count, WATCHERS, seen);
    world_deinit(&w);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    server_program = argv[1];
    if (argc > 2)
        rounds = (unsigned)strtoul(argv[2], NULL, 10);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_killed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
