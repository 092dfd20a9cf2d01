/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One leader appends while other threads read, prepare, sync and ask: on the real disk. Run under
 * the thread sanitizer it shows races; without it, that every reader sees whole groups in order. */
#include "kit.h"
#include "lib/tmpdir.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { APPENDS = 400 };

struct crowd {
    struct ate__storage *s;
    struct ate__dir *dir;
    atomic_bool done;
    atomic_uint_fast64_t size; /* acknowledged */
    atomic_uint failures;      /* cmocka is for the main thread alone */
};

static void fail_at(struct crowd *c, int line)
{
    if (!atomic_fetch_add(&c->failures, 1))
        fprintf(stderr, "threads_test.c:%d: %s\n", line, ate__error_text());
}
#define CHECK(c, truth) ((truth) ? (void)0 : fail_at(c, __LINE__))

struct sight {
    struct crowd *c;
    uint64_t next;
};

static int each_record(void *arg, const struct ate__record_out *record)
{
    struct sight *seen = arg;
    uint64_t attempt;
    CHECK(seen->c, record->sequence == seen->next);
    CHECK(seen->c, kit_record_whole(record->body, record->sequence, &attempt));
    seen->next = record->sequence + 1;
    return 0;
}

static void scan_all(struct crowd *c, struct ate__storage *s, uint64_t size)
{
    struct sight seen = {c, 0};
    struct ate__scan scan = {NULL, each_record, &seen};
    CHECK(c, !s->v->scan(s, 0, UINT64_MAX, &scan));
    CHECK(c, seen.next >= size);
}

static void *read_all(void *arg)
{
    struct crowd *c = arg;
    struct ate__buf buf = ATE__BUF_NULL;
    while (!atomic_load(&c->done)) {
        uint64_t size = atomic_load(&c->size), attempt;
        scan_all(c, c->s, size);
        for (uint64_t i = 0; i < size; i += 1 + size / 20) {
            ate__buf_clear(&buf);
            CHECK(c, !c->s->v->load(c->s, i, NULL, &buf));
            CHECK(c, kit_record_whole(ate__buf_bytes(&buf), i, &attempt));
        }
    }
    ate__buf_deinit(&buf);
    return NULL;
}

static void *beside(void *arg)
{
    struct crowd *c = arg;
    struct ate__storage *s = NULL;
    struct ate__storage_state now;
    CHECK(c, !ate__storage_open_file(&ate__env_real, c->dir, ATE__STORAGE_READ, NULL, 0, NULL, &s));
    while (s && !atomic_load(&c->done)) {
        CHECK(c, !s->v->refresh(s));
        s->v->state(s, &now);
        scan_all(c, s, now.size);
    }
    if (s)
        s->v->close(s);
    return NULL;
}

static void *background(void *arg)
{
    struct crowd *c = arg;
    struct ate__storage_state now;
    struct ate__storage_damage damage;
    while (!atomic_load(&c->done)) {
        c->s->v->state(c->s, &now);
        CHECK(c, now.floor <= now.size && !now.failed);
        if (now.prepare_due)
            CHECK(c, !c->s->v->prepare(c->s));
        CHECK(c, !c->s->v->sync(c->s));
        c->s->v->damage(c->s, &damage);
        CHECK(c, damage.what == ATE_OK);
    }
    return NULL;
}

static void lead(struct crowd *c)
{
    struct kit k = {.s = c->s};
    for (int i = 0; i < APPENDS; i++) {
        size_t count = 1 + (size_t)i % 4;
        assert_int_equal(kit_append(&k, count, 800 + (size_t)i % 7 * 300, 0), 0);
        atomic_fetch_add(&c->size, count);
        if (i % 50 == 49)
            assert_int_equal(c->s->v->idle(c->s), 0);
    }
}

static void run(const struct ate__storage_conf *conf, bool memory)
{
    const struct ate__vfs *vfs = &ate__vfs_posix;
    struct crowd c = {.s = NULL};
    void *(*const roles[])(void *) = {read_all, background, beside, read_all};
    pthread_t threads[ATE__COUNT_OF(roles)];
    size_t count = memory ? 2 : ATE__COUNT_OF(roles);
    assert_int_equal(vfs->open_root(vfs->user, tmpdir_new(), &c.dir), 0);
    if (memory)
        assert_int_equal(ate__storage_open_mem(&ate__env_real, &kit_chain, ATE__ROLE_ROOT, &c.s),
                         0);
    else
        assert_int_equal(ate__storage_open_file(&ate__env_real, c.dir, ATE__STORAGE_CREATE,
                                                &kit_chain, ATE__ROLE_ROOT, conf, &c.s),
                         0);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, roles[i], &c), 0);
    lead(&c);
    atomic_store(&c.done, true);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(c.failures, 0);
    scan_all(&c, c.s, c.size);
    c.s->v->close(c.s);
    vfs->close_dir(c.dir);
}

static void test_always(void **state)
{
    (void)state;
    run(&(struct ate__storage_conf){.sync = ATE__SYNC_ALWAYS}, false);
}

static void test_interval(void **state)
{
    (void)state;
    run(&(struct ate__storage_conf){.sync = ATE__SYNC_INTERVAL, .sync_interval_ms = 5}, false);
}

static void test_never(void **state)
{
    (void)state;
    run(&(struct ate__storage_conf){.sync = ATE__SYNC_NEVER}, false);
}

static void test_memory(void **state)
{
    (void)state;
    run(NULL, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_always),
        cmocka_unit_test(test_interval),
        cmocka_unit_test(test_never),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
