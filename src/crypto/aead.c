/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * aead.c: XAES-256-GCM after C2SP's specification: the first half of the nonce goes through a
 * CMAC-like derivation into a key of the message's own, under which AES-256-GCM takes the second.
 */
#include "crypto/aead.h"
#include "base/alloc.h"
#include "base/err.h"
#include "crypto/limits.h"
#include "crypto/ossl.h"
#include <stdatomic.h>

enum { BLOCK = 16, HALF = ATE__AEAD_NONCE / 2 };

/* What one use after the other works with. */
struct tools {
    atomic_flag busy;
    EVP_CIPHER_CTX *ecb; /* AES-256 under the key */
    EVP_CIPHER_CTX *gcm; /* AES-256-GCM under the last message's key */
};
struct ate__aead {
    EVP_CIPHER_CTX *ecb; /* AES-256 under the key; only copied, since a use changes it */
    uint8_t k1[BLOCK];   /* CMAC's first subkey */
    struct tools *kept;  /* hold nothing that the key does not give, and go with it */
};

/* ---- the key ---- */

static void tools_free(struct tools *t)
{
    if (!t)
        return;
    EVP_CIPHER_CTX_free(t->ecb); /* both wipe their expanded keys */
    EVP_CIPHER_CTX_free(t->gcm);
    ate__free(t);
}
ATE__FREEP(struct tools, tools_free)

static int tools_new(const struct ate__aead *a, struct tools **ret_tools)
{
    ate__cleanup(tools_freep) struct tools *t = ate__alloc(sizeof *t);
    if (!t)
        return ate__no_memory();
    const EVP_CIPHER *gcm = ate__ossl_cipher(ATE__CIPHER_AES256_GCM);
    t->ecb = gcm ? EVP_CIPHER_CTX_dup(a->ecb) : NULL;
    t->gcm = t->ecb ? EVP_CIPHER_CTX_new() : NULL;
    if (!t->gcm || !EVP_CipherInit_ex2(t->gcm, gcm, NULL, NULL, true, NULL))
        return ate__ossl_fail("make a cipher context");
    *ret_tools = ate__steal(&t);
    return 0;
}

/* Those of the key, or, where another thread is at work with them, new ones. */
static int tools_take(const struct ate__aead *a, struct tools **ret_tools)
{
    if (atomic_flag_test_and_set_explicit(&a->kept->busy, memory_order_acquire))
        return tools_new(a, ret_tools);
    *ret_tools = a->kept;
    return 0;
}

static void tools_give(const struct ate__aead *a, struct tools *t)
{
    if (t == a->kept)
        atomic_flag_clear_explicit(&t->busy, memory_order_release);
    else
        tools_free(t);
}

void ate__aead_free(struct ate__aead *a)
{
    if (!a)
        return;
    EVP_CIPHER_CTX_free(a->ecb); /* wipes the expanded key */
    tools_free(a->kept);
    ate__secret_free(a); /* wipes k1 */
}

int ate__aead_new(const struct ate__key32 *key, struct ate__aead **ret_aead)
{
    ate__cleanup(ate__aead_freep) struct ate__aead *a = ate__secret_alloc(sizeof *a);
    if (!a)
        return ate__no_memory();
    const EVP_CIPHER *aes = ate__ossl_cipher(ATE__CIPHER_AES256_ECB);
    a->ecb = aes ? EVP_CIPHER_CTX_new() : NULL;
    int size;
    if (!a->ecb || !EVP_EncryptInit_ex2(a->ecb, aes, key->b, NULL, NULL) ||
        !EVP_CIPHER_CTX_set_padding(a->ecb, 0) ||
        !EVP_EncryptUpdate(a->ecb, a->k1, &size, (uint8_t[BLOCK]){0}, BLOCK))
        return ate__ossl_fail("expand an AES key");
    /* k1 = AES(0) doubled in GF(2^128), without a branch on the secret bit */
    uint8_t carry = (uint8_t)(-(a->k1[0] >> 7) & 0x87);
    for (unsigned i = 0; i + 1 < BLOCK; i++)
        a->k1[i] = (uint8_t)(a->k1[i] << 1 | a->k1[i + 1] >> 7);
    a->k1[BLOCK - 1] = (uint8_t)(a->k1[BLOCK - 1] << 1 ^ carry);
    int rc = tools_new(a, &a->kept);
    if (rc)
        return rc;
    *ret_aead = ate__steal(&a);
    return 0;
}

/* ---- a message ---- */

/* Kx = AES(M1 ^ K1) || AES(M2 ^ K1), Mi = 0, i, 'X', 0, first half of the nonce */
static int message_key(const struct ate__aead *a, const struct tools *t,
                       const uint8_t nonce[ATE__AEAD_NONCE], struct ate__key32 *ret_key)
{
    ate__cleanup(ate__key32_deinit) struct ate__key32 m; /* wiped: holds k1 */
    for (unsigned i = 0; i < 2; i++) {
        uint8_t *block = m.b + i * BLOCK;
        memcpy(block, (uint8_t[]){0, (uint8_t)(i + 1), 'X', 0}, BLOCK - HALF);
        memcpy(block + BLOCK - HALF, nonce, HALF);
        for (unsigned k = 0; k < BLOCK; k++)
            block[k] ^= a->k1[k];
    }
    int size;
    if (!EVP_EncryptUpdate(t->ecb, ret_key->b, &size, m.b, sizeof m.b))
        return ate__ossl_fail("derive a message key");
    return 0;
}

/* AES-256-GCM under the message's key, with the associated data already in. */
static int gcm_begin(const struct ate__aead *a, struct tools *t,
                     const uint8_t nonce[ATE__AEAD_NONCE], bool encrypt, struct ate_bytes aad)
{
    ate__cleanup(ate__key32_deinit) struct ate__key32 key; /* wiped */
    int rc = message_key(a, t, nonce, &key);
    if (rc)
        return rc;
    int size;
    if (!EVP_CipherInit_ex2(t->gcm, NULL, key.b, nonce + HALF, encrypt, NULL) ||
        (aad.size && !EVP_CipherUpdate(t->gcm, NULL, &size, aad.data, (int)aad.size)))
        return ate__ossl_fail("begin AES-256-GCM");
    return 0;
}

static int check_sizes(struct ate_bytes aad, struct ate_bytes text)
{
    if (aad.size > ATE__AEAD_INPUT_MAX || text.size > ATE__AEAD_INPUT_MAX)
        return ate__fail(ATE_TOO_BIG, "encryption takes at most %d bytes at once",
                         ATE__AEAD_INPUT_MAX);
    return 0;
}

static int encrypt_with(const struct ate__aead *a, struct tools *t,
                        const uint8_t nonce[ATE__AEAD_NONCE], struct ate_bytes aad,
                        struct ate_bytes plain, uint8_t *to)
{
    int size, rc = gcm_begin(a, t, nonce, true, aad);
    if (rc)
        return rc;
    if ((plain.size && !EVP_EncryptUpdate(t->gcm, to, &size, plain.data, (int)plain.size)) ||
        !EVP_EncryptFinal_ex(t->gcm, to + plain.size, &size) ||
        !EVP_CIPHER_CTX_ctrl(t->gcm, EVP_CTRL_AEAD_GET_TAG, ATE__AEAD_TAG, to + plain.size))
        return ate__ossl_fail("encrypt");
    return 0;
}

int ate__aead_encrypt(const struct ate__aead *a, const struct ate__env *env, struct ate_bytes aad,
                      struct ate_bytes plain, uint8_t ret_nonce[ATE__AEAD_NONCE],
                      struct ate__buf *out)
{
    uint8_t nonce[ATE__AEAD_NONCE];
    struct tools *t = NULL;
    int rc = check_sizes(aad, plain);
    if (!rc)
        rc = ate__buf_reserve(out, plain.size + ATE__AEAD_TAG);
    if (!rc)
        rc = tools_take(a, &t);
    if (rc)
        return rc;
    ate__random(env, nonce, sizeof nonce);
    rc = encrypt_with(a, t, nonce, aad, plain, out->data + out->size);
    tools_give(a, t);
    if (rc)
        return rc;
    out->size += plain.size + ATE__AEAD_TAG;
    memcpy(ret_nonce, nonce, sizeof nonce);
    return 0;
}

static int decrypt_with(const struct ate__aead *a, struct tools *t,
                        const uint8_t nonce[ATE__AEAD_NONCE], struct ate_bytes aad,
                        struct ate_bytes cipher, uint8_t *to, size_t plain_size)
{
    uint8_t tag[ATE__AEAD_TAG];
    int size, rc = gcm_begin(a, t, nonce, false, aad);
    if (rc)
        return rc;
    memcpy(tag, (const uint8_t *)cipher.data + plain_size, sizeof tag);
    if (!EVP_CIPHER_CTX_ctrl(t->gcm, EVP_CTRL_AEAD_SET_TAG, sizeof tag, tag) ||
        (plain_size && !EVP_DecryptUpdate(t->gcm, to, &size, cipher.data, (int)plain_size)))
        rc = ate__ossl_fail("decrypt");
    else if (EVP_DecryptFinal_ex(t->gcm, tag, &size) <= 0)
        rc = ate__ossl_refused(ATE_TAMPERED, "a ciphertext or what it is bound to was changed");
    if (rc)
        ate__wipe(to, plain_size); /* not authenticated */
    return rc;
}

int ate__aead_decrypt_to(const struct ate__aead *a, const uint8_t nonce[ATE__AEAD_NONCE],
                         struct ate_bytes aad, struct ate_bytes cipher, uint8_t *ret_plain,
                         size_t plain_size)
{
    ate__cleanup(ate__ossl_end) unsigned long stale = ate__ossl_begin();
    struct tools *t = NULL;
    int rc = check_sizes(aad, cipher);
    if (rc)
        return rc;
    if (cipher.size < ATE__AEAD_TAG || cipher.size - ATE__AEAD_TAG != plain_size)
        return ate__fail(ATE_TAMPERED, "a ciphertext of %zu bytes does not open", cipher.size);
    rc = tools_take(a, &t);
    if (rc)
        return rc;
    rc = decrypt_with(a, t, nonce, aad, cipher, ret_plain, plain_size);
    tools_give(a, t);
    return rc;
}

int ate__aead_decrypt(const struct ate__aead *a, const uint8_t nonce[ATE__AEAD_NONCE],
                      struct ate_bytes aad, struct ate_bytes cipher, struct ate__buf *out)
{
    size_t plain_size = cipher.size < ATE__AEAD_TAG ? 0 : cipher.size - ATE__AEAD_TAG;
    int rc = check_sizes(aad, cipher);
    if (!rc)
        rc = ate__buf_reserve(out, plain_size);
    if (rc)
        return rc;
    /* A buffer that never held anything has no memory to point to. */
    uint8_t *to = plain_size ? out->data + out->size : NULL;
    rc = ate__aead_decrypt_to(a, nonce, aad, cipher, to, plain_size);
    if (!rc)
        out->size += plain_size;
    return rc;
}
