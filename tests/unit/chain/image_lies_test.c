/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* View images under the right secret that are not of the chain that lies there: each is as its
 * owner could have sealed it, but for the one thing that a check is there for. All are passed over,
 * and what opens is what a replay makes. */
#include "base/endian.h"
#include "chain/chain_private.h"
#include "chain/image.h"
#include "lib/heap.h"
#include "reseal.h"
#include "story.h"
#include <stdlib.h>

#define IMAGE "/c/,chain/view"
#define TILES "/c/,chain/tiles"
static const struct ate__key32 secret = {{1}};
static struct story s;

enum { TEXT_OBJECT = 900, HEAP_MOST = 64 << 20 };

static void begin(uint64_t seed, unsigned transactions)
{
    story_init(&s, seed);
    s.k.image_secrets = &secret;
    s.k.image_secret_count = 1;
    kit_ok(story_go_on(&s, transactions));
    kit_reopen_ok(&s.k);
    s.k.chain->image_log_min = 0; /* its close writes an image */
}

static void fill_up(struct story *story, uint64_t size)
{
    while (kit_size(&story->k) < size)
        kit_put_ok(&story->k, TEXT_OBJECT + 1, "on the way");
    assert_true(kit_size(&story->k) == size);
}

static uint64_t image_size(const struct kit *k)
{
    return ate__chain_image_size(k->chain);
}

static struct ate__dir *log_of(struct kit *k)
{
    struct ate__dir *dir;
    kit_ok(k->sim.env.vfs->open_dir(k->root, ATE__CHAIN_NAME, false, &dir));
    return dir;
}

static void change_image(struct kit *k, void (*lie)(struct reseal *r))
{
    struct ate__dir *dir = log_of(k);
    struct reseal r;
    reseal_read(&r, &k->sim.env, dir, &secret);
    lie(&r);
    reseal_write(&r, &k->sim.env, dir, &secret);
    k->sim.env.vfs->close_dir(dir);
}

/* Behind how many transactions the image was that the chain opened with. */
static uint64_t opens_with(void (*lie)(struct reseal *r))
{
    static struct story f;
    story_fork(&f, &s, simdisk_clone(s.k.disk), 3);
    change_image(&f.k, lie);
    kit_open_ok(&f.k, 0);
    uint64_t size = image_size(&f.k);
    if (!size)
        story_check_state(&f);
    story_deinit(&f);
    return size;
}

/* ---- the head, the tree, the trust state ---- */

static void none(struct reseal *r)
{
    (void)r;
}

static void another_chain(struct reseal *r)
{
    r->head.chain_id.b[3] ^= 1;
}

static void another_generation(struct reseal *r)
{
    r->head.generation++;
}

static void another_root(struct reseal *r)
{
    r->head.root.b[31] ^= 1;
}

static void of_nothing(struct reseal *r)
{
    static const uint8_t no_nodes[4];
    r->head.size = 0;
    kit_ok(ate__sha256(ate__bytes(NULL, 0), &r->head.root));
    reseal_splice(r, RESEAL_NODES, reseal_trust(r) - RESEAL_NODES, no_nodes, sizeof no_nodes);
}

static void one_node_more(struct reseal *r)
{
    static const struct ate_hash node = {{5}};
    size_t behind = reseal_trust(r);
    ate__store32(r->stream.data + RESEAL_NODES, ate__load32(r->stream.data + RESEAL_NODES) + 1);
    reseal_splice(r, behind, 0, &node, sizeof node);
}

static void believed_from_later(struct reseal *r)
{
    ate__store64(r->stream.data + RESEAL_BELIEVED_FROM, r->head.size + 1);
}

static void resize_trust(struct reseal *r, size_t at, size_t gone, const void *bytes, size_t size)
{
    uint8_t *trust = r->stream.data + reseal_trust(r);
    ate__store32(trust, ate__load32(trust) + (uint32_t)size - (uint32_t)gone);
    reseal_splice(r, at, gone, bytes, size);
}

static void a_longer_trust_state(struct reseal *r)
{
    static const uint8_t more;
    resize_trust(r, reseal_view(r), 0, &more, 1);
}

/* The public keys: the root's, of transaction 0, and one more. */
static size_t first_key(const struct reseal *r)
{
    size_t at = reseal_trust(r) + 4;
    assert_int_equal(ate__load32(r->stream.data + at), 2);
    return at + 4;
}

static size_t second_key(const struct reseal *r)
{
    size_t at = first_key(r);
    return at + 12 + ate__load32(r->stream.data + at + 8);
}

static void a_later_key(struct reseal *r)
{
    ate__store64(r->stream.data + second_key(r), r->head.size);
}

static void keys_out_of_order(struct reseal *r)
{
    ate__store64(r->stream.data + first_key(r), r->head.size - 1);
}

static void an_empty_key(struct reseal *r)
{
    size_t at = second_key(r) + 8;
    uint32_t size = ate__load32(r->stream.data + at);
    ate__store32(r->stream.data + at, 0);
    resize_trust(r, at + 4, size, NULL, 0);
}

static void a_key_twice(struct reseal *r)
{
    size_t from = first_key(r) + 8, to = second_key(r) + 8;
    uint32_t size = ate__load32(r->stream.data + from);
    assert_int_equal(ate__load32(r->stream.data + to), size);
    memcpy(r->stream.data + to + 4, r->stream.data + from + 4, size);
}

static void one_byte_more(struct reseal *r)
{
    static const uint8_t more;
    reseal_splice(r, r->stream.size, 0, &more, 1);
}

static void test_lies(void **state)
{
    (void)state;
    begin(1, 120);
    story_note(&s);
    kit_close(&s.k);
    assert_true(opens_with(none) == s.size);
    assert_int_equal(opens_with(another_chain), 0);
    assert_int_equal(opens_with(another_generation), 0);
    assert_int_equal(opens_with(another_root), 0);
    assert_int_equal(opens_with(of_nothing), 0);
    assert_int_equal(opens_with(one_node_more), 0);
    assert_int_equal(opens_with(believed_from_later), 0);
    assert_int_equal(opens_with(a_longer_trust_state), 0);
    assert_int_equal(opens_with(a_later_key), 0);
    assert_int_equal(opens_with(keys_out_of_order), 0);
    assert_int_equal(opens_with(an_empty_key), 0);
    assert_int_equal(opens_with(a_key_twice), 0);
    assert_int_equal(opens_with(one_byte_more), 0);
    story_deinit(&s);
}

static void a_later_time(struct reseal *r)
{
    ate__store64(r->stream.data + RESEAL_ROOT_TIME, UINT64_MAX - 1);
}

/* One on which what follows in the log cannot be is not in force either, so that another one takes
 * its place. */
static void test_what_follows(void **state)
{
    (void)state;
    begin(7, 120);
    kit_close(&s.k);
    kit_open_ok(&s.k, 0);
    uint64_t size = kit_size(&s.k);
    kit_put_ok(&s.k, TEXT_OBJECT, "above");
    story_note(&s);
    kit_close(&s.k);
    assert_true(opens_with(none) == size);
    assert_int_equal(opens_with(a_later_time), 0);
    story_deinit(&s);
}

static void a_huge_trust_state(struct reseal *r)
{
    ate__store32(r->stream.data + reseal_trust(r), UINT32_MAX);
}

/* What a stream says of its sizes takes no memory before it is there. */
static void test_huge(void **state)
{
    (void)state;
    struct kit k;
    begin(2, 20);
    kit_close(&s.k);
    change_image(&s.k, a_huge_trust_state);
    struct simdisk *disk = simdisk_clone(s.k.disk);
    heap_start();
    heap_limit(HEAP_MOST);
    kit_take(&k, &s.k, disk, 3);
    kit_open_ok(&k, ATE__STORAGE_READ);
    assert_int_equal(image_size(&k), 0);
    assert_false(heap_failed());
    kit_deinit(&k);
    heap_stop();
    story_deinit(&s);
}

/* ---- the log below it ---- */

/* A power loss may take back what is above the floor that the files witness, or move it. */
static void test_what_moves(void **state)
{
    (void)state;
    begin(3, 40);
    kit_put_ok(&s.k, TEXT_OBJECT, "the last");
    uint64_t size = kit_size(&s.k);
    ate__chain_image_close(s.k.chain);
    assert_true(image_size(&s.k) == size);
    kit_kill(&s.k); /* before another group says that the last one is on the disk */
    kit_open_ok(&s.k, 0);
    assert_int_equal(image_size(&s.k), 0);
    assert_true(kit_size(&s.k) == size);
    kit_close(&s.k); /* now it is said */
    kit_open_ok(&s.k, 0);
    assert_true(image_size(&s.k) == size);
    story_deinit(&s);
}

struct copying {
    struct kit *to;
    struct ate__storage *storage;
    struct ate__frontier tree;
};

static int copy_record(void *arg, const struct ate__record_out *record)
{
    struct copying *c = arg;
    struct ate__group_in group = {.first_sequence = record->sequence,
                                  .root_time_us = record->root_time_us,
                                  .records = &record->body,
                                  .count = 1};
    struct ate_hash leaf;
    kit_ok(ate__frontier_root(&c->tree, &group.head_before));
    kit_ok(c->storage->v->append(c->storage, &group));
    kit_ok(ate__chain_leaf_of(s.k.chain, record, &leaf));
    return ate__frontier_append(&c->tree, &leaf);
}

/* The transactions of s in a log that says it is of this chain. */
static void copy_log(struct kit *to, const struct ate_hash *label)
{
    struct ate__storage *from = s.k.chain->storage;
    struct copying c = {.to = to};
    struct simdisk *disk = simdisk_new(4);
    simdisk_mkdir(disk, "/c");
    kit_take(to, &s.k, disk, 4);
    ate__frontier_init(&c.tree);
    kit_ok(ate__storage_open_file(&to->sim.env, to->root, ATE__STORAGE_CREATE, label,
                                  ATE__ROLE_ROOT, NULL, &c.storage));
    kit_ok(c.storage->v->begin(c.storage));
    kit_ok(from->v->scan(from, 0, kit_size(&s.k), &(struct ate__scan){NULL, copy_record, &c}));
    c.storage->v->close(c.storage);
}

static void put_file(struct kit *to, const char *path, const struct kit *from)
{
    size_t size;
    uint8_t *bytes = simdisk_get(from->disk, path, &size);
    simdisk_put(to->disk, path, bytes, size);
    free(bytes);
}

/* A log that is labelled as another chain's, with an image of that label. */
static void test_another_genesis(void **state)
{
    (void)state;
    static const struct ate_hash labels[2] = {{{9}}, {{0}}};
    begin(4, 30);
    for (unsigned wrong = 0; wrong < 2; wrong++) {
        const struct ate_hash *label = wrong ? &labels[0] : &s.k.chain_id;
        struct kit k;
        copy_log(&k, label);
        struct kit source;
        kit_take(&source, &s.k, simdisk_clone(s.k.disk), 5);
        kit_open_ok(&source, 0);
        source.chain->image_log_min = 0;
        kit_close(&source);
        struct ate__dir *from = log_of(&source), *to = log_of(&k);
        struct reseal r;
        reseal_read(&r, &source.sim.env, from, &secret);
        r.head.chain_id = *label;
        r.head.generation = 0;
        reseal_write(&r, &k.sim.env, to, &secret);
        source.sim.env.vfs->close_dir(from);
        k.sim.env.vfs->close_dir(to);
        int rc = kit_open(&k, ATE__STORAGE_READ);
        assert_int_equal(rc, wrong ? ATE_TAMPERED : 0);
        if (!wrong)
            assert_true(image_size(&k) == kit_size(&s.k));
        kit_deinit(&k);
        kit_deinit(&source);
    }
    story_deinit(&s);
}

/* The log's last transaction is another one than in the tiles, which are those of the image. */
static void test_another_last(void **state)
{
    (void)state;
    static struct story other;
    begin(5, 20);
    fill_up(&s, ATE__TILE_LEAVES - 1);
    kit_close(&s.k);
    simdisk_unlink(s.k.disk, IMAGE);
    story_fork(&other, &s, simdisk_clone(s.k.disk), 3);
    kit_open_ok(&s.k, 0);
    s.k.chain->image_log_min = 0;
    kit_put_ok(&s.k, TEXT_OBJECT, "one");
    kit_close(&s.k);
    other.k.image_secret_count = 0;
    kit_open_ok(&other.k, 0);
    kit_put_ok(&other.k, TEXT_OBJECT, "two");
    kit_close(&other.k);
    put_file(&other.k, IMAGE, &s.k);
    put_file(&other.k, TILES, &s.k);
    other.k.image_secret_count = 1;
    kit_open_ok(&other.k, 0);
    assert_int_equal(image_size(&other.k), 0);
    assert_string_equal(kit_text(&other.k, TEXT_OBJECT), "two");
    story_deinit(&other);
    story_deinit(&s);
}

enum { GONE = TEXT_OBJECT + 2 };

static void tombstone(struct kit *k, unsigned object)
{
    struct ate__object_facts f = kit_facts(k, object);
    struct draft d;
    kit_begin(k, &d);
    draft_tombstone(&d, id_of(object), f.body, false);
    kit_ok(kit_commit(k, &d));
    draft_deinit(&d);
}

/* The image of that disk, which says that it is of this generation. */
static void put_image(const struct kit *from, struct simdisk *take_disk, struct kit *to,
                      uint64_t generation)
{
    struct kit old;
    struct reseal r;
    kit_take(&old, from, take_disk, 7);
    struct ate__dir *old_dir = log_of(&old), *dir = log_of(to);
    reseal_read(&r, &old.sim.env, old_dir, &secret);
    assert_true(r.head.size == ATE__TILE_LEAVES);
    r.head.generation = generation;
    reseal_write(&r, &to->sim.env, dir, &secret);
    old.sim.env.vfs->close_dir(old_dir);
    to->sim.env.vfs->close_dir(dir);
    kit_deinit(&old);
}

/* An image of before a deep compaction, which says that it is of after it. What it shows may be
 * deleted since, by what compaction left out; the certificate would not bear that out. */
static void test_below_the_cut_off(void **state)
{
    (void)state;
    for (unsigned gone = 0; gone < 2; gone++) {
        struct ate__compacted done;
        struct ate__storage_state now;
        begin(6, 20);
        kit_put_ok(&s.k, GONE, "deleted since");
        fill_up(&s, ATE__TILE_LEAVES - 1);
        kit_put_ok(&s.k, TEXT_OBJECT, "kept");
        kit_close(&s.k);
        struct simdisk *before = simdisk_clone(s.k.disk);
        kit_open_ok(&s.k, 0);
        if (gone)
            tombstone(&s.k, GONE);
        fill_up(&s, 4 * ATE__TILE_LEAVES);
        ate__view_reclaim(ate__chain_view(s.k.chain), 0);
        kit_ok(story_compact(&s, UINT64_MAX, &done));
        s.k.chain->storage->v->state(s.k.chain->storage, &now);
        assert_true(now.cut_off > ATE__TILE_LEAVES);
        kit_close(&s.k);
        put_image(&s.k, before, &s.k, now.generation);
        kit_open_ok(&s.k, 0);
        assert_int_equal(image_size(&s.k), 0);
        assert_int_equal(kit_facts(&s.k, GONE).live, !gone);
        story_deinit(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lies),
        cmocka_unit_test(test_what_follows),
        cmocka_unit_test(test_huge),
        cmocka_unit_test(test_what_moves),
        cmocka_unit_test(test_another_genesis),
        cmocka_unit_test(test_another_last),
        cmocka_unit_test(test_below_the_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
