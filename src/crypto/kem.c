/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * kem.c: X-Wing, and HPKE's base mode over it for one message.
 *
 * X-Wing: SHAKE256(seed, 96) is ML-KEM-768's d || z and X25519's private key. The shared secret is
 * SHA3-256(ssM || ssX || ctX || pkX || label), M standing for ML-KEM-768, X for X25519.
 */
#include "crypto/kem.h"
#include "base/assert.h"
#include "base/endian.h"
#include "base/err.h"
#include "base/wr.h"
#include "crypto/kdf.h"
#include "crypto/limits.h"
#include "crypto/ossl.h"
#include <openssl/core_names.h>
#include <openssl/params.h>

enum {
    M_PUBLIC = 1184,
    M_CIPHER = 1088,
    M_SEED = 64,
    SHARED = 32, /* of either part, and of both */
    X_SIZE = 32, /* an X25519 key of either kind */
    TAG = 16
};
_Static_assert(M_PUBLIC + X_SIZE == ATE__XWING_PUBLIC, "sizes");
_Static_assert(M_CIPHER + X_SIZE == ATE__XWING_ENC, "sizes");

static const char not_a_key[] = "not an X-Wing public key";

/* The u-coordinates of X25519's points of low order, the top bit left out, as it is ignored. Every
 * exchange with one of them gives zero. */
static const uint8_t low_order[][X_SIZE] = {
    {0},
    {1},
    {0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3,
     0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
     0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00},
    {0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1,
     0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c,
     0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57},
    {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, /* p - 1 */
    {0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, /* p: 0 again */
    {0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, /* p + 1: 1 again */
};

static bool is_low_order(const uint8_t point[X_SIZE])
{
    uint8_t u[X_SIZE];
    memcpy(u, point, sizeof u);
    u[X_SIZE - 1] &= 0x7f;
    for (size_t i = 0; i < ATE__COUNT_OF(low_order); i++)
        if (!memcmp(u, low_order[i], sizeof u))
            return true;
    return false;
}

/* --- the two parts --- */

static EVP_PKEY *m_of_seed(const uint8_t seed[M_SEED])
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_ML_KEM_SEED, (void *)seed, M_SEED),
        OSSL_PARAM_construct_end(),
    };
    OSSL_LIB_CTX *library = ate__ossl();
    ate__cleanup(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx =
        library ? EVP_PKEY_CTX_new_from_name(library, "ML-KEM-768", NULL) : NULL;
    if (!ctx || EVP_PKEY_fromdata_init(ctx) <= 0 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) <= 0)
        return NULL;
    return key;
}

static EVP_PKEY *x_of_private(const uint8_t private_key[X_SIZE])
{
    return EVP_PKEY_new_raw_private_key_ex(ate__ossl(), "X25519", NULL, private_key, X_SIZE);
}

static bool public_of(EVP_PKEY *key, uint8_t *ret_public, size_t size)
{
    size_t made = size;
    return EVP_PKEY_get_raw_public_key(key, ret_public, &made) > 0 && made == size;
}

/* The private keys of a seed. */
struct pair {
    EVP_PKEY *m, *x;
};

static void pair_deinit(struct pair *p)
{
    EVP_PKEY_free(p->m);
    EVP_PKEY_free(p->x);
}

static int pair_of_seed(const struct ate__key32 *seed, struct pair *ret_pair)
{
    struct {
        uint8_t m[M_SEED], x[X_SIZE];
    } expanded;
    const EVP_MD *md = ate__ossl_md(ATE__MD_SHAKE256);
    ate__cleanup(EVP_MD_CTX_freep) EVP_MD_CTX *xof = md ? EVP_MD_CTX_new() : NULL; /* wiped */
    ate__cleanup(pair_deinit) struct pair p = {NULL, NULL};
    if (xof && EVP_DigestInit_ex2(xof, md, NULL) &&
        EVP_DigestUpdate(xof, seed->b, sizeof seed->b) &&
        EVP_DigestFinalXOF(xof, (uint8_t *)&expanded, sizeof expanded)) {
        p.m = m_of_seed(expanded.m);
        p.x = p.m ? x_of_private(expanded.x) : NULL;
    }
    ate__wipe(&expanded, sizeof expanded);
    if (!p.x)
        return ate__ossl_fail("make an X-Wing key");
    *ret_pair = p;
    p = (struct pair){NULL, NULL};
    return 0;
}

/* X25519; `result` if it gives zero. */
static int exchange(EVP_PKEY *x, const uint8_t peer_point[X_SIZE], int result, const char *sentence,
                    uint8_t ret_shared[SHARED])
{
    if (is_low_order(peer_point))
        return ate__fail(result, "%s", sentence);
    ate__cleanup(EVP_PKEY_freep) EVP_PKEY *peer =
        EVP_PKEY_new_raw_public_key_ex(ate__ossl(), "X25519", NULL, peer_point, X_SIZE);
    ate__cleanup(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx =
        peer ? EVP_PKEY_CTX_new_from_pkey(ate__ossl(), x, NULL) : NULL;
    size_t size = SHARED;
    if (!ctx || EVP_PKEY_derive_init(ctx) <= 0 || EVP_PKEY_derive_set_peer(ctx, peer) <= 0)
        return ate__ossl_fail("begin an X25519 exchange");
    if (EVP_PKEY_derive(ctx, ret_shared, &size) <= 0 || size != SHARED)
        return ate__ossl_refused(result, sentence);
    return 0;
}

/* What both sides hash into the shared secret, in this order. */
struct combined {
    uint8_t m[SHARED], x[SHARED], x_cipher[X_SIZE], x_public[X_SIZE];
};

static void combined_deinit(struct combined *c)
{
    ate__wipe(c, sizeof *c);
}

static int combine(const struct combined *c, struct ate__key32 *ret_shared)
{
    static const uint8_t label[6] = {0x5c, 0x2e, 0x2f, 0x2f, 0x5e, 0x5c}; /* \.//^\ */
    const EVP_MD *md = ate__ossl_md(ATE__MD_SHA3_256);
    ate__cleanup(EVP_MD_CTX_freep) EVP_MD_CTX *hash = md ? EVP_MD_CTX_new() : NULL; /* wiped */
    ate__cleanup(ate__key32_deinit) struct ate__key32 shared;                       /* wiped */
    if (!hash || !EVP_DigestInit_ex2(hash, md, NULL) || !EVP_DigestUpdate(hash, c, sizeof *c) ||
        !EVP_DigestUpdate(hash, label, sizeof label) || !EVP_DigestFinal_ex(hash, shared.b, NULL))
        return ate__ossl_fail("combine shared secrets");
    *ret_shared = shared;
    return 0;
}

/* --- X-Wing --- */

int ate__xwing_public(const struct ate__key32 *seed, uint8_t ret_public[ATE__XWING_PUBLIC])
{
    ate__cleanup(ate__ossl_end) unsigned long stale = ate__ossl_begin();
    ate__cleanup(pair_deinit) struct pair p = {NULL, NULL}; /* wiped */
    uint8_t public_key[ATE__XWING_PUBLIC];
    int rc = pair_of_seed(seed, &p);
    if (rc)
        return rc;
    if (!public_of(p.m, public_key, M_PUBLIC) || !public_of(p.x, public_key + M_PUBLIC, X_SIZE))
        return ate__ossl_fail("read an X-Wing public key");
    rc = ate__ossl_noted();
    if (rc)
        return rc;
    memcpy(ret_public, public_key, sizeof public_key);
    return 0;
}

/* OpenSSL checks the encapsulation key when it takes it (FIPS 203 section 7.2). */
static int m_of_public(const uint8_t public_key[M_PUBLIC], EVP_PKEY **ret_key)
{
    OSSL_LIB_CTX *library = ate__ossl();
    if (!library)
        return ate__ossl_fail("begin");
    EVP_PKEY *m = EVP_PKEY_new_raw_public_key_ex(library, "ML-KEM-768", NULL, public_key, M_PUBLIC);
    if (!m)
        return ate__ossl_refused(ATE_MALFORMED, not_a_key);
    *ret_key = m;
    return 0;
}

int ate__xwing_check(const uint8_t public_key[ATE__XWING_PUBLIC])
{
    ate__cleanup(ate__ossl_end) unsigned long stale = ate__ossl_begin();
    ate__cleanup(EVP_PKEY_freep) EVP_PKEY *m = NULL;
    if (is_low_order(public_key + M_PUBLIC))
        return ate__fail(ATE_MALFORMED, "%s", not_a_key);
    return m_of_public(public_key, &m);
}

int ate__xwing_encapsulate(const uint8_t public_key[ATE__XWING_PUBLIC], const struct ate__env *env,
                           uint8_t ret_enc[ATE__XWING_ENC], struct ate__key32 *ret_shared)
{
    ate__cleanup(ate__ossl_end) unsigned long stale = ate__ossl_begin();
    ate__cleanup(combined_deinit) struct combined c;               /* wiped */
    ate__cleanup(ate__key32_deinit) struct ate__key32 ephemeral;   /* wiped */
    ate__cleanup(EVP_PKEY_freep) EVP_PKEY *m = NULL, *x = NULL;    /* wiped */
    ate__cleanup(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = NULL;
    uint8_t enc[ATE__XWING_ENC];
    size_t cipher_size = M_CIPHER, shared_size = SHARED;
    int rc = m_of_public(public_key, &m);
    if (rc)
        return rc;
    ctx = EVP_PKEY_CTX_new_from_pkey(ate__ossl(), m, NULL);
    if (!ctx || EVP_PKEY_encapsulate_init(ctx, NULL) <= 0 ||
        EVP_PKEY_encapsulate(ctx, enc, &cipher_size, c.m, &shared_size) <= 0)
        return ate__ossl_fail("encapsulate");
    ate__random(env, ephemeral.b, sizeof ephemeral.b);
    x = x_of_private(ephemeral.b);
    if (!x || !public_of(x, c.x_cipher, X_SIZE))
        return ate__ossl_fail("make an X25519 key");
    memcpy(enc + M_CIPHER, c.x_cipher, X_SIZE);
    memcpy(c.x_public, public_key + M_PUBLIC, X_SIZE);
    rc = exchange(x, c.x_public, ATE_MALFORMED, not_a_key, c.x);
    if (!rc)
        rc = ate__ossl_noted();
    if (!rc)
        rc = combine(&c, ret_shared);
    if (!rc)
        memcpy(ret_enc, enc, sizeof enc);
    return rc;
}

int ate__xwing_decapsulate(const struct ate__key32 *seed, const uint8_t enc[ATE__XWING_ENC],
                           struct ate__key32 *ret_shared)
{
    ate__cleanup(ate__ossl_end) unsigned long stale = ate__ossl_begin();
    ate__cleanup(combined_deinit) struct combined c;        /* wiped */
    ate__cleanup(pair_deinit) struct pair p = {NULL, NULL}; /* wiped */
    ate__cleanup(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = NULL;
    size_t shared_size = SHARED;
    int rc = pair_of_seed(seed, &p);
    if (rc)
        return rc;
    ctx = EVP_PKEY_CTX_new_from_pkey(ate__ossl(), p.m, NULL);
    if (!ctx || EVP_PKEY_decapsulate_init(ctx, NULL) <= 0 ||
        EVP_PKEY_decapsulate(ctx, c.m, &shared_size, enc, M_CIPHER) <= 0 ||
        !public_of(p.x, c.x_public, X_SIZE))
        return ate__ossl_fail("decapsulate");
    memcpy(c.x_cipher, enc + M_CIPHER, X_SIZE);
    rc = exchange(p.x, c.x_cipher, ATE_NO_KEY, "a sealed key has a point of low order", c.x);
    if (!rc)
        rc = ate__ossl_noted();
    return rc ? rc : combine(&c, ret_shared);
}

/* --- HPKE --- */

enum { SUITE = 10, NONCE = 12, CONTEXT = 1 + 2 * 32 };

static const char version[] = "HPKE-v1";
/* "HPKE", then big-endian: X-Wing 0x647a, HKDF-SHA256 1, ChaCha20-Poly1305 3 */
static const uint8_t suite_id[SUITE] = {'H', 'P', 'K', 'E', 0x64, 0x7a, 0, 1, 0, 3};

/* LabeledExtract(salt, label, ikm) of RFC 9180 section 4, ikm not being secret in base mode */
static int labeled_extract(struct ate_bytes salt, const char *name, struct ate_bytes ikm,
                           struct ate__key32 *ret_prk)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf labeled = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&labeled);
    ate__wr_bytes(&w, ate__text_bytes(version));
    ate__wr_copy(&w, suite_id, sizeof suite_id);
    ate__wr_bytes(&w, ate__text_bytes(name));
    ate__wr_bytes(&w, ikm);
    int rc = ate__wr_end(&w);
    return rc ? rc : ate__hkdf_extract(salt, ate__buf_bytes(&labeled), ret_prk);
}

/* LabeledExpand(prk, label, context, size) */
static int labeled_expand(const struct ate__key32 *prk, const char *name,
                          const uint8_t context[CONTEXT], uint8_t *ret, uint8_t size)
{
    uint8_t info[2 + sizeof version - 1 + SUITE + 16 + CONTEXT], *to = info;
    ate__assert(strlen(name) <= 16);
    *to++ = 0;
    *to++ = size;
    to = mempcpy(to, version, sizeof version - 1);
    to = mempcpy(to, suite_id, sizeof suite_id);
    to = mempcpy(to, name, strlen(name));
    to = mempcpy(to, context, CONTEXT);
    return ate__hkdf_expand(prk, ate__bytes(info, (size_t)(to - info)), ret, size);
}

/* KeySchedule of RFC 9180 section 5.1 in base mode: no pre-shared key. */
static int key_schedule(const struct ate__key32 *shared, struct ate_bytes info,
                        struct ate__key32 *ret_key, uint8_t ret_nonce[NONCE])
{
    const struct ate_bytes none = {NULL, 0};
    ate__cleanup(ate__key32_deinit) struct ate__key32 secret; /* wiped */
    struct ate__key32 psk_id_hash, info_hash;
    uint8_t context[CONTEXT] = {0}; /* mode_base */
    int rc = labeled_extract(none, "psk_id_hash", none, &psk_id_hash);
    if (!rc)
        rc = labeled_extract(none, "info_hash", info, &info_hash);
    if (rc)
        return rc;
    memcpy(context + 1, psk_id_hash.b, 32);
    memcpy(context + 33, info_hash.b, 32);
    rc = labeled_extract(ate__bytes(shared->b, sizeof shared->b), "secret", none, &secret);
    if (!rc)
        rc = labeled_expand(&secret, "key", context, ret_key->b, sizeof ret_key->b);
    if (!rc)
        rc = labeled_expand(&secret, "base_nonce", context, ret_nonce, NONCE);
    return rc;
}

/* ChaCha20-Poly1305 with the first message's nonce and the associated data in. */
static int cipher_begin(const struct ate__key32 *shared, bool encrypt, struct ate_bytes info,
                        struct ate_bytes aad, EVP_CIPHER_CTX **ret_ctx)
{
    ate__cleanup(ate__key32_deinit) struct ate__key32 key; /* wiped */
    uint8_t nonce[NONCE];
    int rc = key_schedule(shared, info, &key, nonce);
    if (rc)
        return rc;
    const EVP_CIPHER *cipher = ate__ossl_cipher(ATE__CIPHER_CHACHA20_POLY1305);
    ate__cleanup(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *ctx = cipher ? EVP_CIPHER_CTX_new() : NULL;
    int size;
    if (!ctx || !EVP_CipherInit_ex2(ctx, cipher, key.b, nonce, encrypt, NULL) ||
        (aad.size && !EVP_CipherUpdate(ctx, NULL, &size, aad.data, (int)aad.size)))
        return ate__ossl_fail("begin ChaCha20-Poly1305");
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

int ate__hpke_seal(const uint8_t public_key[ATE__XWING_PUBLIC], const struct ate__env *env,
                   struct ate_bytes info, struct ate_bytes aad, struct ate_bytes plain,
                   struct ate__buf *out)
{
    ate__cleanup(ate__key32_deinit) struct ate__key32 shared; /* wiped */
    ate__cleanup(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *ctx = NULL; /* wiped */
    int rc = check_sizes(info, aad, plain);
    if (!rc)
        rc = ate__buf_reserve(out, ATE__XWING_ENC + plain.size + TAG);
    if (rc)
        return rc;
    uint8_t *enc = out->data + out->size, *to = enc + ATE__XWING_ENC;
    rc = ate__xwing_encapsulate(public_key, env, enc, &shared);
    if (!rc)
        rc = cipher_begin(&shared, true, info, aad, &ctx);
    if (rc)
        return rc;
    int size;
    if ((plain.size && !EVP_EncryptUpdate(ctx, to, &size, plain.data, (int)plain.size)) ||
        !EVP_EncryptFinal_ex(ctx, to + plain.size, &size) ||
        !EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, to + plain.size))
        return ate__ossl_fail("seal");
    out->size += ATE__XWING_ENC + plain.size + TAG;
    return 0;
}

int ate__hpke_open(const struct ate__key32 *seed, struct ate_bytes info, struct ate_bytes aad,
                   struct ate_bytes sealed, uint8_t *ret_plain, size_t plain_size)
{
    ate__cleanup(ate__ossl_end) unsigned long stale = ate__ossl_begin();
    ate__cleanup(ate__key32_deinit) struct ate__key32 shared; /* wiped */
    ate__cleanup(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *ctx = NULL; /* wiped */
    int rc = check_sizes(info, aad, sealed);
    if (rc)
        return rc;
    if (sealed.size < ATE__XWING_ENC + TAG || sealed.size - ATE__XWING_ENC - TAG != plain_size)
        return ate__fail(ATE_NO_KEY, "a sealed key cannot have %zu bytes", sealed.size);
    const uint8_t *from = (const uint8_t *)sealed.data + ATE__XWING_ENC;
    rc = ate__xwing_decapsulate(seed, sealed.data, &shared);
    if (!rc)
        rc = cipher_begin(&shared, false, info, aad, &ctx);
    if (rc)
        return rc;
    uint8_t tag[TAG];
    memcpy(tag, from + plain_size, sizeof tag);
    int size;
    if (!EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, tag) ||
        (plain_size && !EVP_DecryptUpdate(ctx, ret_plain, &size, from, (int)plain_size)))
        rc = ate__ossl_fail("open a sealed key");
    else if (EVP_DecryptFinal_ex(ctx, tag, &size) <= 0)
        rc = ate__ossl_refused(ATE_NO_KEY, "a sealed key does not open with this key");
    if (rc)
        ate__wipe(ret_plain, plain_size); /* not authenticated */
    return rc;
}
