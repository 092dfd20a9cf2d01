/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The registry of snapshots: sizes, expulsion, many at once, and threads against a writer.
 */
#include "base/err.h"
#include "chain/readers.h"
#include "lib/check.h"
#include "lib/heap.h"
#include <pthread.h>

static void the_oldest_counts(void **state)
{
    (void)state;
    struct ate__readers *r;
    struct ate__reader *a, *b;
    _Atomic uint64_t published = 10;
    uint64_t size;
    assert_int_equal(ate__readers_new(&r), 0);
    assert_true(ate__readers_oldest(r) == UINT64_MAX);
    assert_int_equal(ate__readers_begin(r, &published, 5, &a, &size), 0);
    assert_true(size == 10);
    published = 20;
    assert_int_equal(ate__readers_begin(r, &published, 6, &b, &size), 0);
    assert_true(size == 20);
    assert_true(ate__readers_oldest(r) == 10);
    assert_true(ate__reader_renew(a, &published, 7) == 20);
    assert_true(ate__readers_oldest(r) == 20);
    ate__reader_end(a);
    ate__reader_end(b);
    assert_true(ate__readers_oldest(r) == UINT64_MAX);
    published = 0;
    assert_int_equal(ate__readers_begin(r, &published, 6, &b, &size), 0);
    assert_true(ate__readers_oldest(r) == 0);
    ate__reader_end(b);
    ate__readers_free(r);
    ate__readers_free(NULL);
}

static void expelled_by_age_or_size(void **state)
{
    (void)state;
    struct ate__readers *r;
    struct ate__reader *x[4];
    uint64_t size;
    assert_int_equal(ate__readers_new(&r), 0);
    for (unsigned i = 0; i < 4; i++) {
        _Atomic uint64_t published = 10 * i;
        assert_int_equal(ate__readers_begin(r, &published, 100 - i, &x[i], &size), 0);
    }
    assert_int_equal(ate__readers_expel(r, 97, 0), 1); /* the one of size 0 */
    assert_true(ate__reader_stale(x[0]));
    assert_true(ate__readers_oldest(r) == 10);
    assert_int_equal(ate__readers_expel(r, 98, 0), 1); /* the last is the oldest in time */
    assert_true(ate__reader_stale(x[3]) && !ate__reader_stale(x[1]));
    assert_int_equal(ate__readers_expel(r, 0, 20), 2);
    assert_int_equal(ate__readers_expel(r, 1000, 1000), 0);
    assert_true(ate__readers_oldest(r) == UINT64_MAX);
    _Atomic uint64_t published = 77;
    assert_true(ate__reader_renew(x[2], &published, 1) == 77);
    assert_false(ate__reader_stale(x[2]));
    assert_true(ate__readers_oldest(r) == 77);
    for (unsigned i = 0; i < 4; i++)
        ate__reader_end(x[i]);
    ate__readers_free(r);
}

enum { MANY = 1000 };

static int many_at_once(void *arg)
{
    static struct ate__reader *x[MANY];
    struct ate__readers *r;
    _Atomic uint64_t published = 3;
    uint64_t size;
    unsigned n = 0;
    (void)arg;
    int rc = ate__readers_new(&r);
    if (rc)
        return rc;
    for (; !rc && n < MANY; n += rc == 0)
        rc = ate__readers_begin(r, &published, 1, &x[n], &size);
    for (unsigned i = 0; i < n; i++)
        for (unsigned k = i + 1; k < n && k < i + 3; k++)
            assert_ptr_not_equal(x[i], x[k]);
    for (unsigned i = 0; i < n; i++)
        ate__reader_end(x[i]);
    if (!rc) { /* places are used again */
        size_t blocks = heap_blocks();
        assert_int_equal(ate__readers_begin(r, &published, 1, &x[0], &size), 0);
        assert_int_equal(heap_blocks(), blocks);
        ate__reader_end(x[0]);
    }
    ate__readers_free(r);
    return rc;
}

static void lack_of_memory(void **state)
{
    (void)state;
    assert_true(heap_sweep(many_at_once, NULL, false) > 10);
}

/* What the writer keeps is never above what a reader then gets. */
struct shared {
    struct ate__readers *r;
    _Atomic uint64_t published, kept; /* versions below `kept` are gone */
    atomic_bool end;
};

static void *come_and_go(void *arg)
{
    struct shared *s = arg;
    uint64_t size;
    for (unsigned i = 0; !atomic_load(&s->end); i++) {
        struct ate__reader *reader;
        assert_int_equal(ate__readers_begin(s->r, &s->published, 1, &reader, &size), 0);
        for (unsigned n = i % 5; n-- > 0;) {
            if (size < atomic_load(&s->kept))
                fail_msg("size %llu, kept from %llu", (unsigned long long)size,
                         (unsigned long long)atomic_load(&s->kept));
            size = ate__reader_renew(reader, &s->published, 1);
        }
        if (size < atomic_load(&s->kept))
            fail_msg("size %llu is gone", (unsigned long long)size);
        ate__reader_end(reader);
    }
    return NULL;
}

static void the_writer_keeps_enough(void **state)
{
    (void)state;
    struct shared s = {.published = 1};
    pthread_t threads[3];
    assert_int_equal(ate__readers_new(&s.r), 0);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, &s), 0);
    for (uint64_t n = 2; n < 200000; n++) {
        atomic_store(&s.published, n);
        uint64_t oldest = ate__readers_oldest(s.r);
        atomic_store(&s.kept, oldest < n ? oldest : n);
    }
    atomic_store(&s.end, true);
    for (unsigned i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    ate__readers_free(s.r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_oldest_counts),
        cmocka_unit_test(expelled_by_age_or_size),
        cmocka_unit_test(lack_of_memory),
        cmocka_unit_test(the_writer_keeps_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
