/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The view image of a chain: a chain that was opened with it is the one that a replay makes, in
 * every object, list, key and origin; whatever else lies there is passed over and harms nothing. */
#include "chain/image.h"
#include "base/workers.h"
#include "chain/chain_private.h"
#include "lib/heap.h"
#include "story.h"
#include "trust/state_private.h"
#include <stdlib.h>

#define IMAGE "/c/,chain/view"
static const struct ate__key32 secrets[2] = {{{1}}, {{2}}};
static struct story s, other;

static void begin(struct story *story, uint64_t seed, unsigned transactions)
{
    story_init(story, seed);
    story->k.image_secrets = secrets;
    story->k.image_secret_count = 1;
    kit_ok(story_go_on(story, transactions));
    kit_reopen_ok(&story->k); /* with the secret from now on */
    story->k.chain->image_log_min = 0;
}

static uint64_t image_size(const struct kit *k)
{
    return ate__chain_image_size(k->chain);
}

/* Its close writes an image. */
static void open_with_image(struct kit *k, unsigned flags)
{
    kit_open_ok(k, flags);
    k->chain->image_log_min = 0;
}

static void open_without(struct kit *k)
{
    k->image_secret_count = 0;
    kit_open_ok(k, ATE__STORAGE_READ);
    k->image_secret_count = 1;
}

/* ---- comparing two chains ---- */

static void same_children(struct ate__chain *a, struct ate__chain *b, const struct ate_id *parent)
{
    struct ate__view_snapshot sa = {a->view, NULL, UINT64_MAX}, sb = {b->view, NULL, UINT64_MAX};
    uint64_t at_a = 0, at_b = 0;
    struct ate_id id_a, id_b;
    int rc;
    do {
        rc = ate__view_next_child(&sa, &(struct ate__listing){.parent = *parent}, &at_a, &id_a);
        assert_int_equal(
            ate__view_next_child(&sb, &(struct ate__listing){.parent = *parent}, &at_b, &id_b), rc);
        if (!rc)
            assert_memory_equal(&id_a, &id_b, sizeof id_a);
    } while (!rc);
}

static void same_controls(const struct ate__control *a, const struct ate__control *b)
{
    for (; a && b; a = a->older, b = b->older) {
        assert_true(a->sequence == b->sequence);
        assert_memory_equal(&a->hash, &b->hash, sizeof a->hash);
        assert_true(ate__bytes_equal(ate__buf_bytes(&a->bytes), ate__buf_bytes(&b->bytes)));
    }
    assert_true(!a && !b);
}

static void same_objects(struct ate__chain *a, struct ate__chain *b)
{
    struct ate__view_snapshot sa = {a->view, NULL, UINT64_MAX}, sb = {b->view, NULL, UINT64_MAX};
    struct ate_id id;
    struct ate__object_facts fa, fb;
    for (uint64_t at = 0; !ate__view_next_object(&sa, &at, &id, &fa);) {
        struct ate__view_body ba, bb;
        assert_int_equal(ate__view_object(&sb, &id, &fb), 0);
        same_controls(fa.control, fb.control);
        same_controls(fa.ended, fb.ended);
        fa.control = fb.control = fa.ended = fb.ended = NULL;
        assert_memory_equal(&fa, &fb, sizeof fa);
        int rc = ate__view_body(&sa, &id, &ba);
        assert_int_equal(ate__view_body(&sb, &id, &bb), rc);
        if (!rc)
            assert_true(ba.sequence == bb.sequence && ba.position.place == bb.position.place &&
                        ba.position.size == bb.position.size && ba.offset == bb.offset &&
                        ba.size == bb.size && ate__hash_equal(&ba.hash, &bb.hash));
        same_children(a, b, &id);
    }
}

static void same_bytes(const struct ate__trust *a, const struct ate__trust *b, uint64_t size)
{
    struct ate__buf bytes_a = ATE__BUF_NULL, bytes_b = ATE__BUF_NULL;
    struct ate__wr wa = ate__wr_of(&bytes_a), wb = ate__wr_of(&bytes_b);
    ate__roster_write((struct ate__roster *)(uintptr_t)&a->roster, size, &wa);
    ate__roster_write((struct ate__roster *)(uintptr_t)&b->roster, size, &wb);
    kit_ok(ate__origins_write(&a->origins, size, &wa));
    kit_ok(ate__origins_write(&b->origins, size, &wb));
    assert_true(ate__bytes_equal(ate__buf_bytes(&bytes_a), ate__buf_bytes(&bytes_b)));
    ate__buf_deinit(&bytes_a);
    ate__buf_deinit(&bytes_b);
}

static void same_trust(struct ate__chain *a, struct ate__chain *b)
{
    struct ate__trust *ta = a->trust, *tb = b->trust;
    size_t at_a = 0, at_b = 0;
    int rc;
    assert_true(ta->next == tb->next && ta->keyring.count == tb->keyring.count);
    do {
        struct ate__buf ka = ATE__BUF_NULL, kb = ATE__BUF_NULL;
        uint64_t sa = 0, sb = 0;
        rc = ate__keyring_next(&ta->keyring, UINT64_MAX, &at_a, &sa, &ka);
        assert_int_equal(ate__keyring_next(&tb->keyring, UINT64_MAX, &at_b, &sb, &kb), rc);
        assert_true(sa == sb && ate__bytes_equal(ate__buf_bytes(&ka), ate__buf_bytes(&kb)));
        ate__buf_deinit(&ka);
        ate__buf_deinit(&kb);
    } while (!rc);
    same_bytes(ta, tb, ta->next);
}

/* The open chain, against a replay of the same disk as it is. */
static void same_as_replay(struct kit *k)
{
    struct kit replayed;
    kit_take(&replayed, k, simdisk_clone(k->disk), 5);
    open_without(&replayed);
    assert_int_equal(image_size(&replayed), 0);
    struct ate__chain *a = k->chain, *b = replayed.chain;
    assert_true(a->tree.size == b->tree.size && a->root_time_us == b->root_time_us &&
                a->next_sequence == b->next_sequence);
    assert_true(atomic_load(&a->believed_from) == atomic_load(&b->believed_from));
    assert_memory_equal(&a->root, &b->root, sizeof a->root);
    same_objects(a, b);
    same_objects(b, a);
    same_trust(a, b);
    kit_deinit(&replayed);
}

/* ---- that it is the same ---- */

static void test_same_as_replay(void **state)
{
    (void)state;
    uint64_t seed = rnd_seed(1);
    for (unsigned round = 0; round < 4; round++) {
        begin(&s, seed + round, 200 + 250 * round);
        for (unsigned again = 0; again < 3; again++) {
            story_note(&s);
            kit_close(&s.k);
            open_with_image(&s.k, 0);
            assert_true(image_size(&s.k) == s.size);
            same_as_replay(&s.k);
            story_check(&s);
            kit_ok(story_go_on(&s, 60 + 100 * again)); /* above it */
            story_note(&s);
            kit_kill(&s.k);
            open_with_image(&s.k, again % 2 ? ATE__STORAGE_READ : 0);
            assert_true(image_size(&s.k) && image_size(&s.k) < s.size);
            same_as_replay(&s.k);
            story_check(&s);
            if (again % 2) {
                kit_close(&s.k);
                open_with_image(&s.k, 0);
            }
        }
        story_deinit(&s);
    }
}

static void test_after_compaction(void **state)
{
    (void)state;
    struct ate__compacted done;
    begin(&s, 7, 900);
    kit_close(&s.k);
    open_with_image(&s.k, 0);
    ate__view_reclaim(ate__chain_view(s.k.chain), 0);
    story_note(&s);
    kit_ok(story_compact(&s, UINT64_MAX, &done));
    kit_kill(&s.k); /* the image is of before */
    open_with_image(&s.k, 0);
    assert_int_equal(image_size(&s.k), 0);
    story_check(&s);
    kit_close(&s.k);
    open_with_image(&s.k, 0);
    assert_true(image_size(&s.k) == kit_size(&s.k));
    assert_true(atomic_load(&s.k.chain->believed_from) == kit_size(&s.k));
    same_as_replay(&s.k);
    story_check(&s);
    kit_ok(story_go_on(&s, 200));
    story_note(&s);
    kit_reopen_ok(&s.k);
    same_as_replay(&s.k);
    story_deinit(&s);
}

/* ---- that it is passed over ---- */

/* It opens, with an image or without, to what was noted. */
static uint64_t opens_right(struct simdisk *take_disk, const struct ate__key32 *with)
{
    static struct story f;
    story_fork(&f, &s, take_disk, 3);
    f.k.image_secrets = with;
    open_with_image(&f.k, 0);
    uint64_t size = image_size(&f.k);
    story_check_state(&f);
    kit_put_ok(&f.k, 900, "goes on");
    kit_reopen_ok(&f.k);
    story_deinit(&f);
    return size;
}

static void test_passed_over(void **state)
{
    (void)state;
    size_t size, old_size;
    begin(&s, 3, 60);
    kit_close(&s.k);
    uint8_t *old = simdisk_get(s.k.disk, IMAGE, &old_size);
    struct simdisk *older = simdisk_clone(s.k.disk);
    open_with_image(&s.k, 0);
    uint64_t behind = kit_size(&s.k);
    kit_ok(story_go_on(&s, 30));
    story_note(&s);
    kit_close(&s.k);
    uint8_t *image = simdisk_get(s.k.disk, IMAGE, &size);
    assert_true(opens_right(simdisk_clone(s.k.disk), secrets) == s.size);
    assert_int_equal(opens_right(simdisk_clone(s.k.disk), secrets + 1), 0); /* another secret */
    struct simdisk *d = simdisk_clone(s.k.disk); /* an older one */
    simdisk_put(d, IMAGE, old, old_size);
    assert_true(opens_right(d, secrets) == behind);
    for (size_t at = 0; at < size; at += at < ATE__TILE_LEAVES / 2 ? 1 : 173) {
        d = simdisk_clone(s.k.disk);
        simdisk_flip(d, IMAGE, at, (uint8_t)(1 << at % 8));
        assert_int_equal(opens_right(d, secrets), 0);
    }
    for (size_t cut = 0; cut < size; cut += 411) {
        d = simdisk_clone(s.k.disk);
        simdisk_cut(d, IMAGE, cut);
        assert_int_equal(opens_right(d, secrets), 0);
    }
    simdisk_put(older, IMAGE, image, size); /* newer than the log */
    struct kit k;
    kit_take(&k, &s.k, older, 4);
    open_with_image(&k, 0);
    assert_int_equal(image_size(&k), 0);
    assert_true(kit_size(&k) == behind);
    kit_deinit(&k);
    begin(&other, 4, 60); /* of another chain, with the same secret */
    kit_close(&other.k);
    free(old);
    old = simdisk_get(other.k.disk, IMAGE, &old_size);
    d = simdisk_clone(s.k.disk);
    simdisk_put(d, IMAGE, old, old_size);
    assert_int_equal(opens_right(d, secrets), 0);
    story_deinit(&other);
    free(old);
    free(image);
    story_deinit(&s);
}

/* The log below it is another one than it was written of: the tree of its leaves is compared, and
 * the last record; all else is found when it is read, or by an open without the image. */
static void test_another_log(void **state)
{
    (void)state;
    begin(&s, 5, 700);
    story_note(&s);
    kit_close(&s.k);
    struct simdisk *d = simdisk_clone(s.k.disk);
    simdisk_flip(d, "/c/,chain/tiles", 100, 1);
    assert_int_equal(opens_right(d, secrets), 0);
    d = simdisk_clone(s.k.disk); /* tiles that are not there are made of the records */
    simdisk_unlink(d, "/c/,chain/tiles");
    assert_true(opens_right(d, secrets) == s.size);
    struct kit k;
    kit_take(&k, &s.k, simdisk_clone(s.k.disk), 6);
    simdisk_flip(k.disk, "/c/,chain/0000000000000001.seg", 9000, 1);
    open_with_image(&k, ATE__STORAGE_READ);
    assert_true(image_size(&k) == s.size);
    kit_close(&k);
    k.image_secret_count = 0;
    assert_int_equal(kit_open(&k, 0), ATE_TAMPERED);
    kit_deinit(&k);
    story_deinit(&s);
}

/* Changes the n-th such text of the log. */
static void damage_text(const char *text, unsigned n)
{
    for (unsigned id = 1;; id++) {
        char path[60];
        size_t size;
        snprintf(path, sizeof path, "/c/,chain/%016x.seg", id);
        uint8_t *bytes = simdisk_get(s.k.disk, path, &size), *at = bytes;
        while ((at = memmem(at + 1, size - (size_t)(at + 1 - bytes), text, strlen(text))) && n)
            n--;
        if (at)
            simdisk_flip(s.k.disk, path, (uint64_t)(at - bytes), 1);
        free(bytes);
        if (at)
            return;
    }
}

/* Damage above the image: a reader sees all before it, as he would without. */
static void test_damage_above(void **state)
{
    (void)state;
    uint64_t sizes[2];
    begin(&s, 6, 100);
    kit_close(&s.k);
    open_with_image(&s.k, 0);
    uint64_t behind = kit_size(&s.k);
    for (unsigned i = 0; i < 40; i++)
        kit_put_ok(&s.k, 700 + i, "it lies above");
    kit_kill(&s.k);
    damage_text("it lies above", 20);
    for (unsigned with = 0; with < 2; with++) {
        s.k.image_secret_count = with;
        kit_open_ok(&s.k, ATE__STORAGE_READ);
        sizes[with] = kit_size(&s.k);
        kit_close(&s.k);
    }
    assert_true(sizes[0] == sizes[1] && sizes[0] >= behind && sizes[0] < behind + 40);
    s.k.image_secret_count = 1;
    assert_int_equal(kit_open(&s.k, 0), ATE_TAMPERED);
    story_deinit(&s);
}

/* ---- writing it ---- */

/* A power loss at any point of a close: the old image or the new one, and all of the chain. */
static void test_crash(void **state)
{
    (void)state;
    static struct story f;
    bool end = false;
    unsigned with = 0;
    begin(&s, 8, 40);
    kit_close(&s.k);
    open_with_image(&s.k, 0);
    kit_ok(story_go_on(&s, 40));
    story_note(&s);
    kit_close(&s.k);
    open_with_image(&s.k, 0);
    kit_put_ok(&s.k, 900, "goes on");
    story_note(&s);
    struct simdisk *before = simdisk_clone(s.k.disk);
    kit_kill(&s.k);
    for (uint64_t n = 0; !end; n++) {
        story_fork(&f, &s, simdisk_clone(before), 3);
        open_with_image(&f.k, 0);
        kit_put_ok(&f.k, 901, "and on");
        simdisk_stop(f.k.disk, n);
        kit_close(&f.k);
        end = !simdisk_stopped(f.k.disk);
        for (uint64_t seed = 0; seed < 4; seed++) {
            struct kit k;
            kit_take(&k, &f.k, simdisk_crash(f.k.disk, seed), seed);
            open_with_image(&k, 0);
            with += image_size(&k) != 0;
            same_as_replay(&k);
            assert_string_equal(kit_text(&k, 901), "and on");
            kit_deinit(&k);
        }
        story_deinit(&f);
    }
    print_message("%u opens with an image\n", with);
    assert_true(with > 20);
    simdisk_free(before);
    story_deinit(&s);
}

/* The n-th call to the disk fails, at the open or at the close. */
static void test_failures(void **state)
{
    (void)state;
    begin(&s, 9, 40);
    kit_close(&s.k);
    for (unsigned closing = 0; closing < 2; closing++)
        for (uint64_t n = 1; n < 400; n++) {
            struct kit k;
            kit_take(&k, &s.k, simdisk_clone(s.k.disk), n);
            if (!closing)
                simdisk_fail(k.disk, SIMDISK_ALL & ~(unsigned)SIMDISK_LOCK, n, 1, ATE_E_IO);
            int rc = kit_open(&k, 0);
            if (!rc) {
                simdisk_fail(k.disk, SIMDISK_ALL, 0, 0, 0);
                k.chain->image_log_min = 0;
                kit_put_ok(&k, 900, "goes on");
                if (closing)
                    simdisk_fail(k.disk, SIMDISK_ALL, n, 1, n % 2 ? ATE_E_IO : ATE_E_NO_SPACE);
                kit_close(&k);
            }
            bool done = !simdisk_failed(k.disk);
            simdisk_fail(k.disk, SIMDISK_ALL, 0, 0, 0);
            kit_open_ok(&k, 0);
            same_as_replay(&k);
            kit_deinit(&k);
            if (closing ? done : !rc && n > 200)
                break;
        }
    story_deinit(&s);
}

struct sweep {
    struct simdisk *disk;
    struct kit *from;
};

/* Open, with the image or without where memory is short; then a close that writes one. */
static int open_and_close(void *arg)
{
    struct sweep *x = arg;
    struct kit k;
    kit_take(&k, x->from, simdisk_clone(x->disk), 3);
    int rc = kit_open(&k, 0);
    if (!rc)
        k.chain->image_log_min = 0;
    kit_deinit(&k);
    return rc;
}

static void test_lack_of_memory(void **state)
{
    (void)state;
    begin(&s, 10, 12);
    kit_close(&s.k);
    open_with_image(&s.k, 0);
    kit_put_ok(&s.k, 900, "above");
    struct sweep x = {simdisk_clone(s.k.disk), &s.k};
    kit_close(&s.k);
    uint64_t n = heap_sweep(open_and_close, &x, true);
    print_message("%llu allocations\n", (unsigned long long)n);
    simdisk_free(x.disk);
    story_deinit(&s);
}

/* ---- in the background ---- */

enum { WRITERS = 3, EACH = 150 };

struct writer {
    struct kit k; /* a way of its own into the same chain */
    pthread_t thread;
    unsigned n;
};

/* The window is short: what was begun too long ago is begun again. */
static void put_at_last(struct kit *k, unsigned object)
{
    int rc;
    do
        rc = kit_put(k, object, "text");
    while (rc == ATE_STALE);
    kit_ok(rc);
}

static void *write_many(void *arg)
{
    struct writer *w = arg;
    for (unsigned i = 0; i < EACH; i++)
        put_at_last(&w->k, 1000 + w->n * EACH + i);
    return NULL;
}

static void test_beside_writers(void **state)
{
    (void)state;
    static struct writer writers[WRITERS];
    begin(&s, 11, 300);
    kit_close(&s.k);
    kit_ok(ate__workers_new(2, &s.k.workers));
    open_with_image(&s.k, 0);
    for (unsigned i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.k = s.k, .n = i};
        writers[i].k.origin = (uint8_t)(50 + i);
        assert_int_equal(pthread_create(&writers[i].thread, NULL, write_many, &writers[i]), 0);
    }
    uint64_t first = image_size(&s.k), newest = first;
    for (unsigned i = 0; i < 200 || newest == first; i++) { /* as the tick does it, more often */
        pthread_mutex_lock(&s.k.chain->mutex);
        ate__chain_image_due(s.k.chain);
        newest = image_size(&s.k);
        pthread_mutex_unlock(&s.k.chain->mutex);
        put_at_last(&s.k, 2000 + i % 50);
    }
    for (unsigned i = 0; i < WRITERS; i++)
        pthread_join(writers[i].thread, NULL);
    /* An image is passed over where a recovery moves records below it: the floor that the next
     * groups witness is above. */
    for (unsigned i = 0; i < 3; i++)
        put_at_last(&s.k, 2100 + i);
    uint64_t size = kit_size(&s.k);
    kit_kill(&s.k); /* what the background wrote is what is there */
    open_with_image(&s.k, 0);
    print_message("an image of %llu of %llu\n", (unsigned long long)image_size(&s.k),
                  (unsigned long long)size);
    assert_true(image_size(&s.k) > first && kit_size(&s.k) == size);
    same_as_replay(&s.k);
    kit_close(&s.k);
    ate__workers_unref(s.k.workers);
    s.k.workers = NULL;
    story_deinit(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_as_replay), cmocka_unit_test(test_after_compaction),
        cmocka_unit_test(test_passed_over),    cmocka_unit_test(test_another_log),
        cmocka_unit_test(test_damage_above),   cmocka_unit_test(test_crash),
        cmocka_unit_test(test_failures),       cmocka_unit_test(test_lack_of_memory),
        cmocka_unit_test(test_beside_writers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
