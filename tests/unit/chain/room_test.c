/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * What is taken in while the disk is full: deletions, repeats of what is there; and all of it again
 * when there is room.
 */
#include "chain/chain_private.h"
#include "chain/compact.h"
#include "kit.h"
#include <sched.h>

static struct kit kit;

static void begin(unsigned workers)
{
    kit_init(&kit, 77);
    if (workers)
        kit_ok(ate__workers_new(workers, &kit.workers));
    kit_create_ok(&kit);
    kit_put_ok(&kit, 1, "one");
    kit_put_ok(&kit, 2, "two");
}

static void end(void)
{
    kit_deinit(&kit);
    ate__workers_unref(kit.workers);
}

static bool frees(struct draft *d)
{
    struct ate__tx tx = draft_tx(d);
    bool truth = ate__tx_frees(&tx);
    ate__tx_deinit(&tx);
    draft_deinit(d);
    return truth;
}

static void what_makes_room(void **state)
{
    (void)state;
    struct draft d;
    begin(0);
    struct ate_hash one = kit_facts(&kit, 1).body;
    kit_begin(&kit, &d);
    draft_tombstone(&d, id_of(1), one, false);
    draft_tombstone(&d, id_of(2), kit_facts(&kit, 2).body, true);
    assert_true(frees(&d));
    kit_begin(&kit, &d);
    draft_text(&d, id_of(3), NULL, "three");
    assert_false(frees(&d));
    kit_begin(&kit, &d); /* a deletion and something else */
    draft_tombstone(&d, id_of(1), one, false);
    draft_text(&d, id_of(3), NULL, "three");
    assert_false(frees(&d));
    end();
}

static void put_refused(unsigned object)
{
    assert_int_equal(kit_put(&kit, object, "more"), ATE_E_NO_SPACE);
    if (!strstr(kit.text, "the disk is full") || !strstr(kit.text, "make room"))
        fail_msg("%s", kit.text);
}

static void delete_ok(unsigned object)
{
    struct draft d;
    kit_begin(&kit, &d);
    draft_tombstone(&d, id_of(object), kit_facts(&kit, object).body, false);
    kit_ok(kit_commit(&kit, &d));
    draft_deinit(&d);
}

/* Until a commit of more than is left of the page is refused. */
static void run_full(void)
{
    simdisk_limit(kit.disk, simdisk_used(kit.disk));
    for (unsigned n = 10; !kit_put(&kit, n, "fills what is left"); n++)
        assert_true(n < 100);
}

static void a_repeat_is_answered(void **state)
{
    (void)state;
    struct draft d;
    begin(0);
    kit_begin(&kit, &d);
    draft_text(&d, id_of(5), NULL, "five");
    kit_ok(kit_commit(&kit, &d));
    uint64_t sequence = kit.receipt.sequence;
    run_full();
    put_refused(6);
    kit_ok(kit_commit_bytes(&kit, ate__buf_bytes(&d.encoded)));
    assert_true(kit.receipt.sequence == sequence);
    draft_deinit(&d);
    /* What is wrong with it is said before that there is no room. */
    kit_begin(&kit, &d);
    draft_text(&d, id_of(1), NULL, "it is there already");
    assert_int_equal(kit_commit(&kit, &d), ATE_CONFLICT);
    draft_deinit(&d);
    delete_ok(1);
    assert_string_equal(kit_text(&kit, 1), "");
    put_refused(6);
    simdisk_limit(kit.disk, UINT64_MAX);
    kit_put_ok(&kit, 6, "six");
    end();
}

/* As shallow as it is, it works on a full disk, and ends that. */
static void compaction_makes_room(void **state)
{
    (void)state;
    static const struct ate__compact_conf conf = {.below = 0};
    static char text[3001];
    struct ate__compacted done;
    for (unsigned room = 0; room < 40000; room += 8000) {
        unsigned count = 0;
        begin(0);
        memset(text, 'x', sizeof text - 1);
        for (; count < 300; count++)
            kit_put_ok(&kit, 1 + count % 5, text);
        simdisk_limit(kit.disk, simdisk_used(kit.disk) + room);
        while (!kit_put(&kit, 1 + count % 5, text))
            count++;
        put_refused(9);
        kit_ok(ate__chain_compact(kit.chain, &conf, &done));
        assert_true(done.rewritten > 0 && done.bytes_after < done.bytes_before);
        kit_put_ok(&kit, 9, "there is room");
        for (unsigned n = 1; n <= 5; n++)
            assert_true(strlen(kit_text(&kit, n)) > 100);
        kit_reopen_ok(&kit);
        for (unsigned n = 1; n <= 5; n++)
            assert_true(strlen(kit_text(&kit, n)) > 100);
        assert_string_equal(kit_text(&kit, 9), "there is room");
        end();
    }
}

/* Nobody commits anything: it looks for room each second. */
static void it_goes_on_by_itself(void **state)
{
    (void)state;
    begin(1);
    run_full();
    put_refused(6);
    simdisk_limit(kit.disk, UINT64_MAX);
    for (bool full = true; full; sched_yield()) {
        struct ate__storage_state now;
        simenv_pass_ms(&kit.sim, 500);
        kit.chain->storage->v->state(kit.chain->storage, &now);
        full = now.full;
    }
    kit_put_ok(&kit, 6, "six");
    kit_reopen_ok(&kit);
    assert_string_equal(kit_text(&kit, 6), "six");
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_makes_room),
        cmocka_unit_test(a_repeat_is_answered),
        cmocka_unit_test(it_goes_on_by_itself),
        cmocka_unit_test(compaction_makes_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
