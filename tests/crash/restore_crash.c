/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Power loss at every call that changes the disk while a centralized chain is restored: its log,
 * and the last checkpoint that was signed in it, are copied into a directory where it then goes on.
 *
 * On each disk that a power loss may leave, the backup is as it was; what there is of the other, if
 * anything, is a beginning of it that is believed here, where its groups were sealed. Then it is
 * restored once more, to its end: it is believed here as a whole, elsewhere as far as the
 * checkpoint says, and signs and goes on from there, after another loss too.
 *
 * Every other chain was deeply compacted before, by who ordered it.
 *
 * Arguments and environment: point.h. */
#include "chain/backup.h"
#include "chain/believe.h"
#include "chain/compact.h"
#include "chain/signed.h"
#include "point.h"
#include "unit/chain/kit.h"
#include <stdlib.h>

enum { SCRIPTS = 2, SEEDS_EACH = 4, IMAGES_MIN = 60, OBJECTS = 12, ROUNDS = 60, BEHIND = 9 };

struct world {
    struct kit k;
    uint64_t script, size, certified; /* certified: below it nothing is believed alone; 0: all is */
    struct ate_hash root;
};
static struct ate__log_key *log_key;
static uint64_t points, none, part;

static const char story[] = "restore";

static int set_up(void **state)
{
    (void)state;
    return ate__log_key_of_seed(&kit_key(1)->seed, &log_key);
}

static int tear_down(void **state)
{
    ate__log_key_free(log_key);
    return point_deinit(state);
}

/* ---- the other directory ---- */

static struct kit there_of(struct kit *k)
{
    const struct ate__vfs *vfs = simdisk_vfs(k->disk);
    struct kit there = *k;
    there.chain = NULL;
    kit_ok(vfs->open_root(vfs->user, "/b", &there.root));
    return there;
}

static int open_there(struct kit *there, uint8_t host, unsigned flags)
{
    struct ate__storage *s;
    there->host = host;
    struct ate__chain_conf conf = kit_conf(there);
    int rc = kit_storage(there, flags, &s);
    return rc ? rc : kit_chain_open(there, &conf, s, flags);
}

static void leave(struct kit *there)
{
    kit_close(there);
    there->sim.env.vfs->close_dir(there->root);
}

static void restore(struct world *w)
{
    const struct ate__vfs *vfs = simdisk_vfs(w->k.disk);
    struct ate__chain_copied done;
    struct ate__dir *dir, *from, *to;
    kit_ok(vfs->open_root(vfs->user, "/b", &dir));
    kit_ok(ate__chain_copy(w->k.chain, dir, &(struct ate__chain_copy){.existing = true}, &done));
    kit_ok(vfs->open_root(vfs->user, "/c/,chain", &from));
    kit_ok(vfs->open_root(vfs->user, "/b/,chain", &to));
    kit_ok(ate__chain_signed_keep(vfs, from, to));
    vfs->close_dir(from);
    vfs->close_dir(to);
    vfs->close_dir(dir);
    assert_true(done.size == w->size && ate__hash_equal(&done.root, &w->root));
}

/* ---- after a loss ---- */

static void check_backup(struct world *w)
{
    kit_open_ok(&w->k, 0);
    assert_true(kit_size(&w->k) == w->size && ate__chain_believed(w->k.chain) == w->size);
}

/* Nothing, or a beginning. */
static void check_part(struct world *w)
{
    struct kit there = there_of(&w->k);
    struct ate_hash root;
    int rc = open_there(&there, 1, ATE__STORAGE_READ);
    none += rc != 0;
    part += !rc;
    if (!rc) {
        uint64_t size = kit_size(&there);
        assert_true(size && size <= w->size);
        assert_true(ate__chain_believed(there.chain) == size);
        kit_ok(ate__chain_root_at(w->k.chain, size, &root));
        struct ate_hash its;
        kit_ok(ate__chain_root_at(there.chain, size, &its));
        assert_true(ate__hash_equal(&root, &its));
    }
    leave(&there);
}

static void check_whole(struct world *w)
{
    struct kit there = there_of(&w->k);
    struct ate__buf note = ATE__BUF_NULL;
    struct ate_hash root;
    kit_ok(open_there(&there, 2, ATE__STORAGE_READ)); /* another machine */
    assert_true(ate__chain_believed(there.chain) == w->size - BEHIND);
    kit_close(&there);
    kit_ok(open_there(&there, 1, 0));
    assert_true(ate__chain_believed(there.chain) == w->size);
    for (unsigned i = 1; i <= OBJECTS; i++) {
        char text[KIT_TEXT];
        snprintf(text, sizeof text, "%s", kit_text(&w->k, i));
        assert_string_equal(kit_text(&there, i), text);
    }
    there.number = 100000 + w->k.number;
    kit_put_ok(&there, 99, "goes on");
    kit_ok(ate__chain_root_at(there.chain, w->size + 1, &root));
    kit_ok(ate__chain_sign(there.chain, there.root, log_key, w->size + 1, &root, &note));
    ate__buf_deinit(&note);
    leave(&there);
}

static void after_crash(void *arg, struct simdisk *take_disk, uint64_t seed)
{
    const struct world *from = arg;
    struct world w = *from;
    kit_take(&w.k, &from->k, take_disk, seed);
    check_backup(&w);
    check_part(&w);
    restore(&w);
    kit_crash(&w.k, seed + 1);
    check_backup(&w);
    check_whole(&w);
    kit_deinit(&w.k);
    points++;
}

static void each_call(void *arg, uint64_t number)
{
    struct world *w = arg;
    point_try(story, w->script, number, w->k.disk, after_crash, w);
}

static void compact(struct world *w)
{
    struct ate__compact_conf conf = {.deep = true, .cut_off = w->size / 2, .gain_percent = 1};
    struct ate__compacted done;
    ate__view_reclaim(ate__chain_view(w->k.chain), 0);
    kit_ok(ate__chain_compact(w->k.chain, &conf, &done));
    assert_true(done.cut_off);
}

static void put_rounds(struct world *w, unsigned rounds)
{
    char text[KIT_TEXT];
    for (unsigned round = 0; round < rounds; round++)
        for (unsigned i = 1; i <= OBJECTS; i++) {
            memset(text, 'a' + (int)(round % 26), sizeof text);
            text[600 + i] = 0;
            kit_put_ok(&w->k, i, text);
        }
    ate__chain_head(w->k.chain, &w->size, &w->root);
}

static void sign(struct world *w, uint64_t size)
{
    struct ate__buf note = ATE__BUF_NULL;
    struct ate_hash root;
    kit_ok(ate__chain_root_at(w->k.chain, size, &root));
    kit_ok(ate__chain_sign(w->k.chain, w->k.root, log_key, size, &root, &note));
    ate__buf_deinit(&note);
}

static void script(uint64_t seed)
{
    struct world w = {.script = seed};
    struct ate__auth open = auth_write(ATE__RULE_EVERYONE);
    kit_init(&w.k, seed);
    simdisk_mkdir(w.k.disk, "/b");
    w.k.log_key = log_key;
    w.k.host = 1;
    kit_genesis(&w.k, &open, 100, 6);
    kit_create_ok(&w.k);
    put_rounds(&w, ROUNDS);
    if (seed % 2)
        compact(&w);
    put_rounds(&w, 3);
    sign(&w, w.size - BEHIND);
    simdisk_watch(w.k.disk, each_call, &w);
    restore(&w);
    simdisk_watch(w.k.disk, NULL, NULL);
    kit_deinit(&w.k);
}

static void test_power_loss(void **state)
{
    (void)state;
    point_play(story, script);
    print_message("%llu crash points, %zu distinct images: %llu had nothing, %llu a part or all\n",
                  (unsigned long long)points, point_images.count, (unsigned long long)none,
                  (unsigned long long)part);
    if (!point_given())
        assert_true(none && part);
    point_check_images();
}

int main(int argc, char **argv)
{
    point_init(argc, argv, &(struct point_plan){SCRIPTS, SEEDS_EACH, IMAGES_MIN});
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_power_loss, point_say),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
