/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * note_test.c: notes as others made them, as we make them, and as nobody may.
 */
#include "crypto/note.h"
#include "base/err.h"
#include "base/text.h"
#include "help.h"
#include "vectors.h"
#include <stdlib.h>

#define NAME "ate/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
#define DASH "\xe2\x80\x94 "

static struct ate__log_key *key; /* of the seed 00 01 .. 1f */
static struct ate__log_verify *verify, *other;
static struct ate__buf made; /* the note of `tree` */
static const struct ate__note_tree tree = {{NAME, sizeof NAME - 1}, 9007199254740993, {{7, 8}}};

static struct ate__log_key *key_of(uint8_t first)
{
    struct ate__key32 seed;
    struct ate__log_key *k;
    for (uint8_t i = 0; i < 32; i++)
        seed.b[i] = (uint8_t)(first + i);
    assert_int_equal(ate__log_key_of_seed(&seed, &k), 0);
    return k;
}

static int set_up(void **state)
{
    (void)state;
    key = key_of(0);
    struct ate__log_key *another = key_of(1);
    assert_int_equal(ate__log_verify_new(ate__log_key_public(key), &verify), 0);
    assert_int_equal(ate__log_verify_new(ate__log_key_public(another), &other), 0);
    ate__log_key_free(another);
    int rc = ate__note_make(&tree, NAME, key, 1700000000, &made);
    if (!rc)
        rc = ate__buf_reserve(&made, 1);
    if (!rc)
        made.data[made.size] = 0; /* tests search in it as in a text */
    return rc;
}

static int tear_down(void **state)
{
    (void)state;
    ate__log_key_free(key);
    ate__log_verify_free(verify);
    ate__log_verify_free(other);
    ate__buf_deinit(&made);
    return 0;
}

static int verdict_of(struct ate_bytes note, const char *name, const struct ate__log_verify *k,
                      struct ate__note_verdict *ret_verdict)
{
    struct ate__note n;
    int rc = ate__note_parse(note, &n);
    if (rc)
        return rc;
    rc = ate__note_verify(&n, name, k, ret_verdict);
    ate__note_deinit(&n);
    return rc;
}

/* --- made by others --- */

/* A log key with the published half and one of ours, for only one algorithm is published in each
 * note. */
static struct ate__log_verify *published_key(const char *vkey, bool mldsa44)
{
    struct ate__log_parts ours;
    struct ate__buf public_key = ATE__BUF_NULL;
    struct ate__log_verify *v;
    uint8_t typed[1 + ATE__LOG_MLDSA44_PUBLIC];
    size_t size;
    const char *text = strchr(vkey, '+') + sizeof "+c74f20a3+" - 1;
    assert_int_equal(ate__base64_decode(text, strlen(text), typed, sizeof typed, &size), 0);
    assert_int_equal(typed[0], mldsa44 ? 6 : 1);
    assert_int_equal(size, 1 + (mldsa44 ? 1312 : 32));
    assert_int_equal(ate__log_public_parse(ate__log_key_public(key), &ours), 0);
    assert_int_equal(ate__log_public_make(mldsa44 ? ours.ed25519.data : typed + 1,
                                          mldsa44 ? typed + 1 : ours.mldsa44.data, &public_key),
                     0);
    assert_int_equal(ate__log_verify_new(ate__buf_bytes(&public_key), &v), 0);
    ate__buf_deinit(&public_key);
    return v;
}

static void published_note(const char *which, const char *name, bool mldsa44)
{
    json_t *json = vectors_open("signed-note.json");
    const json_t *v = json_object_get(json, which);
    const char *note = json_string_value(json_object_get(v, "note"));
    struct ate__log_verify *k =
        published_key(json_string_value(json_object_get(v, "key")), mldsa44);
    struct ate__note_verdict verdict;
    assert_int_equal(verdict_of(ate__text_bytes(note), name, k, &verdict), 0);
    assert_int_equal(verdict.mldsa44, mldsa44);
    assert_int_equal(verdict.ed25519, !mldsa44);
    assert_int_equal(verdict.time_s, 0);

    char *bad = strdup(note);
    for (size_t i = 0; bad[i] != '\n'; i += 3) { /* the text's first line */
        bad[i] ^= 1;
        assert_int_equal(verdict_of(ate__text_bytes(bad), name, k, &verdict), ATE_TAMPERED);
        bad[i] ^= 1;
    }
    free(bad);
    assert_int_equal(verdict_of(ate__text_bytes(note), "Another", k, &verdict), 0);
    assert_false(verdict.ed25519 || verdict.mldsa44);
    ate__log_verify_free(k);
    json_decref(json);
}

static void published_notes(void **state)
{
    (void)state;
    published_note("ed25519", "PeterNeumann", false);
    published_note("mldsa44", "example.com/mldsa-log", true);
}

/* --- made by us --- */

static void own_note(void **state)
{
    (void)state;
    static const char text[] =
        NAME "\n9007199254740993\nBwgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
    struct ate__note n;
    struct ate__note_tree back;
    struct ate__note_verdict verdict;
    assert_int_equal(ate__note_parse(ate__buf_bytes(&made), &n), 0);
    assert_true(ate__bytes_equal(n.text, ate__bytes(text, sizeof text - 1)));
    assert_int_equal(n.count, 2);
    assert_int_equal(n.lines[0].signature.size, 64);
    assert_int_equal(n.lines[1].signature.size, 8 + 2420);
    assert_int_equal(ate__note_tree_parse(n.text, &back), 0);
    assert_true(ate__bytes_equal(back.origin, tree.origin) && back.size == tree.size &&
                ate__hash_equal(&back.root, &tree.root));
    assert_int_equal(ate__note_verify(&n, NAME, verify, &verdict), 0);
    assert_true(verdict.ed25519 && verdict.mldsa44);
    assert_int_equal(verdict.time_s, 1700000000);
    assert_int_equal(ate__note_verify(&n, NAME, other, &verdict), 0);
    assert_false(verdict.ed25519 || verdict.mldsa44);
    ate__note_deinit(&n);
}

/* Lines of others go before, between and behind ours, up to as many as there may be. */
static void lines_of_others(void **state)
{
    (void)state;
    static const char line[] = DASH "witness.example/w1 AAAAAGFueXRoaW5n\n";
    struct ate__buf note = ATE__BUF_NULL;
    struct ate__note_verdict verdict;
    const char *first = strstr((const char *)made.data, "\n" DASH) + 1;
    size_t head = (size_t)(first - (const char *)made.data);
    assert_int_equal(ate__buf_append(&note, ate__bytes(made.data, head)), 0);
    assert_int_equal(ate__buf_append(&note, ate__text_bytes(line)), 0);
    assert_int_equal(ate__buf_append(&note, ate__bytes(first, made.size - head)), 0);
    for (unsigned count = 3; count < ATE__NOTE_SIGNATURES_MAX; count++)
        assert_int_equal(ate__buf_append(&note, ate__text_bytes(line)), 0);
    assert_int_equal(verdict_of(ate__buf_bytes(&note), NAME, verify, &verdict), 0);
    assert_true(verdict.ed25519 && verdict.mldsa44);
    assert_int_equal(ate__buf_append(&note, ate__text_bytes(line)), 0);
    assert_int_equal(verdict_of(ate__buf_bytes(&note), NAME, verify, &verdict), ATE_TOO_BIG);
    ate__buf_deinit(&note);
}

/* Whatever byte of it changes: it is no note, or a line does not hold, or a line is of nobody. */
static void every_byte_counts(void **state)
{
    (void)state;
    struct ate__note_verdict verdict;
    unsigned step = 1;
    for (size_t i = 0; i < made.size; i += step) {
        for (unsigned bit = 1; bit < 0x100; bit <<= 3) {
            made.data[i] ^= (uint8_t)bit;
            int rc = verdict_of(ate__buf_bytes(&made), NAME, verify, &verdict);
            if (!rc)
                assert_false(verdict.ed25519 && verdict.mldsa44);
            else
                assert_true(rc == ATE_MALFORMED || rc == ATE_TAMPERED);
            made.data[i] ^= (uint8_t)bit;
        }
        if (i > 300) /* inside of one long signature */
            step = 13;
    }
    for (size_t size = 0; size < made.size; size += size < 300 ? 1 : 7) {
        int rc = verdict_of(ate__bytes(made.data, size), NAME, verify, &verdict);
        assert_true(rc ? rc == ATE_MALFORMED : !verdict.mldsa44);
    }
}

static void not_a_note(void **state)
{
    (void)state;
#define SIGNED DASH "a AAAAAAA=\n"
    static const char *const good[] = {"\n\n" SIGNED, "a\n\n" SIGNED, "a\n\nb\n\n" SIGNED,
                                       "a\n\n" DASH "\xc3\xa4/b-_. AAAAAAAA\n"};
    static const char *const bad[] = {
        "",
        "\n",
        "a\n",
        "a\n\n",
        SIGNED,
        "\n" SIGNED,
        "a\n" SIGNED,
        "a\n\n\n" SIGNED "x",
        "a\n\n" DASH "a AAAAAAA=",
        "a\n\n" SIGNED "\n",
        "a\n\n- a AAAAAAA=\n",
        "a\n\n" DASH " AAAAAAA=\n",
        "a\n\n" DASH "a+b AAAAAAA=\n",
        "a\n\n" DASH "a\xc2\xa0"
        "b AAAAAAA=\n",
        "a\n\n" DASH "a\xe2\x80\x89"
        "b AAAAAAA=\n",
        "a\n\n" DASH "a\xe3\x80\x80 AAAAAAA=\n",
        "a\n\n" DASH "a  AAAAAAA=\n",
        "a\n\n" DASH "a AAAAAAA= \n",
        "a\n\n" DASH "a AAAAAA==\n", /* a key id, and nothing signed */
        "a\n\n" DASH "a AAA=\n",
        "a\n\n" DASH "a \n",
        "a\n\n" DASH "a\n",
        "a\n\n" DASH "a AAAAAA-_\n",
        "a\n\n" DASH "a AAAAAAAB=\n",
        "a\t\n\n" SIGNED,
        "a\r\n\n" SIGNED,
        "a\xff\n\n" SIGNED,
        "a\x7f\xc0\x80\n\n" SIGNED,
    };
    struct ate__note n;
    for (size_t i = 0; i < ATE__COUNT_OF(good); i++) {
        if (ate__note_parse(ate__text_bytes(good[i]), &n))
            fail_msg("%zu: %s", i, ate__error_text());
        ate__note_deinit(&n);
    }
    for (size_t i = 0; i < ATE__COUNT_OF(bad); i++)
        if (ate__note_parse(ate__text_bytes(bad[i]), &n) != ATE_MALFORMED)
            fail_msg("taken: %zu", i);
    assert_int_equal(ate__note_parse(ate__bytes("a\n\n" DASH "a\0b AAAAAAA=\n", 18), &n),
                     ATE_MALFORMED);
    size_t size = ATE__NOTE_MAX + 1;
    char *large = malloc(size);
    memset(large, 'a', size);
    memcpy(large + size - strlen("\n\n" SIGNED), "\n\n" SIGNED, strlen("\n\n" SIGNED));
    assert_int_equal(ate__note_parse(ate__bytes(large, size), &n), ATE_TOO_BIG);
    assert_int_equal(ate__note_parse(ate__bytes(large + 1, size - 1), &n), 0);
    ate__note_deinit(&n);
    free(large);
}

static void not_a_tree(void **state)
{
    (void)state;
#define ROOT "BwgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    static const char *const bad[] = {
        "",
        "o\n",
        "o\n1\n",
        "o\n1\n" ROOT,
        "\n1\n" ROOT "\n",
        "o\n\n" ROOT "\n",
        "o\n01\n" ROOT "\n",
        "o\n-1\n" ROOT "\n",
        "o\n+1\n" ROOT "\n",
        "o\n1 \n" ROOT "\n",
        "o\n0x1\n" ROOT "\n",
        "o\n18446744073709551616\n" ROOT "\n",
        "o\n1\nBwgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=\n",
        "o\n1\nBwgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==\n",
        "o\n1\nBwgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
        "o\n1\n" ROOT "\n\n",
        "o\n1\n" ROOT "\nan extension\n",
    };
    struct ate__note_tree t;
    assert_int_equal(ate__note_tree_parse(ate__text_bytes("o\n0\n" ROOT "\n"), &t), 0);
    assert_int_equal(
        ate__note_tree_parse(ate__text_bytes("o\n18446744073709551615\n" ROOT "\n"), &t), 0);
    assert_true(t.size == UINT64_MAX);
    for (size_t i = 0; i < ATE__COUNT_OF(bad); i++)
        if (ate__note_tree_parse(ate__text_bytes(bad[i]), &t) != ATE_MALFORMED)
            fail_msg("taken: %zu", i);
}

static void names_that_cannot_be(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "a b", "a+b", "a\nb", "\xff", "a\xc2\x85"};
    struct ate__buf note = ATE__BUF_NULL;
    char longest[ATE__NOTE_NAME_MAX + 2] = {0};
    for (size_t i = 0; i < ATE__COUNT_OF(bad); i++) {
        struct ate__note_tree t = {ate__text_bytes(bad[i]), 1, {{0}}};
        assert_int_equal(ate__note_make(&tree, bad[i], key, 0, &note), ATE_MISUSE);
        assert_int_equal(ate__note_make(&t, NAME, key, 0, &note), ATE_MISUSE);
        assert_int_equal(ate__note_keys_encode(bad[i], ate__log_key_public(key), &note),
                         ATE_MISUSE);
    }
    memset(longest, 'n', ATE__NOTE_NAME_MAX + 1);
    assert_int_equal(ate__note_make(&tree, longest, key, 0, &note), ATE_MISUSE);
    assert_int_equal(note.size, 0);
    longest[ATE__NOTE_NAME_MAX] = 0;
    struct ate__note_verdict verdict;
    assert_int_equal(ate__note_make(&tree, longest, key, 5, &note), 0);
    assert_int_equal(verdict_of(ate__buf_bytes(&note), longest, verify, &verdict), 0);
    assert_true(verdict.ed25519 && verdict.mldsa44 && verdict.time_s == 5);
    ate__buf_deinit(&note);
}

static void verifier_keys(void **state)
{
    (void)state;
    struct ate__buf text = ATE__BUF_NULL, back = ATE__BUF_NULL;
    struct ate_bytes name, rest;
    assert_int_equal(ate__note_keys_encode(NAME, ate__log_key_public(key), &text), 0);
    assert_int_equal(ate__note_keys_encode("b", ate__log_verify_public(other), &text), 0);
    rest = ate__buf_bytes(&text);
    assert_int_equal(ate__note_keys_decode(&rest, &name, &back), 0);
    assert_true(ate__bytes_equal(name, tree.origin));
    assert_true(ate__bytes_equal(ate__buf_bytes(&back), ate__log_key_public(key)));
    ate__buf_clear(&back);
    assert_int_equal(ate__note_keys_decode(&rest, &name, &back), 0);
    assert_true(ate__bytes_equal(ate__buf_bytes(&back), ate__log_verify_public(other)));
    assert_int_equal(rest.size, 0);
    assert_int_equal(ate__note_keys_decode(&rest, &name, &back), ATE_MALFORMED);

    size_t first = (size_t)((const char *)memchr(text.data, '\n', text.size) - (char *)text.data);
    for (size_t i = 0; i < first + 200; i++) {
        text.data[i] ^= 1;
        rest = ate__buf_bytes(&text);
        int rc = ate__note_keys_decode(&rest, &name, &back);
        assert_true(rc == ATE_MALFORMED || rc == ATE_UNSUPPORTED);
        assert_true(rest.data == text.data);
        text.data[i] ^= 1;
    }
    /* the halves the other way round, two of one kind, halves of two names, another algorithm */
    char *line = (char *)text.data;
    const char *second_end = memchr(line + first + 1, '\n', text.size - first - 1);
    size_t whole = (size_t)(second_end - line) + 1;
    struct ate__buf bad = ATE__BUF_NULL;
    assert_int_equal(ate__buf_append(&bad, ate__bytes(line + first + 1, whole - first - 1)), 0);
    assert_int_equal(ate__buf_append(&bad, ate__bytes(line, first + 1)), 0);
    rest = ate__buf_bytes(&bad);
    assert_int_equal(ate__note_keys_decode(&rest, &name, &back), ATE_MALFORMED);
    ate__buf_clear(&bad);
    assert_int_equal(ate__buf_append(&bad, ate__bytes(line, first + 1)), 0);
    assert_int_equal(ate__buf_append(&bad, ate__bytes(line, first + 1)), 0);
    rest = ate__buf_bytes(&bad);
    assert_int_equal(ate__note_keys_decode(&rest, &name, &back), ATE_MALFORMED);
    rest = ate__text_bytes("w+680f52bc+BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n");
    assert_int_equal(ate__note_keys_decode(&rest, &name, &back), ATE_UNSUPPORTED);
    ate__buf_deinit(&bad);
    ate__buf_deinit(&back);
    ate__buf_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_notes),      cmocka_unit_test(own_note),
        cmocka_unit_test(lines_of_others),      cmocka_unit_test(every_byte_counts),
        cmocka_unit_test(not_a_note),           cmocka_unit_test(not_a_tree),
        cmocka_unit_test(names_that_cannot_be), cmocka_unit_test(verifier_keys),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
