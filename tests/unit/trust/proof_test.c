/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "trust/proof.h"
#include "base/err.h"
#include "lib/check.h"
#include "log.h"
#include <stdio.h>

static struct log l;
static const struct ate_bytes genesis = {"transaction 0", 13};

static int set_up(void **state)
{
    (void)state;
    log_init(&l);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    log_deinit(&l);
    return 0;
}

static int check(struct ate_bytes text, const struct ate__log_key *key,
                 struct ate__checkpoint *ret_old, struct ate__checkpoint *ret_checkpoint)
{
    struct ate_bytes trusted = ate__log_key_public(key);
    struct ate__proof_text p;
    int rc = ate__proof_decode(text, &p);
    if (rc)
        return rc;
    rc = ate__proof_verify(&p, &trusted, 1, ret_old, ret_checkpoint);
    ate__proof_deinit(&p);
    return rc;
}

static void inclusions_hold(void **state)
{
    (void)state;
    struct ate__checkpoint old, c;
    for (unsigned size = 1; size <= LOG_SIZE; size += size < 9 ? 1 : 13)
        for (unsigned i = 0; i < size; i += size < 9 ? 1 : 7) {
            struct ate__buf text = log_proof(&l, ATE__PROOF_INCLUSION, i, size, genesis);
            struct ate__proof_text p;
            assert_int_equal(ate__proof_decode(ate__buf_bytes(&text), &p), 0);
            struct ate__proof_entry e = log_entry(i);
            assert_memory_equal(&p.entry, &e, sizeof e);
            assert_true(ate__bytes_equal(p.genesis, genesis));
            struct ate__buf again = ATE__BUF_NULL;
            assert_int_equal(ate__proof_encode(&p, &again), 0);
            assert_true(ate__bytes_equal(ate__buf_bytes(&text), ate__buf_bytes(&again)));
            ate__proof_deinit(&p);
            ate__buf_deinit(&again);
            assert_int_equal(check(ate__buf_bytes(&text), l.key, &old, &c), 0);
            assert_true(c.size == size && ate__hash_equal(&c.root, &l.root[size]));
            assert_int_equal(check(ate__buf_bytes(&text), l.other, &old, &c), ATE_UNTRUSTED);
            ate__buf_deinit(&text);
        }
}

static void consistencies_hold(void **state)
{
    (void)state;
    struct ate__checkpoint old, c;
    for (unsigned size = 0; size <= LOG_SIZE; size += size < 9 ? 1 : 19)
        for (unsigned i = 0; i <= size; i += size < 9 ? 1 : 11) {
            struct ate__buf text = log_proof(&l, ATE__PROOF_CONSISTENCY, i, size, genesis);
            assert_int_equal(check(ate__buf_bytes(&text), l.key, &old, &c), 0);
            assert_true(old.size == i && c.size == size);
            assert_int_equal(check(ate__buf_bytes(&text), l.other, &old, &c), ATE_UNTRUSTED);
            ate__buf_deinit(&text);
        }
}

/* All but what the genesis in it says, which is for somebody else to judge. */
static void every_byte_counts(void **state)
{
    (void)state;
    struct ate__checkpoint old, c;
    for (enum ate__proof_kind kind = ATE__PROOF_INCLUSION; kind <= ATE__PROOF_CONSISTENCY; kind++) {
        struct ate__buf text = log_proof(&l, kind, 3, 9, ate__bytes(NULL, 0));
        for (size_t i = 0; i < text.size; i += i < 800 ? 1 : 23) {
            text.data[i] ^= 4;
            int rc = check(ate__buf_bytes(&text), l.key, &old, &c);
            if (!rc || rc < 0)
                fail_msg("byte %zu: %s", i, ate__result_name(rc));
            text.data[i] ^= 4;
        }
        for (size_t size = 0; size < text.size; size += 1 + size / 50)
            assert_int_not_equal(check(ate__bytes(text.data, size), l.key, &old, &c), 0);
        ate__buf_deinit(&text);
    }
}

/* Honest parts of one proof put into another. */
static void parts_of_others(void **state)
{
    (void)state;
    struct ate__checkpoint old, c;
    struct ate__buf note = log_checkpoint(&l, 9), older = log_checkpoint(&l, 4),
                    text = ATE__BUF_NULL;
    struct ate__proof_text p = {
        .kind = ATE__PROOF_INCLUSION, .entry = log_entry(3), .checkpoint = ate__buf_bytes(&note)};
    assert_int_equal(ate__merkle_inclusion(log_node, &l, 3, 9, &p.path), 0);
    p.entry.sequence = 4; /* another place */
    assert_int_equal(ate__proof_encode(&p, &text), 0);
    assert_int_equal(check(ate__buf_bytes(&text), l.key, &old, &c), ATE_TAMPERED);
    p.entry.sequence = UINT64_MAX;
    ate__buf_clear(&text);
    assert_int_equal(ate__proof_encode(&p, &text), 0);
    assert_int_equal(check(ate__buf_bytes(&text), l.key, &old, &c), ATE_TAMPERED);
    p.entry = log_entry(3);
    p.entry.root_time_us++; /* another time */
    ate__buf_clear(&text);
    assert_int_equal(ate__proof_encode(&p, &text), 0);
    assert_int_equal(check(ate__buf_bytes(&text), l.key, &old, &c), ATE_TAMPERED);
    p.entry = log_entry(3);
    p.checkpoint = ate__buf_bytes(&older); /* another tree */
    ate__buf_clear(&text);
    assert_int_equal(ate__proof_encode(&p, &text), 0);
    assert_int_equal(check(ate__buf_bytes(&text), l.key, &old, &c), ATE_TAMPERED);
    p.kind = ATE__PROOF_CONSISTENCY; /* from the larger to the smaller */
    p.old_checkpoint = ate__buf_bytes(&note);
    assert_int_equal(ate__merkle_consistency(log_node, &l, 4, 9, &p.path), 0);
    ate__buf_clear(&text);
    assert_int_equal(ate__proof_encode(&p, &text), 0);
    assert_int_equal(check(ate__buf_bytes(&text), l.key, &old, &c), ATE_TAMPERED);
    ate__buf_deinit(&text);
    ate__buf_deinit(&note);
    ate__buf_deinit(&older);
}

/* Two checkpoints that one key should never have signed. */
static void two_histories(void **state)
{
    (void)state;
    struct ate__checkpoint old, c = {.chain_id = l.chain_id, .size = 9, .root = l.root[8]};
    struct ate__buf note = log_checkpoint(&l, 9), other = ATE__BUF_NULL, text = ATE__BUF_NULL;
    assert_int_equal(ate__checkpoint_make(&c, l.key, &other), 0);
    struct ate__proof_text p = {.kind = ATE__PROOF_CONSISTENCY,
                                .old_checkpoint = ate__buf_bytes(&other),
                                .checkpoint = ate__buf_bytes(&note)};
    assert_int_equal(ate__proof_encode(&p, &text), 0);
    assert_int_equal(check(ate__buf_bytes(&text), l.key, &old, &c), ATE_FORKED);
    c = (struct ate__checkpoint){.size = 9, .root = l.root[9]};
    ate__buf_clear(&other);
    ate__buf_clear(&text);
    assert_int_equal(ate__checkpoint_make(&c, l.key, &other), 0);
    p.old_checkpoint = ate__buf_bytes(&other);
    assert_int_equal(ate__proof_encode(&p, &text), 0);
    assert_int_equal(check(ate__buf_bytes(&text), l.key, &old, &c), ATE_WRONG_CHAIN);
    ate__buf_deinit(&note);
    ate__buf_deinit(&other);
    ate__buf_deinit(&text);
}

static void not_a_proof(void **state)
{
    (void)state;
#define HEAD "c2sp.org/tlog-proof@v1\n"
#define ZEROS "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
#define EXTRA "extra AQAAAAA=\n" /* of a consistency, without genesis */
#define CONSISTENCY "ate/consistency-proof@v1\n"
    static const struct {
        const char *text;
        int result;
    } bad[] = {
        {"", ATE_MALFORMED},
        {"c2sp.org/tlog-proof@v1", ATE_MALFORMED},
        {"c2sp.org/tlog-proof@v2\n", ATE_MALFORMED},
        {HEAD, ATE_MALFORMED},
        {HEAD "index 1\n\nnote", ATE_MALFORMED}, /* of a log that is no chain */
        {HEAD "extra \nindex 1\n\nnote", ATE_MALFORMED},
        {HEAD "extra AQ==\nindex 1\n\nnote", ATE_MALFORMED},
        {HEAD "extra Ag==\nindex 1\n\nnote", ATE_UNSUPPORTED},
        {CONSISTENCY "extra AgAAAAA=\n\na\n\nb\n\nc", ATE_UNSUPPORTED},
        {CONSISTENCY "extra AQAAAAAA\n\na\n\nb\n\nc", ATE_MALFORMED},
        {CONSISTENCY EXTRA "\na\n\nb\n\n", ATE_MALFORMED},
        {CONSISTENCY EXTRA "\na\n\nb\n", ATE_MALFORMED},
        {CONSISTENCY EXTRA "\na\n", ATE_MALFORMED},
        {CONSISTENCY EXTRA, ATE_MALFORMED},
        {CONSISTENCY EXTRA "AAAA\n\na\n\nb\n\nc", ATE_MALFORMED},
        {CONSISTENCY EXTRA "index 1\n\na\n\nb\n\nc", ATE_MALFORMED},
        {CONSISTENCY EXTRA " " ZEROS "\na\n\nb\n\nc", ATE_MALFORMED},
    };
    struct ate__proof_text p;
    for (size_t i = 0; i < ATE__COUNT_OF(bad); i++)
        if (ate__proof_decode(ate__text_bytes(bad[i].text), &p) != bad[i].result)
            fail_msg("%zu: %s", i, ate__error_text());
    assert_int_equal(
        ate__proof_decode(ate__text_bytes(CONSISTENCY EXTRA ZEROS "\na\n\nb\n\nc"), &p), 0);
    assert_true(ate__bytes_equal(p.old_checkpoint, ate__text_bytes("a\n\nb\n")));
    assert_true(ate__bytes_equal(p.checkpoint, ate__text_bytes("c")));
    ate__proof_deinit(&p);
}

static struct ate_bytes example(const char *name)
{
    const char *root = getenv("ATE_SOURCE_ROOT");
    assert_non_null(root);
    static char text[4][1 << 14];
    static unsigned next;
    char path[4096], *to = text[next++ % ATE__COUNT_OF(text)];
    snprintf(path, sizeof path, "%s/tests/vectors/proof/%s", root, name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t size = fread(to, 1, sizeof text[0], f);
    fclose(f);
    return ate__bytes(to, size);
}

/* What an earlier version signed and proved. */
static void examples_of_the_format(void **state)
{
    (void)state;
    struct ate__buf chains = ATE__BUF_NULL, keys = ATE__BUF_NULL;
    struct ate__checkpoint old, c;
    assert_int_equal(ate__checkpoint_keys_decode(example("keys"), &chains, &keys), 0);
    assert_true(ate__bytes_equal(ate__buf_bytes(&keys), ate__log_key_public(l.key)));
    assert_int_equal(check(example("inclusion.tlog-proof"), l.key, &old, &c), 0);
    assert_true(ate__hash_equal(&c.chain_id, &l.chain_id) && c.size == 9);
    assert_int_equal(check(example("consistency.proof"), l.key, &old, &c), 0);
    assert_true(old.size == 3 && c.size == 9 && c.time_s == 1700000009);
    ate__buf_deinit(&chains);
    ate__buf_deinit(&keys);
}

static void limits(void **state)
{
    (void)state;
    struct ate__proof_text p;
    size_t size = ATE__PROOF_TEXT_MAX + 1;
    char *large = malloc(size);
    memset(large, 'a', size);
    assert_int_equal(ate__proof_decode(ate__bytes(large, size), &p), ATE_TOO_BIG);
    memcpy(large, HEAD "extra ", strlen(HEAD "extra "));
    memset(large + strlen(HEAD "extra "), 'A', (ATE__PROOF_EXTRA_MAX / 3 + 1) * 4);
    large[strlen(HEAD "extra ") + (ATE__PROOF_EXTRA_MAX / 3 + 1) * 4] = '\n';
    assert_int_equal(ate__proof_decode(ate__bytes(large, size - 1), &p), ATE_TOO_BIG);
    free(large);

    struct ate__buf text = ATE__BUF_NULL;
    assert_int_equal(ate__buf_append(&text, ate__text_bytes(CONSISTENCY EXTRA)), 0);
    for (unsigned i = 0; i < ATE__PROOF_MAX; i++)
        assert_int_equal(ate__buf_append(&text, ate__text_bytes(ZEROS)), 0);
    size_t path_end = text.size;
    assert_int_equal(ate__buf_append(&text, ate__text_bytes("\na\n\nb\n\nc")), 0);
    assert_int_equal(ate__proof_decode(ate__buf_bytes(&text), &p), 0);
    ate__proof_deinit(&p);
    text.size = path_end;
    assert_int_equal(ate__buf_append(&text, ate__text_bytes(ZEROS "\na\n\nb\n\nc")), 0);
    assert_int_equal(ate__proof_decode(ate__buf_bytes(&text), &p), ATE_MALFORMED);
    p = (struct ate__proof_text){.kind = ATE__PROOF_INCLUSION,
                                 .genesis = ate__bytes(text.data, ATE__PROOF_EXTRA_MAX)};
    ate__buf_clear(&text);
    assert_int_equal(ate__proof_encode(&p, &text), ATE_TOO_BIG);
    assert_int_equal(text.size, 0);
    ate__buf_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inclusions_hold),        cmocka_unit_test(consistencies_hold),
        cmocka_unit_test(every_byte_counts),      cmocka_unit_test(parts_of_others),
        cmocka_unit_test(two_histories),          cmocka_unit_test(not_a_proof),
        cmocka_unit_test(examples_of_the_format), cmocka_unit_test(limits),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
