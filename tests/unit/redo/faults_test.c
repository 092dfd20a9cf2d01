/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Every allocation, and every call to the disk, fails once, over a whole life of a log: open,
 * append, the next segment, sealing, recovery, reading, close. Nothing acknowledged is lost, and
 * the results are those that the interface names. */
#include "kit.h"
#include "lib/heap.h"
#include "redo/redo.h"

struct life {
    struct simdisk *begin; /* the disk that each run starts with */
    uint64_t acked;        /* records that it has */
    uint64_t end;          /* and after the run, at least */
    bool reader;
};

static bool may_fail(int rc)
{
    return rc == ATE_E_MEMORY || rc == ATE_E_IO || rc == ATE_E_NO_SPACE || rc == ATE_READ_ONLY ||
           rc == ATE_E_SYSTEM;
}

static int first_of(int a, int b)
{
    if (b && !may_fail(b))
        fail_msg("result %d: %s", b, ate__error_text());
    return a ? a : b;
}

/* Appends until the log is about three times as big; after a failure recover() decides. */
static int write_some(struct kit *k, struct life *life)
{
    int result = 0;
    for (int i = 0; i < 14; i++) {
        int rc = kit_append(k, 1 + (size_t)i % 3, 9000, 0);
        result = first_of(result, rc);
        for (int tries = 0; kit_state(k).failed && tries < 3; tries++)
            result = first_of(result, k->s->v->recover(k->s));
        if (!rc)
            life->end = kit_state(k).size;
        result = first_of(result, k->s->v->prepare(k->s));
        if (i == 7)
            result = first_of(result, k->s->v->idle(k->s));
    }
    return result;
}

static int each_used(void *arg, const char *file, uint64_t from, uint64_t to)
{
    (void)arg;
    assert_true(file && from < to);
    return 0;
}

static int read_some(struct kit *k)
{
    struct kit_seen seen;
    struct ate__buf buf = ATE__BUF_NULL;
    uint64_t size = kit_state(k).size;
    int rc = kit_scan(k, 0, UINT64_MAX, &seen);
    if (!rc)
        assert_true(seen.next == size);
    int result = first_of(0, rc);
    if (size) {
        result = first_of(result, k->s->v->load(k->s, size / 2, NULL, &buf));
        result = first_of(result, k->s->v->read_part(k->s, size - 1, NULL, 1, 10, &buf));
    }
    result = first_of(result, k->s->v->used(k->s, each_used, NULL));
    result = first_of(result, k->s->v->refresh(k->s));
    ate__buf_deinit(&buf);
    return result;
}

/* One life. Its result is the first failure that the log told of. */
static int live(struct kit *k, struct life *life)
{
    life->end = life->acked;
    int rc = kit_open(k, life->reader ? ATE__STORAGE_READ : life->acked ? 0 : ATE__STORAGE_CREATE);
    int result = first_of(0, rc);
    if (rc)
        return result;
    /* A reader whose sync failed shows what the floor vouches for. */
    assert_true(kit_state(k).size >= (life->reader ? life->acked - 2 : life->acked));
    if (!life->reader)
        result = first_of(result, write_some(k, life));
    result = first_of(result, read_some(k));
    assert_int_equal(kit_damage(k).what, ATE_OK);
    kit_close(k);
    return result;
}

/* After the run the log is there with all that was acknowledged. */
static void check_after(struct kit *k, const struct life *life)
{
    simdisk_fail(k->disk, 0, 0, 0, 0);
    int rc = kit_open(k, 0);
    if (rc == ATE_NOT_FOUND && !life->end)
        return;
    if (rc)
        fail_msg("open: %d %s", rc, ate__error_text());
    uint64_t size = kit_state(k).size;
    assert_true(size >= life->end);
    kit_check_all(k, size);
    kit_close(k);
}

static int sweep_one(void *arg)
{
    struct life *life = arg;
    struct kit k;
    kit_take(&k, simdisk_clone(life->begin), 1);
    int rc = live(&k, life);
    kit_deinit(&k);
    return rc;
}

static uint64_t last_length(const struct kit *k)
{
    const struct ate__redo *r = (const struct ate__redo *)k->s;
    return r->list.items[r->list.count - 1]->length;
}

/* A disk whose log was left by a killed process, or by a power loss with a torn tail. */
static void make_life(struct life *life, int kind)
{
    struct kit k;
    *life = (struct life){.reader = kind == 3 || kind == 4};
    kit_init(&k, 1);
    if (kind) {
        kit_open_ok(&k, ATE__STORAGE_CREATE);
        for (int i = 0; i < 30; i++) {
            kit_append_ok(&k, 2, 2000);
            assert_int_equal(k.s->v->prepare(k.s), 0);
        }
        life->acked = 60;
    }
    if (kind == 1)
        kit_close(&k);
    if (kind == 2 || kind == 3) { /* a torn tail, and one list is not whole */
        kit_kill(&k);
        kit_open_ok(&k, 0);
        kit_append_ok(&k, 1, 3000);
        uint64_t end = last_length(&k);
        kit_kill(&k);
        char path[64];
        assert_true(kit_segment(&k, kit_segments(&k) - 1, path));
        simdisk_flip(k.disk, path, end - 1000, 1);
        simdisk_flip(k.disk, KIT_DIR "/meta.b", 3, 1);
        if (life->reader)
            simdisk_flip(k.disk, KIT_DIR "/meta.b", 3, 1);
    }
    kit_kill(&k);
    life->begin = simdisk_clone(k.disk);
    kit_deinit(&k);
}

enum { KINDS = 5 };

static void test_memory(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        struct life life;
        make_life(&life, kind);
        uint64_t n = heap_sweep(sweep_one, &life, true);
        assert_true(n > 10);
        simdisk_free(life.begin);
    }
}

static void sweep_calls(struct life *life, int result, uint64_t count)
{
    for (uint64_t n = 1;; n++) {
        struct kit k;
        kit_take(&k, simdisk_clone(life->begin), n);
        simdisk_fail(k.disk, SIMDISK_ALL, n, count, result);
        int rc = live(&k, life);
        if (k.s)
            kit_close(&k);
        bool met = simdisk_failed(k.disk);
        if (!met)
            assert_int_equal(rc, 0);
        check_after(&k, life);
        kit_deinit(&k);
        if (!met)
            break;
    }
}

static void test_calls(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        struct life life;
        make_life(&life, kind);
        sweep_calls(&life, ATE_E_IO, 1);
        sweep_calls(&life, ATE_E_NO_SPACE, 2);
        sweep_calls(&life, ATE_E_IO, UINT64_MAX);
        simdisk_free(life.begin);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
