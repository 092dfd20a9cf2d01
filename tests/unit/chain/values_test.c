/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A value that is in force and was left out is noticed, and one that was superseded is not missed.
 */
#include "chain/values.h"
#include "chain/backup.h"
#include "chain/compact.h"
#include "event/tx.h"
#include "kit.h"
#include <stdlib.h>

enum { OBJECTS = 12, TEXT = 900, EARLY = 90 };
static struct kit kit;

static const char *text_of(unsigned n)
{
    static _Thread_local char text[TEXT + 1];
    memset(text, 'a' + (int)(n % 26), TEXT);
    return text;
}

/* One object that is stored once, and others that change. */
static void begin(uint64_t seed, unsigned rounds)
{
    kit_init(&kit, seed);
    kit_create_ok(&kit);
    kit_put_ok(&kit, EARLY, text_of(25));
    for (unsigned i = 0; i < rounds * OBJECTS; i++)
        kit_put_ok(&kit, 1 + i % OBJECTS, text_of(i));
}

static void end(void)
{
    kit_close(&kit);
    kit_deinit(&kit);
}

static void compact(void)
{
    struct ate__compact_conf conf = {.gain_percent = 1};
    struct ate__compacted done;
    ate__view_reclaim(ate__chain_view(kit.chain), 0);
    kit_ok(ate__chain_compact(kit.chain, &conf, &done));
    assert_true(done.payloads > 0);
}

/* ---- who has the files, and no key ---- */

static enum ate__part header_alone(void *arg, uint32_t event)
{
    (void)arg, (void)event;
    return ATE__PART_HEADER;
}

static int strip(void *arg, const struct ate__record_out *record, struct ate__buf *body,
                 enum ate__remains *ret_remains)
{
    struct ate__tx tx;
    (void)arg;
    kit_ok(ate__tx_decode(record->body, ATE__SHA256, &tx));
    int rc = ate__tx_reduce_parts(&tx, header_alone, NULL, body);
    ate__tx_deinit(&tx);
    *ret_remains = ATE__REMAINS_SHORTER;
    return rc;
}

/* Of the first segment, which has EARLY's. */
static void leave_out_values(struct kit *k)
{
    struct ate__storage *s = ate__chain_storage(k->chain);
    struct ate__rewrite w = {.from = 0, .to = kit_size(k), .record = strip};
    struct ate__rewritten done;
    kit_ok(s->v->rewrite(s, &w, &done));
    assert_true(done.end > 2);
}

/* ---- what is asked ---- */

static bool lacks; /* the last copy */

static int copy_to(const char *path, bool values)
{
    const struct ate__chain_copy copy = {.existing = true, .values = values};
    const struct ate__vfs *vfs = simdisk_vfs(kit.disk);
    struct ate__chain_copied done;
    struct ate__dir *dir;
    simdisk_mkdir(kit.disk, path);
    kit_ok(vfs->open_root(vfs->user, path, &dir));
    int rc = ate__chain_copy(kit.chain, dir, &copy, &done);
    vfs->close_dir(dir);
    lacks = !rc && done.lacks;
    return rc;
}

static void test_what_compaction_drops(void **state)
{
    (void)state;
    begin(1, 30);
    kit_ok(ate__chain_check_all_values(kit.chain));
    compact();
    kit_ok(ate__chain_check_all_values(kit.chain));
    kit_ok(copy_to("/b", true));
    kit_reopen_ok(&kit);
    kit_ok(ate__chain_check_all_values(kit.chain));
    end();
}

/* All else holds: it opens, and has the same head. */
static void test_what_nobody_may_drop(void **state)
{
    (void)state;
    begin(2, 30);
    kit_ok(copy_to("/b", true));
    leave_out_values(&kit);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ate__chain_check_all_values(kit.chain), ATE_OMITTED);
        assert_non_null(strstr(ate__error_text(), "of transaction 1, is in force"));
        assert_int_equal(copy_to("/b", true), ATE_OMITTED);
        kit_reopen_ok(&kit);
    }
    /* Where it is lost nowhere else, there is a copy of what there is, and that goes on. */
    for (unsigned i = 0; i < 3; i++) {
        kit_ok(copy_to("/other", true));
        assert_true(lacks);
        kit_put_ok(&kit, 1, text_of(i));
    }
    kit_ok(copy_to("/unasked", false));
    /* Overwritten, it is not in force any more. */
    kit_put_ok(&kit, EARLY, text_of(1));
    kit_ok(ate__chain_check_all_values(kit.chain));
    kit_ok(copy_to("/b", true));
    assert_false(lacks);
    kit_ok(copy_to("/other", true));
    assert_false(lacks);
    end();
}

/* The log is what it was opened as: superseded later is no matter to it. */
static void test_reader_beside_a_compaction(void **state)
{
    (void)state;
    struct ate__storage *storage;
    struct ate__chain *reader;
    begin(3, 30);
    struct ate__chain_conf conf = kit_conf(&kit);
    kit_ok(kit_storage(&kit, ATE__STORAGE_READ, &storage));
    kit_ok(ate__chain_open(&conf, storage, ATE__STORAGE_READ, &reader));
    kit_ok(ate__chain_check_all_values(reader));
    kit_put_ok(&kit, EARLY, text_of(1));
    compact();
    kit_ok(ate__chain_check_all_values(kit.chain));
    kit_ok(storage->v->refresh(storage)); /* as when a file is gone */
    assert_int_equal(ate__chain_check_all_values(reader), ATE_STALE);
    ate__chain_close(reader);
    end();
}

/* What is not on stable storage supersedes nothing: a power loss takes it back, and what it
 * superseded is in force again. */
static void test_power_loss_behind_a_compaction(void **state)
{
    (void)state;
    static const enum ate__sync policies[] = {ATE__SYNC_INTERVAL, ATE__SYNC_NEVER};
    unsigned lost = 0;
    for (uint64_t seed = 0; seed < 24; seed++) {
        kit_init(&kit, 100 + seed);
        kit.sync = policies[seed % 2];
        kit.sync_interval_ms = 3600 * 1000;
        kit_create_ok(&kit);
        for (unsigned i = 0; i < 20 * OBJECTS; i++)
            kit_put_ok(&kit, 1 + i % 100, text_of(i));
        struct ate__receipt receipt;
        kit_ok(ate__chain_sync(kit.chain, &receipt));
        for (unsigned i = 0; i < 60; i++)
            kit_put_ok(&kit, 1 + i, text_of(i + 3));
        compact();
        for (unsigned i = 0; i < 30; i++)
            kit_put_ok(&kit, 1 + i, text_of(i));
        uint64_t size = kit_size(&kit);
        kit_crash(&kit, seed);
        kit_open_ok(&kit, 0);
        lost += kit_size(&kit) < size;
        kit_ok(ate__chain_check_all_values(kit.chain));
        end();
    }
    assert_true(lost > 6);
}

static void test_empty_mirror(void **state)
{
    (void)state;
    struct ate__storage *storage;
    struct ate__chain *mirror;
    kit_init(&kit, 4);
    struct ate__chain_conf conf = kit_conf(&kit);
    kit_ok(ate__storage_open_mem(&kit.sim.env, &kit.chain_id, ATE__ROLE_MIRROR, &storage));
    kit_ok(ate__chain_open(&conf, storage, 0, &mirror));
    kit_ok(ate__chain_check_all_values(mirror));
    ate__chain_close(mirror);
    kit_deinit(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_compaction_drops),
        cmocka_unit_test(test_what_nobody_may_drop),
        cmocka_unit_test(test_reader_beside_a_compaction),
        cmocka_unit_test(test_power_loss_behind_a_compaction),
        cmocka_unit_test(test_empty_mirror),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
