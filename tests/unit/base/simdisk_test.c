/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The simulated disk in the hands of a test: faults, limits, copies. */
#include "base/err.h"
#include "lib/check.h"
#include "lib/rnd.h"
#include "lib/simdisk.h"
#include <pthread.h>
#include <stdlib.h>

static struct ate__dir *root_of(struct simdisk *d)
{
    struct ate__dir *dir = NULL;
    const struct ate__vfs *v = simdisk_vfs(d);
    assert_int_equal(v->open_root(v->user, "/", &dir), 0);
    return dir;
}

static struct ate__file *file_of(struct simdisk *d, struct ate__dir *dir, const char *name)
{
    struct ate__file *file = NULL;
    assert_int_equal(simdisk_vfs(d)->open(dir, name, ATE__OPEN_WRITE | ATE__OPEN_CREATE, &file), 0);
    return file;
}

static void has(struct simdisk *d, const char *path, const char *text)
{
    size_t size;
    uint8_t *data = simdisk_get(d, path, &size);
    assert_int_equal(size, strlen(text));
    assert_memory_equal(data, text, size);
    free(data);
}

static void test_by_hand(void **state)
{
    (void)state;
    struct simdisk *d = simdisk_new(1);
    simdisk_mkdir(d, "/db/deeper");
    simdisk_mkdir(d, "/db");
    simdisk_put(d, "/db/deeper/file", "hello", 5);
    simdisk_put(d, "/db/other", "x", 1);
    has(d, "db/deeper/file", "hello");
    simdisk_flip(d, "/db/deeper/file", 1, 'e' ^ 'a');
    has(d, "/db/deeper/file", "hallo");
    simdisk_patch(d, "/db/deeper/file", 4, "y!", 2);
    has(d, "/db/deeper/file", "hally!");
    simdisk_cut(d, "/db/deeper/file", 4);
    has(d, "/db/deeper/file", "hall");
    assert_int_equal(simdisk_size(d, "/db/deeper/file"), 4);
    simdisk_put(d, "/db/deeper/file", "ho", 2);
    has(d, "/db/deeper/file", "ho");
    assert_true(simdisk_exists(d, "/db") && simdisk_exists(d, "/"));
    assert_false(simdisk_exists(d, "/db/none"));
    assert_false(simdisk_exists(d, "/db/other/none"));
    uint64_t digest = simdisk_digest(d);
    struct simdisk *crashed = simdisk_crash(d, 5);
    assert_true(simdisk_digest(crashed) == digest);
    simdisk_unlink(d, "/db/deeper");
    simdisk_unlink(d, "/db/deeper");
    assert_false(simdisk_exists(d, "/db/deeper/file"));
    assert_true(simdisk_exists(d, "/db/other"));
    assert_true(simdisk_digest(d) != digest);
    has(crashed, "/db/deeper/file", "ho");
    simdisk_unlink(d, "/");
    struct simdisk *empty = simdisk_new(2);
    assert_true(simdisk_digest(d) == simdisk_digest(empty));
    simdisk_free(empty);
    simdisk_free(crashed);
    simdisk_free(d);
    simdisk_free(NULL);
}

static void test_paths(void **state)
{
    (void)state;
    struct simdisk *d = simdisk_new(1);
    const struct ate__vfs *v = simdisk_vfs(d);
    struct ate__dir *dir = NULL, *root = root_of(d);
    simdisk_mkdir(d, "/a/b");
    simdisk_put(d, "/a/file", "", 0);
    assert_int_equal(v->open_root(v->user, "", &dir), ATE_E_SYSTEM);
    assert_int_equal(v->open_root(v->user, "/a/none/b", &dir), ATE_NOT_FOUND);
    assert_int_equal(v->open_root(v->user, "/a/file", &dir), ATE_E_SYSTEM);
    assert_null(dir);
    assert_int_equal(v->open_root(v->user, "a/./b/", &dir), 0);
    struct ate__file *file = file_of(d, dir, "x");
    assert_true(simdisk_exists(d, "/a/b/x"));
    assert_int_equal(v->remove(root, "a"), ATE_E_SYSTEM);
    assert_int_equal(v->write(file, UINT64_MAX, "x", 1), ATE_E_SYSTEM);
    assert_int_equal(v->truncate(file, UINT64_MAX), ATE_E_SYSTEM);
    assert_string_equal(ate__error_text(), "truncate /a/b/x: File too large");
    /* Open things outlive their names. */
    assert_int_equal(v->write(file, 0, "still", 5), 0);
    simdisk_unlink(d, "/a");
    char text[5];
    size_t size;
    assert_int_equal(v->read(file, 0, text, 5, &size), 0);
    assert_memory_equal(text, "still", 5);
    v->close_dir(dir);
    v->close(file);
    v->close_dir(root);
    simdisk_free(d);
}

struct seen {
    char text[100];
};

static void see(void *arg, const char *name, bool is_dir, uint64_t size)
{
    struct seen *seen = arg;
    size_t at = strlen(seen->text);
    snprintf(seen->text + at, sizeof seen->text - at, "%s%s %d ", name, is_dir ? "/" : "",
             (int)size);
}

static void test_each(void **state)
{
    (void)state;
    struct simdisk *d = simdisk_new(1);
    struct seen seen = {""};
    simdisk_each(d, "/", see, &seen);
    assert_string_equal(seen.text, "");
    simdisk_put(d, "/b", "12", 2);
    simdisk_put(d, "/a", "", 0);
    simdisk_mkdir(d, "/c");
    simdisk_each(d, "/", see, &seen);
    assert_string_equal(seen.text, "a 0 b 2 c/ 0 ");
    simdisk_free(d);
}

/* A fixed sequence of calls, the same for every sweep; gives the first failure. */
static int workload(struct simdisk *d)
{
    const struct ate__vfs *v = simdisk_vfs(d);
    struct ate__dir *root = NULL, *dir = NULL;
    struct ate__file *file = NULL;
    uint8_t bytes[10000] = {1, 2, 3};
    int rc = v->open_root(v->user, "/", &root);
    if (!rc)
        rc = v->open_dir(root, "db", true, &dir);
    if (!rc)
        rc = v->open(dir, "new", ATE__OPEN_WRITE | ATE__OPEN_CREATE, &file);
    if (!rc)
        rc = v->write(file, 0, bytes, sizeof bytes);
    if (!rc)
        rc = v->truncate(file, 9000);
    if (!rc)
        rc = v->sync(file);
    if (!rc)
        rc = v->rename(dir, "new", "log");
    if (!rc)
        rc = v->sync_dir(dir);
    if (!rc)
        rc = v->remove(dir, "log");
    v->close(file);
    v->close_dir(dir);
    v->close_dir(root);
    return rc;
}
enum { WORKLOAD_CALLS = 9 }; /* mutating ones */

static void test_count_and_stop(void **state)
{
    (void)state;
    struct simdisk *d = simdisk_new(1);
    assert_int_equal(workload(d), 0);
    assert_int_equal(simdisk_count(d, SIMDISK_MUTATING), WORKLOAD_CALLS);
    assert_int_equal(simdisk_count(d, SIMDISK_CREATE), 2);
    assert_int_equal(simdisk_count(d, SIMDISK_SYNC_DIR), 2);
    assert_int_equal(simdisk_count(d, SIMDISK_OPEN), 2);
    simdisk_free(d);
    for (uint64_t n = 0; n <= WORKLOAD_CALLS + 1; n++) {
        d = simdisk_new(1);
        simdisk_stop(d, n);
        int rc = workload(d);
        assert_int_equal(rc, n < WORKLOAD_CALLS ? ATE_E_IO : 0);
        assert_int_equal(simdisk_count(d, SIMDISK_MUTATING),
                         n < WORKLOAD_CALLS ? n : WORKLOAD_CALLS);
        assert_int_equal(simdisk_stopped(d), n <= WORKLOAD_CALLS);
        uint64_t digest = simdisk_digest(d);
        assert_int_equal(workload(d), ATE_E_IO);
        if (n <= WORKLOAD_CALLS)
            assert_true(simdisk_digest(d) == digest);
        simdisk_stop(d, UINT64_MAX);
        assert_false(simdisk_stopped(d));
        simdisk_free(d);
    }
}

static void test_fail(void **state)
{
    (void)state;
    static const int results[] = {ATE_E_IO, ATE_E_NO_SPACE, ATE_E_SYSTEM};
    for (size_t i = 0; i < 3; i++) {
        uint64_t n = 1;
        for (;; n++) {
            struct simdisk *d = simdisk_new(n);
            simdisk_fail(d, SIMDISK_ALL, n, 1, results[i]);
            int rc = workload(d);
            assert_int_equal(rc, simdisk_failed(d) ? results[i] : 0);
            if (simdisk_failed(d))
                assert_non_null(strstr(ate__error_text(), "a planned fault"));
            simdisk_fail(d, SIMDISK_ALL, 0, 0, 0);
            assert_false(simdisk_failed(d));
            bool more = rc != 0;
            simdisk_free(d);
            if (!more)
                break;
        }
        assert_int_equal(n, WORKLOAD_CALLS + 2 + 1);
    }
    /* Of one kind, and several in a row. */
    struct simdisk *d = simdisk_new(1);
    simdisk_fail(d, SIMDISK_SYNC_DIR, 2, 2, ATE_E_NO_SPACE);
    assert_int_equal(workload(d), ATE_E_NO_SPACE);
    assert_true(simdisk_exists(d, "/db/log"));
    assert_int_equal(workload(d), ATE_E_NO_SPACE);
    assert_int_equal(workload(d), 0);
    simdisk_free(d);
}

/* A failed write leaves a part of its bytes and nothing else. */
static void test_failed_write(void **state)
{
    (void)state;
    unsigned none = 0, some = 0, all = 0;
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct simdisk *d = simdisk_new(seed);
        const struct ate__vfs *v = simdisk_vfs(d);
        simdisk_put(d, "/f", "....................", 20);
        struct ate__dir *root = root_of(d);
        struct ate__file *file = file_of(d, root, "f");
        simdisk_fail(d, SIMDISK_WRITE, 1, 1, ATE_E_IO);
        assert_int_equal(v->write(file, 5, "ABCDE", 5), ATE_E_IO);
        size_t size, done = 0;
        uint8_t *data = simdisk_get(d, "/f", &size);
        assert_int_equal(size, 20);
        while (done < 5 && data[5 + done] == 'A' + done)
            done++;
        for (size_t i = 0; i < 20; i++)
            assert_true((i >= 5 && i < 5 + done) || data[i] == '.');
        none += !done;
        all += done == 5;
        some += done && done < 5;
        free(data);
        v->close(file);
        v->close_dir(root);
        simdisk_free(d);
    }
    assert_true(none && some && all);
}

static void test_limit(void **state)
{
    (void)state;
    struct simdisk *d = simdisk_new(1);
    const struct ate__vfs *v = simdisk_vfs(d);
    struct ate__dir *root = root_of(d);
    struct ate__file *a = file_of(d, root, "a"), *b = file_of(d, root, "b");
    static const uint8_t bytes[3 * 4096];
    simdisk_limit(d, 4 * 4096);
    assert_int_equal(v->write(a, 0, bytes, sizeof bytes), 0);
    assert_int_equal(simdisk_used(d), 3 * 4096);
    assert_int_equal(v->write(b, 0, bytes, sizeof bytes), ATE_E_NO_SPACE);
    assert_string_equal(ate__error_text(), "write /b: No space left on device");
    assert_int_equal(simdisk_size(d, "/b"), 4096);
    /* What has a place can be overwritten, and what is cut off is room again. */
    assert_int_equal(v->write(a, 100, bytes, 8000), 0);
    assert_int_equal(v->sync(a), 0);
    assert_int_equal(v->truncate(a, 4096), 0);
    assert_int_equal(v->write(b, 4096, bytes, 2 * 4096), 0);
    assert_int_equal(v->write(b, 3 * 4096, bytes, 1), ATE_E_NO_SPACE);
    /* A removed file has its place until it is closed. */
    assert_int_equal(v->remove(root, "a"), 0);
    assert_int_equal(v->write(b, 3 * 4096, bytes, 1), ATE_E_NO_SPACE);
    v->close(a);
    assert_int_equal(v->write(b, 3 * 4096, bytes, 1), 0);
    simdisk_limit(d, UINT64_MAX);
    assert_int_equal(v->write(b, 100 * 4096, bytes, 1), 0);
    v->close(b);
    v->close_dir(root);
    simdisk_free(d);
}

static void test_locks_and_copies(void **state)
{
    (void)state;
    struct simdisk *d = simdisk_new(1);
    const struct ate__vfs *v = simdisk_vfs(d);
    struct ate__dir *root = root_of(d);
    struct ate__file *a = file_of(d, root, "f"), *b = file_of(d, root, "f");
    assert_int_equal(v->lock(a, true), 0);
    assert_int_equal(v->lock(b, false), ATE_IN_USE);
    assert_int_equal(v->write(a, 0, "unsynced", 8), 0);
    assert_int_equal(simdisk_handles(d), 3);
    /* A killed process: its locks are gone, its writes are not, nor are they durable. */
    struct simdisk *killed = simdisk_clone(d);
    assert_int_equal(simdisk_handles(killed), 0);
    assert_true(simdisk_digest(killed) == simdisk_digest(d));
    has(killed, "/f", "unsynced");
    struct ate__dir *killed_root = root_of(killed);
    struct ate__file *c = file_of(killed, killed_root, "f");
    assert_int_equal(v->lock(c, true), 0);
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct simdisk *x = simdisk_crash(d, seed), *y = simdisk_crash(killed, seed);
        assert_true(simdisk_digest(x) == simdisk_digest(y));
        simdisk_free(x);
        simdisk_free(y);
    }
    /* Copies go their own ways. */
    assert_int_equal(simdisk_vfs(killed)->write(c, 0, "changed!", 8), 0);
    has(d, "/f", "unsynced");
    v->close(c);
    v->close_dir(killed_root);
    v->unlock(a);
    assert_int_equal(v->lock(b, true), 0);
    assert_int_equal(v->lock(a, true), ATE_IN_USE);
    v->close(b);
    assert_int_equal(v->lock(a, true), 0);
    v->close(a);
    v->close_dir(root);
    simdisk_free(killed);
    simdisk_settle(d);
    struct simdisk *x = simdisk_crash(d, 1);
    has(x, "/f", "unsynced");
    simdisk_free(x);
    simdisk_free(d);
}

struct watching {
    struct simdisk *disk;
    uint64_t numbers[20];
    size_t count;
};

static void watch_one(void *arg, uint64_t number)
{
    struct watching *w = arg;
    struct simdisk *x = simdisk_crash(w->disk, number);
    (void)ate__fail(ATE_E_BUG, "of the watcher");
    simdisk_free(x);
    w->numbers[w->count++] = number;
}

static void test_watch(void **state)
{
    (void)state;
    struct simdisk *d = simdisk_new(1);
    struct watching w = {.disk = d};
    simdisk_watch(d, watch_one, &w);
    simdisk_fail(d, SIMDISK_REMOVE, 1, 1, ATE_E_IO);
    assert_int_equal(workload(d), ATE_E_IO);
    assert_string_equal(ate__error_text(), "remove /db/log: a planned fault");
    assert_int_equal(w.count, WORKLOAD_CALLS);
    for (size_t i = 0; i < w.count; i++)
        assert_int_equal(w.numbers[i], i + 1);
    simdisk_watch(d, NULL, NULL);
    struct ate__dir *root = root_of(d);
    assert_false(simdisk_vfs(d)->copy_on_write(root));
    simdisk_set_copy_on_write(d, true);
    assert_true(simdisk_vfs(d)->copy_on_write(root));
    assert_true(simdisk_vfs(d)->room(root) == UINT64_MAX);
    simdisk_limit(d, simdisk_used(d) + 3 * 4096 + 7);
    assert_int_equal(simdisk_vfs(d)->room(root), 3 * 4096);
    simdisk_limit(d, 0);
    assert_int_equal(simdisk_vfs(d)->room(root), 0);
    simdisk_limit(d, UINT64_MAX);
    simdisk_vfs(d)->close_dir(root);
    simdisk_free(d);
}

struct work {
    struct simdisk *disk;
    uint8_t number;
    int rc;
};

static void *work(void *arg)
{
    struct work *w = arg;
    const struct ate__vfs *v = simdisk_vfs(w->disk);
    struct ate__dir *root = NULL;
    struct ate__file *file = NULL;
    char name[3] = {'f', (char)('0' + w->number), 0};
    w->rc = v->open_root(v->user, "/", &root);
    if (!w->rc)
        w->rc = v->open(root, name, ATE__OPEN_WRITE | ATE__OPEN_CREATE, &file);
    for (uint64_t i = 0; i < 300 && !w->rc; i++) {
        uint8_t bytes[100];
        memset(bytes, w->number, sizeof bytes);
        w->rc = v->write(file, i * sizeof bytes, bytes, sizeof bytes);
        if (!w->rc && i % 10 == 0)
            w->rc = v->sync(file);
        if (i % 50 == 0)
            simdisk_free(simdisk_crash(w->disk, i));
    }
    v->close(file);
    v->close_dir(root);
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    struct simdisk *d = simdisk_new(1);
    pthread_t threads[4];
    struct work works[4];
    for (uint8_t i = 0; i < 4; i++) {
        works[i] = (struct work){d, i, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &works[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(works[i].rc, 0);
    }
    for (uint8_t i = 0; i < 4; i++) {
        char path[4] = {'/', 'f', (char)('0' + i), 0};
        size_t size;
        uint8_t *data = simdisk_get(d, path, &size);
        assert_int_equal(size, 30000);
        for (size_t k = 0; k < size; k++)
            assert_int_equal(data[k], i);
        free(data);
    }
    simdisk_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand), cmocka_unit_test(test_each),
        cmocka_unit_test(test_paths),   cmocka_unit_test(test_count_and_stop),
        cmocka_unit_test(test_fail),    cmocka_unit_test(test_failed_write),
        cmocka_unit_test(test_limit),   cmocka_unit_test(test_locks_and_copies),
        cmocka_unit_test(test_watch),   cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
