/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * two_keys.c: one ciphertext that opens under two keys, to two readers who compare what they were
 * told and find that it is the same.
 *
 * AES-GCM binds a ciphertext to no key: its tag is a polynomial in each key's H, so that one block,
 * chosen at will, makes the tags of two keys the same. Keystreams and H are had from the library's
 * own encryption, under a nonce that the attacker sets.
 */
#include "attack.h"
#include "base/endian.h"
#include "base/env.h"
#include "crypto/aead.h"
#include "crypto/digest.h"
#include "crypto/key.h"
#include "event/limits.h"
#include "files.h"
#include "lib/tmpdir.h"
#include "trust/data_key.h"
#include "trust/session.h"

enum { BLOCK = 16, LENGTH = 4, ITEM_HEAD = 5, THREE_BYTES = 16400, TEXT_MAX = 1 << 17 };

/* ---- GF(2^128), in GCM's order of bits ---- */

struct element {
    uint8_t b[BLOCK];
};

static struct element sum(struct element x, struct element y)
{
    for (unsigned i = 0; i < BLOCK; i++)
        x.b[i] ^= y.b[i];
    return x;
}

static struct element product(struct element x, struct element y)
{
    struct element z = {{0}};
    for (unsigned i = 0; i < 8 * BLOCK; i++) {
        if (x.b[i / 8] >> (7 - i % 8) & 1)
            z = sum(z, y);
        bool carry = y.b[BLOCK - 1] & 1;
        for (unsigned k = BLOCK; k--;)
            y.b[k] = (uint8_t)(y.b[k] >> 1 | (k ? y.b[k - 1] << 7 : 0));
        y.b[0] ^= carry ? 0xe1 : 0;
    }
    return z;
}

/* x to the power of 2^128 - 2 */
static struct element inverse(struct element x)
{
    struct element z = {{0x80}};
    for (unsigned i = 1; i < 8 * BLOCK; i++) {
        x = product(x, x);
        z = product(z, x);
    }
    return z;
}

/* ---- what GCM does under a nonce of one's own ---- */

static uint8_t nonce[ATE__AEAD_NONCE];

static void draw_nonce(void *user, void *to, size_t size)
{
    (void)user;
    assert_int_equal(size, sizeof nonce);
    memcpy(to, nonce, sizeof nonce);
}

/* Into `to`; gives the tag. */
static struct element encrypt(const struct ate__data_key *key, struct ate_bytes aad,
                              const uint8_t *plain, size_t size, uint8_t *to)
{
    struct ate__env env = ate__env_real;
    struct ate__buf out = ATE__BUF_NULL;
    uint8_t drawn[ATE__AEAD_NONCE];
    struct element tag;
    env.random = draw_nonce;
    attack_must(ate__aead_encrypt(key->aead, &env, aad, ate__bytes(plain, size), drawn, &out));
    if (size)
        memcpy(to, out.data, size);
    memcpy(&tag, out.data + size, sizeof tag);
    ate__buf_deinit(&out);
    return tag;
}

/* Two texts that differ by 1 in one block of associated data. */
static struct element h_squared(const struct ate__data_key *key)
{
    static const uint8_t zero[BLOCK], one[BLOCK] = {0x80};
    return sum(encrypt(key, ate__bytes(zero, BLOCK), NULL, 0, NULL),
               encrypt(key, ate__bytes(one, BLOCK), NULL, 0, NULL));
}

/* Of this ciphertext. */
static struct element tag_of(const struct ate__data_key *key, struct ate_bytes aad,
                             const uint8_t *cipher, const uint8_t *stream, size_t size)
{
    static uint8_t plain[TEXT_MAX], same[TEXT_MAX];
    for (size_t i = 0; i < size; i++)
        plain[i] = cipher[i] ^ stream[i];
    struct element tag = encrypt(key, aad, plain, size, same);
    assert_memory_equal(same, cipher, size);
    return tag;
}

/* ---- one ciphertext ---- */

/* What body.c binds it to: an object below the top, of no collection and no type. */
static struct ate_hash aad_of(const struct ate__seal_env *e, const struct ate_id *object,
                              const struct ate__conf_item *conf)
{
    static const uint8_t zero[8];
    struct ate_hash aad;
    struct ate_bytes fields[] = {
        ate__bytes(&e->chain_id, sizeof e->chain_id),
        ate__bytes(object, sizeof *object),
        ate__bytes(NULL, 0),
        ate__bytes(&ate_top, sizeof ate_top),
        ate__bytes(zero, 4),
        ate__bytes(zero, 8),
        ate__bytes(&conf->data_key_id, sizeof conf->data_key_id),
        ate__bytes(conf->version_id, sizeof conf->version_id),
    };
    attack_must(ate__hash(e->alg, "ate aad 1", fields, ATE__COUNT_OF(fields), &aad));
    return aad;
}

/* Sets the nonce so that a text without private items under one key says under the other that it
 * has some, which fill what is allowed at the most; gives their size. */
static uint32_t find_nonce(const struct ate__data_key *const key[2])
{
    static const uint8_t zero[LENGTH];
    for (uint64_t n = 0;; n++) {
        uint8_t stream[2][LENGTH];
        memcpy(nonce, &n, sizeof n);
        for (unsigned k = 0; k < 2; k++)
            (void)encrypt(key[k], ate__bytes(NULL, 0), zero, LENGTH, stream[k]);
        uint32_t size = ate__load32(stream[0]) ^ ate__load32(stream[1]);
        if (size >= THREE_BYTES && size <= ATE__BODY_HEADER_MAX)
            return size;
    }
}

static void make_ciphertext(const struct ate__data_key *const key[2], struct ate_bytes aad,
                            struct ate__buf *out)
{
    static const uint8_t zero[TEXT_MAX];
    static uint8_t stream[2][TEXT_MAX], cipher[TEXT_MAX];
    uint32_t items = find_nonce(key), item = items - ITEM_HEAD;
    size_t size = ((size_t)LENGTH + items) / BLOCK * BLOCK + 4 * BLOCK;
    for (unsigned k = 0; k < 2; k++)
        (void)encrypt(key[k], aad, zero, size, stream[k]);
    memset(cipher, 0, size);
    memcpy(cipher, stream[0], LENGTH); /* under the first: no items, and a payload */
    const uint8_t head[ITEM_HEAD] = {0xbc, 0x8a, (uint8_t)(item | 0x80),
                                     (uint8_t)(item >> 7 | 0x80), (uint8_t)(item >> 14)};
    for (unsigned i = 0; i < ITEM_HEAD; i++) /* under the second: one that may be ignored */
        cipher[LENGTH + i] = head[i] ^ stream[1][LENGTH + i];
    struct element apart = sum(tag_of(key[0], aad, cipher, stream[0], size),
                               tag_of(key[1], aad, cipher, stream[1], size));
    struct element block = product(apart, inverse(sum(h_squared(key[0]), h_squared(key[1]))));
    memcpy(cipher + size - BLOCK, &block, sizeof block);
    struct element tag = tag_of(key[0], aad, cipher, stream[0], size),
                   other = tag_of(key[1], aad, cipher, stream[1], size);
    assert_memory_equal(&tag, &other, sizeof tag);
    attack_must(ate__buf_append(out, ate__bytes(cipher, size)));
    attack_must(ate__buf_append(out, ate__bytes(&tag, sizeof tag)));
}

/* ---- to two readers ---- */

/* The owner of a chain lets two read an object of it, and seals to each another data key. */
struct salon {
    char dir[512];
    struct ate_session *owner, *reader[2]; /* by fingerprint */
    struct ate__data_key *key[2];
};

static struct ate_session *session_new(void)
{
    char file[600];
    struct ate_session *s;
    snprintf(file, sizeof file, "%s/key", tmpdir_new());
    attack_must(ate_key_create(file, NULL, NULL));
    attack_must(ate_session_open(file, 0, &s));
    return s;
}

static void salon_new(struct salon *s)
{
    struct ate_chain *c;
    snprintf(s->dir, sizeof s->dir, "%s/salon", tmpdir_new());
    s->owner = session_new();
    struct ate_session *one = session_new(), *other = session_new();
    bool first = memcmp(&ate__session_key(one, 0)->fingerprint,
                        &ate__session_key(other, 0)->fingerprint, sizeof(struct ate_hash)) < 0;
    s->reader[0] = first ? one : other;
    s->reader[1] = first ? other : one;
    attack_must(ate_chain_open(s->dir, s->owner, ATE_CREATE, NULL, &c));
    ate_chain_close(c);
}

static void salon_free(struct salon *s)
{
    for (unsigned k = 0; k < 2; k++) {
        ate__data_key_unref(s->key[k]);
        ate_session_close(s->reader[k]);
    }
    ate_session_close(s->owner);
}

/* The rules of the object: epoch 0, under the first key by name. */
static void draft_scope(const struct salon *s, const struct ate__seal_env *e, struct draft *d,
                        const struct ate_id *object)
{
    struct ate__epoch_of of = {e, object, 0};
    struct ate__buf header = ATE__BUF_NULL, sealed[2] = {ATE__BUF_NULL, ATE__BUF_NULL};
    struct ate__header_wr w = ate__header_wr_of(&header);
    struct ate__recipient readers[2];
    struct ate_hash prints[2];
    static const uint8_t no_name_key[ATE__WRAPPED_KEY];
    uint8_t seal_public[ATE__XWING_PUBLIC];
    for (unsigned k = 0; k < 2; k++) {
        const struct ate__key *reader = ate__session_key(s->reader[k], 0);
        struct ate__public_parts parts;
        struct ate__data_key named = *s->key[k];
        named.id = s->key[0]->id;
        attack_must(ate__public_key_parse(ate__buf_bytes(&reader->public_key), &parts));
        attack_must(ate__data_key_seal(&of, &named, &reader->fingerprint, &parts, &sealed[k]));
        draft_item(d, ATE__TAG_PUBLIC_KEY, ate__buf_bytes(&reader->public_key));
        prints[k] = reader->fingerprint;
        readers[k] = (struct ate__recipient){.fingerprint = prints[k],
                                             .method = ATE__SEALED_TO_KEM,
                                             .sealed = ate__buf_bytes(&sealed[k])};
    }
    struct ate__auth auth = {.rule[ATE__RIGHT_READ] = draft_rule(d, prints, 2)};
    attack_must(ate__data_key_seal_public(e, s->key[0], ATE__KEM_XWING, seal_public));
    ate__header_item(&w, ATE__TAG_OBJECT, ate__bytes(object, sizeof *object));
    ate__header_auth(&w, &auth);
    ate__header_epoch(&w, &(struct ate__epoch_item){0, s->key[0]->id, ATE__KEM_XWING,
                                                    ate__bytes(seal_public, sizeof seal_public)});
    ate__header_recipients(&w, readers, 2);
    ate__header_namekey(&w, &(struct ate__namekey_item){
                                true, s->key[0]->id, ate__bytes(no_name_key, sizeof no_name_key)});
    attack_must(ate__header_end(&w));
    draft_event(d, ATE__BARE, ate__buf_bytes(&header), (struct ate_bytes){0});
    ate__buf_deinit(&header);
    ate__buf_deinit(&sealed[0]);
    ate__buf_deinit(&sealed[1]);
}

/* Writes it behind what there is, as the owner. */
static const char *write_object(struct salon *s, const struct ate_id *object)
{
    struct past *p = files_history(s->dir);
    struct ate__seal_env e = {&ate__env_real, p->chain_id, ATE__SHA256, 192};
    struct ate__conf_item conf = {.version_id = {1}};
    struct ate__buf cipher = ATE__BUF_NULL;
    struct draft d;
    const char *dir = tmpdir_new();
    for (unsigned k = 0; k < 2; k++) {
        struct ate__key32 secret = {{1, (uint8_t)k}};
        attack_must(ate__data_key_new(&e, &secret, &s->key[k]));
    }
    conf.data_key_id = s->key[0]->id;
    struct ate_hash aad = aad_of(&e, object, &conf);
    make_ciphertext((const struct ate__data_key *const[]){s->key[0], s->key[1]},
                    ate__bytes(&aad, sizeof aad), &cipher);
    memcpy(conf.nonce, nonce, sizeof conf.nonce);
    past_begin(p, &d);
    draft_body(
        &d, &(struct draft_body){.id = *object, .conf = &conf, .payload = ate__buf_bytes(&cipher)});
    draft_scope(s, &e, &d, object);
    d.signer[d.signer_count++] = ate__session_key(s->owner, 0);
    uint64_t n = past_commit_plain(p, &d);
    p->time_us[n] = p->time_us[n - 1];
    attack_must(ate__tx_leaf(&p->tx[n], ATE__SHA256, n, p->time_us[n], &p->leaf[n]));
    attack_write_chain(dir, p, &p->chain_id, p->size);
    past_free(p);
    ate__buf_deinit(&cipher);
    return dir;
}

/* What a reader takes for its payload: only its size. */
static int read_by(const struct salon *s, unsigned k, const char *dir, const struct ate_id *object,
                   size_t *ret_size)
{
    char root[ATE_HASH_TEXT];
    struct ate_chain_conf conf = {
        .root = ate_hash_text(ate__session_key(s->owner, 0)->fingerprint, root)};
    struct ate_chain *c = NULL;
    struct ate_txn *txn = NULL;
    struct ate_object o = {.readable = false};
    attack_must(ate_chain_open(dir, s->reader[k], 0, &conf, &c));
    attack_must(ate_txn_begin(c, NULL, ATE_READ, &txn));
    int rc = ate_load_raw(txn, *object, 0, &o);
    if (!rc && !o.readable)
        rc = ate__fail(ATE_NO_KEY, "it is not readable");
    *ret_size = o.payload.size;
    ate_txn_end(txn);
    ate_chain_close(c);
    return rc;
}

static void two_keys(void)
{
    struct salon s;
    struct ate_id object = id_of(7);
    size_t first, second = 0;
    salon_new(&s);
    const char *dir = write_object(&s, &object);
    attack_must(read_by(&s, 0, dir, &object, &first));
    int rc = read_by(&s, 1, dir, &object, &second);
    assert_int_not_equal(first, second);
    attack_tried("read by the second", rc, ATE_TAMPERED);
    salon_free(&s);
}

const struct attack attacks_two_keys[] = {
    {"two-keys", two_keys},
    {NULL, NULL},
};
