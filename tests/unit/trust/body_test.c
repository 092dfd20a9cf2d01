/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Bodies: vectors that were made without this library; round trips; everything that a ciphertext is
 * bound to, changed in turn; plaintexts that are not in form.
 */
#include "world.h"
#include "trust/data_key.h"
#include "vectors.h"

static char *vectors;
static struct simenv sim;
static struct ate__seal_env e;
static struct ate__data_key *key;

static int begin(void **state)
{
    (void)state;
    struct ate__key32 d;
    vectors = source_file("tests/vectors/trust/seal.txt");
    simenv_init(&sim, 1, NULL);
    e = (struct ate__seal_env){.env = &sim.env, .alg = ATE__SHA256};
    VECTOR(vectors, "data key", "chain id", e.chain_id);
    VECTOR(vectors, "data key", "D", d);
    return ate__data_key_new(&e, &d, &key);
}

static int end(void **state)
{
    (void)state;
    ate__data_key_unref(key);
    simenv_deinit(&sim);
    free(vectors);
    return 0;
}

/* A body event as it is after decoding. */
struct sealed {
    struct ate__event event;
    struct ate__buf cipher;
};

static void vectors_open(void **state)
{
    (void)state;
    static const char *const names[] = {"body", "body, SHA3-256", "body, TYPE in clear"};
    for (size_t i = 0; i < ATE__COUNT_OF(names); i++) {
        uint8_t type[16], collection[4], epoch[8], cipher[64], plain[64];
        struct ate__seal_env env = e;
        struct ate__buf out = ATE__BUF_NULL;
        struct ate__header items;
        struct ate_bytes payload;
        struct ate__event event = {.form = ATE__CIPHER, .kind = ATE__EVENT_BODY};
        struct ate__header *h = &event.header;
        if (i == 1)
            env.alg = ATE__SHA3_256;
        VECTOR(vectors, names[i], "object", h->object);
        VECTOR(vectors, names[i], "parent", h->parent);
        VECTOR(vectors, names[i], "collection", collection);
        VECTOR(vectors, names[i], "epoch", epoch);
        VECTOR(vectors, names[i], "version id", h->conf.version_id);
        VECTOR(vectors, names[i], "nonce", h->conf.nonce);
        h->type = ate__bytes(type, vector_get(vectors, names[i], "type", type, sizeof type));
        h->collection = collection[0];
        h->conf.epoch = epoch[0];
        h->conf.data_key_id = key->id;
        event.payload =
            ate__bytes(cipher, vector_get(vectors, names[i], "ciphertext", cipher, sizeof cipher));
        size_t size = vector_get(vectors, names[i], "plaintext", plain, sizeof plain);
        assert_int_equal(ate__body_decrypt(&env, key, &event, &out, &items, &payload), 0);
        assert_int_equal(out.size, size);
        assert_memory_equal(out.data, plain, size);
        assert_true(ate__bytes_equal(payload, ate__text_bytes("payload")));
        ate__buf_deinit(&out);
    }
}

/* ---- round trips ---- */

static struct ate__buf items_of(const char *name, const char *type)
{
    struct ate__buf items = ATE__BUF_NULL;
    struct ate__header_wr w = ate__header_wr_of(&items);
    if (name)
        ate__header_item(&w, ATE__TAG_NAME, ate__text_bytes(name));
    if (type)
        ate__header_item(&w, ATE__TAG_TYPE, ate__text_bytes(type));
    assert_int_equal(ate__header_end(&w), 0);
    return items;
}

/* Encrypts into an event that has what acceptance would have seen. */
static struct sealed seal(const char *clear_type, struct ate_bytes items, struct ate_bytes payload)
{
    struct sealed s = {.event = {.form = ATE__CIPHER, .kind = ATE__EVENT_BODY}};
    struct ate__header *h = &s.event.header;
    h->object = id_of(1);
    h->parent = id_of(2);
    h->collection = 5;
    h->present = 1u << ATE__TAG_TAG;
    if (clear_type) {
        h->type = ate__text_bytes(clear_type);
        h->present |= 1u << ATE__TAG_TYPE;
    }
    if (ate__body_encrypt(&e, key, 3, &h->object, h->type, &h->parent, h->collection, items,
                          payload, &h->conf, &s.cipher))
        fail_msg("%s", ate__error_text());
    s.event.payload = ate__buf_bytes(&s.cipher);
    return s;
}

static void round_trips(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 15, 16, 17, 1000, 1 << 20};
    uint8_t *data = calloc(1, 1 << 20);
    assert_non_null(data);
    for (size_t i = 0; i < ATE__COUNT_OF(sizes); i++) {
        for (int with_items = 0; with_items < 2; with_items++) {
            struct ate__buf items = with_items ? items_of("notes", "text") : ATE__BUF_NULL;
            struct ate_bytes payload = ate__bytes(data, sizes[i]), opened;
            struct sealed s = seal(NULL, ate__buf_bytes(&items), payload);
            struct ate__buf plain = ATE__BUF_NULL;
            struct ate__header h;
            assert_int_equal(s.cipher.size, 4 + items.size + sizes[i] + ATE__AEAD_TAG);
            assert_int_equal(ate__buf_append(&plain, ate__text_bytes("before")), 0);
            assert_int_equal(ate__body_decrypt(&e, key, &s.event, &plain, &h, &opened), 0);
            assert_true(ate__bytes_equal(opened, payload));
            assert_int_equal(ate__header_has(&h, ATE__TAG_NAME), with_items);
            if (with_items)
                assert_true(ate__bytes_equal(h.name, ate__text_bytes("notes")));
            assert_memory_equal(plain.data, "before", 6);
            ate__buf_deinit(&plain);
            ate__buf_deinit(&items);
            ate__buf_deinit(&s.cipher);
        }
    }
    free(data);
}

static void each_encryption_is_its_own(void **state)
{
    (void)state;
    struct sealed a = seal(NULL, ate__bytes(NULL, 0), ate__text_bytes("same"));
    struct sealed b = seal(NULL, ate__bytes(NULL, 0), ate__text_bytes("same"));
    assert_memory_not_equal(a.event.header.conf.version_id, b.event.header.conf.version_id, 16);
    assert_memory_not_equal(a.event.header.conf.nonce, b.event.header.conf.nonce, 24);
    assert_memory_not_equal(a.cipher.data, b.cipher.data, a.cipher.size);
    ate__buf_deinit(&a.cipher);
    ate__buf_deinit(&b.cipher);
}

static void too_much(void **state)
{
    (void)state;
    struct ate__conf_item conf;
    struct ate__buf cipher = ATE__BUF_NULL;
    struct ate_id id = id_of(1);
    uint8_t *data = calloc(1, ATE__PAYLOAD_MAX + 1);
    assert_non_null(data);
    struct ate_bytes none = ate__bytes(NULL, 0);
    assert_int_equal(ate__body_encrypt(&e, key, 0, &id, none, &id, 0, none,
                                       ate__bytes(data, ATE__PAYLOAD_MAX), &conf, &cipher),
                     0);
    assert_int_equal(ate__body_encrypt(&e, key, 0, &id, none, &id, 0, none,
                                       ate__bytes(data, ATE__PAYLOAD_MAX + 1), &conf, &cipher),
                     ATE_TOO_BIG);
    assert_int_equal(ate__body_encrypt(&e, key, 0, &id, none, &id, 0,
                                       ate__bytes(data, ATE__BODY_HEADER_MAX + 1), none, &conf,
                                       &cipher),
                     ATE_TOO_BIG);
    ate__buf_deinit(&cipher);
    free(data);
}

/* ---- what it is bound to ---- */

static void expect_open(const struct sealed *s, const struct ate__seal_env *env, int result)
{
    struct ate__buf plain = ATE__BUF_NULL;
    struct ate__header h;
    struct ate_bytes payload;
    assert_int_equal(ate__body_decrypt(env, key, &s->event, &plain, &h, &payload), result);
    if (result)
        assert_int_equal(plain.size, 0);
    ate__buf_deinit(&plain);
}

static void bound_to_everything(void **state)
{
    (void)state;
    const struct sealed good = seal("note", ate__bytes(NULL, 0), ate__text_bytes("payload"));
    expect_open(&good, &e, 0);
    struct sealed s = good;
    s.event.header.object.b[0] ^= 1;
    expect_open(&s, &e, ATE_TAMPERED);
    s = good;
    s.event.header.parent.b[15] ^= 1;
    expect_open(&s, &e, ATE_TAMPERED);
    s = good;
    s.event.header.collection ^= 1;
    expect_open(&s, &e, ATE_TAMPERED);
    s = good;
    s.event.header.type = ate__text_bytes("n0te");
    expect_open(&s, &e, ATE_TAMPERED);
    s = good;
    s.event.header.type = ate__bytes(NULL, 0);
    expect_open(&s, &e, ATE_TAMPERED);
    s = good;
    s.event.header.conf.epoch++;
    expect_open(&s, &e, ATE_TAMPERED);
    s = good;
    s.event.header.conf.data_key_id.b[0] ^= 1;
    expect_open(&s, &e, ATE_TAMPERED);
    s = good;
    s.event.header.conf.version_id[0] ^= 1;
    expect_open(&s, &e, ATE_TAMPERED);
    s = good;
    s.event.header.conf.nonce[23] ^= 1;
    expect_open(&s, &e, ATE_TAMPERED);
    struct ate__seal_env other = e;
    other.chain_id.b[0] ^= 1;
    expect_open(&good, &other, ATE_TAMPERED);
    other = e;
    other.alg = ATE__SHA3_256;
    expect_open(&good, &other, ATE_TAMPERED);
    for (size_t i = 0; i < good.cipher.size; i++) {
        good.cipher.data[i] ^= 0x10;
        expect_open(&good, &e, ATE_TAMPERED);
        good.cipher.data[i] ^= 0x10;
    }
    for (size_t size = 0; size < good.cipher.size; size++) {
        s = good;
        s.event.payload.size = size;
        expect_open(&s, &e, ATE_TAMPERED);
    }
    ate__buf_deinit((struct ate__buf *)(uintptr_t)&good.cipher);
}

/* PREV and base are not bound: a rebase keeps the ciphertext. */
static void a_rebase_keeps_the_ciphertext(void **state)
{
    (void)state;
    struct sealed s = seal(NULL, ate__bytes(NULL, 0), ate__text_bytes("payload"));
    s.event.header.prev = hash_of(9);
    s.event.header.present |= 1u << ATE__TAG_PREV;
    expect_open(&s, &e, 0);
    ate__buf_deinit(&s.cipher);
}

/* ---- form ---- */

static void other_forms(void **state)
{
    (void)state;
    struct sealed s = seal(NULL, ate__bytes(NULL, 0), ate__text_bytes("payload"));
    s.event.form = ATE__STRIPPED;
    expect_open(&s, &e, ATE_NOT_LOCAL);
    s.event.form = ATE__CLEAR;
    expect_open(&s, &e, ATE_MALFORMED);
    s.event.form = ATE__BARE;
    expect_open(&s, &e, ATE_MALFORMED);
    ate__buf_deinit(&s.cipher);
}

/* Encrypted by a writer who does not keep the form: authentic, and refused. */
static void plaintexts_out_of_form(void **state)
{
    (void)state;
    static const uint8_t bad_item[] = {0x01, 0x00, 0x01, 0xff};
    struct ate__buf items = items_of("notes", "text");
    struct sealed s = seal("note", ate__buf_bytes(&items), ate__bytes(NULL, 0));
    expect_open(&s, &e, ATE_MALFORMED); /* TYPE twice */
    ate__buf_deinit(&s.cipher);
    s = seal(NULL, ate__buf_bytes(&items), ate__bytes(NULL, 0));
    s.event.header.present = 0;
    expect_open(&s, &e, ATE_MALFORMED); /* NAME without TAG */
    ate__buf_deinit(&s.cipher);
    s = seal(NULL, ate__bytes(bad_item, sizeof bad_item), ate__bytes(NULL, 0));
    expect_open(&s, &e, ATE_MALFORMED); /* an item that stands in clear only */
    ate__buf_deinit(&s.cipher);
    ate__buf_deinit(&items);
}

/* The length of the private items is believed as far as it fits. */
static void a_wrong_length_of_private_items(void **state)
{
    (void)state;
    static const uint8_t plain[][6] = {{3, 0, 0, 0, 1, 2}, {0xff, 0xff, 0xff, 0xff, 0, 0}};
    for (size_t i = 0; i < ATE__COUNT_OF(plain); i++) {
        for (size_t size = 0; size <= sizeof plain[0]; size++) {
            struct sealed s = seal(NULL, ate__bytes(NULL, 0), ate__bytes(NULL, 0));
            struct ate__header *h = &s.event.header;
            uint8_t epoch[8] = {3}, collection[4] = {5};
            struct ate_bytes fields[] = {
                ate__bytes(&e.chain_id, 32), ate__bytes(&h->object, 16),
                ate__bytes(NULL, 0),         ate__bytes(&h->parent, 16),
                ate__bytes(collection, 4),   ate__bytes(epoch, 8),
                ate__bytes(&key->id, 32),    ate__bytes(h->conf.version_id, 16),
            };
            struct ate_hash aad;
            assert_int_equal(ate__hash(e.alg, "ate aad 1", fields, ATE__COUNT_OF(fields), &aad), 0);
            ate__buf_clear(&s.cipher);
            assert_int_equal(ate__aead_encrypt(key->aead, &sim.env, ate__bytes(&aad, 32),
                                               ate__bytes(plain[i], size), h->conf.nonce,
                                               &s.cipher),
                             0);
            s.event.payload = ate__buf_bytes(&s.cipher);
            expect_open(&s, &e, ATE_MALFORMED);
            ate__buf_deinit(&s.cipher);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_open),
        cmocka_unit_test(round_trips),
        cmocka_unit_test(each_encryption_is_its_own),
        cmocka_unit_test(too_much),
        cmocka_unit_test(bound_to_everything),
        cmocka_unit_test(a_rebase_keeps_the_ciphertext),
        cmocka_unit_test(other_forms),
        cmocka_unit_test(plaintexts_out_of_form),
        cmocka_unit_test(a_wrong_length_of_private_items),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
