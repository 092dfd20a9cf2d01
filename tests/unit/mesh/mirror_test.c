/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Mirrors at a real server: caught up, fed live, resumed, restarted.
 */
#include "far.h"
#include "lib/shell.h"
#include "lib/tmpdir.h"
#include "mesh/mirror.h"
#include <pthread.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void wait_for(struct ate__pipe *p, uint64_t object)
{
    for (unsigned i = 0; i < 2000 && !far_has(p, object); i++)
        usleep(10000);
    assert_true(far_has(p, object));
}

static struct ate__pipe *open_mirror(struct far *f, const char *dir)
{
    f->conf.mirror_dir = dir;
    f->conf.mirror_memory = !dir;
    struct ate__pipe *p = far_open(f);
    f->conf.mirror_dir = NULL;
    f->conf.mirror_memory = false;
    return p;
}

static bool is_empty(const char *path)
{
    return !rmdir(path) && !mkdir(path, 0700);
}

static int try_mirror(struct far *f, const char *dir, struct ate__pipe **ret_pipe)
{
    f->conf.mirror_dir = dir;
    int rc = far_try(f, ret_pipe);
    f->conf.mirror_dir = NULL;
    return rc;
}

/* ---- at a real server ---- */

static void test_read_your_writes(void **state)
{
    (void)state;
    for (int memory = 0; memory < 2; memory++) {
        struct far *f = far_new(false);
        struct ate__pipe *p = open_mirror(f, memory ? NULL : tmpdir_new());
        assert_false(p->thin);
        assert_true(p->v->created(p));
        assert_int_equal(f->advanced, 1);
        for (uint64_t i = 1; i <= 20; i++) {
            struct ate__receipt receipt = far_put(f, p, i);
            assert_int_equal(receipt.sequence, i);
            assert_int_equal(receipt.stage, ATE__DURABLE);
            assert_true(far_has(p, i));
            assert_true(far_head(p).size >= receipt.size);
        }
        assert_false(far_has(p, 77));
        far_close(p);
        far_free(f);
    }
}

static void test_catch_up_and_follow(void **state)
{
    (void)state;
    struct far *f = far_new(true);
    struct ate__pipe *thin = far_open(f);
    for (uint64_t i = 1; i <= 50; i++)
        far_put(f, thin, i);
    const char *dir = tmpdir_new();
    struct ate__pipe *p = open_mirror(f, dir);
    for (uint64_t i = 1; i <= 50; i++)
        assert_true(far_has(p, i));
    far_put(f, thin, 51);
    wait_for(p, 51);
    far_put(f, thin, 52);
    struct ate__receipt receipt;
    assert_int_equal(ate__pipe_sync(p, &receipt), 0);
    assert_true(far_has(p, 52));
    assert_int_equal(receipt.size, 53);
    struct ate__head mine = far_head(p), theirs = far_head(thin);
    assert_memory_equal(&mine, &theirs, sizeof mine);
    far_close(p);

    /* What is there is verified and kept; the rest is fetched. */
    far_put(f, thin, 53);
    p = open_mirror(f, dir);
    assert_true(far_has(p, 1) && far_has(p, 53));
    assert_int_equal(far_head(p).size, 54);
    far_close(p);
    far_close(thin);
    far_free(f);
}

struct counting {
    struct ate__listener listener;
    atomic_uint told;
};

static void published(struct ate__listener *l, uint64_t size)
{
    (void)size;
    atomic_fetch_add(&ATE__CONTAINER(l, struct counting, listener)->told, 1);
}

static int count_record(void *arg, const struct ate__history_record *record)
{
    unsigned *count = arg;
    assert_int_equal(record->sequence, *count);
    ++*count;
    return 0;
}

static void test_listen_history_outcome(void **state)
{
    (void)state;
    struct far *f = far_new(true);
    struct ate__pipe *p = open_mirror(f, NULL), *thin = far_open(f);
    struct counting c = {.listener.published = published};
    assert_int_equal(p->v->listen(p, &c.listener), 0);
    far_put(f, p, 1);
    assert_true(c.told > 0);
    unsigned told = c.told;
    far_put(f, thin, 2);
    for (unsigned i = 0; i < 2000 && c.told == told; i++)
        usleep(10000);
    assert_true(c.told > told);
    p->v->unlisten(p, &c.listener);
    unsigned count = 0;
    assert_int_equal(p->v->history(p, 0, count_record, &count), 0);
    assert_int_equal(count, 3);

    struct ate__txn_id id = {.number = f->chain.number};
    struct ate__receipt receipt;
    memcpy(id.origin, f->chain.origin, sizeof id.origin);
    assert_int_equal(ate__pipe_outcome(p, &id, NULL, &receipt), 0);
    assert_int_equal(receipt.sequence, 2);
    id.number = 1000;
    assert_int_equal(ate__pipe_outcome(p, &id, NULL, &receipt), ATE_NOT_FOUND);
    far_close(p);
    far_close(thin);
    far_free(f);
}

static void test_refused(void **state)
{
    (void)state;
    struct far *f = far_new(false);
    struct ate__pipe *p = open_mirror(f, NULL);
    struct ate__buf tx = far_tx(f, p, 1);
    far_put(f, p, 1);
    assert_int_equal(far_offer(p, ate__buf_bytes(&tx), 20000, NULL), ATE_CONFLICT);
    ate__buf_deinit(&tx);
    far_close(p);
    far_free(f);
}

static void test_directories(void **state)
{
    (void)state;
    struct far *f = far_new(true);
    char dir[512];
    snprintf(dir, sizeof dir, "%s/new", tmpdir_new());
    struct ate__pipe *p = open_mirror(f, dir), *q;
    assert_int_equal(try_mirror(f, dir, &q), ATE_IN_USE);
    far_close(p);
    p = open_mirror(f, dir); /* the lock is free as soon as it is closed */
    far_close(p);

    /* A mirror of another chain. */
    struct kit_chain mine = f->chain;
    f->chain = kit_chain_new("/example.com/other", true);
    f->conf.genesis = ate__buf_bytes(&f->chain.genesis);
    snprintf(f->conf.addr.path, sizeof f->conf.addr.path, "%s", f->chain.path);
    assert_int_equal(try_mirror(f, dir, &q), ATE_WRONG_CHAIN);
    kit_chain_free(&mine);

    /* A chain of its own lies there; a path that cannot be. */
    char root[600];
    snprintf(root, sizeof root, "%s/example.com/far", f->server_conf.logs);
    far_stop(f);
    far_start(f);
    int rc = try_mirror(f, root, &q);
    assert_true(rc == ATE_EXISTS || rc == ATE_IN_USE);
    snprintf(root, sizeof root, "%s/a/b/c", dir);
    assert_int_equal(try_mirror(f, root, &q), ATE_NOT_FOUND);
    far_free(f);
}

static void test_server_restarts(void **state)
{
    (void)state;
    struct far *f = far_new(true);
    struct ate__pipe *p = open_mirror(f, tmpdir_new()), *q = open_mirror(f, NULL);
    for (uint64_t i = 1; i <= 20; i++) {
        far_put(f, i % 2 ? p : q, i);
        if (i % 4 == 0)
            far_restart(f);
        wait_for(i % 2 ? q : p, i);
    }
    struct ate__head one = far_head(p), other = far_head(q);
    assert_int_equal(one.size, 21);
    assert_memory_equal(&one, &other, sizeof one);
    far_close(p);
    far_close(q);
    far_free(f);
}

enum { WRITERS = 6, EACH = 20 };
struct writer {
    pthread_t thread;
    struct ate__pipe *p;
    struct ate__buf tx[EACH];
    int results[EACH];
};

static void *write_all(void *arg)
{
    struct writer *w = arg;
    for (unsigned i = 0; i < EACH; i++)
        w->results[i] = far_offer(w->p, ate__buf_bytes(&w->tx[i]), 60000, NULL);
    return NULL;
}

/* Two mirrors and a thin chain write at once while the server goes and comes: each transaction is
 * there once, and both mirrors end with one history. */
static void test_writers_over_restarts(void **state)
{
    (void)state;
    struct far *f = far_new(true);
    struct ate__pipe *pipes[3] = {open_mirror(f, tmpdir_new()), open_mirror(f, NULL), far_open(f)};
    struct writer w[WRITERS];
    struct ate__receipt receipt;
    for (unsigned i = 0; i < WRITERS; i++) {
        w[i] = (struct writer){.p = pipes[i % 3]};
        for (unsigned n = 0; n < EACH; n++)
            w[i].tx[n] = far_tx(f, w[i].p, 100 * (i + 1) + n);
    }
    for (unsigned i = 0; i < WRITERS; i++)
        pthread_create(&w[i].thread, NULL, write_all, &w[i]);
    for (unsigned i = 0; i < 3; i++)
        far_restart(f);
    for (unsigned i = 0; i < WRITERS; i++) {
        pthread_join(w[i].thread, NULL);
        for (unsigned n = 0; n < EACH; n++) {
            assert_int_equal(w[i].results[n], 0);
            ate__buf_deinit(&w[i].tx[n]);
        }
    }
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(ate__pipe_sync(pipes[i], &receipt), 0);
    assert_int_equal(far_head(pipes[0]).size, 1 + WRITERS * EACH);
    struct ate__head one = far_head(pipes[0]), other = far_head(pipes[1]);
    assert_memory_equal(&one, &other, sizeof one);
    for (unsigned i = 0; i < 3; i++)
        far_close(pipes[i]);
    far_free(f);
}

static void test_remembered(void **state)
{
    (void)state;
    struct far *f = far_new(true);
    const char *dir = tmpdir_new();
    struct ate__pipe *p = open_mirror(f, dir), *q;
    far_put(f, p, 1);
    struct ate__head old = far_head(p);
    far_put(f, p, 2);
    far_close(p);
    f->conf.remembered_size = old.size;
    f->conf.remembered_root = old.root;
    far_close(open_mirror(f, dir));
    f->conf.remembered_root.b[1] ^= 1;
    assert_int_equal(try_mirror(f, dir, &q), ATE_FORKED);
    assert_int_equal(try_mirror(f, tmpdir_new(), &q), ATE_FORKED);
    f->conf.remembered_size = 100;
    assert_int_equal(try_mirror(f, dir, &q), ATE_ROLLED_BACK);
    f->conf.remembered_size = 0;
    atomic_store(&f->advanced, 0);
    f->anchor_result = ATE_WRONG_CHAIN;
    for (int later = 0; later < 2; later++) {
        const char *other = tmpdir_new();
        f->anchor_later = later;
        assert_int_equal(try_mirror(f, dir, &q), ATE_WRONG_CHAIN);
        assert_int_equal(try_mirror(f, other, &q), ATE_WRONG_CHAIN);
        assert_true(is_empty(other) == !later); /* nothing is fetched for nothing */
    }
    assert_int_equal(f->advanced, 0); /* nothing is remembered of what is not trusted */
    far_free(f);
}

/* An older copy of the server's directory comes back: the mirror saw more. */
static void copy_tree(const char *from, const char *to)
{
    extern char **environ;
    char source[600];
    pid_t child;
    int status;
    snprintf(source, sizeof source, "%s/.", from);
    char *arguments[] = {"cp", "-a", source, (char *)(uintptr_t)to, NULL};
    assert_int_equal(posix_spawnp(&child, "cp", NULL, NULL, arguments, environ), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void test_rolled_back_and_forked(void **state)
{
    (void)state;
    struct far *f = far_new(true);
    const char *dir = tmpdir_new(), *old = tmpdir_new(), *before = f->server_conf.logs;
    struct ate__pipe *p = open_mirror(f, dir), *q, *thin = far_open(f);
    struct ate__receipt receipt;
    far_put(f, p, 1);
    far_stop(f);
    copy_tree(before, old);
    far_start(f);
    far_put(f, p, 2);
    assert_int_equal(ate__pipe_sync(thin, &receipt), 0);
    far_close(p);
    far_stop(f);
    f->server_conf.logs = old;
    far_start(f);
    assert_int_equal(try_mirror(f, dir, &q), ATE_ROLLED_BACK);
    assert_int_equal(ate__pipe_sync(thin, &receipt), ATE_ROLLED_BACK);
    assert_int_equal(ate__pipe_sync(thin, &receipt), ATE_ROLLED_BACK); /* for good */

    /* It goes on from there: two histories of one chain. */
    q = far_open(f);
    far_put(f, q, 3);
    far_put(f, q, 4);
    far_close(q);
    assert_int_equal(try_mirror(f, dir, &q), ATE_FORKED);
    far_close(thin);
    far_free(f);
}

static void test_ends(void **state)
{
    (void)state;
    unsigned fds = far_fds(), threads = far_threads();
    struct far *f = far_new(true);
    for (unsigned round = 0; round < 6; round++) {
        struct ate__pipe *p = open_mirror(f, round % 2 ? NULL : tmpdir_new());
        struct ate__snapshot *s;
        if (round == 2)
            far_stop(f);
        assert_int_equal(p->v->begin(p, &s), 0);
        far_close(p);
        p->v->end(s);
        if (round == 2)
            far_start(f);
    }
    far_free(f);
    far_settle(fds, threads);
}

static void test_without_workers(void **state)
{
    (void)state;
    struct far *f = far_new(true);
    f->conf.workers = NULL;
    struct ate__pipe *p = open_mirror(f, NULL);
    for (uint64_t i = 1; i <= 10; i++)
        far_put(f, p, i);
    assert_true(far_has(p, 10));
    far_close(p);
    far_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_your_writes),
        cmocka_unit_test(test_catch_up_and_follow),
        cmocka_unit_test(test_listen_history_outcome),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_directories),
        cmocka_unit_test(test_server_restarts),
        cmocka_unit_test(test_writers_over_restarts),
        cmocka_unit_test(test_remembered),
        cmocka_unit_test(test_rolled_back_and_forked),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_without_workers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
