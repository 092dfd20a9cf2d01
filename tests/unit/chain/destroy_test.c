/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Destroying a chain: who may, what an archive keeps, what stays, and what was cut short. */
#include "chain/destroy.h"
#include "base/workers.h"
#include "chain/chain_private.h"
#include "kit.h"
#include "lib/heap.h"
#include "chain/reset.h"
#include "order.h"
#include <stdlib.h>

static struct ate_session *owner, *writer;

static struct ate_session *session_of(unsigned n)
{
    struct ate_session *s;
    struct ate__key *key;
    kit_ok(ate__session_new(&s));
    kit_ok(ate__key_of_seed(&kit_key(n)->seed, NULL, &key));
    kit_ok(ate__session_add(s, key));
    return s;
}

static int set_up(void **state)
{
    (void)state;
    owner = session_of(0);
    writer = session_of(1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ate__session_unref(owner);
    ate__session_unref(writer);
    return 0;
}

static int destroy_by(struct kit *k, struct ate_session *session, const char *name,
                      struct ate__destroyed *ret)
{
    struct ate__destroy conf = {.chain = kit_conf(k), .session = session, .name = name};
    return ate__chain_destroy(&conf, k->root, ret);
}

static void begin(struct kit *k, uint64_t seed)
{
    kit_init(k, seed);
    kit_create_ok(k);
    for (unsigned i = 1; i <= 5; i++)
        kit_put_ok(k, i, "a text");
    kit_close(k);
}

static void expect_unchanged(struct kit *k, struct ate_session *session, const char *name,
                             int expected, const char *sentence)
{
    struct ate__destroyed d = {.size = 77};
    uint64_t before = simdisk_digest(k->disk);
    int rc = destroy_by(k, session, name, &d);
    if (rc != expected || (rc && !strstr(ate__error_text(), sentence)))
        fail_msg("%s: %s", ate__result_name(rc), ate__error_text());
    assert_true(simdisk_digest(k->disk) == before && (!rc || d.size == 77));
}

static void expect_gone(struct kit *k)
{
    assert_int_equal(kit_open(k, 0), ATE_NOT_FOUND);
    assert_int_equal(kit_open(k, ATE__STORAGE_READ), ATE_NOT_FOUND);
    assert_int_equal(kit_create(k), ATE_DENIED);
    assert_non_null(strstr(ate__error_text(), "destroyed by its owner"));
    assert_true(!simdisk_exists(k->disk, "/c/,chain") &&
                !simdisk_exists(k->disk, "/c/,destroying"));
}

static void test_owner(void **state)
{
    (void)state;
    struct kit k;
    struct ate__destroyed seen, d;
    begin(&k, 1);
    simdisk_mkdir(k.disk, "/c/,damaged-1");
    simdisk_mkdir(k.disk, "/c/,chain/trimmed");
    simdisk_put(k.disk, "/c/,damaged-1/x", "x", 1);
    simdisk_put(k.disk, "/c/,chain/trimmed/1", "x", 1);
    expect_unchanged(&k, NULL, "/test", ATE_NO_KEY, "only its owner");
    expect_unchanged(&k, writer, "/test", ATE_DENIED, "only a root key in force");
    expect_unchanged(&k, owner, "/tes", ATE_DENIED, "the chain here is /test, not /tes");
    expect_unchanged(&k, owner, "", ATE_DENIED, "nothing was changed");
    expect_unchanged(&k, owner, NULL, 0, "");
    kit_ok(destroy_by(&k, owner, NULL, &seen));
    assert_true(seen.size == 6 && !seen.time_us && !strcmp(seen.name, "/test"));
    assert_true(ate__hash_equal(&seen.chain_id, &k.chain_id));
    kit_open_ok(&k, 0);
    expect_unchanged(&k, owner, "/test", ATE_IN_USE, "");
    kit_close(&k);
    kit_ok(destroy_by(&k, owner, "/test", &d));
    assert_true(d.size == 6 && d.time_us && !d.resumed && ate__hash_equal(&d.root, &seen.root));
    expect_gone(&k);
    assert_true(simdisk_exists(k.disk, "/c/,damaged-1/x"));
    expect_unchanged(&k, owner, "/test", ATE_NOT_FOUND, "destroyed by its owner");
    size_t size;
    uint8_t *bytes = simdisk_get(k.disk, "/c/,destroyed", &size);
    struct ate__destruction said;
    kit_ok(ate__destruction_read(ate__bytes(bytes, size), &said));
    assert_true(ate__hash_equal(&said.chain_id, &k.chain_id) && said.size == 6 &&
                ate__hash_equal(&said.root, &seen.root) && said.time_us == d.time_us &&
                ate__hash_equal(&said.key, &kit_key(0)->fingerprint));
    free(bytes);
    simdisk_unlink(k.disk, "/c/,destroyed");
    expect_unchanged(&k, owner, "/test", ATE_NOT_FOUND, "no chain lies there");
    kit_create_ok(&k);
    kit_deinit(&k);
}

/* Key 1 takes the place of key 0, which is revoked. */
static void replace_root(struct kit *k)
{
    struct draft d;
    kit_begin(k, &d);
    struct ate__buf add = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&add);
    ate__wr_u32(&w, 1);
    ate__wr_u8(&w, 1);
    ate__wr_bytes32(&w, ate__buf_bytes(&kit_key(1)->public_key));
    draft_item(&d, ATE__TAG_ROOT, ate__buf_bytes(&add));
    d.signer[d.signer_count++] = kit_key(0);
    d.signer[d.signer_count++] = kit_key(1); /* it is willing */
    kit_ok(kit_commit(k, &d));
    draft_deinit(&d);
    kit_begin(k, &d);
    draft_item(&d, ATE__TAG_REVOKE,
               ate__bytes(&kit_key(0)->fingerprint, sizeof kit_key(0)->fingerprint));
    d.signer[d.signer_count++] = kit_key(1);
    kit_ok(kit_commit(k, &d));
    draft_deinit(&d);
    ate__buf_deinit(&add);
}

/* A key that was revoked owns nothing any more. */
static void test_revoked(void **state)
{
    (void)state;
    struct kit k;
    begin(&k, 2);
    kit_open_ok(&k, 0);
    replace_root(&k);
    kit_close(&k);
    expect_unchanged(&k, owner, "/test", ATE_DENIED, "only a root key in force");
    struct ate__destroyed out;
    kit_ok(destroy_by(&k, writer, "/test", &out));
    expect_gone(&k);
    kit_deinit(&k);
}

static void test_damaged(void **state)
{
    (void)state;
    struct kit k;
    begin(&k, 3);
    simdisk_flip(k.disk, "/c/,chain/0000000000000001.seg", 7100, 1);
    expect_unchanged(&k, owner, "/test", ATE_TAMPERED, "");
    kit_deinit(&k);
    kit_init(&k, 4);
    struct ate__storage *s;
    kit_ok(ate__storage_open_file(&k.sim.env, k.root, ATE__STORAGE_CREATE, &k.chain_id,
                                  ATE__ROLE_MIRROR, NULL, &s));
    s->v->close(s);
    expect_unchanged(&k, owner, "/test", ATE_READ_ONLY, "a mirror");
    kit_deinit(&k);
}

static void archive(struct kit *k, uint64_t seed, uint64_t retention_us)
{
    const struct ate__auth everyone = auth_write(ATE__RULE_EVERYONE);
    kit_init(k, seed);
    k->retention_us = retention_us;
    kit_genesis(k, &everyone, 1000, 7);
    kit_create_ok(k);
}

static void hold_first(struct kit *k)
{
    struct ate__buf header = ATE__BUF_NULL;
    struct ate_id id = id_of(1);
    struct draft d;
    kit_ok(ate__control_hold(&id, NULL, true, &header));
    kit_begin(k, &d);
    draft_event(&d, ATE__BARE, ate__buf_bytes(&header), (struct ate_bytes){.size = 0});
    d.signer[d.signer_count++] = kit_key(0);
    kit_ok(kit_commit(k, &d));
    draft_deinit(&d);
    ate__buf_deinit(&header);
}

/* Its owner too waits until nothing has to be kept. */
static void test_archive(void **state)
{
    (void)state;
    struct ate__destroyed out;
    struct kit k;
    archive(&k, 5, 1000000);
    kit_put_ok(&k, 1, "x");
    kit_put_ok(&k, 2, "y");
    uint64_t stored_us = kit_facts(&k, 2).updated_us;
    kit_close(&k);
    simenv_set_wall_us(&k.sim, stored_us + 999999);
    expect_unchanged(&k, owner, "/test", ATE_DENIED, "an archive: object ");
    simenv_set_wall_us(&k.sim, stored_us - 5000000); /* root time never goes back */
    expect_unchanged(&k, owner, "/test", ATE_DENIED, "an archive: object ");
    simenv_set_wall_us(&k.sim, stored_us + 1000000);
    expect_unchanged(&k, writer, "/test", ATE_DENIED, "only a root key");
    kit_open_ok(&k, 0);
    hold_first(&k);
    kit_close(&k);
    simenv_set_wall_us(&k.sim, stored_us + 90000000);
    expect_unchanged(&k, owner, "/test", ATE_DENIED, "is held");
    kit_deinit(&k);
    archive(&k, 6, 1000000);
    kit_put_ok(&k, 1, "x");
    stored_us = kit_facts(&k, 1).updated_us;
    kit_close(&k);
    simenv_set_wall_us(&k.sim, stored_us + 1000000);
    kit_ok(destroy_by(&k, owner, "/test", &out));
    expect_gone(&k);
    kit_deinit(&k);
}

/* Where it was cut short behind the rename, the key that signed goes on, and no other. */
static void test_resumed(void **state)
{
    (void)state;
    struct ate__destroyed out;
    struct kit k;
    begin(&k, 8);
    simdisk_fail(k.disk, SIMDISK_REMOVE, 2, 1000, ATE_E_IO);
    assert_int_equal(destroy_by(&k, owner, "/test", &out), ATE_E_IO);
    simdisk_fail(k.disk, 0, 0, 0, 0);
    assert_true(simdisk_exists(k.disk, "/c/,destroying"));
    expect_unchanged(&k, writer, "/test", ATE_DENIED, "it was begun with key");
    expect_unchanged(&k, NULL, "/test", ATE_DENIED, "it was begun with key");
    expect_unchanged(&k, owner, "/other", ATE_DENIED, "the chain here is /test");
    expect_unchanged(&k, owner, NULL, 0, "");
    struct kit changed;
    kit_take(&changed, &k, simdisk_clone(k.disk), 1);
    simdisk_flip(changed.disk, "/c/,destroyed", 60, 1);
    expect_unchanged(&changed, owner, "/test", ATE_TAMPERED, ",destroyed");
    kit_deinit(&changed);
    kit_ok(destroy_by(&k, owner, "/test", &out));
    assert_true(out.resumed && out.size == 6);
    expect_gone(&k);
    kit_deinit(&k);
}

/* A statement of another chain, or of one that was here before, destroys nothing: it is only what
 * keeps the place shut. */
static void test_foreign_statement(void **state)
{
    (void)state;
    struct kit old, k;
    struct ate__destroyed out;
    const struct ate__auth everyone = auth_write(ATE__RULE_EVERYONE);
    size_t size;
    begin(&old, 9);
    kit_ok(destroy_by(&old, owner, "/test", &out));
    uint8_t *statement = simdisk_get(old.disk, "/c/,destroyed", &size);
    kit_init(&k, 10);
    kit_genesis(&k, &everyone, 1000, 9); /* another life of the same name and owner */
    kit_create_ok(&k);
    kit_put_ok(&k, 1, "x");
    kit_close(&k);
    simdisk_put(k.disk, "/c/,destroyed", statement, size);
    assert_int_equal(kit_open(&k, 0), ATE_NOT_FOUND);
    expect_unchanged(&k, writer, "/test", ATE_DENIED, "only a root key in force");
    expect_unchanged(&k, NULL, "/test", ATE_NO_KEY, "");
    assert_true(simdisk_exists(k.disk, "/c/,chain/meta.a"));
    simdisk_unlink(k.disk, "/c/,destroyed");
    kit_open_ok(&k, 0);
    assert_string_equal(kit_text(&k, 1), "x");
    kit_close(&k);
    free(statement);
    kit_deinit(&k);
    kit_deinit(&old);
}

/* Each call that fails: the chain, or one that is destroyed; the next run ends it. */
static void fail_each(unsigned kinds, int result)
{
    struct kit whole;
    unsigned kept = 0, gone = 0;
    begin(&whole, 11);
    for (uint64_t n = 1;; n++) {
        struct ate__destroyed out;
        struct kit k;
        kit_take(&k, &whole, simdisk_clone(whole.disk), n);
        simdisk_fail(k.disk, kinds, n, 1, result);
        int rc = destroy_by(&k, owner, "/test", &out);
        bool failed = simdisk_failed(k.disk);
        simdisk_fail(k.disk, 0, 0, 0, 0);
        if (rc && !simdisk_exists(k.disk, "/c/,destroyed")) {
            kit_open_ok(&k, 0);
            assert_true(kit_size(&k) == 6);
            kit_close(&k);
            kept++;
        } else {
            assert_int_equal(kit_open(&k, 0), ATE_NOT_FOUND);
            gone++;
        }
        if (rc)
            rc = destroy_by(&k, owner, "/test", &out);
        assert_true(!rc || (rc == ATE_NOT_FOUND && failed));
        expect_gone(&k);
        kit_deinit(&k);
        if (!failed)
            break;
    }
    print_message("%u times there, %u times destroyed\n", kept, gone);
    assert_true(kept > 3 && gone > 3);
    kit_deinit(&whole);
}

static void test_faults(void **state)
{
    (void)state;
    fail_each(SIMDISK_ALL, ATE_E_IO);
    fail_each(SIMDISK_TAKING, ATE_E_NO_SPACE);
}

/* ---- one that a server has open ---- */

static void expect_order_refused(struct kit *k, const struct ate__destruction *d, unsigned key,
                                 int expected)
{
    uint64_t before = simdisk_digest(k->disk);
    int rc = order_destroy(k, d, key);
    if (rc != expected)
        fail_msg("%s: %s", ate__result_name(rc), ate__error_text());
    assert_true(simdisk_digest(k->disk) == before);
}

static void test_order(void **state)
{
    (void)state;
    struct ate__destruction d, said;
    struct ate__buf bytes = ATE__BUF_NULL;
    struct kit k;
    begin(&k, 20);
    kit_ok(ate__workers_new(1, &k.compact.workers));
    k.compact.rule = (struct ate__compact_rule){.mode = ATE__COMPACT_SIZE, .bytes_min = 1 << 30};
    kit_open_ok(&k, 0);
    d = order_begin(&k);
    expect_order_refused(&k, &d, 1, ATE_DENIED);
    kit_put_ok(&k, 1, "newer");
    expect_order_refused(&k, &d, 0, ATE_STALE);
    replace_root(&k);
    d = order_begin(&k);
    expect_order_refused(&k, &d, 0, ATE_DENIED);
    d.root.b[4] ^= 1;
    expect_order_refused(&k, &d, 1, ATE_STALE);
    assert_int_equal(ate__chain_destroyed(k.sim.env.vfs, k.root, &bytes, &said), ATE_NOT_FOUND);
    assert_non_null(k.chain->compacts); /* it goes on being compacted by itself */
    d = order_begin(&k);
    kit_ok(order_destroy(&k, &d, 1));
    assert_null(k.chain->compacts);
    assert_string_equal(kit_text(&k, 1), "newer"); /* who has it open may go on reading */
    kit_close(&k);
    assert_true(simdisk_exists(k.disk, "/c/,destroying"));
    kit_ok(ate__chain_destroyed(k.sim.env.vfs, k.root, &bytes, &said));
    assert_true(said.size == d.size && ate__bytes_equal(said.genesis, d.genesis));
    kit_ok(ate__chain_destroy_clear(k.sim.env.vfs, k.root));
    expect_gone(&k);
    kit_ok(ate__chain_destroy_clear(k.sim.env.vfs, k.root)); /* nothing is left */
    ate__buf_deinit(&bytes);
    simdisk_put(k.disk, "/c/,destroyed", "x", 1);
    assert_int_equal(ate__chain_destroyed(k.sim.env.vfs, k.root, &bytes, &said), ATE_TAMPERED);
    kit_deinit(&k);
    ate__workers_unref(k.compact.workers);
}

static int judge(struct kit *k, const struct ate__destruction *d)
{
    struct ate__destroy_order order = {.pin = {{1}}, .nonce = {{2}}};
    struct ate__buf statement = ATE__BUF_NULL;
    struct ate__destruction said;
    kit_ok(ate__destruction_make(d, kit_key(0), &statement));
    order.statement = ate__buf_bytes(&statement);
    int rc = ate__chain_destroy_judge(k->chain, &order, &said);
    ate__buf_deinit(&statement);
    return rc;
}

/* Those who followed the chain back would not believe it. */
static void test_order_before_a_reset(void **state)
{
    (void)state;
    struct kit k;
    struct ate__receipt receipt;
    const struct ate__reset_conf conf = {
        .session = owner, .reason = ATE__RESET_RESTORE, .text = "the disk died"};
    begin(&k, 23);
    kit_open_ok(&k, 0);
    struct ate__destruction d = order_begin(&k);
    d.time_us = 0;
    kit_ok(judge(&k, &d));
    simenv_pass_ms(&k.sim, 1000);
    uint64_t now_us = ate__wall_us(&k.sim.env);
    kit_ok(ate__chain_reset(k.chain, &conf, &receipt));
    kit_put_ok(&k, 1, "goes on");
    d = order_begin(&k);
    for (unsigned i = 0; i < 3; i++) {
        d.time_us = i ? now_us + i - 2 : 0;
        assert_int_equal(judge(&k, &d), ATE_DENIED);
        assert_non_null(strstr(ate__error_text(), "before the chain went back"));
    }
    d.time_us = ate__wall_us(&k.sim.env) + 1;
    kit_ok(judge(&k, &d));
    kit_deinit(&k);
}

static void test_order_archive(void **state)
{
    (void)state;
    struct ate__destruction d;
    struct kit k;
    archive(&k, 21, 1000000);
    kit_put_ok(&k, 1, "x");
    uint64_t stored_us = kit_facts(&k, 1).updated_us;
    simenv_set_wall_us(&k.sim, stored_us + 999999);
    d = order_begin(&k);
    expect_order_refused(&k, &d, 0, ATE_DENIED);
    simenv_set_wall_us(&k.sim, stored_us + 1000000);
    kit_ok(order_destroy(&k, &d, 0));
    kit_deinit(&k);
    begin(&k, 22);
    kit_open_ok(&k, ATE__STORAGE_READ);
    d = order_begin(&k);
    expect_order_refused(&k, &d, 0, ATE_READ_ONLY);
    kit_deinit(&k);
}

/* Each call that fails: opening it again tells whether it is destroyed, and it is one of the two.
 */
static void fail_each_order(unsigned kinds, int result)
{
    struct kit whole;
    unsigned kept = 0, gone = 0;
    begin(&whole, 23);
    for (uint64_t n = 1;; n++) {
        struct kit k;
        kit_take(&k, &whole, simdisk_clone(whole.disk), n);
        kit_open_ok(&k, 0);
        struct ate__destruction d = order_begin(&k);
        simdisk_fail(k.disk, kinds, n, 1, result);
        int rc = order_destroy(&k, &d, 0);
        bool failed = simdisk_failed(k.disk);
        simdisk_fail(k.disk, 0, 0, 0, 0);
        assert_true(rc <= 0 && (!failed || rc == result));
        kit_close(&k);
        rc = kit_open(&k, 0);
        assert_true(rc == 0 || rc == ATE_NOT_FOUND);
        assert_true((rc == 0) == !simdisk_exists(k.disk, "/c/,destroyed"));
        kept += rc == 0;
        gone += rc != 0;
        assert_true(rc || kit_size(&k) == 6);
        kit_close(&k);
        kit_deinit(&k);
        if (!failed)
            break;
    }
    assert_true(kept > 1 && gone > 1);
    kit_deinit(&whole);
}

static void test_order_faults(void **state)
{
    (void)state;
    fail_each_order(SIMDISK_ALL, ATE_E_IO);
    fail_each_order(SIMDISK_TAKING, ATE_E_NO_SPACE);
}

static int order_rc(struct kit *k, unsigned kinds, uint64_t call)
{
    kit_open_ok(k, 0);
    struct ate__destruction d = order_begin(k);
    simdisk_fail(k->disk, kinds, call, UINT64_MAX / 2, ATE_E_IO);
    int rc = order_destroy(k, &d, 0);
    simdisk_fail(k->disk, 0, 0, 0, 0);
    kit_close(k);
    return rc;
}

static int end_it(struct kit *k)
{
    const struct ate__chain_conf conf = kit_conf(k);
    return ate__chain_destroy_end(&conf, k->root);
}

enum aftermath { AS_IT_WAS, NOT_SIGNED, NOT_MARKED, OLDER_REMAINS, LONGER, ANOTHER, AFTERMATHS };

/* What lies at the place of a chain, whose destruction the disk has cut short, when it goes on. */
static void befall(struct kit *k, enum aftermath what)
{
    const struct ate__auth everyone = auth_write(ATE__RULE_EVERYONE);
    size_t size;
    if (what == NOT_MARKED)
        kit_ok(ate__chain_destroy_clear(k->sim.env.vfs, k->root));
    if (what == OLDER_REMAINS)
        simdisk_put(k->disk, "/c/,destroying/meta.a", "old", 3);
    if (what != LONGER && what != ANOTHER)
        return;
    uint8_t *statement = simdisk_get(k->disk, "/c/,destroyed", &size);
    simdisk_unlink(k->disk, "/c/,destroyed");
    if (what == LONGER) {
        kit_open_ok(k, 0);
    } else {
        simdisk_unlink(k->disk, "/c/,chain");
        kit_genesis(k, &everyone, 1000, 9);
        kit_create_ok(k);
    }
    kit_put_ok(k, 7, "x");
    kit_close(k);
    simdisk_put(k->disk, "/c/,destroyed", statement, size);
    free(statement);
}

/* It is ended, but no chain goes that is not the one that was signed, nor one of which nothing says
 * that it is due. */
static void test_end(void **state)
{
    (void)state;
    for (enum aftermath what = 0; what < AFTERMATHS; what++) {
        struct kit k;
        begin(&k, 24);
        assert_int_equal(order_rc(&k, SIMDISK_RENAME, what == NOT_SIGNED ? 1 : 2), ATE_E_IO);
        assert_true(simdisk_exists(k.disk, "/c/,destroying"));
        assert_true(simdisk_exists(k.disk, "/c/,chain"));
        assert_true(simdisk_exists(k.disk, "/c/,destroyed") == (what != NOT_SIGNED));
        befall(&k, what);
        kit_ok(end_it(&k));
        assert_true(simdisk_exists(k.disk, "/c/,chain") == (what != AS_IT_WAS));
        assert_false(simdisk_exists(k.disk, "/c/,destroying"));
        simdisk_unlink(k.disk, "/c/,destroyed");
        assert_int_equal(kit_open(&k, 0), what == AS_IT_WAS ? ATE_NOT_FOUND : 0);
        kit_deinit(&k);
    }
}

static int order_copy(void *arg)
{
    struct kit *from = arg;
    struct kit k;
    kit_take(&k, from, simdisk_clone(from->disk), 3);
    int rc = kit_open(&k, 0);
    if (!rc) {
        struct ate__destruction d = order_begin(&k);
        struct ate__buf bytes = ATE__BUF_NULL;
        rc = order_destroy(&k, &d, 0);
        if (!rc)
            rc = ate__chain_destroyed(k.sim.env.vfs, k.root, &bytes, &d);
        ate__buf_deinit(&bytes);
    }
    kit_deinit(&k);
    return rc;
}

static int destroy_copy(void *arg)
{
    struct kit *from = arg;
    struct ate__destroyed out;
    struct kit k;
    kit_take(&k, from, simdisk_clone(from->disk), 3);
    int rc = destroy_by(&k, owner, "/test", &out);
    if (rc && simdisk_exists(k.disk, "/c/,chain/meta.a"))
        assert_true(simdisk_exists(k.disk, "/c/,chain/0000000000000001.seg"));
    kit_deinit(&k);
    return rc;
}

static void test_lack_of_memory(void **state)
{
    (void)state;
    struct kit k;
    begin(&k, 12);
    print_message("%llu allocations\n", (unsigned long long)heap_sweep(destroy_copy, &k, true));
    print_message("%llu allocations\n", (unsigned long long)heap_sweep(order_copy, &k, true));
    kit_deinit(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_owner),
        cmocka_unit_test(test_revoked),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_archive),
        cmocka_unit_test(test_resumed),
        cmocka_unit_test(test_foreign_statement),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_order_before_a_reset),
        cmocka_unit_test(test_order_archive),
        cmocka_unit_test(test_order_faults),
        cmocka_unit_test(test_end),
        cmocka_unit_test(test_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
