/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The versions of one object, by hand: deletions, what is private to others, what compaction left;
 * api/past has them against a model.
 */
#include "api/api.h"
#include "ate/history.h"
#include "dio/type.h"
#include "lib/heap.h"
#include "unit/dio/forge.h"

static struct world w;
static struct ate_chain chain;
static struct ate_id folder, kid;

/* Sequences: 1 the folder and the child; 2 to 6 the child changes; 7 the folder goes. */
static void begin(bool deleted)
{
    world_init(&w, true);
    chain = (struct ate_chain){.dio = w.dio, .pipe = w.dio->pipe, .session = w.session[0]};
    atomic_init(&chain.refs, 1);
    struct ate_txn *t = world_begin(&w);
    ok(ate_put_as(t, note, ate_top, "folder", NOTE("x", 0), &folder));
    ok(ate_put_as(t, note, folder, "kid", NOTE("x", 1), &kid));
    ok(ate_txn_commit(t, NULL));
    for (int i = 2; i <= 6; i++) {
        ok(ate_put(t, note, kid, NOTE("x", i)));
        ok(ate_txn_commit(t, NULL));
    }
    if (deleted) {
        ok(ate_delete(t, folder, ATE_TREE));
        ok(ate_txn_commit(t, NULL));
    }
    ate_txn_end(t);
}

static struct ate_versions *versions_of(struct ate_id id, unsigned session)
{
    struct ate_versions *v;
    ok(ate_versions_start(&chain, w.session[session], id, NULL, &v));
    return v;
}

static void deleted_with_what_was_above(void **state)
{
    (void)state;
    struct ate_object_version v;
    struct ate_object o;
    begin(true);
    for (unsigned both = 0; both < 2; both++) {
        struct ate_versions *versions = versions_of(both ? folder : kid, 0);
        expect(ate_versions_load(versions, &o), ATE_MISUSE);
        ok(ate_versions_next(versions, &v));
        assert_true(v.deleted && v.sequence == 7 && !v.created && v.author_count == 1);
        assert_true(!v.type && !v.name.size && ate__id_equal(&v.parent, &ate_top));
        expect(ate_versions_load(versions, &o), ATE_MISUSE);
        for (uint64_t sequence = both ? 1 : 6; sequence; sequence--) {
            ok(ate_versions_next(versions, &v));
            assert_true(v.sequence == sequence && !v.deleted && v.created == (sequence == 1));
            ok(ate_versions_load(versions, &o));
            assert_true(o.sequence == sequence && o.created_sequence == 0);
        }
        expect(ate_versions_next(versions, &v), ATE_END);
        expect(ate_versions_load(versions, &o), ATE_MISUSE);
        ate_versions_end(versions);
    }
    world_deinit(&w);
}

static void private_to_others(void **state)
{
    (void)state;
    struct ate_versions *versions;
    struct ate_object_version v;
    struct ate_object o;
    begin(false);
    versions = versions_of(kid, 1);
    for (uint64_t sequence = 6; sequence; sequence--) {
        ok(ate_versions_next(versions, &v));
        assert_true(v.sequence == sequence && v.encrypted && !v.readable && !v.type);
        assert_true(!v.name.size && v.payload_size && !v.renamed && !v.moved);
        expect(ate_versions_load(versions, &o), ATE_NO_KEY);
    }
    ate_versions_end(versions);
    world_deinit(&w);
}

/* ---- records that are gone ---- */

static const struct ate__storage_vtable *whole;
static uint64_t gone; /* a bit for each sequence */

struct passing {
    const struct ate__scan *scan;
};

static int pass(void *arg, const struct ate__record_out *record)
{
    const struct ate__scan *scan = ((struct passing *)arg)->scan;
    return gone >> record->sequence & 1 ? 0 : scan->record(scan->arg, record);
}

static int scan_what_is_left(struct ate__storage *s, uint64_t from, uint64_t to,
                             const struct ate__scan *scan)
{
    struct passing p = {scan};
    return whole->scan(s, from, to, &(struct ate__scan){NULL, pass, &p});
}

static void holes(void **state)
{
    (void)state;
    static const struct {
        uint64_t gone;
        int results[10]; /* a sequence, or minus a result */
    } rows[] = {
        {0, {6, 5, 4, 3, 2, 1, -ATE_END}},
        {1 << 4, {6, 5, -ATE_COMPACTED, 3, 2, 1, -ATE_END}},
        {1 << 4 | 1 << 3 | 1 << 2, {6, 5, -ATE_COMPACTED, 1, -ATE_END}},
        {1 << 5 | 1 << 3, {6, -ATE_COMPACTED, 4, -ATE_COMPACTED, 2, 1, -ATE_END}},
        {1 << 1, {6, 5, 4, 3, 2, -ATE_COMPACTED, -ATE_END, -ATE_END}},
        {1 << 2 | 1 << 1, {6, 5, 4, 3, -ATE_COMPACTED, -ATE_END}},
    };
    begin(false);
    struct ate__storage *s = ate__chain_storage(world_chain(&w));
    struct ate__storage_vtable holed = *s->v;
    struct ate_object_version v;
    whole = s->v;
    holed.scan = scan_what_is_left;
    s->v = &holed;
    for (size_t i = 0; i < ATE__COUNT_OF(rows); i++) {
        struct ate_versions *versions = versions_of(kid, 0);
        gone = rows[i].gone;
        for (size_t k = 0; k < 10 && rows[i].results[k]; k++) {
            int want = rows[i].results[k];
            expect(ate_versions_next(versions, &v), want < 0 ? -want : 0);
            assert_true(want < 0 || v.sequence == (uint64_t)want);
            assert_true(want < 0 || (!v.moved && !v.renamed));
        }
        ate_versions_end(versions);
    }
    s->v = whole;
    world_deinit(&w);
}

/* A version that could not be opened for want of memory is given by the next call. */
static void nothing_is_skipped(void **state)
{
    (void)state;
    struct ate_versions *versions;
    struct ate_object_version v;
    ate__schema_forget_all();
    heap_start();
    begin(false);
    for (uint64_t n = 1, clean = 0; !clean; n++) {
        heap_fail(n, false);
        int rc = ate_versions_start(&chain, NULL, kid, NULL, &versions);
        if (rc == ATE_E_MEMORY)
            continue;
        expect(rc, 0);
        for (uint64_t sequence = 6; sequence > 0;) {
            rc = ate_versions_next(versions, &v);
            if (rc == ATE_E_MEMORY)
                continue;
            expect(rc, 0);
            assert_true(v.sequence == sequence-- && v.readable);
        }
        clean = !heap_failed();
        heap_fail(0, false);
        expect(ate_versions_next(versions, &v), ATE_END);
        ate_versions_end(versions);
    }
    heap_fail(0, false);
    world_deinit(&w);
    ate__schema_forget_all();
    heap_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deleted_with_what_was_above),
        cmocka_unit_test(private_to_others),
        cmocka_unit_test(holes),
        cmocka_unit_test(nothing_is_skipped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
