/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Clients of one server: what one of them writes, of every size about which something is decided,
 * is what the others load, late and without having asked before; and two of them that write at the
 * same time wait for nothing but the server. An argument says how many commits each makes (200).
 */
#include "ate/ate.h"
#include "lib/check.h"
#include "lib/tmpdir.h"
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct note {
    struct ate_bytes data;
};
ATE_TYPE(note, ATE_FIELD(data));

enum { CLIENTS = 4, THIN = 2, SIZE_MAX_OF_ALL = 1048577, WRITERS = 2, TIMEOUT_MS = 30000 };

static char home[4000];
static unsigned commits = 200;
static struct ate_server *server;
static struct ate_session *me;
static struct ate_chain *client[CLIENTS];

static void expect_(int rc, int line)
{
    if (rc)
        fail_msg("line %d: %s: %s", line, ate_result_name(rc), ate_error());
}
#define expect(rc) expect_(rc, __LINE__)

static const char *address_of(const char *path)
{
    static char address[800];
    const char *all = ate_server_address(server), *hash = strchr(all, '#');
    snprintf(address, sizeof address, "%.*s%s%s", (int)(hash - all - 1), all, path, hash);
    return address;
}

/* Two thin ones, a mirror in a directory and one in memory. */
static void open_clients(const char *path)
{
    char place[4100];
    snprintf(place, sizeof place, "%s/mirror%s", home, strrchr(path, '/') + 1);
    const char *const mirrors[CLIENTS] = {NULL, NULL, place, ""};
    for (unsigned i = 0; i < CLIENTS; i++) {
        struct ate_chain_conf conf = {.mirror_dir = mirrors[i], .timeout_ms = TIMEOUT_MS};
        expect(ate_chain_open(address_of(path), me, i ? 0 : ATE_CREATE, &conf, &client[i]));
    }
}

static void close_clients(void)
{
    for (unsigned i = 0; i < CLIENTS; i++)
        ate_chain_close(client[i]);
}

static int set_up(void **state)
{
    char key[4100];
    struct ate_server_conf conf = {.any_port = true, .no_auth = true};
    (void)state;
    snprintf(home, sizeof home, "%s", tmpdir_new());
    setenv("HOME", home, 1);
    unsetenv("XDG_STATE_HOME");
    unsetenv("XDG_CONFIG_HOME");
    snprintf(key, sizeof key, "%s/key", home);
    expect(ate_session_open(key, ATE_CREATE, &me));
    char logs[4100];
    snprintf(logs, sizeof logs, "%s/logs", home);
    conf.logs = logs;
    expect(ate_server_start(&conf, &server));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ate_server_end(server);
    ate_session_close(me);
    return 0;
}

/* ---- sizes ---- */

static const size_t sizes[] = {0,     1,      63,     64,     65,     255,     256,
                               4095,  4096,   4097,   16383,  16384,  65535,   65536,
                               65537, 131072, 262143, 262144, 262145, 1 << 20, SIZE_MAX_OF_ALL};
enum { SIZES = sizeof sizes / sizeof sizes[0] };

static struct ate_bytes data_of(unsigned i)
{
    static uint8_t bytes[SIZE_MAX_OF_ALL];
    for (uint32_t k = 0, r = i * 7919 + 1; k < sizes[i]; k++) {
        r = r * 1664525 + 1013904223;
        bytes[k] = (uint8_t)(r >> 24);
    }
    return (struct ate_bytes){bytes, sizes[i]};
}

static void put_all(struct ate_chain *c, bool separately)
{
    struct ate_txn *txn = NULL;
    for (unsigned i = 0; i < SIZES; i++) {
        char name[16];
        snprintf(name, sizeof name, "size %u", i);
        if (!txn)
            expect(ate_txn_begin(c, NULL, 0, &txn));
        expect(ate_put_as(txn, note, ate_top, name, &(struct note){data_of(i)}, NULL));
        if (!separately && i + 1 < SIZES)
            continue;
        expect(ate_txn_commit(txn, NULL));
        ate_txn_end(txn);
        txn = NULL;
    }
}

static void check_all(struct ate_chain *c)
{
    struct ate_txn *txn;
    expect(ate_txn_begin(c, NULL, ATE_READ, &txn));
    for (unsigned i = 0; i < SIZES; i++) {
        const struct note *found = NULL;
        struct ate_id id;
        char name[16];
        snprintf(name, sizeof name, "size %u", i);
        expect(ate_find(txn, note, ate_top, name, &id, &found));
        assert_true(found->data.size == sizes[i]);
        assert_memory_equal(found->data.data, data_of(i).data, sizes[i]);
    }
    ate_txn_end(txn);
}

/* A mirror hears of it a moment later. */
static void wait_for(struct ate_chain *c, uint64_t size)
{
    struct ate_watch *watch;
    struct ate_event e;
    if (ate_chain_head(c).size >= size)
        return;
    expect(ate_watch_start(c, NULL, ate_top, ATE_TREE, 1, &watch));
    do
        expect(ate_watch_next(watch, -1, &e));
    while (e.sequence + 1 < size);
    ate_watch_end(watch);
}

static void every_size(void **state)
{
    (void)state;
    open_clients("/test/sizes");
    for (unsigned writer = 0; writer < CLIENTS; writer++) {
        put_all(client[writer], writer % 2);
        for (unsigned i = 0; i < CLIENTS; i++) {
            if (i >= THIN)
                wait_for(client[i], ate_chain_head(client[writer]).size);
            check_all(client[i]);
        }
    }
    close_clients();
    open_clients("/test/sizes");
    for (unsigned i = 0; i < CLIENTS; i++)
        check_all(client[i]);
    close_clients();
}

/* ---- two that write ---- */

struct writer {
    pthread_t thread;
    struct ate_chain *chain;
    unsigned number, commits;
    int result;
    char text[512];
    double slowest_s;
};

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int commit_one(struct writer *w, unsigned n)
{
    struct ate_receipt receipt = {.stage = ATE_QUEUED};
    struct ate_txn *txn;
    char name[16];
    uint8_t byte = (uint8_t)n;
    snprintf(name, sizeof name, "w%u", w->number);
    int rc = ate_txn_begin(w->chain, NULL, 0, &txn);
    if (rc)
        return rc;
    rc = ate_put_as(txn, note, ate_top, name, &(struct note){{&byte, 1}}, NULL);
    double begun = now_s();
    if (!rc)
        rc = ate_txn_commit(txn, &receipt);
    double took = now_s() - begun;
    w->slowest_s = took > w->slowest_s ? took : w->slowest_s;
    ate_txn_end(txn);
    return rc ? rc : receipt.stage == ATE_DURABLE ? 0 : ATE_E_BUG;
}

static void *write_all(void *arg)
{
    struct writer *w = arg;
    for (unsigned n = 0; n < w->commits && !w->result; n++)
        w->result = commit_one(w, n);
    snprintf(w->text, sizeof w->text, "%s", w->result ? ate_error() : "");
    return NULL;
}

static void write_together(struct writer *w, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(pthread_create(&w[i].thread, NULL, write_all, &w[i]), 0);
    for (unsigned i = 0; i < count; i++)
        pthread_join(w[i].thread, NULL);
    for (unsigned i = 0; i < count; i++)
        if (w[i].result)
            fail_msg("%s: %s", ate_result_name(w[i].result), w[i].text);
}

/* A thin one and a mirror, to which each other's changes come while they wait for their answers. */
static void two_at_the_same_time(void **state)
{
    (void)state;
    open_clients("/test/two");
    struct writer w[WRITERS] = {{.chain = client[0], .number = 0, .commits = commits},
                                {.chain = client[2], .number = 1, .commits = commits}};
    write_together(w, WRITERS);
    print_message("%u commits each, the slowest in %.3f s\n", commits,
                  w[0].slowest_s > w[1].slowest_s ? w[0].slowest_s : w[1].slowest_s);
    wait_for(client[3], 1 + WRITERS * commits);
    assert_true(ate_chain_head(client[3]).size == 1 + WRITERS * commits);
    close_clients();
}

/* Threads of a thin client, and of a mirror, whose transactions are signed together: each has its
 * own answer, and who comes anew verifies them all. */
static void threads_of_each(void **state)
{
    (void)state;
    enum { THREADS = 16, TURNS = 6 };
    struct writer w[THREADS] = {{.commits = 0}};
    struct ate_chain *fresh;
    open_clients("/test/threads");
    for (unsigned i = 0; i < THREADS; i++)
        w[i] = (struct writer){.chain = client[i % 2 ? 2 : 0], .number = i, .commits = TURNS};
    write_together(w, THREADS);
    struct ate_chain_conf conf = {.mirror_dir = "", .timeout_ms = TIMEOUT_MS};
    expect(ate_chain_open(address_of("/test/threads"), me, 0, &conf, &fresh));
    assert_true(ate_chain_head(fresh).size == 1 + THREADS * TURNS);
    struct ate_txn *txn;
    expect(ate_txn_begin(fresh, NULL, ATE_READ, &txn));
    for (unsigned i = 0; i < THREADS; i++) {
        const struct note *found = NULL;
        struct ate_id id;
        char name[16];
        snprintf(name, sizeof name, "w%u", i);
        expect(ate_find(txn, note, ate_top, name, &id, &found));
        assert_int_equal(*(const uint8_t *)found->data.data, TURNS - 1);
    }
    ate_txn_end(txn);
    ate_chain_close(fresh);
    close_clients();
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_size, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_at_the_same_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(threads_of_each, set_up, tear_down),
    };
    if (argc > 1)
        commits = (unsigned)strtoul(argv[1], NULL, 10);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
