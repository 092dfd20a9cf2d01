/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * kem.c: X-Wing.
 *
 * X-Wing: SHAKE256(seed, 96) is ML-KEM-768's d || z and X25519's private key. The shared secret is
 * SHA3-256(ssM || ssX || ctX || pkX || label), M standing for ML-KEM-768, X for X25519.
 */
#include "crypto/kem.h"
#include "base/assert.h"
#include "base/err.h"
#include "crypto/kem_form.h"
#include "crypto/part.h"

enum {
    M_PUBLIC = 1184,
    M_CIPHER = 1088,
    M_SEED = ATE__MLKEM_SEED,
    SHARED = ATE__MLKEM_SHARED, /* of either part, and of both */
    X_SIZE = 32                 /* an X25519 key of either kind */
};
_Static_assert(M_PUBLIC + X_SIZE == ATE__XWING_PUBLIC, "sizes");
_Static_assert(M_CIPHER + X_SIZE == ATE__XWING_ENC, "sizes");

static const char m_name[] = "ML-KEM-768";
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
        p.m = ate__mlkem_of_seed(m_name, expanded.m);
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

int ate__xwing_check(const uint8_t public_key[ATE__XWING_PUBLIC])
{
    ate__cleanup(ate__ossl_end) unsigned long stale = ate__ossl_begin();
    ate__cleanup(EVP_PKEY_freep) EVP_PKEY *m = NULL;
    if (is_low_order(public_key + M_PUBLIC))
        return ate__fail(ATE_MALFORMED, "%s", not_a_key);
    return ate__mlkem_load(m_name, public_key, M_PUBLIC, not_a_key, &m);
}

int ate__xwing_encapsulate(const uint8_t public_key[ATE__XWING_PUBLIC], const struct ate__env *env,
                           uint8_t ret_enc[ATE__XWING_ENC], struct ate__key32 *ret_shared)
{
    ate__cleanup(ate__ossl_end) unsigned long stale = ate__ossl_begin();
    ate__cleanup(combined_deinit) struct combined c;               /* wiped */
    ate__cleanup(ate__key32_deinit) struct ate__key32 ephemeral;   /* wiped */
    ate__cleanup(EVP_PKEY_freep) EVP_PKEY *m = NULL, *x = NULL;    /* wiped */
    uint8_t enc[ATE__XWING_ENC];
    int rc = ate__mlkem_load(m_name, public_key, M_PUBLIC, not_a_key, &m);
    if (!rc)
        rc = ate__mlkem_encapsulate(m, enc, M_CIPHER, c.m);
    if (rc)
        return rc;
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
    int rc = pair_of_seed(seed, &p);
    if (!rc)
        rc = ate__mlkem_decapsulate(p.m, enc, M_CIPHER, c.m);
    if (rc)
        return rc;
    if (!public_of(p.x, c.x_public, X_SIZE))
        return ate__ossl_fail("read an X25519 public key");
    memcpy(c.x_cipher, enc + M_CIPHER, X_SIZE);
    rc = exchange(p.x, c.x_cipher, ATE_NO_KEY, "a sealed key has a point of low order", c.x);
    if (!rc)
        rc = ate__ossl_noted();
    return rc ? rc : combine(&c, ret_shared);
}

const struct ate__kem_form ate__xwing_form = {
    .public_of = ate__xwing_public,
    .check = ate__xwing_check,
    .encapsulate = ate__xwing_encapsulate,
    .decapsulate = ate__xwing_decapsulate,
    .kdf = 1, /* HKDF-SHA256 */
    .aead = 3,
    .md = ATE__MD_SHA256,
    .cipher = ATE__CIPHER_CHACHA20_POLY1305,
};

/* ---- by id ---- */

int ate__kem_find(unsigned id, const struct ate__algorithm **ret_kem)
{
    const struct ate__algorithm *a = ate__algorithm(id);
    if (!a || a->use != ATE__USE_KEM)
        return ate__fail(ATE_UNSUPPORTED, "a KEM of unknown algorithm 0x%04x", id);
    *ret_kem = a;
    return 0;
}

int ate__kem_public(unsigned id, const struct ate__key32 *seed, uint8_t *ret_public)
{
    const struct ate__algorithm *a = NULL;
    int rc = ate__kem_find(id, &a);
    return rc ? rc : a->kem->public_of(seed, ret_public);
}

int ate__kem_check(unsigned id, struct ate_bytes public_key)
{
    const struct ate__algorithm *a = NULL;
    int rc = ate__kem_find(id, &a);
    if (rc)
        return rc;
    if (public_key.size != a->public_size)
        return ate__fail(ATE_MALFORMED, "a public key of %s has %u bytes, not %zu", a->name,
                         (unsigned)a->public_size, public_key.size);
    return a->kem->check(public_key.data);
}
