/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * ossl.c: the library context, the fetched algorithms, the digest contexts of each thread.
 */
#include "crypto/ossl.h"
#include "base/assert.h"
#include "base/err.h"
#include "crypto/limits.h"
#include <openssl/err.h>
#include <pthread.h>
#include <stdatomic.h>

static const char *const md_name[ATE__MD_COUNT] = {
    [ATE__MD_SHA256] = "SHA2-256", [ATE__MD_SHA3_256] = "SHA3-256",  [ATE__MD_SHA384] = "SHA2-384",
    [ATE__MD_SHA512] = "SHA2-512", [ATE__MD_SHAKE256] = "SHAKE-256",
};
static const char *const cipher_name[ATE__CIPHER_COUNT] = {
    [ATE__CIPHER_AES256_ECB] = "AES-256-ECB",
    [ATE__CIPHER_AES256_GCM] = "AES-256-GCM",
    [ATE__CIPHER_CHACHA20_POLY1305] = "ChaCha20-Poly1305",
};

/* Each is written once, by whoever made it first; a second maker frees its own. */
static _Atomic(OSSL_LIB_CTX *) library;
static _Atomic(EVP_MD *) md_kept[ATE__MD_COUNT];
static _Atomic(EVP_CIPHER *) cipher_kept[ATE__CIPHER_COUNT];
static _Atomic(EVP_MAC *) hmac_kept;
static _Atomic(EVP_KDF *) argon2id_kept;

OSSL_LIB_CTX *ate__ossl(void)
{
    OSSL_LIB_CTX *kept = atomic_load_explicit(&library, memory_order_acquire);
    if (kept)
        return kept;
    /* No clean-up at exit(): a thread may still be inside a call then. */
    if (!OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL))
        return NULL;
    OSSL_LIB_CTX *made = OSSL_LIB_CTX_new();
    if (made && !atomic_compare_exchange_strong(&library, &kept, made)) {
        OSSL_LIB_CTX_free(made);
        return kept;
    }
    return made;
}

const EVP_MD *ate__ossl_md(enum ate__ossl_md which)
{
    EVP_MD *kept = atomic_load_explicit(&md_kept[which], memory_order_acquire);
    if (kept)
        return kept;
    OSSL_LIB_CTX *context = ate__ossl();
    EVP_MD *made = context ? EVP_MD_fetch(context, md_name[which], NULL) : NULL;
    if (made && !atomic_compare_exchange_strong(&md_kept[which], &kept, made)) {
        EVP_MD_free(made);
        return kept;
    }
    return made;
}

const EVP_CIPHER *ate__ossl_cipher(enum ate__ossl_cipher which)
{
    EVP_CIPHER *kept = atomic_load_explicit(&cipher_kept[which], memory_order_acquire);
    if (kept)
        return kept;
    OSSL_LIB_CTX *context = ate__ossl();
    EVP_CIPHER *made = context ? EVP_CIPHER_fetch(context, cipher_name[which], NULL) : NULL;
    if (made && !atomic_compare_exchange_strong(&cipher_kept[which], &kept, made)) {
        EVP_CIPHER_free(made);
        return kept;
    }
    return made;
}

EVP_MAC *ate__ossl_hmac(void)
{
    EVP_MAC *kept = atomic_load_explicit(&hmac_kept, memory_order_acquire);
    if (kept)
        return kept;
    OSSL_LIB_CTX *context = ate__ossl();
    EVP_MAC *made = context ? EVP_MAC_fetch(context, "HMAC", NULL) : NULL;
    if (made && !atomic_compare_exchange_strong(&hmac_kept, &kept, made)) {
        EVP_MAC_free(made);
        return kept;
    }
    return made;
}

EVP_KDF *ate__ossl_argon2id(void)
{
    EVP_KDF *kept = atomic_load_explicit(&argon2id_kept, memory_order_acquire);
    if (kept)
        return kept;
    OSSL_LIB_CTX *context = ate__ossl();
    EVP_KDF *made = context ? EVP_KDF_fetch(context, "ARGON2ID", NULL) : NULL;
    if (made && !atomic_compare_exchange_strong(&argon2id_kept, &kept, made)) {
        EVP_KDF_free(made);
        return kept;
    }
    return made;
}

/* --- digest contexts of a thread --- */

struct pool {
    EVP_MD_CTX *idle[2][ATE__DIGEST_CONTEXTS_KEPT];
    unsigned count[2];
    bool freed_at_exit; /* the thread's exit will call pool_free() */
};
static _Thread_local struct pool pool;

static pthread_once_t exit_once = PTHREAD_ONCE_INIT;
static pthread_key_t exit_key;
static bool exit_key_made;

static void pool_free(void *arg)
{
    struct pool *p = arg;
    for (unsigned i = 0; i < ATE__COUNT_OF(p->count); i++)
        while (p->count[i])
            EVP_MD_CTX_free(p->idle[i][--p->count[i]]);
    p->freed_at_exit = false;
}

static void exit_key_make(void)
{
    exit_key_made = !pthread_key_create(&exit_key, pool_free);
}

static unsigned pool_index(enum ate__hash_alg alg)
{
    return alg == ATE__SHA3_256;
}

EVP_MD_CTX *ate__ossl_digest_take(enum ate__hash_alg alg)
{
    unsigned i = pool_index(alg);
    const EVP_MD *md = ate__ossl_md(i ? ATE__MD_SHA3_256 : ATE__MD_SHA256);
    if (!md)
        return NULL;
    ate__cleanup(EVP_MD_CTX_freep) EVP_MD_CTX *ctx =
        pool.count[i] ? pool.idle[i][--pool.count[i]] : EVP_MD_CTX_new();
    if (!ctx || !EVP_DigestInit_ex2(ctx, md, NULL))
        return NULL;
    return ate__steal(&ctx);
}

void ate__ossl_digest_give(enum ate__hash_alg alg, EVP_MD_CTX *ctx)
{
    if (!ctx)
        return;
    if (!pool.freed_at_exit) {
        pthread_once(&exit_once, exit_key_make);
        pool.freed_at_exit = exit_key_made && !pthread_setspecific(exit_key, &pool);
    }
    unsigned i = pool_index(alg);
    if (pool.freed_at_exit && pool.count[i] < ATE__DIGEST_CONTEXTS_KEPT)
        pool.idle[i][pool.count[i]++] = ctx;
    else
        EVP_MD_CTX_free(ctx);
}

/* --- failures --- */

unsigned long ate__ossl_begin(void)
{
    unsigned long stale = ERR_peek_error();
    if (stale)
        ERR_clear_error();
    return stale;
}

void ate__ossl_end(unsigned long *stale)
{
    (void)stale;
    if (ERR_peek_error())
        ERR_clear_error();
}

/* Empties the queue. Returns whether memory was short; *ret_reason is the newest other reason, 0 if
 * there was none. */
static bool drain(unsigned long *ret_reason)
{
    bool short_of_memory = false;
    unsigned long error;
    while ((error = ERR_get_error())) {
        if (ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE)
            short_of_memory = true;
        else
            *ret_reason = error;
    }
    return short_of_memory;
}

int ate__ossl_fail(const char *what)
{
    unsigned long error = 0;
    if (drain(&error) || !error)
        return ate__no_memory();
    const char *reason = ERR_reason_error_string(error);
    return ate__fail(ATE_E_BUG, "OpenSSL failed to %s: %s", what,
                     reason ? reason : "no reason given");
}

int ate__ossl_refused(int result, const char *sentence)
{
    unsigned long error = 0;
    return drain(&error) ? ate__no_memory() : ate__fail(result, "%s", sentence);
}

int ate__ossl_noted(void)
{
    unsigned long error = 0;
    return drain(&error) ? ate__no_memory() : 0;
}
