/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Who may open, and what a reader shows beside a writer and without one. */
#include "kit.h"
#include "crypto/digest.h"
#include "redo/redo.h"
#include <stdlib.h>

/* A second handle on the disk of a kit. */
static int open_second(struct kit *k, unsigned flags, struct kit *ret_second)
{
    *ret_second = (struct kit){.disk = k->disk, .vfs = k->vfs};
    simenv_init(&ret_second->sim, 2, k->vfs);
    ret_second->root = k->root;
    return kit_open(ret_second, flags);
}

static void close_second(struct kit *second)
{
    kit_close(second);
    simenv_deinit(&second->sim);
}

static void test_lock(void **state)
{
    (void)state;
    struct kit k, second;
    kit_init(&k, 1);
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    assert_int_equal(open_second(&k, 0, &second), ATE_IN_USE);
    /* It was tried for one second of the env's clock. */
    assert_true(ate__monotonic_ms(&second.sim.env) >= 2000);
    assert_true(ate__monotonic_ms(&second.sim.env) < 2100);
    close_second(&second);
    assert_int_equal(open_second(&k, ATE__STORAGE_CREATE, &second), ATE_IN_USE);
    close_second(&second);
    kit_append_ok(&k, 1, 100);
    kit_close(&k);
    assert_int_equal(open_second(&k, 0, &second), 0);
    kit_check_all(&second, 1);
    close_second(&second);
    /* A copy without its lock file. */
    simdisk_unlink(k.disk, KIT_DIR "/lock");
    kit_open_ok(&k, ATE__STORAGE_READ);
    kit_check_all(&k, 1);
    assert_int_equal(kit_damage(&k).what, ATE_OK);
    kit_close(&k);
    assert_false(simdisk_exists(k.disk, KIT_DIR "/lock"));
    kit_open_ok(&k, 0);
    kit_check_all(&k, 1);
    kit_deinit(&k);
}

/* Without a log nothing is made, except by CREATE; what an interrupted one left does not matter. */
static void test_none(void **state)
{
    (void)state;
    struct kit k;
    kit_init(&k, 1);
    simdisk_mkdir(k.disk, KIT_DIR);
    assert_int_equal(kit_open(&k, 0), ATE_NOT_FOUND);
    assert_false(simdisk_exists(k.disk, KIT_DIR "/lock"));
    simdisk_put(k.disk, KIT_DIR "/lock", "", 0);
    simdisk_put(k.disk, KIT_DIR "/next", "half a header", 13);
    simdisk_put(k.disk, KIT_DIR "/meta.a", "half a list", 11);
    assert_int_equal(kit_open(&k, 0), ATE_NOT_FOUND);
    assert_int_equal(kit_open(&k, ATE__STORAGE_READ), ATE_NOT_FOUND);
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    kit_append_ok(&k, 1, 100);
    kit_close(&k);
    /* Segments without a list are not "no log". */
    simdisk_unlink(k.disk, KIT_DIR "/meta.a");
    simdisk_unlink(k.disk, KIT_DIR "/meta.b");
    assert_int_equal(kit_open(&k, 0), ATE_TAMPERED);
    assert_int_equal(kit_open(&k, ATE__STORAGE_READ), ATE_TAMPERED);
    assert_int_equal(kit_open(&k, ATE__STORAGE_CREATE), ATE_EXISTS);
    simdisk_put(k.disk, KIT_DIR "/meta.b", "garbage", 7);
    assert_int_equal(kit_open(&k, ATE__STORAGE_CREATE), ATE_EXISTS);
    kit_deinit(&k);
}

/* Beside a writer a reader shows what a floor vouches for. */
static void test_beside(void **state)
{
    (void)state;
    struct kit k, reader;
    kit_init(&k, 1);
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    kit_append_ok(&k, 2, 100);
    assert_int_equal(open_second(&k, ATE__STORAGE_READ, &reader), 0);
    kit_check_all(&reader, 0);
    assert_false(kit_state(&reader).writable);
    kit_append_ok(&k, 3, 100);
    kit_check_all(&reader, 0);
    assert_int_equal(reader.s->v->refresh(reader.s), 0);
    kit_check_all(&reader, 2);
    assert_int_equal(k.s->v->idle(k.s), 0);
    assert_int_equal(reader.s->v->refresh(reader.s), 0);
    kit_check_all(&reader, 5);
    /* Through many segments, seals and a recovery. */
    uint64_t size = 5;
    for (int i = 0; i < 60; i++) {
        kit_append_ok(&k, 1, 9000);
        size++;
        if (i % 2)
            assert_int_equal(k.s->v->prepare(k.s), 0);
        if (i == 40) {
            simdisk_fail(k.disk, SIMDISK_SYNC, 1, 1, ATE_E_IO);
            assert_int_equal(kit_append(&k, 1, 100, 0), ATE_E_IO);
            assert_int_equal(k.s->v->recover(k.s), 0);
            size = kit_state(&k).size;
        }
        if (i % 7)
            continue;
        assert_int_equal(reader.s->v->refresh(reader.s), 0);
        assert_true(kit_state(&reader).size >= size - 1);
        kit_check_all(&reader, kit_state(&reader).size);
        assert_int_equal(kit_damage(&reader).what, ATE_OK);
    }
    assert_true(((struct ate__redo *)reader.s)->list.count > 3);
    /* When the writer is gone all that is whole is shown. */
    kit_append_ok(&k, 1, 100);
    struct ate__storage *writer = k.s;
    k.s = NULL;
    assert_int_equal(reader.s->v->refresh(reader.s), 0);
    kit_check_all(&reader, size);
    writer->v->close(writer);
    assert_int_equal(reader.s->v->refresh(reader.s), 0);
    kit_check_all(&reader, size + 1);
    assert_int_equal(reader.s->v->recover(reader.s), ATE_READ_ONLY);
    assert_int_equal(reader.s->v->prepare(reader.s), ATE_READ_ONLY);
    assert_int_equal(reader.s->v->sync(reader.s), ATE_READ_ONLY);
    assert_int_equal(reader.s->v->idle(reader.s), ATE_READ_ONLY);
    close_second(&reader);
    kit_open_ok(&k, 0);
    assert_int_equal(k.s->v->refresh(k.s), 0);
    kit_check_all(&k, size + 1);
    kit_deinit(&k);
}

/* A reader that met damage goes on showing what lies below it, also after more was written. */
static void test_damage_beside(void **state)
{
    (void)state;
    struct kit k, reader;
    kit_init(&k, 1);
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    for (int i = 0; i < 20; i++)
        kit_append_ok(&k, 1, 9000);
    simdisk_flip(k.disk, KIT_DIR "/0000000000000001.seg", 0, 1);
    for (int i = 0; i < 3; i++) {
        if (!i)
            assert_int_equal(open_second(&k, ATE__STORAGE_READ, &reader), 0);
        else
            assert_int_equal(reader.s->v->refresh(reader.s), 0);
        assert_int_equal(kit_damage(&reader).what, ATE_TAMPERED);
        kit_check_all(&reader, 0);
        kit_append_ok(&k, 4, 20000);
    }
    close_second(&reader);
    simdisk_flip(k.disk, KIT_DIR "/0000000000000001.seg", 0, 1);
    uint64_t size = kit_state(&k).size;
    kit_close(&k);
    for (int what = 0; what < 2; what++) {
        if (what)
            simdisk_cut(k.disk, KIT_DIR "/0000000000000001.seg", 50000);
        else
            simdisk_flip(k.disk, KIT_DIR "/0000000000000002.seg", 0, 1);
        kit_open_ok(&k, ATE__STORAGE_READ);
        uint64_t below = kit_damage(&k).sequence;
        assert_true(below > 0 && below < size);
        for (int i = 0; i < 3; i++) {
            kit_check_all(&k, below);
            assert_int_equal(k.s->v->refresh(k.s), 0);
        }
        kit_close(&k);
    }
    kit_deinit(&k);
}

/* A reader may open at any moment of a writer's work. */
struct peek {
    struct kit *k;
    uint64_t acked;
    bool busy;
};

static void each_call(void *arg, uint64_t number)
{
    struct peek *p = arg;
    struct kit reader;
    (void)number;
    if (p->busy)
        return;
    p->busy = true;
    assert_int_equal(open_second(p->k, ATE__STORAGE_READ, &reader), 0);
    assert_int_equal(kit_damage(&reader).what, ATE_OK);
    uint64_t size = kit_state(&reader).size;
    assert_true(size <= p->acked + 1);
    kit_check_all(&reader, size);
    close_second(&reader);
    p->busy = false;
}

static void test_any_moment(void **state)
{
    (void)state;
    struct kit k;
    kit_init(&k, 1);
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    struct peek p = {&k, 0, false};
    simdisk_watch(k.disk, each_call, &p);
    for (int i = 0; i < 40; i++) {
        kit_append_ok(&k, 1, 5000);
        p.acked++;
        assert_int_equal(k.s->v->prepare(k.s), 0);
    }
    kit_close(&k);
    simdisk_watch(k.disk, NULL, NULL);
    kit_deinit(&k);
}

/* A reader without a writer shows the whole tail, after a sync of its own. */
static void test_alone(void **state)
{
    (void)state;
    struct kit k;
    kit_init(&k, 1);
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    kit_append_ok(&k, 2, 100);
    kit_append_ok(&k, 3, 100);
    kit_kill(&k);
    uint64_t syncs = simdisk_count(k.disk, SIMDISK_SYNC);
    kit_open_ok(&k, ATE__STORAGE_READ);
    assert_true(simdisk_count(k.disk, SIMDISK_SYNC) == syncs + 1);
    kit_check_all(&k, 5);
    kit_close(&k);
    /* Where that fails, what the floor vouches for. */
    simdisk_fail(k.disk, SIMDISK_SYNC, 1, 1, ATE_E_IO);
    kit_open_ok(&k, ATE__STORAGE_READ);
    kit_check_all(&k, 2);
    kit_deinit(&k);
}

/* Only one list is whole, and a segment is newer than it: not to be written on. */
static void test_newer_segment(void **state)
{
    (void)state;
    struct kit k;
    kit_init(&k, 1);
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    kit_append_ok(&k, 2, 100);
    kit_close(&k);
    size_t size;
    uint8_t *old = simdisk_get(k.disk, KIT_DIR "/meta.a", &size);
    kit_open_ok(&k, 0);
    kit_append_ok(&k, 7, 10000);
    kit_close(&k);
    simdisk_put(k.disk, KIT_DIR "/meta.a", old, size);
    simdisk_flip(k.disk, KIT_DIR "/meta.b", 99, 1);
    free(old);
    uint64_t digest = simdisk_digest(k.disk);
    for (int read = 0; read < 2; read++) {
        kit_open_ok(&k, read ? ATE__STORAGE_READ : 0);
        assert_false(kit_state(&k).writable);
        struct ate__storage_damage damage = kit_damage(&k);
        assert_int_equal(damage.what, ATE_TAMPERED);
        assert_string_equal(damage.file, "meta.b");
        assert_int_equal(kit_append(&k, 1, 100, 0), ATE_READ_ONLY);
        kit_check_all(&k, 2);
        kit_close(&k);
        assert_true(simdisk_digest(k.disk) == digest);
    }
    kit_deinit(&k);
}

/* A creation that was killed between its two lists leaves no damage; a list that had bytes is. */
static void test_list_not_begun(void **state)
{
    (void)state;
    struct kit k;
    kit_init(&k, 1);
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    kit_append_ok(&k, 3, 100);
    kit_close(&k);
    const char *const names[] = {"/meta.b", "/meta.b", "/meta.b", "/meta.a"};
    const int cuts[] = {0, -1, 50, 0};
    for (size_t i = 0; i < 4; i++) {
        char path[64];
        size_t size;
        snprintf(path, sizeof path, KIT_DIR "%s", names[i]);
        uint8_t *whole = simdisk_get(k.disk, path, &size);
        if (cuts[i] < 0)
            simdisk_unlink(k.disk, path);
        else
            simdisk_cut(k.disk, path, (uint64_t)cuts[i]);
        kit_open_ok(&k, ATE__STORAGE_READ);
        assert_int_equal(kit_damage(&k).what, i < 2 ? ATE_OK : ATE_TAMPERED);
        kit_check_all(&k, 3);
        kit_close(&k);
        simdisk_put(k.disk, path, whole, size);
        free(whole);
    }
    kit_deinit(&k);
}

static void test_versions(void **state)
{
    (void)state;
    struct kit k;
    struct ate__buf buf = ATE__BUF_NULL;
    kit_init(&k, 1);
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    kit_append_ok(&k, 2, 100);
    kit_close(&k);
    struct ate__meta m;
    size_t size;
    uint8_t *bytes = simdisk_get(k.disk, KIT_DIR "/meta.b", &size);
    assert_int_equal(ate__meta_decode(ate__bytes(bytes, size), &m), 0);
    m.revision++;
    assert_int_equal(ate__meta_encode(&m, &buf), 0);
    struct ate_hash sha;
    buf.data[8] = ATE__META_VERSION + 1;
    assert_int_equal(ate__sha256(ate__bytes(buf.data, buf.size - ATE__META_SHA), &sha), 0);
    memcpy(buf.data + buf.size - ATE__META_SHA, sha.b, sizeof sha.b);
    simdisk_put(k.disk, KIT_DIR "/meta.b", buf.data, buf.size);
    uint64_t digest = simdisk_digest(k.disk);
    assert_int_equal(kit_open(&k, 0), ATE_UNSUPPORTED);
    assert_int_equal(kit_open(&k, ATE__STORAGE_READ), ATE_UNSUPPORTED);
    assert_true(simdisk_digest(k.disk) == digest);
    free(bytes);
    ate__meta_deinit(&m);
    ate__buf_deinit(&buf);
    kit_deinit(&k);
}

/* recover() of a log that has not failed changes nothing; the role is what creation said. */
static void test_small(void **state)
{
    (void)state;
    struct kit k;
    kit_init(&k, 1);
    assert_int_equal(ate__storage_open_file(&k.sim.env, k.root, ATE__STORAGE_CREATE, &kit_chain,
                                            ATE__ROLE_MIRROR, NULL, &k.s),
                     0);
    kit_append_ok(&k, 2, 100);
    uint64_t digest = simdisk_digest(k.disk);
    assert_int_equal(k.s->v->recover(k.s), 0);
    assert_true(simdisk_digest(k.disk) == digest);
    kit_close(&k);
    kit_open_ok(&k, 0);
    assert_int_equal(kit_state(&k).role, ATE__ROLE_MIRROR);
    const struct ate__storage_vtable *v = k.s->v;
    v->close(NULL);
    kit_deinit(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lock),          cmocka_unit_test(test_none),
        cmocka_unit_test(test_beside),        cmocka_unit_test(test_damage_beside),
        cmocka_unit_test(test_any_moment),    cmocka_unit_test(test_alone),
        cmocka_unit_test(test_newer_segment), cmocka_unit_test(test_list_not_begun),
        cmocka_unit_test(test_versions),      cmocka_unit_test(test_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
