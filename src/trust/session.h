/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * session.h: who acts: private keys, public keys of others, and the data keys that they opened (struct ate_session of the public interface).
 *
 * Reference-counted and thread-safe. The first private key signs and owns. Secrets are wiped with the last reference.
 */
#pragma once
#include "crypto/aead.h"
#include "crypto/keyfile.h"
#include "trust/control.h"

struct ate_session;
int ate__session_new(struct ate_session **ret_session) ATE__CHECK;
struct ate_session *ate__session_ref(struct ate_session *s);
void ate__session_unref(struct ate_session *s); /* takes NULL */
int ate__session_add(struct ate_session *s, struct ate__key *take_key) ATE__CHECK;          /* consumed even on failure; BUSY: too many */
int ate__session_add_public(struct ate_session *s, struct ate_bytes public_key) ATE__CHECK; /* of a reader or writer to be named */
size_t ate__session_key_count(const struct ate_session *s);                                 /* private keys */
const struct ate__key *ate__session_key(const struct ate_session *s, size_t index);         /* borrowed while the session lives; NULL */
const struct ate__key *ate__session_find(const struct ate_session *s, const struct ate_hash *fingerprint); /* NULL */
/* Public key bytes of a private or public key that it holds; a view while the session lives. NOT_FOUND */
int ate__session_public(const struct ate_session *s, const struct ate_hash *fingerprint, struct ate_bytes *ret_public_key) ATE__CHECK;

/* A data key that was opened: D with what follows from it (TRUST 6). Reference-counted, immutable. */
struct ate__data_key {
    atomic_uint refs;
    struct ate__key32 d;         /* secret */
    struct ate_hash id;
    struct ate__aead *aead;      /* of the encryption key */
};
void ate__data_key_unref(struct ate__data_key *k); /* takes NULL */
static inline void ate__data_key_unrefp(struct ate__data_key **pp)
{
    ate__data_key_unref(*pp);
    *pp = NULL;
}
