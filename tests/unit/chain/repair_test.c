/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A damaged chain becomes the longest beginning of it that verifies; nothing else is changed. */
#include "chain/repair.h"
#include "story.h"
#include <stdlib.h>

enum { OBJECTS = 60 };
#define SEGMENT "0000000000000001.seg"

static int repair(struct kit *k, bool change, struct ate__repaired *ret)
{
    struct ate__repair conf = {.chain = kit_conf(k), .change = change};
    return ate__chain_repair(&conf, k->root, ret);
}

static void begin(struct kit *k, uint64_t seed)
{
    kit_init(k, seed);
    kit_create_ok(k);
    for (unsigned i = 1; i <= OBJECTS; i++)
        kit_put_ok(k, i, "a text of some length, so that there is something to lose");
    kit_close(k);
}

static bool same_file(struct kit *k, const char *a, struct kit *other, const char *b)
{
    size_t a_size, b_size;
    uint8_t *in_a = simdisk_get(k->disk, a, &a_size), *in_b = simdisk_get(other->disk, b, &b_size);
    bool same = a_size == b_size && !memcmp(in_a, in_b, a_size);
    free(in_a);
    free(in_b);
    return same;
}

static void test_whole(void **state)
{
    (void)state;
    struct kit k;
    struct ate__repaired r;
    begin(&k, 1);
    uint64_t before = simdisk_digest(k.disk);
    for (unsigned change = 0; change < 2; change++) {
        kit_ok(repair(&k, change, &r));
        assert_true(r.damage.what == ATE_OK && r.size == OBJECTS + 1);
    }
    assert_true(simdisk_digest(k.disk) == before);
    kit_open_ok(&k, 0);
    simdisk_flip(k.disk, "/c/,chain/" SEGMENT, 5000, 1);
    before = simdisk_digest(k.disk);
    assert_int_equal(repair(&k, true, &r), ATE_IN_USE);
    assert_true(simdisk_digest(k.disk) == before);
    kit_deinit(&k);
}

/* One byte anywhere: what it says before is what is there afterwards. */
static void test_flips(void **state)
{
    (void)state;
    struct kit whole;
    unsigned repaired = 0, lost = 0, hopeless = 0;
    begin(&whole, 2);
    static const char *const files[] = {"/c/,chain/0000000000000001.seg", "/c/,chain/meta.a",
                                        "/c/,chain/meta.b"};
    for (size_t f = 0; f < ATE__COUNT_OF(files); f++)
        for (uint64_t at = 0; at < simdisk_size(whole.disk, files[f]); at += f ? 23 : 211) {
            struct kit k;
            struct ate__repaired said, r;
            kit_take(&k, &whole, simdisk_clone(whole.disk), at);
            simdisk_flip(k.disk, files[f], at, (uint8_t)(1 << at % 8));
            uint64_t before = simdisk_digest(k.disk);
            int rc = repair(&k, false, &said);
            assert_true(simdisk_digest(k.disk) == before);
            hopeless += rc != 0;
            assert_true(!rc || rc == ATE_TAMPERED || rc == ATE_UNSUPPORTED);
            if (!rc && said.damage.what != ATE_OK) {
                kit_ok(repair(&k, true, &r));
                assert_true(r.size == said.size && r.behind == said.behind &&
                            r.known == said.known);
                char kept[80];
                snprintf(kept, sizeof kept, "/c/%s/" SEGMENT, r.damaged);
                assert_true(f ? same_file(&whole, files[0], &k, kept)
                              : !same_file(&whole, files[0], &k, kept));
                assert_true(simdisk_exists(k.disk, kept));
                kit_open_ok(&k, 0);
                assert_true(kit_size(&k) == said.size);
                kit_put_ok(&k, 70, "it goes on");
                repaired++;
                lost += r.size < OBJECTS + 1;
                assert_true((r.salvage[0] != 0) == (r.behind != 0));
            }
            kit_deinit(&k);
        }
    print_message("%u repaired, %u of them with a loss, %u beyond it\n", repaired, lost, hopeless);
    assert_true(repaired > 30 && lost > 20 && hopeless > 0);
    kit_deinit(&whole);
}

/* Both lists are gone, a segment is: what can be read counts. */
static void test_lists(void **state)
{
    (void)state;
    struct kit k;
    struct ate__repaired r;
    begin(&k, 3);
    simdisk_unlink(k.disk, "/c/,chain/meta.a");
    simdisk_cut(k.disk, "/c/,chain/meta.b", 30);
    assert_int_equal(kit_open(&k, ATE__STORAGE_READ), ATE_TAMPERED);
    kit_ok(repair(&k, true, &r));
    assert_true(r.size == OBJECTS + 1);
    kit_open_ok(&k, 0);
    assert_true(kit_size(&k) == OBJECTS + 1);
    kit_close(&k);
    /* a second one has other names */
    simdisk_flip(k.disk, "/c/,chain/" SEGMENT, 9000, 1);
    kit_ok(repair(&k, true, &r));
    assert_string_equal(r.damaged, ",damaged-2");
    assert_string_equal(r.salvage, ",salvage-2");
    assert_true(simdisk_size(k.disk, "/c/,salvage-2/transactions") > 1000);
    kit_open_ok(&k, 0);
    kit_deinit(&k);
}

static void lose_lists(struct kit *k)
{
    kit_close(k);
    simdisk_unlink(k->disk, "/c/,chain/meta.a");
    simdisk_cut(k->disk, "/c/,chain/meta.b", 30);
    assert_int_equal(kit_open(k, ATE__STORAGE_READ), ATE_TAMPERED);
}

/* The same where compaction has written segments anew, also where it has left out transactions. */
static void test_lists_of_what_was_compacted(void **state)
{
    (void)state;
    static struct story s;
    struct ate__repaired r;
    struct ate__compacted done;
    for (unsigned deep = 0; deep < 3; deep++) {
        story_init(&s, 90 + deep);
        kit_ok(story_go_on(&s, 900));
        story_note(&s);
        ate__view_reclaim(ate__chain_view(s.k.chain), 0);
        struct ate__compact_conf conf = {
            .deep = deep, .cut_off = UINT64_MAX, .session = s.session, .gain_percent = 1};
        kit_ok(ate__chain_compact(s.k.chain, &conf, &done));
        assert_true(done.rewritten && (done.cut_off != 0) == (deep != 0));
        if (deep == 2) { /* twice, so that there are two certificates */
            kit_ok(story_go_on(&s, 600));
            story_note(&s);
            kit_ok(ate__chain_compact(s.k.chain, &conf, &done));
        }
        uint64_t size = kit_size(&s.k);
        lose_lists(&s.k);
        kit_ok(repair(&s.k, true, &r));
        assert_true(r.size == size && !r.behind);
        kit_open_ok(&s.k, 0);
        story_check(&s);
        kit_put_ok(&s.k, 70, "it goes on");
        story_deinit(&s);
    }
}

/* ---- of a chain that was deeply compacted ---- */

static size_t file_count;
static char files[16][32];

static void each_file(void *arg, const char *name, bool is_dir, uint64_t size)
{
    (void)arg;
    (void)size;
    if (is_dir || !strstr(name, ".seg") || file_count == ATE__COUNT_OF(files))
        return;
    snprintf(files[file_count++], sizeof files[0], "%s", name);
}

/* Above the certificate: the chain ends in front of the damage. Below it: what is left is the state
 * that was certified or it is nothing, so nothing is changed. */
static void test_damage_of_what_was_compacted(void **state)
{
    (void)state;
    static struct story s, f;
    struct ate__compacted done;
    unsigned refused = 0, repaired = 0;
    story_init(&s, 95);
    kit_ok(story_go_on(&s, 900));
    story_note(&s);
    ate__view_reclaim(ate__chain_view(s.k.chain), 0);
    kit_ok(story_compact(&s, UINT64_MAX, &done));
    uint64_t certified = kit_size(&s.k);
    kit_ok(story_go_on(&s, 500));
    story_note(&s);
    kit_close(&s.k);
    simdisk_settle(s.k.disk);
    simdisk_each(s.k.disk, "/c/,chain", each_file, NULL);
    assert_true(file_count >= 2);
    for (size_t i = 0; i < file_count; i++) {
        char path[64];
        snprintf(path, sizeof path, "/c/,chain/%.31s", files[i]);
        for (uint64_t at = 5000; at < simdisk_size(s.k.disk, path); at += 9001) {
            struct ate__repaired r = {.size = 0};
            struct ate_hash root;
            uint64_t size;
            story_fork(&f, &s, simdisk_clone(s.k.disk), i + 1);
            simdisk_flip(f.k.disk, path, at, 4);
            uint64_t digest = simdisk_digest(f.k.disk);
            int rc = repair(&f.k, true, &r);
            if (rc) {
                assert_true(rc == ATE_TAMPERED || rc == ATE_OMITTED);
                assert_non_null(strstr(ate__error_text(), "put a backup or a mirror in its place"));
                assert_true(simdisk_digest(f.k.disk) == digest);
                refused++;
            } else if (r.damage.what != ATE_OK) {
                assert_true(r.size >= certified && r.size < s.size);
                kit_open_ok(&f.k, 0);
                ate__chain_head(f.k.chain, &size, &root);
                assert_true(size == r.size && ate__hash_equal(&root, &s.roots[size]));
                kit_put_ok(&f.k, 70, "it goes on");
                kit_reopen_ok(&f.k);
                repaired++;
            }
            story_deinit(&f);
        }
    }
    print_message("%u refused, %u repaired\n", refused, repaired);
    assert_true(refused > 1 && repaired > 1);
    story_deinit(&s);
}

static void test_faults(void **state)
{
    (void)state;
    struct kit whole;
    bool failed = true;
    begin(&whole, 4);
    simdisk_flip(whole.disk, "/c/,chain/" SEGMENT, 9000, 1);
    static const int results[] = {ATE_E_IO, ATE_E_NO_SPACE};
    for (uint64_t n = 1; failed; n++) {
        struct kit k;
        struct ate__repaired r;
        kit_take(&k, &whole, simdisk_clone(whole.disk), n);
        unsigned kinds = SIMDISK_ALL & ~(unsigned)(SIMDISK_LOCK);
        simdisk_fail(k.disk, kinds, n, 1, results[n % 2]);
        int rc = repair(&k, true, &r);
        failed = simdisk_failed(k.disk);
        simdisk_fail(k.disk, kinds, 0, 0, 0);
        assert_true(!rc || (failed && rc == results[n % 2]));
        rc = rc ? repair(&k, true, &r) : 0;
        kit_ok(rc);
        kit_open_ok(&k, 0);
        assert_true(kit_size(&k) > 5 && kit_size(&k) < OBJECTS);
        kit_deinit(&k);
    }
    kit_deinit(&whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_flips),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_lists_of_what_was_compacted),
        cmocka_unit_test(test_damage_of_what_was_compacted),
        cmocka_unit_test(test_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
