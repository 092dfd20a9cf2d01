/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * ossl.h: what every file of this layer shares of OpenSSL. No other layer includes it.
 *
 * 1. All objects belong to one library context of our own, so that no configuration file of the
 *    system and no other user of OpenSSL in this process changes which algorithms we get. It lives
 *    as long as the process.
 * 2. An algorithm is fetched once. A failed fetch is tried again by the next call.
 * 3. OpenSSL's queue of errors is empty again when a public function of this layer returns: who
 *    sees an OpenSSL call fail ends with ate__ossl_fail() or ate__ossl_refused(); what works with
 *    keys, or may be refused, is between ate__ossl_begin() and ate__ossl_end().
 * 4. A context that held a secret is freed or reset, which wipes it, by the function that made it.
 *    Only digest contexts are kept for the thread's next call: they hash what is public; and a
 *    struct ate__aead keeps the cipher contexts of its own key.
 *
 * Thread-safe.
 */
#pragma once
#include "base/compiler.h"
#include "crypto/digest.h"
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>

OSSL_LIB_CTX *ate__ossl(void); /* NULL when out of memory */

/* NULL when out of memory, with OpenSSL's reason queued for ate__ossl_fail(). */
enum ate__ossl_md {
    ATE__MD_SHA256,
    ATE__MD_SHA3_256,
    ATE__MD_SHA384,
    ATE__MD_SHA512,
    ATE__MD_SHAKE256,
    ATE__MD_COUNT
};
enum ate__ossl_cipher {
    ATE__CIPHER_AES256_ECB,
    ATE__CIPHER_AES256_GCM,
    ATE__CIPHER_CHACHA20_POLY1305,
    ATE__CIPHER_COUNT
};
const EVP_MD *ate__ossl_md(enum ate__ossl_md which);
const EVP_CIPHER *ate__ossl_cipher(enum ate__ossl_cipher which);
EVP_MAC *ate__ossl_hmac(void);
EVP_KDF *ate__ossl_argon2id(void);

/* A digest context that is ready for EVP_DigestUpdate(), from those the thread kept; NULL when out
 * of memory. */
EVP_MD_CTX *ate__ossl_digest_take(enum ate__hash_alg alg);
void ate__ossl_digest_give(enum ate__hash_alg alg, EVP_MD_CTX *ctx); /* takes NULL */

/* Empty the queue. begin: of what others left, which would be taken for the reason of a refusal;
 * gives the oldest, or 0. end: of what OpenSSL noted and did without. Use, on top of a function:
 * `ate__cleanup(ate__ossl_end) unsigned long stale = ate__ossl_begin();` */
unsigned long ate__ossl_begin(void);
void ate__ossl_end(unsigned long *stale);

/* After a call that can fail for want of memory only: empties the queue, returns ATE_E_MEMORY, or
 * ATE_E_BUG with OpenSSL's reason if it gave another. `what` names the operation. */
int ate__ossl_fail(const char *what) ATE__CHECK;
/* After a call that can also fail because of what came from outside: empties the queue, returns
 * ATE_E_MEMORY if memory was short, else `result` with `sentence`. */
int ate__ossl_refused(int result, const char *sentence) ATE__CHECK;
/* After calls that succeeded, since ate__ossl_begin(): ATE_E_MEMORY if memory was short in them all
 * the same, else 0. Empties the queue. OpenSSL 3.5's ML-DSA and ML-KEM can then have said that they
 * succeeded, and have given bytes that are worth nothing. */
int ate__ossl_noted(void) ATE__CHECK;

ATE__FREEP(EVP_CIPHER_CTX, EVP_CIPHER_CTX_free)
ATE__FREEP(EVP_KDF_CTX, EVP_KDF_CTX_free)
ATE__FREEP(EVP_MAC_CTX, EVP_MAC_CTX_free)
ATE__FREEP(EVP_MD_CTX, EVP_MD_CTX_free)
ATE__FREEP(EVP_PKEY, EVP_PKEY_free)
ATE__FREEP(EVP_PKEY_CTX, EVP_PKEY_CTX_free)
