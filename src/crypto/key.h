/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * key.h: public keys, fingerprints, private keys and their halves (docs/format/keys.md). As text:
 * keyfile.h.
 *
 * A public key is a list of (u16 algorithm id, u32 length, bytes), the signature key before the KEM
 * key, either may be missing, never both. Its fingerprint is SHA-256 over frame("ate key 1", public
 * key).
 */
#pragma once
#include "crypto/kem.h"
#include "crypto/sign.h"

enum {
    ATE__PUBLIC_KEY_MAX = 2 * 6 + ATE__SIG_PUBLIC_MAX + ATE__KEM_PUBLIC_MAX, /* bytes */
    ATE__KEY_LABEL_MAX = 255 /* bytes, UTF-8 without control characters */
};

/* The parts of a public key. Views into the given bytes; empty and NULL where the part is missing.
 */
struct ate__public_parts {
    struct ate_bytes signature_key, kem_key;
    const struct ate__algorithm *signature, *kem;
};
/* ATE_MALFORMED; ATE_UNSUPPORTED for an unknown algorithm id. Checks both parts (points,
 * encapsulation key). */
int ate__public_key_parse(struct ate_bytes public_key, struct ate__public_parts *ret_parts)
    ATE__CHECK;
/* The same of a key that was parsed once: its form alone, which is quick. */
int ate__public_key_split(struct ate_bytes public_key, struct ate__public_parts *ret_parts)
    ATE__CHECK;
/* Bits: of its weakest part. */
unsigned ate__public_strength(const struct ate__public_parts *parts);
int ate__fingerprint(struct ate_bytes public_key, struct ate_hash *ret_fingerprint) ATE__CHECK;

/* What a key is made of; NULL: it has no such part, never both. */
struct ate__key_form {
    const struct ate__algorithm *signature, *kem;
};
/* Bits: 128, 192, the default, or 256. */
struct ate__key_form ate__key_form_of_strength(unsigned bits);

/* What is there of a private key. A half has the whole public key, so its fingerprint too. */
enum ate__key_holds { ATE__KEY_ALL, ATE__KEY_READS, ATE__KEY_WRITES };

/* A private key with all that follows from it. From ate__secret_alloc(); immutable, thread-safe. */
struct ate__key {
    enum ate__key_holds holds;
    struct ate__key32 seed; /* secret; zeros unless it is all there */
    struct ate__sign_seeds sign_seeds; /* secret; zeros where it does not sign */
    struct ate__key32 kem_seed, read_key; /* secret: KEM private seed; symmetric read key */
    struct ate__sign_key *sign_key; /* NULL: it does not sign */
    struct ate_hash fingerprint;
    struct ate__buf public_key;
    struct ate__public_parts parts; /* of public_key */
    char label[ATE__KEY_LABEL_MAX + 1];
};
/* Whether the symmetric read key, and the KEM seed if the key has that part, are there. */
static inline bool ate__key_opens(const struct ate__key *k)
{
    return k->holds != ATE__KEY_WRITES;
}
/* 0, or NO_KEY: it is a half that only reads, or has no part that signs. */
int ate__key_signs(const struct ate__key *k) ATE__CHECK;

/* label: NULL and "" are none; ATE_MALFORMED if it is too long, not UTF-8 or has control
 * characters. of_seed, generate: of strength 192. */
int ate__key_make(const struct ate__key_form *form, const struct ate__key32 *seed,
                  const char *label, struct ate__key **ret_key) ATE__CHECK;
int ate__key_of_seed(const struct ate__key32 *seed, const char *label, struct ate__key **ret_key)
    ATE__CHECK;
int ate__key_generate(const struct ate__env *env, const char *label, struct ate__key **ret_key)
    ATE__CHECK;
int ate__key_label_check(struct ate_bytes label) ATE__CHECK;
void ate__key_free(struct ate__key *k);
ATE__FREEP(struct ate__key, ate__key_free)

/* ---- halves ---- */

enum { ATE__KEY_SECRET_MAX = 32 + 57 }; /* bytes */

/* The bytes that stand for the private key in a key file of version 2: of all the seed, of what
 * reads the KEM seed and the read key, of what writes the seeds of the parts that sign. ret_secret
 * has ATE__KEY_SECRET_MAX bytes. */
size_t ate__key_secret(const struct ate__key *k, enum ate__key_holds holds, uint8_t *ret_secret);
size_t ate__key_secret_size(const struct ate__public_parts *parts, enum ate__key_holds holds);
/* The key of such bytes. Errors: MALFORMED: another size, or not the private half of this public
 * key; UNSUPPORTED; a half of a key without that part: MALFORMED. */
int ate__key_of_secret(struct ate_bytes public_key, enum ate__key_holds holds,
                       struct ate_bytes secret, const char *label, struct ate__key **ret_key)
    ATE__CHECK;
