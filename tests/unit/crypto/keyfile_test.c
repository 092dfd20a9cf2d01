/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "crypto/hpke.h"
#include "crypto/keyfile.h"
#include "base/err.h"
#include "base/wr.h"
#include "crypto/kdf.h"
#include "help.h"
#include "lib/simenv.h"
#include <stdlib.h>

#define HEAD "ate-key 1\n"
#define ALGORITHM "algorithm mldsa65-ed25519-sha512 x-wing\n"
#define SEED_TEXT "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
#define SEED "seed " SEED_TEXT "\n"

static struct ate__key *key; /* of the seed 00 01 .. 1f, "joe's key" */

static struct simenv sim;

static int set_up(void **state)
{
    (void)state;
    simenv_init(&sim, rnd_seed(8), NULL);
    struct ate__key32 seed;
    for (uint8_t i = 0; i < 32; i++)
        seed.b[i] = i;
    return ate__key_of_seed(&seed, "joe's key", &key);
}

static int tear_down(void **state)
{
    (void)state;
    ate__key_free(key);
    simenv_deinit(&sim);
    assert_int_equal(ate__secret_blocks(), 0);
    return 0;
}

/* HKDF-Expand of the seed, computed with another implementation. */
static void seeds_are_as_documented(void **state)
{
    (void)state;
    struct ate__sign_seeds seeds = {{0}, {0}};
    of_hex("659a45e1305d2d6509a764065fde69475c42e7ea713fa25ddc378f2d8cd14f4b", seeds.mldsa, 32);
    of_hex("c0d44e7d16d95d77f5e7fe6e914534634ff1a6698c833bf26b972633a3a6d0a6", seeds.eddsa, 32);
    assert_hex(key->kem_seed.b, 32,
               "d4aec963126d01b59c23a5c439d594f81a27a1088567d2a76cc5a51558f7151d");
    assert_hex(key->read_key.b, 32,
               "f66d2a3b8fc281d76061853846742cf4e2e9f78c872cb424afc3752b03f7d73f");
    struct ate__sign_key *sign_key;
    uint8_t expected[6 + ATE__SIG_PUBLIC + 6 + ATE__XWING_PUBLIC] = {1, 0, 0xc0, 0x07, 0, 0}, *kem;
    assert_int_equal(ate__sign_key_new(ATE__SIG_MLDSA65_ED25519, &seeds, &sign_key), 0);
    memcpy(expected + 6, ate__sign_key_public(sign_key).data, ATE__SIG_PUBLIC);
    ate__sign_key_free(sign_key);
    kem = expected + 6 + ATE__SIG_PUBLIC;
    memcpy(kem, (const uint8_t[]){0x7a, 0x64, 0xc0, 0x04, 0, 0}, 6);
    assert_int_equal(ate__xwing_public(&key->kem_seed, kem + 6), 0);
    assert_true(
        ate__bytes_equal(ate__buf_bytes(&key->public_key), ate__bytes(expected, sizeof expected)));

    struct ate_hash fingerprint;
    assert_int_equal(ate__hash(ATE__SHA256, "ate key 1",
                               &(struct ate_bytes){expected, sizeof expected}, 1, &fingerprint),
                     0);
    assert_true(ate__hash_equal(&key->fingerprint, &fingerprint));
    char text[ATE__HASH_TEXT];
    assert_string_equal(ate__hash_text(&fingerprint, text),
                        "s5Y_DhRDG8000AdvA6lYZmasilz7tMIfPQyolUT1G-0");
}

static void private_file(void **state)
{
    (void)state;
    static const char expected[] = HEAD ALGORITHM SEED "label joe's key\n";
    struct ate__secret text;
    assert_int_equal(ate__key_encode(key, &text), 0);
    assert_int_equal(text.size, strlen(expected));
    assert_memory_equal(text.data, expected, text.size);
    struct ate__key *back;
    assert_int_equal(ate__key_decode(ate__bytes(text.data, text.size), &back), 0);
    assert_memory_equal(back->seed.b, key->seed.b, 32);
    assert_memory_equal(back->read_key.b, key->read_key.b, 32);
    assert_string_equal(back->label, "joe's key");
    assert_true(ate__hash_equal(&back->fingerprint, &key->fingerprint));
    ate__key_free(back);
    ate__secret_deinit(&text);

    assert_int_equal(ate__key_decode(ate__text_bytes(HEAD ALGORITHM SEED), &back), 0);
    assert_string_equal(back->label, "");
    assert_int_equal(ate__key_encode(back, &text), 0);
    assert_int_equal(text.size, strlen(HEAD ALGORITHM SEED));
    ate__secret_deinit(&text);
    ate__key_free(back);
}

static const struct {
    const char *text;
    int expected;
    const char *sentence; /* part of it; NULL: any */
} bad_private[] = {
    {"", ATE_MALFORMED, "line 1"},
    {"\n", ATE_MALFORMED, "line 1"},
    {"ate-key", ATE_MALFORMED, "newline"},
    {"ate-key\n", ATE_MALFORMED, "line 1"},
    {"ate-key 1", ATE_MALFORMED, "newline"},
    {"ate-key \n", ATE_MALFORMED, "line 1"},
    {"ate-key  1\n" ALGORITHM SEED, ATE_UNSUPPORTED, "version"},
    {"ate-key 2\n", ATE_MALFORMED, "line 2: \"holds\" belongs here"},
    {"ate-key 3\n", ATE_UNSUPPORTED, "version"},
    {"ate-key 3\nanything\n", ATE_UNSUPPORTED, "version"},
    {"ate-key 10\n" ALGORITHM SEED, ATE_UNSUPPORTED, "version"},
    {"ate-key 1 \n" ALGORITHM SEED, ATE_UNSUPPORTED, "version"},
    {"ate-key 1\r\n" ALGORITHM SEED, ATE_UNSUPPORTED, "version"},
    {"Ate-key 1\n" ALGORITHM SEED, ATE_MALFORMED, "line 1"},
    {" ate-key 1\n" ALGORITHM SEED, ATE_MALFORMED, "line 1"},
    {"ate-keys 1\n" ALGORITHM SEED, ATE_MALFORMED, "not a key file"},
    {"ate-public-key 1\nkey AA\n", ATE_MALFORMED, "a public key file"},
    {"\xef\xbb\xbf" HEAD ALGORITHM SEED, ATE_MALFORMED, "line 1"},
    {HEAD, ATE_MALFORMED, "line 2: \"algorithm\" belongs here"},
    {HEAD ALGORITHM, ATE_MALFORMED, "line 3: \"seed\" belongs here"},
    {HEAD SEED, ATE_MALFORMED, "line 2: \"algorithm\" belongs here"},
    {HEAD SEED ALGORITHM, ATE_MALFORMED, "line 2"},
    {HEAD "label x\n" ALGORITHM SEED, ATE_MALFORMED, "line 2"},
    {HEAD ALGORITHM "label x\n" SEED, ATE_MALFORMED, "line 3: \"seed\" belongs here"},
    {HEAD HEAD ALGORITHM SEED, ATE_UNSUPPORTED, "line 2 is of an unknown kind"},
    {HEAD ALGORITHM ALGORITHM SEED, ATE_MALFORMED, "line 3: \"algorithm\" stands twice"},
    {HEAD ALGORITHM SEED SEED, ATE_MALFORMED, "line 4: \"seed\" stands twice"},
    {HEAD ALGORITHM SEED ALGORITHM, ATE_MALFORMED, "line 4"},
    {HEAD ALGORITHM SEED "label x\nlabel x\n", ATE_MALFORMED, "line 5: \"label\" stands twice"},
    {HEAD ALGORITHM SEED "\n", ATE_MALFORMED, "line 4"},
    {HEAD ALGORITHM SEED " ", ATE_MALFORMED, "line 4"},
    {HEAD ALGORITHM SEED "label x", ATE_MALFORMED, "line 4 does not end"},
    {HEAD ALGORITHM SEED "label x\n\n", ATE_MALFORMED, "line 5"},
    {HEAD ALGORITHM SEED "label\n", ATE_MALFORMED, "line 4"},
    {HEAD ALGORITHM SEED "label \n", ATE_MALFORMED, "line 4"},
    {HEAD ALGORITHM SEED "label\tx\n", ATE_MALFORMED, "line 4"},
    {HEAD ALGORITHM SEED "label x\r\n", ATE_MALFORMED, "line 4: a key's label has a control"},
    {HEAD ALGORITHM SEED "label a\x01\n", ATE_MALFORMED, "control"},
    {HEAD ALGORITHM SEED "label a\x7f\n", ATE_MALFORMED, "control"},
    {HEAD ALGORITHM SEED "label a\xc2\x85\n", ATE_MALFORMED, "control"},
    {HEAD ALGORITHM SEED "label a\xc2\n", ATE_MALFORMED, "UTF-8"},
    {HEAD ALGORITHM SEED "label \xff\n", ATE_MALFORMED, "UTF-8"},
    {HEAD ALGORITHM SEED "label \xc0\x80\n", ATE_MALFORMED, "UTF-8"},
    {HEAD ALGORITHM SEED "comment x\n", ATE_UNSUPPORTED, "line 4 is of an unknown kind"},
    {HEAD ALGORITHM "sealed x\n", ATE_UNSUPPORTED, "line 3 is of an unknown kind"},
    {HEAD ALGORITHM "Seed x\n", ATE_MALFORMED, "line 3"},
    {HEAD "algorithm mldsa65-ed25519-sha51\n" SEED, ATE_UNSUPPORTED,
     "line 2: an unknown algorithm: mldsa65-ed25519-sha51"},
    {HEAD "algorithm mldsa65 ed25519\n" SEED, ATE_UNSUPPORTED,
     "line 2: ed25519: a key signs by one"},
    {HEAD "algorithm x-wing mldsa65\n" SEED, ATE_UNSUPPORTED,
     "line 2: mldsa65: a key signs by one"},
    {HEAD "algorithm mldsa65 \n" SEED, ATE_UNSUPPORTED, "line 2: an unknown algorithm: without a"},
    {HEAD "algorithm mldsa65\x1b[2J\n" SEED, ATE_UNSUPPORTED, "algorithm: mldsa65\\x1b[2J"},
    {HEAD "algorithm x-wing x-wing\n" SEED, ATE_UNSUPPORTED, "algorithm"},
    {HEAD "algorithm x-wing mldsa65\n" SEED, ATE_UNSUPPORTED, "algorithm"},
    {HEAD "algorithm mldsa65 ed25519\n" SEED, ATE_UNSUPPORTED, "algorithm"},
    {HEAD "algorithm  x-wing\n" SEED, ATE_UNSUPPORTED, "algorithm"},
    {HEAD "algorithm rsa x-wing\n" SEED, ATE_UNSUPPORTED, "algorithm"},
    {HEAD "algorithm mldsa65-ed25519-sha512  x-wing\n" SEED, ATE_UNSUPPORTED, "algorithm"},
    {HEAD "algorithm mldsa65-ed25519-sha512 x-wing \n" SEED, ATE_UNSUPPORTED, "algorithm"},
    {HEAD ALGORITHM "seed \n", ATE_MALFORMED, "line 3"},
    {HEAD ALGORITHM "seed AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh\n", ATE_MALFORMED, "not 42"},
    {HEAD ALGORITHM "seed " SEED_TEXT "A\n", ATE_MALFORMED, "not 44"},
    {HEAD ALGORITHM "seed " SEED_TEXT "=\n", ATE_MALFORMED, "not 44"},
    {HEAD ALGORITHM "seed " SEED_TEXT " \n", ATE_MALFORMED, "not 44"},
    {HEAD ALGORITHM "seed  " SEED_TEXT "\n", ATE_MALFORMED, "not 44"},
    {HEAD ALGORITHM "seed AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9\n", ATE_MALFORMED, "line 3"},
    {HEAD ALGORITHM "seed +AECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\n", ATE_MALFORMED, "line 3"},
};

static void bad_private_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < ATE__COUNT_OF(bad_private); i++) {
        struct ate__key *k = NULL;
        int rc = ate__key_decode(ate__text_bytes(bad_private[i].text), &k);
        if (rc != bad_private[i].expected ||
            (bad_private[i].sentence && !strstr(ate__error_text(), bad_private[i].sentence)))
            fail_msg("row %zu gives %s: %s", i, ate__result_name(rc), ate__error_text());
        assert_null(k);
        assert_null(strstr(ate__error_text(), "AAECAwQF"));
    }
    static const char with_nul[] = HEAD ALGORITHM SEED "label a\0b\n";
    struct ate__key *k;
    assert_int_equal(ate__key_decode(ate__bytes(with_nul, sizeof with_nul - 1), &k), ATE_MALFORMED);
}

static void every_prefix_is_refused(void **state)
{
    (void)state;
    static const char whole[] = HEAD ALGORITHM SEED "label joe's key\n";
    for (size_t size = 0; size < strlen(whole); size++) {
        struct ate__key *k = NULL;
        bool good = size == strlen(HEAD ALGORITHM SEED); /* the label may be missing */
        assert_int_equal(ate__key_decode(ate__bytes(whole, size), &k), good ? 0 : ATE_MALFORMED);
        ate__key_free(k);
    }
}

static void labels(void **state)
{
    (void)state;
    char text[400] = HEAD ALGORITHM SEED "label ";
    char *label = text + strlen(text);
    struct ate__key *k;
    for (unsigned size = 254; size <= 256; size++) {
        memset(label, 'x', size);
        label[size] = '\n';
        label[size + 1] = 0;
        assert_int_equal(ate__key_decode(ate__text_bytes(text), &k),
                         size <= 255 ? 0 : ATE_MALFORMED);
        if (size <= 255) {
            assert_int_equal(strlen(k->label), size);
            ate__key_free(k);
        }
        label[size] = 0;
        int rc = ate__key_of_seed(&key->seed, label, &k);
        assert_int_equal(rc, size <= 255 ? 0 : ATE_MALFORMED);
        if (!rc)
            ate__key_free(k);
    }
    static const char *const good[] = {"J\xc3\xb6rg", "  x  ", "\xc2\xa0", "label", "a\\b\"c"};
    for (size_t i = 0; i < ATE__COUNT_OF(good); i++) {
        struct ate__secret encoded;
        struct ate__key *back;
        assert_int_equal(ate__key_of_seed(&key->seed, good[i], &k), 0);
        assert_int_equal(ate__key_encode(k, &encoded), 0);
        assert_int_equal(ate__key_decode(ate__bytes(encoded.data, encoded.size), &back), 0);
        assert_string_equal(back->label, good[i]);
        ate__secret_deinit(&encoded);
        ate__key_free(back);
        ate__key_free(k);
    }
    assert_int_equal(ate__key_of_seed(&key->seed, "a\nseed", &k), ATE_MALFORMED);
    assert_int_equal(ate__key_of_seed(&key->seed, NULL, &k), 0);
    assert_string_equal(k->label, "");
    ate__key_free(k);
    ate__key_free(NULL);
}

static void long_files_are_refused(void **state)
{
    (void)state;
    char *text = malloc(ATE__KEY_FILE_MAX + 1);
    struct ate__key *k;
    struct ate__buf public_key = ATE__BUF_NULL;
    char label[ATE__KEY_LABEL_MAX + 1];
    assert_non_null(text);
    memset(text, 'a', ATE__KEY_FILE_MAX + 1);
    assert_int_equal(ate__key_decode(ate__bytes(text, ATE__KEY_FILE_MAX), &k), ATE_MALFORMED);
    assert_int_equal(ate__key_decode(ate__bytes(text, ATE__KEY_FILE_MAX + 1), &k), ATE_TOO_BIG);
    assert_int_equal(
        ate__public_key_decode(ate__bytes(text, ATE__KEY_FILE_MAX + 1), &public_key, label),
        ATE_TOO_BIG);
    free(text);
}

/* --- public keys --- */

/* Parts of the key as a public key: "s" the signature key, "k" the KEM key. */
static struct ate__buf list_of(const char *parts)
{
    struct ate__buf list = ATE__BUF_NULL;
    const uint8_t *all = key->public_key.data;
    for (; *parts; parts++)
        assert_int_equal(ate__buf_append(&list, *parts == 's'
                                                    ? ate__bytes(all, 6 + ATE__SIG_PUBLIC)
                                                    : ate__bytes(all + 6 + ATE__SIG_PUBLIC,
                                                                 6 + ATE__XWING_PUBLIC)),
                         0);
    return list;
}

static void parts_may_be_missing(void **state)
{
    (void)state;
    static const struct {
        const char *parts;
        int expected;
    } row[] = {
        {"sk", 0},
        {"s", 0},
        {"k", 0},
        {"", ATE_MALFORMED},
        {"ks", ATE_MALFORMED},
        {"ss", ATE_MALFORMED},
        {"kk", ATE_MALFORMED},
        {"sks", ATE_MALFORMED},
        {"skk", ATE_MALFORMED},
    };
    for (size_t i = 0; i < ATE__COUNT_OF(row); i++) {
        struct ate__buf list = list_of(row[i].parts);
        struct ate__public_parts parts;
        assert_int_equal(ate__public_key_parse(ate__buf_bytes(&list), &parts), row[i].expected);
        if (!row[i].expected) {
            assert_int_equal(parts.signature_key.size,
                             strchr(row[i].parts, 's') ? ATE__SIG_PUBLIC : 0);
            assert_int_equal(parts.kem_key.size, strchr(row[i].parts, 'k') ? ATE__XWING_PUBLIC : 0);
        }
        ate__buf_deinit(&list);
    }
}

static void bad_public_keys(void **state)
{
    (void)state;
    struct ate__public_parts parts = {.kem_key = {NULL, 77}};
    struct ate__buf list = list_of("sk");
    for (size_t size = 0; size < list.size; size += size < 20 ? 1 : 13)
        assert_int_equal(ate__public_key_parse(ate__bytes(list.data, size), &parts),
                         size == 6 + ATE__SIG_PUBLIC ? 0 : ATE_MALFORMED);
    ate__buf_deinit(&list);

    static const struct {
        size_t at;
        uint8_t byte;
        int expected;
    } change[] = {
        {0, 0xff, ATE_UNSUPPORTED},                         /* algorithm */
        {0, 2, ATE_MALFORMED},                              /* another one's size */
        {1, 1, ATE_UNSUPPORTED},
        {2, 0xbf, ATE_MALFORMED},                           /* length */
        {2, 0xc1, ATE_MALFORMED},
        {5, 0xff, ATE_MALFORMED},
        {6 + ATE__SIG_PUBLIC, 0x7b, ATE_UNSUPPORTED},       /* the second algorithm */
        {6 + ATE__SIG_PUBLIC + 2, 0xbf, ATE_MALFORMED},     /* its length */
        {6 + ATE__SIG_PUBLIC + 2, 0xc1, ATE_MALFORMED},
        {6 + ATE__SIG_PUBLIC + 6 + 1, 0xff, ATE_MALFORMED}, /* a coefficient of ML-KEM's key */
    };
    for (size_t i = 0; i < ATE__COUNT_OF(change); i++) {
        list = list_of("sk");
        list.data[change[i].at] = change[i].byte;
        if (i + 1 == ATE__COUNT_OF(change))
            list.data[change[i].at - 1] = 0xff;
        assert_int_equal(ate__public_key_parse(ate__buf_bytes(&list), &parts), change[i].expected);
        ate__buf_deinit(&list);
    }
    list = list_of("sk"); /* the neutral point */
    memset(list.data + 6 + 1952, 0, 32);
    list.data[6 + 1952] = 1;
    assert_int_equal(ate__public_key_parse(ate__buf_bytes(&list), &parts), ATE_MALFORMED);
    ate__buf_deinit(&list);
    list = list_of("sk"); /* zero, of low order */
    memset(list.data + list.size - 32, 0, 32);
    assert_int_equal(ate__public_key_parse(ate__buf_bytes(&list), &parts), ATE_MALFORMED);
    assert_int_equal(ate__buf_append(&list, ate__bytes("", 1)), 0);
    assert_int_equal(ate__public_key_parse(ate__buf_bytes(&list), &parts), ATE_MALFORMED);
    ate__buf_deinit(&list);
}

static void public_file(void **state)
{
    (void)state;
    static const char *const some[] = {"sk", "s", "k"};
    for (size_t i = 0; i < ATE__COUNT_OF(some); i++) {
        struct ate__buf list = list_of(some[i]), text = ATE__BUF_NULL, back = ATE__BUF_NULL;
        char label[ATE__KEY_LABEL_MAX + 1];
        const char *written = i == 1 ? NULL : "of joe";
        assert_int_equal(ate__public_key_encode(ate__buf_bytes(&list), written, &text), 0);
        assert_memory_equal(text.data, "ate-public-key 1\nkey ", 21);
        assert_int_equal(text.data[text.size - 1], '\n');
        assert_int_equal(text.size, 21 + ate__b64_size(list.size) + 1 +
                                        (written ? strlen("label of joe\n") : 0));
        assert_int_equal(ate__public_key_decode(ate__buf_bytes(&text), &back, label), 0);
        assert_true(ate__bytes_equal(ate__buf_bytes(&back), ate__buf_bytes(&list)));
        assert_string_equal(label, written ? written : "");
        ate__buf_deinit(&list);
        ate__buf_deinit(&text);
        ate__buf_deinit(&back);
    }
    struct ate__buf text = ATE__BUF_NULL;
    assert_int_equal(ate__public_key_encode(ate__text_bytes("no"), "x", &text), ATE_UNSUPPORTED);
    assert_int_equal(ate__public_key_encode(ate__buf_bytes(&key->public_key), "a\nb", &text),
                     ATE_MALFORMED);
    assert_int_equal(text.size, 0);
}

/* One change each to the public file of the KEM key. */
static void bad_public_files(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to; /* the first occurrence; from "": at the end */
        int expected;
    } change[] = {
        {"ate-public-key 1", "ate-public-key 2", ATE_UNSUPPORTED},
        {"ate-public-key 1", "ate-key 1", ATE_MALFORMED},
        {"ate-public-key 1\n", "", ATE_MALFORMED},
        {"key emT", "keys emT", ATE_UNSUPPORTED},
        {"key emT", "key  emT", ATE_MALFORMED},
        {"key emT", "key =emT", ATE_MALFORMED},
        {"key emT", "key mT", ATE_MALFORMED},
        {"key emT", "key emU", ATE_UNSUPPORTED}, /* another algorithm id */
        {"\nlabel", "\r\nlabel", ATE_MALFORMED},
        {"label x\n", "label x", ATE_MALFORMED},
        {"label x\n", "label \x1b[2J\n", ATE_MALFORMED},
        {"label x\n", "labels x\n", ATE_UNSUPPORTED},
        {"", "\n", ATE_MALFORMED},
        {"", "key AA\n", ATE_MALFORMED},
        {"", "label y\n", ATE_MALFORMED},
        {"", "seed " SEED_TEXT "\n", ATE_UNSUPPORTED},
    };
    struct ate__buf list = list_of("k"), text = ATE__BUF_NULL, back = ATE__BUF_NULL;
    assert_int_equal(ate__public_key_encode(ate__buf_bytes(&list), "x", &text), 0);
    char label[ATE__KEY_LABEL_MAX + 1] = "kept";
    for (size_t i = 0; i < ATE__COUNT_OF(change); i++) {
        const char *from = change[i].from;
        const uint8_t *at =
            *from ? memmem(text.data, text.size, from, strlen(from)) : text.data + text.size;
        assert_non_null(at);
        struct ate__buf bad = ATE__BUF_NULL;
        struct ate__wr w = ate__wr_of(&bad);
        size_t before = (size_t)(at - text.data), skip = before + strlen(from);
        ate__wr_copy(&w, text.data, before);
        ate__wr_bytes(&w, ate__text_bytes(change[i].to));
        ate__wr_copy(&w, text.data + skip, text.size - skip);
        assert_int_equal(ate__wr_end(&w), 0);
        int rc = ate__public_key_decode(ate__buf_bytes(&bad), &back, label);
        if (rc != change[i].expected)
            fail_msg("row %zu gives %s: %s", i, ate__result_name(rc), ate__error_text());
        assert_int_equal(back.size, 0);
        assert_string_equal(label, "kept");
        ate__buf_deinit(&bad);
    }
    assert_int_equal(ate__public_key_decode(ate__text_bytes(HEAD ALGORITHM SEED), &back, label),
                     ATE_MALFORMED);
    assert_non_null(strstr(ate__error_text(), "private key file"));
    ate__buf_deinit(&list);
    ate__buf_deinit(&text);
}

static void generated_keys_work(void **state)
{
    (void)state;
    struct ate__key *a, *b;
    assert_int_equal(ate__key_generate(&sim.env, "a", &a), 0);
    assert_int_equal(ate__key_generate(&sim.env, "b", &b), 0);
    assert_false(ate__hash_equal(&a->fingerprint, &b->fingerprint));
    struct ate__public_parts parts;
    assert_int_equal(ate__public_key_parse(ate__buf_bytes(&a->public_key), &parts), 0);

    uint8_t signature[ATE__SIG_SIZE], plain[5];
    struct ate__verify_key *v;
    struct ate_bytes m = ate__text_bytes("hello"), none = {NULL, 0};
    assert_int_equal(ate__sign(a->sign_key, none, m, signature), 0);
    assert_int_equal(ate__verify_key_new(parts.signature->id, parts.signature_key, &v), 0);
    assert_int_equal(ate__verify(v, none, m, ate__bytes(signature, sizeof signature)), 0);
    ate__verify_key_free(v);
    struct ate__buf sealed = ATE__BUF_NULL;
    assert_int_equal(ate__hpke_seal(parts.kem->id, parts.kem_key, &sim.env, none, none, m, &sealed),
                     0);
    assert_int_equal(ate__hpke_open(ATE__KEM_XWING, &a->kem_seed, none, none,
                                    ate__buf_bytes(&sealed), plain, sizeof plain),
                     0);
    assert_memory_equal(plain, "hello", 5);
    assert_int_equal(ate__hpke_open(ATE__KEM_XWING, &b->kem_seed, none, none,
                                    ate__buf_bytes(&sealed), plain, sizeof plain),
                     ATE_NO_KEY);
    ate__buf_deinit(&sealed);
    ate__key_free(a);
    ate__key_free(b);
}

static void log_key_file(void **state)
{
    (void)state;
    struct ate__key32 seed = {{9}};
    struct ate__log_key *log_key;
    struct ate__buf text = ATE__BUF_NULL, back = ATE__BUF_NULL;
    assert_int_equal(ate__log_key_of_seed(&seed, &log_key), 0);
    assert_int_equal(ate__log_key_encode(ate__log_key_public(log_key), &text), 0);
    assert_memory_equal(text.data, "ate-log-key 1\nkey AgAgAAAA", 26);
    assert_int_equal(ate__log_key_decode(ate__buf_bytes(&text), &back), 0);
    assert_true(ate__bytes_equal(ate__buf_bytes(&back), ate__log_key_public(log_key)));
    ate__buf_clear(&back);
    for (size_t size = 0; size < text.size; size++)
        assert_int_equal(ate__log_key_decode(ate__bytes(text.data, size), &back), ATE_MALFORMED);
    assert_int_equal(ate__buf_append(&text, ate__text_bytes("label x\n")), 0);
    assert_int_equal(ate__log_key_decode(ate__buf_bytes(&text), &back), ATE_UNSUPPORTED);
    static const struct {
        const char *text;
        int result;
    } rows[] = {
        {"ate-log-key 2\nkey AgAg\n", ATE_UNSUPPORTED},
        {"ate-log-key 1\n", ATE_MALFORMED},
        {"ate-log-key 1\nkey AgAg\n", ATE_MALFORMED},
        {"ate-log-key 1\nkey !\n", ATE_MALFORMED},
        {"ate-key 1\nkey AgAg\n", ATE_MALFORMED},
        {"ate-public-key 1\nkey AgAg\n", ATE_MALFORMED},
        {"hello\n", ATE_MALFORMED},
    };
    for (size_t i = 0; i < ATE__COUNT_OF(rows); i++)
        assert_int_equal(ate__log_key_decode(ate__text_bytes(rows[i].text), &back), rows[i].result);
    assert_int_equal(back.size, 0);
    /* What is no log key is not written as one. */
    ate__buf_clear(&text);
    assert_int_equal(ate__log_key_encode(ate__bytes("x", 1), &text), ATE_MALFORMED);
    assert_int_equal(text.size, 0);
    ate__buf_deinit(&text);
    ate__buf_deinit(&back);
    ate__log_key_free(log_key);
}

/* ---- version 2: halves, and files that are sealed with a password ---- */

static struct ate__secret half_file(enum ate__key_holds holds)
{
    struct ate__secret text;
    assert_int_equal(ate__key_encode_half(key, holds, &text), 0);
    return text;
}

static void halves_of_a_file(void **state)
{
    (void)state;
    for (int h = ATE__KEY_READS; h <= ATE__KEY_WRITES; h++) {
        enum ate__key_holds holds = (enum ate__key_holds)h, other = (enum ate__key_holds)(3 - h);
        struct ate__secret text = half_file(holds), again;
        struct ate__key *half;
        assert_int_equal(ate__key_decode(ate__bytes(text.data, text.size), &half), 0);
        assert_int_equal(half->holds, holds);
        assert_true(ate__hash_equal(&half->fingerprint, &key->fingerprint));
        assert_string_equal(half->label, key->label);
        assert_int_equal(ate__key_encode(half, &again), 0);
        assert_int_equal(again.size, text.size);
        assert_memory_equal(again.data, text.data, text.size);
        ate__secret_deinit(&again);
        assert_int_equal(ate__key_encode_half(half, other, &again), ATE_NO_KEY);
        assert_int_equal(ate__key_encode_half(half, ATE__KEY_ALL, &again), ATE_NO_KEY);
        ate__key_free(half);
        /* No file of a half has the seed, or what belongs to the other. */
        assert_null(memmem(text.data, text.size, SEED_TEXT, 43));
        ate__secret_deinit(&text);
    }
}

static int open_text(struct ate_bytes text, const char *password, struct ate__key **ret_key)
{
    ate__cleanup(ate__key_text_freep) struct ate__key_text *t = NULL;
    int rc = ate__key_text_parse(text, &t);
    return rc ? rc : ate__key_text_open(t, ate__text_bytes(password), ret_key);
}

static void sealed_files(void **state)
{
    (void)state;
    for (int h = ATE__KEY_ALL; h <= ATE__KEY_WRITES; h++) {
        struct ate__secret text;
        struct ate__key *back = NULL;
        struct ate_bytes password = ate__text_bytes("horse staple");
        assert_int_equal(
            ate__key_encode_sealed(key, (enum ate__key_holds)h, &sim.env, password, &text), 0);
        struct ate_bytes file = ate__bytes(text.data, text.size);
        assert_null(memmem(text.data, text.size, SEED_TEXT, 43));
        assert_int_equal(ate__key_decode(file, &back), ATE_NO_KEY);
        assert_int_equal(open_text(file, "", &back), ATE_NO_KEY);
        assert_int_equal(open_text(file, "horse stable", &back), ATE_NO_KEY);
        assert_null(back);
        assert_int_equal(open_text(file, "horse staple", &back), 0);
        assert_int_equal(back->holds, h);
        assert_true(ate__hash_equal(&back->fingerprint, &key->fingerprint));
        ate__key_free(back);
        ate__secret_deinit(&text);
    }
    struct ate__secret text;
    assert_int_equal(
        ate__key_encode_sealed(key, ATE__KEY_ALL, &sim.env, ate__bytes(NULL, 0), &text),
        ATE_MISUSE);
}

/* Changes the first occurrence of `from`, of the same size. */
static void patch(struct ate__secret *text, const char *from, const char *to)
{
    void *at = memmem(text->data, text->size, from, strlen(from));
    assert_non_null(at);
    assert_int_equal(strlen(from), strlen(to));
    memcpy(at, to, strlen(to));
}

/* All that a sealed file says is bound to what it seals; what it asks for is bounded first. */
static void changed_sealed_files(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to;
        int expected;
    } change[] = {
        {"holds all", "holds any", ATE_UNSUPPORTED},
        {"holds all", "holds All", ATE_UNSUPPORTED},
        {"argon2id 65536 3 4 ", "argon2id 65535 3 4 ", ATE_DENIED},
        {"argon2id 65536 3 4 ", "argon2id 65536 2 4 ", ATE_DENIED},
        {"argon2id 65536 3 4 ", "argon2id 65536 1 4 ", ATE_DENIED},
        {"argon2id 65536 3 4 ", "argon2id 00008 1 1 ", ATE_MALFORMED},
        {"argon2id 65536 3 4 ", "argon2id 65536 0 4 ", ATE_MALFORMED},
        {"argon2id 65536 3 4 ", "argon2id 65536 3 0 ", ATE_MALFORMED},
        {"argon2id 65536 3 4 ", "argon2id 65536 3 3 ", ATE_NO_KEY},
        {"argon2id 65536 3 4 ", "argon2id 65536 4 4 ", ATE_NO_KEY},
        {"argon2id 65536 3 4 ", "argon2id 65537 3 4 ", ATE_NO_KEY},
        {"argon2id 65536 3 4 ", "argon2id 99999999 4", ATE_MALFORMED},
        {"argon2id 65536 3 4 ", "argon2id 6553 63 4 ", ATE_DENIED},
        {"argon2id", "argon2ie", ATE_UNSUPPORTED},
        {"sealed ", "secret ", ATE_MALFORMED},
        {"label joe's", "label moe's", ATE_NO_KEY},
        {"ate-key 2", "ate-key 1", ATE_UNSUPPORTED},
        {"ate-key 2", "ate-key 3", ATE_UNSUPPORTED},
    };
    struct ate__secret whole;
    struct ate_bytes password = ate__text_bytes("horse staple");
    assert_int_equal(ate__key_encode_sealed(key, ATE__KEY_ALL, &sim.env, password, &whole), 0);
    for (size_t i = 0; i < ATE__COUNT_OF(change); i++) {
        struct ate__secret text;
        struct ate__key *back = NULL;
        assert_int_equal(ate__secret_init(&text, whole.size), 0);
        memcpy(text.data, whole.data, whole.size);
        patch(&text, change[i].from, change[i].to);
        assert_int_equal(open_text(ate__bytes(text.data, text.size), "horse staple", &back),
                         change[i].expected);
        assert_null(back);
        ate__secret_deinit(&text);
    }
    ate__secret_deinit(&whole);
}

static size_t line_size(const char *line)
{
    return (size_t)((const char *)rawmemchr(line, '\n') - line);
}

static void sealed_bytes_are_seen(void **state)
{
    (void)state;
    struct ate__secret text;
    struct ate__key *back = NULL;
    assert_int_equal(ate__key_encode_sealed(key, ATE__KEY_READS, &sim.env,
                                            ate__text_bytes("horse staple"), &text),
                     0);
    char *line = memmem(text.data, text.size, "\nsealed ", 8);
    assert_non_null(line);
    size_t end = 8 + line_size(line + 8);
    for (size_t at = 8; at < end; at += 47) {
        char kept = line[at];
        line[at] = kept == 'A' ? 'B' : 'A';
        int rc = open_text(ate__bytes(text.data, text.size), "horse staple", &back);
        assert_int_equal(rc, ATE_NO_KEY);
        line[at] = kept;
    }
    assert_null(back);
    ate__secret_deinit(&text);
}

/* A half whose public key is another's is not taken: what it reads would be read under a wrong
 * name. */
static void half_under_another_name(void **state)
{
    (void)state;
    struct ate__secret text = half_file(ATE__KEY_WRITES), other;
    struct ate__key *mallory, *back = NULL;
    const struct ate__key32 seed = {{0x66}};
    assert_int_equal(ate__key_of_seed(&seed, "joe's key", &mallory), 0);
    assert_int_equal(ate__key_encode_half(mallory, ATE__KEY_WRITES, &other), 0);
    char *mine = memmem(text.data, text.size, "\nkey ", 5);
    const char *theirs = memmem(other.data, other.size, "\nkey ", 5);
    memcpy(mine, theirs, line_size(mine + 1) + 1);
    assert_int_equal(ate__key_decode(ate__bytes(text.data, text.size), &back), ATE_MALFORMED);
    assert_null(back);
    ate__key_free(mallory);
    ate__secret_deinit(&text);
    ate__secret_deinit(&other);
}

static void names_of_forms(void **state)
{
    (void)state;
    static const char *const name[] = {
        "mldsa65-ed25519-sha512 x-wing",
        "mldsa44-ed25519-sha512 x-wing",
        "mldsa87-ed448-shake256 mlkem1024-p384",
        "ed25519",
        "x-wing",
        "ed448 mlkem1024-p384",
    };
    for (size_t i = 0; i < ATE__COUNT_OF(name); i++) {
        struct ate__key_form form;
        char text[ATE__KEY_FORM_TEXT];
        assert_int_equal(ate__key_form_parse(ate__text_bytes(name[i]), &form), 0);
        struct ate__public_parts parts = {.signature = form.signature, .kem = form.kem};
        assert_string_equal(ate__key_form_text(&parts, text), name[i]);
        struct ate__key *k, *back;
        struct ate__secret file;
        assert_int_equal(ate__key_make(&form, &key->seed, "", &k), 0);
        assert_int_equal(ate__key_encode(k, &file), 0);
        assert_int_equal(ate__key_decode(ate__bytes(file.data, file.size), &back), 0);
        assert_true(ate__hash_equal(&k->fingerprint, &back->fingerprint));
        ate__secret_deinit(&file);
        ate__key_free(k);
        ate__key_free(back);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seeds_are_as_documented),
        cmocka_unit_test(private_file),
        cmocka_unit_test(bad_private_files),
        cmocka_unit_test(every_prefix_is_refused),
        cmocka_unit_test(labels),
        cmocka_unit_test(long_files_are_refused),
        cmocka_unit_test(parts_may_be_missing),
        cmocka_unit_test(bad_public_keys),
        cmocka_unit_test(public_file),
        cmocka_unit_test(bad_public_files),
        cmocka_unit_test(log_key_file),
        cmocka_unit_test(generated_keys_work),
        cmocka_unit_test(halves_of_a_file),
        cmocka_unit_test(sealed_files),
        cmocka_unit_test(changed_sealed_files),
        cmocka_unit_test(sealed_bytes_are_seen),
        cmocka_unit_test(half_under_another_name),
        cmocka_unit_test(names_of_forms),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
