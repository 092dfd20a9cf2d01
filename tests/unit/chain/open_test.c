/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Opening: a history that breaks any rule is believed up to the group before, and no further.
 */
#include "chain/chain_private.h"
#include "history.h"
#include "lib/heap.h"
#include <stdlib.h>

static struct kit kit;
static struct history history;

/* Where only the root key may write; nothing is created yet. */
static void begin(bool memory)
{
    kit_init(&kit, 11);
    kit.memory = memory;
    kit_genesis(&kit, NULL, 1000, 7);
    history_init(&history, &kit);
}

static void end(void)
{
    history_deinit(&history);
    kit_deinit(&kit);
    ate__workers_unref(kit.workers);
}

static int open_groups(size_t count, unsigned flags)
{
    struct ate__chain_conf conf = kit_conf(&kit);
    struct ate__storage *s;
    kit_ok(kit_storage(&kit, ATE__STORAGE_CREATE, &s));
    for (size_t i = 0; i < count; i++)
        kit_ok(history_append(&history, i, s));
    if (flags & ATE__STORAGE_READ && !kit.memory) {
        s->v->close(s);
        kit_ok(kit_storage(&kit, ATE__STORAGE_READ, &s));
    }
    return kit_chain_open(&kit, &conf, s, flags);
}

/* The chain ends at the end of a group; root and proofs of every size are right. */
static void check_whole(size_t groups)
{
    struct ate__frontier tree;
    struct ate_hash root, leaf;
    uint64_t size;
    ate__chain_head(kit.chain, &size, &root);
    assert_true(size ==
                history.groups[groups - 1].first_sequence + history.groups[groups - 1].count);
    assert_memory_equal(&root, &history.groups[groups - 1].head_after, sizeof root);
    assert_true(kit.chain->root_time_us == history.groups[groups - 1].root_time_us);
    assert_true(ate__view_published(ate__chain_view(kit.chain)) == size);
    assert_true(ate__chain_storage(kit.chain)->v->tiles_size(ate__chain_storage(kit.chain)) ==
                size);
    ate__frontier_init(&tree);
    for (size_t i = 0; i < groups; i++)
        for (size_t n = 0; n < history.groups[i].count; n++) {
            struct ate__tx tx;
            struct ate__proof proof;
            uint64_t sequence = tree.size;
            kit_ok(ate__tx_decode(history.groups[i].records[n], ATE__SHA256, &tx));
            kit_ok(ate__tx_leaf(&tx, ATE__SHA256, sequence, history.groups[i].root_time_us, &leaf));
            ate__tx_deinit(&tx);
            kit_ok(ate__frontier_append(&tree, &leaf));
            kit_ok(ate__frontier_root(&tree, &root));
            struct ate_hash at;
            kit_ok(ate__chain_root_at(kit.chain, tree.size, &at));
            assert_memory_equal(&at, &root, sizeof at);
            kit_ok(ate__chain_inclusion(kit.chain, sequence, size, &proof));
            kit_ok(ate__merkle_check_inclusion(&leaf, sequence, size, &proof,
                                               &history.groups[groups - 1].head_after));
        }
    struct ate_hash beyond;
    assert_int_equal(ate__chain_root_at(kit.chain, size + 1, &beyond), ATE_NOT_FOUND);
}

static void a_good_history(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        begin(i % 2);
        if (i >= 2)
            kit_ok(ate__workers_new(3, &kit.workers));
        for (unsigned n = 1; n < 8; n++)
            history_put(&history, n);
        kit_ok(open_groups(history.count, 0));
        check_whole(history.count);
        assert_false(ate__chain_read_only(kit.chain));
        assert_string_equal(kit_text(&kit, 5), "a text");
        end();
    }
}

static void each_rule(void **state)
{
    (void)state;
    for (size_t i = 0; i < wrong_count; i++) {
        const struct wrong *w = &wrongs[i];
        struct ate__storage_damage damage;
        begin(true);
        size_t wrong = history_wrong(&history, w);
        int rc = open_groups(history.count, 0);
        if (rc != w->result || !strstr(ate__error_text(), w->text) ||
            !strstr(ate__error_text(), "transaction"))
            fail_msg("%s: %s: %s", w->name, ate__result_name(rc), ate__error_text());
        assert_null(kit.chain);
        kit_deinit(&kit);
        kit_init(&kit, 12);
        kit.memory = true;
        kit_genesis(&kit, NULL, 1000, 7);
        kit_ok(open_groups(history.count, ATE__STORAGE_READ));
        check_whole(wrong);
        assert_true(ate__chain_read_only(kit.chain));
        assert_true(ate__chain_damage(kit.chain, &damage));
        assert_int_equal(damage.what, w->result);
        assert_true(damage.sequence == history.groups[wrong].first_sequence);
        assert_non_null(strstr(damage.text, "transaction"));
        assert_string_equal(kit_text(&kit, 1), "a text");
        assert_string_equal(kit_text(&kit, 10), ""); /* good, but in the same group */
        assert_string_equal(kit_text(&kit, 20), "");
        assert_int_equal(kit_put(&kit, 60, "x"), ATE_READ_ONLY);
        end();
    }
}

/* Also the leaf hashes of what was believed once. */
static void what_is_refused_stays(void **state)
{
    (void)state;
    struct ate__storage *s;
    begin(false);
    size_t wrong = history_wrong(&history, &wrongs[0]);
    kit_ok(open_groups(wrong, 0));
    kit_close(&kit);
    assert_true(simdisk_exists(kit.disk, "/c/,chain/tiles"));
    kit_ok(kit_storage(&kit, 0, &s));
    kit_ok(s->v->begin(s));
    for (size_t i = wrong; i < history.count; i++)
        kit_ok(history_append(&history, i, s));
    s->v->close(s);
    uint64_t before = simdisk_digest(kit.disk);
    assert_int_equal(kit_open(&kit, 0), wrongs[0].result);
    assert_true(simdisk_digest(kit.disk) == before);
    end();
}

/* More than a tile of leaves. */
static void put_many(void)
{
    for (unsigned i = 0; i < 5; i++) {
        struct draft d;
        history_begin(&history);
        for (unsigned n = 0; n < 60; n++) {
            history_draft(&history, &d);
            draft_text(&d, id_of(1000 + i * 60 + n), NULL, "a text");
            history_add_draft(&history, &d);
        }
        history_end(&history);
    }
}

/* Also full tiles of what was believed: they were missing, or wrong. */
static void what_is_refused_writes_no_tile(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct ate__storage *s;
        begin(false);
        put_many();
        size_t wrong = history_wrong(&history, &wrongs[0]);
        kit_ok(open_groups(wrong, 0));
        kit_close(&kit);
        if (i)
            simdisk_flip(kit.disk, "/c/,chain/tiles", 100, 4);
        else
            simdisk_unlink(kit.disk, "/c/,chain/tiles");
        kit_ok(kit_storage(&kit, 0, &s));
        kit_ok(s->v->begin(s));
        for (size_t n = wrong; n < history.count; n++)
            kit_ok(history_append(&history, n, s));
        s->v->close(s);
        uint64_t before = simdisk_digest(kit.disk);
        assert_int_equal(kit_open(&kit, 0), wrongs[0].result);
        assert_true(simdisk_digest(kit.disk) == before);
        kit_open_ok(&kit, ATE__STORAGE_READ);
        check_whole(wrong);
        kit_close(&kit);
        assert_true(simdisk_digest(kit.disk) == before);
        end();
    }
}

/* What is not refused gets its tiles again; a full disk does not keep it from being opened. */
static void missing_tiles_are_written(void **state)
{
    (void)state;
    size_t size, again;
    begin(false);
    put_many();
    kit_ok(open_groups(history.count, 0));
    kit_close(&kit);
    uint8_t *tiles = simdisk_get(kit.disk, "/c/,chain/tiles", &size);
    simdisk_unlink(kit.disk, "/c/,chain/tiles");
    kit_open_ok(&kit, 0);
    check_whole(history.count);
    assert_true(simdisk_size(kit.disk, "/c/,chain/tiles") > 0);
    kit_close(&kit);
    simdisk_flip(kit.disk, "/c/,chain/tiles", 100, 4);
    simdisk_fail(kit.disk, SIMDISK_WRITE, 1, 1000, ATE_E_NO_SPACE);
    kit_open_ok(&kit, 0);
    check_whole(history.count);
    simdisk_fail(kit.disk, 0, 0, 0, 0);
    kit_close(&kit);
    kit_open_ok(&kit, 0);
    check_whole(history.count);
    kit_close(&kit);
    uint8_t *written = simdisk_get(kit.disk, "/c/,chain/tiles", &again);
    assert_true(size == again);
    assert_memory_equal(tiles, written, size);
    free(tiles);
    free(written);
    end();
}

static void what_groups_say(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        begin(true);
        for (unsigned n = 1; n < 5; n++)
            history_put(&history, n);
        if (i == 0)
            history.groups[3].head_before.b[2] ^= 1;
        else if (i == 1)
            history.groups[3].root_time_us = history.groups[2].root_time_us - 1;
        else
            history.groups[2].root_time_us++; /* the next group says another head */
        int rc = open_groups(history.count, 0);
        assert_int_equal(rc, ATE_TAMPERED);
        assert_non_null(
            strstr(ate__error_text(), i == 1 ? "time went back" : "on another history"));
        end();
    }
}

static void a_genesis_that_is_none(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        begin(true);
        if (i == 0)
            kit.chain_id.b[0] ^= 1; /* the label of the log */
        else if (i == 1)
            history.groups[0].records[0].size--;
        else {
            history_put(&history, 1);
            struct ate_bytes genesis = history.groups[0].records[0];
            history.groups[0].records[0] = history.groups[1].records[0];
            history.groups[1].records[0] = genesis;
        }
        for (unsigned flags = 0; flags < 2; flags++) {
            int rc = open_groups(1, flags ? ATE__STORAGE_READ : 0);
            if (rc != ATE_TAMPERED && rc != ATE_MALFORMED)
                fail_msg("%u: %s: %s", i, ate__result_name(rc), ate__error_text());
        }
        if (i == 1)
            history.groups[0].records[0].size++;
        end();
    }
}

/* Keys, rights and roots that come within one batch of records, within one group and the genesis'
 * group; checked one by one and side by side. */
static void keys_within_a_batch(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct draft d;
        begin(true);
        if (i % 2)
            kit_ok(ate__workers_new(3, &kit.workers));
        if (i < 2)
            history_begin(&history);
        history_draft(&history, &d);
        draft_item(&d, ATE__TAG_PUBLIC_KEY, ate__buf_bytes(&kit_key(1)->public_key));
        struct ate_hash may[] = {kit_key(0)->fingerprint, kit_key(1)->fingerprint};
        struct ate__auth auth = {.rule[ATE__RIGHT_WRITE] = draft_rule(&d, may, 2)};
        draft_control(&d, id_of(0), NULL, &auth);
        history_add_draft(&history, &d);
        for (unsigned n = 1; n < 20; n++) {
            history_draft(&history, &d);
            draft_text(&d, id_of(n), NULL, "a text");
            d.signer[0] = kit_key(1);
            history_add_draft(&history, &d);
        }
        history_end(&history);
        history_put(&history, 30);
        kit_ok(open_groups(history.count, 0));
        check_whole(history.count);
        end();
    }
}

/* More than fits into one batch, with progress. */
static uint64_t told, told_total;
static void on_progress(void *arg, const char *stage, uint64_t done, uint64_t total)
{
    assert_ptr_equal(arg, &told);
    assert_string_equal(stage, "verify");
    assert_true(done > told && done <= total);
    told = done;
    told_total = total;
}

static void many_records(void **state)
{
    (void)state;
    kit_init(&kit, 11);
    kit_create_ok(&kit);
    for (unsigned n = 0; n < 2500; n++) {
        struct draft d;
        kit_begin(&kit, &d);
        draft_text(&d, id_of(1 + n), NULL, "a text");
        kit_ok(kit_commit(&kit, &d));
        draft_deinit(&d);
    }
    struct ate_hash before = kit.receipt.head, root;
    kit_close(&kit);
    struct ate__chain_conf conf = kit_conf(&kit);
    struct ate__storage *s;
    conf.progress = on_progress;
    conf.progress_arg = &told;
    kit_ok(kit_storage(&kit, 0, &s));
    kit_ok(kit_chain_open(&kit, &conf, s, 0));
    kit_ok(ate__chain_root_at(kit.chain, 2501, &root));
    assert_memory_equal(&root, &before, sizeof root);
    assert_true(told >= 2048 && told_total == 2501);
    uint64_t last = told;
    kit_put_ok(&kit, 1, "progress is told by the open alone");
    assert_true(told == last);
    kit_deinit(&kit);
}

/* A disk that was changed below the floor: without READ the open fails and changes nothing. */
static void a_changed_disk(void **state)
{
    (void)state;
    begin(false);
    for (unsigned n = 1; n < 8; n++)
        history_put(&history, n);
    kit_ok(open_groups(history.count, 0));
    struct ate__view_snapshot s;
    struct ate__view_body body;
    struct ate_id id = id_of(4);
    kit_ok(ate__view_begin(ate__chain_view(kit.chain), 0, &s));
    kit_ok(ate__view_body(&s, &id, &body));
    ate__view_end(&s);
    kit_close(&kit);
    char path[64];
    snprintf(path, sizeof path, "/c/,chain/%016llx.seg",
             (unsigned long long)(body.position.place >> 32));
    uint64_t at = (body.position.place & UINT32_MAX) * 8 + 24 + body.offset;
    simdisk_flip(kit.disk, path, at + 5, 0x10);
    uint64_t digest = simdisk_digest(kit.disk);
    assert_int_equal(kit_open(&kit, 0), ATE_TAMPERED);
    assert_true(simdisk_digest(kit.disk) == digest);
    kit_open_ok(&kit, ATE__STORAGE_READ);
    struct ate__storage_damage damage;
    assert_true(ate__chain_damage(kit.chain, &damage));
    assert_int_equal(damage.what, ATE_TAMPERED);
    assert_true(kit_size(&kit) == 4);
    check_whole(4);
    assert_string_equal(kit_text(&kit, 3), "a text");
    assert_true(simdisk_digest(kit.disk) == digest);
    end();
}

/* What an archive had let go by the clock is let go again where a crash left both the object and
 * its deletion on no stable storage. */
static void an_archive_that_was_not_synced(void **state)
{
    (void)state;
    struct draft d;
    const struct ate__auth everyone = auth_write(ATE__RULE_EVERYONE);
    kit_init(&kit, 11);
    kit.sync = ATE__SYNC_NEVER;
    kit.retention_us = 1000;
    kit_genesis(&kit, &everyone, 1000, 7);
    kit_create_ok(&kit);
    kit_put_ok(&kit, 1, "x");
    kit_put_ok(&kit, 2, "y");
    uint64_t stored_us = kit_facts(&kit, 2).updated_us;
    simenv_set_wall_us(&kit.sim, stored_us + 1000);
    kit_begin(&kit, &d);
    draft_tombstone(&d, id_of(2), kit_facts(&kit, 2).body, false);
    assert_int_equal(kit_commit(&kit, &d), 0);
    draft_deinit(&d);
    kit_put_ok(&kit, 3, "z");
    kit_kill(&kit);
    kit_open_ok(&kit, 0);
    assert_true(kit_size(&kit) == 5 && kit_facts(&kit, 2).deleted);
    assert_true(kit_facts(&kit, 1).updated_us == stored_us);
    kit_deinit(&kit);
}

static void an_empty_log_is_an_empty_mirror(void **state)
{
    (void)state;
    begin(true);
    kit_ok(open_groups(0, 0));
    assert_null(ate__chain_trust(kit.chain));
    assert_true(kit_size(&kit) == 0);
    struct ate__receipt receipt;
    struct ate__txn_id id = {{1}, 1};
    assert_int_equal(ate__chain_outcome(kit.chain, &id, NULL, &receipt), ATE_NOT_FOUND);
    assert_int_equal(kit_commit_bytes(&kit, ate__text_bytes("x")), ATE_READ_ONLY);
    end();
}

/* ---- memory ---- */

static int open_in_memory(void *arg)
{
    struct ate__chain_conf conf = kit_conf(&kit);
    struct ate__storage *s;
    struct ate__chain *c;
    (void)arg;
    int rc = ate__storage_open_mem(&kit.sim.env, &kit.chain_id, ATE__ROLE_ROOT, &s);
    if (rc)
        return rc;
    for (size_t i = 0; !rc && i < history.count; i++)
        rc = history_append(&history, i, s);
    if (rc) {
        s->v->close(s);
        return rc;
    }
    rc = ate__chain_open(&conf, s, 0, &c);
    if (rc)
        return rc;
    rc = ate__chain_begin(c);
    ate__chain_close(c);
    return rc;
}

static void lack_of_memory(void **state)
{
    (void)state;
    begin(true);
    for (unsigned n = 1; n < 8; n++)
        history_put(&history, n);
    print_message("%llu allocations\n", (unsigned long long)heap_sweep(open_in_memory, NULL, true));
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_history),
        cmocka_unit_test(each_rule),
        cmocka_unit_test(what_is_refused_stays),
        cmocka_unit_test(what_is_refused_writes_no_tile),
        cmocka_unit_test(missing_tiles_are_written),
        cmocka_unit_test(what_groups_say),
        cmocka_unit_test(a_genesis_that_is_none),
        cmocka_unit_test(keys_within_a_batch),
        cmocka_unit_test(many_records),
        cmocka_unit_test(a_changed_disk),
        cmocka_unit_test(an_archive_that_was_not_synced),
        cmocka_unit_test(an_empty_log_is_an_empty_mirror),
        cmocka_unit_test(lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
