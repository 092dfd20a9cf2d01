/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * kem_p384.c: MLKEM1024-P384 (draft-ietf-hpke-pq-04, draft-irtf-cfrg-concrete-hybrid-kems), of
 * EVP's ML-KEM-1024 and P-384.
 *
 * SHAKE256(seed, 112) is ML-KEM-1024's d || z and P-384's private key. The shared secret is
 * SHA3-256(ssM || ssP || ctP || pkP || "MLKEM1024-P384"), M standing for ML-KEM-1024, P for P-384:
 * ssP is the x-coordinate, points are uncompressed.
 */
#include "base/err.h"
#include "crypto/algorithm.h"
#include "crypto/kem_form.h"
#include "crypto/part.h"
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <openssl/params.h>

enum {
    M_PUBLIC = 1568,
    M_CIPHER = 1568,
    M_SEED = ATE__MLKEM_SEED,
    M_SHARED = ATE__MLKEM_SHARED,
    SCALAR = 48, /* bytes of a private key, and of a coordinate */
    POINT = 1 + 2 * SCALAR,
    DRAWS_MAX = 4 /* of an ephemeral key: each is too large with a chance of 2^-190 */
};
_Static_assert(M_PUBLIC + POINT == ATE__KEM_PUBLIC_MAX, "sizes");
_Static_assert(M_CIPHER + POINT == ATE__KEM_ENC_MAX, "sizes");

static const char m_name[] = "ML-KEM-1024";
static const char not_a_key[] = "not an MLKEM1024-P384 public key";

ATE__FREEP(EC_GROUP, EC_GROUP_free)
ATE__FREEP(EC_POINT, EC_POINT_free)
ATE__FREEP(BN_CTX, BN_CTX_free)
ATE__FREEP(BIGNUM, BN_clear_free)

/* ---- P-384 ---- */

/* A key of a public point and, for a pair, its private key; NULL if it is none, or memory is short:
 * OpenSSL checks that the point is on the curve. */
static EVP_PKEY *p_of(const BIGNUM *scalar, const uint8_t point[POINT])
{
    EVP_PKEY *key = NULL;
    uint8_t native[SCALAR];
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char[]){"P-384"}, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)(uintptr_t)point, POINT),
        OSSL_PARAM_construct_end(),
        OSSL_PARAM_construct_end(),
    };
    OSSL_LIB_CTX *library = ate__ossl();
    ate__cleanup(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx =
        library ? EVP_PKEY_CTX_new_from_name(library, "EC", NULL) : NULL;
    if (scalar && BN_bn2nativepad(scalar, native, SCALAR) == SCALAR)
        params[2] = OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, native, SCALAR);
    bool good =
        ctx && EVP_PKEY_fromdata_init(ctx) > 0 &&
        EVP_PKEY_fromdata(ctx, &key, scalar ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, params) > 0;
    ate__wipe(native, sizeof native);
    return good ? key : NULL;
}

/* The pair of a private key, big-endian. *ret_fits: it is from 1 to the group's order - 1; without
 * that there is no pair. */
static int p_of_private(const uint8_t scalar[SCALAR], bool *ret_fits, EVP_PKEY **ret_key,
                        uint8_t ret_point[POINT])
{
    OSSL_LIB_CTX *library = ate__ossl();
    ate__cleanup(EC_GROUP_freep) EC_GROUP *group =
        library ? EC_GROUP_new_by_curve_name_ex(library, NULL, NID_secp384r1) : NULL;
    ate__cleanup(EC_POINT_freep) EC_POINT *point = group ? EC_POINT_new(group) : NULL;
    ate__cleanup(BN_CTX_freep) BN_CTX *bn = BN_CTX_secure_new_ex(library);
    ate__cleanup(BN_clear_freep) BIGNUM *k = BN_secure_new(); /* wiped */
    if (!point || !bn || !k || !BN_bin2bn(scalar, SCALAR, k))
        return ate__ossl_fail("begin a P-384 key");
    BN_set_flags(k, BN_FLG_CONSTTIME);
    *ret_fits = !BN_is_zero(k) && BN_cmp(k, EC_GROUP_get0_order(group)) < 0;
    if (!*ret_fits)
        return 0;
    if (!EC_POINT_mul(group, point, k, NULL, NULL, bn) ||
        EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, ret_point, POINT, bn) !=
            POINT)
        return ate__ossl_fail("make a P-384 key");
    *ret_key = p_of(k, ret_point);
    return *ret_key ? 0 : ate__ossl_fail("make a P-384 key");
}

/* ECDH; `result` with the sentence if that is no point. */
static int exchange(EVP_PKEY *own, const uint8_t peer_point[POINT], int result,
                    const char *sentence, uint8_t ret_shared[SCALAR])
{
    ate__cleanup(EVP_PKEY_freep) EVP_PKEY *peer =
        peer_point[0] == POINT_CONVERSION_UNCOMPRESSED ? p_of(NULL, peer_point) : NULL;
    if (!peer)
        return ate__ossl_refused(result, sentence);
    ate__cleanup(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx =
        EVP_PKEY_CTX_new_from_pkey(ate__ossl(), own, NULL);
    size_t size = SCALAR;
    if (!ctx || EVP_PKEY_derive_init(ctx) <= 0 || EVP_PKEY_derive_set_peer(ctx, peer) <= 0 ||
        EVP_PKEY_derive(ctx, ret_shared, &size) <= 0 || size != SCALAR)
        return ate__ossl_fail("exchange over P-384");
    return 0;
}

/* ---- both parts ---- */

struct pair { /* of a seed */
    EVP_PKEY *m, *p;
    uint8_t point[POINT];
};

static void pair_deinit(struct pair *p)
{
    EVP_PKEY_free(p->m);
    EVP_PKEY_free(p->p);
}

static int pair_of_seed(const struct ate__key32 *seed, struct pair *p)
{
    struct {
        uint8_t m[M_SEED], scalar[SCALAR];
    } expanded;
    bool fits = false;
    int rc = 0;
    const EVP_MD *md = ate__ossl_md(ATE__MD_SHAKE256);
    ate__cleanup(EVP_MD_CTX_freep) EVP_MD_CTX *xof = md ? EVP_MD_CTX_new() : NULL; /* wiped */
    if (!xof || !EVP_DigestInit_ex2(xof, md, NULL) ||
        !EVP_DigestUpdate(xof, seed->b, sizeof seed->b) ||
        !EVP_DigestFinalXOF(xof, (uint8_t *)&expanded, sizeof expanded) ||
        !(p->m = ate__mlkem_of_seed(m_name, expanded.m)))
        rc = ate__ossl_fail("make an MLKEM1024-P384 key");
    else
        rc = p_of_private(expanded.scalar, &fits, &p->p, p->point);
    ate__wipe(&expanded, sizeof expanded);
    if (!rc && !fits)
        return ate__fail(ATE_E_BUG, "a seed of which no MLKEM1024-P384 key can be made");
    return rc;
}

/* What both sides hash into the shared secret, in this order. */
struct combined {
    uint8_t m[M_SHARED], p[SCALAR], p_cipher[POINT], p_public[POINT];
};

static void combined_deinit(struct combined *c)
{
    ate__wipe(c, sizeof *c);
}

static int combine(const struct combined *c, struct ate__key32 *ret_shared)
{
    static const char label[] = "MLKEM1024-P384";
    const EVP_MD *md = ate__ossl_md(ATE__MD_SHA3_256);
    ate__cleanup(EVP_MD_CTX_freep) EVP_MD_CTX *hash = md ? EVP_MD_CTX_new() : NULL; /* wiped */
    ate__cleanup(ate__key32_deinit) struct ate__key32 shared = {{0}}; /* wiped */
    if (!hash || !EVP_DigestInit_ex2(hash, md, NULL) || !EVP_DigestUpdate(hash, c, sizeof *c) ||
        !EVP_DigestUpdate(hash, label, sizeof label - 1) ||
        !EVP_DigestFinal_ex(hash, shared.b, NULL))
        return ate__ossl_fail("combine shared secrets");
    *ret_shared = shared;
    return 0;
}

/* ---- the KEM ---- */

static int public_of(const struct ate__key32 *seed, uint8_t *ret_public)
{
    ate__cleanup(ate__ossl_end) unsigned long stale = ate__ossl_begin();
    ate__cleanup(pair_deinit) struct pair p = {.m = NULL}; /* wiped */
    uint8_t m_public[M_PUBLIC];
    size_t made = M_PUBLIC;
    int rc = pair_of_seed(seed, &p);
    if (rc)
        return rc;
    if (EVP_PKEY_get_raw_public_key(p.m, m_public, &made) <= 0 || made != M_PUBLIC)
        return ate__ossl_fail("read an ML-KEM-1024 public key");
    rc = ate__ossl_noted();
    if (rc)
        return rc;
    memcpy(ret_public, m_public, M_PUBLIC);
    memcpy(ret_public + M_PUBLIC, p.point, POINT);
    return 0;
}

static int check(const uint8_t *public_key)
{
    ate__cleanup(ate__ossl_end) unsigned long stale = ate__ossl_begin();
    ate__cleanup(EVP_PKEY_freep) EVP_PKEY *m = NULL, *p = NULL;
    const uint8_t *point = public_key + M_PUBLIC;
    int rc = ate__mlkem_load(m_name, public_key, M_PUBLIC, not_a_key, &m);
    if (rc)
        return rc;
    p = point[0] == POINT_CONVERSION_UNCOMPRESSED ? p_of(NULL, point) : NULL;
    return p ? 0 : ate__ossl_refused(ATE_MALFORMED, not_a_key);
}

static int draw_ephemeral(const struct ate__env *env, EVP_PKEY **ret_key, uint8_t ret_point[POINT])
{
    uint8_t scalar[SCALAR];
    bool fits = false;
    int rc = 0;
    for (unsigned i = 0; !rc && !fits && i < DRAWS_MAX; i++) {
        ate__random(env, scalar, sizeof scalar);
        rc = p_of_private(scalar, &fits, ret_key, ret_point);
    }
    ate__wipe(scalar, sizeof scalar);
    return rc || fits ? rc : ate__fail(ATE_E_BUG, "randomness that is none");
}

static int encapsulate(const uint8_t *public_key, const struct ate__env *env, uint8_t *ret_enc,
                       struct ate__key32 *ret_shared)
{
    ate__cleanup(ate__ossl_end) unsigned long stale = ate__ossl_begin();
    ate__cleanup(combined_deinit) struct combined c; /* wiped */
    ate__cleanup(EVP_PKEY_freep) EVP_PKEY *m = NULL, *p = NULL; /* wiped */
    uint8_t cipher[M_CIPHER];
    int rc = ate__mlkem_load(m_name, public_key, M_PUBLIC, not_a_key, &m);
    if (!rc)
        rc = ate__mlkem_encapsulate(m, cipher, M_CIPHER, c.m);
    if (!rc)
        rc = draw_ephemeral(env, &p, c.p_cipher);
    if (rc)
        return rc;
    memcpy(c.p_public, public_key + M_PUBLIC, POINT);
    rc = exchange(p, c.p_public, ATE_MALFORMED, not_a_key, c.p);
    if (!rc)
        rc = ate__ossl_noted();
    if (!rc)
        rc = combine(&c, ret_shared);
    if (rc)
        return rc;
    memcpy(ret_enc, cipher, M_CIPHER);
    memcpy(ret_enc + M_CIPHER, c.p_cipher, POINT);
    return 0;
}

static int decapsulate(const struct ate__key32 *seed, const uint8_t *enc,
                       struct ate__key32 *ret_shared)
{
    ate__cleanup(ate__ossl_end) unsigned long stale = ate__ossl_begin();
    ate__cleanup(combined_deinit) struct combined c; /* wiped */
    ate__cleanup(pair_deinit) struct pair p = {.m = NULL}; /* wiped */
    int rc = pair_of_seed(seed, &p);
    if (!rc)
        rc = ate__mlkem_decapsulate(p.m, enc, M_CIPHER, c.m);
    if (rc)
        return rc;
    memcpy(c.p_cipher, enc + M_CIPHER, POINT);
    memcpy(c.p_public, p.point, POINT);
    rc = exchange(p.p, c.p_cipher, ATE_NO_KEY, "a sealed key has no point of P-384", c.p);
    if (!rc)
        rc = ate__ossl_noted();
    return rc ? rc : combine(&c, ret_shared);
}

const struct ate__kem_form ate__kem_p384_form = {
    .public_of = public_of,
    .check = check,
    .encapsulate = encapsulate,
    .decapsulate = decapsulate,
    .kdf = 2, /* HKDF-SHA384 */
    .aead = 2,
    .md = ATE__MD_SHA384,
    .cipher = ATE__CIPHER_AES256_GCM,
};
