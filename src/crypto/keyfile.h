/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * keyfile.h: keys as text (docs/format/keys.md): private keys whole, in halves, and sealed with a
 * password; public keys; log keys. Bytes in, bytes out; files are opened elsewhere.
 */
#pragma once
#include "crypto/key.h"
#include "crypto/log_key.h"
#include "crypto/password.h"

enum {
    ATE__KEY_FILE_MAX = 16384, /* bytes; a longer file is ATE_TOO_BIG */
    ATE__KEY_FORM_TEXT = 2 * ATE__ALGORITHM_NAME_MAX + 2 /* "SIGNATURE KEM", with the NUL */
};

/* "mldsa65-ed25519-sha512 x-wing", or one of the two. parse: UNSUPPORTED. */
const char *ate__key_form_text(const struct ate__public_parts *parts, char ret[ATE__KEY_FORM_TEXT]);
int ate__key_form_parse(struct ate_bytes names, struct ate__key_form *ret_form) ATE__CHECK;

/* A private key's file that was taken apart; from ate__secret_alloc(). */
struct ate__key_text {
    struct ate__key_form form; /* of version 1; of version 2 nothing */
    enum ate__key_holds holds;
    bool sealed; /* with a password */
    struct ate__password_cost cost;
    uint8_t salt[ATE__PASSWORD_SALT];
    size_t secret_size; /* bytes; what is sealed has ATE__PASSWORD_EXTRA more */
    uint8_t secret[ATE__KEY_SECRET_MAX + ATE__PASSWORD_EXTRA];
    size_t public_size; /* 0 in version 1 */
    uint8_t public_bytes[ATE__PUBLIC_KEY_MAX];
    char label[ATE__KEY_LABEL_MAX + 1];
};
/* MALFORMED with the line; UNSUPPORTED for an unknown version, algorithm or kind of line; DENIED:
 * it is sealed too cheaply; TOO_BIG. The text given is the caller's to wipe. */
int ate__key_text_parse(struct ate_bytes text, struct ate__key_text **ret_text) ATE__CHECK;
void ate__key_text_free(struct ate__key_text *t); /* wipes; takes NULL */
ATE__FREEP(struct ate__key_text, ate__key_text_free)
/* The public key, where the file says it: borrowed. */
struct ate_bytes ate__key_text_public(const struct ate__key_text *t);
/* password: not read where it is not sealed. NO_KEY: it lacks one, or does not open with it;
 * MALFORMED: the secret is that of another public key. */
int ate__key_text_open(const struct ate__key_text *t, struct ate_bytes password,
                       struct ate__key **ret_key) ATE__CHECK;
/* Both, of what is not sealed. */
int ate__key_decode(struct ate_bytes text, struct ate__key **ret_key) ATE__CHECK;

/* encode: all that k holds; half: that, or one half of a whole key. What is made is wiped by
 * ate__secret_deinit(). NO_KEY: k does not hold it. sealed: MISUSE: an empty password. */
int ate__key_encode(const struct ate__key *k, struct ate__secret *ret_text) ATE__CHECK;
int ate__key_encode_half(const struct ate__key *k, enum ate__key_holds holds,
                         struct ate__secret *ret_text) ATE__CHECK;
int ate__key_encode_sealed(const struct ate__key *k, enum ate__key_holds holds,
                           const struct ate__env *env, struct ate_bytes password,
                           struct ate__secret *ret_text) ATE__CHECK;

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
