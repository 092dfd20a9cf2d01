/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * hpke.c: the key schedule of RFC 9180, and the one message.
 */
#include "crypto/hpke.h"
#include "base/assert.h"
#include "base/err.h"
#include "base/wr.h"
#include "crypto/kem_form.h"
#include "crypto/limits.h"
#include "crypto/mac.h"

enum { SUITE = 10, NONCE = 12, TAG = 16, HASH_MAX = 48, CONTEXT_MAX = 1 + 2 * HASH_MAX };

static const char version[] = "HPKE-v1";

/* What one message is sealed under. */
struct schedule {
    const struct ate__algorithm *kem;
    size_t hash; /* bytes */
    uint8_t suite[SUITE];
};

static void put_u16(uint8_t *to, unsigned value)
{
    to[0] = (uint8_t)(value >> 8);
    to[1] = (uint8_t)value;
}

static int schedule_of(const struct ate__algorithm *kem, struct schedule *ret)
{
    const EVP_MD *md = ate__ossl_md(kem->kem->md);
    if (!md)
        return ate__ossl_fail("begin a key schedule");
    *ret = (struct schedule){.kem = kem, .hash = (size_t)EVP_MD_get_size(md), .suite = "HPKE"};
    ate__assert(ret->hash <= HASH_MAX);
    put_u16(ret->suite + 4, kem->id);
    put_u16(ret->suite + 6, kem->kem->kdf);
    put_u16(ret->suite + 8, kem->kem->aead);
    return 0;
}

/* HMAC over two pieces. Both steps of HKDF are one of it: nothing here is longer than a hash, and
 * OpenSSL's own HKDF leaves its salt, which is the shared secret, in what it frees. */
static int hmac(const struct schedule *s, struct ate_bytes key, struct ate_bytes first,
                struct ate_bytes second, uint8_t ret[HASH_MAX])
{
    ate__cleanup(ate__mac_deinit) struct ate__mac m; /* wiped */
    if (s->hash == HASH_MAX)
        ate__mac_begin_sha384(&m, key);
    else
        ate__mac_begin(&m, key);
    ate__mac_bytes(&m, first);
    ate__mac_bytes(&m, second);
    return ate__mac_end(&m, ret);
}

/* LabeledExtract(salt, label, ikm) of RFC 9180 section 4, ikm not being secret in base mode */
static int labeled_extract(const struct schedule *s, struct ate_bytes salt, const char *name,
                           struct ate_bytes ikm, uint8_t ret[HASH_MAX])
{
    ate__cleanup(ate__buf_deinit) struct ate__buf labeled = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&labeled);
    ate__wr_bytes(&w, ate__text_bytes(version));
    ate__wr_copy(&w, s->suite, sizeof s->suite);
    ate__wr_bytes(&w, ate__text_bytes(name));
    ate__wr_bytes(&w, ikm);
    int rc = ate__wr_end(&w);
    return rc ? rc : hmac(s, salt, ate__buf_bytes(&labeled), (struct ate_bytes){NULL, 0}, ret);
}

/* LabeledExpand(prk, label, context, size), of at most one block */
static int labeled_expand(const struct schedule *s, const uint8_t prk[HASH_MAX], const char *name,
                          const uint8_t context[CONTEXT_MAX], uint8_t *ret, uint8_t size)
{
    uint8_t info[2 + sizeof version - 1 + SUITE + 16 + CONTEXT_MAX], *to = info;
    uint8_t block[HASH_MAX];
    ate__assert(strlen(name) <= 16 && size <= s->hash);
    *to++ = 0;
    *to++ = size;
    to = mempcpy(to, version, sizeof version - 1);
    to = mempcpy(to, s->suite, sizeof s->suite);
    to = mempcpy(to, name, strlen(name));
    to = mempcpy(to, context, 1 + 2 * s->hash);
    int rc = hmac(s, ate__bytes(prk, s->hash), ate__bytes(info, (size_t)(to - info)),
                  ate__bytes("\1", 1), block);
    if (!rc)
        memcpy(ret, block, size);
    ate__wipe(block, sizeof block);
    return rc;
}

/* KeySchedule of RFC 9180 section 5.1 in base mode: no pre-shared key. */
static int key_schedule(const struct schedule *s, const struct ate__key32 *shared,
                        struct ate_bytes info, struct ate__key32 *ret_key, uint8_t ret_nonce[NONCE])
{
    const struct ate_bytes none = {NULL, 0};
    uint8_t context[CONTEXT_MAX] = {0}, secret[HASH_MAX]; /* mode_base */
    int rc = labeled_extract(s, none, "psk_id_hash", none, context + 1);
    if (!rc)
        rc = labeled_extract(s, none, "info_hash", info, context + 1 + s->hash);
    if (!rc)
        rc = labeled_extract(s, ate__bytes(shared->b, sizeof shared->b), "secret", none, secret);
    if (!rc)
        rc = labeled_expand(s, secret, "key", context, ret_key->b, sizeof ret_key->b);
    if (!rc)
        rc = labeled_expand(s, secret, "base_nonce", context, ret_nonce, NONCE);
    ate__wipe(secret, sizeof secret);
    return rc;
}

/* The cipher with the first message's nonce and the associated data in. */
static int cipher_begin(const struct ate__algorithm *kem, const struct ate__key32 *shared,
                        bool encrypt, struct ate_bytes info, struct ate_bytes aad,
                        EVP_CIPHER_CTX **ret_ctx)
{
    ate__cleanup(ate__key32_deinit) struct ate__key32 key = {{0}}; /* wiped */
    uint8_t nonce[NONCE];
    struct schedule s;
    int rc = schedule_of(kem, &s);
    if (!rc)
        rc = key_schedule(&s, shared, info, &key, nonce);
    if (rc)
        return rc;
    const EVP_CIPHER *cipher = ate__ossl_cipher(kem->kem->cipher);
    ate__cleanup(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *ctx = cipher ? EVP_CIPHER_CTX_new() : NULL;
    int size;
    if (!ctx || !EVP_CipherInit_ex2(ctx, cipher, key.b, nonce, encrypt, NULL) ||
        (aad.size && !EVP_CipherUpdate(ctx, NULL, &size, aad.data, (int)aad.size)))
        return ate__ossl_fail("begin to seal");
    *ret_ctx = ate__steal(&ctx);
    return 0;
}

static int check_sizes(struct ate_bytes info, struct ate_bytes aad, struct ate_bytes text)
{
    if (info.size > ATE__AEAD_INPUT_MAX || aad.size > ATE__AEAD_INPUT_MAX ||
        text.size > ATE__AEAD_INPUT_MAX)
        return ate__fail(ATE_TOO_BIG, "sealing takes at most %d bytes at once",
                         ATE__AEAD_INPUT_MAX);
    return 0;
}

size_t ate__hpke_size(unsigned kem, size_t plain_size)
{
    const struct ate__algorithm *a = ate__algorithm(kem);
    return a && a->use == ATE__USE_KEM ? a->made_size + plain_size + TAG : 0;
}

unsigned ate__hpke_kem_of_size(size_t sealed_size, size_t plain_size)
{
    const struct ate__algorithm *a = NULL;
    for (size_t i = 0; (a = ate__algorithm_at(i)); i++)
        if (a->use == ATE__USE_KEM && ate__hpke_size(a->id, plain_size) == sealed_size)
            return a->id;
    return 0;
}

int ate__hpke_seal(unsigned kem, struct ate_bytes public_key, const struct ate__env *env,
                   struct ate_bytes info, struct ate_bytes aad, struct ate_bytes plain,
                   struct ate__buf *out)
{
    ate__cleanup(ate__ossl_end) unsigned long stale = ate__ossl_begin();
    ate__cleanup(ate__key32_deinit) struct ate__key32 shared = {{0}}; /* wiped */
    ate__cleanup(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *ctx = NULL;    /* wiped */
    const struct ate__algorithm *a = NULL;
    int rc = ate__kem_find(kem, &a);
    if (!rc && public_key.size != a->public_size)
        rc = ate__fail(ATE_MALFORMED, "a public key of %s has %u bytes, not %zu", a->name,
                       (unsigned)a->public_size, public_key.size);
    if (!rc)
        rc = check_sizes(info, aad, plain);
    if (!rc)
        rc = ate__buf_reserve(out, a->made_size + plain.size + TAG);
    if (rc)
        return rc;
    uint8_t *enc = out->data + out->size, *to = enc + a->made_size;
    rc = a->kem->encapsulate(public_key.data, env, enc, &shared);
    if (!rc)
        rc = cipher_begin(a, &shared, true, info, aad, &ctx);
    if (rc)
        return rc;
    int size;
    if ((plain.size && !EVP_EncryptUpdate(ctx, to, &size, plain.data, (int)plain.size)) ||
        !EVP_EncryptFinal_ex(ctx, to + plain.size, &size) ||
        !EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, to + plain.size))
        return ate__ossl_fail("seal");
    out->size += a->made_size + plain.size + TAG;
    return 0;
}

static int decrypt(EVP_CIPHER_CTX *ctx, const uint8_t *from, uint8_t *ret_plain, size_t plain_size)
{
    uint8_t tag[TAG];
    int size, rc = 0;
    memcpy(tag, from + plain_size, sizeof tag);
    if (!EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, tag) ||
        (plain_size && !EVP_DecryptUpdate(ctx, ret_plain, &size, from, (int)plain_size)))
        rc = ate__ossl_fail("open a sealed key");
    else if (EVP_DecryptFinal_ex(ctx, tag, &size) <= 0)
        rc = ate__ossl_refused(ATE_NO_KEY, "a sealed key does not open with this key");
    if (rc)
        ate__wipe(ret_plain, plain_size); /* not authenticated */
    return rc;
}

int ate__hpke_open(unsigned kem, const struct ate__key32 *seed, struct ate_bytes info,
                   struct ate_bytes aad, struct ate_bytes sealed, uint8_t *ret_plain,
                   size_t plain_size)
{
    ate__cleanup(ate__ossl_end) unsigned long stale = ate__ossl_begin();
    ate__cleanup(ate__key32_deinit) struct ate__key32 shared = {{0}}; /* wiped */
    ate__cleanup(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *ctx = NULL;    /* wiped */
    const struct ate__algorithm *a = NULL;
    int rc = ate__kem_find(kem, &a);
    if (!rc)
        rc = check_sizes(info, aad, sealed);
    if (rc)
        return rc;
    if (sealed.size < a->made_size + TAG || sealed.size - a->made_size - TAG != plain_size)
        return ate__fail(ATE_NO_KEY, "a sealed key cannot have %zu bytes", sealed.size);
    rc = a->kem->decapsulate(seed, sealed.data, &shared);
    if (!rc)
        rc = cipher_begin(a, &shared, false, info, aad, &ctx);
    return rc ? rc
              : decrypt(ctx, (const uint8_t *)sealed.data + a->made_size, ret_plain, plain_size);
}
