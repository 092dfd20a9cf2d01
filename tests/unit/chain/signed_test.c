/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * signed_test.c: what was signed is a prefix of what is signed next, whatever happens to the disk,
 * the process or the file that remembers it.
 */
#include "chain/signed.h"
#include "base/err.h"
#include "chain/reset.h"
#include "kit.h"
#include <stdlib.h>

#define FILE_PATH "/c/,chain/checkpoint"

static struct kit kit;
static struct ate__log_key *key;

static int set_up(void **state)
{
    (void)state;
    return ate__log_key_of_seed(&(struct ate__key32){{1}}, &key);
}

static int tear_down(void **state)
{
    (void)state;
    ate__log_key_free(key);
    return 0;
}

static int begin(void **state)
{
    (void)state;
    kit_init(&kit, 5);
    kit_create_ok(&kit);
    kit_put_ok(&kit, 1, "a");
    kit_put_ok(&kit, 2, "b");
    return 0;
}

static int end(void **state)
{
    (void)state;
    kit_deinit(&kit);
    return 0;
}

static int sign(struct ate__buf *ret_note)
{
    struct ate_hash root;
    uint64_t size;
    ate__chain_head(kit.chain, &size, &root);
    return ate__chain_sign(kit.chain, kit.root, key, size, &root, ret_note);
}

/* Signs, and gives the size. */
static uint64_t sign_ok(void)
{
    struct ate__buf note = ATE__BUF_NULL;
    struct ate_bytes trusted = ate__log_key_public(key);
    struct ate__checkpoint c;
    kit_ok(sign(&note));
    kit_ok(ate__checkpoint_verify(ate__buf_bytes(&note), &trusted, 1, &c));
    assert_memory_equal(&c.chain_id, &kit.chain_id, sizeof c.chain_id);
    assert_int_equal(c.time_s, ate__wall_us(&kit.sim.env) / 1000000);
    ate__buf_deinit(&note);
    return c.size;
}

/* The size that the file says; 0: there is none. */
static uint64_t size_in_file(void)
{
    struct ate__buf note = ATE__BUF_NULL;
    struct ate__checkpoint c = {.size = 0};
    int rc = ate__chain_signed(kit.sim.env.vfs, kit.root, &note);
    if (rc != ATE_NOT_FOUND) {
        kit_ok(rc);
        kit_ok(ate__checkpoint_parse(ate__buf_bytes(&note), &c));
    }
    ate__buf_deinit(&note);
    return c.size;
}

static void what_was_signed_is_remembered(void **state)
{
    (void)state;
    assert_int_equal(size_in_file(), 0);
    assert_int_equal(sign_ok(), 3);
    assert_int_equal(size_in_file(), 3);
    assert_int_equal(sign_ok(), 3); /* again, with a new time */
    kit_put_ok(&kit, 3, "c");
    kit_reopen_ok(&kit);
    assert_int_equal(sign_ok(), 4);
    assert_int_equal(size_in_file(), 4);
    assert_false(simdisk_exists(kit.disk, FILE_PATH ".new"));
}

static void only_a_head_of_this_chain(void **state)
{
    (void)state;
    struct ate__buf note = ATE__BUF_NULL;
    struct ate_hash root;
    kit_ok(ate__chain_root_at(kit.chain, 2, &root));
    assert_int_equal(ate__chain_sign(kit.chain, kit.root, key, 3, &root, &note), ATE_FORKED);
    assert_int_equal(ate__chain_sign(kit.chain, kit.root, key, 4, &root, &note), ATE_ROLLED_BACK);
    assert_int_equal(size_in_file(), 0);
    kit_ok(ate__chain_sign(kit.chain, kit.root, key, 2, &root, &note)); /* an older one is one */
    ate__buf_deinit(&note);
}

static void put_note(uint64_t size, struct ate_hash root, struct ate_hash chain_id)
{
    struct ate__checkpoint c = {.chain_id = chain_id, .size = size, .root = root};
    struct ate__buf note = ATE__BUF_NULL;
    kit_ok(ate__checkpoint_make(&c, key, &note));
    simdisk_put(kit.disk, FILE_PATH, note.data, note.size);
    ate__buf_deinit(&note);
}

static void refused(int result)
{
    struct ate__buf note = ATE__BUF_NULL;
    uint64_t before = simdisk_digest(kit.disk);
    assert_int_equal(sign(&note), result);
    assert_non_null(strstr(ate__error_text(), "nothing is signed"));
    assert_int_equal(note.size, 0);
    assert_true(simdisk_digest(kit.disk) == before);
}

/* What was signed before it went back binds it no more, once a root key says that it did; but not
 * what is signed after that. */
static void it_went_back(void **state)
{
    (void)state;
    struct ate__buf note = ATE__BUF_NULL;
    struct ate__receipt receipt;
    struct ate_session *owner;
    struct ate__key *root_key;
    kit_ok(ate__session_new(&owner));
    kit_ok(ate__key_of_seed(&kit_key(0)->seed, NULL, &root_key));
    kit_ok(ate__session_add(owner, root_key));
    struct ate__reset_conf conf = {.session = owner, .reason = ATE__RESET_RESTORE, .text = ""};
    put_note(9, (struct ate_hash){{9}}, kit.chain_id);
    refused(ATE_ROLLED_BACK);
    simenv_pass_ms(&kit.sim, 5000);
    kit_ok(ate__chain_reset(kit.chain, &conf, &receipt));
    assert_int_equal(sign_ok(), 4);
    put_note(4, (struct ate_hash){{9}}, kit.chain_id); /* long before */
    assert_int_equal(sign_ok(), 4);
    simenv_pass_ms(&kit.sim, 5000);
    struct ate__checkpoint later = {
        .chain_id = kit.chain_id, .size = 9, .time_s = ate__wall_us(&kit.sim.env) / 1000000};
    kit_ok(ate__checkpoint_make(&later, key, &note));
    simdisk_put(kit.disk, FILE_PATH, note.data, note.size);
    ate__buf_deinit(&note);
    refused(ATE_ROLLED_BACK);
    /* A note tells seconds: it may be younger than a RESET that was signed in the same one. */
    simenv_pass_ms(&kit.sim, 10000 - ate__wall_us(&kit.sim.env) / 1000 % 1000);
    simenv_pass_ms(&kit.sim, 500);
    kit_ok(ate__chain_reset(kit.chain, &conf, &receipt));
    later.time_s = ate__wall_us(&kit.sim.env) / 1000000;
    note = ATE__BUF_NULL;
    kit_ok(ate__checkpoint_make(&later, key, &note));
    simdisk_put(kit.disk, FILE_PATH, note.data, note.size);
    ate__buf_deinit(&note);
    refused(ATE_ROLLED_BACK);
    ate__session_unref(owner);
}

/* A copy of an older state was put in place of the chain, or another one, or the file is none. */
static void nothing_is_signed_against_the_file(void **state)
{
    (void)state;
    struct ate_hash root;
    kit_ok(ate__chain_root_at(kit.chain, 3, &root));
    put_note(4, root, kit.chain_id);
    refused(ATE_ROLLED_BACK);
    put_note(2, root, kit.chain_id);
    refused(ATE_FORKED);
    put_note(3, root, (struct ate_hash){{1}});
    refused(ATE_WRONG_CHAIN);
    simdisk_put(kit.disk, FILE_PATH, "x", 1);
    refused(ATE_TAMPERED);
    simdisk_put(kit.disk, FILE_PATH, "", 0);
    refused(ATE_TAMPERED);
    uint8_t *large = calloc(1, ATE__NOTE_MAX + 10);
    simdisk_put(kit.disk, FILE_PATH, large, ATE__NOTE_MAX + 10);
    free(large);
    refused(ATE_TAMPERED);
    put_note(3, root, kit.chain_id);
    assert_int_equal(sign_ok(), 3);
}

/* What another process left half written is no matter. */
static void leftovers(void **state)
{
    (void)state;
    static const uint8_t rest[5000] = {1};
    simdisk_put(kit.disk, FILE_PATH ".new", rest, sizeof rest);
    kit_reopen_ok(&kit);
    assert_int_equal(sign_ok(), 3);
    assert_int_equal(size_in_file(), 3);
}

/* A disk that refuses its n-th call: an error, or a note that is remembered. */
static void every_call_fails(void **state)
{
    (void)state;
    static const unsigned kinds = SIMDISK_MUTATING | SIMDISK_READ;
    bool failed = true;
    for (uint64_t n = 1; failed; n++) {
        struct ate__buf note = ATE__BUF_NULL;
        uint64_t before = size_in_file();
        kit_put_ok(&kit, 10 + (unsigned)n, "x");
        simdisk_fail(kit.disk, kinds, n, 1, n % 2 ? ATE_E_IO : ATE_E_NO_SPACE);
        int rc = sign(&note);
        failed = simdisk_failed(kit.disk);
        simdisk_fail(kit.disk, 0, 0, 0, 0);
        assert_true(!rc || (failed && rc < 0 && !note.size));
        uint64_t after = size_in_file();
        assert_true(after == kit_size(&kit) || (rc && after == before));
        ate__buf_deinit(&note);
        (void)sign_ok();
    }
}

/* Power is lost at every write: the next process finds the old note or the new one, whole, and what
 * was given to somebody is the new one. */
static void every_crash(void **state)
{
    (void)state;
    bool stopped = true;
    for (uint64_t n = 1; stopped; n++)
        for (uint64_t seed = 1; seed <= 8; seed++) {
            struct ate__buf note = ATE__BUF_NULL;
            kit_init(&kit, 100 * n + seed);
            kit_create_ok(&kit);
            kit_put_ok(&kit, 1, "a");
            (void)sign_ok();
            kit_put_ok(&kit, 2, "b");
            simdisk_stop(kit.disk, n);
            int rc = sign(&note);
            stopped = simdisk_stopped(kit.disk);
            kit_crash(&kit, seed);
            kit_open_ok(&kit, 0);
            uint64_t size = size_in_file();
            assert_true(size == 3 || (rc && size == 2));
            assert_int_equal(sign_ok(), 3);
            ate__buf_deinit(&note);
            kit_deinit(&kit);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_signed_is_remembered, begin, end),
        cmocka_unit_test_setup_teardown(only_a_head_of_this_chain, begin, end),
        cmocka_unit_test_setup_teardown(nothing_is_signed_against_the_file, begin, end),
        cmocka_unit_test_setup_teardown(it_went_back, begin, end),
        cmocka_unit_test_setup_teardown(leftovers, begin, end),
        cmocka_unit_test_setup_teardown(every_call_fails, begin, end),
        cmocka_unit_test(every_crash),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
