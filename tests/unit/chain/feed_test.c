/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A mirror: groups of a root that is not trusted. What breaks a rule leaves nothing behind, and the
 * good group that comes instead is taken in.
 */
#include "history.h"
#include "lib/heap.h"
#include "trust/state_private.h"

static struct kit kit;
static struct history history;

static void begin(bool memory, bool gated)
{
    kit_init(&kit, 21);
    kit.memory = memory;
    kit.gated = gated;
    kit_genesis(&kit, NULL, 1000, 7);
    history_init(&history, &kit);
}

static void open_empty(void)
{
    struct ate__chain_conf conf = kit_conf(&kit);
    struct ate__storage *s;
    kit_ok(kit_storage(&kit, ATE__STORAGE_CREATE, &s));
    kit_ok(kit_chain_open(&kit, &conf, s, 0));
}

static void end(void)
{
    history_deinit(&history);
    kit_deinit(&kit);
    ate__workers_unref(kit.workers);
}

struct seen {
    struct ate__listener listener;
    uint64_t size;
};
static void published(struct ate__listener *l, uint64_t size)
{
    struct seen *seen = (struct seen *)l;
    assert_true(size >= seen->size);
    seen->size = size;
}

static void check_at(size_t groups)
{
    struct ate_hash root;
    uint64_t size;
    ate__chain_head(kit.chain, &size, &root);
    assert_true(size == (groups ? history.groups[groups - 1].first_sequence +
                                      history.groups[groups - 1].count
                                : 0));
    if (groups)
        assert_memory_equal(&root, &history.groups[groups - 1].head_after, sizeof root);
    assert_true(kit_size(&kit) == size);
    struct ate__storage *s = ate__chain_storage(kit.chain);
    assert_true(s->v->tiles_size(s) == size);
    struct ate__storage_state state;
    s->v->state(s, &state);
    assert_true(state.size == size);
}

static void it_follows(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        begin(false, false);
        if (i)
            kit_ok(ate__workers_new(3, &kit.workers));
        for (unsigned n = 1; n < 8; n++)
            history_put(&history, n);
        struct seen seen = {.listener = {.published = published}};
        open_empty();
        ate__chain_listen(kit.chain, &seen.listener);
        for (size_t n = 0; n < history.count; n++) {
            check_at(n);
            kit_ok(history_feed(&history, n, kit.chain));
            assert_true(seen.size == kit_size(&kit));
        }
        check_at(history.count);
        assert_string_equal(kit_text(&kit, 7), "a text");
        ate__chain_unlisten(kit.chain, &seen.listener);
        kit_reopen_ok(&kit);
        check_at(history.count);
        end();
    }
}

static void *feed_next(void *arg)
{
    (void)arg;
    kit_ok(history_feed(&history, 1, kit.chain));
    return NULL;
}

static void *look_at_head(void *arg)
{
    struct ate_hash root;
    ate__chain_head(kit.chain, arg, &root);
    return NULL;
}

/* The head of a mirror is there while the disk takes the next group. */
static void the_head_does_not_wait(void **state)
{
    (void)state;
    pthread_t thread;
    uint64_t size = 0;
    begin(true, true);
    history_put(&history, 1);
    open_empty();
    kit_ok(history_feed(&history, 0, kit.chain));
    gate_shut(kit.gate);
    assert_int_equal(pthread_create(&thread, NULL, feed_next, NULL), 0);
    gate_wait_inside(kit.gate);
    kit_at_once(look_at_head, &size);
    assert_true(size == 1);
    gate_open(kit.gate);
    pthread_join(thread, NULL);
    check_at(2);
    end();
}

static void not_in_place(void **state)
{
    (void)state;
    begin(true, false);
    history_put(&history, 1);
    history_put(&history, 2);
    open_empty();
    assert_int_equal(history_feed(&history, 1, kit.chain), ATE_FORKED);
    kit_ok(history_feed(&history, 0, kit.chain));
    assert_int_equal(history_feed(&history, 0, kit.chain), ATE_FORKED);
    assert_int_equal(history_feed(&history, 2, kit.chain), ATE_FORKED);
    check_at(1);
    struct ate__group_feed idle = {.first_sequence = 1};
    kit_ok(ate__chain_feed(kit.chain, &idle));
    kit_ok(history_feed(&history, 1, kit.chain));
    history.groups[2].root_time_us = history.groups[1].root_time_us - 1;
    assert_int_equal(history_feed(&history, 2, kit.chain), ATE_TAMPERED);
    assert_non_null(strstr(ate__error_text(), "time went back"));
    check_at(2);
    end();
}

static void a_head_that_does_not_close_it(void **state)
{
    (void)state;
    begin(true, false);
    history_put(&history, 1);
    open_empty();
    for (size_t i = 0; i < 2; i++) {
        history.groups[i].head_after.b[31] ^= 1;
        assert_int_equal(history_feed(&history, i, kit.chain), ATE_TAMPERED);
        assert_non_null(strstr(ate__error_text(), "does not lead to the head"));
        history.groups[i].head_after.b[31] ^= 1;
        check_at(i);
        assert_true(!ate__chain_trust(kit.chain) == !i);
        /* Another time makes other leaves. */
        history.groups[i].root_time_us++;
        assert_int_equal(history_feed(&history, i, kit.chain), ATE_TAMPERED);
        history.groups[i].root_time_us--;
        kit_ok(history_feed(&history, i, kit.chain));
    }
    end();
}

static void each_rule(void **state)
{
    (void)state;
    for (size_t i = 0; i < wrong_count; i++)
        for (unsigned threads = 0; threads < 2; threads++) {
            const struct wrong *w = &wrongs[i];
            begin(true, false);
            if (threads)
                kit_ok(ate__workers_new(2, &kit.workers));
            size_t wrong = history_wrong(&history, w);
            open_empty();
            for (size_t n = 0; n < wrong; n++)
                kit_ok(history_feed(&history, n, kit.chain));
            int rc = history_feed(&history, wrong, kit.chain);
            if (rc != w->result || !strstr(ate__error_text(), w->text) ||
                !strstr(ate__error_text(), "transaction"))
                fail_msg("%s: %s: %s", w->name, ate__result_name(rc), ate__error_text());
            check_at(wrong);
            assert_string_equal(kit_text(&kit, 10), "");
            assert_false(
                ate__trust_is_revoked(ate__chain_trust(kit.chain), &kit_key(0)->fingerprint));
            assert_false(ate__trust_has_key(ate__chain_trust(kit.chain), &kit_key(1)->fingerprint));
            /* Without the wrong one the group is good, and so is the next. */
            struct history_group *g = &history.groups[wrong];
            size_t count = g->count;
            struct ate__frontier tree;
            ate__frontier_init(&tree);
            for (size_t n = 0; n <= wrong; n++)
                for (size_t r = 0; r < (n < wrong ? history.groups[n].count : 1); r++) {
                    struct ate_hash leaf;
                    struct ate__tx tx;
                    kit_ok(ate__tx_decode(history.groups[n].records[r], ATE__SHA256, &tx));
                    kit_ok(ate__tx_leaf(&tx, ATE__SHA256, tree.size, history.groups[n].root_time_us,
                                        &leaf));
                    ate__tx_deinit(&tx);
                    kit_ok(ate__frontier_append(&tree, &leaf));
                }
            g->count = 1;
            kit_ok(ate__frontier_root(&tree, &g->head_after));
            kit_ok(history_feed(&history, wrong, kit.chain));
            assert_string_equal(kit_text(&kit, 10), "a text");
            g->count = count;
            end();
        }
}

static void another_chain_than_the_log_is_for(void **state)
{
    (void)state;
    begin(true, false);
    kit.chain_id.b[7] ^= 1;
    open_empty();
    assert_int_equal(history_feed(&history, 0, kit.chain), ATE_WRONG_CHAIN);
    assert_null(ate__chain_trust(kit.chain));
    check_at(0);
    end();
}

static void no_genesis_first(void **state)
{
    (void)state;
    begin(true, false);
    history_put(&history, 1);
    struct ate_bytes genesis = history.groups[0].records[0];
    history.groups[0].records[0] = history.groups[1].records[0];
    open_empty();
    int rc = history_feed(&history, 0, kit.chain);
    assert_int_equal(rc, ATE_TAMPERED);
    check_at(0);
    history.groups[0].records[0] = genesis;
    kit_ok(history_feed(&history, 0, kit.chain));
    check_at(1);
    end();
}

static void keys_within_a_group(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct draft d;
        begin(true, false);
        if (i)
            kit_ok(ate__workers_new(2, &kit.workers));
        history_begin(&history);
        history_draft(&history, &d);
        draft_item(&d, ATE__TAG_PUBLIC_KEY, ate__buf_bytes(&kit_key(1)->public_key));
        struct ate__auth auth = {.rule[ATE__RIGHT_WRITE] =
                                     draft_rule(&d, &kit_key(1)->fingerprint, 1)};
        draft_control(&d, id_of(0), NULL, &auth);
        history_add_draft(&history, &d);
        for (unsigned n = 1; n < 9; n++) {
            history_draft(&history, &d);
            draft_text(&d, id_of(n), NULL, "a text");
            d.signer[0] = kit_key(1);
            history_add_draft(&history, &d);
        }
        history_end(&history);
        open_empty();
        kit_ok(history_feed(&history, 0, kit.chain));
        kit_ok(history_feed(&history, 1, kit.chain));
        check_at(2);
        end();
    }
}

static void a_disk_that_fails(void **state)
{
    (void)state;
    begin(false, true);
    history_put(&history, 1);
    history_put(&history, 2);
    history_put(&history, 3);
    open_empty();
    gate_fail(kit.gate, GATE_APPEND, ATE_E_NO_SPACE, false);
    assert_int_equal(history_feed(&history, 0, kit.chain), ATE_E_NO_SPACE);
    check_at(0);
    kit_ok(history_feed(&history, 0, kit.chain));
    gate_fail(kit.gate, GATE_APPEND, ATE_E_NO_SPACE, false);
    assert_int_equal(history_feed(&history, 1, kit.chain), ATE_E_NO_SPACE);
    check_at(1);
    kit_ok(history_feed(&history, 1, kit.chain)); /* room was made */
    gate_fail(kit.gate, GATE_APPEND, ATE_E_IO, false);
    assert_int_equal(history_feed(&history, 2, kit.chain), ATE_E_IO);
    check_at(2);
    kit_ok(history_feed(&history, 2, kit.chain)); /* the log was taken up again */
    check_at(3);
    gate_fail(kit.gate, GATE_APPEND, ATE_E_IO, true);
    kit_ok(history_feed(&history, 3, kit.chain)); /* it stands */
    check_at(4);
    kit_reopen_ok(&kit);
    check_at(4);
    end();
}

/* From some write on there is no room; then there is. */
static void no_room(struct kit *k, uint64_t n, bool *ret_failed, unsigned *said)
{
    for (size_t i = 0; i < history.count; i++) {
        if (i == 2)
            simdisk_fail(k->disk, SIMDISK_WRITE, n, UINT64_MAX / 2, ATE_E_NO_SPACE);
        int rc = history_feed(&history, i, k->chain);
        if (rc) {
            if (rc != ATE_E_NO_SPACE)
                fail_msg("write %llu: %s: %s", (unsigned long long)n, ate__result_name(rc),
                         ate__error_text());
            check_at(i);
            assert_int_equal(history_feed(&history, i, k->chain), ATE_E_NO_SPACE);
            check_at(i);
            ++*said;
            *ret_failed |= simdisk_failed(k->disk);
            simdisk_fail(k->disk, 0, 0, 0, 0);
            simenv_pass_ms(&k->sim, 1000);
            rc = history_feed(&history, i, k->chain);
            if (rc)
                fail_msg("write %llu, then: %s: %s", (unsigned long long)n, ate__result_name(rc),
                         ate__error_text());
        }
        check_at(i + 1);
    }
    *ret_failed |= simdisk_failed(k->disk);
    simdisk_fail(k->disk, 0, 0, 0, 0);
}

/* A full disk is named as what it is, and when there is room the mirror goes on where it was. */
static void a_full_disk(void **state)
{
    (void)state;
    unsigned said = 0;
    bool failed = true;
    for (uint64_t n = 1; failed; n++) {
        failed = false;
        begin(false, false);
        for (unsigned i = 1; i < 40; i++)
            history_put(&history, i);
        open_empty();
        no_room(&kit, n, &failed, &said);
        kit_reopen_ok(&kit);
        check_at(history.count);
        end();
    }
    print_message("%u times\n", said);
    assert_true(said > 10);
}

static void not_into_what_is_read_only(void **state)
{
    (void)state;
    begin(false, false);
    history_put(&history, 1);
    open_empty();
    kit_ok(history_feed(&history, 0, kit.chain));
    kit_close(&kit);
    kit_open_ok(&kit, ATE__STORAGE_READ);
    assert_int_equal(history_feed(&history, 1, kit.chain), ATE_READ_ONLY);
    check_at(1);
    end();
}

/* ---- memory ---- */

/* Feeds group after group, and what failed for want of memory once more. */
static int feed_all(void *arg)
{
    struct ate__chain_conf conf = kit_conf(&kit);
    struct ate__storage *s;
    struct ate__chain *c;
    bool failed = false;
    (void)arg;
    int rc = ate__storage_open_mem(&kit.sim.env, &kit.chain_id, ATE__ROLE_MIRROR, &s);
    if (!rc)
        rc = ate__chain_open(&conf, s, 0, &c);
    if (rc)
        return rc;
    rc = ate__chain_begin(c);
    for (size_t i = 0; !rc && i < history.count; i++) {
        rc = history_feed(&history, i, c);
        if (rc == ATE_E_MEMORY && !failed) {
            failed = true;
            assert_true(ate__view_published(ate__chain_view(c)) ==
                        history.groups[i].first_sequence);
            rc = history_feed(&history, i, c);
        }
    }
    ate__chain_close(c);
    return rc ? rc : failed ? ATE_E_MEMORY : 0;
}

/* ---- ahead ---- */

static bool remembered(struct ate_bytes record)
{
    struct ate__tx tx;
    struct ate_hash message, proof;
    kit_ok(ate__tx_decode(record, ATE__SHA256, &tx));
    kit_ok(ate__batch_message(ATE__SHA256, &tx.hash, &tx.signatures[0], &message));
    kit_ok(ate__verified_proof(&message, tx.signatures[0].bytes, &proof));
    bool is = ate__verified_has(&ate__chain_trust(kit.chain)->verified, &proof);
    ate__tx_deinit(&tx);
    return is;
}

/* What is looked at ahead is decided when it is fed, and only then. */
static void looked_at_ahead(void **state)
{
    (void)state;
    enum { GROUPS = 7, BAD = 4 };
    struct ate_bytes records[GROUPS + 1];
    begin(true, false);
    kit_ok(ate__workers_new(2, &kit.workers));
    for (unsigned n = 1; n <= GROUPS; n++)
        history_put(&history, n);
    for (unsigned n = 0; n < GROUPS; n++)
        records[n] = history.groups[1 + n].records[0];
    records[GROUPS] = ate__text_bytes("no transaction");
    uint8_t *bad = (uint8_t *)(uintptr_t)records[BAD].data;
    bad[records[BAD].size - 9] ^= 2; /* in its signature */
    open_empty();
    ate__chain_feed_ahead(kit.chain, records, GROUPS + 1); /* nothing is known yet */
    kit_ok(history_feed(&history, 0, kit.chain));
    ate__chain_feed_ahead(kit.chain, records, GROUPS + 1);
    for (unsigned n = 0; n < GROUPS; n++)
        assert_int_equal(remembered(records[n]), n != BAD);
    assert_int_equal(kit_size(&kit), 1);
    for (unsigned n = 0; n < BAD; n++)
        kit_ok(history_feed(&history, 1 + n, kit.chain));
    assert_int_equal(history_feed(&history, 1 + BAD, kit.chain), ATE_TAMPERED);
    bad[records[BAD].size - 9] ^= 2;
    for (unsigned n = BAD; n < GROUPS; n++)
        kit_ok(history_feed(&history, 1 + n, kit.chain));
    assert_int_equal(kit_size(&kit), 1 + GROUPS);
    end();
}

static void lack_of_memory(void **state)
{
    (void)state;
    begin(true, false);
    struct draft d;
    history_begin(&history);
    for (unsigned n = 1; n < 5; n++) {
        history_draft(&history, &d);
        draft_body(&d, &(struct draft_body){.id = id_of(n),
                                            .name = n % 2 ? "odd" : "even",
                                            .parent = id_of(n > 2 ? 1 : 0)});
        history_add_draft(&history, &d);
    }
    history_end(&history);
    print_message("%llu allocations\n", (unsigned long long)heap_sweep(feed_all, NULL, true));
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_follows),        cmocka_unit_test(the_head_does_not_wait),
        cmocka_unit_test(not_in_place),      cmocka_unit_test(a_head_that_does_not_close_it),
        cmocka_unit_test(each_rule),         cmocka_unit_test(another_chain_than_the_log_is_for),
        cmocka_unit_test(no_genesis_first),  cmocka_unit_test(keys_within_a_group),
        cmocka_unit_test(a_disk_that_fails), cmocka_unit_test(not_into_what_is_read_only),
        cmocka_unit_test(a_full_disk),       cmocka_unit_test(looked_at_ahead),
        cmocka_unit_test(lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
