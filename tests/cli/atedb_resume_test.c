/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Programs that hold subscriptions while their server is killed and comes back, again and again:
 * each sees every object that was committed, once, in the order of the chain, and nothing else.
 *
 *     atedb_resume_test ATEDB [ROUNDS]
 */
#include "cli/process.h"
#include "lib/check.h"
#include "lib/tmpdir.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct note {
    uint64_t n;
};
ATE_TYPE(note, ATE_FIELD(n));

enum {
    ROUNDS = 12,
    WATCHERS = 3,
    EACH = 15 /* commits between two kills, at least */,
    WAIT_MS = 60000
};

static unsigned rounds = ROUNDS;
static struct ate_session *me;
static char address[700];
static _Atomic uint64_t written; /* objects that were acknowledged */
static atomic_bool enough, complete; /* for the writer; for the watchers */

/* cmocka's failures are for its own thread; here they end the test at once. */
static void must(int rc, const char *what)
{
    if (!rc)
        return;
    fprintf(stderr, "%s: %s: %s\n", what, ate_result_name(rc), ate_error());
    abort();
}

static struct ate_chain *open_chain(unsigned flags, const char *mirror)
{
    struct ate_chain *c;
    struct ate_chain_conf conf = {.mirror_dir = mirror, .timeout_ms = WAIT_MS};
    must(ate_chain_open(address, me, flags, &conf, &c), "open");
    return c;
}

/* Objects 0, 1, 2, ... in a transaction each, over one thin chain; a commit without an answer is
 * offered again. */
static void *write_on(void *arg)
{
    struct ate_chain *c = arg;
    struct ate_txn *txn;
    must(ate_txn_begin(c, NULL, 0, &txn), "begin");
    while (!enough) {
        struct ate_id id;
        must(ate_store(txn, note, &(struct note){written}, &id), "store");
        int rc = ate_txn_commit(txn, NULL);
        for (unsigned i = 0; i < 10 && rc == ATE_UNKNOWN; i++)
            rc = ate_txn_commit(txn, NULL);
        must(rc, "commit");
        written++;
    }
    ate_txn_end(txn);
    return NULL;
}

struct watcher {
    struct ate_chain *chain;
    struct ate_watch *watch;
    uint64_t seen;
    pthread_t thread;
};

static void take(struct watcher *w, const struct ate_event *e)
{
    const struct note *note = NULL;
    struct ate_txn *txn;
    must(ate_txn_begin(w->chain, NULL, ATE_READ, &txn), "begin");
    must(ate_load(txn, note, e->id, &note), "load");
    if (e->change != ATE_CREATED || e->sequence != 1 + w->seen || note->n != w->seen) {
        fprintf(stderr, "transaction %llu with object %llu where %llu was due\n",
                (unsigned long long)e->sequence, (unsigned long long)note->n,
                (unsigned long long)w->seen);
        abort();
    }
    ate_txn_end(txn);
    w->seen++;
}

static void *watch_on(void *arg)
{
    struct watcher *w = arg;
    struct ate_event e;
    for (;;) {
        int rc = ate_watch_next(w->watch, 20, &e);
        if (!rc)
            take(w, &e);
        else if (rc != ATE_TIMEOUT)
            must(rc, "watch");
        else if (complete && w->seen == written)
            return NULL;
    }
}

static void wait_written(uint64_t count)
{
    for (unsigned i = 0; written < count; i++) {
        if (i == WAIT_MS)
            fail_msg("%llu of %llu commits within %d ms", (unsigned long long)written,
                     (unsigned long long)count, WAIT_MS);
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
}

static void test_resume(void **state)
{
    (void)state;
    struct watcher w[WATCHERS];
    pthread_t writer;
    char home[4096], path[4200], logs[4200];
    snprintf(home, sizeof home, "%s", tmpdir_new());
    snprintf(logs, sizeof logs, "%s/logs", home);
    setenv("HOME", home, 1);
    setenv("XDG_STATE_HOME", home, 1);
    struct server s = server_start(logs, 0);
    snprintf(address, sizeof address, "tcp://127.0.0.1:%u/resume/notes#%s", s.port,
             strchr(s.address, '#') + 1);
    snprintf(path, sizeof path, "%s/key", home);
    must(ate_session_open(path, ATE_CREATE, &me), "session");
    struct ate_chain *thin = open_chain(ATE_CREATE, NULL);
    for (unsigned i = 0; i < WATCHERS; i++) { /* the first with a directory, the others in memory */
        snprintf(path, sizeof path, "%s/mirror", home);
        w[i] = (struct watcher){.chain = open_chain(0, i ? "" : path)};
        must(ate_watch_start(w[i].chain, NULL, ate_top, ATE_TREE, 0, &w[i].watch), "watch");
        assert_int_equal(pthread_create(&w[i].thread, NULL, watch_on, &w[i]), 0);
    }
    assert_int_equal(pthread_create(&writer, NULL, write_on, thin), 0);
    for (unsigned i = 0; i < rounds; i++) {
        wait_written(written + EACH);
        server_kill(&s);
        s = server_start(logs, s.port);
    }
    wait_written(written + EACH);
    enough = true;
    pthread_join(writer, NULL);
    complete = true;
    for (unsigned i = 0; i < WATCHERS; i++) {
        pthread_join(w[i].thread, NULL);
        assert_int_equal(w[i].seen, written);
        ate_watch_end(w[i].watch);
    }
    must(ate_chain_sync(thin, NULL), "sync");
    struct ate_head head = ate_chain_head(thin);
    assert_int_equal(head.size, 1 + written);
    for (unsigned i = 0; i < WATCHERS; i++) {
        struct ate_head other = ate_chain_head(w[i].chain);
        assert_int_equal(other.size, head.size);
        assert_memory_equal(&other.root, &head.root, sizeof head.root);
        ate_chain_close(w[i].chain);
    }
    printf("# killed %u times; %d subscribers saw %llu transactions, each once\n", rounds, WATCHERS,
           (unsigned long long)written);
    ate_chain_close(thin);
    ate_session_close(me);
    server_end(&s);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    server_program = argv[1];
    if (argc > 2)
        rounds = (unsigned)strtoul(argv[2], NULL, 10);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_resume)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
