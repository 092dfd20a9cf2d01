/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * keyfile.h: public keys, fingerprints, and the two key files as text (docs/format/keys.md).
 * Bytes in, bytes out; files are opened elsewhere.
 *
 * A public key is a list of (u16 algorithm id, u32 length, bytes), the signature key before the KEM
 * key, either may be missing, never both. Its fingerprint is SHA-256 over frame("ate key 1", public
 * key).
 */
#pragma once
#include "crypto/kem.h"
#include "crypto/log_key.h"
#include "crypto/sign.h"

enum {
    ATE__PUBLIC_KEY_MAX = 2 * 6 + ATE__SIG_PUBLIC + ATE__XWING_PUBLIC, /* bytes */
    ATE__KEY_LABEL_MAX = 255, /* bytes, UTF-8 without control characters */
    ATE__KEY_FILE_MAX = 16384 /* bytes; a longer file is ATE_TOO_BIG */
};

/* The parts of a public key. Views into the given bytes; empty where the part is missing. */
struct ate__public_parts {
    struct ate_bytes signature_key, kem_key;
};
/* ATE_MALFORMED; ATE_UNSUPPORTED for an unknown algorithm id. Checks both parts (points,
 * encapsulation key). */
int ate__public_key_parse(struct ate_bytes public_key, struct ate__public_parts *ret_parts)
    ATE__CHECK;
int ate__fingerprint(struct ate_bytes public_key, struct ate_hash *ret_fingerprint) ATE__CHECK;

/* A private key with all that follows from its seed. From ate__secret_alloc(); immutable,
 * thread-safe. */
struct ate__key {
    struct ate__key32 seed, kem_seed, read_key; /* secret: KEM private seed; symmetric read key */
    struct ate__sign_key *sign_key;
    struct ate_hash fingerprint;
    struct ate__buf public_key;
    char label[ATE__KEY_LABEL_MAX + 1];
};
/* label: NULL and "" are none; ATE_MALFORMED if it is too long, not UTF-8 or has control
 * characters. */
int ate__key_of_seed(const struct ate__key32 *seed, const char *label, struct ate__key **ret_key)
    ATE__CHECK;
int ate__key_generate(const struct ate__env *env, const char *label, struct ate__key **ret_key)
    ATE__CHECK;
void ate__key_free(struct ate__key *k);
ATE__FREEP(struct ate__key, ate__key_free)

/* Lines `ate-key 1`, `algorithm mldsa65-ed25519-sha512 x-wing`, `seed <43 characters>`, `label
 * TEXT` (none where the label is empty); each ends with one LF, and nothing else is in the file.
 * Decoding: ATE_MALFORMED with the line; ATE_UNSUPPORTED for an unknown version, algorithm or kind
 * of line; ATE_TOO_BIG. What is encoded is wiped by ate__secret_deinit(); the text given to decode
 * is the caller's to wipe. */
int ate__key_encode(const struct ate__key *k, struct ate__secret *ret_text) ATE__CHECK;
int ate__key_decode(struct ate_bytes text, struct ate__key **ret_key) ATE__CHECK;
/* Lines `ate-public-key 1`, `key <base64url of the public key>`, `label TEXT`. Both append, to
 * ret_text and to ret_public_key. Encoding an ill-formed public key or label fails as parsing it
 * does. */
int ate__public_key_encode(struct ate_bytes public_key, const char *label,
                           struct ate__buf *ret_text) ATE__CHECK;
int ate__public_key_decode(struct ate_bytes text, struct ate__buf *ret_public_key,
                           char ret_label[ATE__KEY_LABEL_MAX + 1]) ATE__CHECK;
/* Lines `ate-log-key 1`, `key <base64url of the public key of a log key>`; both append. Errors: as
 * of ate__log_public_parse(), and of decoding as above. */
int ate__log_key_encode(struct ate_bytes log_key, struct ate__buf *ret_text) ATE__CHECK;
int ate__log_key_decode(struct ate_bytes text, struct ate__buf *ret_log_key) ATE__CHECK;
